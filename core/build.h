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
} ConvoyNodeState;

struct ConvoyBuild {
  ConvoyPlan *plan;
  const ConvoyGraph *graph;     /* the plan's */
  ConvoyBuf *value;             /* by ConvoyValue */
  GArray **users;               /* by ConvoyValue: guint, the nodes that read it; NULL: none */
  gboolean *is_output;          /* by ConvoyValue */
  gboolean *fixed;              /* by ConvoyValue: depends on nothing but constants and weights */
  ConvoyNodeState *node;              /* by node */
  const ConvoyNode *current;
  GError *error;                /* the first one; sticks */
};

guint convoy_build_index (ConvoyBuild *b, const ConvoyNode *n);
ConvoyBuf convoy_build_buf (ConvoyBuild *b, ConvoyBufKind kind, ConvoyType type, const ConvoyShape *shape, const ConvoyMd *md);   /* md NULL: plain */
ConvoyBuf convoy_build_alias (ConvoyBuild *b, ConvoyBuf of, const ConvoyShape *shape, const ConvoyMd *md);
void convoy_build_step (ConvoyBuild *b, ConvoyStep s);          /* takes what it owns over */
#endif
