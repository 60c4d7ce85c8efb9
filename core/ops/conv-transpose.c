/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * conv-transpose.c - ConvTranspose: every element of the input adds its multiple of the kernel to the output. */
#include "core/ops/index.h"
#include "core/ops/window.h"

#define MAX_EXTENT ((gint64) 1 << 30)

/* full: what all kernels cover; of it out elements from before on are the output. */
typedef struct {
  guint n;
  gint64 group;
  struct { gint64 kernel, stride, dilation, full, out, before; } d[CONVOY_MAX_SPATIAL];
} Window;

static gboolean
get_window (const ConvoyNode *n, const ConvoyShape *x, const ConvoyShape *weights, Window *w, GError **error)
{
  const char *mode = convoy_node_str (n, "auto_pad", "NOTSET");
  gboolean upper = g_str_equal (mode, "SAME_UPPER"), same = upper || g_str_equal (mode, "SAME_LOWER");
  gint64 stride[CONVOY_MAX_SPATIAL], dilation[CONVOY_MAX_SPATIAL], kernel[CONVOY_MAX_SPATIAL], pads[2 * CONVOY_MAX_SPATIAL];
  gint64 extra[CONVOY_MAX_SPATIAL], wanted[CONVOY_MAX_SPATIAL];         /* 0: nothing wanted */
  guint rank = x->n - 2;
  *w = (Window) { .n = rank, .group = convoy_node_int (n, "group", 1) };
  if (!same && !g_str_equal (mode, "NOTSET") && !g_str_equal (mode, "VALID"))
    return convoy_infer_fail (n, error, "auto_pad %s is not known", mode);
  if (!convoy_window_ints (n, "strides", rank, 1, 1, stride, error) || !convoy_window_ints (n, "dilations", rank, 1, 1, dilation, error)
      || !convoy_window_ints (n, "output_padding", rank, 0, 0, extra, error) || !convoy_window_ints (n, "output_shape", rank, 0, 0, wanted, error)
      || !convoy_window_ints (n, "kernel_shape", rank, 0, 0, kernel, error) || !convoy_window_ints (n, "pads", 2 * rank, 0, 0, pads, error))
    return FALSE;
  for (guint i = 0; i < rank; i++) {
    gint64 size = x->d[2 + i], k = weights->d[2 + i], before = pads[i], after = pads[rank + i], total;
    if ((convoy_node_has (n, "kernel_shape") && kernel[i] != k) || k < 1 || size < 1 || k > MAX_EXTENT || size > MAX_EXTENT)
      return convoy_infer_fail (n, error, "a kernel of %" G_GINT64_FORMAT ", weights of %" G_GINT64_FORMAT " and an input of %" G_GINT64_FORMAT, kernel[i], k, size);
    w->d[i].full = stride[i] * (size - 1) + dilation[i] * (k - 1) + 1;
    if (same && !wanted[i])
      wanted[i] = size * stride[i];
    if (wanted[i]) {
      total = MAX (w->d[i].full + extra[i] - wanted[i], 0);
      before = upper ? total / 2 : total - total / 2;
      after = w->d[i].full + extra[i] - wanted[i] - before;
    }
    w->d[i].kernel = k;
    w->d[i].stride = stride[i];
    w->d[i].dilation = dilation[i];
    w->d[i].before = before;
    w->d[i].out = w->d[i].full + extra[i] - before - after;
    if (w->d[i].out < 1 || before > w->d[i].full)
      return convoy_infer_fail (n, error, "%" G_GINT64_FORMAT " elements padded by %" G_GINT64_FORMAT "+%" G_GINT64_FORMAT, w->d[i].full + extra[i], before, after);
  }
  return TRUE;
}

/* x: NxCx..., weights: CxM/groupx..., bias: M */
static gboolean
infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  const ConvoyShape *x = &in[0].shape, *k = &in[1].shape;
  g_autofree char *a = convoy_shape_str (x), *b = convoy_shape_str (k);
  gint64 group = convoy_node_int (n, "group", 1), channels;
  ConvoyShape full;
  Window w;
  if (!convoy_infer_type (n, in, 0, CONVOY_T_REAL, error) || !convoy_infer_type (n, in, 1, 1u << in[0].type, error)
      || !convoy_infer_type (n, in, 2, 1u << in[0].type, error) || !convoy_infer_rank (n, in, 0, 3, 2 + CONVOY_MAX_SPATIAL, error))
    return FALSE;
  if (k->n != x->n || group < 1 || k->d[0] != x->d[1] || k->d[0] % group || __builtin_mul_overflow (k->d[1], group, &channels))
    return convoy_infer_fail (n, error, "input %s does not fit weights %s in %" G_GINT64_FORMAT " groups", a, b, group);
  if (CONVOY_GIVEN (n, in, 2) && (in[2].shape.n != 1 || in[2].shape.d[0] != channels))
    return convoy_infer_fail (n, error, "a bias that has not %" G_GINT64_FORMAT " elements", channels);
  if (!get_window (n, x, k, &w, error))
    return FALSE;
  out[0].type = in[0].type;
  out[0].shape = full = *x;
  out[0].shape.d[1] = full.d[1] = channels;
  for (guint i = 0; i < w.n; i++) {
    out[0].shape.d[2 + i] = w.d[i].out;
    full.d[2 + i] = w.d[i].full;
  }
  return convoy_infer_size (n, &full, error) && convoy_infer_size (n, &out[0].shape, error);
}

