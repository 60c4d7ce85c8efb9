/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * onnx-load.c - ONNX file to ConvoyGraph. There is no code here for any one operator but
 * Constant: op_type, inputs and attributes are handed to convoy_graph_node() as they are. */
#include "core/graph.h"
#include "core/onnx.h"
#include <stdlib.h>
#include <string.h>

typedef struct {
  const char *folder;           /* of the model, for external data */
  const Onnx__GraphProto *m;
  ConvoyGraph *g;
  GHashTable *names;            /* borrowed from m -> ConvoyValue + 1 */
  ConvoyValue n_init;           /* values below it are initializers */
  GArray *in;                   /* ConvoyValue; inputs of the node at hand */
  GPtrArray *out;               /* const char *; names of its outputs */
} Load;

static const char *
label (const Onnx__NodeProto *n)
{
  return *n->name ? n->name : n->n_output > 0 && *n->output[0] ? n->output[0] : "without a name";
}

static ConvoyValue
lookup (const Load *l, const char *name)
{
  return GPOINTER_TO_UINT (g_hash_table_lookup (l->names, name)) - 1;
}

static void
define (Load *l, const char *name, ConvoyValue v)
{
  g_hash_table_insert (l->names, (char *) name, GUINT_TO_POINTER (v + 1));
}

/* A float32 tensor may learn, the others are what they are. Takes t over. */
static void
add_tensor (Load *l, const char *name, ConvoyTensor *t)
{
  ConvoyValue v = convoy_tensor_type (t) == CONVOY_F32 ? convoy_graph_param (l->g, name, t) : convoy_graph_const (l->g, name, t);
  define (l, name, v);
  convoy_tensor_unref (t);
}

/* --- what the file asks for ------------------------------------------- */

static gboolean
is_default_domain (const char *domain)
{
  return *domain == '\0' || strcmp (domain, "ai.onnx") == 0;
}

static gboolean
find_opset (const Onnx__ModelProto *m, guint *opset, GError **error)
{
  gint64 version = -1;
  for (gsize i = 0; i < m->n_opset_import; i++) {
    const Onnx__OperatorSetIdProto *o = m->opset_import[i];
    if (!is_default_domain (o->domain))
      continue;
    if (version >= 0 && version != o->version)
      return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "imports two versions of ONNX's operators, %" G_GINT64_FORMAT " and %" G_GINT64_FORMAT, version, o->version);
    version = o->version;
    if (version < CONVOY_OPSET_MIN || version > CONVOY_OPSET_MAX)
      return convoy_onnx_fail (error, version < 1 ? CONVOY_ERROR_INVALID : CONVOY_ERROR_UNSUPPORTED, "opset %" G_GINT64_FORMAT " is not supported, %u to %u are",
          version, CONVOY_OPSET_MIN, CONVOY_OPSET_MAX);
  }
  *opset = version;
  return version >= 0 || convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "does not say which version of ONNX's operators it uses (no opset import)");
}

/* Adds to list each operator of m that there is no row for, with the first node that uses it. */
static void
list_unsupported (const Onnx__GraphProto *m, GHashTable *seen, GString *list)
{
  for (gsize i = 0; i < m->n_node; i++) {
    const Onnx__NodeProto *n = m->node[i];
    gboolean foreign = !is_default_domain (n->domain);
    for (gsize k = 0; k < n->n_attribute; k++)
      if (n->attribute[k]->g)
        list_unsupported (n->attribute[k]->g, seen, list);
    if (!foreign && (strcmp (n->op_type, "Constant") == 0 || convoy_op_find (n->op_type)))
      continue;
    g_autofree char *name = foreign ? g_strdup_printf ("%s.%s", n->domain, n->op_type) : g_strdup (n->op_type);
    if (g_hash_table_contains (seen, name))
      continue;
    g_string_append_printf (list, "%s%s (node %s)", list->len ? ", " : "", name, label (n));
    g_hash_table_add (seen, g_steal_pointer (&name));
  }
}

