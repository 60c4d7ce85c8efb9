/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gemm.c - Gemm (ONNX 7, 9, 11, 13) and MatMul (9, 13): a fully connected layer where the second
 * matrix is a weight, else a matrix product. */
#include "core/ops/slope.h"
#include "core/ops/window.h"
#include <string.h>

#define TINY 4096 /* multiplications */

/* --- Gemm ------------------------------------------------------------ */

static gboolean
gemm_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  const ConvoyShape *a = &in[0].shape, *w = &in[1].shape;
  guint ta = convoy_node_int (n, "transA", 0) != 0, tb = convoy_node_int (n, "transB", 0) != 0;
  if (!convoy_infer_type (n, in, 0, CONVOY_T_NUMBER, error) || !convoy_infer_until (n, "broadcast", 7, error))
    return FALSE;
  if (a->n != 2 || w->n != 2 || a->d[1 - ta] != w->d[tb] || in[1].type != in[0].type) {
    g_autofree char *x = convoy_shape_str (a), *y = convoy_shape_str (w);
    return convoy_infer_fail (n, error, "%s%s by %s%s", x, ta ? " transposed" : "", y, tb ? " transposed" : "");
  }
  ConvoyShape s = CONVOY_SHAPE (a->d[ta], w->d[1 - tb]), c;
  if (CONVOY_GIVEN (n, in, 2)
      && (in[2].type != in[0].type || !convoy_infer_broadcast (n, &s, &in[2].shape, &c, error) || !convoy_shape_equal (&s, &c))) {
    g_autofree char *x = convoy_shape_str (&in[2].shape), *y = convoy_shape_str (&s);
    g_clear_error (error);
    return convoy_infer_fail (n, error, "C of %s does not broadcast to %s", x, y);
  }
  out[0] = (ConvoyFact) { in[0].type, s, NULL };
  return TRUE;
}

/* y[m,k] = alpha * a[m,.] b[.,k] + beta * c, with any strides. */
typedef struct { gint64 m, k, n, a_row, a_col, b_row, b_col; } Product;

static void
product (const Product *p, const double *a, const double *b, double *y)
{
  for (gint64 i = 0; i < p->m; i++)
    for (gint64 j = 0; j < p->n; j++) {
      double sum = 0;
      for (gint64 k = 0; k < p->k; k++)
        sum += a[i * p->a_row + k * p->a_col] * b[k * p->b_row + j * p->b_col];
      y[i * p->n + j] = sum;
    }
}

static gboolean
gemm_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  const ConvoyShape *as = convoy_tensor_shape (in[0]), *bs = convoy_tensor_shape (in[1]), *ys = convoy_tensor_shape (out[0]);
  gboolean ta = convoy_node_int (n, "transA", 0) != 0, tb = convoy_node_int (n, "transB", 0) != 0;
  double alpha = convoy_node_float (n, "alpha", 1), beta = convoy_node_float (n, "beta", 1);
  Product p = { ys->d[0], as->d[1 - ta], ys->d[1], ta ? 1 : as->d[1], ta ? as->d[1] : 1, tb ? 1 : bs->d[1], tb ? bs->d[1] : 1 };
  g_autofree double *a = convoy_reals (in[0]), *b = convoy_reals (in[1]);
  double *y = g_try_new (double, convoy_tensor_count (out[0]) + 1);
  gint64 c[2] = { 0, 0 };
  if (a && b && y)
    product (&p, a, b, y);
  if (CONVOY_IN (n, in, 2))
    convoy_strides_to (convoy_tensor_shape (in[2]), ys, c);
  for (gint64 i = 0; a && b && y && i < p.m * p.n; i++)
    y[i] = alpha * y[i] + (CONVOY_IN (n, in, 2) ? beta * convoy_real_at (in[2], i / p.n * c[0] + i % p.n * c[1]) : 0);
  if (a == NULL || b == NULL)
    g_clear_pointer (&y, g_free);
  return convoy_put_reals (n, out[0], y, error);
}

static void
put_scaled (ConvoyTensor *t, const double *v, double scale)
{
  for (gint64 i = 0; i < convoy_tensor_count (t); i++)
    ((float *) convoy_tensor_data (t))[i] = v[i] * scale;
}

