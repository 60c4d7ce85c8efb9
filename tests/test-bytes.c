/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-bytes.c - convolutions between DequantizeLinear and QuantizeLinear, and QLinearConv: what the
 * kernels on bytes give against every node computed as a step of its own, in float32. */
#include "core/split.h"
#include "tests/bytes-graph.h"

static const Row rows[] = {
  { "int8 without a zero point", 1, 5, 6, 7, 9, 3, 1, 1, 1, 1, CONVOY_I8, CONVOY_I8, FALSE, FALSE, FALSE, FALSE, FALSE, 0 },
  { "uint8, by channel, clamped", 2, 8, 9, 5, 20, 3, 1, 2, 1, 1, CONVOY_U8, CONVOY_I8, TRUE, TRUE, TRUE, TRUE, FALSE, 0 },
  { "1x1 to many channels", 1, 12, 4, 4, 70, 1, 1, 1, 1, 0, CONVOY_U8, CONVOY_U8, TRUE, FALSE, TRUE, FALSE, FALSE, 0 },
  { "dilated", 1, 4, 11, 11, 6, 3, 1, 1, 2, 2, CONVOY_U8, CONVOY_I8, TRUE, TRUE, TRUE, FALSE, FALSE, 0 },
  { "groups", 3, 8, 6, 6, 12, 3, 2, 1, 1, 1, CONVOY_I8, CONVOY_I8, TRUE, FALSE, TRUE, TRUE, FALSE, 0 },
  { "depthwise", 1, 19, 8, 9, 19, 3, 19, 1, 1, 1, CONVOY_U8, CONVOY_U8, TRUE, FALSE, TRUE, TRUE, FALSE, 0 },
  { "depthwise, every other pixel", 2, 6, 9, 8, 6, 3, 6, 2, 1, 1, CONVOY_I8, CONVOY_I8, FALSE, TRUE, TRUE, FALSE, FALSE, 0 },
  { "depthwise, more than a vector", 1, 80, 5, 11, 80, 3, 80, 1, 1, 1, CONVOY_U8, CONVOY_I8, FALSE, TRUE, TRUE, TRUE, FALSE, 0 },
  { "depthwise, more than a vector, every other pixel", 1, 80, 7, 12, 80, 3, 80, 2, 1, 1, CONVOY_U8, CONVOY_I8, FALSE, TRUE, TRUE,
      FALSE, FALSE, 0 },
  { "depthwise, every third pixel", 1, 9, 10, 10, 9, 3, 9, 3, 1, 1, CONVOY_U8, CONVOY_I8, FALSE, TRUE, TRUE, FALSE, FALSE, 0 },
  { "one vector of channels", 2, 20, 7, 9, 16, 1, 1, 1, 1, 0, CONVOY_U8, CONVOY_I8, FALSE, TRUE, TRUE, TRUE, FALSE, 0 },
  { "two vectors", 1, 20, 7, 9, 29, 1, 1, 1, 1, 0, CONVOY_U8, CONVOY_I8, FALSE, TRUE, TRUE, FALSE, FALSE, 0 },
  { "three vectors and three", 1, 16, 7, 9, 96, 1, 1, 1, 1, 0, CONVOY_U8, CONVOY_I8, FALSE, TRUE, TRUE, TRUE, FALSE, 0 },
  { "four vectors", 1, 8, 5, 5, 64, 3, 1, 2, 1, 1, CONVOY_U8, CONVOY_I8, FALSE, TRUE, TRUE, FALSE, FALSE, 0 },
  { "floats of three vectors", 1, 16, 5, 5, 45, 1, 1, 1, 1, 0, CONVOY_U8, CONVOY_I8, FALSE, TRUE, FALSE, FALSE, FALSE, 0 },
  { "weights of 9 bits, a few", 1, 24, 6, 7, 100, 1, 1, 1, 1, 0, CONVOY_U8, CONVOY_U8, TRUE, FALSE, TRUE, FALSE, FALSE, 127 },
  { "weights of 9 bits, all", 1, 8, 6, 7, 40, 1, 1, 1, 1, 0, CONVOY_U8, CONVOY_U8, TRUE, FALSE, TRUE, FALSE, FALSE, 255 },
  { "weights of 9 bits, too many", 2, 9, 6, 7, 40, 3, 1, 1, 1, 1, CONVOY_U8, CONVOY_U8, TRUE, FALSE, TRUE, FALSE, FALSE, 1 },
  { "weights of 9 bits, a few of 3x3", 2, 8, 6, 7, 3, 3, 1, 1, 1, 1, CONVOY_U8, CONVOY_U8, TRUE, FALSE, TRUE, FALSE, FALSE, 128 },
  { "weights of 9 bits, of groups", 1, 16, 6, 7, 32, 1, 2, 1, 1, 0, CONVOY_U8, CONVOY_U8, TRUE, FALSE, TRUE, FALSE, FALSE, 127 },
  { "depthwise weights of 9 bits", 1, 80, 6, 7, 80, 3, 80, 1, 1, 1, CONVOY_U8, CONVOY_U8, TRUE, FALSE, TRUE, FALSE, FALSE, 1 },
  { "depthwise weights of 9 bits, 5x5", 1, 70, 8, 7, 70, 5, 70, 2, 1, 2, CONVOY_U8, CONVOY_U8, TRUE, FALSE, TRUE, FALSE, FALSE,
      200 },
  { "depthwise weights of 9 bits, two sets", 1, 130, 6, 7, 130, 3, 130, 2, 1, 1, CONVOY_U8, CONVOY_U8, TRUE, FALSE, TRUE, FALSE,
      FALSE, 127 },
  { "QLinearConv", 2, 7, 6, 6, 10, 3, 1, 2, 1, 1, CONVOY_U8, CONVOY_I8, TRUE, TRUE, TRUE, FALSE, TRUE, 0 },
  { "QLinearConv of int8", 1, 4, 5, 5, 4, 3, 1, 1, 1, 1, CONVOY_I8, CONVOY_I8, TRUE, FALSE, TRUE, FALSE, TRUE, 0 },
};

