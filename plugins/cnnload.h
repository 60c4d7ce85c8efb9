/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnload.h - a model and the networks that run it, loaded at once or beside a stream that goes on. */
#ifndef CNN_LOAD_H
#define CNN_LOAD_H

#include "plugins/cnnjob.h"
#include "plugins/cnnmodel.h"
#include "plugins/cnnpool.h"

G_BEGIN_DECLS

typedef struct {
  ConvoyModel *model;
  CnnPool *pool;                /* of the model; goes before it */
  ConvoyModelInfo info;         /* the model's, with what the settings override */
  char *name;                   /* as the settings have it */
} CnnLoaded;

void cnn_loaded_clear (CnnLoaded *l);

/* options has all but model, info and is_tensor, which come from the model. The error begins with its name. */
gboolean cnn_load (CnnLoaded *l, const CnnModelSettings *s, const CnnNetOptions *options, guint workers, GError **error);

/* The same beside a stream that goes on; copies the settings. */
CnnJob *cnn_loading_new (const CnnModelSettings *s, const CnnNetOptions *options, guint workers);
/* As cnn_job_finish(). */
gboolean cnn_loading_finish (CnnJob *j, CnnLoaded *loaded, GError **error);

G_END_DECLS
#endif
