/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * transfer.h - one file from one address, through libcurl, hashed as it comes. Private to the fetcher. */
#ifndef CONVOY_ZOO_TRANSFER_H
#define CONVOY_ZOO_TRANSFER_H

#include "zoo/fetch.h"

G_BEGIN_DECLS

typedef struct {
  gboolean resumed;             /* it went on from what an earlier one left */
  gboolean again;               /* it failed in a way that may pass: worth another try */
  guint64 done;                 /* bytes in the part */
} ZooTransferEnd;

/* From url into part, which is kept when it is merely not whole and deleted when it proved wrong
 * (ZOO_ERROR_CHECKSUM). A mirror may be http or file, all else is https, redirects included. */
gboolean zoo_transfer (const ZooFetch *f, const char *url, gboolean is_mirror, const char *part, ZooTransferEnd *end, GError **error);

G_END_DECLS
#endif
