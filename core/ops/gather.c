/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gather.c - operators that go by indices: Gather, OneHot. */
#include "core/ops/slope.h"
#include <string.h>

static gboolean
gather_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  const ConvoyShape *x = &in[0].shape, *idx = &in[1].shape;
  ConvoyShape y = { 0 };
  guint axis;
  if (!convoy_infer_type (n, in, 1, CONVOY_T_INDEX, error) || !convoy_infer_axis (n, convoy_node_int (n, "axis", 0), x->n, &axis, error))
    return FALSE;
  if (x->n - 1 + idx->n > CONVOY_MAX_DIMS)
    return convoy_infer_fail (n, error, "%u dimensions, %u are possible", x->n - 1 + idx->n, CONVOY_MAX_DIMS);
  for (guint i = 0; i < x->n; i++)
    if (i != axis)
      y.d[y.n++] = x->d[i];
    else
      for (guint k = 0; k < idx->n; k++)
        y.d[y.n++] = idx->d[k];
  out[0].type = in[0].type;
  out[0].shape = y;
  return convoy_infer_size (n, &y, error);
}

static gboolean
gather_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  const ConvoyShape *x = convoy_tensor_shape (in[0]);
  gint64 count = convoy_tensor_count (in[1]), outer, block, size;
  const char *src = convoy_tensor_data (in[0]);
  char *dst = convoy_tensor_data (out[0]);
  guint axis;
  if (!convoy_infer_axis (n, convoy_node_int (n, "axis", 0), x->n, &axis, error))
    return FALSE;
  size = x->d[axis];
  outer = convoy_count_range (x, 0, axis);
  block = convoy_count_range (x, axis + 1, x->n) * convoy_type_size (convoy_tensor_type (in[0]));
  for (gint64 i = 0; i < count; i++) {
    gint64 at = convoy_int_at (in[1], i);
    if (at < -size || at >= size)
      return convoy_infer_fail (n, error, "index %" G_GINT64_FORMAT " on an axis of %" G_GINT64_FORMAT, at, size);
    at += at < 0 ? size : 0;
    for (gint64 o = 0; block && o < outer; o++)
      memcpy (dst + (o * count + i) * block, src + (o * size + at) * block, block);
  }
  return TRUE;
}

/* Each row of the table sums the gradients of all places that took it: so an embedding learns. */
static gboolean
gather_grad (CONVOY_GRAD_ARGS)
{
  const ConvoyShape *x = convoy_tensor_shape (din[0]);
  gint64 count = convoy_tensor_count (in[1]), outer, block, size;
  const float *dy = convoy_tensor_data (dout[0]);
  float *dx = convoy_tensor_data (din[0]);
  guint axis;
  (void) out;
  if (!convoy_infer_axis (n, convoy_node_int (n, "axis", 0), x->n, &axis, error))
    return FALSE;
  size = x->d[axis];
  outer = convoy_count_range (x, 0, axis);
  block = convoy_count_range (x, axis + 1, x->n);
  convoy_clear (din[0]);
  for (gint64 i = 0; i < count; i++) {
    gint64 at = convoy_int_at (in[1], i);
    at += at < 0 ? size : 0;
    for (gint64 o = 0; o < outer; o++) {
      const float *from = dy + (o * count + i) * block;
      float *to = dx + (o * size + at) * block;
      for (gint64 k = 0; k < block; k++)
        to[k] += from[k];
    }
  }
  return TRUE;
}

static gboolean
one_hot_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  const ConvoyShape *idx = &in[0].shape;
  ConvoyShape *y = &out[0].shape;
  guint axis;
  gint64 depth;
  if (idx->n >= CONVOY_MAX_DIMS)
    return convoy_infer_fail (n, error, "%u dimensions, %u are possible", idx->n + 1, CONVOY_MAX_DIMS);
  if (!convoy_infer_axis (n, convoy_node_int (n, "axis", -1), idx->n + 1, &axis, error))
    return FALSE;
  if (!in[1].value || convoy_shape_count (&in[1].shape) != 1 || (depth = convoy_int_at (in[1].value, 0)) < 1)
    return convoy_infer_fail (n, error, "depth is no constant number above 0");
  if (convoy_shape_count (&in[2].shape) != 2)
    return convoy_infer_fail (n, error, "%" G_GINT64_FORMAT " values, two are wanted", convoy_shape_count (&in[2].shape));
  out[0].type = in[2].type;
  y->n = idx->n + 1;
  for (guint i = 0; i < y->n; i++)
    y->d[i] = i == axis ? depth : idx->d[i < axis ? i : i - 1];
  return convoy_infer_size (n, y, error);
}

/* An index outside of the axis is hot nowhere. */
static gboolean
one_hot_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  const ConvoyShape *y = convoy_tensor_shape (out[0]);
  gsize size = convoy_type_size (convoy_tensor_type (out[0]));
  const char *off = convoy_tensor_data (in[2]), *on = off + size;
  char *dst = convoy_tensor_data (out[0]);
  gint64 inner, depth, count = convoy_tensor_count (in[0]);
  ConvoyWalk w = { 0 };
  guint axis;
  if (!convoy_infer_axis (n, convoy_node_int (n, "axis", -1), y->n, &axis, error))
    return FALSE;
  depth = y->d[axis];
  inner = convoy_count_range (y, axis + 1, y->n);
  convoy_walk_add (&w, convoy_tensor_count (out[0]), 1, 0, 0, 0);
  convoy_copy (&w, size, dst, off);
  for (gint64 i = 0; i < count; i++) {
    gint64 at = convoy_int_at (in[0], i);
    if (at >= -depth && at < depth)
      memcpy (dst + ((i / inner * depth + (at < 0 ? at + depth : at)) * inner + i % inner) * size, on, size);
  }
  return TRUE;
}

const ConvoyOp convoy_op_gather = {
  .name = "Gather", .min_in = 2, .max_in = 2, .attrs = "axis=i", .no_grad = 1 << 1,
  .infer = gather_infer, .eval = gather_eval, .grad = gather_grad,
};

const ConvoyOp convoy_op_one_hot = {
  .name = "OneHot", .min_in = 3, .max_in = 3, .attrs = "axis=i", .const_in = 1 << 1,
  .infer = one_hot_infer, .eval = one_hot_eval,
};
