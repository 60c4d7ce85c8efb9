/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * binary.c - Add, Sub, Mul, Div, Max, Min, Sum (ONNX 7, 13, 14) with broadcasting. A residual sum
 * rides on the convolution before it, a per-channel constant folds into its weights. */
#include "core/ops/slope.h"
#include "core/ops/window.h"

static const struct { const char *op; ConvoyBin kind; gboolean commutes; } kinds[] = {
  { "Add", CONVOY_BIN_ADD, TRUE }, { "Sum", CONVOY_BIN_ADD, TRUE }, { "Sub", CONVOY_BIN_SUB, FALSE }, { "Mul", CONVOY_BIN_MUL, TRUE },
  { "Div", CONVOY_BIN_DIV, FALSE }, { "Max", CONVOY_BIN_MAX, TRUE }, { "Min", CONVOY_BIN_MIN, TRUE },
};

static guint
kind_of (const ConvoyNode *n)
{
  return convoy_node_row (n, kinds, sizeof *kinds);
}

static gboolean
infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  out[0] = (ConvoyFact) { in[0].type, in[0].shape, NULL };
  if (!convoy_infer_type (n, in, 0, CONVOY_T_NUMBER, error) || !convoy_infer_until (n, "broadcast", 7, error) || !convoy_infer_until (n, "axis", 7, error))
    return FALSE;
  if (convoy_node_has (n, "axis") && convoy_node_int (n, "axis", 0) + (gint64) in[1].shape.n != (gint64) in[0].shape.n)
    return convoy_infer_fail (n, error, "axis %" G_GINT64_FORMAT " is supported only where the second input reaches the last dimension", convoy_node_int (n, "axis", 0));
  for (guint i = 1; i < n->n_in; i++) {
    if (in[i].type != in[0].type || in[i].shape.n == G_MAXUINT)
      return convoy_infer_fail (n, error, "input %u must be %s like the first", i, convoy_type_name (in[0].type));
    if (!convoy_infer_broadcast (n, &out[0].shape, &in[i].shape, &out[0].shape, error))
      return FALSE;
  }
  return TRUE;
}

/* --- on plain tensors ------------------------------------------------ */

#define MAPS(suffix, type, div) \
  static void add_##suffix (gint64 n, void *const *x, void *y, const void *u) { (void) u; for (gint64 i = 0; i < n; i++) ((type *) y)[i] = ((type *) x[0])[i] + ((type *) x[1])[i]; } \
  static void sub_##suffix (gint64 n, void *const *x, void *y, const void *u) { (void) u; for (gint64 i = 0; i < n; i++) ((type *) y)[i] = ((type *) x[0])[i] - ((type *) x[1])[i]; } \
  static void mul_##suffix (gint64 n, void *const *x, void *y, const void *u) { (void) u; for (gint64 i = 0; i < n; i++) ((type *) y)[i] = ((type *) x[0])[i] * ((type *) x[1])[i]; } \
  static void div_##suffix (gint64 n, void *const *x, void *y, const void *u) { (void) u; for (gint64 i = 0; i < n; i++) ((type *) y)[i] = div (((type *) x[0])[i], ((type *) x[1])[i]); } \
  static void max_##suffix (gint64 n, void *const *x, void *y, const void *u) { (void) u; for (gint64 i = 0; i < n; i++) { type a = ((type *) x[0])[i], b = ((type *) x[1])[i]; ((type *) y)[i] = a > b || a != a ? a : b; } } \
  static void min_##suffix (gint64 n, void *const *x, void *y, const void *u) { (void) u; for (gint64 i = 0; i < n; i++) { type a = ((type *) x[0])[i], b = ((type *) x[1])[i]; ((type *) y)[i] = a < b || a != a ? a : b; } }

/* Integer arithmetic wraps, so signed types go the way of unsigned ones but for division and order. */
#define REAL_DIV(a, b) ((a) / (b))
#define SIGNED_DIV(a, b) ((b) == -1 ? (gint64) (0 - (guint64) (a)) : (a) / (b))
MAPS (real, double, REAL_DIV)
MAPS (unsigned, guint64, REAL_DIV)

static void div_signed (gint64 n, void *const *x, void *y, const void *u) { (void) u; for (gint64 i = 0; i < n; i++) { gint64 a = ((gint64 *) x[0])[i], b = ((gint64 *) x[1])[i]; ((gint64 *) y)[i] = SIGNED_DIV (a, b); } }
static void max_signed (gint64 n, void *const *x, void *y, const void *u) { (void) u; for (gint64 i = 0; i < n; i++) ((gint64 *) y)[i] = MAX (((gint64 *) x[0])[i], ((gint64 *) x[1])[i]); }
static void min_signed (gint64 n, void *const *x, void *y, const void *u) { (void) u; for (gint64 i = 0; i < n; i++) ((gint64 *) y)[i] = MIN (((gint64 *) x[0])[i], ((gint64 *) x[1])[i]); }

