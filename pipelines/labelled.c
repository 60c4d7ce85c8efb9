/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * labelled.c - see labelled.h. */
#include "pipelines/labelled.h"
#include "core/convoy.h"
#include <string.h>

#define MAX_CLASSES 1000000

Labelled *
labelled_new (gboolean is_tree)
{
  Labelled *l = g_new0 (Labelled, 1);
  l->files = g_ptr_array_new_with_free_func (g_free);
  l->classes = g_array_new (FALSE, FALSE, sizeof (guint));
  l->names = g_ptr_array_new_with_free_func (g_free);
  l->is_tree = is_tree;
  return l;
}

void
labelled_free (Labelled *l)
{
  if (!l)
    return;
  g_ptr_array_unref (l->files);
  g_array_unref (l->classes);
  g_ptr_array_unref (l->names);
  g_clear_pointer (&l->lines, g_hash_table_unref);
  g_free (l);
}

void
labelled_add (Labelled *l, char *file, guint class)
{
  g_ptr_array_add (l->files, file);
  g_array_append_val (l->classes, class);
}

/* --- a folder a class ------------------------------------------------- */

static int
by_name (const void *a, const void *b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* What is in a folder, but for what is hidden, sorted; NULL: it cannot be read. */
static GPtrArray *
list_folder (const char *path, GError **error)
{
  GDir *dir = g_dir_open (path, 0, error);
  const char *name;

  if (!dir)
    return NULL;
  GPtrArray *list = g_ptr_array_new_with_free_func (g_free);
  while ((name = g_dir_read_name (dir)))
    if (*name != '.')
      g_ptr_array_add (list, g_strdup (name));
  g_dir_close (dir);
  g_ptr_array_sort (list, by_name);
  return list;
}

static gboolean
add_class (Labelled *l, const char *path, const char *name, GError **error)
{
  g_autofree char *folder = g_build_filename (path, name, NULL);
  g_autoptr (GPtrArray) files = NULL;

  if (!g_file_test (folder, G_FILE_TEST_IS_DIR))
    return TRUE;
  if (!(files = list_folder (folder, error)))
    return FALSE;
  for (guint i = 0; i < files->len; i++)
    labelled_add (l, g_build_filename (folder, g_ptr_array_index (files, i), NULL), l->names->len);
  g_ptr_array_add (l->names, g_filename_display_name (name));
  return TRUE;
}

static Labelled *
load_tree (const char *path, GError **error)
{
  g_autoptr (GPtrArray) list = list_folder (path, error);
  g_autoptr (Labelled) l = labelled_new (TRUE);

  for (guint i = 0; list && i < list->len; i++)
    if (!add_class (l, path, g_ptr_array_index (list, i), error))
      return NULL;
  return list ? g_steal_pointer (&l) : NULL;
}

/* --- a table ---------------------------------------------------------- */

static gboolean
add_line (Labelled *l, const char *folder, char **field)
{
  guint64 class;

  if (g_strv_length (field) < 2 || !g_ascii_string_to_unsigned (field[1], 10, 0, MAX_CLASSES, &class, NULL))
    return FALSE;
  if (l->names->len <= class)
    g_ptr_array_set_size (l->names, (int) class + 1);
  if (!g_ptr_array_index (l->names, class) && field[2])
    g_ptr_array_index (l->names, class) = g_strjoinv (", ", field + 2);
  labelled_add (l, g_path_is_absolute (field[0]) ? g_strdup (field[0]) : g_build_filename (folder, field[0], NULL), (guint) class);
  return TRUE;
}

static Labelled *
load_table (const char *path, GError **error)
{
  g_autofree char *text = NULL, *folder = g_path_get_dirname (path);
  g_autoptr (Labelled) l = labelled_new (FALSE);

  if (!g_file_get_contents (path, &text, NULL, error))
    return NULL;
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i]; i++) {
    g_auto (GStrv) field = g_strsplit (g_strchomp (lines[i]), "\t", -1);
    if (!field[0] || add_line (l, folder, field) || (i == 0 && field[1]))       /* the first may say what the columns are */
      continue;
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s:%u: not a file, a tab and the number of a class", path, i + 1);
    return NULL;
  }
  return g_steal_pointer (&l);
}

Labelled *
labelled_load (const char *path, GError **error)
{
  Labelled *l = g_file_test (path, G_FILE_TEST_IS_DIR) ? load_tree (path, error) : load_table (path, error);

  if (!l || l->files->len > 0)
    return l;
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: %s", path,
      l->is_tree ? "no folders with pictures in it, one a class" : "no pictures in it");
  labelled_free (l);
  return NULL;
}

/* --- classes and labels ----------------------------------------------- */

