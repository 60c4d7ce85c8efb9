/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * batchnorm.c - BatchNormalization (ONNX 6, 7, 9, 14, 15). In inference it is folded into what makes its
 * input where that is linear, else oneDNN's primitive. Where it learns, see batchnorm-learn.c. */
#include "core/ops/batchnorm.h"
#include "core/ops/index.h"

static gboolean
infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  gint64 channels = in[0].shape.n > 1 ? in[0].shape.d[1] : 1;
  if (!convoy_infer_until (n, "is_test", 7, error))
    return FALSE;
  if (convoy_node_int (n, "training_mode", 0) != 0 || (n->opset < 7 && convoy_node_int (n, "is_test", 0) == 0) || convoy_node_int (n, "spatial", 1) != 1 || n->n_out > 1)
    return convoy_infer_fail (n, error, "only inference with one scale a channel is supported");
  for (guint i = 0; i < 5; i++)
    if (in[i].type != CONVOY_F32)
      return convoy_infer_fail (n, error, "input %u is %s, not float32", i, convoy_type_name (in[i].type));
    else if (i > 0 && (in[i].shape.n != 1 || in[i].shape.d[0] != channels)) {
      g_autofree char *s = convoy_shape_str (&in[i].shape), *x = convoy_shape_str (&in[0].shape);
      return convoy_infer_fail (n, error, "input %u is %s for an input of %s", i, s, x);
    }
  out[0].type = CONVOY_F32;
  out[0].shape = in[0].shape;
  return TRUE;
}

static gboolean
forward (ConvoyBuild *b, const ConvoyNode *n)
{
  guint count;
  const ConvoyPost *posts = convoy_build_posts (b, n, &count);
  if (convoy_build_learning (b, n))
    return convoy_batchnorm_learn (b, n);
  ConvoyBuf x = convoy_build_in (b, n->in[0]);
  ConvoyShape s = *convoy_build_shape (b, n->in[0]), two = { 2, { s.d[0], s.n > 1 ? s.d[1] : 1 } };
  if (s.n < 3) {                        /* oneDNN wants two dimensions at least */
    ConvoyMd *plain = convoy_md_plain (&two);
    x = convoy_build_view (b, convoy_build_in_plain (b, n->in[0]), &two, plain);
    convoy_md_free (plain);
  }
  ConvoyPrim *p = convoy_dnn_batchnorm (convoy_build_md (b, x), convoy_batchnorm_epsilon (n), count > 0 && posts[0].n_ew == 1, convoy_build_error (b));
  ConvoyBuf y = convoy_build_out (b, n->out, s.n < 3 ? NULL : convoy_build_md (b, x)), z = y;
  if (s.n < 3)
    z = convoy_build_view (b, y, &two, convoy_build_md (b, x));
  convoy_build_prim (b, "batchnorm", p, CONVOY_ARG_SRC, x, CONVOY_ARG_SCALE, convoy_build_in_plain (b, n->in[1]), CONVOY_ARG_SHIFT, convoy_build_in_plain (b, n->in[2]),
      CONVOY_ARG_MEAN, convoy_build_in_plain (b, n->in[3]), CONVOY_ARG_VARIANCE, convoy_build_in_plain (b, n->in[4]), CONVOY_ARG_DST, z, -1);
  return TRUE;
}

static gboolean
as_post (ConvoyBuild *b, const ConvoyNode *n, ConvoyValue v, ConvoyPost *post)
{
  for (guint i = 1; i < 5; i++)
    if (!convoy_build_static (b, n->in[i]))
      return FALSE;
  post->kind = CONVOY_POST_AFFINE;
  post->scale = n->in[1], post->shift = n->in[2], post->mean = n->in[3], post->variance = n->in[4];
  post->epsilon = convoy_batchnorm_epsilon (n);
  return v == n->in[0];
}

/* oneDNN's own fused ReLU; ours has Clip as well. */
static gboolean
takes_post (ConvoyBuild *b, const ConvoyNode *n, const ConvoyPost *posts, guint count, const ConvoyPost *post)
{
  (void) posts;
  if (convoy_build_learning (b, n))
    return count == 0 && post->kind == CONVOY_POST_EW && post->n_ew == 1 && ((post->ew[0].kind == CONVOY_EW_RELU && post->ew[0].a == 0) || post->ew[0].kind == CONVOY_EW_CLIP);
  return count == 0 && post->kind == CONVOY_POST_EW && post->n_ew == 1 && post->ew[0].kind == CONVOY_EW_RELU && post->ew[0].a == 0;
}

static gint64
macs (const ConvoyNode *n, const ConvoyFact *in, const ConvoyFact *out, char **formula)
{
  (void) n;
  *formula = g_strdup_printf ("4*%" G_GINT64_FORMAT, convoy_shape_count (&in[1].shape));
  return convoy_shape_count (&out->shape);
}

const ConvoyOp convoy_op_batch_normalization = {
  .name = "BatchNormalization", .min_in = 5, .max_in = 5, .max_out = 5, .attrs = "epsilon=f momentum=f spatial=i is_test=i training_mode=i",
  .flags = CONVOY_OP_BACK_POSTS | CONVOY_OP_SAMPLEWISE, .no_grad = 1 << 3 | 1 << 4, .state_in = 1 << 3 | 1 << 4,
  .infer = infer, .forward = forward, .backward = convoy_batchnorm_back, .as_post = as_post, .takes_post = takes_post, .macs = macs,
};
