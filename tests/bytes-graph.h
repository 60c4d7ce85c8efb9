/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * bytes-graph.h - graphs of quantized operators, and what the kernels on bytes give against every node
 * computed as a step of its own, in float32. */
#ifndef CONVOY_TEST_BYTES_GRAPH_H
#define CONVOY_TEST_BYTES_GRAPH_H
#include "core/graph.h"
#include "tests/tap.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
  const char *what;
  gint64 n, c, h, w, out, kernel, group, stride, dilation, pad;
  ConvoyType x, weights;
  gboolean zero; /* x and weights have zero points */
  gboolean per_channel, bytes_out, relu, linear; /* linear: QLinearConv */
  gint w_zero; /* of uint8 weights, if they have one; 0: 121 */
} Row;

/* Weights: all bytes, or int32 about 0, or floats about scale. */
ConvoyValue bytes_numbers (ConvoyGraph *g, const char *name, ConvoyType type, const ConvoyShape *s, float scale);
ConvoyValue bytes_zero_point (ConvoyGraph *g, const char *name, ConvoyType type, const ConvoyShape *s, gint value);
ConvoyAttrs *bytes_window (const Row *r);
ConvoyValue bytes_node (ConvoyGraph *g, const char *op, const ConvoyValue *in, guint n, ConvoyAttrs *a);
ConvoyValue bytes_dequantized (ConvoyGraph *g, ConvoyValue v, ConvoyValue scale, gint64 axis);
ConvoyGraph *bytes_graph (const Row *r); /* a convolution */
double bytes_farthest (const ConvoyTensor *a, const ConvoyTensor *b);
/* Whether the outputs with the steps of kernels on bytes, one of which is called step, and without differ by no more than
 * allowed; where the processor has no such kernels, none may run. Takes g over. */
gboolean bytes_agree (const char *what, ConvoyGraph *g, const ConvoyShape *s, ConvoyType type, guint threads, const char *step,
    double allowed);
#endif
