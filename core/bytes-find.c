/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * bytes-find.c - find in a graph what can be computed on bytes: operators between
 * DequantizeLinear and QuantizeLinear, and those that have scales and zero points themselves. */
#include "core/bytes-find.h"
#include <math.h>
#include <string.h>

/* --- values and nodes ---------------------------------------------------- */

/* The one node that reads v, which is nobody else's; NULL: there are more, or none. */
static const ConvoyNode *
only_user (ConvoyBuild *b, ConvoyValue v)
{
  if (b->is_output[v] || b->users[v] == NULL || b->users[v]->len != 1)
    return NULL;
  guint u = g_array_index (b->users[v], guint, 0);
  return b->bytes->covered[u] ? NULL : CONVOY_NODE (b->graph, u);
}

static gboolean
quantizes (ConvoyBuild *b, const ConvoyNode *n, ConvoyQuant *q)
{
  if (!node_is (n, "QuantizeLinear") || !is_byte (convoy_build_type (b, n->out)) || convoy_build_type (b, n->in[0]) != CONVOY_F32
      || !convoy_bytes_known (b, n->in[1], node_in (n, 2), 1))
    return FALSE;
  *q = (ConvoyQuant) { n->out, n->in[1], node_in (n, 2) };
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
    if (!convoy_bytes_is_view (b, n))
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
  if (!node_is (d, "DequantizeLinear") || !node_is (sum, "Add") || !convoy_bytes_dequantized (b, d->out, &q)
      || !same_quant (b, &u->y, &q))
    return;
  ConvoyValue v = sum->in[sum->in[0] == d->out];
  if (v == d->out || !convoy_bytes_dequantized (b, v, &other) || !ready_before (b, other.q, root)
      || !convoy_bytes_same_pixels (convoy_build_shape (b, v), convoy_build_shape (b, d->out))
      || !convoy_shape_equal (convoy_build_shape (b, v), convoy_build_shape (b, sum->out)) || !add (&more, d) || !add (&more, sum)
      || !follow (b, sum->out, &y, &low, &high, &more))
    return;
  u->first = u->y, u->low_first = u->low, u->high_first = u->high;
  u->y = y, u->low = low, u->high = high, u->other = other;
  *nodes = more;
}

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
  ConvoyQuant q;
  b->bytes->unit[root] = *u;
  b->bytes->covered[root] = u->kind != CONVOY_UNIT_QUANTIZE;
  for (guint i = 0; i < nodes->n; i++) {
    guint at = convoy_build_index (b, nodes->node[i]);
    b->bytes->covered[at] = TRUE;
    b->node[at].root = root;
  }
  if (u->kind != CONVOY_UNIT_QUANTIZE)
    want (b, u->x.q, u->kind == CONVOY_UNIT_CONV ? &u->window : NULL);
  for (guint i = 1; u->kind == CONVOY_UNIT_CONCAT && i < CONVOY_NODE (b->graph, root)->n_in; i++)
    if (convoy_bytes_source (b, CONVOY_NODE (b->graph, root)->in[i], &q))
      want (b, q.q, NULL);
  if (u->other.q != CONVOY_NONE)
    want (b, u->other.q, NULL);
}

static ConvoyUnit
unit_new (void)
{
  return (ConvoyUnit) { .x = CONVOY_NO_QUANT,
    .other = CONVOY_NO_QUANT,
    .w = CONVOY_NO_QUANT,
    .first = CONVOY_NO_QUANT,
    .y = CONVOY_NO_QUANT,
    .bias = CONVOY_NONE,
    .bias_scale = CONVOY_NONE,
    .pad = CONVOY_NONE };
}

/* What stands round the bytes of x is the zero point under which they were made: a window may read it if u says the same. */
static gboolean
has_border (ConvoyBuild *b, const ConvoyUnit *u)
{
  const ConvoyWindow *w = &u->window;
  const ConvoyNode *maker = convoy_build_maker (b, u->x.q);
  ConvoyQuant made = u->x;
  if (!convoy_bytes_source (b, u->x.q, &made) && node_is (maker, "QuantizeLinear"))
    made.zero = node_in (maker, 2);
  made.scale = u->x.scale;
  return made.zero == u->x.zero || !(w->before[0] || w->before[1] || w->after[0] || w->after[1]) || same_quant (b, &made, &u->x);
}

static void
find_at (ConvoyBuild *b, guint root)
{
  const ConvoyNode *n = CONVOY_NODE (b->graph, root);
  ConvoyUnit u = unit_new ();
  Nodes nodes = { .n = 0 };
  u.kind = CONVOY_UNIT_CONV;
  if (b->bytes->covered[root] || !convoy_bytes_root (b, n, &u) || (u.kind == CONVOY_UNIT_CONV && !has_border (b, &u)))
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
  if (convoy_bytes_dequantized (b, n->in[0], &u.x)) {
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
  if (b->bytes->covered[at] || b->is_output[n->out] || users == NULL
      || !(node_is (n, "DequantizeLinear") || convoy_bytes_is_view (b, n)))
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
    reader = node_is (CONVOY_NODE (b->graph, reader), "DequantizeLinear") ? one_reader (b, CONVOY_NODE (b->graph, reader)->out)
                                                                          : CONVOY_NONE;
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
