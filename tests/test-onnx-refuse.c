/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-onnx-refuse.c - ONNX files that must not load, and how that is said. */
#include "tests/onnx-maker.h"
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

static void
test_impostors (void)
{
  static const struct { const char *name, *text, *says; } cases[] = {
    { "empty.onnx", "", "empty" },
    { "lfs.onnx", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 14\n", "Git-LFS pointer" },
    { "page.onnx", "\n<!DOCTYPE html>\n<html><body>Not found</body></html>\n", "HTML page" },
    { "text.onnx", "This is no network at all.\n", "not an ONNX model" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    maker_refused (cases[i].name, maker_write_bytes (cases[i].name, cases[i].text, -1), cases[i].says);
  g_autofree char *missing = g_build_filename (maker_folder, "missing.onnx", NULL);
  maker_refused ("missing", missing, "No such file");
  maker_refused ("folder", maker_folder, "not a file");
}

static void
test_lists_all_operators (void)
{
  Onnx__ModelProto *m = maker_adder ();
  Onnx__NodeProto *foreign = maker_node ("Magic", "m1", "x", NULL, "m");
  foreign->domain = "com.example";
  maker_add_node (m, maker_node ("FooBar", "f1", "x", NULL, "f"));
  maker_add_node (m, maker_node ("FooBar", "f2", "x", NULL, "f_"));
  maker_add_node (m, foreign);
  maker_add_node (m, maker_node ("Relux", "", "x", NULL, "r"));
  maker_refused ("operators", maker_write ("ops.onnx", m), "unsupported operators: FooBar (node f1), com.example.Magic (node m1), Relux (node r)");
}

static void edit_no_graph (Onnx__ModelProto *m) { m->graph = NULL; }
static void edit_no_opset (Onnx__ModelProto *m) { m->n_opset_import = 0; }
static void edit_old (Onnx__ModelProto *m) { m->opset_import[0]->version = 0; }
static void edit_future (Onnx__ModelProto *m) { m->opset_import[0]->version = 1000; }
static void edit_negative (Onnx__ModelProto *m) { m->opset_import[0]->version = -1; }
static void edit_no_outputs (Onnx__ModelProto *m) { m->graph->n_output = 0; }
static void edit_bad_output (Onnx__ModelProto *m) { m->graph->output[0]->name = "z"; }
static void edit_output_type (Onnx__ModelProto *m) { m->graph->output[0]->type->tensor_type->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT64; }
static void edit_input_type (Onnx__ModelProto *m) { m->graph->input[0]->type->tensor_type->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__STRING; }
static void edit_no_shape (Onnx__ModelProto *m) { m->graph->input[0]->type->tensor_type->shape = NULL; }
static void edit_negative_dim (Onnx__ModelProto *m) { m->graph->input[0]->type->tensor_type->shape->dim[0]->dim_value = -3; }
static void edit_dangling (Onnx__ModelProto *m) { m->graph->node[0]->input[0] = "ghost"; }
static void edit_cycle (Onnx__ModelProto *m) { m->graph->node[0]->input[0] = "y"; }
static void edit_missing_input (Onnx__ModelProto *m) { m->graph->node[0]->input[0] = ""; }
static void edit_shadow_input (Onnx__ModelProto *m) { m->graph->node[0]->output[0] = "x"; }
static void edit_shadow_initializer (Onnx__ModelProto *m) { m->graph->node[0]->output[0] = "w"; }
static void edit_duplicate (Onnx__ModelProto *m) { maker_add_node (m, maker_node ("Relu", "again", "x", NULL, "y")); }
static void edit_no_node_output (Onnx__ModelProto *m) { m->graph->node[0]->n_output = 0; }
static void edit_initializer_twice (Onnx__ModelProto *m) { maker_add_initializer (m, maker_floats ("w", 1, (float[]) { 0 })); }
static void edit_short (Onnx__ModelProto *m) { m->graph->initializer[0]->raw_data.len -= 4; }
static void edit_long (Onnx__ModelProto *m) { m->graph->initializer[0]->dims[0] = 2; }
static void edit_huge (Onnx__ModelProto *m) { m->graph->initializer[0]->dims[0] = G_MAXINT64 / 2; }
static void edit_minus (Onnx__ModelProto *m) { m->graph->initializer[0]->dims[0] = -3; }
static void edit_tensor_type (Onnx__ModelProto *m) { m->graph->initializer[0]->data_type = 99; }
static void edit_strings (Onnx__ModelProto *m) { m->graph->initializer[0]->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__STRING; }
static void edit_bad_name (Onnx__ModelProto *m) { m->graph->node[0]->name = "\xff\xfe"; }
static void edit_attr_type (Onnx__ModelProto *m) { maker_add_attr (m->graph->node[0], "axis", 6)->i = 1; }
static void edit_attr_no_type (Onnx__ModelProto *m) { maker_add_attr (m->graph->node[0], "axis", 0)->i = 1; }
static void edit_attr_unknown (Onnx__ModelProto *m) { maker_add_attr (m->graph->node[0], "colour", 2)->i = 1; }
static void edit_attr_ref (Onnx__ModelProto *m) { maker_add_attr (m->graph->node[0], "axis", 2)->ref_attr_name = "outer"; }
static void edit_attr_graph (Onnx__ModelProto *m) { maker_add_attr (m->graph->node[0], "body", 5)->g = NEW (Onnx__GraphProto, onnx__graph_proto__init); }
static void edit_attr_nul (Onnx__ModelProto *m) { maker_add_attr (m->graph->node[0], "mode", 3)->s = (ProtobufCBinaryData) { 3, (guint8 *) "a\0b" }; }
static void edit_empty_constant (Onnx__ModelProto *m) { maker_add_node (m, maker_node ("Constant", "c", NULL, NULL, "k")); }

static void
edit_typed_twice (Onnx__ModelProto *m)
{
  m->graph->initializer[0]->n_float_data = 3;
  m->graph->initializer[0]->float_data = LIST (float, 1, 2, 3);
}

static void
edit_narrow (Onnx__ModelProto *m)
{
  Onnx__TensorProto *t = m->graph->initializer[0];
  t->raw_data.len = 0;
  t->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT8;
  t->n_int32_data = 3;
  t->int32_data = LIST (gint32, 1, 300, 2);
}

static void
edit_sparse (Onnx__ModelProto *m)
{
  Onnx__SparseTensorProto *s = NEW (Onnx__SparseTensorProto, onnx__sparse_tensor_proto__init);
  s->values = maker_floats ("thin", 1, (float[]) { 1 });
  m->graph->n_sparse_initializer = 1;
  m->graph->sparse_initializer = LIST (Onnx__SparseTensorProto *, s);
}

static void
edit_function (Onnx__ModelProto *m)
{
  Onnx__FunctionProto *f = NEW (Onnx__FunctionProto, onnx__function_proto__init);
  f->name = "MyBlock";
  m->n_functions = 1;
  m->functions = LIST (Onnx__FunctionProto *, f);
}

/* sequence (sequence (... of nothing */
static void
nest (Onnx__ModelProto *m, guint depth)
{
  Onnx__TypeProto *t = NEW (Onnx__TypeProto, onnx__type_proto__init);
  for (guint i = 0; i < depth; i++) {
    Onnx__TypeProto *outer = NEW (Onnx__TypeProto, onnx__type_proto__init);
    outer->value_case = ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE;
    outer->sequence_type = NEW (Onnx__TypeProto__Sequence, onnx__type_proto__sequence__init);
    outer->sequence_type->elem_type = t;
    t = outer;
  }
  m->graph->input[0]->type = t;
}

static void edit_sequence (Onnx__ModelProto *m) { nest (m, 1); }
static void edit_deep (Onnx__ModelProto *m) { nest (m, 300); }

static void
test_refusals (void)
{
  static const struct { const char *what; void (*edit) (Onnx__ModelProto *m); const char *says; } cases[] = {
    { "no graph", edit_no_graph, "no graph" },
    { "no opset", edit_no_opset, "no opset import" },
    { "old opset", edit_old, "opset 0" },
    { "future opset", edit_future, "opset 1000" },
    { "negative opset", edit_negative, "opset -1" },
    { "no outputs", edit_no_outputs, "no outputs" },
    { "output that nothing makes", edit_bad_output, "output z" },
    { "type of the output", edit_output_type, "output y: declared as int64, but is float32" },
    { "type of the input", edit_input_type, "input x: element type string" },
    { "input without a rank", edit_no_shape, "input x: " },
    { "input with a negative size", edit_negative_dim, "input x: dimension 0 is -3" },
    { "sequence", edit_sequence, "input x: is not a tensor" },
    { "nested too deep", edit_deep, "nested more than" },
    { "input that nothing makes", edit_dangling, "Add sum: its input ghost" },
    { "cycle", edit_cycle, "Add sum: its input y" },
    { "required input left out", edit_missing_input, "Add sum" },
    { "output called as an input", edit_shadow_input, "its output x is there already" },
    { "output called as an initializer", edit_shadow_initializer, "its output w is an initializer already" },
    { "output made twice", edit_duplicate, "Relu again: its output y" },
    { "node without outputs", edit_no_node_output, "Add sum: it has no output" },
    { "initializer twice", edit_initializer_twice, "initializer w is there twice" },
    { "data cut short", edit_short, "initializer w: 8 bytes of data, 12 wanted" },
    { "data too long", edit_long, "initializer w: 12 bytes of data, 8 wanted" },
    { "huge dimension", edit_huge, "initializer w: " },
    { "negative dimension", edit_minus, "initializer w: dimension 0 is -3" },
    { "unknown element type", edit_tensor_type, "initializer w: element type undefined (99)" },
    { "strings", edit_strings, "initializer w: element type string" },
    { "data twice", edit_typed_twice, "initializer w: data" },
    { "int8 of 300", edit_narrow, "initializer w: element 1 is 300, which is no int8" },
    { "sparse initializer", edit_sparse, "sparse initializers are not supported: thin" },
    { "function", edit_function, "MyBlock" },
    { "name that is no text", edit_bad_name, "no UTF-8" },
    { "attribute of another type", edit_attr_type, "Add sum: attribute axis: " },
    { "attribute without type", edit_attr_no_type, "Add sum: attribute axis: " },
    { "attribute that is unknown", edit_attr_unknown, "attribute colour" },
    { "attribute of a function", edit_attr_ref, "attribute axis: refers to" },
    { "attribute that is a graph", edit_attr_graph, "attribute body: " },
    { "attribute with a NUL", edit_attr_nul, "attribute mode: is no UTF-8" },
    { "Constant without a value", edit_empty_constant, "Constant c: 0 values" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    Onnx__ModelProto *m = maker_adder ();
    cases[i].edit (m);
    maker_refused (cases[i].what, maker_write ("refused.onnx", m), cases[i].says);
  }
}

/* Whatever a few wrong bytes make of a good file, it is loaded or refused. */
static void
test_damaged_bytes (void)
{
  g_autofree char *good = NULL;
  g_autoptr (GRand) random = g_rand_new_with_seed (7);
  gsize n;
  CU_ASSERT (g_file_get_contents (maker_write ("good.onnx", maker_adder ()), &good, &n, NULL));
  g_autofree char *bytes = g_malloc (n), *path = g_build_filename (maker_folder, "damaged.onnx", NULL);
  for (guint round = 0; round < 3000; round++) {
    memcpy (bytes, good, n);
    for (guint k = 0; k <= round % 4; k++)
      bytes[g_rand_int_range (random, 0, n)] = g_rand_int_range (random, 0, 256);
    FILE *file = fopen (path, "wb");
    CU_ASSERT_FATAL (file != NULL);
    fwrite (bytes, 1, round % 5 ? n : (gsize) g_rand_int_range (random, 1, n), file);
    fclose (file);
    g_autoptr (GError) error = NULL;
    ConvoyGraph *g = convoy_onnx_load (path, NULL, &error);
    CU_ASSERT ((g == NULL) == (error != NULL));
    convoy_graph_unref (g);
  }
}

static void
test_long_chain (void)
{
  enum { LENGTH = 100000 };
  Onnx__ModelProto *m = maker_adder ();
  m->graph->n_node = LENGTH;
  m->graph->node = maker_keep (g_new0 (Onnx__NodeProto *, LENGTH));
  for (guint i = 0; i < LENGTH; i++) {
    const char *in = i == 0 ? "x" : m->graph->node[i - 1]->output[0];
    m->graph->node[i] = maker_node ("Identity", "", in, NULL, i + 1 == LENGTH ? "y" : maker_keep (g_strdup_printf ("v%u", i)));
  }
  char *path = maker_write ("chain.onnx", m);
  gint64 start = g_get_monotonic_time ();
  g_autoptr (GError) error = NULL;
  ConvoyGraph *g = convoy_onnx_load (path, NULL, &error);
  CU_ASSERT (g == NULL && strstr (error->message, "100000 nodes") && g_get_monotonic_time () - start < 5 * G_USEC_PER_SEC);
}

static const TapTest tests[] = {
  { "what is no model is named", test_impostors },
  { "unsupported operators are listed at once", test_lists_all_operators },
  { "broken models are refused by name", test_refusals },
  { "damaged bytes never crash", test_damaged_bytes },
  { "a chain of 100000 nodes", test_long_chain },
  { NULL, NULL },
};

int
main (void)
{
  return maker_main ("onnx-refuse", tests);
}
