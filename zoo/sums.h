/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * sums.h - the files of an unpacked data set with their checksums, so that it can be verified when its
 * archives are gone. */
#ifndef CONVOY_ZOO_SUMS_H
#define CONVOY_ZOO_SUMS_H

#include <glib.h>

G_BEGIN_DECLS

/* "x" -> "x.sha256", where the list of folder x lies. g_free() it. */
char *zoo_sums_path (const char *folder);
/* Writes the list, a line a file as sha256sum does, names as below the folder, sorted. */
gboolean zoo_sums_write (const char *folder, const char *list, GError **error);
/* FALSE: a file differs or is missing, the first one is named. n receives how many there are. */
gboolean zoo_sums_check (const char *folder, const char *list, guint *n, GError **error);

G_END_DECLS
#endif
