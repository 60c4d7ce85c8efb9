/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-net.c - networks as text: names, sizes, numbers, blocks, and what is said of a text that is wrong. */
#include "core/convoy.h"
#include "tests/tap.h"
#include <glib/gstdio.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define PICTURE CONVOY_SHAPE (1, 3, 32, 32)

/* A network that has to be right. */
static ConvoyGraph *
parse (const char *text, const ConvoyShape *input)
{
  g_autoptr (GError) error = NULL;
  ConvoyGraph *g = convoy_net_parse (text, NULL, input, NULL, 1, &error);
  if (g == NULL)
    printf ("# %s: %s\n", text, error->message);
  CU_ASSERT_PTR_NOT_NULL_FATAL (g);
  return g;
}

static const ConvoyShape *
shape_of (const ConvoyGraph *g, const char *name)
{
  ConvoyValue v = convoy_graph_find (g, name);
  if (v == CONVOY_NONE)
    printf ("# no value %s\n", name);
  CU_ASSERT_FATAL (v != CONVOY_NONE);
  return convoy_graph_shape (g, v);
}

static void
expect_shape (const char *text, const ConvoyShape *input, const char *want)
{
  ConvoyGraph *g = parse (text, input);
  g_autofree char *have = convoy_shape_str (convoy_graph_shape (g, convoy_graph_get_output (g, 0)));
  if (strcmp (have, want) != 0)
    printf ("# %s: %s, not %s\n", text, have, want);
  CU_ASSERT_STRING_EQUAL (have, want);
  convoy_graph_unref (g);
}

/* Replaces a weight. */
static void
put (ConvoyGraph *g, const char *name, const float *v)
{
  ConvoyTensor *old = convoy_params_get (convoy_graph_params (g), name);
  CU_ASSERT_PTR_NOT_NULL_FATAL (old);
  g_autoptr (ConvoyTensor) t = convoy_tensor_new (CONVOY_F32, convoy_tensor_shape (old), NULL);
  memcpy (convoy_tensor_data (t), v, convoy_tensor_count (t) * sizeof *v);
  convoy_params_put (convoy_graph_params (g), name, t);
}

/* Runs g on x and compares with numbers worked out by hand. */
static void
expect_numbers (ConvoyGraph *g, const void *x, const float *want, guint n)
{
  g_autoptr (GError) error = NULL;
  ConvoyValue in = convoy_graph_get_input (g, 0);
  g_autoptr (ConvoyTensor) t = convoy_tensor_new (convoy_graph_type (g, in), convoy_graph_shape (g, in), NULL);
  memcpy (convoy_tensor_data (t), x, convoy_tensor_count (t) * convoy_type_size (convoy_tensor_type (t)));
  ConvoyGraph *b = convoy_graph_bind (g, NULL, NULL, &error);
  ConvoyPlan *p = b ? convoy_plan_new (b, NULL, &error) : NULL;
  ConvoyExec *e = p ? convoy_exec_new (p, &error) : NULL;
  gboolean ok = e && convoy_exec_set (e, 0, t, &error) && convoy_exec_run (e, &error);
  if (!ok)
    printf ("# %s\n", error->message);
  CU_ASSERT_FATAL (ok);
  const ConvoyTensor *y = convoy_exec_output (e, 0);
  CU_ASSERT_EQUAL (convoy_tensor_count (y), n);
  for (guint i = 0; i < MIN (n, convoy_tensor_count (y)); i++) {
    float have = ((const float *) convoy_tensor_data (y))[i];
    if (fabsf (have - want[i]) > 1e-5f)
      printf ("# element %u is %g, not %g\n", i, have, want[i]);
    CU_ASSERT_DOUBLE_EQUAL (have, want[i], 1e-5);
  }
  convoy_exec_free (e);
  convoy_plan_unref (p);
  convoy_graph_unref (b);
  convoy_graph_unref (g);
}

#define NUMBERS(...) (const float[]) { __VA_ARGS__ }, sizeof ((const float[]) { __VA_ARGS__ }) / sizeof (float)

