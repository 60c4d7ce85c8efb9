/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fuzz-checkpoint.c - any bytes as the checkpoint of a training, and again behind a block with their own
 * checksum, without which none would come as far as HDF5. */
#include "tests/fuzz/fuzz.h"
#include "core/checkpoint.h"
#include <string.h>

static void
load (const guint8 *data, gsize size)
{
  g_autoptr (ConvoyCheckpoint) c = convoy_checkpoint_load (fuzz_file ("x.checkpoint", data, size), NULL);
  gint64 v;
  if (c) {
    convoy_checkpoint_get_int (c, "epoch", &v, NULL);
    convoy_checkpoint_get_string (c, "network", NULL);
    convoy_checkpoint_get_tensor (c, "history", CONVOY_F64, &CONVOY_SHAPE (1, 7), NULL);
  }
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  load (data, size);
  if (size > CONVOY_CHECKPOINT_BLOCK) {
    g_autofree guint8 *whole = g_memdup2 (data, size);
    convoy_checkpoint_make_block ((char *) whole, data + CONVOY_CHECKPOINT_BLOCK, size - CONVOY_CHECKPOINT_BLOCK);
    load (whole, size);
  }
  return 0;
}
