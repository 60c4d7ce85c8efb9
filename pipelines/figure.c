/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * figure.c - see figure.h. */
#include "pipelines/figure.h"
#include "core/convoy.h"
#include <cairo-svg.h>
#include <pango/pangocairo.h>

double
figure_text (cairo_t *cr, double x, double y, double across, double size, gboolean bold, double room, const char *text)
{
  PangoLayout *layout = pango_cairo_create_layout (cr);
  PangoFontDescription *font = pango_font_description_from_string (bold ? "sans bold" : "sans");
  int width, height;
  pango_font_description_set_absolute_size (font, size * PANGO_SCALE);
  pango_layout_set_font_description (layout, font);
  pango_layout_set_text (layout, text, -1);
  pango_layout_get_size (layout, &width, &height);
  if (room > 0 && width > room * PANGO_SCALE) {
    pango_layout_set_width (layout, (int) (room * PANGO_SCALE));
    pango_layout_set_ellipsize (layout, PANGO_ELLIPSIZE_END);
    width = (int) (room * PANGO_SCALE);
  }
  cairo_move_to (cr, x - across * width / PANGO_SCALE, y - 0.5 * height / PANGO_SCALE);
  pango_cairo_show_layout (cr, layout);
  pango_font_description_free (font);
  g_object_unref (layout);
  return (double) width / PANGO_SCALE;
}

static cairo_status_t
append (void *user, const unsigned char *data, unsigned n)
{
  g_byte_array_append (user, data, n);
  return CAIRO_STATUS_SUCCESS;
}

static void
draw_on (cairo_surface_t *surface, FigureDraw draw, gconstpointer user)
{
  cairo_t *cr = cairo_create (surface);
  cairo_set_source_rgb (cr, 1, 1, 1);
  cairo_paint (cr);
  draw (cr, user);
  cairo_destroy (cr);           /* what failed, the surface tells */
}

cairo_surface_t *
figure_render (int width, int height, FigureDraw draw, gconstpointer user)
{
  cairo_surface_t *surface = cairo_image_surface_create (CAIRO_FORMAT_RGB24, width, height);
  draw_on (surface, draw, user);
  cairo_surface_flush (surface);
  return surface;
}

gboolean
figure_save (const char *path, int width, int height, FigureDraw draw, gconstpointer user, GError **error)
{
  gboolean is_svg = g_str_has_suffix (path, ".svg");
  if (!is_svg && !g_str_has_suffix (path, ".png")) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: a figure is a file .svg or .png", path);
    return FALSE;
  }
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  cairo_surface_t *surface;
  cairo_status_t status = CAIRO_STATUS_SUCCESS;
  if (is_svg) {
    surface = cairo_svg_surface_create_for_stream (append, bytes, width, height);
    draw_on (surface, draw, user);
  } else {
    surface = figure_render (width, height, draw, user);
    status = cairo_surface_write_to_png_stream (surface, append, bytes);
  }
  cairo_surface_finish (surface);
  if (status == CAIRO_STATUS_SUCCESS)
    status = cairo_surface_status (surface);
  cairo_surface_destroy (surface);
  if (status == CAIRO_STATUS_SUCCESS)
    return convoy_file_save (path, bytes->data, bytes->len, error);
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: cannot draw: %s", path, cairo_status_to_string (status));
  return FALSE;
}
