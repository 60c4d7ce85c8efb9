/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * outer.h - gradients that a run leaves as the two matrices whose product they are. That of a fully
 * connected layer with many weights is larger than anything else of the step; multiplied piece by
 * piece where the weights change, each piece is still in the cache then and never in memory. */
#ifndef CONVOY_OUTER_H
#define CONVOY_OUTER_H
#include "core/learn.h"

/* The gradient at row r and column c is the sum over n of a[n][r] b[n][c]. */
typedef struct {
  gsize rows, cols, samples;
  const float *a, *b; /* samples x rows, samples x cols; borrowed from the exec, valid until its next run */
} ConvoyOuter;

/* Of slot i; NULL: the run writes the gradient itself. Borrowed from the exec. */
const ConvoyOuter *convoy_exec_outer (const ConvoyExec *x, guint i);
/* A block of it into to, whose rows are step floats apart. In the calling thread where others run beside it. */
void convoy_outer_block (const ConvoyOuter *o, gsize row, gsize rows, gsize col, gsize cols, float *to, gsize step);
#endif
