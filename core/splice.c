/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * splice.c - graphs made of graphs: what comes after a layer, one network behind another, a last
 * layer with more rows. */
#include "core/splice.h"
#include "core/lift.h"
#include <math.h>
#include <string.h>

ConvoySplice
convoy_splice_new (const ConvoyGraph *from, ConvoyGraph *to)
{
  ConvoySplice s = { .from = from, .to = to, .map = g_new (ConvoyValue, from->vals->len + 1) };
  for (guint i = 0; i < from->vals->len; i++)
    s.map[i] = CONVOY_NONE;
  return s;
}

static gboolean
is_taken (const ConvoyGraph *g, const char *name)
{
  return convoy_graph_find (g, name) != CONVOY_NONE || convoy_params_get (g->params, name) != NULL;
}

/* The name, or one beside it that nothing in the graph has; g_free() it. */
static char *
unused_name (const ConvoyGraph *g, const char *name)
{
  if (!*name || !is_taken (g, name))
    return g_strdup (name);
  char *other = g_strconcat ("head/", name, NULL);
  for (guint i = 2; is_taken (g, other); i++) {
    g_free (other);
    other = g_strdup_printf ("head/%s_%u", name, i);
  }
  return other;
}

/* --- copies ------------------------------------------------------------ */

ConvoyValue
convoy_splice_value (ConvoySplice *s, ConvoyValue v)
{
  if (v == CONVOY_NONE || s->map[v] != CONVOY_NONE)
    return v == CONVOY_NONE ? v : s->map[v];
  const ConvoyVal *val = CONVOY_VAL (s->from, v);
  if (val->kind == CONVOY_V_PARAM && s->to->params == s->from->params)
    return s->map[v] = convoy_graph_weight (s->to, val->name);
  g_autofree char *name = unused_name (s->to, val->name);
  ConvoyTensor *other = s->instead && val->kind == CONVOY_V_PARAM ? g_hash_table_lookup (s->instead, val->name) : NULL;
  return s->map[v] = val->kind == CONVOY_V_CONST ? convoy_graph_const (s->to, name, val->value)
                                                 : convoy_graph_param (s->to, name, other ? other : convoy_graph_value (s->from, v));
}

gboolean
convoy_splice_node_as (ConvoySplice *s, const ConvoyNode *n, const ConvoyValue *in, guint n_in, ConvoyAttrs *attrs, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < n->n_out; i++)
    g_ptr_array_add (names, unused_name (s->to, CONVOY_VAL (s->from, n->out + i)->name));
  g_autofree char *name = unused_name (s->to, n->name);
  ConvoyValue out = convoy_graph_node (s->to, n->op->name, name, in, n_in, (const char *const *) names->pdata, n->n_out, attrs,
      error);
  for (guint i = 0; out != CONVOY_NONE && i < n->n_out; i++)
    s->map[n->out + i] = out + i;
  return out != CONVOY_NONE;
}

gboolean
convoy_splice_node (ConvoySplice *s, const ConvoyNode *n, GError **error)
{
  g_autofree ConvoyValue *in = g_new (ConvoyValue, n->n_in + 1);
  for (guint i = 0; i < n->n_in; i++)
    in[i] = convoy_splice_value (s, n->in[i]);
  return convoy_splice_node_as (s, n, in, n->n_in, n->attrs ? convoy_attrs_ref (n->attrs) : NULL, error);
}

static char *
name_of (ConvoySplice *s, ConvoyValue v, const char *ending)
{
  const char *name = convoy_graph_name (s->from, v);
  g_autofree char *own = *name ? g_strconcat (name, ending, NULL) : g_strdup_printf ("value_%u%s", v, ending);
  return unused_name (s->to, own);
}

ConvoyValue
convoy_splice_put (ConvoySplice *s, const char *op, ConvoyValue v, const char *ending, const ConvoyValue *in, guint n_in,
    ConvoyAttrs *attrs, GError **error)
{
  g_autofree char *name = name_of (s, v, ending);
  return convoy_graph_node (s->to, op, name, in, n_in, (const char *const[]) { name }, 1, attrs, error);
}

ConvoyValue
convoy_splice_constant (ConvoySplice *s, ConvoyValue v, const char *ending, ConvoyTensor *value)
{
  g_autoptr (ConvoyTensor) own = value;
  if (value == NULL)
    return CONVOY_NONE;
  g_autofree char *name = name_of (s, v, ending);
  return convoy_tensor_type (value) == CONVOY_F32 ? convoy_graph_param (s->to, name, value)
                                                  : convoy_graph_const (s->to, name, value);
}