static const ConvoyMap maps[CONVOY_N_BIN][CONVOY_N_KINDS] = {
  [CONVOY_BIN_ADD] = { add_real, add_unsigned, add_unsigned }, [CONVOY_BIN_SUB] = { sub_real, sub_unsigned, sub_unsigned },
  [CONVOY_BIN_MUL] = { mul_real, mul_unsigned, mul_unsigned }, [CONVOY_BIN_DIV] = { div_real, div_signed, div_unsigned },
  [CONVOY_BIN_MAX] = { max_real, max_signed, max_unsigned }, [CONVOY_BIN_MIN] = { min_real, min_signed, min_unsigned },
};

static gboolean
eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  ConvoyKind kind = convoy_type_kind (convoy_tensor_type (in[0]));
  ConvoyBin bin = kinds[kind_of (n)].kind;
  if (n->n_in == 1)
    return convoy_eval_copy (n, in, out, error);
  if (bin == CONVOY_BIN_DIV && kind != CONVOY_REAL)
    for (gint64 i = 0; i < convoy_tensor_count (in[1]); i++)
      if (convoy_int_at (in[1], i) == 0)
        return convoy_infer_fail (n, error, "division by zero");
  ConvoyTensor *pair[2] = { in[0], in[1] };
  for (guint i = 1; i < n->n_in; i++) { /* the running result, spread to the final shape, and the next input */
    pair[1] = in[i];
    if (!convoy_map (pair, 2, out[0], kind, maps[bin][kind], NULL))
      return convoy_infer_fail (n, error, "no memory");
    pair[0] = out[0];
  }
  return TRUE;
}

/* --- on oneDNN ------------------------------------------------------- */

/* A shape with ones put before it. */
static ConvoyShape
ranked (const ConvoyShape *s, guint rank)
{
  ConvoyShape r = { rank, { 0 } };
  for (guint i = 0; i < rank; i++)
    r.d[i] = i + s->n < rank ? 1 : s->d[i + s->n - rank];
  return r;
}

static gboolean
forward (ConvoyBuild *b, const ConvoyNode *n)
{
  const ConvoyShape *out = convoy_build_shape (b, n->out);
  guint k = kind_of (n), count;
  const ConvoyPost *posts = convoy_build_posts (b, n, &count);
  if (n->n_in != 2 || convoy_build_type (b, n->out) != CONVOY_F32 || out->n < 1 || convoy_shape_count (out) < 1)
    return FALSE;
  guint big = convoy_shape_equal (convoy_build_shape (b, n->in[0]), out) ? 0 : 1;
  if (!convoy_shape_equal (convoy_build_shape (b, n->in[big]), out) || (big && !kinds[k].commutes))
    return FALSE;
  ConvoyBuf x = convoy_build_in (b, n->in[big]), y = convoy_build_in (b, n->in[1 - big]);
  ConvoyShape small = ranked (convoy_build_shape (b, n->in[1 - big]), out->n);
  if (!convoy_shape_equal (convoy_build_shape (b, n->in[1 - big]), out)) {
    ConvoyMd *md = convoy_md_plain (&small);
    y = convoy_build_view (b, convoy_build_in_plain (b, n->in[1 - big]), &small, md);
    convoy_md_free (md);
  }
  if (convoy_shape_equal (&small, out))
    y = convoy_build_in_as (b, y, convoy_build_md (b, x));
  ConvoyDnnPosts more = { 0 };
  for (guint i = 0; i < count; i++)
    for (guint e = 0; e < posts[i].n_ew; e++)
      more.p[more.n++] = (typeof (more.p[0])) { CONVOY_DP_EW, posts[i].ew[e].kind, posts[i].ew[e].a, posts[i].ew[e].b, 0, FALSE };
  const ConvoyMd *md = convoy_build_md (b, x);
  ConvoyPrim *p = convoy_dnn_binary (kinds[k].kind, md, convoy_build_md (b, y), md, &more, convoy_build_error (b));
  convoy_build_prim (b, n->op->name, p, CONVOY_ARG_SRC, x, CONVOY_ARG_SRC1, y, CONVOY_ARG_DST, convoy_build_out (b, n->out, md), -1);
  return TRUE;
}

/* --- gradients: maps of dy, a and b ------------------------------------ */

CONVOY_SLOPE (same, dy)
CONVOY_SLOPE (minus, -dy)
CONVOY_SLOPE (times_b, dy * b)
CONVOY_SLOPE (times_a, dy * a)
CONVOY_SLOPE (over_b, dy / b)
CONVOY_SLOPE (of_divisor, -dy * a / (b * b))
CONVOY_SLOPE (where_more, a >= b ? dy : 0)              /* of two that are alike the first has it */
CONVOY_SLOPE (where_less, a <= b ? dy : 0)
CONVOY_SLOPE (where_not_more, a >= b ? 0 : dy)
CONVOY_SLOPE (where_not_less, a <= b ? 0 : dy)

