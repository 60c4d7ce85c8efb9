/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * dataset.c - samples by number: the table of formats, splitting, and what every data set shares. */
#include "core/dataset.h"
#include "core/shuffle.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A format is a row. */
static const ConvoyDatasetFormat *const formats[] = { &convoy_cifar_format, &convoy_idx_format };

struct ConvoyDataset {
  gint refs;                    /* atomic */
  ConvoyDatasetInfo info;
  char **classes;               /* what info.classes points to */
  ConvoyDatasetRead read;
  ConvoyDatasetName name;       /* NULL: by number */
  void *user;
  GDestroyNotify free;
};

ConvoyDataset *
convoy_dataset_new_named (const ConvoyDatasetInfo *info, ConvoyDatasetRead read, ConvoyDatasetName name, void *user, GDestroyNotify free)
{
  ConvoyDataset *d = g_new (ConvoyDataset, 1);
  *d = (ConvoyDataset) { 1, *info, g_strdupv ((char **) info->classes), read, name, user, free };
  d->info.classes = (const char *const *) d->classes;
  return d;
}

ConvoyDataset *
convoy_dataset_new (const ConvoyDatasetInfo *info, ConvoyDatasetRead read, void *user, GDestroyNotify free)
{
  return convoy_dataset_new_named (info, read, NULL, user, free);
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
  if (d->free)
    d->free (d->user);
  g_strfreev (d->classes);
  g_free (d);
}

const ConvoyDatasetInfo *convoy_dataset_info (const ConvoyDataset *d) { return &d->info; }

gboolean
convoy_dataset_read (ConvoyDataset *d, gsize i, void *sample, gint64 *label, GError **error)
{
  if (i < d->info.n)
    return d->read (d->user, i, sample, label, error);
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "sample %zu of a data set of %zu", i, d->info.n);
  return FALSE;
}

static char *
make_name (ConvoyDataset *d, gsize i)
{
  return d->name && i < d->info.n ? d->name (d->user, i) : g_strdup_printf ("[%zu]", i);
}

const char *
convoy_dataset_name (ConvoyDataset *d, gsize i)
{
  static GPrivate last = G_PRIVATE_INIT (g_free);       /* a thread's own */
  g_private_replace (&last, make_name (d, i));
  return g_private_get (&last);
}

/* --- formats ---------------------------------------------------------- */

ConvoyDataset *
convoy_dataset_open (const char *path, const char *split, GError **error)
{
  static const char *const splits[] = { "train", "test", "all", NULL };
  if (!g_strv_contains (splits, split)) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: no split is called \"%s\"; there are train, test and all", path, split);
    return NULL;
  }
  if (!g_file_test (path, G_FILE_TEST_EXISTS)) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: no such file or folder", path);
    return NULL;
  }
  g_autoptr (GString) looked = g_string_new (NULL);
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
    if (formats[i]->probe (path))
      return formats[i]->open (path, split, error);
    g_string_append_printf (looked, "%s%s (%s)", i ? " or " : "", formats[i]->name, formats[i]->looks);
  }
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED, "%s: not recognized as %s", path, looked->str);
  return NULL;
}

/* --- splitting -------------------------------------------------------- */

/* Sample i is sample index[i] of the whole. */
typedef struct {
  ConvoyDataset *whole;
  gsize *index;
} Subset;

static gboolean
subset_read (void *user, gsize i, void *sample, gint64 *label, GError **error)
{
  Subset *s = user;
  return convoy_dataset_read (s->whole, s->index[i], sample, label, error);
}

static char *
subset_name (void *user, gsize i)
{
  Subset *s = user;
  return make_name (s->whole, s->index[i]);
}

static void
subset_free (void *user)
{
  Subset *s = user;
  convoy_dataset_unref (s->whole);
  g_free (s->index);
  g_free (s);
}

static int
compare_index (const void *a, const void *b)
{
  gsize x = *(const gsize *) a, y = *(const gsize *) b;
  return (x > y) - (x < y);
}

static ConvoyDataset *
subset_new (ConvoyDataset *whole, const gsize *index, gsize n)
{
  Subset *s = g_new (Subset, 1);
  ConvoyDatasetInfo info = whole->info;
  *s = (Subset) { convoy_dataset_ref (whole), g_memdup2 (index, n * sizeof *index) };
  qsort (s->index, n, sizeof *index, compare_index);    /* neighbours in the file stay neighbours */
  info.n = n;
  return convoy_dataset_new_named (&info, subset_read, subset_name, s, subset_free);
}

gboolean
convoy_dataset_split (ConvoyDataset *d, double part, gboolean random, guint64 seed, ConvoyDataset **train, ConvoyDataset **rest, GError **error)
{
  gsize n = d->info.n, n_rest = part > 0 && part < 1 ? (gsize) llround (part * n) : 0;
  if (n_rest == 0 || n_rest >= n) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "a part of %g of %zu samples leaves one side empty", part, n);
    return FALSE;
  }
  g_autofree gsize *index = random ? convoy_shuffled (n, convoy_draw_start (seed, 0, n)) : g_new (gsize, n);
  for (gsize i = 0; i < n && !random; i++)
    index[i] = i;
  *train = subset_new (d, index, n - n_rest);
  *rest = subset_new (d, index + n - n_rest, n_rest);
  return TRUE;
}

/* --- random order ----------------------------------------------------- */

gsize *
convoy_shuffled (gsize n, guint64 state)
{
  gsize *v = g_new (gsize, n);
  for (gsize i = 0; i < n; i++) {
    gsize k = convoy_draw_below (&state, i + 1);
    v[i] = v[k];
    v[k] = i;
  }
  return v;
}
