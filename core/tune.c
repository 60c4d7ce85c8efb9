/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * tune.c - choose by timing what cannot be foreseen: whether a network runs faster in the layouts
 * that each primitive likes best or in one blocked layout throughout, and whether depthwise
 * convolutions should ride on the 1x1 before them. The choice is kept in a file. */
#include "core/plan.h"

/* Depthwise riding goes with blocked layouts only: oneDNN 2.6 computes it wrongly in channels-last. */
static const ConvoyVariant variants[] = { { FALSE, FALSE }, { TRUE, FALSE }, { TRUE, TRUE } };

#define BUDGET 300000           /* microseconds for each variant, once it ran twice */
#define MAX_RUNS 8

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

/* Shortest run in microseconds; G_MAXINT64: it does not compile or run. */
static gint64
time_variant (ConvoyGraph *bound, guint threads, ConvoyVariant v)
{
  gint64 best = G_MAXINT64, start = g_get_monotonic_time ();
  ConvoyPlan *p = convoy_plan_compile (bound, threads, FALSE, v, NULL, NULL);
  ConvoyExec *x = p ? convoy_exec_new (p, NULL) : NULL;
  for (guint i = 0; x && i < MAX_RUNS && (i < 3 || g_get_monotonic_time () - start < BUDGET); i++) {
    gint64 t = g_get_monotonic_time ();
    if (!convoy_exec_run (x, NULL))
      break;
    if (i > 0)                          /* the first touches the memory */
      best = MIN (best, g_get_monotonic_time () - t);
  }
  convoy_exec_free (x);
  convoy_plan_unref (p);
  return best;
}

ConvoyVariant
convoy_tune (ConvoyGraph *bound, guint threads, const char *cache)
{
  g_autofree char *key = key_of (bound, threads);
  g_autoptr (GKeyFile) file = g_key_file_new ();
  gint64 best_time = G_MAXINT64;
  gint best = 0;
  gboolean have = g_key_file_load_from_file (file, cache, G_KEY_FILE_NONE, NULL);
  if (have && g_key_file_has_key (file, "variant", key, NULL)) {
    best = g_key_file_get_integer (file, "variant", key, NULL);
    return variants[best >= 0 && best < (gint) G_N_ELEMENTS (variants) ? best : 0];
  }
  for (guint i = 0; i < G_N_ELEMENTS (variants); i++) {
    gint64 t = time_variant (bound, threads, variants[i]);
    if (t < best_time)
      best_time = t, best = (gint) i;
  }
  g_key_file_set_integer (file, "variant", key, best);
  g_key_file_save_to_file (file, cache, NULL);  /* a cache that cannot be written costs the timing next time, nothing else */
  return variants[best];
}
