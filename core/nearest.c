/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * nearest.c - see nearest.h. */
#include "core/nearest.h"
#include <string.h>

/* V. I. Levenshtein: insertions, deletions and substitutions that turn a into b. */
static guint
distance (const char *a, const char *b)
{
  gsize n = strlen (b);
  g_autofree guint *row = g_new (guint, n + 1);
  for (gsize k = 0; k <= n; k++)
    row[k] = k;
  for (gsize i = 0; a[i]; i++) {
    guint diagonal = row[0];
    row[0] = i + 1;
    for (gsize k = 0; k < n; k++) {
      guint above = row[k + 1];
      row[k + 1] = MIN (MIN (above, row[k]) + 1, diagonal + (a[i] != b[k]));
      diagonal = above;
    }
  }
  return row[n];
}

const char *
convoy_nearest (const char *word, const char *const *names, guint n)
{
  const char *best = NULL;
  guint least = G_MAXUINT;
  for (guint i = 0; i < n; i++) {
    guint d = distance (word, names[i]);
    if (d < least)
      least = d, best = names[i];
  }
  return best;
}
