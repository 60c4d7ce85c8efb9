/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * bytes-find.c - find in a graph what can be computed on bytes: operators between
 * DequantizeLinear and QuantizeLinear, and those that have scales and zero points themselves. */
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

static gboolean
same_pixels (const ConvoyShape *a, const ConvoyShape *b)
{
  ConvoyBytes x, y;
  return convoy_bytes_shape (a, &x) && convoy_bytes_shape (b, &y) && x.n == y.n && x.c == y.c && x.h == y.h && x.w == y.w;
}

static gboolean is (const ConvoyNode *n, const char *op) { return n && strcmp (n->op->name, op) == 0; }

/* The one node that reads v, which is nobody else's; NULL: there are more, or none. */
static const ConvoyNode *
only_user (ConvoyBuild *b, ConvoyValue v)
{
  if (b->is_output[v] || b->users[v] == NULL || b->users[v]->len != 1)
    return NULL;
  guint u = g_array_index (b->users[v], guint, 0);
  return b->bytes->covered[u] ? NULL : CONVOY_NODE (b->graph, u);
}

static gboolean is_byte (ConvoyType t) { return t == CONVOY_U8 || t == CONVOY_I8; }

/* A scale in float32 and a zero point of so many numbers, known before a run. */
static gboolean
is_known (ConvoyBuild *b, ConvoyValue scale, ConvoyValue zero, gint64 count)
{
  if (scale == CONVOY_NONE || !convoy_build_static (b, scale) || convoy_build_type (b, scale) != CONVOY_F32 || convoy_shape_count (convoy_build_shape (b, scale)) != count)
    return FALSE;
  gint64 zeros = zero == CONVOY_NONE ? 1 : convoy_shape_count (convoy_build_shape (b, zero));
  return zero == CONVOY_NONE || (convoy_build_static (b, zero) && (zeros == count || zeros == 1));
}

static ConvoyValue in (const ConvoyNode *n, guint i) { return i < n->n_in ? n->in[i] : CONVOY_NONE; }

static gboolean
is_view (ConvoyBuild *b, const ConvoyNode *n)
{
  return n && (n->op->flags & CONVOY_OP_ALIAS) && n->n_out == 1 && same_pixels (convoy_build_shape (b, n->in[0]), convoy_build_shape (b, n->out));
}

/* What v is dequantized from, through changes of shape that move no byte. */
static gboolean
dequantized (ConvoyBuild *b, ConvoyValue v, ConvoyQuant *q)
{
  const ConvoyNode *n = convoy_build_maker (b, v);
  ConvoyBytes t;
  while (is_view (b, n))
    n = convoy_build_maker (b, n->in[0]);
  if (!is (n, "DequantizeLinear") || !is_byte (convoy_build_type (b, n->in[0])) || convoy_build_type (b, n->out) != CONVOY_F32 || convoy_build_static (b, n->in[0])
      || !is_known (b, n->in[1], in (n, 2), 1) || !convoy_bytes_shape (convoy_build_shape (b, n->in[0]), &t))
    return FALSE;
  *q = (ConvoyQuant) { n->in[0], n->in[1], in (n, 2) };
  return TRUE;
}

static gboolean
quantizes (ConvoyBuild *b, const ConvoyNode *n, ConvoyQuant *q)
{
  if (!is (n, "QuantizeLinear") || !is_byte (convoy_build_type (b, n->out)) || convoy_build_type (b, n->in[0]) != CONVOY_F32 || !is_known (b, n->in[1], in (n, 2), 1))
    return FALSE;
  *q = (ConvoyQuant) { n->out, n->in[1], in (n, 2) };
  return TRUE;
}

