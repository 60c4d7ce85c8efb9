/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-init.c - the first values of weights: bounds, mean and variance by the formulas, and the same by the same seed. */
#include "core/convoy.h"
#include "tests/tap.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static ConvoyGraph *
parse (const char *text, const ConvoyShape *input, guint64 seed)
{
  g_autoptr (GError) error = NULL;
  ConvoyGraph *g = convoy_net_parse (text, NULL, input, NULL, seed, &error);
  if (g == NULL)
    printf ("# %s: %s\n", text, error->message);
  CU_ASSERT_PTR_NOT_NULL_FATAL (g);
  return g;
}

static const float *
weight (const ConvoyGraph *g, const char *name, gint64 *n)
{
  const ConvoyTensor *t = convoy_params_get (convoy_graph_params (g), name);
  CU_ASSERT_PTR_NOT_NULL_FATAL (t);
  *n = convoy_tensor_count (t);
  return convoy_tensor_data (t);
}

/* Largest magnitude at most bound (and near it, for a uniform distribution), mean 0, variance. */
static void
expect (const char *text, const ConvoyShape *input, const char *name, double bound, double variance)
{
  ConvoyGraph *g = parse (text, input, 5);
  gint64 n;
  const float *w = weight (g, name, &n);
  double sum = 0, squares = 0, most = 0;
  for (gint64 i = 0; i < n; i++) {
    sum += w[i];
    squares += (double) w[i] * w[i];
    most = fmax (most, fabs (w[i]));
  }
  gboolean ok = most <= bound * (1 + 1e-6) && most > bound * 0.98 && fabs (sum / n) < 5 * sqrt (variance / n) && fabs (squares / n / variance - 1) < 0.03;
  if (!ok)
    printf ("# %s: largest %g of %g, mean %g, variance %g of %g\n", text, most, bound, sum / n, squares / n, variance);
  CU_ASSERT (ok);
  convoy_graph_unref (g);
}

/* The bound of a normal distribution that is cut off at two of its own deviations. */
static double
cut (double variance)
{
  return 2 * sqrt (variance) / 0.87962566103423978;
}

static void
test_dense (void)
{
  const ConvoyShape in = CONVOY_SHAPE (1, 400);
  expect ("dense 200", &in, "dense/kernel", sqrt (6.0 / 600), 2.0 / 600);
  expect ("dense 200 init=glorot_normal", &in, "dense/kernel", cut (2.0 / 600), 2.0 / 600);
  expect ("dense 200 init=he_uniform", &in, "dense/kernel", sqrt (6.0 / 400), 2.0 / 400);
  expect ("dense 200 init=he_normal", &in, "dense/kernel", cut (2.0 / 400), 2.0 / 400);
  expect ("dense 200 init=lecun_uniform", &in, "dense/kernel", sqrt (3.0 / 400), 1.0 / 400);
  expect ("dense 200 init=lecun_normal", &in, "dense/kernel", cut (1.0 / 400), 1.0 / 400);
  expect ("dense 200 init=uniform", &in, "dense/kernel", 0.05, 0.05 * 0.05 / 3);
  expect ("dense 200 init=truncated_normal", &in, "dense/kernel", 0.1, pow (0.05 * 0.87962566103423978, 2));
}

