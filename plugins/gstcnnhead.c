/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstcnnhead.c - the element cnnhead: the part of a network that learns, in a stream. */
/**
 * SECTION:element-cnnhead
 * @title: cnnhead
 * @short_description: trains a network, or the end of one, by backpropagation
 *
 * Takes samples one a buffer (features or rows of a table as other/tensors of float32, words as
 * int32, pictures as video/x-raw of the size at which the network runs) and gives the scores of
 * each. With #GstCnnHead:training it learns from their labels on the way, in one thread of its own
 * behind a bounded queue, in the epochs and phases that cnndatasetsrc announces.
 *
 * The network is text (#GstCnnHead:layers), a .net file or the name of one (#GstCnnHead:network), or
 * a trained #GstCnnHead:model from the layer #GstCnnHead:from-layer on; with layers as well, those
 * take the place of what follows #GstCnnHead:to-layer. `${classes}` in layers is their number.
 *
 * Where no data set comes, training is live: while #GstCnnHead:label is set, what comes is an example of
 * that class, which may be a new one at any time, and while it is not, what comes is classified. The label
 * is that of the moment in which a sample arrives; a cnnextract before it holds none back with batch-size=1
 * and workers=1. Examples of each class are kept, and each sample goes along with a step of
 * #GstCnnHead:batch-size of them, as many of one class as of another, so that a new class does not push out
 * what was learnt before. From two classes on there are scores, one more for each class, before that gaps.
 * The network is saved when the label changes, every five seconds while it learns, and in the end. Teaching
 * may go on from a #GstCnnHead:model that was taught before, whose classes then need some examples again,
 * which its file does not have.
 *
 * While it runs without learning, #GstCnnHead:model may be set to another file, or to the same again once it
 * was replaced, and takes over between two samples, none of which is lost; it may have other classes.
 *
 * On the bus: an element message `cnn-epoch` (epoch, epochs, loss, accuracy, val-loss, val-accuracy,
 * lr, seconds) after each epoch, progress within it, `cnn-classification` for every sample that is not
 * learnt from, `cnn-saved` (model, classes) when the file was written, and `cnn-model` (model, classes)
 * when another took over. #GstCnnHead:save receives the network of the best epoch, behind the extractor
 * whose features came where there was one: one ONNX file that cnnclassify runs. With
 * #GstCnnHead:checkpoint and #GstCnnHead:resume training that was interrupted, even killed, goes on
 * where it was and ends with the same weights.
 *
 * |[
 * gst-launch-1.0 -m cnndatasetsrc location=features.h5 epochs=30 ! cnnhead training=true layers="flatten ! dense units=256 activation=relu ! dropout rate=0.5 ! dense units=1 activation=sigmoid" save=pets.onnx ! fakesink
 * ]|
 * |[
 * gst-launch-1.0 -m cnndatasetsrc location=cifar10 validation-split=0.2 epochs=12 ! cnnhead training=true network=cifar10-convnet batch-size=128 save=cifar10.onnx history=cifar10.csv ! fakesink
 * ]|
 * |[
 * gst-launch-1.0 -m videotestsrc num-buffers=100 ! cnnextract model=cifar10-best layer=features ! cnnhead training=true label=bars save=mine.onnx ! fakesink
 * ]|
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "plugins/cnnheadwork.h"
#include "plugins/cnnmeta.h"
#include "plugins/cnnproperty.h"
#include "plugins/cnntensor.h"
#include <gst/video/video.h>
#include <string.h>

GST_DEBUG_CATEGORY (cnn_head_debug);
#define GST_CAT_DEFAULT cnn_head_debug

#define MAX_BATCHES 2           /* that wait while one is learnt from */

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (CNN_TENSOR_CAPS ("{ float32, int32, int64 }") "; " GST_VIDEO_CAPS_MAKE ("{ RGB, GRAY8 }")));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (CNN_TENSOR_CAPS ("float32")));

