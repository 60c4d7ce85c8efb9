/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * tune.c - choose by timing what cannot be foreseen: whether a network runs faster in the layouts
 * that each primitive likes best or in one blocked layout throughout, and whether depthwise
 * convolutions should ride on the 1x1 before them, and which of these should go by tiles. The choice is kept in a file. */
#include "core/split.h"
#include <string.h>

/* Depthwise riding goes with blocked layouts only: oneDNN 2.6 computes it wrongly in channels-last. */
static const ConvoyVariant layouts[] = { { .blocked = FALSE }, { .blocked = TRUE }, { .blocked = TRUE, .depthwise = ~(guint64) 0 } };

/* Ways through a batch. A part of 0 samples is the share of one thread. */
static const struct { guint part, side; } splits[] = { { 1, 0 }, { 1, 28 }, { 1, 14 }, { 1, 7 }, { 0, 0 } };

#define BUDGET 150000           /* microseconds for each variant, once it ran twice */
#define LEAST_RUNS 5
#define MAX_RUNS 20

/* What the choice depends on: the operators with their sizes, threads, library and processor. */
static char *
key_of (const ConvoyGraph *g, guint threads)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  for (guint i = 0; i < g->nodes->len; i++) {
    const ConvoyNode *n = CONVOY_NODE (g, i);
    g_checksum_update (sum, (const guchar *) n->op->name, -1);
    for (guint k = 0; k < n->n_in; k++)
      if (n->in[k] != CONVOY_NONE) {
        g_autofree char *s = convoy_shape_str (&CONVOY_VAL (g, n->in[k])->shape);
        g_checksum_update (sum, (const guchar *) s, -1);
      }
    g_autofree char *s = convoy_shape_str (&CONVOY_VAL (g, n->out)->shape);
    g_checksum_update (sum, (const guchar *) s, -1);
  }
  return g_strdup_printf ("%s, %u thread%s, %.16s", convoy_engine_version (), threads, threads == 1 ? "" : "s", g_checksum_get_string (sum));
}

/* Where it is less than what is there, the time of each convolution in the last run. */
static void
keep_shortest (ConvoyExec *x, double seconds[64])
{
  double now[64] = { 0 };
  convoy_exec_conv_seconds (x, 0, now);
  for (guint i = 0; i < 64; i++)
    seconds[i] = MIN (seconds[i], now[i]);
}

/* Shortest run in microseconds; G_MAXINT64: it does not compile or run. seconds: the shortest of
 * each convolution, as other programs get in the way of some run but seldom of all. */
static gint64
time_variant (ConvoyGraph *bound, guint threads, ConvoyVariant v, double seconds[64])
{
  gint64 best = G_MAXINT64, start = g_get_monotonic_time ();
  ConvoyPlan *p = convoy_plan_variant (bound, threads, v, NULL);
  ConvoyExec *x = p ? convoy_exec_new (p, NULL) : NULL;
  for (guint i = 0; i < 64; i++)
    seconds[i] = G_MAXDOUBLE;
  for (guint i = 0; x && i < MAX_RUNS && (i < LEAST_RUNS || g_get_monotonic_time () - start < BUDGET); i++) {
    g_free (convoy_exec_profile (x, TRUE));
    gint64 t = g_get_monotonic_time ();
    if (!convoy_exec_run (x, NULL))
      break;
    if (i > 0) {                        /* the first touches the memory */
      best = MIN (best, g_get_monotonic_time () - t);
      keep_shortest (x, seconds);
    }
  }
  convoy_exec_free (x);
  convoy_plan_unref (p);
  return best;
}

typedef struct {
  ConvoyGraph *bound;
  guint threads;
  ConvoyVariant best;
  gint64 best_time;
} Search;

static void
try_variant (Search *s, ConvoyVariant v, double seconds[64])
{
  gint64 t = time_variant (s->bound, s->threads, v, seconds);
  if (t < s->best_time)
    s->best_time = t, s->best = v;
}

/* The depthwise convolutions that should ride: they have no time of their own in fused, where the
 * one before did both, and both took longer alone. */
static guint64
riding_pays (const double alone[64], const double fused[64])
{
  guint64 mask = 0;
  for (guint i = 1; i < 63; i++)
    if (alone[i] > 0 && fused[i] == 0 && fused[i - 1] > 0 && fused[i - 1] < alone[i - 1] + alone[i])
      mask |= (guint64) 1 << i;
  return mask;
}

