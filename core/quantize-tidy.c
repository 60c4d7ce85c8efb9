/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * quantize-tidy.c - a network as it is before it is quantized: in operator set 13 at least, the first
 * with a scale a channel, and with nothing left in it that weights can take. */
#include "core/quantize.h"
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

/* --- new nodes and weights ------------------------------------------------ */

static char *
name_of (ConvoySplice *s, ConvoyValue v, const char *ending)
{
  const char *name = convoy_graph_name (s->from, v);
  g_autofree char *own = *name ? g_strconcat (name, ending, NULL) : g_strdup_printf ("value_%u%s", v, ending);
  return convoy_splice_name (s->to, own);
}

ConvoyValue
convoy_quantize_node (ConvoySplice *s, const char *op, ConvoyValue v, const char *ending, const ConvoyValue *in, guint n_in,
    ConvoyAttrs *attrs, GError **error)
{
  g_autofree char *name = name_of (s, v, ending);
  return convoy_graph_node (s->to, op, name, in, n_in, (const char *const[]) { name }, 1, attrs, error);
}

ConvoyValue
convoy_quantize_constant (ConvoySplice *s, ConvoyValue v, const char *ending, ConvoyTensor *value)
{
  g_autoptr (ConvoyTensor) own = value;
  if (value == NULL)
    return CONVOY_NONE;
  g_autofree char *name = name_of (s, v, ending);
  return convoy_tensor_type (value) == CONVOY_F32 ? convoy_graph_param (s->to, name, value)
                                                  : convoy_graph_const (s->to, name, value);
}

/* --- from older operator sets ---------------------------------------------- */

/* What was an attribute, a number or some integers, as a constant; CONVOY_NONE with *error clear: n has none. */
static ConvoyValue
from_attr (Tidy *t, const ConvoyNode *n, const char *key, GError **error)
{
  const ConvoyAttr *a = convoy_attrs_find (n->attrs, key);
  g_autofree char *ending = g_strconcat ("_", key, NULL);
  ConvoyShape shape = { 0 };
  if (a && a->kind == 'I')
    shape = CONVOY_SHAPE ((gint64) a->n);
  ConvoyTensor *x = a ? convoy_tensor_new (a->kind == 'I' ? CONVOY_I64 : CONVOY_F32, &shape, error) : NULL;
  if (x && a->kind == 'I')
    memcpy (convoy_tensor_data (x), a->i, a->n * sizeof *a->i);
  else if (x)
    *(float *) convoy_tensor_data (x) = a->f[0];
  return convoy_quantize_constant (&t->s, n->out, ending, x);
}

/* Two attributes became inputs; a third stays. b and stays NULL: there is none. */
static ConvoyValue
to_inputs (Tidy *t, const ConvoyNode *n, const char *a, const char *b, const char *stays, GError **error)
{
  GError *why = NULL;
  ConvoyValue in[3] = { convoy_splice_value (&t->s, n->in[0]), from_attr (t, n, a, &why), CONVOY_NONE };
  const ConvoyAttr *old = stays ? convoy_attrs_find (n->attrs, stays) : NULL;
  if (b && why == NULL)
    in[2] = from_attr (t, n, b, &why);
  if (why) {
    g_propagate_error (error, why);
    return CONVOY_NONE;
  }
  ConvoyAttrs *attrs = convoy_attrs_new ();
  if (old && old->kind == 's')
    convoy_attrs_set_string (attrs, stays, old->s);
  else if (old)
    convoy_attrs_set_int (attrs, stays, old->i[0]);
  return convoy_quantize_node (&t->s, n->op->name, n->out, "", in,
      in[2] != CONVOY_NONE       ? 3
          : in[1] != CONVOY_NONE ? 2
                                 : 1,
      attrs, error);
}

