/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * pool.c - MaxPool (ONNX 8, 10, 12), AveragePool (7, 10, 11, 19), LpPool (11, 18) and the global
 * ones (1, 2), which are the same with a kernel as large as the input. */
#include "core/ops/index.h"
#include "core/ops/window.h"
#include <math.h>
#include <string.h>

typedef enum { MAX_POOL, AVERAGE_POOL, LP_POOL } Kind;

static const struct { const char *op; Kind kind; gboolean global; } kinds[] = {
  { "MaxPool", MAX_POOL, FALSE }, { "AveragePool", AVERAGE_POOL, FALSE }, { "LpPool", LP_POOL, FALSE },
  { "GlobalMaxPool", MAX_POOL, TRUE }, { "GlobalAveragePool", AVERAGE_POOL, TRUE }, { "GlobalLpPool", LP_POOL, TRUE },
};

static guint
kind_of (const ConvoyNode *n)
{
  return convoy_node_row (n, kinds, sizeof *kinds);
}

static gboolean
geometry (const ConvoyNode *n, const ConvoyShape *x, ConvoyWindow *w, ConvoyShape *out, GError **error)
{
  gboolean ceil_mode = convoy_node_int (n, "ceil_mode", 0) != 0, global = kinds[kind_of (n)].global;
  gsize len = x->n - 2;
  if (x->n < 3) {
    g_autofree char *s = convoy_shape_str (x);
    return convoy_infer_fail (n, error, "input %s has no spatial dimension", s);
  }
  const gint64 *kernel = global ? x->d + 2 : convoy_node_ints (n, "kernel_shape", &len);
  if (!convoy_window_init (n, x, kernel, len, ceil_mode, w, out, error))
    return FALSE;
  for (guint i = 0; i < w->n; i++)
    if (!ceil_mode && (w->before[i] >= w->dilation[i] * (w->kernel[i] - 1) + 1 || w->after[i] >= w->dilation[i] * (w->kernel[i] - 1) + 1))
      return convoy_infer_fail (n, error, "padding %" G_GINT64_FORMAT "+%" G_GINT64_FORMAT " is not smaller than the kernel %" G_GINT64_FORMAT,
          w->before[i], w->after[i], w->kernel[i]);
    else if (w->kernel[i] > 65536)
      return convoy_infer_fail (n, error, "a kernel of %" G_GINT64_FORMAT " is not supported", w->kernel[i]);
  out->d[0] = x->d[0];
  out->d[1] = x->d[1];
  return TRUE;
}

static gboolean
infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  ConvoyWindow w;
  guint types = kinds[kind_of (n)].kind == MAX_POOL ? CONVOY_T_REAL | CONVOY_T (I8) | CONVOY_T (U8) : CONVOY_T_REAL;
  if (!convoy_infer_type (n, in, 0, types, error) || !geometry (n, &in[0].shape, &w, &out[0].shape, error))
    return FALSE;
  out[0].type = in[0].type;
  if (n->n_out > 1)
    out[1] = (ConvoyFact) { CONVOY_I64, out[0].shape, NULL };
  return TRUE;
}

/* --- on plain tensors ------------------------------------------------ */

typedef struct {
  Kind kind;
  ConvoyWindow w;
  gint64 size[CONVOY_MAX_SPATIAL], pads_after[CONVOY_MAX_SPATIAL];
  gboolean count_padding, column_major;
  gint64 p;
  gint64 best;                  /* index in the channel of the maximum, row-major */
} Pool;

/* The elements of one window that are not padding, as indices in the channel; at[] is its first,
 * maybe in the padding. Gives how many; counted: with the padding that the attributes ask for. */
