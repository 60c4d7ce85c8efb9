/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * dataset-table.c - rows of a CSV or TSV file as samples: numbers, standardized, with categories as
 * one-hot; or the text of one column. */
#include "core/dataset.h"
#include "core/table.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_VALUES 1000         /* of a category or of labels; more are no kinds of things */

typedef struct {
  guint at;                     /* in the table */
  char **values;                /* of a category, sorted; NULL: numbers */
  double mean, std;             /* of numbers */
} Column;

typedef struct {
  gint refs;                    /* atomic; a split shares the table but not its statistics */
  ConvoyTable *t;
  gsize first;                  /* row of the first sample: 1 behind a header */
  guint label;                  /* column */
  char **classes;
} Rows;

typedef struct {
  Rows *rows;
  GArray *columns;              /* Column; none: samples are texts */
  guint text;                   /* column of the text */
  gboolean fill;                /* what is missing becomes the mean, or no category */
  ConvoyDatasetInfo info;
} Table;

static void
column_clear (void *data)
{
  g_strfreev (((Column *) data)->values);
}

static void
table_free (void *user)
{
  Table *s = user;
  if (g_atomic_int_dec_and_test (&s->rows->refs)) {
    convoy_table_free (s->rows->t);
    g_strfreev (s->rows->classes);
    g_free (s->rows);
  }
  g_array_unref (s->columns);
  g_free (s);
}

/* --- cells ------------------------------------------------------------ */

static gboolean
is_missing (const char *cell)
{
  static const char *const words[] = { "", "?", "NA", "N/A", "NaN", "nan", "null", NULL };
  return g_strv_contains (words, cell);
}

static gboolean
is_number (const char *cell, double *v)
{
  char *end;
  *v = g_ascii_strtod (cell, &end);
  return end != cell && *end == '\0' && isfinite (*v);
}

static const char *
cell_of (const Table *s, gsize i, guint column)
{
  return convoy_table_cell (s->rows->t, s->rows->first + i, column);
}

static gboolean
fail_at (const Table *s, gsize i, guint column, const char *why, GError **error)
{
  const ConvoyTable *t = s->rows->t;
  g_autofree char *number = g_strdup_printf ("%u", column + 1);
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s:%u: column %s: \"%.60s\" %s", t->path, g_array_index (t->lines, guint32, s->rows->first + i),
      s->rows->first ? convoy_table_cell (t, 0, column) : number, cell_of (s, i, column), why);
  return FALSE;
}

static gint64
find_value (char **values, const char *cell)
{
  for (gint64 i = 0; values[i]; i++)
    if (strcmp (values[i], cell) == 0)
      return i;
  return -1;
}

/* Numbers by their size, before what is none, by its bytes. */
static int
by_value (const void *a, const void *b)
{
  const char *x = *(char *const *) a, *y = *(char *const *) b;
  double u, v;
  gboolean p = is_number (x, &u), q = is_number (y, &v);
  return p && q && u != v ? (u > v) - (u < v) : p != q ? q - p : strcmp (x, y);
}

/* The different values of a column, missing ones aside; NULL: too many. */
static char **
values_of (const Table *s, guint column, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func (g_free);
  for (gsize i = 0; i < s->info.n; i++)
    if (!is_missing (cell_of (s, i, column)) && g_hash_table_add (seen, (gpointer) cell_of (s, i, column)))
      g_ptr_array_add (list, g_strdup (cell_of (s, i, column)));
  if (list->len > MAX_VALUES) {
    fail_at (s, 0, column, "and more than " G_STRINGIFY (MAX_VALUES) " others: too many to be kinds of things", error);
    return NULL;
  }
  g_ptr_array_sort (list, by_value);
  g_ptr_array_add (list, NULL);
  return (char **) g_ptr_array_steal (list, NULL);
}

/* --- samples ---------------------------------------------------------- */

/* Writes one column of a row; gives how many floats. */
static gsize
put (const Table *s, const Column *c, gsize i, float *x)
{
  const char *cell = cell_of (s, i, c->at);
  double v;
  if (c->values == NULL) {
    x[0] = is_number (cell, &v) ? (float) ((v - c->mean) / c->std) : 0;
    return 1;
  }
  gsize n = g_strv_length (c->values);
  gint64 k = find_value (c->values, cell);
  memset (x, 0, n * sizeof *x);
  if (k >= 0)
    x[k] = 1;
  return n;
}

