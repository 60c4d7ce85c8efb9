/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstcnndatasetsink.c - the element cnndatasetsink: features, labels and names into an HDF5 store. */
/**
 * SECTION:element-cnndatasetsink
 * @title: cnndatasetsink
 * @short_description: stores features in HDF5
 *
 * Writes the tensors that come, with label, split and name of their samples, to an HDF5 file:
 * `features` (N x C x H x W, float32), `labels` (int64), `names`, `splits` and `stamps`, sorted by
 * split and name, one row a sample; attributes say the classes, the model, its checksum, layer,
 * pooling and preprocessing. cnndatasetsrc and any HDF5 reader take it.
 *
 * At the end of the stream the file is complete; before that it is as it was. A run that was
 * interrupted, however, goes on where it was, and a run on an unchanged folder decodes no picture:
 * cnndatasetsrc asks for each file by its size and a digest. Rows whose files are gone go with them. A
 * store that another model, layer or preprocessing made is refused, as is one that another process
 * is writing. The element message `cnn-stored` (location, rows, added, dropped) tells the outcome.
 *
 * |[
 * gst-launch-1.0 -m cnndatasetsrc location=pictures ! cnnimagedec width=160 height=160 ! cnnextract model=mobilenet-v1-1.0-224 layer=last-conv ! cnndatasetsink location=features.h5
 * ]|
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "plugins/gstcnndatasetsink.h"
#include "plugins/cnnproperty.h"
#include "plugins/cnnknown.h"
#include "plugins/cnnsample.h"
#include "plugins/cnntensor.h"
#include <string.h>

GST_DEBUG_CATEGORY_STATIC (cnn_dataset_sink_debug);
#define GST_CAT_DEFAULT cnn_dataset_sink_debug

/* Of a split: how many samples it has, how many were asked for. */
typedef struct { guint64 samples, asked; } Split;

/* Size and digest of a sample that is to come. */
typedef struct { guint64 bytes; gint64 digest; } Stamp;

struct _GstCnnDatasetSink {
  GstBaseSink parent;

  char *location;               /* object lock */
  guint compression;            /* object lock */

  /* Protects all below: samples are asked for in another thread than they come in. */
  GMutex lock;
  ConvoyFeatures *store;        /* NULL: not opened yet */
  gboolean failed;              /* it could not be, and that was said */
  GHashTable *splits;           /* char * -> Split */
  GHashTable *stamps;           /* "split\nname" of what was asked for and is to come -> Stamp */
  GHashTable *stored;           /* "split\nname" of what came in this run */
  char **classes;               /* NULL: none were told */
  GstEvent *extractor;          /* the last cnn-extractor; NULL: none */
  ConvoyShape shape;            /* of a sample, from the caps */
  guint64 n;                    /* samples that came, for those without a name */
};


static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (CNN_TENSOR_CAPS ("float32")));

G_DEFINE_FINAL_TYPE (GstCnnDatasetSink, gst_cnn_dataset_sink, GST_TYPE_BASE_SINK)
GST_ELEMENT_REGISTER_DEFINE (cnndatasetsink, "cnndatasetsink", GST_RANK_NONE, GST_TYPE_CNN_DATASET_SINK)

/* --- the store; all with the lock -------------------------------------- */

static gboolean
open_store (GstCnnDatasetSink *self, const ConvoyFeaturesInfo *info, GError **error)
{
  if (self->store)
    return convoy_features_tell (self->store, info, error);
  self->store = convoy_features_open (self->location, info, error);
  return self->store && (!self->classes || convoy_features_set_classes (self->store, (const char *const *) self->classes, error));
}

/* What the event says; without one the features come from elsewhere. */
static ConvoyFeaturesInfo
info_of (GstEvent *event)
{
  CnnExtractorEvent x;
  if (!cnn_extractor_event_parse (event, &x))
    return (ConvoyFeaturesInfo) { .checksum = "", .request = "" };
  return (ConvoyFeaturesInfo) { x.checksum ? x.checksum : "", x.request ? x.request : "", x.model, x.layer, x.pooling, x.preprocessing };
}

