/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * plot.c - `convoy plot`: training histories as a figure. */
#include "pipelines/command.h"
#include "pipelines/plot.h"
#include <stdio.h>
#include <string.h>

/* The name of a run: its file's, without .csv; where all files are called alike, their folders'. */
static char *
run_name (char *const *paths, guint n, guint i)
{
  g_autofree char *file = g_path_get_basename (paths[i]), *folder = g_path_get_dirname (paths[i]), *parent = g_path_get_basename (folder);
  gboolean alike = n > 1;
  for (guint k = 0; k < n; k++) {
    g_autofree char *other = g_path_get_basename (paths[k]);
    alike = alike && strcmp (file, other) == 0;
  }
  if (g_str_has_suffix (file, ".csv"))
    file[strlen (file) - 4] = '\0';
  return g_filename_display_name (alike ? parent : file);
}

/* Beside the first history: x.csv becomes x.svg. */
static char *
default_output (const char *path)
{
  gsize n = strlen (path);
  return g_strdup_printf ("%.*s.svg", (int) (g_str_has_suffix (path, ".csv") ? n - 4 : n), path);
}

static gboolean
load_runs (PlotRun *runs, char *const *paths, guint n, GError **error)
{
  for (guint i = 0; i < n; i++) {
    runs[i].name = run_name (paths, n, i);
    runs[i].history = convoy_history_load (paths[i], error);
    if (runs[i].history == NULL)
      return FALSE;
    if (convoy_history_len (runs[i].history) == 0) {
      g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: has no epochs yet", paths[i]);
      return FALSE;
    }
  }
  return TRUE;
}

static int
plot (char *const *paths, guint n, const char *output, const char *title)
{
  PlotRun runs[PLOT_MAX_RUNS] = { 0 };
  GError *error = NULL;
  g_autofree char *path = output ? g_strdup (output) : default_output (paths[0]);
  gboolean ok = load_runs (runs, paths, n, &error) && plot_save (path, runs, n, title, &error);
  for (guint i = 0; i < n; i++) {
    g_free ((char *) runs[i].name);
    convoy_history_free (runs[i].history);
  }
  if (!ok)
    return command_failed (error);
  printf ("%s\n", path);
  return STATUS_OK;
}

static int
run (int argc, char **argv)
{
  g_autofree char *output = NULL, *title = NULL;
  const GOptionEntry options[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &output, "The figure, .svg or .png (default: an .svg beside the first HISTORY)", "FILE" },
    { "title", 't', 0, G_OPTION_ARG_STRING, &title, "A line above the figure", "TEXT" },
    { NULL }
  };
  const Command *c = &command_plot;

  if (!command_parse (c, options, "HISTORY is the CSV file that a training writes; several are drawn into one figure.", &argc, &argv))
    return STATUS_USAGE;
  if (argc < 2)
    return command_usage (c, "no HISTORY given");
  if (argc - 1 > PLOT_MAX_RUNS)
    return command_usage (c, "%d histories; a figure has room for %d", argc - 1, PLOT_MAX_RUNS);
  return plot (argv + 1, argc - 1, output, title);
}

const Command command_plot = { "plot", "HISTORY...", "draws loss and accuracy of a training, from its history", run };