static gboolean
check_supported (const Onnx__ModelProto *m, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GString) list = g_string_new (NULL);
  if (m->n_functions > 0)
    return convoy_onnx_fail (error, CONVOY_ERROR_UNSUPPORTED, "functions inside the model are not supported: %s", m->functions[0]->name);
  if (m->graph->n_sparse_initializer > 0) {
    const Onnx__TensorProto *t = m->graph->sparse_initializer[0]->values;
    return convoy_onnx_fail (error, CONVOY_ERROR_UNSUPPORTED, "sparse initializers are not supported: %s", t ? t->name : "");
  }
  if (m->graph->n_node > CONVOY_ONNX_MAX_NODES)
    return convoy_onnx_fail (error, CONVOY_ERROR_UNSUPPORTED, "%zu nodes, at most %u are supported", m->graph->n_node, CONVOY_ONNX_MAX_NODES);
  list_unsupported (m->graph, seen, list);
  if (list->len == 0)
    return TRUE;
  return convoy_onnx_fail (error, CONVOY_ERROR_UNSUPPORTED, "unsupported operator%s: %s", g_hash_table_size (seen) > 1 ? "s" : "", list->str);
}

/* --- attributes ------------------------------------------------------- */

#define KIND(k) (1u << ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##k)

/* The kinds of value that a carries, a bit each. */
static guint
attr_carries (const Onnx__AttributeProto *a)
{
  return (a->f != 0 ? KIND (FLOAT) : 0) | (a->i != 0 ? KIND (INT) : 0) | (a->s.len ? KIND (STRING) : 0) | (a->t ? KIND (TENSOR) : 0)
      | (a->g ? KIND (GRAPH) : 0) | (a->n_floats ? KIND (FLOATS) : 0) | (a->n_ints ? KIND (INTS) : 0) | (a->n_strings ? KIND (STRINGS) : 0)
      | (a->n_tensors ? KIND (TENSORS) : 0) | (a->n_graphs ? KIND (GRAPHS) : 0) | (a->sparse_tensor ? KIND (SPARSE_TENSOR) : 0)
      | (a->n_sparse_tensors ? KIND (SPARSE_TENSORS) : 0) | (a->tp ? KIND (TYPE_PROTO) : 0) | (a->n_type_protos ? KIND (TYPE_PROTOS) : 0);
}

static gboolean
attr_set (const Onnx__AttributeProto *a, const char *folder, ConvoyAttrs *into, GError **error)
{
  switch (a->type) {
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT:
      convoy_attrs_set_float (into, a->name, a->f);
      return TRUE;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT:
      convoy_attrs_set_int (into, a->name, a->i);
      return TRUE;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS:
      convoy_attrs_set_floats (into, a->name, a->floats, a->n_floats);
      return TRUE;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS:
      convoy_attrs_set_ints (into, a->name, a->ints, a->n_ints);
      return TRUE;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING: {
      g_autofree char *s = g_strndup ((const char *) a->s.data, a->s.len);
      if (a->s.len > 0 && !g_utf8_validate_len ((const char *) a->s.data, a->s.len, NULL))
        return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "is no UTF-8 text");
      convoy_attrs_set_string (into, a->name, s ? s : "");
      return TRUE;
    }
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR: {
      g_autoptr (ConvoyTensor) t = a->t ? convoy_onnx_tensor (a->t, folder, error) : NULL;
      if (t == NULL)
        return a->t != NULL ? FALSE : convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "has no value");
      convoy_attrs_set_tensor (into, a->name, t);
      return TRUE;
    }
    default:
      return convoy_onnx_fail (error, CONVOY_ERROR_UNSUPPORTED, "is of a kind (%d) that is not supported", a->type);
  }
}

static gboolean
attr_check (const Onnx__AttributeProto *a, GError **error)
{
  if (a->type <= 0 || a->type > ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TYPE_PROTOS)
    return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "has no known type (%d)", a->type);
  if (*a->ref_attr_name)
    return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "refers to attribute %s of a function, but is in none", a->ref_attr_name);
  if (attr_carries (a) & ~(1u << a->type))
    return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "carries a value of another type than it says (%d)", a->type);
  return TRUE;
}

static ConvoyAttrs *
attrs_load (const Onnx__NodeProto *n, const char *folder, GError **error)
{
  ConvoyAttrs *into = convoy_attrs_new ();
  for (gsize i = 0; i < n->n_attribute; i++)
    if (!attr_check (n->attribute[i], error) || !attr_set (n->attribute[i], folder, into, error)) {
      g_prefix_error (error, "%s %s: attribute %s: ", n->op_type, label (n), n->attribute[i]->name);
      convoy_attrs_free (into);
      return NULL;
    }
  return into;
}

/* --- initializers, inputs, outputs ------------------------------------ */

