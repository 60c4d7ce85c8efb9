/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * stream.h - many picture files through one GStreamer pipeline, and what it finds in each. */
#ifndef CONVOY_STREAM_H
#define CONVOY_STREAM_H

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct {
  const char *const *files;
  guint n_files;
  void (*skipped) (void *user, guint file, const char *reason);
  void *user;

  /* Of stream_classify(). */
  const char *model;            /* a path */
  const char *labels;           /* NULL: as the model says */
  const char *resize;           /* NULL: as the model says */
  guint resize_short;           /* 0: as the model says */
  guint top_k, workers;         /* workers 0: one a processor */
  double threshold;
  void (*result) (void *user, guint file, const GstStructure *result);
} Stream;

/* What a picture shows, in the order of the files. result has the fields label, labels, indices
 * and scores. FALSE: an error that ends it all, or command_interrupted(). */
gboolean stream_classify (const Stream *s, GError **error);

/* The size of a picture as it is. */
gboolean stream_picture_size (const char *file, guint *width, guint *height, GError **error);

/* gst_init(), without looking for plugins that changed as long as ours is known. */
gboolean stream_init (GError **error);

/* Gives the files to an element appsrc, one a buffer; pts is the number of the file in seconds.
 * sent (free it after the pipeline went to NULL) tells which file was the nth that was sent. */
typedef struct StreamFeed StreamFeed;
StreamFeed *stream_feed_new (GstElement *appsrc, const Stream *s);
void stream_feed_free (StreamFeed *f);
guint stream_feed_file (StreamFeed *f, guint nth);

/* Number i of a result; NULL: there are no so many. */
const char *stream_label (const GstStructure *result, guint i, int *index, double *score);

/* What an error or a warning says, in one line with what it was about. */
GError *stream_error (GstMessage *message);

G_END_DECLS
#endif
