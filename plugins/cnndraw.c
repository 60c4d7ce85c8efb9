/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnndraw.c - see cnndraw.h: Pango text over Cairo bars, light on a dark veil so that any picture may lie under it. */
#include "plugins/cnndraw.h"
#include "plugins/cnnmeta.h"
#include <math.h>
#include <pango/pangocairo.h>

/* --- rows ------------------------------------------------------------- */

void
cnn_rows_clear (CnnRows *rows)
{
  for (guint i = 0; i < rows->n; i++)
    g_free (rows->row[i].label);
  rows->n = 0;
}

void
cnn_rows_set (CnnRows *rows, const GstStructure *result, guint k)
{
  const char *label;
  double score;

  cnn_rows_clear (rows);
  for (; rows->n < MIN (k, CNN_DRAW_MAX_ROWS) && (label = cnn_result_label (result, rows->n, &score)); rows->n++) {
    rows->row[rows->n].label = g_utf8_make_valid (label, -1);
    rows->row[rows->n].percent = (int) lround (100 * CLAMP (score, 0, 1));
  }
}

gboolean
cnn_rows_equal (const CnnRows *a, const CnnRows *b)
{
  gboolean same = a->n == b->n;
  for (guint i = 0; same && i < a->n; i++)
    same = a->row[i].percent == b->row[i].percent && !g_strcmp0 (a->row[i].label, b->row[i].label);
  return same;
}

/* --- panel ------------------------------------------------------------ */

/* All in pixels of the picture. */
typedef struct {
  double text;                  /* height of the letters */
  double pad;                   /* between text and the edge of its row */
  double row;                   /* height of a row */
  guint n;                      /* rows */
  int x, y, width, height;      /* of the panel */
} Panel;

static void
lay_out (Panel *p, const CnnRows *rows, PangoFontDescription *font, guint width, guint height)
{
  double side = MIN (height, width * 0.75);
  if (pango_font_description_get_size (font) == 0) {
    p->text = MAX (10, round (0.042 * side));
    pango_font_description_set_absolute_size (font, p->text * PANGO_SCALE);
  } else {
    p->text = pango_font_description_get_size (font) / (double) PANGO_SCALE;
    if (!pango_font_description_get_size_is_absolute (font))
      p->text *= 96.0 / 72.0;   /* points at Pango's resolution of 96 a inch */
  }
  int margin = (int) round (0.3 * p->text);
  p->pad = round (0.35 * p->text);
  p->row = round (1.55 * p->text);
  p->n = (guint) CLAMP (0.55 * height / p->row, 1, rows->n);
  p->width = (int) MIN (width - 2.0 * margin, 24 * p->text);
  p->width = MAX (p->width, 1);
  p->height = (int) MIN (p->n * p->row + p->pad, height);
  p->x = margin;
  p->y = (int) MAX (0, (int) height - p->height - margin);
}

/* The text at x, its middle at y; ellipsized when wider than width (-1: never). Gives its width. */
static double
show_text (cairo_t *cr, PangoLayout *layout, const char *text, double x, double y, double width, gboolean right)
{
  int w, h;
  pango_layout_set_width (layout, width < 0 ? -1 : (int) (MAX (width, 1) * PANGO_SCALE));
  pango_layout_set_ellipsize (layout, width < 0 ? PANGO_ELLIPSIZE_NONE : PANGO_ELLIPSIZE_END);
  pango_layout_set_text (layout, text, -1);
  pango_layout_get_pixel_size (layout, &w, &h);
  cairo_set_source_rgb (cr, 1, 1, 1);
  cairo_move_to (cr, right ? x - w : x, round (y - h / 2.0));
  pango_cairo_show_layout (cr, layout);
  return w;
}

static void
draw_row (cairo_t *cr, PangoLayout *layout, const Panel *p, double top, const char *label, int percent, gboolean first)
{
  char number[8];
  double inner = p->width - 2 * p->pad, middle = top + p->row / 2, bar = p->row - p->pad / 2;

  cairo_set_source_rgba (cr, 1, 1, 1, 0.10);
  cairo_rectangle (cr, p->pad, round (middle - bar / 2), inner, round (bar));
  cairo_fill (cr);
  if (first)
    cairo_set_source_rgb (cr, 0.10, 0.48, 0.33);
  else
    cairo_set_source_rgb (cr, 0.19, 0.37, 0.56);
  cairo_rectangle (cr, p->pad, round (middle - bar / 2), inner * percent / 100, round (bar));
  cairo_fill (cr);
  g_snprintf (number, sizeof number, "%d%%", percent);
  double used = show_text (cr, layout, number, p->width - 1.5 * p->pad, middle, -1, TRUE);
  show_text (cr, layout, label, 1.5 * p->pad, middle, inner - used - 2 * p->pad, FALSE);
}

static void
draw_panel (cairo_t *cr, const Panel *p, const CnnRows *rows, const PangoFontDescription *font)
{
  PangoLayout *layout = pango_cairo_create_layout (cr);

  pango_layout_set_font_description (layout, font);
  pango_layout_set_single_paragraph_mode (layout, TRUE);
  cairo_set_source_rgba (cr, 0.05, 0.06, 0.08, 0.78);
  cairo_paint (cr);
  for (guint i = 0; i < p->n; i++)
    draw_row (cr, layout, p, p->pad / 2 + i * p->row, rows->row[i].label, rows->row[i].percent, i == 0);
  g_object_unref (layout);
}

GstVideoOverlayComposition *
cnn_draw (const CnnRows *rows, const char *font, guint width, guint height)
{
  PangoFontDescription *description = pango_font_description_from_string (font);
  GstVideoOverlayComposition *composition = NULL;
  Panel p;

  lay_out (&p, rows, description, width, height);
  cairo_surface_t *surface = cairo_image_surface_create (CAIRO_FORMAT_ARGB32, p.width, p.height);
  if (cairo_surface_status (surface) == CAIRO_STATUS_SUCCESS) {
    cairo_t *cr = cairo_create (surface);
    draw_panel (cr, &p, rows, description);
    cairo_destroy (cr);
    cairo_surface_flush (surface);
    gsize size = (gsize) cairo_image_surface_get_stride (surface) * (gsize) p.height;
    GstBuffer *pixels = gst_buffer_new_wrapped_full (0, cairo_image_surface_get_data (surface), size, 0, size,
        cairo_surface_reference (surface), (GDestroyNotify) cairo_surface_destroy);
    gst_buffer_add_video_meta (pixels, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB, (guint) p.width, (guint) p.height);
    GstVideoOverlayRectangle *rectangle = gst_video_overlay_rectangle_new_raw (pixels, p.x, p.y, (guint) p.width, (guint) p.height,
        GST_VIDEO_OVERLAY_FORMAT_FLAG_PREMULTIPLIED_ALPHA);
    composition = gst_video_overlay_composition_new (rectangle);
    gst_video_overlay_rectangle_unref (rectangle);
    gst_buffer_unref (pixels);
  }
  cairo_surface_destroy (surface);
  pango_font_description_free (description);
  return composition;
}