static gboolean
initializers_load (Load *l, GError **error)
{
  for (gsize i = 0; i < l->m->n_initializer; i++) {
    Onnx__TensorProto *p = l->m->initializer[i];
    if (*p->name == '\0' || lookup (l, p->name) != CONVOY_NONE)
      return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, *p->name ? "initializer %s is there twice" : "initializer without a name%s", p->name);
    ConvoyTensor *t = convoy_onnx_tensor (p, l->folder, error);
    if (t == NULL) {
      g_prefix_error (error, "initializer %s: ", p->name);
      return FALSE;
    }
    add_tensor (l, p->name, t);
    free (p->raw_data.data);    /* the bulk of a model: not held twice */
    p->raw_data = (ProtobufCBinaryData) { 0, NULL };
    l->n_init++;
  }
  return TRUE;
}

static gboolean
tensor_type (const Onnx__ValueInfoProto *v, ConvoyType *type, GError **error)
{
  if (v->type == NULL || v->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
    return convoy_onnx_fail (error, CONVOY_ERROR_UNSUPPORTED, "is not a tensor (sequences, maps, optional and sparse values are not supported)");
  gint32 from = v->type->tensor_type->elem_type;
  return convoy_onnx_type (from, type) || convoy_onnx_fail (error, CONVOY_ERROR_UNSUPPORTED, "element type %s (%d) is not supported", convoy_onnx_type_name (from), from);
}

/* The declared shape, -1 for a dimension that the file leaves open. */
static gboolean
declared_shape (const Onnx__ValueInfoProto *v, ConvoyShape *s, GError **error)
{
  const Onnx__TensorShapeProto *p = v->type->tensor_type->shape;
  if (p == NULL)
    return convoy_onnx_fail (error, CONVOY_ERROR_UNSUPPORTED, "does not say how many dimensions it has");
  if (p->n_dim > CONVOY_MAX_DIMS)
    return convoy_onnx_fail (error, CONVOY_ERROR_UNSUPPORTED, "%zu dimensions, at most %u are supported", p->n_dim, CONVOY_MAX_DIMS);
  *s = (ConvoyShape) { .n = p->n_dim };
  for (guint i = 0; i < s->n; i++) {
    s->d[i] = p->dim[i]->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE ? p->dim[i]->dim_value : -1;
    if (s->d[i] < -1)
      return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "dimension %u is %" G_GINT64_FORMAT, i, s->d[i]);
  }
  return TRUE;
}

static gboolean
inputs_load (Load *l, GError **error)
{
  for (gsize i = 0; i < l->m->n_input; i++) {
    const Onnx__ValueInfoProto *p = l->m->input[i];
    ConvoyValue v = lookup (l, p->name);
    ConvoyType type;
    ConvoyShape s;
    if (v != CONVOY_NONE && v < l->n_init)
      continue;                 /* up to IR version 3 initializers are listed here too */
    if (*p->name == '\0' || v != CONVOY_NONE)
      return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, *p->name ? "input %s is there twice" : "input without a name%s", p->name);
    if (!tensor_type (p, &type, error) || !declared_shape (p, &s, error)) {
      g_prefix_error (error, "input %s: ", p->name);
      return FALSE;
    }
    define (l, p->name, convoy_graph_input (l->g, p->name, type, &s));
  }
  return TRUE;
}

static gboolean
outputs_load (Load *l, GError **error)
{
  for (gsize i = 0; i < l->m->n_output; i++) {
    const Onnx__ValueInfoProto *p = l->m->output[i];
    ConvoyValue v = lookup (l, p->name);
    ConvoyType type;
    if (v == CONVOY_NONE)
      return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "output %s: no node makes it", p->name);
    if (!tensor_type (p, &type, error)) {
      g_prefix_error (error, "output %s: ", p->name);
      return FALSE;
    }
    if (convoy_graph_shape (l->g, v) && convoy_graph_type (l->g, v) != type)
      return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "output %s: declared as %s, but is %s", p->name, convoy_type_name (type),
          convoy_type_name (convoy_graph_type (l->g, v)));
    convoy_graph_output (l->g, v);
  }
  return l->m->n_output > 0 || convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "the graph has no outputs");
}

/* --- nodes ------------------------------------------------------------ */

