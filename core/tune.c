/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * tune.c - choose by timing what cannot be foreseen: whether a network runs faster in the layouts
 * that each primitive likes best or in one blocked layout throughout, and whether depthwise
 * convolutions should ride on the 1x1 before them, which of these should go by tiles, and which 3x3 by Winograd's way. The
 * choice is kept in a file. */
#include "core/split.h"
#include <string.h>

#define ALL (~(guint64) 0)

/* Depthwise riding goes with blocked layouts only: oneDNN 2.6 computes it wrongly in channels-last. So do tiles and Winograd's
 * way, in squares of 2 or 4, which have code for no others. */
enum { FREE, BLOCKED, RIDING, TILED, SQUARES, N_LAYOUTS = SQUARES + 2 };
static const ConvoyVariant layouts[N_LAYOUTS] = {
  [FREE] = { .blocked = FALSE },
  [BLOCKED] = { .blocked = TRUE },
  [RIDING] = { .blocked = TRUE, .depthwise = ALL },
  [TILED] = { .blocked = TRUE, .tiles = ALL },
  [SQUARES] = { .blocked = TRUE, .winograd = { ALL, 0 } },
  [SQUARES + 1] = { .blocked = TRUE, .winograd = { 0, ALL } },
};

/* Ways through a batch; the layouts are chosen in the first. A part of 0 samples is the share of one thread. */
static const struct {
  guint part, side;
} splits[] = { { 1, 0 }, { 1, 28 }, { 1, 14 }, { 1, 7 }, { 4, 0 }, { 0, 0 } };

#define BUDGET 100000 /* microseconds for each variant, once it ran twice */
#define LEAST_RUNS 2
#define MAX_RUNS 20
#define HOPELESS 1.5 /* times the best: no more runs */
#define CLEARLY 0.97 /* of the time: it is worth more than noise */
#define CONTENDED 1.25 /* times as long as it took counts what goes by tiles: all who run on a processor share them, and slow each other for seconds */

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

/* The best two, as one look at each tells little while other programs run. */
typedef struct {
  ConvoyGraph *bound;
  guint threads, batch;
  struct {
    ConvoyVariant v;
    gint64 time;
  } best[2];
  double seconds[N_LAYOUTS][64]; /* of each convolution, in the last plan of each of the layouts */
} Search;

/* Something in p goes by a way that v asks for; if not, p is the plan without it, which is timed anyway. */
static gboolean
is_another (const ConvoyPlan *p, const ConvoyVariant *v)
{
  gboolean squares = v->winograd[0] || v->winograd[1];
  return !(v->depthwise || v->tiles || squares) || (v->depthwise && convoy_plan_runs (p, "conv+depthwise"))
      || (v->tiles && convoy_plan_runs (p, "conv tiles")) || (squares && convoy_plan_runs (p, "wino"));
}

/* Shortest run in microseconds; G_MAXINT64: it does not compile or run, or nothing in it goes by the way asked for. seconds:
 * the shortest of each convolution, as other programs get in the way of some run but seldom of all. */
