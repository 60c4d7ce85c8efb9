/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnpool.c - see cnnpool.h: one queue of frames in their order, one of batches for the workers. */
#include "plugins/cnnpool.h"

/* A frame on its way. Once it is queued it belongs to a worker until it is done. */
typedef struct {
  CnnItem item;
  gboolean queued, done;
} Entry;

typedef struct {
  CnnPool *pool;
  CnnNet *net;
  GThread *thread;              /* NULL: there is one worker, and it runs in push and pop */
} Worker;

struct CnnPool {
  guint n, batch;
  guint capacity;               /* frames; with so many of them pop waits */
  gboolean extract;             /* features, no results */
  Worker *worker;

  GMutex lock;                  /* protects all below, and done of every entry */
  GCond work;                   /* a batch was queued, or stop */
  GCond finished;               /* a batch is done, or flushing */
  GQueue frames;                /* Entry, oldest first */
  GPtrArray *open;              /* Entry: the batch that is being filled */
  GQueue batches;               /* GPtrArray of Entry, for whoever is free */
  guint busy;                   /* workers that run */
  gboolean flushing, stop;
};

void
cnn_item_clear (CnnItem *item)
{
  gst_clear_buffer (&item->frame);
  gst_clear_buffer (&item->features);
  gst_clear_structure (&item->result);
  g_clear_error (&item->error);
}

static void
entry_free (Entry *e)
{
  cnn_item_clear (&e->item);
  g_free (e);
}

/* --- workers ---------------------------------------------------------- */

/* Classifies a batch; without the lock, for its entries are this worker's now. */
static void
run_batch (CnnNet *net, gboolean extract, GPtrArray *batch)
{
  GError *error = NULL;
  guint n_put = 0;

  for (guint i = 0; i < batch->len; i++) {
    Entry *e = g_ptr_array_index (batch, i);
    if (cnn_net_put (net, i, e->item.frame, &e->item.error))
      n_put++;
  }
  gboolean ok = n_put > 0 && cnn_net_run (net, &error);
  for (guint i = 0; i < batch->len; i++) {
    Entry *e = g_ptr_array_index (batch, i);
    if (ok && !e->item.error && extract)
      e->item.features = cnn_net_features (net, i);
    else if (ok && !e->item.error)
      e->item.result = cnn_net_result (net, i, GST_BUFFER_PTS (e->item.frame));
    else if (error && !e->item.error)
      e->item.error = g_error_copy (error);
  }
  g_clear_error (&error);
}

/* With the lock, which is let go while the network runs. Takes the batch over. */
static void
serve (CnnPool *p, CnnNet *net, GPtrArray *batch)
{
  p->busy++;
  g_mutex_unlock (&p->lock);
  run_batch (net, p->extract, batch);
  g_mutex_lock (&p->lock);
  p->busy--;
  for (guint i = 0; i < batch->len; i++)
    ((Entry *) g_ptr_array_index (batch, i))->done = TRUE;
  g_ptr_array_unref (batch);
  g_cond_broadcast (&p->finished);
}

static gpointer
work (gpointer data)
{
  Worker *w = data;
  CnnPool *p = w->pool;

  g_mutex_lock (&p->lock);
  while (!p->stop) {
    GPtrArray *batch = p->flushing ? NULL : g_queue_pop_head (&p->batches);
    if (batch)
      serve (p, w->net, batch);
    else
      g_cond_wait (&p->work, &p->lock);
  }
  g_mutex_unlock (&p->lock);
  return NULL;
}

/* Hands the batch that is being filled to a worker; with the lock. */
static void
close_batch (CnnPool *p)
{
  GPtrArray *batch = p->open;

  if (batch->len == 0)
    return;
  p->open = g_ptr_array_sized_new (p->batch);
  for (guint i = 0; i < batch->len; i++)
    ((Entry *) g_ptr_array_index (batch, i))->queued = TRUE;
  if (p->worker[0].thread) {
    g_queue_push_tail (&p->batches, batch);
    g_cond_signal (&p->work);
  } else {
    serve (p, p->worker[0].net, batch);
  }
}

/* --- in and out ------------------------------------------------------- */

