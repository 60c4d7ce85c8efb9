/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * build.h - inside view of a plan under construction. */
#ifndef CONVOY_BUILD_H
#define CONVOY_BUILD_H
#include "core/plan.h"

#define CONVOY_MAX_POSTS 8

typedef struct {
  guint root;                   /* the node whose steps compute it: itself, or the one it rides on */
  guint n_posts;
  ConvoyPost posts[CONVOY_MAX_POSTS];
  ConvoyValue last;             /* the value that its steps end in */
  guint n_taken;
  const ConvoyNode *taken[CONVOY_MAX_TAKEN];    /* nodes before it whose work its steps do as well; it is their root */
} ConvoyNodeState;

typedef struct { ConvoyBuf from, to; } ConvoyReorder;

struct ConvoyBuild {
  ConvoyPlan *plan;
  const ConvoyGraph *graph;     /* the plan's */
  ConvoyBuf *value;             /* by ConvoyValue */
  GArray **users;               /* by ConvoyValue: guint, the nodes that read it; NULL: none */
  gboolean *is_output;          /* by ConvoyValue */
  gboolean *fixed;              /* by ConvoyValue: depends on nothing but constants and weights */
  ConvoyNodeState *node;        /* by node */
  const ConvoyLearnOptions *learn;      /* NULL: nothing learns, and what follows is not used */
  gboolean *frozen;             /* by node: in the frozen part */
  gboolean *wants;              /* by ConvoyValue: it has a gradient */
  gint *slot;                   /* by ConvoyValue: index in the plan's slots, -1: none */
  ConvoyBuf *grad;              /* by ConvoyValue: the sum so far */
  gboolean *grad_owned;         /* by ConvoyValue: nobody else has that buffer */
  ConvoyBuf *kept;              /* by node */
  GArray *reorders;             /* ConvoyReorder: what has been brought into another layout already */
  struct ConvoyByteState *bytes;        /* bytes-find.h: what is computed on bytes; NULL: nothing */
  const ConvoyNode *current;
  GError *error;                /* the first one; sticks */
};

guint convoy_build_index (ConvoyBuild *b, const ConvoyNode *n);
ConvoyBuf convoy_build_buf (ConvoyBuild *b, ConvoyBufKind kind, ConvoyType type, const ConvoyShape *shape, const ConvoyMd *md);   /* md NULL: plain */
ConvoyBuf convoy_build_alias (ConvoyBuild *b, ConvoyBuf of, const ConvoyShape *shape, const ConvoyMd *md);
void convoy_build_step (ConvoyBuild *b, ConvoyStep s);          /* takes what it owns over */

/* --- backward-find.c, backward.c --------------------------------------- */

gboolean convoy_learn_find (ConvoyBuild *b, GError **error);    /* what is frozen, what learns: fills frozen, wants, slot and the plan's slots */
void convoy_learn_clear (ConvoyBuild *b);
void convoy_learn_backward (ConvoyBuild *b);                    /* the steps that compute all gradients, after those of forward */
ConvoyPlanSlot *convoy_build_slot (ConvoyBuild *b, ConvoyBuf buf);      /* whose weight it is, through views; NULL: none */
#endif
