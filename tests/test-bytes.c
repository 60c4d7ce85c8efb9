/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-bytes.c - convolutions between DequantizeLinear and QuantizeLinear, and QLinearConv: what the
 * kernels on bytes give against every node computed as a step of its own, in float32. */
#include "core/graph.h"
#include "tests/tap.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
  const char *what;
  gint64 n, c, h, w, out, kernel, group, stride, dilation, pad;
  ConvoyType x, weights;
  gboolean zero;                /* x and weights have zero points */
  gboolean per_channel, bytes_out, relu, linear;        /* linear: QLinearConv */
  gint w_zero; /* of uint8 weights, if they have one; 0: 121 */
} Row;

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

/* --- graphs ------------------------------------------------------------ */

static ConvoyValue
numbers (ConvoyGraph *g, const char *name, ConvoyType type, const ConvoyShape *s, float scale)
{
  g_autoptr (ConvoyTensor) t = convoy_tensor_new (type, s, NULL);
  for (gint64 i = 0; i < convoy_shape_count (s); i++)
    if (type == CONVOY_F32)
      ((float *) convoy_tensor_data (t))[i] = scale * (1 + 0.1f * (float) (i % 5));
    else if (type == CONVOY_I32)
      ((gint32 *) convoy_tensor_data (t))[i] = (gint32) (i * 37 % 401) - 200;
    else
      ((guint8 *) convoy_tensor_data (t))[i] = (guint8) (i * 151 + 89);
  return convoy_graph_param (g, name, t);
}

static ConvoyValue
zero_point (ConvoyGraph *g, const char *name, ConvoyType type, const ConvoyShape *s, gint value)
{
  g_autoptr (ConvoyTensor) t = convoy_tensor_new (type, s, NULL);
  memset (convoy_tensor_data (t), value, (gsize) convoy_shape_count (s));
  return convoy_graph_param (g, name, t);
}

static ConvoyAttrs *
window (const Row *r)
{
  ConvoyAttrs *a = convoy_attrs_new ();
  convoy_attrs_set_ints (a, "pads", (const gint64[]) { r->pad, r->pad, r->pad, r->pad }, 4);
  convoy_attrs_set_ints (a, "strides", (const gint64[]) { r->stride, r->stride }, 2);
  convoy_attrs_set_ints (a, "dilations", (const gint64[]) { r->dilation, r->dilation }, 2);
  convoy_attrs_set_int (a, "group", r->group);
  return a;
}

static ConvoyValue
node (ConvoyGraph *g, const char *op, const ConvoyValue *in, guint n, ConvoyAttrs *a)
{
  GError *error = NULL;
  ConvoyValue v = convoy_graph_node (g, op, NULL, in, n, NULL, 1, a, &error);
  if (error)
    printf ("# %s: %s\n", op, error->message);
  CU_ASSERT_NOT_EQUAL_FATAL (v, CONVOY_NONE);
  return v;
}

static ConvoyGraph *
graph_of (const Row *r)
{
  const ConvoyShape one = { .n = 0 }, many = CONVOY_SHAPE (r->out), *by = r->per_channel ? &many : &one;
  const ConvoyShape xs = CONVOY_SHAPE (r->n, r->c, r->h, r->w), ws = CONVOY_SHAPE (r->out, r->c / r->group, r->kernel, r->kernel);
  ConvoyGraph *g = convoy_graph_new (13);
  ConvoyValue x = convoy_graph_input (g, "x", r->x, &xs), w = numbers (g, "w", r->weights, &ws, 0), bias = numbers (g, "bias", CONVOY_I32, &many, 0);
  ConvoyValue x_scale = numbers (g, "x_scale", CONVOY_F32, &one, 0.02f), w_scale = numbers (g, "w_scale", CONVOY_F32, by, 0.01f);
  ConvoyValue y_scale = numbers (g, "y_scale", CONVOY_F32, &one, 0.3f), y_zero = zero_point (g, "y_zero", r->x, &one, r->x == CONVOY_U8 ? 120 : 5);
  ConvoyValue x_zero = r->zero ? zero_point (g, "x_zero", r->x, &one, r->x == CONVOY_U8 ? 130 : 3) : CONVOY_NONE;
  ConvoyValue w_zero = r->zero && r->weights == CONVOY_U8 ? zero_point (g, "w_zero", r->weights, by, r->w_zero ? r->w_zero : 121)
      : r->zero                                           ? zero_point (g, "w_zero", r->weights, by, 0)
                                                          : CONVOY_NONE,
              y;
  if (r->linear) {
    y = node (g, "QLinearConv", (ConvoyValue[]) { x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, bias }, 9, window (r));
  } else {
    ConvoyAttrs *axis = convoy_attrs_new ();
    convoy_attrs_set_int (axis, "axis", 0);
    ConvoyValue bias_scale = node (g, "Mul", (ConvoyValue[]) { x_scale, w_scale }, 2, NULL);
    ConvoyAttrs *bias_axis = convoy_attrs_new ();
    convoy_attrs_set_int (bias_axis, "axis", 0);
    ConvoyValue in[3] = { node (g, "DequantizeLinear", (ConvoyValue[]) { x, x_scale, x_zero }, r->zero ? 3 : 2, NULL),
      node (g, "DequantizeLinear", (ConvoyValue[]) { w, w_scale, w_zero }, r->zero ? 3 : 2, axis),
      node (g, "DequantizeLinear", (ConvoyValue[]) { bias, bias_scale }, 2, bias_axis) };
    y = node (g, "Conv", in, 3, window (r));
    if (r->relu)
      y = node (g, "Relu", &y, 1, NULL);
    if (r->bytes_out)
      y = node (g, "QuantizeLinear", (ConvoyValue[]) { y, y_scale, y_zero }, 3, NULL);
  }
  convoy_graph_output (g, y);
  return g;
}

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

