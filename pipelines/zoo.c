/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * zoo.c - `convoy zoo`: what models there are, and getting, checking and deleting them. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "core/convoy.h"
#include "pipelines/command.h"
#include "pipelines/term.h"
#include "zoo/add.h"
#include "zoo/pull.h"
#include "zoo/sums.h"
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
  g_autofree char *path = NULL, *size = zoo_entry_is_dataset (e) ? NULL : term_size (e->size);
  g_autofree char *parts = e->parts ? g_strjoinv (", ", e->parts) : NULL;
  g_autofree char *urls = e->urls ? g_strjoinv (" ", e->urls) : parts ? NULL : g_strdup ("none; CONVOY_MIRROR must have it");
  g_autofree char *layers = e->layers ? g_strjoinv (", ", e->layers) : NULL;
  ZooState state = zoo_entry_where (e, &path);
  g_autofree char *accuracy = e->top1 ? g_strdup_printf ("%s %% (top 1, 1300 pictures of ImageNet's validation set)", e->top1) : NULL;
  const struct { const char *key, *value; } rows[] = {
    { "about", e->about }, { "kind", e->kind }, { "state", *states[state] ? states[state] : "not pulled" },
    { "file", state == ZOO_AVAILABLE ? e->file : path }, { "size", size }, { "sha256", e->sha256 }, { "parts", parts }, { "licence", e->licence },
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

/* Of a data set that is unpacked. */
static gboolean
verify_folder (const ZooEntry *e, GError **error)
{
  g_autofree char *cache = convoy_zoo_cache_dir (), *folder = g_build_filename (cache, e->file, NULL), *list = zoo_sums_path (folder);
  guint n;

  if (!g_file_test (list, G_FILE_TEST_EXISTS)) {
    printf ("%s: there, but without a list of checksums; `convoy zoo rm` and `pull` make one\n", e->name);
    return TRUE;
  }
  if (!zoo_sums_check (folder, list, &n, error)) {
    g_prefix_error (error, "%s: ", e->name);
    return FALSE;
  }
  printf ("%s: good, %u files\n", e->name, n);
  return TRUE;
}

static gboolean
verify (const ZooManifest *m, const ZooEntry *e, GError **error)
{
  g_autofree char *path = NULL;
  (void) m;

  zoo_entry_where (e, &path);
  if (zoo_entry_is_dataset (e) && g_file_test (path, G_FILE_TEST_IS_DIR))
    return verify_folder (e, error);
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

static gboolean
rm (const ZooManifest *m, const ZooEntry *e, GError **error)
{
  if (zoo_entry_where (e, NULL) != ZOO_BUNDLED)
    return zoo_remove (m, e, error);
  g_set_error (error, ZOO_ERROR, ZOO_ERROR_FILE, "%s: is bundled, not in the cache", e->name);
  return FALSE;
}

/* --- verbs of a model of one's own, of which the manifest knows nothing --------- */

static gboolean
own_info (const ZooManifest *m, const char *name, GError **error)
{
  g_autofree char *path = zoo_added_path (m, name);
  ConvoyModel *model = convoy_model_new (path, NULL, error);
  if (!model)
    return FALSE;
  const ConvoyModelInfo *i = convoy_model_info (model);
  printf ("%s%s%s\n", term_bold (stdout), name, term_plain (stdout));
  printf ("  %-9s %s\n  %-9s %s\n  %-9s %s\n", "about", "a model of your own", "state", "added", "file", path);
  if (i->width)
    printf ("  %-9s %ux%ux%u\n", "input", i->width, i->height, i->channels);
  if (i->labels)
    printf ("  %-9s %u\n", "labels", g_strv_length ((char **) i->labels));
  convoy_model_unref (model);
  return TRUE;
}

static gboolean
own_path (const ZooManifest *m, const char *name, GError **error)
{
  g_autofree char *path = zoo_added_path (m, name);
  (void) error;
  puts (path);
  return TRUE;
}

/* There is no checksum; it can be read. */
static gboolean
own_verify (const ZooManifest *m, const char *name, GError **error)
{
  g_autofree char *path = zoo_added_path (m, name);
  ConvoyGraph *g = convoy_onnx_load (path, NULL, error);
  if (!g)
    return FALSE;
  convoy_graph_unref (g);
  printf ("%s: can be read; it is your own, without a checksum\n", name);
  return TRUE;
}

/* --- the command ------------------------------------------------------ */

static const struct {
  const char *name;
  gboolean (*run) (const ZooManifest *m, const ZooEntry *e, GError **error);
  gboolean (*run_own) (const ZooManifest *m, const char *name, GError **error);
  enum { CACHED, ALL } all;      /* with --all: what is in the cache, or all there is */
} verbs[] = {
  { "info", info, own_info, ALL },
  { "pull", pull, own_path, ALL },
  { "verify", verify, own_verify, CACHED },
  { "rm", rm, zoo_added_remove, CACHED },
  { "path", path, own_path, CACHED },
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
    if (zoo_entry_is_part (e))
      continue;
    g_autofree char *size = zoo_entry_is_dataset (e) ? g_strdup ("") : term_size (e->size);
    const char *cells[] = { e->name, states[zoo_entry_where (e, NULL)], size, text (e->input), text (e->top1), e->licence, text (e->about) };
    for (guint k = 0; k < G_N_ELEMENTS (cells); k++)
      term_table_cell (t, "%s", cells[k]);
  }
  g_autoptr (GPtrArray) added = zoo_added (m);
  for (guint i = 0; i < added->len; i++) {
    const char *cells[] = { g_ptr_array_index (added, i), "added", "", "", "", "", "a model of your own" };
    for (guint k = 0; k < G_N_ELEMENTS (cells); k++)
      term_table_cell (t, "%s", cells[k]);
  }
  term_table_print (t, TRUE);
}

/* Whether --all means this one. */
static gboolean
is_meant (guint verb, const ZooEntry *e)
{
  return !zoo_entry_is_part (e) && (verbs[verb].all == ALL || zoo_entry_where (e, NULL) == ZOO_CACHED);
}

/* Each name in turn, or with none of them all; one that fails does not keep the others from it. */
static int
each (const ZooManifest *m, guint verb, char **names, guint n)
{
  int status = STATUS_OK;

  for (guint i = 0; i < (n ? n : zoo_manifest_len (m)) && !command_interrupted (); i++) {
    GError *error = NULL;
    g_autofree char *own = n && !zoo_manifest_get (m, names[i]) ? zoo_added_path (m, names[i]) : NULL;
    const ZooEntry *e = own ? NULL : n ? zoo_manifest_need (m, names[i], &error) : zoo_manifest_at (m, i);
    if (e && !n && !is_meant (verb, e))
      continue;
    if (own ? !verbs[verb].run_own (m, names[i], &error) : !e || !verbs[verb].run (m, e, &error))
      status = command_failed (error);
  }
  return status;
}

/* A model of one's own: it has to be one before it is let in. */
static int
add (const char *file, const char *name)
{
  GError *error = NULL;
  ConvoyGraph *g = convoy_onnx_load (file, NULL, &error);
  g_autofree char *path = g ? zoo_add (file, name, &error) : NULL;

  convoy_graph_unref (g);
  if (!path)
    return command_failed (error);
  puts (path);
  return STATUS_OK;
}

static int
run (int argc, char **argv)
{
  gboolean all = FALSE;
  const GOptionEntry options[] = { { "all", 'a', 0, G_OPTION_ARG_NONE, &all,
                                       "Instead of NAME: all that the zoo has (info, pull), or what of it is in the cache", NULL },
    { NULL } };
  const char *more = "list               what the zoo has, and what of it is here\n"
      "info NAME...       all that is known of an entry, with layers to cut at\n"
      "pull NAME...       get it, with its labels, into the cache; a data set is unpacked\n"
      "verify [NAME...]   compare what is here with its checksum\n"
      "rm NAME...         delete it from the cache\n"
      "path NAME...       print where it is\n"
      "add FILE [NAME]    put an ONNX file of your own, with the .ini beside it, into the cache\n\n"
      "CONVOY_HOME is the cache (default: convoy in $XDG_CACHE_HOME). CONVOY_MIRROR, a folder or an\n"
      "address or several with ; between, is tried first. With CONVOY_OFFLINE set the network is left alone.";
  const Command *c = &command_zoo;
  GError *error = NULL;
  guint verb = 0;

  if (!command_parse (c, options, more, &argc, &argv))
    return STATUS_USAGE;
  if (argc < 2)
    return command_usage (c, "no verb: list, info, pull, verify, rm, path or add");
  if (!strcmp (argv[1], "add"))
    return argc == 3 || argc == 4 ? add (argv[2], argv[3]) : command_usage (c, "want add FILE [NAME]");
  gboolean is_list = !strcmp (argv[1], "list");
  while (!is_list && verb < G_N_ELEMENTS (verbs) && strcmp (verbs[verb].name, argv[1]))
    verb++;
  if (verb == G_N_ELEMENTS (verbs))
    return command_usage (c, "%s is none of list, info, pull, verify, rm, path, add", argv[1]);
  all |= !strcmp (argv[1], "verify") && argc == 2;
  if (is_list ? argc > 2 || all : all ? argc > 2 : argc < 3)
    return command_usage (c, is_list ? "list takes no names" : all ? "%s: names, or --all" : "%s what?", argv[1]);
  g_autoptr (ZooManifest) m = zoo_manifest_load (&error);
  if (!m)
    return command_failed (error);
  command_catch_interrupt ();
  if (!is_list)
    return each (m, verb, argv + 2, (guint) argc - 2);
  list (m);
  return STATUS_OK;
}

const Command command_zoo = { "zoo", "VERB [NAME...]", "lists, gets, checks and deletes models and data sets", run };