/* With A and B as they are multiplied: dA = alpha dY B^T, dB = alpha A^T dY, dC = beta times the sum of dY. */
static gboolean
gemm_grad (CONVOY_GRAD_ARGS)
{
  const ConvoyShape *as = convoy_tensor_shape (in[0]), *bs = convoy_tensor_shape (in[1]), *ys = convoy_tensor_shape (dout[0]);
  gboolean ta = convoy_node_int (n, "transA", 0) != 0, tb = convoy_node_int (n, "transB", 0) != 0;
  double alpha = convoy_node_float (n, "alpha", 1), beta = convoy_node_float (n, "beta", 1);
  gint64 rows = ys->d[0], inner = as->d[1 - ta], cols = ys->d[1], a_row = ta ? 1 : inner, a_col = ta ? rows : 1, b_row = tb ? 1 : cols, b_col = tb ? inner : 1;
  g_autofree double *a = convoy_reals (in[0]), *b = convoy_reals (in[1]), *dy = convoy_reals (dout[0]);
  g_autofree double *d = g_try_new (double, MAX (convoy_shape_count (as), convoy_shape_count (bs)) + 1);
  (void) out;
  if (a == NULL || b == NULL || dy == NULL || d == NULL)
    return convoy_infer_fail (n, error, "no memory");
  if (din[0]) {                         /* as A is stored: transposed, it is B dY^T */
    product (ta ? &(Product) { inner, cols, rows, b_row, b_col, 1, cols } : &(Product) { rows, cols, inner, cols, 1, b_col, b_row }, ta ? b : dy, ta ? dy : b, d);
    put_scaled (din[0], d, alpha);
  }
  if (din[1]) {
    product (tb ? &(Product) { cols, rows, inner, 1, cols, a_row, a_col } : &(Product) { inner, rows, cols, a_col, a_row, cols, 1 }, tb ? dy : a, tb ? a : dy, d);
    put_scaled (din[1], d, alpha);
  }
  if (n->n_in > 2 && din[2]) {
    convoy_sum_to (dout[0], din[2]);
    for (gint64 i = 0; i < convoy_tensor_count (din[2]); i++)
      ((float *) convoy_tensor_data (din[2]))[i] *= beta;
  }
  return TRUE;
}

/* x NxC by weights OxC, or CxO, which are then OxC with turned strides. */
typedef struct {
  ConvoyShape x, w, y, bias;
  ConvoyMd *xm, *given, *wm, *ym, *bm;  /* given: the weights as they come; wm: as the primitive may want them; bm NULL: no bias */
} Layer;

static Layer
layer_of (ConvoyBuild *b, const ConvoyNode *n, gboolean weights_are_oc, gboolean bias)
{
  const ConvoyShape *xs = convoy_build_shape (b, n->in[0]), *ws = convoy_build_shape (b, n->in[1]);
  Layer l = { .x = CONVOY_SHAPE (convoy_shape_count (xs) / xs->d[xs->n - 1], xs->d[xs->n - 1]), .w = CONVOY_SHAPE (ws->d[weights_are_oc ? 0 : 1], ws->d[weights_are_oc ? 1 : 0]) };
  gint64 turned[2] = { 1, l.w.d[0] };
  l.y = CONVOY_SHAPE (l.x.d[0], l.w.d[0]);
  l.bias = CONVOY_SHAPE (l.w.d[0]);
  l.xm = convoy_md_plain (&l.x), l.ym = convoy_md_plain (&l.y), l.bm = bias ? convoy_md_plain (&l.bias) : NULL;
  l.given = weights_are_oc ? convoy_md_plain (&l.w) : convoy_md_strided (&l.w, turned);
  l.wm = convoy_build_learning (b, n) ? convoy_md_dup (l.given) : convoy_md_any (&l.w); /* weights that change with every run are not packed */
  return l;
}

static void
layer_clear (Layer *l)
{
  convoy_md_free (l->xm), convoy_md_free (l->given), convoy_md_free (l->wm), convoy_md_free (l->ym), convoy_md_free (l->bm);
}

/* A plain buffer seen as a matrix. */
static ConvoyBuf
as_matrix (ConvoyBuild *b, ConvoyBuf buf, const ConvoyShape *from, const ConvoyShape *to, const ConvoyMd *md)
{
  return convoy_shape_equal (from, to) ? buf : convoy_build_view (b, buf, to, md);
}

