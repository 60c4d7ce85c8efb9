/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnndecoders.h - several picture files decoded side by side: they go in and come out in the same order. */
#ifndef CNN_DECODERS_H
#define CNN_DECODERS_H

#include "plugins/cnndecode.h"

G_BEGIN_DECLS

typedef struct {
  GstVideoCodecFrame *frame;    /* whose file it is; carried along */
  guint number;                 /* of the picture; carried along */
  char *name;                   /* carried along */
  guint width, height;
  GstBuffer *pixels;            /* RGB of that size; NULL: error */
  GError *error;
} CnnDecoded;

typedef struct CnnDecoders CnnDecoders;

/* One worker decodes in the thread that pushes, more have threads of their own. */
CnnDecoders *cnn_decoders_new (const CnnDecodeOptions *o, guint workers, GError **error);
/* Nothing may be in it. */
void cnn_decoders_free (CnnDecoders *p);
/* The files from now on are wanted in this size. */
void cnn_decoders_set_size (CnnDecoders *p, guint width, guint height);
/* Takes frame and name of d over, and a reference to file. After each push, pop until it gives no more. */
void cnn_decoders_push (CnnDecoders *p, const CnnDecoded *d, GstBuffer *file);
/* The oldest if it is ready; waits for it when all workers have enough to do or all is to come out. The
 * caller owns what is in d. FALSE: none. */
gboolean cnn_decoders_pop (CnnDecoders *p, gboolean all, CnnDecoded *d);

/* Files that may be in it when pop gave no more. */
guint cnn_decoders_delay (const CnnDecoders *p);

G_END_DECLS
#endif
