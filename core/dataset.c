/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * dataset.c - samples by number: the table of formats and what every data set shares. */
#include "core/dataset.h"
#include <string.h>

/* A format is a row. */
static const ConvoyDatasetFormat *const formats[] = { &convoy_cifar_format, &convoy_idx_format, &convoy_features_format, &convoy_folder_format,
  &convoy_table_format };

struct ConvoyDataset {
  gint refs;                    /* atomic */
  ConvoyDatasetInfo info;
  char **classes;               /* what info.classes points to; NULL: none */
  char **skipped;               /* pairs of file and reason; NULL: none */
  ConvoyDatasetFuncs f;
  void *user;
};

ConvoyDataset *
convoy_dataset_make (const ConvoyDatasetInfo *info, const ConvoyDatasetFuncs *f, void *user)
{
  ConvoyDataset *d = g_new (ConvoyDataset, 1);
  *d = (ConvoyDataset) { 1, *info, g_strdupv ((char **) info->classes), NULL, *f, user };
  d->info.classes = (const char *const *) d->classes;
  return d;
}

ConvoyDataset *
convoy_dataset_new (const ConvoyDatasetInfo *info, ConvoyDatasetRead read, void *user, GDestroyNotify free)
{
  return convoy_dataset_make (info, &(ConvoyDatasetFuncs) { .read = read, .free = free }, user);
}

ConvoyDataset *
convoy_dataset_ref (ConvoyDataset *d)
{
  g_atomic_int_inc (&d->refs);
  return d;
}

void
convoy_dataset_unref (ConvoyDataset *d)
{
  if (d == NULL || !g_atomic_int_dec_and_test (&d->refs))
    return;
  if (d->f.free)
    d->f.free (d->user);
  g_strfreev (d->classes);
  g_strfreev (d->skipped);
  g_free (d);
}

const ConvoyDatasetInfo *convoy_dataset_info (const ConvoyDataset *d) { return &d->info; }

static gboolean
check_number (const ConvoyDataset *d, gsize i, GError **error)
{
  if (i < d->info.n)
    return TRUE;
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "sample %zu of a data set of %zu", i, d->info.n);
  return FALSE;
}

gboolean
convoy_dataset_read (ConvoyDataset *d, gsize i, void *sample, gint64 *label, GError **error)
{
  if (!check_number (d, i, error))
    return FALSE;
  if (d->f.read)
    return d->f.read (d->user, i, sample, label, error);
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED, "samples that are %s have no fixed size; %s first",
      d->info.kind == CONVOY_SAMPLE_TEXT ? "texts" : "picture files", d->info.kind == CONVOY_SAMPLE_TEXT ? "tokenize them" : "decode them");
  return FALSE;
}

GBytes *
convoy_dataset_bytes (ConvoyDataset *d, gsize i, gint64 *label, GError **error)
{
  if (!check_number (d, i, error))
    return NULL;
  if (d->f.bytes)
    return d->f.bytes (d->user, i, label, error);
  gsize size = (gsize) convoy_shape_count (&d->info.shape) * convoy_type_size (d->info.type);
  void *sample = g_malloc (size);
  if (d->f.read (d->user, i, sample, label, error))
    return g_bytes_new_take (sample, size);
  g_free (sample);
  return NULL;
}

gboolean
convoy_dataset_label (ConvoyDataset *d, gsize i, gint64 *label, GError **error)
{
  if (d->f.label) {
    if (!check_number (d, i, error))
      return FALSE;
    *label = d->f.label (d->user, i);
    return TRUE;
  }
  GBytes *bytes = convoy_dataset_bytes (d, i, label, error);
  if (bytes == NULL)
    return FALSE;
  g_bytes_unref (bytes);
  return TRUE;
}

gboolean convoy_dataset_knows_labels (const ConvoyDataset *d) { return d->f.label != NULL; }

ConvoyDataset *
convoy_dataset_learn (ConvoyDataset *d, const gsize *index, gsize n)
{
  return d->f.learn ? d->f.learn (d->user, index, n) : convoy_dataset_ref (d);
}

char *
convoy_dataset_columns (ConvoyDataset *d)
{
  return d->f.describe ? d->f.describe (d->user) : NULL;
}

char *
convoy_dataset_make_name (ConvoyDataset *d, gsize i)
{
  return d->f.name && i < d->info.n ? d->f.name (d->user, i) : g_strdup_printf ("[%zu]", i);
}

const char *
convoy_dataset_name (ConvoyDataset *d, gsize i)
{
  static GPrivate last = G_PRIVATE_INIT (g_free);       /* a thread's own */
  g_private_replace (&last, convoy_dataset_make_name (d, i));
  return g_private_get (&last);
}

