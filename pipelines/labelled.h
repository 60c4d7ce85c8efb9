/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * labelled.h - pictures of which the class is known: a folder a class, or a table. */
#ifndef CONVOY_LABELLED_H
#define CONVOY_LABELLED_H

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  GPtrArray *files;             /* char * */
  GArray *classes;              /* guint: of each file */
  GPtrArray *names;             /* char *: of each class, with ", " between; NULL where none is known */
  gboolean is_tree;             /* classes are numbered by us, so only their names mean something */
} Labelled;

/* A folder with a subfolder a class; or a table with a file, the number of its class and perhaps
 * names of that in each line, tabs between, where a file lies beside the table. */
Labelled *labelled_load (const char *path, GError **error);
void labelled_free (Labelled *l);

/* Which label each class has: guint, as long as names. Found by the names; offset, when not
 * NULL, says instead what to add to the number of a class. labels ends with NULL. */
GArray *labelled_match (const Labelled *l, const char *const *labels, const int *offset, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Labelled, labelled_free)

G_END_DECLS
#endif
