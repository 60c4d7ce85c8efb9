/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * lines.h - a file of texts, a line each, read as they come: it may be a terminal or a pipe. */
#ifndef CONVOY_LINES_H
#define CONVOY_LINES_H

#include <glib.h>

G_BEGIN_DECLS

#define LINES_STDIN "-"         /* in place of a file */
#define LINES_MAX (16 << 20)    /* bytes of a line; what is longer is told and dropped */

typedef struct Lines Lines;

Lines *lines_open (const char *path, GError **error);
void lines_close (Lines *l);
/* The next line without its end. NULL and no error: there is none, or Ctrl-C. *number counts from 1,
 * for the lines that are an error, too: longer than LINES_MAX (CONVOY_ERROR_INVALID, after which it
 * goes on), or unreadable. */
GBytes *lines_next (Lines *l, guint *number, GError **error);

G_END_DECLS
#endif