/* The tensor of a Constant: its one attribute, a tensor or one to become a tensor. */
static ConvoyTensor *
constant_value (const Load *l, const Onnx__AttributeProto *a, GError **error)
{
  ConvoyTensor *t = NULL;
  gint32 type = a->type;
  if (strcmp (a->name, "value") == 0 && type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR && a->t)
    t = convoy_onnx_tensor (a->t, l->folder, error);
  else if (strcmp (a->name, "value_float") == 0 && type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT) {
    if ((t = convoy_tensor_new (CONVOY_F32, &(ConvoyShape) { 0 }, error)))
      *(float *) convoy_tensor_data (t) = a->f;
  } else if (strcmp (a->name, "value_int") == 0 && type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT) {
    if ((t = convoy_tensor_new (CONVOY_I64, &(ConvoyShape) { 0 }, error)))
      *(gint64 *) convoy_tensor_data (t) = a->i;
  } else if (strcmp (a->name, "value_floats") == 0 && type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS) {
    if ((t = convoy_tensor_new (CONVOY_F32, &CONVOY_SHAPE (a->n_floats), error)) && a->n_floats)
      memcpy (convoy_tensor_data (t), a->floats, a->n_floats * sizeof (float));
  } else if (strcmp (a->name, "value_ints") == 0 && type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS) {
    if ((t = convoy_tensor_new (CONVOY_I64, &CONVOY_SHAPE (a->n_ints), error)) && a->n_ints)
      memcpy (convoy_tensor_data (t), a->ints, a->n_ints * sizeof (gint64));
  } else
    convoy_onnx_fail (error, CONVOY_ERROR_UNSUPPORTED, "is not supported");
  return t;
}

static gboolean
constant_load (Load *l, const Onnx__NodeProto *n, GError **error)
{
  if (n->n_attribute != 1 || n->n_input != 0 || n->n_output != 1)
    return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "Constant %s: %zu values, %zu inputs, %zu outputs; it has one value, no input, one output", label (n),
        n->n_attribute, n->n_input, n->n_output);
  const Onnx__AttributeProto *a = n->attribute[0];
  ConvoyTensor *t = attr_check (a, error) ? constant_value (l, a, error) : NULL;
  if (t == NULL) {
    g_prefix_error (error, "Constant %s: attribute %s: ", label (n), a->name);
    return FALSE;
  }
  add_tensor (l, n->output[0], t);
  return TRUE;
}

static gboolean
dangling (const Load *l, const Onnx__NodeProto *n, const char *name, GError **error)
{
  for (gsize i = 0; i < l->m->n_node; i++)
    for (gsize k = 0; k < l->m->node[i]->n_output; k++)
      if (strcmp (l->m->node[i]->output[k], name) == 0)
        return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "%s %s: its input %s is made by %s %s, which does not come before it (a cycle?)", n->op_type, label (n),
            name, l->m->node[i]->op_type, label (l->m->node[i]));
  return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "%s %s: its input %s is made by no node", n->op_type, label (n), name);
}

static gboolean
node_inputs (Load *l, const Onnx__NodeProto *n, GError **error)
{
  g_array_set_size (l->in, 0);
  gsize n_in = n->n_input;
  while (n_in > 0 && *n->input[n_in - 1] == '\0')
    n_in--;
  for (gsize i = 0; i < n_in; i++) {
    const char *name = n->input[i];
    ConvoyValue v = *name ? lookup (l, name) : CONVOY_NONE;
    if (*name && v == CONVOY_NONE)
      return dangling (l, n, name, error);
    g_array_append_val (l->in, v);
  }
  return TRUE;
}

/* Names the outputs of n, none of which may exist already. */
static gboolean
node_outputs (Load *l, const Onnx__NodeProto *n, GError **error)
{
  g_ptr_array_set_size (l->out, 0);
  gsize n_out = n->n_output;
  while (n_out > 0 && *n->output[n_out - 1] == '\0')
    n_out--;
  if (n_out == 0)
    return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "%s %s: it has no output", n->op_type, label (n));
  for (gsize i = 0; i < n_out; i++) {
    ConvoyValue v = lookup (l, n->output[i]);
    if (v != CONVOY_NONE)
      return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "%s %s: its output %s is %s already", n->op_type, label (n), n->output[i],
          v < l->n_init ? "an initializer" : "there");
    g_ptr_array_add (l->out, *n->output[i] ? n->output[i] : NULL);
  }
  return TRUE;
}

/* A weight kept in 16 bits and widened by a Cast is a weight in float32, so that it may learn. */
static gboolean
is_stored_short (const Load *l, const Onnx__NodeProto *n, const ConvoyAttrs *attrs)
{
  const ConvoyAttr *to = strcmp (n->op_type, "Cast") == 0 && l->in->len == 1 && l->out->len == 1 ? convoy_attrs_find (attrs, "to") : NULL;
  ConvoyTensor *t = to && to->kind == 'i' && to->i[0] == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT ? convoy_graph_value (l->g, g_array_index (l->in, ConvoyValue, 0)) : NULL;
  return t && (convoy_tensor_type (t) == CONVOY_F16 || convoy_tensor_type (t) == CONVOY_BF16);
}

