/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * text-bare.c - what the scripts beside it need of texts.
 *
 *   text-bare tokens REVIEWS OUT            rows of 500 int32 and a label each, of 1024 texts of a folder
 *   text-bare steps TOKENS NET THREADS N    trains on them, batch 128, RMSprop: ms of the median step of N
 *   text-bare words MODEL.onnx OUT          the vocabulary that a model learnt, a word a line */
#include "core/convoy.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH 500
#define TEXTS 1024
#define BATCH 128

static int
fail (const GError *error)
{
  fprintf (stderr, "text-bare: %s\n", error ? error->message : "want a verb and its arguments");
  return 1;
}

/* Drawn from all over the folder, so that both classes are in every batch. */
static int
tokens (const char *folder, const char *out)
{
  GError *error = NULL;
  const ConvoyTokenOptions o = { .length = LENGTH };
  g_autoptr (ConvoyDataset) d = convoy_dataset_open (folder, "train", &error);
  g_autoptr (ConvoyVocabulary) v = d ? convoy_vocabulary_learn (d, 10000, &error) : NULL;
  FILE *f = v ? fopen (out, "wb") : NULL;
  if (f == NULL)
    return fail (error);
  g_autofree gsize *order = convoy_epoch_order (convoy_dataset_info (d)->n, 0, 1);
  for (gsize i = 0; i < TEXTS; i++) {
    gint32 row[LENGTH + 1];
    gint64 label;
    gsize n;
    g_autoptr (GBytes) bytes = convoy_dataset_bytes (d, order[i], &label, &error);
    if (bytes == NULL || !convoy_tokenize (v, &o, g_bytes_get_data (bytes, &n), g_bytes_get_size (bytes), row, &error))
      return fail (error);
    row[LENGTH] = (gint32) label;
    fwrite (row, sizeof row, 1, f);
  }
  return fclose (f);
}

static int
compare (const void *a, const void *b)
{
  gint64 x = *(const gint64 *) a, y = *(const gint64 *) b;
  return (x > y) - (x < y);
}

static int
steps (const char *path, const char *net, guint threads, guint n)
{
  GError *error = NULL;
  g_autofree char *bytes = NULL;
  g_autofree gint64 *x = g_new (gint64, TEXTS * LENGTH), *y = g_new (gint64, TEXTS), *time = g_new (gint64, n);
  const ConvoyTrainOptions o = { .optimizer = "rmsprop", .learning_rate = 1e-4, .batch = BATCH, .threads = threads };
  gsize size;
  ConvoyGraph *g = convoy_net_load (net, NULL, 0, &error);
  ConvoyTrainer *t = g ? convoy_trainer_new (g, &o, &error) : NULL;
  if (t == NULL || !g_file_get_contents (path, &bytes, &size, &error))
    return fail (error);
  const gint32 *row = (const gint32 *) (gpointer) bytes;
  for (gsize i = 0; i < TEXTS; i++, row += LENGTH + 1) {
    for (gsize k = 0; k < LENGTH; k++)
      x[i * LENGTH + k] = row[k];
    y[i] = row[LENGTH];
  }
  convoy_trainer_begin_epoch (t, 0, &error);
  for (guint i = 0; i < n + 3; i++) {   /* the first ones touch the memory */
    gsize at = i % (TEXTS / BATCH) * BATCH;
    gint64 start = g_get_monotonic_time ();
    if (!convoy_trainer_step (t, x + at * LENGTH, y + at, BATCH, &error))
      return fail (error);
    if (i >= 3)
      time[i - 3] = g_get_monotonic_time () - start;
  }
  qsort (time, n, sizeof *time, compare);
  printf ("%.3f\n", (double) time[n / 2] / 1000);
  convoy_trainer_free (t);
  convoy_graph_unref (g);
  return 0;
}

static int
words (const char *model, const char *out)
{
  GError *error = NULL;
  g_autofree char *text = convoy_onnx_metadata (model, "vocabulary");
  if (text && g_file_set_contents (out, text, -1, &error))
    return 0;
  return fail (error);
}

int
main (int argc, char **argv)
{
  if (argc == 4 && strcmp (argv[1], "tokens") == 0)
    return tokens (argv[2], argv[3]);
  if (argc == 6 && strcmp (argv[1], "steps") == 0)
    return steps (argv[2], argv[3], (guint) atoi (argv[4]), (guint) MAX (atoi (argv[5]), 1));
  if (argc == 4 && strcmp (argv[1], "words") == 0)
    return words (argv[2], argv[3]);
  return fail (NULL);
}
