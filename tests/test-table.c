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
    { "1,a\n1,\xff\n", { 0 }, "e.csv:2: no UTF-8 at byte 6" },
    { "1,a\n", { .header = "maybe" }, "header=maybe is not known; there are auto, yes, no" },
    { "1,a\n", { .split_column = "5" }, "e.csv:1: no column \"5\" among 2" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    GError *error = NULL;
    CU_ASSERT_PTR_NULL (convoy_dataset_open_with (temp_write ("e.csv", cases[i].text, -1), "train", &cases[i].o, &error));
    temp_check_error (error, "e.csv", cases[i].says);
  }
}

/* What was learnt, as text, and a table read by it. */
static void
test_learnt_elsewhere (void)
{
  ConvoyDataset *d = open_it ("l.csv", "x,color,class\n1,red,no\n3,\"a\tb\",yes\n", NULL), *train, *rest;
  g_autofree char *columns = convoy_dataset_columns (d);
  CU_ASSERT_STRING_EQUAL (columns, "missing\terror\nlabel\tclass\nnumber\tx\t2\t1\ncategory\tcolor\ta\\tb\tred\n");
  convoy_dataset_unref (d);
  ConvoyDatasetOptions o = { .learnt = columns };
  d = open_it ("m.csv", "color,y,x\nred,7,5\nblue,7,5\nred,7,\nred,7,many\n", &o);
  static const struct { gsize row; const char *says; } wrong[] = { { 1, "m.csv:3: column color: \"blue\" was not seen in training" },
    { 2, "m.csv:4: column x: \"\" is missing" }, { 3, "m.csv:5: column x: \"many\" is no number" } };
  CU_ASSERT_TRUE (convoy_dataset_info (d)->n == 4 && convoy_dataset_info (d)->n_classes == 0);
  check_row (d, 0, -1, 3, (float[]) { 3, 0, 1 });
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++) {
    GError *error = NULL;
    float x[3];
    gint64 label;
    CU_ASSERT_FALSE (convoy_dataset_read (d, wrong[i].row, x, &label, &error));
    temp_check_error (error, "m.csv", wrong[i].says);
  }
  convoy_dataset_unref (d);
  d = open_it ("n.csv", "class,x,color\nyes,2,red\n", &o);     /* with labels, in another order */
  CU_ASSERT_STRING_EQUAL (convoy_dataset_info (d)->classes[0], "yes");
  check_row (d, 0, 0, 3, (float[]) { 0, 0, 1 });
  convoy_dataset_unref (d);
  GError *error = NULL;
  CU_ASSERT_PTR_NULL (convoy_dataset_open_with (temp_write ("p.csv", "color\nred\n", -1), "all", &o, &error));
  temp_check_error (error, "p.csv:1", "no column \"x\" among 1");
  d = open_it ("q.csv", "1,a\n3,b\n1,a\n3,b\n1000,a\n", NULL);        /* of the training part alone */
  CU_ASSERT_TRUE_FATAL (convoy_dataset_split (d, 0.2, FALSE, 0, &train, &rest, NULL));
  g_autofree char *of_part = convoy_dataset_columns (train);
  CU_ASSERT_STRING_EQUAL (of_part, "missing\terror\nlabel\t2\nnumber\t1\t2\t1\n");
  convoy_dataset_unref (train);
  convoy_dataset_unref (rest);
  convoy_dataset_unref (d);
}

static void
test_learnt_is_checked (void)
{
  static const struct { const char *learnt, *says; } cases[] = { { "", "columns:1: none are named" }, { "label\tx\nnumber\tx\t1\t0\n", "columns:2: not missing, label" },
    { "number\tx\t1\n", "columns:1: not" }, { "nonsense\n", "columns:1: not" }, { "missing\tzero\n", "columns:1: not" } };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    GError *error = NULL;
    CU_ASSERT_PTR_NULL (convoy_dataset_open_with (temp_write ("r.csv", "x\n1\n", -1), "all", &(ConvoyDatasetOptions) { .learnt = cases[i].learnt }, &error));
    temp_check_error (error, "", cases[i].says);
  }
}

/* A column tells the parts apart; a first row that looks like a header is one, or not, when it is said. */
static void
test_parts_and_header (void)
{
  const char *text = "train\t1\tGood.\ntest\t0\tBad.\nvalid\t0\tSo so.\nTRAIN\t0\tNo.\n";
  static const struct { const char *split; gsize n; } parts[] = { { "train", 2 }, { "validation", 1 }, { "test", 1 }, { "all", 4 } };
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++) {
    ConvoyDatasetOptions o = { .label = "2", .text = "3", .split_column = "1" };
    ConvoyDataset *d = convoy_dataset_open_with (temp_write ("t.tsv", text, -1), parts[i].split, &o, NULL);
    CU_ASSERT_TRUE_FATAL (d != NULL);
    CU_ASSERT_EQUAL (convoy_dataset_info (d)->n, parts[i].n);
    convoy_dataset_unref (d);
  }
  GError *error = NULL;
  CU_ASSERT_PTR_NULL (convoy_dataset_open_with (temp_write ("u.tsv", "train\t1\nother\t0\n", -1), "train", &(ConvoyDatasetOptions) { .split_column = "1" }, &error));
  temp_check_error (error, "u.tsv:2", "\"other\" is no part of a data set");
  static const struct { const char *header; gsize n; } headers[] = { { NULL, 2 }, { "auto", 2 }, { "yes", 2 }, { "no", 3 } };
  for (guint i = 0; i < G_N_ELEMENTS (headers); i++) {
    ConvoyDataset *d = open_it ("h.csv", "1st,2\n1,2\n2,3\n", &(ConvoyDatasetOptions) { .header = headers[i].header, .missing = "mean", .columns = (const char *const[]) { "2", NULL }, .label = "1" });
    CU_ASSERT_EQUAL (convoy_dataset_info (d)->n, headers[i].n);
    convoy_dataset_unref (d);
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
    { "by what was learnt", test_learnt_elsewhere }, { "what was learnt is checked", test_learnt_is_checked }, { "parts and header", test_parts_and_header },
    { "texts", test_texts }, { "what is wrong is named", test_errors }, { "a label not seen in training", test_unseen_label }, { NULL, NULL } };
  return temp_main ("table", tests);
}
