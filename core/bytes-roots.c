/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * bytes-roots.c - what each operator would be on bytes: its inputs, weights and geometry. */
#include "core/bytes-find.h"
#include <math.h>
#include <string.h>

/* --- values and nodes ---------------------------------------------------- */

gboolean
convoy_bytes_shape (const ConvoyShape *s, ConvoyBytes *t)
{
  if (s->n < 2 || s->n > 4 || convoy_shape_count (s) < 1)
    return FALSE;
  *t = (ConvoyBytes) { .n = s->d[0], .c = s->d[1], .h = s->n == 4 ? s->d[2] : 1, .w = s->n > 2 ? s->d[s->n - 1] : 1 };
  t->pixel = (t->c + 3) / 4 * 4;
  t->rows = t->h, t->columns = t->w;
  return TRUE;
}

gboolean
convoy_bytes_same_pixels (const ConvoyShape *a, const ConvoyShape *b)
{
  ConvoyBytes x, y;
  return convoy_bytes_shape (a, &x) && convoy_bytes_shape (b, &y) && x.n == y.n && x.c == y.c && x.h == y.h && x.w == y.w;
}

gboolean
convoy_bytes_known (ConvoyBuild *b, ConvoyValue scale, ConvoyValue zero, gint64 count)
{
  if (scale == CONVOY_NONE || !convoy_build_static (b, scale) || convoy_build_type (b, scale) != CONVOY_F32
      || convoy_shape_count (convoy_build_shape (b, scale)) != count)
    return FALSE;
  gint64 zeros = zero == CONVOY_NONE ? 1 : convoy_shape_count (convoy_build_shape (b, zero));
  return zero == CONVOY_NONE || (convoy_build_static (b, zero) && (zeros == count || zeros == 1));
}

gboolean
convoy_bytes_is_view (ConvoyBuild *b, const ConvoyNode *n)
{
  return n && (n->op->flags & CONVOY_OP_ALIAS) && n->n_out == 1
      && convoy_bytes_same_pixels (convoy_build_shape (b, n->in[0]), convoy_build_shape (b, n->out));
}

gboolean
convoy_bytes_dequantized (ConvoyBuild *b, ConvoyValue v, ConvoyQuant *q)
{
  const ConvoyNode *n = convoy_build_maker (b, v);
  ConvoyBytes t;
  while (convoy_bytes_is_view (b, n))
    n = convoy_build_maker (b, n->in[0]);
  if (!node_is (n, "DequantizeLinear") || !is_byte (convoy_build_type (b, n->in[0])) || convoy_build_type (b, n->out) != CONVOY_F32
      || convoy_build_static (b, n->in[0]) || !convoy_bytes_known (b, n->in[1], node_in (n, 2), 1)
      || !convoy_bytes_shape (convoy_build_shape (b, n->in[0]), &t))
    return FALSE;
  *q = (ConvoyQuant) { n->in[0], n->in[1], node_in (n, 2) };
  return TRUE;
}

gboolean
convoy_bytes_source (ConvoyBuild *b, ConvoyValue v, ConvoyQuant *q)
{
  if (!is_byte (convoy_build_type (b, v)))
    return convoy_bytes_dequantized (b, v, q);
  const ConvoyNode *maker = convoy_build_maker (b, v);
  const ConvoyUnit *u = maker ? &b->bytes->unit[b->node[convoy_build_index (b, maker)].root] : NULL;
  if (u == NULL || u->kind == CONVOY_UNIT_NONE || u->y.q != v)
    return FALSE;
  *q = u->y;
  return TRUE;
}

/* --- roots ------------------------------------------------------------------ */

