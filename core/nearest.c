/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * nearest.c - for messages about a word that is not known: which ones may have been meant. */
#include "core/convoy.h"
#include <stdlib.h>
#include <string.h>

/* Letters to change, put in or take out, whatever the case (V. I. Levenshtein, 1966); when a is the
 * beginning of b, what is missing counts a third. */
static guint
distance (const char *a, const char *b)
{
  gsize n = strlen (b);
  g_autofree guint *row = g_new (guint, n + 1);
  for (gsize j = 0; j <= n; j++)
    row[j] = (guint) j;
  for (gsize i = 0; a[i]; i++) {
    guint corner = row[0]++;
    for (gsize j = 0; j < n; j++) {
      guint change = corner + (g_ascii_tolower (a[i]) != g_ascii_tolower (b[j]));
      corner = row[j + 1];
      row[j + 1] = MIN (change, MIN (corner, row[j]) + 1);
    }
  }
  return g_str_has_prefix (b, a) ? row[n] / 3 : row[n];
}

typedef struct { const char *name; guint far, at; } Near;

static int
by_distance (gconstpointer a, gconstpointer b)
{
  const Near *x = a, *y = b;
  return x->far != y->far ? (x->far < y->far ? -1 : 1) : (x->at < y->at ? -1 : 1);
}

char *
convoy_nearest (const char *word, const char *const *names, guint n, guint most)
{
  g_autofree Near *near = g_new (Near, n + 1);
  GString *list = g_string_new (NULL);
  for (guint i = 0; i < n; i++)
    near[i] = (Near) { names[i], distance (word, names[i]), i };
  qsort (near, n, sizeof *near, by_distance);
  for (guint i = 0; i < MIN (n, most); i++)
    g_string_append_printf (list, "%s%s", i ? ", " : "", near[i].name);
  return g_string_free (list, FALSE);
}
