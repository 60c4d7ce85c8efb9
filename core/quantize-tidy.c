/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * quantize-tidy.c - a network as it is before it is quantized: in operator set 13 at least, the first
 * with a scale a channel, and with nothing left in it that weights can take. */
#include "core/quantize.h"
#include "core/lift.h"
#include <math.h>
#include <string.h>

typedef struct {
  ConvoySplice s;
  const ConvoyShape *input;
  guint *readers, *reader; /* by value: how many nodes and outputs read it; the last of the nodes */
} Tidy;

static gboolean
is (const ConvoyNode *n, const char *op)
{
  return strcmp (n->op->name, op) == 0;
}

/* --- what changes on the way ------------------------------------------------ */

/* Of two it is an Add, which has a kernel for bytes. */
static gboolean
sum_to_add (Tidy *t, const ConvoyNode *n, GError **error)
{
  ConvoyValue in[2] = { convoy_splice_value (&t->s, n->in[0]), convoy_splice_value (&t->s, n->in[1]) };
  t->s.map[n->out] = convoy_splice_put (&t->s, "Add", n->out, "", in, 2, NULL, error);
  return t->s.map[n->out] != CONVOY_NONE;
}

static gboolean
copy (Tidy *t, const ConvoyNode *n, GError **error)
{
  return is (n, "Sum") && n->n_in == 2 ? sum_to_add (t, n, error) : convoy_lift_node (&t->s, n, t->input, error);
}

/* --- what weights take ------------------------------------------------------- */

/* The BatchNormalization that is all that reads what n, a convolution, gives; NULL: there is none, or not with constants. */
static const ConvoyNode *
norm_after (const Tidy *t, const ConvoyNode *n)
{
  const ConvoyGraph *g = t->s.from;
  const ConvoyNode *bn = t->readers[n->out] == 1 && t->reader[n->out] != CONVOY_NONE ? CONVOY_NODE (g, t->reader[n->out]) : NULL;
  if (!is (n, "Conv") || bn == NULL || !is (bn, "BatchNormalization") || bn->n_out > 1)
    return NULL;
  for (guint i = 1; i < n->n_in + bn->n_in; i++) {
    ConvoyValue v = i < n->n_in ? n->in[i] : bn->in[i - n->n_in];
    ConvoyTensor *c = v == CONVOY_NONE || i == n->n_in ? NULL : convoy_graph_value (g, v);
    if (v != CONVOY_NONE && i != n->n_in && (c == NULL || convoy_tensor_type (c) != CONVOY_F32))
      return NULL;
  }
  return bn;
}

/* y = (w x + b - mean) / sqrt (variance + epsilon) * scale + shift. */
static gboolean
fold (Tidy *t, const ConvoyNode *n, const ConvoyNode *bn, GError **error)
{
  const ConvoyGraph *g = t->s.from;
  ConvoyTensor *old = convoy_graph_value (g, n->in[1]);
  const ConvoyShape *shape = convoy_tensor_shape (old);
  const float *w = convoy_tensor_data (old),
              *b = n->n_in > 2 && n->in[2] != CONVOY_NONE ? convoy_tensor_data (convoy_graph_value (g, n->in[2])) : NULL, *p[4];
  gint64 channels = shape->d[0], per = convoy_tensor_count (old) / MAX (channels, 1);
  g_autoptr (ConvoyTensor) weights = convoy_tensor_new (CONVOY_F32, shape, error);
  g_autoptr (ConvoyTensor) bias = weights ? convoy_tensor_new (CONVOY_F32, &CONVOY_SHAPE (channels), error) : NULL;
  if (bias == NULL)
    return FALSE;
  for (guint i = 0; i < 4; i++) {
    p[i] = convoy_tensor_data (convoy_graph_value (g, bn->in[i + 1]));
    if (convoy_tensor_count (convoy_graph_value (g, bn->in[i + 1])) != channels)
      return convoy_infer_fail (bn, error, "does not fit the convolution before it");
  }
  float *to = convoy_tensor_data (weights), *shift = convoy_tensor_data (bias);
  for (gint64 c = 0; c < channels; c++) {
    double factor = p[0][c] / sqrt ((double) p[3][c] + convoy_node_float (bn, "epsilon", 1e-5f));
    shift[c] = ((b ? b[c] : 0.0) - p[2][c]) * factor + p[1][c];
    for (gint64 i = c * per; i < (c + 1) * per; i++)
      to[i] = w[i] * factor;
  }
  ConvoyValue in[3] = { convoy_splice_value (&t->s, n->in[0]),
    convoy_splice_constant (&t->s, bn->out, "_weights", g_steal_pointer (&weights)),
    convoy_splice_constant (&t->s, bn->out, "_bias", g_steal_pointer (&bias)) };
  t->s.map[bn->out] = convoy_splice_put (&t->s, "Conv", bn->out, "", in, 3, n->attrs ? convoy_attrs_ref (n->attrs) : NULL, error);
  return t->s.map[bn->out] != CONVOY_NONE;
}

