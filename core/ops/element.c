/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * element.c - the types of elements, a row each, and their way to double and gint64 and back. */
#include "core/ops/index.h"
#include <math.h>

#define AS_IS(x) (x)
#define TRUTH(x) ((x) != 0)
/* What is not a number becomes the smallest; the limit itself may not be a double. */
#define SATURATE(name, type, min, max) \
  static inline type name (double v) { return v > (double) (min) ? v >= (double) (max) ? (max) : (type) v : (min); }
SATURATE (to_i64, gint64, G_MININT64, G_MAXINT64)
SATURATE (to_i32, gint32, G_MININT32, G_MAXINT32)
SATURATE (to_i8, gint8, G_MININT8, G_MAXINT8)
SATURATE (to_u8, guint8, 0, G_MAXUINT8)
SATURATE (to_i16, gint16, G_MININT16, G_MAXINT16)
SATURATE (to_u16, guint16, 0, G_MAXUINT16)
SATURATE (to_u32, guint32, 0, G_MAXUINT32)
SATURATE (to_u64, guint64, 0, G_MAXUINT64)

/* The floats of 16 bits: a sign, an exponent over bias, a fraction of so many bits. Rounded half to even. */
#define HALF 15, 10             /* IEEE 754 binary16 */
#define BRAIN 127, 7            /* the upper half of a float32 */

static double
from_short (guint16 code, int bias, int bits)
{
  int exponent = code >> bits & (2 * bias + 1), fraction = code & ((1 << bits) - 1);
  double v = ldexp (exponent ? fraction + (1 << bits) : fraction, MAX (exponent, 1) - bias - bits);
  if (exponent == 2 * bias + 1)
    v = fraction ? NAN : INFINITY;
  return code & 0x8000 ? -v : v;
}

static guint16
to_short (double v, int bias, int bits)
{
  guint sign = signbit (v) ? 0x8000 : 0, infinite = (2 * bias + 1) << bits;
  int exponent;
  if (isnan (v))
    return sign | infinite | 1 << (bits - 1);
  frexp (v, &exponent);
  exponent = v != 0 ? MAX (exponent - 1, 1 - bias) : 1 - bias;
  /* In units of the last place; 2^bits and more of them where the number is normal, which counts the exponent up. */
  double units = isinf (v) ? infinite : nearbyint (ldexp (fabs (v), bits - exponent)) + (double) (exponent + bias - 1) * (1 << bits);
  return sign | (guint) MIN (units, infinite);
}

static inline double of_f16 (guint16 x) { return from_short (x, HALF); }
static inline double of_bf16 (guint16 x) { return from_short (x, BRAIN); }
static inline guint16 to_f16 (double v) { return to_short (v, HALF); }
static inline guint16 to_bf16 (double v) { return to_short (v, BRAIN); }

/* type, in C, kind, TensorProto.DataType, element to real, real to element, integer to element */
#define ROWS(X) \
  X (F32, float, REAL, 1, AS_IS, AS_IS, AS_IS) \
  X (F64, double, REAL, 11, AS_IS, AS_IS, AS_IS) \
  X (I64, gint64, SIGNED, 7, AS_IS, to_i64, AS_IS) \
  X (I32, gint32, SIGNED, 6, AS_IS, to_i32, AS_IS) \
  X (I8, gint8, SIGNED, 3, AS_IS, to_i8, AS_IS) \
  X (U8, guint8, UNSIGNED, 2, AS_IS, to_u8, AS_IS) \
  X (BOOL, guint8, UNSIGNED, 9, AS_IS, TRUTH, TRUTH) \
  X (F16, guint16, REAL, 10, of_f16, to_f16, to_f16) \
  X (BF16, guint16, REAL, 16, of_bf16, to_bf16, to_bf16) \
  X (I16, gint16, SIGNED, 5, AS_IS, to_i16, AS_IS) \
  X (U16, guint16, UNSIGNED, 4, AS_IS, to_u16, AS_IS) \
  X (U32, guint32, UNSIGNED, 12, AS_IS, to_u32, AS_IS) \
  X (U64, guint64, UNSIGNED, 13, AS_IS, to_u64, AS_IS)

