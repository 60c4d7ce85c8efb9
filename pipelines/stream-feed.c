/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * stream-feed.c - files of pictures or texts, or their lines, as the buffers of an appsrc. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "core/convoy.h"
#include "pipelines/command.h"
#include "pipelines/lines.h"
#include "pipelines/stream.h"
#include <string.h>

struct StreamFeed {
  const Stream *s;
  guint next;                   /* file to send; the source's thread, like lines */
  Lines *lines;                 /* of the file before it, which is not at its end; NULL: none */
  GMutex lock;
  GArray *sent;                 /* StreamPlace of each that was sent; lock */
};

/* The whole of a file; mapped, so that it is read while it is decoded, where it is no pipe. */
static GstBuffer *
read_file (const char *path, GError **error)
{
  if (g_file_test (path, G_FILE_TEST_IS_DIR)) {
    g_set_error_literal (error, G_FILE_ERROR, G_FILE_ERROR_ISDIR, "is a folder");
    return NULL;
  }
  if (!g_file_test (path, G_FILE_TEST_IS_REGULAR) && g_file_test (path, G_FILE_TEST_EXISTS)) {
    char *data;
    gsize size;
    return g_file_get_contents (path, &data, &size, error) ? gst_buffer_new_wrapped (data, size) : NULL;
  }
  GMappedFile *map = g_mapped_file_new (path, FALSE, error);
  if (!map)
    return NULL;
  gsize n = g_mapped_file_get_length (map);
  if (n == 0) {
    g_mapped_file_unref (map);
    g_set_error_literal (error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "is empty");
    return NULL;
  }
  return gst_buffer_new_wrapped_full (GST_MEMORY_FLAG_READONLY, g_mapped_file_get_contents (map), n, 0, n, map,
      (GDestroyNotify) g_mapped_file_unref);
}

/* Makes the file's name known to the elements. */
static void
name_buffer (GstBuffer *buffer, const char *name)
{
  GstCustomMeta *meta = gst_meta_get_info ("GstCnnSampleMeta") ? gst_buffer_add_custom_meta (buffer, "GstCnnSampleMeta") : NULL;
  if (meta)
    gst_structure_set (gst_custom_meta_get_structure (meta), "source", G_TYPE_STRING, name, NULL);
}

/* Takes e over. */
static void
say_unreadable (GstElement *src, const StreamFeed *f, StreamPlace at, GError *e)
{
  const char *why = strrchr (e->message, ':');  /* GLib puts the name before it */
  g_autofree char *name = g_filename_display_name (f->s->files[at.file]);
  gst_element_post_message (src, gst_message_new_element (GST_OBJECT (src), gst_structure_new ("file-unreadable",
              "index", G_TYPE_UINT, at.file, "line", G_TYPE_UINT, at.line, "file", G_TYPE_STRING, name,
              "reason", G_TYPE_STRING, why ? why + 2 : e->message, NULL)));
  g_error_free (e);
}

/* The next line of the file that is open; NULL: it is at its end, or e says what is wrong with the line. */
static GstBuffer *
next_line (StreamFeed *f, StreamPlace *at, GError **e)
{
  GBytes *bytes = lines_next (f->lines, &at->line, e);
  if (!bytes && !(e && g_error_matches (*e, CONVOY_ERROR, CONVOY_ERROR_INVALID)))
    g_clear_pointer (&f->lines, lines_close);
  GstBuffer *buffer = bytes && g_bytes_get_size (bytes) > 0 ? gst_buffer_new_wrapped_bytes (bytes) : bytes ? gst_buffer_new () : NULL;
  g_bytes_unref (bytes);
  return buffer;
}

/* The next of all; NULL and no e: a file is at its end, or begins. */
static GstBuffer *
next (StreamFeed *f, StreamPlace *at, GError **e)
{
  const Stream *s = f->s;
  *at = (StreamPlace) { f->next - (f->lines != NULL), 0 };
  if (f->lines)
    return next_line (f, at, e);
  f->next++;
  if (!s->texts || !(s->lines || strcmp (s->files[at->file], LINES_STDIN) == 0))
    return read_file (strcmp (s->files[at->file], LINES_STDIN) == 0 ? "/dev/stdin" : s->files[at->file], e);
  f->lines = lines_open (s->files[at->file], e);
  return NULL;
}

static void
on_need_data (GstElement *src, guint size, StreamFeed *f)
{
  GstFlowReturn ret = GST_FLOW_OK;
  (void) size;

  while ((f->lines || f->next < f->s->n_files) && !command_interrupted ()) {
    GError *e = NULL;
    StreamPlace at;
    GstBuffer *buffer = next (f, &at, &e);
    if (e)
      say_unreadable (src, f, at, e);
    if (!buffer)
      continue;
    g_autofree char *name = g_filename_display_name (f->s->files[at.file]);
    name_buffer (buffer, name);
    g_mutex_lock (&f->lock);
    GST_BUFFER_PTS (buffer) = f->sent->len * GST_SECOND;
    g_array_append_val (f->sent, at);
    g_mutex_unlock (&f->lock);
    g_signal_emit_by_name (src, "push-buffer", buffer, &ret);
    gst_buffer_unref (buffer);
    return;
  }
  g_signal_emit_by_name (src, "end-of-stream", &ret);
}

StreamFeed *
stream_feed_new (GstElement *appsrc, const Stream *s)
{
  StreamFeed *f = g_new0 (StreamFeed, 1);
  g_autoptr (GstCaps) caps = gst_caps_from_string (s->texts ? "text/x-raw, format=utf8" : "image/jpeg");  /* or PNG: cnnimagedec looks */

  f->s = s;
  f->sent = g_array_new (FALSE, FALSE, sizeof (StreamPlace));
  g_mutex_init (&f->lock);
  g_object_set (appsrc, "caps", caps, "format", GST_FORMAT_TIME, NULL);
  g_signal_connect (appsrc, "need-data", G_CALLBACK (on_need_data), f);
  return f;
}

void
stream_feed_free (StreamFeed *f)
{
  if (!f)
    return;
  lines_close (f->lines);
  g_array_unref (f->sent);
  g_mutex_clear (&f->lock);
  g_free (f);
}

StreamPlace
stream_feed_place (StreamFeed *f, guint nth)
{
  StreamPlace place = { 0, 0 };
  g_mutex_lock (&f->lock);
  if (nth < f->sent->len)
    place = g_array_index (f->sent, StreamPlace, nth);
  g_mutex_unlock (&f->lock);
  return place;
}
