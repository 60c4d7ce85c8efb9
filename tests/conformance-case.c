/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * conformance-case.c - loads and runs one case and judges its outputs. */
#include "config.h"
#include "core/convoy.h"
#include "tests/conformance.h"
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

/* Of a quantized network: one step of its 8-bit scores, about 0.17, moves a probability p by up to p (1 - p) 0.17. */
#define PROBABILITY_SLACK 0.02
#define PROBABILITY_SUM 0.02    /* what the sum of probabilities in 8 bits may miss 1 by */

/* --- comparing -------------------------------------------------------- */

/* A float of 16 bits: a sign, an exponent over bias, a fraction of so many bits. */
static double
short_float (guint16 code, int bias, int bits)
{
  double fraction = (code & ((1 << bits) - 1)) / (double) (1 << bits), sign = code & 0x8000 ? -1 : 1;
  int exponent = code >> bits & (2 * bias + 1);
  if (exponent == 2 * bias + 1)
    return fraction != 0 ? NAN : sign * HUGE_VAL;
  return sign * (exponent == 0 ? ldexp (fraction, 1 - bias) : ldexp (1 + fraction, exponent - bias));
}

#define ELEMENT(TYPE, T) case CONVOY_##TYPE: return ((const T *) d)[i];

static double
element (const ConvoyTensor *t, gint64 i)
{
  const void *d = convoy_tensor_data (t);
  switch (convoy_tensor_type (t)) {
    ELEMENT (F32, float)
    ELEMENT (F64, double)
    ELEMENT (I64, gint64)
    ELEMENT (U64, guint64)
    ELEMENT (I32, gint32)
    ELEMENT (U32, guint32)
    ELEMENT (I16, gint16)
    ELEMENT (U16, guint16)
    ELEMENT (I8, gint8)
    case CONVOY_F16:
      return short_float (((const guint16 *) d)[i], 15, 10);
    case CONVOY_BF16:
      return short_float (((const guint16 *) d)[i], 127, 7);
    default:
      return ((const guint8 *) d)[i];
  }
}

static gboolean
close_enough (double got, double want, double rtol, double atol)
{
  if (isnan (want) || isnan (got))
    return isnan (want) && isnan (got);
  return got == want || fabs (got - want) <= atol + rtol * fabs (want);
}

/* NULL, or what is wrong. */
static char *
compare_elements (const ConvoyTensor *got, const ConvoyTensor *want, double rtol, double atol)
{
  gint64 n = convoy_tensor_count (want), bad = 0, worst = 0;
  double excess = -1;
  for (gint64 i = 0; i < n; i++) {
    double a = element (got, i), b = element (want, i), over = fabs (a - b) - rtol * fabs (b);
    if (close_enough (a, b, rtol, atol))
      continue;
    bad++;
    if (excess < 0 || over > excess) {
      worst = i;
      excess = isnan (over) ? HUGE_VAL : over;
    }
  }
  return bad == 0 ? NULL : g_strdup_printf ("%" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " elements differ, most at %" G_GINT64_FORMAT ": %.9g, not %.9g",
      bad, n, worst, element (got, worst), element (want, worst));
}

/* n probabilities from scores or probabilities; gives the index of the best. */
static gint64
probabilities (const ConvoyTensor *t, gint64 at, gint64 n, double *p)
{
  gint64 best = 0;
  double sum = 0, max = -HUGE_VAL, min = HUGE_VAL;
  for (gint64 i = 0; i < n; i++) {
    p[i] = element (t, at + i);
    sum += p[i];
    min = MIN (min, p[i]);
    if (p[i] > max)
      max = p[best = i];
  }
  if (min >= 0 && fabs (sum - 1) < PROBABILITY_SUM)
    return best;
  sum = 0;
  for (gint64 i = 0; i < n; i++)
    sum += p[i] = exp (p[i] - max);
  for (gint64 i = 0; i < n; i++)
    p[i] /= sum;
  return best;
}

