/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-learn-paths.c - what learns quickly against what learns plainly: kernels over blocks of channels
 * against the formulas in double precision, gradients that are left as products against those that
 * are computed. */
#include "core/graph.h"
#include "core/optim.h"
#include "tests/tap.h"
#include <math.h>
#include <string.h>

/* --- BatchNormalization over blocks of channels ------------------------- */

/* More places than are summed at a time, and no multiple of what is taken in one go. */
enum { BATCH = 2, CHANNELS = 32, SIDE = 19, SPACE = SIDE * SIDE, COUNT = BATCH * CHANNELS * SPACE };

typedef struct { double mean, variance, dscale, dshift, dx_x; } Channel;        /* dx_x: sum of dx x */

static float
sample (gsize i)
{
  return (float) ((i * 7919 + 31) % 10007) / 5000 - 1;
}

static ConvoyValue
param (ConvoyGraph *g, const char *name, const ConvoyShape *s, float first, float step)
{
  g_autoptr (ConvoyTensor) t = convoy_tensor_new (CONVOY_F32, s, NULL);
  for (gint64 i = 0; i < convoy_tensor_count (t); i++)
    ((float *) convoy_tensor_data (t))[i] = first + step * (i % 7);
  return convoy_graph_param (g, name, t);
}

/* x -> 1x1 convolution that changes nothing, in blocks -> normalized -> held in 0 to 0.8 */
static ConvoyExec *
norm_exec (void)
{
  ConvoyShape xs = CONVOY_SHAPE (BATCH, CHANNELS, SIDE, SIDE), ws = CONVOY_SHAPE (CHANNELS, CHANNELS, 1, 1), c = CONVOY_SHAPE (CHANNELS), scalar = { 0 };
  ConvoyGraph *g = convoy_graph_new (15);
  ConvoyAttrs *epsilon = convoy_attrs_new ();
  convoy_attrs_set_float (epsilon, "epsilon", 1e-3f);
  ConvoyValue x[2] = { convoy_graph_input (g, "x", CONVOY_F32, &xs), param (g, "w", &ws, 0, 0) };
  for (guint i = 0; i < CHANNELS; i++)
    ((float *) convoy_tensor_data (convoy_params_get (convoy_graph_params (g), "w")))[i * CHANNELS + i] = 1;
  ConvoyValue n[5] = { convoy_graph_node (g, "Conv", NULL, x, 2, NULL, 1, NULL, NULL), param (g, "scale", &c, 0.5f, 0.1f), param (g, "shift", &c, -0.1f, 0.05f),
    param (g, "mean", &c, 0, 0), param (g, "variance", &c, 1, 0) };
  g_autoptr (ConvoyTensor) lo = convoy_tensor_new (CONVOY_F32, &scalar, NULL), hi = convoy_tensor_new (CONVOY_F32, &scalar, NULL);
  *(float *) convoy_tensor_data (lo) = 0, *(float *) convoy_tensor_data (hi) = 0.8f;
  ConvoyValue y[3] = { convoy_graph_node (g, "BatchNormalization", NULL, n, 5, NULL, 1, epsilon, NULL), convoy_graph_const (g, "", lo), convoy_graph_const (g, "", hi) };
  ConvoyValue z = convoy_graph_node (g, "Clip", NULL, y, 3, NULL, 1, NULL, NULL), flat = convoy_graph_node (g, "Flatten", NULL, &z, 1, NULL, 1, NULL, NULL);
  convoy_graph_add_loss (g, flat, "MeanSquaredError", TRUE, 0, NULL);
  ConvoyPlan *p = convoy_plan_new_learning (g, &(ConvoyLearnOptions) { .threads = 2 }, NULL);
  ConvoyExec *e = p ? convoy_exec_new (p, NULL) : NULL;
  convoy_plan_unref (p);
  convoy_graph_unref (g);
  return e;
}

/* The formulas of batchnorm-learn.c for the loss mean (y^2), one channel. */
static Channel
norm_by_formula (const float *x, guint c, double *loss)
{
  Channel r = { 0 };
  double scale = 0.5f + 0.1f * (c % 7), shift = -0.1f + 0.05f * (c % 7), m = BATCH * SPACE;
  for (guint pass = 0; pass < 4; pass++)
    for (guint i = 0; i < BATCH * SPACE; i++) {
      double v = x[(i / SPACE * CHANNELS + c) * SPACE + i % SPACE], inverse = 1 / sqrt (r.variance + 1e-3), h = (v - r.mean) * inverse;
      double z = scale * h + shift, y = fmin (fmax (z, 0), 0.8), dz = z > 0 && z < 0.8 ? 2 * y / COUNT : 0;
      if (pass == 0)
        r.mean += v / m;
      else if (pass == 1)
        r.variance += (v - r.mean) * (v - r.mean) / m;
      else if (pass == 2)
        r.dshift += dz, r.dscale += dz * h, *loss += y * y / COUNT;
      else
        r.dx_x += v * scale * inverse * (dz - r.dshift / m - h * r.dscale / m);
    }
  return r;
}

