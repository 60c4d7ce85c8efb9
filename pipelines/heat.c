/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * heat.c - see heat.h. */
#include "pipelines/heat.h"
#include "pipelines/picture.h"
#include <math.h>

#define SIDE 640.0              /* longest side of what is drawn, pixels */
#define MAX_ZOOM 12.0           /* of a small picture */
#define MAX_TILE_ZOOM 24.0
#define STRIP 30.0              /* below it, for the text */
#define TEXT 13.0
#define GAP 4.0                 /* between tiles */
#define NUMBER 11.0             /* room for the number of a tile */

/* --- a heat map over a picture ------------------------------------------ */

typedef struct {
  cairo_surface_t *picture, *heat;
  const double *where;
  const char *caption;
  double zoom, width, height;
} Scene;

/* From nothing over blue and yellow to red; opacity grows with the heat. */
static guint32
colour (double v)
{
  static const struct { double at, r, g, b; } stops[] = {
    { 0, 0, 0.1, 0.9 }, { 0.35, 0, 0.75, 0.95 }, { 0.6, 0.95, 0.9, 0.1 }, { 0.8, 1, 0.5, 0 }, { 1, 0.85, 0, 0 },
  };
  guint i = 1;
  while (i + 1 < G_N_ELEMENTS (stops) && v > stops[i].at)
    i++;
  double t = CLAMP ((v - stops[i - 1].at) / (stops[i].at - stops[i - 1].at), 0, 1), alpha = 0.55 * MIN (1, 1.6 * v);
  double r = stops[i - 1].r + t * (stops[i].r - stops[i - 1].r), g = stops[i - 1].g + t * (stops[i].g - stops[i - 1].g);
  double b = stops[i - 1].b + t * (stops[i].b - stops[i - 1].b);
  return (guint32) (255 * alpha) << 24 | (guint32) (255 * alpha * r) << 16 | (guint32) (255 * alpha * g) << 8 | (guint32) (255 * alpha * b);
}

/* The heat at a place between its numbers, each of which stands in the middle of its cell. */
static double
between (const float *heat, gint64 w, gint64 h, double x, double y)
{
  x = CLAMP (x - 0.5, 0, (double) (w - 1));
  y = CLAMP (y - 0.5, 0, (double) (h - 1));
  gint64 x0 = (gint64) x, y0 = (gint64) y, x1 = MIN (x0 + 1, w - 1), y1 = MIN (y0 + 1, h - 1);
  double fx = x - (double) x0, fy = y - (double) y0;
  return (heat[y0 * w + x0] * (1 - fx) + heat[y0 * w + x1] * fx) * (1 - fy) + (heat[y1 * w + x0] * (1 - fx) + heat[y1 * w + x1] * fx) * fy;
}

/* Interpolated as numbers, not as colours. */
static cairo_surface_t *
colour_heat (const ConvoyTensor *heat, int width, int height)
{
  const ConvoyShape *s = convoy_tensor_shape (heat);
  cairo_surface_t *image = cairo_image_surface_create (CAIRO_FORMAT_ARGB32, width, height);
  for (int y = 0; cairo_surface_status (image) == CAIRO_STATUS_SUCCESS && y < height; y++) {
    guint32 *row = (guint32 *) (cairo_image_surface_get_data (image) + (gsize) y * cairo_image_surface_get_stride (image));
    for (int x = 0; x < width; x++)
      row[x] = colour (between (convoy_tensor_data (heat), s->d[1], s->d[0], (x + 0.5) * s->d[1] / width, (y + 0.5) * s->d[0] / height));
  }
  cairo_surface_mark_dirty (image);
  return image;
}

static void
draw_caption (cairo_t *cr, double width, double y, const char *caption)
{
  cairo_set_source_rgb (cr, 0.1, 0.1, 0.1);
  figure_text (cr, 8, y + STRIP / 2, 0, TEXT, FALSE, width - 16, caption);
}

