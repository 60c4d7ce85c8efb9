/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstcnnextract.c - the element cnnextract: pictures or tensors in, the features of a layer out. */
/**
 * SECTION:element-cnnextract
 * @title: cnnextract
 * @short_description: runs a convolutional network up to a layer
 *
 * Runs the frozen network up to #GstCnnExtract:layer and sends what it gives, one sample a buffer,
 * as other/tensors of float32. Metadata of the sample travel along; the sticky event
 * `cnn-extractor` says which network made the features and how.
 *
 * A layer is the name of a value or node, its number among the rows of `convoy summary` (from 0;
 * negative: from the end), `last-conv` (the feature map that the last global pooling takes) or
 * `features` (what that pooling gives; without one, what enters the last dense layer).
 *
 * Pictures up to the network's own size enter as they are, so that `cnnimagedec width=160
 * height=160` makes a network of 160x160 of a fully convolutional one; larger ones are fitted by
 * the model's rule. With #GstCnnExtract:width and #GstCnnExtract:height all are fitted to that.
 *
 * Batches are gathered. A serialized event pushes what is held, and so does the end of
 * #GstCnnExtract:max-latency since the oldest of it came, also when nothing follows.
 *
 * |[
 * gst-launch-1.0 -m cnndatasetsrc location=pictures ! cnnimagedec width=160 height=160 ! cnnextract model=mobilenet-v1-1.0-224 layer=last-conv ! cnndatasetsink location=features.h5
 * ]|
 * |[
 * gst-launch-1.0 filesrc location=photo.jpg ! cnnimagedec ! cnnextract model=mobilenet-v2-1.0-224 layer=features ! fakesink dump=true
 * ]|
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "plugins/gstcnnextract.h"
#include "plugins/cnnproperty.h"
#include "plugins/cnnextractor.h"
#include "plugins/cnnknown.h"
#include "plugins/cnnmeta.h"
#include "plugins/cnnsample.h"
#include "plugins/cnntensor.h"
#include "plugins/cnnlatency.h"
#include "plugins/cnntimer.h"
#include "zoo/zoo.h"

GST_DEBUG_CATEGORY_STATIC (cnn_extract_debug);
#define GST_CAT_DEFAULT cnn_extract_debug

struct _GstCnnExtract {
  GstBaseTransform parent;

  CnnExtractorSettings settings;        /* object lock; fixed while the element runs */
  GstClockTime max_latency;             /* object lock; 0: no bound */
  CnnLatency latency;

  CnnExtractor extractor;               /* the streaming thread's, */
  GMutex pool_lock;                     /* which holds this while it makes another pool, as do others who interrupt it */
  gboolean announce;                    /* the event cnn-extractor is to be sent */
  gboolean greeted;                     /* features went out since the start or a flush */
  char *path;                           /* of the model, from start to stop, */
  CnnTimer *timer;                      /* as this; NULL: no bound */

  GMutex known_lock;                    /* protects the next two: samples may be asked for in another thread */
  char *checksum, *request;             /* NULL: not needed yet */
};


#define TENSORS CNN_TENSOR_CAPS ("float32")
#define INPUTS CNN_TENSOR_CAPS ("{ float32, int32, int64 }")

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (GST_VIDEO_FORMATS_ALL) "; " INPUTS));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (TENSORS));

