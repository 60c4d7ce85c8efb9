/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * quantize-find.c - which nodes of a network are computed on bytes, and which values become bytes for
 * that: what such a node takes, and what it gives where another one follows. */
#include "core/quantize.h"
#include <string.h>

/* What an operator is for it. Those that move numbers give what they take, under the same scale. */
typedef enum { OTHER, PRODUCT, SUM, POOL, MOVE, CLAMP } Role;

static const struct {
  const char *op;
  Role role;
} roles[] = {
  { "Add", SUM },
  { "AveragePool", POOL },
  { "Clip", CLAMP },
  { "Concat", MOVE },
  { "Conv", PRODUCT },
  { "Flatten", MOVE },
  { "Gemm", PRODUCT },
  { "GlobalAveragePool", POOL },
  { "GlobalMaxPool", POOL },
  { "Identity", MOVE },
  { "MatMul", PRODUCT },
  { "MaxPool", POOL },
  { "Relu", CLAMP },
  { "Reshape", MOVE },
  { "Squeeze", MOVE },
  { "Transpose", MOVE },
  { "Unsqueeze", MOVE },
};

static gboolean
is (const ConvoyNode *n, const char *op)
{
  return strcmp (n->op->name, op) == 0;
}

static gboolean
is_number (const ConvoyGraph *g, ConvoyValue v)
{
  const ConvoyTensor *t = v == CONVOY_NONE ? NULL : convoy_graph_value (g, v);
  return v == CONVOY_NONE || (t && convoy_tensor_type (t) == CONVOY_F32);
}

gint
convoy_quantize_axis (const ConvoyGraph *g, const ConvoyNode *n)
{
  const ConvoyTensor *w = n->n_in > 1 && n->in[1] != CONVOY_NONE ? convoy_graph_value (g, n->in[1]) : NULL;
  if (w == NULL || convoy_tensor_type (w) != CONVOY_F32 || convoy_tensor_count (w) == 0
      || (n->n_in > 2 && !is_number (g, n->in[2])))
    return -1;
  const ConvoyShape *s = convoy_tensor_shape (w);
  if (is (n, "Conv"))
    return s->n >= 3 ? 0 : -1;
  if (s->n != 2 || convoy_node_int (n, "transA", 0) || convoy_node_float (n, "alpha", 1) != 1
      || convoy_node_float (n, "beta", 1) != 1)
    return -1;
  return convoy_node_int (n, "transB", 0) ? 0 : 1;
}

static Role
role_of (const ConvoyGraph *g, const ConvoyNode *n)
{
  Role role = OTHER;
  for (guint i = 0; i < G_N_ELEMENTS (roles); i++)
    if (is (n, roles[i].op))
      role = roles[i].role;
  if (role == PRODUCT && (convoy_quantize_axis (g, n) < 0 || convoy_graph_value (g, n->in[0])))
    return OTHER;
  if (role == SUM && (convoy_graph_value (g, n->in[0]) || convoy_graph_value (g, n->in[1])))
    return OTHER;
  for (guint i = 1; role == CLAMP && i < n->n_in; i++)
    if (!is_number (g, n->in[i]))
      return OTHER;
  return n->n_out > 1 ? OTHER : role;
}

/* Inputs of a node that are numbers of the sample, not weights or shapes. */
static guint
samples_of (const ConvoyNode *n, Role role)
{
  return role == SUM ? 2 : role == MOVE && is (n, "Concat") ? n->n_in : MIN (n->n_in, 1);
}

/* --- users ------------------------------------------------------------------- */

typedef struct {
  const ConvoyGraph *g;
  ConvoyQuantized q;
  Role *role; /* by node */
  gboolean *leads; /* by value: an active node follows somewhere */
  gboolean *is_output; /* by value */
  GArray **users; /* by value: guint, nodes; NULL: none */
} Find;

static void
collect (Find *f)
{
  const ConvoyGraph *g = f->g;
  for (guint i = 0; i < g->nodes->len; i++) {
    const ConvoyNode *n = CONVOY_NODE (g, i);
    f->role[i] = role_of (g, n);
    f->q.of += is (n, "Conv") || is (n, "Gemm") || is (n, "MatMul");
    for (guint k = 0; k < n->n_in; k++)
      if (n->in[k] != CONVOY_NONE) {
        GArray **users = &f->users[n->in[k]];
        if (*users == NULL)
          *users = g_array_new (FALSE, FALSE, sizeof (guint));
        g_array_append_val (*users, i);
      }
  }
  for (guint i = 0; i < g->outputs->len; i++)
    f->is_output[convoy_graph_get_output (g, i)] = TRUE;
}

