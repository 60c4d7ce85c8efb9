/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * sums.c - see sums.h. */
#include "core/convoy.h"
#include "zoo/sum.h"
#include "zoo/sums.h"
#include "zoo/zoo.h"
#include <string.h>

#define DIGITS 64               /* of a SHA-256 */

char *
zoo_sums_path (const char *folder)
{
  return g_strconcat (folder, ".sha256", NULL);
}

static int
by_name (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* Appends the names of all files in root/below to names. below is "" or ends with a slash. */
static gboolean
collect (const char *root, const char *below, GPtrArray *names, GError **error)
{
  g_autofree char *folder = g_build_filename (root, below, NULL);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, error);
  const char *name;
  gboolean ok = dir != NULL;

  while (ok && (name = g_dir_read_name (dir))) {
    g_autofree char *path = g_build_filename (folder, name, NULL), *own = g_strconcat (below, name, NULL);
    if (strchr (name, '\n')) {
      g_set_error (error, ZOO_ERROR, ZOO_ERROR_FILE, "%s: a name with a line break in it", folder);
      ok = FALSE;
    } else if (g_file_test (path, G_FILE_TEST_IS_DIR)) {
      g_autofree char *deeper = g_strconcat (own, "/", NULL);
      ok = collect (root, deeper, names, error);
    } else {
      g_ptr_array_add (names, g_steal_pointer (&own));
    }
  }
  return ok;
}

gboolean
zoo_sums_write (const char *folder, const char *list, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GString) text = g_string_new (NULL);
  guint64 size;

  if (!collect (folder, "", names, error))
    return FALSE;
  g_ptr_array_sort (names, by_name);
  for (guint i = 0; i < names->len; i++) {
    const char *name = g_ptr_array_index (names, i);
    g_autofree char *path = g_build_filename (folder, name, NULL), *sum = zoo_sum_file (path, G_CHECKSUM_SHA256, &size, error);
    if (!sum)
      return FALSE;
    g_string_append_printf (text, "%s  %s\n", sum, name);
  }
  return convoy_file_save (list, text->str, text->len, error);
}

static gboolean
check_line (const char *folder, const char *list, const char *line, GError **error)
{
  if (strlen (line) < DIGITS + 3 || strspn (line, "0123456789abcdef") != DIGITS) {
    g_set_error (error, ZOO_ERROR, ZOO_ERROR_FILE, "%s: \"%.80s\" is no sum and a name", list, line);
    return FALSE;
  }
  guint64 size;
  g_autofree char *path = g_build_filename (folder, line + DIGITS + 2, NULL), *sum = zoo_sum_file (path, G_CHECKSUM_SHA256, &size, error);
  if (sum && strncmp (sum, line, DIGITS) != 0)
    g_set_error (error, ZOO_ERROR, ZOO_ERROR_FILE, "%s: has checksum %s, not %.*s", path, sum, DIGITS, line);
  return sum && strncmp (sum, line, DIGITS) == 0;
}

gboolean
zoo_sums_check (const char *folder, const char *list, guint *n, GError **error)
{
  g_autofree char *text = NULL;
  if (!g_file_get_contents (list, &text, NULL, error))
    return FALSE;
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (*n = 0; lines[*n] && *lines[*n]; ++*n)
    if (!check_line (folder, list, lines[*n], error))
      return FALSE;
  return TRUE;
}
