/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * backward.c - the second half of compiling a plan that learns: which weights learn, and the steps
 * that carry the gradient of the loss back to them (D. Rumelhart, G. Hinton, R. Williams, "Learning
 * representations by back-propagating errors", Nature 323, 1986). A value that several nodes read,
 * or a weight that several share, has the sum of their gradients. */
#include "core/build.h"
#include <string.h>

/* --- what learns ----------------------------------------------------- */

/* Marks the nodes that the value called name depends on. */
static gboolean
find_frozen (ConvoyBuild *b, const char *name, GError **error)
{
  const ConvoyGraph *g = b->graph;
  ConvoyValue v = convoy_graph_find (g, name);
  if (v == CONVOY_NONE) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "freeze: no layer is called %s", name);
    return FALSE;
  }
  if (CONVOY_VAL (g, v)->kind == CONVOY_V_NODE)
    b->frozen[CONVOY_VAL (g, v)->node] = TRUE;
  for (guint i = g->nodes->len; i-- > 0;)
    for (guint k = 0; b->frozen[i] && k < CONVOY_NODE (g, i)->n_in; k++) {
      ConvoyValue in = CONVOY_NODE (g, i)->in[k];
      if (in != CONVOY_NONE && CONVOY_VAL (g, in)->kind == CONVOY_V_NODE)
        b->frozen[CONVOY_VAL (g, in)->node] = TRUE;
    }
  return TRUE;
}

static gboolean
in_set (guint set, guint i)
{
  return i < 32 && (set >> i & 1);
}

static gboolean
is_weight (ConvoyBuild *b, ConvoyValue v)
{
  const ConvoyVal *val = v == CONVOY_NONE ? NULL : CONVOY_VAL (b->graph, v);
  return val && val->kind == CONVOY_V_PARAM && val->type == CONVOY_F32 && val->shape.n > 0 && convoy_shape_count (&val->shape) > 0;
}

static void
add_slot (ConvoyBuild *b, ConvoyValue v, gboolean statistic)
{
  const ConvoyVal *val = CONVOY_VAL (b->graph, v);
  ConvoyPlanSlot s = { .slot = { .name = val->name, .shape = val->shape, .statistic = statistic }, .value = v, .gradient = CONVOY_NO_BUF, .outer = { CONVOY_NO_BUF, CONVOY_NO_BUF } };
  if (b->slot[v] >= 0)
    return;
  s.weight = convoy_build_buf (b, CONVOY_B_MASTER, CONVOY_F32, &val->shape, NULL);
  if (!statistic)
    s.gradient = convoy_build_buf (b, CONVOY_B_GRADIENT, CONVOY_F32, &val->shape, NULL);
  b->slot[v] = (gint) b->plan->slots->len;
  g_array_append_val (b->plan->slots, s);
}

/* The weights (statistic FALSE) or statistics of all nodes that are not frozen, but for those that
 * a frozen node reads too. */
static void
find_slots (ConvoyBuild *b, gboolean statistic)
{
  g_autofree gboolean *held = g_new0 (gboolean, b->graph->vals->len + 1);
  for (guint pass = 0; pass < 2; pass++)
    for (guint i = 0; i < b->graph->nodes->len; i++) {
      const ConvoyNode *n = CONVOY_NODE (b->graph, i);
      guint none = n->op->const_in | n->op->no_grad | n->op->state_in;
      for (guint k = 0; k < n->n_in; k++) {
        ConvoyValue v = n->in[k];
        if (pass == 0 && b->frozen[i] && v != CONVOY_NONE)
          held[v] = TRUE;
        else if (pass == 1 && !b->frozen[i] && is_weight (b, v) && !held[v] && (statistic ? in_set (n->op->state_in, k) : !in_set (none, k)))
          add_slot (b, v, statistic);
      }
    }
}

static void
find_wanting (ConvoyBuild *b)
{
  for (guint i = 0; i < b->plan->slots->len; i++)
    b->wants[CONVOY_PLAN_SLOT (b->plan, i)->value] = !CONVOY_PLAN_SLOT (b->plan, i)->slot.statistic;
  for (guint i = 0; i < b->graph->nodes->len; i++) {
    const ConvoyNode *n = CONVOY_NODE (b->graph, i);
    gboolean wants = FALSE;
    for (guint k = 0; k < n->n_in; k++)
      wants |= n->in[k] != CONVOY_NONE && b->wants[n->in[k]] && !in_set (n->op->no_grad | n->op->const_in, k);
    for (guint k = 0; k < n->n_out; k++)
      b->wants[n->out + k] |= wants && CONVOY_VAL (b->graph, n->out + k)->type == CONVOY_F32;
  }
}

