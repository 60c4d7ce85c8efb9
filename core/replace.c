/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * replace.c - see replace.h. */
#include "core/replace.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static gboolean
fail (const char *path, int why, GError **error)
{
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: cannot write: %s", path,
      why == EWOULDBLOCK ? "another process is writing it" : g_strerror (why));
  return FALSE;
}

/* The file that fd is open on is still the one called part: a writer that held the lock before
 * may have renamed it meanwhile. */
static gboolean
is_still (int fd, const char *part)
{
  struct stat mine, named;
  return fstat (fd, &mine) == 0 && stat (part, &named) == 0 && mine.st_ino == named.st_ino && mine.st_dev == named.st_dev;
}

gboolean
convoy_replace_may (const char *path, GError **error)
{
  struct stat there;
  if (stat (path, &there) != 0 || S_ISREG (there.st_mode))
    return TRUE;
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: cannot write: %s", path,
      S_ISDIR (there.st_mode) ? g_strerror (EISDIR) : "not a regular file");
  return FALSE;
}

gboolean
convoy_replace_begin (ConvoyReplace *r, const char *path, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path), *base = g_path_get_basename (path);
  *r = (ConvoyReplace) { .path = path, .fd = -1 };
  if (!convoy_replace_may (path, error))
    return FALSE;
  r->part = g_strdup_printf ("%s/.%.200s.part", folder, base);
  while (r->fd < 0) {
    r->fd = open (r->part, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (r->fd < 0 || flock (r->fd, LOCK_EX | LOCK_NB) != 0) {
      r->why = errno;
      break;
    }
    if (!is_still (r->fd, r->part)) {
      close (r->fd);
      r->fd = -1;
    }
  }
  if (r->why == 0 && ftruncate (r->fd, 0) != 0)
    r->why = errno;
  if (r->why == 0)
    return TRUE;
  if (r->fd >= 0)
    close (r->fd);
  g_clear_pointer (&r->part, g_free);
  return fail (path, r->why, error);
}

void
convoy_replace_write (ConvoyReplace *r, const void *data, gsize size)
{
  const char *at = data;
  while (size > 0 && r->why == 0) {
    gssize n = write (r->fd, at, MIN (size, (gsize) 1 << 30));
    if (n < 0 && errno != EINTR)
      r->why = errno;
    else if (n > 0) {
      at += n;
      size -= n;
    }
  }
}

/* Makes the renaming last. A file system that cannot has renamed all the same. */
static void
sync_folder (const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path);
  int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) {
    fsync (fd);
    close (fd);
  }
}

/* The lock ends with close(), so that comes after the renaming. */
gboolean
convoy_replace_end (ConvoyReplace *r, GError **error)
{
  if (r->why == 0 && fsync (r->fd) != 0)
    r->why = errno;
  if (r->why == 0 && g_rename (r->part, r->path) != 0)
    r->why = errno;
  if (r->why == 0)
    sync_folder (r->path);
  else
    g_unlink (r->part);
  close (r->fd);
  g_clear_pointer (&r->part, g_free);
  return r->why == 0 || fail (r->path, r->why, error);
}

gboolean
convoy_file_save (const char *path, const void *data, gsize size, GError **error)
{
  ConvoyReplace r;
  if (!convoy_replace_begin (&r, path, error))
    return FALSE;
  convoy_replace_write (&r, data, size);
  return convoy_replace_end (&r, error);
}

gboolean
convoy_file_may_save (const char *path, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);
  if (!convoy_replace_may (path, error))
    return FALSE;
  return g_access (folder, W_OK | X_OK) == 0 || fail (path, errno, error);
}
