/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnbuffer.c - see cnnbuffer.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "plugins/cnnbuffer.h"
#include "plugins/cnntensor.h"
#include <gst/video/video.h>

/* Pixels of one or three planes: the video they make. */
static gboolean
is_video (const ConvoyDatasetInfo *info, GstVideoInfo *video)
{
  const ConvoyShape *s = &info->shape;
  if (info->type != CONVOY_U8 || s->n != 3 || (s->d[0] != 1 && s->d[0] != 3) || s->d[1] > G_MAXINT16 || s->d[2] > G_MAXINT16)
    return FALSE;
  return gst_video_info_set_format (video, s->d[0] == 1 ? GST_VIDEO_FORMAT_GRAY8 : GST_VIDEO_FORMAT_RGB, (guint) s->d[2], (guint) s->d[1]);
}

static GstCaps *
tensor_caps (const ConvoyDatasetInfo *info, CnnFraction rate)
{
  GstVideoInfo video;
  if (!is_video (info, &video))
    return cnn_sample_caps (info->type, &info->shape);
  GST_VIDEO_INFO_FPS_N (&video) = rate.n;
  GST_VIDEO_INFO_FPS_D (&video) = rate.d;
  return gst_video_info_to_caps (&video);
}

static GstCaps *
picture_caps (const char *type, CnnFraction rate)
{
  return rate.n ? gst_caps_new_simple (type, "framerate", GST_TYPE_FRACTION, rate.n, rate.d, NULL) : gst_caps_new_empty_simple (type);
}

GstCaps *
cnn_buffer_caps (const ConvoyDatasetInfo *info, CnnFraction rate)
{
  switch (info->kind) {
    case CONVOY_SAMPLE_PICTURE: return gst_caps_merge (picture_caps ("image/jpeg", rate), picture_caps ("image/png", rate));
    case CONVOY_SAMPLE_TEXT: return gst_caps_from_string ("text/x-raw, format=(string)utf8");
    default: return tensor_caps (info, rate);
  }
}

GstCaps *
cnn_buffer_sample_caps (const ConvoyDatasetInfo *info, CnnFraction rate, GBytes *sample)
{
  gsize n;
  const guint8 *data = g_bytes_get_data (sample, &n);
  if (info->kind == CONVOY_SAMPLE_PICTURE)
    return picture_caps (n > 0 && data[0] == 0x89 ? "image/png" : "image/jpeg", rate);
  return cnn_buffer_caps (info, rate);
}

/* CxHxW to rows of pixels. */
static GstBuffer *
interleave (const GstVideoInfo *video, const guint8 *planes)
{
  gsize width = (gsize) GST_VIDEO_INFO_WIDTH (video), height = (gsize) GST_VIDEO_INFO_HEIGHT (video), plane = width * height;
  gsize channels = GST_VIDEO_INFO_N_COMPONENTS (video), stride = (gsize) GST_VIDEO_INFO_PLANE_STRIDE (video, 0);
  guint8 *out = g_malloc0 (GST_VIDEO_INFO_SIZE (video));
  for (gsize c = 0; c < channels; c++)
    for (gsize y = 0; y < height; y++)
      for (gsize x = 0; x < width; x++)
        out[y * stride + x * channels + c] = planes[c * plane + y * width + x];
  return gst_buffer_new_wrapped (out, GST_VIDEO_INFO_SIZE (video));
}

GstBuffer *
cnn_buffer_new (const ConvoyDatasetInfo *info, GBytes *sample)
{
  GstVideoInfo video;
  gboolean as_it_is = info->kind != CONVOY_SAMPLE_TENSOR || !is_video (info, &video);
  GstBuffer *buffer = as_it_is ? gst_buffer_new_wrapped_bytes (sample) : interleave (&video, g_bytes_get_data (sample, NULL));
  g_bytes_unref (sample);
  return buffer;
}

void
cnn_buffer_set_time (GstBuffer *buffer, CnnFraction rate, guint64 i)
{
  guint64 second = GST_SECOND * (guint64) rate.d;
  if (rate.n == 0)
    return;
  GST_BUFFER_PTS (buffer) = gst_util_uint64_scale (i, second, (guint64) rate.n);
  GST_BUFFER_DURATION (buffer) = gst_util_uint64_scale (i + 1, second, (guint64) rate.n) - GST_BUFFER_PTS (buffer);
}
