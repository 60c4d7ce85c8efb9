/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * training-step.c - one network that learns from noise, for the script `training`:
 * `training-step NET BATCH THREADS FREEZE [VARIABLE VALUE...]`. For each line read, a number of steps,
 * it makes them and prints their median in microseconds, so that they may alternate with another program's. */
#include "core/convoy.h"
#include <stdio.h>
#include <stdlib.h>

typedef struct {
  ConvoyTrainer *trainer;
  float *x;
  gint64 *y;
  guint batch;
} Job;

static int
by_size (const void *a, const void *b)
{
  gint64 x = *(const gint64 *) a, y = *(const gint64 *) b;
  return (x > y) - (x < y);
}

/* Negative: error. */
static double
median_step (const Job *j, guint n, GError **error)
{
  g_autofree gint64 *took = g_new (gint64, n);
  for (guint i = 0; i < n; i++) {
    gint64 start = g_get_monotonic_time ();
    if (!convoy_trainer_step (j->trainer, j->x, j->y, j->batch, error))
      return -1;
    took[i] = g_get_monotonic_time () - start;
  }
  qsort (took, n, sizeof *took, by_size);
  return ((double) took[(n - 1) / 2] + (double) took[n / 2]) / 2;
}

/* Values of 0 to 1, and two classes in turns. */
static void
make_samples (Job *j, const ConvoyGraph *g)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (1);
  const ConvoyShape *shape = convoy_graph_input_shape (g, 0);
  gsize n = j->batch;
  for (guint i = 1; i < shape->n; i++)
    n *= (gsize) shape->d[i];
  j->x = g_new (float, n);
  j->y = g_new (gint64, j->batch);
  for (gsize i = 0; i < n; i++)
    j->x[i] = (float) g_rand_double (random);
  for (guint i = 0; i < j->batch; i++)
    j->y[i] = i % 2;
}

static gboolean
serve (const Job *j, GError **error)
{
  char line[64];
  while (fgets (line, sizeof line, stdin)) {
    double us = median_step (j, (guint) CLAMP (atoi (line), 1, 10000), error);
    if (us < 0)
      return FALSE;
    printf ("%.1f\n", us);
    fflush (stdout);
  }
  return TRUE;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  if (argc < 5) {
    fprintf (stderr, "training-step: want NET BATCH THREADS FREEZE [VARIABLE VALUE...]\n");
    return 2;
  }
  Job j = { .batch = (guint) atoi (argv[2]) };
  ConvoyTrainOptions o = { .optimizer = "rmsprop lr=1e-5", .batch = j.batch, .threads = (guint) atoi (argv[3]), .freeze = *argv[4] ? argv[4] : NULL };
  ConvoyGraph *g = convoy_net_load (argv[1], (const char *const *) argv + 5, 1, &error);
  if (g)
    make_samples (&j, g);
  j.trainer = g ? convoy_trainer_new (g, &o, &error) : NULL;
  if (j.trainer && convoy_trainer_begin_epoch (j.trainer, 0, &error))
    serve (&j, &error);
  convoy_trainer_free (j.trainer);
  convoy_graph_unref (g);
  g_free (j.x);
  g_free (j.y);
  if (error)
    fprintf (stderr, "training-step: %s: %s\n", argv[1], error->message);
  return error ? 1 : 0;
}
