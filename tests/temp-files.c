/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * temp-files.c - see temp-files.h. */
#include "tests/temp-files.h"
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static char *folder;
static GStringChunk *paths;

const char *
temp_path (const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL), *parent = g_path_get_dirname (path);
  if (g_mkdir_with_parents (parent, 0777) != 0)
    g_error ("cannot make %s", parent);
  return g_string_chunk_insert (paths, path);
}

const char *
temp_write (const char *name, const void *data, gssize n)
{
  const char *path = temp_path (name);
  GError *error = NULL;
  if (!g_file_set_contents (path, data, n, &error))
    g_error ("%s", error->message);
  return path;
}

void
temp_check_error (GError *error, const char *what, const char *says)
{
  gboolean right = error && strstr (error->message, what) && strstr (error->message, says) && !strchr (error->message, '\n');
  CU_ASSERT_TRUE (right);
  if (!right)
    printf ("# wanted \"%s\" and \"%s\", got: %s\n", what, says, error ? error->message : "no error");
  g_clear_error (&error);
}

void
temp_with_full_disk (gsize bytes, void (*f) (void))
{
  struct rlimit before, full;
  fflush (stdout);
  getrlimit (RLIMIT_FSIZE, &before);
  full = (struct rlimit) { bytes, before.rlim_max };
  signal (SIGXFSZ, SIG_IGN);
  setrlimit (RLIMIT_FSIZE, &full);
  f ();
  setrlimit (RLIMIT_FSIZE, &before);
}

static void
remove_all (const char *path)
{
  g_autoptr (GDir) dir = g_file_test (path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open (path, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *child = g_build_filename (path, name, NULL);
    remove_all (child);
  }
  g_remove (path);
}

int
temp_main (const char *suite, const TapTest *tests)
{
  folder = g_dir_make_tmp ("convoy-XXXXXX", NULL);
  if (folder == NULL)
    return 99;
  paths = g_string_chunk_new (4096);
  int status = tap_main (suite, tests);
  remove_all (folder);
  g_string_chunk_free (paths);
  g_free (folder);
  return status;
}
