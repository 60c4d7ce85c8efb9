/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * element-model.c - see element-model.h. */
#include "tests/element-model.h"
#include "core/convoy.h"
#include <string.h>

static ConvoyValue
node (ConvoyGraph *g, const char *op, ConvoyValue in)
{
  GError *error = NULL;
  ConvoyValue v = convoy_graph_node (g, op, NULL, &in, 1, NULL, 1, NULL, &error);
  g_assert_no_error (error);
  return v;
}

typedef struct { const char *key, *value; } Fact;

/* Takes g over. */
static char *
save_model (const char *folder, const char *name, ConvoyGraph *g, const Fact *facts, guint n)
{
  char *path = g_build_filename (folder, name, NULL);
  GHashTable *props = g_hash_table_new (g_str_hash, g_str_equal);
  GError *error = NULL;

  for (guint i = 0; i < n; i++)
    g_hash_table_insert (props, (char *) facts[i].key, (char *) facts[i].value);
  convoy_onnx_save (path, g, props, &error);
  g_assert_no_error (error);
  g_hash_table_unref (props);
  convoy_graph_unref (g);
  return path;
}

/* 8x8 RGB in -2..8 -> mean of each channel -> softmax over the three. */
char *
make_model (const char *folder)
{
  static const Fact facts[] = {
    { "task", "classification" }, { "input", "8x8x3" }, { "color", "rgb" }, { "mean", "50" }, { "std", "25" },
    { "resize", "stretch" }, { "labels", "red\ngreen\nblue" },
  };
  ConvoyGraph *g = convoy_graph_new (13);
  ConvoyValue x = convoy_graph_input (g, "picture", CONVOY_F32, &CONVOY_SHAPE (-1, 3, 8, 8));

  convoy_graph_output (g, node (g, "Softmax", node (g, "Flatten", node (g, "GlobalAveragePool", x))));
  return save_model (folder, "color.onnx", g, facts, G_N_ELEMENTS (facts));
}

/* Words -> 0 0, but good: 0 3, bad: 3 0 -> maximum over the words -> softmax over the two. */
char *
make_text_model (const char *folder)
{
  static const Fact facts[] = {
    { "task", "classification" }, { "labels", "complaint\npraise" }, { "vocabulary", "good\nbad\nfilm\n" }, { "length", "5" },
    { "truncate", "tail" }, { "pad", "head" },
  };
  GError *error = NULL;
  ConvoyGraph *g = convoy_net_parse ("embedding input-dim=6 output-dim=2 name=words ! globalmaxpool ! activation activation=softmax", "words",
      &CONVOY_SHAPE (1, 5), NULL, 0, &error);
  g_assert_no_error (error);
  ConvoyTensor *rows = convoy_params_get (convoy_graph_params (g), "words/embeddings");
  const float values[6][2] = { [CONVOY_TOKEN_FIRST] = { 0, 3 }, [CONVOY_TOKEN_FIRST + 1] = { 3, 0 } };
  memcpy (convoy_tensor_data (rows), values, sizeof values);
  return save_model (folder, "words.onnx", g, facts, G_N_ELEMENTS (facts));
}