static void
inner_product (ConvoyBuild *b, const ConvoyNode *n, gboolean weights_are_oc, ConvoyRiders *r)
{
  Layer l = layer_of (b, n, weights_are_oc, r->bias != CONVOY_NO_BUF);
  ConvoyPrim *p = convoy_dnn_ip (l.xm, l.wm, l.bm, l.ym, &r->posts, convoy_build_error (b));
  ConvoyBuf x = as_matrix (b, convoy_build_in_plain (b, n->in[0]), convoy_build_shape (b, n->in[0]), &l.x, l.xm);
  ConvoyBuf w = convoy_build_in_as (b, convoy_build_view (b, r->weights, &l.w, l.given), convoy_prim_md (p, CONVOY_ARG_WEI));
  ConvoyBuf y = as_matrix (b, convoy_build_out (b, n->out, NULL), convoy_build_shape (b, n->out), &l.y, l.ym);
  ConvoyBuf bias = l.bm ? convoy_build_view (b, r->bias, &l.bias, l.bm) : CONVOY_NO_BUF;
  convoy_build_prim (b, n->op->name, p, CONVOY_ARG_SRC, x, CONVOY_ARG_WEI, w, CONVOY_ARG_BIAS, bias, CONVOY_ARG_DST, y, -1);
  layer_clear (&l);
}

typedef struct {
  gint64 rows, cols;
} Matrix;

/* dy -> db */
CONVOY_VECTORIZED static void
sum_rows (void *const data[], const void *user)
{
  const Matrix *m = user;
  const float *dy = data[0];
  float *restrict db = data[1];
  memset (db, 0, m->cols * sizeof *db);
  for (gint64 i = 0; i < m->rows; i++)
    for (gint64 k = 0; k < m->cols; k++)
      db[k] += dy[i * m->cols + k];
}

/* dW may be left as the product that it is; the bias is then for us. */
static gboolean
leave_weights (ConvoyBuild *b, const ConvoyNode *n, const Layer *l, gboolean weights_are_oc, ConvoyBuf x, ConvoyBuf dy)
{
  if (!convoy_build_wants (b, n->in[1])
      || !convoy_build_grad_outer (b, n->in[1], n, weights_are_oc ? dy : x, weights_are_oc ? x : dy))
    return FALSE;
  if (l->bm) {
    ConvoyBuf db = convoy_build_grad_out (b, n->in[2], l->bm, l->bm);
    convoy_build_call (b, "layer bias", sum_rows, g_memdup2 (&(Matrix) { l->y.d[0], l->y.d[1] }, sizeof (Matrix)), 1, 1, dy, db);
    convoy_build_grad_done (b, n->in[2], db, l->bm);
  }
  return TRUE;
}

/* dW = dy^T x, db = sum of dy, dx = dy W */
static void
inner_product_back (ConvoyBuild *b, const ConvoyNode *n, gboolean weights_are_oc)
{
  gboolean bias = n->n_in > 2 && convoy_build_wants (b, n->in[2]);
  Layer l = layer_of (b, n, weights_are_oc, bias);
  ConvoyPrim *forward = convoy_dnn_ip (l.xm, l.given, l.bm, l.ym, NULL, convoy_build_error (b));
  ConvoyBuf dy = convoy_build_grad (b, n->out);
  g_autoptr (ConvoyMd) plain = convoy_md_plain (convoy_build_shape (b, n->out));
  dy = as_matrix (b, convoy_build_in_as (b, dy, plain), convoy_build_shape (b, n->out), &l.y, l.ym);
  ConvoyBuf x = as_matrix (b, convoy_build_in_plain (b, n->in[0]), convoy_build_shape (b, n->in[0]), &l.x, l.xm);
  if (forward && (convoy_build_wants (b, n->in[1]) || bias) && !leave_weights (b, n, &l, weights_are_oc, x, dy)) {
    ConvoyPrim *p = convoy_dnn_ip_weights (l.xm, l.given, l.bm, l.ym, forward, convoy_build_error (b));
    ConvoyBuf dw = convoy_build_wants (b, n->in[1]) ? convoy_build_grad_out (b, n->in[1], l.given, l.given) : convoy_build_tmp (b, &l.w, l.given);
    ConvoyBuf db = bias ? convoy_build_grad_out (b, n->in[2], l.bm, l.bm) : CONVOY_NO_BUF;
    convoy_build_prim (b, "layer weights", p, CONVOY_ARG_SRC, x, CONVOY_ARG_DDST, dy, CONVOY_ARG_DWEI, dw, CONVOY_ARG_DBIAS, db, -1);
    if (convoy_build_wants (b, n->in[1]))
      convoy_build_grad_done (b, n->in[1], dw, l.given);
    if (bias)
      convoy_build_grad_done (b, n->in[2], db, l.bm);
  }
  if (forward && convoy_build_wants (b, n->in[0])) {
    ConvoyPrim *p = convoy_dnn_ip_data (l.xm, l.given, l.ym, forward, convoy_build_error (b));
    ConvoyBuf dx = convoy_build_grad_out (b, n->in[0], l.xm, l.xm);
    convoy_build_prim (b, "layer data", p, CONVOY_ARG_DDST, dy, CONVOY_ARG_WEI, convoy_build_weight (b, n->in[1], &l.w, l.given), CONVOY_ARG_DSRC, dx, -1);
    convoy_build_grad_done (b, n->in[0], dx, l.xm);
  }
  convoy_prim_free (forward);
  layer_clear (&l);
}

