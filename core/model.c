/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * model.c - an ONNX file with what is needed to feed and read it, and the plans made of it so far. */
#include "core/model-meta.h"
#include "core/plan.h"

struct ConvoyModel {
  char *path;
  ConvoyGraph *graph;
  ConvoyModelInfo info;
  char **labels;                /* info.labels */
  GHashTable *props;            /* metadata_props */
  ConvoyVocabulary *vocabulary; /* NULL: it reads no texts */
  ConvoyTokenOptions rows;      /* of texts */
  char *cache;                  /* file of timings; NULL: none */

  GMutex lock;                  /* protects what follows; not held while a plan is made */
  GCond made;                   /* making went down */
  GHashTable *plans;            /* what was asked for, char *, -> ConvoyPlan * */
  gboolean making;              /* a thread makes a plan: one at a time, for each may be timed */
};

static void
plan_unref (gpointer p)
{
  convoy_plan_unref (p);
}

ConvoyModel *
convoy_model_new (const char *path, const ConvoyModelOptions *o, GError **error)
{
  GHashTable *props = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  ConvoyGraph *g = convoy_onnx_load (path, props, error);
  if (g == NULL) {
    g_hash_table_unref (props);
    return NULL;
  }
  ConvoyModel *m = g_atomic_rc_box_new0 (ConvoyModel);
  m->path = g_strdup (path);
  m->graph = g;
  m->props = props;
  m->cache = o && o->cache_dir ? g_build_filename (o->cache_dir, "timings.ini", NULL) : NULL;
  m->plans = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, plan_unref);
  g_mutex_init (&m->lock);
  g_cond_init (&m->made);
  if (!convoy_meta_load (path, props, g, o, &m->info, &m->labels, error) || !convoy_meta_text (path, props, g, &m->vocabulary, &m->rows, error))
    g_clear_pointer (&m, convoy_model_unref);
  return m;
}

static void
model_clear (gpointer p)
{
  ConvoyModel *m = p;
  g_hash_table_unref (m->plans);
  convoy_graph_unref (m->graph);
  g_strfreev (m->labels);
  g_hash_table_unref (m->props);
  convoy_vocabulary_unref (m->vocabulary);
  g_free (m->cache);
  g_free (m->path);
  g_mutex_clear (&m->lock);
  g_cond_clear (&m->made);
}

ConvoyModel *convoy_model_ref (ConvoyModel *m) { return g_atomic_rc_box_acquire (m); }
void convoy_model_unref (ConvoyModel *m) { if (m) g_atomic_rc_box_release_full (m, model_clear); }
const ConvoyModelInfo *convoy_model_info (const ConvoyModel *m) { return &m->info; }
const ConvoyGraph *convoy_model_graph (const ConvoyModel *m) { return m->graph; }
const char *convoy_model_metadata (const ConvoyModel *m, const char *key) { return g_hash_table_lookup (m->props, key); }

ConvoyVocabulary *
convoy_model_vocabulary (const ConvoyModel *m, ConvoyTokenOptions *rows)
{
  *rows = m->rows;
  return m->vocabulary;
}

/* --- plans ------------------------------------------------------------- */

/* Where one probability p tells two classes apart, the output becomes 1 - p and p. */
static gboolean
give_both (ConvoyGraph *g, const ConvoyModelInfo *info, GError **error)
{
  ConvoyValue p = convoy_graph_get_output (g, 0);
  const ConvoyShape *s = convoy_graph_shape (g, p);
  if (info->n_classes != 2 || s->n != 2 || s->d[1] != 1)
    return TRUE;
  g_autoptr (ConvoyTensor) one = convoy_tensor_new (CONVOY_F32, &CONVOY_SHAPE (1), error);
  if (one == NULL)
    return FALSE;
  *(float *) convoy_tensor_data (one) = 1;
  ConvoyValue in[2] = { convoy_graph_const (g, "", one), p };
  ConvoyAttrs *a = convoy_attrs_new ();
  convoy_attrs_set_int (a, "axis", 1);
  in[0] = convoy_graph_node (g, "Sub", NULL, in, 2, NULL, 1, NULL, error);
  if (in[0] == CONVOY_NONE) {
    convoy_attrs_free (a);
    return FALSE;
  }
  ConvoyValue both = convoy_graph_node (g, "Concat", NULL, in, 2, NULL, 1, a, error);
  g_array_set_size (g->outputs, 0);
  if (both != CONVOY_NONE)
    convoy_graph_output (g, both);
  return both != CONVOY_NONE;
}

static ConvoyPlan *
make_plan (ConvoyModel *m, guint batch, guint width, guint height, guint threads, const char *upto, gboolean soon, GError **error)
{
  g_autofree ConvoyShape *shapes = convoy_meta_shapes (m->graph, &m->info, batch, width, height, error);
  ConvoyGraph *bound = shapes ? convoy_graph_bind (m->graph, shapes, upto, error) : NULL;
  ConvoyPlanOptions o = { .threads = threads, .cache = m->cache, .no_timing = soon };
  ConvoyPlan *p = NULL;
  if (m->cache && !soon) {
    g_autofree char *folder = g_path_get_dirname (m->cache);
    g_mkdir_with_parents (folder, 0755);        /* without it the timing is done again next time */
  }
  if (bound && (upto || give_both (bound, &m->info, error)))
    p = convoy_plan_new (bound, &o, error);
  convoy_graph_unref (bound);
  if (p == NULL)
    g_prefix_error (error, "%s: ", m->path);
  return p;
}

/* With the lock. early: the key of one that is not timed, which will do too; NULL: it will not. */
static ConvoyPlan *
find_plan (ConvoyModel *m, const char *key, const char *early)
{
  ConvoyPlan *p = g_hash_table_lookup (m->plans, key);
  return p || !early ? p : g_hash_table_lookup (m->plans, early);
}

static ConvoyPlan *
kept_plan (ConvoyModel *m, guint batch, guint width, guint height, guint threads, const char *upto, gboolean soon, GError **error)
{
  if (batch == 0) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: a batch of 0 pictures", m->path);
    return NULL;
  }
  threads = MAX (threads, 1);
  width = width ? width : m->info.width;
  height = height ? height : m->info.height;
  g_autofree char *key = g_strdup_printf ("%u %ux%u %u %s", batch, width, height, threads, upto ? upto : "");
  g_autofree char *early = soon ? g_strdup_printf ("soon %s", key) : NULL;
  g_mutex_lock (&m->lock);
  ConvoyPlan *p = find_plan (m, key, early);
  while (p == NULL && m->making) {
    g_cond_wait (&m->made, &m->lock);
    p = find_plan (m, key, early);
  }
  m->making |= p == NULL;
  g_mutex_unlock (&m->lock);
  if (p)
    return p;

  p = make_plan (m, batch, width, height, threads, upto, soon, error);
  g_mutex_lock (&m->lock);
  m->making = FALSE;
  if (p)
    g_hash_table_insert (m->plans, soon && !p->timed ? g_steal_pointer (&early) : g_steal_pointer (&key), p);
  g_cond_broadcast (&m->made);
  g_mutex_unlock (&m->lock);
  return p;
}

ConvoyPlan *
convoy_model_plan_soon (ConvoyModel *m, guint batch, guint width, guint height, guint threads, const char *upto, GError **error)
{
  return kept_plan (m, batch, width, height, threads, upto, m->cache != NULL, error);
}

ConvoyPlan *
convoy_model_plan (ConvoyModel *m, guint batch, guint width, guint height, guint threads, const char *upto, GError **error)
{
  return kept_plan (m, batch, width, height, threads, upto, FALSE, error);
}
