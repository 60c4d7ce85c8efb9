/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-gradients.c - every gradient of the operator table against central differences, see gradient-tools.h,
 * with the loss (y - t)^2 for random targets t. An operator that has a gradient and no row here
 * fails. Values are spread so that no two are closer than a step: no kink lies between. */
#include "tests/gradient-tools.h"
#include "tests/tap.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
  const char *op, *attrs;       /* "strides=2,1 mode=edge alpha=0.3"; a point makes a float */
  ConvoyShape in[5];            /* of weights that learn; n = G_MAXUINT: left out */
  guint n_in;
  float lo, hi;                 /* of the first; 0 and 0: -1 and 1 */
  const char *ints;             /* "1:0,2,1 2:4": inputs that are int64 constants */
  guint n_out;                  /* 0: one. All go into the loss */
  const char *then;             /* an operator that reads the result, and may ride */
} Row;

#define S(...) CONVOY_SHAPE (__VA_ARGS__)
#define OFF { .n = G_MAXUINT }
#define UNARY(op, lo, hi) { op, "", { S (3, 7) }, 1, lo, hi, NULL, 0, NULL }

static const Row rows[] = {
  UNARY ("Abs", 0, 0), UNARY ("Acos", -0.9f, 0.9f), UNARY ("Acosh", 1.2f, 3), UNARY ("Asin", -0.9f, 0.9f), UNARY ("Asinh", 0, 0), UNARY ("Atan", 0, 0),
  UNARY ("Atanh", -0.9f, 0.9f), UNARY ("Ceil", 0.1f, 0.9f), UNARY ("Celu", 0, 0), UNARY ("Cos", 0, 0), UNARY ("Cosh", 0, 0), UNARY ("Elu", 0, 0),
  UNARY ("Erf", 0, 0), UNARY ("Exp", 0, 0), UNARY ("Floor", 0.1f, 0.9f), UNARY ("Gelu", -3, 3), UNARY ("HardSigmoid", -4, 4), UNARY ("HardSwish", -5, 5),
  UNARY ("LeakyRelu", 0, 0), UNARY ("Log", 0.3f, 2), UNARY ("Mish", -3, 3), UNARY ("Neg", 0, 0), UNARY ("Reciprocal", 0.5f, 2), UNARY ("Relu", 0, 0),
  UNARY ("Round", 0.6f, 1.4f), UNARY ("Selu", 0, 0), UNARY ("Sigmoid", -3, 3), UNARY ("Sin", 0, 0), UNARY ("Sinh", 0, 0), UNARY ("Softplus", -3, 3),
  UNARY ("Softsign", 0, 0), UNARY ("Sqrt", 0.3f, 2), UNARY ("Swish", -3, 3), UNARY ("Tan", 0, 0), UNARY ("Tanh", -2, 2), UNARY ("ThresholdedRelu", -2, 2),
  UNARY ("Softmax", -2, 2), UNARY ("LogSoftmax", -2, 2),
  { "Gelu", "approximate=tanh", { S (3, 7) }, 1, -3, 3, NULL, 0, NULL },
  { "Clip", "", { S (3, 7) }, 1, 0, 0, "1f:-0.5 2f:0.6", 0, NULL },
  { "Softmax", "axis=1", { S (2, 5, 3) }, 1, -2, 2, NULL, 0, NULL },
  /* broadcasting */
  { "Add", "", { S (2, 3, 4), S (3, 1) }, 2, 0, 0, NULL, 0, NULL }, { "Add", "", { S (2, 3), S (2, 3) }, 2, 0, 0, NULL, 0, "Relu" },
  { "Sub", "", { S (3, 1), S (2, 3, 4) }, 2, 0, 0, NULL, 0, NULL }, { "Mul", "", { S (2, 3, 4), S (4) }, 2, 0, 0, NULL, 0, NULL },
  { "Div", "", { S (3, 1), S (2, 3, 4) }, 2, 0, 0, NULL, 0, NULL }, { "Max", "", { S (2, 5), S (5) }, 2, 0, 0, NULL, 0, NULL },
  { "Min", "", { S (2, 5), S (5) }, 2, 0, 0, NULL, 0, NULL }, { "Sum", "", { S (2, 5), S (5), S (2, 1) }, 3, 0, 0, NULL, 0, NULL },
  { "Mean", "", { S (2, 5), S (5), S (2, 1) }, 3, 0, 0, NULL, 0, NULL }, { "Pow", "", { S (2, 5), S (5) }, 2, 0.5f, 2, NULL, 0, NULL },
  { "PRelu", "", { S (2, 3, 4), S (3, 1) }, 2, 0, 0, NULL, 0, NULL },
  { "Where", "", { OFF, S (2, 3), S (3) }, 3, 0, 0, "0b:1,0,1", 0, NULL },
  /* shapes */
  { "Concat", "axis=1", { S (2, 3, 4), S (2, 1, 4), S (2, 5, 4) }, 3, 0, 0, NULL, 0, NULL }, { "Transpose", "perm=2,0,1", { S (2, 3, 4) }, 1, 0, 0, NULL, 0, NULL },
  { "Slice", "", { S (5, 7) }, 1, 0, 0, "1:1,6 2:4,0 3:0,1 4:1,-2", 0, NULL }, { "Split", "axis=1", { S (2, 7) }, 1, 0, 0, "1:3,4", 2, NULL },
  { "Pad", "mode=constant", { S (3, 4) }, 1, 0, 0, "1:1,0,2,1", 0, NULL }, { "Pad", "mode=reflect", { S (3, 4) }, 1, 0, 0, "1:1,2,2,1", 0, NULL },
  { "Pad", "mode=edge", { S (3, 4) }, 1, 0, 0, "1:1,0,-1,3", 0, NULL }, { "Expand", "", { S (3, 1) }, 1, 0, 0, "1:2,3,4", 0, NULL },
  { "Tile", "", { S (2, 3) }, 1, 0, 0, "1:2,3", 0, NULL }, { "DepthToSpace", "blocksize=2 mode=DCR", { S (2, 8, 2, 3) }, 1, 0, 0, NULL, 0, NULL },
  { "DepthToSpace", "blocksize=2 mode=CRD", { S (2, 8, 2, 3) }, 1, 0, 0, NULL, 0, NULL }, { "SpaceToDepth", "blocksize=2", { S (2, 2, 4, 6) }, 1, 0, 0, NULL, 0, NULL },
  { "Gather", "axis=0", { S (6, 4) }, 1, 0, 0, "1:5,0,0,-2,5", 0, NULL }, { "Gather", "axis=1", { S (3, 5, 2) }, 1, 0, 0, "1:1,1", 0, NULL },
  { "Flatten", "axis=2", { S (2, 3, 4) }, 1, 0, 0, NULL, 0, NULL }, { "Reshape", "", { S (2, 3, 4) }, 1, 0, 0, "1:4,-1", 0, NULL },
  { "Squeeze", "", { S (2, 1, 4) }, 1, 0, 0, "1:1", 0, NULL }, { "Unsqueeze", "", { S (2, 4) }, 1, 0, 0, "1:1", 0, NULL }, UNARY ("Identity", 0, 0), UNARY ("Dropout", 0, 0),
  /* reductions */
  { "ReduceL1", "keepdims=0", { S (3, 4, 2) }, 1, 0, 0, "1:1", 0, NULL }, { "ReduceL2", "", { S (3, 4, 2) }, 1, 0, 0, "1:0,2", 0, NULL },
  { "ReduceLogSum", "", { S (3, 4) }, 1, 0.3f, 2, "1:1", 0, NULL }, { "ReduceLogSumExp", "", { S (3, 4) }, 1, 0, 0, "1:1", 0, NULL },
  { "ReduceMax", "", { S (3, 4) }, 1, 0, 0, "1:1", 0, NULL }, { "ReduceMean", "keepdims=0", { S (3, 4, 2) }, 1, 0, 0, "1:1,2", 0, NULL },
  { "ReduceMin", "", { S (3, 4) }, 1, 0, 0, "1:0", 0, NULL }, { "ReduceProd", "", { S (3, 4) }, 1, 0, 0, "1:1", 0, NULL },
  { "ReduceSum", "", { S (3, 4) }, 1, 0, 0, "1:0", 0, NULL }, { "ReduceSumSquare", "", { S (3, 4) }, 1, 0, 0, "1:1", 0, NULL },
  /* pooling */
  { "MaxPool", "kernel_shape=3,2 strides=2,1 pads=1,0,1,1", { S (2, 3, 7, 5) }, 1, 0, 0, NULL, 0, NULL },
  { "MaxPool", "kernel_shape=2,2 strides=2,2", { S (2, 16, 6, 4) }, 1, 0, 0, NULL, 0, "Relu" }, { "MaxPool", "kernel_shape=3 dilations=2", { S (2, 2, 9) }, 1, 0, 0, NULL, 0, NULL },
  { "AveragePool", "kernel_shape=3,3 strides=2,2 pads=1,1,1,1", { S (2, 3, 7, 5) }, 1, 0, 0, NULL, 0, NULL },
  { "AveragePool", "kernel_shape=3,3 pads=1,1,1,1 count_include_pad=1", { S (1, 16, 4, 5) }, 1, 0, 0, NULL, 0, NULL },
  { "AveragePool", "kernel_shape=3,3 strides=2,2 ceil_mode=1 count_include_pad=1 pads=1,1,1,1", { S (1, 2, 6, 6) }, 1, 0, 0, NULL, 0, NULL },
  { "LpPool", "kernel_shape=2,3 strides=2,2 p=1", { S (2, 3, 6, 5) }, 1, 0, 0, NULL, 0, NULL }, { "LpPool", "kernel_shape=2,2 p=2 pads=1,1,0,0", { S (2, 3, 5, 4) }, 1, 0, 0, NULL, 0, NULL },
  { "LpPool", "kernel_shape=3 p=3", { S (2, 3, 7) }, 1, 0, 0, NULL, 0, NULL }, { "GlobalMaxPool", "", { S (2, 5, 3, 4) }, 1, 0, 0, NULL, 0, NULL },
  { "GlobalAveragePool", "", { S (2, 16, 3, 5) }, 1, 0, 0, NULL, 0, NULL }, { "GlobalLpPool", "p=2", { S (2, 3, 3, 5) }, 1, 0, 0, NULL, 0, NULL },
  /* layers */
  { "Conv", "", { S (2, 3, 7, 5), S (4, 3, 3, 2), S (4) }, 3, 0, 0, NULL, 0, NULL }, { "Conv", "strides=2,1 pads=1,0,2,1", { S (2, 3, 7, 5), S (16, 3, 3, 3) }, 2, 0, 0, NULL, 0, "Relu" },
  { "Conv", "group=2 dilations=2,1", { S (2, 4, 7, 6), S (6, 2, 2, 3), S (6) }, 3, 0, 0, NULL, 0, NULL },
  { "Conv", "group=16 pads=1,1,1,1 strides=2,2", { S (2, 16, 6, 7), S (16, 1, 3, 3), S (16) }, 3, 0, 0, NULL, 0, "Sigmoid" },
  { "Conv", "group=5 pads=1,1,1,1", { S (2, 5, 6, 7), S (5, 1, 3, 3) }, 2, 0, 0, NULL, 0, NULL }, { "Conv", "pads=2,1", { S (3, 4, 11), S (5, 4, 4), S (5) }, 3, 0, 0, NULL, 0, "Tanh" },
  { "Conv", "auto_pad=SAME_UPPER strides=2,2", { S (2, 32, 6, 5), S (16, 32, 1, 1), S (16) }, 3, 0, 0, NULL, 0, NULL },
  { "Gemm", "transB=1", { S (3, 5), S (4, 5), S (4) }, 3, 0, 0, NULL, 0, "Relu" }, { "Gemm", "", { S (3, 5), S (5, 4) }, 2, 0, 0, NULL, 0, NULL },
  { "MatMul", "", { S (3, 5), S (5, 4) }, 2, 0, 0, NULL, 0, NULL }, { "MatMul", "", { S (2, 3, 5), S (5, 4) }, 2, 0, 0, NULL, 0, "Tanh" },
  { "MatMul", "", { S (2, 3, 5), S (2, 5, 4) }, 2, 0, 0, NULL, 0, NULL }, { "Gemm", "alpha=0.5 beta=2.0 transA=1", { S (5, 3), S (5, 4), S (3, 1) }, 3, 0, 0, NULL, 0, NULL },
  { "BatchNormalization", "epsilon=0.001 momentum=0.9", { S (4, 3, 3, 2), S (3), S (3), S (3), S (3) }, 5, 0, 0, NULL, 0, NULL },
  { "BatchNormalization", "epsilon=0.001", { S (3, 20, 4, 3), S (20), S (20), S (20), S (20) }, 5, 0, 0, NULL, 0, "Relu" },
  { "BatchNormalization", "epsilon=0.001", { S (7, 6), S (6), S (6), S (6), S (6) }, 5, 0, 0, NULL, 0, NULL },
};

