/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * make-seeds.c - writes to FOLDER what a fuzzer of HDF5 files starts from: features.h5 and training.checkpoint. */
#include "core/checkpoint.h"
#include <stdio.h>
#include <string.h>

static gboolean
make_features (const char *folder, GError **error)
{
  g_autofree char *path = g_build_filename (folder, "features.h5", NULL);
  const ConvoyFeaturesInfo info = { .checksum = "c", .request = "r", .model = "m", .layer = "l", .pooling = "avg", .preprocessing = "p" };
  ConvoyFeatures *f = convoy_features_open (path, &info, error);
  gboolean ok = f && convoy_features_set_classes (f, (const char *const[]) { "a", "b", NULL }, error);
  for (gint64 i = 0; ok && i < 3; i++) {
    g_autofree char *name = g_strdup_printf ("picture-%d", (int) i);
    const ConvoyFeaturesSample s = { name, i == 2 ? "validation" : "train", i % 2, 10, i };
    ok = convoy_features_add (f, &s, (const float[]) { 1, 2, 3, 4 }, &CONVOY_SHAPE (4), error);
  }
  ok = ok && convoy_features_finish (f, 0, error);
  convoy_features_free (f);
  return ok;
}

static gboolean
make_checkpoint (const char *folder, GError **error)
{
  g_autofree char *path = g_build_filename (folder, "training.checkpoint", NULL);
  g_autoptr (ConvoyCheckpoint) c = convoy_checkpoint_new ();
  ConvoyTensor *t = convoy_tensor_new (CONVOY_F64, &CONVOY_SHAPE (1, 7), error);
  if (t == NULL)
    return FALSE;
  memcpy (convoy_tensor_data (t), (const double[]) { 1, 0.5, 0.9, 0.6, 0.8, 0.001, 2 }, 7 * sizeof (double));
  convoy_checkpoint_put_tensor (c, "history", t);
  convoy_checkpoint_put_int (c, "epoch", 1);
  convoy_checkpoint_put_double (c, "loss", 0.5);
  convoy_checkpoint_put_string (c, "network", "dense units=2");
  gboolean ok = convoy_checkpoint_save (c, path, error);
  convoy_tensor_unref (t);
  return ok;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  if (argc == 2 && make_features (argv[1], &error) && make_checkpoint (argv[1], &error))
    return 0;
  fprintf (stderr, "make-seeds: %s\n", error ? error->message : "say a folder");
  return 1;
}
