/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-networks.c - the networks of the zoo have the sizes that their papers and other
 * implementations state: parameters, and the shapes that layers give. */
#include "core/convoy.h"
#include "tests/tap.h"
#include <stdio.h>

/* Weights of a bound graph, and how many of them do not learn. */
static gint64
count (const ConvoyGraph *g, gint64 *averages)
{
  GArray *rows = convoy_graph_layers (g);
  gint64 total = 0;
  *averages = 0;
  for (guint i = 0; i < rows->len; i++) {
    const ConvoyLayer *l = &g_array_index (rows, ConvoyLayer, i);
    total += l->params;
    *averages += l->params - l->trainable;
  }
  g_array_unref (rows);
  return total;
}

typedef struct { const char *layer; ConvoyShape shape; } Expected;

/* The network at batch 2, up to a layer (NULL: all of it). */
static void
expect (const char *file, const char *const *vars, const char *upto, gint64 learn, gint64 averages, const Expected *layers, guint n)
{
  g_autofree char *name = g_strconcat (file, ".net", NULL), *path = g_build_filename (g_getenv ("srcdir"), "zoo", "networks", name, NULL);
  g_autoptr (GError) error = NULL;
  ConvoyGraph *g = convoy_net_load (path, vars, 1, &error), *b = NULL;
  gint64 have = 0, have_averages = 0;
  if (g) {
    ConvoyShape s = *convoy_graph_shape (g, convoy_graph_get_input (g, 0));
    s.d[0] = 2;
    b = convoy_graph_bind (g, &s, upto, &error);
  }
  CU_ASSERT_PTR_NOT_NULL (b);
  if (b)
    have = count (b, &have_averages);
  if (error || have != learn + averages || have_averages != averages)
    printf ("# %s: %s; %" G_GINT64_FORMAT " parameters, %" G_GINT64_FORMAT " of them averages\n", file, error ? error->message : "loads", have, have_averages);
  CU_ASSERT_EQUAL (have, learn + averages);
  CU_ASSERT_EQUAL (have_averages, averages);
  for (guint i = 0; b && i < n; i++) {
    ConvoyValue v = convoy_graph_find (b, layers[i].layer);
    const ConvoyShape *s = v == CONVOY_NONE ? NULL : convoy_graph_shape (b, v);
    g_autofree char *text = s ? convoy_shape_str (s) : g_strdup ("not there");
    if (s == NULL || !convoy_shape_equal (s, &layers[i].shape))
      printf ("# %s: %s is %s\n", file, layers[i].layer, text);
    CU_ASSERT (s && convoy_shape_equal (s, &layers[i].shape));
  }
  convoy_graph_unref (b);
  convoy_graph_unref (g);
}

#define LAYERS(...) (const Expected[]) { __VA_ARGS__ }, sizeof ((const Expected[]) { __VA_ARGS__ }) / sizeof (Expected)
#define AT(name, ...) { name, { sizeof ((gint64[]) { __VA_ARGS__ }) / sizeof (gint64), { __VA_ARGS__ } } }
#define VARS(...) (const char *const[]) { __VA_ARGS__, NULL }

/* (kernel * channels + 1) * filters, layer by layer. */
static void
test_cifar (void)
{
  gint64 convs = (9 * 3 + 1) * 32 + (9 * 32 + 1) * 32 + (9 * 32 + 1) * 64 + (9 * 64 + 1) * 64 + (9 * 64 + 1) * 64, out = (1024 + 1) * 10;
  CU_ASSERT_EQUAL (convs + (576 + 1) * 1024 + out, 703594);
  CU_ASSERT_EQUAL (convs + (64 + 1) * 1024 + out, 179306);
  expect ("cifar10-convnet", NULL, NULL, 703594, 0, LAYERS (AT ("conv2d", 2, 32, 30, 30), AT ("conv2d_1", 2, 32, 28, 28), AT ("max_pooling2d", 2, 32, 14, 14),
      AT ("conv2d_2", 2, 64, 12, 12), AT ("conv2d_3", 2, 64, 10, 10), AT ("max_pooling2d_1", 2, 64, 5, 5), AT ("conv2d_4", 2, 64, 3, 3),
      AT ("flatten", 2, 576), AT ("dense", 2, 1024), AT ("dense_1", 2, 10)));
  expect ("cifar10-convnet-gmp", NULL, NULL, 179306, 0, LAYERS (AT ("conv2d_4", 2, 64, 3, 3), AT ("global_max_pooling2d", 2, 64), AT ("dense", 2, 1024),
      AT ("dense_1", 2, 10)));
  expect ("cifar10-dense", NULL, NULL, 3073 * 100 + 101 * 10, 0, LAYERS (AT ("flatten", 2, 3072), AT ("dense_1", 2, 10)));
  expect ("cifar10-dense", VARS ("units", "512", "classes", "100"), NULL, 3073 * 512 + 513 * 100, 0, LAYERS (AT ("dense_1", 2, 100)));
}

