/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstcnndatasetsrc.c - the element cnndatasetsrc: a data set as a stream of samples, epoch by epoch. */
/**
 * SECTION:element-cnndatasetsrc
 * @title: cnndatasetsrc
 * @short_description: the samples of a data set, with their labels
 *
 * Gives the samples of a data set, a buffer each, as fast as they are taken. What a data set is
 * shows when it is looked at: a folder a class of pictures (whose files come as they are, image/jpeg
 * or image/png) or of texts (text/x-raw), perhaps below folders called train, validation and test, a
 * folder without folders being one class; CIFAR binary and IDX (video/x-raw, RGB or GRAY8); stored
 * features and the numbers of a CSV file come as other/tensors. Numbers are scaled to mean 0 and
 * deviation 1 over the training samples.
 *
 * Each epoch has a phase of training and, where there are samples to validate on, one of
 * validation: those of #GstCnnDatasetSrc:validation-location, a part drawn from the training
 * samples (#GstCnnDatasetSrc:validation-split), or the data set's own. An epoch's training samples
 * come in an order that depends on nothing but #GstCnnDatasetSrc:seed and the number of the epoch.
 *
 * Label, class, name, split, epoch and number travel with every buffer as `GstCnnSampleMeta`.
 * A sticky event `cnn-dataset` says what the stream is made of, an event `cnn-phase` begins each
 * phase. Files that are no samples are named in a warning and an element message `cnn-skipped`,
 * and counted; a class of which none is left is an error.
 *
 * Samples have no time, unless #GstCnnDatasetSrc:framerate gives them one, as videorate and a preview at
 * a pace want it. Seeking is to a sample, counted from 0 through all phases and epochs, in
 * #GST_FORMAT_DEFAULT.
 *
 * |[
 * gst-launch-1.0 cnndatasetsrc location=pets ! cnnimagedec width=160 height=160 ! fakesink silent=false -v
 * ]|
 * |[
 * gst-launch-1.0 -v cnndatasetsrc location=table.csv validation-split=0.2 seed=1 ! fakesink silent=false
 * ]|
 * |[
 * gst-launch-1.0 cnndatasetsrc location=cifar10 classes=cat,dog validation-split=0.1 epochs=2 ! videoconvert ! pngenc ! multifilesink location=%05d.png
 * ]|
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "plugins/gstcnndatasetsrc.h"
#include "plugins/cnnproperty.h"
#include "plugins/cnnbuffer.h"
#include "plugins/cnncourse.h"
#include "plugins/cnncoursetell.h"
#include "plugins/cnnknown.h"
#include "plugins/cnnreader.h"
#include "plugins/cnnsample.h"
#include "plugins/cnnseek.h"
#include "plugins/cnntensor.h"
#include <string.h>

GST_DEBUG_CATEGORY_STATIC (cnn_dataset_src_debug);
#define GST_CAT_DEFAULT cnn_dataset_src_debug

struct _GstCnnDatasetSrc {
  GstPushSrc parent;

  /* Under the object lock. */
  CnnCourseOptions options;
  guint start_epoch;
  guint64 start_sample;
  guint skipped;
  CnnFraction framerate;
  char *model;                  /* that learnt a table; NULL: none */
  guint64 number;               /* of the next sample in the course */
  guint64 length;               /* samples of the course; 0: no end, or not open */

  /* Of the streaming thread, and of start, stop and seeks, which run while it does not. */
  CnnCourseOptions used;        /* the options that it was started with */
  CnnFraction rate;             /* and this */
  guint64 given;                /* samples since the start or the last seek */
  CnnCourse *course;
  CnnReader *reader;
  CnnPlace place;               /* of the next sample */
  gboolean in_phase;            /* the reader reads its phase */
  gboolean phase_gave;          /* a sample, so far */
  GstCaps *caps;                /* of the last sample; NULL: none */
  gboolean ask;                 /* there is somebody downstream who stores features */
  GQueue events;                /* to go out before the next buffer */
};

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("image/jpeg; image/png; text/x-raw, format=(string)utf8; "
        "video/x-raw, format=(string){ RGB, GRAY8 }, width=(int)[ 1, max ], height=(int)[ 1, max ], framerate=(fraction)[ 0/1, max ]; "
        CNN_TENSOR_CAPS ("{ float32, float64, int64, int32, int8, uint8 }")));

