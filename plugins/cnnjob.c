/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnjob.c - see cnnjob.h. */
#include "plugins/cnnjob.h"

struct CnnJob {
  CnnMake make;
  gpointer from, made;
  GThread *thread;              /* NULL: there was none to be had, and it was made at once */
  int done;                     /* atomic: made and error are complete */
  GError *error;
};

static gpointer
run (gpointer data)
{
  CnnJob *j = data;
  j->made = j->make (j->from, &j->error);
  g_atomic_int_set (&j->done, TRUE);
  return NULL;
}

CnnJob *
cnn_job_new (CnnMake make, gpointer from)
{
  CnnJob *j = g_new0 (CnnJob, 1);
  j->make = make;
  j->from = from;
  j->thread = g_thread_try_new ("cnnjob", run, j, NULL);
  if (!j->thread)
    run (j);
  return j;
}

gboolean
cnn_job_is_done (CnnJob *j)
{
  return g_atomic_int_get (&j->done);
}

gpointer
cnn_job_finish (CnnJob *j, GError **error)
{
  if (j->thread)
    g_thread_join (j->thread);
  gpointer made = j->made;
  if (j->error)
    g_propagate_error (error, j->error);
  g_free (j);
  return made;
}
