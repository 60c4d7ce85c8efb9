/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * compile.c - compile a bound graph into a plan: find what rides on what, then let every operator
 * append its steps. */
#include "core/bytes.h"

/* --- operators without a forward of their own ------------------------ */

static gboolean
is_pointwise (ConvoyBuild *b, const ConvoyNode *n)
{
  for (guint i = 1; i < n->n_in; i++)
    if (n->in[i] != CONVOY_NONE && convoy_shape_count (convoy_build_shape (b, n->in[i])) != 1)
      return FALSE;
  return (n->op->flags & CONVOY_OP_POINTWISE) && n->n_out == 1 && convoy_shape_equal (convoy_build_shape (b, n->in[0]), convoy_build_shape (b, n->out));
}

/* The layout that a pointwise node may keep: that of its input, unless padding could be computed
 * on, or the result leaves float32 for a reader that wants it plain. */
static gboolean
keeps_layout (ConvoyBuild *b, const ConvoyNode *n)
{
  if (!is_pointwise (b, n) || !convoy_md_dense (convoy_build_md (b, convoy_build_in (b, n->in[0]))))
    return FALSE;
  if (convoy_build_type (b, n->out) == CONVOY_F32)
    return TRUE;
  const GArray *users = b->users[n->out];
  if (b->is_output[n->out] || users == NULL || users->len != 1)
    return FALSE;
  const ConvoyNode *u = CONVOY_NODE (b->graph, g_array_index (users, guint, 0));
  return u->in[0] == n->out && convoy_build_type (b, u->out) == CONVOY_F32 && is_pointwise (b, u);
}

static void
eval_forward (ConvoyBuild *b, const ConvoyNode *n)
{
  gboolean keep = keeps_layout (b, n);
  ConvoyStep s = { .what = n->op->name, .node = n, .n = n->n_in + n->n_out, .n_in = n->n_in, .buf = g_new (ConvoyBuf, n->n_in + n->n_out) };
  for (guint i = 0; i < n->n_in; i++)
    s.buf[i] = keep && i == 0 ? convoy_build_in (b, n->in[0]) : convoy_build_in_plain (b, n->in[i]);
  for (guint i = 0; i < n->n_out; i++)
    s.buf[n->n_in + i] = convoy_build_out (b, n->out + i, keep ? convoy_build_md (b, s.buf[0]) : NULL);
  if (b->error)
    g_free (s.buf);
  else
    convoy_build_step (b, s);
}

/* Same bytes under another shape. */
static void
alias_forward (ConvoyBuild *b, const ConvoyNode *n)
{
  const ConvoyShape *from = convoy_build_shape (b, n->in[0]), *to = convoy_build_shape (b, n->out);
  gboolean same = convoy_shape_equal (from, to);
  ConvoyBuf x = same ? convoy_build_in (b, n->in[0]) : convoy_build_in_plain (b, n->in[0]);
  if (!b->error)
    b->value[n->out] = convoy_build_alias (b, x, to, same ? convoy_build_md (b, x) : NULL);
}

static void
forward (ConvoyBuild *b, const ConvoyNode *n)
{
  b->current = n;
  if (convoy_bytes_forward (b, n) || (n->op->forward && n->op->forward (b, n)))
    return;
  if ((n->op->flags & CONVOY_OP_ALIAS) && n->n_out == 1)
    alias_forward (b, n);
  else if (n->op->eval)
    eval_forward (b, n);
  else
    g_set_error (convoy_build_error (b), CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED, "%s %s: not for %s", n->op->name, n->name,
        convoy_type_name (convoy_build_type (b, n->in[0])));
}

/* --- what rides on what ---------------------------------------------- */

static void
find_users (ConvoyBuild *b)
{
  for (guint v = 0; v < b->graph->vals->len; v++)
    b->fixed[v] = CONVOY_VAL (b->graph, v)->kind == CONVOY_V_CONST || (CONVOY_VAL (b->graph, v)->kind == CONVOY_V_PARAM && !(b->learn && b->slot[v] >= 0));
  for (guint i = 0; i < b->graph->nodes->len; i++) {
    const ConvoyNode *n = CONVOY_NODE (b->graph, i);
    for (guint k = 0; k < n->n_in; k++)
      if (n->in[k] != CONVOY_NONE) {
        GArray **u = &b->users[n->in[k]];
        *u = *u ? *u : g_array_new (FALSE, FALSE, sizeof (guint));
        g_array_append_val (*u, i);
      }
    gboolean fixed = TRUE;
    for (guint k = 0; k < n->n_in; k++)
      fixed &= convoy_build_static (b, n->in[k]);
    for (guint k = 0; k < n->n_out; k++)
      b->fixed[n->out + k] = fixed;
  }
  for (guint i = 0; i < b->graph->outputs->len; i++)
    b->is_output[g_array_index (b->graph->outputs, ConvoyValue, i)] = TRUE;
}

/* A value that is ready before node root runs. */
static gboolean
ready_before (ConvoyBuild *b, ConvoyValue v, guint root)
{
  const ConvoyVal *val = CONVOY_VAL (b->graph, v);
  return b->fixed[v] || val->kind != CONVOY_V_NODE || b->node[val->node].root < root;
}

/* Where a gradient comes back, only that rides which goes back from the result of the ride alone. */
static gboolean
may_ride (ConvoyBuild *b, const ConvoyNodeState *s, const ConvoyNode *c, const ConvoyPost *post)
{
  return !convoy_build_wants (b, c->out)
      || (s->n_posts == 0 && post->kind == CONVOY_POST_EW && post->n_ew == 1 && (c->op->flags & CONVOY_OP_GRAD_FROM_OUT));
}