static ConvoyValue
dequantized (ConvoyGraph *g, ConvoyValue v, ConvoyValue scale, gint64 axis)
{
  ConvoyAttrs *a = convoy_attrs_new ();
  convoy_attrs_set_int (a, "axis", axis);
  return node (g, "DequantizeLinear", (ConvoyValue[]) { v, scale }, 2, a);
}

static ConvoyGraph *
graph_of_pair (const Pair *p)
{
  const ConvoyShape one = { .n = 0 }, xs = CONVOY_SHAPE (p->n, p->c, p->h, p->w), ws = CONVOY_SHAPE (p->between, p->c, 1, 1), ds = CONVOY_SHAPE (p->between, 1, 3, 3);
  const Row second = { .kernel = 3, .group = p->between, .stride = p->stride, .dilation = 1, .pad = 1 };
  ConvoyGraph *g = convoy_graph_new (13);
  ConvoyValue x = convoy_graph_input (g, "x", CONVOY_U8, &xs), w = numbers (g, "w", CONVOY_I8, &ws, 0), d = numbers (g, "d", CONVOY_I8, &ds, 0);
  ConvoyValue scale = numbers (g, "scale", CONVOY_F32, &one, 0.02f), y_scale = numbers (g, "y_scale", CONVOY_F32, &one, 0.4f), z_scale = numbers (g, "z_scale", CONVOY_F32, &one, 1);
  ConvoyValue from = dequantized (g, x, scale, 0), other = from;
  ConvoyValue y = node (g, "Conv", (ConvoyValue[]) { from, dequantized (g, w, scale, 0) }, 2, NULL);
  y = node (g, "Relu", &y, 1, NULL);
  y = node (g, "QuantizeLinear", (ConvoyValue[]) { y, y_scale }, 2, NULL);
  y = node (g, "Conv", (ConvoyValue[]) { dequantized (g, y, y_scale, 0), dequantized (g, d, scale, 0) }, 2, window (&second));
  y = node (g, "QuantizeLinear", (ConvoyValue[]) { y, z_scale }, 2, NULL);
  if (p->sum) {
    y = node (g, "Add", (ConvoyValue[]) { dequantized (g, y, z_scale, 0), other }, 2, NULL);
    y = node (g, "QuantizeLinear", (ConvoyValue[]) { y, z_scale }, 2, NULL);
  }
  convoy_graph_output (g, y);
  return g;
}

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
  return node (g, op, &v, 1, a);
}

static ConvoyValue
moved (ConvoyGraph *g, const Move *m, ConvoyValue x, ConvoyValue other)
{
  ConvoyAttrs *a = convoy_attrs_new ();
  if (strcmp (m->op, "Concat") == 0) {
    convoy_attrs_set_int (a, "axis", m->axis);
    return node (g, m->op, (ConvoyValue[]) { x, other, x }, 3, a);
  }
  convoy_attrs_free (a);
  if (strcmp (m->op, "Pad") != 0)
    return pooled (g, other, m->op, m);
  g_autoptr (ConvoyTensor) pads = convoy_tensor_new (CONVOY_I64, &CONVOY_SHAPE (8), NULL),
                           value = convoy_tensor_new (CONVOY_F32, &(ConvoyShape) { 0 }, NULL);
  memcpy (convoy_tensor_data (pads), m->pads, sizeof m->pads);
  *(float *) convoy_tensor_data (value) = m->value;
  return node (g, m->op, (ConvoyValue[]) { other, convoy_graph_const (g, "pads", pads), convoy_graph_param (g, "value", value) }, 3,
      NULL);
}

