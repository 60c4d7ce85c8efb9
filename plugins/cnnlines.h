/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnlines.h - the lines of a stream of bytes, or the whole of it, gathered from pieces. */
#ifndef CNN_LINES_H
#define CNN_LINES_H

#include <glib.h>

G_BEGIN_DECLS

#define CNN_LINES_MAX (16 << 20)        /* bytes of a text; what is longer is told and dropped */

typedef struct {
  GByteArray *gathered;         /* of the line that goes on; NULL: not in use */
  gboolean whole;               /* all of the stream is one text */
  gboolean too_long;            /* the line is, and the rest of it is dropped */
  guint number;                 /* of lines that ended, and so of the last one given, from 1 */
} CnnLines;

/* text NULL: the line was longer than CNN_LINES_MAX. FALSE ends it. */
typedef gboolean (*CnnLine) (gpointer user, const char *text, gsize n);

void cnn_lines_init (CnnLines *l, gboolean whole);
void cnn_lines_clear (CnnLines *l);
/* Calls line for each that ends within data. FALSE: line said so. */
gboolean cnn_lines_push (CnnLines *l, const guint8 *data, gsize n, CnnLine line, gpointer user);
/* The same for what has no end yet. */
gboolean cnn_lines_finish (CnnLines *l, CnnLine line, gpointer user);

G_END_DECLS
#endif
