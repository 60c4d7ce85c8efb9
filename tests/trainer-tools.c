/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * trainer-tools.c - see trainer-tools.h. */
#include "tests/trainer-tools.h"
#include "tests/temp-files.h"
#include <stdio.h>
#include <string.h>

/* A number from -1 to 1 that depends on i alone. */
static float
noise (guint64 i)
{
  i = (i + 1) * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
  i = (i ^ i >> 31) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  return (i >> 40) / (float) (1 << 23) - 1;
}

static gboolean
read_blob (void *user, gsize i, void *sample, gint64 *label, GError **error)
{
  gint64 count = *(gint64 *) user;
  float *x = sample;
  (void) error;
  *label = i % 3;
  for (gint64 k = 0; k < count; k++)
    x[k] = (k % 3 == *label) + 0.8f * noise (i * count + k);
  return TRUE;
}

ConvoyDataset *
tools_blobs (gsize n, ConvoyShape shape)
{
  static const char *const classes[] = { "a", "b", "c", NULL };
  ConvoyDatasetInfo info = { .n = n, .shape = shape, .type = CONVOY_F32, .n_classes = 3, .classes = classes };
  gint64 count = convoy_shape_count (&shape);
  return convoy_dataset_new (&info, read_blob, g_memdup2 (&count, sizeof count), g_free);
}

ConvoyBatches *
tools_batches (ConvoyDataset *d, guint size, guint64 seed)
{
  return convoy_batches_new (d, &(ConvoyBatchOptions) { .size = size, .shuffle = TRUE, .seed = seed });
}

ConvoyGraph *
tools_net (const char *layers, ConvoyShape input)
{
  GError *error = NULL;
  ConvoyGraph *g = convoy_net_parse (layers, NULL, &input, NULL, 7, &error);
  if (g == NULL) {
    printf ("# %s\n", error->message);
    CU_FAIL_FATAL ("no network");
  }
  return g;
}

ConvoyTrainer *
tools_trainer (ConvoyGraph *g, const ConvoyTrainOptions *o)
{
  GError *error = NULL;
  ConvoyTrainer *t = convoy_trainer_new (g, o, &error);
  if (t == NULL) {
    printf ("# %s\n", error->message);
    CU_FAIL_FATAL ("no trainer");
  }
  return t;
}

ConvoyTensor *
tools_weight (ConvoyGraph *g, const char *name)
{
  ConvoyTensor *w = convoy_params_get (convoy_graph_params (g), name);
  CU_ASSERT_PTR_NOT_NULL_FATAL (w);
  return w;
}

char *
tools_weights (ConvoyTrainer *t)
{
  const char *path = temp_path ("weights.onnx");
  g_autofree char *bytes = NULL;
  gsize n = 0;
  ConvoyGraph *g = convoy_trainer_export (t, NULL);
  CU_ASSERT_TRUE_FATAL (g && convoy_onnx_save (path, g, NULL, NULL) && g_file_get_contents (path, &bytes, &n, NULL));
  convoy_graph_unref (g);
  return g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *) bytes, n);
}

gboolean
tools_same_history (const ConvoyHistory *a, const ConvoyHistory *b)
{
  gboolean same = convoy_history_len (a) == convoy_history_len (b);
  for (guint i = 0; same && i < convoy_history_len (a); i++) {
    const ConvoyEpoch *x = convoy_history_at (a, i), *y = convoy_history_at (b, i);
    same = x->epoch == y->epoch && memcmp (&x->loss, &y->loss, G_STRUCT_OFFSET (ConvoyEpoch, seconds) - G_STRUCT_OFFSET (ConvoyEpoch, loss)) == 0;
  }
  return same;
}
