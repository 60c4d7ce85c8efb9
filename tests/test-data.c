/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-data.c - the formats of data sets, byte for byte, and how they are split. With the folder
 * of the real ones in $CONVOY_DATA (cifar10/, mnist/) their published facts are checked too. */
#include "core/convoy.h"
#include "tests/temp-files.h"
#include <string.h>

#define PIXELS 3072

/* A CIFAR record: label bytes, then pixels that no two records share. */
static guint8
pixel (guint record, guint i)
{
  return (guint8) (record * 31 + i * 7 + i / 256);
}

static const char *
write_cifar (const char *name, guint n_labels, guint first, guint n, const guint8 *labels)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  for (guint r = 0; r < n; r++) {
    g_byte_array_append (bytes, labels + r * n_labels, n_labels);
    for (guint i = 0; i < PIXELS; i++)
      g_byte_array_append (bytes, (guint8[]) { pixel (first + r, i) }, 1);
  }
  return temp_write (name, bytes->data, bytes->len);
}

static void
check_sample (ConvoyDataset *d, gsize i, guint record, gint64 wanted, const char *name)
{
  guint8 x[PIXELS];
  gint64 label = -7;
  gboolean same = TRUE;
  CU_ASSERT_TRUE_FATAL (convoy_dataset_read (d, i, x, &label, NULL));
  CU_ASSERT_EQUAL (label, wanted);
  for (guint k = 0; k < PIXELS; k++)
    same = same && x[k] == pixel (record, k);
  CU_ASSERT_TRUE (same);
  CU_ASSERT_STRING_EQUAL (convoy_dataset_name (d, i), name);
}

static ConvoyDataset *
open_it (const char *path, const char *split, gsize n)
{
  GError *error = NULL;
  ConvoyDataset *d = convoy_dataset_open (path, split, &error);
  if (d == NULL)
    CU_FAIL_FATAL (error->message);
  CU_ASSERT_EQUAL (convoy_dataset_info (d)->n, n);
  return d;
}

static void
refused (const char *path, const char *split, const char *what, const char *says)
{
  GError *error = NULL;
  CU_ASSERT_PTR_NULL (convoy_dataset_open (path, split, &error));
  temp_check_error (error, what, says);
}

/* --- CIFAR ------------------------------------------------------------ */

static void
test_cifar10 (void)
{
  write_cifar ("c10/data_batch_1.bin", 1, 0, 3, (guint8[]) { 9, 0, 4 });
  write_cifar ("c10/data_batch_2.bin", 1, 3, 2, (guint8[]) { 1, 2 });
  write_cifar ("c10/test_batch.bin", 1, 5, 2, (guint8[]) { 7, 3 });
  const char *path = temp_path ("c10");
  ConvoyDataset *d = open_it (path, "train", 5);
  const ConvoyDatasetInfo *info = convoy_dataset_info (d);
  CU_ASSERT_TRUE (convoy_shape_equal (&info->shape, &CONVOY_SHAPE (3, 32, 32)));
  CU_ASSERT_EQUAL (info->type, CONVOY_U8);
  CU_ASSERT_EQUAL (info->n_classes, 10);
  CU_ASSERT_STRING_EQUAL (info->classes[0], "airplane");
  CU_ASSERT_STRING_EQUAL (info->classes[9], "truck");
  CU_ASSERT_PTR_NULL (info->classes[10]);
  check_sample (d, 0, 0, 9, "data_batch_1.bin[0]");
  check_sample (d, 2, 2, 4, "data_batch_1.bin[2]");
  check_sample (d, 3, 3, 1, "data_batch_2.bin[0]");
  GError *error = NULL;
  guint8 x[PIXELS];
  gint64 label;
  CU_ASSERT_FALSE (convoy_dataset_read (d, 5, x, &label, &error));
  temp_check_error (error, "sample 5", "of 5");
  convoy_dataset_unref (d);
  d = open_it (path, "test", 2);
  check_sample (d, 1, 6, 3, "test_batch.bin[1]");
  convoy_dataset_unref (d);
  d = open_it (path, "all", 7);
  check_sample (d, 4, 4, 2, "data_batch_2.bin[1]");
  check_sample (d, 5, 5, 7, "test_batch.bin[0]");
  convoy_dataset_unref (d);
  d = open_it (temp_path ("c10/data_batch_2.bin"), "train", 2);
  check_sample (d, 0, 3, 1, "data_batch_2.bin[0]");
  convoy_dataset_unref (d);
  refused (temp_path ("c10/data_batch_2.bin"), "test", "data_batch_2.bin", "no samples of the split \"test\"");
}

