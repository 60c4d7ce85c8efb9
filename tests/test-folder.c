/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-folder.c - data sets that are folders of files, and parts of any data set: split, selected, renumbered. */
#include "core/convoy.h"
#include "tests/temp-files.h"
#include <string.h>

#define JPEG "\xff\xd8\xff\xe0 and so on"
#define PNG "\x89PNG\r\n\x1a\n and so on"

static ConvoyDataset *
open_it (const char *path, const char *split, const ConvoyDatasetOptions *o, gsize n)
{
  GError *error = NULL;
  ConvoyDataset *d = convoy_dataset_open_with (path, split, o, &error);
  if (d == NULL)
    CU_FAIL_FATAL (error->message);
  CU_ASSERT_EQUAL (convoy_dataset_info (d)->n, n);
  return d;
}

static void
refused (const char *path, const char *split, const ConvoyDatasetOptions *o, int code, const char *what, const char *says)
{
  GError *error = NULL;
  CU_ASSERT_PTR_NULL (convoy_dataset_open_with (path, split, o, &error));
  CU_ASSERT_TRUE_FATAL (error != NULL && error->code == code);
  temp_check_error (error, what, says);
}

static void
check_sample (ConvoyDataset *d, gsize i, const char *name, gint64 wanted, const char *content)
{
  gint64 label = -1, quick = -1;
  GBytes *bytes = convoy_dataset_bytes (d, i, &label, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL (bytes);
  CU_ASSERT_TRUE (convoy_dataset_label (d, i, &quick, NULL) && quick == wanted);
  CU_ASSERT_EQUAL (label, wanted);
  CU_ASSERT_STRING_EQUAL (convoy_dataset_name (d, i), name);
  CU_ASSERT_TRUE (g_bytes_get_size (bytes) == strlen (content) && memcmp (g_bytes_get_data (bytes, NULL), content, strlen (content)) == 0);
  g_bytes_unref (bytes);
}

static void
test_pictures (void)
{
  temp_write ("pets/dog/b.jpg", JPEG, -1);
  temp_write ("pets/dog/a.JPG", JPEG "a", -1);
  temp_write ("pets/dog/renamed.dat", PNG, -1);
  temp_write ("pets/cat/1.png", JPEG, -1);
  temp_write ("pets/cat/2.png", "no picture", -1);
  temp_write ("pets/cat/3.jpg", "", 0);
  temp_write ("pets/cat/inner/4.jpg", JPEG, -1);
  temp_write ("pets/cat/.hidden", JPEG, -1);
  temp_write ("pets/README", "about pets", -1);
  ConvoyDataset *d = open_it (temp_path ("pets"), "train", NULL, 4);
  const ConvoyDatasetInfo *info = convoy_dataset_info (d);
  CU_ASSERT_EQUAL (info->kind, CONVOY_SAMPLE_PICTURE);
  CU_ASSERT_EQUAL (info->n_classes, 2);
  CU_ASSERT_STRING_EQUAL (info->classes[0], "cat");
  check_sample (d, 0, "cat/1.png", 0, JPEG);
  check_sample (d, 1, "dog/a.JPG", 1, JPEG "a");
  check_sample (d, 3, "dog/renamed.dat", 1, PNG);
  static const char *const skipped[] = { "cat/2.png", "neither JPEG nor PNG", "cat/3.jpg", "an empty file", "cat/inner", "a folder within a class", NULL };
  CU_ASSERT_TRUE (g_strv_equal (convoy_dataset_skipped (d), skipped));
  GError *error = NULL;
  guint8 x[4];
  gint64 label;
  CU_ASSERT_FALSE (convoy_dataset_read (d, 0, x, &label, &error));
  temp_check_error (error, "picture files", "decode them");
  convoy_dataset_unref (d);
  refused (temp_path ("pets"), "test", NULL, CONVOY_ERROR_ABSENT, "pets", "no samples of the split \"test\"");
  refused (temp_path ("pets"), "dev", NULL, CONVOY_ERROR_INVALID, "dev", "train, validation, test and all");
}

/* What lies in the folder itself, without folders, is one class. */
static void
test_flat (void)
{
  static const char *const skipped[] = { "holiday/notes", "neither JPEG nor PNG", "holiday/raw", "a folder within a class", NULL };
  temp_write ("holiday/b.jpg", JPEG, -1);
  temp_write ("holiday/a.png", PNG, -1);
  temp_write ("holiday/notes", "nothing to be seen", -1);
  temp_write ("holiday/raw/a.nef", "nothing to be read", -1);
  for (guint i = 0; i < 2; i++) {
    g_autofree char *path = g_strconcat (temp_path ("holiday"), i ? "/" : "", NULL);
    ConvoyDataset *d = open_it (path, i ? "all" : "train", NULL, 2);
    CU_ASSERT_EQUAL (convoy_dataset_info (d)->n_classes, 1);
    CU_ASSERT_STRING_EQUAL (convoy_dataset_info (d)->classes[0], "holiday");
    check_sample (d, 0, "holiday/a.png", 0, PNG);
    check_sample (d, 1, "holiday/b.jpg", 0, JPEG);
    CU_ASSERT_TRUE (g_strv_equal (convoy_dataset_skipped (d), skipped));
    convoy_dataset_unref (d);
  }
  refused (temp_path ("holiday"), "train", &(ConvoyDatasetOptions) { .format = "cifar" }, CONVOY_ERROR_INVALID, "holiday",
      "is no CIFAR binary");
  refused (temp_path ("holiday"), "test", NULL, CONVOY_ERROR_ABSENT, "holiday", "no samples of the split \"test\"");
}

static void
test_empty_class (void)
{
  static const char *const both[] = { "a", "b", NULL }, *const one[] = { "a", NULL };
  temp_write ("hole/a/1.jpg", JPEG, -1);
  temp_write ("hole/a/2.jpg", "GIF89a", -1);
  temp_write ("hole/b/1.jpg", "GIF89a", -1);
  refused (temp_path ("hole"), "train", NULL, CONVOY_ERROR_INVALID, "class \"b\" has no picture left", "b/1.jpg: neither JPEG nor PNG");
  refused (temp_path ("hole"), "all", &(ConvoyDatasetOptions) { .classes = both }, CONVOY_ERROR_INVALID, "hole", "class \"b\"");
  convoy_dataset_unref (open_it (temp_path ("hole"), "train", &(ConvoyDatasetOptions) { .classes = one }, 1));
}

static void
test_texts_and_splits (void)
{
  temp_write ("reviews/train/pos/0_9.txt", "Good.", -1);
  temp_write ("reviews/train/neg/0_1.txt", "Bad.", -1);
  temp_write ("reviews/train/neg/0_1.html", "<p>Bad.", -1);
  temp_write ("reviews/val/pos/1.txt", "Fine.", -1);
  temp_write ("reviews/test/neg/7.txt", "No.", -1);
  const char *path = temp_path ("reviews");
  ConvoyDataset *d = open_it (path, "train", NULL, 2);
  CU_ASSERT_EQUAL (convoy_dataset_info (d)->kind, CONVOY_SAMPLE_TEXT);
  check_sample (d, 0, "train/neg/0_1.txt", 0, "Bad.");
  CU_ASSERT_STRING_EQUAL (convoy_dataset_skipped (d)[0], "train/neg/0_1.html");
  ConvoyDataset *v = open_it (path, "validation", NULL, 1);
  check_sample (v, 0, "val/pos/1.txt", 0, "Fine.");
  ConvoyDataset *same = convoy_dataset_select (v, convoy_dataset_info (d)->classes, FALSE, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL (same);
  CU_ASSERT_EQUAL (convoy_dataset_info (same)->n_classes, 2);
  check_sample (same, 0, "val/pos/1.txt", 1, "Fine.");
  convoy_dataset_unref (same);
  GError *error = NULL;
  CU_ASSERT_PTR_NULL (convoy_dataset_select (v, (const char *const[]) { "neg", NULL }, FALSE, &error));
  temp_check_error (error, "val/pos/1.txt", "class \"pos\" was not seen in training");
  convoy_dataset_unref (v);
  convoy_dataset_unref (d);
  d = open_it (path, "all", NULL, 4);
  check_sample (d, 0, "test/neg/7.txt", 0, "No.");
  convoy_dataset_unref (d);
}

static void
test_select (void)
{
  static const char *const order[] = { "c", "a", NULL }, *const unknown[] = { "a", "z", NULL }, *const twice[] = { "a", "a", NULL };
  for (const char *c = "abc"; *c; c++)
    for (guint i = 0; i < 4; i++) {
      g_autofree char *name = g_strdup_printf ("abc/%c/%u.txt", *c, i);
      temp_write (name, name, -1);
    }
  const char *path = temp_path ("abc");
  ConvoyDataset *d = open_it (path, "train", &(ConvoyDatasetOptions) { .classes = order }, 8), *train, *rest;
  check_sample (d, 0, "a/0.txt", 1, "abc/a/0.txt");
  check_sample (d, 7, "c/3.txt", 0, "abc/c/3.txt");
  CU_ASSERT_STRING_EQUAL (convoy_dataset_info (d)->classes[0], "c");
  CU_ASSERT_TRUE_FATAL (convoy_dataset_split (d, 0.25, TRUE, 3, &train, &rest, NULL));
  CU_ASSERT_TRUE (convoy_dataset_info (train)->n == 6 && convoy_dataset_info (rest)->n == 2);
  gint64 label, wanted;
  for (gsize i = 0; i < 2; i++) {
    wanted = convoy_dataset_name (rest, i)[0] == 'c' ? 0 : 1;
    CU_ASSERT_TRUE (convoy_dataset_label (rest, i, &label, NULL) && label == wanted);
  }
  convoy_dataset_unref (train);
  convoy_dataset_unref (rest);
  convoy_dataset_unref (d);
  refused (path, "train", &(ConvoyDatasetOptions) { .classes = unknown }, CONVOY_ERROR_INVALID, "class \"z\" is not there", "a, b, c");
  refused (path, "train", &(ConvoyDatasetOptions) { .classes = twice }, CONVOY_ERROR_INVALID, "class \"a\"", "named twice");
  refused (path, "train", &(ConvoyDatasetOptions) { .format = "zip" }, CONVOY_ERROR_UNSUPPORTED, "\"zip\" is not known", "folder");
}

int
main (void)
{
  static const TapTest tests[] = { { "folders of pictures", test_pictures }, { "pictures in the folder itself", test_flat }, { "a class of which nothing is left", test_empty_class },
    { "texts, and folders of splits", test_texts_and_splits }, { "selected classes", test_select }, { NULL, NULL } };
  return temp_main ("folder", tests);
}
