/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * sum.h - checksums as fast as a download: on a thread that follows a file while it grows. */
#ifndef CONVOY_ZOO_SUM_H
#define CONVOY_ZOO_SUM_H

#include <glib.h>

G_BEGIN_DECLS

typedef struct ZooSum ZooSum;
ZooSum *zoo_sum_new (GChecksumType type);       /* MD5 or SHA-256 */
void zoo_sum_update (ZooSum *s, const void *data, gsize n);
char *zoo_sum_end (ZooSum *s);          /* in hexadecimal; frees s; g_free() it */

/* The sum of a whole file, and its bytes; g_free() it. NULL: it cannot be read. */
char *zoo_sum_file (const char *path, GChecksumType type, guint64 *size, GError **error);

/* The sum of what is in fd, which stays open meanwhile. One thread tells how far it has written. */
typedef struct ZooFollow ZooFollow;
ZooFollow *zoo_follow_new (int fd, GChecksumType type);
void zoo_follow_grow (ZooFollow *f, guint64 bytes);     /* so many are there now, from the start */
/* Frees f. wanted: waits for the sum of all; g_free() it, NULL: it could not be read. Else NULL, soon. */
char *zoo_follow_end (ZooFollow *f, gboolean wanted);

G_END_DECLS
#endif