/* The table of the published network, a row for each of its layers that has weights. */
static void
test_table (void)
{
  static const struct { const char *name, *formula; gint64 params, macs; } want[] = {
    { "conv2d", "(3*3*3+1)*32", 896, 30 * 30 * 32 * 27 }, { "conv2d_1", "(3*3*32+1)*32", 9248, 28 * 28 * 32 * 288 },
    { "conv2d_2", "(3*3*32+1)*64", 18496, 12 * 12 * 64 * 288 }, { "conv2d_3", "(3*3*64+1)*64", 36928, 10 * 10 * 64 * 576 },
    { "conv2d_4", "(3*3*64+1)*64", 36928, 3 * 3 * 64 * 576 }, { "dense", "(576+1)*1024", 590848, 576 * 1024 }, { "dense_1", "(1024+1)*10", 10250, 10240 },
  };
  g_autofree char *path = g_build_filename (g_getenv ("srcdir"), "zoo", "networks", "cifar10-convnet.net", NULL);
  ConvoyGraph *g = convoy_net_load (path, NULL, 1, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL (g);
  GArray *rows = convoy_graph_layers (g);
  guint n = 0;
  for (guint i = 0; i < rows->len; i++) {
    const ConvoyLayer *l = &g_array_index (rows, ConvoyLayer, i);
    if (l->params == 0)
      continue;
    CU_ASSERT_FATAL (n < G_N_ELEMENTS (want));
    CU_ASSERT_STRING_EQUAL (l->name, want[n].name);
    CU_ASSERT_STRING_EQUAL (l->formula, want[n].formula);
    CU_ASSERT_EQUAL (l->params, want[n].params);
    CU_ASSERT_EQUAL (l->macs, want[n].macs);
    n++;
  }
  CU_ASSERT_EQUAL (n, G_N_ELEMENTS (want));
  g_array_unref (rows);
  convoy_graph_unref (g);
}

/* Under two megabytes of weights. */
static void
test_cifar_best (void)
{
  gint64 kernels = 9 * (3 * 32 + 32 * 32 + 32 * 64 + 64 * 64 + 64 * 128 + 2 * 128 * 128), channels = 2 * 32 + 2 * 64 + 3 * 128;
  CU_ASSERT (4 * (kernels + 4 * channels + 129 * 10) < 2000000);
  expect ("cifar10-best", NULL, NULL, kernels + 2 * channels + 129 * 10, 2 * channels, LAYERS (AT ("max_pooling2d_2", 2, 128, 4, 4), AT ("dense", 2, 10)));
}

/* 156 + 2,416 + 48,120 + 10,164 + 850. */
static void
test_lenet (void)
{
  static const Expected layers[] = { AT ("conv2d", 2, 6, 28, 28), AT ("conv2d_1", 2, 16, 10, 10), AT ("flatten", 2, 400), AT ("dense", 2, 120),
    AT ("dense_1", 2, 84), AT ("dense_2", 2, 10) };
  expect ("lenet-5", NULL, NULL, 61706, 0, layers, G_N_ELEMENTS (layers));
  expect ("lenet-5", VARS ("activation", "tanh", "pool", "avgpool"), NULL, 61706, 0, layers, G_N_ELEMENTS (layers));
}

/* Totals as Keras' documentation and summaries give them. */
static void
test_mobilenet (void)
{
  expect ("mobilenet-v1", NULL, NULL, 4253864 - 21888, 21888, LAYERS (AT ("conv1", 2, 32, 112, 112), AT ("conv_dw_2_relu", 2, 64, 56, 56),
      AT ("conv_pw_11_relu", 2, 512, 14, 14), AT ("conv_dw_12", 2, 512, 7, 7), AT ("conv_pw_13_relu", 2, 1024, 7, 7), AT ("predictions", 2, 1000)));
  expect ("mobilenet-v1", VARS ("size", "160"), "conv_pw_13_relu", 3228864 - 21888, 21888, LAYERS (AT ("conv_pw_13_relu", 2, 1024, 5, 5)));
  expect ("mobilenet-v1", VARS ("width", "0.25"), NULL, 475544 - 5472, 5472, LAYERS (AT ("conv_pw_13_relu", 2, 256, 7, 7)));
  expect ("mobilenet-v2", NULL, NULL, 3538984 - 34112, 34112, LAYERS (AT ("Conv1_relu", 2, 32, 112, 112), AT ("expanded_conv_project_BN", 2, 16, 112, 112),
      AT ("block_1_expand", 2, 96, 112, 112), AT ("block_2_add", 2, 24, 56, 56), AT ("block_13_project", 2, 160, 7, 7),
      AT ("block_16_project_BN", 2, 320, 7, 7), AT ("out_relu", 2, 1280, 7, 7), AT ("predictions", 2, 1000)));
  expect ("mobilenet-v2", NULL, "out_relu", 2257984 - 34112, 34112, LAYERS (AT ("out_relu", 2, 1280, 7, 7)));
  expect ("mobilenet-v2", VARS ("width", "1.4"), "out_relu", 4363712 - 47936, 47936, LAYERS (AT ("out_relu", 2, 1792, 7, 7)));
}

/* Parameters as torchvision's documentation states them; it does not count the running averages. */
static void
test_resnet (void)
{
  expect ("resnet-18", NULL, NULL, 11689512, 9600, LAYERS (AT ("maxpool", 2, 64, 56, 56), AT ("layer1.1/out", 2, 64, 56, 56), AT ("layer2.0/out", 2, 128, 28, 28),
      AT ("layer4.1/out", 2, 512, 7, 7), AT ("avgpool", 2, 512), AT ("fc", 2, 1000)));
  expect ("resnet-50", NULL, NULL, 25557032, 53120, LAYERS (AT ("maxpool", 2, 64, 56, 56), AT ("layer1.2/out", 2, 256, 56, 56), AT ("layer2.3/out", 2, 512, 28, 28),
      AT ("layer3.5/out", 2, 1024, 14, 14), AT ("layer4.2/out", 2, 2048, 7, 7), AT ("avgpool", 2, 2048)));
}

/* Of the paper (VGG) and of torchvision (GoogLeNet, without auxiliary heads). */
static void
test_others (void)
{
  expect ("vgg-16", NULL, NULL, 138357544, 0, LAYERS (AT ("block1_conv2", 2, 64, 224, 224), AT ("block5_pool", 2, 512, 7, 7), AT ("flatten", 2, 25088)));
  expect ("vgg-16", NULL, "block5_pool", 14714688, 0, LAYERS (AT ("block5_pool", 2, 512, 7, 7)));
  expect ("inception-v1", NULL, NULL, 6624904, 2 * 7280, LAYERS (AT ("maxpool1", 2, 64, 56, 56), AT ("inception3a/out", 2, 256, 28, 28), AT ("inception3b/out", 2, 480, 28, 28),
      AT ("inception4a/out", 2, 512, 14, 14), AT ("inception4d/out", 2, 528, 14, 14), AT ("inception4e/out", 2, 832, 14, 14), AT ("inception5b/out", 2, 1024, 7, 7)));
}

static void
test_sequences (void)
{
  CU_ASSERT_EQUAL (10000 * 128 + (7 * 128 + 1) * 32 + (7 * 32 + 1) * 32 + 33, 1315937);
  expect ("imdb-convnet1d", NULL, NULL, 1315937, 0, LAYERS (AT ("embedding", 2, 500, 128), AT ("conv1d", 2, 32, 494), AT ("max_pooling1d", 2, 32, 98),
      AT ("conv1d_1", 2, 32, 92), AT ("global_max_pooling1d", 2, 32), AT ("dense", 2, 1)));
  expect ("table-convnet1d", VARS ("columns", "34"), NULL, (3 + 1) * 32 + (3 * 32 + 1) * 32 + (32 * 34 + 1) * 64 + 65 * 2, 0,
      LAYERS (AT ("reshape", 2, 1, 34), AT ("conv1d_1", 2, 32, 34), AT ("dense_1", 2, 2)));
}

/* Every file of the folder is among the tests above, so that none goes unlooked at. */
static void
test_folder (void)
{
  static const char *const known[] = { "cifar10-best.net", "cifar10-convnet-gmp.net", "cifar10-convnet.net", "cifar10-dense.net", "imdb-convnet1d.net",
    "inception-v1.net", "lenet-5.net", "mobilenet-v1.net", "mobilenet-v2.net", "resnet-18.net", "resnet-50.net", "table-convnet1d.net", "vgg-16.net", NULL };
  g_autofree char *path = g_build_filename (g_getenv ("srcdir"), "zoo", "networks", NULL);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  guint n = 0;
  CU_ASSERT_PTR_NOT_NULL_FATAL (dir);
  for (const char *name; (name = g_dir_read_name (dir)) != NULL;)
    if (g_str_has_suffix (name, ".net")) {
      CU_ASSERT (g_strv_contains (known, name));
      n++;
    }
  CU_ASSERT_EQUAL (n, G_N_ELEMENTS (known) - 1);
}

int
main (void)
{
  static const TapTest tests[] = {
    { "CIFAR-10 networks", test_cifar },
    { "cifar10-convnet, layer by layer", test_table },
    { "cifar10-best", test_cifar_best },
    { "LeNet-5", test_lenet },
    { "MobileNet v1 and v2", test_mobilenet },
    { "ResNet-18 and -50", test_resnet },
    { "VGG-16 and Inception v1", test_others },
    { "text and tables", test_sequences },
    { "no network without a test", test_folder },
    { NULL, NULL },
  };
  return tap_main ("networks", tests);
}