/* No weight learns, but the gradient of one value is wanted; it must be an output, so that nothing
 * rides over it. */
static gboolean
find_about (ConvoyBuild *b, GError **error)
{
  const char *name = b->learn->about;
  ConvoyValue v = convoy_graph_find (b->graph, name), loss = convoy_graph_get_output (b->graph, 0);
  for (guint i = 0; i < b->graph->nodes->len; i++)
    b->frozen[i] = TRUE;
  if (v != CONVOY_NONE)
    b->wants[v] = CONVOY_VAL (b->graph, v)->type == CONVOY_F32;
  find_wanting (b);
  if (v != CONVOY_NONE && v != loss && b->wants[loss])
    return TRUE;
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "no gradient leads from the result back to layer %s: nothing of float32 goes from it there", name);
  return FALSE;
}

gboolean
convoy_learn_find (ConvoyBuild *b, GError **error)
{
  guint n_vals = b->graph->vals->len + 1, n_nodes = b->graph->nodes->len + 1;
  b->frozen = g_new0 (gboolean, n_nodes);
  b->wants = g_new0 (gboolean, n_vals);
  b->grad_owned = g_new0 (gboolean, n_vals);
  b->slot = g_new (gint, n_vals);
  b->grad = g_new (ConvoyBuf, n_vals);
  b->kept = g_new (ConvoyBuf, n_nodes);
  b->reorders = g_array_new (FALSE, FALSE, sizeof (ConvoyReorder));
  memset (b->slot, 0xff, n_vals * sizeof *b->slot);
  for (guint i = 0; i < n_vals; i++)
    b->grad[i] = CONVOY_NO_BUF;
  for (guint i = 0; i < n_nodes; i++)
    b->kept[i] = CONVOY_NO_BUF;
  if (b->learn->about)
    return find_about (b, error);
  if (b->learn->freeze && !find_frozen (b, b->learn->freeze, error))
    return FALSE;
  for (guint i = 0; b->learn->freeze_batchnorm && i < b->graph->nodes->len; i++)
    b->frozen[i] |= CONVOY_NODE (b->graph, i)->op->state_in != 0;
  find_slots (b, FALSE);
  find_slots (b, TRUE);
  find_wanting (b);
  if (b->plan->slots->len > 0 && b->wants[convoy_graph_get_output (b->graph, 0)])
    return TRUE;
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "nothing is left to learn%s%s", b->learn->freeze ? ", all is frozen up to " : "",
      b->learn->freeze ? b->learn->freeze : "");
  return FALSE;
}

void
convoy_learn_clear (ConvoyBuild *b)
{
  g_free (b->frozen);
  g_free (b->wants);
  g_free (b->grad_owned);
  g_free (b->slot);
  g_free (b->grad);
  g_free (b->kept);
  if (b->reorders)
    g_array_unref (b->reorders);
}

gboolean convoy_build_learning (ConvoyBuild *b, const ConvoyNode *n) { return b->learn && !b->frozen[convoy_build_index (b, n)]; }
gboolean convoy_build_wants (ConvoyBuild *b, ConvoyValue v) { return b->learn && v != CONVOY_NONE && b->wants[v]; }
void convoy_build_keep (ConvoyBuild *b, const ConvoyNode *n, ConvoyBuf buf) { b->kept[convoy_build_index (b, n)] = buf; }
ConvoyBuf convoy_build_kept (ConvoyBuild *b, const ConvoyNode *n) { return b->kept[convoy_build_index (b, n)]; }

ConvoyPlanSlot *
convoy_build_slot (ConvoyBuild *b, ConvoyBuf buf)
{
  ConvoyBuf root = buf == CONVOY_NO_BUF ? buf : convoy_plan_root (b->plan, buf, NULL);
  if (buf == CONVOY_NO_BUF || CONVOY_BUF (b->plan, root)->kind != CONVOY_B_MASTER)
    return NULL;
  for (guint i = 0; i < b->plan->slots->len; i++)
    if (CONVOY_PLAN_SLOT (b->plan, i)->weight == root)
      return CONVOY_PLAN_SLOT (b->plan, i);
  return NULL;
}

