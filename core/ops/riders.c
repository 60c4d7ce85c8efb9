/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * riders.c - what rides on a convolution or matrix product: per-channel scales and shifts go into
 * its weights, functions and residual sums become post-operations. */
#include "core/ops/window.h"
#include <math.h>

typedef struct {
  gint64 channels, per;         /* output channels; weights of each */
  float epsilon;
} Affine;

/* weights, bias, scale, shift, mean, variance (each but the first may be left out) -> weights, bias.
 * y = (w x + b - mean) / sqrt (variance + epsilon) * scale + shift. */
static void
fold_affine (void *const data[], const void *user)
{
  const Affine *a = user;
  const float *w = data[0], *b = data[1], *scale = data[2], *shift = data[3], *mean = data[4], *variance = data[5];
  float *w_out = data[6], *b_out = data[7];
  for (gint64 c = 0; c < a->channels; c++) {
    double s = (scale ? scale[c] : 1.0) / (variance ? sqrt ((double) variance[c] + a->epsilon) : 1.0);
    b_out[c] = ((b ? b[c] : 0.0) - (mean ? mean[c] : 0.0)) * s + (shift ? shift[c] : 0.0);
    for (gint64 i = c * a->per; i < (c + 1) * a->per; i++)
      w_out[i] = w[i] * s;
  }
}

static ConvoyBuf
plain_or_none (ConvoyBuild *b, ConvoyValue v)
{
  return v == CONVOY_NONE ? CONVOY_NO_BUF : convoy_build_in_plain (b, v);
}

static void
fold (ConvoyBuild *b, const ConvoyPost *p, const ConvoyShape *ws, ConvoyBuf *weights, ConvoyBuf *bias)
{
  ConvoyShape bs = CONVOY_SHAPE (ws->d[0]);
  ConvoyBuf w = convoy_build_tmp (b, ws, NULL), c = convoy_build_tmp (b, &bs, NULL);
  Affine *a = g_new (Affine, 1);
  *a = (Affine) { ws->d[0], convoy_shape_count (ws) / MAX (ws->d[0], 1), p->epsilon };
  convoy_build_call (b, "fold", fold_affine, a, 6, 2, *weights, *bias, plain_or_none (b, p->scale), plain_or_none (b, p->shift),
      plain_or_none (b, p->mean), plain_or_none (b, p->variance), w, c);
  *weights = w;
  *bias = c;
}

static void
add_post (ConvoyRiders *r, const ConvoyPost *p)
{
  ConvoyDnnPosts *d = &r->posts;
  gsize len;
  const gint64 *stride;
  switch (p->kind) {
    case CONVOY_POST_EW:
      for (guint i = 0; i < p->n_ew; i++) {
        d->p[d->n].kind = CONVOY_DP_EW;
        d->p[d->n].ew = p->ew[i].kind;
        d->p[d->n].a = p->ew[i].a;
        d->p[d->n++].b = p->ew[i].b;
      }
      break;
    case CONVOY_POST_ADD:
      d->p[d->n++].kind = CONVOY_DP_SUM;
      r->add = p->other;
      break;
    case CONVOY_POST_DEPTHWISE:
      stride = convoy_node_ints (p->node, "strides", &len);
      d->p[d->n].kind = CONVOY_DP_DEPTHWISE;
      d->p[d->n].bias = TRUE;
      d->p[d->n++].stride = stride ? stride[0] : 1;
      r->depthwise = p->node;
      break;
    case CONVOY_POST_AFFINE:
    case CONVOY_POST_NONE:
      break;
  }
}

ConvoyRiders
convoy_riders (ConvoyBuild *b, const ConvoyNode *n)
{
  guint count;
  const ConvoyPost *posts = convoy_build_posts (b, n, &count);
  ConvoyRiders r = { convoy_build_in_plain (b, n->in[1]), n->n_in > 2 ? plain_or_none (b, n->in[2]) : CONVOY_NO_BUF, CONVOY_NO_BUF, CONVOY_NO_BUF, NULL, CONVOY_NONE, { 0 } };
  for (guint i = 0; i < count; i++) {
    add_post (&r, &posts[i]);
    if (posts[i].kind == CONVOY_POST_DEPTHWISE) {
      r.dw_weights = convoy_build_in_plain (b, posts[i].node->in[1]);
      r.dw_bias = posts[i].node->n_in > 2 ? plain_or_none (b, posts[i].node->in[2]) : CONVOY_NO_BUF;
      if (r.dw_bias == CONVOY_NO_BUF) { /* always one, so that a later affine rider has where to go */
        ConvoyPost none = { .scale = CONVOY_NONE, .shift = CONVOY_NONE, .mean = CONVOY_NONE, .variance = CONVOY_NONE };
        fold (b, &none, convoy_build_shape (b, posts[i].node->in[1]), &r.dw_weights, &r.dw_bias);
      }
    }
    if (posts[i].kind == CONVOY_POST_AFFINE && r.depthwise)
      fold (b, &posts[i], convoy_build_shape (b, r.depthwise->in[1]), &r.dw_weights, &r.dw_bias);
    else if (posts[i].kind == CONVOY_POST_AFFINE)
      fold (b, &posts[i], convoy_build_shape (b, n->in[1]), &r.weights, &r.bias);
  }
  return r;
}

gboolean
convoy_takes_any (ConvoyBuild *b, const ConvoyNode *n, const ConvoyPost *posts, guint count, const ConvoyPost *post)
{
  const ConvoyPost *last = count ? &posts[count - 1] : NULL;
  switch (post->kind) {
    case CONVOY_POST_EW:
      return TRUE;
    case CONVOY_POST_AFFINE:            /* only what is linear comes before it */
      return convoy_build_static (b, n->in[1]) && (last == NULL || last->kind == CONVOY_POST_AFFINE || last->kind == CONVOY_POST_DEPTHWISE);
    case CONVOY_POST_ADD:
      for (guint i = 0; i < count; i++)
        if (posts[i].kind == CONVOY_POST_ADD || posts[i].kind == CONVOY_POST_DEPTHWISE)
          return FALSE;
      return post->other != n->in[0] && convoy_build_last_use (b, post->other, n, post->node);
    default:
      return FALSE;
  }
}

gboolean
convoy_takes_eltwise (ConvoyBuild *b, const ConvoyNode *n, const ConvoyPost *posts, guint count, const ConvoyPost *post)
{
  (void) b, (void) n, (void) posts;
  return post->kind == CONVOY_POST_EW && count < 4;
}
