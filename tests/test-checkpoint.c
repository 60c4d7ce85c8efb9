/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-checkpoint.c - a checkpoint comes back bit for bit, or is refused; a writer that is killed
 * or has no room leaves the one before. */
#include "core/checkpoint.h"
#include "core/replace.h"
#include "tests/temp-files.h"
#include <fcntl.h>
#include <glib/gstdio.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static ConvoyTensor *
tensor (ConvoyType type, ConvoyShape shape, guint seed)
{
  ConvoyTensor *t = convoy_tensor_new (type, &shape, NULL);
  guint8 *p = convoy_tensor_data (t);
  for (gsize i = 0; i < convoy_tensor_count (t) * convoy_type_size (type); i++)
    p[i] = type == CONVOY_BOOL ? i % 2 : (guint8) (seed + i * 37 + i / 251);
  return t;
}

static void
put (ConvoyCheckpoint *c, const char *name, ConvoyType type, ConvoyShape shape, guint seed)
{
  g_autoptr (ConvoyTensor) t = tensor (type, shape, seed);
  convoy_checkpoint_put_tensor (c, name, t);
}

static gboolean
has (ConvoyCheckpoint *c, const char *name, ConvoyType type, ConvoyShape shape, guint seed)
{
  g_autoptr (ConvoyTensor) wanted = tensor (type, shape, seed);
  ConvoyTensor *t = convoy_checkpoint_get_tensor (c, name, type, &shape, NULL);
  return t && memcmp (convoy_tensor_data (t), convoy_tensor_data (wanted), convoy_tensor_count (t) * convoy_type_size (type)) == 0;
}

/* What training would keep, in small. */
static ConvoyCheckpoint *
make (gint64 step)
{
  ConvoyCheckpoint *c = convoy_checkpoint_new ();
  put (c, "weights/conv1/kernel", CONVOY_F32, CONVOY_SHAPE (8, 3, 3, 3), step);
  put (c, "moment/conv1/kernel", CONVOY_F32, CONVOY_SHAPE (8, 3, 3, 3), step + 1);
  put (c, "large", CONVOY_F32, CONVOY_SHAPE (64, 1024), step + 2);
  convoy_checkpoint_put_int (c, "step", step);
  convoy_checkpoint_put_double (c, "best", step / 3.0);
  convoy_checkpoint_put_string (c, "network", "conv2d filters=8 ! dense");
  return c;
}

static gboolean
is_made (ConvoyCheckpoint *c, gint64 *step)
{
  double best;
  const char *network = convoy_checkpoint_get_string (c, "network", NULL);
  return convoy_checkpoint_get_int (c, "step", step, NULL) && has (c, "weights/conv1/kernel", CONVOY_F32, CONVOY_SHAPE (8, 3, 3, 3), *step)
      && has (c, "moment/conv1/kernel", CONVOY_F32, CONVOY_SHAPE (8, 3, 3, 3), *step + 1) && has (c, "large", CONVOY_F32, CONVOY_SHAPE (64, 1024), *step + 2)
      && convoy_checkpoint_get_double (c, "best", &best, NULL) && best == *step / 3.0 && network && strcmp (network, "conv2d filters=8 ! dense") == 0;
}

static void
save (gint64 step, const char *path)
{
  g_autoptr (ConvoyCheckpoint) c = make (step);
  GError *error = NULL;
  if (!convoy_checkpoint_save (c, path, &error))
    CU_FAIL_FATAL (error->message);
}

static gint64
loaded_step (const char *path)
{
  gint64 step = -1;
  g_autoptr (ConvoyCheckpoint) c = convoy_checkpoint_load (path, NULL);
  return c && is_made (c, &step) ? step : -1;
}

/* --- back as it was ----------------------------------------------------- */