/* The number behind a value, if it is a constant. */
static gboolean
constant (ConvoyBuild *b, ConvoyValue v, double *x)
{
  ConvoyTensor *t = convoy_build_const (b, v);
  *x = 0;
  if (v == CONVOY_NONE)
    return TRUE;
  if (t == NULL)
    return FALSE;
  *x = convoy_tensor_type (t) == CONVOY_F32 ? *(const float *) convoy_tensor_data (t) : convoy_bytes_zero (convoy_tensor_type (t), convoy_tensor_data (t));
  return TRUE;
}

/* Both mean the same by a byte. */
static gboolean
same_quant (ConvoyBuild *b, const ConvoyQuant *p, const ConvoyQuant *q)
{
  double s[2], z[2];
  const ConvoyQuant *both[] = { p, q };
  for (guint i = 0; i < 2; i++) {
    if (!constant (b, both[i]->scale, &s[i]) || !constant (b, both[i]->zero, &z[i]))
      return FALSE;
    if (both[i]->zero == CONVOY_NONE)
      z[i] = convoy_bytes_zero (convoy_build_type (b, both[i]->q), NULL);
  }
  return s[0] == s[1] && z[0] == z[1];
}

/* --- what follows a root --------------------------------------------------- */

/* The nodes of a unit beside its root. */
typedef struct { const ConvoyNode *node[16]; guint n; } Nodes;

static gboolean
add (Nodes *s, const ConvoyNode *n)
{
  if (s->n == G_N_ELEMENTS (s->node))
    return FALSE;
  s->node[s->n++] = n;
  return TRUE;
}

static void
clamp (ConvoyBuild *b, const ConvoyNode *n, ConvoyValue v, float *low, float *high, gboolean *ok)
{
  ConvoyPost post = { .other = CONVOY_NONE };
  *ok = n->op->as_post && n->n_out == 1 && n->op->as_post (b, n, v, &post) && post.kind == CONVOY_POST_EW && post.n_ew == 1
      && (post.ew[0].kind == CONVOY_EW_CLIP || (post.ew[0].kind == CONVOY_EW_RELU && post.ew[0].a == 0));
  if (*ok) {
    float from = post.ew[0].kind == CONVOY_EW_CLIP ? post.ew[0].a : 0, to = post.ew[0].kind == CONVOY_EW_CLIP ? post.ew[0].b : INFINITY;
    *low = CLAMP (*low, from, to);
    *high = CLAMP (*high, from, to);
  }
}

/* From the float value v to bytes, through functions that only clamp. */
static gboolean
follow (ConvoyBuild *b, ConvoyValue v, ConvoyQuant *y, float *low, float *high, Nodes *nodes)
{
  gboolean ok = TRUE;
  *low = -INFINITY, *high = INFINITY;
  while (ok) {
    const ConvoyNode *n = only_user (b, v);
    if (n == NULL || !add (nodes, n))
      return FALSE;
    if (quantizes (b, n, y))
      return TRUE;
    if (!is_view (b, n))
      clamp (b, n, v, low, high, &ok);
    v = n->out;
  }
  return FALSE;
}

static gboolean
ready_before (ConvoyBuild *b, ConvoyValue v, guint root)
{
  const ConvoyVal *val = CONVOY_VAL (b->graph, v);
  return val->kind != CONVOY_V_NODE || b->node[val->node].root < root;
}

/* The sum of what u has found so far with another value, as the end of a residual block. */
static void
find_residual (ConvoyBuild *b, ConvoyUnit *u, guint root, Nodes *nodes)
{
  const ConvoyNode *d = only_user (b, u->y.q), *sum = d ? only_user (b, d->out) : NULL;
  ConvoyQuant q, other, y;
  Nodes more = *nodes;
  float low, high;
  if (!is (d, "DequantizeLinear") || !is (sum, "Add") || !dequantized (b, d->out, &q) || !same_quant (b, &u->y, &q))
    return;
  ConvoyValue v = sum->in[sum->in[0] == d->out];
  if (v == d->out || !dequantized (b, v, &other) || !ready_before (b, other.q, root) || !same_pixels (convoy_build_shape (b, v), convoy_build_shape (b, d->out))
      || !convoy_shape_equal (convoy_build_shape (b, v), convoy_build_shape (b, sum->out)) || !add (&more, d) || !add (&more, sum)
      || !follow (b, sum->out, &y, &low, &high, &more))
    return;
  u->first = u->y, u->low_first = u->low, u->high_first = u->high;
  u->y = y, u->low = low, u->high = high, u->other = other;
  *nodes = more;
}

