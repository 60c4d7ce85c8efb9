/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-operators.c - the forward pass of the operators that ONNX's own cases leave out, and of the
 * functions that networks learn through, closer than those cases, against their closed forms. Prints "# operator NAME" for each row of the operator table and
 * "# forward NAME" for each one tested here; check-conformance.sh wants the others among ONNX's cases. */
#include "core/copy.h"
#include "core/op.h"
#include "tests/tap.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define N 1003                  /* elements: whole vectors and a rest */

/* --- one number at a time ------------------------------------------------ */

static double sigmoid (double x) { return 1 / (1 + exp (-x)); }
static double softplus (double x) { return log1p (exp (x)); }
static double swish (double x) { return x * sigmoid (x); }

static const struct { const char *op; double lo, hi, (*f) (double x); } unary[] = {
  { "Acos", -1, 1, acos }, { "Acosh", 1, 9, acosh }, { "Asin", -1, 1, asin }, { "Asinh", -9, 9, asinh }, { "Atan", -9, 9, atan },
  { "Atanh", -0.99, 0.99, atanh }, { "Cos", -9, 9, cos }, { "Cosh", -4, 4, cosh }, { "Erf", -4, 4, erf }, { "Round", -4, 4, rint },
  { "Sin", -9, 9, sin }, { "Sinh", -4, 4, sinh }, { "Tan", -1.4, 1.4, tan },
  { "Exp", -9, 9, exp }, { "Log", 0.01, 9, log }, { "Sigmoid", -9, 9, sigmoid }, { "Softplus", -9, 9, softplus }, { "Swish", -9, 9, swish },
  { "Tanh", -9, 9, tanh },
};

static ConvoyExec *
exec_of (const char *op, const ConvoyShape *s, ConvoyAttrs *attrs, ConvoyTensor *x, ConvoyTensor *more, GError **error)
{
  ConvoyGraph *g = convoy_graph_new (more ? 9 : 24);
  ConvoyValue in[2] = { convoy_graph_input (g, "x", CONVOY_F32, s), CONVOY_NONE };
  if (more)
    in[1] = convoy_graph_param (g, "more", more);
  ConvoyValue y = convoy_graph_node (g, op, "it", in, more ? 2 : 1, NULL, 1, attrs, error);
  if (y != CONVOY_NONE)
    convoy_graph_output (g, y);
  ConvoyGraph *bound = y == CONVOY_NONE ? NULL : convoy_graph_bind (g, s, NULL, error);
  ConvoyPlan *p = bound ? convoy_plan_new (bound, NULL, error) : NULL;
  ConvoyExec *e = p ? convoy_exec_new (p, error) : NULL;
  if (e && !(convoy_exec_set (e, 0, x, error) && convoy_exec_run (e, error)))
    g_clear_pointer (&e, convoy_exec_free);
  convoy_plan_unref (p);
  convoy_graph_unref (bound);
  convoy_graph_unref (g);
  return e;
}

static guint
differences (ConvoyExec *e, const char *op, const double *want, gsize n)
{
  const ConvoyTensor *y = e ? convoy_exec_output (e, 0) : NULL;
  guint wrong = y && (gsize) convoy_tensor_count (y) == n ? 0 : 1;
  for (gsize i = 0; wrong == 0 && i < n; i++) {
    double got = ((const float *) convoy_tensor_data (y))[i];
    if (!(fabs (got - want[i]) <= 1e-6 + 1e-5 * fabs (want[i]))) {
      printf ("# %s: element %zu is %g, should be %g\n", op, i, got, want[i]);
      wrong++;
    }
  }
  if (wrong == 0)
    printf ("# forward %s\n", op);
  return wrong;
}

static void
test_unary (void)
{
  ConvoyShape s = CONVOY_SHAPE (N);
  for (guint k = 0; k < G_N_ELEMENTS (unary); k++) {
    g_autoptr (ConvoyTensor) x = convoy_tensor_new (CONVOY_F32, &s, NULL);
    float *v = convoy_tensor_data (x);
    double want[N];
    for (guint i = 0; i < N; i++) {     /* halves are among them, for Round */
      v[i] = (float) (unary[k].lo + (unary[k].hi - unary[k].lo) * (i % 1001) / 1000.0);
      want[i] = unary[k].f (v[i]);
    }
    ConvoyExec *e = exec_of (unary[k].op, &s, NULL, x, NULL, NULL);
    CU_ASSERT_EQUAL (differences (e, unary[k].op, want, N), 0);
    convoy_exec_free (e);
  }
}

/* --- maps ------------------------------------------------------------------ */

static ConvoyTensor *
ramp (const ConvoyShape *s)
{
  ConvoyTensor *t = convoy_tensor_new (CONVOY_F32, s, NULL);
  for (gint64 i = 0; i < convoy_shape_count (s); i++)
    ((float *) convoy_tensor_data (t))[i] = (float) (i % 7) - 3;
  return t;
}

