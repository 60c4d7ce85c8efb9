/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-bytes-move.c - Concat, Pad and pools of bytes: what the kernels on bytes give against every node
 * computed as a step of its own, in float32. */
#include "tests/bytes-graph.h"

/* --- what only moves or compares bytes ------------------------------------- */

/* x, and its greatest neighbours under another scale, in op; then a convolution that reads beyond the border. */
typedef struct {
  const char *what, *op;
  ConvoyType type;
  gint64 c, axis; /* axis: of Concat */
  gboolean same; /* all have one scale */
  gboolean relu;
  gint64 pads[8]; /* of Pad */
  float value;
  gint64 kernel, stride, pad, count_padding, ceil_mode; /* of a pool */
  const char *step;
} Move;

static const Move moves[] = {
  { .what = "channels of one scale", .op = "Concat", .type = CONVOY_U8, .c = 8, .axis = 1, .same = TRUE, .step = "bytes concat" },
  { .what = "channels of two scales", .op = "Concat", .type = CONVOY_U8, .c = 70, .axis = 1, .step = "bytes concat" },
  { .what = "odd channels, clamped", .op = "Concat", .type = CONVOY_I8, .c = 1, .axis = -3, .relu = TRUE, .step = "bytes concat" },
  { .what = "odd channels of one scale, clamped",
      .op = "Concat",
      .type = CONVOY_U8,
      .c = 5,
      .axis = 1,
      .same = TRUE,
      .relu = TRUE,
      .step = "bytes concat" },
  { .what = "rows", .op = "Concat", .type = CONVOY_U8, .c = 5, .axis = 2, .step = "bytes concat" },
  { .what = "columns", .op = "Concat", .type = CONVOY_I8, .c = 5, .axis = 3, .same = TRUE, .step = "bytes concat" },
  { .what = "images", .op = "Concat", .type = CONVOY_U8, .c = 6, .axis = 0, .step = "bytes concat" },
  { .what = "padded with zeros",
      .op = "Pad",
      .type = CONVOY_U8,
      .c = 5,
      .same = TRUE,
      .pads = { 0, 0, 1, 2, 0, 0, 0, 3 },
      .step = "bytes pad" },
  { .what = "padded with a number, to another scale",
      .op = "Pad",
      .type = CONVOY_I8,
      .c = 8,
      .pads = { 0, 0, 1, 0, 0, 0, 1, 1 },
      .value = 0.7f,
      .step = "bytes pad" },
  { .what = "padded with channels and images",
      .op = "Pad",
      .type = CONVOY_U8,
      .c = 3,
      .pads = { 1, 2, 0, 0, 1, 3, 0, 0 },
      .value = -9,
      .step = "bytes pad" },
  { .what = "the greatest",
      .op = "MaxPool",
      .type = CONVOY_U8,
      .c = 70,
      .same = TRUE,
      .kernel = 3,
      .stride = 2,
      .pad = 1,
      .step = "bytes pool" },
  { .what = "the greatest, clamped",
      .op = "MaxPool",
      .type = CONVOY_I8,
      .c = 5,
      .relu = TRUE,
      .kernel = 2,
      .stride = 2,
      .step = "bytes pool" },
  { .what = "the greatest, sizes rounded up",
      .op = "MaxPool",
      .type = CONVOY_U8,
      .c = 9,
      .kernel = 3,
      .stride = 2,
      .ceil_mode = 1,
      .step = "bytes pool" },
  { .what = "the mean", .op = "AveragePool", .type = CONVOY_U8, .c = 70, .kernel = 3, .stride = 2, .pad = 1, .step = "bytes pool" },
  { .what = "the mean with padding",
      .op = "AveragePool",
      .type = CONVOY_I8,
      .c = 7,
      .same = TRUE,
      .kernel = 3,
      .stride = 1,
      .pad = 1,
      .count_padding = 1,
      .step = "bytes pool" },
  { .what = "the mean of all", .op = "GlobalAveragePool", .type = CONVOY_U8, .c = 18, .step = "bytes pool" },
};

