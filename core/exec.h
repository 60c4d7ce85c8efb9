/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * exec.h - inside view of ConvoyExec. */
#ifndef CONVOY_EXEC_H
#define CONVOY_EXEC_H
#include "core/outer.h"
#include "core/split.h"

/* A list of steps with the memory they work on. */
typedef struct {
  ConvoyPlan *plan;             /* borrowed */
  GArray *steps;                /* borrowed */
  char **data;                  /* by buffer; NULL: not of this frame */
  ConvoyMem **mem;              /* by buffer; NULL: not yet asked for */
  char *scratch;
  ConvoyMem **scratch_mem;      /* by step */
  ConvoyCall **call;            /* by step, of a primitive */
  ConvoyTensor ***tensor;       /* by step without primitive or kernel: what eval takes */
  void ***kernel_data;          /* by step with a kernel */
} ConvoyFrame;

struct ConvoyExec {
  ConvoyPlan *plan;
  ConvoySplitRun *split;        /* of a plan in parts; all below is empty then */
  ConvoyFrame frame;
  char *arena;
  char *weights, *gradients;    /* of plans that learn, else NULL */
  ConvoyOuter *outer; /* by slot; all 0: its gradient is in gradients */
  ConvoyTensor **output;        /* by output of the graph */
  gboolean *pointed;            /* by input of the graph: it lies in memory of someone else */
  gboolean profile;
  double *seconds;              /* by step */
  guint runs;
  guint packed; /* version of the weights that what is kept from run to run came of */
};

void convoy_exec_find_outers (ConvoyExec *x); /* outer.c */
#endif