/* Weights and bias of u: in DequantizeLinear, of which the axis of the output channels is axis. */
static gboolean
find_weights (ConvoyBuild *b, ConvoyUnit *u, const ConvoyNode *n, guint axis)
{
  const ConvoyNode *w = convoy_build_maker (b, n->in[1]), *bias = convoy_build_maker (b, node_in (n, 2));
  if (!node_is (w, "DequantizeLinear") || !is_byte (convoy_build_type (b, w->in[0])) || convoy_build_type (b, w->out) != CONVOY_F32
      || !convoy_build_static (b, w->in[0]) || convoy_node_int (w, "block_size", 0))
    return FALSE;
  gint64 along = convoy_node_int (w, "axis", 1);
  along += along < 0 ? convoy_build_shape (b, w->out)->n : 0;
  if (!convoy_bytes_known (b, w->in[1], node_in (w, 2), 1)
      && !(along == axis && convoy_bytes_known (b, w->in[1], node_in (w, 2), u->outputs)))
    return FALSE;
  u->w = (ConvoyQuant) { w->in[0], w->in[1], node_in (w, 2) };
  if (node_in (n, 2) == CONVOY_NONE)
    return TRUE;
  if (convoy_shape_count (convoy_build_shape (b, n->in[2])) != u->outputs || !convoy_build_static (b, n->in[2]))
    return FALSE;
  gboolean whole = node_is (bias, "DequantizeLinear") && convoy_build_type (b, bias->in[0]) == CONVOY_I32
      && (convoy_bytes_known (b, bias->in[1], CONVOY_NONE, 1) || convoy_bytes_known (b, bias->in[1], CONVOY_NONE, u->outputs));
  u->bias = whole ? bias->in[0] : n->in[2];
  u->bias_scale = whole ? bias->in[1] : CONVOY_NONE;
  if (whole
      && convoy_shape_count (convoy_build_shape (b, u->bias_scale)) != convoy_shape_count (convoy_build_shape (b, u->w.scale)))
    u->bias = n->in[2], u->bias_scale = CONVOY_NONE;
  return TRUE;
}

/* Of x and w: NxCxHxW or NxCxL by OxC/groupx.... */
static gboolean
conv_geometry (ConvoyBuild *b, const ConvoyNode *n, ConvoyValue x, ConvoyValue w, ConvoyUnit *u)
{
  const ConvoyShape *xs = convoy_build_shape (b, x), *ws = convoy_build_shape (b, w);
  ConvoyShape out;
  ConvoyWindow k;
  ConvoyBytes t;
  if (!convoy_bytes_shape (xs, &t) || xs->n < 3 || ws->n != xs->n
      || !convoy_window_init (n, xs, ws->d + 2, ws->n - 2, FALSE, &k, &out, NULL))
    return FALSE;
  u->window = k;
  if (k.n == 1) {
    u->window = (ConvoyWindow) { .n = 2,
      .kernel = { 1, k.kernel[0] },
      .stride = { 1, k.stride[0] },
      .dilation = { 1, k.dilation[0] },
      .before = { 0, k.before[0] },
      .after = { 0, k.after[0] } };
  }
  u->groups = convoy_node_int (n, "group", 1);
  u->outputs = ws->d[0], u->inputs = ws->d[1];
  u->tap_stride = 1, u->c_stride = u->window.kernel[0] * u->window.kernel[1], u->o_stride = u->c_stride * u->inputs;
  gboolean depthwise = u->groups > 1 && u->inputs == 1 && u->outputs == u->groups,
           flat = u->window.dilation[0] == 1 && u->window.dilation[1] == 1;
  gint64 taps = u->window.kernel[0] * u->window.kernel[1];
  return taps <= CONVOY_BYTES_TAPS && taps * u->inputs < 32768 && (depthwise ? flat : u->groups == 1 || u->inputs % 4 == 0);
}

static gboolean
find_conv (ConvoyBuild *b, const ConvoyNode *n, ConvoyUnit *u)
{
  return convoy_bytes_dequantized (b, n->in[0], &u->x) && conv_geometry (b, n, n->in[0], n->in[1], u) && find_weights (b, u, n, 0);
}

