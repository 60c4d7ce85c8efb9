/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * loss.h - what training makes small: an operator that a graph is given as its end. A loss is a row
 * in loss.c. */
#ifndef CONVOY_LOSS_H
#define CONVOY_LOSS_H
#include "core/spec.h"

typedef struct {
  ConvoySpecWord spec;          /* first */
  const char *op;               /* of (logits NxK, labels int64 N), gives the mean over labels that are not negative */
  const char *fuses;            /* a last node of this kind is part of op; NULL: none is */
  gint64 min_k, max_k;          /* outputs of a network that it is for */
  gint64 classes;               /* labels are below this; 0: below K; G_MAXINT64: any */
  void (*score) (float *row, gsize k);          /* logits -> what the network gives; NULL: the same */
  guint (*guess) (const float *row, gsize k);   /* the class of a row of logits; NULL: there are no classes */
} ConvoyLossRule;

typedef struct {
  ConvoySpec spec;
  const ConvoyLossRule *rule;
  ConvoyValue logits;           /* of the graph */
} ConvoyLoss;

/* text NULL: what fits the last node of g. */
gboolean convoy_loss_init (ConvoyLoss *l, const ConvoyGraph *g, const char *text, GError **error);
/* g for a batch of so many samples, with a second input, the labels; output 0 is the loss, output 1 the logits NxK. */
ConvoyGraph *convoy_loss_bind (const ConvoyLoss *l, const ConvoyGraph *g, guint batch, GError **error);
#endif
