/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * quantize.h - what the files share that make a network of bytes out of one of float32. */
#ifndef CONVOY_QUANTIZE_H
#define CONVOY_QUANTIZE_H
#include "core/splice.h"

/* quantize-tidy.c: a copy of g, whose input has this shape, in an operator set that has scales a channel, with each
 * BatchNormalization in the weights before it and without Dropout and Identity. */
#define CONVOY_QUANTIZE_OPSET 13
ConvoyGraph *convoy_quantize_tidy (const ConvoyGraph *g, const ConvoyShape *input, GError **error);

/* quantize-range.c: what numbers a value has, as a histogram. */
typedef struct ConvoyRange ConvoyRange;
ConvoyRange *convoy_range_new (void);
void convoy_range_free (ConvoyRange *r);
/* FALSE: one of them is not finite. */
gboolean convoy_range_add (ConvoyRange *r, const float *x, gint64 n);
/* Between which two numbers 256 steps lose the least: the sum of the squares of what rounding and clamping change. */
void convoy_range_find (const ConvoyRange *r, float *low, float *high);

/* quantize-bias.c: the bias of n, a Conv or Gemm of so many output channels, with what its outputs lose in the mean: n
 * of the mean input, which is sum / samples, and of what rounding took from the weights. bias NULL: 0 up to now. */
ConvoyTensor *convoy_quantize_bias (const ConvoyNode *n, const ConvoyTensor *sum, guint samples, ConvoyTensor *lost,
    const ConvoyTensor *bias, gint64 channels, GError **error);

/* quantize-find.c: which values become bytes. */
typedef struct {
  gboolean *active; /* by node: it is computed on bytes */
  gboolean *bytes; /* by value: it becomes bytes */
  guint *same; /* by value: another value that has its scale, or itself */
  guint products, of; /* convolutions and matrix products that are active; that there are */
} ConvoyQuantized;
ConvoyQuantized convoy_quantize_find (const ConvoyGraph *g);
void convoy_quantize_clear (ConvoyQuantized *q);
/* The dimension of a product's weights that its output channels count; -1: n is none, or not with constant weights. */
gint convoy_quantize_axis (const ConvoyGraph *g, const ConvoyNode *n);
/* A value that has the scale of v, the same for all that share it. */
ConvoyValue convoy_quantize_scale_of (const ConvoyQuantized *q, ConvoyValue v);
#endif
