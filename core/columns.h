/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * columns.h - what the columns of a table become: numbers that are scaled, categories as one-hot. */
#ifndef CONVOY_COLUMNS_H
#define CONVOY_COLUMNS_H
#include "core/convoy.h"

typedef struct {
  char *name;                   /* in the header, else its number from 1 */
  guint at;                     /* in the table at hand */
  char **values;                /* of a category, sorted; NULL: numbers */
  double mean, std;             /* of numbers */
} ConvoyColumn;

/* All of a table, and what is known of it beside them. */
typedef struct {
  GArray *list;                 /* ConvoyColumn */
  char *label;                  /* name of the column of the class; "": none */
  gboolean fill;                /* what is missing becomes the mean, or no category */
} ConvoyColumns;

void convoy_columns_init (ConvoyColumns *c);
void convoy_columns_clear (ConvoyColumns *c);
void convoy_columns_copy (ConvoyColumns *to, const ConvoyColumns *from);        /* to is not initialized */
gsize convoy_columns_floats (const ConvoyColumns *c);   /* of a sample */
/* Written as a line a column, of fields with tabs between; parse reads that. */
char *convoy_columns_text (const ConvoyColumns *c);
gboolean convoy_columns_parse (ConvoyColumns *c, const char *text, GError **error);    /* c is initialized in any case */

gboolean convoy_cell_is_missing (const char *cell);
gboolean convoy_cell_is_number (const char *cell, double *v);   /* finite */
gint64 convoy_cell_find (char **values, const char *cell);      /* -1: it is none of them */
/* Writes the floats of a cell, and gives what is wrong with it, for messages; NULL: nothing. */
const char *convoy_column_put (const ConvoyColumn *c, gboolean fill, const char *cell, float *x);
#endif
