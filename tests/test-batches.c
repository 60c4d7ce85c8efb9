/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-batches.c - order, normalization, augmentation and read-ahead of batches. */
#include "core/convoy.h"
#include "tests/temp-files.h"
#include <string.h>

/* Data sets that are computed: sample i is filled by its number. */
typedef struct {
  ConvoyDatasetInfo info;
  gsize fails;                  /* this sample cannot be read */
  gint reads;                   /* atomic */
} Source;

static gboolean
source_read (void *user, gsize i, void *sample, gint64 *label, GError **error)
{
  Source *s = user;
  gint64 count = convoy_shape_count (&s->info.shape);
  g_atomic_int_inc (&s->reads);
  if (i == s->fails) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "sample %zu: torn", i);
    return FALSE;
  }
  for (gint64 k = 0; k < count; k++)
    switch (s->info.type) {
      case CONVOY_U8: ((guint8 *) sample)[k] = (guint8) (i * 40 + k + 1); break;
      case CONVOY_F32: ((float *) sample)[k] = i + k / 64.0f; break;
      default: ((gint64 *) sample)[k] = (gint64) i << 40 | k;
    }
  *label = i;
  return TRUE;
}

static ConvoyDataset *
dataset (Source *s, gsize n, ConvoyShape shape, ConvoyType type)
{
  *s = (Source) { .info = { .n = n, .shape = shape, .type = type }, .fails = G_MAXSIZE };
  return convoy_dataset_new (&s->info, source_read, s, NULL);
}

/* All batches of an epoch one after another: x, then labels. */
typedef struct { GByteArray *x; GArray *y; } Epoch;

static Epoch
run_epoch (ConvoyBatches *b, guint epoch, gsize first, gsize size, gsize bytes)
{
  Epoch e = { g_byte_array_new (), g_array_new (FALSE, FALSE, sizeof (gint64)) };
  const void *x;
  const gint64 *y;
  GError *error = NULL;
  convoy_batches_start (b, epoch, first);
  while (convoy_batches_next (b, &x, &y, &error)) {
    g_byte_array_append (e.x, x, size * bytes);
    g_array_append_vals (e.y, y, size);
  }
  CU_ASSERT_PTR_NULL (error);
  CU_ASSERT_FALSE (convoy_batches_next (b, &x, &y, NULL));
  return e;
}

static void
epoch_clear (Epoch *e)
{
  g_byte_array_unref (e->x);
  g_array_unref (e->y);
}
#define LABEL(e, i) g_array_index ((e).y, gint64, i)

static gboolean
same_order (const Epoch *a, const Epoch *b)
{
  return a->y->len == b->y->len && memcmp (a->y->data, b->y->data, a->y->len * sizeof (gint64)) == 0;
}

/* --- order ------------------------------------------------------------ */

static void
test_natural_order (void)
{
  Source s;
  ConvoyDataset *d = dataset (&s, 10, CONVOY_SHAPE (2), CONVOY_F32);
  ConvoyBatches *b = convoy_batches_new (d, &(ConvoyBatchOptions) { .size = 4 });
  Epoch e = run_epoch (b, 0, 0, 4, 8);
  const float *x = (const float *) e.x->data;
  CU_ASSERT_EQUAL_FATAL (e.y->len, 12);
  for (guint i = 0; i < 12; i++) {
    CU_ASSERT_EQUAL (LABEL (e, i), i < 10 ? (gint64) i : -1);
    CU_ASSERT_EQUAL (x[2 * i], i < 10 ? i : 0);
    CU_ASSERT_EQUAL (x[2 * i + 1], i < 10 ? i + 1 / 64.0f : 0);
  }
  epoch_clear (&e);
  convoy_batches_free (b);
  convoy_dataset_unref (d);
}

