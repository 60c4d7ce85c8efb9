/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * augment.c - see augment.h. Zeros that come in are zeros of the normalized picture, its mean
 * colour: what the padding of a convolution is too. */
#include "core/augment.h"
#include "core/shuffle.h"
#include <string.h>

/* What was drawn for one sample. */
typedef struct {
  gboolean mirror;
  gint64 dx, dy;                /* the picture moves right and down */
  gint64 x0, x1, y0, y1;        /* covered, ends excluded; x0 == x1: nothing */
} Draw;

static gboolean
is_changed (const ConvoyBatchOptions *o)
{
  return o->flip || o->shift || o->cutout;
}

gboolean
convoy_augment_check (const ConvoyDatasetInfo *info, const ConvoyBatchOptions *o, GError **error)
{
  const ConvoyShape *s = &info->shape;
  g_autofree char *text = convoy_shape_str (s);
  gboolean is_picture = s->n == 3 && (info->type == CONVOY_U8 || info->type == CONVOY_F32);
  if (info->type != CONVOY_U8 && info->type != CONVOY_F32 && info->type != CONVOY_I64)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED, "samples of %s cannot be batched; uint8, float32 and int64 can", convoy_type_name (info->type));
  else if (convoy_shape_count (s) <= 0)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "samples of %s have no fixed size", text);
  else if (o->size == 0)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "a batch of 0 samples");
  else if (is_changed (o) && !is_picture)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "flip, shift and cutout are for pictures, samples are %s %s", text, convoy_type_name (info->type));
  else if (is_changed (o) && (o->shift >= s->d[1] || o->shift >= s->d[2] || o->cutout > s->d[1] || o->cutout > s->d[2]))
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "shift %u, cutout %u: too much for pictures of %s", o->shift, o->cutout, text);
  else if (info->type == CONVOY_U8 && s->n == 3 && s->d[0] > 3 && (o->std[0] != 0 || o->std[1] != 0 || o->std[2] != 0))
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "mean and std are for 3 channels at most, samples are %s", text);
  else
    return TRUE;
  return FALSE;
}

/* All is drawn whatever is asked for, so that flips stay as they are when a shift is added. */
static Draw
draw (const ConvoyBatchOptions *o, gint64 height, gint64 width, guint epoch, gsize i)
{
  guint64 state = convoy_draw_start (o->seed, epoch + 1, i);
  Draw d = { 0 };
  guint64 mirror = convoy_draw (&state), span = 2 * (guint64) o->shift + 1;
  d.mirror = o->flip && mirror >> 63;
  d.dx = (gint64) convoy_draw_below (&state, span) - o->shift;
  d.dy = (gint64) convoy_draw_below (&state, span) - o->shift;
  gint64 x = (gint64) convoy_draw_below (&state, width) - o->cutout / 2, y = (gint64) convoy_draw_below (&state, height) - o->cutout / 2;
  d.x0 = MAX (x, 0);
  d.y0 = MAX (y, 0);
  d.x1 = MIN (x + o->cutout, width);    /* its middle lies in the picture, its rim need not */
  d.y1 = MIN (y + o->cutout, height);
  return d;
}

/* n values into floats: (v - mean) / std of pixels, float32 as they are. */
static void
convert (ConvoyType type, float *restrict out, const void *in, gsize n, float mean, float std)
{
  const guint8 *restrict p = in;
  if (type == CONVOY_F32)
    memcpy (out, in, n * sizeof *out);
  else
    for (gsize i = 0; i < n; i++)
      out[i] = (p[i] - mean) / std;
}

/* One plane of height x width: row y comes from row y - dy, whose columns move by dx. */
static void
put_plane (ConvoyType type, const guint8 *in, float *out, gint64 height, gint64 width, const Draw *d, float mean, float std)
{
  gsize size = convoy_type_size (type);
  gint64 left = MAX (d->dx, 0), right = MIN (width + d->dx, width);     /* filled columns of out, before mirroring */
  for (gint64 y = 0; y < height; y++, out += width) {
    gint64 from = y - d->dy;
    memset (out, 0, width * sizeof *out);
    if (from < 0 || from >= height)
      continue;
    convert (type, out + left, in + (from * width + left - d->dx) * size, right - left, mean, std);
    for (gint64 x = 0; d->mirror && x < width / 2; x++) {
      float swap = out[x];
      out[x] = out[width - 1 - x];
      out[width - 1 - x] = swap;
    }
    if (y >= d->y0 && y < d->y1)
      memset (out + d->x0, 0, (d->x1 - d->x0) * sizeof *out);
  }
}

void
convoy_augment (const ConvoyDatasetInfo *info, const ConvoyBatchOptions *o, const void *sample, void *out, guint epoch, gsize i)
{
  gint64 count = convoy_shape_count (&info->shape);
  gboolean is_picture = info->shape.n == 3 && info->type != CONVOY_I64;
  gint64 channels = is_picture ? info->shape.d[0] : 1, plane = count / channels;
  if (info->type == CONVOY_I64) {
    memcpy (out, sample, count * sizeof (gint64));
    return;
  }
  Draw d = { 0 };
  if (is_changed (o))
    d = draw (o, info->shape.d[1], info->shape.d[2], epoch, i);
  for (gint64 c = 0; c < channels; c++) {
    const guint8 *in = (const guint8 *) sample + c * plane * convoy_type_size (info->type);
    float *to = (float *) out + c * plane, std = o->std[MIN (c, 2)], mean = std == 0 ? 0 : o->mean[MIN (c, 2)];
    if (is_changed (o))
      put_plane (info->type, in, to, info->shape.d[1], info->shape.d[2], &d, mean, std == 0 ? 255 : std);
    else
      convert (info->type, to, in, plane, mean, std == 0 ? 255 : std);
  }
}