/* --- graphs ------------------------------------------------------------ */

/* "1:2,-1" int64, "1f:0.5" a float32 scalar, "0b:1,0" bool: constants for the inputs that they name. */
static void
set_constants (ConvoyGraph *g, const char *text, ConvoyValue *in, guint *n_in)
{
  g_auto (GStrv) words = g_strsplit (text ? text : "", " ", -1);
  for (guint i = 0; words[i] && *words[i]; i++) {
    char *value = strchr (words[i], ':');
    guint at = (guint) (words[i][0] - '0');
    g_auto (GStrv) list = g_strsplit (value + 1, ",", -1);
    ConvoyShape s = S (g_strv_length (list)), scalar = { 0 };
    gboolean is_float = value[-1] == 'f', is_bool = value[-1] == 'b';
    g_autoptr (ConvoyTensor) t = convoy_tensor_new (is_float ? CONVOY_F32 : is_bool ? CONVOY_BOOL : CONVOY_I64, is_float ? &scalar : &s, NULL);
    for (guint k = 0; list[k]; k++)
      if (is_float)
        *(float *) convoy_tensor_data (t) = g_ascii_strtod (list[k], NULL);
      else if (is_bool)
        ((guint8 *) convoy_tensor_data (t))[k] = list[k][0] == '1';
      else
        ((gint64 *) convoy_tensor_data (t))[k] = g_ascii_strtoll (list[k], NULL, 10);
    in[at] = convoy_graph_const (g, "", t);
    *n_in = MAX (*n_in, at + 1);
  }
}