static void
test_shuffled (void)
{
  Source s;
  ConvoyDataset *d = dataset (&s, 1000, CONVOY_SHAPE (1), CONVOY_F32);
  ConvoyBatches *one = convoy_batches_new (d, &(ConvoyBatchOptions) { .size = 32, .shuffle = TRUE, .seed = 7 });
  ConvoyBatches *two = convoy_batches_new (d, &(ConvoyBatchOptions) { .size = 32, .shuffle = TRUE, .seed = 7 });
  ConvoyBatches *other = convoy_batches_new (d, &(ConvoyBatchOptions) { .size = 32, .shuffle = TRUE, .seed = 8 });
  Epoch e[5] = { run_epoch (one, 0, 0, 32, 4), run_epoch (one, 1, 0, 32, 4), run_epoch (one, 2, 0, 32, 4), run_epoch (two, 2, 0, 32, 4), run_epoch (other, 2, 0, 32, 4) };
  for (guint i = 0; i < 5; i++) {
    guint seen[1000] = { 0 }, fixed = 0;
    for (guint k = 0; k < 1000; k++) {
      seen[LABEL (e[i], k)]++;
      fixed += LABEL (e[i], k) == k;
      CU_ASSERT_EQUAL (((float *) e[i].x->data)[k], LABEL (e[i], k));
    }
    for (guint k = 0; k < 1000; k++)
      CU_ASSERT_EQUAL (seen[k], 1);
    CU_ASSERT_TRUE (fixed < 10);        /* 1 is expected of a random permutation */
    for (guint k = 0; k < i; k++)
      CU_ASSERT_EQUAL (same_order (&e[i], &e[k]), i == 3 && k == 2);
  }
  for (guint i = 0; i < 5; i++)
    epoch_clear (&e[i]);
  convoy_batches_free (one);
  convoy_batches_free (two);
  convoy_batches_free (other);
  convoy_dataset_unref (d);
}

static void
test_resume (void)
{
  static const gsize firsts[] = { 0, 1, 5, 12, 13, 99 };
  Source s;
  gsize size = 8, bytes = 3 * 5 * 6 * sizeof (float);
  ConvoyBatchOptions o = { .size = size, .shuffle = TRUE, .seed = 3, .mean = { 100, 110, 120 }, .std = { 50, 60, 70 }, .flip = TRUE, .shift = 2, .cutout = 3 };
  ConvoyDataset *d = dataset (&s, 100, CONVOY_SHAPE (3, 5, 6), CONVOY_U8);
  ConvoyBatches *whole = convoy_batches_new (d, &o);
  Epoch before = run_epoch (whole, 4, 0, size, bytes), all = run_epoch (whole, 5, 0, size, bytes);
  CU_ASSERT_EQUAL_FATAL (all.y->len, 104);
  for (guint i = 0; i < G_N_ELEMENTS (firsts); i++) {
    ConvoyBatches *b = convoy_batches_new (d, &o);
    Epoch rest = run_epoch (b, 5, firsts[i], size, bytes);
    gsize skip = MIN (firsts[i], 13) * size;
    CU_ASSERT_EQUAL_FATAL (rest.y->len, 104 - skip);
    if (rest.y->len > 0) {
      CU_ASSERT_EQUAL (memcmp (rest.y->data, all.y->data + skip * sizeof (gint64), rest.y->len * sizeof (gint64)), 0);
      CU_ASSERT_EQUAL (memcmp (rest.x->data, all.x->data + skip * bytes, rest.x->len), 0);
    }
    epoch_clear (&rest);
    convoy_batches_free (b);
  }
  epoch_clear (&before);
  epoch_clear (&all);
  convoy_batches_free (whole);
  convoy_dataset_unref (d);
}

/* --- what becomes of a sample ------------------------------------------ */

static void
test_normalization (void)
{
  static const ConvoyBatchOptions options[] = {
    { .size = 1 }, { .size = 1, .mean = { 125.3f, 123, 113.9f }, .std = { 63, 62.1f, 66.7f } }, { .size = 1, .mean = { 9, 9, 9 } },
  };
  Source s;
  ConvoyDataset *d = dataset (&s, 1, CONVOY_SHAPE (3, 9, 11), CONVOY_U8);
  for (guint i = 0; i < G_N_ELEMENTS (options); i++) {
    ConvoyBatches *b = convoy_batches_new (d, &options[i]);
    Epoch e = run_epoch (b, 0, 0, 1, 3 * 99 * 4);
    for (guint k = 0; k < 3 * 99; k++) {
      float p = (guint8) (k + 1), wanted = i == 1 ? (p - options[i].mean[k / 99]) / options[i].std[k / 99] : p / 255;
      CU_ASSERT_EQUAL (((float *) e.x->data)[k], wanted);
    }
    epoch_clear (&e);
    convoy_batches_free (b);
  }
  convoy_dataset_unref (d);
}

