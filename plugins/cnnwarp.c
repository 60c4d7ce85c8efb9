/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnwarp.c - see cnnwarp.h. Places are counted in 1/65536 pixel, weights in 1/256. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "plugins/cnnwarp.h"
#include "core/convoy.h"
#include <math.h>
#include <string.h>

/* Number i of the picture's random numbers, -1 to 1. All are drawn whatever is asked for, so that
 * one change stays as it is when another is added. */
enum { DRAW_MIRROR, DRAW_TURN_OVER, DRAW_ROTATE, DRAW_ZOOM, DRAW_X, DRAW_Y, DRAW_CROP, DRAW_CROP_X, DRAW_CROP_Y, DRAW_BRIGHTNESS, DRAW_CONTRAST, N_DRAWS };

gboolean
cnn_warp_draw (const CnnWarpOptions *o, guint epoch, guint64 number, guint width, guint height, CnnWarp *w)
{
  double d[N_DRAWS];
  for (guint i = 0; i < N_DRAWS; i++)
    d[i] = 2 * convoy_random (o->seed, epoch, number, i) - 1;
  double side = 1 - o->crop * (d[DRAW_CROP] + 1) / 2, scale = side / (1 + o->zoom * d[DRAW_ZOOM]), angle = o->rotate * d[DRAW_ROTATE] * G_PI / 180;
  double mirror = (o->flip & CNN_FLIP_HORIZONTAL) && d[DRAW_MIRROR] > 0 ? -1 : 1, over = (o->flip & CNN_FLIP_VERTICAL) && d[DRAW_TURN_OVER] > 0 ? -1 : 1;
  double mx = (width - 1) / 2.0, my = (height - 1) / 2.0;       /* the middle stays where it is, but for what is moved */

  w->ax = scale * cos (angle) * mirror;
  w->bx = -scale * sin (angle) * over;
  w->ay = scale * sin (angle) * mirror;
  w->by = scale * cos (angle) * over;
  w->cx = mx + width * (o->translate * d[DRAW_X] + (1 - side) / 2 * d[DRAW_CROP_X]) - w->ax * mx - w->bx * my;
  w->cy = my + height * (o->translate * d[DRAW_Y] + (1 - side) / 2 * d[DRAW_CROP_Y]) - w->ay * mx - w->by * my;
  w->brightness = 255 * o->brightness * d[DRAW_BRIGHTNESS];
  w->contrast = 1 + o->contrast * d[DRAW_CONTRAST];
  w->fill = o->fill;
  return w->ax != 1 || w->bx != 0 || w->cx != 0 || w->ay != 0 || w->by != 1 || w->cy != 0 || w->brightness != 0 || w->contrast != 1;
}

/* --- places ------------------------------------------------------------ */

/* The pixel of 0..n-1 that stands for one beyond the rim; -1: none. */
static int
inside (CnnFill fill, int i, int n)
{
  if (i >= 0 && i < n)
    return i;
  if (fill == CNN_FILL_CONSTANT)
    return -1;
  if (fill == CNN_FILL_NEAREST)
    return i < 0 ? 0 : n - 1;
  i = ((i % (2 * n)) + 2 * n) % (2 * n);        /* the rim itself is doubled, as in Keras */
  return i < n ? i : 2 * n - 1 - i;
}

typedef struct {
  const guint8 *pixels;
  int width, height, stride, channels;
  CnnFill fill;
} Picture;

static const guint8 black[4];

static const guint8 *
pixel (const Picture *p, int x, int y)
{
  x = inside (p->fill, x, p->width);
  y = inside (p->fill, y, p->height);
  return x < 0 || y < 0 ? black : p->pixels + y * p->stride + x * p->channels;
}

/* The mean of the four pixels around (x, y), which are in 1/65536, weighted by nearness. */
static inline void
put (const Picture *p, gint64 x, gint64 y, guint8 *out)
{
  int x0 = (int) (x >> 16), y0 = (int) (y >> 16);
  guint u = (guint) (x >> 8) & 255, v = (guint) (y >> 8) & 255;
  const guint8 *a, *b, *c, *d;

  if (x0 >= 0 && y0 >= 0 && x0 + 1 < p->width && y0 + 1 < p->height) {
    a = p->pixels + y0 * p->stride + x0 * p->channels;
    b = a + p->channels;
    c = a + p->stride;
    d = c + p->channels;
  } else {
    a = pixel (p, x0, y0);
    b = pixel (p, x0 + 1, y0);
    c = pixel (p, x0, y0 + 1);
    d = pixel (p, x0 + 1, y0 + 1);
  }
  for (int k = 0; k < p->channels; k++)
    out[k] = (guint8) (((a[k] * (256 - u) + b[k] * u) * (256 - v) + (c[k] * (256 - u) + d[k] * u) * v + (1 << 15)) >> 16);
}

/* --- values ------------------------------------------------------------ */

/* Each channel's values 0..255 after brightness and contrast, around its own mean. */
static void
make_tables (const CnnWarp *w, const Picture *p, guint8 table[4][256])
{
  for (int k = 0; k < p->channels; k++) {
    guint64 sum = 0;
    for (int y = 0; y < p->height; y++)
      for (int x = 0; x < p->width; x++)
        sum += p->pixels[y * p->stride + x * p->channels + k];
    double mean = (double) sum / ((double) p->width * p->height);
    for (int i = 0; i < 256; i++)
      table[k][i] = (guint8) CLAMP (floor ((i - mean) * w->contrast + mean + w->brightness + 0.5), 0, 255);
  }
}

void
cnn_warp_run (const CnnWarp *w, const GstVideoFrame *in, GstVideoFrame *out)
{
  Picture p = { GST_VIDEO_FRAME_PLANE_DATA (in, 0), GST_VIDEO_FRAME_WIDTH (in), GST_VIDEO_FRAME_HEIGHT (in), GST_VIDEO_FRAME_PLANE_STRIDE (in, 0),
    GST_VIDEO_FRAME_COMP_PSTRIDE (in, 0), w->fill };
  gint64 ax = llrint (w->ax * 65536), ay = llrint (w->ay * 65536);
  gboolean recolor = w->brightness != 0 || w->contrast != 1;
  guint8 table[4][256];

  if (recolor)
    make_tables (w, &p, table);
  for (int y = 0; y < p.height; y++) {
    guint8 *row = (guint8 *) GST_VIDEO_FRAME_PLANE_DATA (out, 0) + y * GST_VIDEO_FRAME_PLANE_STRIDE (out, 0);
    gint64 sx = llrint ((w->bx * y + w->cx) * 65536), sy = llrint ((w->by * y + w->cy) * 65536);
    for (int x = 0; x < p.width; x++, sx += ax, sy += ay)
      put (&p, sx, sy, row + x * p.channels);
    for (int x = 0; recolor && x < p.width; x++)
      for (int k = 0; k < p.channels; k++)
        row[x * p.channels + k] = table[k][row[x * p.channels + k]];
  }
}
