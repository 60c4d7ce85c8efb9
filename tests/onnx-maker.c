/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * onnx-maker.c - see onnx-maker.h. */
#include "tests/onnx-maker.h"
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

char *maker_folder;
static GPtrArray *pool;

gpointer
maker_keep (gpointer p)
{
  g_ptr_array_add (pool, p);
  return p;
}

Onnx__TensorProto *
maker_floats (const char *name, gsize n, const float *v)
{
  Onnx__TensorProto *t = NEW (Onnx__TensorProto, onnx__tensor_proto__init);
  t->name = (char *) name;
  t->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
  t->n_dims = 1;
  t->dims = LIST (gint64, n);
  t->raw_data = (ProtobufCBinaryData) { n * sizeof *v, maker_keep (g_memdup2 (v, n * sizeof *v)) };
  return t;
}

Onnx__ValueInfoProto *
maker_value (const char *name, gint32 type, gint64 n)
{
  Onnx__ValueInfoProto *v = NEW (Onnx__ValueInfoProto, onnx__value_info_proto__init);
  Onnx__TypeProto__Tensor *t = NEW (Onnx__TypeProto__Tensor, onnx__type_proto__tensor__init);
  Onnx__TensorShapeProto__Dimension *d = NEW (Onnx__TensorShapeProto__Dimension, onnx__tensor_shape_proto__dimension__init);
  v->name = (char *) name;
  v->type = NEW (Onnx__TypeProto, onnx__type_proto__init);
  v->type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
  v->type->tensor_type = t;
  t->elem_type = type;
  t->shape = NEW (Onnx__TensorShapeProto, onnx__tensor_shape_proto__init);
  t->shape->n_dim = 1;
  t->shape->dim = LIST (Onnx__TensorShapeProto__Dimension *, d);
  d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
  d->dim_value = n;
  return v;
}

/* in2 may be NULL. */
Onnx__NodeProto *
maker_node (const char *op, const char *name, const char *in, const char *in2, const char *out)
{
  Onnx__NodeProto *n = NEW (Onnx__NodeProto, onnx__node_proto__init);
  n->op_type = (char *) op;
  n->name = (char *) name;
  n->n_input = in == NULL ? 0 : in2 == NULL ? 1 : 2;
  n->input = LIST (char *, (char *) in, (char *) in2);
  n->n_output = 1;
  n->output = LIST (char *, (char *) out);
  return n;
}

/* list, of n messages, with one more. */
static gpointer
grown (gpointer list, gsize *n, gpointer message)
{
  gpointer *longer = maker_keep (g_new (gpointer, *n + 1));
  for (gsize i = 0; i < *n; i++)
    longer[i] = ((gpointer *) list)[i];
  longer[(*n)++] = message;
  return longer;
}

void
maker_add_node (Onnx__ModelProto *m, Onnx__NodeProto *n)
{
  m->graph->node = grown (m->graph->node, &m->graph->n_node, n);
}

void
maker_add_initializer (Onnx__ModelProto *m, Onnx__TensorProto *t)
{
  m->graph->initializer = grown (m->graph->initializer, &m->graph->n_initializer, t);
}

Onnx__AttributeProto *
maker_add_attr (Onnx__NodeProto *n, const char *name, Onnx__AttributeProto__AttributeType type)
{
  Onnx__AttributeProto *a = NEW (Onnx__AttributeProto, onnx__attribute_proto__init);
  a->name = (char *) name;
  a->type = type;
  n->n_attribute = 1;
  n->attribute = LIST (Onnx__AttributeProto *, a);
  return a;
}

/* x (3) + w (3) = y (3) */
Onnx__ModelProto *
maker_adder (void)
{
  Onnx__ModelProto *m = NEW (Onnx__ModelProto, onnx__model_proto__init);
  Onnx__OperatorSetIdProto *opset = NEW (Onnx__OperatorSetIdProto, onnx__operator_set_id_proto__init);
  m->ir_version = 7;
  m->producer_name = "test";
  opset->version = 13;
  m->n_opset_import = 1;
  m->opset_import = LIST (Onnx__OperatorSetIdProto *, opset);
  m->graph = NEW (Onnx__GraphProto, onnx__graph_proto__init);
  m->graph->name = "g";
  m->graph->n_initializer = m->graph->n_node = m->graph->n_input = m->graph->n_output = 1;
  m->graph->initializer = LIST (Onnx__TensorProto *, maker_floats ("w", 3, (float[]) { 10, 20, 30 }));
  m->graph->input = LIST (Onnx__ValueInfoProto *, maker_value ("x", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 3));
  m->graph->output = LIST (Onnx__ValueInfoProto *, maker_value ("y", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 3));
  m->graph->node = LIST (Onnx__NodeProto *, maker_node ("Add", "sum", "x", "w", "y"));
  return m;
}

char *
maker_write_bytes (const char *name, const void *data, gssize n)
{
  char *path = maker_keep (g_build_filename (maker_folder, name, NULL));
  g_unlink (path);              /* a new file is not synced, an old one would be */
  CU_ASSERT (g_file_set_contents (path, data, n, NULL));
  return path;
}

char *
maker_write (const char *name, gpointer message)
{
  gsize n = protobuf_c_message_get_packed_size (message);
  guint8 *bytes = maker_keep (g_malloc (n + 1));
  protobuf_c_message_pack (message, bytes);
  return maker_write_bytes (name, bytes, n);
}

void
maker_refused (const char *what, const char *path, const char *says)
{
  g_autoptr (GError) error = NULL;
  ConvoyGraph *g = convoy_onnx_load (path, NULL, &error);
  gboolean ok = g == NULL && error && strstr (error->message, says) && g_str_has_prefix (error->message, path) && !strchr (error->message, '\n');
  if (!ok)
    printf ("# %s: %s\n", what, error ? error->message : "loaded");
  CU_ASSERT (ok);
  convoy_graph_unref (g);
}

int
maker_main (const char *suite, const TapTest *tests)
{
  const char *argv[] = { "rm", "-rf", "--", NULL, NULL };
  argv[3] = maker_folder = g_dir_make_tmp ("test-onnx-XXXXXX", NULL);
  pool = g_ptr_array_new_with_free_func (g_free);
  int status = maker_folder ? tap_main (suite, tests) : 99;
  g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
  g_ptr_array_unref (pool);
  g_free (maker_folder);
  return status;
}
