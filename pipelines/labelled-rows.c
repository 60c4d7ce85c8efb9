/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * labelled-rows.c - the rows of a table whose class is in one of its columns, see labelled.h. */
#include "core/convoy.h"
#include "pipelines/labelled.h"
#include <string.h>

/* The line in "rows.csv:3". */
static guint
line_of (const char *name)
{
  const char *colon = strrchr (name, ':');
  guint64 line = 0;
  if (colon)
    g_ascii_string_to_unsigned (colon + 1, 10, 0, G_MAXUINT, &line, NULL);
  return (guint) line;
}

static gboolean
add_rows (Labelled *l, ConvoyDataset *d, GError **error)
{
  for (gsize i = 0; i < convoy_dataset_info (d)->n; i++) {
    const char *name = convoy_dataset_name (d, i);
    gint64 label;
    if (!convoy_dataset_label (d, i, &label, error))
      return FALSE;
    labelled_add (l, g_strdup (name), label < 0 ? LABELLED_NONE : (guint) label);
    g_hash_table_insert (l->lines, GUINT_TO_POINTER (line_of (name)), GUINT_TO_POINTER (l->files->len));
  }
  return TRUE;
}

Labelled *
labelled_rows (const char *path, const LabelledColumns *columns, GError **error)
{
  const ConvoyDatasetOptions o = { .format = "table", .learnt = columns->learnt, .text = columns->text, .label = columns->label };
  g_autoptr (ConvoyDataset) d = convoy_dataset_open_with (path, "all", &o, error);
  g_autoptr (Labelled) l = labelled_new (TRUE);

  if (!d)
    return NULL;
  const ConvoyDatasetInfo *info = convoy_dataset_info (d);
  if (info->n_classes == 0) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID,
        "%s: no column of classes, called as in the table that the model learnt", path);
    return NULL;
  }
  for (guint c = 0; c < info->n_classes; c++)
    g_ptr_array_add (l->names, g_strdup (info->classes[c]));
  l->lines = g_hash_table_new (NULL, NULL);
  return add_rows (l, d, error) ? g_steal_pointer (&l) : NULL;
}
