/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * add.c - see add.h. */
#include "zoo/add.h"
#include "core/convoy.h"
#include <glib/gstdio.h>
#include <errno.h>
#include <string.h>

#define ENDING ".onnx"

/* Whole or not at all. */
static gboolean
copy (const char *from, const char *to, GError **error)
{
  GMappedFile *map = g_mapped_file_new (from, FALSE, error);
  gboolean ok = map && convoy_file_save (to, g_mapped_file_get_contents (map), g_mapped_file_get_length (map), error);
  g_clear_pointer (&map, g_mapped_file_unref);
  return ok;
}

/* The sidecar, with its labels as NAME.txt, so that they meet no other model's. */
static gboolean
copy_sidecar (const char *file, const char *path, GError **error)
{
  g_autofree char *from = zoo_sidecar_path (file), *to = zoo_sidecar_path (path);
  g_autoptr (GKeyFile) ini = g_key_file_new ();
  GError *e = NULL;

  if (!g_file_test (from, G_FILE_TEST_EXISTS))
    return TRUE;
  g_key_file_load_from_file (ini, from, G_KEY_FILE_KEEP_COMMENTS, &e);
  g_autofree char *labels = e ? NULL : g_key_file_get_string (ini, "model", "labels", NULL);
  if (labels) {
    g_autofree char *folder = g_path_get_dirname (from), *list = g_build_filename (folder, labels, NULL);
    g_autofree char *stem = g_strndup (to, strlen (to) - strlen (".ini")), *mine = g_strconcat (stem, ".txt", NULL);
    g_autofree char *name = g_path_get_basename (mine);
    if (!copy (*labels == '/' ? labels : list, mine, error))
      return FALSE;
    g_key_file_set_string (ini, "model", "labels", name);
  }
  if (!e)
    g_key_file_save_to_file (ini, to, &e);
  if (!e)
    return TRUE;
  g_set_error (error, ZOO_ERROR, ZOO_ERROR_FILE, "%s: %s", from, e->message);
  g_error_free (e);
  return FALSE;
}

char *
zoo_add (const char *file, const char *name, GError **error)
{
  g_autofree char *base = g_path_get_basename (file);
  g_autoptr (ZooManifest) m = zoo_manifest_load (error);
  g_autofree char *cache = convoy_zoo_cache_dir ();

  if (!m)
    return NULL;
  if (g_str_has_suffix (base, ENDING))
    base[strlen (base) - strlen (ENDING)] = 0;
  if (!name)
    name = base;
  if (!*name || *name == '.' || strchr (name, '/') || zoo_manifest_get (m, name)) {
    g_set_error (error, ZOO_ERROR, ZOO_ERROR_UNKNOWN, "%s: %s", name, zoo_manifest_get (m, name) ? "the zoo has a model of that name" : "cannot be a name");
    return NULL;
  }
  if (g_mkdir_with_parents (cache, 0777) != 0) {
    g_set_error (error, ZOO_ERROR, ZOO_ERROR_FILE, "%s: %s", cache, g_strerror (errno));
    return NULL;
  }
  g_autofree char *target = g_strconcat (name, ENDING, NULL), *path = g_build_filename (cache, target, NULL);
  return copy_sidecar (file, path, error) && copy (file, path, error) ? g_steal_pointer (&path) : NULL;
}

static int
by_name (const void *a, const void *b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

GPtrArray *
zoo_added (const ZooManifest *m)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *cache = convoy_zoo_cache_dir ();
  g_autoptr (GDir) dir = g_dir_open (cache, 0, NULL);
  const char *file;

  while (dir && (file = g_dir_read_name (dir)))
    if (g_str_has_suffix (file, ENDING) && !zoo_manifest_get (m, file))
      g_ptr_array_add (names, g_strndup (file, strlen (file) - strlen (ENDING)));
  g_ptr_array_sort (names, by_name);
  return names;
}

char *
zoo_added_path (const ZooManifest *m, const char *name)
{
  g_autofree char *cache = convoy_zoo_cache_dir (), *file = g_strconcat (name, ENDING, NULL),
                  *path = g_build_filename (cache, file, NULL);
  return !strchr (name, '/') && !zoo_manifest_get (m, file) && g_file_test (path, G_FILE_TEST_IS_REGULAR) ? g_steal_pointer (&path)
                                                                                                          : NULL;
}

gboolean
zoo_added_remove (const ZooManifest *m, const char *name, GError **error)
{
  static const char *const endings[] = { ".txt", ".ini", ENDING };
  g_autofree char *cache = convoy_zoo_cache_dir ();
  for (guint i = 0; i < G_N_ELEMENTS (endings); i++) {
    g_autofree char *file = g_strconcat (name, endings[i], NULL), *path = g_build_filename (cache, file, NULL);
    if (!zoo_manifest_get (m, file) && g_unlink (path) != 0 && errno != ENOENT) {
      g_set_error (error, ZOO_ERROR, ZOO_ERROR_FILE, "%s: %s", path, g_strerror (errno));
      return FALSE;
    }
  }
  return TRUE;
}
