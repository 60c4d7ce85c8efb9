/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * term.h - what looks one way on a terminal and another in a log: styles, progress, tables, JSON. */
#ifndef CONVOY_TERM_H
#define CONVOY_TERM_H

#include <glib.h>
#include <stdio.h>

G_BEGIN_DECLS

/* Escape sequences, "" when out is no terminal or NO_COLOR is set. */
const char *term_bold (FILE *out);
const char *term_dim (FILE *out);
const char *term_plain (FILE *out);

/* On a terminal a bar on stderr, drawn anew at most ten times a second; when done == total a line
 * that stays, in a log too. For bytes. */
void term_progress (const char *name, guint64 done, guint64 total);
/* On a terminal a bar of which part (0..1) is filled, between two texts. */
void term_bar (const char *before, double part, const char *after);
/* A line that is overwritten by the next, on a terminal only. */
void term_status (const char *format, ...) G_GNUC_PRINTF (1, 2);
/* Takes a bar or status away, so that other text may come. */
void term_end_progress (void);

/* Rows of cells to be printed in columns as wide as they need. */
typedef struct {
  guint columns;
  const char *right;            /* a character a column: 'r' is set to the right */
  GPtrArray *cells;             /* char *; row after row */
} TermTable;

TermTable *term_table_new (const char *columns);        /* "lrr" */
void term_table_free (TermTable *t);
void term_table_cell (TermTable *t, const char *format, ...) G_GNUC_PRINTF (2, 3);
void term_table_rule (TermTable *t);                    /* a line across */
void term_table_print (const TermTable *t, gboolean has_head);

/* "13.3 MB", "3,538,984": for people to read; g_free() it. */
char *term_size (guint64 bytes);
char *term_number (gint64 n);

/* Appends s as a JSON string. */
void term_json (GString *to, const char *s);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TermTable, term_table_free)

G_END_DECLS
#endif
