/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstcnnoverlay.c - the element cnnoverlay: draws what cnnclassify found onto the picture. */
/**
 * SECTION:element-cnnoverlay
 * @title: cnnoverlay
 * @short_description: draws the result of cnnclassify
 *
 * Draws labels and score bars onto the picture, from the metadata that cnnclassify leaves on
 * it. A picture without result passes as it is. The size of the letters follows that of the
 * picture, unless #GstCnnOverlay:font has a size.
 *
 * With #GstCnnOverlay:result-of a picture without result gets the last one that left another element of
 * the pipeline, such as a cnnhead behind a tee, whose buffers are no pictures.
 *
 * |[
 * gst-launch-1.0 filesrc location=photo.jpg ! cnnimagedec ! cnnclassify model=mobilenetv2.onnx ! cnnoverlay ! videoconvert ! pngenc ! filesink location=result.png
 * ]|
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "plugins/gstcnnoverlay.h"
#include "plugins/cnnproperty.h"
#include "plugins/cnndraw.h"
#include "plugins/cnnmeta.h"

GST_DEBUG_CATEGORY_STATIC (cnn_overlay_debug);
#define GST_CAT_DEFAULT cnn_overlay_debug

#define DEFAULT_FONT "Sans Bold"
#define DEFAULT_TOP_K 3

struct _GstCnnOverlay {
  GstVideoFilter parent;

  char *font;                   /* object lock */
  guint top_k;                  /* object lock */
  gboolean changed;             /* object lock: redraw whatever the result */
  char *result_of;              /* object lock; fixed while it runs; NULL: of none */
  GstStructure *other;          /* object lock; the last result of that element; NULL: it has none */
  GstPad *pad;                  /* where its results come by, from start to stop; NULL: no such element */
  gulong probe;

  /* The streaming thread's: what was drawn last. */
  CnnRows rows;
  GstVideoOverlayComposition *drawn;    /* NULL: nothing */
};


#define CAPS GST_VIDEO_CAPS_MAKE (GST_VIDEO_OVERLAY_COMPOSITION_BLEND_FORMATS)

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (CAPS));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (CAPS));

G_DEFINE_FINAL_TYPE (GstCnnOverlay, gst_cnn_overlay, GST_TYPE_VIDEO_FILTER)
GST_ELEMENT_REGISTER_DEFINE (cnnoverlay, "cnnoverlay", GST_RANK_NONE, GST_TYPE_CNN_OVERLAY)

static void
forget (GstCnnOverlay *self)
{
  g_clear_pointer (&self->drawn, gst_video_overlay_composition_unref);
  cnn_rows_clear (&self->rows);
}

/* Makes self->drawn the panel for this result, unless it is already. */
static void
update (GstCnnOverlay *self, const GstStructure *result, guint width, guint height)
{
  CnnRows rows = { .n = 0 };

  GST_OBJECT_LOCK (self);
  guint k = self->top_k;
  gboolean changed = self->changed;
  g_autofree char *font = g_strdup (self->font);
  self->changed = FALSE;
  GST_OBJECT_UNLOCK (self);
  cnn_rows_set (&rows, result, k);
  if (self->drawn && !changed && cnn_rows_equal (&rows, &self->rows)) {
    cnn_rows_clear (&rows);
    return;
  }
  forget (self);
  self->rows = rows;
  if (rows.n > 0)
    self->drawn = cnn_draw (&self->rows, font, width, height);
}

/* --- results of another element ---------------------------------------- */

static void
set_other (GstCnnOverlay *self, GstStructure *result)
{
  GST_OBJECT_LOCK (self);
  GstStructure *old = self->other;
  self->other = result;
  GST_OBJECT_UNLOCK (self);
  gst_clear_structure (&old);
}

static GstStructure *
copy_other (GstCnnOverlay *self)
{
  GST_OBJECT_LOCK (self);
  GstStructure *copy = self->other ? gst_structure_copy (self->other) : NULL;
  GST_OBJECT_UNLOCK (self);
  return copy;
}

static GstPadProbeReturn
on_other (GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
  const GstStructure *result = cnn_result_get (GST_PAD_PROBE_INFO_BUFFER (info));
  (void) pad;
  set_other (user, result ? gst_structure_copy (result) : NULL);
  return GST_PAD_PROBE_OK;
}

