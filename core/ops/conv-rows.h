/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * conv-rows.h - a convolution over rows that were looked up in a table, computed once for each row of it. */
#ifndef CONVOY_OPS_CONV_ROWS_H
#define CONVOY_OPS_CONV_ROWS_H
#include "core/op.h"

/* takes_in of Conv: the Gather and the Transpose before n, where computing with the table pays. */
guint convoy_conv_rows_take (ConvoyBuild *b, const ConvoyNode *n, const ConvoyNode **taken);
/* Steps of n that has taken them in. */
void convoy_conv_rows_forward (ConvoyBuild *b, const ConvoyNode *n);
void convoy_conv_rows_backward (ConvoyBuild *b, const ConvoyNode *n);
gboolean convoy_conv_rows_takes_post (guint count, const ConvoyPost *post);
#endif
