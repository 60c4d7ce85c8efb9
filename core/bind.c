/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * bind.c - a copy of a graph for given input shapes, cut where asked, with every shape inferred
 * and what depends on nothing but constants computed once (so Shape-Gather-Concat chains vanish). */
#include "core/graph.h"
#include <string.h>

typedef struct {
  const ConvoyGraph *from;
  ConvoyGraph *to;
  ConvoyValue *map;             /* by value of from: its copy, or CONVOY_NONE */
  gint64 old_batch, new_batch;  /* where the file fixes another batch than the one asked for; else 0 */
} Bind;

static gboolean *
wanted_nodes (const ConvoyGraph *g, const ConvoyValue *roots, guint n_roots, ConvoyValue cut)
{
  gboolean *wanted = g_new0 (gboolean, g->nodes->len + 1);
  for (guint i = 0; i < n_roots; i++)
    if (CONVOY_VAL (g, roots[i])->kind == CONVOY_V_NODE)
      wanted[CONVOY_VAL (g, roots[i])->node] = TRUE;
  for (guint i = g->nodes->len; i-- > 0;)
    for (guint k = 0; wanted[i] && k < CONVOY_NODE (g, i)->n_in; k++) {
      ConvoyValue v = CONVOY_NODE (g, i)->in[k];
      if (v != CONVOY_NONE && v != cut && CONVOY_VAL (g, v)->kind == CONVOY_V_NODE)
        wanted[CONVOY_VAL (g, v)->node] = TRUE;
    }
  return wanted;
}

/* The copy of a value; constants and weights come over when they are first used. */
static ConvoyValue
mapped (Bind *b, ConvoyValue v)
{
  if (v == CONVOY_NONE || b->map[v] != CONVOY_NONE)
    return v == CONVOY_NONE ? v : b->map[v];
  const ConvoyVal *val = CONVOY_VAL (b->from, v);
  return b->map[v] = val->kind == CONVOY_V_PARAM ? convoy_graph_weight (b->to, val->name)
                                                 : convoy_graph_const (b->to, val->name, val->value);
}

static gboolean
bind_inputs (Bind *b, const ConvoyShape *shapes, GError **error)
{
  for (guint i = 0; i < b->from->inputs->len; i++) {
    ConvoyValue v = convoy_graph_get_input (b->from, i);
    const ConvoyVal *val = CONVOY_VAL (b->from, v);
    const ConvoyShape *s = shapes ? &shapes[i] : &val->shape;
    g_autofree char *declared = convoy_shape_str (&val->shape), *given = convoy_shape_str (s);
    if (s->n != val->shape.n || convoy_shape_count (s) < 0) {
      g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, shapes ? "input %s: shape %s does not fit %s" : "input %s: its shape %s leaves a size open, give one",
          val->name, shapes ? given : declared, declared);
      return FALSE;
    }
    if (s->n > 0 && val->shape.d[0] > 0 && s->d[0] != val->shape.d[0])
      b->old_batch = val->shape.d[0], b->new_batch = s->d[0];
    b->map[v] = convoy_graph_input (b->to, val->name, val->type, s);
  }
  return TRUE;
}

/* A file made for one batch size often has it in its Reshape targets: 1x2048 becomes 16x2048. */
static void
follow_batch (Bind *b, const ConvoyNode *n, ConvoyValue *in)
{
  ConvoyTensor *t = b->old_batch && strcmp (n->op->name, "Reshape") == 0 && n->n_in == 2 ? convoy_graph_value (b->to, in[1]) : NULL;
  if (t == NULL || convoy_tensor_type (t) != CONVOY_I64 || convoy_tensor_count (t) < 1 || !CONVOY_VAL (b->to, in[0])->known)
    return;
  gint64 count = 1, have = convoy_shape_count (&CONVOY_VAL (b->to, in[0])->shape), rank = convoy_tensor_count (t);
  const gint64 *d = convoy_tensor_data (t);
  for (gint64 i = 0; i < rank; i++)
    if (d[i] <= 0 || __builtin_mul_overflow (count, d[i], &count))
      return;
  if (d[0] != b->old_batch || count / b->old_batch * b->new_batch != have)
    return;
  g_autoptr (ConvoyTensor) copy = convoy_tensor_new (CONVOY_I64, convoy_tensor_shape (t), NULL);
  if (copy == NULL)
    return;
  memcpy (convoy_tensor_data (copy), d, rank * sizeof *d);
  *(gint64 *) convoy_tensor_data (copy) = b->new_batch;
  in[1] = convoy_graph_const (b->to, "", copy);
}

/* Weights are not folded away, they may yet learn; a handful of floats on the way to a shape is. */
static gboolean
may_fold (const ConvoyGraph *g, const ConvoyNode *n)
{
  const ConvoyVal *out = CONVOY_VAL (g, n->out);
  gboolean weights = FALSE;
  for (guint i = 0; i < n->n_in; i++)
    if (n->in[i] != CONVOY_NONE) {
      if (convoy_graph_value (g, n->in[i]) == NULL)
        return FALSE;
      weights |= CONVOY_VAL (g, n->in[i])->kind == CONVOY_V_PARAM;
    }
  return n->op->eval && (!weights || out->type != CONVOY_F32 || convoy_shape_count (&out->shape) <= 8);
}