G_DEFINE_FINAL_TYPE (GstCnnExtract, gst_cnn_extract, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE (cnnextract, "cnnextract", GST_RANK_NONE, GST_TYPE_CNN_EXTRACT)

static GstFlowReturn keep_bound (gpointer self);

/* --- start, stop, caps ------------------------------------------------- */

static gboolean
stop (GstBaseTransform *trans)
{
  GstCnnExtract *self = GST_CNN_EXTRACT (trans);
  g_clear_pointer (&self->timer, cnn_timer_free);
  cnn_extractor_clear (&self->extractor);
  g_clear_pointer (&self->path, g_free);
  g_mutex_lock (&self->known_lock);
  g_clear_pointer (&self->checksum, g_free);
  g_clear_pointer (&self->request, g_free);
  g_mutex_unlock (&self->known_lock);
  return TRUE;
}

static gboolean
start (GstBaseTransform *trans)
{
  GstCnnExtract *self = GST_CNN_EXTRACT (trans);
  GError *error = NULL;

  if (!cnn_model_settings_check (GST_ELEMENT (self), &self->settings.model))
    return FALSE;
  self->path = convoy_zoo_find (self->settings.model.model, &error);
  if (!self->path) {
    GST_ELEMENT_ERROR (self, RESOURCE, OPEN_READ, ("%s", error->message), (NULL));
    g_error_free (error);
    return FALSE;
  }
  self->latency = (CnnLatency) { 0 };
  self->greeted = FALSE;
  self->timer = cnn_timer_new (GST_BASE_TRANSFORM_SINK_PAD (self), self->max_latency, keep_bound, self);
  return TRUE;
}

static GstCaps *
transform_caps (GstBaseTransform *trans, GstPadDirection direction, GstCaps *caps, GstCaps *filter)
{
  GstCaps *other = gst_static_pad_template_get_caps (direction == GST_PAD_SINK ? &src_template : &sink_template);
  (void) trans, (void) caps;
  if (filter) {
    GstCaps *both = gst_caps_intersect_full (filter, other, GST_CAPS_INTERSECT_FIRST);
    gst_caps_unref (other);
    other = both;
  }
  return other;
}

/* What comes out is known once the network is made for what comes in. */
static GstCaps *
fixate_caps (GstBaseTransform *trans, GstPadDirection direction, GstCaps *caps, GstCaps *other)
{
  GstCnnExtract *self = GST_CNN_EXTRACT (trans);
  GError *error = NULL;

  if (direction != GST_PAD_SINK)
    return gst_caps_fixate (other);
  gst_caps_unref (other);
  g_mutex_lock (&self->pool_lock);
  gboolean ok = cnn_extractor_set_caps (&self->extractor, &self->settings, caps, &error);
  g_mutex_unlock (&self->pool_lock);
  if (ok)
    return cnn_sample_caps (CONVOY_F32, &self->extractor.shape);
  GST_ELEMENT_ERROR (self, STREAM, FORMAT, ("%s", error->message), (NULL));
  g_error_free (error);
  return gst_caps_new_empty ();
}

static gboolean
set_caps (GstBaseTransform *trans, GstCaps *in, GstCaps *out)
{
  GstCnnExtract *self = GST_CNN_EXTRACT (trans);
  (void) out;

  if (!self->extractor.pool)
    return FALSE;
  cnn_latency_set_queued (GST_ELEMENT (self), &self->latency, cnn_latency_wait (in, cnn_pool_delay (self->extractor.pool), self->max_latency));
  self->announce = TRUE;
  return TRUE;
}

/* --- what is stored already -------------------------------------------- */

/* With the lock. */
static gboolean
make_key (GstCnnExtract *self)
{
  if (!self->request)
    self->request = cnn_extractor_request (&self->settings, self->path, GST_BASE_TRANSFORM_SINK_PAD (self));
  if (!self->checksum)
    self->checksum = cnn_extractor_checksum (self->path, NULL);
  return self->checksum != NULL;
}

static gboolean
pass_known_query (GstCnnExtract *self, GstQuery *query)
{
  g_mutex_lock (&self->known_lock);
  gboolean ok = self->path && make_key (self);
  if (ok)
    cnn_known_describe (query, self->path, self->checksum, self->request);
  g_mutex_unlock (&self->known_lock);
  return ok && gst_pad_peer_query (GST_BASE_TRANSFORM_SRC_PAD (self), query);
}

static void
announce (GstCnnExtract *self)
{
  static const char *const poolings[] = { "none", "max", "avg" };
  CnnExtractorEvent x = { .model = self->path, .layer = self->extractor.layer, .pooling = poolings[self->settings.pooling],
    .preprocessing = self->extractor.preprocessing };

  g_mutex_lock (&self->known_lock);
  make_key (self);
  x.checksum = self->checksum;
  x.request = self->request;
  GstEvent *event = cnn_extractor_event_new (&x);
  g_mutex_unlock (&self->known_lock);
  self->announce = FALSE;
  gst_pad_push_event (GST_BASE_TRANSFORM_SRC_PAD (self), event);
}

/* --- samples ---------------------------------------------------------- */

/* The oldest in work, if it is ready (or all are to come out). */
static GstFlowReturn
take (GstCnnExtract *self, gboolean all, GstBuffer **out)
{
  CnnItem item;

  if (!self->extractor.pool || !cnn_pool_pop (self->extractor.pool, all, &item))
    return GST_FLOW_OK;
  if (item.error) {
    GST_ELEMENT_ERROR (self, LIBRARY, FAILED, ("%s", item.error->message), (NULL));
    cnn_item_clear (&item);
    return GST_FLOW_ERROR;
  }
  *out = g_steal_pointer (&item.features);
  cnn_sample_follow (*out, item.frame);
  cnn_item_clear (&item);
  if (self->announce)
    announce (self);
  return GST_FLOW_OK;
}

/* Sends on all that is in work. */
static GstFlowReturn
drain (GstCnnExtract *self)
{
  GstFlowReturn ret = GST_FLOW_OK;
  GstBuffer *features;

  do {
    features = NULL;
    ret = take (self, TRUE, &features);
    if (features)
      ret = gst_pad_push (GST_BASE_TRANSFORM_SRC_PAD (self), features);
  } while (features && ret == GST_FLOW_OK);
  if (ret != GST_FLOW_OK && self->extractor.pool)
    cnn_pool_reset (self->extractor.pool);
  return ret;
}

/* What has waited too long goes, with all that came since. */
static GstFlowReturn
keep_bound (gpointer user)
{
  GstCnnExtract *self = user;
  gint64 oldest = self->extractor.pool ? cnn_pool_oldest (self->extractor.pool) : 0;
  return cnn_timer_is_over (self->timer, oldest) ? drain (self) : GST_FLOW_OK;
}

static GstFlowReturn
generate_output (GstBaseTransform *trans, GstBuffer **out)
{
  GstCnnExtract *self = GST_CNN_EXTRACT (trans);
  GstBuffer *frame = g_steal_pointer (&trans->queued_buf);

  *out = NULL;
  if (frame)
    cnn_pool_push (self->extractor.pool, frame, TRUE);
  if (frame && !self->greeted) {        /* a sink that waits for its first buffer, and a tee before it with it, shall not wait for a whole batch */
    self->greeted = TRUE;
    return drain (self);
  }
  GstFlowReturn ret = take (self, FALSE, out);
  return ret == GST_FLOW_OK && !*out ? keep_bound (self) : ret;
}

/* --- events and queries ------------------------------------------------ */

/* From any thread: whoever waits for the pool waits no more. */
static void
interrupt (GstCnnExtract *self)
{
  g_mutex_lock (&self->pool_lock);
  if (self->extractor.pool)
    cnn_pool_interrupt (self->extractor.pool);
  g_mutex_unlock (&self->pool_lock);
}

static gboolean
keeps_frames (GstCnnExtract *self, GstEvent *event)
{
  GstCaps *caps;
  if (GST_EVENT_TYPE (event) != GST_EVENT_CAPS)
    return FALSE;
  gst_event_parse_caps (event, &caps);
  return cnn_extractor_keeps (&self->extractor, caps);
}

static gboolean
sink_event (GstBaseTransform *trans, GstEvent *event)
{
  GstCnnExtract *self = GST_CNN_EXTRACT (trans);

  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_START) {
    interrupt (self);
  } else if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP && self->extractor.pool) {
    cnn_pool_reset (self->extractor.pool);
    self->greeted = FALSE;
  } else if (GST_EVENT_IS_SERIALIZED (event) && !keeps_frames (self, event)) {
    drain (self);               /* an error of it comes back with the next sample */
  }
  return GST_BASE_TRANSFORM_CLASS (gst_cnn_extract_parent_class)->sink_event (trans, event);
}

