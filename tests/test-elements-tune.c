/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-elements-tune.c - cnnhead learns on with a trained network: what is frozen stays bit-identical in the
 * saved file, be it before the cut or BatchNormalization, and what is not changes. */
#include "core/convoy.h"
#include "core/onnx.pb-c.h"
#include "tests/element-set.h"
#include "tests/element-tools.h"
#include "tests/temp-files.h"
#include <math.h>
#include <string.h>
#include <unistd.h>

/* --- the weights of a file ------------------------------------------------- */

typedef struct {
  const void *data;
  gsize size;
} Bytes;

typedef struct {
  Onnx__ModelProto *file;
  GPtrArray *norms, *convs; /* Onnx__NodeProto, in their order */
} Weights;

static Weights
weights_read (const char *path)
{
  Weights w = { .norms = g_ptr_array_new (), .convs = g_ptr_array_new () };
  g_autofree char *data = NULL;
  gsize size = 0;
  CU_ASSERT_FATAL (g_file_get_contents (path, &data, &size, NULL));
  w.file = onnx__model_proto__unpack (NULL, size, (const guint8 *) data);
  CU_ASSERT_FATAL (w.file != NULL && w.file->graph != NULL);
  for (gsize i = 0; i < w.file->graph->n_node; i++) {
    Onnx__NodeProto *n = w.file->graph->node[i];
    if (strcmp (n->op_type, "BatchNormalization") == 0)
      g_ptr_array_add (w.norms, n);
    else if (strcmp (n->op_type, "Conv") == 0)
      g_ptr_array_add (w.convs, n);
  }
  return w;
}

static void
weights_clear (Weights *w)
{
  g_ptr_array_unref (w->norms);
  g_ptr_array_unref (w->convs);
  onnx__model_proto__free_unpacked (w->file, NULL);
}

/* Input i of a node. */
static Bytes
weight (const Weights *w, const Onnx__NodeProto *n, guint i)
{
  Onnx__GraphProto *g = w->file->graph;
  for (gsize k = 0; i < n->n_input && k < g->n_initializer; k++)
    if (strcmp (g->initializer[k]->name, n->input[i]) == 0) {
      Onnx__TensorProto *t = g->initializer[k];
      return t->n_float_data ? (Bytes) { t->float_data, t->n_float_data * sizeof (float) }
                             : (Bytes) { t->raw_data.data, t->raw_data.len };
    }
  CU_FAIL ("an input that is no weight");
  return (Bytes) { NULL, 0 };
}

static gboolean
same (const Weights *a, const Weights *b, const Onnx__NodeProto *n, const Onnx__NodeProto *m, guint i)
{
  Bytes x = weight (a, n, i), y = weight (b, m, i);
  CU_ASSERT_EQUAL (x.size, y.size);
  return x.size == y.size && memcmp (x.data, y.data, x.size) == 0;
}

/* How many of them come up to the layer, which is the name of a node or of what it gives. */
static guint
count_up_to (const Weights *w, const GPtrArray *nodes, const char *layer)
{
  guint found = 0;
  for (gsize i = 0; layer && i < w->file->graph->n_node; i++) {
    Onnx__NodeProto *n = w->file->graph->node[i];
    found += found < nodes->len && nodes->pdata[found] == n;
    if (strcmp (n->name, layer) == 0 || strcmp (n->output[0], layer) == 0)
      return found;
  }
  CU_ASSERT_PTR_NULL (layer);
  return found;
}

/* --- training ---------------------------------------------------------------- */

typedef struct {
  const char *model, *cut; /* cut NULL: all of it learns, from pictures */
  gboolean freeze; /* its BatchNormalization */
} Case;

