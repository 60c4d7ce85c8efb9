/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * watch.h - runs a pipeline to its end and tells what is on its bus. */
#ifndef CONVOY_WATCH_H
#define CONVOY_WATCH_H

#include "pipelines/keys.h"

G_BEGIN_DECLS

/* Plays the pipeline and leaves it in NULL. Results and epochs go to stdout, skipped files and
 * warnings to stderr, a bar to a terminal. Ctrl-C ends the stream and waits until what was learnt
 * is saved. keys that teach the pipeline (NULL: there are none) are looked after. *skipped: how many files were left out by a run that did not learn. FALSE: it failed. */
gboolean watch_run (GstElement *pipeline, Keys *keys, guint *skipped, GError **error);

G_END_DECLS
#endif
