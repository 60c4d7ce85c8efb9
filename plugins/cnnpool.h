/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnpool.h - several networks side by side: frames go in and come out in the same order, classified. */
#ifndef CNN_POOL_H
#define CNN_POOL_H

#include "plugins/cnnnet.h"

G_BEGIN_DECLS

typedef struct {
  GstBuffer *frame;
  GstStructure *result;         /* NULL: it was not to be classified, there are features, or error */
  GstBuffer *features;
  gint64 arrived;               /* when it was pushed, monotonic, microseconds */
  GError *error;
} CnnItem;

void cnn_item_clear (CnnItem *item);

typedef struct CnnPool CnnPool;

/* With one worker the network runs in the thread that pushes, with more each has its own thread. */
CnnPool *cnn_pool_new (const CnnNetOptions *o, guint workers, GError **error);
void cnn_pool_free (CnnPool *p);
/* Only while nothing is in it. */
gboolean cnn_pool_set_caps (CnnPool *p, const GstCaps *caps, GError **error);
/* Of features, of one sample. */
ConvoyShape cnn_pool_shape (CnnPool *p);
/* Takes the frame over. After each push, pop until it gives no more. */
void cnn_pool_push (CnnPool *p, GstBuffer *frame, gboolean classify);
/* The oldest frame if it is ready. Waits for it when the pool is full or all is to come out.
 * FALSE: none, or the pool is flushing. */
gboolean cnn_pool_pop (CnnPool *p, gboolean all, CnnItem *item);
/* From any thread: pop waits no more. */
void cnn_pool_interrupt (CnnPool *p);
/* Forgets all that is in it, and goes on; not while another thread is in push or pop. */
void cnn_pool_reset (CnnPool *p);
/* When the oldest in it arrived; 0: it is empty. */
gint64 cnn_pool_oldest (CnnPool *p);
/* Frames that may be in it when pop gave no more. */
guint cnn_pool_delay (const CnnPool *p);

G_END_DECLS
#endif