G_DEFINE_FINAL_TYPE (GstCnnHead, gst_cnn_head, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE (cnnhead, "cnnhead", GST_RANK_NONE, GST_TYPE_CNN_HEAD)

/* --- samples -------------------------------------------------------------- */

/* FALSE: the queue is flushing. */
static gboolean
push_batch (GstCnnHead *self)
{
  CnnQueueItem item = { .batch = g_steal_pointer (&self->filling) };
  return !item.batch || cnn_queue_push (self->queue, item);
}

static gboolean
push_event (GstCnnHead *self, GstEvent *event)
{
  CnnQueueItem item = { .event = event };
  if (push_batch (self))
    return cnn_queue_push (self->queue, item);
  gst_event_unref (event);
  return FALSE;
}

/* Where an interrupted training goes on, the worker brings upstream to. */
static void
ask_for_resume (GstCnnHead *self)
{
  CnnDatasetEvent d;
  cnn_learner_position (self->learner, &self->resume_epoch, &self->resume_sample);
  if ((self->resume_epoch == 1 && self->resume_sample == 0) || !self->stream.dataset || !cnn_dataset_event_parse (self->stream.dataset, &d))
    return;
  g_free ((gpointer) d.classes);
  self->resume_sample = MIN (self->resume_sample, d.n_train);
  guint64 position = (self->resume_epoch - 1) * (d.n_train + d.n_validation) + self->resume_sample;
  push_event (self, gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM, gst_structure_new (CNN_HEAD_RESUME, "position", G_TYPE_UINT64, position, NULL)));
}

static gboolean
make_learner (GstCnnHead *self, GError **error)
{
  if (!self->has_input) {
    g_set_error_literal (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "samples came without caps");
    return FALSE;
  }
  self->learner = cnn_learner_new (GST_ELEMENT (self), &self->used, &self->input, &self->stream, error);
  if (!self->learner)
    return FALSE;
  push_event (self, cnn_head_caps_event (self->learner));
  ask_for_resume (self);
  return TRUE;
}

/* Those that were learnt from before an interruption are not. */
static gboolean
is_let_in (GstCnnHead *self)
{
  if (self->epoch == 0)
    return TRUE;
  return self->epoch > self->resume_epoch || (self->epoch == self->resume_epoch && (!self->is_train || self->seen >= self->resume_sample));
}

/* A sink that waits for its first buffer, and all others of a pipeline with it, need not wait for a whole batch: one
 * before a tee could never fill it then. */
static void
greet (GstCnnHead *self, GstBuffer *buffer)
{
  self->greeted = TRUE;
  push_event (self, gst_event_new_gap (GST_BUFFER_PTS_IS_VALID (buffer) ? GST_BUFFER_PTS (buffer) : 0, 0));
}

static GstFlowReturn
take_sample (GstCnnHead *self, GstBuffer *buffer)
{
  GError *error = NULL;
  cnn_head_follow_model (self);
  if (!self->learner && !make_learner (self, &error))
    return cnn_head_fail (self, error);
  gboolean wanted = is_let_in (self);
  self->seen++;
  if (!wanted)
    return cnn_head_get_flow (self);
  if (self->phase && !push_event (self, g_steal_pointer (&self->phase)))
    return cnn_head_get_flow (self);
  if (!self->greeted)
    greet (self, buffer);
  if (!cnn_head_put_sample (self, buffer)) {
    g_autofree char *shape = convoy_shape_str (&self->input.shape);
    g_set_error (&error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "a buffer of %" G_GSIZE_FORMAT " bytes is no sample of %s %s", gst_buffer_get_size (buffer),
        convoy_type_name (self->input.type), shape);
    return cnn_head_fail (self, error);
  }
  if (self->filling->n == self->filling->size)
    push_batch (self);
  return cnn_head_get_flow (self);
}

