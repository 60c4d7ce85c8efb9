/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * backward-find.c - what of a plan learns: the nodes that are frozen, the weights and statistics that
 * are not, the values whose gradients they want, and where all of these are kept while a plan is built. */
#include "core/build.h"
#include <string.h>

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
        else if (pass == 1 && !b->frozen[i] && is_weight (b, v) && !held[v] && (statistic ? convoy_op_has (n->op->state_in, k) : !convoy_op_has (none, k)))
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
      wants |= n->in[k] != CONVOY_NONE && b->wants[n->in[k]] && !convoy_op_has (n->op->no_grad | n->op->const_in, k);
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

/* --- what operators ask for ------------------------------------------- */

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