static ConvoyGraph *
graph_of (const Row *r, GError **error)
{
  ConvoyGraph *g = convoy_graph_new (18 + 3 * (strstr ("Gelu Swish", r->op) != NULL));
  ConvoyValue in[5] = { CONVOY_NONE, CONVOY_NONE, CONVOY_NONE, CONVOY_NONE, CONVOY_NONE };
  guint n_in = r->n_in, n_out = MAX (r->n_out, 1);
  for (guint i = 0; i < r->n_in; i++)
    if (r->in[i].n != G_MAXUINT) {
      g_autofree char *name = g_strdup_printf ("w%u", i);
      gboolean first = i == 0 && r->hi != r->lo, variance = i == 4;
      g_autoptr (ConvoyTensor) t = spread (&r->in[i], first ? r->lo : variance ? 0.5f : -1, first ? r->hi : 1, i + 1);
      in[i] = convoy_graph_param (g, name, t);
    }
  set_constants (g, r->ints, in, &n_in);
  if (g_str_equal (r->op, "Div"))       /* not by what is near 0 */
    for (gint64 i = 0; i < convoy_shape_count (&r->in[1]); i++)
      ((float *) convoy_tensor_data (convoy_params_get (convoy_graph_params (g), "w1")))[i] += 2.1f;
  ConvoyValue y = convoy_graph_node (g, r->op, "it", in, n_in, NULL, n_out, attrs_of (r->attrs), error);
  if (y != CONVOY_NONE && r->then)
    y = convoy_graph_node (g, r->then, "then", &y, 1, NULL, 1, NULL, error);
  ConvoyValue flat = y == CONVOY_NONE ? y : flatten_all (g, y, n_out, error);
  if (flat == CONVOY_NONE || convoy_graph_add_loss (g, flat, "MeanSquaredError", TRUE, 0, error) == CONVOY_NONE)
    g_clear_pointer (&g, convoy_graph_unref);
  return g;
}

