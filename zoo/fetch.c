/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fetch.c - see fetch.h. One transfer goes through libcurl into dest.part, hashed as it comes;
 * zoo_fetch() goes through the sources and holds the lock. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "zoo/fetch.h"
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <glib/gstdio.h>

#define CONNECT_SECONDS 20L
#define STALL_SECONDS 30L       /* as long below STALL_RATE bytes/s is too long */
#define STALL_RATE 500L
#define MAX_REDIRECTS 8L
#define SNIFF 512               /* bytes that tell what a file is */

typedef struct {
  const ZooFetch *f;
  CURL *curl;
  FILE *out;                    /* dest.part */
  GChecksum *sum;               /* of what is in it */
  guint64 done, resumed;        /* bytes in it; of them, from an earlier run */
  guint8 head[SNIFF];           /* its beginning */
  GError *fault;                /* why the transfer was stopped from here */
} Transfer;

/* --- what comes in ---------------------------------------------------- */

/* What a server sends in place of a file; NULL: nothing known. */
static const char *
impostor (const guint8 *head, gsize n)
{
  g_autofree char *text = g_ascii_strdown ((const char *) head, (gssize) n);
  const char *start = text + strspn (text, " \t\r\n\xef\xbb\xbf");

  if (g_str_has_prefix (start, "version https://git-lfs"))
    return "a Git-LFS pointer, not the file that it stands for";
  if (g_str_has_prefix (start, "<!doctype html") || g_str_has_prefix (start, "<html"))
    return "an HTML page, not the file";
  return NULL;
}

static void
stop (Transfer *t, ZooError code, const char *why)
{
  if (!t->fault)
    t->fault = g_error_new_literal (ZOO_ERROR, (int) code, why);
}

static gboolean
keep (Transfer *t, const char *data, gsize n)
{
  const char *fake;

  if (t->done < SNIFF)
    memcpy (t->head + t->done, data, MIN (n, SNIFF - t->done));
  if (t->done == 0 && (fake = impostor (t->head, MIN (n, SNIFF))))
    stop (t, ZOO_ERROR_CHECKSUM, fake);
  else if (n > t->f->size - t->done)
    stop (t, ZOO_ERROR_CHECKSUM, "more bytes than the file has");
  else if (fwrite (data, 1, n, t->out) != n)
    stop (t, ZOO_ERROR_FILE, g_strerror (errno));
  if (t->fault)
    return FALSE;
  g_checksum_update (t->sum, (const guchar *) data, (gssize) n);
  t->done += n;
  return TRUE;
}

static size_t
on_data (char *data, size_t size, size_t n, void *user)
{
  return keep (user, data, size * n) ? size * n : 0;
}

static int
on_progress (void *user, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
  Transfer *t = user;
  (void) total, (void) now, (void) up_total, (void) up_now;
  if (t->f->progress && t->done < t->f->size && !t->f->progress (t->f->user, t->f->name, t->done, t->f->size))
    stop (t, ZOO_ERROR_CANCELLED, "interrupted");
  return t->fault != NULL;
}

/* --- one transfer ----------------------------------------------------- */

/* Reads what an earlier run left. */
static gboolean
open_part (Transfer *t, const char *part)
{
  g_autofree char *block = g_malloc (1 << 16);
  gsize n;

  t->out = g_fopen (part, "a+b");
  if (!t->out)
    return FALSE;
  rewind (t->out);
  while ((n = fread (block, 1, 1 << 16, t->out)) > 0) {
    g_checksum_update (t->sum, (guchar *) block, (gssize) n);
    t->done += n;
  }
  if (t->done >= t->f->size) {
    t->done = 0;
    g_checksum_reset (t->sum);
    if (ftruncate (fileno (t->out), 0) != 0)
      return FALSE;
  }
  t->resumed = t->done;
  return fseeko (t->out, 0, SEEK_END) == 0;
}