static const float *
gradient_of (ConvoyExec *e, const char *name, ConvoyTensor *plain)
{
  for (guint i = 0; i < convoy_exec_n_slots (e); i++)
    if (g_str_equal (convoy_exec_slot (e, i)->name, name))
      CU_ASSERT_TRUE_FATAL (convoy_exec_to_plain (e, i, convoy_exec_gradients (e) + convoy_exec_slot (e, i)->offset, plain, NULL));
  return convoy_tensor_data (plain);
}

static void
test_norm_in_blocks (void)
{
  ConvoyShape xs = CONVOY_SHAPE (BATCH, CHANNELS, SIDE, SIDE), ts = CONVOY_SHAPE (BATCH, CHANNELS * SPACE), ws = CONVOY_SHAPE (CHANNELS, CHANNELS, 1, 1), c = CONVOY_SHAPE (CHANNELS);
  g_autoptr (ConvoyTensor) x = convoy_tensor_new (CONVOY_F32, &xs, NULL), target = convoy_tensor_new (CONVOY_F32, &ts, NULL);
  g_autoptr (ConvoyTensor) dw = convoy_tensor_new (CONVOY_F32, &ws, NULL), dscale = convoy_tensor_new (CONVOY_F32, &c, NULL), dshift = convoy_tensor_new (CONVOY_F32, &c, NULL);
  for (gsize i = 0; i < COUNT; i++)
    ((float *) convoy_tensor_data (x))[i] = sample (i), ((float *) convoy_tensor_data (target))[i] = 0;
  ConvoyExec *e = norm_exec ();
  CU_ASSERT_PTR_NOT_NULL_FATAL (e);
  CU_ASSERT_TRUE_FATAL (convoy_exec_set (e, 0, x, NULL) && convoy_exec_set (e, 1, target, NULL) && convoy_exec_run (e, NULL));
  gradient_of (e, "w", dw), gradient_of (e, "scale", dscale), gradient_of (e, "shift", dshift);
  double loss = 0;
  for (guint i = 0; i < CHANNELS; i++) {
    Channel r = norm_by_formula (convoy_tensor_data (x), i, &loss);
    CU_ASSERT_DOUBLE_EQUAL (((float *) convoy_tensor_data (dscale))[i], r.dscale, 1e-5 * fabs (r.dscale) + 1e-9);
    CU_ASSERT_DOUBLE_EQUAL (((float *) convoy_tensor_data (dshift))[i], r.dshift, 1e-5 * fabs (r.dshift) + 1e-9);
    CU_ASSERT_DOUBLE_EQUAL (((float *) convoy_tensor_data (dw))[i * CHANNELS + i], r.dx_x, 1e-4 * fabs (r.dx_x) + 1e-7);
  }
  CU_ASSERT_DOUBLE_EQUAL (*(const float *) convoy_tensor_data (convoy_exec_output (e, 0)), loss, 1e-5 * loss);
  convoy_exec_free (e);
}

/* --- gradients that are left as products ------------------------------- */

enum { SAMPLES = 6, INPUTS = 2100, OUTPUTS = 40 }; /* more than a piece has, and no multiple of it */

/* Weights OxC, or CxO, with a bias, a function, and a second layer behind; then a mean square. */
static ConvoyGraph *
layers_graph (gboolean turned)
{
  ConvoyShape xs = CONVOY_SHAPE (SAMPLES, INPUTS), ws = turned ? CONVOY_SHAPE (OUTPUTS, INPUTS) : CONVOY_SHAPE (INPUTS, OUTPUTS),
              bs = CONVOY_SHAPE (OUTPUTS);
  ConvoyShape vs = CONVOY_SHAPE (OUTPUTS, 3);
  ConvoyGraph *g = convoy_graph_new (13);
  ConvoyAttrs *a = convoy_attrs_new ();
  convoy_attrs_set_int (a, "transB", turned);
  ConvoyValue in[3] = { convoy_graph_input (g, "x", CONVOY_F32, &xs), param (g, "w", &ws, -0.03f, 0.01f),
    param (g, "b", &bs, -0.1f, 0.05f) };
  ConvoyValue y = convoy_graph_node (g, "Gemm", NULL, in, 3, NULL, 1, a, NULL),
              r = convoy_graph_node (g, "Relu", NULL, &y, 1, NULL, 1, NULL, NULL);
  ConvoyValue last[2] = { r, param (g, "v", &vs, -0.2f, 0.07f) };
  convoy_graph_add_loss (g, convoy_graph_node (g, "MatMul", NULL, last, 2, NULL, 1, NULL, NULL), "MeanSquaredError", TRUE, 0, NULL);
  return g;
}

