/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * make-files.c - writes into FOLDER what test scripts need: color.onnx, a classifier of three colours;
 * words.onnx, one of texts; head.onnx, which takes three maps of one pixel; misfit.onnx, whose weights do not fit its input; and pictures that are mostly red. */
#include "tests/element-model.h"
#include "tests/element-tools.h"
#include "core/convoy.h"
#include <stdio.h>

/* Weights for pictures of 9x9, in a file that says 8x8. */
static void
make_misfit (const char *folder)
{
  g_autofree char *path = g_build_filename (folder, "misfit.onnx", NULL);
  ConvoyGraph *g = convoy_graph_new (13);
  GHashTable *props = g_hash_table_new (g_str_hash, g_str_equal);
  GError *error = NULL;
  float *values = g_new0 (float, 486);
  ConvoyTensor *weights = convoy_tensor_new_wrap (CONVOY_F32, &CONVOY_SHAPE (243, 2), values, g_free, values);
  ConvoyValue x = convoy_graph_input (g, "picture", CONVOY_F32, &CONVOY_SHAPE (-1, 3, 9, 9));
  ConvoyValue flat = convoy_graph_node (g, "Flatten", NULL, &x, 1, NULL, 1, NULL, &error);
  const ConvoyValue in[] = { flat, convoy_graph_param (g, "weights", weights) };
  convoy_graph_output (g, convoy_graph_node (g, "MatMul", "dense", in, 2, NULL, 1, NULL, &error));
  g_hash_table_insert (props, (char *) "task", (char *) "classification");
  g_hash_table_insert (props, (char *) "input", (char *) "8x8x3");
  g_hash_table_insert (props, (char *) "mean", (char *) "0");
  g_hash_table_insert (props, (char *) "std", (char *) "1");
  g_hash_table_insert (props, (char *) "color", (char *) "rgb");
  g_hash_table_insert (props, (char *) "resize", (char *) "stretch");
  g_hash_table_insert (props, (char *) "labels", (char *) "one\ntwo");
  if (error || !convoy_onnx_save (path, g, props, &error))
    g_error ("%s", error->message);
  convoy_tensor_unref (weights);
  g_hash_table_unref (props);
  convoy_graph_unref (g);
}

/* What may follow the three averages of color.onnx: the first of two classes for red. */
static void
make_head (const char *folder)
{
  static const float weights[] = { 9, -9, -9, 9, -9, 9 };
  float *values = g_memdup2 (weights, sizeof weights);
  g_autofree char *path = g_build_filename (folder, "head.onnx", NULL);
  g_autoptr (ConvoyTensor) w = convoy_tensor_new_wrap (CONVOY_F32, &CONVOY_SHAPE (3, 2), values, g_free, values);
  ConvoyGraph *g = convoy_graph_new (13);
  GHashTable *props = g_hash_table_new (g_str_hash, g_str_equal);
  GError *error = NULL;
  ConvoyValue v = convoy_graph_input (g, "features", CONVOY_F32, &CONVOY_SHAPE (-1, 3, 1, 1));
  v = convoy_graph_node (g, "Flatten", NULL, &v, 1, NULL, 1, NULL, &error);
  v = convoy_graph_node (g, "MatMul", "dense", (ConvoyValue[]) { v, convoy_graph_param (g, "weights", w) }, 2, NULL, 1, NULL, &error);
  convoy_graph_output (g, v);
  g_hash_table_insert (props, (char *) "task", (char *) "classification");
  g_hash_table_insert (props, (char *) "labels", (char *) "warm\ncold");
  if (error || !convoy_onnx_save (path, g, props, &error))
    g_error ("%s", error->message);
  g_hash_table_unref (props);
  convoy_graph_unref (g);
}

/* Takes picture over. */
static void
keep (const char *folder, const char *name, GstBuffer *picture)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  GstMapInfo map;
  GError *error = NULL;
  gst_buffer_map (picture, &map, GST_MAP_READ);
  if (!g_file_set_contents (path, (const char *) map.data, (gssize) map.size, &error))
    g_error ("%s", error->message);
  gst_buffer_unmap (picture, &map);
  gst_buffer_unref (picture);
}

int
main (int argc, char **argv)
{
  const char *folder = argc > 1 ? argv[1] : ".";
  g_autofree char *model = make_model (folder);

  gst_init (NULL, NULL);
  g_free (make_text_model (folder));
  make_misfit (folder);
  make_head (folder);
  keep (folder, "red.jpg", make_jpeg (JPEG_COLOR, 64, 48, 0));
  keep (folder, "grey.jpg", make_jpeg (JPEG_GREY, 64, 48, 0));
  keep (folder, "cmyk.jpg", make_jpeg (JPEG_CMYK, 64, 48, 0));
  keep (folder, "rotated.jpg", make_jpeg (JPEG_COLOR, 64, 48, 6));
  keep (folder, "progressive.jpg", make_jpeg (JPEG_PROGRESSIVE, 64, 48, 0));
  keep (folder, "red.png", make_png (PNG_RGB8, 64, 48));
  keep (folder, "alpha.png", make_png (PNG_RGBA8, 64, 48));
  keep (folder, "dot.jpg", make_jpeg (JPEG_COLOR, 1, 1, 0));
  keep (folder, "dot.png", make_png (PNG_RGB8, 1, 1));
  puts (model);
  return 0;
}
