/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstcnnclassify.c - the element cnnclassify: runs a network on pictures, texts or rows of numbers, which pass untouched. */
/**
 * SECTION:element-cnnclassify
 * @title: cnnclassify
 * @short_description: classifies pictures, texts and rows of numbers with a convolutional network
 *
 * Classifies each frame with an ONNX network and lets it pass untouched, with the result as
 * metadata `GstCnnClassificationMeta` and as an element message `cnn-classification`: label (the
 * best one), labels, indices and scores (arrays, best first), pts, and source (the file, where it
 * is known). Size, colour order, mean, deviation, resize rule and labels come from the model
 * file or the `.ini` beside it; properties override them.
 *
 * A network that learnt texts has its vocabulary in the model file: it takes `text/x-raw`, a text a
 * buffer, or the rows that cnntokenize makes of lines and files. What is no UTF-8 or has no word
 * passes without a result, named in a warning and an element message `cnn-skipped`. Other networks
 * of rows take tensors of their input's shape.
 *
 * With #GstCnnClassify:interval only every Nth frame is classified, and the frames between carry
 * the last result, as do frames that come too late to be shown. With #GstCnnClassify:workers
 * several frames are in work at a time; they leave in the order in which they came. Then, and with
 * #GstCnnClassify:batch-size, a frame waits for those that follow it, but #GstCnnClassify:max-latency at most.
 *
 * While it runs, #GstCnnClassify:model may be set to another file, or to the same again once it was
 * replaced. The new network is loaded beside the stream and takes over between two frames, none of
 * which is lost; then an element message `cnn-model` says so (model, classes). It may have other
 * classes. One that cannot be loaded or does not take what comes is a warning, and the old one stays.
 *
 * |[
 * gst-launch-1.0 -m filesrc location=photo.jpg ! cnnimagedec ! cnnclassify model=mobilenetv2.onnx ! fakesink
 * ]|
 * |[
 * gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! cnnclassify model=mobilenetv2.onnx interval=5 ! cnnoverlay ! videoconvert ! autovideosink
 * ]|
 * |[
 * echo "What a fine film." | gst-launch-1.0 -m fdsrc ! cnntokenize ! cnnclassify model=imdb-convnet1d ! fakesink
 * ]|
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "plugins/gstcnnclassify.h"
#include "plugins/cnnproperty.h"
#include "plugins/cnnmeta.h"
#include "plugins/cnnload.h"
#include "plugins/cnnsample.h"
#include "plugins/cnnsize.h"
#include "plugins/cnntensor.h"
#include "plugins/cnnlatency.h"
#include "plugins/cnntimer.h"
#include "plugins/cnnturns.h"
#include "plugins/cnnwords.h"

GST_DEBUG_CATEGORY (cnn_classify_debug);
#define GST_CAT_DEFAULT cnn_classify_debug

#define MAX_TOP_K 1000

struct _GstCnnClassify {
  GstBaseTransform parent;

  /* Object lock; fixed while the element runs, but for interval and the model's name. */
  CnnModelSettings settings;
  guint top_k, threads, workers, batch;
  double threshold;
  GstClockTime max_latency;     /* 0: no bound */
  CnnLatency latency;
  CnnTurns turns;               /* but for what is the streaming thread's */
  gboolean anew;                /* the model was set since it was last loaded */

  CnnLoaded loaded;             /* from start to stop; object lock where another than the streaming thread reads it */

  /* The streaming thread's. */
  CnnTimer *timer;              /* from start to stop; NULL: no bound */
  CnnSource source;
  gboolean refused;             /* what came, which was said */
  gboolean texts;               /* they come, not pictures or tensors */
  guint n_out;                  /* frames that went on, to number what is skipped */
  CnnJob *loading;              /* the network that is to take over; NULL: none */
  GstStructure *last;           /* result; NULL: none yet */
};


#define CAPS GST_VIDEO_CAPS_MAKE (GST_VIDEO_FORMATS_ALL) "; text/x-raw, format=(string)utf8; " CNN_TENSOR_CAPS ("{ float32, int32, int64 }")

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (CAPS));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (CAPS));

