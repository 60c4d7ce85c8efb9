/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * slope.h - what gradients on plain tensors share: products with the slope of a function, summed
 * over what broadcasting repeated. */
#ifndef CONVOY_OPS_SLOPE_H
#define CONVOY_OPS_SLOPE_H
#include "core/ops/index.h"

/* The parameters of a ConvoyOp grad. */
#define CONVOY_GRAD_ARGS const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, ConvoyTensor *const *dout, ConvoyTensor *const *din, GError **error

/* dx = f (x[0], x[1], ...), all spread to the shape of x[0], then summed where dx is smaller than
 * that. n_x of them, 3 at most; f as for convoy_map(). */
gboolean convoy_slope (const ConvoyNode *n, ConvoyTensor *const *x, guint n_x, ConvoyTensor *dx, ConvoyMap f, const void *user, GError **error);
/* dx = dy, summed where dx is smaller; the last dimensions of dy are those of dx. */
void convoy_sum_to (const ConvoyTensor *dy, ConvoyTensor *dx);
void convoy_clear (ConvoyTensor *t);
/* t under another shape of as many elements; unref it. */
ConvoyTensor *convoy_view (ConvoyTensor *t, const ConvoyShape *s);

/* A map of dy, a and b. */
#define CONVOY_SLOPE(name, expression) \
  static void \
  name (gint64 n, void *const *x_of, void *out, const void *user) \
  { \
    (void) user; \
    for (gint64 i = 0; i < n; i++) { \
      const double dy = ((const double *) x_of[0])[i], a G_GNUC_UNUSED = ((const double *) x_of[1])[i], b G_GNUC_UNUSED = ((const double *) x_of[2])[i]; \
      ((double *) out)[i] = expression; \
    } \
  }
#endif
