/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnextractor.h - what cnnextract is told: the model, the layer, the size; and the pool that does it. */
#ifndef CNN_EXTRACTOR_H
#define CNN_EXTRACTOR_H

#include <gst/video/video.h>
#include "plugins/cnnmodel.h"
#include "plugins/cnnpool.h"

G_BEGIN_DECLS

typedef struct {
  CnnModelSettings model;
  char *layer;
  CnnPooling pooling;
  guint width, height;          /* 0: see cnn_extractor_set_caps() */
  guint batch, threads, workers;
} CnnExtractorSettings;

typedef struct {
  ConvoyModel *model;           /* NULL: not loaded yet; opening it takes longer than asking for what is stored */
  ConvoyModelInfo info;
  CnnPool *pool;                /* NULL: no caps yet */
  const char *layer;            /* name of the value; the graph's */
  ConvoyGraph *graph;           /* the model's, bound at its own size */
  char *preprocessing;          /* canonical text */
  ConvoyShape shape;            /* of the features of one sample */
  guint width, height;          /* that the pool is for; 0: for tensors */
  GstVideoInfo frames;          /* that come, where the pool is for pictures */
} CnnExtractor;

/* Loads the model if need be and makes the pool for such frames; nothing to do where it is there
 * already. Without width and height in the settings the network takes pictures as they are up to
 * its own size; larger ones, and those of another size than the settings say, are fitted by the
 * model's rule. Tensors must be what the network takes. */
gboolean cnn_extractor_set_caps (CnnExtractor *x, const CnnExtractorSettings *s, const GstCaps *caps, GError **error);
/* Whether frames of these caps are to it what came before, so that those in work may stay there: scaled pictures differ
 * in their pixel aspect ratio. */
gboolean cnn_extractor_keeps (const CnnExtractor *x, const GstCaps *caps);
void cnn_extractor_clear (CnnExtractor *x);

/* How features are made as far as it can be told without opening the model. g_free() it. */
char *cnn_extractor_request (const CnnExtractorSettings *s, const char *path, GstPad *sink);
/* SHA-256 of a file, hexadecimal; g_free() it. */
char *cnn_extractor_checksum (const char *path, GError **error);

G_END_DECLS
#endif
