/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * picture.c - see picture.h. GStreamer reads, scales and writes. */
#include "pipelines/picture.h"
#include "pipelines/stream.h"
#include <gst/video/video.h>
#include <string.h>

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

/* The pixels as one buffer. */
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

/* As cnnclassify scales, so that a network sees here what it sees there. */
static GstVideoConverter *
converter (const GstVideoInfo *in, const ConvoyRect *from, const GstVideoInfo *out, const ConvoyRect *to)
{
  return gst_video_converter_new (in, out, gst_structure_new ("options",
          GST_VIDEO_CONVERTER_OPT_RESAMPLER_METHOD, GST_TYPE_VIDEO_RESAMPLER_METHOD, GST_VIDEO_RESAMPLER_METHOD_LINEAR,
          GST_VIDEO_CONVERTER_OPT_DITHER_METHOD, GST_TYPE_VIDEO_DITHER_METHOD, GST_VIDEO_DITHER_NONE,
          GST_VIDEO_CONVERTER_OPT_SRC_X, G_TYPE_INT, (int) from->x, GST_VIDEO_CONVERTER_OPT_SRC_Y, G_TYPE_INT, (int) from->y,
          GST_VIDEO_CONVERTER_OPT_SRC_WIDTH, G_TYPE_INT, (int) from->width, GST_VIDEO_CONVERTER_OPT_SRC_HEIGHT, G_TYPE_INT, (int) from->height,
          GST_VIDEO_CONVERTER_OPT_DEST_X, G_TYPE_INT, (int) to->x, GST_VIDEO_CONVERTER_OPT_DEST_Y, G_TYPE_INT, (int) to->y,
          GST_VIDEO_CONVERTER_OPT_DEST_WIDTH, G_TYPE_INT, (int) to->width, GST_VIDEO_CONVERTER_OPT_DEST_HEIGHT, G_TYPE_INT, (int) to->height, NULL));
}

guint8 *
picture_fit (cairo_surface_t *picture, const ConvoyModelInfo *info, double where[4])
{
  g_autoptr (GstSample) sample = sample_of (picture);
  GstVideoInfo in, out;
  GstVideoFrame source, target;
  ConvoyRect from, to;

  gst_video_info_from_caps (&in, gst_sample_get_caps (sample));
  gst_video_info_set_format (&out, info->channels == 1 ? GST_VIDEO_FORMAT_GRAY8 : GST_VIDEO_FORMAT_RGB, info->width, info->height);
  out.fps_n = in.fps_n, out.fps_d = in.fps_d;   /* or there is no converting between them */
  convoy_image_window (info, (guint) in.width, (guint) in.height, &from, &to);
  GstBuffer *scaled = gst_buffer_new_allocate (NULL, out.size, NULL);
  GstVideoConverter *c = converter (&in, &from, &out, &to);
  gst_video_frame_map (&source, &in, gst_sample_get_buffer (sample), GST_MAP_READ);
  gst_video_frame_map (&target, &out, scaled, GST_MAP_WRITE);
  gst_video_converter_frame (c, &source, &target);
  gsize row = (gsize) info->width * info->channels;
  guint8 *bytes = g_malloc (row * info->height);
  for (guint y = 0; y < info->height; y++)
    memcpy (bytes + y * row, (const guint8 *) GST_VIDEO_FRAME_PLANE_DATA (&target, 0) + (gsize) y * GST_VIDEO_FRAME_PLANE_STRIDE (&target, 0), row);
  gst_video_frame_unmap (&target);
  gst_video_frame_unmap (&source);
  gst_video_converter_free (c);
  gst_buffer_unref (scaled);
  double sx = (double) to.width / from.width, sy = (double) to.height / from.height;
  where[0] = from.x - to.x / sx;
  where[1] = from.y - to.y / sy;
  where[2] = info->width / sx;
  where[3] = info->height / sy;
  return bytes;
}

/* --- out -------------------------------------------------------------- */

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
  gboolean ok = convoy_file_save (path, map.data, map.size, error);
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
