/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * dropout.c - Dropout as it is when nothing is learnt: the identity, and a mask of what passes, which is all. */
#include "core/ops/index.h"
#include <string.h>

static gboolean
infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  gboolean training = CONVOY_GIVEN (n, in, 2) && in[2].value && convoy_int_at (in[2].value, 0);
  double ratio = convoy_node_float (n, "ratio", 0.5f);
  if (n->opset < 12 && n->n_in > 1)
    return convoy_infer_fail (n, error, "has one input before operator set 12, not %u", n->n_in);
  if (n->opset >= 12 && convoy_node_has (n, "ratio"))
    return convoy_infer_fail (n, error, "has no attribute ratio from operator set 12 on, but an input 1");
  for (guint i = 1; i < 3; i++)
    if (CONVOY_GIVEN (n, in, i) && convoy_shape_count (&in[i].shape) != 1)
      return convoy_infer_fail (n, error, "input %u is no single number", i);
  if (CONVOY_GIVEN (n, in, 1) && in[1].value)
    ratio = convoy_real_at (in[1].value, 0);
  if (training && ratio != 0)
    return convoy_infer_fail (n, error, "training_mode with ratio %g is not for inference", ratio);
  out[0].type = in[0].type;
  out[0].shape = in[0].shape;
  if (n->n_out > 1) {
    out[1].type = n->opset < 10 ? in[0].type : CONVOY_BOOL;
    out[1].shape = in[0].shape;
  }
  return TRUE;
}

static gboolean
eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  ConvoyTensor *mask = CONVOY_OUT (n, out, 1);
  static const double one = 1;
  if (mask)
    for (gint64 i = 0; i < convoy_tensor_count (mask); i++)
      convoy_put_real (convoy_tensor_type (mask), convoy_tensor_data (mask), i, 1, 1, &one);
  return convoy_eval_copy (n, in, out, error);
}

const ConvoyOp convoy_op_dropout = {
  .name = "Dropout", .min_in = 1, .max_in = 3, .max_out = 2, .attrs = "ratio=f seed=i", .flags = CONVOY_OP_ALIAS, .const_in = 1 << 1 | 1 << 2,
  .infer = infer, .eval = eval,
};
