/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnjob.h - something that is made on a thread of its own, beside a stream that goes on. */
#ifndef CNN_JOB_H
#define CNN_JOB_H

#include <glib.h>

G_BEGIN_DECLS

typedef struct CnnJob CnnJob;
typedef gpointer (*CnnMake) (gpointer from, GError **error);    /* takes from over; NULL: an error */

CnnJob *cnn_job_new (CnnMake make, gpointer from);
/* Whether cnn_job_finish() will not wait. */
gboolean cnn_job_is_done (CnnJob *j);
/* What was made. Frees j. */
gpointer cnn_job_finish (CnnJob *j, GError **error);

G_END_DECLS
#endif