static char *
key_of (const char *split, const char *name)
{
  return g_strconcat (split, "\n", name, NULL);
}

/* Splits of which every sample was asked for lose the rows of others. */
static gboolean
finish_store (GstCnnDatasetSink *self, ConvoyFeaturesCount *count, GError **error)
{
  GHashTableIter it;
  gpointer name, value;

  if (!self->store)
    return TRUE;
  g_hash_table_iter_init (&it, self->splits);
  while (g_hash_table_iter_next (&it, &name, &value)) {
    const Split *s = value;
    if (s->asked >= s->samples)
      convoy_features_drop_rest (self->store, name);
  }
  gboolean ok = convoy_features_finish (self->store, self->compression, error);
  *count = convoy_features_count (self->store);
  return ok;
}

static void
forget (GstCnnDatasetSink *self)
{
  g_clear_pointer (&self->store, convoy_features_free);
  g_hash_table_remove_all (self->splits);
  g_hash_table_remove_all (self->stamps);
  g_hash_table_remove_all (self->stored);
  self->failed = FALSE;
  self->n = 0;
}

/* Says it once, without the lock. */
static void
post (GstCnnDatasetSink *self, GError *error)
{
  GST_ELEMENT_ERROR (self, RESOURCE, WRITE, ("%s", error->message), (NULL));
  g_error_free (error);
}

/* --- what is asked for -------------------------------------------------- */

static gboolean
is_known (GstCnnDatasetSink *self, const CnnKnown *k, const ConvoyFeaturesInfo *info, GError **error)
{
  ConvoyFeaturesSample sample = { k->source, k->split, k->label, k->bytes, k->digest };
  char *key = key_of (k->split, k->source);
  Split *s = g_hash_table_lookup (self->splits, k->split);

  if (!s)
    g_hash_table_insert (self->splits, g_strdup (k->split), s = g_new0 (Split, 1));
  s->samples = k->samples;
  s->asked++;
  if (!self->failed && open_store (self, info, error) && convoy_features_has (self->store, &sample)) {
    g_free (key);
    return TRUE;
  }
  Stamp *stamp = g_new (Stamp, 1);
  *stamp = (Stamp) { k->bytes, k->digest };
  g_hash_table_replace (self->stamps, key, stamp);
  self->failed |= *error != NULL;
  return FALSE;
}

static gboolean
query (GstBaseSink *sink, GstQuery *q)
{
  GstCnnDatasetSink *self = GST_CNN_DATASET_SINK (sink);
  ConvoyFeaturesInfo info = { 0 };
  GError *error = NULL;
  CnnKnown k;

  if (!cnn_known_parse (q, &k, &info.model, &info.checksum, &info.request))
    return GST_BASE_SINK_CLASS (gst_cnn_dataset_sink_parent_class)->query (sink, q);
  g_mutex_lock (&self->lock);
  gboolean known = is_known (self, &k, &info, &error);
  g_mutex_unlock (&self->lock);
  cnn_known_answer (q, known);
  if (error)
    post (self, error);
  return TRUE;
}

/* --- what comes --------------------------------------------------------- */

static gboolean
set_caps (GstBaseSink *sink, GstCaps *caps)
{
  GstCnnDatasetSink *self = GST_CNN_DATASET_SINK (sink);
  ConvoyType type;
  ConvoyShape shape;
  GError *error = NULL;

  if (!cnn_tensor_parse (caps, &type, &shape, &error)) {
    GST_ELEMENT_ERROR (self, STREAM, FORMAT, ("%s", error->message), (NULL));
    g_error_free (error);
    return FALSE;
  }
  if (shape.n < 2 || shape.d[0] != 1) {
    g_autofree char *text = convoy_shape_str (&shape);
    GST_ELEMENT_ERROR (self, STREAM, FORMAT, ("tensors of %s are not one sample a buffer: the first dimension must be 1", text), (NULL));
    return FALSE;
  }
  self->shape = (ConvoyShape) { .n = shape.n - 1 };
  memcpy (self->shape.d, shape.d + 1, (shape.n - 1) * sizeof shape.d[0]);
  return TRUE;
}

