/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnload.c - see cnnload.h. */
#include "plugins/cnnload.h"

typedef struct {
  CnnModelSettings settings;
  CnnNetOptions options;
  guint workers;
} Request;

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
  l->info = o.info;
  o.is_tensor = o.info.channels == 0;
  if ((l->pool = cnn_pool_new (&o, workers, error)))
    return TRUE;
  g_prefix_error (error, "%s: ", s->model);
  cnn_loaded_clear (l);
  return FALSE;
}

static gpointer
load (gpointer data, GError **error)
{
  Request *r = data;
  CnnLoaded *l = g_new0 (CnnLoaded, 1);
  if (!cnn_load (l, &r->settings, &r->options, r->workers, error))
    g_clear_pointer (&l, g_free);
  cnn_model_settings_clear (&r->settings);
  g_free (r);
  return l;
}

CnnJob *
cnn_loading_new (const CnnModelSettings *s, const CnnNetOptions *options, guint workers)
{
  Request *r = g_new0 (Request, 1);
  cnn_model_settings_copy (&r->settings, s);
  r->options = *options;
  r->workers = workers;
  return cnn_job_new (load, r);
}

gboolean
cnn_loading_finish (CnnJob *j, CnnLoaded *loaded, GError **error)
{
  CnnLoaded *l = cnn_job_finish (j, error);
  *loaded = l ? *l : (CnnLoaded) { 0 };
  g_free (l);
  return l != NULL;
}
