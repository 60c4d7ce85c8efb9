/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-model.c - what a model file and its sidecar say of pictures and labels, plans kept, and the
 * rows of a summary. */
#include "core/convoy.h"
#include "tests/temp-files.h"
#include <string.h>

static ConvoyTensor *
zeros (const ConvoyShape *s)
{
  ConvoyTensor *t = convoy_tensor_new (CONVOY_F32, s, NULL);
  memset (convoy_tensor_data (t), 0, (gsize) convoy_tensor_count (t) * sizeof (float));
  return t;
}

static ConvoyValue
weight (ConvoyGraph *g, const char *name, ConvoyShape s)
{
  g_autoptr (ConvoyTensor) t = zeros (&s);
  return convoy_graph_param (g, name, t);
}

static ConvoyValue
node (ConvoyGraph *g, const char *op, const char *name, const ConvoyValue *in, guint n_in, ConvoyAttrs *attrs)
{
  GError *error = NULL;
  ConvoyValue v = convoy_graph_node (g, op, name, in, n_in, NULL, 1, attrs, &error);
  g_assert_no_error (error);
  return v;
}

/* Writes the graph, and gives the path. */
static const char *
save (const char *name, ConvoyGraph *g, GHashTable *props)
{
  const char *path = temp_path (name);
  GError *error = NULL;
  convoy_onnx_save (path, g, props, &error);
  g_assert_no_error (error);
  convoy_graph_unref (g);
  return path;
}

/* Pictures of this shape -> the mean of each channel, three classes -> op (NULL: none). */
static ConvoyGraph *
averages (ConvoyShape shape, const char *op)
{
  ConvoyGraph *g = convoy_graph_new (13);
  ConvoyValue v = convoy_graph_input (g, "picture", CONVOY_F32, &shape);
  v = node (g, "GlobalAveragePool", "pool", &v, 1, NULL);
  if (op)
    v = node (g, op, NULL, &v, 1, NULL);
  convoy_graph_output (g, node (g, "Flatten", "flat", &v, 1, NULL));
  return g;
}

/* Like averages (), for pictures whose channels come last. */
static ConvoyGraph *
averages_last (ConvoyShape shape)
{
  ConvoyGraph *g = convoy_graph_new (13);
  ConvoyAttrs *attrs = convoy_attrs_new ();
  ConvoyValue v = convoy_graph_input (g, "picture", CONVOY_F32, &shape);
  convoy_attrs_set_ints (attrs, "perm", (gint64[]) { 0, 3, 1, 2 }, 4);
  v = node (g, "Transpose", NULL, &v, 1, attrs);
  v = node (g, "GlobalAveragePool", "pool", &v, 1, NULL);
  convoy_graph_output (g, node (g, "Flatten", NULL, &v, 1, NULL));
  return g;
}

static GHashTable *
props_new (const char *const *pairs)
{
  GHashTable *props = g_hash_table_new (g_str_hash, g_str_equal);
  for (; pairs && *pairs; pairs += 2)
    g_hash_table_insert (props, (char *) pairs[0], (char *) pairs[1]);
  return props;
}

/* A model called name.onnx with these metadata and this sidecar (NULL: none). */
static const char *
make (const char *name, ConvoyGraph *g, const char *const *pairs, const char *sidecar)
{
  g_autofree char *onnx = g_strconcat (name, ".onnx", NULL), *ini = g_strconcat (name, ".ini", NULL);
  g_autoptr (GHashTable) props = props_new (pairs);
  if (sidecar)
    temp_write (ini, sidecar, -1);
  return save (onnx, g, props);
}

static ConvoyModel *
load (const char *path, const ConvoyModelOptions *o)
{
  GError *error = NULL;
  ConvoyModel *m = convoy_model_new (path, o, &error);
  g_assert_no_error (error);
  return m;
}

static void
check_refused (const char *path, const ConvoyModelOptions *o, const char *says)
{
  GError *error = NULL;
  ConvoyModel *m = convoy_model_new (path, o, &error);
  CU_ASSERT_PTR_NULL (m);
  temp_check_error (error, path, says);
  convoy_model_unref (m);
}

static void
check_no_plan (ConvoyModel *m, guint batch, guint size, const char *upto, const char *says)
{
  GError *error = NULL;
  CU_ASSERT_PTR_NULL (convoy_model_plan (m, batch, size, size, 1, upto, &error));
  temp_check_error (error, ".onnx: ", says);
}

