/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * schedule.h - how the learning rate moves while epochs go by. A schedule is a row in schedule.c. */
#ifndef CONVOY_SCHEDULE_H
#define CONVOY_SCHEDULE_H
#include "core/spec.h"

gboolean convoy_schedule_parse (ConvoySpec *s, const char *text, GError **error);
/* What the learning rate is multiplied with for a step that begins after `at` epochs (0 to epochs,
 * fractions too) and takes `step` of an epoch. Counts from the end of the warm-up, in which the
 * rate rises by equal steps to its full height. */
double convoy_schedule_factor (const ConvoySpec *s, double at, double step, double epochs);
gboolean convoy_schedule_needs_epochs (const ConvoySpec *s);    /* the factor depends on how many there will be */
#endif
