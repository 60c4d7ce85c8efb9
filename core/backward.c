/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * backward.c - the second half of compiling a plan that learns: the steps that carry the gradient of
 * the loss back to the weights (D. Rumelhart, G. Hinton, R. Williams, "Learning representations by
 * back-propagating errors", Nature 323, 1986). A value that several nodes read,
 * or a weight that several share, has the sum of their gradients. */
#include "core/build.h"
#include <string.h>

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
    gboolean reads = (flags & CONVOY_OP_GRAD_LINEAR) ? convoy_op_has (n->op->const_in, i) : !(flags & CONVOY_OP_GRAD_FROM_OUT) || i > 0;
    s.buf[i] = reads ? convoy_build_in_plain (b, n->in[i]) : CONVOY_NO_BUF;
  }
  for (guint i = 0; i < n->n_out; i++) {
    s.buf[outs + i] = flags & CONVOY_OP_GRAD_FROM_OUT ? convoy_build_in_plain (b, n->out + i) : CONVOY_NO_BUF;
    ConvoyBuf dy = b->grad[n->out + i];
    g_autoptr (ConvoyMd) plain = dy == CONVOY_NO_BUF ? NULL : convoy_md_plain (convoy_build_shape (b, n->out + i));
    s.buf[douts + i] = convoy_build_in_as (b, dy, plain);
  }
  for (guint i = 0; i < n->n_in; i++)
    s.buf[dins + i] = convoy_build_wants (b, n->in[i]) && !convoy_op_has (n->op->no_grad, i) ? convoy_build_grad_out (b, n->in[i], NULL, NULL) : CONVOY_NO_BUF;
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
