/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnndecoders.c - see cnndecoders.h: one queue of files in their order, threads that decode them. */
#include "plugins/cnndecoders.h"

typedef struct {
  CnnDecoded d;
  GstBuffer *file;
  guint width, height;          /* wanted */
  gboolean done;
} Job;

struct CnnDecoders {
  CnnDecodeOptions options;
  guint capacity;               /* files; with so many of them pop waits */
  GThreadPool *threads;         /* NULL: there is one worker, and it runs in push */
  GAsyncQueue *idle;            /* CnnDecode, one a thread */
  GQueue jobs;                  /* oldest first; the streaming thread's */

  GMutex lock;                  /* protects what follows, and done of every job */
  GCond finished;
  GstBufferPool *pool;          /* of the last size: the pages of a large picture are costly to come by; NULL: none yet */
  gsize size;                   /* of its buffers */
};

static void
drop_pool (CnnDecoders *p)
{
  if (p->pool)
    gst_buffer_pool_set_active (p->pool, FALSE);        /* buffers that are out keep it until they are back */
  gst_clear_object (&p->pool);
}

static GstBuffer *
pixels_new (CnnDecoders *p, gsize size)
{
  GstBuffer *b = NULL;

  g_mutex_lock (&p->lock);
  if (!p->pool || p->size != size) {
    drop_pool (p);
    p->pool = gst_buffer_pool_new ();
    p->size = size;
    GstStructure *config = gst_buffer_pool_get_config (p->pool);
    gst_buffer_pool_config_set_params (config, NULL, (guint) size, 0, 0);
    gst_buffer_pool_set_config (p->pool, config);
    gst_buffer_pool_set_active (p->pool, TRUE);
  }
  gst_buffer_pool_acquire_buffer (p->pool, &b, NULL);
  g_mutex_unlock (&p->lock);
  return b;
}

static void
run (CnnDecoders *p, CnnDecode *decode, Job *j, const GstMapInfo *map)
{
  CnnDecoded *d = &j->d;
  GstVideoInfo info;
  GstVideoFrame out;

  if (!cnn_decode_start (decode, map->data, map->size, &d->width, &d->height, &d->error))
    return;
  if (gst_video_info_set_format (&info, GST_VIDEO_FORMAT_RGB, d->width, d->height))
    d->pixels = pixels_new (p, GST_VIDEO_INFO_SIZE (&info));
  if (!d->pixels || !gst_video_frame_map (&out, &info, d->pixels, GST_MAP_READWRITE)) {
    g_set_error (&d->error, CNN_PICTURE_ERROR, 0, "no memory for %ux%u pixels", d->width, d->height);
    gst_clear_buffer (&d->pixels);
    return;
  }
  gboolean ok = cnn_decode_run (decode, &out, &d->error);
  gst_video_frame_unmap (&out);
  if (!ok)
    gst_clear_buffer (&d->pixels);
}

static void
work (gpointer job, gpointer data)
{
  CnnDecoders *p = data;
  Job *j = job;
  CnnDecode *own = g_async_queue_pop (p->idle);
  GstMapInfo map;

  cnn_decode_set_size (own, j->width, j->height);
  if (gst_buffer_map (j->file, &map, GST_MAP_READ)) {
    run (p, own, j, &map);
    cnn_decode_stop (own);
    gst_buffer_unmap (j->file, &map);
  } else {
    g_set_error_literal (&j->d.error, CNN_PICTURE_ERROR, 0, "its memory cannot be read");
  }
  gst_clear_buffer (&j->file);
  g_async_queue_push (p->idle, own);
  g_mutex_lock (&p->lock);
  j->done = TRUE;
  g_cond_signal (&p->finished);
  g_mutex_unlock (&p->lock);
}

CnnDecoders *
cnn_decoders_new (const CnnDecodeOptions *o, guint workers, GError **error)
{
  CnnDecoders *p = g_new0 (CnnDecoders, 1);

  p->options = *o;
  p->capacity = workers > 1 ? 2 * workers : 1;  /* one is decoded, one waits */
  p->idle = g_async_queue_new_full ((GDestroyNotify) cnn_decode_free);
  for (guint i = 0; i < workers; i++)
    g_async_queue_push (p->idle, cnn_decode_new (o));
  g_mutex_init (&p->lock);
  g_cond_init (&p->finished);
  if (workers > 1 && !(p->threads = g_thread_pool_new (work, p, (int) workers, TRUE, error)))
    g_clear_pointer (&p, cnn_decoders_free);
  return p;
}

void
cnn_decoders_free (CnnDecoders *p)
{
  if (!p)
    return;
  if (p->threads)
    g_thread_pool_free (p->threads, FALSE, TRUE);
  g_async_queue_unref (p->idle);
  drop_pool (p);
  g_mutex_clear (&p->lock);
  g_cond_clear (&p->finished);
  g_free (p);
}

void
cnn_decoders_set_size (CnnDecoders *p, guint width, guint height)
{
  p->options.width = width;
  p->options.height = height;
}

void
cnn_decoders_push (CnnDecoders *p, const CnnDecoded *d, GstBuffer *file)
{
  Job *j = g_new0 (Job, 1);
  j->d = *d;
  j->file = gst_buffer_ref (file);
  j->width = p->options.width;
  j->height = p->options.height;
  g_queue_push_tail (&p->jobs, j);
  if (p->threads)
    g_thread_pool_push (p->threads, j, NULL);   /* its threads run already, so there is no error */
  else
    work (j, p);
}

gboolean
cnn_decoders_pop (CnnDecoders *p, gboolean all, CnnDecoded *d)
{
  Job *j = g_queue_peek_head (&p->jobs);

  if (!j)
    return FALSE;
  g_mutex_lock (&p->lock);
  while (!j->done && (all || p->jobs.length >= p->capacity))
    g_cond_wait (&p->finished, &p->lock);
  gboolean ready = j->done;
  g_mutex_unlock (&p->lock);
  if (!ready)
    return FALSE;
  *d = j->d;
  g_free (g_queue_pop_head (&p->jobs));
  return TRUE;
}

guint
cnn_decoders_delay (const CnnDecoders *p)
{
  return p->capacity - 1;
}
