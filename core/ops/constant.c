/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * constant.c - values that follow from shapes and numbers: ConstantOfShape, Range, Shape, Size. */
#include "core/ops/index.h"
#include <math.h>
#include <string.h>

/* len integers of the shape as the value of the first output. */
static gboolean
give (ConvoyFact *out, const ConvoyShape *shape, const gint64 *v, gsize len, GError **error)
{
  *out = (ConvoyFact) { CONVOY_I64, *shape, convoy_tensor_new (CONVOY_I64, shape, error) };
  if (out->value && len)
    memcpy (convoy_tensor_data (out->value), v, len * sizeof *v);
  return out->value != NULL;
}

static gboolean
of_shape_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  ConvoyTensor *value = convoy_node_tensor (n, "value");
  g_autofree gint64 *v = NULL;
  gsize len;
  if (!convoy_infer_ints (n, in, 0, NULL, &v, &len, error))
    return FALSE;
  if (len > CONVOY_MAX_DIMS)
    return convoy_infer_fail (n, error, "%u dimensions wanted, %u are possible", (guint) len, CONVOY_MAX_DIMS);
  if (value && convoy_tensor_count (value) != 1)
    return convoy_infer_fail (n, error, "a value of %" G_GINT64_FORMAT " elements, one is wanted", convoy_tensor_count (value));
  out[0].type = value ? convoy_tensor_type (value) : CONVOY_F32;
  out[0].shape.n = len;
  for (gsize i = 0; i < len; i++)
    out[0].shape.d[i] = v[i];
  return convoy_infer_size (n, &out[0].shape, error);
}

static gboolean
of_shape_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  static const double zero;
  ConvoyTensor *value = convoy_node_tensor (n, "value");
  ConvoyWalk w = { 0 };
  (void) in, (void) error;
  convoy_walk_add (&w, convoy_tensor_count (out[0]), 1, 0, 0, 0);
  convoy_copy (&w, convoy_type_size (convoy_tensor_type (out[0])), convoy_tensor_data (out[0]), value ? convoy_tensor_data (value) : &zero);
  return TRUE;
}

static gboolean
range_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  double v[3], count;
  for (guint i = 0; i < 3; i++) {
    if (!in[i].value || convoy_shape_count (&in[i].shape) != 1 || in[i].type != in[0].type)
      return convoy_infer_fail (n, error, "input %u is no constant number of type %s", i, convoy_type_name (in[0].type));
    v[i] = convoy_real_at (in[i].value, 0);
  }
  count = ceil ((v[1] - v[0]) / v[2]);
  if (!(count < (double) (G_MAXINT64 / 8)))
    return convoy_infer_fail (n, error, "from %g to %g by %g has no end", v[0], v[1], v[2]);
  out[0].type = in[0].type;
  out[0].shape = CONVOY_SHAPE (count > 0 ? (gint64) count : 0);
  return TRUE;
}

static gboolean
range_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  ConvoyType type = convoy_tensor_type (out[0]);
  gboolean real = convoy_type_kind (type) == CONVOY_REAL;
  gint64 count = convoy_tensor_count (out[0]);
  (void) n, (void) error;
  for (gint64 i = 0; i < count; i++) {
    double r = convoy_real_at (in[0], 0) + i * convoy_real_at (in[2], 0);
    gint64 k = (guint64) convoy_int_at (in[0], 0) + (guint64) i * convoy_int_at (in[2], 0);
    if (real)
      convoy_put_real (type, convoy_tensor_data (out[0]), i, 1, 1, &r);
    else
      convoy_put_int (type, convoy_tensor_data (out[0]), i, 1, 1, &k);
  }
  return TRUE;
}

static gboolean
shape_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  gint64 rank = in[0].shape.n, start = convoy_node_int (n, "start", 0), end = convoy_node_int (n, "end", rank);
  start = CLAMP (start < 0 ? start + rank : start, 0, rank);
  end = CLAMP (end < 0 ? end + rank : end, 0, rank);
  end = MAX (start, end);
  return give (out, &CONVOY_SHAPE (end - start), in[0].shape.d + start, end - start, error);
}

static gboolean
size_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  gint64 count = convoy_shape_count (&in[0].shape);
  (void) n;
  return give (out, &(ConvoyShape) { 0 }, &count, 1, error);
}

const ConvoyOp convoy_op_constant_of_shape = {
  .name = "ConstantOfShape", .min_in = 1, .max_in = 1, .attrs = "value=t", .const_in = 1 << 0,
  .infer = of_shape_infer, .eval = of_shape_eval,
};

const ConvoyOp convoy_op_range = {
  .name = "Range", .min_in = 3, .max_in = 3, .const_in = 7,
  .infer = range_infer, .eval = range_eval,
};

const ConvoyOp convoy_op_shape = {
  .name = "Shape", .min_in = 1, .max_in = 1, .flags = CONVOY_OP_SHAPE, .attrs = "start=i end=i",
  .infer = shape_infer,
};

const ConvoyOp convoy_op_size = {
  .name = "Size", .min_in = 1, .max_in = 1, .flags = CONVOY_OP_SHAPE,
  .infer = size_infer,
};
