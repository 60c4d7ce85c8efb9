/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * unary.c - functions of one number at a time that activation.c has not: a row each. */
#include "core/ops/slope.h"
#include <math.h>

static gboolean
infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  return convoy_infer_type (n, in, 0, CONVOY_T_REAL, error) && convoy_infer_same (n, in, out, error);
}

/* The parameters of a function: attributes alpha and gamma, or what the operator has for them. */
static gboolean
run (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, ConvoyMap f, float alpha, float gamma)
{
  const double p[2] = { convoy_node_float (n, "alpha", alpha), convoy_node_float (n, "gamma", gamma) };
  return convoy_map (in, 1, out[0], convoy_type_kind (convoy_tensor_type (in[0])), f, p);
}

/* The activations among them, which oneDNN has as well, ride on what comes before. */
static gboolean
as_post (ConvoyBuild *b, const ConvoyNode *n, ConvoyValue v, ConvoyPost *post)
{
  static const struct { const char *op; ConvoyEw kind; } known[] = { { "Mish", CONVOY_EW_MISH }, { "Swish", CONVOY_EW_SWISH } };
  gboolean by_tanh = g_str_equal (convoy_node_str (n, "approximate", "none"), "tanh");
  ConvoyEw kind = by_tanh ? CONVOY_EW_GELU_TANH : CONVOY_EW_GELU_ERF;
  for (guint i = 0; i < G_N_ELEMENTS (known); i++)
    if (g_str_equal (n->op->name, known[i].op))
      kind = known[i].kind;
  post->kind = CONVOY_POST_EW;
  post->n_ew = 1;
  post->ew[0].kind = kind;
  post->ew[0].a = kind == CONVOY_EW_SWISH ? convoy_node_float (n, "alpha", 1) : 0;
  post->ew[0].b = 0;
  return v == n->in[0] && convoy_build_type (b, v) == CONVOY_F32;
}

/* x: the number; a and g: alpha and gamma. */
#define MAP(id, T, expression) \
  static void \
  id (gint64 n, void *const *in, void *out, const void *user) \
  { \
    const double a G_GNUC_UNUSED = ((const double *) user)[0], g G_GNUC_UNUSED = ((const double *) user)[1]; \
    for (gint64 i = 0; i < n; i++) { \
      const T x = ((const T *) in[0])[i]; \
      ((T *) out)[i] = expression; \
    } \
  }

/* dy times the slope at x. */
#define SLOPE(id, slope) \
  static void \
  id (gint64 n, void *const *in, void *out, const void *user) \
  { \
    const double a G_GNUC_UNUSED = ((const double *) user)[0], g G_GNUC_UNUSED = ((const double *) user)[1]; \
    for (gint64 i = 0; i < n; i++) { \
      const double x G_GNUC_UNUSED = ((const double *) in[1])[i]; \
      ((double *) out)[i] = ((const double *) in[0])[i] * (slope); \
    } \
  }

static gboolean
back (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *dout, ConvoyTensor *const *din, ConvoyMap f, float alpha, float gamma, GError **error)
{
  const double p[2] = { convoy_node_float (n, "alpha", alpha), convoy_node_float (n, "gamma", gamma) };
  return convoy_slope (n, (ConvoyTensor *[]) { dout[0], in[0] }, 2, din[0], f, p, error);
}

