/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnseek.h - where a stream is that is counted in samples, GST_FORMAT_DEFAULT: seeks to one of them and what is asked about it. */
#ifndef CNN_SEEK_H
#define CNN_SEEK_H

#include <gst/gst.h>

G_BEGIN_DECLS

/* The sample that a seek goes to, of length (0: no end). FALSE: it cannot be gone to. The segment becomes one of time, in which
 * samples have no place; a seek in time goes to the start alone. */
gboolean cnn_seek_parse (GstEvent *seek, guint64 length, guint64 *number, GstSegment *segment);

/* Whether the query is about position, duration or seeking; *answered then is what the pad says to it. */
gboolean cnn_seek_answer (GstQuery *query, guint64 number, guint64 length, gboolean *answered);

G_END_DECLS
#endif