/* All nodes that root depends on and that do not lie before what is mapped already; input is what s->from takes. */
static gboolean
copy_upto (ConvoySplice *s, ConvoyValue root, const ConvoyShape *input, GError **error)
{
  const ConvoyGraph *g = s->from;
  g_autofree gboolean *wanted = g_new0 (gboolean, g->vals->len + 1);
  wanted[root] = TRUE;
  for (guint i = g->nodes->len; i-- > 0;) {
    const ConvoyNode *n = CONVOY_NODE (g, i);
    gboolean used = FALSE;
    for (guint k = 0; k < n->n_out; k++)
      used |= wanted[n->out + k] && s->map[n->out + k] == CONVOY_NONE;
    for (guint k = 0; k < n->n_out; k++)
      wanted[n->out + k] = used;
    for (guint k = 0; used && k < n->n_in; k++)
      if (n->in[k] != CONVOY_NONE)
        wanted[n->in[k]] = TRUE;
  }
  for (guint i = 0; i < g->inputs->len; i++) {
    ConvoyValue v = convoy_graph_get_input (g, i);
    if (wanted[v] && s->map[v] == CONVOY_NONE) {
      g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "what follows reads input %s too", convoy_graph_name (g, v));
      return FALSE;
    }
  }
  gboolean ok = TRUE;
  for (guint i = 0; ok && i < g->nodes->len; i++)
    ok = !wanted[CONVOY_NODE (g, i)->out] || convoy_lift_node (s, CONVOY_NODE (g, i), input, error);
  return ok;
}

/* The value of that name, or the only output where it is NULL. */
static ConvoyValue
end_of (const ConvoyGraph *g, const char *upto, GError **error)
{
  ConvoyValue v = upto ? convoy_graph_find (g, upto) : g->outputs->len == 1 ? convoy_graph_get_output (g, 0) : CONVOY_NONE;
  if (v == CONVOY_NONE && upto)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "no layer is called %s", upto);
  else if (v == CONVOY_NONE)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED, "a network of %u outputs, not one", g->outputs->len);
  return v;
}

/* The only input. */
static ConvoyValue
start_of (const ConvoyGraph *g, GError **error)
{
  if (g->inputs->len == 1)
    return convoy_graph_get_input (g, 0);
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED, "a network of %u inputs, not one", g->inputs->len);
  return CONVOY_NONE;
}

/* --- the part after a layer --------------------------------------------- */

ConvoyGraph *
convoy_graph_tail (const ConvoyGraph *g, const char *from, const char *upto, const ConvoyShape *input, GError **error)
{
  ConvoyValue start = from ? end_of (g, from, error) : start_of (g, error);
  ConvoyValue end = start == CONVOY_NONE ? start : end_of (g, upto, error);
  if (end == CONVOY_NONE)
    return NULL;
  if (CONVOY_VAL (g, start)->kind == CONVOY_V_NODE && (CONVOY_VAL (g, end)->kind != CONVOY_V_NODE || CONVOY_VAL (g, end)->node < CONVOY_VAL (g, start)->node)) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s does not come after %s", upto ? upto : "the output", from);
    return NULL;
  }
  ConvoyGraph *to = convoy_graph_new (g->opset);
  convoy_params_unref (to->params);
  to->params = convoy_params_ref (g->params);
  ConvoySplice s = convoy_splice_new (g, to);
  const ConvoyVal *val = CONVOY_VAL (g, start);
  s.map[start] = convoy_graph_input (to, val->name, val->known || val->kind == CONVOY_V_INPUT ? val->type : CONVOY_F32, input);
  gboolean ok = copy_upto (&s, end, input, error);
  if (ok && s.map[end] == CONVOY_NONE) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s does not come after %s", upto ? upto : "the output", from ? from : "the input");
    ok = FALSE;
  }
  if (ok)
    convoy_graph_output (to, s.map[end]);
  else if (from)
    g_prefix_error (error, "the network cannot be cut at %s: ", from);
  g_free (s.map);
  if (!ok)
    g_clear_pointer (&to, convoy_graph_unref);
  return to;
}

/* --- one behind the other ------------------------------------------------ */

static ConvoyValue
append_pooling (ConvoyGraph *g, ConvoyValue v, const char *pooling, GError **error)
{
  static const struct { const char *name, *op; } rules[] = { { "avg", "GlobalAveragePool" }, { "max", "GlobalMaxPool" } };
  if (pooling == NULL || strcmp (pooling, "none") == 0)
    return v;
  for (guint i = 0; i < G_N_ELEMENTS (rules); i++)
    if (strcmp (rules[i].name, pooling) == 0) {
      g_autofree char *name = unused_name (g, "pooling");
      return convoy_graph_node (g, rules[i].op, name, &v, 1, (const char *const[]) { name }, 1, NULL, error);
    }
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "pooling %s is not known (none, max, avg)", pooling);
  return CONVOY_NONE;
}

