/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-conv-tiles.c - 1x1 convolutions by products of tiles against sums in double precision: as near as those of
 * float32, exact where these are, and what is no number stays where it is. On a processor without tiles float32 itself
 * has to stand these. */
#include "core/plan.h"
#include "tests/tap.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
  gint64 samples, in, out, height, width, stride;
  guint threads;
  gboolean bias, sum;
  const char *last; /* Relu, Clip (to 0..6); NULL: nothing */
} Case;

static const Case cases[] = {
  { 1, 32, 64, 8, 8, 1, 1, TRUE, FALSE, "Clip" },
  { 2, 16, 48, 5, 7, 1, 1, TRUE, FALSE, "Relu" },
  { 3, 48, 16, 5, 5, 1, 2, FALSE, FALSE, NULL },
  { 1, 512, 32, 10, 10, 1, 1, TRUE, FALSE, NULL },
  { 3, 64, 96, 9, 7, 2, 1, TRUE, FALSE, "Relu" },
  { 2, 80, 80, 13, 11, 1, 3, TRUE, TRUE, "Relu" },
  { 2, 64, 64, 6, 6, 1, 2, FALSE, TRUE, NULL },
  { 1, 32, 32, 1, 1, 1, 2, TRUE, FALSE, "Clip" },
  { 4, 160, 32, 3, 3, 1, 1, TRUE, FALSE, "Clip" },
};

static ConvoyTensor *
tensor (const ConvoyShape *s, guint32 seed, gboolean whole)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (seed);
  ConvoyTensor *t = convoy_tensor_new (CONVOY_F32, s, NULL);
  float *v = convoy_tensor_data (t);
  for (gint64 i = 0; i < convoy_tensor_count (t); i++)
    v[i] = whole ? (float) g_rand_int_range (random, -64, 65) : (float) g_rand_double_range (random, -1, 1);
  return t;
}

static ConvoyShape
in_shape (const Case *c)
{
  return CONVOY_SHAPE (c->samples, c->in, c->height, c->width);
}
static ConvoyTensor *
weights_of (const Case *c, gboolean whole)
{
  return tensor (&CONVOY_SHAPE (c->out, c->in, 1, 1), 2, whole);
}
static ConvoyTensor *
bias_of (const Case *c, gboolean whole)
{
  return tensor (&CONVOY_SHAPE (c->out), 3, whole);
}

static ConvoyValue
scalar (ConvoyGraph *g, float v)
{
  g_autoptr (ConvoyTensor) t = convoy_tensor_new (CONVOY_F32, &(ConvoyShape) { 0 }, NULL);
  *(float *) convoy_tensor_data (t) = v;
  return convoy_graph_const (g, "", t);
}

/* The sum is with the positive part of the input. */
static ConvoyGraph *
graph_of (const Case *c, gboolean whole)
{
  ConvoyGraph *g = convoy_graph_new (13);
  ConvoyShape shape = in_shape (c);
  g_autoptr (ConvoyTensor) w = weights_of (c, whole), bias = bias_of (c, whole);
  ConvoyAttrs *a = convoy_attrs_new ();
  convoy_attrs_set_ints (a, "strides", (gint64[]) { c->stride, c->stride }, 2);
  ConvoyValue x = convoy_graph_input (g, "x", CONVOY_F32, &shape),
              positive = c->sum ? convoy_graph_node (g, "Relu", NULL, &x, 1, NULL, 1, NULL, NULL) : 0;
  ConvoyValue in[3] = { x, convoy_graph_const (g, "w", w), convoy_graph_const (g, "b", bias) };
  in[0] = convoy_graph_node (g, "Conv", NULL, in, c->bias ? 3 : 2, NULL, 1, a, NULL);
  in[1] = positive;
  if (c->sum)
    in[0] = convoy_graph_node (g, "Add", NULL, in, 2, NULL, 1, NULL, NULL);
  in[1] = scalar (g, 0), in[2] = scalar (g, 6);
  if (c->last)
    in[0] = convoy_graph_node (g, c->last, NULL, in, strcmp (c->last, "Clip") == 0 ? 3 : 1, NULL, 1, NULL, NULL);
  CU_ASSERT_FATAL (in[0] != CONVOY_NONE);
  convoy_graph_output (g, in[0]);
  return g;
}

