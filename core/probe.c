/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * probe.c - what a score came from: the gradient of one score with respect to what a layer gave, and
 * the heat map that follows from it. The graph gets an input that picks the score; the rest is the
 * gradient of a learning plan in which nothing learns. */
#include "core/graph.h"
#include "core/learn.h"
#include <math.h>
#include <string.h>

struct ConvoyProbe {
  ConvoyGraph *graph;
  ConvoyPlan *plan;
  ConvoyExec *exec;
  char *layer;
  guint pick;                   /* number of the input that picks */
  guint n, score;               /* scores of the network; the one of the last run */
  double probability;
};

enum { OUT_PICKED, OUT_SCORES, OUT_LAYER, OUT_GRADIENT };

/* --- the graph --------------------------------------------------------- */

/* The scores before they became probabilities, or what the network gives where it does not end so. */
static ConvoyValue
raw_scores (const ConvoyGraph *g, ConvoyValue out)
{
  static const char *const last[] = { "Softmax", "LogSoftmax", "Sigmoid", NULL };
  for (ConvoyValue v = out; CONVOY_VAL (g, v)->kind == CONVOY_V_NODE;) {
    const ConvoyNode *n = CONVOY_NODE (g, CONVOY_VAL (g, v)->node);
    if (g_strv_contains (last, n->op->name))
      return n->in[0];
    if (!(n->op->flags & CONVOY_OP_ALIAS))
      break;
    v = n->in[0];
  }
  return out;
}

/* picked = the sum of scores times pick, which becomes the first of three outputs. */
static gboolean
add_pick (ConvoyProbe *p, ConvoyValue layer, GError **error)
{
  ConvoyGraph *g = p->graph;
  ConvoyValue scores = raw_scores (g, convoy_graph_get_output (g, 0));
  const ConvoyShape *s = convoy_graph_shape (g, scores);
  gint64 n = convoy_graph_type (g, scores) == CONVOY_F32 ? convoy_shape_count (s) : -1;
  if (n < 1 || n > G_MAXINT32 || s->n < 1 || s->d[0] != 1) {
    g_autofree char *text = convoy_shape_str (s);
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED, "the network gives %s %s, not the scores of one sample",
        convoy_type_name (convoy_graph_type (g, scores)), text);
    return FALSE;
  }
  p->n = (guint) n;
  p->pick = convoy_graph_n_inputs (g);
  ConvoyValue in[2] = { scores, convoy_graph_input (g, "convoy/pick", CONVOY_F32, s) };
  in[0] = convoy_graph_node (g, "Mul", NULL, in, 2, NULL, 1, NULL, error);
  if (in[0] == CONVOY_NONE)
    return FALSE;
  ConvoyAttrs *a = convoy_attrs_new ();
  convoy_attrs_set_int (a, "keepdims", 0);
  ConvoyValue picked = convoy_graph_node (g, "ReduceSum", NULL, in, 1, NULL, 1, a, error);
  if (picked == CONVOY_NONE)
    return FALSE;
  g_array_set_size (g->outputs, 0);
  convoy_graph_output (g, picked);
  convoy_graph_output (g, scores);
  convoy_graph_output (g, layer);
  return TRUE;
}

static gboolean
set_up (ConvoyProbe *p, const char *layer, GError **error)
{
  const char *name = convoy_graph_find_layer (p->graph, layer ? layer : "last-conv", error);
  if (name == NULL)
    return FALSE;
  p->layer = g_strdup (name);
  ConvoyLearnOptions o = { .about = p->layer };
  return add_pick (p, convoy_graph_find (p->graph, name), error) && (p->plan = convoy_plan_new_learning (p->graph, &o, error)) != NULL
      && (p->exec = convoy_exec_new (p->plan, error)) != NULL;
}

ConvoyProbe *
convoy_probe_new (const ConvoyGraph *g, const ConvoyShape *shape, const char *layer, GError **error)
{
  ConvoyGraph *bound = convoy_graph_bind (g, shape, NULL, error);
  if (bound == NULL)
    return NULL;
  ConvoyProbe *p = g_new0 (ConvoyProbe, 1);
  p->graph = bound;
  if (!set_up (p, layer, error))
    g_clear_pointer (&p, convoy_probe_free);
  return p;
}

void
convoy_probe_free (ConvoyProbe *p)
{
  if (p == NULL)
    return;
  convoy_exec_free (p->exec);
  convoy_plan_unref (p->plan);
  convoy_graph_unref (p->graph);
  g_free (p->layer);
  g_free (p);
}

/* --- runs -------------------------------------------------------------- */

