/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * expand.c - operators that repeat the data: Expand, Tile. */
#include "core/ops/slope.h"

static gboolean
expand_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  ConvoyShape to = { 0 };
  g_autofree gint64 *v = NULL;
  gsize len;
  if (!convoy_infer_ints (n, in, 1, NULL, &v, &len, error))
    return FALSE;
  if (len > CONVOY_MAX_DIMS)
    return convoy_infer_fail (n, error, "%u dimensions wanted, %u are possible", (guint) len, CONVOY_MAX_DIMS);
  to.n = len;
  for (gsize i = 0; i < len; i++)
    to.d[i] = v[i];
  out[0].type = in[0].type;
  return convoy_infer_size (n, &to, error) && convoy_infer_broadcast (n, &in[0].shape, &to, &out[0].shape, error)
    && convoy_infer_size (n, &out[0].shape, error);
}

static gboolean
expand_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  const ConvoyShape *to = convoy_tensor_shape (out[0]);
  gint64 a[CONVOY_MAX_DIMS], b[CONVOY_MAX_DIMS];
  ConvoyWalk w = { 0 };
  (void) n, (void) error;
  convoy_strides_to (convoy_tensor_shape (in[0]), to, a);
  convoy_strides (to, b);
  for (guint i = 0; i < to->n; i++)
    convoy_walk_add (&w, to->d[i], b[i], a[i], 0, 0);
  convoy_copy (&w, convoy_type_size (convoy_tensor_type (in[0])), convoy_tensor_data (out[0]), convoy_tensor_data (in[0]));
  return TRUE;
}

static gboolean
expand_grad (CONVOY_GRAD_ARGS)
{
  (void) n, (void) in, (void) out, (void) error;
  convoy_sum_to (dout[0], din[0]);
  return TRUE;
}

static gboolean
tile_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  g_autofree gint64 *v = NULL;
  gsize len;
  if (!convoy_infer_ints (n, in, 1, NULL, &v, &len, error))
    return FALSE;
  convoy_infer_same (n, in, out, error);
  if (len != in[0].shape.n)
    return convoy_infer_fail (n, error, "%u repeats for %u dimensions", (guint) len, in[0].shape.n);
  for (gsize i = 0; i < len; i++)
    if (v[i] < 0 || __builtin_mul_overflow (in[0].shape.d[i], v[i], &out[0].shape.d[i]))
      return convoy_infer_fail (n, error, "dimension %u, %" G_GINT64_FORMAT ", repeated %" G_GINT64_FORMAT " times", (guint) i, in[0].shape.d[i], v[i]);
  return convoy_infer_size (n, &out[0].shape, error);
}

static gboolean
tile_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  const ConvoyShape *from = convoy_tensor_shape (in[0]), *to = convoy_tensor_shape (out[0]);
  gint64 a[CONVOY_MAX_DIMS], b[CONVOY_MAX_DIMS];
  ConvoyWalk w = { 0 };
  (void) n, (void) error;
  if (convoy_tensor_count (out[0]) == 0)
    return TRUE;
  convoy_strides (from, a);
  convoy_strides (to, b);
  for (guint i = 0; i < to->n; i++) {
    convoy_walk_add (&w, from->d[i] ? to->d[i] / from->d[i] : 0, b[i] * from->d[i], 0, 0, 0);
    convoy_walk_add (&w, from->d[i], b[i], a[i], 0, 0);
  }
  convoy_copy (&w, convoy_type_size (convoy_tensor_type (in[0])), convoy_tensor_data (out[0]), convoy_tensor_data (in[0]));
  return TRUE;
}

/* Seen as repeats x size for each axis, in which the repeats are summed. */
static gboolean
tile_grad (CONVOY_GRAD_ARGS)
{
  const ConvoyShape *x = convoy_tensor_shape (din[0]), *y = convoy_tensor_shape (dout[0]);
  (void) in, (void) out;
  if (x->n > CONVOY_MAX_DIMS / 2)
    return convoy_infer_fail (n, error, "no gradient for %u dimensions", x->n);
  ConvoyShape from = { .n = 2 * x->n }, to = from;
  for (guint i = 0; i < x->n; i++) {
    from.d[2 * i] = x->d[i] ? y->d[i] / x->d[i] : 0;
    to.d[2 * i] = 1;
    from.d[2 * i + 1] = to.d[2 * i + 1] = x->d[i];
  }
  g_autoptr (ConvoyTensor) dy = convoy_view (dout[0], &from);
  g_autoptr (ConvoyTensor) dx = convoy_view (din[0], &to);
  convoy_sum_to (dy, dx);
  return TRUE;
}

const ConvoyOp convoy_op_expand = {
  .name = "Expand", .min_in = 2, .max_in = 2, .const_in = 1 << 1,
  .flags = CONVOY_OP_GRAD_LINEAR, .infer = expand_infer, .eval = expand_eval, .grad = expand_grad,
};

const ConvoyOp convoy_op_tile = {
  .name = "Tile", .min_in = 2, .max_in = 2, .const_in = 1 << 1,
  .flags = CONVOY_OP_GRAD_LINEAR, .infer = tile_infer, .eval = tile_eval, .grad = tile_grad,
};
