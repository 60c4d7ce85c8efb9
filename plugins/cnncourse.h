/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnncourse.h - the course that a data set takes as a stream: epochs, each with its phases. */
#ifndef CNN_COURSE_H
#define CNN_COURSE_H

#include "plugins/cnnenums.h"
#include "core/convoy.h"

G_BEGIN_DECLS

typedef struct {
  char *location, *validation_location, *format;        /* NULL: not given */
  char *classes;                /* names with commas between */
  char *label, *text, *columns, *missing, *split_column, *header, *learnt;      /* of tables, as in ConvoyDatasetOptions; columns with commas between */
  CnnSplit split;
  double validation_split;      /* this part of the training samples validates; 0: none */
  guint64 seed;
  gboolean shuffle;
  guint epochs;                 /* 0: no end */
} CnnCourseOptions;

void cnn_course_options_copy (CnnCourseOptions *to, const CnnCourseOptions *from);     /* to is cleared before */
void cnn_course_options_clear (CnnCourseOptions *o);

typedef struct {
  const char *split;            /* CNN_SPLIT_... */
  ConvoyDataset *d;             /* owned by the course */
} CnnPhase;

typedef struct {
  CnnPhase phases[2];           /* of every epoch, in this order */
  guint n_phases;
  ConvoyDataset *train;         /* what vocabularies and statistics are learnt on; NULL: there is none */
  GPtrArray *skipped;           /* char *, pairs of file and reason */
} CnnCourse;

/* Opens what o asks for: the training part, and where it validates the folder or file for that, a
 * part drawn from the training part, or the data set's own. All have the classes of the training part. */
CnnCourse *cnn_course_open (const CnnCourseOptions *o, GError **error);
void cnn_course_free (CnnCourse *c);

guint64 cnn_course_length (const CnnCourse *c);         /* samples of an epoch */
const ConvoyDatasetInfo *cnn_course_info (const CnnCourse *c);

/* A place in the course; sample counts within the phase, in the order of the epoch. */
typedef struct {
  guint epoch;                  /* from 1 */
  guint phase;
  gsize sample;
} CnnPlace;

/* Sample number i of the whole course, from 0. */
CnnPlace cnn_course_place (const CnnCourse *c, guint64 i);
guint64 cnn_course_number (const CnnCourse *c, const CnnPlace *place);

G_END_DECLS
#endif