/* A single sample of it, as far as it is known. */
static ConvoyShape
one_sample (const ConvoyShape *s)
{
  ConvoyShape one = *s;
  if (one.n > 0 && one.d[0] < 0)
    one.d[0] = 1;
  return one;
}

/* Gives the value that the head is to take; CONVOY_NONE: error. */
static ConvoyValue
copy_base (ConvoyGraph *to, const ConvoyGraph *base, const ConvoyJoin *o, GError **error)
{
  ConvoyValue start = start_of (base, error), end = start == CONVOY_NONE ? start : end_of (base, o->upto, error), v = CONVOY_NONE;
  if (end == CONVOY_NONE)
    return v;
  ConvoySplice s = convoy_splice_new (base, to);
  const ConvoyVal *in = CONVOY_VAL (base, start);
  const ConvoyShape *input = o->input ? o->input : &in->shape, one = one_sample (input);
  s.map[start] = convoy_graph_input (to, in->name, in->type, input);
  if (copy_upto (&s, end, &one, error))
    v = append_pooling (to, convoy_splice_value (&s, end), o->pooling, error);
  g_free (s.map);
  return v;
}

/* What is not known fits. */
static gboolean
fits (const ConvoyShape *gives, const ConvoyShape *takes)
{
  gboolean ok = gives->n == takes->n;
  for (guint i = 1; ok && i < gives->n; i++)
    ok = takes->d[i] < 0 || takes->d[i] == gives->d[i];
  return ok;
}

/* Maps of one pixel to rows, where those are taken. */
static ConvoyValue
flatten (ConvoyGraph *to, ConvoyValue joint, const ConvoyShape *gives, const ConvoyShape *takes, GError **error)
{
  ConvoyShape row = *gives;
  for (; row.n > 2 && row.d[row.n - 1] == 1; row.n--)
    ;
  if (takes->n == 2 && fits (&row, takes)) {
    g_autofree char *name = unused_name (to, "flatten");
    return convoy_graph_node (to, "Flatten", name, &joint, 1, (const char *const[]) { name }, 1, NULL, error);
  }
  g_autofree char *a = convoy_shape_str (gives), *b = convoy_shape_str (takes);
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "%s gives %s, what is to follow takes %s", convoy_graph_name (to, joint), a,
      b);
  return CONVOY_NONE;
}

/* What head takes of what base gives for one sample; CONVOY_NONE: it does not fit. */
static ConvoyValue
fit (ConvoyGraph *to, ConvoyValue joint, const ConvoyGraph *head, GError **error)
{
  ConvoyShape one = one_sample (convoy_graph_input_shape (to, 0));
  const ConvoyShape *takes = convoy_graph_input_shape (head, 0);
  if (convoy_shape_count (&one) < 0 || CONVOY_VAL (to, joint)->kind != CONVOY_V_NODE)
    return joint;
  ConvoyGraph *cut = convoy_graph_bind (to, &one, convoy_graph_name (to, joint), error);
  if (cut == NULL)
    return CONVOY_NONE;
  ConvoyShape gives = *convoy_graph_shape (cut, convoy_graph_get_output (cut, 0));
  convoy_graph_unref (cut);
  return fits (&gives, takes) ? joint : flatten (to, joint, &gives, takes, error);
}

ConvoyGraph *
convoy_graph_join (const ConvoyGraph *base, const ConvoyGraph *head, const ConvoyJoin *options, GError **error)
{
  static const ConvoyJoin none;
  const ConvoyJoin *o = options ? options : &none;
  ConvoyValue start = start_of (head, error), end = start == CONVOY_NONE ? start : end_of (head, NULL, error);
  if (end == CONVOY_NONE)
    return NULL;
  ConvoyGraph *to = convoy_graph_new (base ? MAX (base->opset, head->opset) : head->opset);
  ConvoySplice s = convoy_splice_new (head, to);
  const ConvoyVal *in = CONVOY_VAL (head, start);
  ConvoyShape one = one_sample (&in->shape);
  ConvoyValue v = base ? copy_base (to, base, o, error)
                       : convoy_graph_input (to, in->name, in->type, o->input ? o->input : &in->shape);
  s.map[start] = base && v != CONVOY_NONE ? fit (to, v, head, error) : v;
  gboolean ok = s.map[start] != CONVOY_NONE && copy_upto (&s, end, &one, error);
  if (ok)
    convoy_graph_output (to, s.map[end]);
  else
    g_clear_pointer (&to, convoy_graph_unref);
  g_free (s.map);
  return to;
}