static gboolean
find_product (ConvoyBuild *b, const ConvoyNode *n, ConvoyUnit *u)
{
  const ConvoyShape *x = convoy_build_shape (b, n->in[0]), *w = convoy_build_shape (b, n->in[1]);
  gboolean turned = convoy_node_int (n, "transB", 0) != 0;
  if (x->n != 2 || w->n != 2 || x->d[1] >= 32768 || convoy_node_int (n, "transA", 0) || convoy_node_float (n, "alpha", 1) != 1
      || convoy_node_float (n, "beta", 1) != 1)
    return FALSE;
  u->window = (ConvoyWindow) { .n = 2, .kernel = { 1, 1 }, .stride = { 1, 1 }, .dilation = { 1, 1 } };
  u->groups = 1, u->inputs = x->d[1], u->outputs = w->d[turned ? 0 : 1];
  u->o_stride = turned ? u->inputs : 1, u->c_stride = turned ? 1 : u->outputs;
  return convoy_bytes_dequantized (b, n->in[0], &u->x) && find_weights (b, u, n, turned ? 0 : 1);
}

/* x, scale, zero, w, scale, zero, scale, zero of y, bias. */
static gboolean
find_scaled (ConvoyBuild *b, const ConvoyNode *n, ConvoyUnit *u)
{
  if (!convoy_build_static (b, n->in[3]) || convoy_build_static (b, n->in[0]) || !convoy_bytes_known (b, n->in[1], n->in[2], 1)
      || !convoy_bytes_known (b, n->in[6], n->in[7], 1)
      || !(convoy_bytes_known (b, n->in[4], n->in[5], 1) || convoy_bytes_known (b, n->in[4], n->in[5], u->outputs)))
    return FALSE;
  u->x = (ConvoyQuant) { n->in[0], n->in[1], n->in[2] };
  u->w = (ConvoyQuant) { n->in[3], n->in[4], n->in[5] };
  u->y = (ConvoyQuant) { n->out, n->in[6], n->in[7] };
  u->bias = node_in (n, 8);
  u->low = -INFINITY, u->high = INFINITY;
  return u->bias == CONVOY_NONE || convoy_build_static (b, u->bias);
}

static gboolean
find_scaled_conv (ConvoyBuild *b, const ConvoyNode *n, ConvoyUnit *u)
{
  return conv_geometry (b, n, n->in[0], n->in[3], u) && find_scaled (b, n, u);
}

static gboolean
find_scaled_product (ConvoyBuild *b, const ConvoyNode *n, ConvoyUnit *u)
{
  const ConvoyShape *x = convoy_build_shape (b, n->in[0]), *w = convoy_build_shape (b, n->in[3]);
  if (x->n != 2 || w->n != 2 || x->d[0] < 1 || x->d[1] < 1 || x->d[1] >= 32768)
    return FALSE;
  u->window = (ConvoyWindow) { .n = 2, .kernel = { 1, 1 }, .stride = { 1, 1 }, .dilation = { 1, 1 } };
  u->groups = 1, u->inputs = x->d[1], u->outputs = w->d[1], u->o_stride = 1, u->c_stride = w->d[1];
  return u->outputs > 0 && find_scaled (b, n, u);
}

/* What only moves bytes, or compares them, may do without scales: they are those of its input. */
static gboolean
find_moved (ConvoyBuild *b, const ConvoyNode *n, ConvoyUnit *u)
{
  if (!convoy_bytes_source (b, n->in[0], &u->x))
    return FALSE;
  if (is_byte (convoy_build_type (b, n->out)))
    u->y = (ConvoyQuant) { n->out, u->x.scale, u->x.zero };
  u->low = -INFINITY, u->high = INFINITY;
  return TRUE;
}

