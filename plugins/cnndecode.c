/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnndecode.c - see cnndecode.h: decode (shrunk where that is free), scale, turn; steps that do nothing are left out. */
#include "plugins/cnndecode.h"

/* A step's result: memory that is kept from picture to picture, and a view of it. */
typedef struct {
  GstBuffer *memory;
  GstVideoFrame frame;
} Scratch;

struct CnnDecode {
  CnnDecodeOptions options;
  const CnnReader *reader;      /* of the picture that was started */
  void *picture;
  guint orientation;
  guint shrink;
  guint width, height;          /* as decoded */
  GstVideoRectangle from, to;   /* the part of that which is kept, and where it goes in the result */
  guint out_width, out_height;  /* before it is turned */
  CnnScaler *scaler;
  Scratch decoded, scaled;
};

CnnDecode *
cnn_decode_new (const CnnDecodeOptions *o)
{
  CnnDecode *d = g_new0 (CnnDecode, 1);
  d->options = *o;
  d->scaler = cnn_scaler_new (o->method);
  return d;
}

void
cnn_decode_stop (CnnDecode *d)
{
  if (d->picture)
    d->reader->close (d->picture);
  d->picture = NULL;
}

void
cnn_decode_free (CnnDecode *d)
{
  if (!d)
    return;
  cnn_decode_stop (d);
  cnn_scaler_free (d->scaler);
  gst_clear_buffer (&d->decoded.memory);
  gst_clear_buffer (&d->scaled.memory);
  g_free (d);
}

void
cnn_decode_set_size (CnnDecode *d, guint width, guint height)
{
  d->options.width = width;
  d->options.height = height;
}

/* A side that was not given, from the other one and the picture's aspect. */
static guint
follow (guint given, guint own, guint other)
{
  return (guint) MAX (1, ((guint64) given * own + other / 2) / other);
}

/* The size that is wanted of a width x height picture, all as stored. */
static void
wanted_size (const CnnDecodeOptions *o, gboolean swap, guint width, guint height, guint *w, guint *h)
{
  *w = swap ? o->height : o->width;
  *h = swap ? o->width : o->height;
  if (!*w && !*h) {
    *w = width;
    *h = height;
  } else if (!*w) {
    *w = follow (*h, width, height);
  } else if (!*h) {
    *h = follow (*w, height, width);
  }
}

/* The strongest shrinking that leaves the kept part no smaller than the result. */
static void
choose_shrink (CnnDecode *d, CnnResize resize, guint width, guint height, guint w, guint h)
{
  for (d->shrink = d->reader->max_shrink;; d->shrink /= 2) {
    d->width = (width + d->shrink - 1) / d->shrink;
    d->height = (height + d->shrink - 1) / d->shrink;
    if (resize == CNN_RESIZE_COVER) {
      cnn_fit (CNN_RESIZE_STRETCH, d->width, d->height, d->width, d->height, &d->from, &d->to);
      if (d->shrink == 1 || (d->width >= w && d->height >= h))
        return;
    } else {
      cnn_fit (resize, d->width, d->height, w, h, &d->from, &d->to);
      if (d->shrink == 1 || (d->from.w >= d->to.w && d->from.h >= d->to.h))
        return;
    }
  }
}

gboolean
cnn_decode_start (CnnDecode *d, const guint8 *data, gsize size, guint *width, guint *height, GError **error)
{
  CnnResize resize = d->options.resize;
  CnnPictureInfo info;
  guint w, h;

  cnn_decode_stop (d);
  if (!(d->reader = cnn_picture_reader (data, size, error)) || !(d->picture = d->reader->open (data, size, &info, error)))
    return FALSE;
  gboolean swap = info.orientation >= 5;
  wanted_size (&d->options, swap, info.width, info.height, &w, &h);
  if (!cnn_picture_check_size (w, h, error))
    return FALSE;
  choose_shrink (d, resize, info.width, info.height, w, h);
  d->orientation = info.orientation;
  d->out_width = resize == CNN_RESIZE_COVER ? d->width : w;
  d->out_height = resize == CNN_RESIZE_COVER ? d->height : h;
  *width = swap ? d->out_height : d->out_width;
  *height = swap ? d->out_width : d->out_height;
  return TRUE;
}

/* --- run -------------------------------------------------------------- */

static gboolean
scratch_map (Scratch *s, guint width, guint height, GError **error)
{
  GstVideoInfo info;

  if (!gst_video_info_set_format (&info, GST_VIDEO_FORMAT_RGB, width, height))
    goto fail;
  if (!s->memory || gst_buffer_get_size (s->memory) < GST_VIDEO_INFO_SIZE (&info)) {
    gst_clear_buffer (&s->memory);
    s->memory = gst_buffer_new_allocate (NULL, GST_VIDEO_INFO_SIZE (&info), NULL);
  }
  if (s->memory && gst_video_frame_map (&s->frame, &info, s->memory, GST_MAP_READWRITE))
    return TRUE;
fail:
  g_set_error (error, CNN_PICTURE_ERROR, 0, "no memory for %ux%u pixels", width, height);
  return FALSE;
}

static gboolean
read_into (CnnDecode *d, gboolean quick, GstVideoFrame *f, GError **error)
{
  return d->reader->decode (d->picture, d->shrink, quick, GST_VIDEO_FRAME_PLANE_DATA (f, 0), (gsize) GST_VIDEO_FRAME_PLANE_STRIDE (f, 0), error);
}

static void
orient (CnnDecode *d, const GstVideoFrame *in, GstVideoFrame *out)
{
  cnn_picture_orient (d->orientation, GST_VIDEO_FRAME_PLANE_DATA (in, 0), (gsize) GST_VIDEO_FRAME_PLANE_STRIDE (in, 0),
      d->out_width, d->out_height, GST_VIDEO_FRAME_PLANE_DATA (out, 0), (gsize) GST_VIDEO_FRAME_PLANE_STRIDE (out, 0));
}

/* Decodes into scratch memory and scales from there. */
static gboolean
read_scaled (CnnDecode *d, GstVideoFrame *out, GError **error)
{
  gboolean quick = d->to.w < d->from.w && d->to.h < d->from.h;  /* the scaling smooths what chroma upsampling would */

  if (!scratch_map (&d->decoded, d->width, d->height, error))
    return FALSE;
  gboolean ok = read_into (d, quick, &d->decoded.frame, error);
  if (ok && !(ok = cnn_scaler_set (d->scaler, &d->decoded.frame.info, &d->from, &out->info, &d->to)))
    g_set_error (error, CNN_PICTURE_ERROR, 0, "cannot scale %ux%u to %ux%u", d->width, d->height, d->out_width, d->out_height);
  if (ok)
    cnn_scaler_run (d->scaler, &d->decoded.frame, out);
  gst_video_frame_unmap (&d->decoded.frame);
  return ok;
}

gboolean
cnn_decode_run (CnnDecode *d, GstVideoFrame *out, GError **error)
{
  gboolean direct = d->width == d->out_width && d->height == d->out_height
      && (guint) d->from.w == d->width && (guint) d->from.h == d->height
      && (guint) d->to.w == d->width && (guint) d->to.h == d->height;
  gboolean turn = d->orientation != 1;
  GstVideoFrame *to = out;

  if (turn) {
    if (!scratch_map (&d->scaled, d->out_width, d->out_height, error))
      return FALSE;
    to = &d->scaled.frame;
  }
  gboolean ok = direct ? read_into (d, FALSE, to, error) : read_scaled (d, to, error);
  if (turn) {
    if (ok)
      orient (d, to, out);
    gst_video_frame_unmap (to);
  }
  return ok;
}
