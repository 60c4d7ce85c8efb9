/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * transpose.c - operators that put the same elements in another order: Transpose, DepthToSpace, SpaceToDepth. */
#include "core/ops/slope.h"

/* Copies x, seen as dimensions d[0..rank-1], with dimension perm[i] in place i. */
static void
permute (const ConvoyTensor *x, ConvoyTensor *y, guint rank, const gint64 *d, const guint *perm)
{
  ConvoyShape from = { .n = rank }, to = { .n = rank };
  gint64 a[CONVOY_MAX_DIMS], b[CONVOY_MAX_DIMS];
  ConvoyWalk w = { 0 };
  for (guint i = 0; i < rank; i++) {
    from.d[i] = d[i];
    to.d[i] = d[perm[i]];
  }
  convoy_strides (&from, a);
  convoy_strides (&to, b);
  for (guint i = 0; i < rank; i++)
    convoy_walk_add (&w, to.d[i], b[i], a[perm[i]], 0, 0);
  convoy_copy (&w, convoy_type_size (convoy_tensor_type (x)), convoy_tensor_data (y), convoy_tensor_data (x));
}

static gboolean
transpose_perm (const ConvoyNode *n, guint rank, guint *perm, GError **error)
{
  gsize len;
  const gint64 *v = convoy_node_ints (n, "perm", &len);
  guint seen = 0;
  for (guint i = 0; i < rank; i++)
    perm[i] = rank - 1 - i;
  if (!v)
    return TRUE;
  if (len != rank)
    return convoy_infer_fail (n, error, "perm of %u axes for %u dimensions", (guint) len, rank);
  for (guint i = 0; i < rank; i++) {
    if (v[i] < 0 || v[i] >= rank || seen & 1u << v[i])
      return convoy_infer_fail (n, error, "perm[%u] is %" G_GINT64_FORMAT ", which is out of 0..%u or there twice", i, v[i], rank - 1);
    perm[i] = v[i];
    seen |= 1u << v[i];
  }
  return TRUE;
}

static gboolean
transpose_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  guint perm[CONVOY_MAX_DIMS];
  if (!transpose_perm (n, in[0].shape.n, perm, error))
    return FALSE;
  convoy_infer_same (n, in, out, error);
  for (guint i = 0; i < in[0].shape.n; i++)
    out[0].shape.d[i] = in[0].shape.d[perm[i]];
  return TRUE;
}

static gboolean
transpose_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  const ConvoyShape *s = convoy_tensor_shape (in[0]);
  guint perm[CONVOY_MAX_DIMS];
  if (!transpose_perm (n, s->n, perm, error))
    return FALSE;
  permute (in[0], out[0], s->n, s->d, perm);
  return TRUE;
}

static gboolean
transpose_grad (CONVOY_GRAD_ARGS)
{
  const ConvoyShape *s = convoy_tensor_shape (dout[0]);
  guint perm[CONVOY_MAX_DIMS], back[CONVOY_MAX_DIMS];
  (void) in, (void) out;
  if (!transpose_perm (n, s->n, perm, error))
    return FALSE;
  for (guint i = 0; i < s->n; i++)
    back[perm[i]] = i;
  permute (dout[0], din[0], s->n, s->d, back);
  return TRUE;
}

static gboolean
depth_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  gboolean to_space = n->op->name[0] == 'D';
  const char *mode = convoy_node_str (n, "mode", "DCR");
  gint64 b = convoy_node_int (n, "blocksize", 0), *d = out[0].shape.d;
  g_autofree char *s = convoy_shape_str (&in[0].shape);
  if (!convoy_infer_rank (n, in, 0, 4, 4, error))
    return FALSE;
  if (!g_str_equal (mode, "DCR") && !g_str_equal (mode, "CRD"))
    return convoy_infer_fail (n, error, "mode %s is neither DCR nor CRD", mode);
  convoy_infer_same (n, in, out, error);
  if (b <= 0 || b > G_MAXINT16 || (to_space ? d[1] % (b * b) : d[1] > G_MAXINT32 || d[2] % b || d[3] % b))
    return convoy_infer_fail (n, error, "input %s does not fit blocks of %" G_GINT64_FORMAT, s, b);
  d[1] = to_space ? d[1] / (b * b) : d[1] * (b * b);
  d[2] = to_space ? d[2] * b : d[2] / b;
  d[3] = to_space ? d[3] * b : d[3] / b;
  return convoy_infer_size (n, &out[0].shape, error);
}

