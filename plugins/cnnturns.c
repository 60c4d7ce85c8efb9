/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnturns.c - see cnnturns.h. */
#include "plugins/cnnturns.h"

GST_DEBUG_CATEGORY_EXTERN (cnn_classify_debug);
#define GST_CAT_DEFAULT cnn_classify_debug

void
cnn_turns_restart (GstElement *element, CnnTurns *t)
{
  t->since = G_MAXUINT64;
  GST_OBJECT_LOCK (element);
  t->earliest = GST_CLOCK_TIME_NONE;
  GST_OBJECT_UNLOCK (element);
}

void
cnn_turns_qos (GstElement *element, CnnTurns *t, GstEvent *event)
{
  GstClockTimeDiff diff;
  GstClockTime time;

  gst_event_parse_qos (event, NULL, NULL, &diff, &time);
  GST_OBJECT_LOCK (element);
  /* Late by diff: leave twice as much, to catch up. */
  t->earliest = GST_CLOCK_TIME_IS_VALID (time) && diff > 0 ? time + 2 * (GstClockTime) diff : GST_CLOCK_TIME_NONE;
  GST_OBJECT_UNLOCK (element);
}

gboolean
cnn_turns_next (GstElement *element, CnnTurns *t, const GstSegment *segment, GstBuffer *frame)
{
  GstClockTime time = gst_segment_to_running_time (segment, GST_FORMAT_TIME, GST_BUFFER_PTS (frame));

  GST_OBJECT_LOCK (element);
  gboolean late = GST_CLOCK_TIME_IS_VALID (time) && GST_CLOCK_TIME_IS_VALID (t->earliest) && time < t->earliest;
  gboolean due = t->since >= t->interval;
  GST_OBJECT_UNLOCK (element);
  if (late)
    GST_LOG_OBJECT (element, "frame at %" GST_TIME_FORMAT " is late", GST_TIME_ARGS (time));
  if (t->since < G_MAXUINT64)
    t->since++;
  if (late || !due)
    return FALSE;
  t->since = 1;
  return TRUE;
}