static gint64
time_variant (const Search *s, ConvoyVariant v, double seconds[64])
{
  gint64 best = G_MAXINT64;
  ConvoyPlan *p = convoy_plan_variant (s->bound, s->threads, v, NULL);
  ConvoyExec *x = p && is_another (p, &v) ? convoy_exec_new (p, NULL) : NULL;
  gint64 start = g_get_monotonic_time ();
  for (guint i = 0;
       x && i < MAX_RUNS && (i < LEAST_RUNS || (best < HOPELESS * s->best[0].time && g_get_monotonic_time () - start < BUDGET));
       i++) {
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
  return v.tiles && best < G_MAXINT64 ? (gint64) (CONTENDED * best) : best;
}

static gboolean
is_same (const ConvoyVariant *a, const ConvoyVariant *b)
{
  return a->blocked == b->blocked && a->depthwise == b->depthwise && a->tiles == b->tiles && a->winograd[0] == b->winograd[0]
      && a->winograd[1] == b->winograd[1] && a->part == b->part && a->side == b->side;
}

static gint64
try_variant (Search *s, ConvoyVariant v, double seconds[64])
{
  gint64 t = time_variant (s, v, seconds);
  gboolean again = is_same (&v, &s->best[0].v);
  if (t < s->best[0].time) {
    s->best[1] = again ? s->best[1] : s->best[0];
    s->best[0].v = v, s->best[0].time = t;
  } else if (t < s->best[1].time && !again)
    s->best[1].v = v, s->best[1].time = t;
  return t;
}

static void
forget (double seconds[64])
{
  for (guint i = 0; i < 64; i++)
    seconds[i] = G_MAXDOUBLE;
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

/* The convolutions that should go by tiles: there they took less time than alone, which is then what tiled says. */
static guint64
tiles_pay (const double alone[64], double tiled[64])
{
  guint64 mask = 0;
  for (guint i = 0; i < 64; i++)
    if (tiled[i] > 0 && CONTENDED * tiled[i] < alone[i])
      mask |= (guint64) 1 << i;
    else
      tiled[i] = alone[i];
  return mask;
}

/* The convolutions that are faster by Winograd's way, each in the squares that suit it best. */
static void
squares_pay (const double alone[64], double (*squares)[64], guint64 winograd[2])
{
  winograd[0] = winograd[1] = 0;
  for (guint i = 0; i < 64; i++) {
    guint size = squares[1][i] < squares[0][i];
    if (squares[size][i] < CLEARLY * alone[i])
      winograd[size] |= (guint64) 1 << i;
  }
}

static ConvoyVariant
in_split (ConvoyVariant v, const ConvoyVariant *split)
{
  v.part = split->part, v.side = split->side;
  return v;
}

/* The best way for each convolution in blocked layouts, by tiles as well or not. */
static ConvoyVariant
best_of_each (Search *s, const ConvoyVariant *split, gboolean tiles)
{
  ConvoyVariant v = in_split (layouts[BLOCKED], split);
  if (tiles)
    v.tiles = tiles_pay (s->seconds[BLOCKED], s->seconds[TILED]);
  const double *alone = s->seconds[tiles ? TILED : BLOCKED];
  v.depthwise = riding_pays (alone, s->seconds[RIDING]);
  squares_pay (alone, &s->seconds[SQUARES], v.winograd);
  v.tiles &= ~(v.winograd[0] | v.winograd[1]);
  return v;
}

/* Layouts, and there the best way for each convolution. */
static void
try_layouts (Search *s, const ConvoyVariant *split)
{
  double ignored[64] = { 0 };
  for (guint i = 0; i < N_LAYOUTS; i++)
    forget (s->seconds[i]);
  for (guint i = 0; i < 2 * N_LAYOUTS; i++) /* in turns: other programs come and go */
    if (i % N_LAYOUTS != TILED || convoy_dnn_has_tiles ())
      try_variant (s, in_split (layouts[i % N_LAYOUTS], split), s->seconds[i % N_LAYOUTS]);
  ConvoyVariant v = best_of_each (s, split, FALSE);
  if (v.depthwise || v.winograd[0] || v.winograd[1])
    try_variant (s, v, ignored);
  v = best_of_each (s, split, TRUE);
  if (v.tiles)
    try_variant (s, v, ignored);
}

/* The best so far, with the batch split otherwise: into parts of so many, or shares of a thread. Squares, if they pay, are
 * large ones then, as more samples at a time read their large weights less often; at last, each of the size that suits it. */
static void
try_splits (Search *s)
{
  gboolean shared = s->threads > 1 && s->batch % s->threads == 0;
  ConvoyVariant v = s->best[0].v, quickest = v;
  gboolean squares = v.winograd[0] || v.winograd[1];
  gint64 least = G_MAXINT64;
  double seconds[64];
  if (squares)
    v.winograd[0] = 0, v.winograd[1] = ALL;
  for (guint i = 1; i < G_N_ELEMENTS (splits); i++) {
    v.part = splits[i].part ? splits[i].part : shared ? s->batch / s->threads : 0;
    v.side = splits[i].side;
    forget (seconds);
    gboolean apart = splits[i].part == 0 || v.part < (shared ? s->batch / s->threads : s->batch);
    gint64 t = apart ? try_variant (s, v, seconds) : G_MAXINT64;
    if (t < least) {
      least = t, quickest = v;
      memcpy (s->seconds[SQUARES + 1], seconds, sizeof seconds);
    }
  }
  if (!squares || least == G_MAXINT64)
    return;
  squares_pay (s->seconds[v.tiles ? TILED : BLOCKED], &s->seconds[SQUARES], quickest.winograd);
  try_variant (s, quickest, seconds);
}

static ConvoyVariant
search (ConvoyGraph *bound, guint threads)
{
  guint batch = convoy_split_batch (bound);
  Search s = { bound, threads, batch, { { layouts[FREE], G_MAXINT64 }, { layouts[FREE], G_MAXINT64 } }, { { 0 } } };
  double ignored[64] = { 0 };
  if (batch)
    try_layouts (&s, &(ConvoyVariant) { .part = splits[0].part });
  if (s.best[0].time == G_MAXINT64)
    try_layouts (&s, &(ConvoyVariant) { 0 });
  else
    try_splits (&s);
  for (guint i = 0; i < 2 && s.best[1].time < G_MAXINT64; i++) /* a second look */
    s.best[i].time = MIN (s.best[i].time, time_variant (&s, s.best[i].v, ignored));
  return s.best[s.best[1].time < s.best[0].time].v;
}

/* A variant as text: the members in order, masks in base 16. */
static gboolean
read_variant (GKeyFile *file, const char *key, ConvoyVariant *v)
{
  gsize n = 0;
  guint64 x[7];
  static const gboolean mask[G_N_ELEMENTS (x)] = { FALSE, TRUE, TRUE, TRUE, TRUE };
  g_auto (GStrv) text = g_key_file_get_string_list (file, "variant", key, &n, NULL);
  if (n != G_N_ELEMENTS (x))
    return FALSE;
  for (guint i = 0; i < n; i++)
    if (!g_ascii_string_to_unsigned (text[i], mask[i] ? 16 : 10, 0, mask[i] ? G_MAXUINT64 : G_MAXUINT16, &x[i], NULL))
      return FALSE;
  *v = (ConvoyVariant) { .blocked = x[0] != 0,
    .depthwise = x[1],
    .tiles = x[2],
    .winograd = { x[3], x[4] },
    .part = (guint) x[5],
    .side = (guint) x[6] };
  return TRUE;
}

#define X "%" G_GINT64_MODIFIER "x"

static void
write_variant (GKeyFile *file, const char *key, const ConvoyVariant *v)
{
  g_autofree char *text = g_strdup_printf ("%d;" X ";" X ";" X ";" X ";%u;%u", v->blocked, v->depthwise, v->tiles, v->winograd[0],
      v->winograd[1], v->part, v->side);
  g_key_file_set_value (file, "variant", key, text);
}

ConvoyVariant
convoy_tune (ConvoyGraph *bound, guint threads, const char *cache, gboolean no_timing, gboolean *timed)
{
  ConvoyVariant v = layouts[FREE];
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
    return layouts[FREE];
  *timed = TRUE;
  v = search (bound, threads);
  write_variant (file, key, &v);
  g_key_file_save_to_file (file, cache, NULL);  /* a cache that cannot be written costs the timing next time, nothing else */
  return v;
}
