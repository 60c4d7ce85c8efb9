/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * expand.c - operators that repeat the data: Expand, Tile. */
#include "core/ops/index.h"

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
  convoy_strides (from, a);
  convoy_strides (to, b);
  for (guint i = 0; i < to->n; i++) {
    convoy_walk_add (&w, from->d[i] ? to->d[i] / from->d[i] : 0, b[i] * from->d[i], 0, 0, 0);
    convoy_walk_add (&w, from->d[i], b[i], a[i], 0, 0);
  }
  convoy_copy (&w, convoy_type_size (convoy_tensor_type (in[0])), convoy_tensor_data (out[0]), convoy_tensor_data (in[0]));
  return TRUE;
}

const ConvoyOp convoy_op_expand = {
  .name = "Expand", .min_in = 2, .max_in = 2, .const_in = 1 << 1,
  .infer = expand_infer, .eval = expand_eval,
};

const ConvoyOp convoy_op_tile = {
  .name = "Tile", .min_in = 2, .max_in = 2, .const_in = 1 << 1,
  .infer = tile_infer, .eval = tile_eval,
};
