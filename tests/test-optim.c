/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-optim.c - optimizers and schedules against closed forms and what PyTorch 1.13 makes of the
 * same gradients in double precision. */
#include "core/optim.h"
#include "core/schedule.h"
#include "tests/tap.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static void
make (ConvoyOptim *o, const char *text, double lr, guint threads, gsize n, gboolean decays)
{
  ConvoyOptimPart part = { 0, n, 1, decays, NULL };
  CU_ASSERT_TRUE_FATAL (convoy_optim_init (o, text, lr, threads, NULL));
  CU_ASSERT_TRUE_FATAL (convoy_optim_set_parts (o, &part, 1, n, NULL));
}

static double
rate (const ConvoyOptim *o)
{
  return convoy_spec_get (&o->spec, "lr");
}

/* w after so many steps from w, the gradient being g in each. */
static float
constant_gradient (const char *text, float w, float g, guint steps)
{
  ConvoyOptim o;
  make (&o, text, 0, 1, 1, TRUE);
  for (guint i = 1; i <= steps; i++) {
    float copy = g;
    convoy_optim_step (&o, &w, &copy, TRUE, rate (&o), i);
  }
  convoy_optim_clear (&o);
  return w;
}

/* --- rules ------------------------------------------------------------ */

static void
test_closed_forms (void)
{
  const double g = -0.25, m = 0.9, lr = 0.01;
  double sum = 0, root = 0;
  tap_near (constant_gradient ("sgd", 1, g, 10), 1 - 10 * lr * g, 1e-6);
  for (guint k = 1; k <= 10; k++) {
    sum += (1 - pow (m, k)) / (1 - m);
    root += 0.001 * g / (fabs (g) * sqrt (1 - pow (0.9, k)) + 1e-7);
  }
  tap_near (constant_gradient ("momentum", 1, g, 10), 1 - lr * g * sum, 1e-6);
  tap_near (constant_gradient ("nesterov", 1, g, 10), 1 - lr * g * (sum * m + 10), 1e-6);
  tap_near (constant_gradient ("rmsprop", 1, g, 10), 1 - root, 1e-6);
  tap_near (constant_gradient ("adam", 1, g, 10), 1 + 10 * 0.001, 1e-5);
  /* Apart from the gradient, AdamW only shrinks the weights; lr times weight-decay a step. */
  tap_near (constant_gradient ("adamw lr=0.1 weight-decay=0.5", 2, 0, 10), 2 * pow (1 - 0.05, 10), 1e-6);
  /* The penalty l2 w^2 has the gradient 2 l2 w. */
  tap_near (constant_gradient ("sgd lr=0.1 l2=0.25", 2, 0, 10), 2 * pow (1 - 0.05, 10), 1e-6);
}

static void
test_pytorch (void)
{
  static const float gradients[4][3] = { { 0.3, -0.7, 1.5 }, { -0.2, 0.9, 0.1 }, { 0.05, 0.4, -2.5 }, { 1.1, -0.6, 0.8 } };
  static const struct { const char *text; double wanted[3]; } cases[] = {
    { "sgd lr=0.1", { 0.375, -1.25, 2.01 } },
    { "momentum lr=0.1 momentum=0.8", { 0.34124, -1.27496, 1.9028 } },
    { "nesterov lr=0.1 momentum=0.8", { 0.247992, -1.269968, 1.93224 } },
    { "rmsprop lr=0.01 rho=0.85 epsilon=1e-3", { 0.460507887, -1.24145655, 1.98771732 } },
    { "adam lr=0.02 beta1=0.8 beta2=0.95", { 0.461783567, -1.2419827, 1.97490123 } },
    { "adamw lr=0.02 beta1=0.8 beta2=0.95 weight-decay=0.1", { 0.457928819, -1.23209787, 1.95910988 } },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    ConvoyOptim o;
    float w[3] = { 0.5, -1.25, 2 };
    make (&o, cases[i].text, 0, 1, 3, TRUE);
    for (guint s = 0; s < 4; s++) {
      float g[3];
      memcpy (g, gradients[s], sizeof g);
      convoy_optim_step (&o, w, g, TRUE, rate (&o), s + 1);
    }
    for (guint k = 0; k < 3; k++)
      tap_near (w[k], cases[i].wanted[k], 2e-6);
    convoy_optim_clear (&o);
  }
}

