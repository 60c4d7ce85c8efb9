/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * rebatch.c - writes an ONNX network for another batch size, and a network that does nothing but
 * has the same inputs and outputs: `rebatch IN.onnx BATCH OUT.onnx NOTHING.onnx`. */
#include "core/onnx.pb-c.h"
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

G_GNUC_PRINTF (1, 2) G_GNUC_NORETURN
static void
die (const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  fprintf (stderr, "rebatch: %s\n", text);
  exit (1);
}

static void
write_model (const char *path, const Onnx__ModelProto *m)
{
  gsize size = onnx__model_proto__get_packed_size (m);
  g_autofree guint8 *data = g_malloc (size);
  GError *error = NULL;
  onnx__model_proto__pack (m, data);
  if (!g_file_set_contents (path, (const char *) data, (gssize) size, &error))
    die ("%s", error->message);
}

static Onnx__TensorProto *
initializer (const Onnx__GraphProto *g, const char *name)
{
  for (gsize i = 0; i < g->n_initializer; i++)
    if (strcmp (g->initializer[i]->name, name) == 0)
      return g->initializer[i];
  return NULL;
}

/* The constant called name, be it an initializer or made by a Constant node. */
static Onnx__TensorProto *
constant (const Onnx__GraphProto *g, const char *name)
{
  for (gsize i = 0; i < g->n_node; i++) {
    const Onnx__NodeProto *n = g->node[i];
    if (strcmp (n->op_type, "Constant") == 0 && strcmp (n->output[0], name) == 0)
      for (gsize k = 0; k < n->n_attribute; k++)
        if (strcmp (n->attribute[k]->name, "value") == 0)
          return n->attribute[k]->t;
  }
  return initializer (g, name);
}

static Onnx__TensorShapeProto *
shape_of (const Onnx__ValueInfoProto *v)
{
  if (v->type == NULL || v->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE || v->type->tensor_type->shape == NULL
      || v->type->tensor_type->shape->n_dim == 0)
    die ("%s has no shape", v->name);
  return v->type->tensor_type->shape;
}

/* Sets the first dimension; gives what it was, 1 where it was open. */
static gint64
set_batch (const Onnx__ValueInfoProto *v, gint64 batch)
{
  Onnx__TensorShapeProto__Dimension *d = shape_of (v)->dim[0];
  gint64 was = 1;
  if (d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE)
    was = d->dim_value;
  else if (d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM)
    free (d->dim_param);
  d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
  d->dim_value = batch;
  return was;
}

/* A Reshape of what the network computes to a constant shape with the old batch in front. */
static void
follow_reshape (const Onnx__GraphProto *g, const Onnx__NodeProto *n, gint64 was, gint64 batch)
{
  Onnx__TensorProto *t = strcmp (n->op_type, "Reshape") == 0 && n->n_input == 2 && constant (g, n->input[0]) == NULL ? constant (g, n->input[1]) : NULL;
  if (t == NULL || t->n_dims != 1 || t->dims[0] < 2)
    return;
  gint64 first;
  if (t->n_int64_data) {
    if (t->int64_data[0] == was)
      t->int64_data[0] = batch;
  } else if (t->raw_data.len >= sizeof first) {
    memcpy (&first, t->raw_data.data, sizeof first);
    if (first == was)
      memcpy (t->raw_data.data, &batch, sizeof batch);
  }
}

static void
rebatch (Onnx__GraphProto *g, gint64 batch)
{
  gint64 was = 1;
  for (gsize i = 0; i < g->n_input; i++)
    if (initializer (g, g->input[i]->name) == NULL)
      was = set_batch (g->input[i], batch);
  for (gsize i = 0; i < g->n_output; i++)
    set_batch (g->output[i], batch);
  for (gsize i = 0; i < g->n_node; i++)
    follow_reshape (g, g->node[i], was, batch);
  g->base.n_unknown_fields = 0; /* among them the shapes of values between nodes */
}

/* The same inputs; each output is a constant of zeros. */
static void
write_nothing (const char *path, const Onnx__ModelProto *m)
{
  const Onnx__GraphProto *from = m->graph;
  Onnx__ModelProto out = *m;
  Onnx__GraphProto g = ONNX__GRAPH_PROTO__INIT;
  g_autoptr (GPtrArray) inputs = g_ptr_array_new (), nodes = g_ptr_array_new (), zeros = g_ptr_array_new ();
  for (gsize i = 0; i < from->n_input; i++)
    if (initializer (from, from->input[i]->name) == NULL)
      g_ptr_array_add (inputs, from->input[i]);
  for (gsize i = 0; i < from->n_output; i++) {
    const Onnx__TensorShapeProto *s = shape_of (from->output[i]);
    Onnx__TensorProto *t = g_new (Onnx__TensorProto, 1);
    Onnx__NodeProto *n = g_new (Onnx__NodeProto, 1);
    onnx__tensor_proto__init (t);
    onnx__node_proto__init (n);
    t->name = g_strdup_printf ("zeros_%" G_GSIZE_FORMAT, i);
    t->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    t->dims = g_new (gint64, s->n_dim);
    t->raw_data.len = sizeof (float);
    for (t->n_dims = 0; t->n_dims < s->n_dim; t->n_dims++) {
      t->dims[t->n_dims] = s->dim[t->n_dims]->dim_value;
      t->raw_data.len *= (gsize) t->dims[t->n_dims];
    }
    if (t->raw_data.len == 0)
      die ("%s: output %s leaves a size open", path, from->output[i]->name);
    t->raw_data.data = g_malloc0 (t->raw_data.len);
    n->op_type = (char *) "Identity";
    n->n_input = n->n_output = 1;
    n->input = g_memdup2 (&t->name, sizeof (char *));
    n->output = &from->output[i]->name;
    g_ptr_array_add (zeros, t);
    g_ptr_array_add (nodes, n);
  }
  g.name = (char *) "nothing";
  g.n_input = inputs->len, g.input = (Onnx__ValueInfoProto **) inputs->pdata;
  g.n_output = from->n_output, g.output = from->output;
  g.n_node = nodes->len, g.node = (Onnx__NodeProto **) nodes->pdata;
  g.n_initializer = zeros->len, g.initializer = (Onnx__TensorProto **) zeros->pdata;
  out.graph = &g;
  write_model (path, &out);     /* what was made for it goes with the program */
}

int
main (int argc, char **argv)
{
  GError *error = NULL;
  g_autofree char *data = NULL;
  gsize size;
  guint64 batch;
  if (argc != 5 || !g_ascii_string_to_unsigned (argv[2], 10, 1, 4096, &batch, NULL))
    die ("usage: rebatch IN.onnx BATCH OUT.onnx NOTHING.onnx");
  if (!g_file_get_contents (argv[1], &data, &size, &error))
    die ("%s", error->message);
  Onnx__ModelProto *m = onnx__model_proto__unpack (NULL, size, (const guint8 *) data);
  if (m == NULL || m->graph == NULL)
    die ("%s: no ONNX file", argv[1]);
  rebatch (m->graph, (gint64) batch);
  write_model (argv[3], m);
  write_nothing (argv[4], m);
  onnx__model_proto__free_unpacked (m, NULL);
  return 0;
}