static void
test_cifar_classes (void)
{
  write_cifar ("named/data_batch_1.bin", 1, 0, 1, (guint8[]) { 9 });
  temp_write ("named/batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n", -1);
  ConvoyDataset *d = open_it (temp_path ("named"), "train", 1);
  CU_ASSERT_STRING_EQUAL (convoy_dataset_info (d)->classes[9], "j");
  convoy_dataset_unref (d);
  temp_write ("named/batches.meta.txt", "a\nb\n", -1);
  refused (temp_path ("named"), "train", "batches.meta.txt", "2 names for the 10 classes");
}

static void
test_cifar100 (void)
{
  write_cifar ("c100/train.bin", 2, 0, 2, (guint8[]) { 19, 99, 3, 42 });
  write_cifar ("c100/test.bin", 2, 2, 1, (guint8[]) { 1, 7 });
  ConvoyDataset *d = open_it (temp_path ("c100"), "train", 2);
  CU_ASSERT_EQUAL (convoy_dataset_info (d)->n_classes, 100);
  CU_ASSERT_STRING_EQUAL (convoy_dataset_info (d)->classes[42], "42");
  check_sample (d, 0, 0, 99, "train.bin[0]");
  check_sample (d, 1, 1, 42, "train.bin[1]");
  convoy_dataset_unref (d);
}

static void
test_cifar_refused (void)
{
  g_autofree guint8 *zeros = g_malloc0 (4 * 3073);
  refused (temp_write ("r1/data_batch_1.bin", zeros, 3073 + 3000), "train", "r1/data_batch_1.bin", "6073 bytes are no whole number of CIFAR-10 records of 3073");
  refused (temp_write ("r1/other.bin", zeros, 17), "all", "other.bin", "17 bytes");
  refused (temp_write ("r2/data_batch_1.bin", "", 0), "train", "r2/data_batch_1.bin", "an empty file");
  temp_write ("r3/data_batch_1.bin", zeros, 3073);
  temp_write ("r3/data_batch_3.bin", zeros, 3073);
  refused (temp_path ("r3"), "train", "data_batch_2.bin", "No such file");
  refused (temp_path ("r4/none"), "train", "r4/none", "no such file or folder");
  refused (temp_path ("r4"), "train", "r4", "not recognized as CIFAR binary");
  refused (temp_path ("r3"), "dev", "\"dev\"", "train, validation, test and all");
  zeros[3073] = 10;
  ConvoyDataset *d = open_it (temp_write ("r5/data_batch_1.bin", zeros, 2 * 3073), "train", 2);
  GError *error = NULL;
  guint8 x[PIXELS];
  gint64 label;
  CU_ASSERT_TRUE (convoy_dataset_read (d, 0, x, &label, NULL));
  CU_ASSERT_FALSE (convoy_dataset_read (d, 1, x, &label, &error));
  temp_check_error (error, "data_batch_1.bin[1]", "label 10 of 10 classes");
  convoy_dataset_unref (d);
}

/* --- IDX -------------------------------------------------------------- */

/* Three pictures 2 high and 3 wide, and their labels. */
static const guint8 pictures[] = { 0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 3,
  1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16, 21, 22, 23, 24, 25, 255 };
static const guint8 labels[] = { 0, 0, 8, 1, 0, 0, 0, 3, 6, 0, 2 };

static void
test_idx (void)
{
  temp_write ("idx/train-images-idx3-ubyte", pictures, sizeof pictures);
  temp_write ("idx/train-labels-idx1-ubyte", labels, sizeof labels);
  temp_write ("idx/t10k-images.idx3-ubyte", pictures, sizeof pictures);
  temp_write ("idx/t10k-labels.idx1-ubyte", labels, sizeof labels);
  ConvoyDataset *d = open_it (temp_path ("idx"), "train", 3);
  const ConvoyDatasetInfo *info = convoy_dataset_info (d);
  guint8 x[6];
  gint64 label;
  CU_ASSERT_TRUE_FATAL (convoy_shape_equal (&info->shape, &CONVOY_SHAPE (1, 2, 3)));
  CU_ASSERT_EQUAL (info->n_classes, 7);
  CU_ASSERT_STRING_EQUAL (info->classes[6], "6");
  CU_ASSERT_TRUE (convoy_dataset_read (d, 2, x, &label, NULL));
  CU_ASSERT_EQUAL (label, 2);
  CU_ASSERT_EQUAL (memcmp (x, pictures + 16 + 12, 6), 0);
  CU_ASSERT_STRING_EQUAL (convoy_dataset_name (d, 2), "train-images-idx3-ubyte[2]");
  convoy_dataset_unref (d);
  d = open_it (temp_path ("idx"), "test", 3);
  CU_ASSERT_STRING_EQUAL (convoy_dataset_name (d, 0), "t10k-images.idx3-ubyte[0]");
  convoy_dataset_unref (d);
  convoy_dataset_unref (open_it (temp_path ("idx"), "all", 6));
  convoy_dataset_unref (open_it (temp_path ("idx/train-images-idx3-ubyte"), "train", 3));
}

