/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * plan.h - inside view of ConvoyPlan: a list of buffers and two lists of steps, those that depend
 * on nothing but constants and weights, and those of every run. */
#ifndef CONVOY_PLAN_H
#define CONVOY_PLAN_H
#include "core/graph.h"
#include "core/learn.h"
#include "core/params.h"

#define CONVOY_ALIGN 64 /* where a buffer begins: a line of the cache */

typedef enum {
  CONVOY_B_ARENA, /* in an exec's arena */
  CONVOY_B_STATIC, /* in the plan's own memory, written by static steps */
  CONVOY_B_INPUT, /* an exec's own, filled by the caller */
  CONVOY_B_GIVEN, /* the bytes of a tensor */
  CONVOY_B_MASTER, /* a weight that learns, or a statistic: in an exec's weights */
  CONVOY_B_GRADIENT, /* its gradient: in an exec's gradients */
  CONVOY_B_KEPT, /* an exec's own, kept from run to run; zeros before the first, and again once weights changed */
} ConvoyBufKind;

typedef struct {
  ConvoyBufKind kind;
  ConvoyType type;
  ConvoyShape shape;
  ConvoyMd *md;                 /* the layout, counted as if of float32, whatever the type */
  gsize size, offset;           /* bytes; in the arena, or in the bytes of alias */
  ConvoyTensor *given;          /* GIVEN: owned */
  ConvoyBuf alias;              /* lies in the bytes of this one, or CONVOY_NO_BUF */
  guint first, last;            /* steps between which it is live */
  gboolean used;                /* a step reads or writes it: its layout is settled */
} ConvoyPlanBuf;

typedef struct {
  const char *what;
  const ConvoyNode *node;       /* it computes this one; evaluated where there is neither prim, kernel nor trial */
  gboolean back;                /* ... its gradient: the buffers are inputs, outputs, their gradients, and those to compute */
  ConvoyPrim *prim;
  ConvoyKernel kernel;
  ConvoyTrial trial;
  gpointer user;
  guint n, n_in;                /* buffers; the first n_in are read only. A left-out input is CONVOY_NO_BUF */
  ConvoyBuf *buf;
  ConvoyArg *arg;               /* of a prim, by buffer */
} ConvoyStep;

/* A slot with what the plan knows of it. */
typedef struct {
  ConvoySlot slot;
  ConvoyValue value;
  ConvoyBuf weight, gradient;   /* gradient: CONVOY_NO_BUF for statistics */
  gboolean settled;             /* a step reads it: its layout stays */
  ConvoyBuf outer[2];           /* the gradient is left as their product; CONVOY_NO_BUF: it is computed */
  ConvoyMd *plain, *md;         /* the layout, and that in which the bytes, of the same shape, are the plain tensor; NULL: it is plain */
} ConvoyPlanSlot;

/* What is tried when a plan is timed. */
typedef struct {
  gboolean blocked;             /* one blocked layout throughout, not what each primitive likes best */
  guint64 depthwise;            /* bit i: convolution i, counted in order (63: and those after it), rides on the 1x1 before it if it can */
  guint64 tiles; /* likewise: it is computed by products of tiles if it can and nothing else rides */
  guint64 winograd[2]; /* ... is computed by Winograd's way in squares of 2x2; of 4x4, if it can */
  guint part, side;             /* of a batch, see split.h; 0: whole, no second stage */
  gboolean any_input;           /* the first reader of an input decides its layout, even if a caller could not write it */
  const ConvoyMd *output;       /* layout of the only output, borrowed; NULL: plain */
} ConvoyVariant;

typedef struct ConvoySplit ConvoySplit;         /* split.h */

struct ConvoyPlan {
  ConvoyGraph *graph;
  guint threads;
  ConvoyVariant variant;
  gboolean timed;               /* it was chosen by timing */
  ConvoySplit *split;           /* not NULL: the batch is worked in parts, and all below is empty */
  GArray *bufs;                 /* ConvoyPlanBuf */
  GArray *steps, *statics;      /* ConvoyStep */
  GArray *inputs, *outputs;     /* ConvoyBuf, as the graph's */
  GArray *slots;                /* ConvoyPlanSlot: those that learn, then the statistics; empty: nothing learns */
  ConvoyBuf seed;               /* CONVOY_NO_BUF: nothing is random */
  gsize arena, static_size, scratch;
  gsize n_weights, n_learning;  /* floats of all slots; of those that learn */
  GMutex lock;                  /* protects the packing of static_mem and packed */
  char *static_mem;
  guint packed;                 /* version of the params in static_mem; atomic; 0: none */
};
#define CONVOY_BUF(p, i) (&g_array_index ((p)->bufs, ConvoyPlanBuf, i))
#define CONVOY_PLAN_SLOT(p, i) (&g_array_index ((p)->slots, ConvoyPlanSlot, i))
#define CONVOY_STEP(list, i) (&g_array_index (list, ConvoyStep, i))

ConvoyPlan *convoy_plan_alloc (ConvoyGraph *bound, guint threads, ConvoyVariant variant);
ConvoyPlan *convoy_plan_compile (ConvoyGraph *bound, guint threads, gboolean no_fuse, ConvoyVariant variant, const ConvoyLearnOptions *learn, GError **error);  /* compile.c; learn NULL: nothing learns */
void convoy_plan_layout (ConvoyPlan *p);                                /* plan-mem.c: offsets */
ConvoyBuf convoy_plan_root (const ConvoyPlan *p, ConvoyBuf b, gsize *offset);   /* follows aliases */
ConvoyPlan *convoy_plan_variant (ConvoyGraph *bound, guint threads, ConvoyVariant variant, GError **error);       /* plan.c: split or not */
gboolean
convoy_plan_runs (const ConvoyPlan *p, const char *word); /* in the name of some step, or in what oneDNN calls its code, is this */
/* Adds the time of the steps of each convolution, counted as above, since profiling was turned on. */
void convoy_exec_conv_seconds (const ConvoyExec *x, guint first, double seconds[64]);
void convoy_exec_point (ConvoyExec *x, guint i, void *data);            /* exec.c: input i lies there from now on */
/* tune.c; timed: whether timing chose it, now or for the file. */
ConvoyVariant convoy_tune (ConvoyGraph *bound, guint threads, const char *cache, gboolean no_timing, gboolean *timed);
#endif
