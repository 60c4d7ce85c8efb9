/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * optim.h - from gradients to weights. An optimizer is a row in optim-rules.c: its numbers, how many
 * moments it keeps for a weight, and one loop over flat arrays. */
#ifndef CONVOY_OPTIM_H
#define CONVOY_OPTIM_H
#include "core/outer.h"
#include "core/spec.h"

#define CONVOY_OPTIM_MOMENTS 2

/* What a rule is told of a step. */
typedef struct {
  float lr;                     /* of these weights, schedule and factor included */
  float k[CONVOY_SPEC_MAX];     /* the numbers of the row, in its order */
  guint64 step;                 /* from 1 */
} ConvoyOptimCall;

/* w, g, m, v: n floats; m and v are the moments, those that the row does not keep NULL. */
typedef void (*ConvoyOptimUpdate) (const ConvoyOptimCall *c, float *w, const float *g, float *m, float *v, gsize n);

typedef struct {
  ConvoySpecWord spec;          /* first */
  guint moments;
  ConvoyOptimUpdate update;
} ConvoyOptimRule;

const ConvoySpecWord *convoy_optim_word (guint i);      /* of rule i; NULL: there are no more */
const ConvoyOptimRule *convoy_optim_rule (guint i);

/* A stretch of the arrays. */
typedef struct {
  gsize offset, n;
  float rate;                   /* factor of the learning rate; 0: stays as it is */
  gboolean decays;              /* l2 and weight-decay are for it */
  const ConvoyOuter *outer; /* its gradient is this product; NULL: it is in the array. Borrowed */
} ConvoyOptimPart;

typedef struct {
  ConvoySpec spec;
  const ConvoyOptimRule *rule;
  guint threads;
  GArray *pieces; /* what a thread takes at a time, none large */
  gsize n;                      /* floats of each moment */
  float *moment[CONVOY_OPTIM_MOMENTS];  /* NULL: not kept; laid out as the weights */
  double *sums;                 /* by piece */
} ConvoyOptim;

/* lr above 0 replaces that of the text. */
gboolean convoy_optim_init (ConvoyOptim *o, const char *text, double lr, guint threads, GError **error);
/* Moments of n floats, zero, and the parts that learn. */
gboolean convoy_optim_set_parts (ConvoyOptim *o, const ConvoyOptimPart *parts, guint n_parts, gsize n, GError **error);
void convoy_optim_clear (ConvoyOptim *o);
/* Step number step (from 1) with this learning rate. May change g (decay, clipping). The bits of the
 * outcome do not depend on threads. complete: all gradients are in g, products too. */
void convoy_optim_step (ConvoyOptim *o, float *w, float *g, gboolean complete, double lr, guint64 step);
#endif