static GstFlowReturn
chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstCnnHead *self = GST_CNN_HEAD (parent);
  (void) pad;
  GstFlowReturn flow = cnn_head_get_flow (self);
  if (flow == GST_FLOW_OK)
    flow = take_sample (self, buffer);
  gst_buffer_unref (buffer);
  return flow;
}

/* --- events of the sink --------------------------------------------------- */

static gboolean
set_input (GstCnnHead *self, GstCaps *caps, GError **error)
{
  CnnHeadInput in = { 0 };
  if (gst_structure_has_name (gst_caps_get_structure (caps, 0), "other/tensors")) {
    if (!cnn_tensor_parse (caps, &in.type, &in.shape, error))
      return FALSE;
    if (in.shape.n < 2 || in.shape.d[0] != 1) {
      ConvoyShape sample = in.shape;
      in.shape = (ConvoyShape) { .n = MIN (sample.n + 1, CONVOY_MAX_DIMS), .d = { 1 } };
      for (guint i = 1; i < in.shape.n; i++)
        in.shape.d[i] = sample.d[i - 1];
    }
  } else {
    if (!gst_video_info_from_caps (&self->video, caps)) {
      g_set_error_literal (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "pictures without a size");
      return FALSE;
    }
    in.type = CONVOY_U8;
    in.shape = CONVOY_SHAPE (1, GST_VIDEO_INFO_N_COMPONENTS (&self->video), GST_VIDEO_INFO_HEIGHT (&self->video), GST_VIDEO_INFO_WIDTH (&self->video));
  }
  g_autofree char *had = convoy_shape_str (&self->input.shape), *comes = convoy_shape_str (&in.shape);
  if (self->learner && (in.type != self->input.type || !convoy_shape_equal (&in.shape, &self->input.shape))) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "samples of %s %s came, and now %s %s: the network is made for one size", convoy_type_name (self->input.type),
        had, convoy_type_name (in.type), comes);
    return FALSE;
  }
  self->input = in;
  return self->has_input = TRUE;
}

static gboolean
take_caps (GstCnnHead *self, GstEvent *event)
{
  GError *error = NULL;
  GstCaps *caps;
  gst_event_parse_caps (event, &caps);
  gboolean ok = set_input (self, caps, &error);
  gst_event_unref (event);
  if (!ok) {
    GST_ELEMENT_ERROR (self, STREAM, FORMAT, ("%s", error->message), (NULL));
    g_error_free (error);
  }
  return ok;
}

static void
take_phase (GstCnnHead *self, GstEvent *event)
{
  CnnPhaseEvent p;
  CnnDatasetEvent d = { 0 };
  push_batch (self);
  if (self->epoch)
    self->last_seen[!self->is_train] = self->seen;
  cnn_phase_event_parse (event, &p);
  if (self->stream.dataset && cnn_dataset_event_parse (self->stream.dataset, &d))
    g_free ((gpointer) d.classes);
  self->epoch = p.epoch;
  self->is_train = g_str_equal (p.split, CNN_SPLIT_TRAIN);
  /* After a seek into it a phase announces what is left. */
  self->seen = self->is_train && d.n_train > p.samples ? d.n_train - p.samples : 0;
  self->announced = self->seen + p.samples;
  CnnPhaseEvent whole = { p.epoch, p.epochs, p.split, self->announced };
  gst_event_replace (&self->phase, NULL);
  self->phase = cnn_phase_event_new (&whole);
  gst_event_unref (event);
}

/* Whether the stream ended because there was no more, or because someone had seen enough: a phase
 * may have fewer samples than announced, where files were skipped, but then it has every time. */
static gboolean
is_complete (GstCnnHead *self)
{
  CnnDatasetEvent d = { 0 };
  if (self->epoch == 0)
    return TRUE;
  if (self->stream.dataset && cnn_dataset_event_parse (self->stream.dataset, &d))
    g_free ((gpointer) d.classes);
  return self->is_train == (d.n_validation == 0) && (self->seen >= self->announced || self->seen == self->last_seen[!self->is_train]);
}

