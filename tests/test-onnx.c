/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-onnx.c - ONNX files that must load, with data in all its places; a round trip; and what a
 * failed save leaves behind. */
#include "tests/onnx-maker.h"
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* The output of g for one float input; NULL and a failed check where it does not run. */
static ConvoyTensor *
run (const ConvoyGraph *g, ConvoyTensor *in)
{
  g_autoptr (GError) error = NULL;
  ConvoyShape s = *convoy_tensor_shape (in);
  ConvoyGraph *bound = convoy_graph_bind (g, &s, NULL, &error);
  ConvoyPlan *p = bound ? convoy_plan_new (bound, NULL, &error) : NULL;
  ConvoyExec *x = p ? convoy_exec_new (p, &error) : NULL;
  ConvoyTensor *out = NULL;
  if (x && convoy_exec_set (x, 0, in, &error) && convoy_exec_run (x, &error)) {
    const ConvoyTensor *y = convoy_exec_output (x, 0);
    out = convoy_tensor_new (convoy_tensor_type (y), convoy_tensor_shape (y), NULL);
    memcpy (convoy_tensor_data (out), convoy_tensor_data (y), convoy_tensor_count (y) * convoy_type_size (convoy_tensor_type (y)));
  }
  if (error)
    printf ("# %s\n", error->message);
  CU_ASSERT_PTR_NOT_NULL (out);
  convoy_exec_free (x);
  convoy_plan_unref (p);
  convoy_graph_unref (bound);
  return out;
}

static ConvoyTensor *
ramp (const ConvoyShape *s)
{
  ConvoyTensor *t = convoy_tensor_new (CONVOY_F32, s, NULL);
  for (gint64 i = 0; i < convoy_tensor_count (t); i++)
    ((float *) convoy_tensor_data (t))[i] = (float) (i % 17) / 4 - 2;
  return t;
}

/* The adder at path, run on 1 2 3, must give want. */
static void
check_sum (const char *path, const float want[3])
{
  g_autoptr (GError) error = NULL;
  ConvoyGraph *g = convoy_onnx_load (path, NULL, &error);
  if (error)
    printf ("# %s\n", error->message);
  CU_ASSERT_PTR_NOT_NULL (g);
  if (g == NULL)
    return;
  g_autoptr (ConvoyTensor) x = convoy_tensor_new (CONVOY_F32, &CONVOY_SHAPE (3), NULL);
  memcpy (convoy_tensor_data (x), (float[]) { 1, 2, 3 }, 3 * sizeof (float));
  g_autoptr (ConvoyTensor) y = run (g, x);
  CU_ASSERT (y && memcmp (convoy_tensor_data (y), want, 3 * sizeof (float)) == 0);
  convoy_graph_unref (g);
}

/* --- where data can be ------------------------------------------------ */

