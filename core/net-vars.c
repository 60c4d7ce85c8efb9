/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * net-vars.c - the variables of a network's text, and messages about names that are none. */
#include "core/net-run.h"
#include <string.h>

gboolean
convoy_net_refuse (const ConvoyNet *net, guint line, GError **error, const char *format, ...)
{
  va_list ap;
  va_start (ap, format);
  g_autofree char *text = g_strdup_vprintf (format, ap), *place = convoy_net_place (net->where, line);
  va_end (ap);
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s%s", place, text);
  return FALSE;
}

char *
convoy_net_nearest_key (const char *word, GHashTable *const *tables, guint n)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  for (guint i = 0; i < n; i++) {
    GHashTableIter it;
    gpointer key;
    g_hash_table_iter_init (&it, tables[i]);
    while (g_hash_table_iter_next (&it, &key, NULL))
      g_ptr_array_add (names, key);
  }
  return names->len ? convoy_nearest (word, (const char *const *) names->pdata, names->len, 1) : NULL;
}

typedef struct { ConvoyNet *net; const ConvoyNetScope *scope; char *channels; } Lookup;

/* ${channels} is what the last layer gave, unless the text calls something else so. */
static const char *
lookup (gpointer user, const char *name, GError **error)
{
  Lookup *u = user;
  for (const ConvoyNetScope *s = u->scope; s; s = s->up) {
    const char *v = g_hash_table_lookup (s->vars, name);
    if (v)
      return v;
  }
  const char *v = g_hash_table_lookup (u->net->given, name);
  if (v) {
    g_hash_table_add (u->net->used, g_strdup (name));
    return v;
  }
  if (g_str_equal (name, "channels") && u->net->started) {
    g_free (u->channels);
    return u->channels = g_strdup_printf ("%" G_GINT64_FORMAT, convoy_net_channels (convoy_graph_shape (u->net->graph, u->net->now.v), u->net->now.last));
  }
  GHashTable *tables[] = { u->scope->vars, u->net->top.vars, u->net->given };
  g_autofree char *nearest = convoy_net_nearest_key (name, tables, G_N_ELEMENTS (tables));
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, nearest ? "no variable is called %s, the nearest is %s" : "no variable is called %s", name, nearest);
  return NULL;
}

char *
convoy_net_replace (ConvoyNet *net, const ConvoyNetScope *scope, const char *text, guint line, GError **error)
{
  Lookup u = { net, scope, NULL };
  GError *local = NULL;
  char *out = convoy_net_expand (text, lookup, &u, &local);
  if (out == NULL)
    convoy_net_refuse (net, line, error, "%s", local->message);
  g_clear_error (&local);
  g_free (u.channels);
  return out;
}

GHashTable *
convoy_net_strings (void)
{
  return g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
}

gboolean
convoy_net_set (ConvoyNet *net, const ConvoyNetItem *it, const ConvoyNetFrame *f, GError **error)
{
  const char *given = f->depth ? NULL : g_hash_table_lookup (net->given, it->word);
  if (it->word[strspn (it->word, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "_")] || g_ascii_isdigit (*it->word))
    return convoy_net_refuse (net, it->line, error, "%s is no name for a variable", it->word);
  char *v = given ? g_strdup (given) : convoy_net_replace (net, f->scope, g_array_index (it->args, ConvoyNetArg, 0).value, it->line, error);
  if (v == NULL)
    return FALSE;
  if (given)
    g_hash_table_add (net->used, g_strdup (it->word));
  g_hash_table_replace (f->scope->vars, g_strdup (it->word), v);
  return TRUE;
}
