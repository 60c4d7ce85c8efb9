/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * nearest.h - for messages about a word that is not known: which one was meant. */
#ifndef CONVOY_NEAREST_H
#define CONVOY_NEAREST_H
#include <glib.h>

/* The name with the smallest edit distance to word; NULL where there are none. */
const char *convoy_nearest (const char *word, const char *const *names, guint n);
#endif