static gboolean
find_pool (ConvoyBuild *b, const ConvoyNode *n, ConvoyUnit *u)
{
  gboolean global = g_str_has_prefix (n->op->name, "Global"), up = convoy_node_int (n, "ceil_mode", 0) != 0;
  const ConvoyShape *x = convoy_build_shape (b, n->in[0]);
  ConvoyShape out;
  gsize len = x->n - 2;
  u->maximum = strstr (n->op->name, "MaxPool") != NULL;
  if (n->n_out != 1 || x->n != 4 || (up && !u->maximum) || !find_moved (b, n, u))
    return FALSE;
  const gint64 *kernel = global ? x->d + 2 : convoy_node_ints (n, "kernel_shape", &len);
  if (!convoy_window_init (n, x, kernel, len, up, &u->window, &out, NULL) || u->window.dilation[0] != 1
      || u->window.dilation[1] != 1 || u->window.kernel[0] * u->window.kernel[1] > 65536)
    return FALSE;
  u->kind = CONVOY_UNIT_POOL;
  u->count_padding = convoy_node_int (n, "count_include_pad", 0) != 0;
  return TRUE;
}

static gboolean
find_add (ConvoyBuild *b, const ConvoyNode *n, ConvoyUnit *u)
{
  u->kind = CONVOY_UNIT_ADD;
  return convoy_bytes_dequantized (b, n->in[0], &u->x) && convoy_bytes_dequantized (b, n->in[1], &u->other)
      && convoy_shape_equal (convoy_build_shape (b, n->in[0]), convoy_build_shape (b, n->in[1]));
}

guint
convoy_bytes_direction (const ConvoyShape *s, gint64 axis)
{
  axis += axis < 0 ? s->n : 0;
  return s->n == 3 && axis == 2 ? 3 : (guint) axis;
}

static gboolean
find_concat (ConvoyBuild *b, const ConvoyNode *n, ConvoyUnit *u)
{
  ConvoyQuant q;
  ConvoyBytes t;
  for (guint i = 1; i < n->n_in; i++)
    if (!convoy_bytes_source (b, n->in[i], &q) || !convoy_bytes_shape (convoy_build_shape (b, n->in[i]), &t))
      return FALSE;
  u->kind = CONVOY_UNIT_CONCAT;
  return find_moved (b, n, u) && convoy_bytes_shape (convoy_build_shape (b, n->out), &t);
}

/* With a constant, and nothing cut off. */
static gboolean
find_pad (ConvoyBuild *b, const ConvoyNode *n, ConvoyUnit *u)
{
  const ConvoyShape *s = convoy_build_shape (b, n->in[0]);
  ConvoyTensor *given = convoy_build_const (b, node_in (n, 1));
  ConvoyBytes t;
  if (given == NULL || convoy_tensor_type (given) != CONVOY_I64 || convoy_tensor_count (given) != 2 * (gint64) s->n
      || node_in (n, 3) != CONVOY_NONE || strcmp (convoy_node_str (n, "mode", "constant"), "constant") != 0
      || !convoy_build_static (b, node_in (n, 2)) || !convoy_bytes_shape (convoy_build_shape (b, n->out), &t))
    return FALSE;
  const gint64 *pads = convoy_tensor_data (given);
  for (guint i = 0; i < 2 * s->n; i++)
    if (pads[i] < 0)
      return FALSE;
  for (guint i = 0; i < s->n; i++)
    u->at[convoy_bytes_direction (s, i)] = pads[i];
  u->pad = node_in (n, 2);
  u->kind = CONVOY_UNIT_PAD;
  return find_moved (b, n, u);
}

/* By the names of operators. */
static const struct {
  const char *op;
  gboolean (*find) (ConvoyBuild *b, const ConvoyNode *n, ConvoyUnit *u);
} roots[] = {
  { "Add", find_add },
  { "AveragePool", find_pool },
  { "Concat", find_concat },
  { "Conv", find_conv },
  { "Gemm", find_product },
  { "GlobalAveragePool", find_pool },
  { "GlobalMaxPool", find_pool },
  { "MatMul", find_product },
  { "MaxPool", find_pool },
  { "Pad", find_pad },
  { "QLinearConv", find_scaled_conv },
  { "QLinearMatMul", find_scaled_product },
};

gboolean
convoy_bytes_root (ConvoyBuild *b, const ConvoyNode *n, ConvoyUnit *u)
{
  for (guint i = 0; i < G_N_ELEMENTS (roots); i++)
    if (node_is (n, roots[i].op))
      return roots[i].find (b, n, u);
  return FALSE;
}
