/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * dataset-subset.c - a part of the samples of another data set, perhaps with its classes renumbered:
 * what splitting and selecting give. */
#include "core/dataset.h"
#include "core/shuffle.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Sample i is sample index[i] of the whole. */
typedef struct {
  ConvoyDataset *whole;
  gsize *index;
  gint64 *labels;               /* label l of the whole is labels[l]; NULL: they stay */
} Subset;

static gint64
renumber (const Subset *s, gint64 label)
{
  return s->labels && label >= 0 ? s->labels[label] : label;
}

static gboolean
subset_read (void *user, gsize i, void *sample, gint64 *label, GError **error)
{
  Subset *s = user;
  gboolean ok = convoy_dataset_read (s->whole, s->index[i], sample, label, error);
  if (ok)
    *label = renumber (s, *label);
  return ok;
}

static GBytes *
subset_bytes (void *user, gsize i, gint64 *label, GError **error)
{
  Subset *s = user;
  GBytes *bytes = convoy_dataset_bytes (s->whole, s->index[i], label, error);
  if (bytes)
    *label = renumber (s, *label);
  return bytes;
}

/* Only where the whole knows its labels without reading. */
static gint64
subset_label (void *user, gsize i)
{
  Subset *s = user;
  gint64 label = -1;
  convoy_dataset_label (s->whole, s->index[i], &label, NULL);
  return renumber (s, label);
}

static char *
subset_name (void *user, gsize i)
{
  Subset *s = user;
  return convoy_dataset_make_name (s->whole, s->index[i]);
}

static char *
subset_describe (void *user)
{
  return convoy_dataset_columns (((Subset *) user)->whole);
}

static void
subset_free (void *user)
{
  Subset *s = user;
  convoy_dataset_unref (s->whole);
  g_free (s->index);
  g_free (s->labels);
  g_free (s);
}

/* Takes index and labels over. */
static ConvoyDataset *
subset_new (ConvoyDataset *whole, gsize *index, gsize n, gint64 *labels, const char *const *classes)
{
  const ConvoyDatasetInfo *of = convoy_dataset_info (whole);
  gboolean is_tensor = of->kind == CONVOY_SAMPLE_TENSOR;
  const ConvoyDatasetFuncs funcs = { is_tensor ? subset_read : NULL, is_tensor ? NULL : subset_bytes,
    convoy_dataset_knows_labels (whole) ? subset_label : NULL, subset_name, subset_free, NULL, subset_describe };
  ConvoyDatasetInfo info = *of;
  Subset *s = g_new (Subset, 1);
  *s = (Subset) { convoy_dataset_ref (whole), index, labels };
  info.n = n;
  if (classes) {
    info.classes = classes;
    info.n_classes = g_strv_length ((char **) classes);
  }
  return convoy_dataset_make (&info, &funcs, s);
}

/* --- splitting -------------------------------------------------------- */

static int
compare_index (const void *a, const void *b)
{
  gsize x = *(const gsize *) a, y = *(const gsize *) b;
  return (x > y) - (x < y);
}

static ConvoyDataset *
split_new (ConvoyDataset *whole, const gsize *index, gsize n)
{
  gsize *own = g_memdup2 (index, n * sizeof *index);
  qsort (own, n, sizeof *own, compare_index);   /* neighbours in the file stay neighbours */
  return subset_new (whole, own, n, NULL, NULL);
}

/* 0 to n - 1 in an order drawn from the state (Fisher-Yates); g_free() it. */
static gsize *
shuffled (gsize n, guint64 state)
{
  gsize *v = g_new (gsize, n);
  for (gsize i = 0; i < n; i++) {
    gsize k = convoy_draw_below (&state, i + 1);
    v[i] = v[k];
    v[k] = i;
  }
  return v;
}

gboolean
convoy_dataset_split (ConvoyDataset *d, double part, gboolean random, guint64 seed, ConvoyDataset **train, ConvoyDataset **rest, GError **error)
{
  gsize n = convoy_dataset_info (d)->n, n_rest = part > 0 && part < 1 ? (gsize) llround (part * n) : 0;
  if (n_rest == 0 || n_rest >= n) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "a part of %g of %zu samples leaves one side empty", part, n);
    return FALSE;
  }
  g_autofree gsize *index = random ? shuffled (n, convoy_draw_start (seed, 0, n)) : g_new (gsize, n);
  for (gsize i = 0; i < n && !random; i++)
    index[i] = i;
  ConvoyDataset *learnt = convoy_dataset_learn (d, index, n - n_rest);
  *train = split_new (learnt, index, n - n_rest);
  *rest = split_new (learnt, index + n - n_rest, n_rest);
  convoy_dataset_unref (learnt);
  return TRUE;
}

/* --- selecting -------------------------------------------------------- */

static gint64
find_name (const char *const *names, const char *name)
{
  for (gint64 i = 0; names && names[i]; i++)
    if (strcmp (names[i], name) == 0)
      return i;
  return -1;
}

static gboolean
check_names (const ConvoyDatasetInfo *info, const char *const *classes, GError **error)
{
  g_autofree char *have = info->classes ? g_strjoinv (", ", (char **) info->classes) : g_strdup ("not named");
  for (gint64 i = 0; classes[i]; i++)
    if (find_name (classes, classes[i]) != i) {
      g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "class \"%s\" is named twice; the classes are %.500s", classes[i], have);
      return FALSE;
    }
  if (classes[0])
    return TRUE;
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "no class is selected of %.500s", have);
  return FALSE;
}

ConvoyDataset *
convoy_dataset_select (ConvoyDataset *d, const char *const *classes, gboolean only, GError **error)
{
  const ConvoyDatasetInfo *info = convoy_dataset_info (d);
  if (!check_names (info, classes, error))
    return NULL;
  if (info->classes && g_strv_equal (info->classes, classes))
    return convoy_dataset_ref (d);
  g_autofree gint64 *labels = g_new (gint64, info->n_classes + 1);
  g_autofree gsize *index = g_new (gsize, info->n + 1);
  gsize n = 0;
  for (guint c = 0; c < info->n_classes; c++)
    labels[c] = find_name (classes, info->classes[c]);
  for (gsize i = 0; i < info->n; i++) {
    gint64 label;
    if (!convoy_dataset_label (d, i, &label, error))
      return NULL;
    gboolean wanted = label < 0 || (label < info->n_classes && labels[label] >= 0);
    if (!wanted && !only) {
      g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: class \"%s\" was not seen in training", convoy_dataset_name (d, i),
          label < info->n_classes ? info->classes[label] : "?");
      return NULL;
    }
    if (wanted)
      index[n++] = i;
  }
  return subset_new (d, g_steal_pointer (&index), n, g_steal_pointer (&labels), classes);
}

/* --- random order ----------------------------------------------------- */

gsize *
convoy_epoch_order (gsize n, guint64 seed, guint epoch)
{
  return shuffled (n, convoy_draw_start (seed, epoch, n));
}