static const ConvoyModelOptions strict = { .need_labels = TRUE, .need_preprocessing = TRUE };

/* --- metadata and sidecar ---------------------------------------------- */

static void
check_color_info (const ConvoyModelInfo *i)
{
  CU_ASSERT_EQUAL (i->width, 10);
  CU_ASSERT_EQUAL (i->height, 8);
  CU_ASSERT_EQUAL (i->channels, 3);
  CU_ASSERT_EQUAL (i->n_classes, 3);
  CU_ASSERT_EQUAL (i->mean[0], 103.5f);
  CU_ASSERT_EQUAL (i->mean[2], 123.25f);
  CU_ASSERT_EQUAL (i->std[0], 58);
  CU_ASSERT_EQUAL (i->std[2], 58);
  CU_ASSERT_TRUE (i->bgr);
  CU_ASSERT_EQUAL (i->resize, CONVOY_RESIZE_CROP);
  CU_ASSERT_EQUAL (i->resize_short, 12);
  CU_ASSERT_STRING_EQUAL (i->labels[0], "tench, Tinca tinca");
  CU_ASSERT_STRING_EQUAL (i->labels[1], "n1 is no synset");
  CU_ASSERT_STRING_EQUAL (i->labels[2], "blue");
  CU_ASSERT_PTR_NULL (i->labels[3]);
}

#define FACTS "task=classification\ninput=10x8x3\ncolor=bgr\nmean=103.5, 116.5, 123.25\nstd=58\nresize=crop 12\n"
#define LABELS "n01440764 tench, Tinca tinca\nn1 is no synset\nblue"

static void
metadata (void)
{
  static const char *const pairs[] = { "task", "classification", "input", "10x8x3", "color", "bgr", "mean", "103.5 116.5  123.25", "std", "58",
    "resize", "crop 12", "labels", LABELS, "author", "somebody", NULL };
  ConvoyModel *m = load (make ("meta", averages (CONVOY_SHAPE (1, 3, 8, 10), NULL), pairs, NULL), &strict);
  check_color_info (convoy_model_info (m));
  CU_ASSERT_FALSE (convoy_model_info (m)->is_probability);
  convoy_model_unref (m);
}

static void
sidecar (void)
{
  temp_write ("side/names.txt", "\xef\xbb\xbf" "n01440764 tench, Tinca tinca\r\nn1 is no synset\r\nblue\r\n\r\n", -1);
  ConvoyModel *m = load (make ("side/a", averages (CONVOY_SHAPE (-1, 3, -1, -1), "Softmax"), NULL, "[model]\n" FACTS "labels=names.txt\n"), &strict);
  check_color_info (convoy_model_info (m));
  CU_ASSERT_TRUE (convoy_model_info (m)->is_probability);
  convoy_model_unref (m);
}

/* Each says a part; what both say is the same in other words. */
static void
both (void)
{
  static const char *const pairs[] = { "mean", "103.50,116.5,123.25", "std", "58 58.0 58", "labels", LABELS, NULL };
  temp_write ("both.txt", LABELS "\n", -1);
  ConvoyModel *m = load (make ("both", averages (CONVOY_SHAPE (1, 3, 8, 10), NULL), pairs, "[model]\n" FACTS "labels=both.txt\n"), &strict);
  check_color_info (convoy_model_info (m));
  convoy_model_unref (m);
}

static void
labels_given (void)
{
  static const char *const pairs[] = { "labels", LABELS, NULL };
  ConvoyModelOptions o = { .labels = temp_write ("given.txt", "x\ny\nz\n", -1), .need_labels = TRUE };
  const char *path = make ("given", averages (CONVOY_SHAPE (1, 3, 8, 10), NULL), pairs, NULL);
  ConvoyModel *m = load (path, &o);
  CU_ASSERT_STRING_EQUAL (convoy_model_info (m)->labels[1], "y");
  convoy_model_unref (m);
  o.labels = temp_write ("four.txt", "x\ny\nz\nu\n", -1);
  check_refused (path, &o, "four.txt has 4 labels");
}

static void
channels_last (void)
{
  ConvoyModel *m = load (make ("nhwc", averages_last (CONVOY_SHAPE (1, 8, 10, 3)), NULL, NULL), NULL);
  const ConvoyModelInfo *i = convoy_model_info (m);
  CU_ASSERT_TRUE (i->width == 10 && i->height == 8 && i->channels == 3 && i->n_classes == 3);
  CU_ASSERT_PTR_NULL (i->labels);
  convoy_model_unref (m);
}