/* Every rule of the table learns: it goes downhill on w^2 / 2. */
static void
test_every_rule (void)
{
  for (guint i = 0; convoy_optim_word (i); i++) {
    ConvoyOptim o;
    float w = 1;
    make (&o, convoy_optim_word (i)->word, 0.05, 1, 1, FALSE);
    for (guint s = 1; s <= 400; s++) {
      float g = w;
      convoy_optim_step (&o, &w, &g, TRUE, rate (&o), s);
    }
    tap_near (w, 0, 0.1);
    convoy_optim_clear (&o);
  }
}

/* --- clipping, factors, threads ---------------------------------------- */

static void
test_clipping (void)
{
  ConvoyOptim o;
  float w[3] = { 0 }, g[3] = { 3, 0, -4 }, small[3] = { 0.3, 0, -0.4 }, large[3] = { 2, -2, 0.25 };
  make (&o, "sgd lr=1 clip-norm=1", 0, 1, 3, TRUE);
  convoy_optim_step (&o, w, g, TRUE, 1, 1);
  tap_near (w[0], -0.6, 1e-6);
  tap_near (w[2], 0.8, 1e-6);
  convoy_optim_step (&o, w, small, TRUE, 1, 2);
  tap_near (w[0], -0.9, 1e-6);
  convoy_optim_clear (&o);
  memset (w, 0, sizeof w);
  make (&o, "sgd lr=1 clip-value=0.5", 0, 1, 3, TRUE);
  convoy_optim_step (&o, w, large, TRUE, 1, 1);
  tap_near (w[0], -0.5, 0);
  tap_near (w[1], 0.5, 0);
  tap_near (w[2], -0.25, 0);
  convoy_optim_clear (&o);
}

static void
test_parts (void)
{
  ConvoyOptimPart parts[] = { { 0, 2, 1, TRUE, NULL }, { 2, 1, 0.5, FALSE, NULL }, { 3, 1, 0, TRUE, NULL } };
  float w[4] = { 1, 1, 1, 1 }, g[4] = { 1, 1, 1, 1 };
  ConvoyOptim o;
  CU_ASSERT_TRUE_FATAL (convoy_optim_init (&o, "sgd l2=0.5", 0.1, 1, NULL));
  CU_ASSERT_TRUE_FATAL (convoy_optim_set_parts (&o, parts, 3, 4, NULL));
  convoy_optim_step (&o, w, g, TRUE, rate (&o), 1);
  tap_near (w[0], 0.8, 1e-6);    /* the penalty doubles the gradient */
  tap_near (w[2], 0.95, 1e-6);   /* half the rate, no penalty */
  CU_ASSERT_EQUAL (w[3], 1);
  convoy_optim_clear (&o);
}

#define MANY 100003
static void
run_many (const char *text, guint threads, float *w)
{
  g_autofree float *g = g_new (float, MANY);
  ConvoyOptim o;
  make (&o, text, 0, threads, MANY, TRUE);
  for (gsize i = 0; i < MANY; i++)
    w[i] = sinf (i);
  for (guint s = 1; s <= 3; s++) {
    for (gsize i = 0; i < MANY; i++)
      g[i] = cosf (i * 0.37f + s);
    convoy_optim_step (&o, w, g, TRUE, rate (&o), s);
  }
  convoy_optim_clear (&o);
}

/* Long arrays, in several pieces: no thread changes a bit, and each element is as if alone. */
static void
test_threads (void)
{
  static const char *const texts[] = { "rmsprop l2=0.01", "adamw clip-norm=1", "nesterov clip-value=0.5" };
  g_autofree float *a = g_new (float, MANY), *b = g_new (float, MANY);
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    run_many (texts[i], 1, a);
    run_many (texts[i], 2, b);
    CU_ASSERT_EQUAL (memcmp (a, b, MANY * sizeof *a), 0);
  }
  run_many ("rmsprop", 2, a);
  for (gsize i = 0; i < MANY; i += 997) {
    double w = sinf (i), v = 0;
    for (guint s = 1; s <= 3; s++) {
      double g = cosf (i * 0.37f + s);
      v = 0.9 * v + 0.1 * g * g;
      w -= 0.001 * g / (sqrt (v) + 1e-7);
    }
    tap_near (a[i], w, 1e-5);
  }
}

/* --- schedules ---------------------------------------------------------- */

static double
factor (const char *text, double at, double step, double epochs)
{
  ConvoySpec s;
  CU_ASSERT_TRUE_FATAL (convoy_schedule_parse (&s, text, NULL));
  return convoy_schedule_factor (&s, at, step, epochs);
}

