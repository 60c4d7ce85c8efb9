/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-history.c - the history of a training comes back as it was, whatever happened to its file. */
#include "core/convoy.h"
#include "tests/temp-files.h"
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define HEADER "epoch,loss,accuracy,val_loss,val_accuracy,lr,seconds\n"

static const ConvoyEpoch rows[] = {
  { 1, 0, 1.0 / 3, 0.1, NAN, NAN, 1e-3, 12.5 },
  { 2, 0, 5e-324, 1, 1.7976931348623157e308, 0.70299999999999996, 0.1f, 1e-9 },
  { 3, 0, INFINITY, -0.0, 0.30000000000000004, 123456789.125, 3, NAN },
};

static gboolean
same (double a, double b)
{
  return (isnan (a) && isnan (b)) || memcmp (&a, &b, sizeof a) == 0;
}

static gboolean
same_row (const ConvoyEpoch *a, const ConvoyEpoch *b)
{
  return a->epoch == b->epoch && same (a->loss, b->loss) && same (a->accuracy, b->accuracy) && same (a->val_loss, b->val_loss)
      && same (a->val_accuracy, b->val_accuracy) && same (a->lr, b->lr) && same (a->seconds, b->seconds);
}

static ConvoyHistory *
make (guint n)
{
  ConvoyHistory *h = convoy_history_new ();
  for (guint i = 0; i < n; i++)
    convoy_history_add (h, &rows[i]);
  return h;
}

static void
test_round_trip (void)
{
  const char *path = temp_path ("history.csv");
  ConvoyHistory *h = make (3);
  CU_ASSERT_TRUE_FATAL (convoy_history_save (h, path, NULL));
  ConvoyHistory *back = convoy_history_load (path, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL (back);
  CU_ASSERT_EQUAL_FATAL (convoy_history_len (back), 3);
  for (guint i = 0; i < 3; i++)
    CU_ASSERT_TRUE (same_row (convoy_history_at (back, i), &rows[i]));
  CU_ASSERT_PTR_NULL (convoy_history_at (back, 3));
  convoy_history_free (back);
  convoy_history_free (h);
}

static void
test_text (void)
{
  const char *path = temp_path ("text.csv");
  g_autofree char *text = NULL;
  ConvoyHistory *h = make (1);
  CU_ASSERT_TRUE (convoy_history_save (h, path, NULL));
  CU_ASSERT_TRUE_FATAL (g_file_get_contents (path, &text, NULL, NULL));
  CU_ASSERT_STRING_EQUAL (text, HEADER "1,0.3333333333333333,0.1,,,0.001,12.5\n");
  convoy_history_free (h);
}

static void
test_best (void)
{
  static const struct { ConvoyEpoch rows[3]; guint best; } cases[] = {
    { { { 1, 3, 9, 0.1, 5, 0.5, 0, 0 }, { 2, 3, 8, 0.2, 4, 0.7, 0, 0 }, { 3, 3, 1, 0.9, 1, 0.7, 0, 0 } }, 2 },
    { { { 1, 3, 9, 0.1, 5, NAN, 0, 0 }, { 2, 3, 1, 0.9, 4, NAN, 0, 0 }, { 3, 3, 2, 0.2, 3, NAN, 0, 0 } }, 3 },
    { { { 1, 3, NAN, NAN, NAN, NAN, 0, 0 }, { 2, 3, 1, NAN, NAN, NAN, 0, 0 }, { 3, 3, 2, NAN, NAN, NAN, 0, 0 } }, 2 },
  };
  ConvoyHistory *empty = convoy_history_new ();
  CU_ASSERT_PTR_NULL (convoy_history_best (empty));
  convoy_history_free (empty);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    ConvoyHistory *h = convoy_history_new ();
    for (guint k = 0; k < 3; k++)
      convoy_history_add (h, &cases[i].rows[k]);
    CU_ASSERT_EQUAL (convoy_history_best (h)->epoch, cases[i].best);
    convoy_history_free (h);
  }
}

