/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-features.c - the feature store: complete or as it was, the same whatever order, kill and
 * restart it went through, refused where it does not fit. */
#include "core/convoy.h"
#include "tests/temp-files.h"
#include <glib/gstdio.h>
#include <hdf5.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define N 40
static const ConvoyShape shape = { 3, { 3, 5, 7 } };    /* an odd count of floats */
static const ConvoyFeaturesInfo info = { "c0ffee", "layer=x", "/models/a.onnx", "conv9", "none", "160x160" };
static const char *const classes[] = { "cat", "dog", NULL };

/* Sample i: the first half for training, names that sort. */
static ConvoyFeaturesSample
sample (guint i)
{
  static char name[N][32];
  g_snprintf (name[i], sizeof name[i], "%s/%02u.jpg", i % 2 ? "dog" : "cat", i);
  return (ConvoyFeaturesSample) { name[i], i < N / 2 ? "train" : "validation", i % 2, 1000 + i, -1600000000000000 + i };
}

static void
fill (float *v, guint i)
{
  for (guint k = 0; k < 105; k++)
    v[k] = (float) (i * 1000 + k) / 7;
}

static ConvoyFeatures *
open_store (const char *path)
{
  GError *error = NULL;
  ConvoyFeatures *f = convoy_features_open (path, &info, &error);
  CU_ASSERT_PTR_NULL (error);
  CU_ASSERT_FATAL (f != NULL);
  CU_ASSERT (convoy_features_set_classes (f, classes, NULL));
  return f;
}

static void
add (ConvoyFeatures *f, guint i)
{
  float v[105];
  ConvoyFeaturesSample s = sample (i);
  GError *error = NULL;
  fill (v, i);
  CU_ASSERT (convoy_features_add (f, &s, v, &shape, &error));
  CU_ASSERT_PTR_NULL (error);
}

/* Asks for each of the first n samples and adds those that are not there, as an element does;
 * step gives another order. How many were added. */
static guint
extract (ConvoyFeatures *f, guint n, guint step)
{
  guint added = 0;
  for (guint k = 0; k < n; k++) {
    ConvoyFeaturesSample s = sample (k * step % n);
    if (convoy_features_has (f, &s))
      continue;
    add (f, k * step % n);
    added++;
  }
  return added;
}

static void
finish (ConvoyFeatures *f, guint compression)
{
  GError *error = NULL;
  CU_ASSERT (convoy_features_finish (f, compression, &error));
  CU_ASSERT_PTR_NULL (error);
  convoy_features_free (f);
}

static gboolean
same_file (const char *a, const char *b)
{
  g_autofree char *x = NULL, *y = NULL;
  gsize n = 0, m = 1;
  return g_file_get_contents (a, &x, &n, NULL) && g_file_get_contents (b, &y, &m, NULL) && n == m && memcmp (x, y, n) == 0;
}

/* The journal of a store in the scratch folder. */
static const char *
part_of (const char *name)
{
  g_autofree char *part = g_strdup_printf (".%s.part", name);
  return temp_path (part);
}

static void
check_split (const char *path, const char *split, guint from, guint to)
{
  GError *error = NULL;
  g_autofree float *v = g_new (float, 105), *wanted = g_new (float, 105);
  ConvoyDataset *d = convoy_dataset_open (path, split, &error);
  CU_ASSERT_PTR_NULL (error);
  CU_ASSERT_FATAL (d != NULL);
  const ConvoyDatasetInfo *i = convoy_dataset_info (d);
  CU_ASSERT (i->n == to - from && i->n_classes == 2 && strcmp (i->classes[1], "dog") == 0 && convoy_shape_equal (&i->shape, &shape));
  guint cats = (to - from) / 2;
  for (guint k = 0; k < i->n; k++) {
    gint64 label;
    guint which = from + (k < cats ? 2 * k : 2 * (k - cats) + 1);       /* cats sort before dogs */
    ConvoyFeaturesSample s = sample (which);
    fill (wanted, which);
    CU_ASSERT (convoy_dataset_read (d, k, v, &label, NULL));
    CU_ASSERT (label == which % 2 && memcmp (v, wanted, 105 * sizeof *v) == 0);
    CU_ASSERT_STRING_EQUAL (convoy_dataset_name (d, k), s.name);
  }
  convoy_dataset_unref (d);
}

