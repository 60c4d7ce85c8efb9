/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * element-colors.c - see element-colors.h. */
#include "tests/element-colors.h"

const char *const colors[3] = { "red", "green", "blue" };

GstHarness *
classifier (const char *model, const char *format, int width, int height, const char *properties)
{
  g_autofree char *text = g_strdup_printf ("cnnclassify model=%s %s", model, properties);
  g_autofree char *caps = g_strdup_printf ("video/x-raw,format=%s,width=%d,height=%d,framerate=10/1", format, width, height);
  GstHarness *h = gst_harness_new_parse (text);
  gst_harness_set_src_caps_str (h, caps);
  return h;
}

GstBuffer *
make_frame (guint i, guint color, guint width, guint height)
{
  guint stride = (width * 3 + 3) & ~3u;
  GstBuffer *b = gst_buffer_new_allocate (NULL, stride * height, NULL);
  GstMapInfo map;
  gst_buffer_map (b, &map, GST_MAP_WRITE);
  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width * 3; x++)
      map.data[y * stride + x] = x % 3 == color ? 220 : 30;
  gst_buffer_unmap (b, &map);
  GST_BUFFER_PTS (b) = i * 100 * GST_MSECOND;
  GST_BUFFER_DURATION (b) = 100 * GST_MSECOND;
  return b;
}

const GstStructure *
result_of (GstBuffer *b)
{
  GstCustomMeta *meta = gst_buffer_get_custom_meta (b, "GstCnnClassificationMeta");
  return meta ? gst_custom_meta_get_structure (meta) : NULL;
}

gboolean
has_label (GstBuffer *b, const char *label)
{
  const GstStructure *s = result_of (b);
  return s && !g_strcmp0 (gst_structure_get_string (s, "label"), label);
}
