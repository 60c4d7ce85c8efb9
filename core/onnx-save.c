/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * onnx-save.c - ConvoyGraph to ONNX file, complete or not at all. Nodes are written as they are;
 * weights and constants become initializers, packed from where they lie without a copy. */
#include "core/graph.h"
#include "core/onnx.h"
#include "core/replace.h"
#include <string.h>

/* The IR version that came with an operator set; 4 is the first whose initializers need not be inputs. */
static const struct { guint opset; gint64 ir; } ir_versions[] = { { 25, 13 }, { 24, 12 }, { 23, 11 }, { 21, 10 }, { 19, 9 }, { 15, 8 }, { 12, 7 }, { 11, 6 }, { 10, 5 }, { 0, 4 } };

typedef struct {
  const ConvoyGraph *g, *typed; /* typed: every output's type and rank is known */
  gboolean *used;               /* by value: a node or an output reads it */
  const char **names;           /* by value; NULL: it needs none */
  GHashTable *taken;            /* name in use -> ConvoyValue + 1, the first of that name */
  GPtrArray *pool;              /* all that the messages point to and the graph does not own */
} Save;

static gpointer
take (Save *s, gsize n, gsize size)
{
  gpointer p = g_malloc0_n (n + 1, size);
  g_ptr_array_add (s->pool, p);
  return p;
}

static char *
take_string (Save *s, char *string)
{
  g_ptr_array_add (s->pool, string);
  return string;
}

/* n messages and an array of pointers to them, both in the pool. */
#define TAKE_LIST(s, n, Type, init) ({ \
    Type **list_ = take (s, n, sizeof (Type *)), *item_ = take (s, n, sizeof (Type)); \
    for (gsize i_ = 0; i_ < (gsize) (n); i_++) { init (&item_[i_]); list_[i_] = &item_[i_]; } \
    list_; })
#define TAKE(s, Type, init) (TAKE_LIST (s, 1, Type, init)[0])

/* --- names ------------------------------------------------------------ */

static void
mark_used (Save *s)
{
  s->used = take (s, s->g->vals->len, sizeof (gboolean));
  for (guint i = 0; i < s->g->nodes->len; i++) {
    const ConvoyNode *n = CONVOY_NODE (s->g, i);
    for (guint k = 0; k < n->n_in; k++)
      if (n->in[k] != CONVOY_NONE)
        s->used[n->in[k]] = TRUE;
    s->used[n->out] = TRUE;
  }
  for (guint i = 0; i < s->g->outputs->len; i++)
    s->used[convoy_graph_get_output (s->g, i)] = TRUE;
  for (guint i = 0; i < s->g->inputs->len; i++)
    s->used[convoy_graph_get_input (s->g, i)] = TRUE;
}

/* Keeps the name that a value has, unless an earlier one has it; two values of one weight share it. */
static void
name_values (Save *s)
{
  s->names = take (s, s->g->vals->len, sizeof (char *));
  for (ConvoyValue v = 0; v < s->g->vals->len; v++) {
    const char *name = convoy_graph_name (s->g, v);
    ConvoyValue first = GPOINTER_TO_UINT (g_hash_table_lookup (s->taken, name)) - 1;
    if (*name && first == CONVOY_NONE)
      g_hash_table_insert (s->taken, (char *) name, GUINT_TO_POINTER (v + 1));
    if (*name && (first == CONVOY_NONE || (CONVOY_VAL (s->g, first)->kind == CONVOY_V_PARAM && CONVOY_VAL (s->g, v)->kind == CONVOY_V_PARAM)))
      s->names[v] = name;
  }
  for (ConvoyValue v = 0; v < s->g->vals->len; v++)
    if (s->names[v] == NULL && s->used[v]) {
      char *name = take_string (s, g_strdup_printf ("value_%u", v));
      while (g_hash_table_contains (s->taken, name))
        name = take_string (s, g_strconcat (name, "_", NULL));
      g_hash_table_insert (s->taken, name, GUINT_TO_POINTER (v + 1));
      s->names[v] = name;
    }
}

