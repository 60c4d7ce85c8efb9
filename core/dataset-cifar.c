/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * dataset-cifar.c - CIFAR-10 and CIFAR-100 in their binary layout: records of one or two label
 * bytes, then 32 rows of 32 pixels for red, for green and for blue. */
#include "core/dataset.h"
#include <string.h>

#define PIXELS (3 * 32 * 32)

typedef struct {
  const char *name;
  const char *train, *test;     /* file names; %u counts from 1 */
  const char *labels_file;      /* a name a line, beside the data */
  gsize label, header;          /* the byte of a record that is its label; where its pixels begin */
  guint n_classes;
  const char *classes[11];      /* when there is no labels_file; none: their numbers */
} Layout;

static const Layout layouts[] = {
  { "CIFAR-10", "data_batch_%u.bin", "test_batch.bin", "batches.meta.txt", 0, 1, 10,
    { "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck" } },
  { "CIFAR-100", "train.bin", "test.bin", "fine_label_names.txt", 1, 2, 100, { NULL } },
};

/* Whether name is the file name that pattern stands for, with any number for %u. */
static gboolean
matches (const char *pattern, const char *name)
{
  const char *hole = strstr (pattern, "%u");
  if (hole == NULL)
    return strcmp (pattern, name) == 0;
  gsize before = hole - pattern, digits = strncmp (pattern, name, before) == 0 ? strspn (name + before, "0123456789") : 0;
  return digits > 0 && strcmp (name + before + digits, hole + 2) == 0;
}

static gboolean
has_file (const char *folder, const char *pattern)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name (dir)) != NULL)
    if (matches (pattern, name))
      return TRUE;
  return FALSE;
}

/* The layout of a folder or of a single file, which by default is CIFAR-10; NULL: neither. */
static const Layout *
find_layout (const char *path)
{
  g_autofree char *name = g_path_get_basename (path);
  gboolean is_folder = g_file_test (path, G_FILE_TEST_IS_DIR);
  for (guint i = 0; i < G_N_ELEMENTS (layouts); i++) {
    const Layout *l = &layouts[i];
    if (is_folder ? has_file (path, l->train) || has_file (path, l->test) : matches (l->train, name) || matches (l->test, name))
      return l;
  }
  return !is_folder && g_str_has_suffix (name, ".bin") ? &layouts[0] : NULL;
}

static gboolean cifar_probe (const char *path) { return find_layout (path) != NULL; }

static gboolean
add_part (GArray *parts, const Layout *l, const char *path, GError **error)
{
  g_autofree char *name = g_path_get_basename (path);
  GMappedFile *file = convoy_part_map (path, error);
  if (file == NULL)
    return FALSE;
  gsize record = l->header + PIXELS, size = g_mapped_file_get_length (file);
  const guint8 *data = (const guint8 *) g_mapped_file_get_contents (file);
  gboolean is_test = matches (l->test, name);
  ConvoyPart part = { .file = file, .x = data + l->header, .y = data + l->label, .x_step = record, .y_step = record,
    .n = size / record, .is_test = is_test, .name = g_steal_pointer (&name) };
  g_array_append_val (parts, part);
  if (size % record == 0)
    return TRUE;
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: %zu bytes are no whole number of %s records of %zu", path, size, l->name, record);
  return FALSE;
}

static gboolean
add_file (GArray *parts, const Layout *l, const char *folder, const char *name, GError **error)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  return add_part (parts, l, path, error);
}

/* The training files are numbered without a gap: 1 to how many there are. */
static gboolean
add_folder (GArray *parts, const Layout *l, const char *folder, GError **error)
{
  const char *name, *hole = strstr (l->train, "%u");
  g_autoptr (GDir) dir = g_dir_open (folder, 0, error);
  guint n = 0;
  if (dir == NULL)
    return FALSE;
  while ((name = g_dir_read_name (dir)) != NULL)
    n += matches (l->train, name);
  for (guint i = 1; i <= n; i++) {
    g_autofree char *train = g_strndup (l->train, hole ? (gsize) (hole - l->train) : strlen (l->train));
    g_autofree char *numbered = hole ? g_strdup_printf ("%s%u%s", train, i, hole + 2) : g_strdup (train);
    if (!add_file (parts, l, folder, numbered, error))
      return FALSE;
  }
  return !has_file (folder, l->test) || add_file (parts, l, folder, l->test, error);
}

/* The names of the classes: from the file beside the data, which has one for each; its empty
 * lines do not count. */
static char **
read_classes (const Layout *l, const char *folder, GError **error)
{
  g_autofree char *path = g_build_filename (folder, l->labels_file, NULL), *text = NULL;
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();
  guint n = 0;
  if (!g_file_test (path, G_FILE_TEST_EXISTS)) {
    for (; n < l->n_classes; n++) {
      g_autofree char *number = g_strdup_printf ("%u", n);
      g_strv_builder_add (names, l->classes[0] ? l->classes[n] : number);
    }
    return g_strv_builder_end (names);
  }
  if (!g_file_get_contents (path, &text, NULL, error))
    return NULL;
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line; line++)
    if (*g_strstrip (*line)) {
      g_strv_builder_add (names, *line);
      n++;
    }
  if (n == l->n_classes)
    return g_strv_builder_end (names);
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: %u names for the %u classes of %s", path, n, l->n_classes, l->name);
  return NULL;
}

static ConvoyDataset *
cifar_open (const char *path, const char *split, const ConvoyDatasetOptions *o, GError **error)
{
  (void) o;
  const Layout *l = find_layout (path);
  if (l == NULL) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: is no %s: that is %s", path, convoy_cifar_format.name,
        convoy_cifar_format.looks);
    return NULL;
  }
  gboolean is_folder = g_file_test (path, G_FILE_TEST_IS_DIR);
  g_autofree char *folder = is_folder ? g_strdup (path) : g_path_get_dirname (path);
  g_autoptr (GArray) parts = convoy_parts_new ();
  g_auto (GStrv) classes = read_classes (l, folder, error);
  if (classes == NULL || !(is_folder ? add_folder (parts, l, path, error) : add_part (parts, l, path, error)))
    return NULL;
  ConvoyDatasetInfo info = { .shape = CONVOY_SHAPE (3, 32, 32), .type = CONVOY_U8, .n_classes = l->n_classes, .classes = (const char *const *) classes };
  return convoy_parts_open (g_steal_pointer (&parts), &info, path, split, error);
}

const ConvoyDatasetFormat convoy_cifar_format = { "cifar", "CIFAR binary", "a .bin file, or a folder of data_batch_*.bin and test_batch.bin", cifar_probe, cifar_open };