static gboolean
start (GstBaseTransform *trans)
{
  GstCnnOverlay *self = GST_CNN_OVERLAY (trans);
  GstObject *bin = gst_object_get_parent (GST_OBJECT (self));
  GstElement *other = self->result_of && bin ? gst_bin_get_by_name_recurse_up (GST_BIN (bin), self->result_of) : NULL;

  self->pad = other ? gst_element_get_static_pad (other, "src") : NULL;
  if (self->pad)
    self->probe = gst_pad_add_probe (self->pad, GST_PAD_PROBE_TYPE_BUFFER, on_other, self, NULL);
  gst_clear_object (&other);
  gst_clear_object (&bin);
  if (!self->result_of || self->pad)
    return TRUE;
  GST_ELEMENT_ERROR (self, RESOURCE, NOT_FOUND, ("result-of=%s: no element of this name, with results, is in the pipeline", self->result_of), (NULL));
  return FALSE;
}

/* --- frames ------------------------------------------------------------ */

static GstFlowReturn
transform_frame_ip (GstVideoFilter *filter, GstVideoFrame *frame)
{
  GstCnnOverlay *self = GST_CNN_OVERLAY (filter);
  g_autoptr (GstStructure) other = NULL;
  const GstStructure *result = cnn_result_get (frame->buffer);

  if (!result)
    result = other = copy_other (self);
  if (!result)
    return GST_FLOW_OK;
  update (self, result, (guint) GST_VIDEO_FRAME_WIDTH (frame), (guint) GST_VIDEO_FRAME_HEIGHT (frame));
  if (self->drawn && !gst_video_overlay_composition_blend (self->drawn, frame))
    GST_WARNING_OBJECT (self, "cannot draw onto %s", gst_video_format_to_string (GST_VIDEO_FRAME_FORMAT (frame)));
  return GST_FLOW_OK;
}

static gboolean
set_info (GstVideoFilter *filter, GstCaps *in, GstVideoInfo *in_info, GstCaps *out, GstVideoInfo *out_info)
{
  (void) in, (void) in_info, (void) out, (void) out_info;
  forget (GST_CNN_OVERLAY (filter));
  return TRUE;
}

static gboolean
stop (GstBaseTransform *trans)
{
  GstCnnOverlay *self = GST_CNN_OVERLAY (trans);
  if (self->pad)
    gst_pad_remove_probe (self->pad, self->probe);
  gst_clear_object (&self->pad);
  set_other (self, NULL);
  forget (self);
  return TRUE;
}

#define AT(field) G_STRUCT_OFFSET (GstCnnOverlay, field)

static const CnnProperty properties[] = {
  CNN_TEXT_ROW ("font", "Font", "Pango font description; without a size the letters follow the picture", AT (font), DEFAULT_FONT, CNN_PLAYING),
  CNN_UINT_ROW ("top-k", "Top k", "How many of the best labels to draw, as far as they fit", AT (top_k), 1, CNN_DRAW_MAX_ROWS, DEFAULT_TOP_K, CNN_PLAYING),
  CNN_TEXT_ROW ("result-of", "Result of", "Name of another element of the pipeline whose results are drawn where a picture has none", AT (result_of), NULL, CNN_READY),
};

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  cnn_property_set (object, id, value, pspec);
  GST_OBJECT_LOCK (object);
  GST_CNN_OVERLAY (object)->changed = TRUE;
  GST_OBJECT_UNLOCK (object);
}

static void
finalize (GObject *object)
{
  cnn_properties_clear (object, properties, G_N_ELEMENTS (properties));
  G_OBJECT_CLASS (gst_cnn_overlay_parent_class)->finalize (object);
}

static void
gst_cnn_overlay_class_init (GstCnnOverlayClass *klass)
{
  GObjectClass *object = G_OBJECT_CLASS (klass);
  GstElementClass *element = GST_ELEMENT_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (cnn_overlay_debug, "cnnoverlay", 0, "draws results");
  cnn_properties_install (object, properties, G_N_ELEMENTS (properties));
  object->set_property = set_property;
  object->finalize = finalize;
  gst_element_class_set_static_metadata (element, "Result overlay", "Filter/Editor/Video",
      "Draws labels and scores of cnnclassify onto the picture", "Convoy");
  gst_element_class_add_static_pad_template (element, &sink_template);
  gst_element_class_add_static_pad_template (element, &src_template);
  GST_BASE_TRANSFORM_CLASS (klass)->start = GST_DEBUG_FUNCPTR (start);
  GST_BASE_TRANSFORM_CLASS (klass)->stop = GST_DEBUG_FUNCPTR (stop);
  GST_VIDEO_FILTER_CLASS (klass)->set_info = GST_DEBUG_FUNCPTR (set_info);
  GST_VIDEO_FILTER_CLASS (klass)->transform_frame_ip = GST_DEBUG_FUNCPTR (transform_frame_ip);
}

static void
gst_cnn_overlay_init (GstCnnOverlay *self)
{
  (void) self;
}
