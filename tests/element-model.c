/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * element-model.c - see element-model.h. */
#include "tests/element-model.h"
#include "core/convoy.h"

static ConvoyValue
node (ConvoyGraph *g, const char *op, ConvoyValue in)
{
  GError *error = NULL;
  ConvoyValue v = convoy_graph_node (g, op, NULL, &in, 1, NULL, 1, NULL, &error);
  g_assert_no_error (error);
  return v;
}

/* 8x8 RGB in -2..8 -> mean of each channel -> softmax over the three. */
char *
make_model (const char *folder)
{
  static const struct { const char *key, *value; } facts[] = {
    { "task", "classification" }, { "input", "8x8x3" }, { "color", "rgb" }, { "mean", "50" }, { "std", "25" },
    { "resize", "stretch" }, { "labels", "red\ngreen\nblue" },
  };
  char *path = g_build_filename (folder, "color.onnx", NULL);
  ConvoyGraph *g = convoy_graph_new (13);
  GHashTable *props = g_hash_table_new (g_str_hash, g_str_equal);
  GError *error = NULL;

  ConvoyValue x = convoy_graph_input (g, "picture", CONVOY_F32, &CONVOY_SHAPE (-1, 3, 8, 8));
  convoy_graph_output (g, node (g, "Softmax", node (g, "Flatten", node (g, "GlobalAveragePool", x))));
  for (guint i = 0; i < G_N_ELEMENTS (facts); i++)
    g_hash_table_insert (props, (char *) facts[i].key, (char *) facts[i].value);
  convoy_onnx_save (path, g, props, &error);
  g_assert_no_error (error);
  g_hash_table_unref (props);
  convoy_graph_unref (g);
  return path;
}
