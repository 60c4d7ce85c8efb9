/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-frozen.c - what of a network learns and what does not: frozen parts, running statistics, and what
 * Dropout lets through. */
#include "tests/gradient-tools.h"
#include "tests/tap.h"
#include <stdio.h>
#include <string.h>

/* --- frozen ------------------------------------------------------------------------ */

static const char *const deep = "conv2d filters=16 kernel=3 use-bias=false ! batchnorm ! activation tanh ! conv2d filters=16 kernel=3 use-bias=false name=upper ! batchnorm ! "
    "activation tanh ! globalavgpool ! dense units=3";

static ConvoyGraph *
deep_graph (void)
{
  ConvoyShape xs = CONVOY_SHAPE (4, 3, 9, 9);
  g_autoptr (GError) e = NULL;
  ConvoyGraph *net = convoy_net_parse (deep, NULL, &xs, NULL, 7, &e), *g = net ? convoy_graph_bind (net, &xs, NULL, &e) : NULL;
  if (g)
    convoy_graph_add_loss (g, convoy_graph_get_output (g, 0), "SoftmaxCrossEntropyLoss", FALSE, 0, &e);
  if (e)
    printf ("# %s\n", e->message);
  convoy_graph_unref (net);
  return g;
}

static void
test_frozen (void)
{
  const struct { ConvoyLearnOptions o; guint slots; } cases[] = {
    { { .threads = 1 }, 8 + 4 }, { { .freeze_batchnorm = TRUE }, 4 }, { { .freeze = "activation" }, 5 + 2 }, { { .freeze = "upper" }, 4 + 2 },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    ConvoyGraph *g = deep_graph ();
    g_autoptr (GError) e = NULL;
    CU_ASSERT_PTR_NOT_NULL_FATAL (g);
    ConvoyPlan *p = convoy_plan_new_learning (g, &cases[i].o, &e);
    if (e)
      printf ("# case %u: %s\n", i, e->message);
    CU_ASSERT_PTR_NOT_NULL_FATAL (p);
    ConvoyExec *x = convoy_exec_new (p, NULL);
    g_autoptr (ConvoyTensor) in = spread (&CONVOY_SHAPE (4, 3, 9, 9), -1, 1, 3), labels = convoy_tensor_new (CONVOY_I64, &CONVOY_SHAPE (4), NULL);
    memcpy (convoy_tensor_data (labels), (gint64[4]) { 0, 2, 1, 2 }, 4 * sizeof (gint64));
    CU_ASSERT_EQUAL (convoy_exec_n_slots (x), cases[i].slots);
    CU_ASSERT (convoy_exec_set (x, 0, in, NULL) && convoy_exec_set (x, 1, labels, NULL));
    g_autofree float *before = g_memdup2 (convoy_exec_weights (x), convoy_exec_n_learning (x) * sizeof (float));
    CU_ASSERT (convoy_exec_run (x, NULL));
    CU_ASSERT_EQUAL (memcmp (before, convoy_exec_weights (x), convoy_exec_n_learning (x) * sizeof (float)), 0);
    CU_ASSERT_EQUAL (compare (x, deep), 0);
    convoy_exec_free (x);
    convoy_plan_unref (p);
    convoy_graph_unref (g);
  }
}

static void
test_refused (void)
{
  ConvoyGraph *g = deep_graph ();
  GError *e = NULL;
  CU_ASSERT_PTR_NULL (convoy_plan_new_learning (g, &(ConvoyLearnOptions) { .threads = 1, .freeze = "nowhere" }, &e));
  CU_ASSERT (e && strstr (e->message, "nowhere") != NULL);
  g_clear_error (&e);
  CU_ASSERT_PTR_NULL (convoy_plan_new_learning (g, &(ConvoyLearnOptions) { .threads = 1, .freeze = "dense" }, &e));
  CU_ASSERT (e && strstr (e->message, "nothing is left to learn") != NULL);
  g_clear_error (&e);
  convoy_graph_unref (g);
}

/* --- statistics ------------------------------------------------------------------- */