/* --- names and sizes -------------------------------------------------- */

static void
test_names (void)
{
  static const char *const names[] = { "conv2d", "conv2d/kernel", "conv2d/bias", "conv2d_1", "batch_normalization", "batch_normalization/gamma",
    "batch_normalization/beta", "batch_normalization/moving_mean", "batch_normalization/moving_variance", "activation", "depthwise_conv2d/kernel",
    "separable_conv2d/depthwise_kernel", "separable_conv2d/pointwise_kernel", "max_pooling2d", "average_pooling2d", "global_max_pooling2d", "dropout",
    "mine", "mine/kernel", "dense", "dense/bias", "softmax" };
  ConvoyGraph *g = parse ("conv2d filters=4 kernel=3 ! batchnorm ! activation relu\nconv2d 4 kernel=3 # the second\ndepthwise kernel=3 ! separable filters=8 kernel=3 !\n"
      "maxpool ! avgpool 3 ! globalmaxpool ! dropout rate=0.5 ! dense 5 name=mine ! dense 3 ! softmax", &PICTURE);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    if (convoy_graph_find (g, names[i]) == CONVOY_NONE)
      printf ("# %s is not there\n", names[i]);
    CU_ASSERT (convoy_graph_find (g, names[i]) != CONVOY_NONE);
  }
  CU_ASSERT_STRING_EQUAL (convoy_graph_name (g, convoy_graph_get_output (g, 0)), "softmax");
  convoy_graph_unref (g);
}

/* The sizing formulas: valid ceil ((n - k + 1) / s), same ceil (n / s), N floor ((n + 2N - k) / s) + 1. */
static void
test_sizes (void)
{
  for (int n = 7; n <= 10; n++)
    for (int k = 1; k <= 5; k++)
      for (int s = 1; s <= 3; s++)
        for (int d = 1; d <= (k == 3 && s == 1 ? 3 : 1); d++) {
          int extent = (k - 1) * d + 1;
          const struct { const char *padding; int out; } cases[] = { { "valid", (n - extent + s) / s }, { "same", (n + s - 1) / s }, { "2", (n + 4 - extent) / s + 1 } };
          for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
            g_autofree char *one = g_strdup_printf ("conv1d 4 kernel=%d stride=%d dilation=%d padding=%s", k, s, d, cases[i].padding);
            g_autofree char *two = g_strdup_printf ("conv2d 4 kernel=%dx1 stride=%dx1 dilation=%dx1 padding=%s", k, s, d, i == 2 ? "2x0" : cases[i].padding);
            g_autofree char *pool = g_strdup_printf ("maxpool %d stride=%d padding=%s", k, s, cases[i].padding);
            g_autofree char *first = g_strdup_printf ("1x4x%d", cases[i].out), *second = g_strdup_printf ("1x4x%dx6", cases[i].out);
            g_autofree char *third = g_strdup_printf ("1x2x%d", cases[i].out);
            expect_shape (one, &CONVOY_SHAPE (1, 2, n), first);
            expect_shape (two, &CONVOY_SHAPE (1, 2, n, 6), second);
            if (d == 1 && (i < 2 || k > 2))
              expect_shape (pool, &CONVOY_SHAPE (1, 2, n), third);
          }
        }
}

static void
test_shapes (void)
{
  expect_shape ("depthwise kernel=3 multiplier=2", &PICTURE, "1x6x30x30");
  expect_shape ("separable filters=7 kernel=5x3 stride=2 padding=same", &PICTURE, "1x7x16x16");
  expect_shape ("pad ! pad before=0x2 after=1x0", &PICTURE, "1x3x35x36");
  expect_shape ("globalavgpool keepdims=true", &PICTURE, "1x3x1x1");
  expect_shape ("l1pool ! l2pool 3 padding=same", &PICTURE, "1x3x6x6");
  expect_shape ("reshape 3x-1", &PICTURE, "1x3x1024");
  expect_shape ("dense 5", &PICTURE, "1x32x32x5");
  expect_shape ("dense 5 ! conv2d 6 kernel=1", &PICTURE, "1x6x32x32");
  expect_shape ("conv2d 8 kernel=1 name=a ! conv2d 8 kernel=1 ! add with=a ! concat with=a,input", &PICTURE, "1x19x32x32");
  expect_shape ("conv2d 8 kernel=1 ! conv2d 4 kernel=3 from=input", &PICTURE, "1x4x30x30");
  expect_shape ("embedding 50 output-dim=6 ! dropout rate=0.1 ! conv1d 4 kernel=3 ! flatten", &CONVOY_SHAPE (2, 9), "2x28");
  expect_shape ("conv2d 12 kernel=3 groups=3", &PICTURE, "1x12x30x30");
}

