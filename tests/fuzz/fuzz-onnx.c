/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fuzz-onnx.c - any bytes as an ONNX file: read, and where that goes, compiled and run. */
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (GHashTable) props = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  ConvoyGraph *g = convoy_onnx_load (fuzz_file ("x.onnx", data, size), props, NULL);
  if (g)
    fuzz_run (g);
  convoy_graph_unref (g);
  return 0;
}
