/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * window.h - what convolution and pooling share: windows that slide, and what rides on the result. */
#ifndef CONVOY_OPS_WINDOW_H
#define CONVOY_OPS_WINDOW_H
#include "core/op.h"

/* An attribute of want integers of min..2^30, or dflt in their place. */
gboolean convoy_window_ints (const ConvoyNode *n, const char *key, gsize want, gint64 min, gint64 dflt, gint64 *out, GError **error);

/* The weights of n, and of the depthwise convolution that rides on it, with affine riders folded
 * in; the rest of what rides, as oneDNN takes it. */
typedef struct {
  ConvoyBuf weights, bias, dw_weights, dw_bias;
  const ConvoyNode *depthwise;          /* NULL: none */
  ConvoyValue add;                      /* CONVOY_NONE: none */
  ConvoyDnnPosts posts;
} ConvoyRiders;
ConvoyRiders convoy_riders (ConvoyBuild *b, const ConvoyNode *n);

/* takes_post of operators with weights and a bias, and of those with neither. */
gboolean convoy_takes_any (ConvoyBuild *b, const ConvoyNode *n, const ConvoyPost *posts, guint count, const ConvoyPost *post);
gboolean convoy_takes_eltwise (ConvoyBuild *b, const ConvoyNode *n, const ConvoyPost *posts, guint count, const ConvoyPost *post);
#endif