void
cnn_pool_push (CnnPool *p, GstBuffer *frame, gboolean classify)
{
  Entry *e = g_new0 (Entry, 1);

  e->item.frame = frame;
  e->item.arrived = g_get_monotonic_time ();
  e->done = !classify;
  g_mutex_lock (&p->lock);
  g_queue_push_tail (&p->frames, e);
  if (classify) {
    g_ptr_array_add (p->open, e);
    if (p->open->len == p->batch)
      close_batch (p);
  }
  g_mutex_unlock (&p->lock);
}

gboolean
cnn_pool_pop (CnnPool *p, gboolean all, CnnItem *item)
{
  g_mutex_lock (&p->lock);
  Entry *e = g_queue_peek_head (&p->frames);
  if (e && !e->done && (all || p->frames.length >= p->capacity)) {
    if (!e->queued)
      close_batch (p);
    while (!e->done && !p->flushing)
      g_cond_wait (&p->finished, &p->lock);
  }
  gboolean ready = e && e->done && !p->flushing;
  if (ready)
    g_queue_pop_head (&p->frames);
  g_mutex_unlock (&p->lock);
  if (ready) {
    *item = e->item;
    g_free (e);
  }
  return ready;
}

void
cnn_pool_interrupt (CnnPool *p)
{
  g_mutex_lock (&p->lock);
  p->flushing = TRUE;
  g_cond_broadcast (&p->finished);
  g_mutex_unlock (&p->lock);
}

void
cnn_pool_reset (CnnPool *p)
{
  g_mutex_lock (&p->lock);
  p->flushing = TRUE;
  while (p->busy > 0)           /* at most the time of one run */
    g_cond_wait (&p->finished, &p->lock);
  g_queue_clear_full (&p->batches, (GDestroyNotify) g_ptr_array_unref);
  g_ptr_array_set_size (p->open, 0);
  g_queue_clear_full (&p->frames, (GDestroyNotify) entry_free);
  p->flushing = FALSE;
  g_mutex_unlock (&p->lock);
}

gboolean
cnn_pool_set_caps (CnnPool *p, const GstCaps *caps, GError **error)
{
  for (guint i = 0; i < p->n; i++)
    if (!cnn_net_set_caps (p->worker[i].net, caps, error))
      return FALSE;
  return TRUE;
}

gint64
cnn_pool_oldest (CnnPool *p)
{
  g_mutex_lock (&p->lock);
  Entry *e = g_queue_peek_head (&p->frames);
  gint64 arrived = e ? e->item.arrived : 0;
  g_mutex_unlock (&p->lock);
  return arrived;
}

ConvoyShape
cnn_pool_shape (CnnPool *p)
{
  return cnn_net_features_shape (p->worker[0].net);
}

guint
cnn_pool_delay (const CnnPool *p)
{
  return p->capacity - 1;
}

/* --- life ------------------------------------------------------------- */

void
cnn_pool_free (CnnPool *p)
{
  if (!p)
    return;
  cnn_pool_reset (p);
  g_mutex_lock (&p->lock);
  p->stop = TRUE;
  g_cond_broadcast (&p->work);
  g_mutex_unlock (&p->lock);
  for (guint i = 0; i < p->n; i++) {
    if (p->worker[i].thread)
      g_thread_join (p->worker[i].thread);
    cnn_net_free (p->worker[i].net);
  }
  g_free (p->worker);
  g_ptr_array_unref (p->open);
  g_mutex_clear (&p->lock);
  g_cond_clear (&p->work);
  g_cond_clear (&p->finished);
  g_free (p);
}

CnnPool *
cnn_pool_new (const CnnNetOptions *o, guint workers, GError **error)
{
  CnnPool *p = g_new0 (CnnPool, 1);

  p->n = workers;
  p->batch = o->batch;
  p->extract = o->top_k == 0;
  p->capacity = workers > 1 ? 2 * workers * o->batch : o->batch;        /* one batch runs, one waits */
  p->worker = g_new0 (Worker, workers);
  p->open = g_ptr_array_sized_new (o->batch);
  g_mutex_init (&p->lock);
  g_cond_init (&p->work);
  g_cond_init (&p->finished);
  for (guint i = 0; i < workers; i++) {
    p->worker[i].pool = p;
    if (!(p->worker[i].net = cnn_net_new (o, error)))
      goto fail;
    if (workers > 1 && !(p->worker[i].thread = g_thread_try_new ("cnnclassify", work, &p->worker[i], error)))
      goto fail;
  }
  return p;
fail:
  cnn_pool_free (p);
  return NULL;
}
