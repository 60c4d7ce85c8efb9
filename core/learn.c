/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * learn.c - see learn.h: plans that learn, and the weights of their execs. */
#include "core/exec.h"
#include <string.h>

ConvoyValue
convoy_graph_add_loss (ConvoyGraph *bound, ConvoyValue scores, const char *op, gboolean targets, float smoothing, GError **error)
{
  const ConvoyShape *s = convoy_graph_shape (bound, scores);
  ConvoyShape labels = CONVOY_SHAPE (s->n ? s->d[0] : 1);
  ConvoyAttrs *a = smoothing != 0 ? convoy_attrs_new () : NULL;
  if (a)
    convoy_attrs_set_float (a, "label_smoothing", smoothing);
  ConvoyValue in[2] = { scores, convoy_graph_input (bound, "convoy/labels", targets ? CONVOY_F32 : CONVOY_I64, targets ? s : &labels) };
  ConvoyValue loss = convoy_graph_node (bound, op, "convoy/loss", in, 2, NULL, 1, a, error);
  if (loss != CONVOY_NONE)
    g_array_insert_val (bound->outputs, 0, loss);
  return loss;
}

ConvoyPlan *
convoy_plan_new_learning (ConvoyGraph *bound, const ConvoyLearnOptions *o, GError **error)
{
  static const ConvoyLearnOptions all;
  const ConvoyLearnOptions *learn = o ? o : &all;
  ConvoyVariant variant = { .blocked = convoy_dnn_is_wide () };
  ConvoyValue loss = convoy_graph_n_outputs (bound) ? convoy_graph_get_output (bound, 0) : CONVOY_NONE;
  const ConvoyShape *s = loss == CONVOY_NONE ? NULL : convoy_graph_shape (bound, loss);
  if (s == NULL || convoy_shape_count (s) != 1 || convoy_graph_type (bound, loss) != CONVOY_F32) {
    g_autofree char *text = s ? convoy_shape_str (s) : g_strdup ("none");
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "the loss must be one float32, but output 0 is %s", text);
    return NULL;
  }
  return convoy_plan_compile (bound, MAX (learn->threads, 1), FALSE, variant, learn, error);
}

guint convoy_exec_n_slots (const ConvoyExec *x) { return x->plan->slots->len; }
const ConvoySlot *convoy_exec_slot (const ConvoyExec *x, guint i) { return &CONVOY_PLAN_SLOT (x->plan, i)->slot; }
float *convoy_exec_weights (ConvoyExec *x) { return (float *) x->weights; }
float *convoy_exec_gradients (ConvoyExec *x) { return (float *) x->gradients; }
gsize convoy_exec_n_learning (const ConvoyExec *x) { return x->plan->n_learning; }

static gboolean
reorder (const ConvoyMd *from_md, const void *from, const ConvoyMd *to_md, void *to, GError **error)
{
  static const ConvoyArg arg[3] = { CONVOY_ARG_SRC, CONVOY_ARG_DST, CONVOY_ARG_SCRATCH };
  ConvoyPrim *p = convoy_dnn_reorder (from_md, to_md, error);
  const ConvoyMd *md = p ? convoy_prim_md (p, CONVOY_ARG_SCRATCH) : NULL;
  gsize size = md ? convoy_md_size (md) : 0;
  g_autofree char *scratch = size ? g_malloc (size) : NULL;
  ConvoyMem *mem[3] = { p ? convoy_mem_new (from_md, (void *) from, error) : NULL, NULL, NULL };
  gboolean ok = mem[0] && (mem[1] = convoy_mem_new (to_md, to, error)) && (size == 0 || (mem[2] = convoy_mem_new (md, scratch, error)));
  if (ok) {
    ConvoyCall *c = convoy_call_new (p, 3, arg, mem);
    ok = convoy_call_run (c, error);
    convoy_call_free (c);
  }
  for (guint i = 0; i < 3; i++)
    convoy_mem_free (mem[i]);
  convoy_prim_free (p);
  return ok;
}

static gboolean
fits (const ConvoyPlanSlot *s, const ConvoyTensor *t, GError **error)
{
  if (t && convoy_tensor_type (t) == CONVOY_F32 && convoy_shape_equal (convoy_tensor_shape (t), &s->slot.shape))
    return TRUE;
  g_autofree char *have = t ? convoy_shape_str (convoy_tensor_shape (t)) : g_strdup ("missing"), *want = convoy_shape_str (&s->slot.shape);
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "weight %s is %s, wanted is float32 %s", s->slot.name, have, want);
  return FALSE;
}

gboolean
convoy_exec_to_plain (ConvoyExec *x, guint i, const float *packed, ConvoyTensor *plain, GError **error)
{
  const ConvoyPlanSlot *s = CONVOY_PLAN_SLOT (x->plan, i);
  if (!fits (s, plain, error))
    return FALSE;
  if (s->md)
    return reorder (s->md, packed, s->plain, convoy_tensor_data (plain), error);
  memcpy (convoy_tensor_data (plain), packed, s->slot.n * sizeof (float));
  return TRUE;
}

gboolean
convoy_exec_from_plain (ConvoyExec *x, guint i, const ConvoyTensor *plain, float *packed, GError **error)
{
  const ConvoyPlanSlot *s = CONVOY_PLAN_SLOT (x->plan, i);
  if (!fits (s, plain, error))
    return FALSE;
  if (s->md)
    return reorder (s->plain, convoy_tensor_data (plain), s->md, packed, error);
  memcpy (packed, convoy_tensor_data (plain), s->slot.n * sizeof (float));
  return TRUE;
}

gboolean
convoy_exec_load (ConvoyExec *x, GError **error)
{
  gboolean ok = TRUE;
  for (guint i = 0; ok && i < x->plan->slots->len; i++) {
    const ConvoySlot *s = convoy_exec_slot (x, i);
    ok = convoy_exec_from_plain (x, i, convoy_params_get (x->plan->graph->params, s->name), convoy_exec_weights (x) + s->offset, error);
  }
  return ok;
}

gboolean
convoy_exec_store (ConvoyExec *x, GError **error)
{
  for (guint i = 0; i < x->plan->slots->len; i++) {
    const ConvoySlot *s = convoy_exec_slot (x, i);
    if (!convoy_exec_to_plain (x, i, convoy_exec_weights (x) + s->offset, convoy_params_get (x->plan->graph->params, s->name), error))
      return FALSE;
  }
  convoy_params_touch (x->plan->graph->params);
  return TRUE;
}

void
convoy_exec_seed (ConvoyExec *x, guint64 seed, guint64 step)
{
  if (x->plan->seed != CONVOY_NO_BUF)
    memcpy (x->frame.data[x->plan->seed], (guint64[2]) { seed, step }, 2 * sizeof (guint64));
}
