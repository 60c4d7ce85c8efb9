/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-quantizer.c - a residual sum, whether it is an Add or a Sum of two, goes into 8 bits with the
 * convolutions around it, and the network says nearly the same; what each output is in the mean stays. */
#include "core/convoy.h"
#include "tests/tap.h"
#include <math.h>
#include <string.h>

#define STEM "conv2d filters=16 kernel=3 padding=same activation=relu name=stem ! conv2d filters=16 kernel=3 padding=same name=left"
#define REST "conv2d filters=16 kernel=3 activation=relu name=right ! globalavgpool ! flatten ! dense units=6 name=scores"

#define PICTURES 16

static const ConvoyShape picture = CONVOY_SHAPE (1, 3, 16, 16);

/* stem, left, their sum by op, a third term of it where there are three, and what follows. */
static ConvoyGraph *
residual (const char *op, guint terms)
{
  ConvoyGraph *g = convoy_net_parse (STEM, NULL, &picture, NULL, 3, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL (g);
  ConvoyValue left = convoy_graph_get_output (g, 0), stem = convoy_graph_find (g, "stem/relu");
  ConvoyValue sum = convoy_graph_node (g, op, "sum", (const ConvoyValue[]) { left, stem, left }, terms, (const char *const[]) { "sum" }, 1, NULL, NULL);
  ConvoyValue scores = convoy_net_append (g, sum, REST, "", 4, NULL);
  CU_ASSERT_TRUE_FATAL (scores != CONVOY_NONE);
  ConvoyGraph *out = convoy_graph_bind (g, &picture, "scores", NULL);
  convoy_graph_unref (g);
  CU_ASSERT_PTR_NOT_NULL_FATAL (out);
  return out;
}

static ConvoyTensor *
random_picture (guint32 seed, double least)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (seed);
  ConvoyTensor *t = convoy_tensor_new (CONVOY_F32, &picture, NULL);
  for (gint64 i = 0; i < convoy_tensor_count (t); i++)
    ((float *) convoy_tensor_data (t))[i] = (float) g_rand_double_range (random, least, 2);
  return t;
}

static void
fill (const ConvoyView *v, const ConvoyTensor *x)
{
  const float *from = convoy_tensor_data (x);
  for (gint64 c = 0; c < picture.d[1]; c++)
    for (gint64 y = 0; y < picture.d[2]; y++)
      for (gint64 i = 0; i < picture.d[3]; i++)
        ((float *) v->data)[c * v->stride[1] + y * v->stride[2] + i * v->stride[3]] = from[(c * picture.d[2] + y) * picture.d[3] + i];
}

static void
run (ConvoyGraph *g, const ConvoyTensor *x, float y[6])
{
  ConvoyPlanOptions o = { .threads = 1 };
  ConvoyGraph *bound = convoy_graph_bind (g, &picture, NULL, NULL);
  ConvoyPlan *plan = convoy_plan_new (bound, &o, NULL);
  ConvoyExec *exec = convoy_exec_new (plan, NULL);
  CU_ASSERT_TRUE_FATAL (exec && convoy_exec_set (exec, 0, x, NULL) && convoy_exec_run (exec, NULL));
  memcpy (y, convoy_tensor_data (convoy_exec_output (exec, 0)), 6 * sizeof *y);
  convoy_exec_free (exec);
  convoy_plan_unref (plan);
  convoy_graph_unref (bound);
}

static guint
count (ConvoyGraph *g, const char *op)
{
  guint n = 0;
  ConvoyGraph *bound = convoy_graph_bind (g, &picture, NULL, NULL);
  g_autoptr (GArray) layers = convoy_graph_layers (bound);
  for (guint i = 0; i < layers->len; i++)
    n += strcmp (g_array_index (layers, ConvoyLayer, i).op, op) == 0;
  convoy_graph_unref (bound);
  return n;
}

