/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * heat.h - what a network looks at, as pictures: a heat map over a picture, and many small maps. */
#ifndef CONVOY_HEAT_H
#define CONVOY_HEAT_H

#include "core/convoy.h"
#include <cairo.h>

G_BEGIN_DECLS

/* The heat (H x W, 0 to 1) over the part of the picture that the network saw (x, y, width, height,
 * as picture_fit() gives it), with a line below. The suffix of path says what file it becomes. */
gboolean heat_save (const char *path, cairo_surface_t *picture, const ConvoyTensor *heat, const double where[4], const char *caption, GError **error);

/* Filters, units x channels x height x width, in colours where there are 3 channels (blue first when
 * bgr), else the first channel: grey is 0, each as strong as its strongest weight. */
gboolean heat_save_filters (const char *path, const ConvoyTensor *filters, gboolean bgr, const char *caption, GError **error);

/* The maps of a layer, 1 x C x H x W, with their numbers: at most so many, the ones with the
 * highest mean first, each from its least (black) to its most (white). */
gboolean heat_save_maps (const char *path, const ConvoyTensor *maps, guint most, const char *caption, GError **error);

G_END_DECLS
#endif
