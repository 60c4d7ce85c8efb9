/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * net-layers.c - layers without a window: dense, embedding, normalization, dropout, shapes, sums of branches. */
#include "core/graph.h"
#include "core/net.h"

/* NxC: Gemm with weights OxC. NxTxC and more: MatMul with weights CxO over the last dimension, and Add. */
ConvoyValue
convoy_net_dense (ConvoyNetLayer *l, GError **error)
{
  gint64 units = convoy_net_int (l, "units"), channels = convoy_net_channels (&l->shape, TRUE);
  gboolean flat = l->shape.n == 2, biased = convoy_net_bool (l, "use-bias"), linear = convoy_net_is_linear (l);
  ConvoyShape s = flat ? CONVOY_SHAPE (units, channels) : CONVOY_SHAPE (channels, units), b = CONVOY_SHAPE (units);
  ConvoyValue in[3] = { l->in[0].v, convoy_net_weight (l, "kernel", &s, convoy_net_text (l, "init"), (ConvoyNetFans) { channels, units }, error) }, v;
  if (in[1] == CONVOY_NONE)
    return CONVOY_NONE;
  if (biased && (in[2] = convoy_net_weight (l, "bias", &b, convoy_net_text (l, "bias-init"), (ConvoyNetFans) { units, units }, error)) == CONVOY_NONE)
    return CONVOY_NONE;
  if (flat) {
    ConvoyAttrs *a = convoy_attrs_new ();
    convoy_attrs_set_int (a, "transB", 1);
    v = convoy_net_emit (l, "Gemm", NULL, in, biased ? 3 : 2, a, linear, error);
  } else {
    v = convoy_net_emit (l, "MatMul", NULL, in, 2, NULL, linear && !biased, error);
    ConvoyValue sum[2] = { v, in[2] };
    if (biased && v != CONVOY_NONE)
      v = convoy_net_emit (l, "Add", "add", sum, 2, NULL, linear, error);
  }
  return v == CONVOY_NONE ? v : convoy_net_activate (l, v, error);
}

/* Numbers of words NxT -> NxTxC. */
ConvoyValue
convoy_net_embedding (ConvoyNetLayer *l, GError **error)
{
  gint64 words = convoy_net_int (l, "input-dim"), width = convoy_net_int (l, "output-dim");
  ConvoyShape s = CONVOY_SHAPE (words, width);
  ConvoyType type = convoy_graph_type (l->graph, l->in[0].v);
  if (type != CONVOY_I64 && type != CONVOY_I32) {
    convoy_net_fail (l, error, CONVOY_ERROR_SHAPE, "its input holds %s, not numbers of words", convoy_type_name (type));
    return CONVOY_NONE;
  }
  ConvoyValue in[2] = { convoy_net_weight (l, "embeddings", &s, convoy_net_text (l, "init"), (ConvoyNetFans) { words, width }, error), l->in[0].v };
  l->last = TRUE;
  return in[0] == CONVOY_NONE ? in[0] : convoy_net_emit (l, "Gather", NULL, in, 2, NULL, TRUE, error);
}

ConvoyValue
convoy_net_flatten (ConvoyNetLayer *l, GError **error)
{
  l->last = FALSE;
  return convoy_net_emit (l, "Flatten", NULL, &l->in[0].v, 1, NULL, TRUE, error);
}

/* The batch stays, whatever it is: 0 in the target. */
ConvoyValue
convoy_net_reshape (ConvoyNetLayer *l, GError **error)
{
  const ConvoyNetOption *o = convoy_net_option (l, "shape");
  gint64 target[CONVOY_MAX_DIMS] = { 0 }, known = 1, have = convoy_shape_count (&l->shape) / MAX (l->shape.d[0], 1);
  gboolean open = FALSE, fits = TRUE;
  for (guint i = 0; i < o->n; i++) {
    target[i + 1] = o->i[i];
    open |= o->i[i] < 0;
    fits = fits && (o->i[i] < 0 || !__builtin_mul_overflow (known, o->i[i], &known));
  }
  if (!fits || (open ? have % known != 0 : have != known)) {
    g_autofree char *s = convoy_net_sample (&l->shape);
    convoy_net_fail (l, error, CONVOY_ERROR_SHAPE, "input %s of %" G_GINT64_FORMAT " numbers does not fit shape %s", s, have, o->text);
    return CONVOY_NONE;
  }
  ConvoyValue in[2] = { l->in[0].v, convoy_net_const_ints (l, "shape", target, o->n + 1, error) };
  l->last = FALSE;
  return in[1] == CONVOY_NONE ? in[1] : convoy_net_emit (l, "Reshape", NULL, in, 2, NULL, TRUE, error);
}

/* The rate was an attribute before operator set 12. */
ConvoyValue
convoy_net_dropout (ConvoyNetLayer *l, GError **error)
{
  float rate = convoy_net_float (l, "rate");
  ConvoyValue in[2] = { l->in[0].v };
  if (l->graph->opset < 12) {
    ConvoyAttrs *a = convoy_attrs_new ();
    convoy_attrs_set_float (a, "ratio", rate);
    return convoy_net_emit (l, "Dropout", NULL, in, 1, a, TRUE, error);
  }
  in[1] = convoy_net_const_float (l, "rate", rate, error);
  return in[1] == CONVOY_NONE ? in[1] : convoy_net_emit (l, "Dropout", NULL, in, 2, NULL, TRUE, error);
}

