/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-plans.c - what a plan may choose for speed changes no result: a batch in parts, layouts,
 * depthwise convolutions that ride. And no network ends up on oneDNN's reference code, which is a
 * hundred times slower and says nothing. */
#include "core/convoy.h"
#include "tests/temp-files.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define BATCH 6
#define SIDE 40

/* Residual sums, branches that are added or put side by side, strides, a depthwise convolution on a 1x1; from 40x40 down to 5x5. */
static const char network[] =
    "conv2d filters=16 kernel=3 stride=2 padding=same activation=relu name=stem ! "
    "conv2d filters=32 kernel=1 ! batchnorm ! activation relu6 ! depthwise kernel=3 padding=same activation=relu6 name=wide ! "
    "conv2d filters=32 kernel=1 name=narrow ! conv2d filters=32 kernel=3 padding=same activation=relu ! add with=narrow ! "
    "conv2d filters=48 kernel=3 stride=2 padding=same activation=relu name=half ! maxpool pool=2 name=small ! "
    "conv2d filters=16 kernel=1 name=thin ! conv2d filters=32 kernel=1 activation=relu name=left ! "
    "conv2d filters=32 kernel=3 padding=same activation=relu from=thin ! concat with=left,thin ! "
    "conv2d filters=64 kernel=1 activation=relu ! conv2d filters=32 kernel=3 padding=same name=end ! "
    "globalavgpool ! dense units=10 ! softmax";

static void
fill (ConvoyTensor *t, guint32 seed)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (seed);
  float *x = convoy_tensor_data (t);
  for (gint64 i = 0; i < convoy_tensor_count (t); i++)
    x[i] = (float) g_rand_double_range (random, -2, 2);
}

static ConvoyGraph *
bound_network (const ConvoyShape *shape)
{
  g_autoptr (GError) error = NULL;
  ConvoyShape one = CONVOY_SHAPE (1, 3, SIDE, SIDE);
  ConvoyGraph *g = convoy_net_parse (network, NULL, &one, NULL, 1, &error), *b = g ? convoy_graph_bind (g, shape, NULL, &error) : NULL;
  if (error)
    printf ("# %s\n", error->message);
  CU_ASSERT_PTR_NOT_NULL_FATAL (b);
  convoy_graph_unref (g);
  return b;
}

/* Runs plan on x twice, as the second run must not depend on the first; the scores go to y. */
static void
run (ConvoyPlan *plan, const ConvoyTensor *x, float *y)
{
  g_autoptr (GError) error = NULL;
  ConvoyExec *exec = plan ? convoy_exec_new (plan, &error) : NULL;
  CU_ASSERT_PTR_NOT_NULL_FATAL (exec);
  for (guint i = 0; i < 2; i++) {
    CU_ASSERT_TRUE (convoy_exec_set (exec, 0, x, &error));
    CU_ASSERT_TRUE (convoy_exec_run (exec, &error));
  }
  const ConvoyTensor *out = convoy_exec_output (exec, 0);
  memcpy (y, convoy_tensor_data (out), (gsize) convoy_tensor_count (out) * sizeof *y);
  convoy_exec_free (exec);
}

static void keep (gpointer p) { (void) p; }

/* Each sample of x by itself, every node its own step. */
static void
run_singly (ConvoyTensor *x, float *y)
{
  ConvoyShape one = CONVOY_SHAPE (1, 3, SIDE, SIDE);
  ConvoyGraph *b = bound_network (&one);
  ConvoyPlanOptions o = { .no_fuse = TRUE };
  ConvoyPlan *p = convoy_plan_new (b, &o, NULL);
  for (guint i = 0; i < BATCH; i++) {
    float *sample = (float *) convoy_tensor_data (x) + i * 3 * SIDE * SIDE;
    g_autoptr (ConvoyTensor) t = convoy_tensor_new_wrap (CONVOY_F32, &one, sample, keep, NULL);
    run (p, t, y + i * 10);
  }
  convoy_plan_unref (p);
  convoy_graph_unref (b);
}

