/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * dataset-table.c - rows of a CSV or TSV file as samples: numbers, standardized, with categories as
 * one-hot; or the text of one column. */
#include "core/columns.h"
#include "core/dataset.h"
#include "core/table.h"
#include <math.h>
#include <string.h>

#define NO_COLUMN G_MAXUINT
#define MAX_VALUES 1000         /* of a category or of labels; more are no kinds of things */

typedef struct {
  gint refs;                    /* atomic; a split shares the table but not its statistics */
  ConvoyTable *t;
  gboolean header;              /* the first row is one */
  GArray *index;                /* gsize: row of each sample */
  guint label;                  /* column; NO_COLUMN: there is none */
  char **classes;
} Rows;

typedef struct {
  Rows *rows;
  ConvoyColumns columns;        /* none: samples are texts */
  guint text;                   /* column of the text */
  ConvoyDatasetInfo info;
} Table;

static void
table_free (void *user)
{
  Table *s = user;
  if (g_atomic_int_dec_and_test (&s->rows->refs)) {
    convoy_table_free (s->rows->t);
    g_array_unref (s->rows->index);
    g_strfreev (s->rows->classes);
    g_free (s->rows);
  }
  convoy_columns_clear (&s->columns);
  g_free (s);
}

/* --- cells ------------------------------------------------------------ */

static gsize
row_of (const Table *s, gsize i)
{
  return g_array_index (s->rows->index, gsize, i);
}

static const char *
cell_of (const Table *s, gsize i, guint column)
{
  return convoy_table_cell (s->rows->t, row_of (s, i), column);
}

static guint
line_of (const Table *s, gsize i)
{
  return g_array_index (s->rows->t->lines, guint32, row_of (s, i));
}

static char *
name_of_column (const Rows *r, guint column)
{
  return r->header ? g_strdup (convoy_table_cell (r->t, 0, column)) : g_strdup_printf ("%u", column + 1);
}

/* where: the file as it is to be called. */
static gboolean
fail_at (const Table *s, const char *where, gsize i, guint column, const char *why, GError **error)
{
  g_autofree char *name = name_of_column (s->rows, column);
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s:%u: column %s: \"%.60s\" %s", where, line_of (s, i), name, cell_of (s, i, column), why);
  return FALSE;
}

static gboolean
fail (const Table *s, gsize i, guint column, const char *why, GError **error)
{
  return fail_at (s, s->rows->t->path, i, column, why, error);
}

/* Numbers by their size, before what is none, by its bytes. */
static int
by_value (const void *a, const void *b)
{
  const char *x = *(char *const *) a, *y = *(char *const *) b;
  double u, v;
  gboolean p = convoy_cell_is_number (x, &u), q = convoy_cell_is_number (y, &v);
  return p && q && u != v ? (u > v) - (u < v) : p != q ? q - p : strcmp (x, y);
}

/* The different values of a column, missing ones aside; NULL: too many. */
static char **
values_of (const Table *s, guint column, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func (g_free);
  for (gsize i = 0; i < s->info.n; i++)
    if (!convoy_cell_is_missing (cell_of (s, i, column)) && g_hash_table_add (seen, (gpointer) cell_of (s, i, column)))
      g_ptr_array_add (list, g_strdup (cell_of (s, i, column)));
  if (list->len > MAX_VALUES) {
    fail (s, 0, column, "and more than " G_STRINGIFY (MAX_VALUES) " others: too many to be kinds of things", error);
    return NULL;
  }
  g_ptr_array_sort (list, by_value);
  g_ptr_array_add (list, NULL);
  return (char **) g_ptr_array_steal (list, NULL);
}

/* --- samples ---------------------------------------------------------- */

static gint64
table_label (void *user, gsize i)
{
  const Table *s = user;
  return s->rows->label == NO_COLUMN ? -1 : convoy_cell_find (s->rows->classes, cell_of (s, i, s->rows->label));
}

