/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnndecode.h - from the bytes of a picture file to an upright RGB frame of the wanted size. */
#ifndef CNN_DECODE_H
#define CNN_DECODE_H

#include "plugins/cnnpicture.h"
#include "plugins/cnnscale.h"

G_BEGIN_DECLS

typedef struct {
  guint width, height;          /* 0: follows from the other, or as the picture is */
  CnnResize resize;
  GstVideoResamplerMethod method;
} CnnDecodeOptions;

typedef struct CnnDecode CnnDecode;

/* Keeps scratch memory from picture to picture; one thread at a time. */
CnnDecode *cnn_decode_new (const CnnDecodeOptions *o);
void cnn_decode_free (CnnDecode *d);

/* Another size from the next picture on. */
void cnn_decode_set_size (CnnDecode *d, guint width, guint height);

/* Reads the header and decides. data must stay until run or stop. width and height are those of
 * the frame that run wants. */
gboolean cnn_decode_start (CnnDecode *d, const guint8 *data, gsize size, guint *width, guint *height, GError **error);
gboolean cnn_decode_run (CnnDecode *d, GstVideoFrame *out, GError **error);
/* Forgets the picture; after run, or instead of it. */
void cnn_decode_stop (CnnDecode *d);

G_END_DECLS
#endif
