/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * transfer.c - see transfer.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "zoo/transfer.h"
#include "zoo/manifest.h"
#include "zoo/sum.h"
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <glib/gstdio.h>

#define CONNECT_SECONDS 20L
#ifndef STALL_SECONDS           /* a test does not wait as long */
#define STALL_SECONDS 30L       /* as long below STALL_RATE bytes/s is too long */
#endif
#define STALL_RATE 500L
#define MAX_REDIRECTS 8L
#define SNIFF 512               /* bytes that tell what a file is */

typedef struct {
  const ZooFetch *f;
  CURL *curl;
  FILE *out;                    /* dest.part */
  ZooFollow *sum;               /* of what is in it */
  guint64 done, resumed;        /* bytes in it; of them, from an earlier run */
  guint8 head[SNIFF];           /* its beginning */
  gboolean again;               /* the fault may pass */
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
  const char *fake = NULL;

  if (t->done < SNIFF) {
    memcpy (t->head + t->done, data, MIN (n, SNIFF - t->done));
    fake = t->resumed ? NULL : impostor (t->head, MIN (t->done + n, SNIFF));
  }
  if (fake)
    stop (t, ZOO_ERROR_CHECKSUM, fake);
  else if (n > t->f->size - t->done)
    stop (t, ZOO_ERROR_CHECKSUM, "more bytes than the file has");
  else if (fwrite (data, 1, n, t->out) != n)
    stop (t, ZOO_ERROR_FILE, g_strerror (errno));
  if (t->fault)
    return FALSE;
  t->done += n;
  zoo_follow_grow (t->sum, t->done);
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

/* Goes on behind what an earlier run left. Unbuffered, as the checksum is taken of what the file has. */
static gboolean
open_part (Transfer *t, const char *part)
{
  GStatBuf st;

  t->out = g_fopen (part, "a+b");
  if (!t->out || fstat (fileno (t->out), &st) != 0)
    return FALSE;
  setvbuf (t->out, NULL, _IONBF, 0);
  if ((guint64) st.st_size < t->f->size)
    t->done = (guint64) st.st_size;
  else if (ftruncate (fileno (t->out), 0) != 0)
    return FALSE;
  t->resumed = t->done;
  if (pread (fileno (t->out), t->head, MIN (t->done, SNIFF), 0) < 0 || fseeko (t->out, 0, SEEK_END) != 0)
    return FALSE;
  t->sum = zoo_follow_new (fileno (t->out), zoo_checksum_type (t->f->checksum));
  zoo_follow_grow (t->sum, t->done);
  return TRUE;
}

/* What the environment says of whom to trust, as the curl program reads it; proxies libcurl reads itself. */
static void
set_authorities (CURL *c)
{
  static const struct { const char *variable; CURLoption option; } rows[] = {
    { "SSL_CERT_DIR", CURLOPT_CAPATH }, { "SSL_CERT_FILE", CURLOPT_CAINFO }, { "CURL_CA_BUNDLE", CURLOPT_CAINFO },
  };
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    const char *path = g_getenv (rows[i].variable);
    if (path && *path)
      curl_easy_setopt (c, rows[i].option, path);
  }
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
  set_authorities (c);
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

/* Faults of the moment: of the line, or of a server that has too much to do. */
static gboolean
may_pass (CURLcode code, long status)
{
  static const CURLcode codes[] = { CURLE_OPERATION_TIMEDOUT, CURLE_GOT_NOTHING, CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_PARTIAL_FILE };
  static const long states[] = { 408, 429, 500, 502, 503, 504 };

  for (guint i = 0; i < G_N_ELEMENTS (codes); i++)
    if (code == codes[i])
      return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (states) && code == CURLE_HTTP_RETURNED_ERROR; i++)
    if (status == states[i])
      return TRUE;
  return FALSE;
}

static char *
say_code (CURLcode code, long status, const char *text)
{
  if (code == CURLE_HTTP_RETURNED_ERROR)
    return g_strdup_printf ("the server answers %ld", status);
  if (code == CURLE_UNSUPPORTED_PROTOCOL)
    return g_strdup ("the server leads to an address that is not as safe");
  if (code == CURLE_TOO_MANY_REDIRECTS)
    return g_strdup_printf ("the server leads on more than %ld times", MAX_REDIRECTS);
  if (code == CURLE_OPERATION_TIMEDOUT)
    return g_strdup_printf ("timed out (%s)", *text ? text : curl_easy_strerror (code));
  return g_strdup (*text ? text : curl_easy_strerror (code));
}

/* Whether what came is the file. */
static void
check_whole (Transfer *t, CURLcode code, const char *text)
{
  gboolean is_whole = !t->fault && code == CURLE_OK && t->done == t->f->size;
  g_autofree char *why = NULL, *sum = zoo_follow_end (t->sum, is_whole);
  ZooError kind = ZOO_ERROR_CHECKSUM;
  long status = 0;

  if (t->fault)
    return;
  curl_easy_getinfo (t->curl, CURLINFO_RESPONSE_CODE, &status);
  if (code != CURLE_OK) {
    /* Where the rest of a file is not to be had the whole of it may be. */
    if (!t->resumed || (status != 416 && code != CURLE_RANGE_ERROR))
      kind = ZOO_ERROR_FETCH;
    t->again = may_pass (code, status);
    why = say_code (code, status, text);
  } else if (t->done < t->f->size) {
    why = g_strdup_printf ("%" G_GUINT64_FORMAT " bytes, not %" G_GUINT64_FORMAT, t->done, t->f->size);
  } else if (g_strcmp0 (sum, t->f->checksum)) {
    why = g_strdup_printf ("checksum %s, not %s", sum ? sum : "unknown", t->f->checksum);
  }
  if (why)
    stop (t, kind, why);
}

gboolean
zoo_transfer (const ZooFetch *f, const char *url, gboolean is_mirror, const char *part, ZooTransferEnd *end, GError **error)
{
  Transfer t = { .f = f };
  char text[CURL_ERROR_SIZE] = "";

  if (open_part (&t, part)) {
    t.curl = open_curl (&t, url, is_mirror);
    curl_easy_setopt (t.curl, CURLOPT_ERRORBUFFER, text);
    CURLcode code = curl_easy_perform (t.curl);
    check_whole (&t, code, text);
    curl_easy_cleanup (t.curl);
  } else {
    stop (&t, ZOO_ERROR_FILE, g_strerror (errno));
  }
  /* No fsync(): after a power failure a file has what was written of it, and one that is short does not count. */
  if (t.out && fclose (t.out) != 0)
    stop (&t, ZOO_ERROR_FILE, g_strerror (errno));
  *end = (ZooTransferEnd) { t.resumed > 0, t.again, t.done };
  if (t.fault && t.fault->code == ZOO_ERROR_CHECKSUM)
    g_unlink (part);
  if (t.fault && t.fault->code == ZOO_ERROR_FILE)
    g_prefix_error (&t.fault, "%s: ", part);
  if (!t.fault)
    return TRUE;
  g_propagate_error (error, t.fault);
  return FALSE;
}
