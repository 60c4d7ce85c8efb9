/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * graph.h - inside view of ConvoyGraph: a list of values and a list of nodes. */
#ifndef CONVOY_GRAPH_H
#define CONVOY_GRAPH_H
#include "core/attrs.h"
#include "core/op.h"

typedef struct {
  char *name;                   /* "" where it has none */
  ConvoyType type;
  ConvoyShape shape;
  gboolean known;               /* type and shape are */
  enum { CONVOY_V_INPUT, CONVOY_V_PARAM, CONVOY_V_CONST, CONVOY_V_NODE } kind;
  ConvoyTensor *value;          /* CONST: owned; PARAM: NULL, the params have it */
  guint node;                   /* NODE: its producer */
} ConvoyVal;

struct ConvoyGraph {
  guint opset;
  ConvoyParams *params;
  GArray *vals;                 /* ConvoyVal, by ConvoyValue */
  GPtrArray *nodes;             /* ConvoyNode *, in an order of execution */
  GArray *inputs, *outputs;     /* ConvoyValue */
  GHashTable *by_name;          /* name of a value or of a node -> ConvoyValue + 1; a value's wins */
};
#define CONVOY_VAL(g, v) (&g_array_index ((g)->vals, ConvoyVal, v))
#define CONVOY_NODE(g, i) ((ConvoyNode *) (g)->nodes->pdata[i])

/* The constant behind a value, be it the graph's own or a weight; NULL: none. Borrowed. */
ConvoyTensor *convoy_graph_value (const ConvoyGraph *g, ConvoyValue v);
/* A value for the weight that the params hold under this name already. */
ConvoyValue convoy_graph_weight (ConvoyGraph *g, const char *name);
/* convoy_graph_bind() whose outputs are these values. */
ConvoyGraph *convoy_graph_bind_to (const ConvoyGraph *g, const ConvoyShape *inputs, const ConvoyValue *roots, guint n_roots, GError **error);
/* What infer is told of each input of n; g_free() it. */
ConvoyFact *convoy_graph_facts (const ConvoyGraph *g, const ConvoyValue *in, guint n_in);
guint convoy_graph_ordinal (const ConvoyGraph *g, const ConvoyNode *n); /* how many nodes of the same operator come before n */
/* What of a bound graph follows value cut, which becomes its only input, of shape s (its first
 * dimension may be another). All that is read after cut must come through it. */
ConvoyGraph *convoy_graph_bind_rest (const ConvoyGraph *bound, ConvoyValue cut, const ConvoyShape *s, GError **error);
#endif
