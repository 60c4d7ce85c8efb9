/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * conv.c - Conv (ONNX 1, 11): one to three spatial dimensions, grouped, dilated, depthwise. */
#include "core/ops/conv-rows.h"
#include "core/ops/conv-tiles.h"
#include "core/ops/window.h"
#include <string.h>

/* x NxCx..., w OxC/gx..., bias O. */
static gboolean
geometry (const ConvoyNode *n, const ConvoyShape *x, const ConvoyShape *w, ConvoyWindow *win, ConvoyShape *out, GError **error)
{
  gint64 group = convoy_node_int (n, "group", 1);
  gsize len;
  const gint64 *kernel = convoy_node_ints (n, "kernel_shape", &len);
  if (x->n < 3 || w->n != x->n || group < 1 || w->d[1] < 1 || x->d[1] / group != w->d[1] || x->d[1] % group || w->d[0] % group || w->d[0] < 1) {
    g_autofree char *a = convoy_shape_str (x), *b = convoy_shape_str (w);
    return convoy_infer_fail (n, error, "input %s does not fit weights %s in %" G_GINT64_FORMAT " group%s", a, b, group, group == 1 ? "" : "s");
  }
  if (kernel && (len != w->n - 2 || memcmp (kernel, w->d + 2, len * sizeof *kernel) != 0)) {
    g_autofree char *b = convoy_shape_str (w);
    return convoy_infer_fail (n, error, "kernel_shape differs from that of the weights %s", b);
  }
  if (!convoy_window_init (n, x, w->d + 2, w->n - 2, FALSE, win, out, error))
    return FALSE;
  out->d[0] = x->d[0];
  out->d[1] = w->d[0];
  return TRUE;
}

static gboolean
infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  ConvoyWindow win;
  gboolean bias = n->n_in > 2 && in[2].shape.n != G_MAXUINT;
  for (guint i = 0; i < n->n_in; i++)
    if ((i < 2 || bias) && in[i].type != CONVOY_F32)
      return convoy_infer_fail (n, error, "input %u is %s, not float32", i, convoy_type_name (in[i].type));
  if (!geometry (n, &in[0].shape, &in[1].shape, &win, &out->shape, error))
    return FALSE;
  if (bias && (in[2].shape.n != 1 || in[2].shape.d[0] != in[1].shape.d[0])) {
    g_autofree char *s = convoy_shape_str (&in[2].shape);
    return convoy_infer_fail (n, error, "bias %s for %" G_GINT64_FORMAT " channels", s, in[1].shape.d[0]);
  }
  out->type = CONVOY_F32;
  return TRUE;
}

/* The weights as oneDNN sees them: with a dimension for the groups. */
static ConvoyShape
weight_shape (ConvoyBuild *b, const ConvoyNode *n)
{
  const ConvoyShape *w = convoy_build_shape (b, n->in[1]);
  gint64 group = convoy_node_int (n, "group", 1);
  ConvoyShape s = { w->n, { 0 } };
  guint k = 0;
  if (group > 1) {
    s.n++;
    s.d[k++] = group;
  }
  s.d[k++] = w->d[0] / group;
  for (guint i = 1; i < w->n; i++)
    s.d[k++] = w->d[i];
  return s;
}

static ConvoyPrim *
make (ConvoyBuild *b, const ConvoyNode *n, gboolean bias, const ConvoyDnnPosts *posts, GError **error)
{
  const ConvoyShape *x = convoy_build_shape (b, n->in[0]), *w = convoy_build_shape (b, n->in[1]);
  ConvoyShape ws = weight_shape (b, n), bs = CONVOY_SHAPE (w->d[0]), own;
  ConvoyWindow win;
  geometry (n, x, w, &win, &own, NULL);
  ConvoyMd *xm = convoy_build_any (b, x), *wm = convoy_md_any (&ws), *bm = bias ? convoy_md_plain (&bs) : NULL, *ym = convoy_build_any (b, &own);
  guint square = convoy_build_winograd (b, n);
  ConvoyPrim *p = square ? convoy_dnn_conv_winograd (square, &win, xm, wm, bm, ym, posts) : NULL;
  if (p == NULL)
    p = convoy_dnn_conv (&win, xm, wm, bm, ym, posts, error);
  convoy_md_free (xm);
  convoy_md_free (wm);
  convoy_md_free (bm);
  convoy_md_free (ym);
  return p;
}

