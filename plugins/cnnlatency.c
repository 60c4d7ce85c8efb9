/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnlatency.c - see cnnlatency.h. */
#include "plugins/cnnlatency.h"

GstClockTime
cnn_latency_wait (const GstCaps *caps, guint delay, GstClockTime bound)
{
  int fps_n = 0, fps_d = 1;
  gst_structure_get_fraction (gst_caps_get_structure (caps, 0), "framerate", &fps_n, &fps_d);
  GstClockTime wait = delay && fps_n > 0 ? gst_util_uint64_scale_int (delay * GST_SECOND, fps_d, fps_n) : 0;
  return bound && delay && (fps_n <= 0 || wait > bound) ? bound : wait;
}

static void
post (GstElement *element)
{
  gst_element_post_message (element, gst_message_new_latency (GST_OBJECT (element)));
}

void
cnn_latency_set_queued (GstElement *element, CnnLatency *l, GstClockTime wait)
{
  GST_OBJECT_LOCK (element);
  gboolean tell = l->live && wait != l->queued;
  l->queued = wait;
  GST_OBJECT_UNLOCK (element);
  if (tell)
    post (element);
}

void
cnn_latency_set_spent (GstElement *element, CnnLatency *l, GstClockTime spent)
{
  GST_OBJECT_LOCK (element);
  l->spent = spent;
  gboolean tell = l->live && spent > l->reported + l->reported / 2 + GST_MSECOND;
  GST_OBJECT_UNLOCK (element);
  if (tell)
    post (element);
}

void
cnn_latency_answer (GstElement *element, CnnLatency *l, GstQuery *query)
{
  gboolean live;
  GstClockTime min, max;

  gst_query_parse_latency (query, &live, &min, &max);
  GST_OBJECT_LOCK (element);
  GstClockTime own = l->queued + l->spent;
  l->reported = l->spent;
  l->live = live;
  GST_OBJECT_UNLOCK (element);
  gst_query_set_latency (query, live, min + own, GST_CLOCK_TIME_IS_VALID (max) ? max + own : max);
}
