/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * evaluate.c - `convoy evaluate`: how often a model is right about pictures, texts and rows of known class. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "core/convoy.h"
#include "pipelines/command.h"
#include "pipelines/confusion.h"
#include "pipelines/labelled.h"
#include "pipelines/stream.h"
#include "pipelines/term.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define TOP 5
#define MAX_LABELS 1000         /* as many as an element gives */
#define FEW 20                  /* classes whose table is printed without being asked for */

typedef struct {
  gboolean per_class;
  char *confusion;              /* file of the picture; NULL: none */
  int worst;                    /* mistakes to list */
} Report;

typedef struct {
  const Labelled *set;
  const char *path; /* of the data set */
  GArray *map;                  /* guint: the label of each class */
  GHashTable *classes;          /* the other way round: label to class + 1 */
  Score *score;
  guint right, skipped;
  const char *things; /* "pictures", "texts", "rows" */
} Evaluation;

/* --- the stream ------------------------------------------------------- */

/* Its number in the set; G_MAXUINT: it is the file of all rows. */
static guint
sample_at (const Evaluation *e, guint file, guint line)
{
  return e->set->lines ? GPOINTER_TO_UINT (g_hash_table_lookup (e->set->lines, GUINT_TO_POINTER (line))) - 1 : file;
}

static void
on_skipped (void *user, guint file, guint line, const char *reason)
{
  Evaluation *e = user;
  guint sample = sample_at (e, file, line);
  g_autofree char *name = g_filename_display_name (sample < e->set->files->len ? g_ptr_array_index (e->set->files, sample)
                                                                               : e->path);
  term_end_progress ();
  fprintf (stderr, "convoy: %s: %s\n", name, reason);
  e->skipped++;
}

static void
on_result (void *user, guint file, guint line, const GstStructure *result)
{
  Evaluation *e = user;
  guint sample = sample_at (e, file, line), class = g_array_index (e->set->classes, guint, sample);
  if (class == LABELLED_NONE) {
    on_skipped (user, file, line, "its class is missing");
    return;
  }
  guint label = g_array_index (e->map, guint, class);
  Judgement j = { .sample = sample, .truth = class, .rank = MAX_LABELS };
  const char *said;
  double score;
  int index;

  for (guint i = 0; j.rank == MAX_LABELS && (said = stream_label (result, i, &index, &score)); i++) {
    if (i == 0) {
      guint guess = GPOINTER_TO_UINT (g_hash_table_lookup (e->classes, GINT_TO_POINTER (index)));
      j.guess = guess ? guess - 1 : e->score->n_classes;
      j.confidence = score;
      j.said = g_strdup (said);
    }
    if ((guint) index == label) {
      j.rank = i;
      j.probability = score;
    }
  }
  score_add (e->score, &j);
  e->right += j.rank == 0;
  guint n = e->score->judgements->len;
  term_status ("%u of %u %s, top-1 %.1f %%", n + e->skipped, e->set->files->len, e->things, 100.0 * e->right / n);
}

/* --- the report ------------------------------------------------------- */

static void
print_totals (const Evaluation *e, double seconds)
{
  guint n = e->score->judgements->len;

  term_end_progress ();
  printf ("%-8s   %u", e->things, n);
  if (e->skipped)
    printf (" (%u skipped)", e->skipped);
  printf ("\nloss       %.4f\ntop-1      %.2f %%\ntop-%d      %.2f %%\n", score_loss (e->score), 100 * score_top (e->score, 1), TOP,
      100 * score_top (e->score, TOP));
  printf ("time       %.1f s, %.1f %s/s\n", seconds, n / seconds, e->things);
}

static void
share_cell (TermTable *t, double share)
{
  if (isnan (share))
    term_table_cell (t, "-");
  else
    term_table_cell (t, "%.1f %%", 100 * share);
}

static void
print_classes (const Score *s)
{
  static const char *const head[] = { "Class", "Samples", "Right", "Recall", "Precision", "Most often taken for" };
  g_autofree ScoreClass *classes = score_classes (s);
  g_autoptr (TermTable) t = term_table_new ("lrrrrl");

  for (guint i = 0; i < G_N_ELEMENTS (head); i++)
    term_table_cell (t, "%s", head[i]);
  for (guint c = 0; c < s->n_classes; c++) {
    guint other = classes[c].mistaken;
    term_table_cell (t, "%s", s->names[c]);
    term_table_cell (t, "%u", classes[c].n);
    term_table_cell (t, "%u", classes[c].right);
    share_cell (t, classes[c].recall);
    share_cell (t, classes[c].precision);
    term_table_cell (t, "%s", other < s->n_classes ? s->names[other] : other == s->n_classes ? "none of these" : "");
  }
  putchar ('\n');
  term_table_print (t, TRUE);
}