ConvoyView convoy_probe_input (ConvoyProbe *p) { return convoy_exec_input (p->exec, 0); }
guint convoy_probe_n_scores (const ConvoyProbe *p) { return MAX (p->n, 2); }
guint convoy_probe_score (const ConvoyProbe *p) { return p->score; }
double convoy_probe_probability (const ConvoyProbe *p) { return p->probability; }
const char *convoy_probe_layer (const ConvoyProbe *p) { return p->layer; }
const ConvoyTensor *convoy_probe_value (const ConvoyProbe *p) { return convoy_exec_output (p->exec, OUT_LAYER); }
const ConvoyTensor *convoy_probe_gradient (const ConvoyProbe *p) { return convoy_exec_output (p->exec, OUT_GRADIENT); }

/* One score speaks for class 1, and with the other sign for class 0. */
static gboolean
run_about (ConvoyProbe *p, guint score, GError **error)
{
  ConvoyTensor *pick = convoy_tensor_new (CONVOY_F32, convoy_tensor_shape (convoy_exec_output (p->exec, OUT_SCORES)), error);
  if (pick == NULL)
    return FALSE;
  float *x = convoy_tensor_data (pick);
  memset (x, 0, p->n * sizeof *x);
  x[p->n == 1 ? 0 : score] = p->n == 1 && score == 0 ? -1 : 1;
  gboolean ok = convoy_exec_set (p->exec, p->pick, pick, error) && convoy_exec_run (p->exec, error);
  convoy_tensor_unref (pick);
  p->score = score;
  return ok;
}

gboolean
convoy_probe_run (ConvoyProbe *p, gint score, GError **error)
{
  const float *scores = convoy_tensor_data (convoy_exec_output (p->exec, OUT_SCORES));
  guint best = 0;
  double sum = 0;
  if (score >= (gint) convoy_probe_n_scores (p)) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "no score %d; the network has %u, from 0", score, convoy_probe_n_scores (p));
    return FALSE;
  }
  if (!run_about (p, (guint) MAX (score, 0), error))
    return FALSE;
  for (guint i = 1; i < p->n; i++)
    best = scores[i] > scores[best] ? i : best;
  if (p->n == 1)
    best = scores[0] > 0;
  if (score < 0 && best != 0 && !run_about (p, best, error))
    return FALSE;
  if (p->n == 1) {
    p->probability = 1 / (1 + exp (p->score ? -scores[0] : scores[0]));
    return TRUE;
  }
  for (guint i = 0; i < p->n; i++)
    sum += exp ((double) scores[i] - scores[best]);
  p->probability = exp ((double) scores[p->score] - scores[best]) / sum;
  return TRUE;
}

ConvoyTensor *
convoy_probe_heat (const ConvoyProbe *p, GError **error)
{
  const ConvoyShape *s = convoy_tensor_shape (convoy_probe_value (p));
  if (s->n != 4 || s->d[0] != 1 || convoy_tensor_type (convoy_probe_value (p)) != CONVOY_F32) {
    g_autofree char *text = convoy_shape_str (s);
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "layer %s gives %s, which is no map with height and width", p->layer, text);
    return NULL;
  }
  ConvoyTensor *t = convoy_tensor_new (CONVOY_F32, &CONVOY_SHAPE (s->d[2], s->d[3]), error);
  if (t == NULL)
    return NULL;
  gsize size = (gsize) (s->d[2] * s->d[3]);
  const float *a = convoy_tensor_data (convoy_probe_value (p)), *g = convoy_tensor_data (convoy_probe_gradient (p));
  float *heat = convoy_tensor_data (t), most = 0;
  memset (heat, 0, size * sizeof *heat);
  for (gint64 c = 0; c < s->d[1]; c++, a += size, g += size) {
    double mean = 0;
    for (gsize i = 0; i < size; i++)
      mean += g[i];
    mean /= (double) size;
    for (gsize i = 0; i < size; i++)
      heat[i] += (float) mean * a[i];
  }
  for (gsize i = 0; i < size; i++)
    most = fmaxf (most, heat[i]);
  for (gsize i = 0; i < size; i++)
    heat[i] = most > 0 ? fmaxf (heat[i], 0) / most : 0;
  return t;
}

/* --- what the first layer looks for -------------------------------------- */

ConvoyTensor *
convoy_graph_filters (const ConvoyGraph *bound, GError **error)
{
  for (guint i = 0; i < bound->nodes->len; i++) {
    const ConvoyNode *n = CONVOY_NODE (bound, i);
    ConvoyTensor *w = strcmp (n->op->name, "Conv") == 0 ? convoy_graph_value (bound, n->in[1]) : NULL;
    if (strcmp (n->op->name, "Conv") != 0)
      continue;
    if (w && convoy_tensor_type (w) == CONVOY_F32 && convoy_tensor_shape (w)->n == 4)
      return convoy_tensor_ref (w);
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED, "the filters of the first convolution, %s, are no float32 constant of pictures",
        *n->name ? n->name : convoy_graph_name (bound, n->out));
    return NULL;
  }
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED, "the network has no convolution");
  return NULL;
}
