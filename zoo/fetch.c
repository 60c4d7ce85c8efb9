/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fetch.c - see fetch.h. Goes through the sources, with patience, while it holds the lock. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "zoo/transfer.h"
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <glib/gstdio.h>

#ifndef BACK_OFF
#define BACK_OFF (G_USEC_PER_SEC / 2)   /* before the second try; twice as long before each after it */
#endif
#define TRIES 4                         /* of a source that brings little or nothing new */
#define WORTH 16                        /* a try that brought this part of the file does not count */

/* --- the sources ------------------------------------------------------ */

typedef struct { char *url; gboolean is_mirror; } Source;

static void
source_clear (gpointer data)
{
  g_free (((Source *) data)->url);
}

/* The file below a mirror, which is a folder or an address. */
static char *
mirror_url (const char *mirror, const char *file, gboolean *is_local)
{
  g_autofree char *name = g_uri_escape_string (file, NULL, FALSE);

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
  const char *value = g_getenv ("CONVOY_MIRROR");
  g_auto (GStrv) mirrors = g_strsplit (value ? value : "", ";", -1);

  g_array_set_clear_func (list, source_clear);
  for (guint i = 0; mirrors[i]; i++) {
    gboolean is_local = FALSE;
    Source s = { *mirrors[i] ? mirror_url (mirrors[i], f->file, &is_local) : NULL, TRUE };
    if (s.url && (is_local || !is_offline ()))
      g_array_append_val (list, s);
    else
      g_free (s.url);
  }
  for (guint i = 0; f->urls && f->urls[i] && !is_offline (); i++) {
    Source s = { g_strdup (f->urls[i]), FALSE };
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

/* FALSE: the caller wishes no more. */
static gboolean
wait_a_little (const ZooFetch *f, gint64 time, guint64 done)
{
  for (gint64 end = g_get_monotonic_time () + time; g_get_monotonic_time () < end;) {
    if (f->progress && done < f->size && !f->progress (f->user, f->name, done, f->size))
      return FALSE;
    g_usleep (MIN ((gulong) time, G_USEC_PER_SEC / 20));
  }
  return TRUE;
}

/* Tries a source again as long as its faults may pass, or it brings much more of the file each time. */
static gboolean
fetch_from (const ZooFetch *f, const Source *s, const char *part, GError **error)
{
  guint64 most = 0;

  for (guint try = 0;;) {
    ZooTransferEnd end;
    GError *e = NULL;
    if (zoo_transfer (f, s->url, s->is_mirror, part, &end, &e))
      return TRUE;
    /* What is wrong after going on from an earlier part: the part was to blame, or the source is. */
    gboolean is_fresh_start = end.resumed && e->code == ZOO_ERROR_CHECKSUM;
    if (end.done >= most + f->size / WORTH && !is_fresh_start)
      most = end.done, try = 0;
    if ((!is_fresh_start && !end.again) || ++try == TRIES) {
      g_propagate_error (error, e);
      return FALSE;
    }
    g_clear_error (&e);
    if (!is_fresh_start && !wait_a_little (f, (gint64) BACK_OFF << (try - 1), end.done)) {
      g_set_error_literal (error, ZOO_ERROR, ZOO_ERROR_CANCELLED, "interrupted");
      return FALSE;
    }
  }
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
    if (fetch_from (f, s, part, &e))
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