static gboolean
flush (GstCnnHead *self, GstEvent *event)
{
  gboolean start = GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_START;
  gboolean ok = gst_pad_push_event (self->src, event);
  if (start) {
    cnn_queue_set_flushing (self->queue, TRUE);
    gst_pad_pause_task (self->src);
    return ok;
  }
  g_clear_pointer (&self->filling, cnn_batch_free);
  gst_event_replace (&self->phase, NULL);
  self->greeted = FALSE;
  GST_OBJECT_LOCK (self);
  self->flow = GST_FLOW_OK;
  GST_OBJECT_UNLOCK (self);
  cnn_queue_set_flushing (self->queue, FALSE);
  gst_pad_start_task (self->src, cnn_head_work, self, NULL);
  return ok;
}

static gboolean
sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstCnnHead *self = GST_CNN_HEAD (parent);
  CnnPhaseEvent phase;
  CnnDatasetEvent dataset;
  CnnExtractorEvent extractor;

  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_START || GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP)
    return flush (self, event);
  if (!GST_EVENT_IS_SERIALIZED (event))
    return gst_pad_event_default (pad, parent, event);
  if (GST_EVENT_TYPE (event) == GST_EVENT_CAPS)
    return take_caps (self, event);
  if (cnn_phase_event_parse (event, &phase)) {
    take_phase (self, event);
    return TRUE;
  }
  if (cnn_dataset_event_parse (event, &dataset)) {
    g_free ((gpointer) dataset.classes);
    gst_event_replace (&self->stream.dataset, event);
  } else if (cnn_extractor_event_parse (event, &extractor)) {
    gst_event_replace (&self->stream.extractor, event);
  } else if (cnn_metadata_event_parse (event, self->stream.metadata)) {
    GST_DEBUG_OBJECT (self, "the saved network keeps what %s says", gst_structure_get_name (gst_event_get_structure (event)));
  } else if (GST_EVENT_TYPE (event) == GST_EVENT_EOS) {
    push_batch (self);
    self->complete = is_complete (self);
  }
  return push_event (self, event);
}

/* --- states ---------------------------------------------------------------- */

static gboolean
activate_src (GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active)
{
  GstCnnHead *self = GST_CNN_HEAD (parent);
  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  cnn_queue_set_flushing (self->queue, !active);
  return active ? gst_pad_start_task (pad, cnn_head_work, self, NULL) : gst_pad_stop_task (pad);
}

static void
start (GstCnnHead *self)
{
  GST_OBJECT_LOCK (self);
  cnn_head_settings_copy (&self->used, &self->settings);
  self->flow = GST_FLOW_OK;
  self->anew = FALSE;
  GST_OBJECT_UNLOCK (self);
  self->has_input = self->has_caps = self->complete = self->greeted = FALSE;
  self->epoch = self->resume_epoch = 0;
  self->announced = self->seen = self->resume_sample = 0;
  self->last_seen[0] = self->last_seen[1] = G_MAXUINT64;
}

/* What was learnt until now is kept. */
static void
stop (GstCnnHead *self)
{
  GError *error = NULL;
  if (self->learner && cnn_head_get_flow (self) != GST_FLOW_ERROR && !cnn_learner_save (self->learner, &error)) {
    GST_ELEMENT_WARNING (self, RESOURCE, WRITE, ("%s", error->message), (NULL));
    g_error_free (error);
  }
  if (self->loading)
    cnn_learner_free (cnn_job_finish (g_steal_pointer (&self->loading), NULL));
  g_clear_pointer (&self->learner, cnn_learner_free);
  g_clear_pointer (&self->filling, cnn_batch_free);
  gst_event_replace (&self->phase, NULL);
  gst_event_replace (&self->stream.dataset, NULL);
  gst_event_replace (&self->stream.extractor, NULL);
  g_hash_table_remove_all (self->stream.metadata);
  g_queue_clear_full (&self->held, (GDestroyNotify) gst_event_unref);
}

