/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * lrn.c - LRN: each element divided by what its neighbours in other channels come to. */
#include "core/ops/index.h"
#include <math.h>

static gboolean
infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  gint64 size = convoy_node_int (n, "size", 0);
  if (size < 1)
    return convoy_infer_fail (n, error, "a size of %" G_GINT64_FORMAT " channels", size);
  return convoy_infer_type (n, in, 0, CONVOY_T_REAL, error) && convoy_infer_rank (n, in, 0, 2, CONVOY_MAX_DIMS, error)
    && convoy_infer_same (n, in, out, error);
}

/* x and y: channels x inner; sum: inner. The window is (size - 1) / 2 channels before and the rest after. */
static void
run_picture (const ConvoyNode *n, const double *x, double *y, double *sum, gint64 channels, gint64 inner)
{
  gint64 size = convoy_node_int (n, "size", 0), before = (size - 1) / 2, after = size - 1 - before;
  double alpha = convoy_node_float (n, "alpha", 1e-4f) / size, beta = convoy_node_float (n, "beta", 0.75f), bias = convoy_node_float (n, "bias", 1);
  for (gint64 c = 0; c < channels; c++) {
    for (gint64 i = 0; i < inner; i++)
      sum[i] = 0;
    for (gint64 k = MAX (c - before, 0); k <= c + MIN (after, channels - 1 - c); k++)
      for (gint64 i = 0; i < inner; i++)
        sum[i] += x[k * inner + i] * x[k * inner + i];
    for (gint64 i = 0; i < inner; i++)
      y[c * inner + i] = x[c * inner + i] / pow (bias + alpha * sum[i], beta);
  }
}

static gboolean
eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  const ConvoyShape *s = convoy_tensor_shape (in[0]);
  gint64 channels = s->d[1], inner = convoy_count_range (s, 2, s->n), size = channels * inner;
  g_autofree double *work = convoy_tensor_count (in[0]) ? g_try_new (double, 2 * size + inner) : NULL;
  double *x = work, *y = x + size, *sum = y + size;
  if (convoy_tensor_count (in[0]) && !work)
    return convoy_infer_fail (n, error, "no memory for %" G_GINT64_FORMAT " numbers", 2 * size + inner);
  for (gint64 b = 0; work && b < s->d[0]; b++) {
    convoy_get_real (convoy_tensor_type (in[0]), convoy_tensor_data (in[0]), b * size, 1, size, x);
    run_picture (n, x, y, sum, channels, inner);
    convoy_put_real (convoy_tensor_type (out[0]), convoy_tensor_data (out[0]), b * size, 1, size, y);
  }
  return TRUE;
}

const ConvoyOp convoy_op_lrn = {
  .name = "LRN", .min_in = 1, .max_in = 1, .attrs = "alpha=f beta=f bias=f +size=i", .flags = CONVOY_OP_SAMPLEWISE,
  .infer = infer, .eval = eval,
};