static ConvoyValue
pooled (ConvoyGraph *g, ConvoyValue v, const char *op, const Move *m)
{
  ConvoyAttrs *a = convoy_attrs_new ();
  if (strcmp (op, "GlobalAveragePool") != 0) {
    convoy_attrs_set_ints (a, "kernel_shape", (const gint64[]) { m->kernel, m->kernel }, 2);
    convoy_attrs_set_ints (a, "strides", (const gint64[]) { m->stride, m->stride }, 2);
    convoy_attrs_set_ints (a, "pads", (const gint64[]) { m->pad, m->pad, m->pad, m->pad }, 4);
    convoy_attrs_set_int (a, "ceil_mode", m->ceil_mode);
    if (strcmp (op, "AveragePool") == 0)
      convoy_attrs_set_int (a, "count_include_pad", m->count_padding);
  }
  return bytes_node (g, op, &v, 1, a);
}

static ConvoyValue
moved (ConvoyGraph *g, const Move *m, ConvoyValue x, ConvoyValue other)
{
  ConvoyAttrs *a = convoy_attrs_new ();
  if (strcmp (m->op, "Concat") == 0) {
    convoy_attrs_set_int (a, "axis", m->axis);
    return bytes_node (g, m->op, (ConvoyValue[]) { x, other, x }, 3, a);
  }
  convoy_attrs_free (a);
  if (strcmp (m->op, "Pad") != 0)
    return pooled (g, other, m->op, m);
  g_autoptr (ConvoyTensor) pads = convoy_tensor_new (CONVOY_I64, &CONVOY_SHAPE (8), NULL),
                           value = convoy_tensor_new (CONVOY_F32, &(ConvoyShape) { 0 }, NULL);
  memcpy (convoy_tensor_data (pads), m->pads, sizeof m->pads);
  *(float *) convoy_tensor_data (value) = m->value;
  return bytes_node (g, m->op,
      (ConvoyValue[]) { other, convoy_graph_const (g, "pads", pads), convoy_graph_param (g, "value", value) }, 3, NULL);
}

static ConvoyValue
through_bytes (ConvoyGraph *g, ConvoyValue v, ConvoyValue scale, ConvoyValue zero)
{
  v = bytes_node (g, "QuantizeLinear", (ConvoyValue[]) { v, scale, zero }, 3, NULL);
  return bytes_node (g, "DequantizeLinear", (ConvoyValue[]) { v, scale, zero }, 3, NULL);
}

static ConvoyGraph *
graph_of_move (const Move *m)
{
  static const Move neighbours = { .kernel = 3, .stride = 1, .pad = 1 };
  const ConvoyShape one = { .n = 0 }, xs = CONVOY_SHAPE (2, m->c, 9, 8);
  ConvoyGraph *g = convoy_graph_new (13);
  ConvoyValue x = convoy_graph_input (g, "x", m->type, &xs), scale = bytes_numbers (g, "scale", CONVOY_F32, &one, 0.02f),
              zero = bytes_zero_point (g, "zero", m->type, &one, 120);
  ConvoyValue scale_2 = m->same ? scale : bytes_numbers (g, "scale_2", CONVOY_F32, &one, 0.031f),
              zero_2 = m->same ? zero : bytes_zero_point (g, "zero_2", m->type, &one, 99);
  ConvoyValue scale_3 = m->same ? scale : bytes_numbers (g, "scale_3", CONVOY_F32, &one, 0.027f);
  ConvoyValue from = bytes_node (g, "DequantizeLinear", (ConvoyValue[]) { x, scale, zero }, 3, NULL);
  ConvoyValue y = moved (g, m, from, through_bytes (g, pooled (g, from, "MaxPool", &neighbours), scale_2, zero_2));
  if (m->relu)
    y = bytes_node (g, "Relu", &y, 1, NULL);
  y = through_bytes (g, y, scale_3, zero);
  const ConvoyShape ws = CONVOY_SHAPE (4, convoy_graph_shape (g, y)->d[1], 3, 3);
  const Row beyond = { .kernel = 3, .group = 1, .stride = 1, .dilation = 1, .pad = 1 };
  y = bytes_node (g, "Conv", (ConvoyValue[]) { y, bytes_dequantized (g, bytes_numbers (g, "w", CONVOY_I8, &ws, 0), scale, 0) }, 2,
      bytes_window (&beyond));
  y = bytes_node (g, "QuantizeLinear", (ConvoyValue[]) { y, bytes_numbers (g, "y_scale", CONVOY_F32, &one, 0.3f), zero }, 3, NULL);
  convoy_graph_output (g, y);
  return g;
}