/* --- roots ------------------------------------------------------------------ */

/* Weights and bias of u: in DequantizeLinear, of which the axis of the output channels is axis. */
static gboolean
find_weights (ConvoyBuild *b, ConvoyUnit *u, const ConvoyNode *n, guint axis)
{
  const ConvoyNode *w = convoy_build_maker (b, n->in[1]), *bias = convoy_build_maker (b, in (n, 2));
  if (!is (w, "DequantizeLinear") || !is_byte (convoy_build_type (b, w->in[0])) || convoy_build_type (b, w->out) != CONVOY_F32 || !convoy_build_static (b, w->in[0])
      || convoy_node_int (w, "block_size", 0))
    return FALSE;
  gint64 along = convoy_node_int (w, "axis", 1);
  along += along < 0 ? convoy_build_shape (b, w->out)->n : 0;
  if (!is_known (b, w->in[1], in (w, 2), 1) && !(along == axis && is_known (b, w->in[1], in (w, 2), u->outputs)))
    return FALSE;
  u->w = (ConvoyQuant) { w->in[0], w->in[1], in (w, 2) };
  if (in (n, 2) == CONVOY_NONE)
    return TRUE;
  if (convoy_shape_count (convoy_build_shape (b, n->in[2])) != u->outputs || !convoy_build_static (b, n->in[2]))
    return FALSE;
  gboolean whole = is (bias, "DequantizeLinear") && convoy_build_type (b, bias->in[0]) == CONVOY_I32
      && (is_known (b, bias->in[1], CONVOY_NONE, 1) || is_known (b, bias->in[1], CONVOY_NONE, u->outputs));
  u->bias = whole ? bias->in[0] : n->in[2];
  u->bias_scale = whole ? bias->in[1] : CONVOY_NONE;
  if (whole && convoy_shape_count (convoy_build_shape (b, u->bias_scale)) != convoy_shape_count (convoy_build_shape (b, u->w.scale)))
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
  if (!convoy_bytes_shape (xs, &t) || xs->n < 3 || ws->n != xs->n || !convoy_window_init (n, xs, ws->d + 2, ws->n - 2, FALSE, &k, &out, NULL))
    return FALSE;
  u->window = k;
  if (k.n == 1) {
    u->window = (ConvoyWindow) { .n = 2, .kernel = { 1, k.kernel[0] }, .stride = { 1, k.stride[0] }, .dilation = { 1, k.dilation[0] },
      .before = { 0, k.before[0] }, .after = { 0, k.after[0] } };
  }
  u->groups = convoy_node_int (n, "group", 1);
  u->outputs = ws->d[0], u->inputs = ws->d[1];
  u->tap_stride = 1, u->c_stride = u->window.kernel[0] * u->window.kernel[1], u->o_stride = u->c_stride * u->inputs;
  gboolean depthwise = u->groups > 1 && u->inputs == 1 && u->outputs == u->groups, flat = u->window.dilation[0] == 1 && u->window.dilation[1] == 1;
  gint64 taps = u->window.kernel[0] * u->window.kernel[1];
  return taps <= CONVOY_BYTES_TAPS && taps * u->inputs < 32768 && (depthwise ? flat : u->groups == 1 || u->inputs % 4 == 0);
}

static gboolean
find_conv (ConvoyBuild *b, const ConvoyNode *n, ConvoyUnit *u)
{
  return dequantized (b, n->in[0], &u->x) && conv_geometry (b, n, n->in[0], n->in[1], u) && find_weights (b, u, n, 0);
}

