/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * labelled.h - samples of which the class is known: files, a folder a class or listed in a table; or rows of a table. */
#ifndef CONVOY_LABELLED_H
#define CONVOY_LABELLED_H

#include <glib.h>

G_BEGIN_DECLS

#define LABELLED_NONE G_MAXUINT

typedef struct {
  GPtrArray *files; /* char *; of rows "rows.csv:3" */
  GArray *classes; /* guint: of each file; LABELLED_NONE: not known */
  GPtrArray *names;             /* char *: of each class, with ", " between; NULL where none is known */
  gboolean is_tree;             /* classes are numbered by us, so only their names mean something */
  GHashTable *lines; /* of rows: the line to the number of the file + 1; NULL: each file is one */
} Labelled;

/* A folder with a subfolder a class; or a table with a file, the number of its class and perhaps
 * names of that in each line, tabs between, where a file lies beside the table. */
Labelled *labelled_load (const char *path, GError **error);

/* What columns of a table mean: learnt is what a model keeps of the table that it learnt; otherwise the
 * samples are texts in a column text, with classes in a column label (NULL: found by looking). */
typedef struct {
  const char *learnt, *text, *label;
} LabelledColumns;
/* The rows of a CSV or TSV file. */
Labelled *labelled_rows (const char *path, const LabelledColumns *columns, GError **error);

Labelled *labelled_new (gboolean is_tree);
/* Takes file over. */
void labelled_add (Labelled *l, char *file, guint class);
void labelled_free (Labelled *l);

/* Which label each class has: guint, as long as names. Found by the names; offset, when not
 * NULL, says instead what to add to the number of a class. labels ends with NULL. */
GArray *labelled_match (const Labelled *l, const char *const *labels, const int *offset, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Labelled, labelled_free)

G_END_DECLS
#endif
