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
} Row;

static const Row rows[] = {
  { "int8 without a zero point", 1, 5, 6, 7, 9, 3, 1, 1, 1, 1, CONVOY_I8, CONVOY_I8, FALSE, FALSE, FALSE, FALSE, FALSE },
  { "uint8, by channel, clamped", 2, 8, 9, 5, 20, 3, 1, 2, 1, 1, CONVOY_U8, CONVOY_I8, TRUE, TRUE, TRUE, TRUE, FALSE },
  { "1x1 to many channels", 1, 12, 4, 4, 70, 1, 1, 1, 1, 0, CONVOY_U8, CONVOY_U8, TRUE, FALSE, TRUE, FALSE, FALSE },
  { "dilated", 1, 4, 11, 11, 6, 3, 1, 1, 2, 2, CONVOY_U8, CONVOY_I8, TRUE, TRUE, TRUE, FALSE, FALSE },
  { "groups", 3, 8, 6, 6, 12, 3, 2, 1, 1, 1, CONVOY_I8, CONVOY_I8, TRUE, FALSE, TRUE, TRUE, FALSE },
  { "depthwise", 1, 19, 8, 9, 19, 3, 19, 1, 1, 1, CONVOY_U8, CONVOY_U8, TRUE, FALSE, TRUE, TRUE, FALSE },
  { "depthwise, every other pixel", 2, 6, 9, 8, 6, 3, 6, 2, 1, 1, CONVOY_I8, CONVOY_I8, FALSE, TRUE, TRUE, FALSE, FALSE },
  { "depthwise, more than a vector", 1, 80, 5, 11, 80, 3, 80, 1, 1, 1, CONVOY_U8, CONVOY_I8, FALSE, TRUE, TRUE, TRUE, FALSE },
  { "depthwise, more than a vector, every other pixel", 1, 80, 7, 12, 80, 3, 80, 2, 1, 1, CONVOY_U8, CONVOY_I8, FALSE, TRUE, TRUE, FALSE, FALSE },
  { "depthwise, every third pixel", 1, 9, 10, 10, 9, 3, 9, 3, 1, 1, CONVOY_U8, CONVOY_I8, FALSE, TRUE, TRUE, FALSE, FALSE },
  { "one vector of channels", 2, 20, 7, 9, 16, 1, 1, 1, 1, 0, CONVOY_U8, CONVOY_I8, FALSE, TRUE, TRUE, TRUE, FALSE },
  { "two vectors", 1, 20, 7, 9, 29, 1, 1, 1, 1, 0, CONVOY_U8, CONVOY_I8, FALSE, TRUE, TRUE, FALSE, FALSE },
  { "three vectors and three", 1, 16, 7, 9, 96, 1, 1, 1, 1, 0, CONVOY_U8, CONVOY_I8, FALSE, TRUE, TRUE, TRUE, FALSE },
  { "four vectors", 1, 8, 5, 5, 64, 3, 1, 2, 1, 1, CONVOY_U8, CONVOY_I8, FALSE, TRUE, TRUE, FALSE, FALSE },
  { "floats of three vectors", 1, 16, 5, 5, 45, 1, 1, 1, 1, 0, CONVOY_U8, CONVOY_I8, FALSE, TRUE, FALSE, FALSE, FALSE },
  { "QLinearConv", 2, 7, 6, 6, 10, 3, 1, 2, 1, 1, CONVOY_U8, CONVOY_I8, TRUE, TRUE, TRUE, FALSE, TRUE },
  { "QLinearConv of int8", 1, 4, 5, 5, 4, 3, 1, 1, 1, 1, CONVOY_I8, CONVOY_I8, TRUE, FALSE, TRUE, FALSE, TRUE },
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
  ConvoyValue w_zero = r->zero && r->weights == CONVOY_U8 ? zero_point (g, "w_zero", r->weights, by, 121) : r->zero ? zero_point (g, "w_zero", r->weights, by, 0) : CONVOY_NONE, y;
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
    { NULL, NULL },
  };
  return tap_main ("bytes", tests);
}
