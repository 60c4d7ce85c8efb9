/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * net-emit.c - appends the nodes of one layer, named after it, and the activations that layers end with. */
#include "core/graph.h"
#include "core/net.h"
#include <string.h>

ConvoyValue
convoy_net_emit (ConvoyNetLayer *l, const char *op, const char *suffix, const ConvoyValue *in, guint n_in, ConvoyAttrs *attrs, gboolean final, GError **error)
{
  g_autofree char *node = suffix ? g_strdup_printf ("%s/%s", l->name, suffix) : g_strdup (l->name);
  g_autofree char *value = final ? g_strdup (l->name) : suffix ? g_strdup (node) : g_strdup_printf ("%s/main", l->name);
  const char *names[] = { value };
  GError *local = NULL;
  ConvoyValue v = convoy_graph_node (l->graph, op, node, in, n_in, names, 1, attrs, &local);
  if (v != CONVOY_NONE && convoy_graph_shape (l->graph, v))
    return v;
  if (local)
    convoy_net_fail (l, error, local->code, "%s", local->message);
  else
    convoy_net_fail (l, error, CONVOY_ERROR_SHAPE, "its shape cannot be told");
  g_clear_error (&local);
  return CONVOY_NONE;
}

static ConvoyValue
constant (ConvoyNetLayer *l, const char *suffix, ConvoyType type, const ConvoyShape *s, const void *data, GError **error)
{
  g_autofree char *name = g_strdup_printf ("%s/%s", l->name, suffix);
  g_autoptr (ConvoyTensor) t = convoy_tensor_new (type, s, error);
  if (t == NULL)
    return CONVOY_NONE;
  memcpy (convoy_tensor_data (t), data, convoy_shape_count (s) * convoy_type_size (type));
  return convoy_graph_const (l->graph, name, t);
}

ConvoyValue
convoy_net_const_float (ConvoyNetLayer *l, const char *suffix, float v, GError **error)
{
  ConvoyShape scalar = { 0 };
  return constant (l, suffix, CONVOY_F32, &scalar, &v, error);
}

ConvoyValue
convoy_net_const_ints (ConvoyNetLayer *l, const char *suffix, const gint64 *v, guint n, GError **error)
{
  ConvoyShape s = CONVOY_SHAPE (n);
  return constant (l, suffix, CONVOY_I64, &s, v, error);
}

gboolean
convoy_net_lay_out (ConvoyNetLayer *l, ConvoyNetValue *v, gboolean last, guint index, GError **error)
{
  ConvoyShape s = *convoy_graph_shape (l->graph, v->v);
  gint64 perm[CONVOY_MAX_DIMS] = { 0 };
  if (v->last == last)
    return TRUE;
  v->last = last;
  if (s.n < 3)
    return TRUE;
  for (guint i = 1; i < s.n; i++)
    perm[i] = last ? (i + 1 < s.n ? i + 1 : 1) : i == 1 ? s.n - 1 : i - 1;
  ConvoyAttrs *a = convoy_attrs_new ();
  convoy_attrs_set_ints (a, "perm", perm, s.n);
  g_autofree char *suffix = index ? g_strdup_printf ("transpose_%u", index) : g_strdup ("transpose");
  v->v = convoy_net_emit (l, "Transpose", suffix, &v->v, 1, a, FALSE, error);
  return v->v != CONVOY_NONE;
}

/* --- activations ------------------------------------------------------ */

/* Functions one after the other, as Keras defines them; times_input: the result is multiplied by what went in. */
static const struct {
  const char *name;
  const char *op[2];
  float alpha, beta;            /* attributes of the first; 0: not set */
  gboolean times_input;
} activations[] = {
  { "linear", { NULL }, 0, 0, FALSE },
  { "relu", { "Relu" }, 0, 0, FALSE },
  { "relu6", { "Clip" }, 0, 0, FALSE },
  { "leaky_relu", { "LeakyRelu" }, 0.2f, 0, FALSE },
  { "elu", { "Elu" }, 0, 0, FALSE },
  { "selu", { "Selu" }, 0, 0, FALSE },
  { "sigmoid", { "Sigmoid" }, 0, 0, FALSE },
  { "hard_sigmoid", { "HardSigmoid" }, 1.0f / 6, 0.5f, FALSE },
  { "tanh", { "Tanh" }, 0, 0, FALSE },
  { "softplus", { "Softplus" }, 0, 0, FALSE },
  { "softsign", { "Softsign" }, 0, 0, FALSE },
  { "exponential", { "Exp" }, 0, 0, FALSE },
  { "softmax", { "Softmax" }, 0, 0, FALSE },
  { "silu", { "Sigmoid" }, 0, 0, TRUE },
  { "swish", { "Sigmoid" }, 0, 0, TRUE },
  { "hard_swish", { "HardSigmoid" }, 1.0f / 6, 0.5f, TRUE },
  { "mish", { "Softplus", "Tanh" }, 0, 0, TRUE },
};

