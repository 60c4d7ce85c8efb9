/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-conv-rows.c - a convolution over looked-up rows, computed once for each row of the table, against the plain
 * chain of Gather, Transpose and Conv, and its gradients against that and against central differences. */
#include "core/graph.h"
#include "core/learn.h"
#include "core/params.h"
#include "tests/tap.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
  const char *layers;
  gint64 rows, texts, length;
  guint threads;
} Case;

#define CONV(rows, filters, more) "embedding input-dim=" #rows " output-dim=5 ! conv1d filters=" #filters " " more " name=conv ! globalmaxpool ! dense units=1"

static const Case cases[] = {
  { CONV (7, 16, "kernel=3"), 7, 3, 9, 1 }, { CONV (7, 32, "kernel=3 activation=relu"), 7, 3, 9, 1 },
  { CONV (9, 16, "kernel=4 padding=same activation=relu"), 9, 2, 11, 2 }, { CONV (11, 48, "kernel=7 padding=3 use-bias=false"), 11, 5, 13, 2 },
  { CONV (3, 16, "kernel=1 activation=relu"), 3, 4, 5, 1 }, { CONV (40, 16, "kernel=5"), 40, 2, 130, 2 },
};
static const Case many_rows = { CONV (70, 32, "kernel=3 activation=relu"), 70, 3, 9, 2 }; /* more rows than places */

/* Numbers of all rows, some of them counted from the end, as ONNX allows. */
static ConvoyTensor *
numbers (const Case *c)
{
  ConvoyTensor *t = convoy_tensor_new (CONVOY_I64, &CONVOY_SHAPE (c->texts, c->length), NULL);
  gint64 *v = convoy_tensor_data (t);
  for (gint64 i = 0; i < c->texts * c->length; i++)
    v[i] = (i * 7919 + i / 3) % c->rows - (i % 5 == 0 ? c->rows : 0);
  return t;
}

/* With plain the chain stays as it is, since what lies between is wanted as well. */
static ConvoyGraph *
graph_of (const Case *c, gboolean loss, gboolean plain)
{
  GError *error = NULL;
  ConvoyGraph *g = convoy_net_parse (c->layers, NULL, &CONVOY_SHAPE (c->texts, c->length), NULL, 7, &error);
  g_assert_no_error (error);
  ConvoyGraph *bound = convoy_graph_bind (g, NULL, NULL, &error);
  g_assert_no_error (error);
  if (loss)
    convoy_graph_add_loss (bound, convoy_graph_get_output (bound, 0), "SigmoidCrossEntropyLoss", FALSE, 0, &error);
  g_assert_no_error (error);
  if (plain)
    convoy_graph_output (bound, convoy_graph_find (bound, "conv/transpose"));
  convoy_graph_unref (g);
  return bound;
}

static gboolean
is_over_rows (const ConvoyPlan *p)
{
  g_autofree char *text = convoy_plan_dump (p);
  return strstr (text, "look up") != NULL;
}

static ConvoyExec *
exec_of (const Case *c, gboolean learning, gboolean plain)
{
  GError *error = NULL;
  ConvoyGraph *g = graph_of (c, learning, plain);
  ConvoyPlanOptions o = { .threads = c->threads };
  ConvoyLearnOptions l = { .threads = c->threads };
  ConvoyPlan *p = learning ? convoy_plan_new_learning (g, &l, &error) : convoy_plan_new (g, &o, &error);
  g_assert_no_error (error);
  CU_ASSERT_EQUAL (is_over_rows (p), !plain);
  ConvoyExec *x = convoy_exec_new (p, &error);
  g_assert_no_error (error);
  g_autoptr (ConvoyTensor) in = numbers (c);
  convoy_exec_set (x, 0, in, NULL);
  for (gint64 i = 0; learning && i < c->texts; i++)
    ((gint64 *) convoy_exec_input (x, 1).data)[i] = i % 2;
  CU_ASSERT_TRUE_FATAL (convoy_exec_run (x, &error));
  convoy_plan_unref (p);
  convoy_graph_unref (g);
  return x;
}

static double
farthest (const float *a, const float *b, gint64 n)
{
  double far = 0;
  for (gint64 i = 0; i < n; i++)
    far = fmax (far, fabs ((double) a[i] - b[i]) / (1 + fabs (b[i])));
  return far;
}

