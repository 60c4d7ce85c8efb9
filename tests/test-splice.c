/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-splice.c - networks cut in two and put together again give the numbers of the uncut one; a
 * last layer that grows keeps what it had; what cannot be cut or joined is told with both sides. */
#include "core/convoy.h"
#include "tests/tap.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define BASE "conv2d filters=8 kernel=3 padding=same activation=relu name=stem ! conv2d filters=8 kernel=3 padding=same name=left ! " \
  "add with=stem name=sum ! globalavgpool name=pooled ! "
#define HEAD "dense units=6 activation=relu name=hidden ! dense units=4 activation=softmax name=scores"

static const ConvoyShape picture = CONVOY_SHAPE (2, 3, 12, 10);

static ConvoyGraph *
parse (const char *text, const ConvoyShape *input, guint64 seed)
{
  g_autoptr (GError) error = NULL;
  ConvoyGraph *g = convoy_net_parse (text, NULL, input, NULL, seed, &error);
  if (error)
    printf ("# %s\n", error->message);
  CU_ASSERT_PTR_NOT_NULL_FATAL (g);
  return g;
}

static ConvoyTensor *
random_tensor (const ConvoyShape *shape)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (7);
  ConvoyTensor *t = convoy_tensor_new (CONVOY_F32, shape, NULL);
  float *x = convoy_tensor_data (t);
  for (gint64 i = 0; i < convoy_tensor_count (t); i++)
    x[i] = (float) g_rand_double_range (random, -2, 2);
  return t;
}

/* What g gives for x; upto as in convoy_graph_bind(). */
static ConvoyTensor *
run (const ConvoyGraph *g, const ConvoyTensor *x, const char *upto)
{
  g_autoptr (GError) error = NULL;
  ConvoyPlanOptions o = { .threads = 1 };
  ConvoyGraph *bound = convoy_graph_bind (g, convoy_tensor_shape (x), upto, &error);
  ConvoyPlan *plan = bound ? convoy_plan_new (bound, &o, &error) : NULL;
  ConvoyExec *exec = plan ? convoy_exec_new (plan, &error) : NULL;
  gboolean ok = exec && convoy_exec_set (exec, 0, x, &error) && convoy_exec_run (exec, &error);
  if (error)
    printf ("# %s\n", error->message);
  CU_ASSERT_TRUE_FATAL (ok);
  const ConvoyTensor *out = convoy_exec_output (exec, 0);
  ConvoyTensor *y = convoy_tensor_new (CONVOY_F32, convoy_tensor_shape (out), NULL);
  memcpy (convoy_tensor_data (y), convoy_tensor_data (out), (gsize) convoy_tensor_count (out) * sizeof (float));
  convoy_exec_free (exec);
  convoy_plan_unref (plan);
  convoy_graph_unref (bound);
  return y;
}

/* Takes both. */
static void
check_same (ConvoyTensor *a, ConvoyTensor *b)
{
  CU_ASSERT_TRUE_FATAL (convoy_shape_equal (convoy_tensor_shape (a), convoy_tensor_shape (b)));
  const float *x = convoy_tensor_data (a), *y = convoy_tensor_data (b);
  float worst = 0;
  for (gint64 i = 0; i < convoy_tensor_count (a); i++)
    worst = fmaxf (worst, fabsf (x[i] - y[i]));
  if (!(worst < 1e-5f))
    printf ("# %g apart\n", worst);
  CU_ASSERT_TRUE (worst < 1e-5f);
  convoy_tensor_unref (a);
  convoy_tensor_unref (b);
}

