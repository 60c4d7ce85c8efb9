/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * quantize-range.c - the range of a value: a histogram that grows with what it sees, and the bounds
 * between which 8 bits lose the least. */
#include "core/quantize.h"
#include <math.h>
#include <string.h>

#define BINS 8192 /* half of them for numbers below 0 */
#define STEPS 255
#define TRIALS 64 /* bounds that are tried on each side */

struct ConvoyRange {
  float low, high; /* what was seen */
  double width; /* of a bin, a power of 2; 0: nothing but zeros was seen */
  double count[BINS]; /* but for zeros, which no rounding changes */
};

ConvoyRange *
convoy_range_new (void)
{
  return g_new0 (ConvoyRange, 1);
}
void
convoy_range_free (ConvoyRange *r)
{
  g_free (r);
}

/* Bins twice as wide. */
static void
widen (ConvoyRange *r)
{
  g_autofree double *count = g_new0 (double, BINS);
  for (gint i = 0; i < BINS; i++)
    count[BINS / 4 + i / 2] += r->count[i];
  memcpy (r->count, count, sizeof r->count);
  r->width *= 2;
}

gboolean
convoy_range_add (ConvoyRange *r, const float *x, gint64 n)
{
  float low = r->low, high = r->high, most;
  gboolean finite = TRUE;
  for (gint64 i = 0; i < n; i++) {
    low = x[i] < low ? x[i] : low;
    high = x[i] > high ? x[i] : high;
    finite = finite && isfinite (x[i]);
  }
  if (!finite)
    return FALSE;
  r->low = low, r->high = high;
  most = MAX (high, -low);
  if (most == 0)
    return TRUE;
  if (r->width == 0)
    r->width = ldexp (1, ilogb (most) + 2) / BINS;
  while (r->width * (BINS / 2) <= most)
    widen (r);
  const double per = 1 / r->width;
  for (gint64 i = 0; i < n; i++)
    if (x[i] != 0)
      r->count[(gint) (x[i] * per + BINS / 2)]++; /* which is not negative */
  return TRUE;
}

/* Squares of what becomes of all numbers between the bounds, and of those beyond them. */
static double
loss (const ConvoyRange *r, double low, double high)
{
  double step = (high - low) / STEPS, rounding = step * step / 12, sum = 0;
  for (gint i = 0; i < BINS; i++)
    if (r->count[i] > 0) {
      double x = (i - BINS / 2 + 0.5) * r->width, beyond = MAX (MAX (low - x, x - high), 0);
      sum += r->count[i] * (beyond * beyond + rounding);
    }
  return sum;
}

void
convoy_range_find (const ConvoyRange *r, float *low, float *high)
{
  double best = loss (r, r->low, r->high);
  *low = r->low, *high = r->high;
  for (guint side = 0; side < 2; side++)
    for (guint i = 1; i < TRIALS; i++) {
      float l = side ? r->low * i / TRIALS : *low, h = side ? *high : r->high * i / TRIALS;
      double lost = loss (r, l, h);
      if (lost < best)
        best = lost, *low = l, *high = h;
    }
}