ConvoyBuf
convoy_build_state (ConvoyBuild *b, ConvoyValue v)
{
  return b->slot[v] >= 0 ? CONVOY_PLAN_SLOT (b->plan, b->slot[v])->weight : CONVOY_NO_BUF;
}

ConvoyBuf
convoy_build_part (ConvoyBuild *b, ConvoyBuf buf, const ConvoyShape *s, gsize offset)
{
  if (b->error)
    return CONVOY_NO_BUF;
  ConvoyBuf part = convoy_build_alias (b, buf, s, NULL);
  CONVOY_BUF (b->plan, part)->offset = offset;
  return part;
}

ConvoyBuf
convoy_build_weight (ConvoyBuild *b, ConvoyValue v, const ConvoyShape *s, const ConvoyMd *given)
{
  const ConvoyPlanSlot *slot = b->slot[v] >= 0 ? CONVOY_PLAN_SLOT (b->plan, b->slot[v]) : NULL;
  ConvoyShape have = { 0 };
  if (slot && slot->md)
    have = convoy_md_shape (slot->md);
  if (slot && slot->md && convoy_md_equal (slot->plain, given) && convoy_shape_equal (&have, s))
    return b->error ? CONVOY_NO_BUF : convoy_build_alias (b, slot->weight, s, slot->md);
  return convoy_build_view (b, convoy_build_in_plain (b, v), s, given);
}

ConvoyBuf
convoy_build_seed (ConvoyBuild *b)
{
  if (b->plan->seed == CONVOY_NO_BUF)
    b->plan->seed = convoy_build_buf (b, CONVOY_B_INPUT, CONVOY_I64, &CONVOY_SHAPE (2), NULL);
  return b->plan->seed;
}

ConvoyBuf
convoy_build_last (ConvoyBuild *b, const ConvoyNode *n, ConvoyValue *v)
{
  *v = b->node[convoy_build_index (b, n)].last;
  return b->value[*v];
}

/* --- sums of gradients ------------------------------------------------ */

typedef struct { gsize n; } Count;

/* b -> a: a += b */
static void
add_into (void *const data[], const void *user)
{
  const float *x = data[0];
  float *y = data[1];
  gsize n = ((const Count *) user)->n;
#pragma omp parallel for simd
  for (gsize i = 0; i < n; i++)
    y[i] += x[i];
}

/* a, b -> a + b */
static void
add_apart (void *const data[], const void *user)
{
  const float *a = data[0], *b = data[1];
  float *y = data[2];
  gsize n = ((const Count *) user)->n;
#pragma omp parallel for simd
  for (gsize i = 0; i < n; i++)
    y[i] = a[i] + b[i];
}

static void
clear_all (void *const data[], const void *user)
{
  memset (data[0], 0, ((const Count *) user)->n * sizeof (float));
}

static Count *
count_of (ConvoyBuild *b, ConvoyBuf buf)
{
  Count *c = g_new (Count, 1);
  c->n = convoy_md_size (convoy_build_md (b, buf)) / sizeof (float);
  return c;
}

/* The buffer read as the plain tensor of shape s; given as in convoy_build_grad_out(). */
static ConvoyBuf
as_given (ConvoyBuild *b, ConvoyBuf buf, const ConvoyMd *given, const ConvoyShape *s)
{
  return given ? convoy_build_view (b, convoy_build_in_as (b, buf, given), s, NULL) : buf;
}

/* The gradient of a slot, as primitives write it. */
static ConvoyBuf
slot_gradient (ConvoyBuild *b, ConvoyPlanSlot *s, const ConvoyMd *md)
{
  ConvoyShape shape = convoy_md_shape (md);
  CONVOY_BUF (b->plan, s->gradient)->size = CONVOY_BUF (b->plan, s->weight)->size;
  return convoy_build_alias (b, s->gradient, &shape, md);
}

ConvoyBuf
convoy_build_grad (ConvoyBuild *b, ConvoyValue v)
{
  return b->grad[v];
}