/* A batch of another size goes through, Reshape included. */
static void
test_batch (void)
{
  ConvoyGraph *g = parse ("conv2d 4 kernel=3 ! reshape 8x-1 ! flatten ! dense 3", &PICTURE);
  g_autoptr (GError) error = NULL;
  ConvoyGraph *b = convoy_graph_bind (g, &CONVOY_SHAPE (16, 3, 32, 32), NULL, &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL (b);
  CU_ASSERT (convoy_shape_equal (shape_of (b, "reshape"), &CONVOY_SHAPE (16, 8, 450)));
  CU_ASSERT (convoy_shape_equal (shape_of (b, "dense"), &CONVOY_SHAPE (16, 3)));
  convoy_graph_unref (b);
  convoy_graph_unref (g);
}

/* --- numbers ---------------------------------------------------------- */

static const float nine[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };

/* Padding "same" of an even kernel goes to the end; of a pooling it does not count in the mean. */
static void
test_window_numbers (void)
{
  const ConvoyShape s = CONVOY_SHAPE (1, 1, 3, 3);
  ConvoyGraph *g = parse ("conv2d filters=1 kernel=2 padding=same", &s);
  put (g, "conv2d/kernel", (const float[]) { 1, 2, 3, 4 });
  put (g, "conv2d/bias", (const float[]) { 0.5f });
  expect_numbers (g, nine, NUMBERS (37.5f, 47.5f, 21.5f, 67.5f, 77.5f, 33.5f, 23.5f, 26.5f, 9.5f));
  expect_numbers (parse ("avgpool 2 padding=same", &s), nine, NUMBERS (3, 4.5f, 7.5f, 9));
  expect_numbers (parse ("l1pool 2 stride=1", &s), nine, NUMBERS (12, 16, 24, 28));
  expect_numbers (parse ("l2pool 3", &s), nine, NUMBERS (sqrtf (285)));
  expect_numbers (parse ("maxpool 2 stride=1", &s), nine, NUMBERS (5, 6, 8, 9));
  expect_numbers (parse ("globalavgpool", &s), nine, NUMBERS (5));
  expect_numbers (parse ("pad padding=0x1 ! globalavgpool", &s), nine, NUMBERS (3));
  expect_numbers (parse ("flatten ! activation relu6", &s), nine, NUMBERS (1, 2, 3, 4, 5, 6, 6, 6, 6));
}

/* Embedding, convolution over the words, maximum, dense: channels last go to channels first. */
static void
test_text_numbers (void)
{
  ConvoyGraph *g = parse ("embedding input-dim=4 output-dim=2 ! conv1d filters=1 kernel=2 ! globalmaxpool ! dense units=1 activation=sigmoid", &CONVOY_SHAPE (1, 3));
  put (g, "embedding/embeddings", (const float[]) { 0, 1, 1, 0, 2, -1, -1, 3 });
  put (g, "conv1d/kernel", (const float[]) { 1, -1, 2, 1 });
  put (g, "conv1d/bias", (const float[]) { 0.25f });
  put (g, "dense/kernel", (const float[]) { 2 });
  put (g, "dense/bias", (const float[]) { -12 });
  expect_numbers (g, (const gint64[]) { 2, 0, 3 }, NUMBERS (1 / (1 + expf (-0.5f))));
  g = parse ("embedding 4 output-dim=2 ! dense units=2", &CONVOY_SHAPE (1, 2));
  put (g, "embedding/embeddings", (const float[]) { 0, 1, 1, 0, 2, -1, -1, 3 });
  put (g, "dense/kernel", (const float[]) { 1, 10, 100, 1000 });
  put (g, "dense/bias", (const float[]) { 0, 0.5f });
  expect_numbers (g, (const gint64[]) { 3, 1 }, NUMBERS (299, 2990.5f, 1, 10.5f));
}

static void
test_other_numbers (void)
{
  const ConvoyShape two = CONVOY_SHAPE (1, 2);
  static const float x[] = { 3, -1 };
  ConvoyGraph *g = parse ("batchnorm epsilon=1 name=b", &two);
  put (g, "b/gamma", (const float[]) { 2, 1 });
  put (g, "b/beta", (const float[]) { 0.5f, 0 });
  put (g, "b/moving_mean", (const float[]) { 1, 1 });
  put (g, "b/moving_variance", (const float[]) { 3, 8 });
  expect_numbers (g, x, NUMBERS (2.5f, -2.0f / 3));
  expect_numbers (parse ("batchnorm", &two), x, NUMBERS (3 / sqrtf (1.001f), -1 / sqrtf (1.001f)));
  expect_numbers (parse ("dropout rate=0.5 ! add with=input activation=leaky_relu", &two), x, NUMBERS (6, -0.4f));
  expect_numbers (parse ("activation silu", &two), x, NUMBERS (3 / (1 + expf (-3)), -1 / (1 + expf (1))));
  expect_numbers (parse ("activation mish", &two), x, NUMBERS (3 * tanhf (log1pf (expf (3))), -tanhf (log1pf (expf (-1)))));
  expect_numbers (parse ("activation hard_swish", &two), x, NUMBERS (3, -1.0f / 3));
  expect_numbers (parse ("softmax", &two), x, NUMBERS (1 / (1 + expf (-4)), 1 / (1 + expf (4))));
  expect_numbers (parse ("activation softmax", &CONVOY_SHAPE (1, 2, 1, 1)), x, NUMBERS (1 / (1 + expf (-4)), 1 / (1 + expf (4))));
}

/* --- blocks and variables --------------------------------------------- */

static void
test_blocks (void)
{
  static const char text[] =
      "base = 4   # comment\n"
      "twice = ${2*base}\n"
      "block unit filters k=3 {\n"
      "  conv2d filters=${filters} kernel=${k} padding=same use-bias=false name=conv\n"
      "  batchnorm name=bn\n"
      "}\n"
      "block residual n {\n"
      "  unit filters=${channels} name=a${n}\n"
      "  unit filters=${channels} k=1 name=b${n} ! add with=in name=sum${n}\n"
      "}\n"
      "unit filters=${twice} name=stem\n"
      "repeat 2 {\n"
      "  residual n=${i} name=r\n"
      "  repeat ${i} j=0 { conv2d ${int(10 / 4) + i} kernel=1 name=c${i}_${j} }\n"
      "}\n";
  g_autofree char *once = g_strdup (text);
  const char *at = strstr (text, " name=r\n");
  g_autofree char *good = g_strdup_printf ("%.*s name=r${i}%s", (int) (at - text), text, at + strlen (" name=r"));
  g_autoptr (GError) error = NULL;
  ConvoyGraph *g = parse (good, &PICTURE);
  CU_ASSERT (convoy_shape_equal (shape_of (g, "stem/conv/kernel"), &CONVOY_SHAPE (8, 3, 3, 3)));
  CU_ASSERT (convoy_shape_equal (shape_of (g, "r1/sum1"), &CONVOY_SHAPE (1, 8, 32, 32)));
  CU_ASSERT (convoy_shape_equal (shape_of (g, "r2/b2/conv/kernel"), &CONVOY_SHAPE (3, 3, 1, 1)));
  CU_ASSERT (convoy_shape_equal (shape_of (g, "c2_1"), &CONVOY_SHAPE (1, 4, 32, 32)));
  convoy_graph_unref (g);
  CU_ASSERT_PTR_NULL (convoy_net_parse (once, "x.net", &PICTURE, NULL, 1, &error));
  CU_ASSERT_STRING_EQUAL (error->message, "x.net:13: residual: the name r is taken");
}

static void
test_expressions (void)
{
  static const struct { const char *expression, *want; } cases[] = {
    { "${7}", "1x7" }, { "${2+3*4}", "1x14" }, { "${(2+3)*4}", "1x20" }, { "${-2 + 5}", "1x3" }, { "${int(7/2)}", "1x3" }, { "${17 % 5}", "1x2" },
    { "${min(3, 9)}${max(1, 2)}", "1x32" }, { "${wide*2}", "1x3" }, { "${divisible(32*0.35, 8)}", "1x16" }, { "${divisible(64*0.35, 8)}", "1x24" },
    { "${divisible(3, 8)}", "1x8" }, { "${channels}", "1x3" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text = g_strdup_printf ("wide = 1.5\nglobalmaxpool\ndense units=%s", cases[i].expression);
    expect_shape (text, &PICTURE, cases[i].want);
  }
}

/* A file's variables may be set from outside; one that it does not have may not. */
static void
test_file (void)
{
  g_autofree char *dir = g_dir_make_tmp ("convoy-net-XXXXXX", NULL), *path = g_build_filename (dir, "a.net", NULL), *message = NULL;
  static const char *const set[] = { "units", "7", "input", "2x5x5", NULL }, *const unknown[] = { "unit", "7", NULL };
  g_autoptr (GError) error = NULL;
  CU_ASSERT_FATAL (g_file_set_contents (path, "units = 3\ninput = 1x4x4\n\nflatten\ndense ${units}\n", -1, NULL));
  ConvoyGraph *g = convoy_net_load (path, NULL, 1, &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL (g);
  CU_ASSERT (convoy_shape_equal (shape_of (g, "dense/kernel"), &CONVOY_SHAPE (3, 16)));
  convoy_graph_unref (g);
  g = convoy_net_load (path, set, 1, &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL (g);
  CU_ASSERT (convoy_shape_equal (shape_of (g, "dense/kernel"), &CONVOY_SHAPE (7, 50)));
  convoy_graph_unref (g);
  CU_ASSERT_PTR_NULL (convoy_net_load (path, unknown, 1, &error));
  message = g_strdup_printf ("%s:1: no variable is called unit, the nearest is units", path);
  CU_ASSERT_STRING_EQUAL (error->message, message);
  g_clear_error (&error);
  CU_ASSERT_FATAL (g_file_set_contents (path, "flatten\0dense 3", 15, NULL));
  CU_ASSERT_PTR_NULL (convoy_net_load (path, NULL, 1, &error));
  CU_ASSERT_PTR_NOT_NULL (error);
  g_unlink (path);
  g_rmdir (dir);
}

/* A head on what is there, with its names apart; also on a graph of an old operator set. */
static void
test_append (void)
{
  static const guint opsets[] = { 7, 11, 12, 17, 21 };
  for (guint i = 0; i < G_N_ELEMENTS (opsets); i++) {
    ConvoyGraph *g = convoy_graph_new (opsets[i]);
    g_autoptr (GError) error = NULL;
    ConvoyValue v = convoy_graph_input (g, "features", CONVOY_F32, &CONVOY_SHAPE (1, 16, 5, 5));
    v = convoy_net_append (g, v, "pad ! conv2d 4 kernel=3 activation=relu6 ! dropout rate=0.5 ! flatten ! dense 3 activation=softmax", "head/", 1, &error);
    if (error)
      printf ("# opset %u: %s\n", opsets[i], error->message);
    CU_ASSERT_FATAL (v != CONVOY_NONE);
    CU_ASSERT_STRING_EQUAL (convoy_graph_name (g, v), "head/dense");
    CU_ASSERT (convoy_shape_equal (convoy_graph_shape (g, v), &CONVOY_SHAPE (1, 3)));
    CU_ASSERT_PTR_NOT_NULL (convoy_params_get (convoy_graph_params (g), "head/conv2d/kernel"));
    v = convoy_net_append (g, v, "dense 2", "head/", 1, &error);
    CU_ASSERT_STRING_EQUAL (convoy_graph_name (g, v), "head/dense_1");
    convoy_graph_unref (g);
  }
  ConvoyGraph *g = convoy_graph_new (17);
  g_autoptr (GError) error = NULL;
  ConvoyValue v = convoy_graph_input (g, "x", CONVOY_F32, &CONVOY_SHAPE (-1, 16));
  CU_ASSERT (convoy_net_append (g, v, "dense 2", NULL, 1, &error) == CONVOY_NONE);
  CU_ASSERT_STRING_EQUAL (error->message, "layers after x: its shape is not known, the graph has to be bound first");
  convoy_graph_unref (g);
}

/* --- what is said ----------------------------------------------------- */

static const struct { const char *text, *says; ConvoyError code; } errors[] = {
  { "conv2d 8 kernel=3\nconv2d 8 kernel=33", "n.net:2: conv2d conv2d_1: kernel 33x33 is larger than its input 8x30x30", CONVOY_ERROR_SHAPE },
  { "conv2d 8 kernel=3 dilation=16", "n.net:1: conv2d conv2d: kernel 3x3 with dilation 16x16 is larger than its input 3x32x32", CONVOY_ERROR_SHAPE },
  { "conv2d 8 kernel=37 padding=2", "n.net:1: conv2d conv2d: kernel 37x37 is larger than its input 3x32x32 with padding 2x2", CONVOY_ERROR_SHAPE },
  { "globalmaxpool keepdims=true ! maxpool", "n.net:1: maxpool max_pooling2d: kernel 2x2 is larger than its input 3x1x1", CONVOY_ERROR_SHAPE },
  { "maxpool 2 stride=40", "n.net:1: maxpool max_pooling2d: stride 40x40 leaves nothing of its input 3x32x32 but one window of 2x2", CONVOY_ERROR_SHAPE },
  { "flatten ! conv2d 3 kernel=3", "n.net:1: conv2d conv2d: its input 3072 has 1 dimension, wants 3", CONVOY_ERROR_SHAPE },
  { "conv1d 3 kernel=3", "n.net:1: conv1d conv1d: its input 3x32x32 has 3 dimensions, wants 2", CONVOY_ERROR_SHAPE },
  { "reshape 5x5", "n.net:1: reshape reshape: input 3x32x32 of 3072 numbers does not fit shape 5x5", CONVOY_ERROR_SHAPE },
  { "flatten name=f ! dense 9 ! add with=f", "n.net:1: add add: its input 9 does not go with the 3072 of f", CONVOY_ERROR_SHAPE },
  { "maxpool name=p ! conv2d 8 kernel=3 ! concat with=p", "n.net:1: concat concatenate: its input 8x14x14 does not go with the 3x16x16 of p", CONVOY_ERROR_SHAPE },
  { "conv2d 4 kernel=1 groups=2", "n.net:1: conv2d conv2d: groups=2 does not divide the 3 channels of its input 3x32x32 and its 4 filters", CONVOY_ERROR_SHAPE },
  { "conv2d 4 kernel=3x3x3", "n.net:1: conv2d conv2d: kernel=3x3x3 has 3 sizes, its input 3x32x32 wants one or 2", CONVOY_ERROR_INVALID },
  { "flatten ! dense 2000000000", "n.net:1: dense dense: units=2000000000 is not a whole number above 0", CONVOY_ERROR_INVALID },
  { "flatten ! dense 1000000000", "n.net:1: dense dense: its kernel of 1000000000x3072 for an input 3072 is too large", CONVOY_ERROR_NO_MEMORY },
  { "flatten\n\nconvd2 8 kernel=3", "n.net:3: no layer is called convd2, the nearest is conv1d", CONVOY_ERROR_INVALID },
  { "flaten", "n.net:1: no layer is called flaten, the nearest is flatten", CONVOY_ERROR_INVALID },
  { "conv2d filers=8 kernel=3", "n.net:1: conv2d conv2d: option filers is not known, the nearest is filters", CONVOY_ERROR_INVALID },
  { "conv2d filters=8", "n.net:1: conv2d conv2d: kernel= is missing", CONVOY_ERROR_INVALID },
  { "conv2d filters=8 kernel=3 kernel=5", "n.net:1: conv2d conv2d: kernel is given twice", CONVOY_ERROR_INVALID },
  { "conv2d filters=eight kernel=3", "n.net:1: conv2d conv2d: filters=eight is not a whole number above 0", CONVOY_ERROR_INVALID },
  { "conv2d filters=8 kernel=-3", "n.net:1: conv2d conv2d: kernel=-3 is not sizes above 0, such as 3 or 3x5", CONVOY_ERROR_INVALID },
  { "conv2d filters=8 kernel=", "n.net:1: conv2d conv2d: kernel= is not sizes above 0, such as 3 or 3x5", CONVOY_ERROR_INVALID },
  { "conv2d filters=8 kernel=3 padding=sane", "n.net:1: conv2d conv2d: padding=sane is not valid, same, or sizes such as 1 or 1x2", CONVOY_ERROR_INVALID },
  { "maxpool stride=0", "n.net:1: maxpool max_pooling2d: stride=0 is not sizes above 0, such as 2 or 2x1", CONVOY_ERROR_INVALID },
  { "dropout rate=1", "n.net:1: dropout dropout: rate=1 is not a number from 0 to below 1", CONVOY_ERROR_INVALID },
  { "dropout rate=nan", "n.net:1: dropout dropout: rate=nan is not a number from 0 to below 1", CONVOY_ERROR_INVALID },
  { "dense 3 use-bias=yes", "n.net:1: dense dense: use-bias=yes is not true or false", CONVOY_ERROR_INVALID },
  { "activation rellu", "n.net:1: activation activation: activation=rellu is not known, the nearest is relu", CONVOY_ERROR_INVALID },
  { "dense 3 init=he_norml", "n.net:1: dense dense: init=he_norml is not known, the nearest is he_normal", CONVOY_ERROR_INVALID },
  { "dense 3 4", "n.net:1: dense dense: 4 is no option=value", CONVOY_ERROR_INVALID },
  { "add with=fool ! flatten name=foo", "n.net:1: add: no layer before it is called fool, the nearest is input", CONVOY_ERROR_INVALID },
  { "flatten name=a ! dense 3 name=a", "n.net:1: dense: the name a is taken", CONVOY_ERROR_INVALID },
  { "flatten name=a/b", "n.net:1: flatten: name=a/b is no name for a layer", CONVOY_ERROR_INVALID },
  { "dense ${unit}", "n.net:1: no variable is called unit", CONVOY_ERROR_INVALID },
  { "units = 3\ndense ${unit}", "n.net:2: no variable is called unit, the nearest is units", CONVOY_ERROR_INVALID },
  { "dense ${3 / (2 - 2)}", "n.net:1: ${3 / (2 - 2)}: division by 0", CONVOY_ERROR_INVALID },
  { "dense ${3 +}", "n.net:1: ${3 +}: a number or a name is missing", CONVOY_ERROR_INVALID },
  { "dense ${3x}", "n.net:1: ${3x}: a number that is none", CONVOY_ERROR_INVALID },
  { "dense ${3 4}", "n.net:1: ${3 4}: cannot be read to its end", CONVOY_ERROR_INVALID },
  { "a = b\ndense ${a+1}", "n.net:2: ${a+1}: a is b, which is no number", CONVOY_ERROR_INVALID },
  { "dense ${3", "n.net:1: a ${ without its }", CONVOY_ERROR_INVALID },
  { "repeat 3 {\nflatten", "n.net:1: a { without its }", CONVOY_ERROR_INVALID },
  { "flatten }", "n.net:1: a } without its {", CONVOY_ERROR_INVALID },
  { "flatten { }", "n.net:1: flatten takes no {", CONVOY_ERROR_INVALID },
  { "block b", "n.net:1: block without its {", CONVOY_ERROR_INVALID },
  { "repeat x { flatten }", "n.net:1: repeat x: not a whole number from 0 to 10000", CONVOY_ERROR_INVALID },
  { "block b n { flatten }\nb", "n.net:2: b: n= is missing", CONVOY_ERROR_INVALID },
  { "block b n { flatten }\nb m=3", "n.net:2: b: argument m is not known, the nearest is n", CONVOY_ERROR_INVALID },
  { "block flatten { dense 3 }", "n.net:1: block flatten: that name is taken", CONVOY_ERROR_INVALID },
  { "block b { b }\nb", "n.net:1: b: blocks more than 16 deep", CONVOY_ERROR_INVALID },
  { "repeat 9999 { repeat 9999 { x = 1 } }", "n.net:1: more than 100000 lines when repetitions are unrolled", CONVOY_ERROR_INVALID },
  { "flatten !", "n.net:1: nothing after a !", CONVOY_ERROR_INVALID },
  { "flatten ! ! dense 3", "n.net:1: nothing before a !", CONVOY_ERROR_INVALID },
  { "x = 3 4", "n.net:1: x wants one value after =, as in x = 32", CONVOY_ERROR_INVALID },
  { "embedding 5 output-dim=4", "n.net:1: embedding embedding: its input 3x32x32 has 3 dimensions, wants 1", CONVOY_ERROR_SHAPE },
  { "flatten ! embedding 5 output-dim=4", "n.net:1: embedding embedding: its input holds float32, not numbers of words", CONVOY_ERROR_SHAPE },
  { "# nothing\n", "n.net:1: there are no layers", CONVOY_ERROR_INVALID },
  { "\xff\xfe", "n.net:1: not text in UTF-8", CONVOY_ERROR_INVALID },
};

static void
test_errors (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (errors); i++) {
    g_autoptr (GError) error = NULL;
    ConvoyGraph *g = convoy_net_parse (errors[i].text, "n.net", &PICTURE, NULL, 1, &error);
    CU_ASSERT_PTR_NULL (g);
    CU_ASSERT (g == NULL && g_error_matches (error, CONVOY_ERROR, errors[i].code));
    if (g || strcmp (error->message, errors[i].says) != 0)
      printf ("# %s\n#   says %s\n#   not  %s\n", errors[i].text, g ? "nothing" : error->message, errors[i].says);
    CU_ASSERT (g == NULL && strcmp (error->message, errors[i].says) == 0);
    convoy_graph_unref (g);
  }
}

/* Without a file the first line needs no number, and the text may bring its input. */
static void
test_places (void)
{
  static const struct { const char *text, *says; } cases[] = {
    { "flat", "no layer is called flat, the nearest is flatten" },
    { "input = 3x8x8\nflat", "line 2: no layer is called flat, the nearest is flatten" },
    { "flatten", "the input is missing: input = 3x32x32" },
    { "input = 3by8\nflatten", "line 2: input = 3by8 is not sizes such as 3x32x32" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    CU_ASSERT_PTR_NULL (convoy_net_parse (cases[i].text, NULL, NULL, NULL, 1, &error));
    if (error == NULL || strcmp (error->message, cases[i].says) != 0)
      printf ("# says %s\n", error ? error->message : "nothing");
    CU_ASSERT (error && strcmp (error->message, cases[i].says) == 0);
  }
}

int
main (void)
{
  static const TapTest tests[] = {
    { "names as Keras gives them", test_names },
    { "sizes by the formulas", test_sizes },
    { "shapes of the other layers", test_shapes },
    { "another batch", test_batch },
    { "windows by hand", test_window_numbers },
    { "text by hand", test_text_numbers },
    { "the other layers by hand", test_other_numbers },
    { "blocks and repetitions", test_blocks },
    { "expressions", test_expressions },
    { "files and variables", test_file },
    { "layers on a graph that is there", test_append },
    { "errors", test_errors },
    { "places in messages", test_places },
    { NULL, NULL },
  };
  return tap_main ("net", tests);
}