/* A table that is read by what was learnt of another may have cells that do not go with it. */
static gboolean
table_read (void *user, gsize i, void *sample, gint64 *label, GError **error)
{
  const Table *s = user;
  float *x = sample;
  for (guint k = 0; k < s->columns.list->len; k++) {
    const ConvoyColumn *c = &g_array_index (s->columns.list, ConvoyColumn, k);
    const char *wrong = convoy_column_put (c, s->columns.fill, cell_of (s, i, c->at), x);
    if (wrong) {
      g_autofree char *base = g_path_get_basename (s->rows->t->path);
      return fail_at (s, base, i, c->at, wrong, error);
    }
    x += c->values ? g_strv_length (c->values) : 1;
  }
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
  return g_strdup_printf ("%s:%u", base, line_of (s, i));
}

static char *
table_describe (void *user)
{
  return convoy_columns_text (&((Table *) user)->columns);
}

/* --- learning --------------------------------------------------------- */

/* Mean and standard deviation of the numbers of some rows; index NULL: of all. */
static void
learn_numbers (const Table *s, ConvoyColumn *c, const gsize *index, gsize n)
{
  double sum = 0, squares = 0, v;
  gsize have = 0;
  for (gsize k = 0; k < n; k++)
    if (convoy_cell_is_number (cell_of (s, index ? index[k] : k, c->at), &v)) {
      sum += v;
      have++;
    }
  c->mean = have ? sum / have : 0;
  for (gsize k = 0; k < n; k++)
    if (convoy_cell_is_number (cell_of (s, index ? index[k] : k, c->at), &v))
      squares += (v - c->mean) * (v - c->mean);
  c->std = have && squares > 0 ? sqrt (squares / have) : 1;
}

static ConvoyDataset *table_make (Table *s);

static ConvoyDataset *
table_learn (void *user, const gsize *index, gsize n)
{
  const Table *s = user;
  Table *own = g_memdup2 (s, sizeof *s);
  convoy_columns_copy (&own->columns, &s->columns);
  g_atomic_int_inc (&s->rows->refs);
  for (guint i = 0; i < own->columns.list->len; i++) {
    ConvoyColumn *c = &g_array_index (own->columns.list, ConvoyColumn, i);
    if (c->values == NULL)
      learn_numbers (s, c, index, n);
  }
  return table_make (own);
}

static ConvoyDataset *
table_make (Table *s)
{
  gboolean is_text = s->info.kind == CONVOY_SAMPLE_TEXT;
  const ConvoyDatasetFuncs funcs = { is_text ? NULL : table_read, is_text ? table_bytes : NULL, table_label, table_name, table_free,
    is_text ? NULL : table_learn, is_text ? NULL : table_describe };
  return convoy_dataset_make (&s->info, &funcs, s);
}

/* --- opening ---------------------------------------------------------- */

/* A cell is the name of the column asked for, which its number is not. */
static gboolean
names (const char *cell, const char *wanted)
{
  double v;
  return g_strcmp0 (cell, wanted) == 0 && !convoy_cell_is_number (cell, &v);
}

/* A header has words where the row below has numbers, or names a column that is asked for. */
static gboolean
has_header (const ConvoyTable *t, const ConvoyDatasetOptions *o, const ConvoyColumns *known)
{
  double v;
  if (o->header && strcmp (o->header, "auto") != 0)
    return strcmp (o->header, "yes") == 0;
  for (guint c = 0; c < t->width; c++) {
    const char *top = convoy_table_cell (t, 0, c);
    for (guint i = 0; known && i < known->list->len; i++) {
      if (names (top, g_array_index (known->list, ConvoyColumn, i).name))
        return TRUE;
    }
    if (known || convoy_table_rows (t) < 2)
      continue;
    if ((!convoy_cell_is_number (top, &v) && !convoy_cell_is_missing (top) && convoy_cell_is_number (convoy_table_cell (t, 1, c), &v))
        || names (top, o->label) || names (top, o->text) || names (top, o->split_column))
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
  for (guint c = 0; s->rows->header && c < t->width; c++)
    if (strcmp (convoy_table_cell (t, 0, c), name) == 0) {
      *at = c;
      return TRUE;
    }
  if (g_ascii_string_to_unsigned (name, 10, 1, t->width, &number, NULL)) {
    *at = (guint) number - 1;
    return TRUE;
  }
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s:1: no column \"%s\" among %u%s", t->path, name, t->width, s->rows->header ? "" : ", which have no names");
  return FALSE;
}

