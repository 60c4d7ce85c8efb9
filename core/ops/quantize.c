/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * quantize.c - QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear: float32 and 8-bit integers, x = (q - zero) * scale. */
#include "core/ops/index.h"
#include <math.h>

/* How scales lie over the data: element (o, a, i) of outer x axis x inner has scale
 * o * outer_step + a / block * step + i * inner_step; one for all where the steps are 0. */
typedef struct { gint64 outer, axis, inner, block, outer_step, step, inner_step; } Grain;

/* A block is that many elements along the axis, with a scale of their own at each place of the other axes. */
static gboolean
grain_set (const ConvoyNode *n, const ConvoyShape *x, const ConvoyShape *scale, Grain *g, GError **error)
{
  gint64 block = convoy_node_int (n, "block_size", 0), d;
  g_autofree char *a = convoy_shape_str (x), *b = convoy_shape_str (scale);
  ConvoyShape blocks = *x;
  guint axis;
  *g = (Grain) { 1, 1, convoy_shape_count (x), 1, 0, 0, 0 };
  if (!block && (scale->n == 0 || (scale->n == 1 && scale->d[0] == 1)))
    return TRUE;
  if (!convoy_infer_axis (n, convoy_node_int (n, "axis", 1), x->n, &axis, error))
    return FALSE;
  d = x->d[axis];
  *g = (Grain) { convoy_count_range (x, 0, axis), d, convoy_count_range (x, axis + 1, x->n), 1, 0, 1, 0 };
  if (block > 0) {
    blocks.d[axis] = d / block + (d % block > 0);
    g->block = block;
    g->outer_step = blocks.d[axis] * g->inner;
    g->step = g->inner;
    g->inner_step = 1;
  } else
    blocks = CONVOY_SHAPE (d);
  if (block < 0 || !convoy_shape_equal (scale, &blocks))
    return convoy_infer_fail (n, error, "scales %s do not fit %s on axis %u", b, a, axis);
  return TRUE;
}

static gboolean
check (const ConvoyNode *n, const ConvoyFact *in, ConvoyType stored, GError **error)
{
  Grain g;
  gboolean single = CONVOY_GIVEN (n, in, 2) && convoy_shape_count (&in[1].shape) == 1 && convoy_shape_count (&in[2].shape) == 1;
  if (CONVOY_GIVEN (n, in, 2) && (in[2].type != stored || !(single || convoy_shape_equal (&in[2].shape, &in[1].shape)))) {
    g_autofree char *s = convoy_shape_str (&in[1].shape), *z = convoy_shape_str (&in[2].shape);
    return convoy_infer_fail (n, error, "zero points %s of %s for scales %s of data in %s", z, convoy_type_name (in[2].type), s, convoy_type_name (stored));
  }
  return grain_set (n, &in[0].shape, &in[1].shape, &g, error);
}

static gboolean
output_type (const ConvoyNode *n, ConvoyType *type, GError **error)
{
  gint64 to = convoy_node_int (n, "output_dtype", 0);
  if (to && !convoy_type_from_onnx (to, type))
    return convoy_infer_fail (n, error, "output_dtype %" G_GINT64_FORMAT " is not supported", to);
  return TRUE;
}

#define STORED (CONVOY_T (U8) | CONVOY_T (I8) | CONVOY_T (U16) | CONVOY_T (I16))

static gboolean
quantize_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  ConvoyFact to = { .type = CONVOY_GIVEN (n, in, 2) ? in[2].type : CONVOY_U8 };
  if (!output_type (n, &to.type, error))
    return FALSE;
  if (!(STORED & 1u << to.type))
    return convoy_infer_fail (n, error, "to %s is not supported", convoy_type_name (to.type));
  out[0].type = to.type;
  out[0].shape = in[0].shape;
  return convoy_infer_type (n, in, 0, CONVOY_T_REAL | CONVOY_T (I32), error) && convoy_infer_type (n, in, 1, CONVOY_T_REAL, error)
    && check (n, in, to.type, error);
}

static gboolean
dequantize_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  out[0].type = in[1].type;
  out[0].shape = in[0].shape;
  return output_type (n, &out[0].type, error) && convoy_infer_type (n, in, 0, STORED | CONVOY_T (I32), error)
    && convoy_infer_type (n, in, 1, CONVOY_T_REAL, error) && check (n, in, in[0].type, error);
}

/* Half to even: adding 1.5 * 2^23 leaves no bits behind the point. Clamped before, so that it holds. */
#define ROUND(v) (((v) + 12582912.0f) - 12582912.0f)

#define QUANTIZE(NAME, T, LOW, HIGH) \
  static void quantize_##NAME (const void *from, void *to, gint64 n, float scale, gint64 zero) \
  { \
    const float *x = from; \
    T *y = to; \
    const float low = (LOW) - zero, high = (HIGH) - zero; \
    const gint32 z = zero; \
    _Pragma ("omp simd") \
    for (gint64 i = 0; i < n; i++) { \
      float v = x[i] / scale; \
      v = v > low ? v : low; \
      v = v < high ? v : high; \
      y[i] = (gint32) ROUND (v) + z; \
    } \
  }
QUANTIZE (U8, guint8, 0, G_MAXUINT8)
QUANTIZE (I8, gint8, G_MININT8, G_MAXINT8)

