/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * stream.h - many files of pictures or texts through one GStreamer pipeline, and what it finds in each. */
#ifndef CONVOY_STREAM_H
#define CONVOY_STREAM_H

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct {
  const char *const *files;
  guint n_files;
  gboolean texts;               /* they are no pictures; "-" is what comes from standard input, a text a line */
  gboolean tables;              /* they are tables, each row of which is a sample */
  const char *text_column,
      *label_column; /* of tables of texts; NULL: columns are those that the model learnt; as cnndatasetsrc finds it */
  gboolean lines;               /* each line of a file is a text, not all of it */
  void (*skipped) (void *user, guint file, guint line, const char *reason);     /* line from 1; 0: the whole file */
  void *user;

  /* Of stream_classify(). */
  const char *model;            /* a path */
  const char *labels;           /* NULL: as the model says */
  const char *resize;           /* NULL: as the model says */
  guint resize_short;           /* 0: as the model says */
  guint top_k, workers;         /* workers 0: one a processor */
  double threshold;
  guint table;                  /* the file at hand, of tables; for stream.c alone */
  void (*result) (void *user, guint file, guint line, const GstStructure *result);
} Stream;

/* What a picture shows or a text says, in the order of the files. result has the fields label, labels, indices
 * and scores. FALSE: an error that ends it all, or command_interrupted(). */
gboolean stream_classify (const Stream *s, GError **error);

/* A picture as it is, upright, video/x-raw of RGB. gst_sample_unref() it. */
GstSample *stream_picture (const char *file, GError **error);
/* Its size. */
gboolean stream_picture_size (const char *file, guint *width, guint *height, GError **error);

/* gst_init(), without looking for plugins that changed as long as ours is known. */
gboolean stream_init (GError **error);
/* The same for stream_classify() alone, sooner: other elements are not there. */
gboolean stream_init_few (GError **error);

/* Gives the files, or their lines, to an element appsrc, one a buffer; pts counts them, in seconds.
 * It (free it after the pipeline went to NULL) tells where the nth that was sent came from. */
typedef struct StreamFeed StreamFeed;
typedef struct { guint file, line; } StreamPlace;
StreamFeed *stream_feed_new (GstElement *appsrc, const Stream *s);
void stream_feed_free (StreamFeed *f);
StreamPlace stream_feed_place (StreamFeed *f, guint nth);

/* Number i of a result; NULL: there are no so many. */
const char *stream_label (const GstStructure *result, guint i, int *index, double *score);

/* What an error or a warning says, in one line with what it was about. */
GError *stream_error (GstMessage *message);

G_END_DECLS
#endif
