/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * plan.c - the life of a plan; build.c makes what is in it. */
#include "core/split.h"
#include <stdlib.h>
#include <string.h>

static void
buf_clear (gpointer p)
{
  ConvoyPlanBuf *b = p;
  convoy_md_free (b->md);
  convoy_tensor_unref (b->given);
}

static void
slot_clear (gpointer p)
{
  ConvoyPlanSlot *s = p;
  convoy_md_free (s->plain);
  convoy_md_free (s->md);
}

static void
step_clear (gpointer p)
{
  ConvoyStep *s = p;
  convoy_prim_free (s->prim);
  g_free (s->user);
  g_free (s->buf);
  g_free (s->arg);
}

static GArray *
list_new (gsize size, GDestroyNotify clear)
{
  GArray *a = g_array_new (FALSE, TRUE, (guint) size);
  if (clear)
    g_array_set_clear_func (a, clear);
  return a;
}

ConvoyPlan *
convoy_plan_alloc (ConvoyGraph *bound, guint threads, ConvoyVariant variant)
{
  ConvoyPlan *p = g_atomic_rc_box_new0 (ConvoyPlan);
  p->graph = convoy_graph_ref (bound);
  p->threads = threads;
  p->variant = variant;
  p->bufs = list_new (sizeof (ConvoyPlanBuf), buf_clear);
  p->steps = list_new (sizeof (ConvoyStep), step_clear);
  p->statics = list_new (sizeof (ConvoyStep), step_clear);
  p->slots = list_new (sizeof (ConvoyPlanSlot), slot_clear);
  p->seed = CONVOY_NO_BUF;
  p->inputs = list_new (sizeof (ConvoyBuf), NULL);
  p->outputs = list_new (sizeof (ConvoyBuf), NULL);
  g_mutex_init (&p->lock);
  return p;
}

ConvoyPlan *
convoy_plan_variant (ConvoyGraph *bound, guint threads, ConvoyVariant variant, GError **error)
{
  if (variant.part == 0)
    return convoy_plan_compile (bound, threads, FALSE, variant, NULL, error);
  ConvoyPlan *p = convoy_plan_alloc (bound, threads, variant);
  if ((p->split = convoy_split_new (bound, threads, variant, error)) == NULL)
    g_clear_pointer (&p, convoy_plan_unref);
  return p;
}

ConvoyPlan *
convoy_plan_new (ConvoyGraph *bound, const ConvoyPlanOptions *o, GError **error)
{
  guint threads = o ? MAX (o->threads, 1) : 1;
  gboolean no_fuse = o && o->no_fuse;
  if (no_fuse)
    return convoy_plan_compile (bound, threads, TRUE, (ConvoyVariant) { 0 }, NULL, error);
  gboolean timed;
  ConvoyVariant v = convoy_tune (bound, threads, o ? o->cache : NULL, o && o->no_timing, &timed);
  ConvoyPlan *p = v.part ? convoy_plan_variant (bound, threads, v, NULL) : NULL;        /* NULL: what the cache says does not fit */
  ConvoyVariant whole = v;
  whole.part = whole.side = 0;
  if (p == NULL)
    p = convoy_plan_compile (bound, threads, FALSE, whole, NULL, error);
  if (p)
    p->timed = timed;
  return p;
}

static void
plan_clear (gpointer q)
{
  ConvoyPlan *p = q;
  convoy_split_free (p->split);
  g_array_unref (p->steps);
  g_array_unref (p->statics);
  g_array_unref (p->bufs);
  g_array_unref (p->slots);
  g_array_unref (p->inputs);
  g_array_unref (p->outputs);
  convoy_graph_unref (p->graph);
  g_mutex_clear (&p->lock);
  free (p->static_mem);
}

ConvoyPlan *convoy_plan_ref (ConvoyPlan *p) { return g_atomic_rc_box_acquire (p); }
void convoy_plan_unref (ConvoyPlan *p) { if (p) g_atomic_rc_box_release_full (p, plan_clear); }
const ConvoyGraph *convoy_plan_graph (const ConvoyPlan *p) { return p->graph; }

static const char *
step_impl (const ConvoyStep *s)
{
  return s->prim ? convoy_prim_impl (s->prim) : s->kernel || s->trial ? "convoy" : "plain";
}

gboolean
convoy_plan_runs (const ConvoyPlan *p, const char *word)
{
  for (guint i = 0; p->split && i < p->split->n; i++)
    if (convoy_plan_runs (p->split->stage[i].plan, word))
      return TRUE;
  for (guint i = 0; i < p->steps->len; i++) {
    const ConvoyStep *s = CONVOY_STEP (p->steps, i);
    if (strstr (s->what, word) || strstr (step_impl (s), word))
      return TRUE;
  }
  return FALSE;
}

gboolean
convoy_plan_is_slow (const ConvoyPlan *p)
{
  return convoy_plan_runs (p, "ref");
}

char *
convoy_plan_dump (const ConvoyPlan *p)
{
  GString *t = g_string_new (NULL);
  for (guint i = 0; p->split && i < p->split->n; i++) {
    g_autofree char *stage = convoy_plan_dump (p->split->stage[i].plan);
    g_string_append_printf (t, "stage %u, %u parts, %u at a time:\n%s", i + 1, p->split->stage[i].parts, p->split->stage[i].lanes, stage);
  }
  if (p->split)
    return g_string_free (t, FALSE);
  for (guint i = 0; i < p->steps->len; i++) {
    const ConvoyStep *s = CONVOY_STEP (p->steps, i);
    guint last = s->n - 1;              /* of those that are there */
    while (last > 0 && s->buf[last] == CONVOY_NO_BUF)
      last--;
    const ConvoyPlanBuf *out = CONVOY_BUF (p, s->buf[last]);
    const char *name = s->node ? s->node->name : "";
    g_autofree char *shape = convoy_shape_str (&out->shape);
    if (*name == '\0')
      name = s->node ? convoy_graph_name (p->graph, s->node->out) : "";
    g_string_append_printf (t, "%3u  %-14s %-28s %-16s %s\n", i, s->what, name, shape, step_impl (s));
  }
  g_string_append_printf (t, "%u steps a run, %u once; arena %.1f MB, packed weights %.1f MB, scratch %.1f MB; %s layouts%s\n", p->steps->len, p->statics->len,
      p->arena / 1e6, p->static_size / 1e6, p->scratch / 1e6, p->variant.blocked ? "blocked" : "free", p->variant.depthwise ? ", some depthwise fused" : "");
  return g_string_free (t, FALSE);
}
