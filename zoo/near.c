/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * near.c - see near.h. */
#include "zoo/near.h"
#include <string.h>

#define N_NEAREST 3

/* How many letters must be put in, left out or replaced to make b of a; when one is the beginning
 * of the other what is missing counts less. */
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
      guint cost = corner + (g_ascii_tolower (a[i]) != g_ascii_tolower (b[j]));
      corner = row[j + 1];
      row[j + 1] = MIN (cost, MIN (corner, row[j]) + 1);
    }
  }
  return g_str_has_prefix (b, a) ? row[n] / 3 : row[n];
}

typedef struct { const char *name; guint far; } Near;

char *
zoo_nearest (const char *name, const GPtrArray *names)
{
  Near near[N_NEAREST + 1] = { { NULL, 0 } };
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < names->len; i++) {
    guint k = N_NEAREST;
    near[k].name = g_ptr_array_index (names, i);
    near[k].far = distance (name, near[k].name);
    for (; k > 0 && (!near[k - 1].name || near[k].far < near[k - 1].far); k--) {
      Near other = near[k - 1];
      near[k - 1] = near[k];
      near[k] = other;
    }
  }
  for (guint k = 0; k < N_NEAREST && near[k].name; k++)
    g_string_append_printf (text, "%s%s", k ? ", " : "", near[k].name);
  return g_string_free (text, FALSE);
}
