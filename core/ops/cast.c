/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cast.c - operators that change the type of elements: Cast, CastLike. */
#include "core/ops/index.h"
#include <string.h>

static gboolean
cast_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  gint64 to = convoy_node_int (n, "to", 0);
  out[0].shape = in[0].shape;
  if (!convoy_type_from_onnx (to, &out[0].type))
    return convoy_infer_fail (n, error, "to element type %" G_GINT64_FORMAT " is not supported", to);
  return TRUE;
}

static gboolean
like_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  (void) n, (void) error;
  out[0].shape = in[0].shape;
  out[0].type = in[1].type;
  return TRUE;
}

static void same (gint64 n, void *const *x, void *y, const void *user) { (void) user; memcpy (y, x[0], n * sizeof (double)); }

static gboolean
eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  ConvoyKind from = convoy_type_kind (convoy_tensor_type (in[0])), to = convoy_type_kind (convoy_tensor_type (out[0]));
  (void) n, (void) error;
  return convoy_map (in, 1, out[0], from == CONVOY_REAL ? from : to, same, NULL);
}

const ConvoyOp convoy_op_cast = {
  .name = "Cast", .min_in = 1, .max_in = 1, .attrs = "+to=i saturate=i", .flags = CONVOY_OP_POINTWISE,
  .infer = cast_infer, .eval = eval,
};

const ConvoyOp convoy_op_cast_like = {
  .name = "CastLike", .min_in = 2, .max_in = 2, .attrs = "saturate=i",
  .infer = like_infer, .eval = eval,
};
