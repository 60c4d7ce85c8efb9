/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * loss.c - see loss.h. A Softmax or Sigmoid at the end is left out where the loss has it in itself:
 * the fused form never takes the logarithm of a probability that was rounded to zero. */
#include "core/loss.h"
#include "core/graph.h"
#include "core/learn.h"
#include <math.h>
#include <string.h>

static void
softmax (float *row, gsize k)
{
  float top = row[0], sum = 0;
  for (gsize i = 1; i < k; i++)
    top = MAX (top, row[i]);
  for (gsize i = 0; i < k; i++)
    sum += row[i] = expf (row[i] - top);
  for (gsize i = 0; i < k; i++)
    row[i] /= sum;
}

static void
sigmoid (float *row, gsize k)
{
  for (gsize i = 0; i < k; i++)
    row[i] = 1 / (1 + expf (-row[i]));
}

/* Ties go to the lower index. */
static guint
largest (const float *row, gsize k)
{
  guint best = 0;
  for (gsize i = 1; i < k; i++)
    if (row[i] > row[best])
      best = i;
  return best;
}

static guint
positive (const float *row, gsize k)
{
  (void) k;
  return row[0] > 0;
}

enum { CROSS_ENTROPY, BINARY, SQUARES };
static const ConvoyLossRule rules[] = {
  [CROSS_ENTROPY] = { { "cross-entropy", "label-smoothing=0" }, "SoftmaxCrossEntropyLoss", "Softmax", 2, G_MAXINT64, 0, softmax, largest },
  [BINARY] = { { "binary-cross-entropy", "label-smoothing=0" }, "SigmoidCrossEntropyLoss", "Sigmoid", 1, 1, 2, sigmoid, positive },
  [SQUARES] = { { "mse", "" }, "MeanSquaredError", NULL, 1, 1, G_MAXINT64, NULL, NULL },
};

static const ConvoySpecWord *
word (guint i)
{
  return i < G_N_ELEMENTS (rules) ? &rules[i].spec : NULL;
}

/* The node that makes v; NULL: it is an input or a constant. */
static const ConvoyNode *
maker (const ConvoyGraph *g, ConvoyValue v)
{
  return CONVOY_VAL (g, v)->kind == CONVOY_V_NODE ? CONVOY_NODE (g, CONVOY_VAL (g, v)->node) : NULL;
}

/* The rule whose activation ends the graph; NULL: it ends otherwise. */
static const ConvoyLossRule *
rule_of (const ConvoyNode *last)
{
  for (guint i = 0; i < G_N_ELEMENTS (rules); i++)
    if (rules[i].fuses && strcmp (rules[i].fuses, last->op->name) == 0)
      return &rules[i];
  return NULL;
}

gboolean
convoy_loss_init (ConvoyLoss *l, const ConvoyGraph *g, const char *text, GError **error)
{
  ConvoyValue out = convoy_graph_get_output (g, 0);
  const ConvoyNode *last = maker (g, out);
  const ConvoyLossRule *fused = last ? rule_of (last) : NULL;
  const ConvoyShape *shape = convoy_graph_shape (g, out);
  if (last == NULL) {
    g_set_error_literal (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "loss: the network has no layer");
    return FALSE;
  }
  if (text == NULL && fused == NULL && (shape == NULL || shape->n < 2 || shape->d[1] <= 1)) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID,
        "loss: the last layer %s %s does not say whether it is binary-cross-entropy or mse", last->op->name, last->name);
    return FALSE;
  }
  if (!convoy_spec_parse (&l->spec, "loss", text ? text : fused ? fused->spec.word : rules[CROSS_ENTROPY].spec.word, word, "", error))
    return FALSE;
  l->rule = &rules[l->spec.row];
  if (fused && l->rule->fuses && fused != l->rule) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "loss %s: is for a network that ends in %s, not in %s %s", l->spec.word,
        l->rule->fuses, last->op->name, last->name);
    return FALSE;
  }
  l->logits = fused && fused == l->rule ? last->in[0] : out;
  return TRUE;
}

/* NxKx1x1 as NxK; anything that is neither is refused. */
static ConvoyValue
flat (const ConvoyLoss *l, ConvoyGraph *g, ConvoyValue v, GError **error)
{
  const ConvoyShape *s = convoy_graph_shape (g, v);
  g_autofree char *is = convoy_shape_str (s);
  gint64 count = convoy_shape_count (s);
  if (convoy_graph_type (g, v) != CONVOY_F32 || s->n < 2 || count != s->d[0] * s->d[1]) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "loss %s: the network gives %s %s, not samples x outputs of float32",
        l->spec.word, is, convoy_type_name (convoy_graph_type (g, v)));
    return CONVOY_NONE;
  }
  if (s->d[1] < l->rule->min_k || s->d[1] > l->rule->max_k) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "loss %s: is not for a network of %" G_GINT64_FORMAT " outputs (%s)",
        l->spec.word, s->d[1], is);
    return CONVOY_NONE;
  }
  return s->n == 2 ? v : convoy_graph_node (g, "Flatten", "loss/flatten", &v, 1, NULL, 1, NULL, error);
}

static gboolean
append (const ConvoyLoss *l, ConvoyGraph *g, GError **error)
{
  ConvoyValue scores = flat (l, g, convoy_graph_get_output (g, 0), error);
  if (scores == CONVOY_NONE)
    return FALSE;
  g_array_index (g->outputs, ConvoyValue, 0) = scores;
  return convoy_graph_add_loss (g, scores, l->rule->op, FALSE, convoy_spec_get (&l->spec, "label-smoothing"), error) != CONVOY_NONE;
}

ConvoyGraph *
convoy_loss_bind (const ConvoyLoss *l, const ConvoyGraph *g, guint batch, GError **error)
{
  ConvoyShape shape = CONVOY_VAL (g, convoy_graph_get_input (g, 0))->shape;
  shape.d[0] = batch;
  ConvoyGraph *bound = convoy_graph_bind_to (g, &shape, &l->logits, 1, error);
  if (bound && !append (l, bound, error))
    g_clear_pointer (&bound, convoy_graph_unref);
  return bound;
}
