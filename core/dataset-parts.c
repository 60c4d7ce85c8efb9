/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * dataset-parts.c - data sets of 8-bit records of fixed size, read where the files are mapped. */
#include "core/dataset.h"
#include <string.h>

typedef struct {
  GArray *parts;                /* ConvoyPart */
  gsize size;                   /* bytes of a sample */
  guint n_classes;
} Parts;

static void
part_clear (void *data)
{
  ConvoyPart *p = data;
  g_clear_pointer (&p->file, g_mapped_file_unref);
  g_clear_pointer (&p->labels, g_mapped_file_unref);
  g_clear_pointer (&p->name, g_free);
}

GArray *
convoy_parts_new (void)
{
  GArray *parts = g_array_new (FALSE, TRUE, sizeof (ConvoyPart));
  g_array_set_clear_func (parts, part_clear);
  return parts;
}

GMappedFile *
convoy_part_map (const char *path, GError **error)
{
  GMappedFile *file = g_mapped_file_new (path, FALSE, error);
  if (file == NULL)
    return NULL;
  gsize size = g_mapped_file_get_length (file);
  const guint8 *data = (const guint8 *) g_mapped_file_get_contents (file);
  const char *why = size == 0 ? "an empty file" : size > 2 && data[0] == 0x1f && data[1] == 0x8b ? "compressed by gzip; unpack it first" : NULL;
  if (why == NULL)
    return file;
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: %s", path, why);
  g_mapped_file_unref (file);
  return NULL;
}

/* The part that has sample *i, which becomes its number there. */
static const ConvoyPart *
find_part (const Parts *s, gsize *i)
{
  const ConvoyPart *p = &g_array_index (s->parts, ConvoyPart, 0);
  for (; *i >= p->n; p++)
    *i -= p->n;
  return p;
}

static gboolean
parts_read (void *user, gsize i, void *sample, gint64 *label, GError **error)
{
  const Parts *s = user;
  const ConvoyPart *p = find_part (s, &i);
  *label = p->y[i * p->y_step];
  if (*label >= s->n_classes) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s[%zu]: label %d of %u classes", p->name, i, (int) *label, s->n_classes);
    return FALSE;
  }
  memcpy (sample, p->x + i * p->x_step, s->size);
  return TRUE;
}

static gint64
parts_label (void *user, gsize i)
{
  const ConvoyPart *p = find_part (user, &i);
  return p->y[i * p->y_step];
}

static char *
parts_name (void *user, gsize i)
{
  const ConvoyPart *p = find_part (user, &i);
  return g_strdup_printf ("%s[%zu]", p->name, i);
}

static void
parts_free (void *user)
{
  Parts *s = user;
  g_array_unref (s->parts);
  g_free (s);
}

ConvoyDataset *
convoy_parts_open (GArray *parts, ConvoyDatasetInfo *info, const char *path, const char *split, GError **error)
{
  info->n = 0;
  for (guint i = parts->len; i-- > 0;) {
    ConvoyPart *p = &g_array_index (parts, ConvoyPart, i);
    if (strcmp (split, "all") == 0 || strcmp (split, p->is_test ? "test" : "train") == 0)
      info->n += p->n;
    else
      g_array_remove_index (parts, i);
  }
  if (info->n == 0) {
    convoy_dataset_no_split (path, split, error);
    g_array_unref (parts);
    return NULL;
  }
  Parts *s = g_new (Parts, 1);
  *s = (Parts) { parts, convoy_shape_count (&info->shape) * convoy_type_size (info->type), info->n_classes };
  static const ConvoyDatasetFuncs funcs = { .read = parts_read, .label = parts_label, .name = parts_name, .free = parts_free };
  return convoy_dataset_make (info, &funcs, s);
}