/* A weight in the layout that the primitive wants, and a bias. */
static ConvoyBuf
packed (ConvoyBuild *b, ConvoyBuf w, const ConvoyNode *n, const ConvoyMd *md)
{
  ConvoyShape ws = weight_shape (b, n);
  ConvoyMd *plain = convoy_md_plain (&ws);
  ConvoyBuf v = convoy_build_in_as (b, convoy_build_view (b, w, &ws, plain), md);
  convoy_md_free (plain);
  return v;
}

static gboolean
is_over_rows (ConvoyBuild *b, const ConvoyNode *n)
{
  guint count;
  convoy_build_taken (b, n, &count);
  return count > 0;
}

static gboolean
forward (ConvoyBuild *b, const ConvoyNode *n)
{
  if (is_over_rows (b, n)) {
    convoy_conv_rows_forward (b, n);
    return TRUE;
  }
  ConvoyRiders r = convoy_riders (b, n);
  ConvoyWindow win;
  ConvoyShape own;
  geometry (n, convoy_build_shape (b, n->in[0]), convoy_build_shape (b, n->in[1]), &win, &own, NULL);
  if (convoy_conv_tiles_forward (b, n, &win, &r))
    return TRUE;
  ConvoyPrim *p = make (b, n, r.bias != CONVOY_NO_BUF, &r.posts, convoy_build_error (b));
  if (p == NULL)
    return TRUE;
  ConvoyBuf x = convoy_build_in_as (b, convoy_build_in (b, n->in[0]), convoy_prim_md (p, CONVOY_ARG_SRC));
  ConvoyBuf w = packed (b, r.weights, n, convoy_prim_md (p, CONVOY_ARG_WEI)), dw = CONVOY_NO_BUF, y;
  const ConvoyMd *dst = convoy_prim_md (p, CONVOY_ARG_DST);
  if (r.depthwise)
    dw = packed (b, r.dw_weights, r.depthwise, convoy_prim_md (p, CONVOY_ARG_DW_WEI));
  if (r.add != CONVOY_NONE)
    y = convoy_build_out_in (b, n->out, convoy_build_in_as (b, convoy_build_in (b, r.add), dst));
  else
    y = convoy_build_out (b, n->out, dst);
  convoy_build_prim (b, r.depthwise ? "conv+depthwise" : "conv", p, CONVOY_ARG_SRC, x, CONVOY_ARG_WEI, w, CONVOY_ARG_BIAS, r.bias, CONVOY_ARG_DW_WEI, dw,
      CONVOY_ARG_DW_BIAS, r.dw_bias, CONVOY_ARG_DST, y, -1);
  return TRUE;
}

/* --- backward --------------------------------------------------------- */

static gboolean
is_reference (const ConvoyPrim *p)
{
  return p && strstr (convoy_prim_impl (p), "ref") != NULL;
}

/* A backward primitive over the layouts that the forward pass has; where oneDNN has nothing quick
 * for them, over those that it likes. md: of the data (source or its gradient), wei, bias, ddst. */
typedef struct { ConvoyWindow w; const ConvoyMd *data, *wei, *forward_wei, *bias, *ddst; const ConvoyPrim *forward; gboolean weights; } Back;

static ConvoyPrim *
back_with (const Back *k, const ConvoyMd *data, const ConvoyMd *wei, const ConvoyMd *ddst, GError **error)
{
  return k->weights ? convoy_dnn_conv_weights (&k->w, data, wei, k->bias, ddst, k->forward, error)
                    : convoy_dnn_conv_data (&k->w, data, wei, ddst, k->forward, error);
}

static ConvoyPrim *
back_prim (const Back *k, GError **error)
{
  ConvoyPrim *p = back_with (k, k->data, k->wei, k->ddst, NULL);
  if (p && !is_reference (p))
    return p;
  ConvoyShape x = convoy_md_shape (k->data), w = convoy_md_shape (k->forward_wei), y = convoy_md_shape (k->ddst);
  g_autoptr (ConvoyMd) any_x = convoy_md_any (&x), any_w = convoy_md_any (&w), any_y = convoy_md_any (&y);
  ConvoyPrim *other = back_with (k, any_x, any_w, any_y, p ? NULL : error);
  if (other && p && is_reference (other))
    g_clear_pointer (&other, convoy_prim_free);
  if (other == NULL)
    return p;
  convoy_prim_free (p);
  return other;
}