static GstStateChangeReturn
change_state (GstElement *element, GstStateChange change)
{
  GstCnnHead *self = GST_CNN_HEAD (element);
  if (change == GST_STATE_CHANGE_READY_TO_PAUSED)
    start (self);
  else if (change == GST_STATE_CHANGE_PAUSED_TO_READY)
    cnn_queue_set_flushing (self->queue, TRUE);
  GstStateChangeReturn ret = GST_ELEMENT_CLASS (gst_cnn_head_parent_class)->change_state (element, change);
  if (change == GST_STATE_CHANGE_PAUSED_TO_READY)
    stop (self);
  return ret;
}

/* --- properties and class --------------------------------------------------- */

#define AT(field) G_STRUCT_OFFSET (GstCnnHead, field)

static const CnnProperty properties[] = {
  CNN_TEXT_ROW ("layers", "Layers", "The network as text, such as \"flatten ! dense units=${classes} activation=softmax\", which labels set live learn if no network is given", AT (settings.source.layers), NULL, CNN_READY),
  CNN_TEXT_ROW ("network", "Network", "A .net file or the name of one, with VARIABLE=VALUE behind it", AT (settings.source.network), NULL, CNN_READY),
  CNN_TEXT_ROW ("model", "Model", "ONNX file, or the name of a model of the zoo, from which the network is taken; while it runs without learning, another", AT (settings.source.model), NULL, CNN_PLAYING),
  CNN_TEXT_ROW ("from-layer", "From layer", "Layer of the model whose output comes in; a name, a number, last-conv or features (not set: the whole model)", AT (settings.source.from_layer), NULL, CNN_READY),
  CNN_TEXT_ROW ("to-layer", "To layer", "Layer of the model that layers= follow (not set: last-conv, or from-layer where that comes later)", AT (settings.source.to_layer), NULL, CNN_READY),
  CNN_TEXT_ROW ("label", "Label", "What is to be learnt of the frames that come now, where no data set comes: the name of a class, new or known (not set: they are classified)",
      AT (label), NULL, CNN_PLAYING),
  CNN_TEXT_ROW ("loss", "Loss", "cross-entropy, binary-cross-entropy or mse, with options behind it (not set: by the last layer)", AT (settings.loss), NULL, CNN_READY),
  CNN_TEXT_ROW ("optimizer", "Optimizer", "sgd, momentum, nesterov, rmsprop, adam or adamw, with options such as l2=0.001 behind it (not set: rmsprop; for labels set live, adam)", AT (settings.optimizer), NULL, CNN_READY),
  CNN_TEXT_ROW ("schedule", "Schedule", "Of the learning rate: constant, step, exponential, cosine or one-cycle, with options behind it (not set: constant)", AT (settings.schedule), NULL, CNN_READY),
  CNN_TEXT_ROW ("freeze", "Freeze", "A layer that, with all before it, does not learn", AT (settings.freeze), NULL, CNN_READY),
  CNN_TEXT_ROW ("rates", "Rates", "Factors of the learning rate of layers whose names begin so: \"conv=0.1 dense=1\"", AT (settings.rates), NULL, CNN_READY),
  CNN_TEXT_ROW ("save", "Save", "ONNX file that receives the network of the best epoch, behind the extractor of the features", AT (settings.save), NULL, CNN_READY),
  CNN_TEXT_ROW ("checkpoint", "Checkpoint", "File that keeps all that is needed to go on, written after each epoch", AT (settings.checkpoint), NULL, CNN_READY),
  CNN_TEXT_ROW ("history", "History", "CSV file that receives a row an epoch", AT (settings.history), NULL, CNN_READY),
  CNN_DOUBLE_ROW ("learning-rate", "Learning rate", "Learning rate (0: as the optimizer has it)", AT (settings.learning_rate), 1000, CNN_READY),
  CNN_UINT64_ROW ("seed", "Seed", "First weights and dropout depend on this alone", AT (settings.source.seed), G_MAXUINT64, CNN_READY),
  CNN_UINT_ROW ("epochs", "Epochs", "Learn for so many epochs at most (0: as many as the stream has)", AT (settings.epochs), 0, G_MAXINT, 0, CNN_READY),
  CNN_UINT_ROW ("batch-size", "Batch size", "Samples of a step", AT (settings.batch), 1, 65536, 32, CNN_READY),
  CNN_UINT_ROW ("patience", "Patience", "End after so many epochs without a better one (0: never)", AT (settings.patience), 0, G_MAXINT, 0, CNN_READY),
  CNN_UINT_ROW ("threads", "Threads", "Threads that work on a batch", AT (settings.threads), 1, 256, 1, CNN_READY),
  CNN_UINT_ROW ("checkpoint-steps", "Checkpoint steps", "Write the checkpoint after so many steps of an epoch, too (0: at its end alone)", AT (settings.checkpoint_steps), 0, G_MAXINT, 0, CNN_READY),
  CNN_BOOLEAN_ROW ("training", "Training", "Learn from the labels of the samples", AT (settings.training), FALSE, CNN_READY),
  CNN_BOOLEAN_ROW ("resume", "Resume", "Go on from the checkpoint where there is one", AT (settings.resume), FALSE, CNN_READY),
  CNN_BOOLEAN_ROW ("freeze-batchnorm", "Freeze batch normalization", "BatchNormalization keeps its statistics, scale and shift", AT (settings.freeze_batchnorm), FALSE, CNN_READY),
};

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstCnnHead *self = GST_CNN_HEAD (object);
  cnn_property_set (object, id, value, pspec);
  if (strcmp (pspec->name, "model") == 0) {
    GST_OBJECT_LOCK (self);
    self->anew = self->settings.source.model != NULL;
    GST_OBJECT_UNLOCK (self);
  }
}

