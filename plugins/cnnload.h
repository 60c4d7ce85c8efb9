/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnload.h - a model and the networks that run it, loaded at once or beside a stream that goes on. */
#ifndef CNN_LOAD_H
#define CNN_LOAD_H

#include "plugins/cnnmodel.h"
#include "plugins/cnnpool.h"

G_BEGIN_DECLS

typedef struct {
  ConvoyModel *model;
  CnnPool *pool;                /* of the model; goes before it */
  char *name;                   /* as the settings have it */
} CnnLoaded;

void cnn_loaded_clear (CnnLoaded *l);

/* options has all but model, info and is_tensor, which come from the model. The error begins with its name. */
gboolean cnn_load (CnnLoaded *l, const CnnModelSettings *s, const CnnNetOptions *options, guint workers, GError **error);

typedef struct CnnLoading CnnLoading;

/* The same on a thread of its own; copies the settings. */
CnnLoading *cnn_loading_new (const CnnModelSettings *s, const CnnNetOptions *options, guint workers);
/* Whether cnn_loading_finish() will not wait. */
gboolean cnn_loading_is_done (CnnLoading *l);
/* Frees l. */
gboolean cnn_loading_finish (CnnLoading *l, CnnLoaded *loaded, GError **error);

G_END_DECLS
#endif
