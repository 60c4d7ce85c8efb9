/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * attrs.c - the attributes of a node: a short list of typed values by name. */
#include "core/attrs.h"
#include <string.h>

static void
attr_clear (gpointer p)
{
  ConvoyAttr *a = p;
  g_free (a->key);
  g_free (a->i);
  g_free (a->f);
  g_free (a->s);
  convoy_tensor_unref (a->t);
}

ConvoyAttrs *
convoy_attrs_new (void)
{
  ConvoyAttrs *a = g_atomic_rc_box_new0 (ConvoyAttrs);
  a->list = g_array_new (FALSE, TRUE, sizeof (ConvoyAttr));
  g_array_set_clear_func (a->list, attr_clear);
  return a;
}

static void
attrs_clear (gpointer p)
{
  g_array_unref (((ConvoyAttrs *) p)->list);
}

ConvoyAttrs *convoy_attrs_ref (ConvoyAttrs *a) { return g_atomic_rc_box_acquire (a); }
void convoy_attrs_free (ConvoyAttrs *a) { if (a) g_atomic_rc_box_release_full (a, attrs_clear); }

const ConvoyAttr *
convoy_attrs_find (const ConvoyAttrs *a, const char *key)
{
  for (guint i = 0; a && i < a->list->len; i++)
    if (strcmp (g_array_index (a->list, ConvoyAttr, i).key, key) == 0)
      return &g_array_index (a->list, ConvoyAttr, i);
  return NULL;
}

static ConvoyAttr *
attr_add (ConvoyAttrs *a, const char *key, char kind)
{
  ConvoyAttr x = { .key = g_strdup (key), .kind = kind };
  g_array_append_val (a->list, x);
  return &g_array_index (a->list, ConvoyAttr, a->list->len - 1);
}

static ConvoyAttr *
add_ints (ConvoyAttrs *a, const char *key, char kind, const gint64 *v, gsize n)
{
  ConvoyAttr *x = attr_add (a, key, kind);
  x->n = n;
  x->i = g_memdup2 (v, n * sizeof *v);
  return x;
}

static ConvoyAttr *
add_floats (ConvoyAttrs *a, const char *key, char kind, const float *v, gsize n)
{
  ConvoyAttr *x = attr_add (a, key, kind);
  x->n = n;
  x->f = g_memdup2 (v, n * sizeof *v);
  return x;
}

void convoy_attrs_set_ints (ConvoyAttrs *a, const char *key, const gint64 *v, gsize n) { add_ints (a, key, 'I', v, n); }
void convoy_attrs_set_int (ConvoyAttrs *a, const char *key, gint64 v) { add_ints (a, key, 'i', &v, 1); }
void convoy_attrs_set_floats (ConvoyAttrs *a, const char *key, const float *v, gsize n) { add_floats (a, key, 'F', v, n); }
void convoy_attrs_set_float (ConvoyAttrs *a, const char *key, float v) { add_floats (a, key, 'f', &v, 1); }
void convoy_attrs_set_string (ConvoyAttrs *a, const char *key, const char *v) { attr_add (a, key, 's')->s = g_strdup (v); }
void convoy_attrs_set_tensor (ConvoyAttrs *a, const char *key, ConvoyTensor *v) { attr_add (a, key, 't')->t = convoy_tensor_ref (v); }
