/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * graph.c - the one representation of a model. Nodes are appended after their inputs, so the
 * order of insertion is an order of execution and needs no sort. */
#include "core/graph.h"
#include <string.h>

static void
node_free (gpointer p)
{
  ConvoyNode *n = p;
  convoy_attrs_free (n->attrs);
  g_free (n->name);
  g_free (n->in);
  g_free (n);
}

static void
val_clear (gpointer p)
{
  ConvoyVal *v = p;
  g_free (v->name);
  convoy_tensor_unref (v->value);
}

ConvoyGraph *
convoy_graph_new (guint opset)
{
  ConvoyGraph *g = g_atomic_rc_box_new0 (ConvoyGraph);
  g->opset = opset;
  g->params = convoy_params_new ();
  g->vals = g_array_new (FALSE, TRUE, sizeof (ConvoyVal));
  g_array_set_clear_func (g->vals, val_clear);
  g->nodes = g_ptr_array_new_with_free_func (node_free);
  g->inputs = g_array_new (FALSE, FALSE, sizeof (ConvoyValue));
  g->outputs = g_array_new (FALSE, FALSE, sizeof (ConvoyValue));
  g->by_name = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return g;
}

static void
graph_clear (gpointer p)
{
  ConvoyGraph *g = p;
  g_array_unref (g->vals);
  g_ptr_array_unref (g->nodes);
  g_array_unref (g->inputs);
  g_array_unref (g->outputs);
  g_hash_table_unref (g->by_name);
  convoy_params_unref (g->params);
}

ConvoyGraph *convoy_graph_ref (ConvoyGraph *g) { return g_atomic_rc_box_acquire (g); }
void convoy_graph_unref (ConvoyGraph *g) { if (g) g_atomic_rc_box_release_full (g, graph_clear); }
ConvoyParams *convoy_graph_params (const ConvoyGraph *g) { return g->params; }
guint convoy_graph_n_inputs (const ConvoyGraph *g) { return g->inputs->len; }
guint convoy_graph_n_outputs (const ConvoyGraph *g) { return g->outputs->len; }
ConvoyValue convoy_graph_get_input (const ConvoyGraph *g, guint i) { return g_array_index (g->inputs, ConvoyValue, i); }
ConvoyValue convoy_graph_get_output (const ConvoyGraph *g, guint i) { return g_array_index (g->outputs, ConvoyValue, i); }
const char *convoy_graph_name (const ConvoyGraph *g, ConvoyValue v) { return CONVOY_VAL (g, v)->name; }
ConvoyType convoy_graph_type (const ConvoyGraph *g, ConvoyValue v) { return CONVOY_VAL (g, v)->type; }
void convoy_graph_output (ConvoyGraph *g, ConvoyValue v) { g_array_append_val (g->outputs, v); }

/* Backwards from the inputs that a node wants constant, through what computes them; a node whose
 * output follows from a shape alone ends the way. */
gboolean
convoy_graph_steers (const ConvoyGraph *g, guint input)
{
  g_autofree gboolean *steers = g_new0 (gboolean, g->vals->len);
  for (guint i = g->nodes->len; i-- > 0;) {
    const ConvoyNode *n = CONVOY_NODE (g, i);
    gboolean all = FALSE;
    for (guint k = 0; k < n->n_out; k++)
      all |= steers[n->out + k] && !(n->op->flags & CONVOY_OP_SHAPE);
    for (guint k = 0; k < n->n_in; k++)
      if (n->in[k] != CONVOY_NONE && (all || convoy_op_has (n->op->const_in, k)))
        steers[n->in[k]] = TRUE;
  }
  return steers[convoy_graph_get_input (g, input)];
}

void
convoy_graph_fix (ConvoyGraph *g, guint i, ConvoyTensor *value)
{
  ConvoyVal *v = CONVOY_VAL (g, g_array_index (g->inputs, ConvoyValue, i));
  v->kind = CONVOY_V_CONST;
  v->value = convoy_tensor_ref (value);
  v->type = convoy_tensor_type (value);
  v->shape = *convoy_tensor_shape (value);
  v->known = TRUE;
  g_array_remove_index (g->inputs, i);
}

const ConvoyShape *
convoy_graph_shape (const ConvoyGraph *g, ConvoyValue v)
{
  return CONVOY_VAL (g, v)->known ? &CONVOY_VAL (g, v)->shape : NULL;
}

const ConvoyShape *
convoy_graph_input_shape (const ConvoyGraph *g, guint i)
{
  return &CONVOY_VAL (g, convoy_graph_get_input (g, i))->shape;
}

