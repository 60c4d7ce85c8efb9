/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * layers.c - the rows of a summary: what each node of a bound graph computes, with its weights. */
#include "core/graph.h"
#include <string.h>

typedef struct {
  const ConvoyGraph *g;
  gboolean *fixed;              /* by value: depends on nothing but constants and weights */
  GHashTable *seen;             /* weights that a row above has counted, ConvoyTensor */
} Walk;

static void
layer_clear (gpointer p)
{
  g_free (((ConvoyLayer *) p)->formula);
}

/* A node that only prepares weights (dequantizes them, say) has no row: they count where they are used. */
static gboolean
prepares_weights (const Walk *w, const ConvoyNode *n)
{
  for (guint i = 0; i < n->n_in; i++)
    if (n->in[i] != CONVOY_NONE && !w->fixed[n->in[i]])
      return FALSE;
  return n->n_in > 0;
}

/* The value that v was prepared from. */
static ConvoyValue
origin (const Walk *w, ConvoyValue v)
{
  while (CONVOY_VAL (w->g, v)->kind == CONVOY_V_NODE) {
    const ConvoyNode *n = CONVOY_NODE (w->g, CONVOY_VAL (w->g, v)->node);
    if (!w->fixed[v] || n->n_in == 0 || n->in[0] == CONVOY_NONE)
      break;
    v = n->in[0];
  }
  return v;
}

/* The tensor behind input i if it is a weight. Limits, scales and other scalars are none, nor is
 * what steers shapes; indices are integers. */
static const ConvoyTensor *
weight (const Walk *w, const ConvoyNode *n, guint i, ConvoyValue *from)
{
  ConvoyValue v = n->in[i];
  if (v == CONVOY_NONE || !w->fixed[v] || convoy_op_has (n->op->const_in, i))
    return NULL;
  ConvoyType type = CONVOY_VAL (w->g, v)->type;
  if (type != CONVOY_F32 && type != CONVOY_I8 && type != CONVOY_U8)
    return NULL;
  *from = origin (w, v);
  const ConvoyTensor *t = convoy_graph_value (w->g, *from);
  return t && convoy_tensor_shape (t)->n > 0 ? t : NULL;
}

/* The statistics of a BatchNormalization (inputs 3 and 4) are gathered, not learnt. */
static gboolean
learns (const ConvoyGraph *g, const ConvoyNode *n, guint i, ConvoyValue from)
{
  gboolean statistic = i >= 3 && strcmp (n->op->name, "BatchNormalization") == 0;
  return !statistic && CONVOY_VAL (g, from)->kind == CONVOY_V_PARAM && CONVOY_VAL (g, from)->type == CONVOY_F32;
}

static ConvoyLayer
row (Walk *w, const ConvoyNode *n)
{
  ConvoyLayer l = { .name = *n->name ? n->name : CONVOY_VAL (w->g, n->out)->name, .op = n->op->name, .shape = CONVOY_VAL (w->g, n->out)->shape };
  for (guint i = 0; i < n->n_in; i++) {
    ConvoyValue from = CONVOY_NONE;
    const ConvoyTensor *t = weight (w, n, i, &from);
    if (t == NULL || !g_hash_table_add (w->seen, (gpointer) t))
      continue;
    l.params += convoy_tensor_count (t);
    l.trainable += learns (w->g, n, i, from) ? convoy_tensor_count (t) : 0;
  }
  if (n->op->macs) {
    g_autofree ConvoyFact *in = convoy_graph_facts (w->g, n->in, n->n_in), *out = convoy_graph_facts (w->g, &n->out, 1);
    l.macs = n->op->macs (n, in, out, &l.formula);
  }
  if (l.params == 0)
    g_clear_pointer (&l.formula, g_free);
  return l;
}

GArray *
convoy_graph_layers (const ConvoyGraph *bound)
{
  GArray *rows = g_array_new (FALSE, TRUE, sizeof (ConvoyLayer));
  g_autofree gboolean *fixed = g_new0 (gboolean, bound->vals->len + 1);
  Walk w = { bound, fixed, g_hash_table_new (NULL, NULL) };
  g_array_set_clear_func (rows, layer_clear);
  for (guint v = 0; v < bound->vals->len; v++)
    fixed[v] = CONVOY_VAL (bound, v)->kind == CONVOY_V_PARAM || CONVOY_VAL (bound, v)->kind == CONVOY_V_CONST;
  for (guint i = 0; i < bound->nodes->len; i++) {
    const ConvoyNode *n = CONVOY_NODE (bound, i);
    gboolean prepares = prepares_weights (&w, n);
    for (guint k = 0; k < n->n_out; k++)
      fixed[n->out + k] = prepares;
    if (!prepares) {
      ConvoyLayer l = row (&w, n);
      g_array_append_val (rows, l);
    }
  }
  g_hash_table_unref (w.seen);
  return rows;
}