/* So few multiplications that making oneDNN's code for them takes longer than thousands of runs. */
static gboolean
is_tiny (ConvoyBuild *b, const ConvoyNode *n)
{
  const ConvoyShape *x = convoy_build_shape (b, n->in[0]), *y = convoy_build_shape (b, n->out);
  return !convoy_build_wants (b, n->out) && convoy_shape_count (x) <= TINY && convoy_shape_count (y) * x->d[1] <= TINY;
}

static gboolean
gemm_is_layer (ConvoyBuild *b, const ConvoyNode *n)
{
  gint64 outputs = convoy_build_shape (b, n->out)->d[1];
  gboolean bias = n->n_in < 3 || n->in[2] == CONVOY_NONE
      || (convoy_build_shape (b, n->in[2])->n >= 1 && convoy_shape_count (convoy_build_shape (b, n->in[2])) == outputs
          && convoy_build_shape (b, n->in[2])->d[convoy_build_shape (b, n->in[2])->n - 1] == outputs);
  return convoy_build_type (b, n->out) == CONVOY_F32 && bias && !is_tiny (b, n) && convoy_node_float (n, "alpha", 1) == 1
      && convoy_node_float (n, "beta", 1) == 1 && convoy_node_int (n, "transA", 0) == 0
      && convoy_shape_count (convoy_build_shape (b, n->out)) > 0 && convoy_build_shape (b, n->in[0])->d[1] > 0;
}

static gboolean
gemm_forward (ConvoyBuild *b, const ConvoyNode *n)
{
  if (!gemm_is_layer (b, n))
    return FALSE;
  ConvoyRiders r = convoy_riders (b, n);
  inner_product (b, n, convoy_node_int (n, "transB", 0) != 0, &r);
  return TRUE;
}

static gboolean
gemm_backward (ConvoyBuild *b, const ConvoyNode *n)
{
  if (!gemm_is_layer (b, n))
    return FALSE;
  inner_product_back (b, n, convoy_node_int (n, "transB", 0) != 0);
  return TRUE;
}

/* Functions ride; the scale of a normalization would need the weights with their outputs first. */
static gboolean
gemm_takes_post (ConvoyBuild *b, const ConvoyNode *n, const ConvoyPost *posts, guint count, const ConvoyPost *post)
{
  if (!gemm_is_layer (b, n) || (post->kind == CONVOY_POST_AFFINE && convoy_node_int (n, "transB", 0) == 0) || post->kind == CONVOY_POST_ADD)
    return FALSE;
  return convoy_takes_any (b, n, posts, count, post);
}

static gint64
layer_macs (const ConvoyNode *n, const ConvoyFact *in, const ConvoyFact *out, char **formula)
{
  const ConvoyShape *w = &in[1].shape;
  gint64 outputs = out->shape.n ? out->shape.d[out->shape.n - 1] : 1, inputs = convoy_shape_count (w) / MAX (outputs, 1);
  *formula = g_strdup_printf ("(%" G_GINT64_FORMAT "%s)*%" G_GINT64_FORMAT, inputs, n->n_in > 2 && in[2].shape.n != G_MAXUINT ? "+1" : "", outputs);
  return convoy_shape_count (&out->shape) * (in[0].shape.n ? in[0].shape.d[in[0].shape.n - 1] : 1);
}