static void
draw_scene (cairo_t *cr, gconstpointer user)
{
  const Scene *s = user;
  cairo_save (cr);
  cairo_rectangle (cr, 0, 0, s->width, s->height);
  cairo_clip (cr);
  cairo_scale (cr, s->zoom, s->zoom);
  cairo_set_source_surface (cr, s->picture, 0, 0);
  cairo_pattern_set_extend (cairo_get_source (cr), CAIRO_EXTEND_PAD);
  cairo_paint (cr);
  cairo_translate (cr, s->where[0], s->where[1]);
  cairo_scale (cr, s->where[2] / cairo_image_surface_get_width (s->heat), s->where[3] / cairo_image_surface_get_height (s->heat));
  cairo_set_source_surface (cr, s->heat, 0, 0);
  cairo_paint (cr);
  cairo_restore (cr);
  draw_caption (cr, s->width, s->height, s->caption);
}

gboolean
heat_save (const char *path, cairo_surface_t *picture, const ConvoyTensor *heat, const double where[4], const char *caption, GError **error)
{
  int width = cairo_image_surface_get_width (picture), height = cairo_image_surface_get_height (picture);
  Scene s = { .picture = picture, .where = where, .caption = caption, .zoom = MIN (SIDE / MAX (width, height), MAX_ZOOM) };
  s.width = MAX (round (width * s.zoom), 1);
  s.height = MAX (round (height * s.zoom), 1);
  s.heat = colour_heat (heat, (int) CLAMP (where[2] * s.zoom, 1, 2 * SIDE), (int) CLAMP (where[3] * s.zoom, 1, 2 * SIDE));
  gboolean ok = picture_save (path, (int) s.width, (int) (s.height + STRIP), draw_scene, &s, error);
  cairo_surface_destroy (s.heat);
  return ok;
}

/* --- many small maps ---------------------------------------------------- */

typedef struct {
  guint n, width, height;       /* tiles, and the pixels of each */
  guint32 *pixels;              /* n x height x width, as CAIRO_FORMAT_RGB24 has them */
  const guint *numbers;         /* below each; NULL: none */
  const char *caption;
  guint columns;
  double zoom, cell_width, cell_height;
} Tiles;

static void
draw_tile (cairo_t *cr, const Tiles *t, guint i, double x, double y)
{
  cairo_surface_t *s = cairo_image_surface_create_for_data ((guint8 *) (t->pixels + (gsize) i * t->width * t->height), CAIRO_FORMAT_RGB24, (int) t->width,
      (int) t->height, (int) t->width * 4);
  cairo_save (cr);
  cairo_rectangle (cr, x, y, t->width * t->zoom, t->height * t->zoom);
  cairo_clip (cr);
  cairo_translate (cr, x, y);
  cairo_scale (cr, t->zoom, t->zoom);
  cairo_set_source_surface (cr, s, 0, 0);
  cairo_pattern_set_filter (cairo_get_source (cr), t->zoom < 1 ? CAIRO_FILTER_GOOD : CAIRO_FILTER_NEAREST);
  cairo_pattern_set_extend (cairo_get_source (cr), CAIRO_EXTEND_PAD);
  cairo_paint (cr);
  cairo_restore (cr);
  cairo_surface_destroy (s);
  if (t->numbers) {
    g_autofree char *number = g_strdup_printf ("%u", t->numbers[i]);
    cairo_set_source_rgb (cr, 0.4, 0.4, 0.4);
    figure_text (cr, x + t->width * t->zoom / 2, y + t->height * t->zoom + NUMBER / 2, 0.5, NUMBER - 2, FALSE, 0, number);
  }
}

static void
draw_tiles (cairo_t *cr, gconstpointer user)
{
  const Tiles *t = user;
  guint rows = (t->n + t->columns - 1) / t->columns;
  for (guint i = 0; i < t->n; i++)
    draw_tile (cr, t, i, GAP + i % t->columns * t->cell_width, GAP + i / t->columns * t->cell_height);
  draw_caption (cr, GAP + t->columns * t->cell_width, GAP + rows * t->cell_height, t->caption);
}

