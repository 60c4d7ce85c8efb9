/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * recipe.c - see recipe.h: reads recipes and takes values for their keys. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "pipelines/recipe.h"
#include "core/convoy.h"
#include "zoo/zoo.h"
#include <string.h>

#define ENDING ".pipe"
#define HEAD "#:"

static void
key_free (gpointer data)
{
  RecipeKey *k = data;
  g_free (k->name);
  g_free (k->help);
  g_free (k->fallback);
  g_free (k->value);
  g_free (k);
}

void
recipe_free (Recipe *r)
{
  if (!r)
    return;
  g_ptr_array_unref (r->keys);
  g_free (r->name);
  g_free (r->about);
  g_free (r->text);
  g_free (r);
}

/* --- reading ---------------------------------------------------------- */

/* Where the default ends: at the quote that closes it, else at two spaces. */
static const char *
end_of_default (const char *s)
{
  const char *gap = strstr (s, "  ");
  if (*s == '"') {
    const char *quote = strchr (s + 1, '"');
    return quote ? quote + 1 : NULL;
  }
  return gap ? gap : s + strlen (s);
}

/* "name=default  help"; FALSE: it is malformed. */
static gboolean
parse_key (Recipe *r, const char *line)
{
  gsize n = strspn (line, "abcdefghijklmnopqrstuvwxyz0123456789-");
  const char *end = line + n;
  g_autofree char *raw = NULL;

  if (n == 0 || (*end && *end != '=' && *end != ' '))
    return FALSE;
  if (*end == '=') {
    const char *start = end + 1;
    if (!(end = end_of_default (start)))
      return FALSE;
    raw = *start == '"' ? g_strndup (start + 1, (gsize) (end - start) - 2) : g_strndup (start, (gsize) (end - start));
  }
  RecipeKey *k = g_new0 (RecipeKey, 1);
  k->name = g_strndup (line, n);
  k->fallback = g_steal_pointer (&raw);
  k->help = g_strstrip (g_strdup (end));
  g_ptr_array_add (r->keys, k);
  return TRUE;
}

static gboolean
parse_head (Recipe *r, const char *path, GError **error)
{
  g_auto (GStrv) lines = g_strsplit (r->text, "\n", -1);

  for (guint i = 0; lines[i]; i++) {
    if (!g_str_has_prefix (lines[i], HEAD))
      continue;
    const char *line = g_strstrip (lines[i] + strlen (HEAD));
    if (!r->about) {
      r->about = g_strdup (line);
    } else if (!parse_key (r, line)) {
      g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s:%u: not a key of a recipe (NAME=DEFAULT  HELP): %s", path, i + 1, line);
      return FALSE;
    }
  }
  if (!r->about)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: no recipe: no line that starts with %s", path, HEAD);
  return r->about != NULL;
}

static int
by_name (const void *a, const void *b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

GPtrArray *
recipe_names (GError **error)
{
  g_autofree char *folder = convoy_zoo_data ("pipelines", NULL);
  GDir *dir = g_dir_open (folder, 0, error);
  const char *file;

  if (!dir)
    return NULL;
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  while ((file = g_dir_read_name (dir)))
    if (g_str_has_suffix (file, ENDING) && *file != '.')
      g_ptr_array_add (names, g_strndup (file, strlen (file) - strlen (ENDING)));
  g_dir_close (dir);
  g_ptr_array_sort (names, by_name);
  return names;
}

static void
say_unknown (const char *name, GError **error)
{
  g_autoptr (GPtrArray) names = recipe_names (error);
  if (!names)
    return;
  g_autofree char *near = convoy_nearest (name, (const char *const *) names->pdata, names->len, 3);
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "no recipe called %s; nearest are %s (`convoy run --list` has all)", name, near);
}

Recipe *
recipe_load (const char *name, GError **error)
{
  g_autoptr (Recipe) r = g_new0 (Recipe, 1);
  g_autofree char *file = g_strconcat (name, ENDING, NULL);
  gboolean is_path = strchr (name, '/') || g_str_has_suffix (name, ENDING);
  g_autofree char *path = is_path ? g_strdup (name) : convoy_zoo_data ("pipelines", file);

  r->name = g_strdup (name);
  r->keys = g_ptr_array_new_with_free_func (key_free);
  if (!is_path && !g_file_test (path, G_FILE_TEST_EXISTS)) {
    say_unknown (name, error);
    return NULL;
  }
  if (!g_file_get_contents (path, &r->text, NULL, error) || !parse_head (r, path, error))
    return NULL;
  return g_steal_pointer (&r);
}

/* --- keys ------------------------------------------------------------- */

static RecipeKey *
find (const Recipe *r, const char *name, gsize n)
{
  for (guint i = 0; i < r->keys->len; i++) {
    RecipeKey *k = g_ptr_array_index (r->keys, i);
    if (!strncmp (k->name, name, n) && !k->name[n])
      return k;
  }
  return NULL;
}

gboolean
recipe_set (Recipe *r, const char *assignment, GError **error)
{
  const char *equals = strchr (assignment, '=');
  gsize n = equals ? (gsize) (equals - assignment) : strlen (assignment);
  RecipeKey *k = find (r, assignment, n);

  if (k && equals) {
    g_free (k->value);
    k->value = g_strdup (equals + 1);
    return TRUE;
  }
  if (k) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: want %s=VALUE", assignment, k->name);
    return FALSE;
  }
  g_autofree char *name = g_strndup (assignment, n);
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  for (guint i = 0; i < r->keys->len; i++)
    g_ptr_array_add (names, ((RecipeKey *) g_ptr_array_index (r->keys, i))->name);
  g_autofree char *near = convoy_nearest (name, (const char *const *) names->pdata, names->len, 3);
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s has no key %s; %s%s", r->name, name, names->len ? "nearest: " : "it has none", near);
  return FALSE;
}

const char *
recipe_get (const Recipe *r, const char *name)
{
  const RecipeKey *k = find (r, name, strlen (name));
  return !k ? NULL : k->value ? k->value : k->fallback;
}

gboolean
recipe_check (const Recipe *r, GError **error)
{
  for (guint i = 0; i < r->keys->len; i++) {
    const RecipeKey *k = g_ptr_array_index (r->keys, i);
    if (k->fallback || (k->value && *k->value))
      continue;
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s needs %s=... (%s)", r->name, k->name, k->help);
    return FALSE;
  }
  return TRUE;
}