static void
test_typed_data (void)
{
  const struct { gint32 type; ConvoyType as; guint8 bytes[16]; } cases[] = {        /* -1 or 1, then 2 */
    { ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, CONVOY_F32, { 0, 0, 0x80, 0xbf, 0, 0, 0, 0x40 } },
    { ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE, CONVOY_F64, { 0, 0, 0, 0, 0, 0, 0xf0, 0xbf, 0, 0, 0, 0, 0, 0, 0, 0x40 } },
    { ONNX__TENSOR_PROTO__DATA_TYPE__INT64, CONVOY_I64, { 255, 255, 255, 255, 255, 255, 255, 255, 2 } },
    { ONNX__TENSOR_PROTO__DATA_TYPE__INT32, CONVOY_I32, { 255, 255, 255, 255, 2 } },
    { ONNX__TENSOR_PROTO__DATA_TYPE__INT8, CONVOY_I8, { 255, 2 } },
    { ONNX__TENSOR_PROTO__DATA_TYPE__UINT8, CONVOY_U8, { 1, 2 } },
    { ONNX__TENSOR_PROTO__DATA_TYPE__BOOL, CONVOY_BOOL, { 1, 0 } },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    for (guint raw = 0; raw < 2; raw++) {
      gsize size = 2 * convoy_type_size (cases[i].as);
      gint32 first = cases[i].bytes[0] == 1 ? 1 : -1, second = cases[i].as == CONVOY_BOOL ? 0 : 2;
      Onnx__TensorProto *t = NEW (Onnx__TensorProto, onnx__tensor_proto__init);
      t->data_type = cases[i].type;
      t->n_dims = 2;
      t->dims = LIST (gint64, 1, 2);
      if (raw)
        t->raw_data = (ProtobufCBinaryData) { size, (guint8 *) cases[i].bytes };
      else if (cases[i].as == CONVOY_F32)
        t->n_float_data = 2, t->float_data = LIST (float, first, second);
      else if (cases[i].as == CONVOY_F64)
        t->n_double_data = 2, t->double_data = LIST (double, first, second);
      else if (cases[i].as == CONVOY_I64)
        t->n_int64_data = 2, t->int64_data = LIST (gint64, first, second);
      else
        t->n_int32_data = 2, t->int32_data = LIST (gint32, first, second);
      g_autoptr (ConvoyTensor) got = convoy_onnx_tensor_load (maker_write ("t.pb", t), NULL);
      CU_ASSERT (got && convoy_tensor_type (got) == cases[i].as && convoy_tensor_shape (got)->n == 2 && memcmp (convoy_tensor_data (got), cases[i].bytes, size) == 0);
    }
}

static Onnx__TensorProto *
external (const char *location, const char *offset, const char *length)
{
  const char *keys[] = { "location", "offset", "length" }, *values[] = { location, offset, length };
  Onnx__TensorProto *t = maker_floats ("w", 3, (float[]) { 0, 0, 0 });
  t->raw_data = (ProtobufCBinaryData) { 0, NULL };
  t->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
  t->external_data = maker_keep (g_new0 (Onnx__StringStringEntryProto *, 3));
  for (guint i = 0; i < 3; i++)
    if (values[i]) {
      Onnx__StringStringEntryProto *e = NEW (Onnx__StringStringEntryProto, onnx__string_string_entry_proto__init);
      e->key = (char *) keys[i];
      e->value = (char *) values[i];
      t->external_data[t->n_external_data++] = e;
    }
  return t;
}

static void
test_external_data (void)
{
  static const float data[4] = { -1, 1, 2, 3 };
  g_autofree char *sub = g_build_filename (maker_folder, "sub", NULL), *outside = g_strdup_printf ("%s.secret", maker_folder), *absolute = g_build_filename (maker_folder, "w.bin", NULL),
                  *link = g_build_filename (maker_folder, "link.bin", NULL), *tree = g_build_filename (maker_folder, "tree", NULL);
  const struct { const char *location, *offset, *length, *says; } cases[] = {
    { "w.bin", "4", "12", NULL },
    { "w.bin", "4", NULL, NULL },
    { "./sub/w.bin", "4", "12", NULL },
    { NULL, "4", "12", "no location" },
    { "", "4", "12", "no location" },
    { "w.bin", "8", "12", "has 16 bytes" },
    { "w.bin", "1000", "12", "has 16 bytes" },
    { "w.bin", "0", "16", "12 wanted" },
    { "w.bin", NULL, NULL, "12 wanted" },
    { "w.bin", "-4", "12", "no byte count" },
    { "w.bin", "4", "12x", "no byte count" },
    { "../w.bin", "4", "12", "not in the model's folder" },
    { "sub/../../w.bin", "4", "12", "not in the model's folder" },
    { absolute, "4", "12", "not in the model's folder" },
    { "link.bin", "4", "12", "symbolic link" },
    { "tree/w.bin", "4", "12", "external data 'tree/w.bin'" },
    { "missing.bin", "4", "12", "No such file" },
    { "sub", "0", "12", "not a file" },
  };
  g_mkdir (sub, 0777);
  maker_write_bytes ("w.bin", data, sizeof data);
  maker_write_bytes ("sub/w.bin", data, sizeof data);
  CU_ASSERT (g_file_set_contents (outside, (const char *) data, sizeof data, NULL));
  CU_ASSERT (symlink (outside, link) == 0 && symlink (sub, tree) == 0);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    Onnx__ModelProto *m = maker_adder ();
    m->graph->initializer[0] = external (cases[i].location, cases[i].offset, cases[i].length);
    char *path = maker_write ("external.onnx", m);
    if (cases[i].says == NULL)
      check_sum (path, (float[]) { 2, 4, 6 });
    else
      maker_refused (cases[i].location ? cases[i].location : "none", path, cases[i].says);
  }
  g_unlink (outside);
}

static void
test_initializer_is_input (void)
{
  Onnx__ModelProto *m = maker_adder ();
  m->graph->n_input = 2;
  m->graph->input = LIST (Onnx__ValueInfoProto *, maker_value ("w", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 3), m->graph->input[0]);
  check_sum (maker_write ("inputs.onnx", m), (float[]) { 11, 22, 33 });
}