static void
find_riders (ConvoyBuild *b, guint root)
{
  ConvoyNodeState *s = &b->node[root];
  const ConvoyNode *n = CONVOY_NODE (b->graph, root);
  while (n->op->takes_post && n->n_out == 1 && s->n_posts < CONVOY_MAX_POSTS && !b->is_output[s->last] && b->users[s->last] && b->users[s->last]->len == 1) {
    guint u = g_array_index (b->users[s->last], guint, 0);
    const ConvoyNode *c = CONVOY_NODE (b->graph, u);
    ConvoyPost post = { .other = CONVOY_NONE, .node = c };
    if (b->node[u].root != u || c->op->as_post == NULL || c->n_out != 1 || !c->op->as_post (b, c, s->last, &post)
        || !may_ride (b, s, c, &post) || (post.other != CONVOY_NONE && !ready_before (b, post.other, root)) || !n->op->takes_post (b, n, s->posts, s->n_posts, &post))
      return;
    s->posts[s->n_posts++] = post;
    s->last = c->out;
    b->node[u].root = root;
  }
}

/* What comes before a node and is read by nothing else may be computed by its steps as well. */
static void
find_taken (ConvoyBuild *b, guint root)
{
  ConvoyNodeState *s = &b->node[root];
  const ConvoyNode *n = CONVOY_NODE (b->graph, root);
  s->n_taken = n->op->takes_in ? n->op->takes_in (b, n, s->taken) : 0;
  for (guint i = 0; i < s->n_taken; i++)
    b->node[convoy_build_index (b, s->taken[i])].root = root;
}

/* --- the whole ------------------------------------------------------- */

static void
build_free (ConvoyBuild *b)
{
  for (guint i = 0; i < b->graph->vals->len; i++)
    if (b->users[i])
      g_array_unref (b->users[i]);
  g_free (b->value);
  g_free (b->users);
  g_free (b->is_output);
  g_free (b->fixed);
  g_free (b->node);
  convoy_bytes_clear (b);
  convoy_learn_clear (b);
}

static void
add_inputs (ConvoyBuild *b)
{
  for (guint i = 0; i < b->graph->inputs->len; i++) {
    ConvoyValue v = g_array_index (b->graph->inputs, ConvoyValue, i);
    b->value[v] = convoy_build_buf (b, CONVOY_B_INPUT, convoy_build_type (b, v), convoy_build_shape (b, v), NULL);
    g_array_append_val (b->plan->inputs, b->value[v]);
  }
}

static void
add_outputs (ConvoyBuild *b)
{
  for (guint i = 0; !b->error && i < b->graph->outputs->len; i++) {
    ConvoyValue v = g_array_index (b->graph->outputs, ConvoyValue, i);
    const ConvoyMd *md = b->plan->variant.output;
    ConvoyBuf out = md ? convoy_build_in_as (b, convoy_build_in (b, v), md) : convoy_build_in_plain (b, v);
    g_array_append_val (b->plan->outputs, out);
  }
}

ConvoyPlan *
convoy_plan_compile (ConvoyGraph *g, guint threads, gboolean no_fuse, ConvoyVariant variant, const ConvoyLearnOptions *learn, GError **error)
{
  guint n_vals = g->vals->len, n_nodes = g->nodes->len;
  ConvoyBuild b = { .plan = convoy_plan_alloc (g, threads, variant), .graph = g, .value = g_new (ConvoyBuf, n_vals + 1), .users = g_new0 (GArray *, n_vals + 1),
    .is_output = g_new0 (gboolean, n_vals + 1), .fixed = g_new0 (gboolean, n_vals + 1), .node = g_new0 (ConvoyNodeState, n_nodes + 1), .learn = learn };
  for (guint i = 0; i < n_vals; i++)
    b.value[i] = CONVOY_NO_BUF;
  for (guint i = 0; i < n_nodes; i++) {
    b.node[i].root = i;
    b.node[i].last = CONVOY_NODE (g, i)->out;
  }
  convoy_dnn_threads (threads);
  if (learn)
    convoy_learn_find (&b, &b.error);
  find_users (&b);
  if (!b.error && !no_fuse)
    convoy_bytes_find (&b);
  for (guint i = 0; !b.error && !no_fuse && i < n_nodes; i++)
    if (!convoy_bytes_has (&b, i))
      find_taken (&b, i);
  for (guint i = 0; !b.error && !no_fuse && i < n_nodes; i++)
    if (b.node[i].root == i && !convoy_bytes_has (&b, i))
      find_riders (&b, i);
  add_inputs (&b);
  for (guint fixed = 2; fixed-- > 0;)   /* what rides may read constants that the graph computes later */
    for (guint i = 0; !b.error && i < n_nodes; i++)
      if (b.node[i].root == i && b.fixed[CONVOY_NODE (g, i)->out] == (gboolean) fixed)
        forward (&b, CONVOY_NODE (g, i));
  b.current = NULL;
  add_outputs (&b);
  if (learn && !b.error)
    convoy_learn_backward (&b);
  if (!b.error)
    convoy_plan_layout (b.plan);
  b.plan->variant.output = NULL;        /* was borrowed */
  build_free (&b);
  if (b.error) {
    g_propagate_error (error, b.error);
    g_clear_pointer (&b.plan, convoy_plan_unref);
  }
  return b.plan;
}
