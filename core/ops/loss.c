/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * loss.c - losses: one number, the mean over the samples of a batch that have a label. They are only
 * in plans that learn. SoftmaxCrossEntropyLoss is ONNX's (12, 13); SigmoidCrossEntropyLoss is Keras'
 * BinaryCrossentropy (from_logits=True); MeanSquaredError is Keras' as well.
 *
 * Input 0: NxK scores (logits), input 1: int64 labels, N of them, a negative one being no label; or
 * float32 targets in the shape of the scores. All forms subtract the maximum or use the sign of a
 * logit, so that no logarithm of 0 is taken. */
#include "core/ops/index.h"
#include <math.h>
#include <string.h>

/* One sample: gives the loss of k scores z against targets, or label where targets is NULL; fills dz (NULL: not wanted). */
typedef double (*Row) (const float *z, gint64 k, const float *targets, gint64 label, double smoothing, float *dz);

static double
target_of (const float *targets, gint64 label, gint64 i, gint64 k, double smoothing)
{
  double t = targets ? targets[i] : i == label;
  return t * (1 - smoothing) + smoothing / k;
}

/* -sum t log softmax (z); dz = softmax (z) sum t - t */
static double
softmax_row (const float *z, gint64 k, const float *targets, gint64 label, double smoothing, float *dz)
{
  double max = -INFINITY, sum = 0, loss = 0, mass = 0;
  for (gint64 i = 0; i < k; i++)
    max = MAX (max, z[i]);
  for (gint64 i = 0; i < k; i++)
    sum += exp (z[i] - max);
  for (gint64 i = 0; i < k; i++) {
    double t = target_of (targets, label, i, k, smoothing);
    loss += t == 0 ? 0 : t * (log (sum) + max - z[i]);
    mass += t;
  }
  for (gint64 i = 0; dz && i < k; i++)
    dz[i] = exp (z[i] - max) / sum * mass - target_of (targets, label, i, k, smoothing);
  return loss;
}

/* mean of max (z, 0) - z t + log (1 + exp (-|z|)); a label counts for every score of its sample */
static double
sigmoid_row (const float *z, gint64 k, const float *targets, gint64 label, double smoothing, float *dz)
{
  double loss = 0;
  for (gint64 i = 0; i < k; i++) {
    double t = (targets ? targets[i] : (double) label) * (1 - smoothing) + smoothing / 2;
    loss += fmax (z[i], 0) - z[i] * t + log1p (exp (-fabs (z[i])));
    if (dz)
      dz[i] = (1 / (1 + exp (-(double) z[i])) - t) / k;
  }
  return loss / k;
}

static double
square_row (const float *z, gint64 k, const float *targets, gint64 label, double smoothing, float *dz)
{
  double loss = 0;
  (void) smoothing;
  for (gint64 i = 0; i < k; i++) {
    double d = z[i] - (targets ? targets[i] : (double) label);
    loss += d * d;
    if (dz)
      dz[i] = 2 * d / k;
  }
  return loss / k;
}

static const struct { const char *op; Row row; gboolean one_label_of_k; } losses[] = {
  { "SoftmaxCrossEntropyLoss", softmax_row, TRUE }, { "SigmoidCrossEntropyLoss", sigmoid_row, FALSE }, { "MeanSquaredError", square_row, FALSE },
};

static guint
loss_of (const ConvoyNode *n)
{
  return convoy_node_row (n, losses, sizeof *losses);
}

static gboolean
infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  const ConvoyShape *z = &in[0].shape, *t = &in[1].shape;
  gboolean labels = in[1].type == CONVOY_I64 && t->n == 1 && z->n == 2 && t->d[0] == z->d[0];
  if (in[0].type != CONVOY_F32 || z->n != 2 || z->d[0] < 1 || z->d[1] < 1 || !(labels || (in[1].type == CONVOY_F32 && convoy_shape_equal (z, t)))) {
    g_autofree char *a = convoy_shape_str (z), *b = convoy_shape_str (t);
    return convoy_infer_fail (n, error, "scores %s %s and labels %s %s: wanted are NxK float32 and N int64 or NxK float32", a, convoy_type_name (in[0].type), b,
        convoy_type_name (in[1].type));
  }
  out[0] = (ConvoyFact) { CONVOY_F32, { 0 }, NULL };
  return TRUE;
}

/* Walks the samples; dz NULL: the loss alone. */
static gboolean
walk (const ConvoyNode *n, ConvoyTensor *const *in, double scale, float *dz, double *loss, GError **error)
{
  guint which = loss_of (n);
  gint64 rows = convoy_tensor_shape (in[0])->d[0], k = convoy_tensor_shape (in[0])->d[1], valid = 0;
  const float *z = convoy_tensor_data (in[0]);
  gboolean labels = convoy_tensor_type (in[1]) == CONVOY_I64;
  const gint64 *label = convoy_tensor_data (in[1]);
  const float *targets = convoy_tensor_data (in[1]);
  double smoothing = convoy_node_float (n, "label_smoothing", 0);
  for (gint64 i = 0; i < rows; i++)
    valid += !labels || label[i] >= 0;
  *loss = 0;
  for (gint64 i = 0; i < rows; i++) {
    float *d = dz ? dz + i * k : NULL;
    if (labels && losses[which].one_label_of_k && label[i] >= k)
      return convoy_infer_fail (n, error, "label %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " classes", label[i], k);
    if (labels && label[i] < 0) {
      if (d)
        memset (d, 0, k * sizeof *d);
      continue;
    }
    *loss += losses[which].row (z + i * k, k, labels ? NULL : targets + i * k, labels ? label[i] : 0, smoothing, d) / valid;
    for (gint64 c = 0; d && c < k; c++)
      d[c] *= scale / valid;
  }
  return TRUE;
}

static gboolean
eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  double loss;
  if (!walk (n, in, 1, NULL, &loss, error))
    return FALSE;
  *(float *) convoy_tensor_data (out[0]) = loss;
  return TRUE;
}

static gboolean
grad (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, ConvoyTensor *const *dout, ConvoyTensor *const *din, GError **error)
{
  double loss;
  (void) out;
  return walk (n, in, *(const float *) convoy_tensor_data (dout[0]), convoy_tensor_data (din[0]), &loss, error);
}

#define LOSS(id, op_name, attributes) \
  const ConvoyOp convoy_op_##id = { .name = op_name, .min_in = 2, .max_in = 2, .attrs = attributes, .flags = CONVOY_OP_LOSS, .no_grad = 1 << 1, \
    .infer = infer, .eval = eval, .grad = grad }

LOSS (softmax_cross_entropy_loss, "SoftmaxCrossEntropyLoss", "label_smoothing=f");
LOSS (sigmoid_cross_entropy_loss, "SigmoidCrossEntropyLoss", "label_smoothing=f");
LOSS (mean_squared_error, "MeanSquaredError", NULL);