static ConvoyValue
through_bytes (ConvoyGraph *g, ConvoyValue v, ConvoyValue scale, ConvoyValue zero)
{
  v = node (g, "QuantizeLinear", (ConvoyValue[]) { v, scale, zero }, 3, NULL);
  return node (g, "DequantizeLinear", (ConvoyValue[]) { v, scale, zero }, 3, NULL);
}

static ConvoyGraph *
graph_of_move (const Move *m)
{
  static const Move neighbours = { .kernel = 3, .stride = 1, .pad = 1 };
  const ConvoyShape one = { .n = 0 }, xs = CONVOY_SHAPE (2, m->c, 9, 8);
  ConvoyGraph *g = convoy_graph_new (13);
  ConvoyValue x = convoy_graph_input (g, "x", m->type, &xs), scale = numbers (g, "scale", CONVOY_F32, &one, 0.02f),
              zero = zero_point (g, "zero", m->type, &one, 120);
  ConvoyValue scale_2 = m->same ? scale : numbers (g, "scale_2", CONVOY_F32, &one, 0.031f),
              zero_2 = m->same ? zero : zero_point (g, "zero_2", m->type, &one, 99);
  ConvoyValue scale_3 = m->same ? scale : numbers (g, "scale_3", CONVOY_F32, &one, 0.027f);
  ConvoyValue from = node (g, "DequantizeLinear", (ConvoyValue[]) { x, scale, zero }, 3, NULL);
  ConvoyValue y = moved (g, m, from, through_bytes (g, pooled (g, from, "MaxPool", &neighbours), scale_2, zero_2));
  if (m->relu)
    y = node (g, "Relu", &y, 1, NULL);
  y = through_bytes (g, y, scale_3, zero);
  const ConvoyShape ws = CONVOY_SHAPE (4, convoy_graph_shape (g, y)->d[1], 3, 3);
  const Row beyond = { .kernel = 3, .group = 1, .stride = 1, .dilation = 1, .pad = 1 };
  y = node (g, "Conv", (ConvoyValue[]) { y, dequantized (g, numbers (g, "w", CONVOY_I8, &ws, 0), scale, 0) }, 2, window (&beyond));
  y = node (g, "QuantizeLinear", (ConvoyValue[]) { y, numbers (g, "y_scale", CONVOY_F32, &one, 0.3f), zero }, 3, NULL);
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
  ConvoyValue x = convoy_graph_input (g, "x", CONVOY_U8, &xs), scale = numbers (g, "scale", CONVOY_F32, &one, 0.02f),
              zero = zero_point (g, "zero", CONVOY_U8, &one, 120);
  ConvoyValue y_scale = numbers (g, "y_scale", CONVOY_F32, &one, 0.3f), none = zero_point (g, "none", CONVOY_I8, &one, 0);
  ConvoyValue y = node (g, "QLinearConv",
      (ConvoyValue[]) { x, scale, zero, numbers (g, "w", CONVOY_I8, &ws, 0), scale, none, y_scale, zero }, 8, window (&r));
  if (strcmp (op, "Pad") == 0) {
    g_autoptr (ConvoyTensor) pads = convoy_tensor_new (CONVOY_I64, &CONVOY_SHAPE (8), NULL);
    memcpy (convoy_tensor_data (pads), (const gint64[]) { 0, 0, 1, 1, 0, 0, 1, 1 }, 64);
    y = node (g, op, (ConvoyValue[]) { y, convoy_graph_const (g, "pads", pads), zero }, 3, NULL);
  } else
    y = moved (g, &m, y, y);
  const ConvoyShape vs = CONVOY_SHAPE (7, convoy_graph_shape (g, y)->d[1], 3, 3);
  y = node (g, "QLinearConv", (ConvoyValue[]) { y, y_scale, zero, numbers (g, "v", CONVOY_I8, &vs, 0), scale, none, y_scale, zero },
      8, window (&r));
  convoy_graph_output (g, y);
  return g;
}

/* --- both ways ------------------------------------------------------------- */

static ConvoyExec *
exec_of (const ConvoyGraph *g, const ConvoyShape *s, gboolean no_fuse, guint threads, const char *step, gboolean *has)
{
  GError *error = NULL;
  ConvoyPlanOptions o = { .threads = threads, .no_fuse = no_fuse };
  ConvoyGraph *bound = convoy_graph_bind (g, s, NULL, &error);
  ConvoyPlan *p = bound ? convoy_plan_new (bound, &o, &error) : NULL;
  ConvoyExec *x = p ? convoy_exec_new (p, &error) : NULL;
  if (error)
    printf ("# %s\n", error->message);
  CU_ASSERT_PTR_NOT_NULL_FATAL (x);
  g_autofree char *steps = convoy_plan_dump (p);
  *has = strstr (steps, step) != NULL;
  convoy_plan_unref (p);
  convoy_graph_unref (bound);
  return x;
}