/* Keras' fans: kernel times channels in and filters out; of a depthwise kernel channels in and multiplier out. */
static void
test_convolutions (void)
{
  const ConvoyShape in = CONVOY_SHAPE (1, 64, 8, 8), text = CONVOY_SHAPE (1, 20);
  expect ("conv2d 96 kernel=3", &in, "conv2d/kernel", sqrt (6.0 / (9 * (64 + 96))), 2.0 / (9 * (64 + 96)));
  expect ("conv2d 96 kernel=3 init=he_normal", &in, "conv2d/kernel", cut (2.0 / (9 * 64)), 2.0 / (9 * 64));
  expect ("conv2d 128 kernel=3 groups=4", &in, "conv2d/kernel", sqrt (6.0 / (9 * (16 + 128))), 2.0 / (9 * (16 + 128)));
  expect ("conv1d 96 kernel=7", &CONVOY_SHAPE (1, 64, 8), "conv1d/kernel", sqrt (6.0 / (7 * (64 + 96))), 2.0 / (7 * (64 + 96)));
  expect ("depthwise kernel=7 multiplier=4", &in, "depthwise_conv2d/kernel", sqrt (6.0 / (49 * (64 + 4))), 2.0 / (49 * (64 + 4)));
  expect ("separable 192 kernel=7 multiplier=4", &in, "separable_conv2d/depthwise_kernel", sqrt (6.0 / (49 * (64 + 4))), 2.0 / (49 * (64 + 4)));
  expect ("separable 192 kernel=7 multiplier=4", &in, "separable_conv2d/pointwise_kernel", sqrt (6.0 / (256 + 192)), 2.0 / (256 + 192));
  expect ("embedding 2000 output-dim=32", &text, "embedding/embeddings", 0.05, 0.05 * 0.05 / 3);
}

static void
test_fixed (void)
{
  static const struct { const char *name; float value; } cases[] = {
    { "conv2d/bias", 0 }, { "batch_normalization/gamma", 1 }, { "batch_normalization/beta", 0 }, { "batch_normalization/moving_mean", 0 },
    { "batch_normalization/moving_variance", 1 }, { "batch_normalization_1/gamma", 0 }, { "conv2d_1/kernel", 1 }, { "conv2d_1/bias", 1 },
  };
  ConvoyGraph *g = parse ("conv2d 8 kernel=3 ! batchnorm ! conv2d 4 kernel=3 init=ones bias-init=ones ! batchnorm gamma-init=zeros", &CONVOY_SHAPE (1, 3, 8, 8), 1);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    gint64 n;
    const float *w = weight (g, cases[i].name, &n);
    for (gint64 k = 0; k < n; k++)
      CU_ASSERT_EQUAL (w[k], cases[i].value);
  }
  convoy_graph_unref (g);
}

/* The same seed and name give the same weights, whatever stands around; another seed or name others. */
static void
test_seed (void)
{
  const ConvoyShape in = CONVOY_SHAPE (1, 30);
  ConvoyGraph *a = parse ("dense 30 name=a ! dense 30 name=b", &in, 7), *b = parse ("dense 9 ! dropout rate=0.1 ! dense 30 from=input name=b", &in, 7);
  ConvoyGraph *c = parse ("dense 30 name=b", &in, 8);
  gint64 n;
  CU_ASSERT (memcmp (weight (a, "b/kernel", &n), weight (b, "b/kernel", &n), 900 * sizeof (float)) == 0);
  CU_ASSERT (memcmp (weight (a, "b/kernel", &n), weight (a, "a/kernel", &n), 900 * sizeof (float)) != 0);
  CU_ASSERT (memcmp (weight (a, "b/kernel", &n), weight (c, "b/kernel", &n), 900 * sizeof (float)) != 0);
  convoy_graph_unref (a);
  convoy_graph_unref (b);
  convoy_graph_unref (c);
}

/* Worked out apart from this library, from SplitMix64 and FNV-1a as they are published: so that a
 * seed means the same weights in every release and on every machine. */
static void
test_stream (void)
{
  static const double want[] = { -1.0283330939954682, -0.2943930731557568, 0.8162344604511985, -0.9669498261329708 };
  ConvoyGraph *g = parse ("dense 2", &CONVOY_SHAPE (1, 3), 7);
  gint64 n;
  const float *w = weight (g, "dense/kernel", &n);
  for (guint i = 0; i < G_N_ELEMENTS (want); i++)
    CU_ASSERT_DOUBLE_EQUAL (w[i], want[i], 1e-7);
  convoy_graph_unref (g);
}

int
main (void)
{
  static const TapTest tests[] = {
    { "dense", test_dense },
    { "convolutions and embedding", test_convolutions },
    { "fixed values", test_fixed },
    { "by the same seed the same", test_seed },
    { "the stream of random numbers", test_stream },
    { NULL, NULL },
  };
  return tap_main ("init", tests);
}
