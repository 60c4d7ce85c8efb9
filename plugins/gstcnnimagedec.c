/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstcnnimagedec.c - the element cnnimagedec: picture files in, RGB frames of the wanted size out. */
/**
 * SECTION:element-cnnimagedec
 * @title: cnnimagedec
 * @short_description: decodes JPEG and PNG to RGB of a wanted size
 *
 * Decodes picture files to RGB. A JPEG is shrunk while it is decoded as far as the wanted size
 * allows, which makes large photos several times as fast as decoding and scaling them. Grey,
 * CMYK and progressive JPEG and PNG of every kind are taken; what EXIF says of the
 * orientation is applied; what is transparent is put onto white.
 *
 * A buffer is a picture file, except from a source of bytes like filesrc, whose buffers are
 * gathered until the end of the file. A row of JPEG pictures in one file wants jpegparse before.
 *
 * With `resize=cover` and no size a network downstream is asked how much it needs, and a picture
 * that is larger is shrunk as far as decoding can for nothing: meant for where the picture
 * itself goes nowhere. With #GstCnnImageDec:workers several files are decoded at a time; the frames
 * leave in the order in which the files came, and a live pipeline is told how long they wait for it.
 *
 * A damaged or truncated file, one that is no picture, and an absurd size are skipped: a warning
 * and an element message `cnn-skipped` (file, number, reason) say which, #GstCnnImageDec:skipped
 * counts. With `on-error=fail` they are errors.
 *
 * |[
 * gst-launch-1.0 filesrc location=photo.jpg ! cnnimagedec width=224 height=224 resize=crop ! videoconvert ! pngenc ! filesink location=small.png
 * ]|
 * |[
 * gst-launch-1.0 multifilesrc location=photo-%d.jpg ! cnnimagedec width=256 height=256 resize=cover ! fakesink silent=false -v
 * ]|
 * |[
 * gst-launch-1.0 -m multifilesrc location=photo-%d.jpg ! cnnimagedec resize=cover ! cnnclassify model=mobilenetv2.onnx ! fakesink
 * ]|
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "plugins/gstcnnimagedec.h"
#include "plugins/cnnproperty.h"
#include "plugins/cnndecoders.h"
#include "plugins/cnnlatency.h"
#include "plugins/cnnmeta.h"
#include "plugins/cnnsample.h"
#include "plugins/cnnsize.h"
#include <gst/base/gstadapter.h>

GST_DEBUG_CATEGORY_STATIC (cnn_image_dec_debug);
#define GST_CAT_DEFAULT cnn_image_dec_debug

#define MAX_FILE_SIZE (1 << 30)

struct _GstCnnImageDec {
  GstVideoDecoder parent;

  CnnDecodeOptions options;     /* object lock */
  CnnOnError on_error;          /* object lock */
  guint workers;                /* object lock */
  guint skipped;                /* object lock */

  /* The streaming thread's. */
  CnnDecoders *decoders;
  gboolean asks;                /* for the size, downstream */
  CnnSource source;
  GstVideoCodecState *input;    /* from the caps; NULL: there were none */
  gboolean is_bytes;            /* the segment is one of bytes, not of time */
  guint n_pictures, n_frames;   /* of this stream, that came in and that went out */
  GstVideoCodecFrame *frame;    /* whose file is being gathered; NULL: none */
  GstAdapter *gathered;
  guint64 next_offset;          /* of the buffer that would be more of it */
  gboolean is_junk;             /* no picture, so no use in gathering it */
};


static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("image/jpeg; image/png"));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE ("RGB")));

G_DEFINE_FINAL_TYPE (GstCnnImageDec, gst_cnn_image_dec, GST_TYPE_VIDEO_DECODER)
GST_ELEMENT_REGISTER_DEFINE (cnnimagedec, "cnnimagedec", GST_RANK_NONE, GST_TYPE_CNN_IMAGE_DEC)

/* --- a picture that cannot be decoded --------------------------------- */

static char *
picture_name (GstCnnImageDec *self, GstBuffer *input)
{
  GstPad *pad = GST_VIDEO_DECODER_SINK_PAD (self);
  char *name = cnn_source_name (&self->source, pad, input);
  if (name)
    return name;
  const char *location = cnn_source_location (&self->source, pad);
  return location ? g_strdup_printf ("%s, picture %u", location, self->n_pictures) : g_strdup_printf ("picture %u", self->n_pictures);
}