static gboolean
query (GstBaseTransform *trans, GstPadDirection direction, GstQuery *q)
{
  GstCnnExtract *self = GST_CNN_EXTRACT (trans);

  if (direction == GST_PAD_SINK && cnn_is_known_query (q))
    return pass_known_query (self, q);
  if (GST_QUERY_TYPE (q) == GST_QUERY_DRAIN && direction == GST_PAD_SINK)
    drain (self);
  if (!GST_BASE_TRANSFORM_CLASS (gst_cnn_extract_parent_class)->query (trans, direction, q))
    return FALSE;
  if (GST_QUERY_TYPE (q) == GST_QUERY_LATENCY && direction == GST_PAD_SRC)
    cnn_latency_answer (GST_ELEMENT (self), &self->latency, q);
  return TRUE;
}

/* Frames in work are missing in whatever pool upstream makes. */
static gboolean
propose_allocation (GstBaseTransform *trans, GstQuery *decided, GstQuery *q)
{
  GstCnnExtract *self = GST_CNN_EXTRACT (trans);
  GstVideoInfo video;
  GstCaps *caps;
  (void) decided;

  gst_query_parse_allocation (q, &caps, NULL);
  if (self->extractor.pool && caps && gst_video_info_from_caps (&video, caps))
    gst_query_add_allocation_pool (q, NULL, (guint) GST_VIDEO_INFO_SIZE (&video), cnn_pool_delay (self->extractor.pool) + 2, 0);
  gst_query_add_allocation_meta (q, GST_VIDEO_META_API_TYPE, NULL);
  return TRUE;
}