/* 1x1, Relu, then a depthwise convolution; what is between them is bytes, and much. */
typedef struct {
  const char *what;
  gint64 n, c, h, w, between, stride;
  gboolean sum;                 /* with another value added */
} Pair;

static const Pair pairs[] = {
  { "a pair", 1, 8, 41, 40, 200, 1, FALSE },
  { "a pair, every other pixel", 2, 12, 40, 33, 110, 2, FALSE },
  { "a pair of several images", 3, 8, 30, 30, 100, 1, FALSE },
  { "a pair and a sum", 1, 200, 40, 40, 200, 1, TRUE },
};

static ConvoyGraph *
graph_of_pair (const Pair *p)
{
  const ConvoyShape one = { .n = 0 }, xs = CONVOY_SHAPE (p->n, p->c, p->h, p->w), ws = CONVOY_SHAPE (p->between, p->c, 1, 1), ds = CONVOY_SHAPE (p->between, 1, 3, 3);
  const Row second = { .kernel = 3, .group = p->between, .stride = p->stride, .dilation = 1, .pad = 1 };
  ConvoyGraph *g = convoy_graph_new (13);
  ConvoyValue x = convoy_graph_input (g, "x", CONVOY_U8, &xs), w = bytes_numbers (g, "w", CONVOY_I8, &ws, 0),
              d = bytes_numbers (g, "d", CONVOY_I8, &ds, 0);
  ConvoyValue scale = bytes_numbers (g, "scale", CONVOY_F32, &one, 0.02f),
              y_scale = bytes_numbers (g, "y_scale", CONVOY_F32, &one, 0.4f),
              z_scale = bytes_numbers (g, "z_scale", CONVOY_F32, &one, 1);
  ConvoyValue from = bytes_dequantized (g, x, scale, 0), other = from;
  ConvoyValue y = bytes_node (g, "Conv", (ConvoyValue[]) { from, bytes_dequantized (g, w, scale, 0) }, 2, NULL);
  y = bytes_node (g, "Relu", &y, 1, NULL);
  y = bytes_node (g, "QuantizeLinear", (ConvoyValue[]) { y, y_scale }, 2, NULL);
  y = bytes_node (g, "Conv", (ConvoyValue[]) { bytes_dequantized (g, y, y_scale, 0), bytes_dequantized (g, d, scale, 0) }, 2,
      bytes_window (&second));
  y = bytes_node (g, "QuantizeLinear", (ConvoyValue[]) { y, z_scale }, 2, NULL);
  if (p->sum) {
    y = bytes_node (g, "Add", (ConvoyValue[]) { bytes_dequantized (g, y, z_scale, 0), other }, 2, NULL);
    y = bytes_node (g, "QuantizeLinear", (ConvoyValue[]) { y, z_scale }, 2, NULL);
  }
  convoy_graph_output (g, y);
  return g;
}

static void
check_row (const Row *r, guint threads)
{
  gboolean depthwise = r->group > 1 && r->group == r->c && r->out == r->c;
  CU_ASSERT_TRUE (bytes_agree (r->what, bytes_graph (r), &CONVOY_SHAPE (r->n, r->c, r->h, r->w), r->x, threads,
      depthwise ? "bytes depthwise" : "bytes conv", r->bytes_out ? 1 : 2e-3));
}