/* With the lock. A sample that came before in this run stays as it was. */
static gboolean
store (GstCnnDatasetSink *self, GstBuffer *buffer, const float *values, GError **error)
{
  CnnSample sample;
  cnn_sample_get (buffer, &sample);
  g_autofree char *number = g_strdup_printf ("[%" G_GUINT64_FORMAT "]", self->n++);
  const char *name = sample.source ? sample.source : number, *split = sample.split ? sample.split : "";
  char *key = key_of (split, name);
  const Stamp *stamp = g_hash_table_lookup (self->stamps, key);
  ConvoyFeaturesInfo info = info_of (self->extractor);
  ConvoyFeaturesSample s = { name, split, sample.label, stamp ? stamp->bytes : 0, stamp ? stamp->digest : 0 };

  if (self->failed || !g_hash_table_add (self->stored, key))
    return !self->failed;
  return open_store (self, &info, error) && convoy_features_add (self->store, &s, values, &self->shape, error);
}

static GstFlowReturn
render (GstBaseSink *sink, GstBuffer *buffer)
{
  GstCnnDatasetSink *self = GST_CNN_DATASET_SINK (sink);
  gsize size = (gsize) convoy_shape_count (&self->shape) * sizeof (float);
  GError *error = NULL;
  GstMapInfo map;

  if (!gst_buffer_map (buffer, &map, GST_MAP_READ) || map.size != size) {
    GST_ELEMENT_ERROR (self, STREAM, FORMAT, ("a tensor of %" G_GSIZE_FORMAT " bytes, where its caps say %" G_GSIZE_FORMAT, gst_buffer_get_size (buffer), size), (NULL));
    return GST_FLOW_ERROR;
  }
  g_mutex_lock (&self->lock);
  gboolean ok = store (self, buffer, (const float *) map.data, &error);
  self->failed |= !ok;
  g_mutex_unlock (&self->lock);
  gst_buffer_unmap (buffer, &map);
  if (error)
    post (self, error);
  return ok ? GST_FLOW_OK : GST_FLOW_ERROR;
}

/* --- events ------------------------------------------------------------- */

static gboolean
finish (GstCnnDatasetSink *self)
{
  ConvoyFeaturesCount count = { 0 };
  GError *error = NULL;

  g_mutex_lock (&self->lock);
  gboolean failed = self->failed, ok = !failed && finish_store (self, &count, &error);
  forget (self);
  self->failed = failed;
  g_mutex_unlock (&self->lock);
  if (error)
    post (self, error);
  if (ok)
    gst_element_post_message (GST_ELEMENT (self), gst_message_new_element (GST_OBJECT (self), gst_structure_new ("cnn-stored",
                "location", G_TYPE_STRING, self->location, "rows", G_TYPE_UINT64, (guint64) count.rows,
                "added", G_TYPE_UINT64, (guint64) count.added, "dropped", G_TYPE_UINT64, (guint64) count.dropped, NULL)));
  return ok;
}

static void
take_classes (GstCnnDatasetSink *self, const CnnDatasetEvent *d)
{
  GError *error = NULL;
  if (!d->classes)
    return;
  g_mutex_lock (&self->lock);
  g_strfreev (self->classes);
  self->classes = g_strdupv ((char **) d->classes);
  if (self->store && !convoy_features_set_classes (self->store, d->classes, &error))
    self->failed = TRUE;
  g_mutex_unlock (&self->lock);
  if (error)
    post (self, error);
}

