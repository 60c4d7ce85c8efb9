/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * op.c - the table of operators. A new one is a file under ops/ and a row here. */
#include "core/op.h"
#include <string.h>

#define OPS(X) \
  X (add) \
  X (average_pool) \
  X (batch_normalization) \
  X (cast) \
  X (cast_like) \
  X (clip) \
  X (concat) \
  X (constant_of_shape) \
  X (conv) \
  X (depth_to_space) \
  X (dequantize_linear) \
  X (div) \
  X (dropout) \
  X (dynamic_quantize_linear) \
  X (elu) \
  X (expand) \
  X (flatten) \
  X (gather) \
  X (gemm) \
  X (global_average_pool) \
  X (global_lp_pool) \
  X (global_max_pool) \
  X (hard_sigmoid) \
  X (hard_swish) \
  X (identity) \
  X (leaky_relu) \
  X (log_softmax) \
  X (lp_pool) \
  X (lrn) \
  X (mat_mul) \
  X (max) \
  X (max_pool) \
  X (min) \
  X (mul) \
  X (one_hot) \
  X (pad) \
  X (quantize_linear) \
  X (range) \
  X (relu) \
  X (reshape) \
  X (shape) \
  X (sigmoid) \
  X (size) \
  X (slice) \
  X (softmax) \
  X (softplus) \
  X (space_to_depth) \
  X (split) \
  X (squeeze) \
  X (sub) \
  X (sum) \
  X (tanh) \
  X (tile) \
  X (transpose) \
  X (unsqueeze)

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
