/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * checkpoint.c - what a checkpoint holds; checkpoint-file.c has how it lies in the file. */
#include "core/checkpoint.h"

static void
value_free (gpointer p)
{
  ConvoyCheckpointValue *v = p;
  g_free (v->s);
  g_free (v);
}

ConvoyCheckpoint *
convoy_checkpoint_new (void)
{
  ConvoyCheckpoint *c = g_new0 (ConvoyCheckpoint, 1);
  c->tensors = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) convoy_tensor_unref);
  c->values = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, value_free);
  return c;
}

void
convoy_checkpoint_free (ConvoyCheckpoint *c)
{
  if (c == NULL)
    return;
  g_hash_table_unref (c->tensors);
  g_hash_table_unref (c->values);
  g_free (c->path);
  g_free (c);
}

/* --- putting ---------------------------------------------------------- */

void
convoy_checkpoint_put_tensor (ConvoyCheckpoint *c, const char *name, ConvoyTensor *t)
{
  g_hash_table_insert (c->tensors, g_strdup (name), convoy_tensor_ref (t));
}

static void
put_value (ConvoyCheckpoint *c, const char *name, ConvoyCheckpointValue v)
{
  g_hash_table_insert (c->values, g_strdup (name), g_memdup2 (&v, sizeof v));
}

void
convoy_checkpoint_put_int (ConvoyCheckpoint *c, const char *name, gint64 v)
{
  put_value (c, name, (ConvoyCheckpointValue) { .kind = 'i', .i = v });
}

void
convoy_checkpoint_put_double (ConvoyCheckpoint *c, const char *name, double v)
{
  put_value (c, name, (ConvoyCheckpointValue) { .kind = 'd', .d = v });
}

void
convoy_checkpoint_put_string (ConvoyCheckpoint *c, const char *name, const char *v)
{
  put_value (c, name, (ConvoyCheckpointValue) { .kind = 's', .s = g_strdup (v) });
}

/* --- getting ---------------------------------------------------------- */

static gpointer
find (const ConvoyCheckpoint *c, GHashTable *where, const char *what, const char *name, GError **error)
{
  gpointer p = g_hash_table_lookup (where, name);
  if (p == NULL)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: has no %s called \"%s\"", c->path ? c->path : "checkpoint", what, name);
  return p;
}

ConvoyTensor *
convoy_checkpoint_get_tensor (const ConvoyCheckpoint *c, const char *name, ConvoyType type, const ConvoyShape *shape, GError **error)
{
  ConvoyTensor *t = find (c, c->tensors, "tensor", name, error);
  if (t == NULL || (convoy_tensor_type (t) == type && convoy_shape_equal (convoy_tensor_shape (t), shape)))
    return t;
  g_autofree char *is = convoy_shape_str (convoy_tensor_shape (t)), *wanted = convoy_shape_str (shape);
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "%s: \"%s\" is %s %s, not %s %s", c->path ? c->path : "checkpoint", name,
      is, convoy_type_name (convoy_tensor_type (t)), wanted, convoy_type_name (type));
  return NULL;
}

static const ConvoyCheckpointValue *
find_value (const ConvoyCheckpoint *c, const char *name, char kind, GError **error)
{
  const char *what = kind == 'i' ? "whole number" : kind == 'd' ? "number" : "string";
  const ConvoyCheckpointValue *v = find (c, c->values, what, name, error);
  if (v == NULL || v->kind == kind)
    return v;
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: \"%s\" is no %s", c->path ? c->path : "checkpoint", name, what);
  return NULL;
}

gboolean
convoy_checkpoint_get_int (const ConvoyCheckpoint *c, const char *name, gint64 *v, GError **error)
{
  const ConvoyCheckpointValue *value = find_value (c, name, 'i', error);
  if (value)
    *v = value->i;
  return value != NULL;
}

gboolean
convoy_checkpoint_get_double (const ConvoyCheckpoint *c, const char *name, double *v, GError **error)
{
  const ConvoyCheckpointValue *value = find_value (c, name, 'd', error);
  if (value)
    *v = value->d;
  return value != NULL;
}

const char *
convoy_checkpoint_get_string (const ConvoyCheckpoint *c, const char *name, GError **error)
{
  const ConvoyCheckpointValue *value = find_value (c, name, 's', error);
  return value ? value->s : NULL;
}