static void
back_weights (ConvoyBuild *b, const ConvoyNode *n, Back *k, ConvoyBuf x, ConvoyBuf dy, const ConvoyMd *given, gboolean bias)
{
  ConvoyShape bs = CONVOY_SHAPE (convoy_build_shape (b, n->in[1])->d[0]);
  g_autoptr (ConvoyMd) bm = bias ? convoy_md_plain (&bs) : NULL;
  k->weights = TRUE;
  k->bias = bm;
  ConvoyPrim *p = back_prim (k, convoy_build_error (b));
  x = convoy_build_in_as (b, x, convoy_prim_md (p, CONVOY_ARG_SRC));
  dy = convoy_build_in_as (b, dy, convoy_prim_md (p, CONVOY_ARG_DDST));
  const ConvoyMd *wm = convoy_prim_md (p, CONVOY_ARG_DWEI);
  ConvoyBuf dw = convoy_build_wants (b, n->in[1]) ? convoy_build_grad_out (b, n->in[1], given, wm) : convoy_build_tmp (b, convoy_build_shape (b, n->in[1]), wm);
  ConvoyBuf db = bias ? convoy_build_grad_out (b, n->in[2], NULL, NULL) : CONVOY_NO_BUF;
  convoy_build_prim (b, "conv weights", p, CONVOY_ARG_SRC, x, CONVOY_ARG_DDST, dy, CONVOY_ARG_DWEI, dw, CONVOY_ARG_DBIAS, db, -1);
  if (convoy_build_wants (b, n->in[1]))
    convoy_build_grad_done (b, n->in[1], dw, given);
  if (bias)
    convoy_build_grad_done (b, n->in[2], db, NULL);
}

static void
back_data (ConvoyBuild *b, const ConvoyNode *n, Back *k, ConvoyBuf w, ConvoyBuf dy)
{
  ConvoyShape ws = weight_shape (b, n);
  g_autoptr (ConvoyMd) any = convoy_md_any (&ws);
  k->weights = FALSE;
  k->wei = any;
  ConvoyPrim *p = back_prim (k, convoy_build_error (b));
  w = convoy_build_in_as (b, w, convoy_prim_md (p, CONVOY_ARG_WEI));
  dy = convoy_build_in_as (b, dy, convoy_prim_md (p, CONVOY_ARG_DDST));
  ConvoyBuf dx = convoy_build_grad_out (b, n->in[0], NULL, convoy_prim_md (p, CONVOY_ARG_DSRC));
  convoy_build_prim (b, "conv data", p, CONVOY_ARG_DDST, dy, CONVOY_ARG_WEI, w, CONVOY_ARG_DSRC, dx, -1);
  convoy_build_grad_done (b, n->in[0], dx, NULL);
}

static gboolean
backward (ConvoyBuild *b, const ConvoyNode *n)
{
  if (is_over_rows (b, n)) {
    convoy_conv_rows_backward (b, n);
    return TRUE;
  }
  gboolean bias = n->n_in > 2 && convoy_build_wants (b, n->in[2]);
  ConvoyPrim *forward = make (b, n, n->n_in > 2 && n->in[2] != CONVOY_NONE, NULL, convoy_build_error (b));
  ConvoyShape own, ws = weight_shape (b, n);
  if (forward == NULL)
    return TRUE;
  Back k = { .data = convoy_prim_md (forward, CONVOY_ARG_SRC), .wei = convoy_prim_md (forward, CONVOY_ARG_WEI), .forward_wei = convoy_prim_md (forward, CONVOY_ARG_WEI), .ddst = convoy_prim_md (forward, CONVOY_ARG_DST),
    .forward = forward };
  g_autoptr (ConvoyMd) given = convoy_md_plain (&ws);
  ConvoyBuf dy = convoy_build_grad (b, n->out);
  geometry (n, convoy_build_shape (b, n->in[0]), convoy_build_shape (b, n->in[1]), &k.w, &own, NULL);
  if (convoy_build_wants (b, n->in[1]) || bias)
    back_weights (b, n, &k, convoy_build_in (b, n->in[0]), dy, given, bias);
  if (convoy_build_wants (b, n->in[0]))
    back_data (b, n, &k, convoy_build_weight (b, n->in[1], &ws, given), dy);
  convoy_prim_free (forward);
  return TRUE;
}

