/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * dataset-features.c - features in an HDF5 file as a data set: ours, or any with data sets features and labels. */
#include "core/dataset.h"
#include "core/features.h"
#include <string.h>

typedef struct {
  ConvoyFeaturesFile *file;
  gsize *row;                   /* of sample i, in the file */
} Part;

static gboolean
features_probe (const char *path)
{
  return !g_file_test (path, G_FILE_TEST_IS_DIR) && (g_str_has_suffix (path, ".h5") || g_str_has_suffix (path, ".hdf5"));
}

static gboolean
features_read (void *user, gsize i, void *sample, gint64 *label, GError **error)
{
  const Part *p = user;
  *label = p->file->labels[p->row[i]];
  return convoy_features_file_read (p->file, p->row[i], sample, error);
}

static gint64
features_label (void *user, gsize i)
{
  const Part *p = user;
  return p->file->labels[p->row[i]];
}

static char *
features_name (void *user, gsize i)
{
  const Part *p = user;
  return p->file->names ? g_strdup (p->file->names[p->row[i]]) : g_strdup_printf ("[%zu]", p->row[i]);
}

static void
features_free (void *user)
{
  Part *p = user;
  convoy_features_file_free (p->file);
  g_free (p->row);
  g_free (p);
}

/* A file that tells no splits is for training. */
static gboolean
is_in (const ConvoyFeaturesFile *f, gsize i, const char *split)
{
  const char *mine = f->splits && *f->splits[i] ? f->splits[i] : "train";
  return strcmp (split, "all") == 0 || strcmp (split, mine) == 0;
}

static ConvoyDataset *
features_open (const char *path, const char *split, const ConvoyDatasetOptions *o, GError **error)
{
  static const ConvoyDatasetFuncs funcs = { .read = features_read, .label = features_label, .name = features_name, .free = features_free };
  (void) o;
  ConvoyFeaturesFile *f = convoy_features_file_open (path, error);
  if (f == NULL)
    return NULL;
  Part *p = g_new0 (Part, 1);
  *p = (Part) { f, g_new (gsize, f->n) };
  ConvoyDatasetInfo info = { .shape = f->shape, .type = CONVOY_F32, .classes = (const char *const *) f->classes };
  for (gsize i = 0; i < f->n; i++) {
    info.n_classes = MAX (info.n_classes, (guint) (MAX (f->labels[i], -1) + 1));
    if (is_in (f, i, split))
      p->row[info.n++] = i;
  }
  if (f->classes)
    info.n_classes = g_strv_length (f->classes);
  if (info.n > 0)
    return convoy_dataset_make (&info, &funcs, p);
  convoy_dataset_no_split (path, split, error);
  features_free (p);
  return NULL;
}

const ConvoyDatasetFormat convoy_features_format = { "features", "HDF5 features", "an .h5 or .hdf5 file", features_probe, features_open };
