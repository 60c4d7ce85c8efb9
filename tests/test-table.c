/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-table.c - tables as data sets: numbers, categories, texts; what is wrong is named with its line. */
#include "core/convoy.h"
#include "tests/temp-files.h"
#include <math.h>
#include <string.h>

static ConvoyDataset *
open_it (const char *name, const char *text, const ConvoyDatasetOptions *o)
{
  GError *error = NULL;
  ConvoyDataset *d = convoy_dataset_open_with (temp_write (name, text, -1), "train", o, &error);
  if (d == NULL)
    CU_FAIL_FATAL (error->message);
  return d;
}

static void
check_row (ConvoyDataset *d, gsize i, gint64 wanted, gsize n, const float *x)
{
  float got[8];
  gint64 label = -1;
  CU_ASSERT_EQUAL_FATAL (convoy_shape_count (&convoy_dataset_info (d)->shape), (gint64) n);
  CU_ASSERT_TRUE_FATAL (convoy_dataset_read (d, i, got, &label, NULL));
  CU_ASSERT_EQUAL (label, wanted);
  for (gsize k = 0; k < n; k++)
    CU_ASSERT_TRUE (fabsf (got[k] - x[k]) < 1e-6f);
}

/* 1 and 3: mean 2, deviation 1. */
static void
test_numbers (void)
{
  ConvoyDataset *d = open_it ("a.csv", "x, color, class\n1, red, no\n\n3, \"bl\"\"ue\", yes\r\n", NULL);
  const ConvoyDatasetInfo *info = convoy_dataset_info (d);
  CU_ASSERT_TRUE (info->n == 2 && info->n_classes == 2 && info->type == CONVOY_F32);
  CU_ASSERT_STRING_EQUAL (info->classes[0], "no");
  check_row (d, 0, 0, 3, (float[]) { -1, 0, 1 });
  check_row (d, 1, 1, 3, (float[]) { 1, 1, 0 });
  CU_ASSERT_STRING_EQUAL (convoy_dataset_name (d, 1), "a.csv:4");
  convoy_dataset_unref (d);
  d = open_it ("b.csv", "7;1;10\n9;3;2\n", &(ConvoyDatasetOptions) { .label = "3", .columns = (const char *const[]) { "2", NULL } });
  CU_ASSERT_STRING_EQUAL (convoy_dataset_info (d)->classes[0], "2");    /* by size, not by bytes */
  check_row (d, 0, 1, 1, (float[]) { -1 });
  convoy_dataset_unref (d);
  d = open_it ("c.csv", "1,a,0\n?,?,0\n3,b,1\n", &(ConvoyDatasetOptions) { .missing = "mean" });
  check_row (d, 1, 0, 3, (float[]) { 0, 0, 0 });
  convoy_dataset_unref (d);
}

/* Samples are scaled by what the training part says, and by nothing of the rest. */
static void
test_learnt_on_training (void)
{
  ConvoyDataset *d = open_it ("s.csv", "1,a\n3,b\n1,a\n3,b\n1000,a\n", NULL), *train, *rest;
  CU_ASSERT_TRUE_FATAL (convoy_dataset_split (d, 0.2, FALSE, 0, &train, &rest, NULL));
  check_row (train, 0, 0, 1, (float[]) { -1 });
  check_row (train, 3, 1, 1, (float[]) { 1 });
  check_row (rest, 0, 0, 1, (float[]) { 998 });
  convoy_dataset_unref (train);
  convoy_dataset_unref (rest);
  convoy_dataset_unref (d);
}

static void
test_texts (void)
{
  ConvoyDataset *d = open_it ("t.tsv", "train\t1\t\"Good\" film, really.\ntrain\t0\tBad.\n", &(ConvoyDatasetOptions) { .label = "2", .text = "3" });
  gint64 label;
  CU_ASSERT_EQUAL (convoy_dataset_info (d)->kind, CONVOY_SAMPLE_TEXT);
  GBytes *bytes = convoy_dataset_bytes (d, 0, &label, NULL);
  CU_ASSERT_EQUAL (label, 1);
  CU_ASSERT_TRUE (g_bytes_get_size (bytes) == 20 && memcmp (g_bytes_get_data (bytes, NULL), "\"Good\" film, really.", 20) == 0);
  g_bytes_unref (bytes);
  convoy_dataset_unref (d);
}

static void
test_errors (void)
{
  static const struct { const char *text; ConvoyDatasetOptions o; const char *says; } cases[] = {
    { "1,2,a\n1,2\n", { 0 }, "e.csv:2: 2 fields, but 3 in the first row" },
    { "1,a\n2,\"b\n3,c\n", { 0 }, "e.csv:2: a quote that never closes" },
    { "1,\"a\"b\n", { 0 }, "e.csv:1: text behind a closing quote" },
    { "1,a\n2,b\nx,a\n", { 0 }, "e.csv:3: column 1: \"x\" is no number" },
    { "v,class\n1,b\ninf,a\n", { 0 }, "e.csv:3: column v: \"inf\" is no number" },
    { "1,a\n,b\n", { 0 }, "e.csv:2: column 1: \"\" is missing (missing=mean fills it)" },
    { "1,a\n2,\n", { 0 }, "e.csv:2: column 2: \"\" is no label" },
    { "v,class\n1,b\n", { .label = "kind" }, "e.csv:1: no column \"kind\" among 2" },
    { "v,class\n1,b\n", { .label = "3" }, "e.csv:1: no column \"3\" among 2" },
    { "1,a\n", { .missing = "zero" }, "missing=zero is not known" },
    { "", { 0 }, "e.csv:1: no rows" },
    { "1,\xff\n", { 0 }, "no UTF-8 at byte 2" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    GError *error = NULL;
    CU_ASSERT_PTR_NULL (convoy_dataset_open_with (temp_write ("e.csv", cases[i].text, -1), "train", &cases[i].o, &error));
    temp_check_error (error, "e.csv", cases[i].says);
  }
}

/* A file of its own to validate on has no class that training has not. */
static void
test_unseen_label (void)
{
  ConvoyDataset *train = open_it ("train.csv", "1,a\n2,b\n", NULL), *other = open_it ("other.csv", "1,b\n2,z\n", NULL);
  GError *error = NULL;
  CU_ASSERT_PTR_NULL (convoy_dataset_select (other, convoy_dataset_info (train)->classes, FALSE, &error));
  temp_check_error (error, "other.csv:2", "class \"z\" was not seen in training");
  convoy_dataset_unref (train);
  convoy_dataset_unref (other);
}

int
main (void)
{
  static const TapTest tests[] = { { "numbers and categories", test_numbers }, { "scaled by the training part", test_learnt_on_training },
    { "texts", test_texts }, { "what is wrong is named", test_errors }, { "a label not seen in training", test_unseen_label }, { NULL, NULL } };
  return temp_main ("table", tests);
}
