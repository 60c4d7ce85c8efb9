/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * arith.c - arithmetic of tensors spread to one shape that oneDNN has not: Pow, Mod, PRelu, Mean. */
#include "core/ops/slope.h"
#include <math.h>

/* --- Pow: the exponent may be of another type ------------------------- */

static guint64
int_power (guint64 base, gint64 exponent)
{
  guint64 result = 1;
  for (; exponent > 0; exponent >>= 1, base *= base)
    result *= exponent & 1 ? base : 1;
  return result;
}

/* 1 / base, rounded toward zero, where the exponent is negative. */
static gint64
power (gint64 base, gint64 exponent)
{
  if (exponent >= 0)
    return int_power (base, exponent);
  return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
}

CONVOY_MAP2 (pow_real, double, pow (a, b))
CONVOY_MAP2 (pow_int, gint64, power (a, b))

static gboolean
pow_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  out[0].type = in[0].type;
  return convoy_infer_type (n, in, 0, CONVOY_T_NUMBER, error) && convoy_infer_type (n, in, 1, CONVOY_T_NUMBER, error)
    && convoy_infer_broadcast (n, &in[0].shape, &in[1].shape, &out[0].shape, error);
}

static gboolean
pow_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  gboolean real = convoy_type_kind (convoy_tensor_type (in[0])) == CONVOY_REAL || convoy_type_kind (convoy_tensor_type (in[1])) == CONVOY_REAL;
  (void) n, (void) error;
  return convoy_map (in, 2, out[0], real ? CONVOY_REAL : CONVOY_SIGNED, real ? pow_real : pow_int, NULL);
}

CONVOY_SLOPE (pow_of_base, b == 0 ? 0 : dy * b * pow (a, b - 1))
CONVOY_SLOPE (pow_of_exponent, a > 0 ? dy * pow (a, b) * log (a) : 0)

static gboolean
pow_grad (CONVOY_GRAD_ARGS)
{
  static const ConvoyMap slopes[2] = { pow_of_base, pow_of_exponent };
  (void) out;
  for (guint i = 0; i < 2; i++)
    if (din[i] && !convoy_slope (n, (ConvoyTensor *[]) { dout[0], in[0], in[1] }, 3, din[i], slopes[i], NULL, error))
      return FALSE;
  return TRUE;
}

/* --- Mod: the sign is the divisor's, or with fmod the dividend's ------- */

#define SIGNED_REST(a, b) ((b) == -1 ? 0 : (a) % (b))

CONVOY_MAP2 (mod_real, double, fmod (a, b) + (fmod (a, b) != 0 && (fmod (a, b) < 0) != (b < 0) ? b : 0))
CONVOY_MAP2 (mod_signed, gint64, SIGNED_REST (a, b) + (SIGNED_REST (a, b) && (SIGNED_REST (a, b) < 0) != (b < 0) ? b : 0))
CONVOY_MAP2 (mod_unsigned, guint64, a % b)
CONVOY_MAP2 (fmod_real, double, fmod (a, b))
CONVOY_MAP2 (fmod_signed, gint64, SIGNED_REST (a, b))

static gboolean
mod_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  out[0].type = in[0].type;
  return convoy_infer_type (n, in, 0, CONVOY_T_NUMBER, error) && convoy_infer_type (n, in, 1, 1u << in[0].type, error)
    && convoy_infer_broadcast (n, &in[0].shape, &in[1].shape, &out[0].shape, error);
}

static gboolean
mod_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  static const ConvoyMap maps[2][CONVOY_N_KINDS] = { { mod_real, mod_signed, mod_unsigned }, { fmod_real, fmod_signed, mod_unsigned } };
  ConvoyKind kind = convoy_type_kind (convoy_tensor_type (in[0]));
  for (gint64 i = 0; kind != CONVOY_REAL && i < convoy_tensor_count (in[1]); i++)
    if (convoy_int_at (in[1], i) == 0)
      return convoy_infer_fail (n, error, "element %" G_GINT64_FORMAT " of the divisor is 0", i);
  return convoy_map (in, 2, out[0], kind, maps[convoy_node_int (n, "fmod", 0) != 0][kind], NULL);
}

/* --- PRelu: the slope is spread to the input, not the other way -------- */

/* Before operator set 7 a vector has a slope for each channel. */
static ConvoyShape
slope_shape (const ConvoyNode *n, const ConvoyShape *x, const ConvoyShape *slope)
{
  ConvoyShape s = *slope;
  if (n->opset < 7 && slope->n == 1)
    while (s.n + 1 < x->n)
      s.d[s.n++] = 1;
  return s;
}

CONVOY_MAP2 (prelu_real, double, a < 0 ? a * b : a)
CONVOY_MAP2 (prelu_signed, gint64, a < 0 ? (gint64) ((guint64) a * b) : a)
CONVOY_MAP2 (prelu_unsigned, guint64, a)

