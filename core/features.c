/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * features.c - a session on a feature store: what the file and the journal hold, what is asked for,
 * what comes in, and how old and new become one file. */
#include "core/features.h"
#include "core/replace.h"
#include <string.h>

struct ConvoyFeatures {
  char *path;
  ConvoyFeaturesFile *file;     /* the complete store; NULL: there is none yet */
  ConvoyJournal *journal;
  ConvoyFacts facts;
  char **classes;               /* NULL: none were told */
  ConvoyShape shape;            /* of one sample; n 0: not known */
  GHashTable *rows;             /* ConvoyRow, by name and split */
  GHashTable *whole;            /* splits whose unseen rows go, char * */
  float *row;                   /* one, read from a compressed file */
  ConvoyFeaturesCount count;
  gboolean changed;             /* the file is not what it ought to be */
};

static guint
row_hash (gconstpointer p)
{
  const ConvoyRow *row = p;
  return g_str_hash (row->name) * 31 + g_str_hash (row->split);
}

static gboolean
row_equal (gconstpointer a, gconstpointer b)
{
  const ConvoyRow *x = a, *y = b;
  return strcmp (x->name, y->name) == 0 && strcmp (x->split, y->split) == 0;
}

/* --- opening ---------------------------------------------------------- */

static gboolean
agree (ConvoyFeatures *f, const ConvoyFeaturesInfo *info, GError **error)
{
  for (guint i = 0; i < CONVOY_N_FACTS; i++) {
    const char *theirs = convoy_fact (info, i);
    if (theirs == NULL || i == CONVOY_FACT_MODEL)  /* the same file may lie elsewhere */
      continue;
    if (f->facts[i] && strcmp (f->facts[i], theirs) != 0) {
      g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: made with %s \"%s\" by %s, refused for %s \"%s\" of %s", f->path,
          convoy_fact_names[i], f->facts[i], f->facts[CONVOY_FACT_MODEL] ? f->facts[CONVOY_FACT_MODEL] : "a model not named", convoy_fact_names[i], theirs,
          info->model ? info->model : "the model now used");
      return FALSE;
    }
  }
  return TRUE;
}

gboolean
convoy_features_tell (ConvoyFeatures *f, const ConvoyFeaturesInfo *info, GError **error)
{
  if (!agree (f, info, error))
    return FALSE;
  for (guint i = 0; i < CONVOY_N_FACTS; i++)
    if (convoy_fact (info, i) && f->facts[i] == NULL)
      f->facts[i] = g_strdup (convoy_fact (info, i));
  return TRUE;
}

/* The rows of the complete file. */
static void
take_file_rows (ConvoyFeatures *f)
{
  for (gsize i = 0; i < f->file->n; i++) {
    ConvoyRow *row = g_new0 (ConvoyRow, 1);
    row->name = f->file->names ? g_strdup (f->file->names[i]) : g_strdup_printf ("[%zu]", i);
    row->split = g_strdup (f->file->splits ? f->file->splits[i] : "");
    row->label = f->file->labels[i];
    row->bytes = f->file->stamps ? (guint64) f->file->stamps[2 * i] : 0;
    row->digest = f->file->stamps ? f->file->stamps[2 * i + 1] : 0;
    row->at = i;
    g_hash_table_replace (f->rows, row, row);
  }
  f->shape = f->file->shape;
  f->classes = g_strdupv (f->file->classes);
}

/* Those of an unfinished session go over them. */
static gboolean
take_journal_rows (ConvoyFeatures *f, GError **error)
{
  g_autoptr (GPtrArray) rows = g_ptr_array_new ();
  ConvoyShape shape;
  if (!convoy_journal_rows (f->journal, rows, &shape))
    return TRUE;
  gboolean fits = f->shape.n == 0 || convoy_shape_equal (&shape, &f->shape);
  for (guint i = 0; i < rows->len; i++)
    if (fits)
      g_hash_table_replace (f->rows, rows->pdata[i], rows->pdata[i]);
    else
      convoy_row_free (rows->pdata[i]);
  if (!fits) {
    g_autofree char *a = convoy_shape_str (&f->shape), *b = convoy_shape_str (&shape);
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "%s: holds features of %s, an unfinished run left some of %s", f->path, a, b);
    return FALSE;
  }
  f->shape = shape;
  f->changed = TRUE;
  return TRUE;
}