static void
test_round_trip (void)
{
  static const char *const names[] = { "plain.h5", "packed.h5" };
  for (guint i = 0; i < 2; i++) {
    const char *path = temp_path (names[i]);
    ConvoyFeatures *f = open_store (path);
    CU_ASSERT (extract (f, N, 7) == N);
    CU_ASSERT (!g_file_test (path, G_FILE_TEST_EXISTS));
    finish (f, i ? 4 : 0);
    CU_ASSERT (!g_file_test (part_of (names[i]), G_FILE_TEST_EXISTS));
    check_split (path, "train", 0, N / 2);
    check_split (path, "validation", N / 2, N);
  }
  GError *error = NULL;
  CU_ASSERT_PTR_NULL (convoy_dataset_open (temp_path ("plain.h5"), "test", &error));
  temp_check_error (error, "plain.h5", "has no samples of the split \"test\"");
}

/* A child is killed with so many rows in; then tail bytes of its journal are cut off. */
static void
be_killed (const char *path, guint rows, guint tail, const char *part)
{
  pid_t child = fork ();
  if (child == 0) {
    ConvoyFeatures *f = convoy_features_open (path, &info, NULL);
    if (f && convoy_features_set_classes (f, classes, NULL))
      extract (f, rows, 1);
    raise (SIGKILL);
  }
  waitpid (child, NULL, 0);
  struct stat st;
  CU_ASSERT_FATAL (stat (part, &st) == 0);
  CU_ASSERT (truncate (part, st.st_size - tail) == 0);
}

static void
test_killed (void)
{
  static const guint tails[] = { 0, 1, 500 };
  const char *whole = temp_path ("whole.h5"), *cut = temp_path ("cut.h5");
  ConvoyFeatures *f = open_store (whole);
  extract (f, N, 1);
  finish (f, 0);
  for (guint i = 0; i < G_N_ELEMENTS (tails); i++) {
    be_killed (cut, 25, tails[i], part_of ("cut.h5"));
    CU_ASSERT (!g_file_test (cut, G_FILE_TEST_EXISTS));
    f = open_store (cut);
    guint added = extract (f, N, 1);
    CU_ASSERT (added == (tails[i] == 0 ? N - 25 : tails[i] == 1 ? N - 24 : N - 24));
    finish (f, 0);
    CU_ASSERT (same_file (whole, cut));
    g_unlink (cut);
  }
}

