/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnsample.c - see cnnsample.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "plugins/cnnsample.h"
#include "plugins/cnnmeta.h"

#define DATASET_EVENT "cnn-dataset"
#define PHASE_EVENT "cnn-phase"
#define EXTRACTOR_EVENT "cnn-extractor"
#define METADATA_EVENT "cnn-metadata-"

typedef ConvoyDataset GstCnnDataset;

static guint
get_uint (const GstStructure *s, const char *field)
{
  guint v = 0;
  gst_structure_get_uint (s, field, &v);
  return v;
}

static guint64
get_uint64 (const GstStructure *s, const char *field)
{
  guint64 v = 0;
  gst_structure_get_uint64 (s, field, &v);
  return v;
}

/* --- a sample --------------------------------------------------------- */

void
cnn_sample_attach (GstBuffer *buffer, const CnnSample *s)
{
  GstCustomMeta *meta = gst_buffer_get_custom_meta (buffer, CNN_SAMPLE_META);
  const struct { const char *field, *value; } strings[] = { { "class", s->class }, { "source", s->source }, { "split", s->split } };

  if (!meta)
    meta = gst_buffer_add_custom_meta (buffer, CNN_SAMPLE_META);
  GstStructure *fields = gst_custom_meta_get_structure (meta);
  gst_structure_set (fields, "label", G_TYPE_INT, s->label, "epoch", G_TYPE_UINT, s->epoch, "number", G_TYPE_UINT64, s->number, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (strings); i++)
    if (strings[i].value)
      gst_structure_set (fields, strings[i].field, G_TYPE_STRING, strings[i].value, NULL);
    else
      gst_structure_remove_field (fields, strings[i].field);
}

gboolean
cnn_sample_get (GstBuffer *buffer, CnnSample *s)
{
  GstCustomMeta *meta = gst_buffer_get_custom_meta (buffer, CNN_SAMPLE_META);

  *s = (CnnSample) { .label = -1 };
  if (!meta)
    return FALSE;
  const GstStructure *fields = gst_custom_meta_get_structure (meta);
  gst_structure_get_int (fields, "label", &s->label);
  s->class = gst_structure_get_string (fields, "class");
  s->source = gst_structure_get_string (fields, "source");
  s->split = gst_structure_get_string (fields, "split");
  s->epoch = get_uint (fields, "epoch");
  s->number = get_uint64 (fields, "number");
  return TRUE;
}

/* --- events ----------------------------------------------------------- */

/* NULL: the event is no custom one of that name. */
static const GstStructure *
fields_of (GstEvent *event, const char *name)
{
  return event && gst_event_has_name (event, name) ? gst_event_get_structure (event) : NULL;
}

/* Counted, so that an event keeps it. */
G_DEFINE_BOXED_TYPE (GstCnnDataset, cnn_dataset, convoy_dataset_ref, convoy_dataset_unref)

GstEvent *
cnn_dataset_event_new (const CnnDatasetEvent *d)
{
  GstStructure *s = gst_structure_new (DATASET_EVENT, "location", G_TYPE_STRING, d->location, "epochs", G_TYPE_UINT, d->epochs,
      "samples-train", G_TYPE_UINT64, d->n_train, "samples-validation", G_TYPE_UINT64, d->n_validation, "seed", G_TYPE_UINT64, d->seed, NULL);
  GValue classes = G_VALUE_INIT;

  if (d->training)
    gst_structure_set (s, "training", CNN_TYPE_DATASET, d->training, NULL);
  if (d->classes) {
    gst_value_array_init (&classes, 0);
    for (guint i = 0; d->classes[i]; i++) {
      GValue v = G_VALUE_INIT;
      g_value_init (&v, G_TYPE_STRING);
      g_value_set_string (&v, d->classes[i]);
      gst_value_array_append_and_take_value (&classes, &v);
    }
    gst_structure_take_value (s, "classes", &classes);
  }
  return gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM_STICKY, s);
}

gboolean
cnn_dataset_event_parse (GstEvent *event, CnnDatasetEvent *d)
{
  const GstStructure *s = fields_of (event, DATASET_EVENT);
  if (!s)
    return FALSE;
  const GValue *names = gst_structure_get_value (s, "classes");
  const char **classes = NULL;
  if (names && GST_VALUE_HOLDS_ARRAY (names)) {
    guint n = gst_value_array_get_size (names);
    classes = g_new0 (const char *, n + 1);
    for (guint i = 0; i < n; i++)
      classes[i] = g_value_get_string (gst_value_array_get_value (names, i));
  }
  const GValue *training = gst_structure_get_value (s, "training");
  *d = (CnnDatasetEvent) { gst_structure_get_string (s, "location"), classes, get_uint (s, "epochs"),
    get_uint64 (s, "samples-train"), get_uint64 (s, "samples-validation"), get_uint64 (s, "seed"), training ? g_value_get_boxed (training) : NULL };
  return TRUE;
}