const ConvoyOp convoy_op_gemm = {
  .name = "Gemm", .min_in = 2, .max_in = 3, .attrs = "broadcast=i alpha=f beta=f transA=i transB=i", .flags = CONVOY_OP_SAMPLEWISE,
  .infer = gemm_infer, .eval = gemm_eval, .grad = gemm_grad, .forward = gemm_forward, .backward = gemm_backward, .takes_post = gemm_takes_post, .macs = layer_macs,
};

/* --- MatMul ---------------------------------------------------------- */

/* numpy's rule: a vector is a row on the left, a column on the right, and leaves its dimension. */
static gboolean
matmul_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  const ConvoyShape *a = &in[0].shape, *w = &in[1].shape;
  ConvoyShape ab = *a, wb = *w, s;
  gint64 inner = w->n > 1 ? w->d[w->n - 2] : w->n ? w->d[0] : -1;
  if (!convoy_infer_type (n, in, 0, CONVOY_T_NUMBER, error))
    return FALSE;
  if (a->n < 1 || w->n < 1 || a->d[a->n - 1] != inner || in[0].type != in[1].type) {
    g_autofree char *x = convoy_shape_str (a), *y = convoy_shape_str (w);
    return convoy_infer_fail (n, error, "%s by %s", x, y);
  }
  ab.n = a->n > 2 ? a->n - 2 : 0;
  wb.n = w->n > 2 ? w->n - 2 : 0;
  if (!convoy_infer_broadcast (n, &ab, &wb, &s, error))
    return FALSE;
  if (a->n > 1)
    s.d[s.n++] = a->d[a->n - 2];
  if (w->n > 1)
    s.d[s.n++] = w->d[w->n - 1];
  out[0] = (ConvoyFact) { in[0].type, s, NULL };
  return TRUE;
}

/* Matrices m x k by k x cols, so many of them, spread to one shape. */
typedef struct {
  gint64 m, k, cols, count, sa[CONVOY_MAX_DIMS], sb[CONVOY_MAX_DIMS];
  ConvoyShape batch;
} Batch;

static Batch
batch_of (const ConvoyShape *as, const ConvoyShape *bs, const ConvoyShape *ys)
{
  Batch t = { .m = as->n > 1 ? as->d[as->n - 2] : 1, .k = as->d[as->n - 1], .cols = bs->n > 1 ? bs->d[bs->n - 1] : 1, .batch = *ys };
  ConvoyShape ab = *as, bb = *bs;
  ab.n = as->n > 2 ? as->n - 2 : 0;
  bb.n = bs->n > 2 ? bs->n - 2 : 0;
  t.batch.n -= (as->n > 1) + (bs->n > 1);
  t.count = convoy_shape_count (&t.batch);
  convoy_strides_to (&ab, &t.batch, t.sa);
  convoy_strides_to (&bb, &t.batch, t.sb);
  return t;
}

/* Which matrices of A and B make matrix i of Y. */
static void
batch_at (const Batch *t, gint64 i, gint64 *a, gint64 *b)
{
  *a = *b = 0;
  for (guint d = t->batch.n; d-- > 0; i /= t->batch.d[d])
    *a += i % t->batch.d[d] * t->sa[d], *b += i % t->batch.d[d] * t->sb[d];
}

static gboolean
matmul_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  Batch t = batch_of (convoy_tensor_shape (in[0]), convoy_tensor_shape (in[1]), convoy_tensor_shape (out[0]));
  Product p = { t.m, t.k, t.cols, t.k, 1, t.cols, 1 };
  g_autofree double *a = convoy_reals (in[0]), *b = convoy_reals (in[1]);
  double *y = g_try_new (double, convoy_tensor_count (out[0]) + 1);
  for (gint64 i = 0, oa, ob; a && b && y && i < t.count; i++) {
    batch_at (&t, i, &oa, &ob);
    product (&p, a + oa * t.m * t.k, b + ob * t.k * t.cols, y + i * t.m * t.cols);
  }
  if (a == NULL || b == NULL)
    g_clear_pointer (&y, g_free);
  return convoy_put_reals (n, out[0], y, error);
}