static gboolean
event (GstBaseSink *sink, GstEvent *e)
{
  GstCnnDatasetSink *self = GST_CNN_DATASET_SINK (sink);
  CnnExtractorEvent x;
  CnnDatasetEvent d;

  if (GST_EVENT_TYPE (e) == GST_EVENT_EOS && !finish (self)) {
    gst_event_unref (e);
    return FALSE;
  }
  if (cnn_dataset_event_parse (e, &d)) {
    take_classes (self, &d);
    g_free ((gpointer) d.classes);
  } else if (cnn_extractor_event_parse (e, &x)) {
    g_mutex_lock (&self->lock);
    gst_event_replace (&self->extractor, e);
    g_mutex_unlock (&self->lock);
  }
  return GST_BASE_SINK_CLASS (gst_cnn_dataset_sink_parent_class)->event (sink, e);
}

static gboolean
start (GstBaseSink *sink)
{
  GstCnnDatasetSink *self = GST_CNN_DATASET_SINK (sink);
  g_autofree char *folder = self->location ? g_path_get_dirname (self->location) : NULL;

  if (folder && g_file_test (folder, G_FILE_TEST_IS_DIR))
    return TRUE;
  if (folder)
    GST_ELEMENT_ERROR (self, RESOURCE, NOT_FOUND, ("%s: there is no folder %s", self->location, folder), (NULL));
  else
    GST_ELEMENT_ERROR (self, RESOURCE, NOT_FOUND, ("no file: set location= to an HDF5 file, which need not exist"), (NULL));
  return FALSE;
}

static gboolean
stop (GstBaseSink *sink)
{
  GstCnnDatasetSink *self = GST_CNN_DATASET_SINK (sink);
  g_mutex_lock (&self->lock);
  forget (self);
  gst_event_replace (&self->extractor, NULL);
  g_clear_pointer (&self->classes, g_strfreev);
  g_mutex_unlock (&self->lock);
  return TRUE;
}

/* --- properties and class --------------------------------------------- */

#define AT(field) G_STRUCT_OFFSET (GstCnnDatasetSink, field)

static const CnnProperty properties[] = {
  CNN_TEXT_ROW ("location", "Location", "HDF5 file to write or to go on with", AT (location), NULL, CNN_READY),
  CNN_UINT_ROW ("compression", "Compression", "Of the features: 0 none, which reads fastest, to 9", AT (compression), 0, 9, 0, CNN_READY),
};

static void
finalize (GObject *object)
{
  GstCnnDatasetSink *self = GST_CNN_DATASET_SINK (object);
  g_hash_table_unref (self->splits);
  g_hash_table_unref (self->stamps);
  g_hash_table_unref (self->stored);
  cnn_properties_clear (object, properties, G_N_ELEMENTS (properties));
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (gst_cnn_dataset_sink_parent_class)->finalize (object);
}

static void
gst_cnn_dataset_sink_class_init (GstCnnDatasetSinkClass *klass)
{
  GObjectClass *object = G_OBJECT_CLASS (klass);
  GstElementClass *element = GST_ELEMENT_CLASS (klass);
  GstBaseSinkClass *base = GST_BASE_SINK_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (cnn_dataset_sink_debug, "cnndatasetsink", 0, "stores features");
  object->finalize = finalize;
  cnn_properties_install (object, properties, G_N_ELEMENTS (properties));
  gst_element_class_set_static_metadata (element, "Feature store", "Sink/File",
      "Stores features with labels and names in HDF5", "Convoy");
  gst_element_class_add_static_pad_template (element, &sink_template);
  base->start = GST_DEBUG_FUNCPTR (start);
  base->stop = GST_DEBUG_FUNCPTR (stop);
  base->set_caps = GST_DEBUG_FUNCPTR (set_caps);
  base->render = GST_DEBUG_FUNCPTR (render);
  base->event = GST_DEBUG_FUNCPTR (event);
  base->query = GST_DEBUG_FUNCPTR (query);
}

static void
gst_cnn_dataset_sink_init (GstCnnDatasetSink *self)
{
  g_mutex_init (&self->lock);
  self->splits = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->stamps = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->stored = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  gst_base_sink_set_sync (GST_BASE_SINK (self), FALSE);
}
