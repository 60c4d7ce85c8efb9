/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * random.c - streams of random numbers by seed and name, for weights and dropout. */
#include "core/random.h"
#include "core/shuffle.h"
#include <math.h>

/* FNV-1a, 64 bits (G. Fowler, L. C. Noll, K.-P. Vo). */
static guint64
hash (const char *s)
{
  guint64 h = G_GUINT64_CONSTANT (0xcbf29ce484222325);
  for (; *s; s++)
    h = (h ^ (guchar) *s) * G_GUINT64_CONSTANT (0x100000001b3);
  return h;
}

void
convoy_random_init (ConvoyRandom *r, guint64 seed, const char *name)
{
  *r = (ConvoyRandom) { .state = convoy_draw_start (seed, hash (name), 0) };
}

double
convoy_random_uniform (ConvoyRandom *r)
{
  return (double) (convoy_draw (&r->state) >> 11) * 0x1p-53;
}

/* G. Marsaglia, T. A. Bray, "A convenient method for generating normal variables", SIAM Review 6, 1964. */
double
convoy_random_normal (ConvoyRandom *r)
{
  double u, v, s;
  if (r->has_spare) {
    r->has_spare = FALSE;
    return r->spare;
  }
  do {
    u = 2 * convoy_random_uniform (r) - 1;
    v = 2 * convoy_random_uniform (r) - 1;
    s = u * u + v * v;
  } while (s >= 1 || s == 0);
  s = sqrt (-2 * log (s) / s);
  r->spare = v * s;
  r->has_spare = TRUE;
  return u * s;
}

double
convoy_random (guint64 seed, guint64 epoch, guint64 sample, guint i)
{
  guint64 state = convoy_draw_start (convoy_draw_start (seed, epoch, sample), i, 0);
  return (double) (convoy_draw (&state) >> 11) * 0x1p-53;
}
