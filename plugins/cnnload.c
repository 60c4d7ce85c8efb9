/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnload.c - see cnnload.h. */
#include "plugins/cnnload.h"

struct CnnLoading {
  CnnModelSettings settings;
  CnnNetOptions options;
  guint workers;
  GThread *thread;
  int done;                     /* atomic: what follows is complete */
  CnnLoaded loaded;
  GError *error;
};

void
cnn_loaded_clear (CnnLoaded *l)
{
  g_clear_pointer (&l->pool, cnn_pool_free);
  g_clear_pointer (&l->model, convoy_model_unref);
  g_clear_pointer (&l->name, g_free);
}

gboolean
cnn_load (CnnLoaded *l, const CnnModelSettings *s, const CnnNetOptions *options, guint workers, GError **error)
{
  CnnNetOptions o = *options;

  *l = (CnnLoaded) { .name = g_strdup (s->model) };
  if (!(l->model = cnn_model_load (s, CNN_NEED_LABELS | CNN_NEED_PREPROCESSING | CNN_MAY_TAKE_ROWS, &o.info, error))) {
    cnn_loaded_clear (l);
    return FALSE;
  }
  o.model = l->model;
  o.is_tensor = o.info.channels == 0;
  if ((l->pool = cnn_pool_new (&o, workers, error)))
    return TRUE;
  g_prefix_error (error, "%s: ", s->model);
  cnn_loaded_clear (l);
  return FALSE;
}

static gpointer
load (gpointer data)
{
  CnnLoading *l = data;
  cnn_load (&l->loaded, &l->settings, &l->options, l->workers, &l->error);
  g_atomic_int_set (&l->done, TRUE);
  return NULL;
}

CnnLoading *
cnn_loading_new (const CnnModelSettings *s, const CnnNetOptions *options, guint workers)
{
  CnnLoading *l = g_new0 (CnnLoading, 1);
  cnn_model_settings_copy (&l->settings, s);
  l->options = *options;
  l->workers = workers;
  l->thread = g_thread_try_new ("cnnload", load, l, &l->error);
  l->done = l->thread == NULL;
  return l;
}

gboolean
cnn_loading_is_done (CnnLoading *l)
{
  return g_atomic_int_get (&l->done);
}

gboolean
cnn_loading_finish (CnnLoading *l, CnnLoaded *loaded, GError **error)
{
  if (l->thread)
    g_thread_join (l->thread);
  *loaded = l->loaded;
  gboolean ok = l->error == NULL;
  if (!ok)
    g_propagate_error (error, l->error);
  cnn_model_settings_clear (&l->settings);
  g_free (l);
  return ok;
}
