/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * recipe-expand.c - see recipe.h: from the text of a recipe to the words of a pipeline. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "pipelines/command.h"
#include "pipelines/recipe.h"
#include "core/convoy.h"
#include "zoo/zoo.h"
#include <stdio.h>
#include <string.h>

typedef struct {
  const Recipe *r;
  gboolean pull;
} Expansion;

/* --- functions -------------------------------------------------------- */

/* A model or data set of the zoo, pulled when it is not here, or a path. A model is known to
 * elements by its name, a data set by its folder. */
static char *
zoo (const Expansion *x, const char *name, GError **error)
{
  gboolean is_default = FALSE;
  GError *why = NULL;
  g_autofree char *path = g_file_test (name, G_FILE_TEST_IS_DIR) ? g_strdup (name) : convoy_zoo_find (name, &why);

  if (path)
    return g_strdup (g_file_test (path, G_FILE_TEST_IS_DIR) ? path : name);
  gboolean is_known = g_error_matches (why, ZOO_ERROR, ZOO_ERROR_NOT_PULLED);
  if (!is_known || !x->pull) {
    if (is_known)
      fprintf (stderr, "convoy: %s\n", why->message);
    else
      g_propagate_error (error, g_steal_pointer (&why));
    g_clear_error (&why);
    return is_known ? g_strdup (name) : NULL;
  }
  g_error_free (why);
  for (guint i = 0; i < x->r->keys->len; i++) {
    const RecipeKey *k = g_ptr_array_index (x->r->keys, i);
    is_default |= !k->value && !g_strcmp0 (k->fallback, name);
  }
  g_autofree char *found = command_zoo_name (name, is_default, error);
  path = found ? convoy_zoo_find (found, error) : NULL;
  return !path ? NULL : g_strdup (g_file_test (path, G_FILE_TEST_IS_DIR) ? path : found);
}

/* What writes a picture file, by its ending. */
static char *
encoder (const Expansion *x, const char *file, GError **error)
{
  static const struct { const char *ending, *element; } rows[] = {
    { ".png", "pngenc" }, { ".jpg", "jpegenc quality=92" }, { ".jpeg", "jpegenc quality=92" },
  };
  g_autofree char *lower = g_ascii_strdown (file, -1);
  (void) x;

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    if (g_str_has_suffix (lower, rows[i].ending))
      return g_strdup (rows[i].element);
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: a picture is a file .png or .jpg", file);
  return NULL;
}

/* A file's name where a row of them may be meant: % has no meaning in it. */
static char *
literal (const Expansion *x, const char *file, GError **error)
{
  GString *s = g_string_new (file);
  (void) x, (void) error;
  g_string_replace (s, "%", "%%", 0);
  return g_string_free (s, FALSE);
}

/* A source of live frames: the device, or a moving test picture where there is none. */
static char *
camera (const Expansion *x, const char *device, GError **error)
{
  (void) x, (void) error;
  if (g_file_test (device, G_FILE_TEST_EXISTS))
    return g_strdup_printf ("v4l2src device=%s", device);
  return g_strdup ("videotestsrc is-live=true pattern=ball");
}

static const struct {
  const char *name;
  char *(*run) (const Expansion *x, const char *text, GError **error);
} functions[] = { { "zoo", zoo }, { "encoder", encoder }, { "literal", literal }, { "camera", camera } };

/* --- text ------------------------------------------------------------- */

/* The brace that closes what begins at s, after "${"; NULL: none. */
static const char *
closing (const char *s)
{
  for (guint depth = 1; *s; s++) {
    if (s[0] == '$' && s[1] == '{')
      depth++;
    else if (*s == '}' && --depth == 0)
      return s;
  }
  return NULL;
}

static char *expand (const Expansion *x, const char *text, GError **error);