/* The network in 8 bits by some pictures of numbers from least to 2. */
static ConvoyGraph *
to_bytes (ConvoyGraph *g, double least, gboolean per_tensor)
{
  g_autoptr (ConvoyQuantizer) q = convoy_quantizer_new (g, &picture, 1, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL (q);
  ConvoyView v = convoy_quantizer_input (q);
  for (guint32 i = 0; i < PICTURES; i++) {
    g_autoptr (ConvoyTensor) x = random_picture (i, least);
    fill (&v, x);
    CU_ASSERT_TRUE_FATAL (convoy_quantizer_observe (q, NULL));
  }
  ConvoyGraph *bytes = convoy_quantizer_finish (q, per_tensor, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL (bytes);
  return bytes;
}

/* Gives the network in 8 bits, which must say the same but for a twentieth of what the scores span. */
static ConvoyGraph *
quantize (ConvoyGraph *g)
{
  ConvoyGraph *bytes = to_bytes (g, -2, FALSE);
  g_autoptr (ConvoyTensor) other = random_picture (99, -2);
  float is[6], was[6], least = INFINITY, most = -INFINITY;
  run (g, other, was);
  run (bytes, other, is);
  for (guint i = 0; i < 6; i++) {
    least = fminf (least, was[i]);
    most = fmaxf (most, was[i]);
  }
  for (guint i = 0; i < 6; i++)
    CU_ASSERT_TRUE (fabsf (is[i] - was[i]) < (most - least) / 20);
  return bytes;
}

static void
test_residual (void)
{
  static const struct { const char *op; guint terms, adds, sums; } cases[] = { { "Add", 2, 1, 0 }, { "Sum", 2, 1, 0 }, { "Sum", 3, 0, 1 } };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    ConvoyGraph *g = residual (cases[i].op, cases[i].terms), *bytes = quantize (g);
    CU_ASSERT_EQUAL (count (bytes, "Add"), cases[i].adds);
    CU_ASSERT_EQUAL (count (bytes, "Sum"), cases[i].sums);
    convoy_graph_unref (bytes);
    convoy_graph_unref (g);
  }
}

/* All weights but the first of each channel are four tenths of a step of 8 bits, and so become 0. */
static void
make_small (ConvoyGraph *g, gint64 inner)
{
  ConvoyTensor *w = convoy_params_get (convoy_graph_params (g), "y/kernel");
  CU_ASSERT_PTR_NOT_NULL_FATAL (w);
  for (gint64 i = 0; i < convoy_tensor_count (w); i++)
    ((float *) convoy_tensor_data (w))[i] = (inner > 0 ? i % inner : i / -inner) == 0 ? 1 : 0.4f / 127;
}

/* Of what comes out, over channels c: the mean over pictures and places. */
static void
means (ConvoyGraph *g, guint channels, double mean[6])
{
  ConvoyPlanOptions o = { .threads = 1 };
  ConvoyGraph *bound = convoy_graph_bind (g, &picture, NULL, NULL);
  ConvoyPlan *plan = convoy_plan_new (bound, &o, NULL);
  ConvoyExec *exec = convoy_exec_new (plan, NULL);
  memset (mean, 0, 6 * sizeof *mean);
  for (guint32 i = 0; i < PICTURES; i++) {
    g_autoptr (ConvoyTensor) x = random_picture (i, 0);
    CU_ASSERT_TRUE_FATAL (exec && convoy_exec_set (exec, 0, x, NULL) && convoy_exec_run (exec, NULL));
    const ConvoyTensor *y = convoy_exec_output (exec, 0);
    gint64 n = convoy_tensor_count (y), inner = n / channels;
    for (gint64 k = 0; k < n; k++)
      mean[k / inner] += ((const float *) convoy_tensor_data (y))[k] / inner / PICTURES;
  }
  convoy_exec_free (exec);
  convoy_plan_unref (plan);
  convoy_graph_unref (bound);
}

/* Inputs of 0 to 2 have a mean of 1, so that without those weights a channel says less by about as much as they are
 * together, 0.025 to 2.4; its mean over the pictures stays what it was all the same, at the edges, too. */
static void
test_mean (void)
{
  static const struct { const char *text; guint channels; gint64 inner; } cases[] = {
    { "conv2d filters=4 kernel=3 padding=same name=y", 4, 27 },
    { "conv2d filters=6 kernel=5 stride=2 padding=2 use-bias=false name=y", 6, 75 },
    { "depthwise kernel=3 padding=same name=y", 3, 9 },
    { "flatten ! dense units=4 name=y", 4, -4 },
    { "flatten ! dense units=4 use-bias=false name=y", 4, -4 },
  };
  for (guint i = 0; i < 2 * G_N_ELEMENTS (cases); i++) {
    double was[6], is[6];
    ConvoyGraph *g = convoy_net_parse (cases[i / 2].text, NULL, &picture, NULL, 3, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL (g);
    make_small (g, cases[i / 2].inner);
    ConvoyGraph *bytes = to_bytes (g, 0, i % 2);
    means (g, cases[i / 2].channels, was);
    means (bytes, cases[i / 2].channels, is);
    for (guint c = 0; c < cases[i / 2].channels; c++)
      CU_ASSERT_DOUBLE_EQUAL (is[c], was[c], 0.002);
    convoy_graph_unref (bytes);
    convoy_graph_unref (g);
  }
}

int
main (void)
{
  static const TapTest tests[] = { { "residual sums", test_residual }, { "means", test_mean }, { NULL, NULL } };
  return tap_main ("quantizer", tests);
}
