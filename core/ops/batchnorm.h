/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * batchnorm.h - between batchnorm.c, which infers, and batchnorm-learn.c. */
#ifndef CONVOY_OPS_BATCHNORM_H
#define CONVOY_OPS_BATCHNORM_H
#include "core/ops/window.h"

static inline float convoy_batchnorm_epsilon (const ConvoyNode *n) { return convoy_node_float (n, "epsilon", 1e-5f); }
gboolean convoy_batchnorm_learn (ConvoyBuild *b, const ConvoyNode *n);  /* forward with the statistics of the batch */
gboolean convoy_batchnorm_back (ConvoyBuild *b, const ConvoyNode *n);   /* backward, frozen or not */
#endif
