/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * classify.c - `convoy classify`: what pictures show and texts say, as a table or as JSON. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "pipelines/command.h"
#include "core/convoy.h"
#include "pipelines/stream.h"
#include "pipelines/term.h"
#include "zoo/zoo.h"
#include <stdio.h>
#include <string.h>

#define DEFAULT_MODEL "mobilenet-v2-1.0-224"
#define BAR 20

typedef struct {
  const char *const *files;
  gboolean json;
  guint n_skipped;
} Output;

/* --- output ----------------------------------------------------------- */

static void
print_json (const char *file, guint line_number, const GstStructure *result)
{
  g_autoptr (GString) line = g_string_new ("{\"file\": ");
  const char *label;
  double score;
  int index;

  term_json (line, file);
  if (line_number)
    g_string_append_printf (line, ", \"line\": %u", line_number);
  g_string_append (line, ", \"labels\": [");
  for (guint i = 0; (label = stream_label (result, i, &index, &score)); i++) {
    char number[G_ASCII_DTOSTR_BUF_SIZE];
    g_string_append_printf (line, "%s{\"label\": ", i ? ", " : "");
    term_json (line, label);
    g_string_append_printf (line, ", \"index\": %d, \"score\": %s}", index, g_ascii_formatd (number, sizeof number, "%.6f", score));
  }
  puts (g_string_append (line, "]}")->str);
}

static void
print_table (const char *file, guint line_number, const GstStructure *result)
{
  g_autofree char *line = line_number ? g_strdup_printf (":%u", line_number) : g_strdup ("");
  const char *label;
  double score;
  int index;
  guint i;

  printf ("%s%s%s%s\n", term_bold (stdout), file, line, term_plain (stdout));
  for (i = 0; (label = stream_label (result, i, &index, &score)); i++) {
    char bar[BAR + 1];
    guint filled = (guint) (score * BAR + 0.5);
    memset (bar, '#', filled);
    memset (bar + filled, ' ', BAR - filled);
    bar[BAR] = 0;
    printf ("  %5.1f %%  %s%s%s  %s\n", score * 100, term_dim (stdout), bar, term_plain (stdout), label);
  }
  if (i == 0)
    puts ("  nothing above the threshold");
}

static void
on_result (void *user, guint file, guint line, const GstStructure *result)
{
  Output *o = user;
  g_autofree char *name = g_filename_display_name (o->files[file]);

  (o->json ? print_json : print_table) (name, line, result);
  fflush (stdout);
}

static void
on_skipped (void *user, guint file, guint line, const char *reason)
{
  Output *o = user;
  g_autofree char *name = g_filename_display_name (o->files[file]);
  g_autofree char *number = line ? g_strdup_printf (":%u", line) : g_strdup ("");
  fprintf (stderr, "convoy: %s%s: %s\n", name, number, reason);
  o->n_skipped++;
}

/* --- the command ------------------------------------------------------ */

/* What goes through the one pipeline: as many networks as there is work for. wanted NULL: the default. */
static int
classify (Stream *s, Output *o, const char *wanted)
{
  GError *error = NULL;
  g_autofree char *name = command_zoo_name (wanted ? wanted : DEFAULT_MODEL, !wanted, &error);
  g_autofree char *model = name ? convoy_zoo_find (name, &error) : NULL;

  g_autofree char *words = model ? convoy_onnx_metadata (model, "vocabulary") : NULL, *columns = model ? convoy_onnx_metadata (model, "table") : NULL;
  s->texts = words != NULL;
  s->tables = columns && !words;
  s->model = model;
  s->files = o->files;
  s->workers = s->texts ? 0 : MIN (s->n_files, g_get_num_processors ());
  s->result = on_result;
  s->skipped = on_skipped;
  s->user = o;
  command_catch_interrupt ();
  if (!model || !stream_init_few (&error) || !stream_classify (s, &error))
    return command_failed (error);
  return o->n_skipped ? STATUS_FAILED : STATUS_OK;
}

static int
run (int argc, char **argv)
{
  g_autofree char *model = NULL, *labels = NULL, *resize = NULL;
  gboolean lines = FALSE;
  int top_k = 5, resize_short = 0;
  double threshold = 0;
  Output o = { NULL, FALSE, 0 };
  const GOptionEntry options[] = {
    { "model", 'm', 0, G_OPTION_ARG_FILENAME, &model, "Name in the zoo, or ONNX file (default: " DEFAULT_MODEL ")", "NAME|FILE" },
    { "labels", 'l', 0, G_OPTION_ARG_FILENAME, &labels, "File with a label a line", "FILE" },
    { "top-k", 'k', 0, G_OPTION_ARG_INT, &top_k, "How many labels a picture or text (default: 5)", "N" },
    { "threshold", 't', 0, G_OPTION_ARG_DOUBLE, &threshold, "Leave out scores below X (0 to 1)", "X" },
    { "resize", 0, 0, G_OPTION_ARG_STRING, &resize, "stretch, crop or pad (default: as the model says)", "RULE" },
    { "resize-short", 0, 0, G_OPTION_ARG_INT, &resize_short, "Short side before the centre is cropped", "PIXELS" },
    { "json", 'j', 0, G_OPTION_ARG_NONE, &o.json, "Print a JSON object a picture or text, each on a line", NULL },
    { "lines", 0, 0, G_OPTION_ARG_NONE, &lines, "Each line of a file is a text of its own, as it is for -", NULL },
    { NULL }
  };
  const Command *c = &command_classify;

  if (!command_parse (c, options,
          "FILE is a picture (JPEG or PNG); a text (UTF-8) for a model that learnt texts; or a\n"
          "table (CSV, TSV) for a model that learnt one. - is standard input: a picture, or texts,\n"
          "one a line.",
          &argc, &argv))
    return STATUS_USAGE;
  if (argc < 2)
    return command_usage (c, "no files named");
  if (!command_within (c, "--top-k", top_k, 1, 1000) || !command_within (c, "--resize-short", resize_short, 0, 32767))
    return STATUS_USAGE;
  if (!(threshold >= 0 && threshold <= 1))
    return command_usage (c, "--threshold %g is not within 0 and 1", threshold);
  if (resize && !g_strv_contains ((const char *const[]) { "stretch", "crop", "pad", NULL }, resize))
    return command_usage (c, "--resize %s is none of stretch, crop, pad", resize);
  o.files = (const char *const *) argv + 1;
  Stream s = {
    .n_files = (guint) argc - 1, .lines = lines, .labels = labels, .resize = resize, .resize_short = (guint) resize_short,
    .top_k = (guint) top_k, .threshold = threshold,
  };
  return classify (&s, &o, model);
}

const Command command_classify = { "classify", "FILE...", "names what pictures show and texts and tables say", run };
