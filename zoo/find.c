/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * find.c - see zoo.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "zoo/manifest.h"
#include <string.h>

G_DEFINE_QUARK (zoo-error-quark, zoo_error)

char *
convoy_zoo_cache_dir (void)
{
  const char *home = g_getenv ("CONVOY_HOME");
  return home && *home ? g_strdup (home) : g_build_filename (g_get_user_cache_dir (), "convoy", NULL);
}

char *
convoy_zoo_data (const char *folder, const char *file)
{
  const char *data = g_getenv ("CONVOY_DATADIR");
  return g_build_filename (data && *data ? data : CONVOY_DATADIR, folder, file, NULL);
}

/* Files that are there under a name without being in the manifest: bundled ones, and what a user
 * put into the cache. */
static char *
find_unlisted (const char *name)
{
  g_autofree char *onnx = g_strconcat (name, ".onnx", NULL);
  g_autofree char *net = g_strconcat (name, ".net", NULL);
  g_autofree char *cache = convoy_zoo_cache_dir ();
  char *places[] = {
    convoy_zoo_data ("zoo/models", onnx), convoy_zoo_data ("zoo/networks", net), g_build_filename (cache, onnx, NULL),
  };
  char *found = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (places); i++)
    if (!found && g_file_test (places[i], G_FILE_TEST_IS_REGULAR))
      found = places[i];
    else
      g_free (places[i]);
  return found;
}

static char *
find_name (const char *name, GError **error)
{
  g_autoptr (ZooManifest) m = zoo_manifest_load (error);
  const ZooEntry *e = m ? zoo_manifest_get (m, name) : NULL;
  char *path;

  if (!m)
    return NULL;
  if (e && zoo_entry_where (e, &path) != ZOO_AVAILABLE)
    return path;
  if (e && g_file_test (path, G_FILE_TEST_EXISTS))
    g_set_error (error, ZOO_ERROR, ZOO_ERROR_NOT_PULLED, "%s: %s has not the size of the original; `convoy zoo pull %s` gets it anew", name, path, name);
  else if (e)
    g_set_error (error, ZOO_ERROR, ZOO_ERROR_NOT_PULLED, "%s: not on this machine yet; `convoy zoo pull %s` gets it", name, name);
  if (e) {
    g_free (path);
    return NULL;
  }
  if (!(path = find_unlisted (name)) && (g_str_has_suffix (name, ".onnx") || g_str_has_suffix (name, ".net")))
    g_set_error (error, ZOO_ERROR, ZOO_ERROR_FILE, "%s: no such file", name);
  else if (!path)
    zoo_manifest_need (m, name, error);
  return path;
}

char *
convoy_zoo_find (const char *name_or_path, GError **error)
{
  if (!name_or_path || !*name_or_path)
    g_set_error_literal (error, ZOO_ERROR, ZOO_ERROR_UNKNOWN, "no model is named");
  else if (g_file_test (name_or_path, G_FILE_TEST_IS_DIR))
    g_set_error (error, ZOO_ERROR, ZOO_ERROR_FILE, "%s: is a folder, not a model", name_or_path);
  else if (g_file_test (name_or_path, G_FILE_TEST_EXISTS))
    return g_strdup (name_or_path);
  else if (strchr (name_or_path, '/'))
    g_set_error (error, ZOO_ERROR, ZOO_ERROR_FILE, "%s: no such file", name_or_path);
  else
    return find_name (name_or_path, error);
  return NULL;
}

char *
convoy_zoo_find_network (const char *name_or_path, GError **error)
{
  gboolean is_name = name_or_path && *name_or_path && !strchr (name_or_path, '/') && !g_file_test (name_or_path, G_FILE_TEST_EXISTS);
  g_autofree char *net = is_name ? g_strconcat (name_or_path, ".net", NULL) : NULL;
  g_autofree char *path = net ? convoy_zoo_data ("zoo/networks", net) : NULL;

  return path && g_file_test (path, G_FILE_TEST_IS_REGULAR) ? g_steal_pointer (&path) : convoy_zoo_find (name_or_path, error);
}
