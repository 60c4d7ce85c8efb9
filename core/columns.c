/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * columns.c - see columns.h. */
#include "core/columns.h"
#include <math.h>
#include <string.h>

#define MAX_FIELDS 2000         /* of a line: a category has at most 1000 values */

static void
column_clear (void *data)
{
  g_free (((ConvoyColumn *) data)->name);
  g_strfreev (((ConvoyColumn *) data)->values);
}

void
convoy_columns_init (ConvoyColumns *c)
{
  *c = (ConvoyColumns) { g_array_new (FALSE, TRUE, sizeof (ConvoyColumn)), g_strdup (""), FALSE };
  g_array_set_clear_func (c->list, column_clear);
}

void
convoy_columns_clear (ConvoyColumns *c)
{
  g_array_unref (c->list);
  g_free (c->label);
}

void
convoy_columns_copy (ConvoyColumns *to, const ConvoyColumns *from)
{
  convoy_columns_init (to);
  g_free (to->label);
  to->label = g_strdup (from->label);
  to->fill = from->fill;
  for (guint i = 0; i < from->list->len; i++) {
    ConvoyColumn c = g_array_index (from->list, ConvoyColumn, i);
    c.name = g_strdup (c.name);
    c.values = g_strdupv (c.values);
    g_array_append_val (to->list, c);
  }
}

gsize
convoy_columns_floats (const ConvoyColumns *c)
{
  gsize n = 0;
  for (guint i = 0; i < c->list->len; i++) {
    const ConvoyColumn *column = &g_array_index (c->list, ConvoyColumn, i);
    n += column->values ? g_strv_length (column->values) : 1;
  }
  return n;
}

/* --- cells ------------------------------------------------------------ */

gboolean
convoy_cell_is_missing (const char *cell)
{
  static const char *const words[] = { "", "?", "NA", "N/A", "NaN", "nan", "null", NULL };
  return g_strv_contains (words, cell);
}

gboolean
convoy_cell_is_number (const char *cell, double *v)
{
  char *end;
  *v = g_ascii_strtod (cell, &end);
  return end != cell && *end == '\0' && isfinite (*v);
}

gint64
convoy_cell_find (char **values, const char *cell)
{
  for (gint64 i = 0; values && values[i]; i++)
    if (strcmp (values[i], cell) == 0)
      return i;
  return -1;
}

const char *
convoy_column_put (const ConvoyColumn *c, gboolean fill, const char *cell, float *x)
{
  gboolean missing = convoy_cell_is_missing (cell);
  double v = c->mean;
  memset (x, 0, (c->values ? g_strv_length (c->values) : 1) * sizeof *x);
  if (missing)
    return fill ? NULL : "is missing (missing=mean fills it)";
  if (c->values) {
    gint64 k = convoy_cell_find (c->values, cell);
    if (k < 0)
      return "was not seen in training";
    x[k] = 1;
    return NULL;
  }
  if (!convoy_cell_is_number (cell, &v))
    return "is no number";
  x[0] = (float) ((v - c->mean) / c->std);
  return NULL;
}

/* --- as text ----------------------------------------------------------- */

/* Cells may hold whatever a text can, tabs and ends of lines too. */
static void
append (GString *s, const char *field)
{
  g_autofree char *escaped = g_strescape (field, NULL);
  g_string_append_printf (s, "%s%s", s->len && s->str[s->len - 1] != '\n' ? "\t" : "", escaped);
}

char *
convoy_columns_text (const ConvoyColumns *c)
{
  GString *s = g_string_new (c->fill ? "missing\tmean\n" : "missing\terror\n");
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  append (s, "label");
  append (s, c->label);
  g_string_append_c (s, '\n');
  for (guint i = 0; i < c->list->len; i++) {
    const ConvoyColumn *column = &g_array_index (c->list, ConvoyColumn, i);
    append (s, column->values ? "category" : "number");
    append (s, column->name);
    for (guint k = 0; column->values && column->values[k]; k++)
      append (s, column->values[k]);
    if (!column->values) {
      append (s, g_ascii_dtostr (number, sizeof number, column->mean));
      append (s, g_ascii_dtostr (number, sizeof number, column->std));
    }
    g_string_append_c (s, '\n');
  }
  return g_string_free (s, FALSE);
}

static gboolean
parse_line (ConvoyColumns *c, char **field, guint n)
{
  ConvoyColumn column = { .std = 1 };
  if (n == 2 && strcmp (field[0], "missing") == 0) {
    c->fill = strcmp (field[1], "mean") == 0;
    return c->fill || strcmp (field[1], "error") == 0;
  }
  if (n == 2 && strcmp (field[0], "label") == 0) {
    g_free (c->label);
    c->label = g_strdup (field[1]);
    return TRUE;
  }
  if (n == 4 && strcmp (field[0], "number") == 0) {
    if (!convoy_cell_is_number (field[2], &column.mean) || !convoy_cell_is_number (field[3], &column.std) || column.std <= 0)
      return FALSE;
  } else if (n >= 2 && strcmp (field[0], "category") == 0)
    column.values = g_strdupv (field + 2);
  else
    return FALSE;
  column.name = g_strdup (field[1]);
  g_array_append_val (c->list, column);
  return TRUE;
}

gboolean
convoy_columns_parse (ConvoyColumns *c, const char *text, GError **error)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  gboolean ok = TRUE;
  guint i;
  convoy_columns_init (c);
  for (i = 0; ok && lines[i]; i++) {
    g_auto (GStrv) field = g_strsplit (lines[i], "\t", MAX_FIELDS);
    guint n = g_strv_length (field);
    for (guint k = 0; k < n; k++) {
      char *plain = g_strcompress (field[k]);
      g_free (field[k]);
      field[k] = plain;
    }
    ok = n == 0 || parse_line (c, field, n);
  }
  if (ok && c->list->len > 0)
    return TRUE;
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "columns:%u: %s", ok ? 1 : i, ok ? "none are named" : "not missing, label, number or category with what belongs to it");
  return FALSE;
}
