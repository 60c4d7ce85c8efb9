/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnsample.h - how a data set travels: the sample on every buffer, the data set, its phases and
 * the extractor of its features as events. */
#ifndef CNN_SAMPLE_H
#define CNN_SAMPLE_H

#include <gst/gst.h>
#include "core/convoy.h"

G_BEGIN_DECLS

#define CNN_SPLIT_TRAIN "train"
#define CNN_SPLIT_VALIDATION "validation"
#define CNN_SPLIT_TEST "test"

/* --- a sample: the fields of CNN_SAMPLE_META -------------------------- */

/* Strings are borrowed, NULL where not known. */
typedef struct {
  int label;                    /* index of its class; -1: not known */
  const char *class;            /* its name */
  const char *source;           /* "cat/cat.17.jpg", "data_batch_1.bin[17]" */
  const char *split;            /* CNN_SPLIT_... */
  guint epoch;                  /* from 1; 0: not known */
  guint64 number;               /* in its data set, whatever the order of the epoch */
} CnnSample;

/* Writes what s says onto a writable buffer, over what was known of it before. */
void cnn_sample_attach (GstBuffer *buffer, const CnnSample *s);
/* FALSE: the buffer says nothing, s is { -1, NULL... }. Strings live as long as the buffer. */
gboolean cnn_sample_get (GstBuffer *buffer, CnnSample *s);

/* --- events ----------------------------------------------------------- */

/* Each has a maker and a parser, which gives FALSE for any other event (NULL is one) and whose
 * strings live as long as the event. */

/* Sticky, after the segment: what the stream is made of. */
typedef struct {
  const char *location;
  const char *const *classes;   /* names in the order of labels, NULL-terminated; NULL: none */
  guint epochs;                 /* 0: no end */
  guint64 n_train, n_validation;        /* samples of one epoch */
  guint64 seed;
  ConvoyDataset *training;      /* the training samples, to learn a vocabulary from; NULL: none */
} CnnDatasetEvent;

#define CNN_TYPE_DATASET (cnn_dataset_get_type ())
GType cnn_dataset_get_type (void);      /* ConvoyDataset, counted */

GstEvent *cnn_dataset_event_new (const CnnDatasetEvent *d);
/* d->classes is new: g_free() it, not its strings. */
gboolean cnn_dataset_event_parse (GstEvent *event, CnnDatasetEvent *d);

/* At the start of every phase, which ends with the next one or EOS. */
typedef struct {
  guint epoch, epochs;          /* from 1; of how many, 0: no end */
  const char *split;
  guint64 samples;              /* that are to come, some of which may be skipped */
} CnnPhaseEvent;

GstEvent *cnn_phase_event_new (const CnnPhaseEvent *p);
gboolean cnn_phase_event_parse (GstEvent *event, CnnPhaseEvent *p);

/* Sticky: which network, cut where, made the features that follow. */
typedef struct {
  const char *model;            /* path */
  const char *layer, *pooling;
  const char *checksum;         /* SHA-256 of the model file, hexadecimal */
  const char *preprocessing;    /* canonical text */
  const char *request;          /* how the features are made, as cnnknown.h says; NULL: not told */
} CnnExtractorEvent;

GstEvent *cnn_extractor_event_new (const CnnExtractorEvent *x);
gboolean cnn_extractor_event_parse (GstEvent *event, CnnExtractorEvent *x);

/* Sticky, of which there may be several: what a model that learns from this stream has to keep in
 * its metadata to be fed again (vocabulary, length). what tells them apart; pairs are key, value,
 * key, value, NULL. */
GstEvent *cnn_metadata_event_new (const char *what, const char *const *pairs);
/* Adds them to props, char * to char *. FALSE: it is another event. */
gboolean cnn_metadata_event_parse (GstEvent *event, GHashTable *props);

/* --- messages --------------------------------------------------------- */

/* Says what was skipped: a warning and the element message cnn-skipped (file, number, reason). */
void cnn_skipped_post (GstElement *element, const char *file, guint number, const char *reason);

/* out is what became of the sample in: it gets its times, flags and custom metadata. */
void cnn_sample_follow (GstBuffer *out, GstBuffer *in);

G_END_DECLS
#endif
