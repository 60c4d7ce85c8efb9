/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * unpack.h - archives of data sets: tar, gzipped or not, and single gzipped files. */
#ifndef CONVOY_ZOO_UNPACK_H
#define CONVOY_ZOO_UNPACK_H

#include <glib.h>

G_BEGIN_DECLS

/* Unpacks x.tar.gz, x.tgz, x.tar, or x.gz (one file x) into a folder that exists. Nothing is
 * written outside it: an absolute name, one with "..", a link or a device is an error. */
gboolean zoo_unpack (const char *archive, const char *folder, GError **error);

/* With all that is in it; links are not followed. One that is not there is fine. */
void zoo_remove_folder (const char *path);

G_END_DECLS
#endif
