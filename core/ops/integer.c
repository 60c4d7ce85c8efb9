/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * integer.c - products of 8-bit integers: MatMulInteger, QLinearMatMul, ConvInteger, QLinearConv. Sums of
 * their products are exact in double. */
#include "core/ops/window.h"
#include "core/ops/index.h"
#include <math.h>
#include <string.h>

#define BYTES (CONVOY_T (U8) | CONVOY_T (I8))

/* Where an operator has what; 0: nowhere. Without output scales the sums themselves, in int32, are the output. */
typedef struct { guint a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero, bias; } Places;

static const Places plain = { .a = 0, .b = 1, .a_zero = 2, .b_zero = 3 };
static const Places scaled = { .a = 0, .a_scale = 1, .a_zero = 2, .b = 3, .b_scale = 4, .b_zero = 5, .y_scale = 6, .y_zero = 7, .bias = 8 };

static const Places *
places (const ConvoyNode *n)
{
  return n->op->name[0] == 'Q' ? &scaled : &plain;
}

/* Types, and zero points and scales: a number, or where len is not 0 as many of them as the axis has. */
static gboolean
check (const ConvoyNode *n, const ConvoyFact *in, gint64 a_len, gint64 b_len, ConvoyFact *out, GError **error)
{
  const Places *p = places (n);
  const struct { guint i, types; gint64 len; } rows[] = {
    { p->a, BYTES, -1 }, { p->b, BYTES, -1 }, { p->a_zero, 1u << in[p->a].type, a_len }, { p->b_zero, 1u << in[p->b].type, b_len },
    { p->a_scale, CONVOY_T_REAL, a_len }, { p->b_scale, CONVOY_T_REAL, b_len }, { p->y_scale, CONVOY_T_REAL, 0 }, { p->y_zero, BYTES, 0 },
    { p->bias, CONVOY_T (I32), b_len },
  };
  for (guint k = 0; k < G_N_ELEMENTS (rows); k++) {
    guint i = rows[k].i;
    gint64 count = i && CONVOY_GIVEN (n, in, i) ? convoy_shape_count (&in[i].shape) : 1;
    if ((k > 0 && i == 0) || !CONVOY_GIVEN (n, in, i))
      continue;
    if (!convoy_infer_type (n, in, i, rows[k].types, error))
      return FALSE;
    if (rows[k].len >= 0 && count != 1 && (count != rows[k].len || rows[k].len == 0))
      return convoy_infer_fail (n, error, "input %u has %" G_GINT64_FORMAT " numbers, 1%s%.0" G_GINT64_FORMAT " are possible", i, count,
          rows[k].len ? " or " : "", rows[k].len);
  }
  out[0].type = p->y_zero ? in[p->y_zero].type : CONVOY_I32;
  return TRUE;
}

/* Number i of an optional vector or scalar. */
static double
number (ConvoyTensor *t, gint64 i, double dflt)
{
  return t ? convoy_real_at (t, convoy_tensor_count (t) == 1 ? 0 : i) : dflt;
}

/* The elements without their zero points, of which there is one, or one for each step of an axis of len, inner apart. */
static double *
centred (ConvoyTensor *t, ConvoyTensor *zero, gint64 len, gint64 inner)
{
  double *v = convoy_reals (t);
  for (gint64 i = 0; v && zero && i < convoy_tensor_count (t); i++)
    v[i] -= number (zero, i / inner % len, 0);
  return v;
}

/* From sums to output; rows and columns are the axes that scales may follow: a_len of a, b_len of b. Takes sums over. */
static gboolean
finish (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *y, double *sums, gint64 a_len, gint64 a_inner, gint64 b_len, gint64 b_inner, GError **error)
{
  const Places *p = places (n);
  ConvoyTensor *bias = p->bias ? CONVOY_IN (n, in, p->bias) : NULL;
  for (gint64 i = 0; p->y_scale && sums && i < convoy_tensor_count (y); i++) {
    gint64 ia = i / a_inner % a_len, ib = i / b_inner % b_len;
    float scale = number (in[p->a_scale], ia, 1) * number (in[p->b_scale], ib, 1) / number (in[p->y_scale], 0, 1);
    sums[i] = nearbyint ((sums[i] + number (bias, ib, 0)) * scale) + number (in[p->y_zero], 0, 0);
  }
  return convoy_put_reals (n, y, sums, error);
}

/* --- matrix products: AxMxK by BxKxN, A and B spread to each other --------- */