/* Takes t->pixels over. */
static gboolean
save_tiles (const char *path, Tiles *t, GError **error)
{
  t->columns = (guint) ceil (sqrt (t->n));
  t->zoom = (SIDE / t->columns - GAP) / MAX (t->width, t->height);
  t->zoom = t->zoom > 1 ? MIN (floor (t->zoom), MAX_TILE_ZOOM) : t->zoom;
  t->cell_width = t->width * t->zoom + GAP;
  t->cell_height = t->height * t->zoom + GAP + (t->numbers ? NUMBER : 0);
  guint rows = (t->n + t->columns - 1) / t->columns;
  gboolean ok = picture_save (path, (int) ceil (GAP + t->columns * t->cell_width), (int) ceil (GAP + rows * t->cell_height + STRIP), draw_tiles, t, error);
  g_free (t->pixels);
  return ok;
}

gboolean
heat_save_filters (const char *path, const ConvoyTensor *filters, gboolean bgr, const char *caption, GError **error)
{
  const ConvoyShape *s = convoy_tensor_shape (filters);
  gsize size = (gsize) (s->d[2] * s->d[3]), channels = (gsize) s->d[1];
  const float *w = convoy_tensor_data (filters);
  Tiles t = { .n = (guint) s->d[0], .width = (guint) s->d[3], .height = (guint) s->d[2], .caption = caption, .pixels = g_new (guint32, (gsize) s->d[0] * size) };

  for (guint i = 0; i < t.n; i++, w += channels * size) {
    float most = 0;
    for (gsize k = 0; k < channels * size; k++)
      most = fmaxf (most, fabsf (w[k]));
    for (gsize k = 0; k < size; k++) {
      guint32 p = 0;
      for (guint c = 0; c < 3; c++) {
        gsize from = channels == 3 ? (bgr ? 2 - c : c) : 0;
        p = p << 8 | (guint32) lrintf (127.5f + (most > 0 ? 127.5f * w[from * size + k] / most : 0));
      }
      t.pixels[i * size + k] = p;
    }
  }
  return save_tiles (path, &t, error);
}

typedef struct { guint number; double mean; } Strength;

static int
by_strength (gconstpointer a, gconstpointer b)
{
  const Strength *x = a, *y = b;
  return x->mean != y->mean ? (x->mean < y->mean) - (x->mean > y->mean) : (x->number > y->number) - (x->number < y->number);
}

gboolean
heat_save_maps (const char *path, const ConvoyTensor *maps, guint most, const char *caption, GError **error)
{
  const ConvoyShape *s = convoy_tensor_shape (maps);
  gsize size = (gsize) (s->d[2] * s->d[3]), channels = (gsize) s->d[1];
  const float *x = convoy_tensor_data (maps);
  g_autofree Strength *order = g_new (Strength, channels);
  g_autofree guint *numbers = g_new (guint, channels);
  Tiles t = { .n = (guint) MIN (channels, most), .width = (guint) s->d[3], .height = (guint) s->d[2], .caption = caption, .numbers = numbers };

  for (gsize c = 0; c < channels; c++) {
    order[c] = (Strength) { (guint) c, 0 };
    for (gsize k = 0; k < size; k++)
      order[c].mean += x[c * size + k] / (double) size;
  }
  qsort (order, channels, sizeof *order, by_strength);
  t.pixels = g_new (guint32, t.n * size);
  for (guint i = 0; i < t.n; i++) {
    const float *map = x + order[i].number * size;
    float low = map[0], high = map[0];
    numbers[i] = order[i].number;
    for (gsize k = 1; k < size; k++)
      low = fminf (low, map[k]), high = fmaxf (high, map[k]);
    for (gsize k = 0; k < size; k++)
      t.pixels[i * size + k] = 0x010101u * (guint32) lrintf (high > low ? 255 * (map[k] - low) / (high - low) : 0);
  }
  return save_tiles (path, &t, error);
}