G_DEFINE_FINAL_TYPE (GstCnnDatasetSrc, gst_cnn_dataset_src, GST_TYPE_PUSH_SRC)
GST_ELEMENT_REGISTER_DEFINE (cnndatasetsrc, "cnndatasetsrc", GST_RANK_NONE, GST_TYPE_CNN_DATASET_SRC)

/* --- what is said ----------------------------------------------------- */

static void
say_skipped (GstCnnDatasetSrc *self, const char *file, const char *reason)
{
  GST_OBJECT_LOCK (self);
  guint n = self->skipped++;
  GST_OBJECT_UNLOCK (self);
  cnn_skipped_post (GST_ELEMENT (self), file, n, reason);
}

static void
push_events (GstCnnDatasetSrc *self)
{
  GstEvent *event;
  while ((event = g_queue_pop_head (&self->events)))
    gst_pad_push_event (GST_BASE_SRC_PAD (self), event);
}

/* The base class sends the segment just before a buffer; what is ours comes after it. */
static GstPadProbeReturn
before_buffer (GstPad *pad, GstPadProbeInfo *info, gpointer self)
{
  (void) pad, (void) info;
  push_events (self);
  return GST_PAD_PROBE_OK;
}

/* --- phases ----------------------------------------------------------- */

/* FALSE: that was the last. */
static gboolean
begin_phase (GstCnnDatasetSrc *self)
{
  const CnnPlace *at = &self->place;
  if (self->used.epochs && at->epoch > self->used.epochs)
    return FALSE;
  const CnnPhase *phase = &self->course->phases[at->phase];
  gsize n = convoy_dataset_info (phase->d)->n;
  gboolean shuffle = self->used.shuffle && g_str_equal (phase->split, CNN_SPLIT_TRAIN);
  CnnPhaseEvent p = { at->epoch, self->used.epochs, phase->split, n - at->sample };
  g_queue_push_tail (&self->events, cnn_phase_event_new (&p));
  cnn_reader_start (self->reader, phase->d, shuffle ? convoy_epoch_order (n, self->used.seed, at->epoch) : NULL, at->sample, n);
  self->in_phase = TRUE;
  self->phase_gave = FALSE;
  GST_DEBUG_OBJECT (self, "epoch %u, %s, from sample %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT, at->epoch, phase->split, at->sample, n);
  return TRUE;
}

/* FALSE: none of its samples could be read, and so it would go on for ever. */
static gboolean
end_phase (GstCnnDatasetSrc *self)
{
  const CnnPhase *phase = &self->course->phases[self->place.phase];
  if (!self->phase_gave) {
    GST_ELEMENT_ERROR (self, RESOURCE, READ, ("%s: no %s sample could be read", self->used.location, phase->split), (NULL));
    return FALSE;
  }
  self->in_phase = FALSE;
  self->place.sample = 0;
  if (++self->place.phase == self->course->n_phases) {
    self->place.phase = 0;
    self->place.epoch++;
  }
  return TRUE;
}

static void
set_number (GstCnnDatasetSrc *self, guint64 number)
{
  GST_OBJECT_LOCK (self);
  self->number = number;
  GST_OBJECT_UNLOCK (self);
}

/* --- buffers ---------------------------------------------------------- */

static gboolean
set_caps_of (GstCnnDatasetSrc *self, const ConvoyDatasetInfo *info, GBytes *sample)
{
  GstCaps *caps = self->caps && info->kind != CONVOY_SAMPLE_PICTURE ? gst_caps_ref (self->caps) : cnn_buffer_sample_caps (info, self->rate, sample);
  gboolean ok = TRUE;
  if (!self->caps || !gst_caps_is_equal (caps, self->caps)) {
    ok = gst_base_src_set_caps (GST_BASE_SRC (self), caps);
    gst_caps_replace (&self->caps, caps);
  }
  gst_caps_unref (caps);
  return ok;
}

/* Takes what is in read over. */
static GstFlowReturn
make_buffer (GstCnnDatasetSrc *self, CnnRead *read, GstBuffer **out)
{
  const CnnPhase *phase = &self->course->phases[self->place.phase];
  const ConvoyDatasetInfo *info = convoy_dataset_info (phase->d);
  gboolean named = info->classes && read->label >= 0 && read->label < info->n_classes;
  CnnSample sample = { (int) read->label, named ? info->classes[read->label] : NULL, read->name, phase->split, self->place.epoch, read->i };

  gboolean fits = set_caps_of (self, info, read->bytes);
  if (fits) {
    *out = cnn_buffer_new (info, g_steal_pointer (&read->bytes));
    cnn_sample_attach (*out, &sample);
    GST_BUFFER_OFFSET (*out) = cnn_course_number (self->course, &self->place) - 1;
    GST_BUFFER_OFFSET_END (*out) = GST_BUFFER_OFFSET (*out) + 1;
    cnn_buffer_set_time (*out, self->rate, self->given++);
  }
  cnn_read_clear (read);
  return fits ? GST_FLOW_OK : GST_FLOW_NOT_NEGOTIATED;
}

/* A file that went away is skipped, and a row that does not go with what was learnt; of a set that is one file nothing more can be hoped for. */
static gboolean
may_skip (GstCnnDatasetSrc *self, CnnRead *read)
{
  const char *reason = read->error->message;
  gboolean is_file = cnn_course_info (self->course)->kind != CONVOY_SAMPLE_TENSOR || self->used.learnt;
  if (g_str_has_prefix (reason, read->name) && g_str_has_prefix (reason + strlen (read->name), ": "))
    reason += strlen (read->name) + 2;
  if (is_file)
    say_skipped (self, read->name, reason);
  else
    GST_ELEMENT_ERROR (self, RESOURCE, READ, ("%s: %s", self->used.location, read->error->message), (NULL));
  cnn_read_clear (read);
  return is_file;
}

/* Whether downstream has the features of this sample already and can do without it. */
static gboolean
is_stored (GstCnnDatasetSrc *self, const CnnRead *read)
{
  const CnnPhase *phase = &self->course->phases[self->place.phase];
  if (!self->ask)
    return FALSE;
  gsize size;
  gconstpointer data = g_bytes_get_data (read->bytes, &size);
  CnnKnown k = { read->name, phase->split, (int) read->label, size, convoy_features_digest (data, size), convoy_dataset_info (phase->d)->n };
  gboolean known;
  self->ask = cnn_known_ask (GST_BASE_SRC_PAD (self), &k, &known);
  return known;
}

static void
say_end (GstCnnDatasetSrc *self)
{
  push_events (self);
  GST_OBJECT_LOCK (self);
  guint n = self->skipped;
  GST_OBJECT_UNLOCK (self);
  if (n > 0)
    GST_ELEMENT_INFO (self, RESOURCE, READ, ("%s: %u files were skipped", self->used.location, n), (NULL));
}

static GstFlowReturn
create (GstPushSrc *push, GstBuffer **out)
{
  GstCnnDatasetSrc *self = GST_CNN_DATASET_SRC (push);
  CnnRead read;

  for (;;) {
    if (!self->in_phase && !begin_phase (self)) {
      say_end (self);
      return GST_FLOW_EOS;
    }
    gsize n = convoy_dataset_info (self->course->phases[self->place.phase].d)->n;
    if (self->place.sample == n) {
      if (!end_phase (self))
        return GST_FLOW_ERROR;
    } else if (!cnn_reader_next (self->reader, &read)) {
      return GST_FLOW_FLUSHING;
    } else {
      self->place.sample++;
      set_number (self, cnn_course_number (self->course, &self->place));
      self->phase_gave |= !read.error;
      if (!read.error && !is_stored (self, &read))
        return make_buffer (self, &read, out);
      if (!read.error) {
        cnn_read_clear (&read);
        continue;
      }
      if (!may_skip (self, &read))
        return GST_FLOW_ERROR;
    }
  }
}

/* --- start, stop, seek ------------------------------------------------ */

static void
go_to (GstCnnDatasetSrc *self, guint64 number)
{
  cnn_reader_stop (self->reader);
  self->place = cnn_course_place (self->course, number);
  self->in_phase = FALSE;
  self->given = 0;
  set_number (self, number);
}

static gboolean
start (GstBaseSrc *base)
{
  GstCnnDatasetSrc *self = GST_CNN_DATASET_SRC (base);
  GError *error = NULL;

  GST_OBJECT_LOCK (self);
  cnn_course_options_copy (&self->used, &self->options);
  g_autofree char *model = g_strdup (self->model);
  guint64 epoch = self->start_epoch, sample = self->start_sample;
  self->skipped = 0;
  self->rate = self->framerate;
  GST_OBJECT_UNLOCK (self);
  if (!self->used.location) {
    GST_ELEMENT_ERROR (self, RESOURCE, NOT_FOUND, ("no location= is given"), (NULL));
    return FALSE;
  }
  if (!model || cnn_course_options_take_columns (&self->used, model, &error))
    self->course = cnn_course_open (&self->used, &error);
  if (!self->course) {
    GST_ELEMENT_ERROR (self, RESOURCE, OPEN_READ, ("%s", error->message), (NULL));
    g_error_free (error);
    return FALSE;
  }
  guint64 length = cnn_course_length (self->course);
  GST_OBJECT_LOCK (self);
  self->length = length * self->used.epochs;
  GST_OBJECT_UNLOCK (self);
  self->reader = cnn_reader_new ();
  self->ask = TRUE;
  go_to (self, (epoch - 1) * length + sample);
  cnn_course_tell (self->course, &self->used, &self->events);
  for (guint i = 0; i + 1 < self->course->skipped->len; i += 2)
    say_skipped (self, self->course->skipped->pdata[i], self->course->skipped->pdata[i + 1]);
  return TRUE;
}

static gboolean
stop (GstBaseSrc *base)
{
  GstCnnDatasetSrc *self = GST_CNN_DATASET_SRC (base);
  g_queue_clear_full (&self->events, (GDestroyNotify) gst_event_unref);
  g_clear_pointer (&self->reader, cnn_reader_free);
  g_clear_pointer (&self->course, cnn_course_free);
  gst_clear_caps (&self->caps);
  GST_OBJECT_LOCK (self);
  self->length = self->number = 0;
  GST_OBJECT_UNLOCK (self);
  return TRUE;
}

static gboolean
unlock (GstBaseSrc *base)
{
  cnn_reader_interrupt (GST_CNN_DATASET_SRC (base)->reader, TRUE);
  return TRUE;
}

static gboolean
unlock_stop (GstBaseSrc *base)
{
  cnn_reader_interrupt (GST_CNN_DATASET_SRC (base)->reader, FALSE);
  return TRUE;
}

static gboolean
is_seekable (GstBaseSrc *base)
{
  (void) base;
  return TRUE;
}

/* The sample is kept in its offset. */
static gboolean
prepare_seek_segment (GstBaseSrc *base, GstEvent *seek, GstSegment *segment)
{
  GstCnnDatasetSrc *self = GST_CNN_DATASET_SRC (base);
  guint64 number;

  GST_OBJECT_LOCK (self);
  guint64 length = self->length;
  GST_OBJECT_UNLOCK (self);
  if (!cnn_seek_parse (seek, length, &number, segment))
    return FALSE;
  set_number (self, number);
  return TRUE;
}

/* Also at the start, when number is where start() wants to be. */
static gboolean
do_seek (GstBaseSrc *base, GstSegment *segment)
{
  GstCnnDatasetSrc *self = GST_CNN_DATASET_SRC (base);
  (void) segment;
  GST_OBJECT_LOCK (self);
  guint64 number = self->number;
  GST_OBJECT_UNLOCK (self);
  go_to (self, number);
  return TRUE;
}

static gboolean
query (GstBaseSrc *base, GstQuery *q)
{
  GstCnnDatasetSrc *self = GST_CNN_DATASET_SRC (base);
  gboolean answered;

  GST_OBJECT_LOCK (self);
  guint64 number = self->number, length = self->length;
  GST_OBJECT_UNLOCK (self);
  return cnn_seek_answer (q, number, length, &answered) ? answered : GST_BASE_SRC_CLASS (gst_cnn_dataset_src_parent_class)->query (base, q);
}

static GstCaps *
get_caps (GstBaseSrc *base, GstCaps *filter)
{
  GstCnnDatasetSrc *self = GST_CNN_DATASET_SRC (base);
  GstCaps *caps = self->course ? cnn_buffer_caps (cnn_course_info (self->course), self->rate) : gst_pad_get_pad_template_caps (GST_BASE_SRC_PAD (base));
  if (!filter)
    return caps;
  GstCaps *both = gst_caps_intersect_full (filter, caps, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref (caps);
  return both;
}

/* Caps are those of each sample; see set_caps_of(). */
static gboolean
negotiate (GstBaseSrc *base)
{
  (void) base;
  return TRUE;
}

/* --- properties and class --------------------------------------------- */

#define AT(field) G_STRUCT_OFFSET (GstCnnDatasetSrc, field)

static const CnnProperty properties[] = {
  CNN_COURSE_ROWS (AT (options)),
  CNN_UINT_ROW ("start-epoch", "Start epoch", "The epoch to begin with, to go on where something ended", AT (start_epoch), 1,
      G_MAXUINT, 1, CNN_READY),
  CNN_UINT64_ROW ("start-sample", "Start sample", "The sample of that epoch to begin with, in the order of the epoch",
      AT (start_sample), G_MAXINT64, CNN_READY),
  CNN_UINT_ROW ("skipped", "Skipped", "Files that were skipped since the start", AT (skipped), 0, G_MAXUINT, 0, CNN_READ_ONLY),
  CNN_FRACTION_ROW ("framerate", "Frame rate",
      "Samples a second, as their timestamps say and the caps of pictures (0/1: they have no time)", AT (framerate), CNN_READY),
  CNN_TEXT_ROW ("model", "Model",
      "ONNX file or name of the zoo that learnt a table: its columns, scaling and categories are taken; rows that do not fit are "
      "skipped",
      AT (model), NULL, CNN_READY),
};

static void
finalize (GObject *object)
{
  GstCnnDatasetSrc *self = GST_CNN_DATASET_SRC (object);
  cnn_properties_clear (object, properties, G_N_ELEMENTS (properties));
  cnn_course_options_clear (&self->used);
  G_OBJECT_CLASS (gst_cnn_dataset_src_parent_class)->finalize (object);
}

static void
gst_cnn_dataset_src_class_init (GstCnnDatasetSrcClass *klass)
{
  GObjectClass *object = G_OBJECT_CLASS (klass);
  GstElementClass *element = GST_ELEMENT_CLASS (klass);
  GstBaseSrcClass *base = GST_BASE_SRC_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (cnn_dataset_src_debug, "cnndatasetsrc", 0, "data sets as streams");
  object->finalize = finalize;
  cnn_properties_install (object, properties, G_N_ELEMENTS (properties));
  gst_element_class_set_static_metadata (element, "Data set source", "Source/File",
      "Samples of a data set with their labels, epoch by epoch", "Convoy");
  gst_element_class_add_static_pad_template (element, &src_template);
  base->start = GST_DEBUG_FUNCPTR (start);
  base->stop = GST_DEBUG_FUNCPTR (stop);
  base->unlock = GST_DEBUG_FUNCPTR (unlock);
  base->unlock_stop = GST_DEBUG_FUNCPTR (unlock_stop);
  base->is_seekable = GST_DEBUG_FUNCPTR (is_seekable);
  base->prepare_seek_segment = GST_DEBUG_FUNCPTR (prepare_seek_segment);
  base->do_seek = GST_DEBUG_FUNCPTR (do_seek);
  base->query = GST_DEBUG_FUNCPTR (query);
  base->get_caps = GST_DEBUG_FUNCPTR (get_caps);
  base->negotiate = GST_DEBUG_FUNCPTR (negotiate);
  GST_PUSH_SRC_CLASS (klass)->create = GST_DEBUG_FUNCPTR (create);
}

static void
gst_cnn_dataset_src_init (GstCnnDatasetSrc *self)
{
  g_queue_init (&self->events);
  gst_base_src_set_format (GST_BASE_SRC (self), GST_FORMAT_TIME);
  gst_pad_add_probe (GST_BASE_SRC_PAD (self), GST_PAD_PROBE_TYPE_BUFFER, before_buffer, self, NULL);
}