static gint64
window_elements (const Pool *p, const gint64 *at, gint64 *index, gint64 *counted)
{
  const ConvoyWindow *w = &p->w;
  gint64 k[CONVOY_MAX_SPATIAL] = { 0 }, inside = 0;
  gboolean more = TRUE;
  *counted = 0;
  while (more) {
    gint64 element = 0;
    gboolean in = TRUE, padded = TRUE;
    for (guint i = 0; i < w->n; i++) {
      gint64 c = at[i] + k[i] * w->dilation[i];
      in &= c >= 0 && c < p->size[i];
      padded &= c < p->size[i] + p->pads_after[i];
      element = element * p->size[i] + c;
    }
    *counted += padded;
    if (in)
      index[inside++] = element;
    guint i = w->n;
    for (more = FALSE; !more && i-- > 0;)
      if (++k[i] < w->kernel[i])
        more = TRUE;
      else
        k[i] = 0;
  }
  return inside;
}

static double
window_value (Pool *p, const ConvoyTensor *x, gint64 base, const gint64 *index, gint64 inside, gint64 counted)
{
  double best = -INFINITY, sum = 0;
  for (gint64 i = 0; i < inside; i++) {
    double v = convoy_real_at (x, base + index[i]);
    if (i == 0 || v > best)
      best = v, p->best = index[i];
    sum += p->kind == LP_POOL ? pow (fabs (v), p->p) : v;
  }
  if (p->kind == MAX_POOL)
    return best;
  return p->kind == LP_POOL ? pow (sum, 1.0 / p->p) : sum / MAX (p->count_padding ? counted : inside, 1);
}

/* storage_order 1: the index of the maximum counts the first spatial dimension fastest. */
static gint64
stored_index (const Pool *p, gint64 base)
{
  gint64 rest = p->best, out = 0, at[CONVOY_MAX_SPATIAL];
  if (!p->column_major)
    return base + p->best;
  for (guint i = p->w.n; i-- > 0; rest /= p->size[i])
    at[i] = rest % p->size[i];
  for (guint i = p->w.n; i-- > 0;)
    out = out * p->size[i] + at[i];
  return base + out;
}

/* plane, spatial: elements of a channel of x and y. elements: room for a window; g_free() it. */
static gboolean
pool_init (const ConvoyNode *n, const ConvoyShape *x, const ConvoyShape *y, Pool *p, gint64 *plane, gint64 *spatial, gint64 **elements, GError **error)
{
  ConvoyShape own;
  gsize len;
  gint64 kernel = 1;
  const gint64 *pads = convoy_node_ints (n, "pads", &len);
  *p = (Pool) { .kind = kinds[kind_of (n)].kind, .count_padding = convoy_node_int (n, "count_include_pad", 0) != 0,
    .column_major = convoy_node_int (n, "storage_order", 0) != 0, .p = convoy_node_int (n, "p", 2) };
  if (!geometry (n, x, &p->w, &own, error))
    return FALSE;
  *plane = *spatial = 1;
  for (guint i = 0; i < p->w.n; i++) {
    p->size[i] = x->d[2 + i];
    p->pads_after[i] = convoy_node_has (n, "auto_pad") && !pads ? p->w.after[i] : pads ? pads[p->w.n + i] : 0;
    *plane *= p->size[i];
    *spatial *= y->d[2 + i];
    kernel *= p->w.kernel[i];
  }
  *elements = g_try_new (gint64, kernel);
  return *elements || convoy_infer_fail (n, error, "no memory");
}

/* Where window o of y begins. */
static void
window_start (const Pool *p, const ConvoyShape *y, gint64 o, gint64 *at)
{
  for (guint i = p->w.n; i-- > 0; o /= y->d[2 + i])
    at[i] = o % y->d[2 + i] * p->w.stride[i] - p->w.before[i];
}

static gboolean
eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  const ConvoyShape *y = convoy_tensor_shape (out[0]);
  gint64 plane, spatial, at[CONVOY_MAX_SPATIAL], counted;
  g_autofree gint64 *elements = NULL;
  Pool p;
  if (!pool_init (n, convoy_tensor_shape (in[0]), y, &p, &plane, &spatial, &elements, error))
    return FALSE;
  for (gint64 o = 0; o < convoy_tensor_count (out[0]); o++) {
    gint64 base = o / spatial * plane;
    window_start (&p, y, o % spatial, at);
    gint64 inside = window_elements (&p, at, elements, &counted);
    double v = window_value (&p, in[0], base, elements, inside, counted);
    convoy_put_real (convoy_tensor_type (out[0]), convoy_tensor_data (out[0]), o, 1, 1, &v);
    if (n->n_out > 1)
      ((gint64 *) convoy_tensor_data (out[1]))[o] = stored_index (&p, base);
  }
  return TRUE;
}