ConvoyBuf
convoy_build_grad_out (ConvoyBuild *b, ConvoyValue v, const ConvoyMd *given, const ConvoyMd *md)
{
  if (b->error)
    return CONVOY_NO_BUF;
  const ConvoyShape *own = convoy_build_shape (b, v);
  g_autoptr (ConvoyMd) plain = convoy_md_plain (own);
  const ConvoyMd *want = md ? md : plain;
  ConvoyShape shape = convoy_md_shape (want);
  if (b->slot[v] >= 0 && b->grad[v] == CONVOY_NO_BUF) {
    ConvoyPlanSlot *s = CONVOY_PLAN_SLOT (b->plan, b->slot[v]);
    if (convoy_md_equal (want, s->md ? s->md : given ? given : plain))
      return slot_gradient (b, s, want);
  }
  return convoy_build_tmp (b, given ? &shape : own, want);
}

static void
slot_done (ConvoyBuild *b, ConvoyPlanSlot *s, ConvoyBuf buf, const ConvoyMd *given)
{
  ConvoyValue v = s->value;
  if (convoy_plan_root (b->plan, buf, NULL) == s->gradient) {
    b->grad[v] = buf;
    return;
  }
  g_autoptr (ConvoyMd) plain = convoy_md_plain (&s->slot.shape);
  const ConvoyMd *md = s->md ? s->md : plain;
  ConvoyShape have = convoy_md_shape (convoy_build_md (b, buf)), want = convoy_md_shape (md);
  if (!convoy_shape_equal (&have, &want))
    buf = convoy_build_view (b, as_given (b, buf, given, &s->slot.shape), &want, s->md ? s->plain : plain);
  if (b->grad[v] == CONVOY_NO_BUF) {
    ConvoyPrim *p = convoy_dnn_reorder (convoy_build_md (b, buf), md, convoy_build_error (b));
    b->grad[v] = slot_gradient (b, s, md);
    convoy_build_prim (b, "gradient", p, CONVOY_ARG_SRC, buf, CONVOY_ARG_DST, b->grad[v], -1);
    return;
  }
  buf = convoy_build_in_as (b, buf, md);
  convoy_build_call (b, "add", add_into, count_of (b, buf), 1, 1, buf, b->grad[v]);
}

static void
add_gradient (ConvoyBuild *b, ConvoyValue v, ConvoyBuf buf, gboolean owned)
{
  if (b->grad[v] == CONVOY_NO_BUF) {
    b->grad[v] = buf;
    b->grad_owned[v] = owned;
    return;
  }
  ConvoyBuf sum = b->grad[v];
  buf = convoy_build_in_as (b, buf, convoy_build_md (b, sum));
  if (b->grad_owned[v]) {
    convoy_build_call (b, "add", add_into, count_of (b, buf), 1, 1, buf, sum);
    return;
  }
  ConvoyBuf fresh = convoy_build_tmp (b, convoy_build_shape (b, v), convoy_build_md (b, sum));
  if (!b->error)
    convoy_build_call (b, "add", add_apart, count_of (b, buf), 2, 1, sum, buf, fresh);
  b->grad[v] = fresh;
  b->grad_owned[v] = TRUE;
}

void
convoy_build_grad_done (ConvoyBuild *b, ConvoyValue v, ConvoyBuf buf, const ConvoyMd *given)
{
  if (b->error)
    return;
  if (b->slot[v] >= 0)
    slot_done (b, CONVOY_PLAN_SLOT (b->plan, b->slot[v]), buf, given);
  else
    add_gradient (b, v, as_given (b, buf, given, convoy_build_shape (b, v)), TRUE);
}

static void
pass (ConvoyBuild *b, ConvoyValue v, ConvoyBuf dy, gboolean owned)
{
  const ConvoyShape *s = convoy_build_shape (b, v);
  if (b->error)
    return;
  if (!convoy_shape_equal (s, &CONVOY_BUF (b->plan, dy)->shape)) {
    g_autoptr (ConvoyMd) plain = convoy_md_plain (&CONVOY_BUF (b->plan, dy)->shape);
    dy = convoy_build_view (b, convoy_build_in_as (b, dy, plain), s, NULL);
  }
  if (b->slot[v] >= 0)
    slot_done (b, CONVOY_PLAN_SLOT (b->plan, b->slot[v]), dy, NULL);
  else
    add_gradient (b, v, dy, owned);
}