static void
test_idx_refused (void)
{
  static const struct { guint at; guint8 v; gsize cut, cut_labels; const char *what, *says; } cases[] = {
    { 3, 1, 0, 0, "train-images-idx3-ubyte", "begins with 0x00000801, not 0x00000803" },
    { 2, 13, 0, 0, "train-images-idx3-ubyte", "begins with 0x00000d03" },
    { 7, 4, 0, 0, "train-images-idx3-ubyte", "18 bytes after the header, which says 4x2x3" },
    { 4, 255, 0, 0, "train-images-idx3-ubyte", "says 4278190083x2x3" },
    { 0, 0, 1, 0, "train-images-idx3-ubyte", "17 bytes after the header" },
    { 0, 0, 25, 0, "train-images-idx3-ubyte", "9 bytes end within its header" },
    { 0, 0, 32, 0, "train-images-idx3-ubyte", "begins with 0x00000000" },
    { 0, 0, 0, 1, "train-labels-idx1-ubyte", "2 bytes after the header, which says 3" },
    { 0, 0x1f, 0, 0, "train-images-idx3-ubyte", "compressed by gzip" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    guint8 bad[sizeof pictures];
    memcpy (bad, pictures, sizeof bad);
    bad[cases[i].at] = cases[i].v;
    if (cases[i].v == 0x1f)
      bad[1] = 0x8b;
    temp_write ("bad/train-images-idx3-ubyte", bad, sizeof bad - cases[i].cut);
    temp_write ("bad/train-labels-idx1-ubyte", labels, sizeof labels - cases[i].cut_labels);
    refused (temp_path ("bad"), "train", cases[i].what, cases[i].says);
  }
  temp_write ("bad/train-images-idx3-ubyte", pictures, sizeof pictures);
  temp_write ("bad/train-labels-idx1-ubyte", ((guint8[]) { 0, 0, 8, 1, 0, 0, 0, 2, 6, 0 }), 10);
  refused (temp_path ("bad"), "train", "train-labels-idx1-ubyte", "2 labels for the 3 pictures of train-images-idx3-ubyte");
  temp_write ("lone/train-images-idx3-ubyte", pictures, sizeof pictures);
  refused (temp_path ("lone"), "train", "train-labels-idx1-ubyte", "No such file");
}

/* --- splitting -------------------------------------------------------- */

static gboolean
read_number (void *user, gsize i, void *sample, gint64 *label, GError **error)
{
  (void) user;
  (void) error;
  *(float *) sample = i;
  *label = i % 2;
  return TRUE;
}

static ConvoyDataset *
numbers (gsize n)
{
  ConvoyDatasetInfo info = { .n = n, .shape = CONVOY_SHAPE (1), .type = CONVOY_F32, .n_classes = 2, .classes = (const char *[]) { "even", "odd", NULL } };
  return convoy_dataset_new (&info, read_number, NULL, NULL);
}

/* The sample numbers that d has, as a string of marks. */
static char *
contents (ConvoyDataset *d, gsize n)
{
  char *marks = g_strnfill (n, '.');
  float v, before = -1;
  gint64 label;
  for (gsize i = 0; i < convoy_dataset_info (d)->n; i++, before = v) {
    CU_ASSERT_TRUE (convoy_dataset_read (d, i, &v, &label, NULL));
    CU_ASSERT_TRUE (v > before);        /* in the order of the whole */
    CU_ASSERT_EQUAL (marks[(gsize) v], '.');
    marks[(gsize) v] = 'x';
  }
  return marks;
}

static void
test_split_last (void)
{
  ConvoyDataset *d = numbers (10), *train, *rest;
  CU_ASSERT_TRUE_FATAL (convoy_dataset_split (d, 0.3, FALSE, 0, &train, &rest, NULL));
  g_autofree char *a = contents (train, 10), *b = contents (rest, 10);
  CU_ASSERT_STRING_EQUAL (a, "xxxxxxx...");
  CU_ASSERT_STRING_EQUAL (b, ".......xxx");
  CU_ASSERT_STRING_EQUAL (convoy_dataset_name (rest, 0), "[7]");
  CU_ASSERT_STRING_EQUAL (convoy_dataset_info (rest)->classes[1], "odd");
  convoy_dataset_unref (d);     /* the parts keep it */
  convoy_dataset_unref (train);
  float v;
  gint64 label;
  CU_ASSERT_TRUE (convoy_dataset_read (rest, 2, &v, &label, NULL));
  CU_ASSERT_EQUAL (v, 9);
  convoy_dataset_unref (rest);
}

static void
test_split_random (void)
{
  ConvoyDataset *d = numbers (1000), *train, *rest;
  char *seen[4];
  for (guint i = 0; i < 4; i++) {
    CU_ASSERT_TRUE_FATAL (convoy_dataset_split (d, 0.2, TRUE, i / 2, &train, &rest, NULL));
    CU_ASSERT_EQUAL (convoy_dataset_info (train)->n, 800);
    CU_ASSERT_EQUAL (convoy_dataset_info (rest)->n, 200);
    g_autofree char *a = contents (train, 1000);
    guint early = 0;
    seen[i] = contents (rest, 1000);
    for (guint k = 0; k < 1000; k++) {
      CU_ASSERT_NOT_EQUAL (a[k], seen[i][k]);
      early += k < 500 && seen[i][k] == 'x';
    }
    CU_ASSERT_TRUE (early > 60 && early < 140);
    convoy_dataset_unref (train);
    convoy_dataset_unref (rest);
  }
  CU_ASSERT_STRING_EQUAL (seen[0], seen[1]);
  CU_ASSERT_STRING_EQUAL (seen[2], seen[3]);
  CU_ASSERT_STRING_NOT_EQUAL (seen[0], seen[2]);
  for (guint i = 0; i < 4; i++)
    g_free (seen[i]);
  convoy_dataset_unref (d);
}

static void
test_split_refused (void)
{
  static const double parts[] = { 0, 1, -0.5, 0.01, 0.99, 2 };
  ConvoyDataset *d = numbers (10), *train, *rest;
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++) {
    GError *error = NULL;
    CU_ASSERT_FALSE (convoy_dataset_split (d, parts[i], i % 2, 0, &train, &rest, &error));
    temp_check_error (error, "of 10 samples", "empty");
  }
  convoy_dataset_unref (d);
}

