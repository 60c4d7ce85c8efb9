/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * head-bare.c - a head learns from a feature store with nothing around it, for the script `head`:
 * `head-bare STORE LAYERS EPOCHS THREADS` prints the seconds of each epoch. */
#include "core/convoy.h"
#include <stdio.h>
#include <stdlib.h>

static gboolean
run (const char *store, const char *layers, guint epochs, guint threads, GError **error)
{
  g_autoptr (ConvoyDataset) d = convoy_dataset_open (store, "train", error), v = d ? convoy_dataset_open (store, "validation", error) : NULL;
  if (v == NULL)
    return FALSE;
  const ConvoyDatasetInfo *info = convoy_dataset_info (d);
  ConvoyShape input = info->shape;
  input.n++;
  for (guint i = input.n; --i > 0;)
    input.d[i] = info->shape.d[i - 1];
  input.d[0] = 32;
  ConvoyBatchOptions batch = { .size = 32, .shuffle = TRUE };
  ConvoyBatches *b = convoy_batches_new (d, &batch), *c = convoy_batches_new (v, &(ConvoyBatchOptions) { .size = 32 });
  ConvoyTrainOptions o = { .optimizer = "rmsprop", .epochs = epochs, .batch = 32, .threads = threads };
  ConvoyGraph *g = convoy_net_parse (layers, NULL, &input, NULL, 0, error);
  ConvoyTrainer *t = g ? convoy_trainer_new (g, &o, error) : NULL;
  gboolean ok = t && convoy_trainer_fit (t, b, c, error);
  for (guint i = 0; ok && i < convoy_history_len (convoy_trainer_history (t)); i++)
    printf ("%.4f\n", convoy_history_at (convoy_trainer_history (t), i)->seconds);
  convoy_trainer_free (t);
  convoy_graph_unref (g);
  convoy_batches_free (b);
  convoy_batches_free (c);
  return ok;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  if (argc != 5 || !run (argv[1], argv[2], (guint) atoi (argv[3]), (guint) atoi (argv[4]), &error)) {
    fprintf (stderr, "head-bare: %s\n", error ? error->message : "want STORE LAYERS EPOCHS THREADS");
    return 1;
  }
  return 0;
}
