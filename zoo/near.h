/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * near.h - which names somebody may have meant. */
#ifndef CONVOY_ZOO_NEAR_H
#define CONVOY_ZOO_NEAR_H

#include <glib.h>

G_BEGIN_DECLS

/* The names (const char *) that come nearest to name, best first, at most three: "a, b, c"; g_free() it. */
char *zoo_nearest (const char *name, const GPtrArray *names);

G_END_DECLS
#endif