static ConvoyValue
lift_clip (Tidy *t, const ConvoyNode *n, GError **error)
{
  return to_inputs (t, n, "min", "max", NULL, error);
}
static ConvoyValue
lift_pad (Tidy *t, const ConvoyNode *n, GError **error)
{
  return to_inputs (t, n, "pads", "value", "mode", error);
}
static ConvoyValue
lift_axes (Tidy *t, const ConvoyNode *n, GError **error)
{
  return to_inputs (t, n, "axes", NULL, NULL, error);
}
static ConvoyValue
lift_sum (Tidy *t, const ConvoyNode *n, GError **error)
{
  return to_inputs (t, n, "axes", NULL, "keepdims", error);
}

/* Over all dimensions from axis on: the same as over axis, where those behind it are 1. */
static ConvoyValue
lift_softmax (Tidy *t, const ConvoyNode *n, GError **error)
{
  ConvoyGraph *bound = convoy_graph_bind_to (t->s.from, t->input, n->in, 1, error);
  if (bound == NULL)
    return CONVOY_NONE;
  ConvoyShape x = *convoy_graph_shape (bound, convoy_graph_get_output (bound, 0));
  convoy_graph_unref (bound);
  gint64 axis = convoy_node_int (n, "axis", 1);
  axis += axis < 0 ? x.n : 0;
  for (guint i = axis + 1; i < x.n; i++)
    if (x.d[i] != 1) {
      convoy_infer_fail (n, error, "over several dimensions, as before operator set 13, is not supported here");
      return CONVOY_NONE;
    }
  ConvoyAttrs *attrs = convoy_attrs_new ();
  convoy_attrs_set_int (attrs, "axis", axis);
  ConvoyValue in = convoy_splice_value (&t->s, n->in[0]);
  return convoy_quantize_node (&t->s, n->op->name, n->out, "", &in, 1, attrs, error);
}

/* Of two it is an Add, which has a kernel for bytes. */
static ConvoyValue
lift_terms (Tidy *t, const ConvoyNode *n, GError **error)
{
  g_autofree ConvoyValue *in = g_new (ConvoyValue, n->n_in);
  for (guint i = 0; i < n->n_in; i++)
    in[i] = convoy_splice_value (&t->s, n->in[i]);
  return convoy_quantize_node (&t->s, n->n_in == 2 ? "Add" : "Sum", n->out, "", in, n->n_in, NULL, error);
}

/* Operators that changed: from which set on they are as they are in 13. Without lift: not brought there. */
static const struct {
  const char *op;
  guint since;
  ConvoyValue (*lift) (Tidy *t, const ConvoyNode *n, GError **error);
} lifts[] = {
  { "Clip", 11, lift_clip },
  { "Hardmax", 13, lift_softmax },
  { "LogSoftmax", 13, lift_softmax },
  { "Pad", 11, lift_pad },
  { "ReduceSum", 13, lift_sum },
  { "Resize", 11, NULL },
  { "Slice", 10, NULL },
  { "Softmax", 13, lift_softmax },
  { "Squeeze", 13, lift_axes },
  { "Sum", G_MAXUINT, lift_terms },
  { "TopK", 11, NULL },
  { "Unsqueeze", 13, lift_axes },
  { "Upsample", G_MAXUINT, NULL },
};

static gboolean
copy (Tidy *t, const ConvoyNode *n, GError **error)
{
  guint i = 0;
  while (i < G_N_ELEMENTS (lifts) && !(is (n, lifts[i].op) && n->opset < lifts[i].since))
    i++;
  if (i == G_N_ELEMENTS (lifts))
    return convoy_splice_node (&t->s, n, error);
  if (lifts[i].lift == NULL)
    return convoy_infer_fail (n, error, "of operator set %u is not supported here", n->opset);
  t->s.map[n->out] = lifts[i].lift (t, n, error);
  return t->s.map[n->out] != CONVOY_NONE;
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
    convoy_quantize_constant (&t->s, bn->out, "_weights", g_steal_pointer (&weights)),
    convoy_quantize_constant (&t->s, bn->out, "_bias", g_steal_pointer (&bias)) };
  t->s.map[bn->out] = convoy_quantize_node (&t->s, "Conv", bn->out, "", in, 3, n->attrs ? convoy_attrs_ref (n->attrs) : NULL,
      error);
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
