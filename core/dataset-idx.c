/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * dataset-idx.c - IDX, the format of MNIST: a file of pictures with its file of labels. Both begin
 * with two zero bytes, the type (8: unsigned bytes), the rank, then each dimension, 32 bits big-endian. */
#include "core/dataset.h"
#include <string.h>

#define MAX_CLASSES 256

/* "train-images-idx3-ubyte", "train-images.idx3-ubyte", also when compressed, which is an error of its own. */
static gboolean
is_pictures (const char *name)
{
  const char *images = strstr (name, "images"), *idx = images ? strstr (images, "idx3-ubyte") : NULL;
  return idx && (idx[10] == '\0' || strcmp (idx + 10, ".gz") == 0);
}

static int
compare_paths (const void *a, const void *b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* The paths of a folder's files of pictures, sorted. */
static GPtrArray *
list_pictures (const char *path)
{
  GPtrArray *list = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *base = g_path_get_basename (path);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;
  if (dir == NULL && is_pictures (base))
    g_ptr_array_add (list, g_strdup (path));
  while (dir && (name = g_dir_read_name (dir)) != NULL)
    if (is_pictures (name))
      g_ptr_array_add (list, g_build_filename (path, name, NULL));
  g_ptr_array_sort (list, compare_paths);
  return list;
}

static gboolean
idx_probe (const char *path)
{
  g_autoptr (GPtrArray) list = list_pictures (path);
  return list->len > 0;
}

static guint32
read_u32 (const guint8 *p)
{
  return (guint32) p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* Maps path, whose rank must be the given one; its dimensions go to dims. */
static GMappedFile *
map_idx (const char *path, guint rank, gint64 *dims, GError **error)
{
  GMappedFile *file = convoy_part_map (path, error);
  if (file == NULL)
    return NULL;
  gsize size = g_mapped_file_get_length (file), header = 4 + 4 * rank;
  const guint8 *p = (const guint8 *) g_mapped_file_get_contents (file);
  ConvoyShape shape = { .n = rank };
  guint32 wanted = 0x800 | rank;
  if (size < 4 || read_u32 (p) != wanted)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: begins with 0x%08x, not 0x%08x (IDX, unsigned bytes, %u dimensions)", path,
        size < 4 ? 0 : read_u32 (p), wanted, rank);
  else if (size < header)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: %zu bytes end within its header", path, size);
  else {
    for (guint i = 0; i < rank; i++)
      shape.d[i] = dims[i] = read_u32 (p + 4 + 4 * i);
    gint64 count = convoy_shape_count (&shape);
    if (count > 0 && (gsize) count == size - header)
      return file;
    g_autofree char *text = convoy_shape_str (&shape);
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: %zu bytes after the header, which says %s", path, size - header, text);
  }
  g_mapped_file_unref (file);
  return NULL;
}

/* "images" and "idx3" of the last part of path become "labels" and "idx1". */
static char *
labels_path (const char *path)
{
  char *labels = g_strdup (path), *base = strrchr (labels, '/');
  base = strstr (base ? base : labels, "images");
  memcpy (base, "labels", 6);
  strstr (base, "idx3")[3] = '1';
  return labels;
}

/* info->n_classes becomes one more than the highest label, when that is more. */
static gboolean
add_part (GArray *parts, const char *path, ConvoyDatasetInfo *info, GError **error)
{
  gint64 dims[3], n_labels;
  g_autofree char *labels = labels_path (path), *name = g_path_get_basename (path);
  g_autoptr (GMappedFile) file = map_idx (path, 3, dims, error);
  g_autoptr (GMappedFile) label_file = file ? map_idx (labels, 1, &n_labels, error) : NULL;
  if (label_file == NULL)
    return FALSE;
  ConvoyShape shape = CONVOY_SHAPE (1, dims[1], dims[2]);
  if (n_labels != dims[0]) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: %d labels for the %d pictures of %s", labels, (int) n_labels, (int) dims[0], name);
    return FALSE;
  }
  if (parts->len > 0 && !convoy_shape_equal (&shape, &info->shape)) {
    g_autofree char *one = convoy_shape_str (&shape), *other = convoy_shape_str (&info->shape);
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "%s: pictures of %s, others of the folder are %s", path, one, other);
    return FALSE;
  }
  const guint8 *x = (const guint8 *) g_mapped_file_get_contents (file) + 16, *y = (const guint8 *) g_mapped_file_get_contents (label_file) + 8;
  info->shape = shape;
  for (gint64 i = 0; i < n_labels; i++)
    info->n_classes = MAX (info->n_classes, y[i] + 1u);
  gboolean is_test = strstr (name, "t10k") || strstr (name, "test");
  ConvoyPart part = { .x = x, .y = y, .x_step = dims[1] * dims[2], .y_step = 1, .n = dims[0],
    .is_test = is_test, .name = g_steal_pointer (&name),
    .file = g_steal_pointer (&file), .labels = g_steal_pointer (&label_file) };
  g_array_append_val (parts, part);
  return TRUE;
}

static ConvoyDataset *
idx_open (const char *path, const char *split, const ConvoyDatasetOptions *o, GError **error)
{
  (void) o;
  g_autoptr (GPtrArray) list = list_pictures (path);
  g_autoptr (GArray) parts = convoy_parts_new ();
  ConvoyDatasetInfo info = { .type = CONVOY_U8 };
  char numbers[MAX_CLASSES][4];
  const char *classes[MAX_CLASSES + 1] = { NULL };
  for (guint i = 0; i < list->len; i++)
    if (!add_part (parts, g_ptr_array_index (list, i), &info, error))
      return NULL;
  for (guint i = 0; i < info.n_classes; i++) {
    g_snprintf (numbers[i], sizeof numbers[i], "%u", (guint8) i);
    classes[i] = numbers[i];
  }
  info.classes = classes;
  return convoy_parts_open (g_steal_pointer (&parts), &info, path, split, error);
}

const ConvoyDatasetFormat convoy_idx_format = { "idx", "IDX", "*-images-idx3-ubyte with *-labels-idx1-ubyte beside it", idx_probe, idx_open };