/* Which part a row belongs to, as its cell says; NULL: that is none. */
static const char *
part_of (const char *cell)
{
  static const struct { const char *says, *part; } words[] = {
    { "train", "train" }, { "training", "train" }, { "validation", "validation" }, { "valid", "validation" }, { "val", "validation" }, { "dev", "validation" },
    { "test", "test" }, { "testing", "test" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    if (g_ascii_strcasecmp (words[i].says, cell) == 0)
      return words[i].part;
  return NULL;
}

/* The rows of this part; without a column that says so all are for training. */
static gboolean
find_rows (Table *s, const char *split, const ConvoyDatasetOptions *o, GError **error)
{
  const ConvoyTable *t = s->rows->t;
  gboolean all = strcmp (split, "all") == 0 || (!o->split_column && strcmp (split, "train") == 0);
  guint at = 0;
  if (o->split_column && !find_column (s, o->split_column, &at, error))
    return FALSE;
  for (gsize row = s->rows->header; row < convoy_table_rows (t); row++) {
    const char *cell = convoy_table_cell (t, row, at), *part = o->split_column ? part_of (cell) : NULL;
    if (o->split_column && !part) {
      g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s:%u: \"%.60s\" is no part of a data set (train, validation, test)", t->path,
          g_array_index (t->lines, guint32, row), cell);
      return FALSE;
    }
    if (all || g_strcmp0 (part, split) == 0)
      g_array_append_val (s->rows->index, row);
  }
  s->info.n = s->rows->index->len;
  return s->info.n > 0 || convoy_dataset_no_split (t->path, split, error);
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

static gboolean
find_classes (Table *s, GError **error)
{
  Rows *r = s->rows;
  if ((r->classes = values_of (s, r->label, error)) == NULL)
    return FALSE;
  s->info.classes = (const char *const *) r->classes;
  s->info.n_classes = g_strv_length (r->classes);
  return TRUE;
}

/* What a column holds shows in its first cell that is not missing; the others must be alike. */
static gboolean
add_column (Table *s, guint at, GError **error)
{
  ConvoyColumn c = { NULL, at, NULL, 0, 1 };
  double v;
  gsize i = 0;
  while (i < s->info.n && convoy_cell_is_missing (cell_of (s, i, at)))
    i++;
  gboolean numbers = i == s->info.n || convoy_cell_is_number (cell_of (s, i, at), &v);
  for (i = 0; i < s->info.n; i++) {
    const char *cell = cell_of (s, i, at);
    gboolean missing = convoy_cell_is_missing (cell);
    if (missing ? !s->columns.fill : numbers && !convoy_cell_is_number (cell, &v))
      return fail (s, i, at, missing ? "is missing (missing=mean fills it)" : "is no number", error);
  }
  if (numbers)
    learn_numbers (s, &c, NULL, s->info.n);
  else if ((c.values = values_of (s, at, error)) == NULL)
    return FALSE;
  c.name = name_of_column (s->rows, at);
  g_array_append_val (s->columns.list, c);
  return TRUE;
}

static gboolean
add_columns (Table *s, const ConvoyDatasetOptions *o, GError **error)
{
  guint split = NO_COLUMN;
  if (o->split_column && !find_column (s, o->split_column, &split, error))
    return FALSE;
  for (guint c = 0; o->columns == NULL && c < s->rows->t->width; c++)
    if (c != s->rows->label && c != split && !add_column (s, c, error))
      return FALSE;
  for (guint i = 0; o->columns && o->columns[i]; i++) {
    guint at;
    if (!find_column (s, o->columns[i], &at, error))
      return FALSE;
    if (at == s->rows->label)
      return fail (s, 0, at, "is of the label, which cannot be a feature too", error);
    if (!add_column (s, at, error))
      return FALSE;
  }
  return TRUE;
}

/* Columns as they were where a model learnt; the label may be among them or not. */
static gboolean
take_columns (Table *s, GError **error)
{
  for (guint i = 0; i < s->columns.list->len; i++) {
    ConvoyColumn *c = &g_array_index (s->columns.list, ConvoyColumn, i);
    if (!find_column (s, c->name, &c->at, error))
      return FALSE;
  }
  return !find_column (s, s->columns.label, &s->rows->label, NULL) || find_classes (s, error);
}

/* Columns are learnt from the rows at hand. */
static gboolean
learn_columns (Table *s, const ConvoyDatasetOptions *o, GError **error)
{
  Rows *r = s->rows;
  if (!find_label (s, o, error) || !find_classes (s, error))
    return FALSE;
  for (gsize i = 0; i < s->info.n; i++)
    if (convoy_cell_is_missing (cell_of (s, i, r->label)))
      return fail (s, i, r->label, "is no label", error);
  g_free (s->columns.label);
  s->columns.label = name_of_column (r, r->label);
  if (o->text == NULL)
    return add_columns (s, o, error);
  s->info.kind = CONVOY_SAMPLE_TEXT;
  s->info.type = CONVOY_U8;
  return find_column (s, o->text, &s->text, error);
}

static gboolean
open_table (Table *s, const char *split, const ConvoyDatasetOptions *o, GError **error)
{
  s->info.type = CONVOY_F32;
  s->rows->header = has_header (s->rows->t, o, o->learnt ? &s->columns : NULL);
  if (!find_rows (s, split, o, error) || !(o->learnt ? take_columns (s, error) : learn_columns (s, o, error)))
    return FALSE;
  if (s->info.kind == CONVOY_SAMPLE_TENSOR)
    s->info.shape = CONVOY_SHAPE ((gint64) convoy_columns_floats (&s->columns));
  return TRUE;
}

static gboolean
table_probe (const char *path)
{
  return g_file_test (path, G_FILE_TEST_IS_REGULAR) && (g_str_has_suffix (path, ".csv") || g_str_has_suffix (path, ".tsv"));
}

/* A word that an option knows, or NULL. */
static gboolean
check_option (const char *path, const char *name, const char *value, const char *const *words, GError **error)
{
  if (value == NULL || g_strv_contains (words, value))
    return TRUE;
  g_autofree char *all = g_strjoinv (", ", (char **) words);
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: %s=%s is not known; there are %s", path, name, value, all);
  return FALSE;
}

static ConvoyDataset *
table_open (const char *path, const char *split, const ConvoyDatasetOptions *o, GError **error)
{
  if (!o->split_column && strcmp (split, "train") != 0 && strcmp (split, "all") != 0) {
    convoy_dataset_no_split (path, split, error);
    return NULL;
  }
  if (!check_option (path, "missing", o->missing, (const char *const[]) { "error", "mean", NULL }, error)
      || !check_option (path, "header", o->header, (const char *const[]) { "auto", "yes", "no", NULL }, error))
    return NULL;
  ConvoyTable *t = convoy_table_load (path, error);
  if (t == NULL)
    return NULL;
  Table *s = g_new0 (Table, 1);
  *s = (Table) { .rows = g_new0 (Rows, 1) };
  *s->rows = (Rows) { .refs = 1, .t = t, .index = g_array_new (FALSE, FALSE, sizeof (gsize)), .label = NO_COLUMN };
  gboolean ok = TRUE;
  if (o->learnt)
    ok = convoy_columns_parse (&s->columns, o->learnt, error);
  else {
    convoy_columns_init (&s->columns);
    s->columns.fill = g_strcmp0 (o->missing, "mean") == 0;
  }
  if (ok && open_table (s, split, o, error))
    return table_make (s);
  table_free (s);
  return NULL;
}

const ConvoyDatasetFormat convoy_table_format = { "table", "a table", "a .csv or .tsv file", table_probe, table_open };
