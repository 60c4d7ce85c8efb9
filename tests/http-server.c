/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * http-server.c - see http-server.h. A thread a connection, a request a connection. */
#include "tests/http-server.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const guint8 *body;
static gsize body_size;
static guint port;
static gint n_requests;         /* atomic */
static gsize n_sent;            /* atomic */
static gint n_rounds;           /* resets so far; atomic */

typedef struct {
  int fd;
  gsize from;                   /* of a Range; 0: none was asked for */
  guint nth;                    /* request since the reset, from 0 */
  gint round;                   /* of n_rounds, when it came in: what a slow answer still sends after a reset does not count */
} Request;

/* --- sending ---------------------------------------------------------- */

static gboolean
send_bytes (const Request *r, const void *data, gsize n)
{
  const char *p = data;
  while (n > 0) {
    ssize_t k = send (r->fd, p, n, MSG_NOSIGNAL);
    if (k <= 0)
      return FALSE;
    p += k;
    n -= (gsize) k;
  }
  return TRUE;
}

static void
send_text (const Request *r, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  send_bytes (r, text, strlen (text));
}

/* n bytes of the body, in pieces with a pause between. */
static void
send_body (const Request *r, gsize from, gsize n, gsize piece, gulong pause)
{
  for (gsize i = 0; i < n; i += piece) {
    gsize k = MIN (piece, n - i);
    if (r->round == g_atomic_int_get (&n_rounds))       /* before, as the client may be done first */
      g_atomic_pointer_add (&n_sent, (gssize) k);
    if (!send_bytes (r, body + from + i, k))
      return;
    if (pause)
      g_usleep (pause);
  }
}

