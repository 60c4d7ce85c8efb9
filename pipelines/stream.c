/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * stream.c - see stream.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "pipelines/stream.h"
#include "pipelines/command.h"
#include "core/convoy.h"
#include <string.h>

#define ROWS 64                         /* of a table that a network takes at a time */
#define POLL (100 * GST_MSECOND)        /* how long Ctrl-C may wait */

/* --- what comes of them ----------------------------------------------- */

const char *
stream_label (const GstStructure *result, guint i, int *index, double *score)
{
  const GValue *labels = gst_structure_get_value (result, "labels"), *scores = gst_structure_get_value (result, "scores");
  const GValue *indices = gst_structure_get_value (result, "indices");

  if (!labels || !scores || !indices || i >= gst_value_array_get_size (labels))
    return NULL;
  *score = g_value_get_double (gst_value_array_get_value (scores, i));
  *index = g_value_get_int (gst_value_array_get_value (indices, i));
  return g_value_get_string (gst_value_array_get_value (labels, i));
}

GError *
stream_error (GstMessage *message)
{
  g_autofree char *debug = NULL;
  GError *e = NULL;

  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
    gst_message_parse_error (message, &e, &debug);
  else
    gst_message_parse_warning (message, &e, &debug);
  /* GStreamer's own elements say the kind of error alone; which file it was is below the place in the source. */
  const char *detail = debug ? strrchr (debug, '\n') : NULL;
  if (detail && detail[1]) {
    g_autofree char *text = g_steal_pointer (&e->message);
    gsize n = strlen (text) - g_str_has_suffix (text, ".");
    e->message = g_strdup_printf ("%.*s: %s", (int) n, text, detail + 1);
  }
  return e;
}

/* feed NULL: a table of its own pipeline, where the row is named "rows.csv:3". */
static StreamPlace
place_of (const Stream *s, StreamFeed *feed, guint nth, const char *name)
{
  const char *colon = name ? strrchr (name, ':') : NULL;
  guint64 line = 0;
  if (feed)
    return stream_feed_place (feed, nth);
  if (colon)
    g_ascii_string_to_unsigned (colon + 1, 10, 0, G_MAXUINT, &line, NULL);
  return (StreamPlace) { s->table, (guint) line };
}

static void
on_element_message (const Stream *s, StreamFeed *feed, const GstStructure *m)
{
  const char *reason = gst_structure_get_string (m, "reason");
  StreamPlace place;
  guint64 pts;
  guint n;

  if (gst_structure_has_name (m, "cnn-classification") && s->result && gst_structure_get_uint64 (m, "pts", &pts)) {
    place = place_of (s, feed, (guint) (pts / GST_SECOND), gst_structure_get_string (m, "source"));
    s->result (s->user, place.file, place.line, m);
  } else if (gst_structure_has_name (m, "file-unreadable")
      && gst_structure_get (m, "index", G_TYPE_UINT, &place.file, "line", G_TYPE_UINT, &place.line, NULL)) {
    s->skipped (s->user, place.file, place.line, reason);
  } else if (gst_structure_has_name (m, "cnn-skipped") && gst_structure_get_uint (m, "number", &n)) {
    place = place_of (s, feed, n, gst_structure_get_string (m, "file"));
    s->skipped (s->user, place.file, place.line, reason);
  }
}

/* Until the end, an error or Ctrl-C. */
static gboolean
watch (const Stream *s, GstElement *pipeline, StreamFeed *feed, GError **error)
{
  const GstMessageType wanted = GST_MESSAGE_ELEMENT | GST_MESSAGE_ERROR | GST_MESSAGE_EOS;
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  gboolean is_over = FALSE;
  GError *e = NULL;

  while (!is_over && !e) {
    GstMessage *m = gst_bus_timed_pop_filtered (bus, POLL, wanted);
    if (command_interrupted ())
      e = g_error_new_literal (CONVOY_ERROR, CONVOY_ERROR_CANCELLED, "interrupted");
    else if (m && GST_MESSAGE_TYPE (m) == GST_MESSAGE_ERROR)
      e = stream_error (m);
    else if (m && GST_MESSAGE_TYPE (m) == GST_MESSAGE_ELEMENT)
      on_element_message (s, feed, gst_message_get_structure (m));
    else if (m)
      is_over = TRUE;
    if (m)
      gst_message_unref (m);
  }
  if (e)
    g_propagate_error (error, e);
  return is_over;
}

