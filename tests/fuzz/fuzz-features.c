/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fuzz-features.c - any bytes as a file of features: its facts, and its samples. */
#include "tests/fuzz/fuzz.h"

#define MAX_BYTES (1 << 20)     /* of a sample */

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  const char *path = fuzz_file ("x.h5", data, size);
  GHashTable *facts = convoy_features_facts (path, NULL);
  g_autoptr (ConvoyDataset) d = convoy_dataset_open (path, "all", NULL);
  if (facts)
    g_hash_table_unref (facts);
  if (!d)
    return 0;
  const ConvoyDatasetInfo *info = convoy_dataset_info (d);
  gint64 count = convoy_shape_count (&info->shape), label;
  gsize bytes = count < 0 || count > MAX_BYTES ? 0 : (gsize) count * convoy_type_size (info->type);
  g_autofree void *sample = g_malloc (bytes + 1);
  for (gsize i = 0; bytes && i < MIN (info->n, 4); i++) {
    convoy_dataset_read (d, i, sample, &label, NULL);
    convoy_dataset_name (d, i);
  }
  return 0;
}