/* A synset, n and eight digits, with a name after it. */
static gboolean
has_synset (const char *s)
{
  return s[0] == 'n' && strspn (s + 1, "0123456789") == 8 && (s[9] == ' ' || !s[9]);
}

/* "n02127052 lynx, catamount" -> "n02127052", "lynx", "catamount"; as names are compared. */
static char **
alternatives (const char *text)
{
  g_autofree char *lower = g_utf8_strdown (text, -1);

  g_strdelimit (lower, "_", ' ');
  if (has_synset (lower) && lower[9])
    lower[9] = ',';
  char **list = g_strsplit (lower, ",", -1);
  for (guint i = 0; list[i]; i++)
    g_strstrip (list[i]);
  return list;
}

/* char * to GArray of guint: which labels have that name. */
static GHashTable *
index_labels (const char *const *labels)
{
  GHashTable *table = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_array_unref);

  for (guint i = 0; labels[i]; i++) {
    g_auto (GStrv) names = alternatives (labels[i]);
    for (guint k = 0; names[k]; k++) {
      GArray *known = g_hash_table_lookup (table, names[k]);
      if (!known) {
        known = g_array_new (FALSE, FALSE, sizeof (guint));
        g_hash_table_insert (table, g_strdup (names[k]), known);
      }
      g_array_append_val (known, i);
    }
  }
  return table;
}

/* The labels that some name of a class has; NULL: none. Borrowed. */
static const GArray *
labels_of (GHashTable *table, const char *name)
{
  g_auto (GStrv) names = alternatives (name ? name : "");
  const GArray *found = NULL;
  for (guint k = 0; names[k] && !found; k++)
    found = *names[k] ? g_hash_table_lookup (table, names[k]) : NULL;
  return found;
}

/* The difference between label and class that most classes agree on; FALSE: less than half do. */
static gboolean
vote (const Labelled *l, GHashTable *table, int *offset)
{
  g_autoptr (GHashTable) votes = g_hash_table_new (NULL, NULL);
  guint named = 0, best = 0;

  for (guint c = 0; c < l->names->len; c++) {
    const char *name = g_ptr_array_index (l->names, c);
    const GArray *labels = labels_of (table, name);
    named += name != NULL;
    for (guint i = 0; labels && i < labels->len; i++) {
      int difference = (int) g_array_index (labels, guint, i) - (int) c;
      guint n = GPOINTER_TO_UINT (g_hash_table_lookup (votes, GINT_TO_POINTER (difference))) + 1;
      g_hash_table_insert (votes, GINT_TO_POINTER (difference), GUINT_TO_POINTER (n));
      if (n > best) {
        best = n;
        *offset = difference;
      }
    }
  }
  return named > 0 && best * 2 >= named;
}

static GArray *
match_names (const Labelled *l, const char *const *labels, GHashTable *table, GError **error)
{
  g_autoptr (GArray) map = g_array_new (FALSE, FALSE, sizeof (guint));

  for (guint c = 0; c < l->names->len; c++) {
    const char *name = g_ptr_array_index (l->names, c);
    const GArray *similar = labels_of (table, name);
    guint v = 0;
    while (labels[v] && g_strcmp0 (labels[v], name))
      v++;
    if (!labels[v] && !similar) {
      g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "the model has no label %s", name);
      return NULL;
    }
    if (!labels[v])
      v = g_array_index (similar, guint, 0);
    g_array_append_val (map, v);
  }
  return g_steal_pointer (&map);
}

static GArray *
match_numbers (const Labelled *l, guint n_labels, int offset, GError **error)
{
  g_autoptr (GArray) map = g_array_new (FALSE, FALSE, sizeof (guint));

  for (guint c = 0; c < l->names->len; c++) {
    gint64 label = (gint64) c + offset;
    if (label < 0 || label >= n_labels) {
      g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "class %u has no label: the model has %u, and %d is added", c, n_labels, offset);
      return NULL;
    }
    guint v = (guint) label;
    g_array_append_val (map, v);
  }
  return g_steal_pointer (&map);
}

GArray *
labelled_match (const Labelled *l, const char *const *labels, const int *offset, GError **error)
{
  guint n = g_strv_length ((char **) labels);
  g_autoptr (GHashTable) table = index_labels (labels);
  int found = 0;

  if (offset)
    return match_numbers (l, n, *offset, error);
  if (l->is_tree)
    return match_names (l, labels, table, error);
  if (vote (l, table, &found) || l->names->len == n)
    return match_numbers (l, n, found, error);
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID,
      "%u classes, but the model has %u labels, and the names do not tell which is which: say with --offset", l->names->len, n);
  return NULL;
}
