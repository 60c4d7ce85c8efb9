/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * lift.h - an operator of an older operator set as it is in a newer one. */
#ifndef CONVOY_LIFT_H
#define CONVOY_LIFT_H
#include "core/splice.h"

/* n, one of s->from, as the operator set of s->to, the same or a newer one, writes it. input is the
 * shape of what s->from takes, which some need to know their own. An error where it cannot be written so. */
gboolean convoy_lift_node (ConvoySplice *s, const ConvoyNode *n, const ConvoyShape *input, GError **error);
#endif
