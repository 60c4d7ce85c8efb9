/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnmeta.h - what travels with a picture: which sample it is, and what a network made of it. */
#ifndef CNN_META_H
#define CNN_META_H

#include <gst/gst.h>
#include "core/convoy.h"

G_BEGIN_DECLS

/* The result of classifying a picture: label (string; empty: nothing above the threshold), labels
 * (array of string), indices (array of int), scores (array of double), best first, and pts
 * (uint64) of the picture that was classified, which with interval= is an earlier one. */
#define CNN_RESULT_META "GstCnnClassificationMeta"

/* Which sample a buffer is: label (int), class, source, split (strings), epoch (uint) and number
 * (uint64), each of which may be missing; cnnsample.h writes and reads them. */
#define CNN_SAMPLE_META "GstCnnSampleMeta"

/* Registers both; once, before any of the functions below. */
void cnn_meta_register (void);

/* A result named CNN_RESULT_META; only scores of at least threshold enter. */
GstStructure *cnn_result_new (const ConvoyModelInfo *info, const ConvoyTop *top, guint n, double threshold, GstClockTime pts);

/* Puts a copy of result on a writable buffer, as custom and, where there is such, as GstAnalytics metadata. */
void cnn_result_attach (GstBuffer *buffer, const GstStructure *result);

/* Borrowed from the buffer; NULL: none. */
const GstStructure *cnn_result_get (GstBuffer *buffer);

/* Number i of a result's labels with its score; NULL: there are no so many. */
const char *cnn_result_label (const GstStructure *result, guint i, double *score);

/* --- where a buffer came from --- */

typedef struct {
  char *location;               /* from tags or an URI query; NULL: not known */
  gboolean pattern;             /* location names a row of files */
  gboolean asked;               /* the URI query was made */
} CnnSource;

void cnn_source_clear (CnnSource *s);
/* A new stream starts or its tags come by. */
void cnn_source_event (CnnSource *s, GstEvent *event);
/* What upstream of the pad says; asks once a stream. Borrowed; NULL: nothing. */
const char *cnn_source_location (CnnSource *s, GstPad *pad);
/* The file of the buffer: its CNN_SAMPLE_META, else location; NULL: not known, or one of a row of files. */
char *cnn_source_name (CnnSource *s, GstPad *pad, GstBuffer *buffer);

G_END_DECLS
#endif