/* --- the real ones ---------------------------------------------------- */

static void
check_classes (const char *name, const char *split, const guint *wanted)
{
  g_autofree char *path = g_build_filename (g_getenv ("CONVOY_DATA"), name, NULL);
  guint count[10] = { 0 }, n = 0;
  for (guint i = 0; i < 10; i++)
    n += wanted[i];
  ConvoyDataset *d = open_it (path, split, n);
  g_autofree guint8 *x = g_malloc (PIXELS);
  gint64 label;
  for (guint i = 0; i < n; i++) {
    CU_ASSERT_TRUE_FATAL (convoy_dataset_read (d, i, x, &label, NULL));
    count[label]++;
  }
  CU_ASSERT_EQUAL (convoy_dataset_info (d)->n_classes, 10);
  CU_ASSERT_EQUAL (memcmp (count, wanted, sizeof count), 0);
  convoy_dataset_unref (d);
}

static void
test_real_cifar10 (void)
{
  check_classes ("cifar10", "train", (guint[]) { 5000, 5000, 5000, 5000, 5000, 5000, 5000, 5000, 5000, 5000 });
  check_classes ("cifar10", "test", (guint[]) { 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000 });
}

static void
test_real_mnist (void)
{
  check_classes ("mnist", "train", (guint[]) { 5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949 });
  check_classes ("mnist", "test", (guint[]) { 980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009 });
}

int
main (void)
{
  static const TapTest tests[] = {
    { "CIFAR-10: records, splits, names", test_cifar10 },
    { "CIFAR-10: names of the classes", test_cifar_classes },
    { "CIFAR-100: the fine label", test_cifar100 },
    { "CIFAR: what is wrong is named", test_cifar_refused },
    { "IDX: pictures and labels", test_idx },
    { "IDX: what is wrong is named", test_idx_refused },
    { "split: the last part", test_split_last },
    { "split: a random part", test_split_random },
    { "split: neither side is empty", test_split_refused },
    { NULL, NULL }
  }, real[] = {
    { "CIFAR-10 itself: counts of the classes", test_real_cifar10 },
    { "MNIST itself: counts of the classes", test_real_mnist },
    { NULL, NULL }
  };
  return g_getenv ("CONVOY_DATA") ? temp_main ("real data", real) : temp_main ("data", tests);
}
