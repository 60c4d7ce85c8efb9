/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * evaluate.c - `convoy evaluate`: how often a model is right about pictures of known class. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "core/convoy.h"
#include "pipelines/command.h"
#include "pipelines/labelled.h"
#include "pipelines/stream.h"
#include "pipelines/term.h"
#include <stdio.h>
#include <string.h>

#define TOP 5

typedef struct {
  const Labelled *set;
  GArray *map;                  /* guint: the label of each class */
  guint n, right, among, skipped;       /* pictures; of them right at first, right among the best TOP */
} Score;

static void
on_result (void *user, guint file, const GstStructure *result)
{
  Score *s = user;
  guint class = g_array_index (s->set->classes, guint, file), truth = g_array_index (s->map, guint, class);
  int index;
  double score;

  s->n++;
  for (guint i = 0; i < TOP && stream_label (result, i, &index, &score); i++)
    if ((guint) index == truth) {
      s->right += i == 0;
      s->among++;
    }
  term_status ("%u of %u pictures, top-1 %.1f %%", s->n + s->skipped, s->set->files->len, 100.0 * s->right / s->n);
}

static void
on_skipped (void *user, guint file, const char *reason)
{
  Score *s = user;
  g_autofree char *name = g_filename_display_name (g_ptr_array_index (s->set->files, file));
  term_end_progress ();
  fprintf (stderr, "convoy: %s: %s\n", name, reason);
  s->skipped++;
}

static void
print_score (const Score *s, double seconds)
{
  term_end_progress ();
  printf ("pictures   %u", s->n);
  if (s->skipped)
    printf (" (%u skipped)", s->skipped);
  printf ("\ntop-1      %.2f %%\ntop-5      %.2f %%\n", 100.0 * s->right / s->n, 100.0 * s->among / s->n);
  printf ("time       %.1f s, %.1f pictures/s\n", seconds, s->n / seconds);
}

/* Which label each class has, and the size of the network's picture. */
static GArray *
match_labels (const Labelled *set, const char *model, const char *labels, const int *offset, guint *short_side, GError **error)
{
  const ConvoyModelOptions o = { .labels = labels, .need_labels = TRUE };
  ConvoyModel *m = convoy_model_new (model, &o, error);

  if (!m)
    return NULL;
  const ConvoyModelInfo *info = convoy_model_info (m);
  GArray *map = labelled_match (set, info->labels, offset, error);
  *short_side = MAX (info->resize_short, MIN (info->width, info->height));
  convoy_model_unref (m);
  return map;
}

/* Pictures that a data set holds a little larger than the network takes them were scaled already:
 * their centre is cut out as it is. */
static gboolean
find_short_side (Stream *s, guint of_model, GError **error)
{
  guint width, height;

  if (g_strcmp0 (s->resize, "crop") || s->resize_short)
    return TRUE;
  if (!stream_picture_size (s->files[0], &width, &height, error))
    return FALSE;
  if (MIN (width, height) < of_model)
    s->resize_short = MIN (width, height);
  return TRUE;
}

static int
evaluate (Stream *s, const char *name, const char *path, const int *offset)
{
  GError *error = NULL;
  guint short_side = 0;
  g_autofree char *model = command_model (name, &error);
  g_autoptr (Labelled) set = model ? labelled_load (path, &error) : NULL;
  g_autoptr (GArray) map = set ? match_labels (set, model, s->labels, offset, &short_side, &error) : NULL;
  Score score = { .set = set, .map = map };

  if (!map)
    return command_failed (error);
  s->files = (const char *const *) set->files->pdata;
  s->n_files = set->files->len;
  s->model = model;
  s->result = on_result;
  s->skipped = on_skipped;
  s->user = &score;
  command_catch_interrupt ();
  if (!stream_init (&error) || !find_short_side (s, short_side, &error))
    return command_failed (error);
  gint64 start = g_get_monotonic_time ();
  gboolean ok = stream_classify (s, &error);
  if (score.n > 0)
    print_score (&score, (double) (g_get_monotonic_time () - start) / 1e6);
  if (!ok)
    return command_failed (error);
  return score.skipped ? STATUS_FAILED : STATUS_OK;
}

static int
run (int argc, char **argv)
{
  g_autofree char *labels = NULL, *resize = NULL;
  int offset = G_MININT, resize_short = 0, workers = 0;
  const GOptionEntry options[] = {
    { "labels", 'l', 0, G_OPTION_ARG_FILENAME, &labels, "File with a label a line", "FILE" },
    { "offset", 0, 0, G_OPTION_ARG_INT, &offset, "Add N to a class to have its label (default: found by the names)", "N" },
    { "resize", 0, 0, G_OPTION_ARG_STRING, &resize, "stretch, crop or pad (default: as the model says)", "RULE" },
    { "resize-short", 0, 0, G_OPTION_ARG_INT, &resize_short, "Short side before the centre is cropped", "PIXELS" },
    { "workers", 'w', 0, G_OPTION_ARG_INT, &workers, "Networks side by side (default: one a processor)", "N" },
    { NULL }
  };
  const char *more = "DATASET is a folder with a subfolder a class, named as a label; or a table with a\n"
      "file, the number of its class and perhaps names of it in each line, tabs between.\n\n"
      "With --resize crop, pictures that are smaller than what the model would scale them to\n"
      "are not scaled: their centre is cut out as it is.";
  const Command *c = &command_evaluate;

  if (!command_parse (c, options, more, &argc, &argv))
    return STATUS_USAGE;
  if (argc != 3)
    return command_usage (c, "want a model and a data set");
  if (resize && !g_strv_contains ((const char *const[]) { "stretch", "crop", "pad", NULL }, resize))
    return command_usage (c, "--resize %s is none of stretch, crop, pad", resize);
  if (resize_short < 0 || resize_short > 32767 || workers < 0 || workers > 256)
    return command_usage (c, "--resize-short is within 0 and 32767, --workers within 0 and 256");
  Stream s = { .labels = labels, .resize = resize, .resize_short = (guint) resize_short, .top_k = TOP, .workers = (guint) workers };
  return evaluate (&s, argv[1], argv[2], offset == G_MININT ? NULL : &offset);
}

const Command command_evaluate = { "evaluate", "MODEL DATASET", "measures how often a model is right", run };
