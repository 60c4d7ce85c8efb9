/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * random.h - seeded streams of random numbers, the same on every machine and in every release. */
#ifndef CONVOY_RANDOM_H
#define CONVOY_RANDOM_H
#include "core/convoy.h"

typedef struct {
  guint64 state;
  gboolean has_spare;           /* normal numbers come in pairs */
  double spare;
} ConvoyRandom;

/* The stream called name under this seed; it depends on the two and nothing else. */
void convoy_random_init (ConvoyRandom *r, guint64 seed, const char *name);
double convoy_random_uniform (ConvoyRandom *r);         /* 0 <= x < 1, in steps of 2^-53 */
double convoy_random_normal (ConvoyRandom *r);          /* mean 0, variance 1 */
#endif