/* A network of numbers: no picture, and any batch. */
static void
numbers (void)
{
  GError *error = NULL;
  ConvoyGraph *g = convoy_graph_new (13);
  ConvoyValue in[2] = { convoy_graph_input (g, "x", CONVOY_F32, &CONVOY_SHAPE (1, 4)), weight (g, "w", CONVOY_SHAPE (4, 2)) };
  convoy_graph_output (g, node (g, "MatMul", NULL, in, 2, NULL));
  const char *path = make ("numbers", g, NULL, NULL);
  ConvoyModel *m = load (path, NULL);
  CU_ASSERT_EQUAL (convoy_model_info (m)->channels, 0);
  CU_ASSERT_EQUAL (convoy_model_info (m)->n_classes, 2);
  CU_ASSERT_PTR_NOT_NULL (convoy_model_plan (m, 5, 0, 0, 1, NULL, &error));
  g_assert_no_error (error);
  check_no_plan (m, 1, 8, NULL, "input x of 1x4 takes no picture of 8x8");
  convoy_model_unref (m);
  check_refused (path, &strict, "input x of 1x4 is no picture");
}

/* What texts are made rows with is in the metadata, and must fit. */
static void
texts (void)
{
  static const struct { const char *key, *value, *says; } bad[] = {
    { "length", "5", "length=5, but the network reads 4 words" }, { "length", "many", "length=many is no number from 1 to" },
    { "truncate", "middle", "truncate=middle is not known (head, tail)" }, { "pad", "", "pad= is not known (head, tail)" },
    { "vocabulary", "a\na\n", "vocabulary:2: there before: a" }, { "vocabulary", "", "vocabulary: no word in it" },
    { "vocabulary", "a\nb\nc\nd\n", "7 words in its vocabulary, but 5 rows in its embedding" },
  };
  GError *error = NULL;
  for (guint i = 0; i <= G_N_ELEMENTS (bad); i++) {
    g_autoptr (GHashTable) props = g_hash_table_new (g_str_hash, g_str_equal);
    ConvoyGraph *g = convoy_net_parse ("embedding input-dim=5 output-dim=2 ! globalmaxpool", "texts", &CONVOY_SHAPE (1, 4), NULL, 0, &error);
    const char *path = temp_path ("texts.onnx");
    ConvoyTokenOptions rows;
    g_assert_no_error (error);
    g_hash_table_insert (props, (char *) "vocabulary", (char *) "one\ntwo\n");
    g_hash_table_insert (props, (char *) "pad", (char *) "tail");
    if (i < G_N_ELEMENTS (bad))
      g_hash_table_insert (props, (char *) bad[i].key, (char *) bad[i].value);
    convoy_onnx_save (path, g, props, &error);
    g_assert_no_error (error);
    convoy_graph_unref (g);
    if (i < G_N_ELEMENTS (bad)) {
      check_refused (path, NULL, bad[i].says);
      continue;
    }
    ConvoyModel *m = load (path, NULL);
    CU_ASSERT_EQUAL (convoy_vocabulary_size (convoy_model_vocabulary (m, &rows)), 5);
    CU_ASSERT_TRUE (rows.length == 4 && rows.truncate == CONVOY_TEXT_HEAD && rows.pad == CONVOY_TEXT_TAIL);
    g_autofree char *words = convoy_onnx_metadata (path, "vocabulary"), *none = convoy_onnx_metadata (path, "vocabular");
    CU_ASSERT_STRING_EQUAL (words, "one\ntwo\n");
    CU_ASSERT_PTR_NULL (none);
    convoy_model_unref (m);
  }
  CU_ASSERT_PTR_NULL (convoy_onnx_metadata (temp_write ("no.onnx", "\xff\xff\xff\xff", 4), "vocabulary"));
}

