/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * memory.h - large blocks: in large pages, where the system grants them, which saves faults and address translations. */
#ifndef CONVOY_MEMORY_H
#define CONVOY_MEMORY_H
#include <glib.h>
#include <stdlib.h>
#include <sys/mman.h>

#define CONVOY_LARGE_PAGE ((gsize) 2 << 20)

/* At least size bytes, a multiple of 64 that begins at one; not cleared. NULL: no memory. free() it. */
static inline void *
convoy_memory_new (gsize size)
{
  gsize whole = (size + 63) & ~(gsize) 63;
  void *p = NULL;
  if (whole < size || posix_memalign (&p, size >= CONVOY_LARGE_PAGE ? CONVOY_LARGE_PAGE : 64, MAX (whole, 64)) != 0)
    return NULL;
  if (size >= CONVOY_LARGE_PAGE)
    madvise (p, whole, MADV_HUGEPAGE);
  return p;
}
#endif
