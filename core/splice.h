/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * splice.h - copy a graph node by node into another one, which may differ on the way. */
#ifndef CONVOY_SPLICE_H
#define CONVOY_SPLICE_H
#include "core/graph.h"

typedef struct {
  const ConvoyGraph *from;
  ConvoyGraph *to;
  ConvoyValue *map; /* by value of from: its copy, or CONVOY_NONE; g_free() it */
  GHashTable *instead; /* name of a weight of from -> ConvoyTensor * to take in its place; NULL: none */
} ConvoySplice;

ConvoySplice convoy_splice_new (const ConvoyGraph *from, ConvoyGraph *to);
/* The copy of a value; constants and weights come over when they are first used. */
ConvoyValue convoy_splice_value (ConvoySplice *s, ConvoyValue v);
/* n with the copies of its inputs. */
gboolean convoy_splice_node (ConvoySplice *s, const ConvoyNode *n, GError **error);
/* The name, or one beside it that nothing in the graph has; g_free() it. */
char *convoy_splice_name (const ConvoyGraph *g, const char *name);
#endif
