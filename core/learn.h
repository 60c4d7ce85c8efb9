/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * learn.h - plans that learn: a run computes a loss and the gradient of every weight that learns.
 *
 * The weights live in the exec, each in the layout that its primitives like, all in one block, with
 * the gradients at the same offsets in another: an optimizer is a loop over two arrays. */
#ifndef CONVOY_LEARN_H
#define CONVOY_LEARN_H
#include "core/convoy.h"

typedef struct {
  guint threads;                /* OpenMP threads that will run it; 0: one */
  const char *freeze;           /* a value or node: it and all it depends on is compiled as inference; NULL: every weight learns */
  gboolean freeze_batchnorm;    /* BatchNormalization that learns uses and keeps its stored statistics, scale and shift */
  gboolean outer; /* gradients may be left as products, see outer.h */
  const char *about;            /* not NULL: nothing learns, all is compiled as inference; the gradient of this value is a last output, after the graph's */
} ConvoyLearnOptions;

/* Appends an input for the labels, the last one, and the loss of that name (ops/loss.c) on scores,
 * a value of N x K: it becomes output 0, what were outputs follow. targets: float32 of the scores'
 * shape instead of N int64 labels. smoothing: of labels, 0 to 1. Gives the loss. */
ConvoyValue convoy_graph_add_loss (ConvoyGraph *bound, ConvoyValue scores, const char *op, gboolean targets, float smoothing, GError **error);

/* bound: output 0 is a scalar float32 loss, the mean over the valid samples of the batch; further
 * outputs (logits) may follow. An error names the node that has no gradient. */
ConvoyPlan *convoy_plan_new_learning (ConvoyGraph *bound, const ConvoyLearnOptions *o, GError **error);

typedef struct {                /* a weight that the plan keeps in its own layout */
  const char *name;             /* as in the params; borrowed */
  ConvoyShape shape;            /* of the plain tensor */
  gsize offset, n;              /* floats in the masters; n may exceed the count (padding of blocked layouts: zeros that stay zero) */
  gboolean statistic;           /* running mean or variance: written by the run, not by an optimizer */
} ConvoySlot;

guint convoy_exec_n_slots (const ConvoyExec *x);
const ConvoySlot *convoy_exec_slot (const ConvoyExec *x, guint i);
/* Masters of all slots, one block, 64-byte aligned: those that learn, then the statistics. */
float *convoy_exec_weights (ConvoyExec *x);
/* At the same offsets, of those that learn; written afresh by each convoy_exec_run(), but for those that are left as products. */
float *convoy_exec_gradients (ConvoyExec *x);
gsize convoy_exec_n_learning (const ConvoyExec *x);             /* floats of the slots that learn */
gboolean convoy_exec_load (ConvoyExec *x, GError **error);      /* params -> masters; convoy_exec_new() did it once */
/* masters -> params, into the tensors that are there: plans that read them as well see the new
 * values in their next run, and may not run meanwhile. */
gboolean convoy_exec_store (ConvoyExec *x, GError **error);
/* An array laid out like slot i (a weight, a moment) to and from a plain tensor; bit for bit. */
gboolean convoy_exec_to_plain (ConvoyExec *x, guint i, const float *packed, ConvoyTensor *plain, GError **error);
gboolean convoy_exec_from_plain (ConvoyExec *x, guint i, const ConvoyTensor *plain, float *packed, GError **error);
/* What is random in the next run (Dropout) depends on these two alone. */
void convoy_exec_seed (ConvoyExec *x, guint64 seed, guint64 step);
#endif