static void
test_constant_nodes (void)
{
  for (guint i = 0; i < 3; i++) {
    Onnx__ModelProto *m = maker_adder ();
    Onnx__NodeProto *c = maker_node ("Constant", "c", NULL, NULL, "w");
    Onnx__AttributeProto *a;
    m->graph->n_initializer = 0;
    if (i == 0) {
      a = maker_add_attr (c, "value", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR);
      a->t = maker_floats ("", 3, (float[]) { 5, 5, 5 });
    } else if (i == 1) {
      a = maker_add_attr (c, "value_floats", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS);
      a->n_floats = 3;
      a->floats = LIST (float, 5, 5, 5);
    } else {
      a = maker_add_attr (c, "value_float", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
      a->f = 5;
    }
    m->graph->n_node = 2;
    m->graph->node = LIST (Onnx__NodeProto *, c, m->graph->node[0]);
    check_sum (maker_write ("constant.onnx", m), (float[]) { 6, 7, 8 });
  }
}

/* 16-bit weights are read where nothing but Cast sees them. */
static void
test_half_weights (void)
{
  static const guint16 half[3] = { 0x3c00, 0xc100, 0x0001 }, bfloat[3] = { 0x3f80, 0xc020, 0x4040 };       /* 1, -2.5, 2^-24; 1, -2.5, 3 */
  for (guint i = 0; i < 2; i++) {
    Onnx__ModelProto *m = maker_adder ();
    Onnx__TensorProto *t = maker_floats ("h", 3, (float[]) { 0, 0, 0 });
    Onnx__NodeProto *cast = maker_node ("Cast", "up", "h", NULL, "w");
    t->data_type = i ? ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16 : ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16;
    t->raw_data = (ProtobufCBinaryData) { 6, (guint8 *) (i ? bfloat : half) };
    maker_add_attr (cast, "to", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT)->i = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    m->graph->initializer[0] = t;
    m->graph->n_node = 2;
    m->graph->node = LIST (Onnx__NodeProto *, cast, m->graph->node[0]);
    check_sum (maker_write ("half.onnx", m), i ? (float[]) { 2, -0.5f, 6 } : (float[]) { 2, -0.5f, 3 + 0x1p-24f });
    m->graph->n_node = 1;
    m->graph->node = LIST (Onnx__NodeProto *, maker_node ("Add", "sum", "x", "h", "y"));
    maker_refused ("half", maker_write ("half.onnx", m), "input 1 must be float32 like the first");
  }
}

/* --- writing ---------------------------------------------------------- */

/* Convolution, Relu, Reshape with a constant, Gemm: attributes of most kinds, weights, a constant. */
static ConvoyGraph *
small_network (gint64 batch)
{
  ConvoyGraph *g = convoy_graph_new (13);
  g_autoptr (ConvoyTensor) w = ramp (&CONVOY_SHAPE (4, 3, 3, 3)), b = ramp (&CONVOY_SHAPE (4)), d = ramp (&CONVOY_SHAPE (5, 64));
  g_autoptr (ConvoyTensor) target = convoy_tensor_new (CONVOY_I64, &CONVOY_SHAPE (2), NULL);
  memcpy (convoy_tensor_data (target), (gint64[]) { -1, 64 }, 2 * sizeof (gint64));
  ConvoyValue x = convoy_graph_input (g, "image", CONVOY_F32, &CONVOY_SHAPE (batch, 3, 8, 8));
  ConvoyAttrs *conv = convoy_attrs_new (), *gemm = convoy_attrs_new ();
  convoy_attrs_set_ints (conv, "strides", (gint64[]) { 2, 2 }, 2);
  convoy_attrs_set_string (conv, "auto_pad", "SAME_UPPER");
  convoy_attrs_set_int (gemm, "transB", 1);
  convoy_attrs_set_float (gemm, "alpha", 0.5f);
  ConvoyValue in[] = { x, convoy_graph_param (g, "w", w), convoy_graph_param (g, "b", b) };
  ConvoyValue v = convoy_graph_node (g, "Conv", "conv1", in, 3, NULL, 1, conv, NULL);
  v = convoy_graph_node (g, "Relu", NULL, &v, 1, NULL, 1, NULL, NULL);
  v = convoy_graph_node (g, "Reshape", "flat", (ConvoyValue[]) { v, convoy_graph_const (g, "target", target) }, 2, NULL, 1, NULL, NULL);
  v = convoy_graph_node (g, "Gemm", "head", (ConvoyValue[]) { v, convoy_graph_param (g, "dense", d) }, 2, (const char *[]) { "scores" }, 1, gemm, NULL);
  convoy_graph_output (g, v);
  return g;
}

static void
test_round_trip (void)
{
  for (gint64 batch = -1; batch <= 2; batch += 3) {
    g_autoptr (GError) error = NULL;
    g_autoptr (GHashTable) props = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free), back = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
    g_autofree char *path = g_build_filename (maker_folder, "round.onnx", NULL);
    g_hash_table_insert (props, g_strdup ("labels"), g_strdup ("cat\ndog"));
    g_hash_table_insert (props, g_strdup ("doc_string"), g_strdup ("a test"));
    ConvoyGraph *g = small_network (batch);
    CU_ASSERT (convoy_onnx_save (path, g, props, &error));
    ConvoyGraph *h = convoy_onnx_load (path, back, &error);
    if (error)
      printf ("# %s\n", error->message);
    CU_ASSERT_FATAL (h != NULL);
    CU_ASSERT_STRING_EQUAL (g_hash_table_lookup (back, "labels"), "cat\ndog");
    CU_ASSERT_STRING_EQUAL (g_hash_table_lookup (back, "doc_string"), "a test");
    CU_ASSERT_STRING_EQUAL (g_hash_table_lookup (back, "producer_name"), "convoy");
    CU_ASSERT (convoy_graph_find (h, "image") != CONVOY_NONE && convoy_graph_find (h, "conv1") != CONVOY_NONE);
    CU_ASSERT (convoy_params_get (convoy_graph_params (h), "dense") != NULL && convoy_params_get (convoy_graph_params (h), "target") == NULL);
    g_autoptr (ConvoyTensor) in = ramp (&CONVOY_SHAPE (2, 3, 8, 8)), before = run (g, in), after = run (h, in);
    CU_ASSERT (before && after && convoy_shape_equal (convoy_tensor_shape (before), &CONVOY_SHAPE (2, 5)));
    CU_ASSERT (before && after && memcmp (convoy_tensor_data (before), convoy_tensor_data (after), 10 * sizeof (float)) == 0);
    convoy_graph_unref (g);
    convoy_graph_unref (h);
  }
}