#define DEQUANTIZE(NAME, T, WIDE) \
  static void dequantize_##NAME (const void *from, void *to, gint64 n, float scale, gint64 zero) \
  { \
    const T *x = from; \
    float *y = to; \
    const WIDE z = zero; \
    _Pragma ("omp simd") \
    for (gint64 i = 0; i < n; i++) \
      y[i] = (float) (x[i] - z) * scale; \
  }
DEQUANTIZE (U8, guint8, gint32)
DEQUANTIZE (I8, gint8, gint32)
DEQUANTIZE (I32, gint32, gint64)

typedef void (*Kernel) (const void *x, void *y, gint64 n, float scale, gint64 zero);

static const Kernel kernels[CONVOY_N_TYPES][CONVOY_N_TYPES] = {
  [CONVOY_F32] = { [CONVOY_U8] = quantize_U8, [CONVOY_I8] = quantize_I8 },
  [CONVOY_U8] = { [CONVOY_F32] = dequantize_U8 },
  [CONVOY_I8] = { [CONVOY_F32] = dequantize_I8 },
  [CONVOY_I32] = { [CONVOY_F32] = dequantize_I32 },
};

/* The types that have no kernel. */
static void
convert (ConvoyType from, const char *x, ConvoyType to, char *y, gint64 n, float scale, gint64 zero, gboolean quantize)
{
  for (gint64 i = 0; i < n; i++) {
    double v;
    convoy_get_real (from, x, i, 1, 1, &v);
    v = quantize ? nearbyint ((float) v / scale) + zero : (float) (v - zero) * scale;
    convoy_put_real (to, y, i, 1, 1, &v);
  }
}

static void
run_all (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *out, const Grain *g)
{
  ConvoyType from = convoy_tensor_type (in[0]), to = convoy_tensor_type (out);
  ConvoyTensor *zeros = CONVOY_IN (n, in, 2);
  gint64 len = g->inner_step ? 1 : g->inner, a_size = convoy_type_size (from), b_size = convoy_type_size (to);
  char *x = convoy_tensor_data (in[0]), *y = convoy_tensor_data (out);
  Kernel kernel = kernels[from][to];
  for (gint64 o = 0; o < g->outer; o++)
    for (gint64 a = 0; a < g->axis; a++)
      for (gint64 i = 0; i < g->inner; i += len, x += len * a_size, y += len * b_size) {
        gint64 which = o * g->outer_step + a / g->block * g->step + i * g->inner_step;
        float scale = convoy_real_at (in[1], which);
        gint64 zero = zeros ? convoy_int_at (zeros, which) : 0;
        if (kernel)
          kernel (x, y, len, scale, zero);
        else
          convert (from, x, to, y, len, scale, zero, n->op->name[0] == 'Q');
      }
}

static gboolean
linear_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  Grain g;
  if (!grain_set (n, convoy_tensor_shape (in[0]), convoy_tensor_shape (in[1]), &g, error))
    return FALSE;
  run_all (n, in, out[0], &g);
  return TRUE;
}

static gboolean
dynamic_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  out[0] = (ConvoyFact) { .type = CONVOY_U8, .shape = in[0].shape };
  if (n->n_out > 1)
    out[1] = (ConvoyFact) { .type = CONVOY_F32 };
  if (n->n_out > 2)
    out[2] = (ConvoyFact) { .type = CONVOY_U8 };
  return convoy_infer_type (n, in, 0, CONVOY_T (F32), error);
}

/* The range is that of the data, with 0 in it. All zero: scale 1. */
static gboolean
dynamic_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  const float *x = convoy_tensor_data (in[0]);
  gint64 count = convoy_tensor_count (in[0]);
  ConvoyTensor *scales = CONVOY_OUT (n, out, 1), *zeros = CONVOY_OUT (n, out, 2);
  float low = 0, high = 0, scale, zero;
  (void) error;
  for (gint64 i = 0; i < count; i++) {
    low = x[i] < low ? x[i] : low;
    high = x[i] > high ? x[i] : high;
  }
  scale = high > low ? (high - low) / 255 : 1;
  zero = -low / scale;
  zero = zero > 0 ? ROUND (MIN (zero, 255)) : 0;
  if (scales)
    *(float *) convoy_tensor_data (scales) = scale;
  if (zeros)
    *(guint8 *) convoy_tensor_data (zeros) = zero;
  quantize_U8 (x, convoy_tensor_data (out[0]), count, scale, zero);
  return TRUE;
}

const ConvoyOp convoy_op_quantize_linear = {
  .name = "QuantizeLinear", .min_in = 2, .max_in = 3, .attrs = "axis=i saturate=i block_size=i output_dtype=i precision=i",
  .flags = CONVOY_OP_POINTWISE,
  .infer = quantize_infer, .eval = linear_eval,
};

const ConvoyOp convoy_op_dequantize_linear = {
  .name = "DequantizeLinear", .min_in = 2, .max_in = 3, .attrs = "axis=i block_size=i output_dtype=i", .flags = CONVOY_OP_POINTWISE,
  .infer = dequantize_infer, .eval = linear_eval,
};

const ConvoyOp convoy_op_dynamic_quantize_linear = {
  .name = "DynamicQuantizeLinear", .min_in = 1, .max_in = 1, .max_out = 3,
  .infer = dynamic_infer, .eval = dynamic_eval,
};