static const char *
tune (const Case *c)
{
  const char *out = temp_path ("tuned.onnx");
  g_autofree char *extract = c->cut ? g_strdup_printf ("! cnnextract model=%s mean=127.5 std=127.5 layer=%s ", c->model, c->cut)
                                    : g_strdup ("");
  g_autofree char *from = c->cut ? g_strdup_printf ("from-layer=%s", c->cut) : g_strdup ("");
  Run r;
  run_pipeline (&r,
      SET_SOURCE
      "split=train epochs=2 %s! cnnhead training=true model=%s %s layers=\"globalavgpool ! dense units=2 activation=softmax\" "
      "freeze-batchnorm=%s batch-size=40 learning-rate=0.0005 save=%s ! fakesink name=sink",
      make_set (), extract, c->model, from, c->freeze ? "true" : "false", out);
  if (r.error)
    printf ("# %s\n", r.error);
  CU_ASSERT (r.eos && r.n_errors == 0);
  run_clear (&r);
  return out;
}

/* The four of BatchNormalization (scale, shift, mean, variance) and the kernels of convolutions, one by one. */
static void
check (const Case *c)
{
  Weights before = weights_read (c->model), after = weights_read (tune (c));
  CU_ASSERT_FATAL (after.norms->len == before.norms->len && after.convs->len > 0 && after.convs->len <= before.convs->len);
  guint norms = count_up_to (&before, before.norms, c->cut), convs = count_up_to (&before, before.convs, c->cut);
  CU_ASSERT (norms < before.norms->len && convs < after.convs->len && (!c->cut || (norms > 0 && convs > 0)));
  guint wrong = 0;
  for (guint k = 0; k < after.norms->len; k++)
    for (guint i = 1; i < 5; i++)
      wrong += same (&before, &after, before.norms->pdata[k], after.norms->pdata[k], i) != (k < norms || c->freeze);
  CU_ASSERT_EQUAL (wrong, 0);
  for (guint k = 0; k < after.convs->len; k++)
    wrong += same (&before, &after, before.convs->pdata[k], after.convs->pdata[k], 1) != (k < convs);
  CU_ASSERT_EQUAL (wrong, 0);
  if (wrong)
    printf ("# %s from %s, %s: %u of %u + %u weights\n", c->model, c->cut ? c->cut : "its input",
        c->freeze ? "frozen" : "not frozen", wrong, 4 * after.norms->len, after.convs->len);
  weights_clear (&before);
  weights_clear (&after);
}

static void
check_all (const char *model, const char *cut)
{
  const Case cases[] = { { model, cut, TRUE }, { model, cut, FALSE }, { model, NULL, TRUE }, { model, NULL, FALSE } };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    check (&cases[i]);
}

/* --- networks ------------------------------------------------------------------ */

#define MEAN "[model]\nmean=127.5\nstd=127.5\n"

/* A network of our own making, which sees the pictures in BatchNormalization and ends in a map of one pixel. */
static const char *
make_network (void)
{
  const char *text =
      "batchnorm momentum=0.75 name=first ! conv2d filters=4 kernel=3 padding=same name=one ! batchnorm name=second ! activation "
      "activation=relu name=cut ! "
      "conv2d filters=6 kernel=32 name=two ! batchnorm name=third ! activation activation=relu ! globalavgpool ! dense units=3";
  GError *error = NULL;
  ConvoyGraph *g = convoy_net_parse (text, "tuned", &CONVOY_SHAPE (1, 3, 32, 32), NULL, 1, &error);
  g_assert_no_error (error);
  temp_write ("own.ini", MEAN, -1);
  CU_ASSERT (convoy_onnx_save (temp_path ("own.onnx"), g, NULL, NULL));
  convoy_graph_unref (g);
  return temp_path ("own.onnx");
}

static void
own (void)
{
  check_all (make_network (), "cut");
}

/* One step on all pictures: what is kept of the old mean and the old variance, 0 and 1, is a momentum of each,
 * and the rest comes from the pictures. */