static void
finalize (GObject *object)
{
  GstCnnHead *self = GST_CNN_HEAD (object);
  cnn_properties_clear (object, properties, G_N_ELEMENTS (properties));
  cnn_head_settings_clear (&self->used);
  cnn_queue_free (self->queue);
  g_hash_table_unref (self->stream.metadata);
  G_OBJECT_CLASS (gst_cnn_head_parent_class)->finalize (object);
}

static void
gst_cnn_head_class_init (GstCnnHeadClass *klass)
{
  GObjectClass *object = G_OBJECT_CLASS (klass);
  GstElementClass *element = GST_ELEMENT_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (cnn_head_debug, "cnnhead", 0, "the part of a network that learns");
  object->finalize = finalize;
  cnn_properties_install (object, properties, G_N_ELEMENTS (properties));
  object->set_property = set_property;
  gst_element_class_set_static_metadata (element, "Trainable head", "Filter/Analyzer",
      "Trains a network, or the end of one, by backpropagation while the stream flows", "Convoy");
  gst_element_class_add_static_pad_template (element, &sink_template);
  gst_element_class_add_static_pad_template (element, &src_template);
  element->change_state = GST_DEBUG_FUNCPTR (change_state);
}

static void
gst_cnn_head_init (GstCnnHead *self)
{
  self->queue = cnn_queue_new (MAX_BATCHES);
  self->stream.metadata = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_queue_init (&self->held);
  self->sink = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sink, GST_DEBUG_FUNCPTR (chain));
  gst_pad_set_event_function (self->sink, GST_DEBUG_FUNCPTR (sink_event));
  gst_element_add_pad (GST_ELEMENT (self), self->sink);
  self->src = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_set_activatemode_function (self->src, GST_DEBUG_FUNCPTR (activate_src));
  gst_element_add_pad (GST_ELEMENT (self), self->src);
}
