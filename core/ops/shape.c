/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * shape.c - operators that only see the data under another shape: Identity, Flatten, Reshape, Squeeze, Unsqueeze. */
#include "core/ops/index.h"

static gboolean
flatten_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  const ConvoyShape *x = &in[0].shape;
  gint64 axis = convoy_node_int (n, "axis", 1), rank = x->n;
  if (axis < (n->opset < 11 ? 0 : -rank) || axis > rank)
    return convoy_infer_fail (n, error, "axis %" G_GINT64_FORMAT " of %u dimensions", axis, x->n);
  axis += axis < 0 ? rank : 0;
  out[0].type = in[0].type;
  out[0].shape = CONVOY_SHAPE (convoy_count_range (x, 0, axis), convoy_count_range (x, axis, rank));
  return convoy_infer_size (n, &out[0].shape, error);
}

/* Fills in the one dimension given as -1. FALSE: there are several, or the elements do not come out even. */
static gboolean
complete (ConvoyShape *s, gint64 count)
{
  gint64 known = 1, *rest = NULL;
  for (guint i = 0; i < s->n; i++)
    if (s->d[i] == -1 && !rest)
      rest = &s->d[i];
    else if (s->d[i] < 0 || __builtin_mul_overflow (known, s->d[i], &known))
      return FALSE;
  if (!rest)
    return known == count;
  if (known == 0 || count % known)
    return FALSE;
  *rest = count / known;
  return TRUE;
}

static gboolean
reshape_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  const ConvoyShape *x = &in[0].shape;
  ConvoyShape *y = &out[0].shape, wanted;
  g_autofree gint64 *v = NULL;
  g_autofree char *from = NULL, *to = NULL;
  gsize len;
  if (!convoy_infer_ints (n, in, 1, NULL, &v, &len, error))
    return FALSE;
  if (len > CONVOY_MAX_DIMS)
    return convoy_infer_fail (n, error, "%u dimensions wanted, %u are possible", (guint) len, CONVOY_MAX_DIMS);
  wanted.n = len;
  for (gsize i = 0; i < len; i++)
    wanted.d[i] = v[i] || convoy_node_int (n, "allowzero", 0) ? v[i] : i < x->n ? x->d[i] : -2;
  out[0].type = in[0].type;
  *y = wanted;
  if (complete (y, convoy_shape_count (x)))
    return TRUE;
  from = convoy_shape_str (x), to = convoy_shape_str (&wanted);
  return convoy_infer_fail (n, error, "input %s does not fit shape %s", from, to);
}

static gboolean
squeeze_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  const ConvoyShape *x = &in[0].shape;
  ConvoyShape y = { 0 };
  gboolean given;
  guint axes;
  if (!convoy_infer_axes (n, in, 1, 13, x->n, &axes, &given, error))
    return FALSE;
  for (guint i = 0; i < x->n; i++)
    if (given ? !(axes & 1u << i) : x->d[i] != 1)
      y.d[y.n++] = x->d[i];
    else if (x->d[i] != 1)
      return convoy_infer_fail (n, error, "dimension %u is %" G_GINT64_FORMAT ", not 1", i, x->d[i]);
  out[0].type = in[0].type;
  out[0].shape = y;
  return TRUE;
}

static gboolean
unsqueeze_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  const ConvoyShape *x = &in[0].shape;
  ConvoyShape y = { 0 };
  g_autofree gint64 *v = NULL;
  gboolean given;
  gsize len;
  guint axes;
  if (!convoy_infer_form (n, in, 1, "axes", 13, error) || !convoy_infer_ints (n, in, 1, "axes", &v, &len, error))
    return FALSE;
  if (!CONVOY_GIVEN (n, in, 1) && !convoy_node_has (n, "axes"))
    return convoy_infer_fail (n, error, "axes are missing");
  if (len > CONVOY_MAX_DIMS - x->n)
    return convoy_infer_fail (n, error, "%u dimensions more than the %u there are, %u are possible", (guint) len, x->n, CONVOY_MAX_DIMS);
  y.n = x->n + len;
  if (!convoy_infer_axes (n, in, 1, 13, y.n, &axes, &given, error))
    return FALSE;
  for (guint i = 0, k = 0; i < y.n; i++)
    y.d[i] = axes & 1u << i ? 1 : x->d[k++];
  out[0].type = in[0].type;
  out[0].shape = y;
  return TRUE;
}

const ConvoyOp convoy_op_identity = {
  .name = "Identity", .min_in = 1, .max_in = 1, .flags = CONVOY_OP_ALIAS,
  .infer = convoy_infer_same, .eval = convoy_eval_copy,
};

const ConvoyOp convoy_op_flatten = {
  .name = "Flatten", .min_in = 1, .max_in = 1, .attrs = "axis=i", .flags = CONVOY_OP_ALIAS,
  .infer = flatten_infer, .eval = convoy_eval_copy,
};

const ConvoyOp convoy_op_reshape = {
  .name = "Reshape", .min_in = 2, .max_in = 2, .attrs = "allowzero=i", .flags = CONVOY_OP_ALIAS, .const_in = 1 << 1,
  .infer = reshape_infer, .eval = convoy_eval_copy,
};

const ConvoyOp convoy_op_squeeze = {
  .name = "Squeeze", .min_in = 1, .max_in = 2, .attrs = "axes=I", .flags = CONVOY_OP_ALIAS, .const_in = 1 << 1,
  .infer = squeeze_infer, .eval = convoy_eval_copy,
};

const ConvoyOp convoy_op_unsqueeze = {
  .name = "Unsqueeze", .min_in = 1, .max_in = 2, .attrs = "axes=I", .flags = CONVOY_OP_ALIAS, .const_in = 1 << 1,
  .infer = unsqueeze_infer, .eval = convoy_eval_copy,
};