static CURL *
open_curl (Transfer *t, const char *url, gboolean is_mirror)
{
  CURL *c = curl_easy_init ();
  const char *allowed = !is_mirror ? "https" : g_str_has_prefix (url, "file:") ? "file"
      : g_str_has_prefix (url, "http:") ? "http,https" : "https";

  curl_easy_setopt (c, CURLOPT_URL, url);
  curl_easy_setopt (c, CURLOPT_PROTOCOLS_STR, allowed);
  curl_easy_setopt (c, CURLOPT_REDIR_PROTOCOLS_STR, allowed);
  curl_easy_setopt (c, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt (c, CURLOPT_MAXREDIRS, MAX_REDIRECTS);
  curl_easy_setopt (c, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt (c, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
  curl_easy_setopt (c, CURLOPT_LOW_SPEED_LIMIT, STALL_RATE);
  curl_easy_setopt (c, CURLOPT_LOW_SPEED_TIME, STALL_SECONDS);
  curl_easy_setopt (c, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt (c, CURLOPT_USERAGENT, PACKAGE_NAME "/" PACKAGE_VERSION);
  curl_easy_setopt (c, CURLOPT_RESUME_FROM_LARGE, (curl_off_t) t->resumed);
  curl_easy_setopt (c, CURLOPT_BUFFERSIZE, 256L * 1024);
  curl_easy_setopt (c, CURLOPT_WRITEFUNCTION, on_data);
  curl_easy_setopt (c, CURLOPT_WRITEDATA, t);
  curl_easy_setopt (c, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt (c, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt (c, CURLOPT_XFERINFODATA, t);
  return c;
}

/* Whether what came is the file. */
static void
check_whole (Transfer *t, CURLcode code, const char *text)
{
  g_autofree char *why = NULL;
  ZooError kind = ZOO_ERROR_CHECKSUM;
  long status = 0;

  if (t->fault)
    return;
  curl_easy_getinfo (t->curl, CURLINFO_RESPONSE_CODE, &status);
  if (code != CURLE_OK) {
    /* Where the rest of a file is not to be had the whole of it may be. */
    if (!t->resumed || (status != 416 && code != CURLE_RANGE_ERROR))
      kind = ZOO_ERROR_FETCH;
    why = code == CURLE_HTTP_RETURNED_ERROR ? g_strdup_printf ("the server answers %ld", status) : g_strdup (*text ? text : curl_easy_strerror (code));
  } else if (t->done < t->f->size) {
    why = g_strdup_printf ("%" G_GUINT64_FORMAT " bytes, not %" G_GUINT64_FORMAT, t->done, t->f->size);
  } else if (strcmp (g_checksum_get_string (t->sum), t->f->sha256)) {
    why = g_strdup_printf ("sha256 %s, not %s", g_checksum_get_string (t->sum), t->f->sha256);
  }
  if (why)
    stop (t, kind, why);
}

/* Into part. What proved wrong is not kept, what is merely not whole is. */
static gboolean
transfer (const ZooFetch *f, const char *url, gboolean is_mirror, const char *part, gboolean *resumed, GError **error)
{
  Transfer t = { .f = f, .sum = g_checksum_new (G_CHECKSUM_SHA256) };
  char text[CURL_ERROR_SIZE] = "";

  *resumed = FALSE;
  if (open_part (&t, part)) {
    *resumed = t.resumed > 0;
    t.curl = open_curl (&t, url, is_mirror);
    curl_easy_setopt (t.curl, CURLOPT_ERRORBUFFER, text);
    CURLcode code = curl_easy_perform (t.curl);
    check_whole (&t, code, text);
    curl_easy_cleanup (t.curl);
  } else {
    stop (&t, ZOO_ERROR_FILE, g_strerror (errno));
  }
  if (t.out && (fflush (t.out) || fsync (fileno (t.out))))
    stop (&t, ZOO_ERROR_FILE, g_strerror (errno));
  if (t.out)
    fclose (t.out);
  if (t.fault && t.fault->code == ZOO_ERROR_CHECKSUM)
    g_unlink (part);
  if (t.fault && t.fault->code == ZOO_ERROR_FILE)
    g_prefix_error (&t.fault, "%s: ", part);
  g_checksum_free (t.sum);
  if (!t.fault)
    return TRUE;
  g_propagate_error (error, t.fault);
  return FALSE;
}

/* --- the sources ------------------------------------------------------ */

typedef struct { char *url; gboolean is_mirror; } Source;

static void
source_clear (gpointer data)
{
  g_free (((Source *) data)->url);
}

/* The file below the mirror, which is a folder or an address; NULL: there is none. */
static char *
mirror_url (const char *file, gboolean *is_local)
{
  const char *mirror = g_getenv ("CONVOY_MIRROR");
  g_autofree char *name = g_uri_escape_string (file, NULL, FALSE);

  if (!mirror || !*mirror)
    return NULL;
  *is_local = !strstr (mirror, "://") || g_str_has_prefix (mirror, "file://");
  if (strstr (mirror, "://"))
    return g_strconcat (mirror, g_str_has_suffix (mirror, "/") ? "" : "/", name, NULL);
  g_autofree char *folder = g_canonicalize_filename (mirror, NULL);
  g_autofree char *path = g_build_filename (folder, file, NULL);
  return g_filename_to_uri (path, NULL, NULL);
}

static gboolean
is_offline (void)
{
  const char *v = g_getenv ("CONVOY_OFFLINE");
  return v && *v && strcmp (v, "0");
}

static GArray *
sources_of (const ZooFetch *f)
{
  GArray *list = g_array_new (FALSE, FALSE, sizeof (Source));
  gboolean is_local = FALSE;
  Source s = { mirror_url (f->file, &is_local), TRUE };

  g_array_set_clear_func (list, source_clear);
  if (s.url && (is_local || !is_offline ()))
    g_array_append_val (list, s);
  else
    g_free (s.url);
  for (guint i = 0; f->urls && f->urls[i] && !is_offline (); i++) {
    s = (Source) { g_strdup (f->urls[i]), FALSE };
    g_array_append_val (list, s);
  }
  return list;
}

static void
say_no_source (const ZooFetch *f, GError **error)
{
  if (is_offline ())
    g_set_error (error, ZOO_ERROR, ZOO_ERROR_FETCH, "%s: CONVOY_OFFLINE is set and no mirror on this machine has %s", f->name, f->file);
  else
    g_set_error (error, ZOO_ERROR, ZOO_ERROR_FETCH,
        "%s: has no public address; set CONVOY_MIRROR to a folder or an address that has %s", f->name, f->file);
}

/* A source that fails is followed by the next; a full disk or the caller's wish ends it. */
static gboolean
fetch_from_any (const ZooFetch *f, const char *part, GError **error)
{
  g_autoptr (GArray) list = sources_of (f);
  g_autoptr (GString) why = g_string_new (NULL);
  GError *e = NULL;

  if (list->len == 0) {
    say_no_source (f, error);
    return FALSE;
  }
  for (guint i = 0; i < list->len; i++) {
    const Source *s = &g_array_index (list, Source, i);
    gboolean resumed, done = transfer (f, s->url, s->is_mirror, part, &resumed, &e);
    if (!done && resumed && e->code == ZOO_ERROR_CHECKSUM) {    /* the earlier part was to blame, or the source is */
      g_clear_error (&e);
      done = transfer (f, s->url, s->is_mirror, part, &resumed, &e);
    }
    if (done)
      return TRUE;
    if (e->code == ZOO_ERROR_FILE || e->code == ZOO_ERROR_CANCELLED) {
      g_propagate_prefixed_error (error, e, "%s: ", f->name);
      return FALSE;
    }
    g_string_append_printf (why, "%s%s: %s", i ? "; " : "", s->url, e->message);
    g_clear_error (&e);
  }
  g_set_error (error, ZOO_ERROR, ZOO_ERROR_FETCH, "%s: %s", f->name, why->str);
  return FALSE;
}

/* --- the lock --------------------------------------------------------- */

/* Waits its turn; a descriptor to close, or -1. */
static int
lock (const ZooFetch *f, const char *path, GError **error)
{
  int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

  while (fd >= 0 && flock (fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) {
      close (fd);
      fd = -1;
      break;
    }
    if (f->progress && !f->progress (f->user, f->name, 0, f->size)) {
      g_set_error (error, ZOO_ERROR, ZOO_ERROR_CANCELLED, "%s: interrupted", f->name);
      close (fd);
      return -1;
    }
    g_usleep (100 * 1000);
  }
  if (fd < 0)
    g_set_error (error, ZOO_ERROR, ZOO_ERROR_FILE, "%s: %s: %s", f->name, path, g_strerror (errno));
  return fd;
}

gboolean
zoo_fetch (const ZooFetch *f, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (f->dest);
  g_autofree char *part = g_strconcat (f->dest, ".part", NULL);
  g_autofree char *locked = g_strconcat (f->dest, ".lock", NULL);
  static gsize once;
  GStatBuf before, now;

  if (g_once_init_enter (&once)) {
    curl_global_init (CURL_GLOBAL_DEFAULT);
    g_once_init_leave (&once, 1);
  }
  if (g_mkdir_with_parents (folder, 0777) != 0) {
    g_set_error (error, ZOO_ERROR, ZOO_ERROR_FILE, "%s: %s: %s", f->name, folder, g_strerror (errno));
    return FALSE;
  }
  gboolean was = g_stat (f->dest, &before) == 0;
  int fd = lock (f, locked, error);
  if (fd < 0)
    return FALSE;
  gboolean ok = g_stat (f->dest, &now) == 0 && (!was || now.st_ino != before.st_ino);   /* another has fetched it meanwhile */
  if (!ok && fetch_from_any (f, part, error)) {
    ok = g_rename (part, f->dest) == 0;
    if (ok && f->progress)
      f->progress (f->user, f->name, f->size, f->size);
    if (!ok)
      g_set_error (error, ZOO_ERROR, ZOO_ERROR_FILE, "%s: %s: %s", f->name, f->dest, g_strerror (errno));
  }
  close (fd);
  return ok;
}