/* Products are active; pools and sums where one that is active follows. Last first. */
static void
activate (Find *f)
{
  for (guint i = f->g->nodes->len; i-- > 0;) {
    const ConvoyNode *n = CONVOY_NODE (f->g, i);
    gboolean leads = FALSE;
    for (guint k = 0; k < n->n_out; k++)
      leads |= f->leads[n->out + k];
    f->q.active[i] = f->role[i] == PRODUCT || ((f->role[i] == SUM || f->role[i] == POOL) && leads);
    f->q.products += f->role[i] == PRODUCT;
    for (guint k = 0; k < n->n_in && (leads || f->q.active[i]); k++)
      if (n->in[k] != CONVOY_NONE)
        f->leads[n->in[k]] = TRUE;
  }
}

/* Something on bytes reads v, at once or after it was moved. */
static gboolean
is_wanted (const Find *f, ConvoyValue v)
{
  for (guint i = 0; f->users[v] && i < f->users[v]->len; i++) {
    guint at = g_array_index (f->users[v], guint, i);
    if (f->q.active[at] || (f->role[at] == MOVE && f->leads[CONVOY_NODE (f->g, at)->out]))
      return TRUE;
  }
  return FALSE;
}

/* What n gives, after what only clamps. */
static ConvoyValue
end_of (const Find *f, const ConvoyNode *n)
{
  ConvoyValue v = n->out;
  while (!f->is_output[v] && f->users[v] && f->users[v]->len == 1 && f->role[g_array_index (f->users[v], guint, 0)] == CLAMP)
    v = CONVOY_NODE (f->g, g_array_index (f->users[v], guint, 0))->out;
  return v;
}

static gboolean
is_depthwise (const ConvoyNode *n)
{
  return is (n, "Conv") && convoy_node_int (n, "group", 1) > 1;
}

/* A product may give floats, but for a depthwise one; the others are on bytes from end to end. */
static void
choose (Find *f)
{
  for (guint i = 0; i < f->g->nodes->len; i++) {
    const ConvoyNode *n = CONVOY_NODE (f->g, i);
    if (!f->q.active[i])
      continue;
    for (guint k = 0; k < samples_of (n, f->role[i]); k++)
      f->q.bytes[n->in[k]] = TRUE;
    ConvoyValue end = end_of (f, n);
    if (!f->is_output[end] && f->leads[end] && (f->role[i] != PRODUCT || is_depthwise (n) || is_wanted (f, end)))
      f->q.bytes[end] = TRUE;
  }
}

ConvoyValue
convoy_quantize_scale_of (const ConvoyQuantized *q, ConvoyValue v)
{
  while (q->same[v] != v)
    v = q->same[v];
  return v;
}

/* What is moved, or the greatest of which is taken, keeps its scale. */
static void
share (Find *f)
{
  for (guint v = 0; v < f->g->vals->len; v++)
    f->q.same[v] = v;
  for (guint i = 0; i < f->g->nodes->len; i++) {
    const ConvoyNode *n = CONVOY_NODE (f->g, i);
    gboolean keeps = f->role[i] == MOVE || (f->role[i] == POOL && strstr (n->op->name, "MaxPool"));
    for (guint k = 0; keeps && f->q.bytes[n->out] && k < samples_of (n, f->role[i]); k++)
      if (f->q.bytes[n->in[k]])
        f->q.same[convoy_quantize_scale_of (&f->q, n->in[k])] = convoy_quantize_scale_of (&f->q, n->out);
  }
}

ConvoyQuantized
convoy_quantize_find (const ConvoyGraph *g)
{
  guint nodes = g->nodes->len + 1, values = g->vals->len + 1;
  Find f = { .g = g,
    .role = g_new0 (Role, nodes),
    .leads = g_new0 (gboolean, values),
    .is_output = g_new0 (gboolean, values),
    .users = g_new0 (GArray *, values) };
  f.q = (ConvoyQuantized) { .active = g_new0 (gboolean, nodes),
    .bytes = g_new0 (gboolean, values),
    .same = g_new0 (guint, values) };
  collect (&f);
  activate (&f);
  choose (&f);
  share (&f);
  for (guint v = 0; v < values; v++)
    if (f.users[v])
      g_array_unref (f.users[v]);
  g_free (f.users);
  g_free (f.role);
  g_free (f.leads);
  g_free (f.is_output);
  return f.q;
}

void
convoy_quantize_clear (ConvoyQuantized *q)
{
  g_free (q->active);
  g_free (q->bytes);
  g_free (q->same);
}