/* --- parts of the message --------------------------------------------- */

static void
save_tensor (Save *s, Onnx__TensorProto *p, const char *name, ConvoyTensor *t)
{
  const ConvoyShape *shape = convoy_tensor_shape (t);
  p->name = (char *) name;
  p->data_type = convoy_onnx_type_of (convoy_tensor_type (t));
  p->n_dims = shape->n;
  p->dims = take (s, shape->n, sizeof (gint64));
  memcpy (p->dims, shape->d, shape->n * sizeof (gint64));
  p->raw_data = (ProtobufCBinaryData) { convoy_tensor_count (t) * convoy_type_size (convoy_tensor_type (t)), convoy_tensor_data (t) };
}

static void
save_attr (Save *s, Onnx__AttributeProto *p, const ConvoyAttr *a)
{
  p->name = a->key;
  switch (a->kind) {
    case 'i':
      p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
      p->i = a->i[0];
      break;
    case 'f':
      p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
      p->f = a->f[0];
      break;
    case 's':
      p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
      p->s = (ProtobufCBinaryData) { strlen (a->s), (guint8 *) a->s };
      break;
    case 'I':
      p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
      p->n_ints = a->n;
      p->ints = a->i;
      break;
    case 'F':
      p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS;
      p->n_floats = a->n;
      p->floats = a->f;
      break;
    default:
      p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR;
      p->t = TAKE (s, Onnx__TensorProto, onnx__tensor_proto__init);
      save_tensor (s, p->t, "", a->t);
  }
}

static void
save_node (Save *s, Onnx__NodeProto *p, const ConvoyNode *n)
{
  p->op_type = (char *) n->op->name;
  p->name = n->name;
  p->n_input = n->n_in;
  p->input = take (s, n->n_in, sizeof (char *));
  for (guint i = 0; i < n->n_in; i++)
    p->input[i] = n->in[i] == CONVOY_NONE ? "" : (char *) s->names[n->in[i]];
  p->n_output = n->n_out;
  p->output = take (s, n->n_out, sizeof (char *));
  for (guint i = 0; i < n->n_out; i++)
    p->output[i] = s->names[n->out + i] ? (char *) s->names[n->out + i] : "";
  p->n_attribute = n->attrs ? n->attrs->list->len : 0;
  p->attribute = TAKE_LIST (s, p->n_attribute, Onnx__AttributeProto, onnx__attribute_proto__init);
  for (gsize i = 0; i < p->n_attribute; i++)
    save_attr (s, p->attribute[i], &g_array_index (n->attrs->list, ConvoyAttr, i));
}

/* An open dimension is written as a name of its own. */
static void
save_value_info (Save *s, Onnx__ValueInfoProto *p, const char *name, ConvoyType type, const ConvoyShape *shape)
{
  p->name = (char *) name;
  p->type = TAKE (s, Onnx__TypeProto, onnx__type_proto__init);
  p->type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
  Onnx__TypeProto__Tensor *t = p->type->tensor_type = TAKE (s, Onnx__TypeProto__Tensor, onnx__type_proto__tensor__init);
  t->elem_type = convoy_onnx_type_of (type);
  t->shape = TAKE (s, Onnx__TensorShapeProto, onnx__tensor_shape_proto__init);
  t->shape->n_dim = shape->n;
  t->shape->dim = TAKE_LIST (s, shape->n, Onnx__TensorShapeProto__Dimension, onnx__tensor_shape_proto__dimension__init);
  for (guint i = 0; i < shape->n; i++)
    if (shape->d[i] >= 0) {
      t->shape->dim[i]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
      t->shape->dim[i]->dim_value = shape->d[i];
    } else {
      t->shape->dim[i]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
      t->shape->dim[i]->dim_param = take_string (s, g_strdup_printf ("%s_%u", name, i));
    }
}

