/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * stream-start.c - GStreamer for a command: with all plugins that there are, or only with those that the pipelines
 * of stream.c are made of, which are loaded by their files then: reading what all others have takes longer than
 * classifying a text. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "core/convoy.h"
#include "pipelines/stream.h"

static const char *const needed[] = { "app", "convoy", "coreelements" };
#define N_NEEDED G_N_ELEMENTS (needed)

gboolean
stream_init (GError **error)
{
  gboolean set = g_getenv ("GST_REGISTRY_UPDATE") != NULL;
  GstElementFactory *ours;

  if (!set)
    g_setenv ("GST_REGISTRY_UPDATE", "no", TRUE);
  gst_registry_fork_set_enabled (FALSE);
  if (!gst_init_check (NULL, NULL, error))
    return FALSE;
  if (!set)
    g_unsetenv ("GST_REGISTRY_UPDATE");
  ours = gst_element_factory_find ("cnnclassify");
  if (!ours && gst_update_registry ())
    ours = gst_element_factory_find ("cnnclassify");
  if (ours) {
    gst_object_unref (ours);
    return TRUE;
  }
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED,
      "GStreamer does not find the plugin convoy; is GST_PLUGIN_PATH right? (`gst-inspect-1.0 convoy`)");
  return FALSE;
}

/* Where GStreamer looks for plugins, first that which is looked at first. */
static char **
plugin_folders (void)
{
  const char *own = g_getenv ("GST_PLUGIN_PATH_1_0"), *system = g_getenv ("GST_PLUGIN_SYSTEM_PATH_1_0");
  own = own ? own : g_getenv ("GST_PLUGIN_PATH");
  system = system ? system : g_getenv ("GST_PLUGIN_SYSTEM_PATH");
  g_autofree char *all = g_strconcat (own ? own : "", G_SEARCHPATH_SEPARATOR_S,
      system ? system : PLUGIN_FOLDER G_SEARCHPATH_SEPARATOR_S GST_PLUGIN_FOLDER, NULL);
  return g_strsplit (all, G_SEARCHPATH_SEPARATOR_S, -1);
}

/* The file of a plugin; NULL: it is in none of the folders. */
static char *
find_plugin (char **folders, const char *name)
{
  g_autofree char *file = g_strdup_printf ("libgst%s.so", name);
  for (guint i = 0; folders[i]; i++) {
    g_autofree char *path = *folders[i] ? g_build_filename (folders[i], file, NULL) : NULL;
    if (path && g_file_test (path, G_FILE_TEST_IS_REGULAR))
      return g_steal_pointer (&path);
  }
  return NULL;
}

gboolean
stream_init_few (GError **error)
{
  g_auto (GStrv) folders = plugin_folders (), files = g_new0 (char *, N_NEEDED + 1);

  for (guint i = 0; i < N_NEEDED; i++)
    if (!(files[i] = find_plugin (folders, needed[i])))
      return stream_init (error);
  g_setenv ("GST_REGISTRY_DISABLE", "yes", TRUE);
  gboolean ok = gst_init_check (NULL, NULL, error);
  g_unsetenv ("GST_REGISTRY_DISABLE");
  for (guint i = 0; ok && i < N_NEEDED; i++) {
    GstPlugin *plugin = gst_plugin_load_file (files[i], error);
    ok = plugin != NULL;
    g_clear_pointer (&plugin, gst_object_unref);
  }
  return ok;
}
