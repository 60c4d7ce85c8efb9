/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnqueue.h - the bounded queue between a streaming thread and a worker: batches and events in the
 * order in which they came. */
#ifndef CNN_QUEUE_H
#define CNN_QUEUE_H

#include <gst/gst.h>

G_BEGIN_DECLS

/* Samples side by side, the buffers that will carry their scores, and what they were shown as (NULL: nothing). */
typedef struct {
  guint n, size;                /* samples in it, and that fit */
  void *x;
  gint64 *y;
  char *label;
  GstBuffer **out;
} CnnBatch;

CnnBatch *cnn_batch_new (guint size, gsize sample);
void cnn_batch_free (CnnBatch *b);

typedef struct {
  CnnBatch *batch;              /* one of both */
  GstEvent *event;
} CnnQueueItem;

typedef struct CnnQueue CnnQueue;

CnnQueue *cnn_queue_new (guint max_batches);
void cnn_queue_free (CnnQueue *q);
/* Takes what is in item over. Waits while there are too many batches in it. FALSE: it is flushing, the item is gone. */
gboolean cnn_queue_push (CnnQueue *q, CnnQueueItem item);
/* Waits for an item. FALSE: it is flushing. */
gboolean cnn_queue_pop (CnnQueue *q, CnnQueueItem *item);
/* Waits until nothing is in it and whoever pops waits for more. FALSE: it is flushing. */
gboolean cnn_queue_drain (CnnQueue *q);
/* On: nobody waits any more. Off: it is empty and takes items again. */
void cnn_queue_set_flushing (CnnQueue *q, gboolean flushing);

G_END_DECLS
#endif
