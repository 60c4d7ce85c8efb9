/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-fetch.c - the fetcher against real HTTP on loopback: each case ends in the verified file, or in
 * one line and no file under the final name. */
#include "tests/http-server.h"
#include "tests/temp-files.h"
#include "zoo/fetch.h"
#include "zoo/sum.h"
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE 300000

static guint8 body[SIZE];
static char *sha256;
static guint port;

static gboolean
note_end (void *user, const char *name, guint64 done, guint64 total)
{
  (void) name;
  if (done == total && user)
    *(gboolean *) user = TRUE;
  return TRUE;
}

static gboolean
fetch (const char *how, const char *dest, GError **error)
{
  g_autofree char *mirror = strstr (how, ":") || *how == '/' ? g_strdup (how) : g_strdup_printf ("http://127.0.0.1:%u/%s", port, how);
  ZooFetch f = { .name = "thing", .file = "thing.bin", .size = SIZE, .checksum = sha256, .dest = dest, .progress = note_end };
  g_setenv ("CONVOY_MIRROR", mirror, TRUE);
  return zoo_fetch (&f, error);
}

static gboolean
is_whole (const char *path)
{
  g_autofree char *data = NULL;
  gsize n;
  return g_file_get_contents (path, &data, &n, NULL) && n == SIZE && !memcmp (data, body, n);
}

static gboolean
exists (const char *path, const char *ending)
{
  g_autofree char *file = g_strconcat (path, ending, NULL);
  return g_file_test (file, G_FILE_TEST_EXISTS);
}

static const char *
part_of (const char *dest, gsize n)
{
  g_autofree char *name = g_strconcat (dest, ".part", NULL), *folder = g_path_get_dirname (dest);
  g_mkdir_with_parents (folder, 0777);
  if (!g_file_set_contents (name, (const char *) body, (gssize) n, NULL))
    CU_FAIL_FATAL ("cannot write a part");
  return dest;
}

/* --- checksums --------------------------------------------------------- */

