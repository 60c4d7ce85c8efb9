/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * net-fit.c - a network's text for samples of a certain shape: its variables say what the data is like. */
#include "core/convoy.h"
#include <string.h>

static gboolean
has_variable (const char *text, const char *name)
{
  g_autofree char *pattern = g_strdup_printf ("^[ \t]*%s[ \t]*=", name);
  return g_regex_match_simple (pattern, text, G_REGEX_MULTILINE, 0);
}

static void
set_variable (GPtrArray *vars, const char *text, const char *name, char *value)
{
  for (guint i = 0; i < vars->len; i += 2)
    if (strcmp (vars->pdata[i], name) == 0)
      text = ""; /* was given */
  if (has_variable (text, name)) {
    g_ptr_array_add (vars, g_strdup (name));
    g_ptr_array_add (vars, value);
  } else {
    g_free (value);
  }
}

/* "3x32x32" */
static char *
sample_text (const ConvoyShape *input)
{
  g_autofree char *whole = convoy_shape_str (input);
  const char *x = strchr (whole, 'x');
  return g_strdup (x ? x + 1 : whole);
}

/* Those given, then what the samples say of those that the file has. */
static gboolean
collect (GPtrArray *vars, const char *const *words, const char *text, const ConvoyShape *input, guint n_classes, GError **error)
{
  for (; *words; words++) {
    char *equals = strchr (*words, '=');
    if (**words && (!equals || equals == *words)) {
      g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "network: \"%s\" is no VARIABLE=VALUE", *words);
      return FALSE;
    }
    if (**words) {
      g_ptr_array_add (vars, g_strndup (*words, (gsize) (equals - *words)));
      g_ptr_array_add (vars, g_strdup (equals + 1));
    }
  }
  if (n_classes)
    set_variable (vars, text, "classes", g_strdup_printf ("%u", n_classes));
  const char *sizes[] = { "length", "columns" };
  for (guint i = 0; input->n == 2 && i < G_N_ELEMENTS (sizes); i++)
    set_variable (vars, text, sizes[i], g_strdup_printf ("%" G_GINT64_FORMAT, input->d[1]));
  if (input->n > 2)
    set_variable (vars, text, "input", sample_text (input));
  g_ptr_array_add (vars, NULL);
  return TRUE;
}

ConvoyGraph *
convoy_net_load_for (const char *path, const char *const *words, const ConvoyShape *input, guint n_classes, guint64 seed,
    GError **error)
{
  g_autofree char *text = NULL;
  g_autoptr (GPtrArray) vars = g_ptr_array_new_with_free_func (g_free);
  if (!g_file_get_contents (path, &text, NULL, error) || !collect (vars, words, text, input, n_classes, error))
    return NULL;
  return convoy_net_parse (text, path, NULL, (const char *const *) vars->pdata, seed, error);
}
