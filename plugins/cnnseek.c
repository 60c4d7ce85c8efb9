/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnseek.c - see cnnseek.h. */
#include "plugins/cnnseek.h"

gboolean
cnn_seek_parse (GstEvent *seek, guint64 length, guint64 *number, GstSegment *segment)
{
  GstFormat format;
  GstSeekFlags flags;
  GstSeekType type, stop_type;
  gint64 from, stop_at;
  double rate;

  gst_event_parse_seek (seek, &rate, &format, &flags, &type, &from, &stop_type, &stop_at);
  gboolean to_sample = format == GST_FORMAT_DEFAULT && from >= 0 && (length == 0 || (guint64) from <= length);
  gboolean to_start = format == GST_FORMAT_TIME && from == 0;
  if (rate != 1 || type != GST_SEEK_TYPE_SET || (stop_type != GST_SEEK_TYPE_NONE && stop_at >= 0) || !(to_sample || to_start))
    return FALSE;
  gst_segment_init (segment, GST_FORMAT_TIME);
  segment->flags = (GstSegmentFlags) flags & GST_SEGMENT_INSTANT_FLAGS;
  *number = to_sample ? (guint64) from : 0;
  return TRUE;
}

gboolean
cnn_seek_answer (GstQuery *query, guint64 number, guint64 length, gboolean *answered)
{
  GstFormat format = GST_FORMAT_UNDEFINED;

  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_POSITION:
      gst_query_parse_position (query, &format, NULL);
      *answered = format == GST_FORMAT_DEFAULT;
      if (*answered)
        gst_query_set_position (query, format, (gint64) number);
      return TRUE;
    case GST_QUERY_DURATION:
      gst_query_parse_duration (query, &format, NULL);
      *answered = format == GST_FORMAT_DEFAULT && length;
      if (*answered)
        gst_query_set_duration (query, format, (gint64) length);
      return TRUE;
    case GST_QUERY_SEEKING:
      gst_query_parse_seeking (query, &format, NULL, NULL, NULL);
      gst_query_set_seeking (query, format, format == GST_FORMAT_DEFAULT, 0, length ? (gint64) length : -1);
      return *answered = TRUE;
    default: return FALSE;
  }
}
