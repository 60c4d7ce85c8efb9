/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * run.c - `convoy run`: a recipe with values for its keys. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "core/convoy.h"
#include "pipelines/command.h"
#include "pipelines/keys.h"
#include "pipelines/recipe.h"
#include "pipelines/stream.h"
#include "pipelines/term.h"
#include "pipelines/watch.h"
#include <stdio.h>
#include <string.h>

/* --- help ------------------------------------------------------------- */

static int
print_list (void)
{
  GError *error = NULL;
  g_autoptr (GPtrArray) names = recipe_names (&error);
  g_autoptr (TermTable) t = term_table_new ("ll");

  for (guint i = 0; names && i < names->len && !error; i++) {
    g_autoptr (Recipe) r = recipe_load (g_ptr_array_index (names, i), &error);
    if (r) {
      term_table_cell (t, "%s", r->name);
      term_table_cell (t, "%s", r->about);
    }
  }
  if (error)
    return command_failed (error);
  term_table_print (t, FALSE);
  return STATUS_OK;
}

static int
print_recipe (const char *name)
{
  GError *error = NULL;
  g_autoptr (Recipe) r = recipe_load (name, &error);
  g_autoptr (TermTable) t = term_table_new ("lll");

  if (!r) {
    command_failed (error);
    return STATUS_USAGE;
  }
  printf ("Usage: convoy run %s [KEY=VALUE...]\n\n%s.\n\n", r->name, r->about);
  for (guint i = 0; i < r->keys->len; i++) {
    const RecipeKey *k = g_ptr_array_index (r->keys, i);
    term_table_cell (t, "  %s", k->name);
    term_table_cell (t, "%s", k->help);
    term_table_cell (t, !k->fallback ? "has to be given" : *k->fallback ? "default: %s" : "%s", k->fallback ? k->fallback : "");
  }
  term_table_print (t, FALSE);
  printf ("\n`convoy run %s --print` shows the line for gst-launch-1.0 that this stands for.\n", r->name);
  return STATUS_OK;
}

/* `--help RECIPE` in either order, which no parser of options knows; NULL: it is not asked for. */
static const char *
asks_for_help (int argc, char **argv)
{
  const char *name = NULL;
  gboolean asks = FALSE;

  for (int i = 1; i < argc; i++)
    if (!strcmp (argv[i], "--help") || !strcmp (argv[i], "-h"))
      asks = TRUE;
    else if (*argv[i] != '-' && !strchr (argv[i], '=') && !name)
      name = argv[i];
  return asks ? name : NULL;
}

/* --- the command ------------------------------------------------------ */

/* GStreamer and GObject only warn of a value that is out of range, and go on with another. */
static void
on_log (const char *domain, GLogLevelFlags level, const char *text, gpointer user)
{
  GError **error = user;
  if (!(level & G_LOG_LEVEL_WARNING))
    g_log_default_handler (domain, level, text, NULL);
  else if (!*error)
    g_set_error_literal (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, text);
}

static GstElement *
parse (char **words, GError **error)
{
  GError *why = NULL, *warning = NULL;
  GLogFunc had = g_log_set_default_handler (on_log, &warning);
  GstElement *parsed = gst_parse_launchv ((const char **) words, &why);
  g_log_set_default_handler (had, NULL);
  if (why && warning)
    g_clear_error (&warning);
  if (!why && !warning)
    return parsed;
  g_propagate_error (error, why ? why : warning);
  gst_clear_object (&parsed);
  return NULL;
}

static int
play (const Recipe *r, char **words)
{
  GError *error = NULL;
  guint skipped = 0;

  if (!stream_init (&error))
    return command_failed (error);
  g_autoptr (GstElement) parsed = parse (words, &error);
  if (error)
    return command_failed (error);
  if (!GST_IS_PIPELINE (parsed)) {
    GstElement *pipeline = gst_pipeline_new (NULL);
    gst_bin_add (GST_BIN (pipeline), parsed);
    parsed = pipeline;
  }
  const char *classes = recipe_get (r, "classes");
  g_autoptr (Keys) keys = classes ? keys_new (parsed, classes, recipe_get (r, "script"), &error) : NULL;
  if (error || !watch_run (parsed, keys, &skipped, &error))
    return command_failed (error);
  return skipped ? STATUS_FAILED : STATUS_OK;
}

static int
run_recipe (Recipe *r, gboolean print)
{
  GError *error = NULL;

  command_catch_interrupt ();
  g_auto (GStrv) words = recipe_words (r, !print, &error);
  if (!words)
    return command_failed (error);
  if (!print)
    return play (r, words);
  g_autofree char *line = recipe_line (words);
  puts (line);
  return STATUS_OK;
}

static int
run (int argc, char **argv)
{
  gboolean list = FALSE, print = FALSE;
  GError *error = NULL;
  const GOptionEntry options[] = {
    { "list", 'l', 0, G_OPTION_ARG_NONE, &list, "Name the recipes", NULL },
    { "print", 'p', 0, G_OPTION_ARG_NONE, &print, "Print the line for gst-launch-1.0 instead", NULL },
    { NULL }
  };
  const char *more = "RECIPE is a name (`convoy run --list`) or a file NAME.pipe of your own;\n"
      "`convoy run --help RECIPE` has its keys. What it needs of the zoo is pulled.\n\n"
      "Ctrl-C ends the stream and saves what was learnt. The status is 0 when it came to its end\n"
      "(or to that), 1 when it failed or a file was left out, 2 when the usage was wrong.";
  const Command *c = &command_run;
  const char *help = asks_for_help (argc, argv);

  if (help)
    return print_recipe (help);
  if (!command_parse (c, options, more, &argc, &argv))
    return STATUS_USAGE;
  if (list)
    return argc > 1 ? command_usage (c, "--list takes no recipe") : print_list ();
  if (argc < 2)
    return command_usage (c, "no recipe named (`convoy run --list` has them)");
  g_autoptr (Recipe) r = recipe_load (argv[1], &error);
  for (int i = 2; r && !error && i < argc; i++)
    recipe_set (r, argv[i], &error);
  if (error || !recipe_check (r, &error)) {
    command_failed (error);
    return STATUS_USAGE;
  }
  return run_recipe (r, print);
}

const Command command_run = { "run", "RECIPE [KEY=VALUE...]", "runs a recipe: a pipeline with a name", run };
