/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * upto.c - writes the part of an ONNX network of pictures up to a layer, for a side and a batch:
 * `upto IN.onnx LAYER SIDE BATCH OUT.onnx`. */
#include "core/convoy.h"
#include <stdio.h>
#include <stdlib.h>

static gboolean
cut (char **argv, GError **error)
{
  const ConvoyShape shape = CONVOY_SHAPE (atoi (argv[4]), 3, atoi (argv[3]), atoi (argv[3]));
  ConvoyGraph *g = convoy_onnx_load (argv[1], NULL, error);
  ConvoyGraph *bound = g ? convoy_graph_bind (g, NULL, NULL, error) : NULL, *part = NULL;
  const char *layer = bound ? convoy_graph_find_layer (bound, argv[2], error) : NULL;
  if (layer)
    part = convoy_graph_tail (g, NULL, layer, &shape, error);
  gboolean ok = part && convoy_onnx_save (argv[5], part, NULL, error);
  convoy_graph_unref (part);
  convoy_graph_unref (bound);
  convoy_graph_unref (g);
  return ok;
}

int
main (int argc, char **argv)
{
  GError *error = NULL;
  if (argc == 6 && cut (argv, &error))
    return 0;
  fprintf (stderr, "upto: %s\n", error ? error->message : "usage: upto IN.onnx LAYER SIDE BATCH OUT.onnx");
  return 1;
}