/* Has the cache file say variant for the one network that it knows. */
static void
choose (const char *cache, const char *variant)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  CU_ASSERT_TRUE_FATAL (g_key_file_load_from_file (file, cache, G_KEY_FILE_NONE, NULL));
  g_auto (GStrv) keys = g_key_file_get_keys (file, "variant", NULL, NULL);
  CU_ASSERT_FATAL (keys && keys[0] && !keys[1]);
  g_key_file_set_value (file, "variant", keys[0], variant);
  CU_ASSERT_TRUE_FATAL (g_key_file_save_to_file (file, cache, NULL));
}

static void
check_variants (guint threads)
{
  static const struct { const char *variant; guint stages;
  } tries[] = {
    { "0;0;0;0;0;0;0", 0 }, { "1;0;0;0;0;0;0", 0 }, { "1;ffffffffffffffff;0;0;0;0;0", 0 }, { "1;2;0;0;0;0;0", 0 },
    { "0;0;0;0;0;1;0", 1 }, { "0;0;0;0;0;3;0", 1 }, { "1;ff;0;0;0;2;0", 1 }, { "0;0;0;0;0;1;19", 2 }, { "0;0;0;0;0;1;9", 2 },
    { "1;0;0;0;0;2;4", 2 }, { "1;ff;0;0;0;1;4", 2 }, { "1;4;0;0;0;3;19", 2 }, { "1;0;ffffffffffffffff;0;0;0;0", 0 },
    { "0;0;ffffffffffffffff;0;0;0;0", 0 }, { "1;4;ff;0;0;1;0", 1 }, { "1;0;ff;0;0;3;9", 2 }, { "1;0;0;ffffffffffffffff;0;0;0", 0 },
    { "1;0;0;0;ffffffffffffffff;0;0", 0 }, { "0;0;0;aa;55;0;0", 0 }, { "1;ff;0;55;aa;1;9", 2 },
    { "1;0;ff;0;ffffffffffffffff;2;4", 2 }, { "0;0;0;0;0;4;0", 0 }, { "0;0;0;0;0;1;1000", 0 },
    { "nonsense", 0 }, /* what does not fit is passed over */
  };
  ConvoyShape shape = CONVOY_SHAPE (BATCH, 3, SIDE, SIDE);
  g_autoptr (ConvoyTensor) x = convoy_tensor_new (CONVOY_F32, &shape, NULL);
  ConvoyGraph *b = bound_network (&shape);
  g_autofree char *name = g_strdup_printf ("timings-%u.ini", threads);
  ConvoyPlanOptions o = { .threads = threads, .cache = temp_path (name) };
  float want[BATCH * 10], have[BATCH * 10];
  fill (x, 1);
  run_singly (x, want);
  convoy_plan_unref (convoy_plan_new (b, &o, NULL));    /* writes the file */
  for (guint i = 0; i < G_N_ELEMENTS (tries); i++) {
    choose (o.cache, tries[i].variant);
    ConvoyPlan *p = convoy_plan_new (b, &o, NULL);
    g_autofree char *text = convoy_plan_dump (p);
    gboolean known = i + 1 < G_N_ELEMENTS (tries);      /* nonsense is timed afresh, with any outcome */
    CU_ASSERT (!known || (strstr (text, "stage 1") != NULL) == (tries[i].stages >= 1));
    CU_ASSERT (!known || (strstr (text, "stage 2") != NULL) == (tries[i].stages == 2));
    memset (have, 0, sizeof have);
    run (p, x, have);
    for (guint k = 0; k < BATCH * 10; k++)
      CU_ASSERT (fabsf (have[k] - want[k]) < 1e-5f);
    convoy_plan_unref (p);
  }
  convoy_graph_unref (b);
}

static void test_variants (void) { check_variants (1); }
static void test_variants_threads (void) { check_variants (3); }

