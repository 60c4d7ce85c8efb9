/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * split.h - a batch worked in parts. Early layers have large activations and small weights: they run
 * a few samples at a time, so that the activations stay in the cache. Late layers are the other way
 * round and run all samples at once. With threads, parts run side by side. */
#ifndef CONVOY_SPLIT_H
#define CONVOY_SPLIT_H
#include "core/plan.h"

#define CONVOY_MAX_STAGES 2

struct ConvoySplit {
  guint n;                      /* stages, one after the other */
  struct {
    ConvoyPlan *plan;           /* of one part */
    guint parts, lanes;         /* how many of them make the batch; how many run side by side */
    guint first_conv;           /* convolutions in the stages before */
  } stage[CONVOY_MAX_STAGES];
};

typedef struct ConvoySplitRun ConvoySplitRun;   /* the memory to run one, as an exec is for a plan */

/* Samples in a batch of bound if each may be worked alone, else 0. */
guint convoy_split_batch (const ConvoyGraph *bound);
/* bound compiled for parts of v.part samples and, where v.side is not 0, for as many at once as
 * there are threads to share them from the last point on where the activations are higher than
 * that. Fails where there is no such point. */
ConvoySplit *convoy_split_new (ConvoyGraph *bound, guint threads, ConvoyVariant v, GError **error);
void convoy_split_free (ConvoySplit *s);

ConvoySplitRun *convoy_split_run_new (const ConvoySplit *s, GError **error);
void convoy_split_run_free (ConvoySplitRun *r);
ConvoyView convoy_split_run_input (const ConvoySplitRun *r, guint i);
ConvoyTensor *convoy_split_run_output (const ConvoySplitRun *r, guint i);       /* borrowed */
gboolean convoy_split_run (ConvoySplitRun *r, GError **error);
void convoy_split_run_conv_seconds (const ConvoySplitRun *r, double seconds[64]);
char *convoy_split_run_profile (ConvoySplitRun *r, gboolean on);
#endif