static void
test_only_new (void)
{
  const char *path = temp_path ("grows.h5"), *whole = temp_path ("whole.h5");
  struct stat before, after;
  ConvoyFeatures *f = open_store (path);
  extract (f, N - 4, 5);
  finish (f, 0);
  stat (path, &before);
  f = open_store (path);
  CU_ASSERT (extract (f, N - 4, 1) == 0);
  finish (f, 0);
  stat (path, &after);
  CU_ASSERT (before.st_ino == after.st_ino && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
  f = open_store (path);
  CU_ASSERT (extract (f, N, 1) == 4);
  finish (f, 0);
  CU_ASSERT (same_file (path, whole));

  f = open_store (path);        /* its file was changed */
  ConvoyFeaturesSample s = sample (3);
  s.digest++;
  CU_ASSERT (!convoy_features_has (f, &s));
  convoy_features_free (f);
}

static void
test_drops (void)
{
  const char *path = temp_path ("drops.h5");
  ConvoyFeatures *f = open_store (path);
  extract (f, N, 1);
  finish (f, 0);
  f = open_store (path);
  extract (f, 18, 1);           /* two of the training pictures are gone; validation is not looked at */
  convoy_features_drop_rest (f, "train");
  CU_ASSERT (convoy_features_finish (f, 0, NULL));
  ConvoyFeaturesCount c = convoy_features_count (f);
  CU_ASSERT (c.rows == N - 2 && c.dropped == 2 && c.added == 0);
  convoy_features_free (f);
  check_split (path, "train", 0, 18);
  check_split (path, "validation", N / 2, N);
}

static void
test_classes (void)
{
  static const char *const more[] = { "bird", "cat", "dog", NULL }, *const less[] = { "bird", "cat", NULL };
  const char *path = temp_path ("classes.h5");
  gint64 label;
  float v[105];
  GError *error = NULL;
  ConvoyFeatures *f = open_store (path);
  extract (f, N, 1);
  finish (f, 0);
  f = convoy_features_open (path, &info, NULL);
  CU_ASSERT (convoy_features_set_classes (f, more, NULL));
  finish (f, 0);
  ConvoyDataset *d = convoy_dataset_open (path, "train", NULL);
  CU_ASSERT (convoy_dataset_read (d, 0, v, &label, NULL) && label == 1);
  convoy_dataset_unref (d);
  f = convoy_features_open (path, &info, NULL);
  CU_ASSERT (!convoy_features_set_classes (f, less, &error));
  temp_check_error (error, "classes.h5", "class dog, which is none of bird, cat");
  convoy_features_free (f);
}

static void
test_refused (void)
{
  static const struct { ConvoyFeaturesInfo info; const char *says; } rows[] = {
    { { .checksum = "deadbeef", .request = "layer=x", .model = "/models/b.onnx" }, "made with checksum \"c0ffee\" by /models/a.onnx, refused for checksum \"deadbeef\" of /models/b.onnx" },
    { { .checksum = "c0ffee", .request = "layer=y" }, "made with request \"layer=x\" by /models/a.onnx, refused for request \"layer=y\" of the model now used" },
    { { .checksum = "c0ffee", .request = "layer=x", .layer = "conv1" }, "made with layer \"conv9\" by /models/a.onnx, refused for layer \"conv1\"" },
    { { .checksum = "", .request = "" }, "made with checksum \"c0ffee\" by /models/a.onnx, refused for checksum \"\"" },
  };
  const char *path = temp_path ("refused.h5");
  const ConvoyShape other = { 1, { 105 } };
  float v[105] = { 0 };
  GError *error = NULL;
  ConvoyFeaturesSample s = sample (5);
  ConvoyFeatures *f = open_store (path);
  extract (f, 4, 1);
  CU_ASSERT (!convoy_features_add (f, &s, v, &other, &error));
  temp_check_error (error, "refused.h5", "features of dog/05.jpg are 105, those stored are 3x5x7");
  finish (f, 0);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    error = NULL;
    CU_ASSERT_PTR_NULL (convoy_features_open (path, &rows[i].info, &error));
    temp_check_error (error, "refused.h5", rows[i].says);
  }
  be_killed (temp_path ("half.h5"), 3, 0, part_of ("half.h5"));
  error = NULL;
  CU_ASSERT_PTR_NULL (convoy_features_open (temp_path ("half.h5"), &rows[0].info, &error));
  temp_check_error (error, "half.h5", "an unfinished run left rows of model c0ffee, layer=x, these are of model deadbeef, layer=x");
}

static void
test_one_writer (void)
{
  const char *path = temp_path ("held.h5");
  g_autofree char *who = g_strdup_printf ("process %ld is writing this store", (long) getpid ());
  GError *error = NULL;
  ConvoyFeatures *f = open_store (path);
  CU_ASSERT_PTR_NULL (convoy_features_open (path, &info, &error));
  temp_check_error (error, "held.h5", who);
  convoy_features_free (f);
  CU_ASSERT (!g_file_test (part_of ("held.h5"), G_FILE_TEST_EXISTS));
  convoy_features_free (open_store (path));
}

/* Reading it would wait for a writer. */
static void
test_no_regular_file (void)
{
  const char *path = temp_path ("pipe.h5");
  GError *error = NULL;
  struct stat st;
  CU_ASSERT_EQUAL_FATAL (mkfifo (path, 0600), 0);
  CU_ASSERT_PTR_NULL (convoy_features_open (path, &info, &error));
  temp_check_error (error, "pipe.h5: cannot write", "not a regular file");
  CU_ASSERT (stat (path, &st) == 0 && S_ISFIFO (st.st_mode));
}