ConvoyValue
convoy_graph_find (const ConvoyGraph *g, const char *name)
{
  return GPOINTER_TO_UINT (g_hash_table_lookup (g->by_name, name)) - 1;
}

static void
remember (ConvoyGraph *g, const char *name, ConvoyValue v, gboolean replace)
{
  if (name && *name && (replace || !g_hash_table_contains (g->by_name, name)))
    g_hash_table_replace (g->by_name, g_strdup (name), GUINT_TO_POINTER (v + 1));
}

static ConvoyValue
add_val (ConvoyGraph *g, const char *name, ConvoyVal v)
{
  v.name = g_strdup (name ? name : "");
  g_array_append_val (g->vals, v);
  remember (g, name, g->vals->len - 1, TRUE);
  return g->vals->len - 1;
}

ConvoyValue
convoy_graph_input (ConvoyGraph *g, const char *name, ConvoyType type, const ConvoyShape *shape)
{
  gboolean known = convoy_shape_count (shape) >= 0;
  ConvoyValue v = add_val (g, name, (ConvoyVal) { .type = type, .shape = *shape, .known = known, .kind = CONVOY_V_INPUT });
  g_array_append_val (g->inputs, v);
  return v;
}

ConvoyValue
convoy_graph_weight (ConvoyGraph *g, const char *name)
{
  ConvoyTensor *t = convoy_params_get (g->params, name);
  return add_val (g, name, (ConvoyVal) { .type = convoy_tensor_type (t), .shape = *convoy_tensor_shape (t), .known = TRUE, .kind = CONVOY_V_PARAM });
}

ConvoyValue
convoy_graph_param (ConvoyGraph *g, const char *name, ConvoyTensor *value)
{
  convoy_params_put (g->params, name, value);
  return convoy_graph_weight (g, name);
}

ConvoyValue
convoy_graph_const (ConvoyGraph *g, const char *name, ConvoyTensor *value)
{
  return add_val (g, name, (ConvoyVal) { .type = convoy_tensor_type (value), .shape = *convoy_tensor_shape (value), .known = TRUE,
      .kind = CONVOY_V_CONST, .value = convoy_tensor_ref (value) });
}

ConvoyTensor *
convoy_graph_value (const ConvoyGraph *g, ConvoyValue v)
{
  const ConvoyVal *val = CONVOY_VAL (g, v);
  return val->kind == CONVOY_V_PARAM ? convoy_params_get (g->params, val->name) : val->value;
}

ConvoyFact *
convoy_graph_facts (const ConvoyGraph *g, const ConvoyValue *in, guint n_in)
{
  ConvoyFact *f = g_new0 (ConvoyFact, n_in + 1);
  for (guint i = 0; i < n_in; i++)
    if (in[i] == CONVOY_NONE)
      f[i].shape.n = G_MAXUINT;
    else
      f[i] = (ConvoyFact) { CONVOY_VAL (g, in[i])->type, CONVOY_VAL (g, in[i])->shape, convoy_graph_value (g, in[i]) };
  return f;
}

/* --- checks of a new node -------------------------------------------- */

/* "+axis=i pads=I" and a key: the type of that attribute, 0 where it is not in the list. */
static char
declared_kind (const char *attrs, const char *key)
{
  gsize len = strlen (key);
  for (const char *p = attrs; p && *p; p = strchr (p, ' ') ? strchr (p, ' ') + 1 : NULL) {
    const char *name = p + (*p == '+');
    if (strncmp (name, key, len) == 0 && name[len] == '=')
      return name[len + 1];
  }
  return 0;
}