G_DEFINE_FINAL_TYPE (GstCnnClassify, gst_cnn_classify, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE (cnnclassify, "cnnclassify", GST_RANK_NONE, GST_TYPE_CNN_CLASSIFY)

static GstFlowReturn keep_bound (gpointer self);

/* --- start and stop --------------------------------------------------- */

static void
forget_stream (GstCnnClassify *self)
{
  gst_clear_structure (&self->last);
  self->n_out = 0;
  cnn_turns_restart (GST_ELEMENT (self), &self->turns);
}

static gboolean
stop (GstBaseTransform *trans)
{
  GstCnnClassify *self = GST_CNN_CLASSIFY (trans);
  CnnLoaded next = { 0 };
  g_clear_pointer (&self->timer, cnn_timer_free);
  if (self->loading)
    cnn_loading_finish (g_steal_pointer (&self->loading), &next, NULL);
  cnn_loaded_clear (&next);
  cnn_loaded_clear (&self->loaded);
  cnn_source_clear (&self->source);
  forget_stream (self);
  return TRUE;
}

/* What the networks are made with; settings is a copy, and what was set until now is in it. */
static CnnNetOptions
options (GstCnnClassify *self, CnnModelSettings *settings)
{
  GST_OBJECT_LOCK (self);
  cnn_model_settings_copy (settings, &self->settings);
  self->anew = FALSE;
  CnnNetOptions o = { .batch = self->batch, .threads = self->threads, .top_k = self->top_k, .threshold = self->threshold };
  GST_OBJECT_UNLOCK (self);
  return o;
}

static guint
workers (const GstCnnClassify *self)
{
  return self->workers ? self->workers : g_get_num_processors ();
}

static gboolean
start (GstBaseTransform *trans)
{
  GstCnnClassify *self = GST_CNN_CLASSIFY (trans);
  GError *error = NULL;
  CnnModelSettings settings;

  if (!cnn_model_settings_check (GST_ELEMENT (self), &self->settings))
    return FALSE;
  CnnNetOptions o = options (self, &settings);
  cnn_load (&self->loaded, &settings, &o, workers (self), &error);
  cnn_model_settings_clear (&settings);
  if (error) {
    GST_ELEMENT_ERROR (self, RESOURCE, OPEN_READ, ("%s", error->message), (NULL));
    g_error_free (error);
    stop (trans);
    return FALSE;
  }
  self->latency = (CnnLatency) { 0 };
  self->refused = FALSE;
  forget_stream (self);
  self->timer = cnn_timer_new (GST_BASE_TRANSFORM_SINK_PAD (self), self->max_latency, keep_bound, self);
  return TRUE;
}

static gboolean
set_caps (GstBaseTransform *trans, GstCaps *in, GstCaps *out)
{
  GstCnnClassify *self = GST_CNN_CLASSIFY (trans);
  GError *error = NULL;

  (void) out;
  if (!cnn_pool_set_caps (self->loaded.pool, in, &error)) {
    if (!self->refused)         /* upstream may try again */
      GST_ELEMENT_ERROR (self, STREAM, FORMAT, ("%s: %s", self->loaded.name, error->message), (NULL));
    self->refused = TRUE;
    g_error_free (error);
    return FALSE;
  }
  self->texts = gst_structure_has_name (gst_caps_get_structure (in, 0), "text/x-raw");
  cnn_latency_set_queued (GST_ELEMENT (self), &self->latency, cnn_latency_wait (in, cnn_pool_delay (self->loaded.pool), self->max_latency));
  return TRUE;
}

/* --- frames ----------------------------------------------------------- */

static void
post_result (GstCnnClassify *self, GstBuffer *frame)
{
  g_autofree char *source = cnn_source_name (&self->source, GST_BASE_TRANSFORM_SINK_PAD (self), frame);
  GstStructure *s = gst_structure_copy (self->last);

  gst_structure_set_name (s, "cnn-classification");
  if (source)
    gst_structure_set (s, "source", G_TYPE_STRING, source, NULL);
  gst_element_post_message (GST_ELEMENT (self), gst_message_new_element (GST_OBJECT (self), s));
}

/* A text that is none passes without a result. */
static void
skip_text (GstCnnClassify *self, GstBuffer *frame, const char *reason)
{
  g_autofree char *name = cnn_source_name (&self->source, GST_BASE_TRANSFORM_SINK_PAD (self), frame);
  g_autofree char *what = name ? g_strdup (name) : g_strdup_printf ("text %u", self->n_out + 1);
  cnn_skipped_post (GST_ELEMENT (self), what, self->n_out, reason);
}

/* The oldest frame in work, if it is ready (or all are to come out), with its result on it. */
static GstFlowReturn
take_frame (GstCnnClassify *self, gboolean all, GstBuffer **out)
{
  CnnItem item;

  if (!cnn_pool_pop (self->loaded.pool, all, &item))
    return GST_FLOW_OK;
  if (self->texts && g_error_matches (item.error, CONVOY_ERROR, CONVOY_ERROR_INVALID)) {
    skip_text (self, item.frame, item.error->message);
    *out = g_steal_pointer (&item.frame);
    cnn_item_clear (&item);
    self->n_out++;
    return GST_FLOW_OK;
  }
  if (item.error) {
    GST_ELEMENT_ERROR (self, LIBRARY, FAILED, ("%s", item.error->message), (NULL));
    cnn_item_clear (&item);
    return GST_FLOW_ERROR;
  }
  self->n_out++;
  *out = gst_buffer_make_writable (item.frame);         /* the pixels stay shared */
  if (item.result) {
    gst_clear_structure (&self->last);
    self->last = item.result;
    post_result (self, *out);
  }
  if (self->last)
    cnn_result_attach (*out, self->last);
  return GST_FLOW_OK;
}

/* Sends on all that is in work. */
static GstFlowReturn
drain (GstCnnClassify *self)
{
  GstFlowReturn ret = GST_FLOW_OK;
  GstBuffer *frame;

  do {
    frame = NULL;
    if (self->loaded.pool)
      ret = take_frame (self, TRUE, &frame);
    if (frame)
      ret = gst_pad_push (GST_BASE_TRANSFORM_SRC_PAD (self), frame);
  } while (frame && ret == GST_FLOW_OK);
  if (ret != GST_FLOW_OK)
    cnn_pool_reset (self->loaded.pool);
  return ret;
}

/* What has waited too long goes, with all that came since. */
static GstFlowReturn
keep_bound (gpointer user)
{
  GstCnnClassify *self = user;
  return cnn_timer_is_over (self->timer, cnn_pool_oldest (self->loaded.pool)) ? drain (self) : GST_FLOW_OK;
}

/* --- another network while the stream goes on ---------------------------- */

/* The frames in work come out of the old network, the next goes into the new one. */
static GstFlowReturn
take_over (GstCnnClassify *self)
{
  GError *error = NULL;
  CnnLoaded next, old;
  GstCaps *caps = gst_pad_get_current_caps (GST_BASE_TRANSFORM_SINK_PAD (self));

  gboolean ok = cnn_loading_finish (g_steal_pointer (&self->loading), &next, &error) && (!caps || cnn_pool_set_caps (next.pool, caps, &error));
  gst_clear_caps (&caps);
  if (!ok) {
    GST_ELEMENT_WARNING (self, RESOURCE, OPEN_READ, ("the network stays %s: %s", self->loaded.name, error->message), (NULL));
    g_error_free (error);
    cnn_loaded_clear (&next);
    return GST_FLOW_OK;
  }
  GstFlowReturn ret = drain (self);
  GST_OBJECT_LOCK (self);
  old = self->loaded;
  self->loaded = next;
  GST_OBJECT_UNLOCK (self);
  GstStructure *s = gst_structure_new ("cnn-model", "model", G_TYPE_STRING, next.name, "classes", G_TYPE_UINT, convoy_model_info (next.model)->n_classes, NULL);
  cnn_loaded_clear (&old);
  gst_element_post_message (GST_ELEMENT (self), gst_message_new_element (GST_OBJECT (self), s));
  return ret;
}

/* Begins to load what was set, and changes over once that is done. */
static GstFlowReturn
follow_model (GstCnnClassify *self)
{
  CnnModelSettings settings;

  GST_OBJECT_LOCK (self);
  gboolean anew = self->anew;
  GST_OBJECT_UNLOCK (self);
  if (self->loading)
    return cnn_job_is_done (self->loading) ? take_over (self) : GST_FLOW_OK;
  if (!anew)
    return GST_FLOW_OK;
  CnnNetOptions o = options (self, &settings);
  self->loading = cnn_loading_new (&settings, &o, workers (self));
  cnn_model_settings_clear (&settings);
  return GST_FLOW_OK;
}

static GstFlowReturn
generate_output (GstBaseTransform *trans, GstBuffer **out)
{
  GstCnnClassify *self = GST_CNN_CLASSIFY (trans);
  GstBuffer *frame = g_steal_pointer (&trans->queued_buf);

  *out = NULL;
  if (frame) {
    GstFlowReturn ret = follow_model (self);
    if (ret != GST_FLOW_OK) {
      gst_buffer_unref (frame);
      return ret;
    }
    GstClockTime begin = gst_util_get_timestamp ();
    gboolean wanted = cnn_turns_next (GST_ELEMENT (self), &self->turns, &trans->segment, frame);
    cnn_pool_push (self->loaded.pool, frame, wanted);
    if (wanted && self->last)   /* the first run is no measure */
      cnn_latency_set_spent (GST_ELEMENT (self), &self->latency, gst_util_get_timestamp () - begin);
  }
  GstFlowReturn ret = take_frame (self, FALSE, out);
  return ret == GST_FLOW_OK && !*out ? keep_bound (self) : ret;
}

/* --- events, queries, states ------------------------------------------ */

/* From any thread. */
static void
interrupt (GstCnnClassify *self)
{
  GST_OBJECT_LOCK (self);
  if (self->loaded.pool)
    cnn_pool_interrupt (self->loaded.pool);
  GST_OBJECT_UNLOCK (self);
}

static gboolean
sink_event (GstBaseTransform *trans, GstEvent *event)
{
  GstCnnClassify *self = GST_CNN_CLASSIFY (trans);

  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_START) {
    interrupt (self);
  } else if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP && self->loaded.pool) {
    cnn_pool_reset (self->loaded.pool);
    forget_stream (self);
  } else if (GST_EVENT_IS_SERIALIZED (event)) {
    drain (self);               /* an error of it comes back with the next frame */
    if (GST_EVENT_TYPE (event) == GST_EVENT_STREAM_START)
      forget_stream (self);
    cnn_source_event (&self->source, event);
  }
  return GST_BASE_TRANSFORM_CLASS (gst_cnn_classify_parent_class)->sink_event (trans, event);
}

