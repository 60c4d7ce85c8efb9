/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * node.c - what infer and eval ask of a node: attributes by name, axes, broadcasting, integers
 * that an older operator version has as attribute and a newer one as input. */
#include "core/graph.h"
#include <stdarg.h>
#include <string.h>

gboolean convoy_node_has (const ConvoyNode *n, const char *key) { return convoy_attrs_find (n->attrs, key) != NULL; }

guint
convoy_node_row (const ConvoyNode *n, const void *rows, gsize size)
{
  guint i = 0;
  while (strcmp (*(const char *const *) ((const char *) rows + i * size), n->op->name) != 0)
    i++;
  return i;
}

gint64
convoy_node_int (const ConvoyNode *n, const char *key, gint64 dflt)
{
  const ConvoyAttr *a = convoy_attrs_find (n->attrs, key);
  return a ? a->i[0] : dflt;
}

float
convoy_node_float (const ConvoyNode *n, const char *key, float dflt)
{
  const ConvoyAttr *a = convoy_attrs_find (n->attrs, key);
  return a ? a->f[0] : dflt;
}

const char *
convoy_node_str (const ConvoyNode *n, const char *key, const char *dflt)
{
  const ConvoyAttr *a = convoy_attrs_find (n->attrs, key);
  return a ? a->s : dflt;
}

const gint64 *
convoy_node_ints (const ConvoyNode *n, const char *key, gsize *len)
{
  const ConvoyAttr *a = convoy_attrs_find (n->attrs, key);
  *len = a ? a->n : 0;
  return a ? a->i : NULL;
}

const float *
convoy_node_floats (const ConvoyNode *n, const char *key, gsize *len)
{
  const ConvoyAttr *a = convoy_attrs_find (n->attrs, key);
  *len = a ? a->n : 0;
  return a ? a->f : NULL;
}

ConvoyTensor *
convoy_node_tensor (const ConvoyNode *n, const char *key)
{
  const ConvoyAttr *a = convoy_attrs_find (n->attrs, key);
  return a ? a->t : NULL;
}

gboolean
convoy_infer_fail (const ConvoyNode *n, GError **error, const char *format, ...)
{
  va_list ap;
  va_start (ap, format);
  g_autofree char *text = g_strdup_vprintf (format, ap);
  va_end (ap);
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "%s%s%s: %s", n->op->name, *n->name ? " " : "", n->name, text);
  return FALSE;
}

gboolean
convoy_infer_axis (const ConvoyNode *n, gint64 axis, guint rank, guint *out, GError **error)
{
  if (axis < -(gint64) rank || axis >= (gint64) rank)
    return convoy_infer_fail (n, error, "axis %" G_GINT64_FORMAT " of %u dimensions", axis, rank);
  *out = axis < 0 ? axis + rank : axis;
  return TRUE;
}

gboolean
convoy_infer_broadcast (const ConvoyNode *n, const ConvoyShape *a, const ConvoyShape *b, ConvoyShape *out, GError **error)
{
  guint rank = MAX (a->n, b->n);
  ConvoyShape o = { rank, { 0 } };
  for (guint i = 0; i < rank; i++) {
    gint64 x = i + a->n < rank ? 1 : a->d[i + a->n - rank], y = i + b->n < rank ? 1 : b->d[i + b->n - rank];
    if (x != y && x != 1 && y != 1) {
      g_autofree char *s = convoy_shape_str (a), *t = convoy_shape_str (b);
      return convoy_infer_fail (n, error, "shapes %s and %s do not broadcast", s, t);
    }
    o.d[i] = x == 1 ? y : x;
  }
  *out = o;
  return TRUE;
}

gboolean
convoy_infer_ints (const ConvoyNode *n, const ConvoyFact *in, guint i, const char *attr, gint64 **v, gsize *len, GError **error)
{
  *v = NULL;
  *len = 0;
  if (i >= n->n_in || in[i].shape.n == G_MAXUINT) {
    const gint64 *a = attr ? convoy_node_ints (n, attr, len) : NULL;
    *v = a ? g_memdup2 (a, *len * sizeof *a) : NULL;
    return TRUE;
  }
  if (in[i].value == NULL || in[i].shape.n > 1 || (in[i].type != CONVOY_I64 && in[i].type != CONVOY_I32))
    return convoy_infer_fail (n, error, "input %u must be a constant list of integers", i);
  *len = convoy_tensor_count (in[i].value);
  *v = g_new (gint64, *len + 1);
  const void *data = convoy_tensor_data (in[i].value);
  for (gsize k = 0; k < *len; k++)
    (*v)[k] = in[i].type == CONVOY_I64 ? ((const gint64 *) data)[k] : ((const gint32 *) data)[k];
  return TRUE;
}
