/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnmodel.h - a model as an element's properties ask for it. */
#ifndef CNN_MODEL_H
#define CNN_MODEL_H

#include "core/convoy.h"
#include "plugins/cnnenums.h"

G_BEGIN_DECLS

/* NULL, 0 and ..._MODEL: as the model says. */
typedef struct {
  char *model;                  /* a path or a zoo name */
  char *labels;                 /* a file */
  char *mean, *std;             /* "127.5" or "123.7,116.3,103.5" */
  CnnColor color;
  CnnResize resize;
  guint resize_short;
} CnnModelSettings;

void cnn_model_settings_clear (CnnModelSettings *s);
/* to is overwritten, not freed. */
void cnn_model_settings_copy (CnnModelSettings *to, const CnnModelSettings *from);

/* What the model must be able to tell; one of rows, where that is as good, has no preprocessing. */
typedef enum { CNN_NEED_NOTHING, CNN_NEED_LABELS = 1, CNN_NEED_PREPROCESSING = 2, CNN_MAY_TAKE_ROWS = 4 } CnnModelNeeds;

/* Finds, reads and checks the model; info is what its own says, overridden by the settings. Its
 * labels live as long as the model. */
ConvoyModel *cnn_model_load (const CnnModelSettings *s, CnnModelNeeds needs, ConvoyModelInfo *info, GError **error);

G_END_DECLS
#endif