/* The loops over batch, group, input and output channel of the group, kernel, input. */
static void
scatter (const Window *w, const ConvoyShape *x, gint64 channels, gint64 spatial, double *full, const double *const *in)
{
  gint64 ig = x->d[1] / w->group, og = channels / w->group, size = convoy_count_range (x, 2, x->n), kernel = 1;
  gint64 to[CONVOY_MAX_SPATIAL], from[CONVOY_MAX_SPATIAL], over[CONVOY_MAX_SPATIAL], s = 1, k = 1, f = 1;
  ConvoyWalk walk = { 0 };
  for (guint i = w->n; i-- > 0; f *= w->d[i].full, s *= x->d[2 + i], k *= w->d[i].kernel) {
    to[i] = f;
    from[i] = s;
    over[i] = k;
    kernel *= w->d[i].kernel;
  }
  convoy_walk_add (&walk, x->d[0], channels * spatial, x->d[1] * size, 0, 0);
  convoy_walk_add (&walk, w->group, og * spatial, ig * size, ig * og * kernel, 0);
  convoy_walk_add (&walk, ig, 0, size, og * kernel, 0);
  convoy_walk_add (&walk, og, spatial, 0, kernel, 0);
  for (guint i = 0; i < w->n; i++)
    convoy_walk_add (&walk, w->d[i].kernel, to[i] * w->d[i].dilation, 0, over[i], 0);
  for (guint i = 0; i < w->n; i++)
    convoy_walk_add (&walk, x->d[2 + i], to[i] * w->d[i].stride, from[i], 0, 0);
  convoy_contract (&walk, full, in, 2);
}

/* y: the part of full that is the output, on top of the bias. */
static void
crop (const Window *w, const ConvoyShape *ys, gint64 spatial, const double *full, double *y)
{
  gint64 step = 1, stride[CONVOY_MAX_DIMS], at = 0;
  ConvoyWalk walk = { 0 };
  convoy_strides (ys, stride);
  convoy_walk_add (&walk, ys->d[0] * ys->d[1], stride[1], spatial, 0, 0);
  for (guint i = 0; i < w->n; i++) {
    step = 1;
    for (guint k = i + 1; k < w->n; k++)
      step *= w->d[k].full;
    at += w->d[i].before * step;
    convoy_walk_add (&walk, MIN (w->d[i].out, w->d[i].full - w->d[i].before), stride[2 + i], step, 0, 0);
  }
  convoy_contract (&walk, y, (const double *[]) { full + at }, 1);
}

static gboolean
eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  const ConvoyShape *xs = convoy_tensor_shape (in[0]), *ys = convoy_tensor_shape (out[0]);
  ConvoyTensor *bias = CONVOY_IN (n, in, 2);
  gint64 count = convoy_tensor_count (out[0]), channels = ys->d[1], inner = convoy_count_range (ys, 2, ys->n), spatial = 1;
  g_autofree double *x = NULL, *weights = NULL, *full = NULL;
  double *y;
  Window w;
  if (!get_window (n, xs, convoy_tensor_shape (in[1]), &w, error))
    return FALSE;
  for (guint i = 0; i < w.n; i++)
    spatial *= w.d[i].full;
  x = convoy_reals (in[0]);
  weights = convoy_reals (in[1]);
  full = g_try_new0 (double, ys->d[0] * channels * spatial + 1);
  y = g_try_new0 (double, count + 1);
  if (x && weights && full && y) {
    for (gint64 i = 0; bias && i < count; i++)
      y[i] = convoy_real_at (bias, i / inner % channels);
    scatter (&w, xs, channels, spatial, full, (const double *[]) { x, weights });
    crop (&w, ys, spatial, full, y);
  } else
    g_clear_pointer (&y, g_free);
  return convoy_put_reals (n, out[0], y, error);
}

const ConvoyOp convoy_op_conv_transpose = {
  .name = "ConvTranspose", .min_in = 2, .max_in = 3,
  .attrs = "auto_pad=s dilations=I group=i kernel_shape=I output_padding=I output_shape=I pads=I strides=I",
  .flags = CONVOY_OP_SAMPLEWISE, .infer = infer, .eval = eval,
};
