/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gradient-tools.h - small graphs that learn, and their gradients against central differences in float32,
 *
 *   g = (loss (w + h) - loss (w - h)) / 2h,  h = 2e-3,  |g - gradient| <= 1e-3 + 0.02 |g|. */
#ifndef CONVOY_GRADIENT_TOOLS_H
#define CONVOY_GRADIENT_TOOLS_H
#include "core/graph.h"
#include "core/learn.h"

/* "strides=2,1 mode=edge alpha=0.3"; a point makes a float. */
ConvoyAttrs *attrs_of (const char *text);
/* All different, in no order, over lo..hi. */
ConvoyTensor *spread (const ConvoyShape *s, float lo, float hi, guint salt);
/* n values from first on, flat, one after the other: 1 x K. */
ConvoyValue flatten_all (ConvoyGraph *g, ConvoyValue first, guint n, GError **error);
/* Of a graph that has a loss; all of it learns. */
ConvoyExec *exec_of (ConvoyGraph *g, GError **error);
/* Tries some places of each weight after a run; how many gradients are wrong, which are printed. */
guint compare (ConvoyExec *x, const char *what);

#endif
