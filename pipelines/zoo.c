/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * zoo.c - `convoy zoo`: what models there are, and getting, checking and deleting them. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "pipelines/command.h"
#include "pipelines/term.h"
#include "zoo/pull.h"
#include <stdio.h>
#include <string.h>

static const char *const states[] = { [ZOO_AVAILABLE] = "", [ZOO_CACHED] = "cached", [ZOO_BUNDLED] = "bundled" };

static const char *
text (const char *s)
{
  return s ? s : "";
}

/* --- verbs: each takes one entry -------------------------------------- */

static gboolean
info (const ZooManifest *m, const ZooEntry *e, GError **error)
{
  g_autofree char *path = NULL, *size = term_size (e->size);
  g_autofree char *urls = e->urls ? g_strjoinv (" ", e->urls) : g_strdup ("none; CONVOY_MIRROR must have it");
  g_autofree char *layers = e->layers ? g_strjoinv (", ", e->layers) : NULL;
  ZooState state = zoo_entry_where (e, &path);
  g_autofree char *accuracy = e->top1 ? g_strdup_printf ("%s %% (top 1, 1300 pictures of ImageNet's validation set)", e->top1) : NULL;
  const struct { const char *key, *value; } rows[] = {
    { "about", e->about }, { "kind", e->kind }, { "state", *states[state] ? states[state] : "not pulled" },
    { "file", state == ZOO_AVAILABLE ? e->file : path }, { "size", size }, { "sha256", e->sha256 }, { "licence", e->licence },
    { "address", urls }, { "task", e->task }, { "input", e->input }, { "color", e->color }, { "mean", e->mean }, { "std", e->std },
    { "resize", e->resize }, { "labels", e->labels }, { "accuracy", accuracy }, { "layers", layers },
  };
  (void) m, (void) error;

  printf ("%s%s%s\n", term_bold (stdout), e->name, term_plain (stdout));
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    if (rows[i].value)
      printf ("  %-9s %s\n", rows[i].key, rows[i].value);
  return TRUE;
}

static gboolean
pull (const ZooManifest *m, const ZooEntry *e, GError **error)
{
  GError *missing = NULL;
  g_autofree char *path = zoo_pull (m, e, command_progress, NULL, &missing, error);

  term_end_progress ();
  if (path)
    puts (path);
  if (missing)
    fprintf (stderr, "convoy: %s comes without labels: %s\n", e->name, missing->message);
  g_clear_error (&missing);
  return path != NULL;
}

static gboolean
verify (const ZooManifest *m, const ZooEntry *e, GError **error)
{
  g_autofree char *path = NULL;
  (void) m;

  zoo_entry_where (e, &path);
  if (!g_file_test (path, G_FILE_TEST_EXISTS)) {
    g_set_error (error, ZOO_ERROR, ZOO_ERROR_NOT_PULLED, "%s: not on this machine yet", e->name);
    return FALSE;
  }
  if (!zoo_entry_verify (e, path, error))
    return FALSE;
  printf ("%s: good\n", e->name);
  return TRUE;
}

static gboolean
path (const ZooManifest *m, const ZooEntry *e, GError **error)
{
  g_autofree char *found = convoy_zoo_find (e->name, error);
  (void) m;
  if (found)
    puts (found);
  return found != NULL;
}

/* --- the command ------------------------------------------------------ */

static const struct {
  const char *name;
  gboolean (*run) (const ZooManifest *m, const ZooEntry *e, GError **error);
  gboolean all;                 /* without a name: all that are cached */
} verbs[] = {
  { "info", info, FALSE }, { "pull", pull, FALSE }, { "verify", verify, TRUE }, { "rm", zoo_remove, FALSE }, { "path", path, FALSE },
};

static void
list (const ZooManifest *m)
{
  static const char *const head[] = { "Name", "State", "Size", "Input", "Top 1", "Licence", "" };
  g_autoptr (TermTable) t = term_table_new ("llrlrll");

  for (guint i = 0; i < G_N_ELEMENTS (head); i++)
    term_table_cell (t, "%s", head[i]);
  for (guint i = 0; i < zoo_manifest_len (m); i++) {
    const ZooEntry *e = zoo_manifest_at (m, i);
    g_autofree char *size = term_size (e->size);
    const char *cells[] = { e->name, states[zoo_entry_where (e, NULL)], size, text (e->input), text (e->top1), e->licence, text (e->about) };
    for (guint k = 0; k < G_N_ELEMENTS (cells); k++)
      term_table_cell (t, "%s", cells[k]);
  }
  term_table_print (t, TRUE);
}

/* Each name in turn; one that fails does not keep the others from it. */
static int
each (const ZooManifest *m, guint verb, char **names, guint n)
{
  int status = STATUS_OK;

  for (guint i = 0; i < (n ? n : zoo_manifest_len (m)) && !command_interrupted (); i++) {
    GError *error = NULL;
    const ZooEntry *e = n ? zoo_manifest_need (m, names[i], &error) : zoo_manifest_at (m, i);
    if (e && !n && zoo_entry_where (e, NULL) == ZOO_AVAILABLE)
      continue;
    if (!e || !verbs[verb].run (m, e, &error))
      status = command_failed (error);
  }
  return status;
}

static int
run (int argc, char **argv)
{
  const GOptionEntry options[] = { { NULL } };
  const char *more = "list               what the zoo has, and what of it is here\n"
      "info NAME...       all that is known of an entry\n"
      "pull NAME...       get it, with its labels, into the cache\n"
      "verify [NAME...]   compare what is here with its checksum\n"
      "rm NAME...         delete it from the cache\n"
      "path NAME...       print where it is\n\n"
      "CONVOY_HOME is the cache (default: convoy in $XDG_CACHE_HOME). CONVOY_MIRROR, a folder or an\n"
      "address, is tried first. With CONVOY_OFFLINE set the network is left alone.";
  const Command *c = &command_zoo;
  GError *error = NULL;
  guint verb = 0;

  if (!command_parse (c, options, more, &argc, &argv))
    return STATUS_USAGE;
  if (argc < 2)
    return command_usage (c, "no verb: list, info, pull, verify, rm or path");
  gboolean is_list = !strcmp (argv[1], "list");
  while (!is_list && verb < G_N_ELEMENTS (verbs) && strcmp (verbs[verb].name, argv[1]))
    verb++;
  if (verb == G_N_ELEMENTS (verbs))
    return command_usage (c, "%s is none of list, info, pull, verify, rm, path", argv[1]);
  if (is_list ? argc > 2 : argc < 3 && !verbs[verb].all)
    return command_usage (c, is_list ? "list takes no names" : "%s what?", argv[1]);
  g_autoptr (ZooManifest) m = zoo_manifest_load (&error);
  if (!m)
    return command_failed (error);
  command_catch_interrupt ();
  if (!is_list)
    return each (m, verb, argv + 2, (guint) argc - 2);
  list (m);
  return STATUS_OK;
}

const Command command_zoo = { "zoo", "VERB [NAME...]", "lists, gets, checks and deletes models", run };