/* A sum that lies between two bytes may be rounded to either; no further. */
static double
farthest (const ConvoyTensor *a, const ConvoyTensor *b)
{
  double most = 0;
  for (gint64 i = 0; i < convoy_tensor_count (a); i++) {
    double d;
    switch (convoy_tensor_type (a)) {
      case CONVOY_F32: d = ((const float *) convoy_tensor_data (a))[i] - (double) ((const float *) convoy_tensor_data (b))[i]; break;
      case CONVOY_U8: d = ((const guint8 *) convoy_tensor_data (a))[i] - ((const guint8 *) convoy_tensor_data (b))[i]; break;
      default: d = ((const gint8 *) convoy_tensor_data (a))[i] - ((const gint8 *) convoy_tensor_data (b))[i];
    }
    most = fmax (most, fabs (d));
  }
  return most;
}

/* With the steps of kernels on bytes, one of which is called step, and without. */
static void
check (const char *what, ConvoyGraph *g, const ConvoyShape *s, ConvoyType type, guint threads, const char *step, double allowed)
{
  g_autoptr (ConvoyTensor) x = convoy_tensor_new (type, s, NULL);
  gboolean on_bytes, plain;
  for (gint64 i = 0; i < convoy_shape_count (s); i++)
    ((guint8 *) convoy_tensor_data (x))[i] = (guint8) (i * 77 + 13);
  ConvoyExec *a = exec_of (g, s, FALSE, threads, step, &on_bytes), *b = exec_of (g, s, TRUE, threads, "bytes", &plain);
  CU_ASSERT_TRUE_FATAL (convoy_exec_set (a, 0, x, NULL) && convoy_exec_set (b, 0, x, NULL));
  CU_ASSERT_TRUE_FATAL (convoy_exec_run (a, NULL) && convoy_exec_run (b, NULL));
  double far = farthest (convoy_exec_output (a, 0), convoy_exec_output (b, 0));
  if (!(far <= allowed) || on_bytes != convoy_dnn_has_vnni () || plain)
    printf ("# %s: off by %g, %s\n", what, far, on_bytes ? "on bytes" : "not on bytes");
  CU_ASSERT_TRUE (far <= allowed);
  CU_ASSERT_EQUAL (on_bytes, convoy_dnn_has_vnni ());
  CU_ASSERT_FALSE (plain);
  convoy_exec_free (a);
  convoy_exec_free (b);
  convoy_graph_unref (g);
}

static void
check_row (const Row *r, guint threads)
{
  gboolean depthwise = r->group > 1 && r->group == r->c && r->out == r->c;
  check (r->what, graph_of (r), &CONVOY_SHAPE (r->n, r->c, r->h, r->w), r->x, threads, depthwise ? "bytes depthwise" : "bytes conv", r->bytes_out ? 1 : 2e-3);
}

static void
test_pairs (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++)
    for (guint threads = 1; threads <= 3; threads += 2) {
      const Pair *p = &pairs[i];
      check (p->what, graph_of_pair (p), &CONVOY_SHAPE (p->n, p->c, p->h, p->w), CONVOY_U8, threads, "bytes conv+depthwise", 1);
    }
}

static void
test_moves (void)
{
  static const struct {
    const char *op, *step;
  } of[] = { { "Concat", "bytes concat" }, { "MaxPool", "bytes pool" }, { "Pad", "bytes pad" } };
  for (guint threads = 1; threads <= 3; threads += 2) {
    for (guint i = 0; i < G_N_ELEMENTS (moves); i++)
      check (moves[i].what, graph_of_move (&moves[i]), &CONVOY_SHAPE (2, moves[i].c, 9, 8), moves[i].type, threads, moves[i].step,
          1);
    for (guint i = 0; i < G_N_ELEMENTS (of); i++)
      check (of[i].op, graph_of_bytes (of[i].op), &CONVOY_SHAPE (2, 5, 9, 8), CONVOY_U8, threads, of[i].step, 1);
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

int
main (void)
{
  static const TapTest tests[] = {
    { "as in float32, or the next byte", test_rows },
    { "with two threads", test_threads },
    { "a depthwise convolution with the one before it", test_pairs },
    { "what is put together, padded and pooled", test_moves },
    { NULL, NULL },
  };
  return tap_main ("bytes", tests);
}
