/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fetch.h - gets one file of known size and checksum from the first source that has it. */
#ifndef CONVOY_ZOO_FETCH_H
#define CONVOY_ZOO_FETCH_H

#include "zoo/zoo.h"

G_BEGIN_DECLS

/* So many bytes are there, with what an earlier run left; done == total comes once, when all is
 * verified. FALSE: stop. */
typedef gboolean (*ZooProgress) (void *user, const char *name, guint64 done, guint64 total);

typedef struct {
  const char *name;             /* for messages */
  const char *file;             /* below a mirror */
  const char *const *urls;      /* https; NULL: none */
  guint64 size;
  const char *checksum;         /* sha256, or md5 where no more is published; hexadecimal */
  const char *dest;             /* replaced atomically, and only by what is verified; dest.part until then */
  ZooProgress progress;         /* NULL: none */
  void *user;
} ZooFetch;

/* Sources are CONVOY_MIRROR (folders, file://, http:// or https://, with ; between), then urls; with
 * CONVOY_OFFLINE set, only mirrors on this machine. An interrupted fetch goes on where it stopped.
 * Of several processes that fetch the same file, one does and the others wait. */
gboolean zoo_fetch (const ZooFetch *f, GError **error);

G_END_DECLS
#endif