static void
send_head (const Request *r, gsize length)
{
  if (r->from)
    send_text (r, "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes %zu-%zu/%zu\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", r->from,
        body_size - 1, body_size, length);
  else
    send_text (r, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", length);
}

static void
send_page (const Request *r, const char *page)
{
  send_text (r, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", strlen (page), page);
}

static void
send_redirect (const Request *r, const char *to)
{
  send_text (r, "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", to);
}

/* --- ways to behave --------------------------------------------------- */

static void
good (const Request *r)
{
  send_head (r, body_size - r->from);
  send_body (r, r->from, body_size - r->from, body_size, 0);
}

static void
slow (const Request *r)
{
  send_head (r, body_size - r->from);
  send_body (r, r->from, body_size - r->from, 4096, 500);
}

/* Knows nothing of ranges. */
static void
whole (const Request *r)
{
  Request all = { r->fd, 0, r->nth, r->round };
  good (&all);
}

/* Says how much comes, and hangs up before it has. */
static void
cut (const Request *r)
{
  send_head (r, body_size - r->from);
  send_body (r, r->from, MIN (body_size - r->from, body_size / 5), body_size, 0);
}

/* The same without ranges: it never comes further. */
static void
cut_whole (const Request *r)
{
  Request all = { r->fd, 0, r->nth, r->round };
  cut (&all);
}

static void
fewer (const Request *r)
{
  send_head (r, body_size / 2);
  send_body (r, 0, body_size / 2, body_size, 0);
}

static void
more (const Request *r)
{
  send_head (r, body_size + 4);
  send_body (r, 0, body_size, body_size, 0);
  send_text (r, "more");
}

static void
wrong (const Request *r)
{
  send_head (r, body_size - r->from);
  send_body (r, r->from, body_size - r->from - 1, body_size, 0);
  guint8 last = body[body_size - 1] ^ 1;
  send_bytes (r, &last, 1);
}

static void
missing (const Request *r)
{
  send_text (r, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnone");
}

static void
broken (const Request *r)
{
  send_text (r, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\nConnection: close\r\n\r\noops");
}

static void
busy (const Request *r)
{
  (r->nth == 0 ? broken : good) (r);
}

static void
loop (const Request *r)
{
  send_redirect (r, "/loop/x");
}

static void
onward (const Request *r)
{
  send_redirect (r, "/good/x");
}

static void
to_file (const Request *r)
{
  send_redirect (r, "file:///etc/hostname");
}

/* A byte now and then. */
static void
loris (const Request *r)
{
  send_head (r, body_size - r->from);
  send_body (r, r->from, 100, 1, G_USEC_PER_SEC / 5);
}

/* A connection that is torn down, the first time. */
static void
reset (const Request *r)
{
  struct linger hard = { 1, 0 };
  if (r->nth > 0) {
    good (r);
    return;
  }
  send_head (r, body_size - r->from);
  send_body (r, r->from, (body_size - r->from) / 3, body_size, 0);
  g_usleep (100 * 1000);
  setsockopt (r->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

static void
html (const Request *r)
{
  send_page (r, "\n<!DOCTYPE html>\n<html><body>Please log in</body></html>\n");
}

static void
lfs (const Request *r)
{
  send_page (r, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4\n");
}

static const struct { const char *how; void (*answer) (const Request *r); } ways[] = {
  { "good", good }, { "slow", slow }, { "whole", whole }, { "cut", cut }, { "cut-whole", cut_whole }, { "fewer", fewer }, { "more", more },
  { "wrong", wrong }, { "missing", missing }, { "broken", broken }, { "busy", busy }, { "loop", loop }, { "onward", onward },
  { "to-file", to_file }, { "loris", loris }, { "reset", reset }, { "html", html }, { "lfs", lfs },
};

/* --- connections ------------------------------------------------------ */

/* The request up to its empty line; FALSE: there was none. */
static gboolean
read_head (int fd, char *text, gsize max)
{
  for (gsize n = 0; n + 1 < max;) {
    ssize_t k = recv (fd, text + n, max - n - 1, 0);
    if (k <= 0)
      return FALSE;
    n += (gsize) k;
    text[n] = 0;
    if (strstr (text, "\r\n\r\n"))
      return TRUE;
  }
  return FALSE;
}

static gpointer
serve (gpointer data)
{
  Request r = { GPOINTER_TO_INT (data), 0, 0, g_atomic_int_get (&n_rounds) };
  char text[8192];

  if (read_head (r.fd, text, sizeof text)) {
    const char *range = strstr (text, "Range: bytes="), *path = strchr (text, '/');
    if (range)
      r.from = (gsize) strtoull (range + strlen ("Range: bytes="), NULL, 10);
    if (path[1] == '/')         /* as a proxy is asked: http://host/path */
      path = strchr (path + 2, '/');
    r.nth = (guint) g_atomic_int_add (&n_requests, 1);
    for (guint i = 0; i < G_N_ELEMENTS (ways); i++) {
      gsize n = strlen (ways[i].how);
      if (!strncmp (path + 1, ways[i].how, n) && path[1 + n] == '/')
        ways[i].answer (&r);
    }
  }
  close (r.fd);
  return NULL;
}

static gpointer
wait_for_connections (gpointer data)
{
  for (;;) {
    int fd = accept (GPOINTER_TO_INT (data), NULL, NULL);
    if (fd >= 0)
      g_thread_unref (g_thread_new ("http", serve, GINT_TO_POINTER (fd)));
  }
  return NULL;
}

guint
http_server_start (const guint8 *bytes, gsize n)
{
  struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t len = sizeof a;
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  body = bytes;
  body_size = n;
  if (bind (fd, (struct sockaddr *) &a, sizeof a) != 0 || listen (fd, 16) != 0 || getsockname (fd, (struct sockaddr *) &a, &len) != 0)
    g_error ("no server on loopback");
  port = ntohs (a.sin_port);
  g_thread_unref (g_thread_new ("accept", wait_for_connections, GINT_TO_POINTER (fd)));
  return port;
}

void
http_server_reset (void)
{
  g_atomic_int_inc (&n_rounds);
  g_atomic_int_set (&n_requests, 0);
  g_atomic_pointer_set (&n_sent, 0);
}

guint
http_server_requests (void)
{
  return (guint) g_atomic_int_get (&n_requests);
}

guint64
http_server_sent (void)
{
  return (guint64) (gsize) g_atomic_pointer_get (&n_sent);
}