static void
test_pairs (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++)
    for (guint threads = 1; threads <= 3; threads += 2) {
      const Pair *p = &pairs[i];
      CU_ASSERT_TRUE (bytes_agree (p->what, graph_of_pair (p), &CONVOY_SHAPE (p->n, p->c, p->h, p->w), CONVOY_U8, threads, "bytes conv+depthwise",
          1));
    }
}

static void
test_rows (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    check_row (&rows[i], 1);
}

static void
test_threads (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    check_row (&rows[i], 2);
}

/* --- batches in parts ---------------------------------------------------------- */

static ConvoyTensor *
run_variant (ConvoyGraph *bound, const ConvoyTensor *x, guint threads, guint part)
{
  ConvoyPlan *p = convoy_plan_variant (bound, threads, (ConvoyVariant) { .part = part }, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL (p);
  ConvoyExec *exec = convoy_exec_new (p, NULL);
  CU_ASSERT_TRUE_FATAL (exec && convoy_exec_set (exec, 0, x, NULL) && convoy_exec_run (exec, NULL));
  const ConvoyTensor *out = convoy_exec_output (exec, 0);
  ConvoyTensor *y = convoy_tensor_new (convoy_tensor_type (out), convoy_tensor_shape (out), NULL);
  memcpy (convoy_tensor_data (y), convoy_tensor_data (out),
      (gsize) convoy_tensor_count (out) * convoy_type_size (convoy_tensor_type (out)));
  convoy_exec_free (exec);
  convoy_plan_unref (p);
  return y;
}

/* Weights, biases and their scales belong to no sample, though nodes give them. */
static void
test_parts (void)
{
  static const Row by[] = {
    { "by channel", 4, 8, 9, 5, 20, 3, 1, 2, 1, 1, CONVOY_U8, CONVOY_I8, TRUE, TRUE, TRUE, TRUE, FALSE, 0 },
    { "by tensor", 6, 5, 6, 7, 4, 3, 1, 1, 1, 1, CONVOY_U8, CONVOY_U8, TRUE, FALSE, TRUE, FALSE, FALSE, 0 },
    { "of as many outputs as samples", 4, 4, 6, 7, 4, 1, 1, 1, 1, 0, CONVOY_I8, CONVOY_I8, FALSE, TRUE, FALSE, FALSE, FALSE, 0 },
  };
  for (guint i = 0; i < G_N_ELEMENTS (by); i++) {
    const ConvoyShape s = CONVOY_SHAPE (by[i].n, by[i].c, by[i].h, by[i].w);
    g_autoptr (ConvoyTensor) x = convoy_tensor_new (by[i].x, &s, NULL);
    ConvoyGraph *g = bytes_graph (&by[i]), *bound = convoy_graph_bind (g, &s, NULL, NULL);
    for (gint64 k = 0; k < convoy_shape_count (&s); k++)
      ((guint8 *) convoy_tensor_data (x))[k] = (guint8) (k * 77 + 13);
    CU_ASSERT_EQUAL (convoy_split_batch (bound), (guint) by[i].n);
    g_autoptr (ConvoyTensor) whole = run_variant (bound, x, 1, 0);
    for (guint part = 1; part <= 2; part++)
      for (guint threads = 1; threads <= 2; threads++) {
        g_autoptr (ConvoyTensor) y = run_variant (bound, x, threads, part);
        CU_ASSERT_TRUE (convoy_shape_equal (convoy_tensor_shape (y), convoy_tensor_shape (whole))
            && bytes_farthest (y, whole) <= 1e-5);
      }
    convoy_graph_unref (bound);
    convoy_graph_unref (g);
  }
}

/* Between bytes there is no place for floats to be handed on from parts to the whole. */
static void
test_no_cut (void)
{
  const Pair *p = &pairs[2];
  GError *error = NULL;
  ConvoyGraph *g = graph_of_pair (p), *bound = convoy_graph_bind (g, &CONVOY_SHAPE (p->n, p->c, p->h, p->w), NULL, NULL);
  ConvoyPlan *plan = convoy_plan_variant (bound, 1, (ConvoyVariant) { .part = 1, .side = 8 }, &error);
  CU_ASSERT_PTR_NULL (plan);
  CU_ASSERT_TRUE (g_error_matches (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED));
  g_clear_error (&error);
  convoy_plan_unref (plan);
  convoy_graph_unref (bound);
  convoy_graph_unref (g);
}

int
main (void)
{
  static const TapTest tests[] = {
    { "as in float32, or the next byte", test_rows },
    { "with two threads", test_threads },
    { "a depthwise convolution with the one before it", test_pairs },
    { "parts of a batch", test_parts },
    { "no parts that begin between bytes", test_no_cut },
    { NULL, NULL },
  };
  return tap_main ("bytes", tests);
}