/* The slots' weights after three steps, plain. products: how many gradients were left. */
static float *
weights_after (ConvoyGraph *g, const char *optimizer, gboolean outer, guint threads, guint *products)
{
  ConvoyPlan *p = convoy_plan_new_learning (g, &(ConvoyLearnOptions) { .threads = threads, .outer = outer }, NULL);
  ConvoyExec *e = p ? convoy_exec_new (p, NULL) : NULL;
  CU_ASSERT_PTR_NOT_NULL_FATAL (e);
  ConvoyOptim o;
  ConvoyOptimPart parts[8];
  guint n = convoy_exec_n_slots (e);
  *products = 0;
  for (guint i = 0; i < n; i++) {
    const ConvoySlot *s = convoy_exec_slot (e, i);
    parts[i] = (ConvoyOptimPart) { s->offset, s->n, 1, s->shape.n > 1, convoy_exec_outer (e, i) };
    *products += parts[i].outer != NULL;
  }
  CU_ASSERT_TRUE_FATAL (convoy_optim_init (&o, optimizer, 0.01, threads, NULL)
      && convoy_optim_set_parts (&o, parts, n, convoy_exec_n_learning (e), NULL));
  ConvoyShape xs = CONVOY_SHAPE (SAMPLES, INPUTS), ts = CONVOY_SHAPE (SAMPLES, 3);
  g_autoptr (ConvoyTensor) x = convoy_tensor_new (CONVOY_F32, &xs, NULL), t = convoy_tensor_new (CONVOY_F32, &ts, NULL);
  for (gsize i = 0; i < SAMPLES * INPUTS; i++)
    ((float *) convoy_tensor_data (x))[i] = sample (i);
  for (gsize i = 0; i < SAMPLES * 3; i++)
    ((float *) convoy_tensor_data (t))[i] = sample (i * 77);
  for (guint step = 1; step <= 3; step++) {
    CU_ASSERT_TRUE_FATAL (convoy_exec_set (e, 0, x, NULL) && convoy_exec_set (e, 1, t, NULL) && convoy_exec_run (e, NULL));
    convoy_optim_step (&o, convoy_exec_weights (e), convoy_exec_gradients (e), FALSE, 0.01, step);
  }
  float *w = g_memdup2 (convoy_exec_weights (e), convoy_exec_n_learning (e) * sizeof (float));
  convoy_optim_clear (&o);
  convoy_exec_free (e);
  convoy_plan_unref (p);
  return w;
}

static void
test_products (void)
{
  static const char *const optimizers[] = { "sgd", "momentum l2=0.01", "nesterov clip-norm=0.1", "momentum clip-norm=0.1 l2=0.01",
    "sgd clip-value=0.001", "momentum" };
  const gsize count = INPUTS * OUTPUTS;
  for (guint i = 0; i < 2 * G_N_ELEMENTS (optimizers); i++) {
    ConvoyGraph *g = layers_graph (i % 2);
    guint none, some, same;
    g_autofree float *plain = weights_after (g, optimizers[i / 2], FALSE, 1, &none),
                     *left = weights_after (g, optimizers[i / 2], TRUE, 1, &some);
    g_autofree float *threads = weights_after (g, optimizers[i / 2], TRUE, 2, &same);
    double worst = 0;
    for (gsize k = 0; k < count; k++)
      worst = fmax (worst, fabs (plain[k] - left[k]));
    CU_ASSERT (none == 0 && some == 1 && same == 1);
    CU_ASSERT (worst < 1e-6);
    CU_ASSERT_EQUAL (memcmp (left, threads, count * sizeof *left), 0);
    convoy_graph_unref (g);
  }
}

int
main (void)
{
  static const TapTest tests[] = { { "BatchNormalization over blocks of channels", test_norm_in_blocks },
    { "gradients left as products", test_products }, { NULL, NULL } };
  return tap_main ("learn-paths", tests);
}
