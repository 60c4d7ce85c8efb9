/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnmodel.h - a model as an element's properties ask for it. */
#ifndef CNN_MODEL_H
#define CNN_MODEL_H

#include "core/convoy.h"
#include "plugins/cnnenums.h"
#include "plugins/cnnproperty.h"

G_BEGIN_DECLS

/* NULL, 0 and ..._MODEL: as the model says. */
typedef struct {
  char *model;                  /* a path or a zoo name */
  char *labels;                 /* a file */
  char *mean, *std;             /* "127.5" or "123.7,116.3,103.5" */
  CnnColor color;
  CnnResize resize;
  guint resize_short;
  CnnPrecision precision;
} CnnModelSettings;

/* Rows of an element's properties for what the network makes of pictures; at: where in it its settings are. */
#define CNN_PREPROCESSING_ROWS(at) \
  CNN_TEXT_ROW ("mean", "Mean", "Subtracted from 0..255: a number, or one a channel with commas between (default: as the model says)", \
      (at) + G_STRUCT_OFFSET (CnnModelSettings, mean), NULL, CNN_READY), \
  CNN_TEXT_ROW ("std", "Deviation", "Divides then: a number, or one a channel with commas between (default: as the model says)", \
      (at) + G_STRUCT_OFFSET (CnnModelSettings, std), NULL, CNN_READY), \
  CNN_ENUM_ROW ("color", "Colour order", "Which colour the network takes first", (at) + G_STRUCT_OFFSET (CnnModelSettings, color), \
      cnn_color_get_type, CNN_COLOR_MODEL, CNN_READY), \
  CNN_ENUM_ROW ("resize", "Resize", "How a picture gets the network's size", (at) + G_STRUCT_OFFSET (CnnModelSettings, resize), \
      cnn_model_resize_get_type, CNN_RESIZE_MODEL, CNN_READY), \
  CNN_UINT_ROW ("resize-short", "Short side", "Short side after resizing, before the centre is taken (0: as the model says)", \
      (at) + G_STRUCT_OFFSET (CnnModelSettings, resize_short), 0, 32767, 0, CNN_READY)

#define CNN_PRECISION_ROW(at) \
  CNN_ENUM_ROW ("precision", "Precision", "What the network computes with", (at) + G_STRUCT_OFFSET (CnnModelSettings, precision), \
      cnn_precision_get_type, CNN_PRECISION_MODEL, CNN_READY)

void cnn_model_settings_clear (CnnModelSettings *s);
/* to is overwritten, not freed. */
void cnn_model_settings_copy (CnnModelSettings *to, const CnnModelSettings *from);

/* At the start of an element. FALSE: there is no model, which was said as an error of it. */
gboolean cnn_model_settings_check (GstElement *element, const CnnModelSettings *s);

/* What the model must be able to tell; one of rows, where that is as good, has no preprocessing. */
typedef enum { CNN_NEED_NOTHING, CNN_NEED_LABELS = 1, CNN_NEED_PREPROCESSING = 2, CNN_MAY_TAKE_ROWS = 4 } CnnModelNeeds;

/* Finds, reads and checks the model; info is what its own says, overridden by the settings. Its
 * labels live as long as the model. */
ConvoyModel *cnn_model_load (const CnnModelSettings *s, CnnModelNeeds needs, ConvoyModelInfo *info, GError **error);

G_END_DECLS
#endif