static gint64
table_label (void *user, gsize i)
{
  const Table *s = user;
  return find_value (s->rows->classes, cell_of (s, i, s->rows->label));
}

static gboolean
table_read (void *user, gsize i, void *sample, gint64 *label, GError **error)
{
  const Table *s = user;
  float *x = sample;
  (void) error;
  for (guint c = 0; c < s->columns->len; c++)
    x += put (s, &g_array_index (s->columns, Column, c), i, x);
  *label = table_label (user, i);
  return TRUE;
}

static GBytes *
table_bytes (void *user, gsize i, gint64 *label, GError **error)
{
  const Table *s = user;
  const char *text = cell_of (s, i, s->text);
  (void) error;
  *label = table_label (user, i);
  return g_bytes_new (text, strlen (text));
}

static char *
table_name (void *user, gsize i)
{
  const Table *s = user;
  g_autofree char *base = g_path_get_basename (s->rows->t->path);
  return g_strdup_printf ("%s:%u", base, g_array_index (s->rows->t->lines, guint32, s->rows->first + i));
}

/* --- learning --------------------------------------------------------- */

/* Mean and standard deviation of the numbers of some rows; index NULL: of all. */
static void
learn_numbers (const Table *s, Column *c, const gsize *index, gsize n)
{
  double sum = 0, squares = 0, v;
  gsize have = 0;
  for (gsize k = 0; k < n; k++)
    if (is_number (cell_of (s, index ? index[k] : k, c->at), &v)) {
      sum += v;
      have++;
    }
  c->mean = have ? sum / have : 0;
  for (gsize k = 0; k < n; k++)
    if (is_number (cell_of (s, index ? index[k] : k, c->at), &v))
      squares += (v - c->mean) * (v - c->mean);
  c->std = have && squares > 0 ? sqrt (squares / have) : 1;
}

static ConvoyDataset *table_make (Table *s);

static ConvoyDataset *
table_learn (void *user, const gsize *index, gsize n)
{
  const Table *s = user;
  Table *own = g_memdup2 (s, sizeof *s);
  own->columns = g_array_new (FALSE, TRUE, sizeof (Column));
  g_array_set_clear_func (own->columns, column_clear);
  g_atomic_int_inc (&s->rows->refs);
  for (guint i = 0; i < s->columns->len; i++) {
    Column c = g_array_index (s->columns, Column, i);
    c.values = g_strdupv (c.values);
    if (c.values == NULL)
      learn_numbers (s, &c, index, n);
    g_array_append_val (own->columns, c);
  }
  return table_make (own);
}

static ConvoyDataset *
table_make (Table *s)
{
  gboolean is_text = s->info.kind == CONVOY_SAMPLE_TEXT;
  const ConvoyDatasetFuncs funcs = { is_text ? NULL : table_read, is_text ? table_bytes : NULL, table_label, table_name, table_free,
    is_text ? NULL : table_learn };
  return convoy_dataset_make (&s->info, &funcs, s);
}

/* --- opening ---------------------------------------------------------- */

/* A header has words where the row below has numbers, or names the column asked for. */
static gboolean
has_header (const ConvoyTable *t, const ConvoyDatasetOptions *o)
{
  double v;
  if (convoy_table_rows (t) < 2)
    return FALSE;
  for (guint c = 0; c < t->width; c++) {
    const char *top = convoy_table_cell (t, 0, c), *below = convoy_table_cell (t, 1, c);
    if ((!is_number (top, &v) && !is_missing (top) && is_number (below, &v)) || g_strcmp0 (top, o->label) == 0 || g_strcmp0 (top, o->text) == 0)
      return TRUE;
  }
  return FALSE;
}

/* A column by its name in the header, else by its number from 1. */
static gboolean
find_column (const Table *s, const char *name, guint *at, GError **error)
{
  const ConvoyTable *t = s->rows->t;
  guint64 number;
  for (guint c = 0; s->rows->first && c < t->width; c++)
    if (strcmp (convoy_table_cell (t, 0, c), name) == 0) {
      *at = c;
      return TRUE;
    }
  if (g_ascii_string_to_unsigned (name, 10, 1, t->width, &number, NULL)) {
    *at = (guint) number - 1;
    return TRUE;
  }
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s:1: no column \"%s\" among %u%s", t->path, name, t->width, s->rows->first ? "" : ", which have no names");
  return FALSE;
}