/* As h5py writes them: double precision, int32 labels, variable-length names, nothing of ours. */
static void
make_foreign (const char *path)
{
  const hsize_t dims[] = { 2, 3 };
  const double x[] = { 1, 2, 3, 4, 5, 6.5 };
  const int y[] = { 1, 0 };
  const char *const names[] = { "first", "second one" };
  hid_t file = H5Fcreate (path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), text = H5Tcopy (H5T_C_S1);
  H5Tset_size (text, H5T_VARIABLE);
  const struct { const char *name; int rank; hid_t type; const void *data; } sets[] = {
    { "features", 2, H5T_NATIVE_DOUBLE, x }, { "labels", 1, H5T_NATIVE_INT, y }, { "names", 1, text, names },
  };
  for (guint i = 0; i < G_N_ELEMENTS (sets); i++) {
    hid_t space = H5Screate_simple (sets[i].rank, dims, NULL);
    hid_t set = H5Dcreate2 (file, sets[i].name, sets[i].type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    CU_ASSERT (H5Dwrite (set, sets[i].type, H5S_ALL, H5S_ALL, H5P_DEFAULT, sets[i].data) >= 0);
    H5Dclose (set);
    H5Sclose (space);
  }
  H5Tclose (text);
  H5Fclose (file);
}

static void
test_foreign (void)
{
  const char *path = temp_path ("foreign.h5");
  float v[3];
  gint64 label;
  GError *error = NULL;
  make_foreign (path);
  ConvoyDataset *d = convoy_dataset_open (path, "train", &error);
  CU_ASSERT_FATAL (d != NULL);
  CU_ASSERT (convoy_dataset_info (d)->n == 2 && convoy_dataset_info (d)->n_classes == 2);
  CU_ASSERT (convoy_dataset_read (d, 1, v, &label, NULL) && label == 0 && v[0] == 4 && v[2] == 6.5f);
  CU_ASSERT_STRING_EQUAL (convoy_dataset_name (d, 1), "second one");
  convoy_dataset_unref (d);
  CU_ASSERT_PTR_NULL (convoy_features_open (path, &info, &error));
  temp_check_error (error, "foreign.h5", "made with checksum \"\" by a model not named");
  error = NULL;
  CU_ASSERT_PTR_NULL (convoy_dataset_open (temp_write ("text.h5", "no HDF5", -1), "all", &error));
  temp_check_error (error, "text.h5", "not an HDF5 file");
}

/* No room: the error says so, the store is as it was, what was gathered is kept. */
static void
write_without_room (void)
{
  GError *error = NULL;
  ConvoyFeatures *f = open_store (temp_path ("full.h5"));
  float v[105];
  ConvoyFeaturesSample s = sample (39);
  fill (v, 39);
  extract (f, 30, 1);
  gboolean ok = convoy_features_add (f, &s, v, &shape, &error);
  for (guint i = 0; ok && i < 1000; i++)
    ok = convoy_features_add (f, &s, v, &shape, &error);
  CU_ASSERT (!ok);
  temp_check_error (error, "full.h5", "cannot write");
  convoy_features_free (f);
}

static void
test_full_disk (void)
{
  const char *path = temp_path ("full.h5");
  temp_with_full_disk (40000, write_without_room);
  CU_ASSERT (!g_file_test (path, G_FILE_TEST_EXISTS));
  ConvoyFeatures *f = open_store (path);
  CU_ASSERT (extract (f, N, 1) == N - 31);
  finish (f, 0);
  CU_ASSERT (same_file (path, temp_path ("whole.h5")));
}

int
main (void)
{
  static const TapTest tests[] = {
    { "features come back bit for bit, sorted, by split", test_round_trip },
    { "killed and run again: the same store", test_killed },
    { "only what is new is added", test_only_new },
    { "what is gone from the data set goes", test_drops },
    { "labels follow their classes", test_classes },
    { "another model, layer or shape is refused, both named", test_refused },
    { "one writer at a time", test_one_writer },
    { "a store where a pipe is", test_no_regular_file },
    { "files that others made", test_foreign },
    { "a full disk", test_full_disk },
    { NULL, NULL }
  };
  return temp_main ("features", tests);
}