/* The file cut at every byte: the whole lines are read, the rest is dropped. */
static void
test_cut_off (void)
{
  const char *path = temp_path ("whole.csv");
  g_autofree char *text = NULL;
  gsize size;
  ConvoyHistory *h = make (3);
  CU_ASSERT_TRUE (convoy_history_save (h, path, NULL));
  CU_ASSERT_TRUE_FATAL (g_file_get_contents (path, &text, &size, NULL));
  for (gsize n = 0; n <= size; n++) {
    const char *cut = temp_write ("cut.csv", text, n);
    guint lines = 0;
    for (gsize i = 0; i < n; i++)
      lines += text[i] == '\n';
    GError *error = NULL;
    ConvoyHistory *back = convoy_history_load (cut, &error);
    CU_ASSERT_EQUAL (back != NULL, lines > 0);
    if (back == NULL) {
      temp_check_error (error, "cut.csv", "not a training history");
      continue;
    }
    CU_ASSERT_EQUAL (convoy_history_len (back), lines - 1);
    for (guint i = 0; i + 1 < lines; i++)
      CU_ASSERT_TRUE (same_row (convoy_history_at (back, i), &rows[i]));
    convoy_history_free (back);
  }
  convoy_history_free (h);
}

static void
test_refused (void)
{
  static const struct { const char *text, *where, *says; } cases[] = {
    { "a,b\n1,2\n", "bad.csv:1", "not a training history" },
    { HEADER "1,2,3,4,5,6,7\n2,3,4\n", "bad.csv:3", "3 fields, not 7" },
    { HEADER "1,2,3,4,5,6,7,8\n", "bad.csv:2", "8 fields, not 7" },
    { HEADER "1,2,3,4,5,6,7\n2,2,3,4x,5,6,7\n", "bad.csv:3", "val_loss: \"4x\"" },
    { HEADER "-1,2,3,4,5,6,7\n", "bad.csv:2", "epoch: \"-1\"" },
    { HEADER "\n", "bad.csv:2", "0 fields" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    GError *error = NULL;
    CU_ASSERT_PTR_NULL (convoy_history_load (temp_write ("bad.csv", cases[i].text, -1), &error));
    temp_check_error (error, cases[i].where, cases[i].says);
  }
  GError *error = NULL;
  CU_ASSERT_PTR_NULL (convoy_history_load (temp_path ("none.csv"), &error));
  temp_check_error (error, "none.csv", "No such file");
}

/* --- writing that fails ------------------------------------------------ */

static void
check_not_saved (void)
{
  ConvoyHistory *h = make (3);
  GError *error = NULL;
  CU_ASSERT_FALSE (convoy_history_save (h, temp_path ("kept/kept.csv"), &error));
  temp_check_error (error, "kept.csv", "File too large");
  convoy_history_free (h);
}

static void
test_full_disk (void)
{
  const char *path = temp_path ("kept/kept.csv");
  ConvoyHistory *h = make (2);
  CU_ASSERT_TRUE (convoy_history_save (h, path, NULL));
  convoy_history_free (h);
  temp_with_full_disk (20, check_not_saved);
  h = convoy_history_load (path, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL (h);
  CU_ASSERT_EQUAL (convoy_history_len (h), 2);
  convoy_history_free (h);
  g_autoptr (GDir) dir = g_dir_open (temp_path ("kept"), 0, NULL);
  CU_ASSERT_STRING_EQUAL (g_dir_read_name (dir), "kept.csv");
  CU_ASSERT_PTR_NULL (g_dir_read_name (dir));
}

/* A user that may not write there; root may write anywhere, so it becomes nobody. */
static void
test_read_only_folder (void)
{
  const char *folder = temp_path ("locked"), *path = temp_write ("locked/h.csv", HEADER, -1);
  g_autofree char *parent = g_path_get_dirname (folder);
  CU_ASSERT_EQUAL (chmod (folder, 0555), 0);
  CU_ASSERT_EQUAL (chmod (parent, 0755), 0);
  pid_t child = fork ();
  if (child == 0) {
    GError *error = NULL;
    if (getuid () == 0 && setuid (65534) != 0)
      _exit (2);
    ConvoyHistory *h = make (1);
    _exit (!convoy_history_save (h, path, &error) && strstr (error->message, "h.csv: cannot write: Permission denied") ? 0 : 1);
  }
  int status = -1;
  waitpid (child, &status, 0);
  CU_ASSERT_EQUAL (status, 0);
  chmod (folder, 0755);
  ConvoyHistory *h = convoy_history_load (path, NULL);
  CU_ASSERT_PTR_NOT_NULL (h);
  convoy_history_free (h);
}

int
main (void)
{
  static const TapTest tests[] = {
    { "a history comes back exactly", test_round_trip },
    { "it is plain CSV", test_text },
    { "the best epoch", test_best },
    { "a file cut off anywhere gives its whole lines", test_cut_off },
    { "what is wrong is named with its line", test_refused },
    { "a full disk leaves the file as it was", test_full_disk },
    { "a read-only folder leaves the file as it was", test_read_only_folder },
    { NULL, NULL }
  };
  return temp_main ("history", tests);
}
