/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * http-server.h - an HTTP server on loopback that misbehaves as its address says, for the tests of the fetcher. */
#ifndef CONVOY_HTTP_SERVER_H
#define CONVOY_HTTP_SERVER_H
#include <glib.h>

/* Serves body at http://127.0.0.1:PORT/HOW/...; HOW is one of the rows of http-server.c. Gives the port. */
guint http_server_start (const guint8 *body, gsize n);

/* Forgets what was asked, so that "the first time" comes again. */
void http_server_reset (void);
/* How many requests came since; how many bytes of bodies were sent. */
guint http_server_requests (void);
guint64 http_server_sent (void);

#endif
