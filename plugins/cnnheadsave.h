/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnheadsave.h - a trained head and the network whose features it took, as one ONNX file that
 * says how pictures enter and what its classes are called. */
#ifndef CNN_HEAD_SAVE_H
#define CNN_HEAD_SAVE_H

#include "plugins/cnnheadnet.h"

G_BEGIN_DECLS

typedef struct {
  ConvoyModel *base;            /* NULL: the head is the whole */
  char *layer, *pooling;        /* where it was cut, and what came between */
  ConvoyModelInfo image;        /* how pictures entered base; channels 0: none did */
  char **labels;                /* NULL: not known */
  GHashTable *metadata;         /* what else it has to say, char * to char * (vocabulary, length); NULL: nothing */
} CnnHeadWhole;

/* What an event cnn-extractor says; NULL: there was none. */
gboolean cnn_head_whole_load (CnnHeadWhole *w, GstEvent *extractor, GError **error);
/* Keeps a copy of what events cnn-metadata-... said; NULL: there were none. */
void cnn_head_whole_keep (CnnHeadWhole *w, GHashTable *metadata);
void cnn_head_whole_clear (CnnHeadWhole *w);
/* ONNX operator set that a head has to be of; 0: any. */
guint cnn_head_whole_opset (const CnnHeadWhole *w);
/* Atomically. in and image: how samples enter a head that is the whole. */
gboolean cnn_head_whole_save (const CnnHeadWhole *w, const char *path, const ConvoyGraph *head, const CnnHeadInput *in, const ConvoyModelInfo *image,
    const ConvoyHistory *history, GError **error);

G_END_DECLS
#endif
