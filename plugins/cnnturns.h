/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnturns.h - which frames of a stream are worth the work: every Nth, and none that comes too late. */
#ifndef CNN_TURNS_H
#define CNN_TURNS_H

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct {
  guint interval; /* N; object lock of the element */
  GstClockTime earliest; /* running time; what is before is late. NONE: nothing is. Object lock */
  guint64 since; /* frames since the last turn; the streaming thread's */
} CnnTurns;

/* The next frame has its turn, and none is late. Takes the lock, as all do. */
void cnn_turns_restart (GstElement *element, CnnTurns *t);
/* Something downstream came late, or no longer does; from any thread. */
void cnn_turns_qos (GstElement *element, CnnTurns *t, GstEvent *event);
/* For each frame once. */
gboolean cnn_turns_next (GstElement *element, CnnTurns *t, const GstSegment *segment, GstBuffer *frame);

G_END_DECLS
#endif