static void
refused (void)
{
  static const struct { const char *key, *value, *sidecar, *says; } bad[] = {
    { NULL, NULL, NULL, "mean is not known: neither its metadata nor" },
    { "mean", "1", NULL, "std is not known" },
    { "task", "detection", NULL, "task=detection is not known" },
    { "input", "224x224x3", NULL, "input=224x224x3, but the network takes 10x8x3" },
    { "input", "10x8x1", NULL, "but the network takes 10x8x3" },
    { "input", "10x8", NULL, "is no WIDTHxHEIGHTxCHANNELS" },
    { "input", "-10x8x3", NULL, "is no WIDTHxHEIGHTxCHANNELS" },
    { "color", "RGBA", NULL, "color=RGBA is not known (rgb, bgr)" },
    { "mean", "1 2", NULL, "mean=1 2 is not one number or 3 of them" },
    { "mean", "1,,2,3", NULL, "is not one number" },
    { "mean", "1 2 3 4", NULL, "is not one number" },
    { "mean", "nan", NULL, "is not one number" },
    { "mean", "", NULL, "is not one number" },
    { "std", "0", NULL, "std=0 is not one positive number" },
    { "resize", "fit", NULL, "resize=fit is not known" },
    { "resize", "crop 7", NULL, "resize=crop 7 is less than the network's picture of 10x8" },
    { "labels", "a\n\nc", NULL, "line 2 of 3 is empty" },
    { "labels", "a\nb", NULL, "of 1x3 has 3 classes, but" },
    { "labels", "a\nb\n", NULL, "has 2 labels" },
    { NULL, NULL, "color=rgb\n", "Key file" },
    { NULL, NULL, "[other]\n", "group [other] is not known" },
    { NULL, NULL, "[model]\nsize=3\n", "refused.ini: key size is not known" },
    { NULL, NULL, "[model]\nmean=0\nstd=1\nlabels=none.txt\n", "none.txt" },
    { "mean", "1 2 3", "[model]\nmean=1\n", "mean is 1 2 3 in its metadata, but 1 in" },
    { "resize", "crop", "[model]\nresize=crop 256\n", "resize is crop in its metadata, but crop 256 in" },
    { "labels", "a\nb\nc", "[model]\nmean=0\nstd=1\nlabels=other.txt\n", "label 1 is b in its metadata, but x in" },
    { NULL, NULL, "[model]\nmean=0\nstd=1\n", "no labels: neither its metadata nor" },
  };
  temp_write ("other.txt", "a\nx\nc\n", -1);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    const char *pairs[] = { bad[i].key, bad[i].value, "author", "somebody", NULL, NULL };
    gboolean plain = bad[i].key == NULL || strcmp (bad[i].key, "labels") != 0 || bad[i].sidecar;
    g_autofree char *ini = g_strdup (bad[i].sidecar ? bad[i].sidecar : plain ? "[model]\n" : "[model]\nmean=0\nstd=1\n");
    const char *path = make ("refused", averages (CONVOY_SHAPE (1, 3, 8, 10), NULL), pairs, ini);
    GError *error = NULL;
    CU_ASSERT_PTR_NULL (convoy_model_new (path, &strict, &error));
    temp_check_error (error, "refused.", bad[i].says);
  }
}

/* Facts about pictures for a network that takes none; labels for what is no row of scores. */
static void
out_of_place (void)
{
  static const char *const facts[] = { "mean", "0", NULL }, *const labels[] = { "labels", "a\nb\nc", NULL };
  ConvoyGraph *g = convoy_graph_new (13);
  ConvoyValue x = convoy_graph_input (g, "x", CONVOY_F32, &CONVOY_SHAPE (1, 4));
  convoy_graph_output (g, node (g, "Relu", NULL, &x, 1, NULL));
  check_refused (make ("facts", g, facts, NULL), NULL, "input x of 1x4 is none");

  g = convoy_graph_new (13);
  x = convoy_graph_input (g, "x", CONVOY_F32, &CONVOY_SHAPE (1, 3, 4, 4));
  convoy_graph_output (g, node (g, "Relu", "out", &x, 1, NULL));
  check_refused (make ("scores", g, labels, NULL), NULL, "1x3x4x4 is no row of scores");
}

/* --- plans ------------------------------------------------------------- */

typedef struct { ConvoyModel *m; ConvoyPlan *got; } Asker;

static gpointer
ask (gpointer p)
{
  Asker *a = p;
  a->got = convoy_model_plan (a->m, 2, 0, 0, 1, NULL, NULL);
  return NULL;
}