/* Depthwise 3x3, padding 1 all round, on the 1x1 convolution that makes its input. */
static gboolean
as_post (ConvoyBuild *b, const ConvoyNode *n, ConvoyValue v, ConvoyPost *post)
{
  const ConvoyShape *x = convoy_build_shape (b, n->in[0]), *w = convoy_build_shape (b, n->in[1]);
  ConvoyWindow k;
  ConvoyShape out;
  if (v != n->in[0] || !convoy_build_depthwise (b, n) || x->n != 4 || convoy_node_int (n, "group", 1) != x->d[1] || w->d[0] != x->d[1]
      || !geometry (n, x, w, &k, &out, NULL) || !convoy_build_static (b, n->in[1]) || (n->n_in > 2 && !convoy_build_static (b, n->in[2])))
    return FALSE;
  for (guint i = 0; i < 2; i++)
    if (k.kernel[i] != 3 || k.before[i] != 1 || k.after[i] != 1 || k.dilation[i] != 1 || k.stride[i] != k.stride[0] || k.stride[i] > 2)
      return FALSE;
  post->kind = CONVOY_POST_DEPTHWISE;
  return TRUE;
}

static gboolean
takes_post (ConvoyBuild *b, const ConvoyNode *n, const ConvoyPost *posts, guint count, const ConvoyPost *post)
{
  if (is_over_rows (b, n))
    return convoy_conv_rows_takes_post (count, post);
  if (post->kind != CONVOY_POST_DEPTHWISE)
    return convoy_takes_any (b, n, posts, count, post);
  const ConvoyShape *w = convoy_build_shape (b, n->in[1]);
  ConvoyWindow k;
  ConvoyShape out;
  ConvoyDnnPosts trial = { 0 };
  geometry (n, convoy_build_shape (b, n->in[0]), w, &k, &out, NULL);
  if (w->n != 4 || convoy_node_int (n, "group", 1) != 1 || k.kernel[0] * k.kernel[1] != 1 || k.stride[0] * k.stride[1] != 1 || k.before[0] + k.after[0] + k.before[1] + k.after[1])
    return FALSE;
  for (guint i = 0; i < count; i++)
    if (posts[i].kind == CONVOY_POST_ADD || posts[i].kind == CONVOY_POST_DEPTHWISE)
      return FALSE;
    else if (posts[i].kind == CONVOY_POST_EW)
      trial.p[trial.n++] = (typeof (trial.p[0])) { CONVOY_DP_EW, posts[i].ew[0].kind, posts[i].ew[0].a, posts[i].ew[0].b, 0, FALSE };
  gsize len;
  const gint64 *stride = convoy_node_ints (post->node, "strides", &len);
  trial.p[trial.n++] = (typeof (trial.p[0])) { .kind = CONVOY_DP_DEPTHWISE, .stride = stride ? stride[0] : 1, .bias = TRUE };
  ConvoyPrim *p = make (b, n, TRUE, &trial, NULL);       /* not every instruction set has it; the second making is from oneDNN's cache */
  convoy_prim_free (p);
  return p != NULL;
}

static gint64
macs (const ConvoyNode *n, const ConvoyFact *in, const ConvoyFact *out, char **formula)
{
  const ConvoyShape *w = &in[1].shape;
  GString *s = g_string_new ("(");
  for (guint i = 2; i < w->n; i++)
    g_string_append_printf (s, "%" G_GINT64_FORMAT "*", w->d[i]);
  g_string_append_printf (s, "%" G_GINT64_FORMAT "%s)*%" G_GINT64_FORMAT, w->d[1], n->n_in > 2 && in[2].shape.n != G_MAXUINT ? "+1" : "", w->d[0]);
  *formula = g_string_free (s, FALSE);
  return convoy_shape_count (&out->shape) * (convoy_shape_count (w) / w->d[0]);
}

const ConvoyOp convoy_op_conv = {
  .name = "Conv", .min_in = 2, .max_in = 3, .attrs = "strides=I dilations=I pads=I group=i kernel_shape=I auto_pad=s", .flags = CONVOY_OP_SAMPLEWISE,
  .infer = infer, .forward = forward, .backward = backward, .as_post = as_post, .takes_post = takes_post, .takes_in = convoy_conv_rows_take, .macs = macs,
};
