/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * sum.c - see sum.h. Nettle's sums take a fifth of the time of GLib's where the processor helps. */
#include "zoo/sum.h"
#include "zoo/zoo.h"
#include <errno.h>
#include <glib/gstdio.h>
#include <nettle/nettle-meta.h>
#include <stdio.h>
#include <unistd.h>

#define READ (1 << 17)          /* bytes that are read at a time */

struct ZooSum {
  const struct nettle_hash *hash;
  gpointer state;
};

ZooSum *
zoo_sum_new (GChecksumType type)
{
  ZooSum *s = g_new0 (ZooSum, 1);
  s->hash = type == G_CHECKSUM_SHA256 ? &nettle_sha256 : &nettle_md5;
  s->state = g_malloc (s->hash->context_size);
  s->hash->init (s->state);
  return s;
}

void zoo_sum_update (ZooSum *s, const void *data, gsize n) { s->hash->update (s->state, n, data); }

char *
zoo_sum_end (ZooSum *s)
{
  g_autofree guint8 *digest = g_malloc (s->hash->digest_size);
  GString *text = g_string_new (NULL);
  s->hash->digest (s->state, s->hash->digest_size, digest);
  for (guint i = 0; i < s->hash->digest_size; i++)
    g_string_append_printf (text, "%02x", digest[i]);
  g_free (s->state);
  g_free (s);
  return g_string_free (text, FALSE);
}

char *
zoo_sum_file (const char *path, GChecksumType type, guint64 *size, GError **error)
{
  g_autofree guint8 *block = g_malloc (READ);
  FILE *in = g_fopen (path, "rb");
  gsize n;

  *size = 0;
  if (!in) {
    g_set_error (error, ZOO_ERROR, ZOO_ERROR_FILE, "%s: %s", path, g_strerror (errno));
    return NULL;
  }
  ZooSum *s = zoo_sum_new (type);
  while ((n = fread (block, 1, READ, in)) > 0) {
    zoo_sum_update (s, block, n);
    *size += n;
  }
  g_autofree char *text = zoo_sum_end (s);
  gboolean failed = ferror (in);
  fclose (in);
  if (!failed)
    return g_steal_pointer (&text);
  g_set_error (error, ZOO_ERROR, ZOO_ERROR_FILE, "%s: cannot be read", path);
  return NULL;
}

/* --- while a file grows -------------------------------------------------- */

struct ZooFollow {
  GThread *thread;
  int fd;
  ZooSum *sum;                  /* the thread's */
  gboolean failed;              /* ... until it ends */
  GMutex lock;                  /* protects what follows */
  GCond grown;
  guint64 size;
  gboolean over, wanted;
};

/* Waits for more than at bytes. FALSE: there will be none, or none is wanted. */
static gboolean
wait_for (ZooFollow *f, guint64 at, guint64 *size)
{
  g_mutex_lock (&f->lock);
  while (f->size <= at && !f->over)
    g_cond_wait (&f->grown, &f->lock);
  *size = f->size;
  gboolean go_on = f->size > at && (!f->over || f->wanted);
  g_mutex_unlock (&f->lock);
  return go_on;
}

static gpointer
follow (gpointer user)
{
  ZooFollow *f = user;
  g_autofree guint8 *block = g_malloc (READ);
  guint64 at = 0, size;
  while (!f->failed && wait_for (f, at, &size)) {
    ssize_t n = pread (f->fd, block, MIN (size - at, READ), (off_t) at);
    f->failed = n <= 0;
    if (n > 0)
      zoo_sum_update (f->sum, block, (gsize) n);
    at += n > 0 ? (guint64) n : 0;
  }
  return NULL;
}

ZooFollow *
zoo_follow_new (int fd, GChecksumType type)
{
  ZooFollow *f = g_new0 (ZooFollow, 1);
  f->fd = fd;
  f->sum = zoo_sum_new (type);
  g_mutex_init (&f->lock);
  g_cond_init (&f->grown);
  f->thread = g_thread_new ("checksum", follow, f);
  return f;
}

void
zoo_follow_grow (ZooFollow *f, guint64 bytes)
{
  g_mutex_lock (&f->lock);
  f->size = bytes;
  g_cond_signal (&f->grown);
  g_mutex_unlock (&f->lock);
}

char *
zoo_follow_end (ZooFollow *f, gboolean wanted)
{
  g_mutex_lock (&f->lock);
  f->over = TRUE;
  f->wanted = wanted;
  g_cond_signal (&f->grown);
  g_mutex_unlock (&f->lock);
  g_thread_join (f->thread);
  char *text = zoo_sum_end (f->sum);
  if (!wanted || f->failed)
    g_clear_pointer (&text, g_free);
  g_mutex_clear (&f->lock);
  g_cond_clear (&f->grown);
  g_free (f);
  return text;
}
