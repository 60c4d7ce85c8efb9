/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnntimer.c - see cnntimer.h. */
#include "plugins/cnntimer.h"

struct CnnTimer {
  GstPad *sink;
  gint64 bound;                 /* microseconds */
  CnnTimerFunc func;
  gpointer user;
  GThread *thread;

  GMutex lock;                  /* protects all below; held for moments, never in func */
  GCond changed;
  gint64 at;                    /* monotonic, microseconds; 0: nothing to wait for */
  gboolean stop;
};

static gpointer
keep (gpointer data)
{
  CnnTimer *t = data;

  g_mutex_lock (&t->lock);
  while (!t->stop) {
    if (t->at == 0) {
      g_cond_wait (&t->changed, &t->lock);
    } else if (g_get_monotonic_time () < t->at) {
      g_cond_wait_until (&t->changed, &t->lock, t->at);
    } else {
      t->at = 0;
      g_mutex_unlock (&t->lock);
      GST_PAD_STREAM_LOCK (t->sink);
      t->func (t->user);
      GST_PAD_STREAM_UNLOCK (t->sink);
      g_mutex_lock (&t->lock);
    }
  }
  g_mutex_unlock (&t->lock);
  return NULL;
}

CnnTimer *
cnn_timer_new (GstPad *sink, GstClockTime bound, CnnTimerFunc func, gpointer user)
{
  if (bound == 0)
    return NULL;
  CnnTimer *t = g_new0 (CnnTimer, 1);
  t->sink = sink;
  t->bound = (gint64) MIN (bound / GST_USECOND, G_MAXINT64 / 4);
  t->func = func;
  t->user = user;
  g_mutex_init (&t->lock);
  g_cond_init (&t->changed);
  t->thread = g_thread_new ("cnntimer", keep, t);
  return t;
}

void
cnn_timer_free (CnnTimer *t)
{
  if (!t)
    return;
  g_mutex_lock (&t->lock);
  t->stop = TRUE;
  g_cond_signal (&t->changed);
  g_mutex_unlock (&t->lock);
  g_thread_join (t->thread);
  g_mutex_clear (&t->lock);
  g_cond_clear (&t->changed);
  g_free (t);
}

gboolean
cnn_timer_is_over (CnnTimer *t, gint64 oldest)
{
  if (!t)
    return FALSE;
  gboolean over = oldest && g_get_monotonic_time () - oldest >= t->bound;
  g_mutex_lock (&t->lock);
  gint64 at = oldest && !over ? oldest + t->bound : 0;
  gboolean sooner = at && (t->at == 0 || at < t->at);
  t->at = at;
  if (sooner)                   /* from a later time the thread looks again by itself */
    g_cond_signal (&t->changed);
  g_mutex_unlock (&t->lock);
  return over;
}