static const ConvoyMap slopes[CONVOY_N_BIN][2] = {
  [CONVOY_BIN_ADD] = { same, same }, [CONVOY_BIN_SUB] = { same, minus }, [CONVOY_BIN_MUL] = { times_b, times_a },
  [CONVOY_BIN_DIV] = { over_b, of_divisor }, [CONVOY_BIN_MAX] = { where_more, where_not_more }, [CONVOY_BIN_MIN] = { where_less, where_not_less },
};

static gboolean
grad (CONVOY_GRAD_ARGS)
{
  ConvoyBin bin = kinds[kind_of (n)].kind;
  (void) out;
  if (n->n_in > 2 && bin != CONVOY_BIN_ADD)
    return convoy_infer_fail (n, error, "no gradient for %u inputs", n->n_in);
  for (guint i = 0; i < n->n_in; i++) {
    if (din[i] == NULL)
      continue;
    if (bin == CONVOY_BIN_ADD || n->n_in == 1)
      convoy_sum_to (dout[0], din[i]);
    else if (!convoy_slope (n, (ConvoyTensor *[]) { dout[0], in[0], in[1] }, 3, din[i], slopes[bin][i], NULL, error))
      return FALSE;
  }
  return TRUE;
}

/* A sum hands the gradient on as it is to each input that was not repeated. */
static gboolean
backward (ConvoyBuild *b, const ConvoyNode *n)
{
  for (guint i = 0; i < n->n_in; i++)
    if (kinds[kind_of (n)].kind != CONVOY_BIN_ADD
        || (convoy_build_wants (b, n->in[i]) && !convoy_shape_equal (convoy_build_shape (b, n->in[i]), convoy_build_shape (b, n->out))))
      return FALSE;
  for (guint i = 0; i < n->n_in; i++)
    if (convoy_build_wants (b, n->in[i]))
      convoy_build_grad_pass (b, n->in[i], convoy_build_grad (b, n->out));
  return TRUE;
}

/* One number for each channel of x (NxCx...): shape C, or with ones behind it. */
static gboolean
per_channel (const ConvoyShape *s, const ConvoyShape *x)
{
  ConvoyShape r = ranked (s, x->n);
  gboolean ok = s->n <= x->n && x->n >= 2;
  for (guint i = 0; ok && i < x->n; i++)
    ok = r.d[i] == (i == 1 ? x->d[1] : 1);
  return ok;
}

static gboolean
as_post (ConvoyBuild *b, const ConvoyNode *n, ConvoyValue v, ConvoyPost *post)
{
  ConvoyBin kind = kinds[kind_of (n)].kind;
  const ConvoyShape *out = convoy_build_shape (b, n->out), *s = convoy_build_shape (b, v);
  if (n->n_in != 2 || n->in[0] == n->in[1] || convoy_build_type (b, v) != CONVOY_F32 || !convoy_shape_equal (out, s))
    return FALSE;
  ConvoyValue other = n->in[0] == v ? n->in[1] : n->in[0];
  const ConvoyShape *os = convoy_build_shape (b, other);
  post->scale = post->shift = post->mean = post->variance = CONVOY_NONE;
  if (kind == CONVOY_BIN_ADD && convoy_shape_equal (os, out) && !convoy_build_static (b, other)) {
    post->kind = CONVOY_POST_ADD;
    post->other = other;
    return TRUE;
  }
  if (!convoy_build_static (b, other) || !per_channel (os, s) || (kind != CONVOY_BIN_ADD && kind != CONVOY_BIN_MUL))
    return FALSE;
  post->kind = CONVOY_POST_AFFINE;
  *(kind == CONVOY_BIN_ADD ? &post->shift : &post->scale) = other;
  return TRUE;
}

#define BINARY(id, op_name, min, max, old_attrs) \
  const ConvoyOp convoy_op_##id = { \
    .name = op_name, .min_in = min, .max_in = max, .attrs = old_attrs, .flags = CONVOY_OP_SAMPLEWISE, \
    .infer = infer, .eval = eval, .grad = grad, .forward = forward, .backward = backward, .as_post = as_post, .takes_post = convoy_takes_eltwise, \
  }

#define OLD "axis=i broadcast=i" /* before operator set 7 */
BINARY (add, "Add", 2, 2, OLD);
BINARY (sub, "Sub", 2, 2, OLD);
BINARY (mul, "Mul", 2, 2, OLD);
BINARY (div, "Div", 2, 2, OLD);
BINARY (max, "Max", 1, G_MAXUINT, NULL);
BINARY (min, "Min", 1, G_MAXUINT, NULL);
BINARY (sum, "Sum", 1, G_MAXUINT, NULL);