static gboolean
find_product (ConvoyBuild *b, const ConvoyNode *n, ConvoyUnit *u)
{
  const ConvoyShape *x = convoy_build_shape (b, n->in[0]), *w = convoy_build_shape (b, n->in[1]);
  gboolean turned = convoy_node_int (n, "transB", 0) != 0;
  if (x->n != 2 || w->n != 2 || x->d[1] >= 32768 || convoy_node_int (n, "transA", 0) || convoy_node_float (n, "alpha", 1) != 1 || convoy_node_float (n, "beta", 1) != 1)
    return FALSE;
  u->window = (ConvoyWindow) { .n = 2, .kernel = { 1, 1 }, .stride = { 1, 1 }, .dilation = { 1, 1 } };
  u->groups = 1, u->inputs = x->d[1], u->outputs = w->d[turned ? 0 : 1];
  u->o_stride = turned ? u->inputs : 1, u->c_stride = turned ? 1 : u->outputs;
  return dequantized (b, n->in[0], &u->x) && find_weights (b, u, n, turned ? 0 : 1);
}

/* x, scale, zero, w, scale, zero, scale, zero of y, bias. */
static gboolean
find_scaled (ConvoyBuild *b, const ConvoyNode *n, ConvoyUnit *u)
{
  if (!convoy_build_static (b, n->in[3]) || convoy_build_static (b, n->in[0]) || !is_known (b, n->in[1], n->in[2], 1) || !is_known (b, n->in[6], n->in[7], 1)
      || !(is_known (b, n->in[4], n->in[5], 1) || is_known (b, n->in[4], n->in[5], u->outputs)))
    return FALSE;
  u->x = (ConvoyQuant) { n->in[0], n->in[1], n->in[2] };
  u->w = (ConvoyQuant) { n->in[3], n->in[4], n->in[5] };
  u->y = (ConvoyQuant) { n->out, n->in[6], n->in[7] };
  u->bias = in (n, 8);
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

static gboolean
find_pool (ConvoyBuild *b, const ConvoyNode *n, ConvoyUnit *u)
{
  gboolean global = g_str_has_prefix (n->op->name, "Global");
  const ConvoyShape *x = convoy_build_shape (b, n->in[0]);
  ConvoyShape out;
  gsize len = x->n - 2;
  if (n->n_out != 1 || x->n != 4 || convoy_node_int (n, "ceil_mode", 0) || !dequantized (b, n->in[0], &u->x))
    return FALSE;
  const gint64 *kernel = global ? x->d + 2 : convoy_node_ints (n, "kernel_shape", &len);
  if (!convoy_window_init (n, x, kernel, len, FALSE, &u->window, &out, NULL) || u->window.dilation[0] != 1 || u->window.dilation[1] != 1
      || u->window.kernel[0] * u->window.kernel[1] > 65536)
    return FALSE;
  u->kind = CONVOY_UNIT_POOL;
  u->maximum = strstr (n->op->name, "MaxPool") != NULL;
  u->count_padding = convoy_node_int (n, "count_include_pad", 0) != 0;
  return TRUE;
}

static gboolean
find_add (ConvoyBuild *b, const ConvoyNode *n, ConvoyUnit *u)
{
  u->kind = CONVOY_UNIT_ADD;
  return dequantized (b, n->in[0], &u->x) && dequantized (b, n->in[1], &u->other)
      && convoy_shape_equal (convoy_build_shape (b, n->in[0]), convoy_build_shape (b, n->in[1]));
}

static const struct { const char *op; gboolean (*find) (ConvoyBuild *b, const ConvoyNode *n, ConvoyUnit *u); } roots[] = {
  { "Add", find_add }, { "AveragePool", find_pool }, { "Conv", find_conv }, { "Gemm", find_product }, { "GlobalAveragePool", find_pool },
  { "GlobalMaxPool", find_pool }, { "MatMul", find_product }, { "MaxPool", find_pool }, { "QLinearConv", find_scaled_conv }, { "QLinearMatMul", find_scaled_product },
};

static void
want (ConvoyBuild *b, ConvoyValue v, const ConvoyWindow *w)
{
  gint64 *border = b->bytes->border[v];
  b->bytes->wanted[v] = TRUE;
  for (guint i = 0; w && i < 2; i++) {
    border[i] = MAX (border[i], w->before[i]);
    border[2 + i] = MAX (border[2 + i], w->after[i]);
  }
}

static void
register_unit (ConvoyBuild *b, guint root, const ConvoyUnit *u, const Nodes *nodes)
{
  b->bytes->unit[root] = *u;
  b->bytes->covered[root] = u->kind != CONVOY_UNIT_QUANTIZE;
  for (guint i = 0; i < nodes->n; i++) {
    guint at = convoy_build_index (b, nodes->node[i]);
    b->bytes->covered[at] = TRUE;
    b->node[at].root = root;
  }
  if (u->kind != CONVOY_UNIT_QUANTIZE)
    want (b, u->x.q, u->kind == CONVOY_UNIT_CONV ? &u->window : NULL);
  if (u->other.q != CONVOY_NONE)
    want (b, u->other.q, NULL);
}

static ConvoyUnit
unit_new (void)
{
  return (ConvoyUnit) { .x = CONVOY_NO_QUANT, .other = CONVOY_NO_QUANT, .w = CONVOY_NO_QUANT, .first = CONVOY_NO_QUANT, .y = CONVOY_NO_QUANT,
    .bias = CONVOY_NONE, .bias_scale = CONVOY_NONE };
}

static void
find_at (ConvoyBuild *b, guint root)
{
  const ConvoyNode *n = CONVOY_NODE (b->graph, root);
  ConvoyUnit u = unit_new ();
  Nodes nodes = { .n = 0 };
  guint k = 0;
  while (k < G_N_ELEMENTS (roots) && strcmp (roots[k].op, n->op->name) != 0)
    k++;
  u.kind = CONVOY_UNIT_CONV;
  if (k == G_N_ELEMENTS (roots) || b->bytes->covered[root] || !roots[k].find (b, n, &u))
    return;
  if (u.y.q == CONVOY_NONE && !follow (b, n->out, &u.y, &u.low, &u.high, &nodes)) {
    u.floats = TRUE;
    nodes.n = 0;
  }
  if (u.floats && (u.kind != CONVOY_UNIT_CONV || (u.groups > 1 && u.inputs == 1)))
    return;
  if (u.kind == CONVOY_UNIT_CONV && !u.floats)
    find_residual (b, &u, root, &nodes);
  register_unit (b, root, &u, &nodes);
}

/* A QuantizeLinear of floats, or of what is in bytes already, whose bytes a unit reads. */
static void
find_source (ConvoyBuild *b, guint root)
{
  const ConvoyNode *n = CONVOY_NODE (b->graph, root);
  const Nodes none = { .n = 0 };
  ConvoyUnit u = unit_new ();
  if (b->bytes->covered[root] || !b->bytes->wanted[n->out] || !quantizes (b, n, &u.y))
    return;
  u.kind = CONVOY_UNIT_QUANTIZE;
  u.low = -INFINITY, u.high = INFINITY;
  if (dequantized (b, n->in[0], &u.x)) {
    u.kind = same_quant (b, &u.x, &u.y) ? CONVOY_UNIT_SAME : CONVOY_UNIT_CHANGE;
    memcpy (b->bytes->border[u.x.q], b->bytes->border[u.y.q], sizeof b->bytes->border[0]);
  }
  register_unit (b, root, &u, &none);
}

/* What only fed units: nobody reads it now. */
static void
drop (ConvoyBuild *b, guint at)
{
  const ConvoyNode *n = CONVOY_NODE (b->graph, at);
  const GArray *users = b->users[n->out];
  if (b->bytes->covered[at] || b->is_output[n->out] || users == NULL || !(is (n, "DequantizeLinear") || is_view (b, n)))
    return;
  for (guint i = 0; i < users->len; i++)
    if (!b->bytes->covered[g_array_index (users, guint, i)])
      return;
  b->bytes->covered[at] = TRUE;
  b->node[at].root = g_array_index (users, guint, 0);
}

/* The node that is all that reads v; CONVOY_NONE: there are more, or it is an output. */
static guint
one_reader (ConvoyBuild *b, ConvoyValue v)
{
  return b->is_output[v] || b->users[v] == NULL || b->users[v]->len != 1 ? CONVOY_NONE : g_array_index (b->users[v], guint, 0);
}

#define PAIR_BYTES 262144       /* what is less than that stays in a cache anyway */

/* A depthwise convolution that alone reads much of what a convolution gives is computed with it. */
static void
find_pair (ConvoyBuild *b, guint root)
{
  ConvoyUnit *d = &b->bytes->unit[root];
  const ConvoyNode *maker = d->kind == CONVOY_UNIT_CONV && convoy_unit_is_depthwise (d) ? convoy_build_maker (b, d->x.q) : NULL;
  guint reader = maker ? one_reader (b, d->x.q) : CONVOY_NONE;
  if (reader != CONVOY_NONE && reader != root)
    reader = is (CONVOY_NODE (b->graph, reader), "DequantizeLinear") ? one_reader (b, CONVOY_NODE (b->graph, reader)->out) : CONVOY_NONE;
  if (reader != root)
    return;
  guint first = b->node[convoy_build_index (b, maker)].root;
  ConvoyUnit *c = &b->bytes->unit[first];
  if (first == 0 || c->kind != CONVOY_UNIT_CONV || c->floats || c->other.q != CONVOY_NONE || c->y.q != d->x.q || convoy_unit_is_depthwise (c)
      || convoy_shape_count (convoy_build_shape (b, d->x.q)) < PAIR_BYTES)
    return;
  d->pair = first;
  c->waits = TRUE;
}

void
convoy_bytes_find (ConvoyBuild *b)
{
  guint n = b->graph->nodes->len, values = b->graph->vals->len;
  if (b->learn || !convoy_dnn_has_vnni ())
    return;
  b->bytes = g_new0 (struct ConvoyByteState, 1);
  b->bytes->unit = g_new0 (ConvoyUnit, n + 1);
  b->bytes->covered = g_new0 (gboolean, n + 1);
  b->bytes->wanted = g_new0 (gboolean, values + 1);
  b->bytes->border = g_malloc0_n (values + 1, sizeof *b->bytes->border);
  b->bytes->bytes = g_malloc0_n (values + 1, sizeof *b->bytes->bytes);
  for (guint v = 0; v < values; v++)
    b->bytes->bytes[v].buf = CONVOY_NO_BUF;
  for (guint i = 0; i < n; i++)
    find_at (b, i);
  for (guint i = n; i-- > 0;)
    find_source (b, i);
  for (guint i = n; i-- > 0;)
    drop (b, i);
  b->bytes->waiting = g_new0 (struct ConvoyByteStep *, n + 1);
  for (guint i = 0; i < n; i++)
    find_pair (b, i);
}

gboolean convoy_bytes_has (ConvoyBuild *b, guint node) { return b->bytes && b->bytes->unit[node].kind != CONVOY_UNIT_NONE; }

void
convoy_bytes_clear (ConvoyBuild *b)
{
  if (b->bytes == NULL)
    return;
  g_free (b->bytes->unit);
  g_free (b->bytes->covered);
  g_free (b->bytes->wanted);
  g_free (b->bytes->border);
  for (guint i = 0; i < b->graph->nodes->len; i++)
    g_free (b->bytes->waiting[i]);
  g_free (b->bytes->waiting);
  g_free (b->bytes->bytes);
  g_free (b->bytes);
}
