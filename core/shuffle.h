/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * shuffle.h - random numbers that depend on nothing but what they are drawn for. */
#ifndef CONVOY_SHUFFLE_H
#define CONVOY_SHUFFLE_H
#include "core/convoy.h"

/* SplitMix64: G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators",
 * OOPSLA 2014; the mixing function is D. Stafford's variant 13. */
static inline guint64
convoy_draw (guint64 *state)
{
  guint64 z = *state += G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * G_GUINT64_CONSTANT (0x94d049bb133111eb);
  return z ^ z >> 31;
}

/* 0 to n - 1, n > 0: the high half of a product, whose bias is n / 2^64. */
static inline guint64
convoy_draw_below (guint64 *state, guint64 n)
{
  return (unsigned __int128) convoy_draw (state) * n >> 64;
}

/* The start of a stream of its own for each (seed, a, b). */
static inline guint64
convoy_draw_start (guint64 seed, guint64 a, guint64 b)
{
  guint64 state = seed;
  state = convoy_draw (&state) ^ a;
  state = convoy_draw (&state) ^ b;
  return convoy_draw (&state);
}

#endif
