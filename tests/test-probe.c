/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-probe.c - the gradient of a score with respect to a layer: against finite differences of the
 * layers after it, against its closed form behind a global average, and the heat map of a layer whose
 * gradient is known. */
#include "core/convoy.h"
#include "tests/tap.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define STEM "conv2d filters=6 kernel=3 padding=same activation=relu name=stem ! batchnorm name=norm ! maxpool pool=2 name=pool ! "
#define REST "conv2d filters=5 kernel=3 padding=same name=left ! activation relu name=bent ! dropout rate=0.5 name=drop ! "
#define AVERAGE STEM REST "globalavgpool name=pooled ! dense units=4 use-bias=false name=logits ! softmax name=scores"
/* Without corners, over which a difference would step. */
#define SMOOTH "conv2d filters=6 kernel=3 padding=same activation=tanh name=stem ! batchnorm name=norm ! avgpool pool=2 name=pool ! " \
  "conv2d filters=5 kernel=3 padding=same activation=sigmoid name=left ! dropout rate=0.5 name=drop ! "
#define SMOOTH_AVERAGE SMOOTH "globalavgpool name=pooled ! dense units=4 name=logits ! softmax name=scores"
#define FLAT SMOOTH "flatten name=flat ! dense units=7 activation=tanh name=hidden ! dense units=1 activation=sigmoid name=scores"

static const ConvoyShape picture = CONVOY_SHAPE (1, 3, 12, 10);

static ConvoyGraph *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  ConvoyGraph *g = convoy_net_parse (text, NULL, &picture, NULL, 3, &error);
  if (error)
    printf ("# %s\n", error->message);
  CU_ASSERT_PTR_NOT_NULL_FATAL (g);
  return g;
}

static ConvoyTensor *
sample (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (11);
  ConvoyTensor *t = convoy_tensor_new (CONVOY_F32, &picture, NULL);
  float *x = convoy_tensor_data (t);
  for (gint64 i = 0; i < convoy_tensor_count (t); i++)
    x[i] = (float) g_rand_double_range (random, -2, 2);
  return t;
}

/* The sample in the layout of the view. */
static void
fill (const ConvoyView *v)
{
  ConvoyTensor *t = sample ();
  const float *x = convoy_tensor_data (t);
  for (gint64 c = 0; c < picture.d[1]; c++)
    for (gint64 h = 0; h < picture.d[2]; h++)
      for (gint64 w = 0; w < picture.d[3]; w++)
        ((float *) v->data)[c * v->stride[1] + h * v->stride[2] + w * v->stride[3]] = *x++;
  convoy_tensor_unref (t);
}

/* A probe of g at layer, its input filled, run about a score. */
static ConvoyProbe *
probe (const ConvoyGraph *g, const char *layer, int score)
{
  g_autoptr (GError) error = NULL;
  ConvoyProbe *p = convoy_probe_new (g, &picture, layer, &error);
  if (error)
    printf ("# %s\n", error->message);
  CU_ASSERT_PTR_NOT_NULL_FATAL (p);
  ConvoyView v = convoy_probe_input (p);
  CU_ASSERT_TRUE_FATAL (convoy_shape_equal (&v.shape, &picture));
  fill (&v);
  CU_ASSERT_TRUE_FATAL (convoy_probe_run (p, score, &error));
  return p;
}

/* --- against finite differences ----------------------------------------- */

typedef struct {
  ConvoyGraph *bound;
  ConvoyPlan *plan;
  ConvoyExec *exec;
} Tail;

