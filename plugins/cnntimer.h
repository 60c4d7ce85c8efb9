/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnntimer.h - how long a sample may wait for others that fill its batch, kept also when none come. */
#ifndef CNN_TIMER_H
#define CNN_TIMER_H

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct CnnTimer CnnTimer;

/* Called on the timer's thread, with the stream lock of the pad, so like a buffer that comes. It is
 * to send on what cnn_timer_is_over() finds; what it returns comes back with the next buffer, too. */
typedef GstFlowReturn (*CnnTimerFunc) (gpointer user);

/* NULL where bound is 0: nothing is over then. */
CnnTimer *cnn_timer_new (GstPad *sink, GstClockTime bound, CnnTimerFunc func, gpointer user);
/* Waits for its thread: not with the stream lock, and once nobody downstream blocks. */
void cnn_timer_free (CnnTimer *t);
/* With the stream lock, after each sample: whether the oldest that is held has waited too long. If
 * not, the function is called when it has. oldest is a monotonic time in microseconds; 0: none is held. */
gboolean cnn_timer_is_over (CnnTimer *t, gint64 oldest);

G_END_DECLS
#endif
