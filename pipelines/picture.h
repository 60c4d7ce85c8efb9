/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * picture.h - a picture file as pixels: to be drawn on, and as a network takes it; and back into a file. */
#ifndef CONVOY_PICTURE_H
#define CONVOY_PICTURE_H

#include "core/convoy.h"
#include "pipelines/figure.h"

G_BEGIN_DECLS

/* A JPEG or PNG, upright; cairo_surface_destroy() it. Wants stream_init(). */
cairo_surface_t *picture_load (const char *path, GError **error);

/* As the model's resize rule says, width x height x channels bytes; g_free() it. where (4 numbers)
 * receives what of the picture the network's whole view is, in the picture's pixels: x, y, width,
 * height; it may reach over the edges. */
guint8 *picture_fit (cairo_surface_t *picture, const ConvoyModelInfo *info, double where[4]);

/* As figure_save(), and .jpg or .jpeg. */
gboolean picture_save (const char *path, int width, int height, FigureDraw draw, gconstpointer user, GError **error);

G_END_DECLS
#endif