/* The maximum has it all; a mean shares alike; y = (sum |x|^p)^(1/p): dy/dx = sign (x) (|x| / y)^(p-1). */
static gboolean
grad (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, ConvoyTensor *const *dout, ConvoyTensor *const *din, GError **error)
{
  const ConvoyShape *y = convoy_tensor_shape (dout[0]);
  const float *x = convoy_tensor_data (in[0]), *dy = convoy_tensor_data (dout[0]);
  float *dx = convoy_tensor_data (din[0]);
  gint64 plane, spatial, at[CONVOY_MAX_SPATIAL], counted;
  g_autofree gint64 *elements = NULL;
  Pool p;
  (void) out;
  if (!pool_init (n, convoy_tensor_shape (in[0]), y, &p, &plane, &spatial, &elements, error))
    return FALSE;
  memset (dx, 0, convoy_tensor_count (din[0]) * sizeof *dx);
  for (gint64 o = 0; o < convoy_tensor_count (dout[0]); o++) {
    gint64 base = o / spatial * plane;
    window_start (&p, y, o % spatial, at);
    gint64 inside = window_elements (&p, at, elements, &counted);
    double v = window_value (&p, in[0], base, elements, inside, counted), share = dy[o] / (double) MAX (p.count_padding ? counted : inside, 1);
    if (p.kind == MAX_POOL)
      dx[base + p.best] += dy[o];
    for (gint64 i = 0; p.kind != MAX_POOL && i < inside; i++) {
      double e = x[base + elements[i]];
      dx[base + elements[i]] += p.kind == AVERAGE_POOL ? share : v > 0 ? dy[o] * copysign (pow (fabs (e) / v, p.p - 1), e) * (e != 0) : 0;
    }
  }
  return TRUE;
}

/* --- on oneDNN ------------------------------------------------------- */

/* Rounding up put windows over an edge that is not padding: oneDNN would count it as such. */
static gboolean
over_the_edge (const ConvoyNode *n, const ConvoyWindow *w)
{
  gsize len;
  const gint64 *pads = convoy_node_ints (n, "pads", &len);
  for (guint i = 0; convoy_node_int (n, "ceil_mode", 0) && i < w->n; i++)
    if (w->after[i] > (pads ? pads[w->n + i] : 0))
      return TRUE;
  return FALSE;
}

/* FALSE: not for oneDNN. */
static gboolean
describe (ConvoyBuild *b, const ConvoyNode *n, ConvoyPool *pool, ConvoyWindow *w)
{
  const ConvoyShape *x = convoy_build_shape (b, n->in[0]);
  Kind kind = kinds[kind_of (n)].kind;
  gboolean padded = convoy_node_int (n, "count_include_pad", 0) != 0;
  ConvoyShape own;
  *pool = kind == MAX_POOL ? CONVOY_POOL_MAX : padded ? CONVOY_POOL_AVG_PADDED : CONVOY_POOL_AVG;
  return kind != LP_POOL && n->n_out == 1 && convoy_build_type (b, n->in[0]) == CONVOY_F32 && convoy_shape_count (x) > 0 && geometry (n, x, w, &own, NULL)
      && !(kind == AVERAGE_POOL && padded && over_the_edge (n, w));
}

/* The layout in which the input is read, that of the output to ask for. The caller owns both; NULL: a failure before. */
static ConvoyMd *
source_layout (ConvoyBuild *b, const ConvoyNode *n, ConvoyMd **dst)
{
  const ConvoyShape *x = convoy_build_shape (b, n->in[0]), *y = convoy_build_shape (b, n->out);
  const ConvoyMd *md = convoy_build_md (b, convoy_build_in (b, n->in[0]));
  gint64 stride[2 * CONVOY_MAX_DIMS];
  if (md == NULL)
    return NULL;
  gboolean plain = convoy_md_strides (md, stride) && stride[1] != 1 && x->d[1] % 16 == 0;
  *dst = plain ? convoy_md_blocked (y) : convoy_md_any (y);
  return plain ? convoy_md_blocked (x) : convoy_md_dup (md);
}

