/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * softmax.c - Softmax and LogSoftmax (ONNX 1, 11: over all dimensions from axis on; 13: over axis). */
#include "core/ops/slope.h"
#include <math.h>
#include <string.h>

static gboolean
infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  guint axis;
  if (in[0].type != CONVOY_F32 && in[0].type != CONVOY_F64)
    return convoy_infer_fail (n, error, "%s is not supported", convoy_type_name (in[0].type));
  if (!convoy_infer_axis (n, convoy_node_int (n, "axis", n->opset < 13 ? 1 : -1), MAX (in[0].shape.n, 1), &axis, error))
    return FALSE;
  out[0] = (ConvoyFact) { in[0].type, in[0].shape, NULL };
  return TRUE;
}

/* The tensor as outer x size x inner, the sum being over size. */
static ConvoyShape
folded (const ConvoyNode *n, const ConvoyShape *s)
{
  gint64 axis = convoy_node_int (n, "axis", n->opset < 13 ? 1 : -1);
  ConvoyShape f = CONVOY_SHAPE (1, 1, 1);
  axis += axis < 0 ? MAX (s->n, 1) : 0;
  for (guint i = 0; i < s->n; i++)
    f.d[i < axis ? 0 : i == axis || n->opset < 13 ? 1 : 2] *= s->d[i];
  return f;
}

#define ROWS(type, log_of, exp_of) \
  do { \
    const type *x = convoy_tensor_data (in[0]); \
    type *y = convoy_tensor_data (out[0]); \
    for (gint64 o = 0; o < f.d[0]; o++) \
      for (gint64 i = 0; i < f.d[2]; i++) { \
        gsize base = o * f.d[1] * f.d[2] + i; \
        type max = -INFINITY; \
        double sum = 0; \
        for (gint64 k = 0; k < f.d[1]; k++) \
          max = x[base + k * f.d[2]] > max ? x[base + k * f.d[2]] : max; \
        for (gint64 k = 0; k < f.d[1]; k++) \
          sum += exp_of (x[base + k * f.d[2]] - max); \
        for (gint64 k = 0; k < f.d[1]; k++) { \
          type z = x[base + k * f.d[2]] - max; \
          y[base + k * f.d[2]] = is_log ? z - log_of (sum) : exp_of (z) / sum; \
        } \
      } \
  } while (0)

static gboolean
eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  ConvoyShape f = folded (n, convoy_tensor_shape (in[0]));
  gboolean is_log = strcmp (n->op->name, "LogSoftmax") == 0;
  (void) error;
  if (convoy_tensor_type (in[0]) == CONVOY_F32)
    ROWS (float, log, expf);
  else
    ROWS (double, log, exp);
  return TRUE;
}

/* Softmax: dx = y (dy - sum of dy y); LogSoftmax: dx = dy - exp (y) sum of dy. */
static gboolean
grad (CONVOY_GRAD_ARGS)
{
  ConvoyShape f = folded (n, convoy_tensor_shape (out[0]));
  gboolean is_log = strcmp (n->op->name, "LogSoftmax") == 0;
  const float *y = convoy_tensor_data (out[0]), *dy = convoy_tensor_data (dout[0]);
  float *dx = convoy_tensor_data (din[0]);
  (void) in, (void) error;
  for (gint64 o = 0; o < f.d[0]; o++)
    for (gint64 i = 0; i < f.d[2]; i++) {
      gsize base = o * f.d[1] * f.d[2] + i;
      double sum = 0;
      for (gint64 k = 0; k < f.d[1]; k++)
        sum += is_log ? dy[base + k * f.d[2]] : (double) dy[base + k * f.d[2]] * y[base + k * f.d[2]];
      for (gint64 k = 0; k < f.d[1]; k++) {
        gsize at = base + k * f.d[2];
        dx[at] = is_log ? dy[at] - exp (y[at]) * sum : y[at] * (dy[at] - sum);
      }
    }
  return TRUE;
}

#define SOFTMAX(id, op_name) \
  const ConvoyOp convoy_op_##id = { .name = op_name, .min_in = 1, .max_in = 1, .attrs = "axis=i", .flags = CONVOY_OP_GRAD_FROM_OUT | CONVOY_OP_SAMPLEWISE, \
    .infer = infer, .eval = eval, .grad = grad }

SOFTMAX (softmax, "Softmax");
SOFTMAX (log_softmax, "LogSoftmax");
