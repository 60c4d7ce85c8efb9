/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * copy.c - see copy.h. Each index of a dimension adds an offset of its own to the place of a number,
 * whatever the others are. */
#include "core/copy.h"
#include <string.h>

struct ConvoyCopy {
  int n;
  gint64 count, dims[CONVOY_MAX_DIMS];
  gint64 *from[CONVOY_MAX_DIMS], *to[CONVOY_MAX_DIMS];  /* offsets, by dimension and index */
  gsize bytes;
};

static gboolean
is_padded (const ConvoyLayout *l)
{
  for (int i = 0; i < l->n; i++)
    if (l->padded[i] != l->dims[i])
      return TRUE;
  return FALSE;
}

gboolean
convoy_copy_is_misplaced (const ConvoyLayout *from, const ConvoyLayout *to)
{
  return (to->blocks > 1 && is_padded (to)) || (from->blocks > 1 && to->blocks > 0 && (is_padded (from) || is_padded (to)));
}

/* Blocks of blocks nest from the last on. */
static gint64 *
offsets (const ConvoyLayout *l, int d)
{
  gint64 *at = g_new0 (gint64, l->dims[d] + 1);
  for (gint64 i = 0; i < l->dims[d]; i++) {
    gint64 rest = i, inner = 1;
    for (int k = l->blocks - 1; k >= 0; inner *= l->block[k--])
      if (l->block_of[k] == d) {
        at[i] += rest % l->block[k] * inner;
        rest /= l->block[k];
      }
    at[i] += rest * l->stride[d];
  }
  return at;
}

ConvoyCopy *
convoy_copy_new (const ConvoyLayout *from, const ConvoyLayout *to, gsize bytes)
{
  ConvoyCopy *c = g_new0 (ConvoyCopy, 1);
  c->n = from->n;
  c->count = 1;
  c->bytes = bytes;
  for (int d = 0; d < c->n; d++) {
    c->dims[d] = from->dims[d];
    c->count *= from->dims[d];
    c->from[d] = offsets (from, d);
    c->to[d] = offsets (to, d);
  }
  return c;
}

void
convoy_copy_run (const ConvoyCopy *c, const float *from, float *to)
{
  gint64 index[CONVOY_MAX_DIMS] = { 0 };
  memset (to, 0, c->bytes);
  for (gint64 i = 0; i < c->count; i++) {
    gint64 source = 0, target = 0;
    for (int d = 0; d < c->n; d++) {
      source += c->from[d][index[d]];
      target += c->to[d][index[d]];
    }
    to[target] = from[source];
    for (int d = c->n; d-- > 0 && ++index[d] == c->dims[d];)
      index[d] = 0;
  }
}

void
convoy_copy_free (ConvoyCopy *c)
{
  if (c == NULL)
    return;
  for (int d = 0; d < c->n; d++) {
    g_free (c->from[d]);
    g_free (c->to[d]);
  }
  g_free (c);
}
