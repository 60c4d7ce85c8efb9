/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnncourse.h - the course that a data set takes as a stream: epochs, each with its phases. */
#ifndef CNN_COURSE_H
#define CNN_COURSE_H

#include "plugins/cnnenums.h"
#include "plugins/cnnproperty.h"
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

/* Rows of an element's properties for all of them; at: where in it they are. */
#define CNN_COURSE_ROWS(at) \
  CNN_TEXT_ROW ("location", "Location", "File or folder of the data set", (at) + G_STRUCT_OFFSET (CnnCourseOptions, location), \
      NULL, CNN_READY), \
      CNN_TEXT_ROW ("format", "Format", "Its format, such as folder, cifar or idx (not set: found by looking)", \
          (at) + G_STRUCT_OFFSET (CnnCourseOptions, format), NULL, CNN_READY), \
      CNN_ENUM_ROW ("split", "Split", "Which samples an epoch has", (at) + G_STRUCT_OFFSET (CnnCourseOptions, split), \
          cnn_split_get_type, CNN_SPLITS_ALL, CNN_READY), \
      CNN_TEXT_ROW ("validation-location", "Validation location", \
          "File or folder of the samples to validate on (not set: see validation-split)", \
          (at) + G_STRUCT_OFFSET (CnnCourseOptions, validation_location), NULL, CNN_READY), \
      CNN_DOUBLE_ROW ("validation-split", "Validation split", \
          "Part of the training samples, drawn with seed, to validate on (0: the data set's own, if it has such)", \
          (at) + G_STRUCT_OFFSET (CnnCourseOptions, validation_split), 0.999, CNN_READY), \
      CNN_UINT64_ROW ("seed", "Seed", "What is drawn at random depends on this alone", \
          (at) + G_STRUCT_OFFSET (CnnCourseOptions, seed), G_MAXUINT64, CNN_READY), \
      CNN_BOOLEAN_ROW ("shuffle", "Shuffle", "Training samples come in another order every epoch", \
          (at) + G_STRUCT_OFFSET (CnnCourseOptions, shuffle), TRUE, CNN_READY), \
      CNN_UINT_ROW ("epochs", "Epochs", "How often to go through the data set (0: without end)", \
          (at) + G_STRUCT_OFFSET (CnnCourseOptions, epochs), 0, G_MAXINT, 1, CNN_READY), \
      CNN_TEXT_ROW ("classes", "Classes", \
          "Names of classes with commas between: only these, labelled 0, 1, ... in this order (not set: all, sorted by name)", \
          (at) + G_STRUCT_OFFSET (CnnCourseOptions, classes), NULL, CNN_READY), \
      CNN_TEXT_ROW ("label-column", "Label column", \
          "Name or number (from 1) of the column of the class (not set: one called label, class or target, else the last)", \
          (at) + G_STRUCT_OFFSET (CnnCourseOptions, label), NULL, CNN_READY), \
      CNN_TEXT_ROW ("text-column", "Text column", \
          "Name or number of the column whose texts are the samples (not set: samples are rows of numbers)", \
          (at) + G_STRUCT_OFFSET (CnnCourseOptions, text), NULL, CNN_READY), \
      CNN_TEXT_ROW ("columns", "Columns", \
          "Names or numbers of the columns of numbers and categories, with commas between (not set: all but the label)", \
          (at) + G_STRUCT_OFFSET (CnnCourseOptions, columns), NULL, CNN_READY), \
      CNN_TEXT_ROW ("missing", "Missing", "What a missing value is: error, or mean, with which it is filled", \
          (at) + G_STRUCT_OFFSET (CnnCourseOptions, missing), NULL, CNN_READY), \
      CNN_TEXT_ROW ("split-column", "Split column", \
          "Name or number of the column that says train, validation or test (not set: all rows are for training)", \
          (at) + G_STRUCT_OFFSET (CnnCourseOptions, split_column), NULL, CNN_READY), \
      CNN_TEXT_ROW ("header", "Header", "Whether the first row names the columns: yes, no or auto (not set: auto)", \
          (at) + G_STRUCT_OFFSET (CnnCourseOptions, header), NULL, CNN_READY)

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