static GstStateChangeReturn
change_state (GstElement *element, GstStateChange change)
{
  GstCnnExtract *self = GST_CNN_EXTRACT (element);
  if (change == GST_STATE_CHANGE_PAUSED_TO_READY)
    interrupt (self);
  return GST_ELEMENT_CLASS (gst_cnn_extract_parent_class)->change_state (element, change);
}

/* --- properties and class --------------------------------------------- */

#define AT(field) G_STRUCT_OFFSET (GstCnnExtract, field)

static const CnnProperty properties[] = {
  CNN_TEXT_ROW ("model", "Model", "ONNX file, or the name of a model of the zoo", AT (settings.model.model), NULL, CNN_READY),
  CNN_TEXT_ROW ("layer", "Layer", "Layer whose output leaves: a name, a number, last-conv or features", AT (settings.layer), "features", CNN_READY),
  CNN_ENUM_ROW ("pooling", "Pooling", "One number a channel instead of a map", AT (settings.pooling), cnn_pooling_get_type, CNN_POOLING_NONE, CNN_READY),
  CNN_UINT_ROW ("width", "Width", "Width at which the network runs (0: as the pictures are, at most the model's own; else as height)", AT (settings.width), 0, 32767, 0, CNN_READY),
  CNN_UINT_ROW ("height", "Height", "Height at which the network runs (0: as the pictures are, at most the model's own; else as width)", AT (settings.height), 0, 32767, 0,
      CNN_READY),
  CNN_PREPROCESSING_ROWS (AT (settings.model)),
  CNN_UINT_ROW ("batch-size", "Batch size", "Samples that a network takes at a time", AT (settings.batch), 1, 1024, 8, CNN_READY),
  CNN_UINT_ROW ("workers", "Workers", "Networks that run side by side (0: one a processor)", AT (settings.workers), 0, 256, 0, CNN_READY),
  CNN_UINT_ROW ("threads", "Threads", "Threads that work on one batch", AT (settings.threads), 1, 256, 1, CNN_READY),
  CNN_PRECISION_ROW (AT (settings.model)),
  CNN_UINT64_ROW ("max-latency", "Latency bound", "Nanoseconds after which a sample waits no longer for others to fill its batch (0: no bound)", AT (max_latency), G_MAXUINT64, CNN_READY),
};

static void
finalize (GObject *object)
{
  GstCnnExtract *self = GST_CNN_EXTRACT (object);
  cnn_properties_clear (object, properties, G_N_ELEMENTS (properties));
  g_mutex_clear (&self->known_lock);
  g_mutex_clear (&self->pool_lock);
  G_OBJECT_CLASS (gst_cnn_extract_parent_class)->finalize (object);
}

static void
gst_cnn_extract_class_init (GstCnnExtractClass *klass)
{
  GObjectClass *object = G_OBJECT_CLASS (klass);
  GstElementClass *element = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *base = GST_BASE_TRANSFORM_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (cnn_extract_debug, "cnnextract", 0, "features of a network");
  object->finalize = finalize;
  cnn_properties_install (object, properties, G_N_ELEMENTS (properties));
  gst_element_class_set_static_metadata (element, "Feature extractor", "Filter/Converter/Video",
      "Runs a frozen convolutional network up to a layer", "Convoy");
  gst_element_class_add_static_pad_template (element, &sink_template);
  gst_element_class_add_static_pad_template (element, &src_template);
  element->change_state = GST_DEBUG_FUNCPTR (change_state);
  base->start = GST_DEBUG_FUNCPTR (start);
  base->stop = GST_DEBUG_FUNCPTR (stop);
  base->transform_caps = GST_DEBUG_FUNCPTR (transform_caps);
  base->fixate_caps = GST_DEBUG_FUNCPTR (fixate_caps);
  base->set_caps = GST_DEBUG_FUNCPTR (set_caps);
  base->generate_output = GST_DEBUG_FUNCPTR (generate_output);
  base->sink_event = GST_DEBUG_FUNCPTR (sink_event);
  base->query = GST_DEBUG_FUNCPTR (query);
  base->propose_allocation = GST_DEBUG_FUNCPTR (propose_allocation);
}

static void
gst_cnn_extract_init (GstCnnExtract *self)
{
  g_mutex_init (&self->known_lock);
  g_mutex_init (&self->pool_lock);
  gst_base_transform_set_passthrough (GST_BASE_TRANSFORM (self), FALSE);
}