const char *convoy_net_activation_name (guint i) { return i < G_N_ELEMENTS (activations) ? activations[i].name : NULL; }
gboolean convoy_net_is_linear (const ConvoyNetLayer *l) { return g_str_equal (convoy_net_text (l, "activation"), "linear"); }

/* Over the channels; before operator set 13 over them and all that follow, so they must be the last. */
static ConvoyAttrs *
softmax_attrs (const ConvoyNetLayer *l, ConvoyValue v, GError **error)
{
  const ConvoyShape *s = convoy_graph_shape (l->graph, v);
  guint axis = l->last || s->n < 3 ? s->n - 1 : 1;
  ConvoyAttrs *a = convoy_attrs_new ();
  convoy_attrs_set_int (a, "axis", axis + 1 == s->n && l->graph->opset >= 13 ? -1 : (gint64) axis);
  if (axis + 1 == s->n || l->graph->opset >= 13)
    return a;
  g_autofree char *text = convoy_net_sample (s);
  convoy_net_fail (l, error, CONVOY_ERROR_UNSUPPORTED, "softmax over the channels of %s wants operator set 13, not %u", text, l->graph->opset);
  convoy_attrs_free (a);
  return NULL;
}

static ConvoyAttrs *
attrs_of (const ConvoyNetLayer *l, guint k, guint i, ConvoyValue v, GError **error)
{
  if (g_str_equal (activations[k].op[i], "Softmax"))
    return softmax_attrs (l, v, error);
  ConvoyAttrs *a = convoy_attrs_new ();
  if (i == 0 && activations[k].alpha != 0)
    convoy_attrs_set_float (a, "alpha", activations[k].alpha);
  if (i == 0 && activations[k].beta != 0)
    convoy_attrs_set_float (a, "beta", activations[k].beta);
  return a;
}

/* Bounds 0 and 6, which were attributes before operator set 11. */
static ConvoyValue
relu6 (ConvoyNetLayer *l, ConvoyValue v, const char *suffix, GError **error)
{
  if (l->graph->opset < 11) {
    ConvoyAttrs *a = convoy_attrs_new ();
    convoy_attrs_set_float (a, "min", 0);
    convoy_attrs_set_float (a, "max", 6);
    return convoy_net_emit (l, "Clip", suffix, &v, 1, a, TRUE, error);
  }
  ConvoyValue in[3] = { v, convoy_net_const_float (l, "min", 0, error), CONVOY_NONE };
  if (in[1] == CONVOY_NONE || (in[2] = convoy_net_const_float (l, "max", 6, error)) == CONVOY_NONE)
    return CONVOY_NONE;
  return convoy_net_emit (l, "Clip", suffix, in, 3, NULL, TRUE, error);
}

ConvoyValue
convoy_net_activate (ConvoyNetLayer *l, ConvoyValue v, GError **error)
{
  const ConvoyNetOption *option = convoy_net_option (l, "activation");
  const char *name = option ? option->text : l->word->word;     /* the word softmax */
  const char *suffix = l->word->op ? name : NULL;       /* a layer that is nothing else is called itself */
  ConvoyValue in[2] = { v, v };
  guint k = 0;
  while (!g_str_equal (activations[k].name, name))
    k++;
  if (activations[k].op[0] == NULL)
    return suffix ? v : convoy_net_emit (l, "Identity", NULL, &v, 1, NULL, TRUE, error);
  if (g_str_equal (activations[k].op[0], "Clip"))
    return relu6 (l, v, suffix, error);
  for (guint i = 0; i < G_N_ELEMENTS (activations[k].op) && activations[k].op[i]; i++) {
    gboolean final = !activations[k].times_input && (i + 1 == G_N_ELEMENTS (activations[k].op) || activations[k].op[i + 1] == NULL);
    g_autofree char *own = g_ascii_strdown (activations[k].op[i], -1);
    ConvoyAttrs *a = attrs_of (l, k, i, in[0], error);
    if (a == NULL || (in[0] = convoy_net_emit (l, activations[k].op[i], final ? suffix : own, in, 1, a, final, error)) == CONVOY_NONE)
      return CONVOY_NONE;
  }
  return activations[k].times_input ? convoy_net_emit (l, "Mul", suffix, in, 2, NULL, TRUE, error) : in[0];
}