static void
test_forward (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    ConvoyExec *fast = exec_of (&cases[i], FALSE, FALSE), *plain = exec_of (&cases[i], FALSE, TRUE);
    const ConvoyTensor *a = convoy_exec_output (fast, 0), *b = convoy_exec_output (plain, 0);
    CU_ASSERT_TRUE (farthest (convoy_tensor_data (a), convoy_tensor_data (b), convoy_tensor_count (b)) < 1e-6);
    convoy_exec_free (fast);
    convoy_exec_free (plain);
  }
}

/* The weights may lie in another layout in each. */
static ConvoyTensor *
gradient (ConvoyExec *x, const char *name)
{
  for (guint i = 0; i < convoy_exec_n_slots (x); i++) {
    const ConvoySlot *s = convoy_exec_slot (x, i);
    if (strcmp (s->name, name) != 0)
      continue;
    ConvoyTensor *t = convoy_tensor_new (CONVOY_F32, &s->shape, NULL);
    CU_ASSERT_TRUE (convoy_exec_to_plain (x, i, convoy_exec_gradients (x) + s->offset, t, NULL));
    return t;
  }
  return NULL;
}

static void
test_gradients (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    ConvoyExec *fast = exec_of (&cases[i], TRUE, FALSE), *plain = exec_of (&cases[i], TRUE, TRUE);
    CU_ASSERT_EQUAL (convoy_exec_n_slots (fast), convoy_exec_n_slots (plain));
    for (guint k = 0; k < convoy_exec_n_slots (plain); k++) {
      const char *name = convoy_exec_slot (plain, k)->name;
      g_autoptr (ConvoyTensor) a = gradient (fast, name), b = gradient (plain, name);
      double far = a ? farthest (convoy_tensor_data (a), convoy_tensor_data (b), convoy_tensor_count (b)) : 1;
      if (far >= 1e-6)
        printf ("# %s of %s: %g away\n", name, cases[i].layers, far);
      CU_ASSERT_TRUE (far < 1e-6);
    }
    convoy_exec_free (fast);
    convoy_exec_free (plain);
  }
}

static double
loss_at (ConvoyExec *x, gsize i, float w)
{
  float *weights = convoy_exec_weights (x), old = weights[i];
  weights[i] = w;
  CU_ASSERT_TRUE (convoy_exec_run (x, NULL));
  weights[i] = old;
  return *(const float *) convoy_tensor_data (convoy_exec_output (x, 0));
}

/* Of every weight, on a chain without kinks. */
static void
test_differences (void)
{
  static const Case smooth = { "embedding input-dim=6 output-dim=3 ! conv1d filters=16 kernel=3 padding=same name=conv ! globalavgpool ! dense units=1", 6, 2, 7, 1 };
  const float h = 1e-2f;
  ConvoyExec *x = exec_of (&smooth, TRUE, FALSE);
  gsize n = convoy_exec_n_learning (x);
  g_autofree float *have = g_memdup2 (convoy_exec_gradients (x), n * sizeof *have);
  for (gsize i = 0; i < n; i++) {
    float w = convoy_exec_weights (x)[i];
    double want = (loss_at (x, i, w + h) - loss_at (x, i, w - h)) / (2 * (double) h);
    CU_ASSERT_DOUBLE_EQUAL (have[i], want, 1e-4 + 0.01 * fabs (want));
  }
  convoy_exec_free (x);
}

/* The same bits, whatever the number of threads. */
static void
test_threads (void)
{
  Case c = cases[5];
  c.threads = 1;
  ConvoyExec *one = exec_of (&c, TRUE, FALSE);
  c.threads = 3;
  ConvoyExec *three = exec_of (&c, TRUE, FALSE);
  g_autoptr (ConvoyTensor) a = gradient (one, "embedding/embeddings"), b = gradient (three, "embedding/embeddings");
  CU_ASSERT_TRUE (memcmp (convoy_tensor_data (convoy_exec_output (one, 0)), convoy_tensor_data (convoy_exec_output (three, 0)), sizeof (float)) == 0);
  CU_ASSERT_TRUE (a && b && farthest (convoy_tensor_data (a), convoy_tensor_data (b), convoy_tensor_count (b)) < 1e-6);
  convoy_exec_free (one);
  convoy_exec_free (three);
}

