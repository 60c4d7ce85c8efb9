/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * history.c - what training measured, a row an epoch, as a CSV file. */
#include "core/convoy.h"
#include <math.h>
#include <string.h>

struct ConvoyHistory {
  GArray *rows;                 /* ConvoyEpoch */
};

/* The columns after "epoch". */
static const struct { const char *name; gsize offset; } columns[] = {
  { "loss", G_STRUCT_OFFSET (ConvoyEpoch, loss) }, { "accuracy", G_STRUCT_OFFSET (ConvoyEpoch, accuracy) },
  { "val_loss", G_STRUCT_OFFSET (ConvoyEpoch, val_loss) }, { "val_accuracy", G_STRUCT_OFFSET (ConvoyEpoch, val_accuracy) },
  { "lr", G_STRUCT_OFFSET (ConvoyEpoch, lr) }, { "seconds", G_STRUCT_OFFSET (ConvoyEpoch, seconds) },
};
#define HEADER "epoch,loss,accuracy,val_loss,val_accuracy,lr,seconds"
#define FIELD(row, i) G_STRUCT_MEMBER (double, row, columns[i].offset)

ConvoyHistory *
convoy_history_new (void)
{
  ConvoyHistory *h = g_new (ConvoyHistory, 1);
  h->rows = g_array_new (FALSE, FALSE, sizeof (ConvoyEpoch));
  return h;
}

void
convoy_history_free (ConvoyHistory *h)
{
  if (h == NULL)
    return;
  g_array_unref (h->rows);
  g_free (h);
}

void convoy_history_add (ConvoyHistory *h, const ConvoyEpoch *e) { g_array_append_val (h->rows, *e); }
guint convoy_history_len (const ConvoyHistory *h) { return h->rows->len; }

const ConvoyEpoch *
convoy_history_at (const ConvoyHistory *h, guint i)
{
  return i < h->rows->len ? &g_array_index (h->rows, ConvoyEpoch, i) : NULL;
}

/* The row where column i is best, the first of equals; NULL: it was never measured. */
static const ConvoyEpoch *
best_by (const ConvoyHistory *h, guint i, gboolean higher)
{
  const ConvoyEpoch *best = NULL;
  for (guint r = 0; r < h->rows->len; r++) {
    const ConvoyEpoch *row = convoy_history_at (h, r);
    double v = FIELD (row, i);
    if (!isnan (v) && (best == NULL || (higher ? v > FIELD (best, i) : v < FIELD (best, i))))
      best = row;
  }
  return best;
}

/* Where no accuracy was measured on validation data, its loss counts, then that of training. */
const ConvoyEpoch *
convoy_history_best (const ConvoyHistory *h)
{
  static const struct { guint column; gboolean higher; } rules[] = { { 3, TRUE }, { 2, FALSE }, { 0, FALSE } };
  const ConvoyEpoch *best = NULL;
  for (guint i = 0; i < G_N_ELEMENTS (rules) && best == NULL; i++)
    best = best_by (h, rules[i].column, rules[i].higher);
  return best ? best : convoy_history_at (h, 0);
}

/* --- writing ---------------------------------------------------------- */

/* The fewest digits, 9 at least to print alike what is alike, that read back as v. NAN: nothing. */
static void
append_number (GString *s, double v)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE], format[8];
  if (isnan (v))
    return;
  for (guint digits = 9; digits <= 17; digits++) {
    g_snprintf (format, sizeof format, "%%.%ug", digits);
    g_ascii_formatd (text, sizeof text, format, v);
    if (g_ascii_strtod (text, NULL) == v)
      break;
  }
  g_string_append (s, text);
}

gboolean
convoy_history_save (const ConvoyHistory *h, const char *path, GError **error)
{
  g_autoptr (GString) s = g_string_new (HEADER "\n");
  for (guint i = 0; i < h->rows->len; i++) {
    const ConvoyEpoch *row = convoy_history_at (h, i);
    g_string_append_printf (s, "%u", row->epoch);
    for (guint c = 0; c < G_N_ELEMENTS (columns); c++) {
      g_string_append_c (s, ',');
      append_number (s, FIELD (row, c));
    }
    g_string_append_c (s, '\n');
  }
  return convoy_file_save (path, s->str, s->len, error);
}

/* --- reading ---------------------------------------------------------- */

static gboolean
read_row (const char *line, ConvoyEpoch *row, GError **error)
{
  g_auto (GStrv) fields = g_strsplit (line, ",", -1);
  guint64 epoch;
  if (g_strv_length (fields) != G_N_ELEMENTS (columns) + 1) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%u fields, not %zu", g_strv_length (fields), G_N_ELEMENTS (columns) + 1);
    return FALSE;
  }
  if (!g_ascii_string_to_unsigned (fields[0], 10, 0, G_MAXUINT, &epoch, NULL)) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "epoch: \"%.40s\" is no whole number", fields[0]);
    return FALSE;
  }
  *row = (ConvoyEpoch) { .epoch = epoch };
  for (guint c = 0; c < G_N_ELEMENTS (columns); c++) {
    char *end;
    double v = g_ascii_strtod (fields[c + 1], &end);
    if (*end != '\0') {
      g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: \"%.40s\" is no number", columns[c].name, fields[c + 1]);
      return FALSE;
    }
    FIELD (row, c) = *fields[c + 1] ? v : NAN;
  }
  return TRUE;
}

/* Reads the rows of text, whose last line, when no newline ends it, was cut off: not a row. */
static gboolean
read_rows (ConvoyHistory *h, char *text, const char *path, GError **error)
{
  guint line = 0;
  for (char *end, *at = text; (end = strchr (at, '\n')) != NULL; at = end + 1) {
    GError *why = NULL;
    ConvoyEpoch row;
    *end = '\0';
    g_strchomp (at);
    if (++line == 1 && strcmp (at, HEADER) != 0)
      g_set_error_literal (&why, CONVOY_ERROR, CONVOY_ERROR_INVALID, "not a training history, whose first line is " HEADER);
    else if (line > 1 && read_row (at, &row, &why))
      convoy_history_add (h, &row);
    if (why) {
      g_propagate_prefixed_error (error, why, "%s:%u: ", path, line);
      return FALSE;
    }
  }
  if (line == 0)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: not a training history: it has no whole line", path);
  return line > 0;
}

ConvoyHistory *
convoy_history_load (const char *path, GError **error)
{
  g_autofree char *text = NULL;
  gsize size;
  if (!g_file_get_contents (path, &text, &size, error))
    return NULL;
  if (memchr (text, '\0', size)) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: not a training history: it has zero bytes", path);
    return NULL;
  }
  ConvoyHistory *h = convoy_history_new ();
  if (read_rows (h, text, path, error))
    return h;
  convoy_history_free (h);
  return NULL;
}