/* Says and counts it. GST_FLOW_ERROR: the stream is to stop. */
static GstFlowReturn
refuse (GstCnnImageDec *self, const char *name, guint number, const GError *error)
{
  GST_OBJECT_LOCK (self);
  CnnOnError on_error = self->on_error;
  if (on_error == CNN_ON_ERROR_SKIP)
    self->skipped++;
  GST_OBJECT_UNLOCK (self);
  if (on_error == CNN_ON_ERROR_FAIL) {
    GST_ELEMENT_ERROR (self, STREAM, DECODE, ("%s: %s", name, error->message), (NULL));
    return GST_FLOW_ERROR;
  }
  cnn_skipped_post (GST_ELEMENT (self), name, number, error->message);
  return GST_FLOW_OK;
}

/* --- a whole picture -------------------------------------------------- */

static gboolean
set_size (GstCnnImageDec *self, guint width, guint height)
{
  GstVideoDecoder *dec = GST_VIDEO_DECODER (self);
  GstVideoCodecState *state = gst_video_decoder_get_output_state (dec);
  gboolean same = state && GST_VIDEO_INFO_WIDTH (&state->info) == (int) width && GST_VIDEO_INFO_HEIGHT (&state->info) == (int) height;

  g_clear_pointer (&state, gst_video_codec_state_unref);
  if (same)
    return TRUE;
  state = gst_video_decoder_set_output_state (dec, GST_VIDEO_FORMAT_RGB, width, height, self->input);
  if (!state)
    return FALSE;
  gst_video_colorimetry_from_string (&state->info.colorimetry, GST_VIDEO_COLORIMETRY_SRGB); /* what came says nothing of it */
  gst_video_codec_state_unref (state);
  return gst_video_decoder_negotiate (dec);
}

/* Sends on a picture, or says why there is none; owns what is in d. */
static GstFlowReturn
send_decoded (GstCnnImageDec *self, CnnDecoded *d)
{
  GstVideoDecoder *dec = GST_VIDEO_DECODER (self);
  g_autofree char *name = d->name;
  GstFlowReturn ret = GST_FLOW_OK;

  d->frame->output_buffer = d->pixels;
  if (d->error)
    ret = refuse (self, name, d->number, d->error);
  else if (!set_size (self, d->width, d->height))
    ret = GST_FLOW_NOT_NEGOTIATED;
  if (d->error || ret != GST_FLOW_OK) {
    gst_video_decoder_release_frame (dec, d->frame);
    g_clear_error (&d->error);
    return ret;
  }
  self->n_frames++;
  return gst_video_decoder_finish_frame (dec, d->frame);
}

/* All that is decoded, or is to be. */
static GstFlowReturn
take_decoded (GstCnnImageDec *self, gboolean all)
{
  GstFlowReturn ret = GST_FLOW_OK;
  CnnDecoded d;

  while (ret == GST_FLOW_OK && cnn_decoders_pop (self->decoders, all, &d))
    ret = send_decoded (self, &d);
  return ret;
}

static void
forget_decoded (GstCnnImageDec *self)
{
  CnnDecoded d;

  while (cnn_decoders_pop (self->decoders, TRUE, &d)) {
    gst_video_decoder_release_frame (GST_VIDEO_DECODER (self), d.frame);
    gst_clear_buffer (&d.pixels);
    g_clear_error (&d.error);
    g_free (d.name);
  }
}

/* Takes frame over. */
static GstFlowReturn
decode_picture (GstCnnImageDec *self, GstVideoCodecFrame *frame, GstBuffer *file)
{
  GstVideoDecoder *dec = GST_VIDEO_DECODER (self);
  guint width, height;

  if (gst_video_decoder_get_max_decode_time (dec, frame) < 0) {
    GST_DEBUG_OBJECT (self, "picture %u is late", self->n_pictures);
    gst_video_decoder_drop_frame (dec, frame);
    self->n_pictures++;
    self->n_frames++;
    return GST_FLOW_OK;
  }
  if (self->asks) {
    cnn_size_ask (GST_VIDEO_DECODER_SRC_PAD (dec), &width, &height);
    cnn_decoders_set_size (self->decoders, width, height);
  }
  const CnnDecoded d = { .frame = frame, .number = self->n_pictures, .name = picture_name (self, frame->input_buffer) };
  cnn_decoders_push (self->decoders, &d, file);
  self->n_pictures++;
  return take_decoded (self, FALSE);
}