/* Between convolutions that have scales themselves, where bytes need none. */
static ConvoyGraph *
graph_of_bytes (const char *op)
{
  const Move m = { .op = op, .axis = 1, .kernel = 2, .stride = 2 };
  const Row r = { .kernel = 3, .group = 1, .stride = 1, .dilation = 1, .pad = 1 };
  const ConvoyShape one = { .n = 0 }, xs = CONVOY_SHAPE (2, 5, 9, 8), ws = CONVOY_SHAPE (6, 5, 3, 3);
  ConvoyGraph *g = convoy_graph_new (13);
  ConvoyValue x = convoy_graph_input (g, "x", CONVOY_U8, &xs), scale = bytes_numbers (g, "scale", CONVOY_F32, &one, 0.02f),
              zero = bytes_zero_point (g, "zero", CONVOY_U8, &one, 120);
  ConvoyValue y_scale = bytes_numbers (g, "y_scale", CONVOY_F32, &one, 0.3f),
              none = bytes_zero_point (g, "none", CONVOY_I8, &one, 0);
  ConvoyValue y = bytes_node (g, "QLinearConv",
      (ConvoyValue[]) { x, scale, zero, bytes_numbers (g, "w", CONVOY_I8, &ws, 0), scale, none, y_scale, zero }, 8,
      bytes_window (&r));
  if (strcmp (op, "Pad") == 0) {
    g_autoptr (ConvoyTensor) pads = convoy_tensor_new (CONVOY_I64, &CONVOY_SHAPE (8), NULL);
    memcpy (convoy_tensor_data (pads), (const gint64[]) { 0, 0, 1, 1, 0, 0, 1, 1 }, 64);
    y = bytes_node (g, op, (ConvoyValue[]) { y, convoy_graph_const (g, "pads", pads), zero }, 3, NULL);
  } else
    y = moved (g, &m, y, y);
  const ConvoyShape vs = CONVOY_SHAPE (7, convoy_graph_shape (g, y)->d[1], 3, 3);
  y = bytes_node (g, "QLinearConv",
      (ConvoyValue[]) { y, y_scale, zero, bytes_numbers (g, "v", CONVOY_I8, &vs, 0), scale, none, y_scale, zero }, 8,
      bytes_window (&r));
  convoy_graph_output (g, y);
  return g;
}

static void
test_moves (void)
{
  static const struct {
    const char *op, *step;
  } of[] = { { "Concat", "bytes concat" }, { "MaxPool", "bytes pool" }, { "Pad", "bytes pad" } };
  for (guint threads = 1; threads <= 3; threads += 2) {
    for (guint i = 0; i < G_N_ELEMENTS (moves); i++)
      CU_ASSERT_TRUE (bytes_agree (moves[i].what, graph_of_move (&moves[i]), &CONVOY_SHAPE (2, moves[i].c, 9, 8), moves[i].type, threads,
          moves[i].step, 1));
    for (guint i = 0; i < G_N_ELEMENTS (of); i++)
      CU_ASSERT_TRUE (bytes_agree (of[i].op, graph_of_bytes (of[i].op), &CONVOY_SHAPE (2, 5, 9, 8), CONVOY_U8, threads, of[i].step, 1));
  }
}