guint convoy_graph_opset (const ConvoyGraph *g) { return g->opset; }

/* --- more classes --------------------------------------------------------- */

/* The Gemm that makes the scores; NULL: they are made otherwise. */
static const ConvoyNode *
last_dense (const ConvoyGraph *g)
{
  ConvoyValue v = convoy_graph_get_output (g, 0);
  while (CONVOY_VAL (g, v)->kind == CONVOY_V_NODE) {
    const ConvoyNode *n = CONVOY_NODE (g, CONVOY_VAL (g, v)->node);
    if (strcmp (n->op->name, "Gemm") == 0)
      return n;
    if (strcmp (n->op->name, "Softmax") != 0)
      return NULL;
    v = n->in[0];
  }
  return NULL;
}

/* value with its dimension axis (of one or two) grown to n: uniform in +-limit where it is new. */
static ConvoyTensor *
grown (const ConvoyTensor *value, guint axis, gint64 n, float limit, GRand *rand, GError **error)
{
  ConvoyShape shape = *convoy_tensor_shape (value);
  gint64 had = shape.d[axis], inner = axis + 1 < shape.n ? shape.d[axis + 1] : 1;
  shape.d[axis] = n;
  ConvoyTensor *t = convoy_tensor_new (CONVOY_F32, &shape, error);
  if (t == NULL)
    return NULL;
  const float *from = convoy_tensor_data (value);
  float *to = convoy_tensor_data (t);
  for (gint64 o = 0; o < (axis ? shape.d[0] : 1); o++)
    for (gint64 i = 0; i < n; i++)
      for (gint64 k = 0; k < inner; k++)
        *to++ = i < had ? from[(o * had + i) * inner + k] : limit > 0 ? (float) g_rand_double_range (rand, -limit, limit) : 0;
  return t;
}

ConvoyGraph *
convoy_graph_grow (const ConvoyGraph *g, guint n, guint64 seed, GError **error)
{
  const ConvoyNode *dense = g->outputs->len == 1 ? last_dense (g) : NULL;
  ConvoyTensor *kernel = dense ? convoy_graph_value (g, dense->in[1]) : NULL;
  if (kernel == NULL || CONVOY_VAL (g, dense->in[1])->kind != CONVOY_V_PARAM) {
    g_set_error_literal (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED, "a class more: the network does not end in a dense layer, with or without softmax");
    return NULL;
  }
  guint axis = convoy_node_int (dense, "transB", 0) ? 0 : 1;
  const ConvoyShape *shape = convoy_tensor_shape (kernel);
  if (n < shape->d[axis]) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%u classes, where there are %" G_GINT64_FORMAT " already", n, shape->d[axis]);
    return NULL;
  }
  GRand *rand = g_rand_new_with_seed ((guint32) (seed ^ seed >> 32) + n);
  g_autoptr (GHashTable) instead = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) convoy_tensor_unref);
  float limit = sqrtf (6.0f / (float) (shape->d[0] + shape->d[1]));     /* X. Glorot, Y. Bengio, 2010 */
  ConvoyTensor *bias = dense->n_in > 2 && dense->in[2] != CONVOY_NONE ? convoy_graph_value (g, dense->in[2]) : NULL, *wide[2] = { NULL };
  gboolean ok = (wide[0] = grown (kernel, axis, n, limit, rand, error)) && (!bias || (wide[1] = grown (bias, convoy_tensor_shape (bias)->n - 1, n, 0, rand, error)));
  g_rand_free (rand);
  for (guint i = 0; i < 2; i++)
    if (wide[i])
      g_hash_table_insert (instead, (gpointer) CONVOY_VAL (g, dense->in[1 + i])->name, wide[i]);
  ConvoyGraph *to = convoy_graph_new (g->opset);
  ConvoySplice s = convoy_splice_new (g, to);
  ConvoyValue in = start_of (g, error);
  s.instead = instead;
  if (in != CONVOY_NONE)
    s.map[in] = convoy_graph_input (to, CONVOY_VAL (g, in)->name, CONVOY_VAL (g, in)->type, &CONVOY_VAL (g, in)->shape);
  ok = ok && in != CONVOY_NONE && copy_upto (&s, convoy_graph_get_output (g, 0), NULL, error);
  if (ok)
    convoy_graph_output (to, s.map[convoy_graph_get_output (g, 0)]);
  else
    g_clear_pointer (&to, convoy_graph_unref);
  g_free (s.map);
  return to;
}