static void
test_ids (void)
{
  Source s;
  ConvoyDataset *d = dataset (&s, 3, CONVOY_SHAPE (4), CONVOY_I64);
  ConvoyBatches *b = convoy_batches_new (d, &(ConvoyBatchOptions) { .size = 2 });
  Epoch e = run_epoch (b, 0, 0, 2, 32);
  for (guint k = 0; k < 16; k++)
    CU_ASSERT_EQUAL (((gint64 *) e.x->data)[k], k < 12 ? (gint64) (k / 4) << 40 | k % 4 : 0);
  epoch_clear (&e);
  convoy_batches_free (b);
  convoy_dataset_unref (d);
}

/* The picture of 2 channels, 3 x 4, of sample i moved right by dx and down by dy, then mirrored. */
static void
moved (float *out, gsize i, int dx, int dy, gboolean mirror)
{
  for (int c = 0; c < 2; c++)
    for (int y = 0; y < 3; y++)
      for (int x = 0; x < 4; x++) {
        int from_x = (mirror ? 3 - x : x) - dx, from_y = y - dy;
        gboolean inside = from_x >= 0 && from_x < 4 && from_y >= 0 && from_y < 3;
        out[c * 12 + y * 4 + x] = inside ? (guint8) (i * 40 + c * 12 + from_y * 4 + from_x + 1) / 255.0f : 0;
      }
}

/* Over many epochs every outcome that options allow occurs, about equally often, and no other. */
static void
check_outcomes (gboolean flip, int shift)
{
  enum { EPOCHS = 1000 };
  Source s;
  ConvoyDataset *d = dataset (&s, 4, CONVOY_SHAPE (2, 3, 4), CONVOY_U8);
  ConvoyBatches *b = convoy_batches_new (d, &(ConvoyBatchOptions) { .size = 4, .seed = 1, .flip = flip, .shift = shift });
  guint seen[2][5][5] = { 0 }, n = 0;
  float wanted[24];
  for (guint epoch = 0; epoch < EPOCHS; epoch++) {
    Epoch e = run_epoch (b, epoch, 0, 4, sizeof wanted);
    for (gsize i = 0; i < 4; i++)
      for (int k = 0; k < 50; k++) {
        int dx = k % 5 - 2, dy = k / 5 % 5 - 2;
        moved (wanted, i, dx, dy, k / 25);
        if (memcmp (e.x->data + i * sizeof wanted, wanted, sizeof wanted) == 0)
          seen[k / 25][dx + 2][dy + 2]++;
      }
    epoch_clear (&e);
  }
  guint outcomes = (flip ? 2 : 1) * (2 * shift + 1) * (2 * shift + 1), mean = 4 * EPOCHS / outcomes;
  for (int k = 0; k < 50; k++) {
    int dx = k % 5 - 2, dy = k / 5 % 5 - 2;
    guint got = seen[k / 25][dx + 2][dy + 2];
    n += got;
    if (ABS (dx) <= shift && ABS (dy) <= shift && (flip || k < 25))
      CU_ASSERT_TRUE (got > mean / 2 && got < mean * 2);
  }
  CU_ASSERT_EQUAL (n, 4 * EPOCHS);
  convoy_batches_free (b);
  convoy_dataset_unref (d);
}

static void test_flip (void) { check_outcomes (TRUE, 0); }
static void test_shift (void) { check_outcomes (FALSE, 1); }
static void test_flip_and_shift (void) { check_outcomes (TRUE, 2); }

