/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnscale.c - see cnnscale.h: a GstVideoConverter, or two of them where scaling before converting is cheaper. */
#include "plugins/cnnscale.h"
#include <string.h>

struct CnnScaler {
  GstVideoResamplerMethod method;
  GstVideoInfo in, out;
  GstVideoRectangle from, to;
  GstVideoConverter *scale;     /* in to middle; NULL: in one step */
  GstVideoConverter *convert;   /* in or middle to out; NULL: not prepared */
  GstVideoInfo middle_info;
  GstBuffer *middle;            /* the kept part in its own format, at the size it is wanted */
};

void
cnn_fit (CnnResize resize, guint width, guint height, guint out_width, guint out_height, GstVideoRectangle *from, GstVideoRectangle *to)
{
  *from = (GstVideoRectangle) { 0, 0, (int) width, (int) height };
  *to = (GstVideoRectangle) { 0, 0, (int) out_width, (int) out_height };
  guint64 across = (guint64) width * out_height, down = (guint64) height * out_width;   /* across > down: too wide */
  gboolean wide = across > down;

  if (resize == CNN_RESIZE_CROP && wide)
    from->w = (int) MAX (1, (down + out_height / 2) / out_height);
  else if (resize == CNN_RESIZE_CROP)
    from->h = (int) MAX (1, (across + out_width / 2) / out_width);
  else if (resize == CNN_RESIZE_PAD && wide)
    to->h = (int) MAX (1, (down + width / 2) / width);
  else if (resize == CNN_RESIZE_PAD)
    to->w = (int) MAX (1, (across + height / 2) / height);
  from->x = ((int) width - from->w) / 2;
  from->y = ((int) height - from->h) / 2;
  to->x = ((int) out_width - to->w) / 2;
  to->y = ((int) out_height - to->h) / 2;
}

CnnScaler *
cnn_scaler_new (GstVideoResamplerMethod method)
{
  CnnScaler *s = g_new0 (CnnScaler, 1);
  s->method = method;
  return s;
}

static void
reset (CnnScaler *s)
{
  g_clear_pointer (&s->scale, gst_video_converter_free);
  g_clear_pointer (&s->convert, gst_video_converter_free);
  gst_clear_buffer (&s->middle);
}

void
cnn_scaler_free (CnnScaler *s)
{
  if (!s)
    return;
  reset (s);
  g_free (s);
}

static GstVideoConverter *
converter (const CnnScaler *s, const GstVideoInfo *in, const GstVideoRectangle *from, const GstVideoInfo *out, const GstVideoRectangle *to)
{
  return gst_video_converter_new (in, out, gst_structure_new ("options",
          GST_VIDEO_CONVERTER_OPT_RESAMPLER_METHOD, GST_TYPE_VIDEO_RESAMPLER_METHOD, s->method,
          GST_VIDEO_CONVERTER_OPT_DITHER_METHOD, GST_TYPE_VIDEO_DITHER_METHOD, GST_VIDEO_DITHER_NONE,
          GST_VIDEO_CONVERTER_OPT_SRC_X, G_TYPE_INT, from->x, GST_VIDEO_CONVERTER_OPT_SRC_Y, G_TYPE_INT, from->y,
          GST_VIDEO_CONVERTER_OPT_SRC_WIDTH, G_TYPE_INT, from->w, GST_VIDEO_CONVERTER_OPT_SRC_HEIGHT, G_TYPE_INT, from->h,
          GST_VIDEO_CONVERTER_OPT_DEST_X, G_TYPE_INT, to->x, GST_VIDEO_CONVERTER_OPT_DEST_Y, G_TYPE_INT, to->y,
          GST_VIDEO_CONVERTER_OPT_DEST_WIDTH, G_TYPE_INT, to->w, GST_VIDEO_CONVERTER_OPT_DEST_HEIGHT, G_TYPE_INT, to->h, NULL));
}

/* A converter works on pixels in their common unpacked form; scaling alone has a way of its own
 * for each plane, several times as fast. Taken when it leaves fewer pixels to convert. */
static gboolean
set_two_steps (CnnScaler *s)
{
  GstVideoRectangle whole = { 0, 0, s->to.w, s->to.h };
  GstVideoInfo *middle = &s->middle_info;

  if (GST_VIDEO_INFO_FORMAT (&s->in) == GST_VIDEO_INFO_FORMAT (&s->out) || GST_VIDEO_INFO_IS_INTERLACED (&s->in)
      || (guint64) s->to.w * s->to.h >= (guint64) s->from.w * s->from.h)
    return FALSE;
  if (!gst_video_info_set_format (middle, GST_VIDEO_INFO_FORMAT (&s->in), (guint) s->to.w, (guint) s->to.h))
    return FALSE;
  middle->colorimetry = s->in.colorimetry;      /* or it would follow the size, and colours change */
  middle->chroma_site = s->in.chroma_site;
  middle->fps_n = s->in.fps_n;
  middle->fps_d = s->in.fps_d;
  if (!(s->scale = converter (s, &s->in, &s->from, middle, &whole)))
    return FALSE;
  s->convert = converter (s, middle, &whole, &s->out, &s->to);
  s->middle = gst_buffer_new_allocate (NULL, GST_VIDEO_INFO_SIZE (middle), NULL);
  return s->convert != NULL;
}

gboolean
cnn_scaler_set (CnnScaler *s, const GstVideoInfo *in, const GstVideoRectangle *from, const GstVideoInfo *out, const GstVideoRectangle *to)
{
  GstVideoInfo wanted = *out;
  wanted.fps_n = in->fps_n;     /* or there is no converting between them */
  wanted.fps_d = in->fps_d;
  wanted.interlace_mode = in->interlace_mode;
  if (s->convert && gst_video_info_is_equal (in, &s->in) && gst_video_info_is_equal (&wanted, &s->out)
      && !memcmp (from, &s->from, sizeof *from) && !memcmp (to, &s->to, sizeof *to))
    return TRUE;
  reset (s);
  s->in = *in;
  s->out = wanted;
  s->from = *from;
  s->to = *to;
  if (set_two_steps (s))
    return TRUE;
  reset (s);
  s->convert = converter (s, &s->in, &s->from, &s->out, &s->to);
  return s->convert != NULL;
}

void
cnn_scaler_run (CnnScaler *s, const GstVideoFrame *in, GstVideoFrame *out)
{
  GstVideoFrame middle;

  if (!s->scale) {
    gst_video_converter_frame (s->convert, in, out);
    return;
  }
  if (!gst_video_frame_map (&middle, &s->middle_info, s->middle, GST_MAP_READWRITE))
    return;
  gst_video_converter_frame (s->scale, in, &middle);
  gst_video_converter_frame (s->convert, &middle, out);
  gst_video_frame_unmap (&middle);
}
