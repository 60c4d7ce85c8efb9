/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * layer-find.c - a layer as people say it (a name, a number, `last-conv`, `features`) to the value to cut at. */
#include "core/graph.h"
#include <string.h>

/* --- words ------------------------------------------------------------ */

static gboolean
is_op (const ConvoyNode *n, const char *const *names)
{
  return g_strv_contains (names, n->op->name);
}

/* More than one pixel a channel. */
static gboolean
is_map (const ConvoyGraph *g, ConvoyValue v)
{
  const ConvoyVal *x = CONVOY_VAL (g, v);
  return x->known && x->shape.n == 4 && x->shape.d[2] * x->shape.d[3] > 1;
}

/* Makes one number a channel of a feature map; what is called so does of a map of one pixel, too, as a
 * picture smaller than the network's own leaves. */
static gboolean
is_global_pool (const ConvoyGraph *g, const ConvoyNode *n)
{
  static const char *const always[] = { "GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool", NULL };
  static const char *const often[] = { "AveragePool", "MaxPool", "ReduceMean", "ReduceMax", NULL };
  const ConvoyShape *in = convoy_graph_shape (g, n->in[0]), *out = convoy_graph_shape (g, n->out);
  if (is_op (n, always))
    return in && in->n == 4;
  return is_op (n, often) && is_map (g, n->in[0]) && out && (out->n == 2 || (out->n == 4 && !is_map (g, n->out)));
}

static const ConvoyNode *
last_global_pool (const ConvoyGraph *g)
{
  for (guint i = g->nodes->len; i-- > 0;)
    if (is_global_pool (g, CONVOY_NODE (g, i)))
      return CONVOY_NODE (g, i);
  return NULL;
}

static ConvoyValue
last_conv (const ConvoyGraph *g)
{
  const ConvoyNode *pool = last_global_pool (g);
  for (guint i = g->nodes->len; pool == NULL && i-- > 0;)
    if (is_map (g, CONVOY_NODE (g, i)->out))
      return CONVOY_NODE (g, i)->out;
  return pool ? pool->in[0] : CONVOY_NONE;
}

static ConvoyValue
features (const ConvoyGraph *g)
{
  static const char *const dense[] = { "Gemm", "MatMul", NULL };
  const ConvoyNode *pool = last_global_pool (g);
  for (guint i = g->nodes->len; pool == NULL && i-- > 0;)
    if (is_op (CONVOY_NODE (g, i), dense))
      return CONVOY_NODE (g, i)->in[0];
  return pool ? pool->out : CONVOY_NONE;
}

static const struct { const char *word; ConvoyValue (*find) (const ConvoyGraph *g); } words[] = {
  { "last-conv", last_conv },
  { "features", features },
};

/* --- by name or number -------------------------------------------------- */

/* What bind finds it by: the value's name, or that of the node that makes it. */
static const char *
name_of (const ConvoyGraph *g, ConvoyValue v)
{
  const ConvoyVal *x = CONVOY_VAL (g, v);
  if (*x->name || x->kind != CONVOY_V_NODE)
    return x->name;
  return CONVOY_NODE (g, x->node)->name;
}

static const char *
by_number (const GArray *layers, const char *text, gboolean *is_number)
{
  char *end;
  gint64 i = g_ascii_strtoll (text, &end, 10);
  *is_number = end != text && !*end;
  i += i < 0 ? layers->len : 0;
  return *is_number && i >= 0 && i < layers->len ? g_array_index (layers, ConvoyLayer, i).name : NULL;
}

const char *
convoy_graph_find_layer (const ConvoyGraph *bound, const char *layer, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    if (strcmp (layer, words[i].word) == 0) {
      ConvoyValue v = words[i].find (bound);
      if (v != CONVOY_NONE && CONVOY_VAL (bound, v)->kind == CONVOY_V_NODE && *name_of (bound, v))
        return name_of (bound, v);
      g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "the network has no layer that \"%s\" would mean; name one", layer);
      return NULL;
    }
  ConvoyValue v = convoy_graph_find (bound, layer);
  if (v != CONVOY_NONE && CONVOY_VAL (bound, v)->kind == CONVOY_V_NODE)
    return name_of (bound, v);
  gboolean is_number;
  g_autoptr (GArray) layers = convoy_graph_layers (bound);
  const char *name = by_number (layers, layer, &is_number);
  if (name && *name)
    return name;
  g_autofree const char **names = g_new (const char *, layers->len);
  for (guint i = 0; i < layers->len; i++)
    names[i] = g_array_index (layers, ConvoyLayer, i).name;
  g_autofree char *near = convoy_nearest (layer, names, layers->len, 5);
  if (is_number)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "no layer %s; the network has %u, from 0", layer, layers->len);
  else
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "no layer is called \"%s\"; there are features, last-conv, %s", layer, near);
  return NULL;
}