/* sample, when not NULL, receives the last one that came to the element sink (NULL: none did). */
static gboolean
run (const Stream *s, GstElement *pipeline, GstSample **sample, GError **error)
{
  g_autoptr (GstElement) src = gst_bin_get_by_name (GST_BIN (pipeline), "files");
  StreamFeed *feed = s->tables ? NULL : stream_feed_new (src, s);

  gst_element_set_state (pipeline, GST_STATE_PLAYING);  /* what fails comes as a message */
  gboolean ok = watch (s, pipeline, feed, error);
  if (sample) {
    g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
    g_object_get (sink, "last-sample", sample, NULL);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  stream_feed_free (feed);
  return ok;
}

/* What is wrong with a file may begin with its name, and then with a line. */
static void
skip_table (const Stream *s, guint file, const char *why)
{
  gsize n = strlen (s->files[file]);
  guint64 line = 0;
  char *end;
  if (g_str_has_prefix (why, s->files[file]) && why[n] == ':') {
    why += n + 1;
    line = g_ascii_strtoull (why, &end, 10);
    if (end != why && *end == ':')
      why = end + 1;
    else
      line = 0;
    why += strspn (why, " ");
  }
  s->skipped (s->user, file, (guint) line, why);
}

/* Each table through a pipeline of its own; one that cannot be read is told, and the next one follows. */
static gboolean
classify_tables (const Stream *s, GError **error)
{
  for (guint i = 0; i < s->n_files; i++) {
    GError *why = NULL;
    Stream one = *s;
    one.table = i;
    g_autoptr (GstElement) pipeline = gst_parse_launch (
        "cnndatasetsrc name=files split=all epochs=1 shuffle=false ! cnnclassify name=classify ! fakesink sync=false", error);
    if (!pipeline)
      return FALSE;
    g_autoptr (GstElement) rows = gst_bin_get_by_name (GST_BIN (pipeline), "files"), classify = gst_bin_get_by_name (GST_BIN (pipeline), "classify");
    g_object_set (rows, "location", s->files[i], "format", "table", "model", s->text_column ? NULL : s->model, "text-column",
        s->text_column, "label-column", s->label_column, NULL);
    g_object_set (classify, "model", s->model, "labels", s->labels, "top-k", s->top_k, "threshold", s->threshold, "batch-size", ROWS, NULL);
    if (run (&one, pipeline, NULL, &why))
      continue;
    if (g_error_matches (why, CONVOY_ERROR, CONVOY_ERROR_CANCELLED)) {
      g_propagate_error (error, why);
      return FALSE;
    }
    skip_table (s, i, why->message);
    g_error_free (why);
  }
  return TRUE;
}

gboolean
stream_classify (const Stream *s, GError **error)
{
  if (s->tables)
    return classify_tables (s, error);
  g_autoptr (GstElement) pipeline = gst_parse_launch (s->texts ? "appsrc name=files ! cnnclassify name=classify ! fakesink sync=false"
      : "appsrc name=files ! cnnimagedec name=decode resize=cover ! cnnclassify name=classify ! fakesink sync=false", error);
  if (!pipeline)
    return FALSE;
  g_autoptr (GstElement) classify = gst_bin_get_by_name (GST_BIN (pipeline), "classify");

  g_object_set (classify, "model", s->model, "labels", s->labels, "top-k", s->top_k, "threshold", s->threshold,
      "workers", s->workers, "resize-short", s->resize_short, NULL);
  g_autoptr (GstElement) decode = gst_bin_get_by_name (GST_BIN (pipeline), "decode");
  if (decode)
    g_object_set (decode, "workers", s->workers, NULL);
  if (s->resize)
    gst_util_set_object_arg (G_OBJECT (classify), "resize", s->resize);
  return run (s, pipeline, NULL, error);
}

/* --- one picture ------------------------------------------------------- */

static void
keep_reason (void *user, guint file, guint line, const char *reason)
{
  (void) file, (void) line;
  g_set_error_literal (user, CONVOY_ERROR, CONVOY_ERROR_INVALID, reason);
}

GstSample *
stream_picture (const char *file, GError **error)
{
  GError *why = NULL;
  Stream s = { .files = &file, .n_files = 1, .skipped = keep_reason, .user = &why };
  g_autoptr (GstElement) pipeline = gst_parse_launch ("appsrc name=files ! cnnimagedec ! fakesink name=sink sync=false", error);
  GstSample *sample = NULL;

  if (!pipeline || !run (&s, pipeline, &sample, error))
    return NULL;
  if (!sample && !why)
    g_set_error_literal (&why, CONVOY_ERROR, CONVOY_ERROR_INVALID, "no picture came of it");
  if (why) {
    g_clear_pointer (&sample, gst_sample_unref);
    g_propagate_prefixed_error (error, why, "%s: ", file);
  }
  return sample;
}

gboolean
stream_picture_size (const char *file, guint *width, guint *height, GError **error)
{
  g_autoptr (GstSample) sample = stream_picture (file, error);
  int w = 0, h = 0;

  if (!sample)
    return FALSE;
  gst_structure_get_int (gst_caps_get_structure (gst_sample_get_caps (sample), 0), "width", &w);
  gst_structure_get_int (gst_caps_get_structure (gst_sample_get_caps (sample), 0), "height", &h);
  *width = (guint) w;
  *height = (guint) h;
  return TRUE;
}