/* --- gathering a file ------------------------------------------------- */

/* Decodes what was gathered, if anything. */
static GstFlowReturn
flush_gathered (GstCnnImageDec *self)
{
  GstVideoCodecFrame *frame = g_steal_pointer (&self->frame);
  gsize n = gst_adapter_available (self->gathered);
  if (!frame)
    return GST_FLOW_OK;
  GstBuffer *file = n ? gst_adapter_take_buffer (self->gathered, n) : gst_buffer_new ();
  GstFlowReturn ret = decode_picture (self, frame, file);
  gst_buffer_unref (file);
  return ret;
}

static void
forget_gathered (GstCnnImageDec *self)
{
  if (self->frame)
    gst_video_decoder_release_frame (GST_VIDEO_DECODER (self), g_steal_pointer (&self->frame));
  gst_adapter_clear (self->gathered);
}

/* Whether buf is a piece of a file: pieces count bytes in their offsets, and are not each a file
 * of its own as those of multifilesrc are. */
static gboolean
is_piece (GstCnnImageDec *self, GstBuffer *buf)
{
  if (!self->is_bytes || !GST_BUFFER_OFFSET_IS_VALID (buf))
    return FALSE;
  cnn_source_location (&self->source, GST_VIDEO_DECODER_SINK_PAD (self));
  return !self->source.pattern;
}

static gboolean
is_junk (GstBuffer *start)
{
  GstMapInfo map;
  if (!gst_buffer_map (start, &map, GST_MAP_READ))
    return FALSE;
  gboolean junk = map.size >= 8 && !cnn_picture_reader (map.data, map.size, NULL);
  gst_buffer_unmap (start, &map);
  return junk;
}

static GstFlowReturn
handle_frame (GstVideoDecoder *dec, GstVideoCodecFrame *frame)
{
  GstCnnImageDec *self = GST_CNN_IMAGE_DEC (dec);
  GstBuffer *buf = frame->input_buffer;
  GstFlowReturn ret;

  if (!is_piece (self, buf)) {
    ret = flush_gathered (self);
    if (ret == GST_FLOW_OK)
      return decode_picture (self, frame, buf);
    gst_video_decoder_release_frame (dec, frame);
    return ret;
  }
  gboolean more = self->frame && GST_BUFFER_OFFSET (buf) == self->next_offset;
  ret = more ? GST_FLOW_OK : flush_gathered (self);
  self->next_offset = GST_BUFFER_OFFSET (buf) + gst_buffer_get_size (buf);
  if (!more)
    self->is_junk = is_junk (buf);
  if (!more || (!self->is_junk && gst_adapter_available (self->gathered) < MAX_FILE_SIZE))
    gst_adapter_push (self->gathered, gst_buffer_ref (buf));
  if (more)
    gst_video_decoder_release_frame (dec, frame);
  else
    self->frame = frame;
  return ret;
}

static GstFlowReturn
finish (GstVideoDecoder *dec)
{
  GstCnnImageDec *self = GST_CNN_IMAGE_DEC (dec);
  GstFlowReturn ret = flush_gathered (self);
  return ret == GST_FLOW_OK ? take_decoded (self, TRUE) : ret;
}

static gboolean
flush (GstVideoDecoder *dec)
{
  forget_gathered (GST_CNN_IMAGE_DEC (dec));
  forget_decoded (GST_CNN_IMAGE_DEC (dec));
  return TRUE;
}

/* --- events ----------------------------------------------------------- */

