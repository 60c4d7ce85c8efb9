/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-quantizer.c - a residual sum, whether it is an Add or a Sum of two, goes into 8 bits with the
 * convolutions around it, and the network says nearly the same. */
#include "core/convoy.h"
#include "tests/tap.h"
#include <math.h>
#include <string.h>

#define STEM "conv2d filters=16 kernel=3 padding=same activation=relu name=stem ! conv2d filters=16 kernel=3 padding=same name=left"
#define REST "conv2d filters=16 kernel=3 activation=relu name=right ! globalavgpool ! flatten ! dense units=6 name=scores"

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
random_picture (guint32 seed)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (seed);
  ConvoyTensor *t = convoy_tensor_new (CONVOY_F32, &picture, NULL);
  for (gint64 i = 0; i < convoy_tensor_count (t); i++)
    ((float *) convoy_tensor_data (t))[i] = (float) g_rand_double_range (random, -2, 2);
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

/* Gives the network in 8 bits, which must say the same but for a twentieth of what the scores span. */
static ConvoyGraph *
quantize (ConvoyGraph *g)
{
  g_autoptr (ConvoyQuantizer) q = convoy_quantizer_new (g, &picture, 1, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL (q);
  ConvoyView v = convoy_quantizer_input (q);
  for (guint32 i = 0; i < 16; i++) {
    g_autoptr (ConvoyTensor) x = random_picture (i);
    fill (&v, x);
    CU_ASSERT_TRUE_FATAL (convoy_quantizer_observe (q, NULL));
  }
  ConvoyGraph *bytes = convoy_quantizer_finish (q, FALSE, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL (bytes);
  g_autoptr (ConvoyTensor) other = random_picture (99);
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

int
main (void)
{
  static const TapTest tests[] = { { "residual sums", test_residual }, { NULL, NULL } };
  return tap_main ("quantizer", tests);
}