/* Made under one zero point and read under another, as which the padding of a convolution counts. */
static void
test_other_zero (void)
{
  static const Move neighbours = { .kernel = 3, .stride = 1, .pad = 1 };
  const Row beyond = { .kernel = 3, .group = 1, .stride = 1, .dilation = 1, .pad = 1 };
  const ConvoyShape one = { .n = 0 }, xs = CONVOY_SHAPE (1, 4, 6, 6), ws = CONVOY_SHAPE (3, 4, 3, 3);
  ConvoyGraph *g = convoy_graph_new (13);
  ConvoyValue x = convoy_graph_input (g, "x", CONVOY_U8, &xs), scale = bytes_numbers (g, "scale", CONVOY_F32, &one, 0.02f);
  ConvoyValue zero = bytes_zero_point (g, "zero", CONVOY_U8, &one, 120), other = bytes_zero_point (g, "other", CONVOY_U8, &one, 7);
  ConvoyValue y = bytes_node (g, "DequantizeLinear", (ConvoyValue[]) { x, scale, zero }, 3, NULL);
  y = pooled (g, y, "MaxPool", &neighbours);
  y = bytes_node (g, "QuantizeLinear", (ConvoyValue[]) { y, scale, zero }, 3, NULL);
  y = bytes_node (g, "DequantizeLinear", (ConvoyValue[]) { y, scale, other }, 3, NULL);
  ConvoyValue w = bytes_dequantized (g, bytes_numbers (g, "w", CONVOY_I8, &ws, 0), scale, 0);
  y = bytes_node (g, "Conv", (ConvoyValue[]) { y, w }, 2, bytes_window (&beyond));
  y = bytes_node (g, "QuantizeLinear", (ConvoyValue[]) { y, bytes_numbers (g, "y_scale", CONVOY_F32, &one, 0.5f), zero }, 3, NULL);
  convoy_graph_output (g, y);
  CU_ASSERT_TRUE (bytes_agree ("another zero point", g, &xs, CONVOY_U8, 1, "bytes pool", 1));
}

/* One input that two padded convolutions read, each under a zero point of its own. */
static void
test_two_zeros (void)
{
  const Row r = { .kernel = 3, .group = 1, .stride = 1, .dilation = 1, .pad = 1 };
  const ConvoyShape one = { .n = 0 }, xs = CONVOY_SHAPE (1, 4, 6, 6), ws = CONVOY_SHAPE (3, 4, 3, 3);
  ConvoyGraph *g = convoy_graph_new (13);
  ConvoyValue x = convoy_graph_input (g, "x", CONVOY_U8, &xs), scale = bytes_numbers (g, "scale", CONVOY_F32, &one, 0.02f);
  ConvoyValue w = bytes_numbers (g, "w", CONVOY_I8, &ws, 0), none = bytes_zero_point (g, "none", CONVOY_I8, &one, 0);
  ConvoyValue y_scale = bytes_numbers (g, "y_scale", CONVOY_F32, &one, 0.5f), y[2];
  for (guint i = 0; i < 2; i++) {
    ConvoyValue zero = bytes_zero_point (g, i ? "other" : "zero", CONVOY_U8, &one, i ? 7 : 120);
    y[i] = bytes_node (g, "QLinearConv", (ConvoyValue[]) { x, scale, zero, w, scale, none, y_scale, zero }, 8, bytes_window (&r));
  }
  ConvoyAttrs *channels = convoy_attrs_new ();
  convoy_attrs_set_int (channels, "axis", 1);
  convoy_graph_output (g, bytes_node (g, "Concat", y, 2, channels));
  CU_ASSERT_TRUE (bytes_agree ("two zero points", g, &xs, CONVOY_U8, 1, "bytes conv", 1));
}

int
main (void)
{
  static const TapTest tests[] = {
    { "what is put together, padded and pooled", test_moves },
    { "bytes that are read under another zero point", test_other_zero },
    { "bytes that are read under two zero points", test_two_zeros },
    { NULL, NULL },
  };
  return tap_main ("bytes-move", tests);
}