/* --- the whole ----------------------------------------------------------------- */

static void
count_readers (Tidy *t)
{
  const ConvoyGraph *g = t->s.from;
  t->readers = g_new0 (guint, g->vals->len + 1);
  t->reader = g_new0 (guint, g->vals->len + 1);
  for (guint i = 0; i < g->nodes->len; i++)
    for (guint k = 0; k < CONVOY_NODE (g, i)->n_in; k++)
      if (CONVOY_NODE (g, i)->in[k] != CONVOY_NONE) {
        t->readers[CONVOY_NODE (g, i)->in[k]]++;
        t->reader[CONVOY_NODE (g, i)->in[k]] = i;
      }
  for (guint i = 0; i < g->outputs->len; i++)
    t->readers[convoy_graph_get_output (g, i)] += 2;
}

/* In inference its output is its input. */
static gboolean
does_nothing (const Tidy *t, const ConvoyNode *n)
{
  return (is (n, "Dropout") || is (n, "Identity")) && (n->n_out == 1 || t->readers[n->out + 1] == 0)
      && CONVOY_VAL (t->s.from, n->in[0])->kind == CONVOY_V_NODE;
}

static gboolean
tidy_node (Tidy *t, const ConvoyNode *n, GError **error)
{
  if (t->s.map[n->out] != CONVOY_NONE) /* folded */
    return TRUE;
  const ConvoyNode *bn = norm_after (t, n);
  if (bn)
    return fold (t, n, bn, error);
  if (!does_nothing (t, n))
    return copy (t, n, error);
  t->s.map[n->out] = convoy_splice_value (&t->s, n->in[0]);
  return TRUE;
}

ConvoyGraph *
convoy_quantize_tidy (const ConvoyGraph *g, const ConvoyShape *input, GError **error)
{
  ConvoyGraph *to = convoy_graph_new (MAX (convoy_graph_opset (g), CONVOY_QUANTIZE_OPSET));
  Tidy t = { .s = convoy_splice_new (g, to), .input = input };
  gboolean ok = TRUE;
  count_readers (&t);
  for (guint i = 0; i < g->inputs->len; i++) {
    ConvoyValue v = convoy_graph_get_input (g, i);
    t.s.map[v] = convoy_graph_input (to, convoy_graph_name (g, v), convoy_graph_type (g, v), convoy_graph_input_shape (g, i));
  }
  for (guint i = 0; ok && i < g->nodes->len; i++)
    ok = tidy_node (&t, CONVOY_NODE (g, i), error);
  for (guint i = 0; ok && i < g->outputs->len; i++)
    convoy_graph_output (to, convoy_splice_value (&t.s, convoy_graph_get_output (g, i)));
  g_free (t.s.map);
  g_free (t.readers);
  g_free (t.reader);
  if (!ok)
    g_clear_pointer (&to, convoy_graph_unref);
  return to;
}
