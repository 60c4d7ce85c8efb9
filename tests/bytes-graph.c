/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * bytes-graph.c - see bytes-graph.h. */
#include "tests/bytes-graph.h"

/* --- graphs ------------------------------------------------------------ */

ConvoyValue
bytes_numbers (ConvoyGraph *g, const char *name, ConvoyType type, const ConvoyShape *s, float scale)
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

ConvoyValue
bytes_zero_point (ConvoyGraph *g, const char *name, ConvoyType type, const ConvoyShape *s, gint value)
{
  g_autoptr (ConvoyTensor) t = convoy_tensor_new (type, s, NULL);
  memset (convoy_tensor_data (t), value, (gsize) convoy_shape_count (s));
  return convoy_graph_param (g, name, t);
}

ConvoyAttrs *
bytes_window (const Row *r)
{
  ConvoyAttrs *a = convoy_attrs_new ();
  convoy_attrs_set_ints (a, "pads", (const gint64[]) { r->pad, r->pad, r->pad, r->pad }, 4);
  convoy_attrs_set_ints (a, "strides", (const gint64[]) { r->stride, r->stride }, 2);
  convoy_attrs_set_ints (a, "dilations", (const gint64[]) { r->dilation, r->dilation }, 2);
  convoy_attrs_set_int (a, "group", r->group);
  return a;
}

ConvoyValue
bytes_node (ConvoyGraph *g, const char *op, const ConvoyValue *in, guint n, ConvoyAttrs *a)
{
  GError *error = NULL;
  ConvoyValue v = convoy_graph_node (g, op, NULL, in, n, NULL, 1, a, &error);
  if (error)
    printf ("# %s: %s\n", op, error->message);
  CU_ASSERT_NOT_EQUAL_FATAL (v, CONVOY_NONE);
  return v;
}

ConvoyGraph *
bytes_graph (const Row *r)
{
  const ConvoyShape one = { .n = 0 }, many = CONVOY_SHAPE (r->out), *by = r->per_channel ? &many : &one;
  const ConvoyShape xs = CONVOY_SHAPE (r->n, r->c, r->h, r->w), ws = CONVOY_SHAPE (r->out, r->c / r->group, r->kernel, r->kernel);
  ConvoyGraph *g = convoy_graph_new (13);
  ConvoyValue x = convoy_graph_input (g, "x", r->x, &xs), w = bytes_numbers (g, "w", r->weights, &ws, 0),
              bias = bytes_numbers (g, "bias", CONVOY_I32, &many, 0);
  ConvoyValue x_scale = bytes_numbers (g, "x_scale", CONVOY_F32, &one, 0.02f),
              w_scale = bytes_numbers (g, "w_scale", CONVOY_F32, by, 0.01f);
  ConvoyValue y_scale = bytes_numbers (g, "y_scale", CONVOY_F32, &one, 0.3f),
              y_zero = bytes_zero_point (g, "y_zero", r->x, &one, r->x == CONVOY_U8 ? 120 : 5);
  ConvoyValue x_zero = r->zero ? bytes_zero_point (g, "x_zero", r->x, &one, r->x == CONVOY_U8 ? 130 : 3) : CONVOY_NONE;
  ConvoyValue w_zero = r->zero && r->weights == CONVOY_U8
      ? bytes_zero_point (g, "w_zero", r->weights, by, r->w_zero ? r->w_zero : 121)
      : r->zero ? bytes_zero_point (g, "w_zero", r->weights, by, 0)
                : CONVOY_NONE,
              y;
  if (r->linear) {
    y = bytes_node (g, "QLinearConv", (ConvoyValue[]) { x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, bias }, 9,
        bytes_window (r));
  } else {
    ConvoyAttrs *axis = convoy_attrs_new ();
    convoy_attrs_set_int (axis, "axis", 0);
    ConvoyValue bias_scale = bytes_node (g, "Mul", (ConvoyValue[]) { x_scale, w_scale }, 2, NULL);
    ConvoyAttrs *bias_axis = convoy_attrs_new ();
    convoy_attrs_set_int (bias_axis, "axis", 0);
    ConvoyValue in[3] = { bytes_node (g, "DequantizeLinear", (ConvoyValue[]) { x, x_scale, x_zero }, r->zero ? 3 : 2, NULL),
      bytes_node (g, "DequantizeLinear", (ConvoyValue[]) { w, w_scale, w_zero }, r->zero ? 3 : 2, axis),
      bytes_node (g, "DequantizeLinear", (ConvoyValue[]) { bias, bias_scale }, 2, bias_axis) };
    y = bytes_node (g, "Conv", in, 3, bytes_window (r));
    if (r->relu)
      y = bytes_node (g, "Relu", &y, 1, NULL);
    if (r->bytes_out)
      y = bytes_node (g, "QuantizeLinear", (ConvoyValue[]) { y, y_scale, y_zero }, 3, NULL);
  }
  convoy_graph_output (g, y);
  return g;
}

ConvoyValue
bytes_dequantized (ConvoyGraph *g, ConvoyValue v, ConvoyValue scale, gint64 axis)
{
  ConvoyAttrs *a = convoy_attrs_new ();
  convoy_attrs_set_int (a, "axis", axis);
  return bytes_node (g, "DequantizeLinear", (ConvoyValue[]) { v, scale }, 2, a);
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
double
bytes_farthest (const ConvoyTensor *a, const ConvoyTensor *b)
{
  double most = 0;
  for (gint64 i = 0; i < convoy_tensor_count (a); i++) {
    double d;
    switch (convoy_tensor_type (a)) {
      case CONVOY_F32:
        d = ((const float *) convoy_tensor_data (a))[i] - (double) ((const float *) convoy_tensor_data (b))[i];
        break;
      case CONVOY_U8: d = ((const guint8 *) convoy_tensor_data (a))[i] - ((const guint8 *) convoy_tensor_data (b))[i]; break;
      default: d = ((const gint8 *) convoy_tensor_data (a))[i] - ((const gint8 *) convoy_tensor_data (b))[i];
    }
    most = fmax (most, fabs (d));
  }
  return most;
}

gboolean
bytes_agree (const char *what, ConvoyGraph *g, const ConvoyShape *s, ConvoyType type, guint threads, const char *step,
    double allowed)
{
  g_autoptr (ConvoyTensor) x = convoy_tensor_new (type, s, NULL);
  gboolean on_bytes, plain;
  for (gint64 i = 0; i < convoy_shape_count (s); i++)
    ((guint8 *) convoy_tensor_data (x))[i] = (guint8) (i * 77 + 13);
  ConvoyExec *a = exec_of (g, s, FALSE, threads, step, &on_bytes), *b = exec_of (g, s, TRUE, threads, "bytes", &plain);
  CU_ASSERT_TRUE_FATAL (convoy_exec_set (a, 0, x, NULL) && convoy_exec_set (b, 0, x, NULL));
  CU_ASSERT_TRUE_FATAL (convoy_exec_run (a, NULL) && convoy_exec_run (b, NULL));
  double far = bytes_farthest (convoy_exec_output (a, 0), convoy_exec_output (b, 0));
  gboolean ok = far <= allowed && on_bytes == convoy_dnn_has_vnni () && !plain;
  if (!ok)
    printf ("# %s: off by %g, %s\n", what, far, on_bytes ? "on bytes" : "not on bytes");
  convoy_exec_free (a);
  convoy_exec_free (b);
  convoy_graph_unref (g);
  return ok;
}
