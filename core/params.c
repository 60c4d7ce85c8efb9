/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * params.c - named weights, shared by all graphs bound from one model. */
#include "core/params.h"

struct ConvoyParams {
  GMutex lock;                  /* protects by_name */
  GHashTable *by_name;          /* char * -> ConvoyTensor * */
  guint version;                /* atomic */
};

static void
tensor_unref (gpointer t)
{
  convoy_tensor_unref (t);
}

ConvoyParams *
convoy_params_new (void)
{
  ConvoyParams *p = g_atomic_rc_box_new0 (ConvoyParams);
  g_mutex_init (&p->lock);
  p->by_name = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, tensor_unref);
  p->version = 1;
  return p;
}

static void
params_clear (gpointer q)
{
  ConvoyParams *p = q;
  g_hash_table_unref (p->by_name);
  g_mutex_clear (&p->lock);
}

ConvoyParams *convoy_params_ref (ConvoyParams *p) { return g_atomic_rc_box_acquire (p); }
void convoy_params_unref (ConvoyParams *p) { if (p) g_atomic_rc_box_release_full (p, params_clear); }

void
convoy_params_put (ConvoyParams *p, const char *name, ConvoyTensor *value)
{
  g_mutex_lock (&p->lock);
  g_hash_table_replace (p->by_name, g_strdup (name), convoy_tensor_ref (value));
  g_mutex_unlock (&p->lock);
  g_atomic_int_inc (&p->version);
}

ConvoyTensor *
convoy_params_get (const ConvoyParams *p, const char *name)
{
  GMutex *lock = (GMutex *) &p->lock;
  g_mutex_lock (lock);
  ConvoyTensor *t = g_hash_table_lookup (p->by_name, name);
  g_mutex_unlock (lock);
  return t;
}

void convoy_params_touch (ConvoyParams *p) { g_atomic_int_inc (&p->version); }
guint convoy_params_version (const ConvoyParams *p) { return g_atomic_int_get (&p->version); }