void
convoy_build_grad_pass (ConvoyBuild *b, ConvoyValue v, ConvoyBuf dy)
{
  pass (b, v, dy, FALSE);
}

/* --- nodes ------------------------------------------------------------ */

/* A function of one value at a time goes back in any layout, padding included, over dy itself
 * where nobody else has it. */
static void
pointwise_back (ConvoyBuild *b, const ConvoyNode *n)
{
  ConvoyBuf y = convoy_build_in (b, n->out), dy = convoy_build_in_as (b, b->grad[n->out], convoy_build_md (b, y)), dx = dy;
  if (b->error)
    return;
  if (!b->grad_owned[n->out] && dy == b->grad[n->out])
    dx = convoy_build_tmp (b, convoy_build_shape (b, n->out), convoy_build_md (b, y));
  ConvoyShape flat = CONVOY_SHAPE ((gint64) (convoy_md_size (convoy_build_md (b, y)) / sizeof (float)));
  ConvoyStep s = { .what = n->op->name, .node = n, .back = TRUE, .n = n->n_in * 2 + 2, .n_in = n->n_in + 2, .buf = g_new (ConvoyBuf, n->n_in * 2 + 2) };
  for (guint i = 0; i < s.n; i++)
    s.buf[i] = CONVOY_NO_BUF;
  for (guint i = 1; i < n->n_in; i++)
    s.buf[i] = convoy_build_in_plain (b, n->in[i]);
  s.buf[n->n_in] = convoy_build_alias (b, y, &flat, NULL);
  s.buf[n->n_in + 1] = convoy_build_alias (b, dy, &flat, NULL);
  s.buf[n->n_in + 2] = convoy_build_alias (b, dx, &flat, NULL);
  convoy_build_step (b, s);
  add_gradient (b, n->in[0], dx, TRUE);
}

/* What grad() reads of inputs and outputs, by the flags of the row. */
static void
plain_back (ConvoyBuild *b, const ConvoyNode *n)
{
  guint outs = n->n_in, douts = outs + n->n_out, dins = douts + n->n_out, flags = n->op->flags;
  ConvoyStep s = { .what = n->op->name, .node = n, .back = TRUE, .n = dins + n->n_in, .n_in = dins, .buf = g_new (ConvoyBuf, dins + n->n_in) };
  for (guint i = 0; i < n->n_in; i++) {
    gboolean reads = (flags & CONVOY_OP_GRAD_LINEAR) ? in_set (n->op->const_in, i) : !(flags & CONVOY_OP_GRAD_FROM_OUT) || i > 0;
    s.buf[i] = reads ? convoy_build_in_plain (b, n->in[i]) : CONVOY_NO_BUF;
  }
  for (guint i = 0; i < n->n_out; i++) {
    s.buf[outs + i] = flags & CONVOY_OP_GRAD_FROM_OUT ? convoy_build_in_plain (b, n->out + i) : CONVOY_NO_BUF;
    ConvoyBuf dy = b->grad[n->out + i];
    g_autoptr (ConvoyMd) plain = dy == CONVOY_NO_BUF ? NULL : convoy_md_plain (convoy_build_shape (b, n->out + i));
    s.buf[douts + i] = convoy_build_in_as (b, dy, plain);
  }
  for (guint i = 0; i < n->n_in; i++)
    s.buf[dins + i] = convoy_build_wants (b, n->in[i]) && !in_set (n->op->no_grad, i) ? convoy_build_grad_out (b, n->in[i], NULL, NULL) : CONVOY_NO_BUF;
  if (b->error) {
    g_free (s.buf);
    return;
  }
  convoy_build_step (b, s);
  for (guint i = 0; i < n->n_in; i++)
    if (s.buf[dins + i] != CONVOY_NO_BUF)
      convoy_build_grad_done (b, n->in[i], s.buf[dins + i], NULL);
}