static void
own_statistics (void)
{
  const char *model = make_network (), *out = temp_path ("step.onnx");
  g_autofree char *file = g_build_filename (make_set (), "data_batch_1.bin", NULL), *rows = NULL;
  double sum[3] = { 0 }, squares[3] = { 0 };
  gsize size;
  Run r;
  run_pipeline (&r,
      SET_SOURCE "split=train ! cnnhead training=true model=%s layers=\"globalavgpool ! dense units=2 activation=softmax\" "
                 "batch-size=%u save=%s "
                 "! fakesink name=sink",
      make_set (), model, SET_N, out);
  CU_ASSERT (r.eos && r.n_errors == 0);
  run_clear (&r);
  CU_ASSERT_FATAL (g_file_get_contents (file, &rows, &size, NULL) && size == SET_N * 3073);
  for (guint i = 0; i < size; i++)
    if (i % 3073) {
      double x = ((guint8) rows[i] - 127.5) / 127.5;
      sum[(i % 3073 - 1) / 1024] += x;
      squares[(i % 3073 - 1) / 1024] += x * x;
    }
  Weights w = weights_read (out);
  const float *mean = weight (&w, w.norms->pdata[0], 3).data, *var = weight (&w, w.norms->pdata[0], 4).data;
  for (guint c = 0; c < 3; c++) {
    double m = sum[c] / SET_N / 1024, v = squares[c] / SET_N / 1024 - m * m;
    CU_ASSERT (fabs (mean[c] - 0.25 * m) < 1e-5 && fabs (var[c] - (0.75 + 0.25 * v)) < 1e-5);
  }
  weights_clear (&w);
}

/* Cut behind the last map, layers go on from the cut, and all that the network itself learnt stays. */
static void
own_features (void)
{
  const char *model = make_network (), *out = temp_path ("features.onnx");
  Run r;
  run_pipeline (&r,
      SET_SOURCE "split=train ! cnnextract model=%s layer=features ! cnnhead training=true model=%s from-layer=features "
                 "layers=\"flatten ! dense units=2 activation=softmax\" save=%s ! fakesink name=sink",
      make_set (), model, model, out);
  CU_ASSERT (r.eos && r.n_errors == 0);
  run_clear (&r);
  Weights before = weights_read (model), after = weights_read (out);
  CU_ASSERT_FATAL (after.norms->len == before.norms->len && after.convs->len == before.convs->len);
  for (guint k = 0; k < after.convs->len; k++)
    CU_ASSERT (same (&before, &after, before.convs->pdata[k], after.convs->pdata[k], 1));
  weights_clear (&before);
  weights_clear (&after);
}

/* A trained network, where it is there, beside a file that says how pictures enter. */
static void
imported (const char *name, const char *cut)
{
  g_autofree char *onnx = g_strconcat (name, ".onnx", NULL), *ini = g_strconcat (name, ".ini", NULL), *relative = g_build_filename ("models", onnx, NULL);
  const char *there = tap_shared (relative);
  if (!there)
    return;
  g_autofree char *path = g_canonicalize_filename (there, NULL);
  temp_write (ini, MEAN, -1);
  CU_ASSERT (symlink (path, temp_path (onnx)) == 0);
  check_all (temp_path (onnx), cut);
}

static void
mobilenet_v1 (void)
{
  imported ("mobilenet-v1-0.25-224-bn", "Clip_66");
}

static void
mobilenet_v2 (void)
{
  imported ("mobilenet-v2-0.35-224-bn-notop", "Clip_144");
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    { "a small network: what is frozen stays, what learns changes", own },
    { "statistics are those of the pictures", own_statistics },
    { "layers behind the features", own_features },
    { "MobileNet v1 0.25, with BatchNormalization apart", mobilenet_v1 },
    { "MobileNet v2 0.35, with BatchNormalization apart", mobilenet_v2 },
    { NULL, NULL },
  };
  gst_init (&argc, &argv);
  return temp_main ("elements-tune", tests);
}
