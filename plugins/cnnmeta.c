/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnmeta.c - see cnnmeta.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "plugins/cnnmeta.h"
#include <string.h>
#ifdef HAVE_GST_ANALYTICS
#include <gst/analytics/analytics.h>
#endif

static void
copy_fields (GstStructure *to, const GstStructure *from)
{
  for (int i = 0; i < gst_structure_n_fields (from); i++) {
    const char *name = gst_structure_nth_field_name (from, (guint) i);
    gst_structure_set_value (to, name, gst_structure_get_value (from, name));
  }
}

/* Neither a picture's size nor its format changes what it shows, so the metadata go along with
 * every kind of copy and conversion. */
static gboolean
keep (GstBuffer *to, GstCustomMeta *meta, GstBuffer *from, GQuark type, gpointer data, gpointer user)
{
  const GstStructure *s = gst_custom_meta_get_structure (meta);
  (void) from, (void) type, (void) data, (void) user;
  GstCustomMeta *copy = gst_buffer_add_custom_meta (to, gst_structure_get_name (s));
  if (!copy)
    return FALSE;
  copy_fields (gst_custom_meta_get_structure (copy), s);
  return TRUE;
}

void
cnn_meta_register (void)
{
  const char *no_tags[] = { NULL };
  gst_meta_register_custom (CNN_RESULT_META, no_tags, keep, NULL, NULL);
  gst_meta_register_custom (CNN_SAMPLE_META, no_tags, keep, NULL, NULL);
}

/* --- result ----------------------------------------------------------- */

static void
append (GValue *labels, GValue *indices, GValue *scores, const char *label, const ConvoyTop *top)
{
  GValue v = G_VALUE_INIT;
  g_value_init (&v, G_TYPE_STRING);
  g_value_set_string (&v, label);
  gst_value_array_append_and_take_value (labels, &v);
  v = (GValue) G_VALUE_INIT;
  g_value_init (&v, G_TYPE_INT);
  g_value_set_int (&v, (int) top->index);
  gst_value_array_append_and_take_value (indices, &v);
  v = (GValue) G_VALUE_INIT;
  g_value_init (&v, G_TYPE_DOUBLE);
  g_value_set_double (&v, top->score);
  gst_value_array_append_and_take_value (scores, &v);
}

GstStructure *
cnn_result_new (const ConvoyModelInfo *info, const ConvoyTop *top, guint n, double threshold, GstClockTime pts)
{
  GValue labels = G_VALUE_INIT, indices = G_VALUE_INIT, scores = G_VALUE_INIT;
  GstStructure *s = gst_structure_new (CNN_RESULT_META, "pts", G_TYPE_UINT64, pts, "label", G_TYPE_STRING, "", NULL);

  gst_value_array_init (&labels, n);
  gst_value_array_init (&indices, n);
  gst_value_array_init (&scores, n);
  for (guint i = 0; i < n && top[i].score >= threshold; i++) {
    char number[16];
    g_snprintf (number, sizeof number, "%u", top[i].index);
    const char *label = info->labels ? info->labels[top[i].index] : number;
    append (&labels, &indices, &scores, label, &top[i]);
    if (i == 0)
      gst_structure_set (s, "label", G_TYPE_STRING, label, NULL);
  }
  gst_structure_take_value (s, "labels", &labels);
  gst_structure_take_value (s, "indices", &indices);
  gst_structure_take_value (s, "scores", &scores);
  return s;
}

const char *
cnn_result_label (const GstStructure *result, guint i, double *score)
{
  const GValue *labels = gst_structure_get_value (result, "labels"), *scores = gst_structure_get_value (result, "scores");
  if (!labels || !scores || i >= gst_value_array_get_size (labels) || i >= gst_value_array_get_size (scores))
    return NULL;
  *score = g_value_get_double (gst_value_array_get_value (scores, i));
  return g_value_get_string (gst_value_array_get_value (labels, i));
}

#ifdef HAVE_GST_ANALYTICS
static void
attach_analytics (GstBuffer *buffer, const GstStructure *result)
{
  guint n = gst_value_array_get_size (gst_structure_get_value (result, "labels"));
  g_autofree gfloat *levels = g_new (gfloat, n);
  g_autofree GQuark *classes = g_new (GQuark, n);
  GstAnalyticsClsMtd class;

  for (guint i = 0; i < n; i++) {
    double score = 0;
    classes[i] = g_quark_from_string (cnn_result_label (result, i, &score));
    levels[i] = (gfloat) score;
  }
  GstAnalyticsRelationMeta *meta = gst_buffer_get_analytics_relation_meta (buffer);
  if (!meta)
    meta = gst_buffer_add_analytics_relation_meta (buffer);
  if (n > 0)
    gst_analytics_relation_meta_add_cls_mtd (meta, n, levels, classes, &class);
}
#endif

void
cnn_result_attach (GstBuffer *buffer, const GstStructure *result)
{
  GstCustomMeta *meta = gst_buffer_add_custom_meta (buffer, CNN_RESULT_META);
  copy_fields (gst_custom_meta_get_structure (meta), result);
#ifdef HAVE_GST_ANALYTICS
  attach_analytics (buffer, result);
#endif
}

const GstStructure *
cnn_result_get (GstBuffer *buffer)
{
  GstCustomMeta *meta = gst_buffer_get_custom_meta (buffer, CNN_RESULT_META);
  return meta ? gst_custom_meta_get_structure (meta) : NULL;
}

/* --- source ----------------------------------------------------------- */

void
cnn_source_clear (CnnSource *s)
{
  g_free (s->location);
  *s = (CnnSource) { NULL, FALSE, FALSE };
}

static void
set_location (CnnSource *s, const char *uri)
{
  static const char *const rows[] = { "multifle:", "multifile:", "imagesequence:" };    /* the first is no slip of ours */

  g_clear_pointer (&s->location, g_free);
  s->pattern = FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    if (g_str_has_prefix (uri, rows[i])) {
      s->pattern = TRUE;
      s->location = g_uri_unescape_string (uri + strlen (rows[i]), NULL);
    }
  if (!s->pattern && gst_uri_has_protocol (uri, "file"))
    s->location = gst_uri_get_location (uri);
  if (!s->location)
    s->location = g_strdup (uri);
}

void
cnn_source_event (CnnSource *s, GstEvent *event)
{
  GstTagList *tags;
  char *location;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_STREAM_START:
      cnn_source_clear (s);
      break;
    case GST_EVENT_TAG:
      gst_event_parse_tag (event, &tags);
      if (gst_tag_list_get_string (tags, GST_TAG_LOCATION, &location)) {
        set_location (s, location);
        s->asked = TRUE;
        g_free (location);
      }
      break;
    default:
      break;
  }
}

const char *
cnn_source_location (CnnSource *s, GstPad *pad)
{
  if (!s->asked) {
    GstQuery *query = gst_query_new_uri ();
    char *uri = NULL;
    if (gst_pad_peer_query (pad, query))
      gst_query_parse_uri (query, &uri);
    if (uri)
      set_location (s, uri);
    g_free (uri);
    gst_query_unref (query);
    s->asked = TRUE;
  }
  return s->location;
}

char *
cnn_source_name (CnnSource *s, GstPad *pad, GstBuffer *buffer)
{
  GstCustomMeta *meta = gst_buffer_get_custom_meta (buffer, CNN_SAMPLE_META);
  const char *name = meta ? gst_structure_get_string (gst_custom_meta_get_structure (meta), "source") : NULL;
  if (name)
    return g_strdup (name);
  name = cnn_source_location (s, pad);
  return s->pattern ? NULL : g_strdup (name);
}
