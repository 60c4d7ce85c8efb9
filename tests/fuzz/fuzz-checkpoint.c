/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fuzz-checkpoint.c - any bytes as the checkpoint of a training. */
#include "tests/fuzz/fuzz.h"
#include "core/checkpoint.h"

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (ConvoyCheckpoint) c = convoy_checkpoint_load (fuzz_file ("x.checkpoint", data, size), NULL);
  gint64 v;
  if (c) {
    convoy_checkpoint_get_int (c, "epoch", &v, NULL);
    convoy_checkpoint_get_string (c, "network", NULL);
    convoy_checkpoint_get_tensor (c, "history", CONVOY_F64, &CONVOY_SHAPE (1, 7), NULL);
  }
  return 0;
}