static ConvoyTensor *
run (const Case *c, gboolean whole, ConvoyTensor *x, gboolean tiles)
{
  GError *error = NULL;
  ConvoyGraph *g = graph_of (c, whole);
  ConvoyPlan *p = convoy_plan_variant (g, c->threads, (ConvoyVariant) { .blocked = TRUE, .tiles = tiles ? ~(guint64) 0 : 0 },
      &error);
  g_assert_no_error (error);
  g_autofree char *text = convoy_plan_dump (p);
  CU_ASSERT_EQUAL (strstr (text, "conv tiles") != NULL, tiles && convoy_dnn_has_tiles ());
  ConvoyExec *exec = convoy_exec_new (p, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < 2; i++) /* what the first run leaves matters to no second */
    CU_ASSERT_TRUE (convoy_exec_set (exec, 0, x, NULL) && convoy_exec_run (exec, NULL));
  const ConvoyTensor *out = convoy_exec_output (exec, 0);
  ConvoyTensor *y = convoy_tensor_new (CONVOY_F32, convoy_tensor_shape (out), NULL);
  memcpy (convoy_tensor_data (y), convoy_tensor_data (out), (gsize) convoy_tensor_count (out) * sizeof (float));
  convoy_exec_free (exec);
  convoy_plan_unref (p);
  convoy_graph_unref (g);
  return y;
}

/* y[n,o,i,j] in double. */
static double
truth (const Case *c, const float *x, const float *w, const float *bias, gint64 n, gint64 o, gint64 i, gint64 j)
{
  gint64 size = c->height * c->width;
  const float *from = x + n * c->in * size + (i * c->width + j) * c->stride;
  double sum = c->bias ? bias[o] : 0;
  for (gint64 k = 0; k < c->in; k++)
    sum += (double) from[k * size] * w[o * c->in + k];
  if (c->sum)
    sum += MAX (from[o * size], 0);
  if (c->last)
    sum = MAX (sum, 0);
  return c->last && strcmp (c->last, "Clip") == 0 ? MIN (sum, 6) : sum;
}

/* How far y is from the truth: the root of the mean square. */
static double
distance (const Case *c, gboolean whole, const ConvoyTensor *x, const ConvoyTensor *y)
{
  g_autoptr (ConvoyTensor) w = weights_of (c, whole), bias = bias_of (c, whole);
  const ConvoyShape *s = convoy_tensor_shape (y);
  const float *at = convoy_tensor_data (y);
  double sum = 0;
  for (gint64 n = 0; n < s->d[0]; n++)
    for (gint64 o = 0; o < s->d[1]; o++)
      for (gint64 i = 0; i < s->d[2]; i++)
        for (gint64 j = 0; j < s->d[3]; j++) {
          double off = *at++ - truth (c, convoy_tensor_data (x), convoy_tensor_data (w), convoy_tensor_data (bias), n, o, i, j);
          sum += off * off;
        }
  return sqrt (sum / (double) convoy_tensor_count (y));
}

static void
test_near (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    const Case *c = &cases[i];
    ConvoyShape s = in_shape (c);
    g_autoptr (ConvoyTensor) x = tensor (&s, 1, FALSE), tiled = run (c, FALSE, x, TRUE), plain = run (c, FALSE, x, FALSE);
    double far = distance (c, FALSE, x, tiled), allowed = distance (c, FALSE, x, plain);
    if (far > 1.2 * allowed)
      printf ("# case %u: %g from the truth, float32 %g\n", i, far, allowed);
    CU_ASSERT (far <= 1.2 * allowed);
  }
}

static void
test_exact (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    ConvoyShape s = in_shape (&cases[i]);
    g_autoptr (ConvoyTensor) x = tensor (&s, 1, TRUE), y = run (&cases[i], TRUE, x, TRUE);
    CU_ASSERT_EQUAL (distance (&cases[i], TRUE, x, y), 0);
  }
}

static void
test_no_number (void)
{
  const Case *c = &cases[1];
  ConvoyShape s = in_shape (c);
  g_autoptr (ConvoyTensor) x = tensor (&s, 1, FALSE);
  const gint64 size = c->height * c->width, place = 17;
  ((float *) convoy_tensor_data (x))[3 * size + place] = NAN;
  g_autoptr (ConvoyTensor) y = run (c, FALSE, x, TRUE);
  const float *v = convoy_tensor_data (y);
  for (gint64 i = 0; i < convoy_tensor_count (y); i++)
    CU_ASSERT_EQUAL (isnan (v[i]) != 0, i < c->out * size && i % size == place);
}

int
main (void)
{
  static const TapTest tests[] = { { "tiles are as near to the truth as float32", test_near },
    { "whole numbers come out exactly", test_exact }, { "what is no number stays at its place", test_no_number }, { NULL, NULL } };
  return tap_main ("conv-tiles", tests);
}