/* Shapes as matrices: a vector is a row on the left, a column on the right. */
static gboolean
matrices (const ConvoyNode *n, const ConvoyShape *a, const ConvoyShape *b, ConvoyShape *am, ConvoyShape *bm, ConvoyShape *batch, GError **error)
{
  g_autofree char *x = convoy_shape_str (a), *y = convoy_shape_str (b);
  ConvoyShape a_batch, b_batch;
  *am = a->n == 1 ? CONVOY_SHAPE (1, a->d[0]) : *a;
  *bm = b->n == 1 ? CONVOY_SHAPE (b->d[0], 1) : *b;
  if (a->n < 1 || b->n < 1 || am->d[am->n - 1] != bm->d[bm->n - 2])
    return convoy_infer_fail (n, error, "%s by %s", x, y);
  a_batch = *am, b_batch = *bm;
  a_batch.n -= 2, b_batch.n -= 2;
  return convoy_infer_broadcast (n, &a_batch, &b_batch, batch, error);
}

static gboolean
matmul_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  const Places *p = places (n);
  ConvoyShape a, b, y;
  if (!matrices (n, &in[p->a].shape, &in[p->b].shape, &a, &b, &y, error) || !check (n, in, a.d[a.n - 2], b.d[b.n - 1], out, error))
    return FALSE;
  if (in[p->a].shape.n > 1)
    y.d[y.n++] = a.d[a.n - 2];
  if (in[p->b].shape.n > 1)
    y.d[y.n++] = b.d[b.n - 1];
  out[0].shape = y;
  return convoy_infer_size (n, &y, error);
}

static gboolean
matmul_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  const Places *p = places (n);
  gint64 as[CONVOY_MAX_DIMS], bs[CONVOY_MAX_DIMS], ys[CONVOY_MAX_DIMS];
  ConvoyShape am, bm, batch, a_batch, b_batch;
  ConvoyWalk w = { 0 };
  if (!matrices (n, convoy_tensor_shape (in[p->a]), convoy_tensor_shape (in[p->b]), &am, &bm, &batch, error))
    return FALSE;
  gint64 rows = am.d[am.n - 2], depth = am.d[am.n - 1], columns = bm.d[bm.n - 1];
  a_batch = am, b_batch = bm;
  a_batch.n -= 2, b_batch.n -= 2;
  convoy_strides_to (&a_batch, &batch, as);
  convoy_strides_to (&b_batch, &batch, bs);
  convoy_strides (&batch, ys);
  for (guint i = 0; i < batch.n; i++)
    convoy_walk_add (&w, batch.d[i], ys[i] * rows * columns, as[i] * rows * depth, bs[i] * depth * columns, 0);
  convoy_walk_add (&w, rows, columns, depth, 0, 0);
  convoy_walk_add (&w, depth, 0, 1, columns, 0);
  convoy_walk_add (&w, columns, 1, 0, 1, 0);
  g_autofree double *a = centred (in[p->a], CONVOY_IN (n, in, p->a_zero), rows, depth), *b = centred (in[p->b], CONVOY_IN (n, in, p->b_zero), columns, 1);
  double *y = a && b ? g_try_new0 (double, convoy_tensor_count (out[0]) + 1) : NULL;
  if (y)
    convoy_contract (&w, y, (const double *[]) { a, b }, 2);
  return finish (n, in, out[0], y, rows, columns, columns, 1, error);
}

/* --- convolutions: NxCx... by MxC/groupx... ---------------------------------- */

static gboolean
conv_window (const ConvoyNode *n, const ConvoyShape *x, const ConvoyShape *k, ConvoyWindow *w, ConvoyShape *out, GError **error)
{
  g_autofree char *a = convoy_shape_str (x), *b = convoy_shape_str (k);
  gint64 group = convoy_node_int (n, "group", 1);
  gsize len;
  const gint64 *kernel = convoy_node_ints (n, "kernel_shape", &len);
  if (x->n < 3 || k->n != x->n || group < 1 || k->d[0] % group || x->d[1] % group || x->d[1] / group != k->d[1]
      || (kernel && (len != k->n - 2 || memcmp (kernel, k->d + 2, len * sizeof *kernel) != 0)))
    return convoy_infer_fail (n, error, "input %s does not fit weights %s in %" G_GINT64_FORMAT " groups", a, b, group);
  if (!convoy_window_init (n, x, k->d + 2, k->n - 2, FALSE, w, out, error))
    return FALSE;
  out->d[0] = x->d[0];
  out->d[1] = k->d[0];
  return convoy_infer_size (n, out, error);
}

static gboolean
conv_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  const Places *p = places (n);
  ConvoyWindow w;
  return conv_window (n, &in[p->a].shape, &in[p->b].shape, &w, &out[0].shape, error) && check (n, in, 0, in[p->b].shape.d[0], out, error);
}