#define POST_ROW(id, NAME, ATTRS, ALPHA, GAMMA, POST, expression, slope) \
  MAP (map_##id, double, expression) \
  static gboolean \
  eval_##id (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error) \
  { \
    (void) error; \
    return run (n, in, out, map_##id, ALPHA, GAMMA); \
  } \
  SLOPE (slope_##id, slope) \
  static gboolean \
  grad_##id (CONVOY_GRAD_ARGS) \
  { \
    (void) out; \
    return back (n, in, dout, din, slope_##id, ALPHA, GAMMA, error); \
  } \
  const ConvoyOp convoy_op_##id = { \
    .name = NAME, .min_in = 1, .max_in = 1, .attrs = ATTRS, .flags = CONVOY_OP_POINTWISE, .infer = infer, .eval = eval_##id, .grad = grad_##id, .as_post = POST, \
  };
#define ROW(id, NAME, ATTRS, ALPHA, GAMMA, expression, slope) POST_ROW (id, NAME, ATTRS, ALPHA, GAMMA, NULL, expression, slope)

#define LOGISTIC(x) (1 / (1 + exp (-(x))))
#define SOFTPLUS(x) (fmax (x, 0) + log1p (exp (-fabs (x))))

ROW (acos, "Acos", NULL, 0, 0, acos (x),
    -1 / sqrt (1 - x * x))
ROW (acosh, "Acosh", NULL, 0, 0, acosh (x),
    1 / sqrt (x * x - 1))
ROW (asin, "Asin", NULL, 0, 0, asin (x),
    1 / sqrt (1 - x * x))
ROW (asinh, "Asinh", NULL, 0, 0, asinh (x),
    1 / sqrt (x * x + 1))
ROW (atan, "Atan", NULL, 0, 0, atan (x),
    1 / (1 + x * x))
ROW (atanh, "Atanh", NULL, 0, 0, atanh (x),
    1 / (1 - x * x))
ROW (ceil, "Ceil", NULL, 0, 0, ceil (x),
    0)
ROW (celu, "Celu", "alpha=f", 1, 0, fmax (x, 0) + fmin (a * expm1 (x / a), 0),
    x > 0 ? 1 : exp (x / a))
ROW (cos, "Cos", NULL, 0, 0, cos (x),
    -sin (x))
ROW (cosh, "Cosh", NULL, 0, 0, cosh (x),
    sinh (x))
ROW (erf, "Erf", NULL, 0, 0, erf (x),
    M_2_SQRTPI * exp (-x * x))
ROW (exp, "Exp", NULL, 0, 0, exp (x),
    exp (x))
ROW (floor, "Floor", NULL, 0, 0, floor (x),
    0)
ROW (log, "Log", NULL, 0, 0, log (x),
    1 / x)
POST_ROW (mish, "Mish", NULL, 0, 0, as_post, x * tanh (SOFTPLUS (x)),
    tanh (SOFTPLUS (x)) + x * LOGISTIC (x) * (1 - pow (tanh (SOFTPLUS (x)), 2)))
ROW (reciprocal, "Reciprocal", NULL, 0, 0, 1 / x,
    -1 / (x * x))
ROW (round, "Round", NULL, 0, 0, nearbyint (x),
    0)         /* half to even */
ROW (selu, "Selu", "alpha=f gamma=f", 1.67326319217681884765625f, 1.05070102214813232421875f, g * (x > 0 ? x : a * expm1 (x)),
    g * (x > 0 ? 1 : a * exp (x)))
ROW (sin, "Sin", NULL, 0, 0, sin (x),
    cos (x))
ROW (sinh, "Sinh", NULL, 0, 0, sinh (x),
    cosh (x))
ROW (softsign, "Softsign", NULL, 0, 0, x / (1 + fabs (x)),
    1 / pow (1 + fabs (x), 2))
ROW (sqrt, "Sqrt", NULL, 0, 0, sqrt (x),
    0.5 / sqrt (x))
POST_ROW (swish, "Swish", "alpha=f", 1, 0, as_post, x * LOGISTIC (a * x),
    LOGISTIC (a * x) * (1 + a * x * (1 - LOGISTIC (a * x))))
ROW (tan, "Tan", NULL, 0, 0, tan (x),
    1 + pow (tan (x), 2))
ROW (thresholded_relu, "ThresholdedRelu", "alpha=f", 1, 0, x > a ? x : 0,
    x > a ? 1 : 0)

/* --- Gelu: by the error function, or by tanh where approximate says so - */

MAP (gelu_erf, double, 0.5 * x * (1 + erf (x * M_SQRT1_2)))
MAP (gelu_tanh, double, 0.5 * x * (1 + tanh (M_2_SQRTPI * M_SQRT1_2 * (x + 0.044715 * x * x * x))))

static gboolean
gelu_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  const char *how = convoy_node_str (n, "approximate", "none");
  if (!g_str_equal (how, "none") && !g_str_equal (how, "tanh"))
    return convoy_infer_fail (n, error, "approximate %s is neither none nor tanh", how);
  return infer (n, in, out, error);
}

static gboolean
gelu_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  (void) error;
  return run (n, in, out, g_str_equal (convoy_node_str (n, "approximate", "none"), "tanh") ? gelu_tanh : gelu_erf, 0, 0);
}

#define NORMAL(x) (M_2_SQRTPI * M_SQRT1_2 / 2 * exp (-(x) * (x) / 2))
#define INNER(x) (M_2_SQRTPI * M_SQRT1_2 * ((x) + 0.044715 * (x) * (x) * (x)))
SLOPE (gelu_erf_slope, 0.5 * (1 + erf (x * M_SQRT1_2)) + x * NORMAL (x))
SLOPE (gelu_tanh_slope, 0.5 * (1 + tanh (INNER (x))) + 0.5 * x * (1 - pow (tanh (INNER (x)), 2)) * M_2_SQRTPI * M_SQRT1_2 * (1 + 3 * 0.044715 * x * x))

static gboolean
gelu_grad (CONVOY_GRAD_ARGS)
{
  (void) out;
  return back (n, in, dout, din, g_str_equal (convoy_node_str (n, "approximate", "none"), "tanh") ? gelu_tanh_slope : gelu_erf_slope, 0, 0, error);
}

const ConvoyOp convoy_op_gelu = {
  .name = "Gelu", .min_in = 1, .max_in = 1, .attrs = "approximate=s", .flags = CONVOY_OP_POINTWISE,
  .infer = gelu_infer, .eval = gelu_eval, .grad = gelu_grad, .as_post = as_post,
};

/* --- for integers as well --------------------------------------------- */

MAP (abs_real, double, fabs (x))
MAP (abs_signed, gint64, x < 0 ? (gint64) (0 - (guint64) x) : x)
MAP (abs_unsigned, guint64, x)
MAP (neg_real, double, -x)
MAP (neg_signed, guint64, 0 - x)
MAP (not_unsigned, guint64, !x)
MAP (sign_real, double, x > 0 ? 1 : x < 0 ? -1 : x)
MAP (sign_signed, gint64, (x > 0) - (x < 0))
MAP (sign_unsigned, guint64, x != 0)

SLOPE (abs_slope, (x > 0) - (x < 0))
SLOPE (neg_slope, -1)

static gboolean
abs_grad (CONVOY_GRAD_ARGS)
{
  (void) out;
  return back (n, in, dout, din, abs_slope, 0, 0, error);
}

static gboolean
neg_grad (CONVOY_GRAD_ARGS)
{
  (void) out;
  return back (n, in, dout, din, neg_slope, 0, 0, error);
}

/* The functions by kind; NULL: not for it. Bools are another matter than numbers. */
static gboolean
kinds_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, const ConvoyMap *maps, guint but, GError **error)
{
  guint types = 0;
  for (guint k = 0; k < CONVOY_N_KINDS; k++)
    types |= maps[k] ? convoy_types_of (k) : 0;
  return convoy_infer_type (n, in, 0, types & ~but, error) && convoy_infer_same (n, in, out, error);
}