/* A file without a byte makes no buffer, but is skipped like any other. */
static void
check_empty (GstCnnImageDec *self)
{
  gint64 size = -1;
  GError *error = NULL;

  if (self->n_pictures > 0 || !gst_pad_peer_query_duration (GST_VIDEO_DECODER_SINK_PAD (self), GST_FORMAT_BYTES, &size) || size != 0)
    return;
  GstBuffer *nothing = gst_buffer_new ();
  g_autofree char *name = picture_name (self, nothing);
  cnn_picture_reader (NULL, 0, &error);
  refuse (self, name, self->n_pictures, error);
  g_error_free (error);
  gst_buffer_unref (nothing);
}

/* TRUE: nothing came of the whole stream; the event is sent on. */
static gboolean
end_without_frames (GstCnnImageDec *self, GstEvent *event)
{
  GstVideoDecoder *dec = GST_VIDEO_DECODER (self);

  GST_VIDEO_DECODER_STREAM_LOCK (dec);
  flush_gathered (self);
  take_decoded (self, TRUE);
  check_empty (self);
  gboolean none = self->n_frames == 0;
  GST_VIDEO_DECODER_STREAM_UNLOCK (dec);
  if (none)
    gst_pad_push_event (GST_VIDEO_DECODER_SRC_PAD (dec), event);
  return none;
}

/* The base class understands segments of time alone. Takes event over. */
static GstEvent *
segment_of_time (GstCnnImageDec *self, GstEvent *event)
{
  const GstSegment *segment;
  GstSegment time;

  gst_event_parse_segment (event, &segment);
  self->is_bytes = segment->format != GST_FORMAT_TIME;
  if (!self->is_bytes)
    return event;
  gst_segment_init (&time, GST_FORMAT_TIME);
  GstEvent *made = gst_event_new_segment (&time);
  gst_event_set_seqnum (made, gst_event_get_seqnum (event));
  gst_event_unref (event);
  return made;
}

/* The pictures leave upright: an orientation found upstream must not be applied again. */
static GstEvent *
without_orientation (GstEvent *event)
{
  GstTagList *tags;
  gst_event_parse_tag (event, &tags);
  if (gst_tag_list_get_tag_size (tags, GST_TAG_IMAGE_ORIENTATION) == 0)
    return event;
  event = gst_event_make_writable (event);
  gst_event_parse_tag (event, &tags);
  gst_tag_list_remove_tag (tags, GST_TAG_IMAGE_ORIENTATION);
  return event;
}

static gboolean
sink_event (GstVideoDecoder *dec, GstEvent *event)
{
  GstCnnImageDec *self = GST_CNN_IMAGE_DEC (dec);

  cnn_source_event (&self->source, event);
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_STREAM_START:
      self->n_pictures = self->n_frames = 0;
      break;
    case GST_EVENT_SEGMENT:
      event = segment_of_time (self, event);
      break;
    case GST_EVENT_TAG:
      event = without_orientation (event);
      break;
    case GST_EVENT_EOS:
      /* The base class would make an error of it. */
      if (end_without_frames (self, event))
        return TRUE;
      break;
    default:
      break;
  }
  return GST_VIDEO_DECODER_CLASS (gst_cnn_image_dec_parent_class)->sink_event (dec, event);
}

static gboolean
set_format (GstVideoDecoder *dec, GstVideoCodecState *state)
{
  GstCnnImageDec *self = GST_CNN_IMAGE_DEC (dec);
  g_clear_pointer (&self->input, gst_video_codec_state_unref);
  self->input = gst_video_codec_state_ref (state);
  guint delay = cnn_decoders_delay (self->decoders);
  if (delay > 0) {
    GstClockTime wait = cnn_latency_wait (state->caps, delay, 0);
    gst_video_decoder_set_latency (dec, wait, wait);
  }
  return TRUE;
}

static gboolean
stop (GstVideoDecoder *dec)
{
  GstCnnImageDec *self = GST_CNN_IMAGE_DEC (dec);
  forget_gathered (self);
  if (self->decoders)
    forget_decoded (self);
  g_clear_pointer (&self->decoders, cnn_decoders_free);
  g_clear_object (&self->gathered);
  g_clear_pointer (&self->input, gst_video_codec_state_unref);
  cnn_source_clear (&self->source);
  return TRUE;
}