static void
print_mistakes (const Evaluation *e, guint most)
{
  g_autoptr (GPtrArray) wrong = score_mistakes (e->score);
  g_autoptr (TermTable) t = term_table_new ("rlll");

  for (guint i = 0; i < MIN (wrong->len, most); i++) {
    const Judgement *j = g_ptr_array_index (wrong, i);
    term_table_cell (t, "  %.1f %%", 100 * j->confidence);
    term_table_cell (t, "%s", j->said);
    term_table_cell (t, "is %s", e->score->names[j->truth]);
    term_table_cell (t, "%s", (const char *) g_ptr_array_index (e->set->files, j->sample));
  }
  if (wrong->len == 0 || most == 0)
    return;
  printf ("\n%u wrong; the most confident:\n", wrong->len);
  term_table_print (t, FALSE);
}

static gboolean
report (const Evaluation *e, const Report *r, const char *model, double seconds, GError **error)
{
  gboolean few = e->score->n_classes <= FEW;

  print_totals (e, seconds);
  if (few || r->per_class)
    print_classes (e->score);
  if (few) {
    putchar ('\n');
    confusion_print (e->score);
  }
  print_mistakes (e, (guint) r->worst);
  if (!r->confusion)
    return TRUE;
  g_autofree char *title = g_strdup_printf ("%s: %.1f %% of %u", model, 100 * score_top (e->score, 1), e->score->judgements->len);
  return confusion_save (e->score, r->confusion, title, error);
}

/* --- preparation ------------------------------------------------------ */

/* A name a class: the data set's own, else the label's. */
static char **
name_classes (const Labelled *set, GArray *map, const char *const *labels)
{
  char **names = g_new0 (char *, set->names->len + 1);
  for (guint c = 0; c < set->names->len; c++) {
    const char *name = g_ptr_array_index (set->names, c);
    names[c] = g_strdup (name ? name : labels[g_array_index (map, guint, c)]);
  }
  return names;
}

/* Which label each class has, and the size of the network's picture. */
static GArray *
match_labels (const Labelled *set, const char *model, const char *labels, const int *offset, guint *short_side, char ***names, GError **error)
{
  const ConvoyModelOptions o = { .labels = labels, .need_labels = TRUE };
  ConvoyModel *m = convoy_model_new (model, &o, error);

  if (!m)
    return NULL;
  const ConvoyModelInfo *info = convoy_model_info (m);
  GArray *map = labelled_match (set, info->labels, offset, error);
  if (map)
    *names = name_classes (set, map, info->labels);
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

  if (s->texts || s->tables || g_strcmp0 (s->resize, "crop") || s->resize_short)
    return TRUE;
  if (!stream_picture_size (s->files[0], &width, &height, error))
    return FALSE;
  if (MIN (width, height) < of_model)
    s->resize_short = MIN (width, height);
  return TRUE;
}

/* The stream over all files, then what is to be said of it. */
static int
evaluate_set (Stream *s, Evaluation *e, const Report *r, const char *name, guint short_side)
{
  GError *error = NULL, *late = NULL;

  command_catch_interrupt ();
  if (!stream_init_few (&error) || !find_short_side (s, short_side, &error))
    return command_failed (error);
  gint64 start = g_get_monotonic_time ();
  stream_classify (s, &error);
  if (e->score->judgements->len > 0)
    report (e, r, name, (double) (g_get_monotonic_time () - start) / 1e6, &late);
  if (late && error)
    g_clear_error (&late);
  if (error || late)
    return command_failed (error ? error : late);
  return e->skipped ? STATUS_FAILED : STATUS_OK;
}