static char *
compare_classes (const ConvoyTensor *got, const ConvoyTensor *want)
{
  const ConvoyShape *s = convoy_tensor_shape (want);
  gint64 rows = s->n > 1 ? s->d[0] : 1, n = rows > 0 ? convoy_tensor_count (want) / rows : 0;
  g_autofree double *p = g_new (double, n + 1), *q = g_new (double, n + 1);
  for (gint64 r = 0; r < rows; r++) {
    gint64 a = probabilities (got, r * n, n, p), b = probabilities (want, r * n, n, q);
    if (a != b)
      return g_strdup_printf ("best class is %" G_GINT64_FORMAT ", not %" G_GINT64_FORMAT, a, b);
    for (gint64 i = 0; i < n; i++)
      if (!(fabs (p[i] - q[i]) <= PROBABILITY_SLACK))
        return g_strdup_printf ("probability of class %" G_GINT64_FORMAT " is %.4f, not %.4f", i, p[i], q[i]);
  }
  return NULL;
}

static void
tensor_unref (gpointer t)
{
  convoy_tensor_unref (t);
}

/* bfloat16 is kept as uint16 in cases of a time when NumPy had no name for it. */
static ConvoyTensor *
as_declared (ConvoyTensor *t, ConvoyType type)
{
  if (convoy_tensor_type (t) != CONVOY_U16 || type != CONVOY_BF16)
    return convoy_tensor_ref (t);
  return convoy_tensor_new_wrap (type, convoy_tensor_shape (t), convoy_tensor_data (t), tensor_unref, convoy_tensor_ref (t));
}

static char *
compare (const Case *c, const ConvoyTensor *got, ConvoyTensor *reference)
{
  g_autoptr (ConvoyTensor) want = as_declared (reference, convoy_tensor_type (got));
  g_autofree char *a = convoy_shape_str (convoy_tensor_shape (got)), *b = convoy_shape_str (convoy_tensor_shape (want));
  if (convoy_tensor_type (got) != convoy_tensor_type (want) || !convoy_shape_equal (convoy_tensor_shape (got), convoy_tensor_shape (want)))
    return g_strdup_printf ("%s %s, not %s %s", convoy_type_name (convoy_tensor_type (got)), a, convoy_type_name (convoy_tensor_type (want)), b);
  return c->quantized ? compare_classes (got, want) : compare_elements (got, want, c->rtol, c->atol);
}

/* --- running ---------------------------------------------------------- */

/* PREFIX_0.pb, PREFIX_1.pb ... of a folder, until one is not there. */
static GPtrArray *
load_tensors (const char *folder, const char *prefix, GError **error)
{
  g_autoptr (GPtrArray) all = g_ptr_array_new_with_free_func (tensor_unref);
  while (TRUE) {
    g_autofree char *name = g_strdup_printf ("%s_%u.pb", prefix, all->len), *path = g_build_filename (folder, name, NULL);
    if (!g_file_test (path, G_FILE_TEST_EXISTS))
      return g_steal_pointer (&all);
    ConvoyTensor *t = convoy_onnx_tensor_load (path, error);
    if (t == NULL)
      return NULL;
    g_ptr_array_add (all, t);
  }
}

/* What shapes depend on becomes a constant and leaves in, like the input. */
static void
fix_steering (ConvoyGraph *g, GPtrArray *in)
{
  for (guint i = convoy_graph_n_inputs (g); i-- > 0;)
    if (i < in->len && convoy_graph_steers (g, i)) {
      convoy_graph_fix (g, i, in->pdata[i]);
      g_ptr_array_remove_index (in, i);
    }
}

/* The graph bound to the sizes of its inputs if it leaves them open, else as it is. */
static ConvoyGraph *
bind_to (ConvoyGraph *g, GPtrArray *in, GError **error)
{
  if (in->len == convoy_graph_n_inputs (g))
    fix_steering (g, in);
  guint n = convoy_graph_n_inputs (g);
  if (in->len != n) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "the model has %u inputs, the case %u", n, in->len);
    return NULL;
  }
  g_autofree ConvoyShape *shapes = g_new (ConvoyShape, n + 1);
  for (guint i = 0; i < n; i++) {
    const ConvoyShape *declared = convoy_graph_shape (g, convoy_graph_get_input (g, i));
    shapes[i] = declared ? *declared : *convoy_tensor_shape (in->pdata[i]);
  }
  return convoy_graph_bind (g, shapes, NULL, error);
}