/* A network whose samples look at each other keeps its batch together. */
static void
test_no_split (void)
{
  ConvoyGraph *g = convoy_graph_new (13);
  ConvoyAttrs *a = convoy_attrs_new ();
  convoy_attrs_set_int (a, "axis", 0);
  ConvoyValue v = convoy_graph_input (g, "x", CONVOY_F32, &CONVOY_SHAPE (BATCH, 4));
  v = convoy_graph_node (g, "Softmax", NULL, &v, 1, NULL, 1, a, NULL);
  convoy_graph_output (g, v);
  ConvoyPlanOptions o = { .cache = temp_path ("across.ini") };
  convoy_plan_unref (convoy_plan_new (g, &o, NULL));
  choose (o.cache, "0;0;0;1;0");
  ConvoyPlan *p = convoy_plan_new (g, &o, NULL);
  g_autofree char *text = convoy_plan_dump (p);
  CU_ASSERT_PTR_NULL (strstr (text, "stage"));
  convoy_plan_unref (p);
  convoy_graph_unref (g);
}

/* --- no reference code -------------------------------------------------- */

static void
check_fast (const char *what, const ConvoyGraph *g, gint64 batch)
{
  g_autoptr (GError) error = NULL;
  guint n = g ? convoy_graph_n_inputs (g) : 0;
  g_autofree ConvoyShape *shapes = g_new0 (ConvoyShape, n + 1);
  CU_ASSERT_PTR_NOT_NULL_FATAL (g);
  for (guint i = 0; i < n; i++) {
    shapes[i] = *convoy_graph_shape (g, convoy_graph_get_input (g, i));
    if (shapes[i].n)
      shapes[i].d[0] = batch;
  }
  ConvoyGraph *b = convoy_graph_bind (g, shapes, NULL, &error);
  ConvoyPlan *p = b ? convoy_plan_new (b, NULL, &error) : NULL;
  if (p == NULL || convoy_plan_is_slow (p)) {
    g_autofree char *text = p ? convoy_plan_dump (p) : NULL;
    printf ("# %s, batch %" G_GINT64_FORMAT ": %s\n", what, batch, p ? "on reference code" : error->message);
    for (char *line = text ? strtok (text, "\n") : NULL; line; line = strtok (NULL, "\n"))
      if (strstr (line, "ref"))
        printf ("#   %s\n", line);
  }
  CU_ASSERT (p && !convoy_plan_is_slow (p));
  convoy_plan_unref (p);
  convoy_graph_unref (b);
}

/* Files of a folder by their ending; each is given to check. */
static guint
each (const char *folder, const char *ending, void (*check) (const char *path))
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  guint n = 0;
  for (const char *name = dir ? g_dir_read_name (dir) : NULL; name; name = g_dir_read_name (dir))
    if (g_str_has_suffix (name, ending)) {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      check (path);
      n++;
    }
  if (dir)
    g_dir_close (dir);
  return n;
}

/* Takes g over. */
static void
check_loaded (const char *path, ConvoyGraph *g, const GError *error)
{
  if (error)
    printf ("# %s\n", error->message);
  check_fast (path, g, 1);
  check_fast (path, g, 2);
  convoy_graph_unref (g);
}

static void
check_net (const char *path)
{
  g_autoptr (GError) error = NULL;
  ConvoyGraph *g = convoy_net_load (path, NULL, 1, &error);
  check_loaded (path, g, error);
}

static void
check_onnx (const char *path)
{
  g_autoptr (GError) error = NULL;
  ConvoyGraph *g = convoy_onnx_load (path, NULL, &error);
  check_loaded (path, g, error);
}

static void
test_fast_networks (void)
{
  g_autofree char *folder = g_build_filename (g_getenv ("srcdir"), "zoo", "networks", NULL);
  CU_ASSERT (each (folder, ".net", check_net) > 0);
}

static void
test_fast_models (void)
{
  const char *folder = tap_shared ("models");
  if (folder)
    CU_ASSERT (each (folder, ".onnx", check_onnx) > 0);
}

int
main (void)
{
  static const TapTest tests[] = {
    { "layouts, parts and stages change no result", test_variants },
    { "nor do they with threads", test_variants_threads },
    { "a batch whose samples look at each other stays whole", test_no_split },
    { "the zoo's networks run on no reference code", test_fast_networks },
    { "nor do real models", test_fast_models },
    { NULL, NULL }
  };
  return temp_main ("plans", tests);
}
