/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstcnnaugment.c - the element cnnaugment: training pictures flipped, turned, zoomed and so on at random. */
/**
 * SECTION:element-cnnaugment
 * @title: cnnaugment
 * @short_description: changes training pictures at random
 *
 * Changes each training picture at random, as far as the properties say: flips, rotates, zooms,
 * moves and crops it, all in one step, then changes brightness and contrast. What is drawn depends
 * on nothing but #GstCnnAugment:seed and epoch and number of the sample, so that a run can be
 * repeated. Pictures of other splits pass untouched. Frames that are no samples are counted.
 *
 * |[
 * gst-launch-1.0 filesrc location=photo.jpg ! cnnimagedec width=224 height=224 ! imagefreeze num-buffers=16 ! cnnaugment flip=horizontal rotate=20 zoom=0.2 ! videoconvert ! pngenc ! multifilesink location=%02d.png
 * ]|
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "plugins/gstcnnaugment.h"
#include "plugins/cnnproperty.h"
#include "plugins/cnnsample.h"
#include "plugins/cnnwarp.h"

GST_DEBUG_CATEGORY_STATIC (cnn_augment_debug);
#define GST_CAT_DEFAULT cnn_augment_debug

struct _GstCnnAugment {
  GstVideoFilter parent;

  CnnWarpOptions options;       /* object lock */

  /* The streaming thread's. */
  CnnWarp warp;                 /* of the buffer in work */
  guint64 n;                    /* frames that were no samples */
};


#define CAPS GST_VIDEO_CAPS_MAKE ("{ RGB, GRAY8 }")

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (CAPS));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (CAPS));

G_DEFINE_FINAL_TYPE (GstCnnAugment, gst_cnn_augment, GST_TYPE_VIDEO_FILTER)
GST_ELEMENT_REGISTER_DEFINE (cnnaugment, "cnnaugment", GST_RANK_NONE, GST_TYPE_CNN_AUGMENT)

/* --- frames ----------------------------------------------------------- */

/* Draws for the buffer. FALSE: it stays as it is. */
static gboolean
draw (GstCnnAugment *self, GstBuffer *buffer)
{
  const GstVideoInfo *info = &GST_VIDEO_FILTER (self)->in_info;
  CnnSample sample;
  gboolean is_sample = cnn_sample_get (buffer, &sample) && sample.epoch > 0;

  if (sample.split && g_strcmp0 (sample.split, CNN_SPLIT_TRAIN) != 0)
    return FALSE;
  GST_OBJECT_LOCK (self);
  CnnWarpOptions o = self->options;
  GST_OBJECT_UNLOCK (self);
  return cnn_warp_draw (&o, is_sample ? sample.epoch : 0, is_sample ? sample.number : self->n++,
      (guint) GST_VIDEO_INFO_WIDTH (info), (guint) GST_VIDEO_INFO_HEIGHT (info), &self->warp);
}

/* What stays as it is goes on as it is, without a copy. */
static GstFlowReturn
prepare_output_buffer (GstBaseTransform *trans, GstBuffer *in, GstBuffer **out)
{
  if (draw (GST_CNN_AUGMENT (trans), in))
    return GST_BASE_TRANSFORM_CLASS (gst_cnn_augment_parent_class)->prepare_output_buffer (trans, in, out);
  *out = in;
  return GST_FLOW_OK;
}

static GstFlowReturn
transform (GstBaseTransform *trans, GstBuffer *in, GstBuffer *out)
{
  return in == out ? GST_FLOW_OK : GST_BASE_TRANSFORM_CLASS (gst_cnn_augment_parent_class)->transform (trans, in, out);
}

static GstFlowReturn
transform_frame (GstVideoFilter *filter, GstVideoFrame *in, GstVideoFrame *out)
{
  cnn_warp_run (&GST_CNN_AUGMENT (filter)->warp, in, out);
  return GST_FLOW_OK;
}

static gboolean
start (GstBaseTransform *trans)
{
  GST_CNN_AUGMENT (trans)->n = 0;
  return TRUE;
}

/* --- properties and class --------------------------------------------- */

#define AT(field) G_STRUCT_OFFSET (GstCnnAugment, field)

static const CnnProperty properties[] = {
  CNN_ENUM_ROW ("flip", "Flip", "Which ways every other picture is flipped", AT (options.flip), cnn_flip_get_type, CNN_FLIP_NONE, CNN_PLAYING),
  CNN_ENUM_ROW ("fill", "Fill", "What comes in from beyond the rim", AT (options.fill), cnn_fill_get_type, CNN_FILL_REFLECT, CNN_PLAYING),
  CNN_UINT64_ROW ("seed", "Seed", "What is drawn depends on it, and on epoch and number of the sample", AT (options.seed), G_MAXUINT64, CNN_PLAYING),
  CNN_DOUBLE_ROW ("rotate", "Rotate", "Degrees by which a picture is turned at most, either way", AT (options.rotate), 180, CNN_PLAYING),
  CNN_DOUBLE_ROW ("zoom", "Zoom", "A picture is enlarged by a factor of 1 - zoom to 1 + zoom", AT (options.zoom), 0.9, CNN_PLAYING),
  CNN_DOUBLE_ROW ("translate", "Translate", "Part of width and height by which a picture is moved at most", AT (options.translate), 1, CNN_PLAYING),
  CNN_DOUBLE_ROW ("crop", "Crop", "Part of its sides that a window anywhere in the picture lacks at most", AT (options.crop), 0.95, CNN_PLAYING),
  CNN_DOUBLE_ROW ("brightness", "Brightness", "Part of the range of values that is added or taken at most", AT (options.brightness), 1, CNN_PLAYING),
  CNN_DOUBLE_ROW ("contrast", "Contrast", "Distances from the mean are multiplied by 1 - contrast to 1 + contrast", AT (options.contrast), 1, CNN_PLAYING),
};

static void
gst_cnn_augment_class_init (GstCnnAugmentClass *klass)
{
  GObjectClass *object = G_OBJECT_CLASS (klass);
  GstElementClass *element = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *base = GST_BASE_TRANSFORM_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (cnn_augment_debug, "cnnaugment", 0, "changes pictures at random");
  cnn_properties_install (object, properties, G_N_ELEMENTS (properties));
  gst_element_class_set_static_metadata (element, "Picture augmentation", "Filter/Effect/Video",
      "Changes training pictures at random: flip, rotate, zoom, translate, crop, brightness, contrast", "Convoy");
  gst_element_class_add_static_pad_template (element, &sink_template);
  gst_element_class_add_static_pad_template (element, &src_template);
  base->start = GST_DEBUG_FUNCPTR (start);
  base->prepare_output_buffer = GST_DEBUG_FUNCPTR (prepare_output_buffer);
  base->transform = GST_DEBUG_FUNCPTR (transform);
  GST_VIDEO_FILTER_CLASS (klass)->transform_frame = GST_DEBUG_FUNCPTR (transform_frame);
}

static void
gst_cnn_augment_init (GstCnnAugment *self)
{
  (void) self;
}