static Tail
tail_new (const ConvoyGraph *g, const char *from, const ConvoyShape *s)
{
  Tail t;
  ConvoyPlanOptions o = { .threads = 1 };
  ConvoyGraph *rest = convoy_graph_tail (g, from, NULL, s, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL (rest);
  t.bound = convoy_graph_bind (rest, s, NULL, NULL);
  t.plan = convoy_plan_new (t.bound, &o, NULL);
  t.exec = convoy_exec_new (t.plan, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL (t.exec);
  convoy_graph_unref (rest);
  return t;
}

static void
tail_clear (Tail *t)
{
  convoy_exec_free (t->exec);
  convoy_plan_unref (t->plan);
  convoy_graph_unref (t->bound);
}

/* The score, from the probability that the tail gives: the logit of a Sigmoid, or up to a constant
 * that no difference between two scores shows, the logarithm of a Softmax. */
static double
score_of (Tail *t, const ConvoyTensor *x, guint k)
{
  CU_ASSERT_TRUE_FATAL (convoy_exec_set (t->exec, 0, x, NULL));
  CU_ASSERT_TRUE_FATAL (convoy_exec_run (t->exec, NULL));
  const ConvoyTensor *y = convoy_exec_output (t->exec, 0);
  const float *p = convoy_tensor_data (y);
  return convoy_tensor_count (y) == 1 ? log (p[0] / (1 - (double) p[0])) : log (p[k]);
}

/* d (score k - score other) / dx, or of one score: its. */
static double
difference (Tail *t, ConvoyTensor *x, gint64 i, guint k, guint other)
{
  const double step = 2e-2;
  float *v = convoy_tensor_data (x), was = v[i];
  double d = 0;
  for (int side = 1; side >= -1; side -= 2) {
    v[i] = was + (float) (side * step);
    d += side * (score_of (t, x, k) - (k == other ? 0 : score_of (t, x, other)));
  }
  v[i] = was;
  return d / (2 * step);
}

static void
check_differences (const ConvoyGraph *g, const char *layer, guint k, guint other)
{
  ConvoyProbe *p = probe (g, layer, (int) k), *q = k == other ? NULL : probe (g, layer, (int) other);
  const ConvoyTensor *value = convoy_probe_value (p), *gradient = convoy_probe_gradient (p);
  CU_ASSERT_TRUE_FATAL (convoy_shape_equal (convoy_tensor_shape (value), convoy_tensor_shape (gradient)));
  ConvoyTensor *x = convoy_tensor_new (CONVOY_F32, convoy_tensor_shape (value), NULL);
  memcpy (convoy_tensor_data (x), convoy_tensor_data (value), (gsize) convoy_tensor_count (value) * sizeof (float));
  Tail t = tail_new (g, layer, convoy_tensor_shape (value));
  guint wrong = 0, nonzero = 0;
  for (gint64 i = 0; i < convoy_tensor_count (x); i += convoy_tensor_count (x) > 50 ? 3 : 1) {
    double want = difference (&t, x, i, k, other), got = ((const float *) convoy_tensor_data (gradient))[i];
    got -= q ? ((const float *) convoy_tensor_data (convoy_probe_gradient (q)))[i] : 0;
    nonzero += fabs (want) > 1e-4;
    if (!(fabs (want - got) < 2e-3 + 2e-2 * fabs (want)) && wrong++ < 3)
      printf ("# %s[%d]: %g, by differences %g\n", layer, (int) i, got, want);
  }
  CU_ASSERT_TRUE (nonzero > 5);
  CU_ASSERT_EQUAL (wrong, 0);
  tail_clear (&t);
  convoy_tensor_unref (x);
  convoy_probe_free (p);
  convoy_probe_free (q);
}

static void
test_differences (void)
{
  ConvoyGraph *average = parse (SMOOTH_AVERAGE), *flat = parse (FLAT);
  check_differences (average, "stem", 2, 0);
  check_differences (average, "pool", 1, 3);
  check_differences (average, "left", 0, 3);
  check_differences (flat, "stem", 1, 1);
  check_differences (flat, "hidden", 1, 1);
  convoy_graph_unref (average);
  convoy_graph_unref (flat);
}

/* --- closed forms -------------------------------------------------------- */

/* Behind a global average and a layer of weights W (units x channels), d score k / d map c is W[k][c] / (H * W). */
static void
test_average (void)
{
  ConvoyGraph *g = parse (AVERAGE);
  ConvoyTensor *w = convoy_params_get (convoy_graph_params (g), "logits/kernel");
  CU_ASSERT_PTR_NOT_NULL_FATAL (w);
  const float *weights = convoy_tensor_data (w);
  for (int k = 0; k < 4; k++) {
    ConvoyProbe *p = probe (g, NULL, k);
    const ConvoyShape *s = convoy_tensor_shape (convoy_probe_value (p));
    const float *d = convoy_tensor_data (convoy_probe_gradient (p));
    CU_ASSERT_TRUE_FATAL (s->n == 4 && s->d[1] == 5);
    for (gint64 c = 0; c < s->d[1]; c++)
      for (gint64 i = 0; i < s->d[2] * s->d[3]; i++) {
        double want = weights[k * 5 + c] / (double) (s->d[2] * s->d[3]);
        CU_ASSERT_DOUBLE_EQUAL (d[c * s->d[2] * s->d[3] + i], want, 1e-6);
      }
    convoy_probe_free (p);
  }
  convoy_graph_unref (g);
}

/* The heat map, from the same weights: the sum of W[k][c] times map c, without what is negative, over its maximum. */
static void
test_heat (void)
{
  ConvoyGraph *g = parse (AVERAGE);
  ConvoyTensor *w = convoy_params_get (convoy_graph_params (g), "logits/kernel");
  CU_ASSERT_PTR_NOT_NULL_FATAL (w);
  ConvoyProbe *p = probe (g, "last-conv", -1);
  guint k = convoy_probe_score (p);
  ConvoyTensor *heat = convoy_probe_heat (p, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL (heat);
  gint64 n = convoy_tensor_count (heat);
  const float *a = convoy_tensor_data (convoy_probe_value (p)), *h = convoy_tensor_data (heat), *v = convoy_tensor_data (w);
  g_autofree double *want = g_new0 (double, n);
  double most = 0;
  for (gint64 i = 0; i < n; i++) {
    for (gint64 c = 0; c < 5; c++)
      want[i] += v[k * 5 + c] * a[c * n + i];
    most = MAX (most, want[i]);
  }
  CU_ASSERT_TRUE_FATAL (most > 0);
  for (gint64 i = 0; i < n; i++)
    CU_ASSERT_DOUBLE_EQUAL (h[i], MAX (want[i], 0) / most, 1e-5);
  convoy_tensor_unref (heat);
  convoy_probe_free (p);
  convoy_graph_unref (g);
}

/* The score that is the highest, and its probability, are those of the network itself. */
static void
test_highest (void)
{
  static const char *const nets[] = { AVERAGE, FLAT };
  for (guint i = 0; i < G_N_ELEMENTS (nets); i++) {
    ConvoyGraph *g = parse (nets[i]);
    ConvoyProbe *p = probe (g, NULL, -1);
    Tail whole = tail_new (g, NULL, &picture);
    ConvoyTensor *x = sample ();
    score_of (&whole, x, 0);
    const ConvoyTensor *y = convoy_exec_output (whole.exec, 0);
    const float *probability = convoy_tensor_data (y);
    double want = probability[0];
    guint best = 0;
    for (gint64 k = 1; k < convoy_tensor_count (y); k++)
      best = probability[k] > probability[best] ? (guint) k : best;
    want = probability[best];
    if (convoy_tensor_count (y) == 1) {
      best = probability[0] > 0.5f;
      want = best ? probability[0] : 1 - probability[0];
    }
    CU_ASSERT_EQUAL (convoy_probe_score (p), best);
    CU_ASSERT_DOUBLE_EQUAL (convoy_probe_probability (p), want, 1e-5);
    convoy_tensor_unref (x);
    tail_clear (&whole);
    convoy_probe_free (p);
    convoy_graph_unref (g);
  }
}

/* --- refusals ------------------------------------------------------------ */

static void
check_refused (const ConvoyGraph *g, const char *layer, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ConvoyProbe) p = convoy_probe_new (g, &picture, layer, &error);
  ConvoyTensor *heat = p && convoy_probe_run (p, -1, &error) ? convoy_probe_heat (p, &error) : NULL;
  CU_ASSERT_PTR_NULL (heat);
  CU_ASSERT_PTR_NOT_NULL_FATAL (error);
  gboolean ok = strstr (error->message, expected) && !strchr (error->message, '\n');
  if (!ok)
    printf ("# %s\n", error->message);
  CU_ASSERT_TRUE (ok);
}

static void
test_refusals (void)
{
  ConvoyGraph *g = parse (AVERAGE), *dense = parse ("flatten ! dense units=4 activation=softmax");
  g_autoptr (GError) error = NULL;
  ConvoyProbe *p = probe (g, NULL, 0);
  CU_ASSERT_FALSE (convoy_probe_run (p, 4, &error));
  CU_ASSERT_PTR_NOT_NULL_FATAL (error);
  CU_ASSERT_STRING_EQUAL (error->message, "no score 4; the network has 4, from 0");
  convoy_probe_free (p);
  check_refused (dense, NULL, "no layer that \"last-conv\" would mean");
  check_refused (g, "stemm", "\"stemm\"; there are features, last-conv, stem");
  check_refused (g, "scores", "back to layer scores: nothing of float32");
  check_refused (g, "logits", "which is no map with height and width");
  convoy_graph_unref (g);
  convoy_graph_unref (dense);
}

int
main (void)
{
  static const TapTest tests[] = { { "finite differences", test_differences }, { "behind a global average", test_average },
    { "the heat map", test_heat }, { "the highest score", test_highest }, { "what cannot be explained is told", test_refusals }, { NULL, NULL } };
  return tap_main ("probe", tests);
}