static void
node_back (ConvoyBuild *b, const ConvoyNode *n)
{
  const guint pointwise = CONVOY_OP_POINTWISE | CONVOY_OP_GRAD_FROM_OUT;
  b->current = n;
  if (n->op->backward && n->op->backward (b, n))
    return;
  if ((n->op->flags & CONVOY_OP_ALIAS) && n->n_out == 1)
    pass (b, n->in[0], b->grad[n->out], b->grad_owned[n->out]);
  else if (n->op->grad && (n->op->flags & pointwise) == pointwise && b->slot[n->in[0]] < 0)
    pointwise_back (b, n);
  else if (n->op->grad)
    plain_back (b, n);
  else
    g_set_error (convoy_build_error (b), CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED, "%s %s: has no gradient", n->op->name,
        *n->name ? n->name : convoy_graph_name (b->graph, n->out));
}

/* A gradient came to one of the outputs, or to what rides and goes back with it. */
static gboolean
is_reached (ConvoyBuild *b, guint i)
{
  const ConvoyNode *n = CONVOY_NODE (b->graph, i);
  if (n->op->flags & CONVOY_OP_BACK_POSTS)
    return b->grad[b->node[i].last] != CONVOY_NO_BUF;
  for (guint k = 0; k < n->n_out; k++)
    if (b->grad[n->out + k] != CONVOY_NO_BUF)
      return TRUE;
  return FALSE;
}

static gboolean
goes_with_root (ConvoyBuild *b, guint i)
{
  return b->node[i].root != i && (CONVOY_NODE (b->graph, b->node[i].root)->op->flags & CONVOY_OP_BACK_POSTS);
}

static gboolean
node_wants (ConvoyBuild *b, const ConvoyNode *n)
{
  gboolean wants = FALSE;
  for (guint k = 0; k < n->n_out; k++)
    wants |= b->wants[n->out + k];
  return wants;
}

/* The gradient stops at the value that was asked about: nothing before it may write over it. */
static guint
first_after (ConvoyBuild *b)
{
  const ConvoyVal *v = b->learn->about ? CONVOY_VAL (b->graph, convoy_graph_find (b->graph, b->learn->about)) : NULL;
  return v && v->kind == CONVOY_V_NODE ? v->node + 1 : 0;
}

/* The gradient that was asked for becomes an output. */
static void
give_about (ConvoyBuild *b)
{
  ConvoyValue v = convoy_graph_find (b->graph, b->learn->about);
  g_autoptr (ConvoyMd) plain = convoy_md_plain (convoy_build_shape (b, v));
  if (!b->error && b->grad[v] == CONVOY_NO_BUF)
    g_set_error (convoy_build_error (b), CONVOY_ERROR, CONVOY_ERROR_INVALID, "no gradient comes back to layer %s", b->learn->about);
  if (b->error)
    return;
  ConvoyBuf out = convoy_build_in_as (b, b->grad[v], plain);
  g_array_append_val (b->plan->outputs, out);
}

void
convoy_learn_backward (ConvoyBuild *b)
{
  ConvoyValue loss = convoy_graph_get_output (b->graph, 0);
  ConvoyShape scalar = { 0 };
  ConvoyTensor *one = convoy_tensor_new (CONVOY_F32, &scalar, &b->error);
  if (one == NULL)
    return;
  *(float *) convoy_tensor_data (one) = 1;
  b->grad[loss] = convoy_build_buf (b, CONVOY_B_GIVEN, CONVOY_F32, &scalar, NULL);
  CONVOY_BUF (b->plan, b->grad[loss])->given = one;
  for (guint i = b->graph->nodes->len, first = first_after (b); !b->error && i-- > first;)
    if (node_wants (b, CONVOY_NODE (b->graph, i)) && !goes_with_root (b, i) && is_reached (b, i))
      node_back (b, CONVOY_NODE (b->graph, i));
  b->current = NULL;
  if (b->learn->about)
    give_about (b);
  for (guint i = 0; !b->error && i < b->plan->slots->len; i++) {
    ConvoyPlanSlot *s = CONVOY_PLAN_SLOT (b->plan, i);
    if (s->slot.statistic || b->grad[s->value] != CONVOY_NO_BUF)
      continue;
    CONVOY_BUF (b->plan, s->gradient)->size = CONVOY_BUF (b->plan, s->weight)->size;
    convoy_build_call (b, "clear", clear_all, count_of (b, s->gradient), 0, 1, s->gradient);
  }
}