/* v, with the batch split in all ways. */
static void
try_splits (Search *s, ConvoyVariant v, double seconds[64])
{
  guint batch = convoy_split_batch (s->bound);
  for (guint i = 0; batch && i < G_N_ELEMENTS (splits); i++) {
    v.part = splits[i].part ? splits[i].part : s->threads > 1 && batch % s->threads == 0 ? batch / s->threads : 0;
    v.side = splits[i].side;
    try_variant (s, v, seconds);
  }
}

/* The convolutions that should go by tiles: there they took less time than alone, which is then what tiled says. */
static guint64
tiles_pay (const double alone[64], double tiled[64])
{
  guint64 mask = 0;
  for (guint i = 0; i < 64; i++)
    if (tiled[i] > 0 && tiled[i] < alone[i])
      mask |= (guint64) 1 << i;
    else
      tiled[i] = alone[i];
  return mask;
}

/* First how the batch is split, by tiles or in the layouts that suit most networks, then the layouts, then what is best of each. */
static ConvoyVariant
search (ConvoyGraph *bound, guint threads)
{
  const ConvoyVariant by_tiles = { .blocked = TRUE, .tiles = ~(guint64) 0 },
                      first = convoy_dnn_has_tiles () ? by_tiles : layouts[0];
  Search s = { bound, threads, first, G_MAXINT64 };
  double seconds[G_N_ELEMENTS (layouts)][64], tiled[64];
  try_splits (&s, first, tiled);
  ConvoyVariant v, split = s.best;
  for (guint i = 0; i < G_N_ELEMENTS (layouts); i++) {
    v = layouts[i];
    v.part = split.part, v.side = split.side;
    try_variant (&s, v, seconds[i]);
  }
  if (first.tiles) {
    v = split;
    try_variant (&s, v, tiled);
    v.tiles = tiles_pay (seconds[1], tiled);
  }
  v.depthwise = riding_pays (first.tiles ? tiled : seconds[1], seconds[2]);
  if (v.depthwise || first.tiles)
    try_variant (&s, v, seconds[0]);
  return s.best;
}

/* A variant as text: the members in order, sets of convolutions in base 16. */
static gboolean
read_variant (GKeyFile *file, const char *key, ConvoyVariant *v)
{
  gsize n = 0;
  guint64 x[5];
  g_auto (GStrv) text = g_key_file_get_string_list (file, "variant", key, &n, NULL);
  if (n != G_N_ELEMENTS (x))
    return FALSE;
  for (guint i = 0; i < n; i++)
    if (!g_ascii_string_to_unsigned (text[i], i == 1 || i == 2 ? 16 : 10, 0, i == 1 || i == 2 ? G_MAXUINT64 : G_MAXUINT16, &x[i],
            NULL))
      return FALSE;
  *v = (ConvoyVariant) { .blocked = x[0] != 0, .depthwise = x[1], .tiles = x[2], .part = (guint) x[3], .side = (guint) x[4] };
  return TRUE;
}

static void
write_variant (GKeyFile *file, const char *key, const ConvoyVariant *v)
{
  g_autofree char *text = g_strdup_printf ("%d;%" G_GINT64_MODIFIER "x;%" G_GINT64_MODIFIER "x;%u;%u", v->blocked, v->depthwise,
      v->tiles, v->part, v->side);
  g_key_file_set_value (file, "variant", key, text);
}

ConvoyVariant
convoy_tune (ConvoyGraph *bound, guint threads, const char *cache, gboolean no_timing, gboolean *timed)
{
  ConvoyVariant v = layouts[0];
  *timed = FALSE;
  if (cache == NULL)
    return v;
  g_autofree char *key = key_of (bound, threads);
  g_autoptr (GKeyFile) file = g_key_file_new ();
  if (g_key_file_load_from_file (file, cache, G_KEY_FILE_NONE, NULL) && read_variant (file, key, &v)) {
    *timed = TRUE;
    return v;
  }
  if (no_timing)
    return layouts[0];
  *timed = TRUE;
  v = search (bound, threads);
  write_variant (file, key, &v);
  g_key_file_save_to_file (file, cache, NULL);  /* a cache that cannot be written costs the timing next time, nothing else */
  return v;
}
