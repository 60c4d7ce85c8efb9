/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * split.c - see split.h: which networks can be split, where, and the plans of the parts. */
#include "core/split.h"
#include <string.h>

/* --- may it be split? -------------------------------------------------- */

/* By value: it depends on an input, so that it has a part for each sample; g_free() it. */
static gboolean *
find_sampled (const ConvoyGraph *g)
{
  gboolean *sampled = g_new0 (gboolean, g->vals->len + 1);
  for (guint i = 0; i < g->inputs->len; i++)
    sampled[convoy_graph_get_input (g, i)] = TRUE;
  for (guint i = 0; i < g->nodes->len; i++) {
    const ConvoyNode *n = CONVOY_NODE (g, i);
    gboolean any = FALSE;
    for (guint k = 0; k < n->n_in; k++)
      any |= n->in[k] != CONVOY_NONE && sampled[n->in[k]];
    for (guint k = 0; k < n->n_out; k++)
      sampled[n->out + k] = any;
  }
  return sampled;
}

/* Sample i of what it gives depends on sample i of what it takes, and on weights: these are the
 * second factor of what multiplies; two operands with samples have them in the same dimension. */
static gboolean
is_samplewise (const ConvoyGraph *g, const ConvoyNode *n, const gboolean *sampled, gint64 batch)
{
  const ConvoyShape *out = &CONVOY_VAL (g, n->out)->shape;
  if (!(n->op->flags & (CONVOY_OP_SAMPLEWISE | CONVOY_OP_POINTWISE | CONVOY_OP_ALIAS)) || n->n_out != 1 || out->n < 1 || out->d[0] != batch)
    return FALSE;
  for (guint i = 0; i < n->n_in; i++) {
    gboolean has = n->in[i] != CONVOY_NONE && sampled[n->in[i]];
    const ConvoyShape *in = has ? &CONVOY_VAL (g, n->in[i])->shape : NULL;
    if ((n->op->macs && has != (i == 0)) || (has && (in->d[0] != batch || (i > 0 && in->n != out->n))))
      return FALSE;
  }
  gint64 axis = convoy_node_int (n, "axis", 1);
  return axis != 0 && axis != -(gint64) out->n && !convoy_node_int (n, "transA", 0) && !convoy_node_int (n, "training_mode", 0);
}

guint
convoy_split_batch (const ConvoyGraph *g)
{
  gint64 batch = 0;
  g_autofree gboolean *sampled = find_sampled (g);
  for (guint i = 0; i < g->inputs->len; i++) {
    const ConvoyShape *s = &CONVOY_VAL (g, convoy_graph_get_input (g, i))->shape;
    if (s->n < 2 || (batch && s->d[0] != batch))
      return 0;
    batch = s->d[0];
  }
  for (guint i = 0; i < g->nodes->len; i++)
    if (sampled[CONVOY_NODE (g, i)->out] && !is_samplewise (g, CONVOY_NODE (g, i), sampled, batch))
      return 0;
  return batch > 1 && batch <= G_MAXUINT16 ? (guint) batch : 0;
}

/* --- where? ------------------------------------------------------------- */

/* By value: the last node that reads it, -1: none; the outputs of the graph are read last of all. */
static gint *
last_readers (const ConvoyGraph *g)
{
  gint *last = g_new (gint, g->vals->len + 1);
  for (guint v = 0; v < g->vals->len; v++)
    last[v] = -1;
  for (guint i = 0; i < g->nodes->len; i++)
    for (guint k = 0; k < CONVOY_NODE (g, i)->n_in; k++)
      if (CONVOY_NODE (g, i)->in[k] != CONVOY_NONE)
        last[CONVOY_NODE (g, i)->in[k]] = (gint) i;
  for (guint i = 0; i < g->outputs->len; i++)
    last[convoy_graph_get_output (g, i)] = G_MAXINT;
  return last;
}

/* All that is read after node i comes through its output. */
static gboolean
is_neck (const ConvoyGraph *g, guint i, const gint *last)
{
  ConvoyValue v = CONVOY_NODE (g, i)->out;
  for (ConvoyValue k = 0; k < g->vals->len; k++) {
    const ConvoyVal *x = CONVOY_VAL (g, k);
    gboolean before = x->kind == CONVOY_V_INPUT || (x->kind == CONVOY_V_NODE && x->node <= i);
    if (before && k != v && last[k] > (gint) i)
      return FALSE;
  }
  return TRUE;
}

/* Only multiplying nodes read it, so that nothing that would ride on its producer is torn off; and it is no more than
 * that: between bytes no floats come and go. */
static gboolean
is_finished (const ConvoyGraph *g, ConvoyValue v)
{
  guint readers = 0;
  if (strcmp (CONVOY_NODE (g, CONVOY_VAL (g, v)->node)->op->name, "DequantizeLinear") == 0)
    return FALSE;
  for (guint i = 0; i < g->nodes->len; i++)
    for (guint k = 0; k < CONVOY_NODE (g, i)->n_in; k++)
      if (CONVOY_NODE (g, i)->in[k] == v) {
        readers++;
        if (CONVOY_NODE (g, i)->op->macs == NULL)
          return FALSE;
      }
  return readers > 0;
}

