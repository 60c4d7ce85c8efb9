/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * temp-files.h - a folder for the files of a test program, gone when it ends. */
#ifndef CONVOY_TEMP_FILES_H
#define CONVOY_TEMP_FILES_H
#include "tests/tap.h"
#include <glib.h>

/* Runs the tests with such a folder. */
int temp_main (const char *suite, const TapTest *tests);

/* The path of name in the folder, whose own folders are made; valid until the program ends. */
const char *temp_path (const char *name);
const char *temp_write (const char *name, const void *data, gssize n);  /* n -1: a string */

/* The error is one line that has what and says in it; otherwise the test fails. Frees it. */
void temp_check_error (GError *error, const char *what, const char *says);

/* Runs f with no file allowed to grow beyond so many bytes, as if the disk were full. */
void temp_with_full_disk (gsize bytes, void (*f) (void));
#endif
