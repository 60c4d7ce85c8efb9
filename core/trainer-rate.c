/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * trainer-rate.c - the search for a learning rate: it rises until learning breaks down. */
#include "core/trainer.h"
#include <math.h>
#include <string.h>

#define LOWEST 1e-7
#define DECADES 8
#define SMOOTH 0.9              /* what of the mean loss stays in a step */
#define EXPLODED 4              /* times the best loss */

/* The weights and moments, to be put back. */
typedef struct { float *array[1 + CONVOY_OPTIM_MOMENTS]; guint64 updates; } Copy;

static float *
array (ConvoyTrainer *t, guint i)
{
  return i == 0 ? convoy_exec_weights (t->learner) : t->optim.moment[i - 1];
}

static gsize
bytes (const ConvoyTrainer *t, guint i)
{
  return (i == 0 ? t->floats : t->optim.n) * sizeof (float);
}

static Copy
copy_out (ConvoyTrainer *t)
{
  Copy c = { .updates = t->updates };
  for (guint i = 0; i <= t->optim.rule->moments; i++)
    c.array[i] = g_memdup2 (array (t, i), bytes (t, i));
  return c;
}

static void
copy_back (ConvoyTrainer *t, Copy *c)
{
  for (guint i = 0; i <= t->optim.rule->moments; i++) {
    memcpy (array (t, i), c->array[i], bytes (t, i));
    g_free (c->array[i]);
  }
  t->updates = c->updates;
  t->stored = FALSE;
}

/* The next batch, of another epoch when one ends. */
static gboolean
next (ConvoyBatches *b, guint *epoch, guint64 *left, const void **x, const gint64 **y, GError **error)
{
  GError *why = NULL;
  while (!convoy_batches_next (b, x, y, &why)) {
    if (why == NULL && *left == convoy_batches_samples (b))
      g_set_error_literal (&why, CONVOY_ERROR, CONVOY_ERROR_INVALID, "learning rate: there are no samples to try it on");
    if (why) {
      g_propagate_error (error, why);
      return FALSE;
    }
    *left = convoy_batches_samples (b);
    convoy_batches_start (b, ++*epoch, 0);
  }
  return TRUE;
}

static gboolean
sweep (ConvoyTrainer *t, ConvoyBatches *b, guint steps, GArray *points, GError **error)
{
  guint epoch = 1, size = convoy_batches_size (b);
  guint64 left = convoy_batches_samples (b);
  double smooth = 0, best = INFINITY;
  convoy_batches_start (b, epoch, 0);
  for (guint i = 0; i < steps; i++) {
    ConvoyRatePoint p = { .lr = LOWEST * pow (10, (double) DECADES * i / (steps - 1)) };
    ConvoySums s;
    const void *x;
    const gint64 *y;
    if (!next (b, &epoch, &left, &x, &y, error) || !convoy_trainer_learn (t, x, y, MIN (left, size), p.lr, &s, error))
      return FALSE;
    left -= MIN (left, size);
    if (!isfinite (s.loss))
      return TRUE;
    if (s.n == 0)
      continue;
    smooth = SMOOTH * smooth + (1 - SMOOTH) * s.loss / s.n;
    p.loss = smooth / (1 - pow (SMOOTH, points->len + 1));
    g_array_append_val (points, p);
    best = MIN (best, p.loss);
    if (p.loss > EXPLODED * best)
      return TRUE;
  }
  return TRUE;
}

/* Where the loss falls the fastest over equal factors of the rate, below all that was before: what comes back from
 * a jump does not count. 0: nowhere. */
static double
steepest (const GArray *points)
{
  double lr = 0, least = 0, lowest = INFINITY;
  for (guint i = 1; i + 1 < points->len; i++) {
    double before = g_array_index (points, ConvoyRatePoint, i - 1).loss, after = g_array_index (points, ConvoyRatePoint, i + 1).loss;
    lowest = MIN (lowest, before);
    if (after < lowest && after - before < least) {
      least = after - before;
      lr = g_array_index (points, ConvoyRatePoint, i).lr;
    }
  }
  return lr;
}

gboolean
convoy_trainer_find_rate (ConvoyTrainer *t, ConvoyBatches *train, guint steps, double *lr, GArray **curve, GError **error)
{
  g_autoptr (GArray) points = g_array_new (FALSE, FALSE, sizeof (ConvoyRatePoint));
  steps = steps ? steps : 100;
  if (steps < 8) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "learning rate: %u steps, where 8 or more are needed", steps);
    return FALSE;
  }
  if (!convoy_trainer_check_batches (t, train, TRUE, error))
    return FALSE;
  Copy c = copy_out (t);
  gboolean ok = sweep (t, train, steps, points, error);
  copy_back (t, &c);
  if (!ok)
    return FALSE;
  *lr = steepest (points);
  if (*lr == 0)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "learning rate: the loss fell at none of the %u rates that were tried",
        points->len);
  ok = *lr > 0;
  if (curve)
    *curve = g_steal_pointer (&points);
  return ok;
}
