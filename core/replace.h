/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * replace.h - write a file that takes the place of another in one step, or leaves it as it was. */
#ifndef CONVOY_REPLACE_H
#define CONVOY_REPLACE_H
#include "core/convoy.h"

/* What is written goes to `.NAME.part` in the folder of path, so a process that is killed leaves
 * one such file at most, and the next one uses it. Locked: two writers of one path are refused. */
typedef struct {
  const char *path;             /* borrowed */
  char *part;
  int fd;
  int why;                      /* errno of the first failure; 0: none */
} ConvoyReplace;

/* FALSE: at path is what renaming would take away, a folder, a device or a pipe. */
gboolean convoy_replace_may (const char *path, GError **error);
gboolean convoy_replace_begin (ConvoyReplace *r, const char *path, GError **error);
/* A failure is kept for convoy_replace_end(). */
void convoy_replace_write (ConvoyReplace *r, const void *data, gsize size);
/* Flushes to the disk and renames; on failure the old file stays and the new one goes. All at once: convoy_file_save(). */
gboolean convoy_replace_end (ConvoyReplace *r, GError **error);

#endif
