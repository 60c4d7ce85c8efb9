/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnncoursetell.h - what is told downstream of a data set, and what a model tells of one. */
#ifndef CNN_COURSE_TELL_H
#define CNN_COURSE_TELL_H

#include <gst/gst.h>
#include "plugins/cnncourse.h"

G_BEGIN_DECLS

/* Appends the events cnn-dataset, cnn-extractor (of stored features whose network is known) and
 * cnn-metadata-table (of a table that is learnt from). */
void cnn_course_tell (const CnnCourse *c, const CnnCourseOptions *o, GQueue *events);
/* Sets what a model (a path or a zoo name) that learnt a table knows of its columns. */
gboolean cnn_course_options_take_columns (CnnCourseOptions *o, const char *model, GError **error);

G_END_DECLS
#endif