/* A vector that does not learn, where Keras has none. */
static ConvoyValue
fixed (ConvoyNetLayer *l, const char *what, const ConvoyShape *s, float value, GError **error)
{
  g_autofree char *name = g_strdup_printf ("%s/%s", l->name, what);
  g_autoptr (ConvoyTensor) t = convoy_tensor_new (CONVOY_F32, s, error);
  if (t == NULL)
    return CONVOY_NONE;
  for (gint64 i = 0; i < s->d[0]; i++)
    ((float *) convoy_tensor_data (t))[i] = value;
  return convoy_graph_const (l->graph, name, t);
}

ConvoyValue
convoy_net_batchnorm (ConvoyNetLayer *l, GError **error)
{
  const struct { const char *what, *init; gboolean learns; float value; } parts[4] = {
    { "gamma", convoy_net_text (l, "gamma-init"), convoy_net_bool (l, "scale"), 1 }, { "beta", "zeros", convoy_net_bool (l, "center"), 0 },
    { "moving_mean", "zeros", TRUE, 0 }, { "moving_variance", "ones", TRUE, 0 },
  };
  ConvoyShape s = CONVOY_SHAPE (convoy_net_channels (&l->shape, FALSE));
  ConvoyValue in[5] = { l->in[0].v };
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++) {
    in[i + 1] = parts[i].learns ? convoy_net_weight (l, parts[i].what, &s, parts[i].init, (ConvoyNetFans) { s.d[0], s.d[0] }, error)
                                : fixed (l, parts[i].what, &s, parts[i].value, error);
    if (in[i + 1] == CONVOY_NONE)
      return CONVOY_NONE;
  }
  ConvoyAttrs *a = convoy_attrs_new ();
  convoy_attrs_set_float (a, "epsilon", convoy_net_float (l, "epsilon"));
  convoy_attrs_set_float (a, "momentum", convoy_net_float (l, "momentum"));
  return convoy_net_emit (l, "BatchNormalization", NULL, in, 5, a, TRUE, error);
}

ConvoyValue
convoy_net_activation (ConvoyNetLayer *l, GError **error)
{
  return convoy_net_activate (l, l->in[0].v, error);
}

/* --- several inputs --------------------------------------------------- */

/* The shapes of in[0] and in[i] agree, but for dimension free (G_MAXUINT: none). */
static gboolean
agree (const ConvoyNetLayer *l, guint i, guint free, const char *const *names, GError **error)
{
  const ConvoyShape *a = &l->shape, *b = convoy_graph_shape (l->graph, l->in[i].v);
  gboolean same = a->n == b->n;
  for (guint k = 0; same && k < a->n; k++)
    same = k == free || a->d[k] == b->d[k];
  if (same)
    return TRUE;
  g_autofree char *s = convoy_net_sample (a), *t = convoy_net_sample (b);
  return convoy_net_fail (l, error, CONVOY_ERROR_SHAPE, "its input %s does not go with the %s of %s", s, t, names[i - 1]);
}

static gboolean
all_agree (const ConvoyNetLayer *l, guint free, GError **error)
{
  g_auto (GStrv) names = g_strsplit (convoy_net_text (l, "with"), ",", -1);
  for (guint i = 1; i < l->n_in; i++)
    if (!agree (l, i, free, (const char *const *) names, error))
      return FALSE;
  return TRUE;
}

ConvoyValue
convoy_net_add (ConvoyNetLayer *l, GError **error)
{
  ConvoyValue v = l->in[0].v;
  if (!all_agree (l, G_MAXUINT, error))
    return CONVOY_NONE;
  for (guint i = 1; v != CONVOY_NONE && i < l->n_in; i++) {
    ConvoyValue in[2] = { v, l->in[i].v };
    g_autofree char *suffix = i + 1 < l->n_in ? g_strdup_printf ("add_%u", i) : NULL;
    v = convoy_net_emit (l, "Add", suffix, in, 2, NULL, suffix == NULL && convoy_net_is_linear (l), error);
  }
  return v == CONVOY_NONE ? v : convoy_net_activate (l, v, error);
}

/* Along the channels: the input, then those of with, in their order. */
ConvoyValue
convoy_net_concat (ConvoyNetLayer *l, GError **error)
{
  g_autofree ConvoyValue *in = g_new (ConvoyValue, l->n_in);
  if (!all_agree (l, 1, error))
    return CONVOY_NONE;
  for (guint i = 0; i < l->n_in; i++)
    in[i] = l->in[i].v;
  ConvoyAttrs *a = convoy_attrs_new ();
  convoy_attrs_set_int (a, "axis", 1);
  return convoy_net_emit (l, "Concat", NULL, in, l->n_in, a, TRUE, error);
}