static gboolean
stored_short_load (Load *l, const char *name, GError **error)
{
  ConvoyTensor *from = convoy_graph_value (l->g, g_array_index (l->in, ConvoyValue, 0)), *to = convoy_tensor_new (CONVOY_F32, convoy_tensor_shape (from), error);
  if (to == NULL || !convoy_op_find ("Cast")->eval (NULL, &from, &to, error)) {
    convoy_tensor_unref (to);
    return FALSE;
  }
  add_tensor (l, name, to);
  return TRUE;
}

static gboolean
node_load (Load *l, const Onnx__NodeProto *n, GError **error)
{
  if (!node_inputs (l, n, error) || !node_outputs (l, n, error))
    return FALSE;
  if (strcmp (n->op_type, "Constant") == 0)
    return constant_load (l, n, error);
  ConvoyAttrs *attrs = attrs_load (n, l->folder, error);
  if (attrs == NULL)
    return FALSE;
  if (is_stored_short (l, n, attrs)) {
    convoy_attrs_free (attrs);
    return stored_short_load (l, n->output[0], error);
  }
  ConvoyValue v = convoy_graph_node (l->g, n->op_type, *n->name ? n->name : l->out->pdata[0], (ConvoyValue *) l->in->data, l->in->len, (const char *const *) l->out->pdata, l->out->len,
      attrs, error);
  if (v == CONVOY_NONE)
    return FALSE;
  for (guint i = 0; i < l->out->len; i++) {
    const char *name = l->out->pdata[i];
    if (name && lookup (l, name) != CONVOY_NONE)
      return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "%s %s: two of its outputs are called %s", n->op_type, label (n), name);
    if (name)
      define (l, name, v + i);
  }
  return TRUE;
}

/* --- the whole -------------------------------------------------------- */

static ConvoyGraph *
graph_load (const Onnx__ModelProto *m, const char *folder, GError **error)
{
  guint opset = 0;
  if (m->graph == NULL) {
    convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "not an ONNX model: there is no graph in it");
    return NULL;
  }
  if (!find_opset (m, &opset, error) || !check_supported (m, error))
    return NULL;
  Load l = { folder, m->graph, convoy_graph_new (opset), g_hash_table_new (g_str_hash, g_str_equal), 0,
    g_array_new (FALSE, FALSE, sizeof (ConvoyValue)), g_ptr_array_new () };
  gboolean ok = initializers_load (&l, error) && inputs_load (&l, error);
  for (gsize i = 0; ok && i < m->graph->n_node; i++)
    ok = node_load (&l, m->graph->node[i], error);
  ok = ok && outputs_load (&l, error);
  g_hash_table_unref (l.names);
  g_array_unref (l.in);
  g_ptr_array_unref (l.out);
  if (!ok)
    g_clear_pointer (&l.g, convoy_graph_unref);
  return l.g;
}

static void
props_load (const Onnx__ModelProto *m, GHashTable *props)
{
  const struct { const char *key, *value; } fields[] =
      { { "producer_name", m->producer_name }, { "producer_version", m->producer_version }, { "doc_string", m->doc_string } };
  for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
    if (*fields[i].value)
      g_hash_table_insert (props, g_strdup (fields[i].key), g_strdup (fields[i].value));
  for (gsize i = 0; i < m->n_metadata_props; i++)
    g_hash_table_insert (props, g_strdup (m->metadata_props[i]->key), g_strdup (m->metadata_props[i]->value));
}

ConvoyGraph *
convoy_onnx_load (const char *path, GHashTable *props, GError **error)
{
  g_return_val_if_fail (path != NULL, NULL);
  Onnx__ModelProto *m = convoy_onnx_read (path, &onnx__model_proto__descriptor, error);
  ConvoyGraph *g = NULL;
  if (m != NULL) {
    g_autofree char *folder = g_path_get_dirname (path);
    g = graph_load (m, folder, error);
    if (g != NULL && props != NULL)
      props_load (m, props);
    onnx__model_proto__free_unpacked (m, NULL);
  }
  if (g == NULL)
    convoy_onnx_blame (error, path);
  return g;
}
