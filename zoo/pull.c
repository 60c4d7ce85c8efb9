/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * pull.c - see pull.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "zoo/pull.h"
#include "zoo/sums.h"
#include "zoo/unpack.h"
#include <errno.h>
#include <unistd.h>
#include <glib/gstdio.h>

/* --- pull ------------------------------------------------------------- */

static char *
pull_file (const ZooEntry *e, ZooProgress progress, void *user, GError **error)
{
  g_autofree char *path = NULL;
  ZooFetch f = {
    .name = e->name, .file = e->file, .urls = (const char *const *) e->urls, .size = e->size, .checksum = zoo_entry_checksum (e),
    .progress = progress, .user = user,
  };

  if (zoo_entry_where (e, &path) != ZOO_AVAILABLE)
    return g_steal_pointer (&path);
  f.dest = path;
  return zoo_fetch (&f, error) ? g_steal_pointer (&path) : NULL;
}

/* The labels' file as the sidecar names it: it lies beside the model. */
static gboolean
write_sidecar (const ZooEntry *e, const char *model, const char *labels, GError **error)
{
  const struct { const char *key, *value; } facts[] = {
    { "task", e->task }, { "input", e->input }, { "color", e->color }, { "mean", e->mean }, { "std", e->std },
    { "resize", e->resize }, { "labels", labels },
  };
  g_autofree char *path = zoo_sidecar_path (model);
  g_autoptr (GKeyFile) ini = g_key_file_new ();
  GError *why = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (facts); i++)
    if (facts[i].value)
      g_key_file_set_string (ini, "model", facts[i].key, facts[i].value);
  if (g_key_file_save_to_file (ini, path, &why))
    return TRUE;
  g_set_error (error, ZOO_ERROR, ZOO_ERROR_FILE, "%s: %s", e->name, why->message);
  g_error_free (why);
  return FALSE;
}

/* --- data sets -------------------------------------------------------- */

/* Every part is fetched and unpacked into a folder beside the final one, which then takes its name. */
static gboolean
fill_folder (const ZooManifest *m, const ZooEntry *e, const char *folder, ZooProgress progress, void *user, GError **error)
{
  for (guint i = 0; e->parts[i]; i++) {
    const ZooEntry *part = zoo_manifest_need (m, e->parts[i], error);
    g_autofree char *archive = part ? pull_file (part, progress, user, error) : NULL;
    if (!archive || !zoo_unpack (archive, folder, error))
      return FALSE;
  }
  for (guint i = 0; e->parts[i]; i++) {
    g_autofree char *archive = NULL;
    zoo_entry_where (zoo_manifest_get (m, e->parts[i]), &archive);
    g_unlink (archive);
  }
  return TRUE;
}

/* The sums are there before the folder has its name. */
static gboolean
write_sums (const ZooEntry *e, const char *folder, const char *final, GError **error)
{
  g_autofree char *list = zoo_sums_path (final);
  GError *why = NULL;
  if (zoo_sums_write (folder, list, &why))
    return TRUE;
  g_set_error (error, ZOO_ERROR, ZOO_ERROR_FILE, "%s: %s", e->name, why->message);
  g_error_free (why);
  return FALSE;
}

static char *
pull_dataset (const ZooManifest *m, const ZooEntry *e, ZooProgress progress, void *user, GError **error)
{
  g_autofree char *cache = convoy_zoo_cache_dir (), *final = g_build_filename (cache, e->file, NULL);
  g_autofree char *path = NULL, *folder = g_strdup_printf ("%s.%d.part", final, (int) getpid ());

  if (zoo_entry_where (e, &path) != ZOO_AVAILABLE)
    return g_steal_pointer (&path);
  if (g_mkdir_with_parents (folder, 0777) != 0) {
    g_set_error (error, ZOO_ERROR, ZOO_ERROR_FILE, "%s: %s: %s", e->name, folder, g_strerror (errno));
    return NULL;
  }
  gboolean ok = fill_folder (m, e, folder, progress, user, error) && write_sums (e, folder, final, error);
  if (ok && g_rename (folder, final) != 0 && zoo_entry_where (e, NULL) == ZOO_AVAILABLE) {
    g_set_error (error, ZOO_ERROR, ZOO_ERROR_FILE, "%s: %s: %s", e->name, final, g_strerror (errno));
    ok = FALSE;
  }
  zoo_remove_folder (folder);
  if (ok && zoo_entry_where (e, NULL) == ZOO_AVAILABLE) {
    g_set_error (error, ZOO_ERROR, ZOO_ERROR_MANIFEST, "%s: its archives do not hold %s", e->name, e->inside);
    ok = FALSE;
  }
  return ok ? g_steal_pointer (&path) : NULL;
}

char *
zoo_pull (const ZooManifest *m, const ZooEntry *e, ZooProgress progress, void *user, GError **missing, GError **error)
{
  const ZooEntry *list = e->labels ? zoo_manifest_get (m, e->labels) : NULL;
  g_autofree char *path = zoo_entry_is_dataset (e) ? pull_dataset (m, e, progress, user, error) : pull_file (e, progress, user, error);
  g_autofree char *labels = NULL;
  GError *why = NULL;

  if (!path || !zoo_entry_is_model (e) || zoo_entry_where (e, NULL) == ZOO_BUNDLED)
    return g_steal_pointer (&path);
  if (e->labels && !list)
    why = g_error_new (ZOO_ERROR, ZOO_ERROR_MANIFEST, "%s: its labels %s are not in the manifest", e->name, e->labels);
  else if (list)
    labels = pull_file (list, progress, user, &why);
  if (why && (why->code == ZOO_ERROR_CANCELLED || !missing)) {
    g_propagate_error (error, why);
    return NULL;
  }
  if (why)
    g_propagate_error (missing, why);
  return write_sidecar (e, path, labels ? list->file : NULL, error) ? g_steal_pointer (&path) : NULL;
}

/* --- remove ----------------------------------------------------------- */

static gboolean
remove_file (const char *path, const char *ending, GError **error)
{
  g_autofree char *file = g_strconcat (path, ending, NULL);
  if (g_unlink (file) == 0 || errno == ENOENT)
    return TRUE;
  g_set_error (error, ZOO_ERROR, ZOO_ERROR_FILE, "%s: %s", file, g_strerror (errno));
  return FALSE;
}

static gboolean
remove_entry (const ZooEntry *e, GError **error)
{
  static const char *const endings[] = { "", ".part", ".lock" };
  g_autofree char *cache = convoy_zoo_cache_dir ();
  g_autofree char *path = g_build_filename (cache, e->file, NULL);
  g_autofree char *sidecar = zoo_sidecar_path (path);

  if (zoo_entry_is_dataset (e)) {
    zoo_remove_folder (path);
    return remove_file (path, ".sha256", error);
  }
  for (guint i = 0; i < G_N_ELEMENTS (endings); i++)
    if (!remove_file (path, endings[i], error))
      return FALSE;
  return !zoo_entry_is_model (e) || remove_file (sidecar, "", error);
}

gboolean
zoo_remove (const ZooManifest *m, const ZooEntry *e, GError **error)
{
  const ZooEntry *list = e->labels ? zoo_manifest_get (m, e->labels) : NULL;
  gboolean used = FALSE;

  if (!remove_entry (e, error))
    return FALSE;
  for (guint i = 0; list && i < zoo_manifest_len (m); i++) {
    const ZooEntry *other = zoo_manifest_at (m, i);
    used |= !g_strcmp0 (other->labels, e->labels) && zoo_entry_where (other, NULL) == ZOO_CACHED;
  }
  return !list || used || remove_entry (list, error);
}