static void
save_output (Save *s, Onnx__ValueInfoProto *p, guint i)
{
  ConvoyValue v = convoy_graph_get_output (s->g, i), typed = convoy_graph_get_output (s->typed, i);
  ConvoyShape shape = *convoy_graph_shape (s->typed, typed);
  for (guint k = 0; k < shape.n && convoy_graph_shape (s->g, v) == NULL; k++)
    shape.d[k] = -1;
  save_value_info (s, p, s->names[v], convoy_graph_type (s->typed, typed), &shape);
}

static void
save_initializers (Save *s, Onnx__GraphProto *p)
{
  g_autoptr (GHashTable) done = g_hash_table_new (g_str_hash, g_str_equal);
  p->initializer = TAKE_LIST (s, s->g->vals->len, Onnx__TensorProto, onnx__tensor_proto__init);
  for (ConvoyValue v = 0; v < s->g->vals->len; v++) {
    const ConvoyVal *val = CONVOY_VAL (s->g, v);
    if (s->used[v] && (val->kind == CONVOY_V_PARAM || val->kind == CONVOY_V_CONST) && g_hash_table_add (done, (char *) s->names[v]))
      save_tensor (s, p->initializer[p->n_initializer++], s->names[v], convoy_graph_value (s->g, v));
  }
}

static Onnx__GraphProto *
save_graph (Save *s)
{
  const ConvoyGraph *g = s->g;
  Onnx__GraphProto *p = TAKE (s, Onnx__GraphProto, onnx__graph_proto__init);
  p->name = "convoy";
  save_initializers (s, p);
  p->n_node = g->nodes->len;
  p->node = TAKE_LIST (s, p->n_node, Onnx__NodeProto, onnx__node_proto__init);
  for (guint i = 0; i < g->nodes->len; i++)
    save_node (s, p->node[i], CONVOY_NODE (g, i));
  p->n_input = g->inputs->len;
  p->input = TAKE_LIST (s, p->n_input, Onnx__ValueInfoProto, onnx__value_info_proto__init);
  for (guint i = 0; i < g->inputs->len; i++) {
    ConvoyValue v = convoy_graph_get_input (g, i);
    save_value_info (s, p->input[i], s->names[v], convoy_graph_type (g, v), &CONVOY_VAL (g, v)->shape);
  }
  p->n_output = g->outputs->len;
  p->output = TAKE_LIST (s, p->n_output, Onnx__ValueInfoProto, onnx__value_info_proto__init);
  for (guint i = 0; i < g->outputs->len; i++)
    save_output (s, p->output[i], i);
  return p;
}

/* Producer and description have fields of their own, the rest are metadata_props, sorted. */
static void
save_props (Save *s, Onnx__ModelProto *m, GHashTable *props)
{
  const struct { const char *key; char **field; } fields[] =
      { { "producer_name", &m->producer_name }, { "producer_version", &m->producer_version }, { "doc_string", &m->doc_string } };
  m->producer_name = "convoy";
  m->producer_version = (char *) convoy_version ();
  if (props == NULL)
    return;
  g_autoptr (GList) keys = g_list_sort (g_hash_table_get_keys (props), (GCompareFunc) strcmp);
  m->metadata_props = TAKE_LIST (s, g_hash_table_size (props), Onnx__StringStringEntryProto, onnx__string_string_entry_proto__init);
  for (GList *k = keys; k; k = k->next) {
    char **field = NULL;
    for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
      if (strcmp (fields[i].key, k->data) == 0)
        field = fields[i].field;
    if (field == NULL) {
      m->metadata_props[m->n_metadata_props]->key = k->data;
      field = &m->metadata_props[m->n_metadata_props++]->value;
    }
    *field = g_hash_table_lookup (props, k->data);
  }
}

/* --- the file --------------------------------------------------------- */

/* Protobuf gives a few bytes at a time. */
typedef struct {
  ProtobufCBuffer base;
  ConvoyReplace file;
  gsize n;
  guint8 held[1 << 16];
} FileBuffer;

