/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnqueue.c - see cnnqueue.h. */
#include "plugins/cnnqueue.h"
#include <string.h>

CnnBatch *
cnn_batch_new (guint size, gsize sample)
{
  CnnBatch *b = g_new0 (CnnBatch, 1);
  b->size = size;
  b->x = g_malloc (MAX (size * sample, 1));
  b->y = g_new (gint64, size);
  b->out = g_new0 (GstBuffer *, size);
  return b;
}

void
cnn_batch_free (CnnBatch *b)
{
  if (!b)
    return;
  for (guint i = 0; i < b->size; i++)
    gst_clear_buffer (&b->out[i]);
  g_free (b->x);
  g_free (b->y);
  g_free (b->label);
  g_free (b->out);
  g_free (b);
}

struct CnnQueue {
  GMutex lock;                  /* protects all below */
  GCond changed;
  GQueue items;                 /* CnnQueueItem * */
  guint n, max;                 /* batches */
  gboolean flushing;
  gboolean idle;                /* someone waits for an item */
};

static void
item_free (gpointer p)
{
  CnnQueueItem *item = p;
  cnn_batch_free (item->batch);
  gst_clear_event (&item->event);
  g_free (item);
}

CnnQueue *
cnn_queue_new (guint max_batches)
{
  CnnQueue *q = g_new0 (CnnQueue, 1);
  g_mutex_init (&q->lock);
  g_cond_init (&q->changed);
  g_queue_init (&q->items);
  q->max = max_batches;
  q->flushing = TRUE;
  return q;
}

void
cnn_queue_free (CnnQueue *q)
{
  if (!q)
    return;
  g_queue_clear_full (&q->items, item_free);
  g_mutex_clear (&q->lock);
  g_cond_clear (&q->changed);
  g_free (q);
}

gboolean
cnn_queue_push (CnnQueue *q, CnnQueueItem item)
{
  CnnQueueItem *own = g_memdup2 (&item, sizeof item);
  g_mutex_lock (&q->lock);
  while (item.batch && q->n >= q->max && !q->flushing)
    g_cond_wait (&q->changed, &q->lock);
  gboolean ok = !q->flushing;
  if (ok) {
    g_queue_push_tail (&q->items, own);
    q->n += item.batch != NULL;
    g_cond_broadcast (&q->changed);
  }
  g_mutex_unlock (&q->lock);
  if (!ok)
    item_free (own);
  return ok;
}

gboolean
cnn_queue_pop (CnnQueue *q, CnnQueueItem *item)
{
  CnnQueueItem *own = NULL;
  g_mutex_lock (&q->lock);
  while (!q->flushing && !(own = g_queue_pop_head (&q->items))) {
    q->idle = TRUE;
    g_cond_broadcast (&q->changed);
    g_cond_wait (&q->changed, &q->lock);
  }
  q->idle = FALSE;
  if (own) {
    q->n -= own->batch != NULL;
    g_cond_broadcast (&q->changed);
  }
  g_mutex_unlock (&q->lock);
  if (own)
    *item = *own;
  g_free (own);
  return own != NULL;
}

gboolean
cnn_queue_drain (CnnQueue *q)
{
  g_mutex_lock (&q->lock);
  while (!q->flushing && !(q->idle && g_queue_is_empty (&q->items)))
    g_cond_wait (&q->changed, &q->lock);
  gboolean ok = !q->flushing;
  g_mutex_unlock (&q->lock);
  return ok;
}

void
cnn_queue_set_flushing (CnnQueue *q, gboolean flushing)
{
  GQueue old = G_QUEUE_INIT;
  g_mutex_lock (&q->lock);
  q->flushing = flushing;
  if (!flushing) {
    old = q->items;
    g_queue_init (&q->items);
    q->n = 0;
  }
  g_cond_broadcast (&q->changed);
  g_mutex_unlock (&q->lock);
  g_queue_clear_full (&old, item_free);
}
