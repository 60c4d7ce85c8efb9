/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fuzz-picture.c - any bytes as a JPEG or PNG, decoded as cnnimagedec does it: whole, shrunk and scaled. */
#include "tests/fuzz/fuzz.h"
#include "plugins/cnndecode.h"
#include <gst/gst.h>

#define MAX_SIDE 512

static void
decode (const CnnDecodeOptions *o, const guint8 *data, gsize size)
{
  CnnDecode *d = cnn_decode_new (o);
  guint width, height;
  GstVideoInfo info;
  GstVideoFrame frame;
  if (cnn_decode_start (d, data, size, &width, &height, NULL)) {
    if (width <= MAX_SIDE && height <= MAX_SIDE && gst_video_info_set_format (&info, GST_VIDEO_FORMAT_RGB, width, height)) {
      GstBuffer *buffer = gst_buffer_new_allocate (NULL, info.size, NULL);
      if (gst_video_frame_map (&frame, &info, buffer, GST_MAP_WRITE)) {
        cnn_decode_run (d, &frame, NULL);
        gst_video_frame_unmap (&frame);
      }
      gst_buffer_unref (buffer);
    }
    cnn_decode_stop (d);
  }
  cnn_decode_free (d);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  const CnnDecodeOptions as_it_is = { .method = GST_VIDEO_RESAMPLER_METHOD_LINEAR };
  const CnnDecodeOptions cropped = { .width = 10, .height = 7, .resize = CNN_RESIZE_CROP, .method = GST_VIDEO_RESAMPLER_METHOD_LINEAR };
  gst_init (NULL, NULL);
  decode (&as_it_is, data, size);
  decode (&cropped, data, size);
  return 0;
}