/* Ours is GLib's, of any length, in any pieces. FIPS 180-4's own example first. */
static void
test_sums (void)
{
  ZooSum *s = zoo_sum_new (G_CHECKSUM_SHA256);
  zoo_sum_update (s, "abc", 3);
  g_autofree char *abc = zoo_sum_end (s);
  CU_ASSERT_STRING_EQUAL (abc, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  for (gsize n = 0, piece = 1; n < 700; n += 1, piece = piece % 131 + 1) {
    g_autofree char *want = g_compute_checksum_for_data (G_CHECKSUM_SHA256, body, n);
    s = zoo_sum_new (G_CHECKSUM_SHA256);
    for (gsize at = 0; at < n; at += piece)
      zoo_sum_update (s, body + at, MIN (piece, n - at));
    g_autofree char *got = zoo_sum_end (s);
    CU_ASSERT_STRING_EQUAL (got, want);
  }
}

/* --- servers ---------------------------------------------------------- */

static void
test_good (void)
{
  static const char *const ways[] = { "good", "slow", "whole", "onward", "busy", "reset", "cut" };
  for (guint i = 0; i < G_N_ELEMENTS (ways); i++) {
    g_autofree char *name = g_strdup_printf ("good/%s", ways[i]);
    const char *dest = temp_path (name);
    GError *error = NULL;
    http_server_reset ();
    gboolean ok = fetch (ways[i], dest, &error);
    CU_ASSERT_TRUE (ok && is_whole (dest) && !exists (dest, ".part"));
    if (!ok)
      printf ("# %s: %s\n", ways[i], error->message);
    g_clear_error (&error);
  }
}

static void
test_bad (void)
{
  static const struct { const char *how, *says; } rows[] = {
    { "cut-whole", "thing" }, { "fewer", "150000 bytes, not 300000" }, { "more", "more bytes than the file has" }, { "wrong", "checksum" },
    { "missing", "the server answers 404" }, { "broken", "the server answers 500" }, { "loop", "leads on more than 8 times" },
    { "to-file", "leads to an address that is not as safe" }, { "loris", "timed out" }, { "html", "an HTML page" }, { "lfs", "a Git-LFS pointer" },
    { "http://127.0.0.1:1/", "thing" }, { "/nonexistent", "thing" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *name = g_strdup_printf ("bad/%u", i);
    const char *dest = temp_path (name);
    GError *error = NULL;
    http_server_reset ();
    CU_ASSERT_FALSE (fetch (rows[i].how, dest, &error));
    temp_check_error (error, "thing: ", rows[i].says);
    CU_ASSERT_FALSE (exists (dest, ""));
  }
}

/* What is wrong is not kept, so that the next fetch starts afresh; an old file stays until then. */
static void
test_old_file (void)
{
  const char *dest = temp_write ("old/thing", "old", 3);
  GError *error = NULL;
  CU_ASSERT_FALSE (fetch ("wrong", dest, &error));
  g_clear_error (&error);
  CU_ASSERT_TRUE (exists (dest, "") && !is_whole (dest) && !exists (dest, ".part"));
  CU_ASSERT_TRUE (fetch ("good", dest, NULL) && is_whole (dest));
}

/* Only the rest is asked for; a part of something else is found out by the checksum. */
static void
test_resume (void)
{
  static const gsize at[] = { 1, 511, 512, 4096, 150000, SIZE - 1 };
  for (guint i = 0; i < G_N_ELEMENTS (at); i++) {
    g_autofree char *name = g_strdup_printf ("resume/%u", i);
    const char *dest = part_of (temp_path (name), at[i]);
    http_server_reset ();
    CU_ASSERT_TRUE (fetch ("good", dest, NULL) && is_whole (dest));
    CU_ASSERT_EQUAL (http_server_sent (), SIZE - at[i]);
    CU_ASSERT_TRUE (fetch ("whole", part_of (temp_path ("resume/whole"), at[i]), NULL) && is_whole (temp_path ("resume/whole")));
    g_unlink (temp_path ("resume/whole"));
  }
  const char *dest = temp_path ("resume/other");
  temp_write ("resume/other.part", "something else", 14);
  CU_ASSERT_TRUE (fetch ("good", dest, NULL) && is_whole (dest));
  g_autofree char *long_part = g_strnfill (SIZE + 5, 'x');
  temp_write ("resume/long.part", long_part, SIZE + 5);
  CU_ASSERT_TRUE (fetch ("good", temp_path ("resume/long"), NULL) && is_whole (temp_path ("resume/long")));
}

/* --- processes -------------------------------------------------------- */

static void
test_killed (void)
{
  const char *dest = temp_path ("killed/thing");
  guint partly = 0;
  for (guint i = 0; i < 20 && !exists (dest, ""); i++) {
    pid_t child = fork ();
    if (child == 0)
      _exit (fetch ("slow", dest, NULL) ? 0 : 1);
    g_usleep (8000 + i * 7919 % 20000);
    kill (child, SIGKILL);
    waitpid (child, NULL, 0);
    CU_ASSERT_TRUE (!exists (dest, "") || is_whole (dest));
    partly += exists (dest, ".part");
  }
  CU_ASSERT_TRUE (partly > 0 && fetch ("good", dest, NULL) && is_whole (dest) && !exists (dest, ".part"));
}

/* Several at once: one transfer, and all have the file. */
static void
test_together (void)
{
  const char *dest = temp_path ("together/thing");
  pid_t children[4];
  http_server_reset ();
  for (guint i = 0; i < G_N_ELEMENTS (children); i++) {
    children[i] = fork ();
    if (children[i] == 0)
      _exit (fetch ("slow", dest, NULL) ? 0 : 1);
  }
  for (guint i = 0; i < G_N_ELEMENTS (children); i++) {
    int status = 0;
    waitpid (children[i], &status, 0);
    CU_ASSERT_TRUE (WIFEXITED (status) && WEXITSTATUS (status) == 0);
  }
  CU_ASSERT_TRUE (is_whole (dest));
  CU_ASSERT_EQUAL (http_server_requests (), 1);
}

/* --- this machine ----------------------------------------------------- */

static void
fetch_to_full_disk (void)
{
  const char *dest = temp_path ("full/thing");
  GError *error = NULL;
  CU_ASSERT_FALSE (fetch ("good", dest, &error));
  temp_check_error (error, "thing: ", "thing.part: File too large");
  CU_ASSERT_FALSE (exists (dest, ""));
}

static void
test_full_disk (void)
{
  temp_with_full_disk (100000, fetch_to_full_disk);
  CU_ASSERT_TRUE (fetch ("good", temp_path ("full/thing"), NULL) && is_whole (temp_path ("full/thing")));
}

static void
test_read_only (void)
{
  const char *dest = temp_path ("locked/thing");
  g_autofree char *folder = g_path_get_dirname (dest), *root = g_path_get_dirname (folder);
  GError *error = NULL;
  g_chmod (root, 0755);
  g_chmod (folder, 0555);
  gboolean is_root = geteuid () == 0;
  if (is_root && seteuid (65534) != 0)
    CU_FAIL_FATAL ("cannot be another user");
  CU_ASSERT_FALSE (fetch ("good", dest, &error));
  if (is_root && seteuid (0) != 0)
    CU_FAIL_FATAL ("cannot be root again");
  temp_check_error (error, "thing: ", "Permission denied");
  g_chmod (folder, 0755);
  CU_ASSERT_FALSE (exists (dest, ""));
}

/* --- sources ---------------------------------------------------------- */

static void
test_sources (void)
{
  g_autofree char *both = g_strdup_printf ("http://127.0.0.1:%u/missing;http://127.0.0.1:%u/good", port, port);
  const char *dest = temp_path ("sources/thing");
  temp_write ("mirror/thing.bin", body, SIZE);
  g_autofree char *folder = g_path_get_dirname (temp_path ("mirror/thing.bin")), *uri = g_filename_to_uri (folder, NULL, NULL);
  const char *const ways[] = { both, folder, uri };
  for (guint i = 0; i < G_N_ELEMENTS (ways); i++) {
    CU_ASSERT_TRUE (fetch (ways[i], dest, NULL) && is_whole (dest));
    g_unlink (dest);
  }
}

static void
test_offline (void)
{
  GError *error = NULL;
  g_setenv ("CONVOY_OFFLINE", "1", TRUE);
  http_server_reset ();
  CU_ASSERT_FALSE (fetch ("good", temp_path ("offline/thing"), &error));
  temp_check_error (error, "thing: ", "CONVOY_OFFLINE is set");
  CU_ASSERT_EQUAL (http_server_requests (), 0);
  g_unsetenv ("CONVOY_OFFLINE");
}

/* Nothing but a mirror may be without encryption. */
static void
test_only_https (void)
{
  g_autofree char *url = g_strdup_printf ("http://127.0.0.1:%u/good/thing.bin", port);
  const char *const urls[] = { url, NULL };
  ZooFetch f = { .name = "thing", .file = "thing.bin", .urls = urls, .size = SIZE, .checksum = sha256, .dest = temp_path ("https/thing") };
  GError *error = NULL;
  g_unsetenv ("CONVOY_MIRROR");
  http_server_reset ();
  CU_ASSERT_FALSE (zoo_fetch (&f, &error));
  temp_check_error (error, "thing: ", "not as safe");
  CU_ASSERT_EQUAL (http_server_requests (), 0);
}

static void
test_proxy (void)
{
  g_autofree char *proxy = g_strdup_printf ("http://127.0.0.1:%u", port);
  g_setenv ("http_proxy", proxy, TRUE);
  g_unsetenv ("no_proxy");
  CU_ASSERT_TRUE (fetch ("http://zoo.invalid/good", temp_path ("proxy/thing"), NULL) && is_whole (temp_path ("proxy/thing")));
  g_unsetenv ("http_proxy");
}

static gboolean
stop_halfway (void *user, const char *name, guint64 done, guint64 total)
{
  (void) user, (void) name;
  return done < total / 2;
}

static void
test_cancel (void)
{
  const char *dest = temp_path ("cancel/thing");
  g_autofree char *mirror = g_strdup_printf ("http://127.0.0.1:%u/slow", port);
  ZooFetch f = { .name = "thing", .file = "thing.bin", .size = SIZE, .checksum = sha256, .dest = dest, .progress = stop_halfway };
  GError *error = NULL;
  g_setenv ("CONVOY_MIRROR", mirror, TRUE);
  CU_ASSERT_FALSE (zoo_fetch (&f, &error));
  temp_check_error (error, "thing: ", "interrupted");
  CU_ASSERT_TRUE (!exists (dest, "") && exists (dest, ".part"));
  CU_ASSERT_TRUE (fetch ("good", dest, NULL) && is_whole (dest));
}

int
main (void)
{
  static const TapTest tests[] = {
    { "checksums", test_sums },
    { "servers that get there in the end", test_good },
    { "servers that do not", test_bad },
    { "an old file stays until there is a new one", test_old_file },
    { "going on from a part", test_resume },
    { "killed at any byte", test_killed },
    { "several processes at once", test_together },
    { "a full disk", test_full_disk },
    { "a cache that cannot be written", test_read_only },
    { "mirrors in their order", test_sources },
    { "offline", test_offline },
    { "https alone", test_only_https },
    { "a proxy", test_proxy },
    { "cancelled halfway", test_cancel },
    { NULL, NULL }
  };
  for (gsize i = 0; i < SIZE; i++)
    body[i] = (guint8) (i * 2654435761u >> 13);
  sha256 = g_compute_checksum_for_data (G_CHECKSUM_SHA256, body, SIZE);
  port = http_server_start (body, SIZE);
  int status = temp_main ("fetch", tests);
  g_free (sha256);
  return status;
}
