/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnheadsettings.h - what the properties of a head say. */
#ifndef CNN_HEAD_SETTINGS_H
#define CNN_HEAD_SETTINGS_H

#include "plugins/cnnheadnet.h"

G_BEGIN_DECLS

/* Texts are owned, NULL: not given. */
typedef struct {
  CnnHeadSource source;
  gboolean training, resume, freeze_batchnorm;
  char *loss, *optimizer, *schedule, *freeze, *rates;
  char *save, *checkpoint, *history;
  double learning_rate;
  guint epochs, batch, patience, threads, checkpoint_steps;
} CnnHeadSettings;

void cnn_head_settings_clear (CnnHeadSettings *s);
void cnn_head_settings_copy (CnnHeadSettings *to, const CnnHeadSettings *from);  /* frees what to had */

G_END_DECLS
#endif