/* --- the table ---------------------------------------------------------- */

static guint
check_row (const Row *r)
{
  GError *e = NULL;
  ConvoyGraph *g = graph_of (r, &e);
  ConvoyExec *x = g ? exec_of (g, &e) : NULL;
  guint wrong = 1;
  if (x) {
    const ConvoyShape *s = convoy_graph_shape (g, convoy_graph_get_input (g, 0));
    g_autoptr (ConvoyTensor) targets = spread (s, -1, 1, 5);
    convoy_exec_seed (x, 1, 1);
    wrong = convoy_exec_set (x, 0, targets, &e) && convoy_exec_run (x, &e) ? compare (x, r->op) : 1;
  }
  if (e)
    printf ("# %s %s: %s\n", r->op, r->attrs, e->message);
  g_clear_error (&e);
  convoy_exec_free (x);
  convoy_graph_unref (g);
  return wrong;
}

static void
test_all (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    CU_ASSERT_EQUAL (check_row (&rows[i]), 0);
}

static void
test_none_left_out (void)
{
  for (const ConvoyOp *const *o = convoy_ops; *o; o++) {
    gboolean has = (*o)->grad || (*o)->backward || ((*o)->flags & CONVOY_OP_ALIAS), found = ((*o)->flags & CONVOY_OP_LOSS) != 0;
    for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
      found |= g_str_equal (rows[i].op, (*o)->name);
    if (has && !found)
      printf ("# %s has a gradient and no test\n", (*o)->name);
    CU_ASSERT (!has || found);
  }
}

