/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * op.c - the table of operators. A new one is a file under ops/ and a row here. */
#include "core/op.h"
#include <string.h>

#define OPS(X) \
  X (abs) \
  X (acos) \
  X (acosh) \
  X (add) \
  X (and) \
  X (arg_max) \
  X (arg_min) \
  X (asin) \
  X (asinh) \
  X (atan) \
  X (atanh) \
  X (average_pool) \
  X (batch_normalization) \
  X (cast) \
  X (cast_like) \
  X (ceil) \
  X (celu) \
  X (clip) \
  X (concat) \
  X (constant_of_shape) \
  X (conv) \
  X (conv_integer) \
  X (conv_transpose) \
  X (cos) \
  X (cosh) \
  X (depth_to_space) \
  X (dequantize_linear) \
  X (div) \
  X (dropout) \
  X (dynamic_quantize_linear) \
  X (einsum) \
  X (elu) \
  X (equal) \
  X (erf) \
  X (exp) \
  X (expand) \
  X (flatten) \
  X (floor) \
  X (gather) \
  X (gelu) \
  X (gemm) \
  X (global_average_pool) \
  X (global_lp_pool) \
  X (global_max_pool) \
  X (greater) \
  X (greater_or_equal) \
  X (group_normalization) \
  X (hard_sigmoid) \
  X (hard_swish) \
  X (hardmax) \
  X (identity) \
  X (instance_normalization) \
  X (layer_normalization) \
  X (leaky_relu) \
  X (less) \
  X (less_or_equal) \
  X (log) \
  X (log_softmax) \
  X (lp_normalization) \
  X (lp_pool) \
  X (lrn) \
  X (mat_mul) \
  X (mat_mul_integer) \
  X (max) \
  X (max_pool) \
  X (mean) \
  X (mean_squared_error) \
  X (mean_variance_normalization) \
  X (min) \
  X (mish) \
  X (mod) \
  X (mul) \
  X (neg) \
  X (not) \
  X (one_hot) \
  X (or) \
  X (pad) \
  X (pow) \
  X (prelu) \
  X (qlinear_conv) \
  X (qlinear_mat_mul) \
  X (quantize_linear) \
  X (range) \
  X (reciprocal) \
  X (reduce_l1) \
  X (reduce_l2) \
  X (reduce_log_sum) \
  X (reduce_log_sum_exp) \
  X (reduce_max) \
  X (reduce_mean) \
  X (reduce_min) \
  X (reduce_prod) \
  X (reduce_sum) \
  X (reduce_sum_square) \
  X (relu) \
  X (reshape) \
  X (resize) \
  X (round) \
  X (selu) \
  X (shape) \
  X (sigmoid) \
  X (sigmoid_cross_entropy_loss) \
  X (sign) \
  X (sin) \
  X (sinh) \
  X (size) \
  X (slice) \
  X (softmax) \
  X (softmax_cross_entropy_loss) \
  X (softplus) \
  X (softsign) \
  X (space_to_depth) \
  X (split) \
  X (sqrt) \
  X (squeeze) \
  X (sub) \
  X (sum) \
  X (swish) \
  X (tan) \
  X (tanh) \
  X (thresholded_relu) \
  X (tile) \
  X (top_k) \
  X (transpose) \
  X (unsqueeze) \
  X (upsample) \
  X (where) \
  X (xor)

#define DECLARE(op) extern const ConvoyOp convoy_op_##op;
OPS (DECLARE)

#define ROW(op) &convoy_op_##op,
const ConvoyOp *const convoy_ops[] = { OPS (ROW) NULL };

const ConvoyOp *
convoy_op_find (const char *name)
{
  for (const ConvoyOp *const *o = convoy_ops; *o; o++)
    if (strcmp ((*o)->name, name) == 0)
      return *o;
  return NULL;
}