/* The p-th root of the sum of |x|^p over a channel's pixels. */
static void
test_global_lp_pool (void)
{
  ConvoyShape s = CONVOY_SHAPE (2, 3, 4, 5);
  g_autoptr (ConvoyTensor) x = ramp (&s);
  for (int p = 1; p <= 3; p++) {
    double want[6] = { 0 };
    for (guint i = 0; i < 120; i++)
      want[i / 20] += pow (fabs (((const float *) convoy_tensor_data (x))[i]), p);
    for (guint c = 0; c < 6; c++)
      want[c] = pow (want[c], 1.0 / p);
    ConvoyAttrs *a = convoy_attrs_new ();
    convoy_attrs_set_int (a, "p", p);
    ConvoyExec *e = exec_of ("GlobalLpPool", &s, a, x, NULL, NULL);
    CU_ASSERT_EQUAL (differences (e, "GlobalLpPool", want, 6), 0);
    convoy_exec_free (e);
  }
}

/* Twice as high and three times as wide: each pixel again and again. */
static void
test_upsample (void)
{
  ConvoyShape s = CONVOY_SHAPE (1, 2, 3, 2), four = CONVOY_SHAPE (4);
  g_autoptr (ConvoyTensor) x = ramp (&s), scales = convoy_tensor_new (CONVOY_F32, &four, NULL);
  double want[2 * 6 * 6];
  memcpy (convoy_tensor_data (scales), (const float[]) { 1, 1, 2, 3 }, 4 * sizeof (float));
  for (guint i = 0; i < G_N_ELEMENTS (want); i++)
    want[i] = ((const float *) convoy_tensor_data (x))[i / 36 * 6 + i / 6 % 6 / 2 * 2 + i % 6 / 3];
  ConvoyExec *e = exec_of ("Upsample", &s, NULL, x, scales, NULL);
  CU_ASSERT_EQUAL (differences (e, "Upsample", want, G_N_ELEMENTS (want)), 0);
  convoy_exec_free (e);
}

/* --- layouts ----------------------------------------------------------------- */

/* 5x6x3x3 to blocks of 16 by 16: number (a, b, c, d) lies at ((c * 3 + d) * 16 + a) * 16 + b, zeros between. */
static void
test_copy (void)
{
  const gint64 dims[] = { 5, 6, 3, 3 }, padded[] = { 16, 16, 3, 3 }, plain[] = { 54, 9, 3, 1 }, stride[] = { 2304, 2304, 768, 256 }, block[] = { 16, 16 }, of[] = { 0, 1 };
  const ConvoyLayout from = { 4, 0, dims, dims, plain, NULL, NULL }, to = { 4, 2, dims, padded, stride, block, of };
  float x[270], y[2304];
  for (guint i = 0; i < G_N_ELEMENTS (x); i++)
    x[i] = (float) i + 1;
  memset (y, 0x55, sizeof y);
  CU_ASSERT_TRUE (convoy_copy_is_misplaced (&from, &to));
  CU_ASSERT_FALSE (convoy_copy_is_misplaced (&to, &from));
  ConvoyCopy *c = convoy_copy_new (&from, &to, sizeof y);
  convoy_copy_run (c, x, y);
  convoy_copy_free (c);
  guint wrong = 0;
  for (guint i = 0; i < G_N_ELEMENTS (y); i++) {
    guint b = i % 16, a = i / 16 % 16, pixel = i / 256;
    wrong += y[i] != (a < 5 && b < 6 ? x[a * 54 + b * 9 + pixel] : 0);
  }
  CU_ASSERT_EQUAL (wrong, 0);
}

/* Losses are no operators of ONNX files; test-gradients has them. */
static void
test_table (void)
{
  guint n = 0;
  for (const ConvoyOp *const *o = convoy_ops; *o; o++)
    if (!((*o)->flags & CONVOY_OP_LOSS) && ++n)
      printf ("# operator %s\n", (*o)->name);
  CU_ASSERT (n > 0);
}

/* Nothing at all, of a shape whose other dimensions would overflow: no strides can be told. */
static void
test_empty (void)
{
  const ConvoyShape one = CONVOY_SHAPE (1, 2, 3, 4), count = CONVOY_SHAPE (4);
  ConvoyGraph *g = convoy_graph_new (13);
  g_autoptr (ConvoyTensor) repeats = convoy_tensor_new (CONVOY_I64, &count, NULL);
  g_autoptr (GError) error = NULL;
  memcpy (convoy_tensor_data (repeats), (const gint64[]) { 0, G_GINT64_CONSTANT (1) << 33, 7, G_GINT64_CONSTANT (1) << 36 }, 32);
  CU_ASSERT_EQUAL (convoy_shape_count (&CONVOY_SHAPE (0, G_MAXINT64, 2)), -1);
  CU_ASSERT_EQUAL (convoy_shape_count (&CONVOY_SHAPE (G_MAXINT64, 0)), 0);
  const ConvoyValue in[] = { convoy_graph_input (g, "x", CONVOY_F32, &one), convoy_graph_const (g, "repeats", repeats) };
  CU_ASSERT_EQUAL (convoy_graph_node (g, "Tile", "it", in, 2, NULL, 1, NULL, &error), CONVOY_NONE);
  CU_ASSERT (error && strstr (error->message, "not possible"));
  convoy_graph_unref (g);
}

int
main (void)
{
  static const TapTest tests[] = {
    { "functions of one number", test_unary },
    { "the p-norm of a channel", test_global_lp_pool },
    { "pixels repeated", test_upsample },
    { "numbers into blocks of blocks", test_copy },
    { "the table of operators", test_table },
    { "what is empty may not overflow either", test_empty },
    { NULL, NULL },
  };
  return tap_main ("operators", tests);
}