/* A square of 3, cut by the rim, is zero in all channels; the rest is as it was. */
static void
test_cutout (void)
{
  Source s;
  ConvoyDataset *d = dataset (&s, 1, CONVOY_SHAPE (2, 6, 7), CONVOY_U8);
  ConvoyBatches *b = convoy_batches_new (d, &(ConvoyBatchOptions) { .size = 1, .cutout = 3 });
  guint whole = 0, hits[42] = { 0 };
  for (guint epoch = 0; epoch < 420; epoch++) {
    Epoch e = run_epoch (b, epoch, 0, 1, 84 * 4);
    const float *x = (const float *) e.x->data;
    int x0 = 7, x1 = -1, y0 = 6, y1 = -1, n = 0;
    for (int k = 0; k < 42; k++)
      if (x[k] == 0) {
        x0 = MIN (x0, k % 7), x1 = MAX (x1, k % 7), y0 = MIN (y0, k / 7), y1 = MAX (y1, k / 7);
        hits[k]++;
        n++;
      }
    int w = x1 - x0 + 1, h = y1 - y0 + 1;
    CU_ASSERT_EQUAL (n, w * h);
    CU_ASSERT_TRUE (w == 3 || (w == 2 && (x0 == 0 || x1 == 6)));
    CU_ASSERT_TRUE (h == 3 || (h == 2 && (y0 == 0 || y1 == 5)));
    whole += n == 9;
    for (int k = 0; k < 84; k++)
      CU_ASSERT_EQUAL (x[k], x[k % 42] == 0 ? 0 : (k + 1) / 255.0f);
    epoch_clear (&e);
  }
  for (guint k = 0; k < 42; k++)
    CU_ASSERT_TRUE (hits[k] > 0);
  CU_ASSERT_TRUE (whole > 100 && whole < 320); /* 20 of 42 middles leave the square whole: 200 */
  convoy_batches_free (b);
  convoy_dataset_unref (d);
}

/* What becomes of a sample depends on seed, epoch and its number, not on its place or batch. */
static void
test_same_in_any_batch (void)
{
  enum { N = 30, BYTES = 48 * 4 };
  static const ConvoyBatchOptions options[] = {
    { .size = 7, .flip = TRUE, .shift = 1, .cutout = 2, .seed = 5 }, { .size = 4, .flip = TRUE, .shift = 1, .cutout = 2, .seed = 5, .shuffle = TRUE },
    { .size = 30, .flip = TRUE, .shift = 1, .cutout = 2, .seed = 6 },
  };
  Source s;
  ConvoyDataset *d = dataset (&s, N, CONVOY_SHAPE (3, 4, 4), CONVOY_U8);
  guint8 seen[3][N][BYTES];
  guint same[3] = { 0 };
  for (guint i = 0; i < 3; i++) {
    ConvoyBatches *b = convoy_batches_new (d, &options[i]);
    Epoch e = run_epoch (b, 9, 0, options[i].size, BYTES);
    for (guint k = 0; k < e.y->len; k++)
      if (LABEL (e, k) >= 0)
        memcpy (seen[i][LABEL (e, k)], e.x->data + k * BYTES, BYTES);
    epoch_clear (&e);
    convoy_batches_free (b);
    for (guint k = 0; k < N; k++)
      same[i] += memcmp (seen[0][k], seen[i][k], BYTES) == 0;
  }
  CU_ASSERT_EQUAL (same[1], N);
  CU_ASSERT_TRUE (same[2] < N / 2);
  convoy_dataset_unref (d);
}