static gboolean
src_event (GstBaseTransform *trans, GstEvent *event)
{
  if (GST_EVENT_TYPE (event) == GST_EVENT_QOS)
    cnn_turns_qos (GST_ELEMENT (trans), &GST_CNN_CLASSIFY (trans)->turns, event);
  return GST_BASE_TRANSFORM_CLASS (gst_cnn_classify_parent_class)->src_event (trans, event);
}

/* Frames in work are missing in whatever pool they came from. */
static void
ask_for_more_buffers (GstCnnClassify *self, GstQuery *query)
{
  guint delay = self->loaded.pool ? cnn_pool_delay (self->loaded.pool) : 0;
  for (guint i = 0; delay > 0 && i < gst_query_get_n_allocation_pools (query); i++) {
    GstBufferPool *pool;
    guint size, min, max;
    gst_query_parse_nth_allocation_pool (query, i, &pool, &size, &min, &max);
    gst_query_set_nth_allocation_pool (query, i, pool, size, min + delay, max ? max + delay : 0);
    gst_clear_object (&pool);
  }
}

static gboolean
query (GstBaseTransform *trans, GstPadDirection direction, GstQuery *q)
{
  GstCnnClassify *self = GST_CNN_CLASSIFY (trans);

  GST_OBJECT_LOCK (self);
  ConvoyModel *model = direction == GST_PAD_SINK && self->loaded.model ? convoy_model_ref (self->loaded.model) : NULL;
  gboolean answered = model && cnn_size_answer (q, &self->loaded.info);
  GST_OBJECT_UNLOCK (self);
  answered = answered || cnn_words_answer (q, model);
  convoy_model_unref (model);
  if (answered)
    return TRUE;
  if (GST_QUERY_IS_SERIALIZED (q) && direction == GST_PAD_SINK)
    drain (self);
  if (!GST_BASE_TRANSFORM_CLASS (gst_cnn_classify_parent_class)->query (trans, direction, q))
    return FALSE;
  if (GST_QUERY_TYPE (q) == GST_QUERY_LATENCY && direction == GST_PAD_SRC)
    cnn_latency_answer (GST_ELEMENT (self), &self->latency, q);
  else if (GST_QUERY_TYPE (q) == GST_QUERY_ALLOCATION && direction == GST_PAD_SINK)
    ask_for_more_buffers (self, q);
  return TRUE;
}