/* --- losses ------------------------------------------------------------------ */

/* labels: int64, or NULL for float targets. */
static guint
check_loss (const char *op, gint64 rows_, gint64 k, const gint64 *labels, float smoothing, double *loss)
{
  ConvoyShape zs = S (rows_, k), ls = S (rows_);
  ConvoyGraph *g = convoy_graph_new (18);
  g_autoptr (ConvoyTensor) z = spread (&zs, -2, 2, 1);
  ConvoyValue scores = convoy_graph_param (g, "z", z);
  ConvoyValue copy = convoy_graph_node (g, "Identity", NULL, &scores, 1, NULL, 1, NULL, NULL);
  convoy_graph_add_loss (g, copy, op, labels == NULL, smoothing, NULL);
  ConvoyExec *x = exec_of (g, NULL);
  g_autoptr (ConvoyTensor) t = labels ? convoy_tensor_new (CONVOY_I64, &ls, NULL) : spread (&zs, 0, 1, 3);
  if (labels)
    memcpy (convoy_tensor_data (t), labels, rows_ * sizeof *labels);
  guint wrong = x && convoy_exec_set (x, 0, t, NULL) && convoy_exec_run (x, NULL) ? 0 : 1;
  if (!wrong) {
    *loss = *(const float *) convoy_tensor_data (convoy_exec_output (x, 0));
    wrong = compare (x, op);
  }
  convoy_exec_free (x);
  convoy_graph_unref (g);
  return wrong;
}

static void
test_losses (void)
{
  static const gint64 labels[] = { 2, -1, 0, 1, 1 }, two[] = { 1, 0, -1, 1, 0 };
  static const char *const ops[] = { "SoftmaxCrossEntropyLoss", "SigmoidCrossEntropyLoss", "MeanSquaredError" };
  double loss, all;
  for (guint i = 0; i < G_N_ELEMENTS (ops); i++)
    CU_ASSERT_EQUAL (check_loss (ops[i], 5, 3, NULL, 0, &loss), 0);
  CU_ASSERT_EQUAL (check_loss (ops[0], 5, 3, labels, 0, &loss), 0);
  CU_ASSERT_EQUAL (check_loss (ops[0], 5, 3, labels, 0.1f, &loss), 0);
  CU_ASSERT_EQUAL (check_loss (ops[1], 5, 1, two, 0, &loss), 0);
  CU_ASSERT_EQUAL (check_loss (ops[2], 5, 1, two, 0, &loss), 0);
  /* closed form: z = spread (-2, 2), p = exp (z_label) / sum */
  ConvoyShape s = S (5, 3);
  g_autoptr (ConvoyTensor) z = spread (&s, -2, 2, 1);
  const float *v = convoy_tensor_data (z);
  all = 0;
  for (guint i = 0; i < 5; i++)
    all -= labels[i] < 0 ? 0 : log (exp (v[3 * i + labels[i]]) / (exp (v[3 * i]) + exp (v[3 * i + 1]) + exp (v[3 * i + 2]))) / 4;
  CU_ASSERT_EQUAL (check_loss (ops[0], 5, 3, labels, 0, &loss), 0);
  CU_ASSERT_DOUBLE_EQUAL (loss, all, 1e-5);
}

/* --- sums ---------------------------------------------------------------------- */

/* y_t = sum_k w_k x_(t+k), loss = mean (y_t - a_t)^2: by the chain rule
 * dloss/dw_k = sum_t 2 (y_t - a_t) / T x_(t+k), one term for each place that shares w_k. */