static void
expect_like (ConvoyExec *x, ConvoyExec *plain)
{
  CU_ASSERT_TRUE_FATAL (convoy_exec_run (x, NULL) && convoy_exec_run (plain, NULL));
  const ConvoyTensor *a = convoy_exec_output (x, 0), *b = convoy_exec_output (plain, 0);
  CU_ASSERT_TRUE (farthest (convoy_tensor_data (a), convoy_tensor_data (b), convoy_tensor_count (b)) < 1e-6);
}

/* Numbers that were not there before, others that were, and then other weights. */
static void
test_kept (void)
{
  const Case *c = &many_rows;
  ConvoyGraph *g[2] = { graph_of (c, FALSE, FALSE), graph_of (c, FALSE, TRUE) };
  ConvoyExec *x[2];
  for (guint i = 0; i < 2; i++) {
    ConvoyPlan *p = convoy_plan_new (g[i], &(ConvoyPlanOptions) { .threads = c->threads }, NULL);
    CU_ASSERT_EQUAL (is_over_rows (p), i == 0);
    x[i] = convoy_exec_new (p, NULL);
    convoy_plan_unref (p);
  }
  for (guint run = 0; run < 8; run++) {
    for (gint64 k = 0; k < c->texts * c->length; k++)
      ((gint64 *) convoy_exec_input (x[0], 0).data)[k] = ((gint64 *) convoy_exec_input (x[1], 0).data)[k] = (k * 31 + run * 17)
          % (10 + 10 * (run % 7));
    for (guint i = 0; run % 4 == 3 && i < 2; i++) {
      ConvoyTensor *t = convoy_params_get (convoy_graph_params (g[i]), "embedding/embeddings");
      for (gint64 k = 0; k < convoy_tensor_count (t); k++)
        ((float *) convoy_tensor_data (t))[k] = (float) ((k + run) * 7919 % 101) / 50 - 1;
      convoy_params_touch (convoy_graph_params (g[i]));
    }
    expect_like (x[0], x[1]);
  }
  for (guint i = 0; i < 2; i++) {
    convoy_exec_free (x[i]);
    convoy_graph_unref (g[i]);
  }
}

static void
test_left_alone (void)
{
  static const Case others[] = {
    { CONV (7, 8, "kernel=3"), 7, 3, 9, 1 },
    { CONV (7, 16, "kernel=3 stride=2"), 7, 3, 9, 1 },
    { CONV (7, 16, "kernel=3 dilation=2"), 7, 3, 9, 1 },
  };
  for (guint i = 0; i < G_N_ELEMENTS (others); i++) {
    ConvoyGraph *g = graph_of (&others[i], FALSE, FALSE);
    ConvoyPlan *p = convoy_plan_new (g, NULL, NULL);
    CU_ASSERT_TRUE_FATAL (p != NULL);
    CU_ASSERT_FALSE (is_over_rows (p));
    convoy_plan_unref (p);
    convoy_graph_unref (g);
  }
  ConvoyGraph *g = graph_of (&many_rows, TRUE, FALSE); /* all products anew in every run would not pay */
  ConvoyPlan *p = convoy_plan_new_learning (g, &(ConvoyLearnOptions) { .threads = 1 }, NULL);
  CU_ASSERT_TRUE (p && !is_over_rows (p));
  convoy_plan_unref (p);
  convoy_graph_unref (g);
}

static void
test_wrong_index (void)
{
  static const gint64 wrong[] = { 7, -8, G_MAXINT64, G_MININT64 };
  ConvoyExec *x = exec_of (&cases[0], FALSE, FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *says = g_strdup_printf ("index %" G_GINT64_FORMAT " on an axis of 7", wrong[i]);
    ((gint64 *) convoy_exec_input (x, 0).data)[4] = wrong[i];
    CU_ASSERT_FALSE (convoy_exec_run (x, &error));
    CU_ASSERT_TRUE (error && strstr (error->message, says));
  }
  ConvoyExec *plain = exec_of (&cases[0], FALSE, TRUE);
  g_autoptr (ConvoyTensor) in = numbers (&cases[0]);
  convoy_exec_set (x, 0, in, NULL);
  expect_like (x, plain);
  convoy_exec_free (plain);
  convoy_exec_free (x);
}

int
main (void)
{
  static const TapTest tests[] = { { "forward", test_forward }, { "gradients", test_gradients },
    { "differences", test_differences }, { "threads", test_threads }, { "rows that are kept", test_kept },
    { "what is left alone", test_left_alone }, { "a number that has no row", test_wrong_index }, { NULL, NULL } };
  return tap_main ("conv-rows", tests);
}
