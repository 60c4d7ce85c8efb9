/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fuzz-net.c - any bytes as a network in layer text: read as a file .net, and run. */
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  ConvoyGraph *g = convoy_net_load (fuzz_file ("x.net", data, size), NULL, 1, NULL);
  if (g)
    fuzz_run (g);
  convoy_graph_unref (g);
  return 0;
}