static gboolean
find_label (Table *s, const ConvoyDatasetOptions *o, GError **error)
{
  static const char *const usual[] = { "label", "class", "target" };
  if (o->label)
    return find_column (s, o->label, &s->rows->label, error);
  for (guint i = 0; i < G_N_ELEMENTS (usual); i++)
    if (find_column (s, usual[i], &s->rows->label, NULL))
      return TRUE;
  s->rows->label = s->rows->t->width - 1;
  return TRUE;
}

/* What a column holds shows in its first cell that is not missing; the others must be alike. */
static gboolean
add_column (Table *s, guint at, GError **error)
{
  Column c = { at, NULL, 0, 1 };
  double v;
  gsize i = 0;
  while (i < s->info.n && is_missing (cell_of (s, i, at)))
    i++;
  gboolean numbers = i == s->info.n || is_number (cell_of (s, i, at), &v);
  for (i = 0; i < s->info.n; i++) {
    const char *cell = cell_of (s, i, at);
    if (is_missing (cell) ? !s->fill : numbers && !is_number (cell, &v))
      return fail_at (s, i, at, is_missing (cell) ? "is missing (missing=mean fills it)" : "is no number", error);
  }
  if (numbers)
    learn_numbers (s, &c, NULL, s->info.n);
  else if ((c.values = values_of (s, at, error)) == NULL)
    return FALSE;
  s->info.shape.d[0] += c.values ? g_strv_length (c.values) : 1;
  g_array_append_val (s->columns, c);
  return TRUE;
}

static gboolean
add_columns (Table *s, const ConvoyDatasetOptions *o, GError **error)
{
  s->info.shape = (ConvoyShape) { .n = 1 };
  s->info.type = CONVOY_F32;
  for (guint c = 0; o->columns == NULL && c < s->rows->t->width; c++)
    if (c != s->rows->label && !add_column (s, c, error))
      return FALSE;
  for (guint i = 0; o->columns && o->columns[i]; i++) {
    guint at;
    if (!find_column (s, o->columns[i], &at, error))
      return FALSE;
    if (at == s->rows->label)
      return fail_at (s, 0, at, "is of the label, which cannot be a feature too", error);
    if (!add_column (s, at, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
open_table (Table *s, const ConvoyDatasetOptions *o, GError **error)
{
  Rows *r = s->rows;
  r->first = has_header (r->t, o);
  s->info.n = convoy_table_rows (r->t) - r->first;
  if (!find_label (s, o, error) || (r->classes = values_of (s, r->label, error)) == NULL)
    return FALSE;
  for (gsize i = 0; i < s->info.n; i++)
    if (is_missing (cell_of (s, i, r->label)))
      return fail_at (s, i, r->label, "is no label", error);
  s->info.classes = (const char *const *) r->classes;
  s->info.n_classes = g_strv_length (r->classes);
  if (o->text == NULL)
    return add_columns (s, o, error);
  s->info.kind = CONVOY_SAMPLE_TEXT;
  s->info.type = CONVOY_U8;
  return find_column (s, o->text, &s->text, error);
}

static gboolean
table_probe (const char *path)
{
  return g_file_test (path, G_FILE_TEST_IS_REGULAR) && (g_str_has_suffix (path, ".csv") || g_str_has_suffix (path, ".tsv"));
}

static ConvoyDataset *
table_open (const char *path, const char *split, const ConvoyDatasetOptions *o, GError **error)
{
  gboolean fill = g_strcmp0 (o->missing, "mean") == 0;
  if (strcmp (split, "train") != 0 && strcmp (split, "all") != 0) {
    convoy_dataset_no_split (path, split, error);
    return NULL;
  }
  if (o->missing && !fill && strcmp (o->missing, "error") != 0) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: missing=%s is not known; there are error and mean", path, o->missing);
    return NULL;
  }
  ConvoyTable *t = convoy_table_load (path, error);
  if (t == NULL)
    return NULL;
  Table *s = g_new0 (Table, 1);
  *s = (Table) { .rows = g_new0 (Rows, 1), .columns = g_array_new (FALSE, TRUE, sizeof (Column)), .fill = fill };
  g_array_set_clear_func (s->columns, column_clear);
  s->rows->refs = 1;
  s->rows->t = t;
  if (open_table (s, o, error))
    return table_make (s);
  table_free (s);
  return NULL;
}

const ConvoyDatasetFormat convoy_table_format = { "table", "a table", "a .csv or .tsv file", table_probe, table_open };