static int
evaluate (Stream *s, const Report *r, const char *name, const char *path, const int *offset)
{
  GError *error = NULL;
  guint short_side = 0;
  g_auto (GStrv) names = NULL;
  g_autofree char *model = command_model (name, &error);
  g_autofree char *words = model ? convoy_onnx_metadata (model, "vocabulary") : NULL,
                  *table = model && !words ? convoy_onnx_metadata (model, "table") : NULL;
  const LabelledColumns columns = { table, s->text_column, s->label_column };
  s->texts = words != NULL;
  s->tables = table || s->text_column;
  g_autoptr (Labelled) set = !model ? NULL : s->tables ? labelled_rows (path, &columns, &error) : labelled_load (path, &error);
  g_autoptr (GArray) map = set ? match_labels (set, model, s->labels, offset, &short_side, &names, &error) : NULL;

  if (!map)
    return command_failed (error);
  g_autoptr (Score) score = score_new (set->names->len, (const char *const *) names);
  g_autoptr (GHashTable) classes = g_hash_table_new (NULL, NULL);
  Evaluation e = { .set = set, .path = path, .map = map, .classes = classes, .score = score };
  for (guint c = 0; c < map->len; c++)
    g_hash_table_insert (classes, GUINT_TO_POINTER (g_array_index (map, guint, c)), GUINT_TO_POINTER (c + 1));
  s->files = s->tables ? &path : (const char *const *) set->files->pdata;
  s->n_files = s->tables ? 1 : set->files->len;
  e.things = words ? "texts" : table ? "rows" : "pictures";
  s->model = model;
  s->result = on_result;
  s->skipped = on_skipped;
  s->user = &e;
  return evaluate_set (s, &e, r, name, short_side);
}

static int
run (int argc, char **argv)
{
  g_autofree char *labels = NULL, *resize = NULL;
  g_autofree char *confusion = NULL, *text = NULL, *class = NULL;
  int offset = G_MININT, resize_short = 0, workers = 0;
  Report r = { FALSE, NULL, 10 };
  const GOptionEntry options[] = { { "labels", 'l', 0, G_OPTION_ARG_FILENAME, &labels, "File with a label a line", "FILE" },
    { "offset", 0, 0, G_OPTION_ARG_INT, &offset, "Add N to a class to have its label (default: found by the names)", "N" },
    { "resize", 0, 0, G_OPTION_ARG_STRING, &resize, "stretch, crop or pad (default: as the model says)", "RULE" },
    { "resize-short", 0, 0, G_OPTION_ARG_INT, &resize_short, "Short side before the centre is cropped", "PIXELS" },
    { "per-class", 'c', 0, G_OPTION_ARG_NONE, &r.per_class, "A table of the classes (done anyway when they are few)", NULL },
    { "confusion", 0, 0, G_OPTION_ARG_FILENAME, &confusion, "Draw which class was taken for which, .svg or .png", "FILE" },
    { "worst", 0, 0, G_OPTION_ARG_INT, &r.worst, "How many mistakes to list (default: 10)", "N" },
    { "text-column", 0, 0, G_OPTION_ARG_STRING, &text, "Texts are in this column of a table, name or number", "COLUMN" },
    { "label-column", 0, 0, G_OPTION_ARG_STRING, &class,
        "And their classes in this one (default: found by its name, else the last)", "COLUMN" },
    { "workers", 'w', 0, G_OPTION_ARG_INT, &workers, "Networks side by side (default: one a processor)", "N" }, { NULL } };
  const char *more = "DATASET is a folder with a subfolder a class, named as a label, of pictures or, for a\n"
                     "model that learnt texts, of text files; a table with a\n"
                     "file, the number of its class and perhaps names of it in each line, tabs between; for a\n"
                     "model that learnt a table, another one (CSV, TSV) that says the classes in a column of\n"
                     "the same name; or a table of texts, with --text-column.\n\n"
                     "With --resize crop, pictures that are smaller than what the model would scale them to\n"
                     "are not scaled: their centre is cut out as it is.";
  const Command *c = &command_evaluate;

  if (!command_parse (c, options, more, &argc, &argv))
    return STATUS_USAGE;
  if (argc != 3)
    return command_usage (c, "want a model and a data set");
  if (resize && !g_strv_contains ((const char *const[]) { "stretch", "crop", "pad", NULL }, resize))
    return command_usage (c, "--resize %s is none of stretch, crop, pad", resize);
  if (!command_within (c, "--worst", r.worst, 0, G_MAXINT) || !command_within (c, "--resize-short", resize_short, 0, 32767)
      || !command_within (c, "--workers", workers, 0, 256))
    return STATUS_USAGE;
  if (confusion && !g_str_has_suffix (confusion, ".svg") && !g_str_has_suffix (confusion, ".png"))
    return command_usage (c, "--confusion %s is none of .svg, .png", confusion);
  if (class && !text)
    return command_usage (c, "--label-column goes with --text-column");
  Stream s = { .text_column = text,
    .label_column = class,
    .labels = labels,
    .resize = resize,
    .resize_short = (guint) resize_short,
    .top_k = MAX_LABELS,
    .workers = (guint) workers };
  r.confusion = confusion;
  return evaluate (&s, &r, argv[1], argv[2], offset == G_MININT ? NULL : &offset);
}

const Command command_evaluate = { "evaluate", "MODEL DATASET", "measures how often a model is right", run };