static gboolean
check_attrs (const ConvoyOp *o, const char *what, const ConvoyAttrs *a, GError **error)
{
  static const struct { char kind; const char *name; } kinds[] =
      { { 'i', "an integer" }, { 'f', "a float" }, { 's', "a string" }, { 'I', "integers" }, { 'F', "floats" }, { 't', "a tensor" } };
  for (guint i = 0; a && i < a->list->len; i++) {
    const ConvoyAttr *x = &g_array_index (a->list, ConvoyAttr, i);
    char kind = declared_kind (o->attrs, x->key);
    const char *name = "";
    if (kind == 0) {
      g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED, "%s: attribute %s is not supported", what, x->key);
      return FALSE;
    }
    for (guint k = 0; k < G_N_ELEMENTS (kinds); k++)
      if (kinds[k].kind == kind)
        name = kinds[k].name;
    if (kind != x->kind || convoy_attrs_find (a, x->key) != x) {
      g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, kind != x->kind ? "%s: attribute %s must be %s" : "%s: attribute %s is given twice", what, x->key, name);
      return FALSE;
    }
  }
  for (const char *p = o->attrs; p && (p = strchr (p, '+')) != NULL; p++) {
    g_autofree char *key = g_strndup (p + 1, strcspn (p + 1, "="));
    if (convoy_attrs_find (a, key) == NULL) {
      g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: attribute %s is missing", what, key);
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean
check_arity (const ConvoyOp *o, const char *what, guint opset, const ConvoyValue *in, guint n_in, guint n_out, GError **error)
{
  guint max_out = MAX (o->max_out, 1), since = o->since ? o->since : CONVOY_OP_SINCE;
  if (opset < since)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED, "%s: not of operator set %u, only as from %u on", what, opset, since);
  else if (n_in < o->min_in || n_in > o->max_in)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: %u inputs, where %u to %u are allowed", what, n_in, o->min_in, o->max_in);
  else if (n_out < 1 || n_out > max_out)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: %u outputs, where 1 to %u are allowed", what, n_out, max_out);
  else {
    for (guint i = 0; i < o->min_in; i++)
      if (in[i] == CONVOY_NONE) {
        g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: input %u is required", what, i);
        return FALSE;
      }
    return TRUE;
  }
  return FALSE;
}

/* Shapes of the outputs, if those of all inputs are known. */
static gboolean
infer (ConvoyGraph *g, const ConvoyNode *n, ConvoyFact *out, gboolean *known, GError **error)
{
  *known = TRUE;
  for (guint i = 0; i < n->n_in; i++)
    if (n->in[i] != CONVOY_NONE && !CONVOY_VAL (g, n->in[i])->known)
      *known = FALSE;
  if (!*known)
    return TRUE;
  g_autofree ConvoyFact *in = convoy_graph_facts (g, n->in, n->n_in);
  for (guint i = 0; i < n->n_in; i++)
    if (convoy_op_has (n->op->const_in, i) && n->in[i] != CONVOY_NONE && in[i].value == NULL) {
      /* A value that folding will make constant; a bound graph has no such excuse, bind checks. */
      *known = FALSE;
      return TRUE;
    }
  if (!n->op->infer (n, in, out, error))
    return FALSE;
  for (guint i = 0; i < n->n_out; i++)
    if (convoy_shape_count (&out[i].shape) < 0) {
      g_autofree char *s = convoy_shape_str (&out[i].shape);
      return convoy_infer_fail (n, error, "the output would be %s", s);
    }
  return TRUE;
}

ConvoyValue
convoy_graph_node (ConvoyGraph *g, const char *op, const char *name, const ConvoyValue *in, guint n_in, const char *const *out_names, guint n_out,
    ConvoyAttrs *attrs, GError **error)
{
  const ConvoyOp *o = convoy_op_find (op);
  g_autofree char *what = name && *name ? g_strdup_printf ("%s %s", op, name) : g_strdup (op);
  if (o == NULL)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED, "operator %s is not supported", op);
  if (o == NULL || !check_attrs (o, what, attrs, error) || !check_arity (o, what, g->opset, in, n_in, n_out, error)) {
    convoy_attrs_free (attrs);
    return CONVOY_NONE;
  }
  ConvoyNode *n = g_new0 (ConvoyNode, 1);
  *n = (ConvoyNode) { o, g_strdup (name ? name : ""), g->opset, n_in, n_out, g_memdup2 (in, n_in * sizeof *in), g->vals->len, attrs };
  g_autofree ConvoyFact *out = g_new0 (ConvoyFact, n_out);
  gboolean known;
  if (!infer (g, n, out, &known, error)) {
    for (guint i = 0; i < n_out; i++)
      convoy_tensor_unref (out[i].value);
    node_free (n);
    return CONVOY_NONE;
  }
  g_ptr_array_add (g->nodes, n);
  for (guint i = 0; i < n_out; i++)
    add_val (g, out_names ? out_names[i] : NULL, (ConvoyVal) { .type = out[i].type, .shape = out[i].shape, .known = known, .kind = CONVOY_V_NODE,
        .value = out[i].value, .node = g->nodes->len - 1 });
  remember (g, name, n->out, FALSE);
  return n->out;
}

guint
convoy_graph_ordinal (const ConvoyGraph *g, const ConvoyNode *n)
{
  guint count = 0;
  for (guint i = 0; i < g->nodes->len && CONVOY_NODE (g, i) != n; i++)
    count += CONVOY_NODE (g, i)->op == n->op;
  return count;
}