static ConvoyExec *
start (ConvoyGraph *g, const RunOptions *o, GPtrArray *in, GError **error)
{
  ConvoyPlanOptions options = { .no_fuse = o->no_fuse };
  ConvoyGraph *bound = bind_to (g, in, error);
  ConvoyPlan *plan = bound ? convoy_plan_new (bound, &options, error) : NULL;
  ConvoyExec *x = plan ? convoy_exec_new (plan, error) : NULL;
  gboolean ok = x != NULL;
  for (guint i = 0; ok && i < in->len; i++) {
    g_autoptr (ConvoyTensor) t = as_declared (in->pdata[i], convoy_graph_type (bound, convoy_graph_get_input (bound, i)));
    ok = convoy_exec_set (x, i, t, error);
  }
  if (x && !(ok && convoy_exec_run (x, error)))
    g_clear_pointer (&x, convoy_exec_free);
  convoy_plan_unref (plan);
  convoy_graph_unref (bound);
  return x;
}

static gboolean
reveals (const Case *c, const ConvoyTensor *t)
{
  return c->secret && memmem (convoy_tensor_data (t), convoy_tensor_count (t) * convoy_type_size (convoy_tensor_type (t)), g_bytes_get_data (c->secret, NULL),
      g_bytes_get_size (c->secret));
}

/* Runs one data set. FALSE and error: refused; FALSE and wrong: run, and not what it should be. */
static gboolean
run_set (const Case *c, const RunOptions *o, ConvoyGraph *g, const char *folder, char **wrong, GError **error)
{
  g_autoptr (GPtrArray) in = load_tensors (folder, "input", error);
  g_autoptr (GPtrArray) want = in ? load_tensors (folder, "output", error) : NULL;
  ConvoyExec *x = want ? start (g, o, in, error) : NULL;
  if (x == NULL)
    return FALSE;
  guint n = convoy_graph_n_outputs (g);
  if (c->expect == EXPECT_OUTPUT && want->len != n)
    *wrong = g_strdup_printf ("%u outputs, not %u", n, want->len);
  for (guint i = 0; *wrong == NULL && i < n; i++) {
    const ConvoyTensor *got = convoy_exec_output (x, i);
    char *how = reveals (c, got) ? g_strdup ("gives away the secret file") : i < want->len ? compare (c, got, want->pdata[i]) : NULL;
    if (how)
      *wrong = g_strdup_printf ("output %u: %s", i, how);
    g_free (how);
  }
  convoy_exec_free (x);
  return *wrong == NULL;
}

static ConvoyGraph *
load (const Case *c, const RunOptions *o, GError **error)
{
  g_autoptr (GHashTable) props = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  ConvoyGraph *g = convoy_onnx_load (c->model, props, error);
  if (g == NULL || !o->export)
    return g;
  g_autofree char *path = NULL;
  int fd = g_file_open_tmp ("conformance-XXXXXX.onnx", &path, error);
  ConvoyGraph *again = NULL;
  if (fd >= 0) {
    close (fd);
    again = convoy_onnx_save (path, g, props, error) ? convoy_onnx_load (path, NULL, error) : NULL;
    g_unlink (path);
  }
  convoy_graph_unref (g);
  return again;
}

Verdict
case_run (const Case *c, const RunOptions *o, char **message)
{
  GError *error = NULL;
  char *wrong = NULL;
  ConvoyGraph *g = load (c, o, &error);
  gboolean ok = g != NULL;
  if (ok && c->data->len == 0 && c->expect == EXPECT_OUTPUT)
    wrong = g_strdup ("the case has no data"), ok = FALSE;
  for (guint i = 0; ok && i < c->data->len; i++)
    ok = run_set (c, o, g, c->data->pdata[i], &wrong, &error);
  convoy_graph_unref (g);
  if (wrong == NULL && ok && c->expect == EXPECT_REJECT)
    wrong = g_strdup ("ran without an error");
  if (wrong == NULL && !ok && c->expect == EXPECT_ACCEPT)
    wrong = g_strdup_printf ("refused: %s", error->message);
  *message = wrong ? wrong : g_strdup (error ? error->message : "");
  Verdict v = wrong ? VERDICT_WRONG : ok || c->expect != EXPECT_OUTPUT ? VERDICT_PASSED : VERDICT_REFUSED;
  g_clear_error (&error);
  return v;
}
