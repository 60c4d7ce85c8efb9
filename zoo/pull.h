/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * pull.h - brings an entry of the zoo onto this machine, with all that belongs to it. */
#ifndef CONVOY_ZOO_PULL_H
#define CONVOY_ZOO_PULL_H

#include "zoo/fetch.h"
#include "zoo/manifest.h"

G_BEGIN_DECLS

/* Fetches the entry, unless it is there, then its labels, and writes the sidecar, from which the
 * engine knows the preprocessing. Gives the path. missing, when not NULL, receives why a model
 * came without its labels (NULL: with them); that is no error. */
char *zoo_pull (const ZooManifest *m, const ZooEntry *e, ZooProgress progress, void *user, GError **missing, GError **error);

/* Deletes the entry's files from the cache; labels stay as long as a cached model uses them. */
gboolean zoo_remove (const ZooManifest *m, const ZooEntry *e, GError **error);

G_END_DECLS
#endif