static gboolean
prelu_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  ConvoyShape s = slope_shape (n, &in[0].shape, &in[1].shape);
  g_autofree char *x = convoy_shape_str (&in[0].shape), *slope = convoy_shape_str (&in[1].shape);
  if (!convoy_infer_type (n, in, 0, CONVOY_T_NUMBER, error) || !convoy_infer_type (n, in, 1, 1u << in[0].type, error)
      || !convoy_infer_broadcast (n, &in[0].shape, &s, &s, error))
    return FALSE;
  if (!convoy_shape_equal (&s, &in[0].shape))
    return convoy_infer_fail (n, error, "slope %s does not fit input %s", slope, x);
  return convoy_infer_same (n, in, out, error);
}

static gboolean
prelu_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  static const ConvoyMap maps[CONVOY_N_KINDS] = { prelu_real, prelu_signed, prelu_unsigned };
  ConvoyKind kind = convoy_type_kind (convoy_tensor_type (in[0]));
  ConvoyShape s = slope_shape (n, convoy_tensor_shape (in[0]), convoy_tensor_shape (in[1]));
  g_autoptr (ConvoyTensor) slope = convoy_tensor_new_wrap (convoy_tensor_type (in[1]), &s, convoy_tensor_data (in[1]),
      (GDestroyNotify) convoy_tensor_unref, convoy_tensor_ref (in[1]));
  (void) error;
  return convoy_map ((ConvoyTensor *[]) { in[0], slope }, 2, out[0], kind, maps[kind], NULL);
}

CONVOY_SLOPE (prelu_of_x, a < 0 ? dy * b : dy)
CONVOY_SLOPE (prelu_of_slope, a < 0 ? dy * a : 0)

static gboolean
prelu_grad (CONVOY_GRAD_ARGS)
{
  ConvoyShape s = slope_shape (n, convoy_tensor_shape (in[0]), convoy_tensor_shape (in[1]));
  g_autoptr (ConvoyTensor) slope = convoy_view (in[1], &s);
  g_autoptr (ConvoyTensor) dslope = din[1] ? convoy_view (din[1], &s) : NULL;
  ConvoyTensor *const x[3] = { dout[0], in[0], slope };
  (void) out;
  return (din[0] == NULL || convoy_slope (n, x, 3, din[0], prelu_of_x, NULL, error)) && (dslope == NULL || convoy_slope (n, x, 3, dslope, prelu_of_slope, NULL, error));
}

/* --- Mean -------------------------------------------------------------- */

CONVOY_MAP2 (add, double, a + b)

static void
scale (gint64 n, void *const *x, void *y, const void *user)
{
  for (gint64 i = 0; i < n; i++)
    ((double *) y)[i] = ((const double *) x[0])[i] / *(const guint *) user;
}

static gboolean
mean_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  out[0].type = in[0].type;
  out[0].shape = in[0].shape;
  if (!convoy_infer_type (n, in, 0, CONVOY_T_REAL, error))
    return FALSE;
  for (guint i = 1; i < n->n_in; i++)
    if (!CONVOY_GIVEN (n, in, i) || in[i].type != in[0].type)
      return convoy_infer_fail (n, error, "input %u is no %s like the first", i, convoy_type_name (in[0].type));
    else if (!convoy_infer_broadcast (n, &out[0].shape, &in[i].shape, &out[0].shape, error))
      return FALSE;
  return TRUE;
}

/* The sum is kept in double, then divided. */
static gboolean
mean_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  g_autoptr (ConvoyTensor) sum = convoy_tensor_new (CONVOY_F64, convoy_tensor_shape (out[0]), error);
  if (!sum)
    return FALSE;
  for (guint i = 0; i < n->n_in; i++)
    convoy_map ((ConvoyTensor *[]) { i ? sum : in[0], in[i] }, i ? 2 : 1, sum, CONVOY_REAL, i ? add : scale, &(guint) { 1 });
  return convoy_map (&sum, 1, out[0], CONVOY_REAL, scale, &n->n_in);
}

static gboolean
mean_grad (CONVOY_GRAD_ARGS)
{
  (void) in, (void) out;
  for (guint i = 0; i < n->n_in; i++)
    if (din[i] && !convoy_slope (n, dout, 1, din[i], scale, &n->n_in, error))
      return FALSE;
  return TRUE;
}

const ConvoyOp convoy_op_mean = {
  .name = "Mean", .min_in = 1, .max_in = G_MAXUINT,
  .infer = mean_infer, .eval = mean_eval, .grad = mean_grad,
};

const ConvoyOp convoy_op_mod = {
  .name = "Mod", .min_in = 2, .max_in = 2, .attrs = "fmod=i",
  .infer = mod_infer, .eval = mod_eval,
};

const ConvoyOp convoy_op_pow = {
  .name = "Pow", .min_in = 2, .max_in = 2,
  .infer = pow_infer, .eval = pow_eval, .grad = pow_grad,
};

const ConvoyOp convoy_op_prelu = {
  .name = "PRelu", .min_in = 2, .max_in = 2,
  .infer = prelu_infer, .eval = prelu_eval, .grad = prelu_grad,
};
