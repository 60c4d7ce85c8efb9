/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * picture.c - see picture.h. GStreamer reads and writes JPEG, cairo scales. */
#include "pipelines/picture.h"
#include "pipelines/stream.h"
#include <gst/video/video.h>

#define QUALITY 90              /* of JPEG */

/* --- in --------------------------------------------------------------- */

/* RGB bytes into cairo's 32 bits a pixel. */
static cairo_surface_t *
surface_of (const GstVideoFrame *f)
{
  int width = GST_VIDEO_FRAME_WIDTH (f), height = GST_VIDEO_FRAME_HEIGHT (f);
  cairo_surface_t *s = cairo_image_surface_create (CAIRO_FORMAT_RGB24, width, height);
  if (cairo_surface_status (s) != CAIRO_STATUS_SUCCESS)
    return s;
  for (int y = 0; y < height; y++) {
    const guint8 *from = (const guint8 *) GST_VIDEO_FRAME_PLANE_DATA (f, 0) + (gsize) y * GST_VIDEO_FRAME_PLANE_STRIDE (f, 0);
    guint32 *to = (guint32 *) (cairo_image_surface_get_data (s) + (gsize) y * cairo_image_surface_get_stride (s));
    for (int x = 0; x < width; x++)
      to[x] = (guint32) (from[3 * x] << 16 | from[3 * x + 1] << 8 | from[3 * x + 2]);
  }
  cairo_surface_mark_dirty (s);
  return s;
}

cairo_surface_t *
picture_load (const char *path, GError **error)
{
  g_autoptr (GstSample) sample = stream_picture (path, error);
  cairo_surface_t *s = NULL;
  GstVideoInfo info;
  GstVideoFrame frame;

  if (!sample)
    return NULL;
  if (gst_video_info_from_caps (&info, gst_sample_get_caps (sample)) && gst_video_frame_map (&frame, &info, gst_sample_get_buffer (sample), GST_MAP_READ)) {
    s = surface_of (&frame);
    gst_video_frame_unmap (&frame);
  }
  if (s && cairo_surface_status (s) == CAIRO_STATUS_SUCCESS)
    return s;
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: cannot be drawn on: %s", path, s ? cairo_status_to_string (cairo_surface_status (s)) : "no pixels");
  cairo_surface_destroy (s);
  return NULL;
}

guint8 *
picture_fit (cairo_surface_t *picture, const ConvoyModelInfo *info, double where[4])
{
  guint width = (guint) cairo_image_surface_get_width (picture), height = (guint) cairo_image_surface_get_height (picture);
  ConvoyRect from, to;
  cairo_surface_t *fit = cairo_image_surface_create (CAIRO_FORMAT_RGB24, (int) info->width, (int) info->height);
  cairo_t *cr = cairo_create (fit);
  guint8 *bytes = g_new0 (guint8, (gsize) info->width * info->height * info->channels), *at = bytes;

  convoy_image_window (info, width, height, &from, &to);
  double sx = (double) to.width / from.width, sy = (double) to.height / from.height;
  cairo_rectangle (cr, to.x, to.y, to.width, to.height);
  cairo_clip (cr);
  cairo_translate (cr, to.x - from.x * sx, to.y - from.y * sy);
  cairo_scale (cr, sx, sy);
  cairo_set_source_surface (cr, picture, 0, 0);
  cairo_pattern_set_filter (cairo_get_source (cr), CAIRO_FILTER_GOOD);
  cairo_pattern_set_extend (cairo_get_source (cr), CAIRO_EXTEND_PAD);
  cairo_paint (cr);
  cairo_destroy (cr);
  cairo_surface_flush (fit);
  for (guint y = 0; y < info->height; y++)
    for (guint x = 0; x < info->width; x++) {
      guint32 p = ((const guint32 *) (cairo_image_surface_get_data (fit) + (gsize) y * cairo_image_surface_get_stride (fit)))[x];
      guint r = p >> 16 & 255, g = p >> 8 & 255, b = p & 255;
      if (info->channels == 1)
        *at++ = (guint8) ((299 * r + 587 * g + 114 * b + 500) / 1000);
      else
        *at++ = (guint8) r, *at++ = (guint8) g, *at++ = (guint8) b;
    }
  cairo_surface_destroy (fit);
  where[0] = from.x - to.x / sx;
  where[1] = from.y - to.y / sy;
  where[2] = info->width / sx;
  where[3] = info->height / sy;
  return bytes;
}

/* --- out -------------------------------------------------------------- */

/* The pixels as one buffer for an encoder. */
static GstSample *
sample_of (cairo_surface_t *s)
{
  int width = cairo_image_surface_get_width (s), height = cairo_image_surface_get_height (s);
  gsize stride = (gsize) cairo_image_surface_get_stride (s), row = (gsize) width * 4;
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, row * (gsize) height, NULL);
  for (int y = 0; y < height; y++)
    gst_buffer_fill (buffer, (gsize) y * row, cairo_image_surface_get_data (s) + (gsize) y * stride, row);
  g_autoptr (GstCaps) caps = gst_caps_new_simple ("video/x-raw", "format", G_TYPE_STRING, G_BYTE_ORDER == G_LITTLE_ENDIAN ? "BGRx" : "xRGB",
      "width", G_TYPE_INT, width, "height", G_TYPE_INT, height, "framerate", GST_TYPE_FRACTION, 0, 1, NULL);
  GstSample *sample = gst_sample_new (buffer, caps, NULL, NULL);
  gst_buffer_unref (buffer);
  return sample;
}

static gboolean
encode (cairo_surface_t *s, const char *path, GError **error)
{
  g_autofree char *line = g_strdup_printf ("appsrc name=pixels format=time ! videoconvert ! jpegenc quality=%d ! fakesink name=sink sync=false", QUALITY);
  g_autoptr (GstElement) pipeline = gst_parse_launch (line, error);
  GstFlowReturn ret;

  if (!pipeline)
    return FALSE;
  g_autoptr (GstElement) src = gst_bin_get_by_name (GST_BIN (pipeline), "pixels"), sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  g_autoptr (GstSample) pixels = sample_of (s), jpeg = NULL;
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_signal_emit_by_name (src, "push-sample", pixels, &ret);
  g_signal_emit_by_name (src, "end-of-stream", &ret);
  g_autoptr (GstMessage) end = gst_bus_timed_pop_filtered (bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  g_object_get (sink, "last-sample", &jpeg, NULL);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  if (GST_MESSAGE_TYPE (end) == GST_MESSAGE_ERROR || !jpeg) {
    g_propagate_prefixed_error (error, stream_error (end), "%s: ", path);
    return FALSE;
  }
  GstMapInfo map;
  gst_buffer_map (gst_sample_get_buffer (jpeg), &map, GST_MAP_READ);
  gboolean ok = g_file_set_contents (path, (const char *) map.data, (gssize) map.size, error);
  gst_buffer_unmap (gst_sample_get_buffer (jpeg), &map);
  return ok;
}

gboolean
picture_save (const char *path, int width, int height, FigureDraw draw, gconstpointer user, GError **error)
{
  if (!g_str_has_suffix (path, ".jpg") && !g_str_has_suffix (path, ".jpeg"))
    return figure_save (path, width, height, draw, user, error);
  cairo_surface_t *s = figure_render (width, height, draw, user);
  gboolean ok = encode (s, path, error);
  cairo_surface_destroy (s);
  return ok;
}