static void
test_cut (void)
{
  static const char *const layers[] = { "stem", "sum", "pooled", "hidden" };
  ConvoyGraph *whole = parse (BASE HEAD, &picture, 1);
  ConvoyTensor *x = random_tensor (&picture);
  for (guint i = 0; i < G_N_ELEMENTS (layers); i++) {
    g_autoptr (GError) error = NULL;
    ConvoyTensor *features = run (whole, x, layers[i]);
    ConvoyGraph *tail = convoy_graph_tail (whole, layers[i], NULL, convoy_tensor_shape (features), &error);
    if (error)
      printf ("# %s\n", error->message);
    CU_ASSERT_PTR_NOT_NULL_FATAL (tail);
    check_same (run (tail, features, NULL), run (whole, x, NULL));
    ConvoyJoin o = { .upto = layers[i] };
    ConvoyGraph *again = convoy_graph_join (whole, tail, &o, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL (again);
    check_same (run (again, x, NULL), run (whole, x, NULL));
    convoy_graph_unref (again);
    convoy_graph_unref (tail);
    convoy_tensor_unref (features);
  }
  convoy_tensor_unref (x);
  convoy_graph_unref (whole);
}

/* A head of its own, both with a layer of the same name, with pooling between: as run one after the other. */
static void
test_pooling (void)
{
  static const char *const rules[] = { "avg", "max" };
  ConvoyShape features = CONVOY_SHAPE (2, 8, 1, 1);
  ConvoyTensor *x = random_tensor (&picture);
  ConvoyGraph *head = parse ("conv2d filters=5 kernel=1 name=stem ! flatten ! dense units=3 name=scores", &features, 3);
  ConvoyGraph *base = parse ("conv2d filters=8 kernel=3 name=stem", &picture, 2);
  for (guint i = 0; i < G_N_ELEMENTS (rules); i++) {
    ConvoyJoin o = { .pooling = rules[i] };
    ConvoyGraph *whole = convoy_graph_join (base, head, &o, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL (whole);
    ConvoyTensor *map = run (base, x, NULL), *pooled = convoy_tensor_new (CONVOY_F32, &features, NULL);
    const float *from = convoy_tensor_data (map);
    float *to = convoy_tensor_data (pooled);
    gint64 n = convoy_tensor_count (map) / 16;
    for (guint k = 0; k < 16; k++, from += n) {
      double sum = 0, most = -INFINITY;
      for (gint64 p = 0; p < n; p++) {
        sum += from[p];
        most = fmax (most, from[p]);
      }
      to[k] = (float) (i ? most : sum / (double) n);
    }
    check_same (run (whole, x, NULL), run (head, pooled, NULL));
    convoy_tensor_unref (map);
    convoy_tensor_unref (pooled);
    convoy_graph_unref (whole);
  }
  convoy_graph_unref (base);
  convoy_graph_unref (head);
  convoy_tensor_unref (x);
}

/* A node of one input, with the attribute that an older operator set had. */
static ConvoyValue
older_node (ConvoyGraph *g, const char *op, ConvoyValue v, const char *key, const gint64 *i, gsize n)
{
  g_autoptr (GError) error = NULL;
  ConvoyAttrs *attrs = convoy_attrs_new ();
  if (key)
    convoy_attrs_set_ints (attrs, key, i, n);
  ConvoyValue out = convoy_graph_node (g, op, op, &v, 1, (const char *const[]) { op }, 1, attrs, &error);
  if (error)
    printf ("# %s\n", error->message);
  CU_ASSERT_TRUE_FATAL (out != CONVOY_NONE);
  return out;
}

/* What was an attribute in set 9 is an input by 18; either network may be the older one. */
static void
test_operator_sets (void)
{
  static const char text[] =
      "pad padding=1 ! conv2d filters=8 kernel=3 activation=relu6 ! dropout rate=0.3 ! maxpool pool=2 ! batchnorm";
  g_autoptr (GError) error = NULL;
  ConvoyGraph *old = convoy_graph_new (9);
  ConvoyValue v = convoy_net_append (old, convoy_graph_input (old, "x", CONVOY_F32, &picture), text, "", 1, &error);
  CU_ASSERT_TRUE_FATAL (v != CONVOY_NONE);
  v = older_node (old, "Unsqueeze", v, "axes", (const gint64[]) { 2 }, 1);
  v = older_node (old, "ReduceMean", v, "axes", (const gint64[]) { 3, 4 }, 2);
  v = older_node (old, "Squeeze", v, "axes", (const gint64[]) { 2, 3 }, 2);
  v = older_node (old, "Softmax", v, NULL, NULL, 0);
  convoy_graph_output (old, older_node (old, "ReduceSum", v, "axes", (const gint64[]) { 2 }, 1));

  ConvoyShape rows = CONVOY_SHAPE (2, 8, 1);
  ConvoyGraph *new = parse ("flatten ! dense units=3 activation=softmax", &rows, 2);
  ConvoyTensor *x = random_tensor (&picture), *y = run (old, x, NULL);
  CU_ASSERT_TRUE (convoy_graph_opset (new) > 12);
  ConvoyGraph *whole = convoy_graph_join (old, new, NULL, &error);
  if (error)
    printf ("# %s\n", error->message);
  CU_ASSERT_PTR_NOT_NULL_FATAL (whole);
  CU_ASSERT_EQUAL (convoy_graph_opset (whole), convoy_graph_opset (new));
  check_same (run (whole, x, NULL), run (new, y, NULL));
  convoy_graph_unref (whole);

  ConvoyGraph *front = parse ("conv2d filters=3 kernel=1", &picture, 3);
  whole = convoy_graph_join (front, old, NULL, &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL (whole);
  ConvoyTensor *between = run (front, x, NULL);
  check_same (run (whole, x, NULL), run (old, between, NULL));
  convoy_tensor_unref (between);
  convoy_graph_unref (whole);
  convoy_graph_unref (front);
  convoy_graph_unref (old);
  convoy_graph_unref (new);
  convoy_tensor_unref (x);
  convoy_tensor_unref (y);
}

/* A linear layer, as PyTorch has it, behind maps of one pixel. */
static void
test_rows (void)
{
  g_autoptr (GError) error = NULL;
  ConvoyShape rows = CONVOY_SHAPE (2, 8), maps = CONVOY_SHAPE (2, 8, 1, 1);
  ConvoyGraph *base = parse ("conv2d filters=8 kernel=3", &picture, 1);
  ConvoyGraph *heads[] = { parse ("dense units=3", &rows, 2), parse ("flatten ! dense units=3", &maps, 2) };
  ConvoyTensor *x = random_tensor (&picture), *y[2];
  for (guint i = 0; i < 2; i++) {
    ConvoyGraph *whole = convoy_graph_join (base, heads[i], &(ConvoyJoin) { .pooling = "avg" }, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL (whole);
    y[i] = run (whole, x, NULL);
    convoy_graph_unref (whole);
    convoy_graph_unref (heads[i]);
  }
  check_same (y[0], y[1]);
  convoy_tensor_unref (x);
  convoy_graph_unref (base);
}

static void
test_grow (void)
{
  ConvoyShape row = CONVOY_SHAPE (2, 5);
  ConvoyGraph *g = parse ("dense units=3 name=scores", &row, 1), *wide = convoy_graph_grow (g, 5, 9, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL (wide);
  ConvoyTensor *x = random_tensor (&row), *had = run (g, x, NULL), *has = run (wide, x, NULL);
  CU_ASSERT_TRUE_FATAL (convoy_shape_equal (convoy_tensor_shape (has), &CONVOY_SHAPE (2, 5)));
  const float *a = convoy_tensor_data (had), *b = convoy_tensor_data (has);
  for (guint n = 0; n < 2; n++)
    for (guint c = 0; c < 3; c++)
      CU_ASSERT_TRUE (fabsf (a[n * 3 + c] - b[n * 5 + c]) < 1e-6f);
  const ConvoyTensor *old = convoy_params_get (convoy_graph_params (g), "scores/kernel"), *new = convoy_params_get (convoy_graph_params (wide), "scores/kernel");
  CU_ASSERT_TRUE_FATAL (old && new && convoy_tensor_count (old) == 15 && convoy_tensor_count (new) == 25);
  const float *p = convoy_tensor_data (old), *q = convoy_tensor_data (new);
  gboolean by_class = convoy_tensor_shape (new)->d[0] == 5 && convoy_tensor_shape (old)->d[0] == 3;
  for (guint i = 0; i < 5; i++)
    for (guint c = 0; c < 3; c++)
      CU_ASSERT_TRUE (memcmp (by_class ? p + c * 5 + i : p + i * 3 + c, by_class ? q + c * 5 + i : q + i * 5 + c, sizeof (float)) == 0);
  convoy_tensor_unref (x);
  convoy_tensor_unref (had);
  convoy_tensor_unref (has);
  convoy_graph_unref (wide);
  convoy_graph_unref (g);
}

/* Takes the graph, which must not be there. */
static void
check_refused (ConvoyGraph *g, GError *error, const char *one, const char *other)
{
  CU_ASSERT_PTR_NULL (g);
  gboolean said = error && strstr (error->message, one) && strstr (error->message, other) && !strchr (error->message, '\n');
  if (!said)
    printf ("# %s\n", error ? error->message : "no error");
  CU_ASSERT_TRUE (said);
  g_clear_error (&error);
  convoy_graph_unref (g);
}

static void
test_refused (void)
{
  GError *error = NULL;
  ConvoyShape map = CONVOY_SHAPE (2, 8, 12, 10);
  ConvoyGraph *whole = parse (BASE HEAD, &picture, 1), *g;
  g = convoy_graph_tail (whole, "left", NULL, &map, &error);
  check_refused (g, g_steal_pointer (&error), "cut at left", "reads input");
  g = convoy_graph_tail (whole, "nowhere", NULL, &map, &error);
  check_refused (g, g_steal_pointer (&error), "no layer", "nowhere");
  g = convoy_graph_tail (whole, "sum", "stem", &map, &error);
  check_refused (g, g_steal_pointer (&error), "stem does not come after sum", "stem");
  g = convoy_graph_join (whole, whole, &(ConvoyJoin) { .upto = "sum", .pooling = "median" }, &error);
  check_refused (g, g_steal_pointer (&error), "median", "none, max, avg");
  ConvoyGraph *wide = parse ("conv2d filters=3 kernel=1", &map, 1);
  g = convoy_graph_join (wide, wide, NULL, &error);
  check_refused (g, g_steal_pointer (&error), "gives 2x3x12x10", "takes 2x8x12x10");
  convoy_graph_unref (wide);
  g = convoy_graph_grow (whole, 3, 1, &error);
  check_refused (g, g_steal_pointer (&error), "3 classes", "4 already");
  ConvoyGraph *older = convoy_graph_new (9);
  ConvoyValue v = convoy_graph_input (older, "x", CONVOY_F32, &map);
  convoy_graph_output (older, older_node (older, "Softmax", v, NULL, NULL, 0));
  g = convoy_graph_join (older, whole, NULL, &error);
  check_refused (g, g_steal_pointer (&error), "Softmax", "over several dimensions");
  convoy_graph_unref (older);
  convoy_graph_unref (whole);
  whole = parse ("conv2d filters=2 kernel=3", &picture, 1);
  g = convoy_graph_grow (whole, 3, 1, &error);
  check_refused (g, g_steal_pointer (&error), "dense layer", "a class more");
  convoy_graph_unref (whole);
}

int
main (void)
{
  static const TapTest tests[] = { { "cut and joined, the numbers stay", test_cut },
    { "pooling between, names that both have", test_pooling }, { "of different operator sets", test_operator_sets },
    { "maps of one pixel are rows", test_rows }, { "more classes, the old ones as they were", test_grow },
    { "what cannot be is told", test_refused }, { NULL, NULL } };
  return tap_main ("splice", tests);
}
