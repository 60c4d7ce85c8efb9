/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * image.c - from a picture of 8 bits to the input of a network: which part of it is kept, and its
 * pixels normalized straight into the layout that the plan reads. */
#include "core/model-meta.h"
#include "core/vector.h"
#include <math.h>

/* --- which part ------------------------------------------------------- */

void
convoy_model_info_set_size (ConvoyModelInfo *info, guint width, guint height)
{
  guint own = MIN (info->width, info->height), side = MIN (width, height);
  if (info->resize_short)
    info->resize_short = MAX ((guint) ((guint64) info->resize_short * side / MAX (own, 1)), side);
  info->width = width;
  info->height = height;
}

/* size to the nearest whole number of pixels, at least one and at most max. */
static guint
pixels (double size, guint max)
{
  return size <= 1 ? 1 : size >= max ? max : (guint) floor (size + 0.5);
}

/* In the picture's own pixels: the network's size divided by the scale, to the nearest pixel, in
 * the middle (the odd pixel is left out at the right or the bottom). A window that would not lie
 * in the picture, which a small resize_short asks for when the network is no square, makes the
 * scale grow until it does. */
static void
crop (const ConvoyModelInfo *info, guint width, guint height, ConvoyRect *from)
{
  guint side = info->resize_short ? info->resize_short : MIN (info->width, info->height);
  double scale = (double) side / MIN (width, height);
  scale = MAX (scale, MAX ((double) info->width / width, (double) info->height / height));
  from->width = pixels (info->width / scale, width);
  from->height = pixels (info->height / scale, height);
  from->x = (width - from->width) / 2;
  from->y = (height - from->height) / 2;
}

static void
pad (const ConvoyModelInfo *info, guint width, guint height, ConvoyRect *to)
{
  double scale = MIN ((double) info->width / width, (double) info->height / height);
  to->width = pixels (width * scale, info->width);
  to->height = pixels (height * scale, info->height);
  to->x = (info->width - to->width) / 2;
  to->y = (info->height - to->height) / 2;
}

void
convoy_image_window (const ConvoyModelInfo *info, guint width, guint height, ConvoyRect *from, ConvoyRect *to)
{
  *from = (ConvoyRect) { 0, 0, width, height };
  *to = (ConvoyRect) { 0, 0, info->width, info->height };
  if (width == 0 || height == 0)
    return;
  if (info->resize == CONVOY_RESIZE_CROP)
    crop (info, width, height, from);
  else if (info->resize == CONVOY_RESIZE_PAD)
    pad (info, width, height, to);
}

/* --- its pixels ------------------------------------------------------- */

/* How a row enters; a channel of the network: (p[from[c]] - mean[c]) * scale[c]. */
typedef struct {
  guint from[3];
  float mean[3], scale[3];
  gint64 channel, pixel;        /* elements from one to the next */
} Row;

typedef void (*RowFunc) (const guint8 *p, float *y, gsize n, const Row *r);

/* p: n x 3 interleaved; y: 3 planes. */
CONVOY_VECTORIZED static void
row_planes (const guint8 *restrict p, float *restrict y, gsize n, const Row *r)
{
  float *restrict a = y + r->from[0] * r->channel, *restrict b = y + r->channel, *restrict c = y + (2 - r->from[0]) * r->channel;
  /* a, b, c receive red, green, blue: with bgr, planes 2, 1, 0 */
  const float m0 = r->mean[r->from[0]], m1 = r->mean[1], m2 = r->mean[2 - r->from[0]];
  const float s0 = r->scale[r->from[0]], s1 = r->scale[1], s2 = r->scale[2 - r->from[0]];
  for (gsize i = 0; i < n; i++) {
    a[i] = (p[3 * i] - m0) * s0;
    b[i] = (p[3 * i + 1] - m1) * s1;
    c[i] = (p[3 * i + 2] - m2) * s2;
  }
}

/* p: n of one channel; y: one plane. */
CONVOY_VECTORIZED static void
row_grey (const guint8 *restrict p, float *restrict y, gsize n, const Row *r)
{
  const float mean = r->mean[0], scale = r->scale[0];
  for (gsize i = 0; i < n; i++)
    y[i] = (p[i] - mean) * scale;
}

/* p and y: n x 3 interleaved, in the same order. Sixteen pixels at a time, so that the pattern of
 * means and scales is whole vectors. */
CONVOY_VECTORIZED static void
row_interleaved (const guint8 *restrict p, float *restrict y, gsize n, const Row *r)
{
  float mean[48], scale[48];
  for (gsize k = 0; k < 48; k++) {
    mean[k] = r->mean[k % 3];
    scale[k] = r->scale[k % 3];
  }
  gsize count = 3 * n, i = 0;
  for (; i + 48 <= count; i += 48)
    for (gsize k = 0; k < 48; k++)
      y[i + k] = (p[i + k] - mean[k]) * scale[k];
  for (gsize k = 0; i + k < count; k++)
    y[i + k] = (p[i + k] - mean[k]) * scale[k];
}

static void
row_any (const guint8 *p, float *y, gsize n, const Row *r, guint channels)
{
  for (gsize i = 0; i < n; i++)
    for (guint c = 0; c < channels; c++)
      y[(gint64) i * r->pixel + c * r->channel] = (p[channels * i + r->from[c]] - r->mean[c]) * r->scale[c];
}

static void row_any_1 (const guint8 *p, float *y, gsize n, const Row *r) { row_any (p, y, n, r, 1); }
static void row_any_3 (const guint8 *p, float *y, gsize n, const Row *r) { row_any (p, y, n, r, 3); }

static RowFunc
choose (const Row *r, guint channels)
{
  if (channels == 1)
    return r->pixel == 1 ? row_grey : row_any_1;
  if (r->pixel == 1)
    return row_planes;
  return r->pixel == 3 && r->channel == 1 && r->from[0] == 0 ? row_interleaved : row_any_3;
}

void
convoy_image_put (const ConvoyModelInfo *info, const guint8 *in, gsize stride, const ConvoyView *view, guint n)
{
  ConvoyImageAxes x;
  if (view->type != CONVOY_F32 || !convoy_image_axes (&view->shape, &x))
    return;
  guint channels = (guint) view->shape.d[x.channels], width = (guint) view->shape.d[x.width], height = (guint) view->shape.d[x.height];
  Row r = { .channel = view->stride[x.channels], .pixel = view->stride[x.width] };
  for (guint c = 0; c < 3; c++) {
    r.from[c] = info->bgr ? channels - 1 - MIN (c, channels - 1) : c;
    r.mean[c] = info->mean[c];
    r.scale[c] = 1 / info->std[c];
  }
  RowFunc put = choose (&r, channels);
  float *out = (float *) view->data + n * view->stride[0];
  for (guint y = 0; y < height; y++)
    put (in + y * stride, out + y * view->stride[x.height], width, &r);
}
