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
/* n with other inputs, which are values of s->to, and attributes, which it takes over. */
gboolean
convoy_splice_node_as (ConvoySplice *s, const ConvoyNode *n, const ConvoyValue *in, guint n_in, ConvoyAttrs *attrs, GError **error);
/* A new node whose only output has the name of v, one of s->from, or that with an ending; CONVOY_NONE: error. */
ConvoyValue convoy_splice_put (ConvoySplice *s, const char *op, ConvoyValue v, const char *ending, const ConvoyValue *in,
    guint n_in, ConvoyAttrs *attrs, GError **error);
/* A new weight (float32) or constant, which takes value over (NULL: passed on); it is called as v with an ending. */
ConvoyValue convoy_splice_constant (ConvoySplice *s, ConvoyValue v, const char *ending, ConvoyTensor *value);
#endif