static gboolean
start (GstVideoDecoder *dec)
{
  GstCnnImageDec *self = GST_CNN_IMAGE_DEC (dec);
  GError *error = NULL;

  GST_OBJECT_LOCK (self);
  guint workers = self->workers ? self->workers : g_get_num_processors ();
  self->decoders = cnn_decoders_new (&self->options, workers, &error);
  self->asks = self->options.resize == CNN_RESIZE_COVER && !self->options.width && !self->options.height;
  self->skipped = 0;
  GST_OBJECT_UNLOCK (self);
  self->gathered = gst_adapter_new ();
  self->n_pictures = self->n_frames = 0;
  self->is_bytes = FALSE;
  if (self->decoders)
    return TRUE;
  GST_ELEMENT_ERROR (self, RESOURCE, FAILED, ("%s", error->message), (NULL));
  g_error_free (error);
  stop (dec);
  return FALSE;
}

/* --- properties and class --------------------------------------------- */

#define AT(field) G_STRUCT_OFFSET (GstCnnImageDec, field)

static const CnnProperty properties[] = {
  CNN_UINT_ROW ("width", "Width", "Width of the frames (0: follows from height, or as the picture is)", AT (options.width), 0, CNN_PICTURE_MAX_SIDE, 0, CNN_READY),
  CNN_UINT_ROW ("height", "Height", "Height of the frames (0: follows from width, or as the picture is)", AT (options.height), 0, CNN_PICTURE_MAX_SIDE, 0, CNN_READY),
  CNN_ENUM_ROW ("resize", "Resize", "What becomes of a picture of another aspect", AT (options.resize), cnn_decode_resize_get_type, CNN_RESIZE_STRETCH, CNN_READY),
  CNN_ENUM_ROW ("interpolation", "Interpolation", "How the last step of scaling finds a pixel", AT (options.method), cnn_interpolation_get_type, GST_VIDEO_RESAMPLER_METHOD_LINEAR, CNN_READY),
  CNN_ENUM_ROW ("on-error", "On error", "What to do about a file that cannot be decoded", AT (on_error), cnn_on_error_get_type, CNN_ON_ERROR_SKIP, CNN_READY),
  CNN_UINT_ROW ("workers", "Workers", "Files that are decoded at a time (0: one a processor)", AT (workers), 0, 256, 1, CNN_READY),
  CNN_UINT_ROW ("skipped", "Skipped", "Files that were skipped since the start", AT (skipped), 0, G_MAXUINT, 0, CNN_READ_ONLY),
};

static void
gst_cnn_image_dec_class_init (GstCnnImageDecClass *klass)
{
  GObjectClass *object = G_OBJECT_CLASS (klass);
  GstElementClass *element = GST_ELEMENT_CLASS (klass);
  GstVideoDecoderClass *decoder = GST_VIDEO_DECODER_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (cnn_image_dec_debug, "cnnimagedec", 0, "pictures to RGB");
  cnn_properties_install (object, properties, G_N_ELEMENTS (properties));
  gst_element_class_set_static_metadata (element, "Picture decoder", "Codec/Decoder/Image",
      "Decodes JPEG and PNG to RGB of a wanted size, skips damaged files", "Convoy");
  gst_element_class_add_static_pad_template (element, &sink_template);
  gst_element_class_add_static_pad_template (element, &src_template);
  decoder->start = GST_DEBUG_FUNCPTR (start);
  decoder->stop = GST_DEBUG_FUNCPTR (stop);
  decoder->set_format = GST_DEBUG_FUNCPTR (set_format);
  decoder->handle_frame = GST_DEBUG_FUNCPTR (handle_frame);
  decoder->finish = GST_DEBUG_FUNCPTR (finish);
  decoder->drain = GST_DEBUG_FUNCPTR (finish);
  decoder->flush = GST_DEBUG_FUNCPTR (flush);
  decoder->sink_event = GST_DEBUG_FUNCPTR (sink_event);
}

static void
gst_cnn_image_dec_init (GstCnnImageDec *self)
{
  GstVideoDecoder *dec = GST_VIDEO_DECODER (self);
  gst_video_decoder_set_packetized (dec, TRUE);
  gst_video_decoder_set_use_default_pad_acceptcaps (dec, TRUE);
  GST_PAD_SET_ACCEPT_TEMPLATE (GST_VIDEO_DECODER_SINK_PAD (dec));
}
