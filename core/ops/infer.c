/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * infer.c - checks that many operators make before they know their output's shape. */
#include "core/ops/index.h"

gboolean
convoy_infer_type (const ConvoyNode *n, const ConvoyFact *in, guint i, guint types, GError **error)
{
  GString *wanted;
  if (!CONVOY_GIVEN (n, in, i) || types & 1u << in[i].type)
    return TRUE;
  wanted = g_string_new (NULL);
  for (guint t = 0; t < CONVOY_N_TYPES; t++)
    if (types & 1u << t)
      g_string_append_printf (wanted, "%s%s", wanted->len ? ", " : "", convoy_type_name (t));
  convoy_infer_fail (n, error, "input %u is %s, wants %s", i, convoy_type_name (in[i].type), wanted->str);
  g_string_free (wanted, TRUE);
  return FALSE;
}

gboolean
convoy_infer_rank (const ConvoyNode *n, const ConvoyFact *in, guint i, guint min, guint max, GError **error)
{
  g_autofree char *s = NULL;
  if (!CONVOY_GIVEN (n, in, i) || (in[i].shape.n >= min && in[i].shape.n <= max))
    return TRUE;
  s = convoy_shape_str (&in[i].shape);
  return convoy_infer_fail (n, error, "input %u of shape %s has %u dimensions, wants %u to %u", i, s, in[i].shape.n, min, max);
}

gboolean
convoy_infer_form (const ConvoyNode *n, const ConvoyFact *in, guint i, const char *attr, guint since, GError **error)
{
  if (n->opset < since && CONVOY_GIVEN (n, in, i))
    return convoy_infer_fail (n, error, "has no input %u before operator set %u, but an attribute %s", i, since, attr);
  if (n->opset >= since && convoy_node_has (n, attr))
    return convoy_infer_fail (n, error, "has no attribute %s from operator set %u on, but an input %u", attr, since, i);
  return TRUE;
}

gboolean
convoy_infer_until (const ConvoyNode *n, const char *attr, guint until, GError **error)
{
  if (n->opset >= until && convoy_node_has (n, attr))
    return convoy_infer_fail (n, error, "has no attribute %s from operator set %u on", attr, until);
  return TRUE;
}

gboolean
convoy_infer_axes (const ConvoyNode *n, const ConvoyFact *in, guint i, guint since, guint rank, guint *axes, gboolean *given, GError **error)
{
  g_autofree gint64 *v = NULL;
  gsize len;
  guint axis;
  *axes = 0;
  *given = CONVOY_GIVEN (n, in, i) || convoy_node_has (n, "axes");
  if (!convoy_infer_form (n, in, i, "axes", since, error) || !convoy_infer_ints (n, in, i, "axes", &v, &len, error))
    return FALSE;
  for (gsize k = 0; k < len; k++) {
    if (!convoy_infer_axis (n, v[k], rank, &axis, error))
      return FALSE;
    if (*axes & 1u << axis)
      return convoy_infer_fail (n, error, "axis %u is given twice", axis);
    *axes |= 1u << axis;
  }
  return TRUE;
}

gboolean
convoy_infer_size (const ConvoyNode *n, const ConvoyShape *s, GError **error)
{
  g_autofree char *text = NULL;
  gboolean fits = convoy_shape_count (s) >= 0;
  for (guint i = 0; i < s->n; i++)
    fits = fits && s->d[i] >= 0;
  if (fits)
    return TRUE;
  text = convoy_shape_str (s);
  return convoy_infer_fail (n, error, "an output of shape %s is not possible", text);
}

gboolean
convoy_infer_same (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  (void) n, (void) error;
  out[0].type = in[0].type;
  out[0].shape = in[0].shape;
  return TRUE;
}

ConvoyFact *
convoy_facts (const ConvoyNode *n, ConvoyTensor *const *in)
{
  ConvoyFact *f = g_new0 (ConvoyFact, MAX (n->n_in, 1));
  for (guint i = 0; i < n->n_in; i++) {
    f[i].shape.n = G_MAXUINT;
    if (in[i])
      f[i] = (ConvoyFact) { convoy_tensor_type (in[i]), *convoy_tensor_shape (in[i]), in[i] };
  }
  return f;
}