/* running = running * momentum + batch * (1 - momentum), one channel of 1, 2, 3, 6: mean 3, variance 3.5. */
static void
test_statistics (void)
{
  ConvoyShape xs = CONVOY_SHAPE (2, 1, 2), c = CONVOY_SHAPE (1);
  ConvoyGraph *g = convoy_graph_new (15);
  static const float x[4] = { 1, 2, 3, 6 }, start[4] = { 1, 0, 10, 20 };
  ConvoyValue in[5] = { convoy_graph_input (g, "x", CONVOY_F32, &xs) };
  for (guint i = 0; i < 4; i++) {
    g_autofree char *name = g_strdup_printf ("p%u", i);
    g_autoptr (ConvoyTensor) t = convoy_tensor_new (CONVOY_F32, &c, NULL);
    *(float *) convoy_tensor_data (t) = start[i];
    in[1 + i] = convoy_graph_param (g, name, t);
  }
  ConvoyValue y = convoy_graph_node (g, "BatchNormalization", NULL, in, 5, NULL, 1, attrs_of ("momentum=0.75 epsilon=0.0"), NULL);
  convoy_graph_add_loss (g, flatten_all (g, y, 1, NULL), "MeanSquaredError", TRUE, 0, NULL);
  ConvoyExec *e = exec_of (g, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL (e);
  g_autoptr (ConvoyTensor) xt = convoy_tensor_new (CONVOY_F32, &xs, NULL);
  memcpy (convoy_tensor_data (xt), x, sizeof x);
  CU_ASSERT (convoy_exec_set (e, 0, xt, NULL) && convoy_exec_run (e, NULL) && convoy_exec_store (e, NULL));
  CU_ASSERT_DOUBLE_EQUAL (*(float *) convoy_tensor_data (convoy_params_get (convoy_graph_params (g), "p2")), 10 * 0.75 + 3 * 0.25, 1e-5);
  CU_ASSERT_DOUBLE_EQUAL (*(float *) convoy_tensor_data (convoy_params_get (convoy_graph_params (g), "p3")), 20 * 0.75 + 3.5 * 0.25, 1e-5);
  convoy_exec_free (e);
  convoy_graph_unref (g);
}

/* What Dropout lets through has the mean of what came in, and the same again for the same seed and step. */
static void
test_dropout (void)
{
  ConvoyShape xs = CONVOY_SHAPE (1, 40000);
  ConvoyGraph *g = convoy_graph_new (11);
  g_autoptr (ConvoyTensor) ones = convoy_tensor_new (CONVOY_F32, &xs, NULL), zeros = convoy_tensor_new (CONVOY_F32, &xs, NULL);
  for (guint i = 0; i < 40000; i++)
    ((float *) convoy_tensor_data (ones))[i] = 1, ((float *) convoy_tensor_data (zeros))[i] = 0;
  ConvoyValue w = convoy_graph_param (g, "w", ones), y = convoy_graph_node (g, "Dropout", NULL, &w, 1, NULL, 1, attrs_of ("ratio=0.25"), NULL);
  convoy_graph_add_loss (g, y, "MeanSquaredError", TRUE, 0, NULL);
  ConvoyExec *e = exec_of (g, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL (e);
  double loss[3];
  g_autofree float *gradient = NULL;
  for (guint i = 0; i < 3; i++) {
    convoy_exec_seed (e, 5, i < 2 ? 1 : 2);
    CU_ASSERT (convoy_exec_set (e, 0, zeros, NULL) && convoy_exec_run (e, NULL));
    loss[i] = *(const float *) convoy_tensor_data (convoy_exec_output (e, 0));
    if (i == 0)
      gradient = g_memdup2 (convoy_exec_gradients (e), 40000 * sizeof (float));
    else
      CU_ASSERT_EQUAL (memcmp (gradient, convoy_exec_gradients (e), 40000 * sizeof (float)) == 0, i == 1);
  }
  CU_ASSERT_EQUAL (loss[0], loss[1]);
  CU_ASSERT_DOUBLE_EQUAL (loss[0], 0.75 / (0.75 * 0.75), 0.02);  /* mean of y^2 */
  convoy_exec_free (e);
  convoy_graph_unref (g);
}

int
main (void)
{
  static const TapTest tests[] = {
    { "what is frozen stays", test_frozen }, { "what cannot learn is refused", test_refused }, { "running statistics", test_statistics },
    { "dropout", test_dropout }, { NULL, NULL },
  };
  return tap_main ("frozen", tests);
}