void
convoy_dataset_set_skipped (ConvoyDataset *d, char **pairs)
{
  g_strfreev (d->skipped);
  d->skipped = pairs;
}

const char *const *
convoy_dataset_skipped (const ConvoyDataset *d)
{
  static const char *const none[] = { NULL };
  return d->skipped ? (const char *const *) d->skipped : none;
}

/* --- formats ---------------------------------------------------------- */

/* The first that was skipped of a class, whose folder it lies in: its name and why; an empty list: none was. */
static const char *const *
skipped_of (const ConvoyDataset *d, const char *class)
{
  const char *const *s = convoy_dataset_skipped (d);
  for (gboolean found = FALSE; *s && !found; s += found ? 0 : 2) {
    g_autofree char *folder = g_path_get_dirname (*s), *name = g_path_get_basename (folder);
    found = strcmp (name, class) == 0;
  }
  return s;
}

/* Every class needs a sample when samples are files, of which some may have been skipped. */
static gboolean
check_classes (ConvoyDataset *d, const char *path, GError **error)
{
  g_autofree gsize *n = g_new0 (gsize, d->info.n_classes);
  for (gsize i = 0; i < d->info.n; i++)
    n[d->f.label (d->user, i)]++;
  for (guint c = 0; c < d->info.n_classes; c++)
    if (n[c] == 0) {
      const char *const *skipped = skipped_of (d, d->info.classes[c]);
      g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: class \"%s\" has no %s%s%s%s%s", path, d->info.classes[c],
          d->info.kind == CONVOY_SAMPLE_TEXT ? "text" : "picture", *skipped ? " left; skipped: " : "", *skipped ? skipped[0] : "",
          *skipped ? ": " : "", *skipped ? skipped[1] : "");
      return FALSE;
    }
  return TRUE;
}

/* Each class that is asked for must be there. */
static gboolean
check_wanted (const ConvoyDataset *d, const char *const *wanted, GError **error)
{
  for (guint i = 0; wanted[i]; i++)
    if (d->classes == NULL || !g_strv_contains (d->info.classes, wanted[i])) {
      g_autofree char *have = d->classes ? g_strjoinv (", ", d->classes) : g_strdup ("not named");
      g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "class \"%s\" is not there; the classes are %.500s", wanted[i], have);
      return FALSE;
    }
  return TRUE;
}

/* Takes d over. */
static ConvoyDataset *
finish (ConvoyDataset *d, const char *path, const ConvoyDatasetOptions *o, GError **error)
{
  if (d && o->classes) {
    ConvoyDataset *chosen = check_wanted (d, o->classes, error) ? convoy_dataset_select (d, o->classes, TRUE, error) : NULL;
    if (chosen == NULL)
      g_prefix_error (error, "%s: ", path);
    else
      convoy_dataset_set_skipped (chosen, g_steal_pointer (&d->skipped));
    convoy_dataset_unref (d);
    d = chosen;
  }
  if (d == NULL || d->info.kind == CONVOY_SAMPLE_TENSOR || d->f.label == NULL || check_classes (d, path, error))
    return d;
  convoy_dataset_unref (d);
  return NULL;
}

ConvoyDataset *
convoy_dataset_open_with (const char *path, const char *split, const ConvoyDatasetOptions *options, GError **error)
{
  static const char *const splits[] = { "train", "validation", "test", "all", NULL };
  static const ConvoyDatasetOptions none;
  const ConvoyDatasetOptions *o = options ? options : &none;
  if (!g_strv_contains (splits, split)) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: no split is called \"%s\"; there are train, validation, test and all", path, split);
    return NULL;
  }
  if (!g_file_test (path, G_FILE_TEST_EXISTS)) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: no such file or folder", path);
    return NULL;
  }
  g_autoptr (GString) looked = g_string_new (NULL);
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
    if (o->format ? strcmp (formats[i]->key, o->format) == 0 : formats[i]->probe (path))
      return finish (formats[i]->open (path, split, o, error), path, o, error);
    if (o->format)
      g_string_append_printf (looked, "%s%s", i ? ", " : "", formats[i]->key);
    else
      g_string_append_printf (looked, "%s%s (%s)", i ? " or " : "", formats[i]->name, formats[i]->looks);
  }
  if (o->format)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED, "%s: format \"%s\" is not known; there are %s", path, o->format, looked->str);
  else
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED, "%s: not recognized as %s", path, looked->str);
  return NULL;
}

ConvoyDataset *
convoy_dataset_open (const char *path, const char *split, GError **error)
{
  return convoy_dataset_open_with (path, split, NULL, error);
}

gboolean
convoy_dataset_no_split (const char *path, const char *split, GError **error)
{
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_ABSENT, "%s: has no samples of the split \"%s\"", path, split);
  return FALSE;
}