static GstStateChangeReturn
change_state (GstElement *element, GstStateChange change)
{
  GstCnnClassify *self = GST_CNN_CLASSIFY (element);
  if (change == GST_STATE_CHANGE_PAUSED_TO_READY)
    interrupt (self);
  return GST_ELEMENT_CLASS (gst_cnn_classify_parent_class)->change_state (element, change);
}

/* --- properties and class --------------------------------------------- */

#define AT(field) G_STRUCT_OFFSET (GstCnnClassify, field)

static const CnnProperty properties[] = {
  CNN_TEXT_ROW ("model", "Model", "ONNX file, or the name of a model of the zoo", AT (settings.model), NULL, CNN_PLAYING),
  CNN_TEXT_ROW ("labels", "Labels", "File with a label a line (default: as the model says)", AT (settings.labels), NULL, CNN_READY),
  CNN_PREPROCESSING_ROWS (AT (settings)),
  CNN_PRECISION_ROW (AT (settings)),
  CNN_UINT_ROW ("top-k", "Top k", "How many of the best labels a result holds", AT (top_k), 1, MAX_TOP_K, 5, CNN_READY),
  CNN_DOUBLE_ROW ("threshold", "Threshold", "Leave labels with a lower score out of the result", AT (threshold), 1, CNN_READY),
  CNN_UINT_ROW ("interval", "Interval", "Classify every Nth frame", AT (turns.interval), 1, G_MAXINT, 1, CNN_PLAYING),
  CNN_UINT_ROW ("threads", "Threads", "Threads that work on one picture", AT (threads), 1, 256, 1, CNN_READY),
  CNN_UINT_ROW ("workers", "Workers", "Networks that run side by side (0: one a processor)", AT (workers), 0, 256, 1, CNN_READY),
  CNN_UINT_ROW ("batch-size", "Batch size", "Pictures that a network takes at a time", AT (batch), 1, 1024, 1, CNN_READY),
  CNN_UINT64_ROW ("max-latency", "Latency bound", "Nanoseconds after which a frame waits no longer for others to fill its batch (0: no bound)", AT (max_latency), G_MAXUINT64, CNN_READY),
};

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstCnnClassify *self = GST_CNN_CLASSIFY (object);
  cnn_property_set (object, id, value, pspec);
  if (strcmp (pspec->name, "model") == 0) {
    GST_OBJECT_LOCK (self);
    self->anew = self->settings.model != NULL;
    GST_OBJECT_UNLOCK (self);
  }
}