GstEvent *
cnn_phase_event_new (const CnnPhaseEvent *p)
{
  return gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM, gst_structure_new (PHASE_EVENT, "epoch", G_TYPE_UINT, p->epoch,
          "epochs", G_TYPE_UINT, p->epochs, "split", G_TYPE_STRING, p->split, "samples", G_TYPE_UINT64, p->samples, NULL));
}

gboolean
cnn_phase_event_parse (GstEvent *event, CnnPhaseEvent *p)
{
  const GstStructure *s = fields_of (event, PHASE_EVENT);
  if (!s)
    return FALSE;
  *p = (CnnPhaseEvent) { get_uint (s, "epoch"), get_uint (s, "epochs"), gst_structure_get_string (s, "split"), get_uint64 (s, "samples") };
  return TRUE;
}

GstEvent *
cnn_extractor_event_new (const CnnExtractorEvent *x)
{
  return gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM_STICKY, gst_structure_new (EXTRACTOR_EVENT, "model", G_TYPE_STRING, x->model,
          "layer", G_TYPE_STRING, x->layer, "pooling", G_TYPE_STRING, x->pooling, "checksum", G_TYPE_STRING, x->checksum,
          "preprocessing", G_TYPE_STRING, x->preprocessing, "request", G_TYPE_STRING, x->request, NULL));
}

gboolean
cnn_extractor_event_parse (GstEvent *event, CnnExtractorEvent *x)
{
  const GstStructure *s = fields_of (event, EXTRACTOR_EVENT);
  if (!s)
    return FALSE;
  *x = (CnnExtractorEvent) { gst_structure_get_string (s, "model"), gst_structure_get_string (s, "layer"),
    gst_structure_get_string (s, "pooling"), gst_structure_get_string (s, "checksum"), gst_structure_get_string (s, "preprocessing"),
    gst_structure_get_string (s, "request") };
  return TRUE;
}

GstEvent *
cnn_metadata_event_new (const char *what, const char *const *pairs)
{
  g_autofree char *name = g_strconcat (METADATA_EVENT, what, NULL);
  GstStructure *s = gst_structure_new_empty (name);
  for (; pairs[0]; pairs += 2)
    gst_structure_set (s, pairs[0], G_TYPE_STRING, pairs[1], NULL);
  return gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM_STICKY, s);
}

gboolean
cnn_metadata_event_parse (GstEvent *event, GHashTable *props)
{
  const GstStructure *s = event && GST_EVENT_TYPE (event) == GST_EVENT_CUSTOM_DOWNSTREAM_STICKY ? gst_event_get_structure (event) : NULL;
  if (!s || !g_str_has_prefix (gst_structure_get_name (s), METADATA_EVENT))
    return FALSE;
  for (int i = 0; i < gst_structure_n_fields (s); i++) {
    const char *key = gst_structure_nth_field_name (s, (guint) i);
    g_hash_table_insert (props, g_strdup (key), g_strdup (gst_structure_get_string (s, key)));
  }
  return TRUE;
}

/* --- messages --------------------------------------------------------- */

void
cnn_skipped_post (GstElement *element, const char *file, guint number, const char *reason)
{
  GST_ELEMENT_WARNING (element, STREAM, DECODE, ("%s: %s; skipped", file, reason), (NULL));
  gst_element_post_message (element, gst_message_new_element (GST_OBJECT (element),
          gst_structure_new ("cnn-skipped", "file", G_TYPE_STRING, file, "number", G_TYPE_UINT, number, "reason", G_TYPE_STRING, reason, NULL)));
}

/* Custom metadata say what a sample is; others describe the frame that it was. */
static gboolean
copy_custom (GstBuffer *from, GstMeta **meta, gpointer to)
{
  GstMetaTransformCopy all = { FALSE, 0, G_MAXSIZE };
  if (gst_meta_info_is_custom ((*meta)->info) && (*meta)->info->transform_func)
    (*meta)->info->transform_func (to, *meta, from, _gst_meta_transform_copy, &all);
  return TRUE;
}

void
cnn_sample_follow (GstBuffer *out, GstBuffer *in)
{
  gst_buffer_copy_into (out, in, GST_BUFFER_COPY_TIMESTAMPS | GST_BUFFER_COPY_FLAGS, 0, -1);
  gst_buffer_foreach_meta (in, copy_custom, out);
}