static void
plans (void)
{
  GError *error = NULL;
  ConvoyModel *m = load (make ("plans", averages (CONVOY_SHAPE (1, 3, 8, 10), NULL), NULL, NULL), &(ConvoyModelOptions) { .cache_dir = temp_path ("cache") });
  Asker a[6];
  GThread *t[G_N_ELEMENTS (a)];
  for (guint i = 0; i < G_N_ELEMENTS (a); i++) {
    a[i] = (Asker) { m, NULL };
    t[i] = g_thread_new ("ask", ask, &a[i]);
  }
  for (guint i = 0; i < G_N_ELEMENTS (a); i++)
    g_thread_join (t[i]);
  for (guint i = 0; i < G_N_ELEMENTS (a); i++)
    CU_ASSERT_TRUE (a[i].got && a[i].got == a[0].got);
  ConvoyPlan *own = convoy_model_plan (m, 1, 0, 0, 1, NULL, &error), *wide = convoy_model_plan (m, 1, 20, 16, 1, "pool", &error);
  g_assert_no_error (error);
  CU_ASSERT_PTR_EQUAL (convoy_model_plan_soon (m, 1, 0, 0, 1, NULL, NULL), convoy_model_plan_soon (m, 1, 10, 8, 0, NULL, NULL));
  CU_ASSERT_PTR_EQUAL (own, convoy_model_plan (m, 1, 10, 8, 0, NULL, NULL));
  CU_ASSERT_TRUE (own != wide && own != a[0].got);
  const ConvoyGraph *g = convoy_plan_graph (wide);
  CU_ASSERT_TRUE (convoy_shape_equal (convoy_graph_shape (g, convoy_graph_get_input (g, 0)), &CONVOY_SHAPE (1, 3, 16, 20)));
  CU_ASSERT_TRUE (convoy_shape_equal (convoy_graph_shape (g, convoy_graph_get_output (g, 0)), &CONVOY_SHAPE (1, 3, 1, 1)));
  check_no_plan (m, 1, 0, "nowhere", "no layer is called nowhere");
  check_no_plan (m, 0, 0, NULL, "a batch of 0");
  convoy_model_unref (m);
}

/* What is found in the cache is not planned again later; what is not, is. */
static void
plans_from_cache (void)
{
  const char *path = make ("cached", averages (CONVOY_SHAPE (1, 3, 8, 10), NULL), NULL, NULL);
  const ConvoyModelOptions o = { .cache_dir = temp_path ("plans-cache") };
  ConvoyModel *m = load (path, &o);
  ConvoyPlan *early = convoy_model_plan_soon (m, 1, 0, 0, 1, NULL, NULL), *timed = convoy_model_plan (m, 1, 0, 0, 1, NULL, NULL);
  CU_ASSERT_TRUE (early && timed && early != timed);
  CU_ASSERT_PTR_EQUAL (convoy_model_plan_soon (m, 1, 0, 0, 1, NULL, NULL), timed);
  convoy_model_unref (m);
  m = load (path, &o);
  early = convoy_model_plan_soon (m, 1, 0, 0, 1, NULL, NULL);
  CU_ASSERT_PTR_NOT_NULL (early);
  CU_ASSERT_PTR_EQUAL (convoy_model_plan (m, 1, 0, 0, 1, NULL, NULL), early);
  convoy_model_unref (m);
}

static void
open_size (void)
{
  GError *error = NULL;
  ConvoyModel *m = load (make ("open", averages (CONVOY_SHAPE (-1, 3, -1, -1), NULL), NULL, NULL), NULL);
  check_no_plan (m, 1, 0, NULL, "leaves the size of the picture open");
  CU_ASSERT_PTR_NOT_NULL (convoy_model_plan (m, 3, 9, 7, 1, NULL, &error));
  g_assert_no_error (error);
  convoy_model_unref (m);
}

/* --- summary ----------------------------------------------------------- */

/* 1x3x8x8 -> conv of 64 -> normalize -> global mean -> dense of 256 twice with the same weights. */
static ConvoyGraph *
network (void)
{
  ConvoyGraph *g = convoy_graph_new (13);
  ConvoyValue x = convoy_graph_input (g, "x", CONVOY_F32, &CONVOY_SHAPE (1, 3, 8, 8));
  ConvoyValue conv[] = { x, weight (g, "w", CONVOY_SHAPE (64, 3, 3, 3)), weight (g, "b", CONVOY_SHAPE (64)) };
  ConvoyValue norm[5] = { node (g, "Conv", "conv", conv, 3, NULL) };
  static const char *const stats[] = { "scale", "shift", "mean", "variance" };
  for (guint i = 0; i < 4; i++)
    norm[i + 1] = weight (g, stats[i], CONVOY_SHAPE (64));
  x = node (g, "BatchNormalization", "norm", norm, 5, NULL);
  x = node (g, "GlobalAveragePool", "mean", &x, 1, NULL);
  ConvoyValue w = weight (g, "d", CONVOY_SHAPE (64, 64)), b = weight (g, "e", CONVOY_SHAPE (64));
  x = node (g, "Flatten", "flat", &x, 1, NULL);
  x = node (g, "Gemm", "one", (ConvoyValue[]) { x, w, b }, 3, NULL);
  convoy_graph_output (g, node (g, "Gemm", "two", (ConvoyValue[]) { x, w, b }, 3, NULL));
  return g;
}