static void
test_refused (void)
{
  static const struct { ConvoyShape shape; ConvoyType type; ConvoyBatchOptions o; const char *what, *says; } cases[] = {
    { { 1, { 13 } }, CONVOY_F32, { .size = 2, .flip = TRUE }, "flip, shift and cutout are for pictures", "13 float32" },
    { { 3, { 3, 8, 8 } }, CONVOY_U8, { .size = 2, .shift = 8 }, "shift 8", "3x8x8" },
    { { 3, { 3, 8, 8 } }, CONVOY_U8, { .size = 2, .cutout = 9 }, "cutout 9", "3x8x8" },
    { { 3, { 4, 8, 8 } }, CONVOY_U8, { .size = 2, .std = { 1, 1, 1 } }, "3 channels", "4x8x8" },
    { { 3, { 3, 8, 8 } }, CONVOY_U8, { .size = 0 }, "0 samples", "batch" },
    { { 1, { 8 } }, CONVOY_F64, { .size = 1 }, "float64", "cannot be batched" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    Source s;
    ConvoyDataset *d = dataset (&s, 4, cases[i].shape, cases[i].type);
    ConvoyBatches *b = convoy_batches_new (d, &cases[i].o);
    const void *x;
    const gint64 *y;
    for (guint k = 0; k < 2; k++) {
      GError *error = NULL;
      convoy_batches_start (b, k, 0);
      CU_ASSERT_FALSE (convoy_batches_next (b, &x, &y, &error));
      temp_check_error (error, cases[i].what, cases[i].says);
    }
    convoy_batches_free (b);
    convoy_dataset_unref (d);
  }
}

/* --- the reader's thread ------------------------------------------------ */

static void
test_read_error (void)
{
  Source s;
  const void *x;
  const gint64 *y;
  GError *error = NULL;
  ConvoyDataset *d = dataset (&s, 20, CONVOY_SHAPE (1), CONVOY_F32);
  ConvoyBatches *b = convoy_batches_new (d, &(ConvoyBatchOptions) { .size = 4 });
  s.fails = 9;
  convoy_batches_start (b, 0, 0);
  CU_ASSERT_TRUE (convoy_batches_next (b, &x, &y, &error));
  CU_ASSERT_TRUE (convoy_batches_next (b, &x, &y, &error));
  CU_ASSERT_EQUAL (y[3], 7);
  CU_ASSERT_FALSE (convoy_batches_next (b, &x, &y, &error));
  temp_check_error (error, "sample 9", "torn");
  convoy_batches_start (b, 0, 3);
  CU_ASSERT_TRUE (convoy_batches_next (b, &x, &y, NULL));
  CU_ASSERT_EQUAL (y[0], 12);
  convoy_batches_free (b);
  convoy_dataset_unref (d);
}

/* At least two batches are read before they are asked for, and not the whole data set. */
static void
test_reads_ahead (void)
{
  Source s;
  const void *x;
  const gint64 *y;
  ConvoyDataset *d = dataset (&s, 1000, CONVOY_SHAPE (1), CONVOY_F32);
  ConvoyBatches *b = convoy_batches_new (d, &(ConvoyBatchOptions) { .size = 10 });
  convoy_batches_start (b, 0, 0);
  CU_ASSERT_TRUE (convoy_batches_next (b, &x, &y, NULL));
  for (guint i = 0; i < 500 && g_atomic_int_get (&s.reads) < 30; i++)
    g_usleep (10000);
  CU_ASSERT_TRUE (g_atomic_int_get (&s.reads) >= 30);
  g_usleep (50000);
  CU_ASSERT_TRUE (g_atomic_int_get (&s.reads) <= 50);
  for (gint64 i = 0; i < 10; i++)
    CU_ASSERT_EQUAL (y[i], i);  /* what the caller has stays */
  convoy_batches_free (b);
  convoy_dataset_unref (d);
}

static void
test_stops_anywhere (void)
{
  Source s;
  const void *x;
  const gint64 *y;
  ConvoyDataset *d = dataset (&s, 5000, CONVOY_SHAPE (3, 16, 16), CONVOY_U8);
  ConvoyBatches *b = convoy_batches_new (d, &(ConvoyBatchOptions) { .size = 8, .flip = TRUE });
  for (guint i = 0; i < 200; i++) {
    convoy_batches_start (b, 0, i);
    for (guint k = 0; k < i % 6; k++) {
      CU_ASSERT_TRUE (convoy_batches_next (b, &x, &y, NULL));
      CU_ASSERT_EQUAL (y[0], (i + k) * 8);
    }
    if (i % 3 == 0) {
      convoy_batches_free (b);
      b = convoy_batches_new (d, &(ConvoyBatchOptions) { .size = 8, .flip = TRUE });
    }
  }
  convoy_batches_free (b);
  convoy_batches_free (NULL);
  convoy_dataset_unref (d);
}

int
main (void)
{
  static const TapTest tests[] = {
    { "in order; the last batch is padded", test_natural_order },
    { "shuffles are permutations of seed and epoch", test_shuffled },
    { "resuming gives the batches of an uninterrupted run", test_resume },
    { "pixels become (p - mean) / std", test_normalization },
    { "token ids stay as they are", test_ids },
    { "flip", test_flip },
    { "shift", test_shift },
    { "flip and shift", test_flip_and_shift },
    { "cutout", test_cutout },
    { "a sample is the same in any batch", test_same_in_any_batch },
    { "what does not fit is refused", test_refused },
    { "an error in the middle of an epoch", test_read_error },
    { "reads ahead, within bounds", test_reads_ahead },
    { "stops anywhere", test_stops_anywhere },
    { NULL, NULL }
  };
  return temp_main ("batches", tests);
}