/* Of "key" or "function:text". */
static char *
value_of (const Expansion *x, const char *inner, GError **error)
{
  const char *colon = strchr (inner, ':'), *value = colon ? NULL : recipe_get (x->r, inner);

  if (value)
    return g_strdup (value);
  for (guint i = 0; colon && i < G_N_ELEMENTS (functions); i++)
    if (strlen (functions[i].name) == (gsize) (colon - inner) && g_str_has_prefix (inner, functions[i].name)) {
      g_autofree char *text = expand (x, colon + 1, error);
      return !text || !*text ? g_steal_pointer (&text) : functions[i].run (x, text, error);
    }
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "recipe %s: ${%s} is neither a key nor a function of it", x->r->name, inner);
  return NULL;
}

static char *
expand (const Expansion *x, const char *text, GError **error)
{
  g_autoptr (GString) out = g_string_new (NULL);
  const char *at;

  while ((at = strstr (text, "${"))) {
    const char *end = closing (at + 2);
    if (!end) {
      g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "recipe %s: no } closes %s", x->r->name, at);
      return NULL;
    }
    g_autofree char *inner = g_strndup (at + 2, (gsize) (end - at) - 2);
    g_autofree char *value = value_of (x, inner, error);
    if (!value)
      return NULL;
    g_string_append_len (out, text, at - text);
    g_string_append (out, value);
    text = end + 1;
  }
  g_string_append (out, text);
  return g_string_free (g_steal_pointer (&out), FALSE);
}

/* --- words ------------------------------------------------------------ */

/* A value that the parser of pipelines would take apart goes in quotes, which it takes away. */
static char *
protect (const char *word)
{
  const char *equals = strchr (word, '=');

  if (!equals || !equals[strcspn (equals, " \t\n\"'\\!;")])
    return g_strdup (word);
  GString *s = g_string_new_len (word, equals + 1 - word);
  g_string_append_c (s, '"');
  for (const char *c = equals + 1; *c; c++) {
    if (*c == '"' || *c == '\\')
      g_string_append_c (s, '\\');
    g_string_append_c (s, *c);
  }
  g_string_append_c (s, '"');
  return g_string_free (s, FALSE);
}

/* ${...} and nothing else. */
static gboolean
stands_alone (const char *word)
{
  const char *end = g_str_has_prefix (word, "${") ? closing (word + 2) : NULL;
  return end && !end[1];
}

static gboolean
add_word (const Expansion *x, GPtrArray *words, const char *word, GError **error)
{
  g_autofree char *text = expand (x, word, error);
  const char *equals = text ? strchr (text, '=') : NULL;
  g_auto (GStrv) several = NULL;
  GError *e = NULL;

  if (!text)
    return FALSE;
  if (!strstr (word, "${")) {
    g_ptr_array_add (words, protect (text));
  } else if (!stands_alone (word)) {
    if (!equals || equals[1])
      g_ptr_array_add (words, protect (text));
  } else if (g_shell_parse_argv (text, NULL, &several, &e)) {
    for (guint i = 0; several[i]; i++)
      g_ptr_array_add (words, protect (several[i]));
  } else if (!g_error_matches (e, G_SHELL_ERROR, G_SHELL_ERROR_EMPTY_STRING)) {
    g_propagate_prefixed_error (error, e, "recipe %s: %s: ", x->r->name, text);
    return FALSE;
  }
  g_clear_error (&e);
  return TRUE;
}

char **
recipe_words (const Recipe *r, gboolean pull, GError **error)
{
  const Expansion x = { r, pull };
  g_auto (GStrv) raw = NULL;
  g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);

  if (!g_shell_parse_argv (r->text, NULL, &raw, error)) {
    g_prefix_error (error, "recipe %s: ", r->name);
    return NULL;
  }
  for (guint i = 0; raw[i]; i++)
    if (!add_word (&x, words, raw[i], error))
      return NULL;
  g_ptr_array_add (words, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&words), FALSE);
}

char *
recipe_line (char **words)
{
  static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
  GString *line = g_string_new ("gst-launch-1.0 -e");

  for (guint i = 0; words[i]; i++) {
    gboolean is_plain = *words[i] && (!words[i][strspn (words[i], plain)] || !strcmp (words[i], "!"));
    g_autofree char *quoted = is_plain ? g_strdup (words[i]) : g_shell_quote (words[i]);
    g_string_append_printf (line, " %s", quoted);
  }
  return g_string_free (line, FALSE);
}