static guint
files_in (const char *path)
{
  guint n = 0;
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  while (dir && g_dir_read_name (dir))
    n++;
  return n;
}

/* Where writing fails there is one message, the old file, and nothing beside it. */
static void
test_failed_save (void)
{
  g_autofree char *old = g_build_filename (maker_folder, "old.onnx", NULL), *text = NULL, *nowhere = g_build_filename (maker_folder, "no", "such", "x.onnx", NULL);
  g_autofree char *pipe_path = g_build_filename (maker_folder, "pipe", NULL);
  ConvoyGraph *g = small_network (1);
  maker_write_bytes ("old.onnx", "old", -1);
  CU_ASSERT_EQUAL (mkfifo (pipe_path, 0600), 0);
  guint files = files_in (maker_folder);
  struct stat st;
  struct rlimit limits, small;
  CU_ASSERT (getrlimit (RLIMIT_FSIZE, &limits) == 0);
  small = (struct rlimit) { 1000, limits.rlim_max };
  signal (SIGXFSZ, SIG_IGN);
  setrlimit (RLIMIT_FSIZE, &small);
  const char *const paths[] = { old, nowhere, maker_folder, pipe_path };
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++) {
    g_autoptr (GError) error = NULL;
    if (i == 1)
      setrlimit (RLIMIT_FSIZE, &limits);
    CU_ASSERT_FALSE (convoy_onnx_save (paths[i], g, NULL, &error));
    CU_ASSERT (error && g_str_has_prefix (error->message, paths[i]) && strstr (error->message, "cannot write: "));
  }
  CU_ASSERT (g_file_get_contents (old, &text, NULL, NULL) && strcmp (text, "old") == 0);
  CU_ASSERT (stat (pipe_path, &st) == 0 && S_ISFIFO (st.st_mode));
  CU_ASSERT_EQUAL (files_in (maker_folder), files);
  convoy_graph_unref (g);
}

static const TapTest tests[] = {
  { "data of every type, typed and raw", test_typed_data },
  { "external data stays in the model's folder", test_external_data },
  { "an initializer may be listed as input", test_initializer_is_input },
  { "Constant nodes", test_constant_nodes },
  { "16-bit weights before a Cast", test_half_weights },
  { "saved and loaded it runs the same", test_round_trip },
  { "a failed save leaves the old file", test_failed_save },
  { NULL, NULL },
};

int
main (void)
{
  return maker_main ("onnx", tests);
}
