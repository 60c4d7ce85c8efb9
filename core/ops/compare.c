/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * compare.c - operators of two tensors spread to one shape: comparisons and logic; and Where, which picks between two. */
#include "core/ops/slope.h"

/* Types of both inputs, the same, and of the output. */
static gboolean
pair_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, guint types, gboolean to_bool, GError **error)
{
  out[0].type = to_bool ? CONVOY_BOOL : in[0].type;
  return convoy_infer_type (n, in, 0, types, error) && convoy_infer_type (n, in, 1, 1u << in[0].type, error)
    && convoy_infer_broadcast (n, &in[0].shape, &in[1].shape, &out[0].shape, error);
}

#define ROW(id, NAME, TYPES, expression) \
  CONVOY_MAP2 (id##_real, double, expression) \
  CONVOY_MAP2 (id##_signed, gint64, expression) \
  CONVOY_MAP2 (id##_unsigned, guint64, expression) \
  static gboolean \
  infer_##id (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error) \
  { \
    return pair_infer (n, in, out, TYPES, TRUE, error); \
  } \
  static gboolean \
  eval_##id (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error) \
  { \
    static const ConvoyMap maps[CONVOY_N_KINDS] = { id##_real, id##_signed, id##_unsigned }; \
    ConvoyKind kind = convoy_type_kind (convoy_tensor_type (in[0])); \
    (void) n, (void) error; \
    return convoy_map (in, 2, out[0], kind, maps[kind], NULL); \
  } \
  const ConvoyOp convoy_op_##id = { .name = NAME, .min_in = 2, .max_in = 2, .infer = infer_##id, .eval = eval_##id };

ROW (and, "And", CONVOY_T (BOOL), a != 0 && b != 0)
ROW (equal, "Equal", CONVOY_T_ALL, a == b)
ROW (greater, "Greater", CONVOY_T_NUMBER, a > b)
ROW (greater_or_equal, "GreaterOrEqual", CONVOY_T_NUMBER, a >= b)
ROW (less, "Less", CONVOY_T_NUMBER, a < b)
ROW (less_or_equal, "LessOrEqual", CONVOY_T_NUMBER, a <= b)
ROW (or, "Or", CONVOY_T (BOOL), a != 0 || b != 0)
ROW (xor, "Xor", CONVOY_T (BOOL), (a != 0) != (b != 0))

/* --- Where ------------------------------------------------------------- */

static gboolean
where_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  out[0].type = in[1].type;
  return convoy_infer_type (n, in, 0, CONVOY_T (BOOL), error) && convoy_infer_type (n, in, 2, 1u << in[1].type, error)
    && convoy_infer_broadcast (n, &in[1].shape, &in[2].shape, &out[0].shape, error)
    && convoy_infer_broadcast (n, &in[0].shape, &out[0].shape, &out[0].shape, error);
}

#define PICK(name, T) \
  static void \
  name (gint64 n, void *const *x, void *y, const void *user) \
  { \
    (void) user; \
    for (gint64 i = 0; i < n; i++) \
      ((T *) y)[i] = ((const T *) x[((const T *) x[0])[i] != 0 ? 1 : 2])[i]; \
  }
PICK (pick_real, double)
PICK (pick_int, gint64)

static gboolean
where_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  gboolean real = convoy_type_kind (convoy_tensor_type (in[1])) == CONVOY_REAL;
  (void) n, (void) error;
  return convoy_map (in, 3, out[0], real ? CONVOY_REAL : CONVOY_SIGNED, real ? pick_real : pick_int, NULL);
}

CONVOY_SLOPE (where_so, a != 0 ? dy : 0)
CONVOY_SLOPE (where_not, a != 0 ? 0 : dy)

static gboolean
where_grad (CONVOY_GRAD_ARGS)
{
  static const ConvoyMap slopes[2] = { where_so, where_not };
  (void) out;
  for (guint i = 0; i < 2; i++)
    if (din[1 + i] && !convoy_slope (n, (ConvoyTensor *[]) { dout[0], in[0], in[0] }, 3, din[1 + i], slopes[i], NULL, error))
      return FALSE;
  return TRUE;
}

const ConvoyOp convoy_op_where = {
  .name = "Where", .min_in = 3, .max_in = 3,
  .infer = where_infer, .eval = where_eval, .grad = where_grad, .no_grad = 1 << 0,
};
