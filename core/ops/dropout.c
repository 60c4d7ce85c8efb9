/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * dropout.c - Dropout (ONNX 7, 10, 12, 13). Where nothing is learnt it is the identity, and a mask of
 * what passes, which is all. Where it learns, a number passes with probability 1 - ratio and is
 * then divided by that (G. Hinton et al., "Improving neural networks by preventing co-adaptation of
 * feature detectors", 2012; scaled in training as Keras does). */
#include "core/ops/index.h"
#include <string.h>

static gboolean
infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  gboolean training = CONVOY_GIVEN (n, in, 2) && in[2].value && convoy_int_at (in[2].value, 0);
  double ratio = convoy_node_float (n, "ratio", 0.5f);
  if (!convoy_infer_until (n, "is_test", 7, error))
    return FALSE;
  if (n->opset < 7 && convoy_node_int (n, "is_test", 0) == 0 && ratio != 0)
    return convoy_infer_fail (n, error, "without is_test it is for training");
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

/* --- while it learns --------------------------------------------------- */

typedef struct {
  gsize n;
  guint64 node;                 /* each has random numbers of its own */
  float ratio;
} Drop;

/* seed, x -> y. What passes depends on seed, step, node and place alone, so that the way back
 * draws the same again instead of keeping a mask. Four places share a draw of 64 bits. */
static void
drop (void *const data[], const void *user)
{
  const Drop *d = user;
  const guint64 *seed = data[0];
  const float *x = data[1];
  float *y = data[2];
  guint16 limit = (guint16) (d->ratio * 65536.0f);
  float scale = 1 / (1 - d->ratio);
  guint64 start = convoy_draw_start (seed[0], seed[1], d->node);
#pragma omp parallel for
  for (gsize i = 0; i < d->n; i += 4) {
    guint64 state = start + (i / 4) * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15), bits = convoy_draw (&state);
    for (gsize k = i; k < MIN (i + 4, d->n); k++, bits >>= 16)
      y[k] = (guint16) bits >= limit ? x[k] * scale : 0;
  }
}

static float
ratio_of (ConvoyBuild *b, const ConvoyNode *n)
{
  const ConvoyTensor *t = n->n_in > 1 ? convoy_build_const (b, n->in[1]) : NULL;
  return t ? (float) convoy_real_at (t, 0) : convoy_node_float (n, "ratio", 0.5f);
}

static Drop *
drop_new (ConvoyBuild *b, const ConvoyNode *n)
{
  Drop *d = g_new (Drop, 1);
  *d = (Drop) { convoy_shape_count (convoy_build_shape (b, n->out)), n->out, ratio_of (b, n) };
  return d;
}

static gboolean
is_active (ConvoyBuild *b, const ConvoyNode *n)
{
  float ratio = ratio_of (b, n);
  return convoy_build_learning (b, n) && n->n_out == 1 && ratio > 0 && ratio < 1 && convoy_build_type (b, n->out) == CONVOY_F32;
}

static gboolean
forward (ConvoyBuild *b, const ConvoyNode *n)
{
  if (!is_active (b, n))
    return FALSE;
  ConvoyBuf x = convoy_build_in_plain (b, n->in[0]), y = convoy_build_out (b, n->out, NULL);
  convoy_build_call (b, "Dropout", drop, drop_new (b, n), 2, 1, convoy_build_seed (b), x, y);
  return TRUE;
}

static gboolean
backward (ConvoyBuild *b, const ConvoyNode *n)
{
  if (!is_active (b, n))
    return FALSE;
  g_autoptr (ConvoyMd) plain = convoy_md_plain (convoy_build_shape (b, n->out));
  ConvoyBuf dy = convoy_build_in_as (b, convoy_build_grad (b, n->out), plain), dx = convoy_build_grad_out (b, n->in[0], NULL, NULL);
  convoy_build_call (b, "Dropout", drop, drop_new (b, n), 2, 1, convoy_build_seed (b), dy, dx);
  convoy_build_grad_done (b, n->in[0], dx, NULL);
  return TRUE;
}

const ConvoyOp convoy_op_dropout = {
  .name = "Dropout", .min_in = 1, .max_in = 3, .max_out = 2, .attrs = "ratio=f seed=i is_test=i", .flags = CONVOY_OP_ALIAS, .const_in = 1 << 1 | 1 << 2,
  .infer = infer, .eval = eval, .forward = forward, .backward = backward,
};