static ConvoyValue
find_cut (const ConvoyGraph *g, guint side)
{
  g_autofree gint *last = last_readers (g);
  for (guint i = g->nodes->len; i-- > 0;) {
    ConvoyValue v = CONVOY_NODE (g, i)->out;
    const ConvoyVal *x = CONVOY_VAL (g, v);
    if (x->type == CONVOY_F32 && x->shape.n == 4 && x->shape.d[2] > side && is_finished (g, v) && is_neck (g, i, last))
      return v;
  }
  return CONVOY_NONE;
}

static guint
convs_until (const ConvoyGraph *g, ConvoyValue cut)
{
  guint n = 0;
  for (guint i = 0; i <= CONVOY_VAL (g, cut)->node; i++)
    n += strcmp (CONVOY_NODE (g, i)->op->name, "Conv") == 0;
  return n;
}

/* --- the plans ----------------------------------------------------------- */

static ConvoyPlan *
compile (ConvoyGraph *part, guint samples, guint threads, ConvoyVariant v, GError **error)
{
  if (part == NULL)
    return NULL;
  for (guint i = 0; i < part->outputs->len; i++) {
    const ConvoyShape *s = &CONVOY_VAL (part, convoy_graph_get_output (part, i))->shape;
    if (s->n < 1 || s->d[0] != samples) {
      g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "output %u of %u samples has no dimension for them", i, samples);
      return NULL;
    }
  }
  v.part = v.side = 0;
  return convoy_plan_compile (part, threads, FALSE, v, NULL, error);
}

/* The front of the graph, up to cut, for parts of v.part samples. */
static ConvoyPlan *
front_plan (ConvoyGraph *g, ConvoyValue cut, guint threads, ConvoyVariant v, GError **error)
{
  g_autofree ConvoyShape *shapes = g_new (ConvoyShape, g->inputs->len + 1);
  for (guint i = 0; i < g->inputs->len; i++) {
    shapes[i] = CONVOY_VAL (g, convoy_graph_get_input (g, i))->shape;
    shapes[i].d[0] = v.part;
  }
  ConvoyGraph *part = cut == CONVOY_NONE ? convoy_graph_bind (g, shapes, NULL, error) : convoy_graph_bind_to (g, shapes, &cut, 1, error);
  ConvoyPlan *p = compile (part, v.part, threads, v, error);
  convoy_graph_unref (part);
  return p;
}

/* Of the convolutions that are chosen, those from the first on. */
static guint64
from_conv (guint64 chosen, guint first)
{
  return first < 63 ? chosen >> first : chosen >> 63 ? ~(guint64) 0 : 0;
}

/* What follows cut; its input takes any layout. */
static ConvoyPlan *
rest_plan (ConvoyGraph *g, ConvoyValue cut, guint first_conv, guint samples, guint threads, ConvoyVariant v, GError **error)
{
  ConvoyShape shape = CONVOY_VAL (g, cut)->shape;
  shape.d[0] = samples;
  v.any_input = TRUE;
  v.depthwise = from_conv (v.depthwise, first_conv);
  v.tiles = from_conv (v.tiles, first_conv);
  for (guint i = 0; i < G_N_ELEMENTS (v.winograd); i++)
    v.winograd[i] = from_conv (v.winograd[i], first_conv);
  ConvoyGraph *rest = convoy_graph_bind_rest (g, cut, &shape, error);
  ConvoyPlan *p = compile (rest, samples, threads, v, error);
  convoy_graph_unref (rest);
  return p;
}

/* Parts side by side run one thread each. */
static guint
set_stage (ConvoySplit *s, guint i, guint parts, guint threads)
{
  s->stage[i].parts = parts;
  s->stage[i].lanes = MIN (parts, threads);
  return parts > 1 ? 1 : threads;
}

ConvoySplit *
convoy_split_new (ConvoyGraph *g, guint threads, ConvoyVariant v, GError **error)
{
  guint batch = convoy_split_batch (g), rest = threads > 1 && batch % threads == 0 ? batch / threads : batch;
  ConvoyValue cut = batch && v.side ? find_cut (g, v.side) : CONVOY_NONE;
  if (batch == 0 || batch % v.part || (v.side && cut == CONVOY_NONE)) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED, "a batch of %u does not split into parts of %u", batch, v.part);
    return NULL;
  }
  ConvoySplit *s = g_new0 (ConvoySplit, 1);
  ConvoyMd *border = NULL;
  gboolean ok = TRUE;
  s->n = cut == CONVOY_NONE ? 1 : 2;
  guint front_threads = set_stage (s, 0, batch / v.part, threads), rest_threads = set_stage (s, 1, batch / rest, threads);
  if (s->n == 2) {
    s->stage[1].first_conv = convs_until (g, cut);
    ok = (s->stage[1].plan = rest_plan (g, cut, s->stage[1].first_conv, rest, rest_threads, v, error)) != NULL;
    border = ok ? convoy_md_rebatch (CONVOY_BUF (s->stage[1].plan, g_array_index (s->stage[1].plan->inputs, ConvoyBuf, 0))->md, v.part) : NULL;
    if (ok && border == NULL)
      g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED, "the layout between the parts has no name");
    ok = border != NULL;
  }
  v.output = border;
  ok = ok && (s->stage[0].plan = front_plan (g, cut, front_threads, v, error)) != NULL;
  convoy_md_free (border);
  if (!ok)
    g_clear_pointer (&s, convoy_split_free);
  return s;
}

void
convoy_split_free (ConvoySplit *s)
{
  if (s == NULL)
    return;
  for (guint i = 0; i < s->n; i++)
    convoy_plan_unref (s->stage[i].plan);
  g_free (s);
}