#define KINDS_ROW(id, NAME, SINCE, BUT, GRAD, ...) \
  static const ConvoyMap maps_##id[CONVOY_N_KINDS] = { __VA_ARGS__ }; \
  static gboolean \
  infer_##id (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error) \
  { \
    return kinds_infer (n, in, out, maps_##id, BUT, error); \
  } \
  static gboolean \
  eval_##id (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error) \
  { \
    (void) error; \
    return run (n, in, out, maps_##id[convoy_type_kind (convoy_tensor_type (in[0]))], 0, 0); \
  } \
  const ConvoyOp convoy_op_##id = { \
    .name = NAME, .min_in = 1, .max_in = 1, .since = SINCE, .flags = CONVOY_OP_POINTWISE, .infer = infer_##id, .eval = eval_##id, .grad = GRAD, \
  };

KINDS_ROW (abs, "Abs", 6, CONVOY_T (BOOL), abs_grad, abs_real, abs_signed, abs_unsigned)
KINDS_ROW (neg, "Neg", 6, CONVOY_T (BOOL), neg_grad, neg_real, neg_signed, NULL)
KINDS_ROW (not, "Not", 1, CONVOY_T_NUMBER, NULL, NULL, NULL, not_unsigned)
KINDS_ROW (sign, "Sign", 9, CONVOY_T (BOOL), NULL, sign_real, sign_signed, sign_unsigned)