static void
finalize (GObject *object)
{
  cnn_properties_clear (object, properties, G_N_ELEMENTS (properties));
  G_OBJECT_CLASS (gst_cnn_classify_parent_class)->finalize (object);
}

static void
gst_cnn_classify_class_init (GstCnnClassifyClass *klass)
{
  GObjectClass *object = G_OBJECT_CLASS (klass);
  GstElementClass *element = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *base = GST_BASE_TRANSFORM_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (cnn_classify_debug, "cnnclassify", 0, "classifies pictures, texts and rows of numbers");
  object->finalize = finalize;
  cnn_properties_install (object, properties, G_N_ELEMENTS (properties));
  object->set_property = set_property;
  gst_element_class_set_static_metadata (element, "Picture and text classifier", "Filter/Analyzer/Video",
      "Classifies pictures, texts and rows of numbers with a convolutional network", "Convoy");
  gst_element_class_add_static_pad_template (element, &sink_template);
  gst_element_class_add_static_pad_template (element, &src_template);
  element->change_state = GST_DEBUG_FUNCPTR (change_state);
  base->start = GST_DEBUG_FUNCPTR (start);
  base->stop = GST_DEBUG_FUNCPTR (stop);
  base->set_caps = GST_DEBUG_FUNCPTR (set_caps);
  base->generate_output = GST_DEBUG_FUNCPTR (generate_output);
  base->sink_event = GST_DEBUG_FUNCPTR (sink_event);
  base->src_event = GST_DEBUG_FUNCPTR (src_event);
  base->query = GST_DEBUG_FUNCPTR (query);
}

static void
gst_cnn_classify_init (GstCnnClassify *self)
{
  cnn_turns_restart (GST_ELEMENT (self), &self->turns);
  gst_base_transform_set_passthrough (GST_BASE_TRANSFORM (self), TRUE);
}