static gboolean
compute (const ConvoyGraph *g, const ConvoyNode *n, GError **error)
{
  g_autofree ConvoyTensor **in = g_new0 (ConvoyTensor *, n->n_in + 1), **out = g_new0 (ConvoyTensor *, n->n_out);
  gboolean ok = TRUE;
  for (guint i = 0; i < n->n_in; i++)
    in[i] = n->in[i] == CONVOY_NONE ? NULL : convoy_graph_value (g, n->in[i]);
  for (guint i = 0; ok && i < n->n_out; i++)
    ok = (out[i] = convoy_tensor_new (CONVOY_VAL (g, n->out + i)->type, &CONVOY_VAL (g, n->out + i)->shape, error)) != NULL;
  ok = ok && n->op->eval (n, in, out, error);
  for (guint i = 0; i < n->n_out; i++)
    if (ok)
      CONVOY_VAL (g, n->out + i)->value = out[i];
    else
      convoy_tensor_unref (out[i]);
  return ok;
}

/* Turns the node just made into constants, where it can be. */
static gboolean
fold_last (ConvoyGraph *g, GError **error)
{
  const ConvoyNode *n = CONVOY_NODE (g, g->nodes->len - 1);
  gboolean have = CONVOY_VAL (g, n->out)->value != NULL;        /* infer knew it */
  if (!have && !may_fold (g, n))
    return TRUE;
  if (!have && !compute (g, n, error))
    return FALSE;
  for (guint i = 0; i < n->n_out; i++)
    CONVOY_VAL (g, n->out + i)->kind = CONVOY_V_CONST;
  g_ptr_array_set_size (g->nodes, (gint) g->nodes->len - 1);
  return TRUE;
}

static gboolean
bind_node (Bind *b, const ConvoyNode *n, GError **error)
{
  g_autofree ConvoyValue *in = g_new (ConvoyValue, n->n_in + 1);
  g_autofree const char **names = g_new (const char *, n->n_out);
  for (guint i = 0; i < n->n_in; i++)
    in[i] = mapped (b, n->in[i]);
  for (guint i = 0; i < n->n_out; i++)
    names[i] = CONVOY_VAL (b->from, n->out + i)->name;
  follow_batch (b, n, in);
  ConvoyValue out = convoy_graph_node (b->to, n->op->name, n->name, in, n->n_in, names, n->n_out, n->attrs ? convoy_attrs_ref (n->attrs) : NULL, error);
  if (out == CONVOY_NONE)
    return FALSE;
  for (guint i = 0; i < n->n_out; i++)
    b->map[n->out + i] = out + i;
  if (CONVOY_VAL (b->to, out)->known)
    return fold_last (b->to, error);
  for (guint i = 0; i < n->n_in; i++)
    if (convoy_op_has (n->op->const_in, i) && in[i] != CONVOY_NONE && convoy_graph_value (b->to, in[i]) == NULL)
      return convoy_infer_fail (n, error, "input %u must be a constant", i);
  return convoy_infer_fail (n, error, "its shape cannot be told");
}

static Bind
bind_new (const ConvoyGraph *g)
{
  Bind b = { g, convoy_graph_new (g->opset), g_new (ConvoyValue, g->vals->len + 1), 0, 0 };
  convoy_params_unref (b.to->params);
  b.to->params = convoy_params_ref (g->params);
  for (guint i = 0; i < g->vals->len; i++)
    b.map[i] = CONVOY_NONE;
  return b;
}

/* Copies what the roots depend on, back to cut where there is one; with ok FALSE it only cleans up. */
static ConvoyGraph *
bind_end (Bind *b, const ConvoyValue *roots, guint n_roots, ConvoyValue cut, gboolean ok, GError **error)
{
  const ConvoyGraph *g = b->from;
  g_autofree gboolean *wanted = wanted_nodes (g, roots, n_roots, cut);
  for (guint i = 0; ok && i < g->nodes->len; i++)
    ok = !wanted[i] || bind_node (b, CONVOY_NODE (g, i), error);
  for (guint i = 0; ok && i < n_roots; i++)
    convoy_graph_output (b->to, mapped (b, roots[i]));
  g_free (b->map);
  if (!ok)
    g_clear_pointer (&b->to, convoy_graph_unref);
  return b->to;
}

ConvoyGraph *
convoy_graph_bind_to (const ConvoyGraph *g, const ConvoyShape *inputs, const ConvoyValue *roots, guint n_roots, GError **error)
{
  Bind b = bind_new (g);
  gboolean ok = bind_inputs (&b, inputs, error);
  return bind_end (&b, roots, n_roots, CONVOY_NONE, ok, error);
}

ConvoyGraph *
convoy_graph_bind_rest (const ConvoyGraph *g, ConvoyValue cut, const ConvoyShape *s, GError **error)
{
  const ConvoyVal *val = CONVOY_VAL (g, cut);
  Bind b = bind_new (g);
  if (s->d[0] != val->shape.d[0])
    b.old_batch = val->shape.d[0], b.new_batch = s->d[0];
  b.map[cut] = convoy_graph_input (b.to, val->name, val->type, s);
  return bind_end (&b, (const ConvoyValue *) g->outputs->data, g->outputs->len, cut, TRUE, error);
}

ConvoyGraph *
convoy_graph_bind (const ConvoyGraph *g, const ConvoyShape *inputs, const char *upto, GError **error)
{
  ConvoyValue cut = upto ? convoy_graph_find (g, upto) : CONVOY_NONE;
  if (upto && cut == CONVOY_NONE) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "no layer is called %s", upto);
    return NULL;
  }
  return upto ? convoy_graph_bind_to (g, inputs, &cut, 1, error)
              : convoy_graph_bind_to (g, inputs, (const ConvoyValue *) g->outputs->data, g->outputs->len, error);
}
