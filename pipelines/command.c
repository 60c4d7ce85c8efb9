/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * command.c - see command.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "pipelines/command.h"
#include "pipelines/term.h"
#include "zoo/pull.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* --- options and messages --------------------------------------------- */

/* -k1 as -k 1, which GLib takes for -k with the next word. The words live to the end of the program. */
static char **
part_values (const GOptionEntry *options, int *argc, char **argv)
{
  static char **words;
  gboolean over = FALSE;
  int n = 0;

  words = g_renew (char *, words, 2 * *argc + 1);
  for (int i = 0; i < *argc; i++) {
    const GOptionEntry *o = options;
    over |= !strcmp (argv[i], "--");
    gboolean is_short = !over && argv[i][0] == '-' && argv[i][1] && argv[i][1] != '-' && argv[i][2];
    while (is_short && o->long_name && !(o->short_name == argv[i][1] && o->arg != G_OPTION_ARG_NONE))
      o++;
    if (is_short && o->long_name) {
      words[n++] = (char *) g_intern_string ((char[]) { '-', argv[i][1], 0 });
      words[n++] = argv[i] + 2;
    } else {
      words[n++] = argv[i];
    }
  }
  words[n] = NULL;
  *argc = n;
  return words;
}

gboolean
command_parse (const Command *c, const GOptionEntry *options, const char *more, int *argc, char ***argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new (c->args);
  g_autofree char *program = g_strdup_printf ("convoy %s", c->name);
  g_autofree char *about = g_strdup_printf ("%c%s.%s%s", g_ascii_toupper (c->about[0]), c->about + 1, more ? "\n\n" : "", more ? more : "");
  GError *error = NULL;

  g_set_prgname (program);
  g_option_context_set_summary (context, about);
  g_option_context_add_main_entries (context, options, NULL);
  *argv = part_values (options, argc, *argv);
  if (g_option_context_parse (context, argc, argv, &error)) {
    if (*argc > 1 && !strcmp ((*argv)[1], "--")) {
      (*argv)[1] = (*argv)[0];
      --*argc, ++*argv;
    }
    return TRUE;
  }
  command_usage (c, "%s", error->message);
  g_error_free (error);
  return FALSE;
}

int
command_usage (const Command *c, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  term_end_progress ();
  fprintf (stderr, "convoy %s: %s; see `convoy %s --help`\n", c->name, text, c->name);
  return STATUS_USAGE;
}

gboolean
command_within (const Command *c, const char *option, int value, int least, int most)
{
  if (value >= least && value <= most)
    return TRUE;
  if (most == G_MAXINT)
    command_usage (c, "%s %d is less than %d", option, value, least);
  else
    command_usage (c, "%s %d is not within %d and %d", option, value, least, most);
  return FALSE;
}

int
command_failed (GError *error)
{
  term_end_progress ();
  fprintf (stderr, "convoy: %s\n", error->message);
  g_error_free (error);
  return STATUS_FAILED;
}

/* --- Ctrl-C ----------------------------------------------------------- */

static volatile sig_atomic_t interrupted;

static void
on_signal (int number)
{
  (void) number;
  interrupted = 1;
}

void
command_catch_interrupt (void)
{
  struct sigaction a = { .sa_handler = on_signal, .sa_flags = (int) SA_RESETHAND };
  sigaction (SIGINT, &a, NULL);
  sigaction (SIGTERM, &a, NULL);
}

gboolean
command_interrupted (void)
{
  return interrupted != 0;
}

/* --- models ----------------------------------------------------------- */

gboolean
command_progress (void *unused, const char *name, guint64 done, guint64 total)
{
  (void) unused;
  term_progress (name, done, total);
  return !interrupted;
}

static char *
pull (const char *name, GError **error)
{
  g_autoptr (ZooManifest) m = zoo_manifest_load (error);
  const ZooEntry *e = m ? zoo_manifest_need (m, name, error) : NULL;
  GError *missing = NULL;

  if (!e)
    return NULL;
  char *path = zoo_pull (m, e, command_progress, NULL, &missing, error);
  term_end_progress ();
  if (missing) {
    fprintf (stderr, "convoy: %s comes without labels: %s\n", name, missing->message);
    g_error_free (missing);
  }
  return path;
}

char *
command_model (const char *name_or_path, GError **error)
{
  GError *why = NULL;
  char *path = convoy_zoo_find (name_or_path, &why);

  if (path && g_str_has_suffix (path, ".net")) {
    g_set_error (error, ZOO_ERROR, ZOO_ERROR_FILE, "%s: a network without weights, which `convoy run` trains; no model", path);
    g_free (path);
    return NULL;
  }
  if (path)
    return path;
  if (!g_error_matches (why, ZOO_ERROR, ZOO_ERROR_NOT_PULLED)) {
    g_propagate_error (error, why);
    return NULL;
  }
  g_error_free (why);
  command_catch_interrupt ();
  return pull (name_or_path, error);
}

/* What is bundled in place of a model that cannot be had; NULL: nothing. */
static char *
find_instead (const char *name)
{
  g_autoptr (ZooManifest) m = zoo_manifest_load (NULL);
  const ZooEntry *e = m ? zoo_manifest_get (m, name) : NULL;
  g_autofree char *path = e && e->instead ? convoy_zoo_find (e->instead, NULL) : NULL;
  return path && g_str_has_suffix (path, ".onnx") ? g_strdup (e->instead) : NULL;
}

char *
command_zoo_name (const char *name, gboolean is_default, GError **error)
{
  GError *why = NULL;
  g_autofree char *path = command_model (name, &why);
  char *instead;

  if (path)
    return g_strdup (name);
  if (!is_default || !(instead = find_instead (name)) || command_interrupted ()) {
    g_propagate_error (error, why);
    return NULL;
  }
  fprintf (stderr, "convoy: %s; %s, which is bundled, serves instead\n", why->message, instead);
  g_error_free (why);
  return instead;
}