/* dA = dY B^T, dB = A^T dY; a matrix that several share has the sum. */
static gboolean
matmul_grad (CONVOY_GRAD_ARGS)
{
  Batch t = batch_of (convoy_tensor_shape (in[0]), convoy_tensor_shape (in[1]), convoy_tensor_shape (dout[0]));
  Product pa = { t.m, t.cols, t.k, t.cols, 1, 1, t.cols }, pb = { t.k, t.m, t.cols, 1, t.k, t.cols, 1 };
  g_autofree double *a = convoy_reals (in[0]), *b = convoy_reals (in[1]), *dy = convoy_reals (dout[0]), *d = g_try_new (double, MAX (t.m, t.cols) * t.k + 1);
  (void) out;
  if (a == NULL || b == NULL || dy == NULL || d == NULL)
    return convoy_infer_fail (n, error, "no memory");
  for (guint i = 0; i < 2; i++)
    if (din[i])
      convoy_clear (din[i]);
  for (gint64 i = 0, oa, ob; i < t.count; i++) {
    const double *g = dy + i * t.m * t.cols;
    batch_at (&t, i, &oa, &ob);
    if (din[0]) {
      product (&pa, g, b + ob * t.k * t.cols, d);
      for (gint64 e = 0; e < t.m * t.k; e++)
        ((float *) convoy_tensor_data (din[0]))[oa * t.m * t.k + e] += d[e];
    }
    if (din[1]) {
      product (&pb, a + oa * t.m * t.k, g, d);
      for (gint64 e = 0; e < t.k * t.cols; e++)
        ((float *) convoy_tensor_data (din[1]))[ob * t.k * t.cols + e] += d[e];
    }
  }
  return TRUE;
}

static gboolean
matmul_forward (ConvoyBuild *b, const ConvoyNode *n)
{
  const ConvoyShape *x = convoy_build_shape (b, n->in[0]), *w = convoy_build_shape (b, n->in[1]), *y = convoy_build_shape (b, n->out);
  if (convoy_build_type (b, n->out) != CONVOY_F32 || x->n < 2 || w->n < 2 || convoy_shape_count (y) < 1 || x->d[x->n - 1] < 1)
    return FALSE;
  if (w->n == 2) {
    ConvoyRiders r = convoy_riders (b, n);
    inner_product (b, n, FALSE, &r);
    return TRUE;
  }
  if (x->n != w->n)
    return FALSE;
  ConvoyMd *xm = convoy_md_plain (x), *wm = convoy_md_plain (w), *ym = convoy_md_plain (y);
  ConvoyPrim *p = convoy_dnn_matmul (xm, wm, ym, NULL, convoy_build_error (b));
  convoy_build_prim (b, "MatMul", p, CONVOY_ARG_SRC, convoy_build_in_plain (b, n->in[0]), CONVOY_ARG_WEI, convoy_build_in_plain (b, n->in[1]), CONVOY_ARG_DST,
      convoy_build_out (b, n->out, NULL), -1);
  convoy_md_free (xm), convoy_md_free (wm), convoy_md_free (ym);
  return TRUE;
}

static gboolean
matmul_backward (ConvoyBuild *b, const ConvoyNode *n)
{
  const ConvoyShape *x = convoy_build_shape (b, n->in[0]), *w = convoy_build_shape (b, n->in[1]), *y = convoy_build_shape (b, n->out);
  if (x->n < 2 || w->n != 2 || convoy_shape_count (y) < 1 || x->d[x->n - 1] < 1)
    return FALSE;
  inner_product_back (b, n, FALSE);
  return TRUE;
}

static gboolean
matmul_takes_post (ConvoyBuild *b, const ConvoyNode *n, const ConvoyPost *posts, guint count, const ConvoyPost *post)
{
  (void) posts;
  return post->kind == CONVOY_POST_EW && count < 4 && convoy_build_type (b, n->out) == CONVOY_F32 && convoy_build_shape (b, n->in[1])->n == 2
      && convoy_build_shape (b, n->in[0])->n >= 2 && convoy_shape_count (convoy_build_shape (b, n->out)) > 0 && convoy_build_shape (b, n->in[1])->d[0] > 0;
}

const ConvoyOp convoy_op_mat_mul = {
  .name = "MatMul", .min_in = 2, .max_in = 2, .flags = CONVOY_OP_SAMPLEWISE,
  .infer = matmul_infer, .eval = matmul_eval, .grad = matmul_grad, .forward = matmul_forward, .backward = matmul_backward, .takes_post = matmul_takes_post, .macs = layer_macs,
};
