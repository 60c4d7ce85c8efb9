/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * top.c - the best of a row of scores, as probabilities. */
#include "core/convoy.h"
#include <math.h>

/* a comes before b. What is no number comes last. */
static gboolean
before (float a, float b)
{
  return a > b || (isnan (b) && !isnan (a));
}

/* exp (x - max) / sum: the largest term is 1, so that nothing overflows (Goodfellow et al., Deep
 * Learning, 4.1). One score that is no number makes all of them none. */
static void
softmax (const float *scores, guint n, ConvoyTop *top, guint k)
{
  float max = top[0].score;
  double sum = 0;
  for (guint i = 0; i < n; i++)
    sum += expf (scores[i] - max);
  for (guint i = 0; i < k; i++)
    top[i].score = (float) (expf (top[i].score - max) / sum);
}

guint
convoy_top_k (const float *scores, guint n, gboolean is_probability, ConvoyTop *out, guint k)
{
  guint have = 0;
  k = MIN (k, n);
  for (guint i = 0; i < n && k > 0; i++) {
    if (have == k && !before (scores[i], out[k - 1].score))
      continue;
    guint at = have < k ? have++ : k - 1;
    for (; at > 0 && before (scores[i], out[at - 1].score); at--)
      out[at] = out[at - 1];
    out[at] = (ConvoyTop) { i, scores[i] };
  }
  if (!is_probability && have > 0)
    softmax (scores, n, out, have);
  return have;
}