static void
layers (void)
{
  static const ConvoyLayer want[] = {
    { "conv", "Conv", { 0 }, 1792, 1792, 64 * 6 * 6 * 27, (char *) "(3*3*3+1)*64" },
    { "norm", "BatchNormalization", { 0 }, 256, 128, 64 * 6 * 6, (char *) "4*64" },
    { "mean", "GlobalAveragePool", { 0 }, 0, 0, 0, NULL },
    { "flat", "Flatten", { 0 }, 0, 0, 0, NULL },
    { "one", "Gemm", { 0 }, 65 * 64, 65 * 64, 64 * 64, (char *) "(64+1)*64" },
    { "two", "Gemm", { 0 }, 0, 0, 64 * 64, NULL },
  };
  ConvoyGraph *g = network (), *bound = convoy_graph_bind (g, NULL, NULL, NULL);
  GArray *rows = convoy_graph_layers (bound);
  CU_ASSERT_EQUAL_FATAL (rows->len, G_N_ELEMENTS (want));
  for (guint i = 0; i < rows->len; i++) {
    const ConvoyLayer *l = &g_array_index (rows, ConvoyLayer, i);
    CU_ASSERT_STRING_EQUAL (l->name, want[i].name);
    CU_ASSERT_STRING_EQUAL (l->op, want[i].op);
    CU_ASSERT_TRUE (l->params == want[i].params && l->trainable == want[i].trainable && l->macs == want[i].macs);
    CU_ASSERT_EQUAL (g_strcmp0 (l->formula, want[i].formula), 0);
  }
  CU_ASSERT_TRUE (convoy_shape_equal (&g_array_index (rows, ConvoyLayer, 0).shape, &CONVOY_SHAPE (1, 64, 6, 6)));
  g_array_unref (rows);
  convoy_graph_unref (bound);
  convoy_graph_unref (g);
}

/* A weight kept in 8 bits counts where it is used, and does not learn. */
static void
quantized_layers (void)
{
  ConvoyGraph *g = convoy_graph_new (13);
  g_autoptr (ConvoyTensor) bytes = convoy_tensor_new (CONVOY_I8, &CONVOY_SHAPE (8, 5), NULL);
  g_autoptr (ConvoyTensor) scale = zeros (&(ConvoyShape) { 0 });
  memset (convoy_tensor_data (bytes), 1, 40);
  ConvoyValue x = convoy_graph_input (g, "x", CONVOY_F32, &CONVOY_SHAPE (1, 8));
  ConvoyValue q[] = { convoy_graph_const (g, "q", bytes), convoy_graph_param (g, "s", scale) };
  ConvoyValue w = node (g, "DequantizeLinear", "unpack", q, 2, NULL);
  convoy_graph_output (g, node (g, "MatMul", "dense", (ConvoyValue[]) { x, w }, 2, NULL));
  ConvoyGraph *bound = convoy_graph_bind (g, NULL, NULL, NULL);
  GArray *rows = convoy_graph_layers (bound);
  CU_ASSERT_EQUAL_FATAL (rows->len, 1);
  const ConvoyLayer *l = &g_array_index (rows, ConvoyLayer, 0);
  CU_ASSERT_TRUE (l->params == 40 && l->trainable == 0 && l->macs == 40);
  CU_ASSERT_STRING_EQUAL (l->formula, "(8)*5");
  g_array_unref (rows);
  convoy_graph_unref (bound);
  convoy_graph_unref (g);
}

int
main (void)
{
  static const TapTest tests[] = {
    { "metadata alone", metadata }, { "a sidecar alone", sidecar }, { "both, agreeing", both }, { "labels given", labels_given },
    { "channels last", channels_last }, { "no pictures at all", numbers }, { "texts", texts }, { "what is refused", refused }, { "facts out of place", out_of_place },
    { "plans are kept", plans }, { "plans from the cache", plans_from_cache }, { "picture size left open", open_size },
    { "rows of a summary", layers }, { "8-bit weights in a summary", quantized_layers }, { NULL, NULL },
  };
  return temp_main ("model", tests);
}