static void
test_shared_by_places (void)
{
  static const float x[6] = { 0.5f, -1, 2, 0.25f, 1.5f, -0.75f }, w[3] = { 0.3f, -0.2f, 0.7f }, a[4] = { 1, 0, -1, 0.5f };
  ConvoyShape xs = S (1, 1, 6), ws = S (1, 1, 3), as = S (1, 4);
  ConvoyGraph *g = convoy_graph_new (18);
  ConvoyValue in[2] = { convoy_graph_input (g, "x", CONVOY_F32, &xs), CONVOY_NONE };
  g_autoptr (ConvoyTensor) wt = convoy_tensor_new (CONVOY_F32, &ws, NULL), xt = convoy_tensor_new (CONVOY_F32, &xs, NULL), at = convoy_tensor_new (CONVOY_F32, &as, NULL);
  memcpy (convoy_tensor_data (wt), w, sizeof w);
  memcpy (convoy_tensor_data (xt), x, sizeof x);
  memcpy (convoy_tensor_data (at), a, sizeof a);
  in[1] = convoy_graph_param (g, "w", wt);
  ConvoyValue y = convoy_graph_node (g, "Conv", NULL, in, 2, NULL, 1, NULL, NULL), flat = flatten_all (g, y, 1, NULL);
  convoy_graph_add_loss (g, flat, "MeanSquaredError", TRUE, 0, NULL);
  ConvoyExec *e = exec_of (g, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL (e);
  CU_ASSERT (convoy_exec_set (e, 0, xt, NULL) && convoy_exec_set (e, 1, at, NULL) && convoy_exec_run (e, NULL));
  ConvoyTensor *plain = convoy_tensor_new (CONVOY_F32, &ws, NULL);
  CU_ASSERT (convoy_exec_to_plain (e, 0, convoy_exec_gradients (e) + convoy_exec_slot (e, 0)->offset, plain, NULL));
  for (guint k = 0; k < 3; k++) {
    double sum = 0;
    for (guint t = 0; t < 4; t++)
      sum += 2 * (w[0] * x[t] + w[1] * x[t + 1] + w[2] * x[t + 2] - a[t]) / 4 * x[t + k];
    CU_ASSERT_DOUBLE_EQUAL (((float *) convoy_tensor_data (plain))[k], sum, 1e-5);
  }
  convoy_tensor_unref (plain);
  convoy_exec_free (e);
  convoy_graph_unref (g);
}

/* Two nodes of different layouts share one weight. */
static void
test_shared_by_nodes (void)
{
  ConvoyShape xs = S (2, 32, 5, 5), ws = S (32, 32, 1, 1);
  ConvoyGraph *g = convoy_graph_new (18);
  g_autoptr (ConvoyTensor) wt = spread (&ws, -0.3f, 0.3f, 1), xt = spread (&xs, -1, 1, 2);
  ConvoyValue w = convoy_graph_param (g, "w", wt), in[2] = { convoy_graph_param (g, "x", xt), w };
  in[0] = convoy_graph_node (g, "Conv", "one", in, 2, NULL, 1, NULL, NULL);
  in[0] = convoy_graph_node (g, "Tanh", NULL, in, 1, NULL, 1, NULL, NULL);
  in[0] = convoy_graph_node (g, "Conv", "two", in, 2, NULL, 1, NULL, NULL);
  ConvoyValue both[2] = { flatten_all (g, in[0], 1, NULL), flatten_all (g, w, 1, NULL) };
  ConvoyValue all = convoy_graph_node (g, "Concat", NULL, both, 2, NULL, 1, attrs_of ("axis=1"), NULL);
  convoy_graph_add_loss (g, all, "MeanSquaredError", TRUE, 0, NULL);
  ConvoyExec *e = exec_of (g, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL (e);
  g_autoptr (ConvoyTensor) targets = spread (convoy_graph_shape (g, convoy_graph_get_input (g, 0)), -1, 1, 5);
  CU_ASSERT (convoy_exec_set (e, 0, targets, NULL) && convoy_exec_run (e, NULL));
  CU_ASSERT_EQUAL (compare (e, "shared"), 0);
  convoy_exec_free (e);
  convoy_graph_unref (g);
}

int
main (void)
{
  static const TapTest tests[] = {
    { "every gradient against differences", test_all }, { "no gradient without a test", test_none_left_out }, { "losses", test_losses },
    { "a weight shared by many places", test_shared_by_places }, { "a weight shared by nodes", test_shared_by_nodes }, { NULL, NULL },
  };
  return tap_main ("gradients", tests);
}