static gboolean
open_all (ConvoyFeatures *f, const ConvoyFeaturesInfo *info, GError **error)
{
  g_autofree char *key = g_strdup_printf ("model %s, %s", info->checksum, info->request);
  if (!convoy_replace_may (f->path, error))
    return FALSE;
  f->journal = convoy_journal_open (f->path, key, error);       /* first: what it locks is read after */
  if (f->journal == NULL)
    return FALSE;
  if (g_file_test (f->path, G_FILE_TEST_EXISTS)) {
    f->file = convoy_features_file_open (f->path, error);
    if (f->file == NULL)
      return FALSE;
    for (guint i = 0; i < CONVOY_N_FACTS; i++)
      f->facts[i] = g_strdup (f->file->facts[i]);
    take_file_rows (f);
  }
  return convoy_features_tell (f, info, error) && take_journal_rows (f, error);
}

ConvoyFeatures *
convoy_features_open (const char *path, const ConvoyFeaturesInfo *info, GError **error)
{
  ConvoyFeatures *f = g_new0 (ConvoyFeatures, 1);
  f->path = g_strdup (path);
  f->rows = g_hash_table_new_full (row_hash, row_equal, convoy_row_free, NULL);
  f->whole = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  if (!open_all (f, info, error))
    g_clear_pointer (&f, convoy_features_free);
  return f;
}

void
convoy_features_free (ConvoyFeatures *f)
{
  if (f == NULL)
    return;
  convoy_journal_close (f->journal, f->journal && convoy_journal_is_empty (f->journal));
  convoy_features_file_free (f->file);
  convoy_facts_clear (f->facts);
  g_strfreev (f->classes);
  g_hash_table_unref (f->rows);
  g_hash_table_unref (f->whole);
  g_free (f->row);
  g_free (f->path);
  g_free (f);
}

/* --- rows ------------------------------------------------------------- */

static gint64
index_of (const char *const *classes, const char *name)
{
  for (gint64 i = 0; classes[i]; i++)
    if (strcmp (classes[i], name) == 0)
      return i;
  return -1;
}

gboolean
convoy_features_set_classes (ConvoyFeatures *f, const char *const *classes, GError **error)
{
  GHashTableIter it;
  gpointer key;
  if (f->classes && g_strv_equal ((const char *const *) f->classes, classes))
    return TRUE;
  gint64 n = f->classes ? g_strv_length (f->classes) : 0;
  g_hash_table_iter_init (&it, f->rows);
  while (f->classes && g_hash_table_iter_next (&it, &key, NULL)) {
    ConvoyRow *row = key;
    if (row->label < 0 || row->label >= n)
      continue;
    gint64 label = index_of (classes, f->classes[row->label]);
    if (label < 0) {
      g_autofree char *list = g_strjoinv (", ", (char **) classes);
      g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: holds samples of class %s, which is none of %s", f->path, f->classes[row->label], list);
      return FALSE;
    }
    row->label = label;
  }
  g_strfreev (f->classes);
  f->classes = g_strdupv ((char **) classes);
  f->changed = TRUE;
  return TRUE;
}

gboolean
convoy_features_has (ConvoyFeatures *f, const ConvoyFeaturesSample *s)
{
  const ConvoyRow wanted = { .name = (char *) s->name, .split = (char *) s->split };
  ConvoyRow *row = g_hash_table_lookup (f->rows, &wanted);
  if (row == NULL || row->bytes != s->bytes || row->digest != s->digest)
    return FALSE;
  f->changed |= row->label != s->label;
  row->label = s->label;
  row->seen = TRUE;
  return TRUE;
}

