/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * table.h - a file of rows of cells: CSV with commas or semicolons, or TSV. */
#ifndef CONVOY_TABLE_H
#define CONVOY_TABLE_H
#include "core/convoy.h"

typedef struct {
  char *path;                   /* for messages */
  char *text;                   /* what cells point into */
  GPtrArray *cells;             /* const char *, row after row, each width of them; blanks around them are gone */
  GArray *lines;                /* guint32: where each row begins, from 1 */
  guint width;
} ConvoyTable;

/* Cells of CSV may be quoted, with "" for a quote within; those of TSV are as they are. Rows must be
 * as long as the first; empty lines do not count. Errors name the line. */
ConvoyTable *convoy_table_load (const char *path, GError **error);
void convoy_table_free (ConvoyTable *t);

static inline gsize convoy_table_rows (const ConvoyTable *t) { return t->lines->len; }

static inline const char *
convoy_table_cell (const ConvoyTable *t, gsize row, guint column)
{
  return t->cells->pdata[row * t->width + column];
}
#endif