static gboolean
depth_to_space_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  static const guint dcr[] = { 0, 3, 4, 1, 5, 2 }, crd[] = { 0, 1, 4, 2, 5, 3 };
  gboolean is_crd = convoy_node_str (n, "mode", "DCR")[0] == 'C';
  const gint64 *x = convoy_tensor_shape (in[0])->d, *y = convoy_tensor_shape (out[0])->d;
  gint64 b = convoy_node_int (n, "blocksize", 0), c = y[1];
  (void) error;
  permute (in[0], out[0], 6, is_crd ? (gint64[]) { x[0], c, b, b, x[2], x[3] } : (gint64[]) { x[0], b, b, c, x[2], x[3] }, is_crd ? crd : dcr);
  return TRUE;
}

static gboolean
space_to_depth_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  static const guint perm[] = { 0, 3, 5, 1, 2, 4 };
  const gint64 *x = convoy_tensor_shape (in[0])->d, *y = convoy_tensor_shape (out[0])->d;
  gint64 b = convoy_node_int (n, "blocksize", 0);
  (void) error;
  permute (in[0], out[0], 6, (gint64[]) { x[0], x[1], y[2], b, y[3], b }, perm);
  return TRUE;
}

/* Each is the way back of the other. */
static gboolean
depth_to_space_grad (CONVOY_GRAD_ARGS)
{
  static const guint dcr[] = { 0, 3, 5, 1, 2, 4 }, crd[] = { 0, 1, 3, 5, 2, 4 };
  gboolean is_crd = convoy_node_str (n, "mode", "DCR")[0] == 'C';
  const gint64 *x = convoy_tensor_shape (din[0])->d, *y = convoy_tensor_shape (dout[0])->d;
  gint64 b = convoy_node_int (n, "blocksize", 0);
  (void) in, (void) out, (void) error;
  permute (dout[0], din[0], 6, (gint64[]) { x[0], y[1], x[2], b, x[3], b }, is_crd ? crd : dcr);
  return TRUE;
}

static gboolean
space_to_depth_grad (CONVOY_GRAD_ARGS)
{
  static const guint perm[] = { 0, 3, 4, 1, 5, 2 };
  const gint64 *x = convoy_tensor_shape (din[0])->d, *y = convoy_tensor_shape (dout[0])->d;
  gint64 b = convoy_node_int (n, "blocksize", 0);
  (void) in, (void) out, (void) error;
  permute (dout[0], din[0], 6, (gint64[]) { x[0], b, b, x[1], y[2], y[3] }, perm);
  return TRUE;
}

const ConvoyOp convoy_op_transpose = {
  .name = "Transpose", .min_in = 1, .max_in = 1, .attrs = "perm=I",
  .flags = CONVOY_OP_GRAD_LINEAR, .infer = transpose_infer, .eval = transpose_eval, .grad = transpose_grad,
};

const ConvoyOp convoy_op_depth_to_space = {
  .name = "DepthToSpace", .min_in = 1, .max_in = 1, .attrs = "+blocksize=i mode=s",
  .flags = CONVOY_OP_GRAD_LINEAR, .infer = depth_infer, .eval = depth_to_space_eval, .grad = depth_to_space_grad,
};

const ConvoyOp convoy_op_space_to_depth = {
  .name = "SpaceToDepth", .min_in = 1, .max_in = 1, .attrs = "+blocksize=i mode=s",
  .flags = CONVOY_OP_GRAD_LINEAR, .infer = depth_infer, .eval = space_to_depth_eval, .grad = space_to_depth_grad,
};