gboolean
convoy_features_add (ConvoyFeatures *f, const ConvoyFeaturesSample *s, const float *values, const ConvoyShape *shape, GError **error)
{
  if (f->shape.n > 0 && !convoy_shape_equal (shape, &f->shape)) {
    g_autofree char *a = convoy_shape_str (shape), *b = convoy_shape_str (&f->shape);
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "%s: features of %s are %s, those stored are %s", f->path, s->name, a, b);
    return FALSE;
  }
  ConvoyRow *row = g_new0 (ConvoyRow, 1);
  *row = (ConvoyRow) { g_strdup (s->name), g_strdup (s->split), s->label, s->digest, s->bytes, 0, TRUE, TRUE };
  if (!convoy_journal_add (f->journal, row, values, shape, error)) {
    convoy_row_free (row);
    return FALSE;
  }
  f->shape = *shape;
  f->count.added++;
  f->changed = TRUE;
  g_hash_table_replace (f->rows, row, row);
  return TRUE;
}

void
convoy_features_drop_rest (ConvoyFeatures *f, const char *split)
{
  g_hash_table_add (f->whole, g_strdup (split));
}

ConvoyFeaturesCount
convoy_features_count (const ConvoyFeatures *f)
{
  ConvoyFeaturesCount c = f->count;
  c.rows = g_hash_table_size (f->rows);
  return c;
}

/* --- finishing -------------------------------------------------------- */

static int
split_order (const char *split)
{
  static const char *const order[] = { "train", "validation", "test" };
  for (int i = 0; i < (int) G_N_ELEMENTS (order); i++)
    if (strcmp (split, order[i]) == 0)
      return i;
  return G_N_ELEMENTS (order);
}

static int
compare_rows (gconstpointer a, gconstpointer b)
{
  const ConvoyRow *x = *(ConvoyRow *const *) a, *y = *(ConvoyRow *const *) b;
  int order = split_order (x->split) - split_order (y->split);
  order = order ? order : strcmp (x->split, y->split);
  return order ? order : strcmp (x->name, y->name);
}

static gboolean
is_gone (gpointer key, gpointer value, gpointer user)
{
  ConvoyRow *row = key;
  ConvoyFeatures *f = user;
  (void) value;
  return !row->seen && g_hash_table_contains (f->whole, row->split);
}

/* The floats of a row, from where they are. */
static const float *
values_of (void *user, const ConvoyRow *row, GError **error)
{
  ConvoyFeatures *f = user;
  gsize count = (gsize) convoy_shape_count (&f->shape);
  if (row->is_new)
    return convoy_journal_values (f->journal, row, error);
  if (f->file->values)
    return f->file->values + row->at * count;
  if (f->row == NULL)
    f->row = g_new (float, count);
  return convoy_features_file_read (f->file, row->at, f->row, error) ? f->row : NULL;
}

gboolean
convoy_features_finish (ConvoyFeatures *f, guint compression, GError **error)
{
  gsize dropped = g_hash_table_foreach_remove (f->rows, is_gone, f);
  f->count.dropped += dropped;
  if ((!f->changed && dropped == 0) || g_hash_table_size (f->rows) == 0)
    return TRUE;
  g_autofree gpointer *keys = g_hash_table_get_keys_as_array (f->rows, NULL);
  g_autoptr (GPtrArray) rows = g_ptr_array_new ();
  for (guint i = 0; i < g_hash_table_size (f->rows); i++)
    g_ptr_array_add (rows, keys[i]);
  g_ptr_array_sort (rows, compare_rows);
  ConvoyFeaturesTable t = { rows, &f->shape, f->facts, f->classes, compression, values_of, f };
  if (!convoy_features_file_write (f->path, &t, error))
    return FALSE;
  convoy_journal_close (f->journal, TRUE);
  f->journal = NULL;
  f->changed = FALSE;
  return TRUE;
}
