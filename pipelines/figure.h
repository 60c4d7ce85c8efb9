/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * figure.h - what is drawn becomes a file, SVG or PNG. */
#ifndef CONVOY_FIGURE_H
#define CONVOY_FIGURE_H

#include <cairo.h>
#include <glib.h>

G_BEGIN_DECLS

typedef void (*FigureDraw) (cairo_t *cr, gconstpointer user);

/* A picture of width x height pixels with white behind it; cairo_surface_destroy() it. */
cairo_surface_t *figure_render (int width, int height, FigureDraw draw, gconstpointer user);

/* width x height units (pixels of a PNG), as the suffix of path says; complete or absent. */
gboolean figure_save (const char *path, int width, int height, FigureDraw draw, gconstpointer user, GError **error);

/* Text with its left, middle or right (across 0, 0.5, 1) at x and its middle line at y; gives its
 * width. What is wider than room (0: no limit) ends with an ellipsis. */
double figure_text (cairo_t *cr, double x, double y, double across, double size, gboolean bold, double room, const char *text);

G_END_DECLS
#endif
