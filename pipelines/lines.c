/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * lines.c - see lines.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "pipelines/lines.h"
#include "core/convoy.h"
#include "pipelines/command.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define PIECE 65536             /* bytes that are read at a time */
#define PATIENCE 100            /* ms between looks at Ctrl-C */

struct Lines {
  int fd;
  guint number;                 /* of the line that is being read */
  GByteArray *line;             /* what of it there is */
  gboolean too_long;
  gsize at, n;                  /* what of the piece is not yet taken */
  guint8 piece[PIECE];
};

Lines *
lines_open (const char *path, GError **error)
{
  gboolean is_stdin = strcmp (path, LINES_STDIN) == 0;
  int fd = is_stdin ? STDIN_FILENO : open (path, O_RDONLY | O_CLOEXEC);

  if (fd < 0) {
    g_set_error_literal (error, G_FILE_ERROR, g_file_error_from_errno (errno), g_strerror (errno));
    return NULL;
  }
  Lines *l = g_new (Lines, 1);
  l->fd = fd;
  l->line = g_byte_array_new ();
  l->number = 0;
  l->at = l->n = 0;
  l->too_long = FALSE;
  return l;
}

void
lines_close (Lines *l)
{
  if (!l)
    return;
  if (l->fd != STDIN_FILENO)
    close (l->fd);
  g_byte_array_unref (l->line);
  g_free (l);
}

/* FALSE: the end, Ctrl-C, or an error. */
static gboolean
read_piece (Lines *l, GError **error)
{
  struct pollfd p = { l->fd, POLLIN, 0 };
  gssize n = -1;

  do {
    int ready = poll (&p, 1, PATIENCE);
    if (command_interrupted ())
      return FALSE;
    if (ready > 0)
      n = read (l->fd, l->piece, PIECE);
    else if (ready == 0)
      errno = EAGAIN;
  } while (n < 0 && (errno == EINTR || errno == EAGAIN));
  if (n < 0)
    g_set_error_literal (error, G_FILE_ERROR, g_file_error_from_errno (errno), g_strerror (errno));
  l->at = 0;
  l->n = n > 0 ? (gsize) n : 0;
  return n > 0;
}

/* Moves what of the piece belongs to the line into it. TRUE: it ended there. */
static gboolean
gather (Lines *l)
{
  const guint8 *from = l->piece + l->at, *stop = memchr (from, '\n', l->n - l->at);
  gsize n = stop ? (gsize) (stop - from) : l->n - l->at;

  if (l->too_long || n > LINES_MAX - l->line->len) {
    l->too_long = TRUE;
    g_byte_array_set_size (l->line, 0);
  } else
    g_byte_array_append (l->line, from, (guint) n);
  l->at += n + (stop != NULL);
  return stop != NULL;
}

GBytes *
lines_next (Lines *l, guint *number, GError **error)
{
  GError *why = NULL;
  gboolean ended = FALSE;

  *number = ++l->number;
  g_byte_array_set_size (l->line, 0);
  l->too_long = FALSE;
  while (!ended && (l->at < l->n || read_piece (l, &why)))
    ended = gather (l);
  if (why)
    g_propagate_error (error, why);
  else if (l->too_long)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "longer than %d bytes", LINES_MAX);
  if (why || l->too_long || (!ended && (l->line->len == 0 || command_interrupted ())))
    return NULL;
  gsize n = l->line->len;
  return g_bytes_new (l->line->data, n - (n > 0 && l->line->data[n - 1] == '\r'));
}