/* x with its padding, which is 0; its spatial sizes then. */
static double *
padded (const double *x, const ConvoyShape *s, const ConvoyWindow *w, gint64 *size)
{
  gint64 stride[CONVOY_MAX_DIMS], step[CONVOY_MAX_SPATIAL], at = 0;
  ConvoyShape to = *s;
  ConvoyWalk walk = { 0 };
  double *y;
  for (guint i = 0; i < w->n; i++)
    to.d[2 + i] = size[i] = s->d[2 + i] + w->before[i] + w->after[i];
  y = convoy_shape_count (&to) < 0 ? NULL : g_try_new0 (double, convoy_shape_count (&to) + 1);
  if (!x || !y) {
    g_free (y);
    return NULL;
  }
  convoy_strides (s, stride);
  for (gint64 i = w->n, d = 1; i-- > 0; d *= size[i]) {
    step[i] = d;
    at += w->before[i] * d;
  }
  convoy_walk_add (&walk, s->d[0] * s->d[1], step[0] * size[0], stride[1], 0, 0);
  for (guint i = 0; i < w->n; i++)
    convoy_walk_add (&walk, s->d[2 + i], step[i], stride[2 + i], 0, 0);
  convoy_copy (&walk, sizeof *y, y + at, x);
  return y;
}

/* The loops over batch, group, output and input channel of the group, kernel, output. */
static void
conv (const ConvoyShape *xs, const ConvoyShape *ks, const ConvoyShape *ys, const ConvoyWindow *w, const gint64 *size, double *y, const double *const *in)
{
  gint64 ig = ks->d[1], groups = xs->d[1] / MAX (ig, 1), og = ks->d[0] / MAX (groups, 1);
  gint64 k[CONVOY_MAX_DIMS], o[CONVOY_MAX_DIMS], step[CONVOY_MAX_SPATIAL], spatial = 1;
  ConvoyWalk walk = { 0 };
  convoy_strides (ks, k);
  convoy_strides (ys, o);
  for (guint i = w->n; i-- > 0; spatial *= size[i])
    step[i] = spatial;
  convoy_walk_add (&walk, xs->d[0], o[0], xs->d[1] * spatial, 0, 0);
  convoy_walk_add (&walk, groups, og * o[1], ig * spatial, og * k[0], 0);
  convoy_walk_add (&walk, og, o[1], 0, k[0], 0);
  convoy_walk_add (&walk, ig, 0, spatial, k[1], 0);
  for (guint i = 0; i < w->n; i++)
    convoy_walk_add (&walk, w->kernel[i], 0, step[i] * w->dilation[i], k[2 + i], 0);
  for (guint i = 0; i < w->n; i++)
    convoy_walk_add (&walk, ys->d[2 + i], o[2 + i], step[i] * w->stride[i], 0, 0);
  convoy_contract (&walk, y, in, 2);
}

static gboolean
conv_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  const Places *p = places (n);
  const ConvoyShape *xs = convoy_tensor_shape (in[p->a]), *ks = convoy_tensor_shape (in[p->b]), *ys = convoy_tensor_shape (out[0]);
  gint64 size[CONVOY_MAX_SPATIAL], inner = convoy_count_range (ys, 2, ys->n);
  ConvoyShape shape;
  ConvoyWindow w;
  if (!conv_window (n, xs, ks, &w, &shape, error))
    return FALSE;
  g_autofree double *x = centred (in[p->a], CONVOY_IN (n, in, p->a_zero), 1, 1), *wide = padded (x, xs, &w, size);
  g_autofree double *k = centred (in[p->b], CONVOY_IN (n, in, p->b_zero), ks->d[0], convoy_count_range (ks, 1, ks->n));
  double *y = wide && k ? g_try_new0 (double, convoy_tensor_count (out[0]) + 1) : NULL;
  if (y)
    conv (xs, ks, ys, &w, size, y, (const double *[]) { wide, k });
  return finish (n, in, out[0], y, 1, 1, ks->d[0], inner, error);
}

#define CONV_ATTRS "auto_pad=s dilations=I group=i kernel_shape=I pads=I strides=I"

const ConvoyOp convoy_op_conv_integer = {
  .name = "ConvInteger", .min_in = 2, .max_in = 4, .attrs = CONV_ATTRS,
  .infer = conv_infer, .eval = conv_eval,
};

const ConvoyOp convoy_op_mat_mul_integer = {
  .name = "MatMulInteger", .min_in = 2, .max_in = 4,
  .infer = matmul_infer, .eval = matmul_eval,
};

const ConvoyOp convoy_op_qlinear_conv = {
  .name = "QLinearConv", .min_in = 8, .max_in = 9, .attrs = CONV_ATTRS,
  .infer = conv_infer, .eval = conv_eval,
};

const ConvoyOp convoy_op_qlinear_mat_mul = {
  .name = "QLinearMatMul", .min_in = 8, .max_in = 8,
  .infer = matmul_infer, .eval = matmul_eval,
};
