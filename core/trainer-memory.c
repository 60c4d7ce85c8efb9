/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * trainer-memory.c - what a trainer keeps in memory. */
#include "core/exec.h"
#include "core/trainer.h"

/* How many nodes read each value; an output of the graph counts as read twice. */
static guint *
count_readers (const ConvoyGraph *g)
{
  guint *readers = g_new0 (guint, g->vals->len + 1);
  for (guint i = 0; i < g->nodes->len; i++)
    for (guint k = 0; k < CONVOY_NODE (g, i)->n_in; k++)
      if (CONVOY_NODE (g, i)->in[k] != CONVOY_NONE)
        readers[CONVOY_NODE (g, i)->in[k]]++;
  for (guint i = 0; i < convoy_graph_n_outputs (g); i++)
    readers[convoy_graph_get_output (g, i)] += 2;
  return readers;
}

static gsize
value_size (const ConvoyGraph *g, ConvoyValue v)
{
  return (gsize) MAX (convoy_shape_count (&CONVOY_VAL (g, v)->shape), 0) * convoy_type_size (CONVOY_VAL (g, v)->type);
}

/* One buffer for a layer with its activation: what nothing but the activation reads need not be kept, nor what is but another shape of it. */
static gsize
count_activations (const ConvoyGraph *g)
{
  g_autofree guint *readers = count_readers (g);
  const guint in_place = CONVOY_OP_GRAD_FROM_OUT | CONVOY_OP_POINTWISE;
  gsize size = 0;
  for (guint i = 0; i < convoy_graph_n_inputs (g); i++)
    size += value_size (g, convoy_graph_get_input (g, i));
  for (guint i = 0; i < g->nodes->len; i++) {
    const ConvoyNode *n = CONVOY_NODE (g, i);
    if (n->op->flags & CONVOY_OP_ALIAS || convoy_graph_value (g, n->out))
      continue;
    gboolean replaces = (n->op->flags & in_place) == in_place && readers[n->in[0]] == 1
        && CONVOY_VAL (g, n->in[0])->kind == CONVOY_V_NODE;
    size += value_size (g, n->out) - (replaces ? value_size (g, n->in[0]) : 0);
  }
  return size;
}

void
convoy_trainer_memory (const ConvoyTrainer *t, ConvoyTrainMemory *m)
{
  const ConvoyPlan *p = t->learner->plan;
  *m = (ConvoyTrainMemory) { .activations = count_activations (p->graph) };
  for (guint i = 0; i < convoy_exec_n_slots (t->learner); i++)
    m->parameters += (gsize) convoy_shape_count (&convoy_exec_slot (t->learner, i)->shape) * sizeof (float);
  m->weights = (p->n_weights + p->n_learning + t->optim.rule->moments * t->optim.n) * sizeof (float);
  m->plan = p->arena + p->static_size + p->scratch;
  for (guint i = 0; i < p->bufs->len; i++)
    if (CONVOY_BUF (p, i)->kind == CONVOY_B_INPUT && CONVOY_BUF (p, i)->alias == CONVOY_NO_BUF)
      m->plan += CONVOY_BUF (p, i)->size;
}