#define INT_OF_REAL(x) to_i64 (x)
#define INT_OF_SIGNED(x) (x)
#define INT_OF_UNSIGNED(x) (x)
#define LOOP(expression) for (gint64 i = 0; i < n; i++) expression
#define FUNCTIONS(NAME, T, KIND, ONNX, REAL_OF, OF_REAL, OF_INT) \
  static void get_real_##NAME (const T *p, gint64 step, gint64 n, double *v) { LOOP (v[i] = REAL_OF (p[i * step])); } \
  static void put_real_##NAME (T *p, gint64 step, gint64 n, const double *v) { LOOP (p[i * step] = OF_REAL (v[i])); } \
  static void get_int_##NAME (const T *p, gint64 step, gint64 n, gint64 *v) { LOOP (v[i] = INT_OF_##KIND (REAL_OF (p[i * step]))); } \
  static void put_int_##NAME (T *p, gint64 step, gint64 n, const gint64 *v) { LOOP (p[i * step] = OF_INT (v[i])); }
ROWS (FUNCTIONS)

#define GET_REAL(NAME, T, ...) case CONVOY_##NAME: get_real_##NAME ((const T *) p + at, step, n, out); break;
#define PUT_REAL(NAME, T, ...) case CONVOY_##NAME: put_real_##NAME ((T *) p + at, step, n, in); break;
#define GET_INT(NAME, T, ...) case CONVOY_##NAME: get_int_##NAME ((const T *) p + at, step, n, out); break;
#define PUT_INT(NAME, T, ...) case CONVOY_##NAME: put_int_##NAME ((T *) p + at, step, n, in); break;
#define KIND_OF(NAME, T, KIND, ...) [CONVOY_##NAME] = CONVOY_##KIND,
#define ONNX_OF(NAME, T, KIND, ONNX, ...) [CONVOY_##NAME] = ONNX,

static const ConvoyKind kind_of[CONVOY_N_TYPES] = { ROWS (KIND_OF) };
static const gint8 onnx_of[CONVOY_N_TYPES] = { ROWS (ONNX_OF) };

void
convoy_get_real (ConvoyType type, const void *p, gint64 at, gint64 step, gint64 n, double *out)
{
  switch (type) { ROWS (GET_REAL) }
}

void
convoy_put_real (ConvoyType type, void *p, gint64 at, gint64 step, gint64 n, const double *in)
{
  switch (type) { ROWS (PUT_REAL) }
}

void
convoy_get_int (ConvoyType type, const void *p, gint64 at, gint64 step, gint64 n, gint64 *out)
{
  switch (type) { ROWS (GET_INT) }
}

void
convoy_put_int (ConvoyType type, void *p, gint64 at, gint64 step, gint64 n, const gint64 *in)
{
  switch (type) { ROWS (PUT_INT) }
}

ConvoyKind
convoy_type_kind (ConvoyType type)
{
  return kind_of[type];
}

guint
convoy_types_of (ConvoyKind kind)
{
  guint types = 0;
  for (guint i = 0; i < CONVOY_N_TYPES; i++)
    if (kind_of[i] == kind)
      types |= 1u << i;
  return types;
}

gboolean
convoy_type_from_onnx (gint64 onnx, ConvoyType *type)
{
  for (guint i = 0; i < CONVOY_N_TYPES; i++)
    if (onnx_of[i] == onnx) {
      *type = i;
      return TRUE;
    }
  return FALSE;
}

double
convoy_real_at (const ConvoyTensor *t, gint64 i)
{
  double v;
  convoy_get_real (convoy_tensor_type (t), convoy_tensor_data (t), i, 1, 1, &v);
  return v;
}

gint64
convoy_int_at (const ConvoyTensor *t, gint64 i)
{
  gint64 v;
  convoy_get_int (convoy_tensor_type (t), convoy_tensor_data (t), i, 1, 1, &v);
  return v;
}

double *
convoy_reals (const ConvoyTensor *t)
{
  gint64 count = convoy_tensor_count (t);
  double *v = g_try_new (double, MAX (count, 1));
  if (v)
    convoy_get_real (convoy_tensor_type (t), convoy_tensor_data (t), 0, 1, count, v);
  return v;
}

gboolean
convoy_put_reals (const ConvoyNode *n, ConvoyTensor *t, double *v, GError **error)
{
  gint64 count = convoy_tensor_count (t);
  if (!v)
    return convoy_infer_fail (n, error, "no memory for %" G_GINT64_FORMAT " numbers", count);
  convoy_put_real (convoy_tensor_type (t), convoy_tensor_data (t), 0, 1, count, v);
  g_free (v);
  return TRUE;
}