static gboolean
forward (ConvoyBuild *b, const ConvoyNode *n)
{
  const ConvoyShape *y = convoy_build_shape (b, n->out);
  gboolean back = convoy_build_wants (b, n->out);
  ConvoyBuf work = CONVOY_NO_BUF;
  ConvoyPool pool;
  ConvoyWindow w;
  if (!describe (b, n, &pool, &w))
    return FALSE;
  ConvoyMd *dst, *want = source_layout (b, n, &dst);
  if (want == NULL)
    return TRUE;
  ConvoyBuf src = convoy_build_in (b, n->in[0]);
  ConvoyPrim *p = back ? convoy_dnn_pool_learning (pool, &w, want, dst, convoy_build_error (b)) : convoy_dnn_pool (pool, &w, want, dst, NULL, convoy_build_error (b));
  src = convoy_build_in_as (b, src, want);
  if (back && pool == CONVOY_POOL_MAX && p)
    convoy_build_keep (b, n, work = convoy_build_tmp (b, y, convoy_prim_md (p, CONVOY_ARG_WORKSPACE)));
  convoy_build_prim (b, n->op->name, p, CONVOY_ARG_SRC, src, CONVOY_ARG_WORKSPACE, work, CONVOY_ARG_DST, convoy_build_out (b, n->out, convoy_prim_md (p, CONVOY_ARG_DST)), -1);
  convoy_md_free (want);
  convoy_md_free (dst);
  return TRUE;
}

static gboolean
backward (ConvoyBuild *b, const ConvoyNode *n)
{
  ConvoyPool pool;
  ConvoyWindow w;
  if (!describe (b, n, &pool, &w))
    return FALSE;
  g_autoptr (ConvoyMd) any = NULL;
  g_autoptr (ConvoyMd) x = source_layout (b, n, &any);
  const ConvoyMd *y = convoy_build_md (b, convoy_build_in (b, n->out));
  if (x == NULL)
    return TRUE;
  ConvoyPrim *forward = convoy_dnn_pool_learning (pool, &w, x, y, convoy_build_error (b));
  ConvoyPrim *p = forward ? convoy_dnn_pool_back (pool, &w, x, y, forward, convoy_build_error (b)) : NULL;
  ConvoyBuf dy = convoy_build_in_as (b, convoy_build_grad (b, n->out), convoy_prim_md (p, CONVOY_ARG_DDST));
  ConvoyBuf dx = convoy_build_grad_out (b, n->in[0], NULL, x);
  convoy_build_prim (b, "pool back", p, CONVOY_ARG_DDST, dy, CONVOY_ARG_WORKSPACE, convoy_build_kept (b, n), CONVOY_ARG_DSRC, dx, -1);
  convoy_build_grad_done (b, n->in[0], dx, NULL);
  convoy_prim_free (forward);
  return TRUE;
}

#define POOL(id, op_name, outputs, attributes) \
  const ConvoyOp convoy_op_##id = { .name = op_name, .min_in = 1, .max_in = 1, .max_out = outputs, .attrs = attributes, .flags = CONVOY_OP_SAMPLEWISE, .infer = infer, .eval = eval, .grad = grad, \
    .forward = forward, .backward = backward }

POOL (max_pool, "MaxPool", 2, "+kernel_shape=I strides=I pads=I dilations=I auto_pad=s ceil_mode=i storage_order=i");
POOL (average_pool, "AveragePool", 1, "+kernel_shape=I strides=I pads=I dilations=I auto_pad=s ceil_mode=i count_include_pad=i");
POOL (lp_pool, "LpPool", 1, "+kernel_shape=I strides=I pads=I dilations=I auto_pad=s ceil_mode=i p=i");
POOL (global_max_pool, "GlobalMaxPool", 1, NULL);
POOL (global_average_pool, "GlobalAveragePool", 1, NULL);
POOL (global_lp_pool, "GlobalLpPool", 1, "p=i");