static void
test_tensors (void)
{
  static const char *const names[] = { "a", "a/b", "/a/", "", ".", "ümläut ∂ 重み", "0", "tensors", "with\nnewline", "weight 100%" };
  const char *path = temp_path ("tensors.h5");
  g_autoptr (ConvoyCheckpoint) c = convoy_checkpoint_new ();
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    put (c, names[i], i % CONVOY_N_TYPES, CONVOY_SHAPE (3, i + 1), i);
  put (c, "scalar", CONVOY_F32, (ConvoyShape) { 0 }, 1);
  put (c, "empty", CONVOY_I64, CONVOY_SHAPE (4, 0, 2), 1);
  put (c, "deep", CONVOY_F64, CONVOY_SHAPE (1, 2, 1, 2, 1, 2, 1, 3), 1);
  CU_ASSERT_TRUE_FATAL (convoy_checkpoint_save (c, path, NULL));
  g_autoptr (ConvoyCheckpoint) back = convoy_checkpoint_load (path, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL (back);
  CU_ASSERT_EQUAL (g_hash_table_size (back->tensors), G_N_ELEMENTS (names) + 3);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    CU_ASSERT_TRUE (has (back, names[i], i % CONVOY_N_TYPES, CONVOY_SHAPE (3, i + 1), i));
  CU_ASSERT_TRUE (has (back, "scalar", CONVOY_F32, (ConvoyShape) { 0 }, 1));
  CU_ASSERT_TRUE (has (back, "empty", CONVOY_I64, CONVOY_SHAPE (4, 0, 2), 1));
  CU_ASSERT_TRUE (has (back, "deep", CONVOY_F64, CONVOY_SHAPE (1, 2, 1, 2, 1, 2, 1, 3), 1));
}

static void
test_values (void)
{
  static const gint64 ints[] = { 0, -1, G_MAXINT64, G_MININT64 };
  static const double doubles[] = { -0.0, 5e-324, 1.0 / 3, INFINITY, NAN };
  const char *path = temp_path ("values.h5");
  g_autofree char *long_text = g_strnfill (300000, 'q');
  const char *const strings[] = { "", "line\nline", "größer", long_text };
  g_autoptr (ConvoyCheckpoint) c = convoy_checkpoint_new ();
  char name[16];
#define EACH(i, kind, array) for (guint i = 0; i < G_N_ELEMENTS (array) && g_snprintf (name, sizeof name, kind "/%u", i); i++)
  EACH (i, "int", ints)
    convoy_checkpoint_put_int (c, name, ints[i]);
  EACH (i, "double", doubles)
    convoy_checkpoint_put_double (c, name, doubles[i]);
  EACH (i, "string", strings)
    convoy_checkpoint_put_string (c, name, strings[i]);
  convoy_checkpoint_put_int (c, "again", 1);
  convoy_checkpoint_put_int (c, "again", 2);
  CU_ASSERT_TRUE_FATAL (convoy_checkpoint_save (c, path, NULL));
  g_autoptr (ConvoyCheckpoint) back = convoy_checkpoint_load (path, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL (back);
  gint64 n;
  double d;
  EACH (i, "int", ints)
    CU_ASSERT_TRUE (convoy_checkpoint_get_int (back, name, &n, NULL) && n == ints[i]);
  EACH (i, "double", doubles)
    CU_ASSERT_TRUE (convoy_checkpoint_get_double (back, name, &d, NULL) && memcmp (&d, &doubles[i], sizeof d) == 0);
  EACH (i, "string", strings)
    CU_ASSERT_STRING_EQUAL (convoy_checkpoint_get_string (back, name, NULL), strings[i]);
  CU_ASSERT_TRUE (convoy_checkpoint_get_int (back, "again", &n, NULL) && n == 2);
}

static void
test_wrong_question (void)
{
  const char *path = temp_path ("asked.h5");
  gint64 n;
  double d;
  GError *error = NULL;
  save (3, path);
  g_autoptr (ConvoyCheckpoint) c = convoy_checkpoint_load (path, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL (c);
  CU_ASSERT_PTR_NULL (convoy_checkpoint_get_tensor (c, "none", CONVOY_F32, &CONVOY_SHAPE (1), &error));
  temp_check_error (g_steal_pointer (&error), "asked.h5", "no tensor called \"none\"");
  CU_ASSERT_PTR_NULL (convoy_checkpoint_get_tensor (c, "large", CONVOY_F32, &CONVOY_SHAPE (64, 512), &error));
  temp_check_error (g_steal_pointer (&error), "asked.h5", "\"large\" is 64x1024 float32, not 64x512 float32");
  CU_ASSERT_PTR_NULL (convoy_checkpoint_get_tensor (c, "large", CONVOY_I32, &CONVOY_SHAPE (64, 1024), &error));
  temp_check_error (g_steal_pointer (&error), "asked.h5", "not 64x1024 int32");
  CU_ASSERT_FALSE (convoy_checkpoint_get_int (c, "best", &n, &error));
  temp_check_error (g_steal_pointer (&error), "asked.h5", "\"best\" is no whole number");
  CU_ASSERT_FALSE (convoy_checkpoint_get_double (c, "rate", &d, &error));
  temp_check_error (g_steal_pointer (&error), "asked.h5", "no number called \"rate\"");
}

static void
test_equal_files (void)
{
  g_autofree char *a = NULL, *b = NULL;
  gsize n, m;
  save (5, temp_path ("a.h5"));
  g_usleep (1100000);           /* HDF5 would note the second */
  save (5, temp_path ("b.h5"));
  CU_ASSERT_TRUE_FATAL (g_file_get_contents (temp_path ("a.h5"), &a, &n, NULL) && g_file_get_contents (temp_path ("b.h5"), &b, &m, NULL));
  CU_ASSERT_TRUE (n == m && memcmp (a, b, n) == 0);
}

/* --- files that are not what they should be ----------------------------- */

static void
refused (const char *path, const char *says)
{
  GError *error = NULL;
  g_autoptr (ConvoyCheckpoint) c = convoy_checkpoint_load (path, &error);
  CU_ASSERT_PTR_NULL (c);
  temp_check_error (error, path, says);
}

static void
test_refused (void)
{
  g_autofree char *good = NULL;
  gsize size;
  save (7, temp_path ("good.h5"));
  CU_ASSERT_TRUE_FATAL (g_file_get_contents (temp_path ("good.h5"), &good, &size, NULL));
  refused (temp_path ("none.h5"), "No such file");
  refused (temp_write ("empty.h5", "", 0), "not a checkpoint");
  refused (temp_write ("text.h5", "epoch,loss\n1,2\n", -1), "not a checkpoint");
  refused (temp_write ("plain.h5", good + 512, size - 512), "not a checkpoint");
}

/* Cut at many lengths, and longer than it should be. */
static void
test_truncated (void)
{
  g_autofree char *good = NULL;
  gsize size;
  save (7, temp_path ("good.h5"));
  CU_ASSERT_TRUE_FATAL (g_file_get_contents (temp_path ("good.h5"), &good, &size, NULL));
  for (gsize n = 0; n < size; n += n < 600 ? 37 : size / 20)
    refused (temp_write ("cut.h5", good, n), n < 28 ? "not a checkpoint" : "damaged");
  refused (temp_write ("cut.h5", good, size - 1), "damaged");
  g_autofree char *longer = g_malloc0 (size + 1);
  memcpy (longer, good, size);
  refused (temp_write ("longer.h5", longer, size + 1), "damaged");
}

/* One bit flipped, at places all over the file. */
static void
test_bit_flips (void)
{
  g_autofree char *bytes = NULL;
  gsize size, tried = 0;
  save (7, temp_path ("good.h5"));
  CU_ASSERT_TRUE_FATAL (g_file_get_contents (temp_path ("good.h5"), &bytes, &size, NULL));
  for (gsize at = 0; at < size; at += at < 512 ? 1 : size / 97 | 1) {
    bytes[at] ^= 1 << at % 8;
    const char *path = temp_write ("flipped.h5", bytes, size);
    g_autoptr (ConvoyCheckpoint) c = convoy_checkpoint_load (path, NULL);
    CU_ASSERT_PTR_NULL (c);
    bytes[at] ^= 1 << at % 8;
    tried++;
  }
  CU_ASSERT_TRUE (tried > 600);
  CU_ASSERT_EQUAL (loaded_step (temp_write ("flipped.h5", bytes, size)), 7);
}

/* --- writing that fails ------------------------------------------------- */

static void
check_not_saved (void)
{
  g_autoptr (ConvoyCheckpoint) c = make (2);
  GError *error = NULL;
  CU_ASSERT_FALSE (convoy_checkpoint_save (c, temp_path ("full/full.h5"), &error));
  temp_check_error (error, "full.h5", "File too large");
}

static void
only_file (const char *folder, const char *name)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *found;
  while ((found = g_dir_read_name (dir)) != NULL)
    CU_ASSERT_STRING_EQUAL (found, name);
}

/* At each size, whichever part of the file it cuts. HDF5 must not complain on its own. */
static void
test_full_disk (void)
{
  static const gsize room[] = { 0, 100, 512, 600, 4096, 100000, 262144 };
  const char *path = temp_path ("full/full.h5"), *log = temp_path ("stderr.txt");
  g_autofree char *said = NULL;
  save (1, path);
  fflush (stderr);
  int before = dup (2), fd = g_open (log, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  dup2 (fd, 2);
  for (guint i = 0; i < G_N_ELEMENTS (room); i++) {
    temp_with_full_disk (room[i], check_not_saved);
    CU_ASSERT_EQUAL (loaded_step (path), 1);
    only_file (temp_path ("full"), "full.h5");
  }
  dup2 (before, 2);
  close (before);
  close (fd);
  CU_ASSERT_TRUE_FATAL (g_file_get_contents (log, &said, NULL, NULL));
  CU_ASSERT_STRING_EQUAL (said, "");
  save (3, path);
  CU_ASSERT_EQUAL (loaded_step (path), 3);
}

static void
test_no_folder (void)
{
  g_autoptr (ConvoyCheckpoint) c = make (1);
  g_autofree char *nowhere = g_build_filename (temp_path ("nowhere"), "x", "c.h5", NULL);
  GError *error = NULL;
  CU_ASSERT_FALSE (convoy_checkpoint_save (c, nowhere, &error));
  temp_check_error (g_steal_pointer (&error), "x/c.h5: cannot write", "No such file or directory");
  temp_path ("folder/x");
  CU_ASSERT_FALSE (convoy_checkpoint_save (c, temp_path ("folder"), &error));
  temp_check_error (g_steal_pointer (&error), "folder: cannot write", "Is a directory");
  const char *pipe_path = temp_path ("pipe");
  struct stat st;
  CU_ASSERT_EQUAL_FATAL (mkfifo (pipe_path, 0600), 0);
  CU_ASSERT_FALSE (convoy_checkpoint_save (c, pipe_path, &error));
  temp_check_error (error, "pipe: cannot write", "not a regular file");
  CU_ASSERT_TRUE (stat (pipe_path, &st) == 0 && S_ISFIFO (st.st_mode));
}

static void
test_two_writers (void)
{
  const char *path = temp_path ("both.h5");
  ConvoyReplace r;
  GError *error = NULL;
  g_autoptr (ConvoyCheckpoint) c = make (1);
  CU_ASSERT_TRUE_FATAL (convoy_replace_begin (&r, path, NULL));
  CU_ASSERT_FALSE (convoy_checkpoint_save (c, path, &error));
  temp_check_error (error, "both.h5", "another process is writing it");
  convoy_replace_write (&r, "x", 1);
  CU_ASSERT_TRUE (convoy_replace_end (&r, NULL));
  CU_ASSERT_TRUE (convoy_checkpoint_save (c, path, NULL));
  CU_ASSERT_EQUAL (loaded_step (path), 1);
}

/* A process that does nothing but save is killed again and again; the next goes on from there. */
static void
test_killed (void)
{
  const char *path = temp_path ("killed/killed.h5");
  gint64 step = 0;
  guint went_on = 0, slow = 1;  /* slow: how many times longer a busy machine needs to get anywhere */
  save (0, path);
  for (guint i = 0; i < 40; i++) {
    pid_t child = fork ();
    if (child == 0)
      for (gint64 k = step + 1;; k++) {
        g_autoptr (ConvoyCheckpoint) c = make (k);
        if (!convoy_checkpoint_save (c, path, NULL))
          _exit (1);
      }
    g_usleep (slow * (3000 + i * 997 % 20000));
    kill (child, SIGKILL);
    int status = 0;
    waitpid (child, &status, 0);
    CU_ASSERT_TRUE (WIFSIGNALED (status));
    gint64 now = loaded_step (path);
    CU_ASSERT_TRUE_FATAL (now >= step);
    went_on += now > step;
    slow = now > step ? slow : MIN (slow * 2, 32);
    step = now;
  }
  CU_ASSERT_TRUE (went_on > 5);
  save (step, path);
  only_file (temp_path ("killed"), "killed.h5");
}

int
main (void)
{
  static const TapTest tests[] = {
    { "tensors of every type and any name", test_tensors },
    { "numbers and strings", test_values },
    { "asking for what is not there", test_wrong_question },
    { "equal checkpoints are equal files", test_equal_files },
    { "what is no checkpoint is refused", test_refused },
    { "a truncated file is refused", test_truncated },
    { "a flipped bit is noticed", test_bit_flips },
    { "a full disk leaves the file as it was", test_full_disk },
    { "a folder that is not there", test_no_folder },
    { "two writers of one file", test_two_writers },
    { "killed while saving", test_killed },
    { NULL, NULL }
  };
  return temp_main ("checkpoint", tests);
}