static void
file_append (ProtobufCBuffer *base, size_t n, const uint8_t *data)
{
  FileBuffer *b = (FileBuffer *) base;
  if (b->n + n > sizeof b->held) {
    convoy_replace_write (&b->file, b->held, b->n);
    b->n = 0;
  }
  if (n > sizeof b->held) {
    convoy_replace_write (&b->file, data, n);
    return;
  }
  memcpy (b->held + b->n, data, n);
  b->n += n;
}

static gboolean
write_model (const char *path, const ProtobufCMessage *m, GError **error)
{
  g_autofree FileBuffer *b = g_new (FileBuffer, 1);
  b->base.append = file_append;
  b->n = 0;
  if (!convoy_replace_begin (&b->file, path, error))
    return FALSE;
  protobuf_c_message_pack_to_buffer (m, &b->base);
  convoy_replace_write (&b->file, b->held, b->n);
  return convoy_replace_end (&b->file, error);
}

/* g, or g bound to some size, so that the type of every output is known. */
static ConvoyGraph *
typed_graph (const ConvoyGraph *g, GError **error)
{
  static const gint64 sizes[] = { 1, 32, 224, 512 };    /* a network with an open picture size takes one of these */
  gboolean known = TRUE;
  for (guint i = 0; i < g->outputs->len; i++)
    known = known && convoy_graph_shape (g, convoy_graph_get_output (g, i));
  if (known)
    return convoy_graph_ref ((ConvoyGraph *) g);
  g_autofree ConvoyShape *shapes = g_new (ConvoyShape, g->inputs->len + 1);
  ConvoyGraph *typed = NULL;
  for (guint i = 0; typed == NULL && i < G_N_ELEMENTS (sizes); i++) {
    for (guint k = 0; k < g->inputs->len; k++) {
      shapes[k] = CONVOY_VAL (g, convoy_graph_get_input (g, k))->shape;
      for (guint d = 0; d < shapes[k].n; d++)
        if (shapes[k].d[d] < 0)
          shapes[k].d[d] = d == 0 ? 1 : sizes[i];
    }
    g_clear_error (error);
    typed = convoy_graph_bind (g, shapes, NULL, error);
  }
  return typed;
}

static Onnx__ModelProto *
save_model (Save *s, GHashTable *props)
{
  Onnx__ModelProto *m = TAKE (s, Onnx__ModelProto, onnx__model_proto__init);
  mark_used (s);
  name_values (s);
  m->n_opset_import = 1;
  m->opset_import = TAKE_LIST (s, 1, Onnx__OperatorSetIdProto, onnx__operator_set_id_proto__init);
  m->opset_import[0]->version = s->g->opset;
  for (guint i = G_N_ELEMENTS (ir_versions); i-- > 0;)
    if (s->g->opset >= ir_versions[i].opset)
      m->ir_version = ir_versions[i].ir;
  m->graph = save_graph (s);
  save_props (s, m, props);
  return m;
}

gboolean
convoy_onnx_save (const char *path, const ConvoyGraph *g, GHashTable *props, GError **error)
{
  g_return_val_if_fail (path != NULL && g != NULL, FALSE);
  GError *why = NULL;
  gboolean ok = FALSE;
  Save s = { .g = g, .typed = typed_graph (g, &why), .pool = g_ptr_array_new_with_free_func (g_free), .taken = g_hash_table_new (g_str_hash, g_str_equal) };
  if (s.typed != NULL) {
    Onnx__ModelProto *m = save_model (&s, props);
    gsize size = protobuf_c_message_get_packed_size (&m->base);
    if (size > G_MAXINT32)
      convoy_onnx_fail (&why, CONVOY_ERROR_UNSUPPORTED, "cannot write: %zu bytes, an ONNX file holds no more than %d", size, G_MAXINT32);
    else
      ok = write_model (path, &m->base, error);
  }
  g_ptr_array_unref (s.pool);
  g_hash_table_unref (s.taken);
  convoy_graph_unref ((ConvoyGraph *) s.typed);
  convoy_onnx_blame (&why, path);
  if (why)
    g_propagate_error (error, why);
  return ok;
}