static void
test_schedules (void)
{
  static const struct { const char *text; double at, wanted; } cases[] = {      /* of 20 epochs */
    { "constant", 13.7, 1 },
    { "step", 9.99, 1 }, { "step", 10, 0.1 }, { "step every=4 factor=0.5", 13.5, 0.125 },
    { "exponential factor=0.9", 3, 0.729 },
    { "cosine", 0, 1 }, { "cosine", 10, 0.5 }, { "cosine", 5, 0.5 + M_SQRT1_2 / 2 }, { "cosine final=0.2", 20, 0.2 },
    { "one-cycle", 0, 0.04 }, { "one-cycle", 3, 0.52 }, { "one-cycle", 6, 1 }, { "one-cycle", 13, 0.50005 }, { "one-cycle", 20, 0.0001 },
    { "cosine warmup=4", 12, 0.5 }, { "step every=4 warmup=2", 5.9, 1 }, { "step every=4 warmup=2", 6, 0.1 },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    tap_near (factor (cases[i].text, cases[i].at, 0.01, 20), cases[i].wanted, 1e-12);
}

static void
test_warmup (void)
{
  for (guint k = 0; k < 10; k++)
    tap_near (factor ("constant warmup=2", k * 0.2, 0.2, 5), (k + 1) / 10.0, 1e-12);
  tap_near (factor ("constant warmup=2", 2, 0.2, 5), 1, 0);
  tap_near (factor ("cosine warmup=9", 3, 1, 5), 4 / 9.0, 1e-12);        /* longer than there is time for */
  tap_near (factor ("cosine warmup=5", 5, 1, 5), 1, 0);
}

/* --- text --------------------------------------------------------------- */

static void
refused (const char *optimizer, const char *schedule, const char *wanted)
{
  GError *error = NULL;
  ConvoyOptim o = { 0 };
  ConvoySpec s;
  gboolean ok = optimizer ? convoy_optim_init (&o, optimizer, 0, 1, &error) : convoy_schedule_parse (&s, schedule, &error);
  CU_ASSERT_FALSE (ok);
  CU_ASSERT_TRUE (error && strcmp (error->message, wanted) == 0);
  if (error && strcmp (error->message, wanted) != 0)
    printf ("# wanted: %s\n# got: %s\n", wanted, error->message);
  g_clear_error (&error);
  convoy_optim_clear (&o);
}

static void
test_refused (void)
{
  ConvoyOptim o;
  GError *error = NULL;
  refused ("rmsprob", NULL, "optimizer: rmsprob is not known, the nearest is rmsprop");
  refused ("adam rh=1", NULL, "optimizer adam: rh is not known, the nearest is lr");
  refused ("sgd momentum=0.9", NULL, "optimizer sgd: momentum is not known, the nearest is clip-norm");
  refused ("rmsprop rho=1", NULL, "optimizer rmsprop: rho=1 is no number from 0 to below 1");
  refused ("sgd lr=nan", NULL, "optimizer sgd: lr=nan is no number above 0");
  refused ("sgd lr=1e-3x", NULL, "optimizer sgd: \"lr\" is not followed by = and a number");
  refused ("sgd lr", NULL, "optimizer sgd: \"lr\" is not followed by = and a number");
  refused ("  ", NULL, "optimizer: the text is empty, give for example \"sgd\"");
  refused (NULL, "cosinus", "schedule: cosinus is not known, the nearest is cosine");
  refused (NULL, "step every=0", "schedule step: every=0 is no number of epochs above 0");
  CU_ASSERT_FALSE (convoy_optim_init (&o, "sgd", -1, 1, &error));
  CU_ASSERT_STRING_EQUAL (error->message, "optimizer sgd: lr=-1 is no number above 0");
  g_clear_error (&error);
}

static void
test_written_out (void)
{
  ConvoyOptim o;
  make (&o, " rmsprop   rho=0.5", 0.25, 1, 1, TRUE);
  g_autofree char *text = convoy_spec_str (&o.spec);
  CU_ASSERT_STRING_EQUAL (text, "rmsprop rho=0.5 epsilon=9.9999999999999995e-08 lr=0.25 l2=0 clip-norm=0 clip-value=0");
  convoy_optim_clear (&o);
}

int
main (void)
{
  static const TapTest tests[] = {
    { "constant gradients and closed forms", test_closed_forms },
    { "the weights that PyTorch gets", test_pytorch },
    { "every optimizer goes downhill", test_every_rule },
    { "clipping by norm and by value", test_clipping },
    { "factors of parts, and decay where it is meant", test_parts },
    { "long arrays and threads", test_threads },
    { "schedules by their formulas", test_schedules },
    { "warm-up", test_warmup },
    { "texts that are refused", test_refused },
    { "a text with everything written out", test_written_out },
    { NULL, NULL }
  };
  return tap_main ("optim", tests);
}
