/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * dataset-folder.c - a folder a class, sorted by name, of pictures or of texts; perhaps below folders
 * called train, validation and test. A folder without such folders is one class, called as it is. Files that are none
 * of these are passed over, and named. */
#include "core/dataset.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the folder of a split may be called. */
static const struct { const char *split, *folders[4]; } splits[] = {
  { "train", { "train", "training" } }, { "validation", { "validation", "valid", "val" } }, { "test", { "test" } },
};

static const struct { const char *end; ConvoySampleKind kind; } endings[] = {
  { ".jpg", CONVOY_SAMPLE_PICTURE }, { ".jpeg", CONVOY_SAMPLE_PICTURE }, { ".png", CONVOY_SAMPLE_PICTURE }, { ".txt", CONVOY_SAMPLE_TEXT },
};

typedef struct {
  char *root;
  GPtrArray *names;             /* char *, of each sample; relative to root */
  GArray *labels;               /* guint32 */
} Folder;

static void
folder_free (void *user)
{
  Folder *f = user;
  g_free (f->root);
  g_ptr_array_unref (f->names);
  g_array_unref (f->labels);
  g_free (f);
}

/* --- looking ---------------------------------------------------------- */

static int
by_name (const void *a, const void *b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* The names in a folder, but for hidden ones, sorted; only folders when so asked. */
static GPtrArray *
list (const char *path, gboolean folders)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *full = folders ? g_build_filename (path, name, NULL) : NULL;
    if (*name != '.' && (!folders || g_file_test (full, G_FILE_TEST_IS_DIR)))
      g_ptr_array_add (names, g_strdup (name));
  }
  g_ptr_array_sort (names, by_name);
  return names;
}

/* The row of splits that a folder's name belongs to; NULL: it is no split. */
static const char *
split_of (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (splits); i++)
    if (g_strv_contains (splits[i].folders, name))
      return splits[i].split;
  return NULL;
}

/* Paths below root, "" for itself, of the folders that hold the classes of split; empty: there are none. */
static GPtrArray *
find_roots (const char *root, const char *split)
{
  g_autoptr (GPtrArray) names = list (root, TRUE);
  GPtrArray *roots = g_ptr_array_new_with_free_func (g_free);
  gboolean is_split = FALSE, all = strcmp (split, "all") == 0;
  for (guint i = 0; i < names->len; i++) {
    const char *of = split_of (names->pdata[i]);
    is_split |= of != NULL;
    if (of && (all || strcmp (of, split) == 0))
      g_ptr_array_add (roots, g_strdup (names->pdata[i]));
  }
  if (!is_split && (all || strcmp (split, "train") == 0))
    g_ptr_array_add (roots, g_strdup (""));
  return roots;
}

static gboolean
has_kind (const char *name, ConvoySampleKind kind)
{
  gsize n = strlen (name);
  for (guint i = 0; i < G_N_ELEMENTS (endings); i++) {
    gsize k = strlen (endings[i].end);
    if (endings[i].kind == kind && n > k && g_ascii_strcasecmp (name + n - k, endings[i].end) == 0)
      return TRUE;
  }
  return FALSE;
}

/* Whether a folder has files of that kind, by their names. */
static gboolean
has_files (const char *folder, ConvoySampleKind kind)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name (dir)) != NULL)
    if (has_kind (name, kind))
      return TRUE;
  return FALSE;
}

/* Whether a class folder below one of the roots has them. */
static gboolean
holds (const char *root, GPtrArray *roots, ConvoySampleKind kind)
{
  for (guint r = 0; r < roots->len; r++) {
    g_autofree char *top = g_build_filename (root, roots->pdata[r], NULL);
    g_autoptr (GPtrArray) classes = list (top, TRUE);
    for (guint c = 0; c < classes->len; c++) {
      g_autofree char *folder = g_build_filename (top, classes->pdata[c], NULL);
      if (has_files (folder, kind))
        return TRUE;
    }
  }
  return FALSE;
}

/* Whether it is a single class: what folders are in it have no samples. */
static gboolean
is_flat (const char *path)
{
  g_autoptr (GPtrArray) roots = find_roots (path, "all");
  return (has_files (path, CONVOY_SAMPLE_PICTURE) || has_files (path, CONVOY_SAMPLE_TEXT))
      && !holds (path, roots, CONVOY_SAMPLE_PICTURE) && !holds (path, roots, CONVOY_SAMPLE_TEXT);
}

static gboolean
folder_probe (const char *path)
{
  g_autoptr (GPtrArray) roots = find_roots (path, "all");
  return g_file_test (path, G_FILE_TEST_IS_DIR) && (is_flat (path) || holds (path, roots, CONVOY_SAMPLE_PICTURE) || holds (path, roots, CONVOY_SAMPLE_TEXT));
}

/* --- opening ---------------------------------------------------------- */

/* Why a file is no sample; NULL: it is one. A picture is known by its first bytes, whatever it is
 * called; whether the rest is whole shows when it is decoded. */
static const char *
why_not (const char *path, ConvoySampleKind kind)
{
  static const guint8 jpeg[] = { 0xff, 0xd8, 0xff }, png[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
  guint8 start[sizeof png] = { 0 };
  struct stat st;
  const char *why = NULL;
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return g_strerror (errno);
  if (fstat (fd, &st) != 0 || !S_ISREG (st.st_mode))
    why = S_ISDIR (st.st_mode) ? "a folder within a class" : "no regular file";
  else if (st.st_size == 0)
    why = "an empty file";
  else if (kind == CONVOY_SAMPLE_PICTURE && (read (fd, start, sizeof start) < (ssize_t) sizeof jpeg || (memcmp (start, jpeg, sizeof jpeg) != 0 && memcmp (start, png, sizeof png) != 0)))
    why = "neither JPEG nor PNG";
  close (fd);
  return why;
}

static void
add_class (Folder *f, const char *below, guint32 label, ConvoySampleKind kind, GStrvBuilder *skipped)
{
  g_autofree char *folder = g_build_filename (f->root, below, NULL);
  g_autoptr (GPtrArray) files = list (folder, FALSE);
  for (guint i = 0; i < files->len; i++) {
    const char *file = files->pdata[i];
    g_autofree char *path = g_build_filename (folder, file, NULL);
    char *name = g_build_filename (below, file, NULL);
    const char *why = kind == CONVOY_SAMPLE_TEXT && !has_kind (file, kind) ? "not called .txt" : why_not (path, kind);
    if (why) {
      g_strv_builder_add (skipped, name);
      g_strv_builder_add (skipped, why);
      g_free (name);
    } else {
      g_ptr_array_add (f->names, name);
      g_array_append_val (f->labels, label);
    }
  }
}

/* The classes of all roots, sorted; NULL-terminated. */
static char **
list_classes (const char *path, GPtrArray *roots)
{
  g_autoptr (GPtrArray) all = g_ptr_array_new_with_free_func (g_free);
  for (guint r = 0; r < roots->len; r++) {
    g_autofree char *top = g_build_filename (path, roots->pdata[r], NULL);
    g_autoptr (GPtrArray) classes = list (top, TRUE);
    for (guint c = 0; c < classes->len; c++)
      if (!g_ptr_array_find_with_equal_func (all, classes->pdata[c], g_str_equal, NULL))
        g_ptr_array_add (all, g_strdup (classes->pdata[c]));
  }
  g_ptr_array_sort (all, by_name);
  g_ptr_array_add (all, NULL);
  return (char **) g_ptr_array_steal (all, NULL);
}

static GBytes *
folder_bytes (void *user, gsize i, gint64 *label, GError **error)
{
  const Folder *f = user;
  g_autofree char *path = g_build_filename (f->root, f->names->pdata[i], NULL);
  char *data;
  gsize size;
  *label = g_array_index (f->labels, guint32, i);
  return g_file_get_contents (path, &data, &size, error) ? g_bytes_new_take (data, size) : NULL;
}

static gint64
folder_label (void *user, gsize i)
{
  return g_array_index (((const Folder *) user)->labels, guint32, i);
}

static char *
folder_name (void *user, gsize i)
{
  return g_strdup (((const Folder *) user)->names->pdata[i]);
}

/* The classes of split below f's root; whole: the name of the single one, or NULL. Gives their names. */
static char **
add_classes (Folder *f, const char *split, const char *whole, const ConvoyDatasetOptions *o, ConvoySampleKind kind, GStrvBuilder *skipped)
{
  g_autoptr (GPtrArray) roots = whole ? g_ptr_array_new_with_free_func (g_free) : find_roots (f->root, split);
  if (whole && (strcmp (split, "all") == 0 || strcmp (split, "train") == 0))
    g_ptr_array_add (roots, g_strdup (""));
  char **classes = whole ? g_strsplit (roots->len ? whole : "", "/", 1) : list_classes (f->root, roots);
  for (guint r = 0; r < roots->len; r++)
    for (guint c = 0; classes[c]; c++)
      if (o->classes == NULL || g_strv_contains (o->classes, classes[c])) {
        g_autofree char *below = *(char *) roots->pdata[r] ? g_build_filename (roots->pdata[r], classes[c], NULL) : g_strdup (classes[c]);
        add_class (f, below, c, kind, skipped);
      }
  return classes;
}

static ConvoyDataset *
folder_open (const char *path, const char *split, const ConvoyDatasetOptions *o, GError **error)
{
  static const ConvoyDatasetFuncs funcs = { .bytes = folder_bytes, .label = folder_label, .name = folder_name, .free = folder_free };
  g_autoptr (GPtrArray) everywhere = find_roots (path, "all");
  g_autoptr (GStrvBuilder) skipped = g_strv_builder_new ();
  gboolean flat = is_flat (path), pictures = flat ? has_files (path, CONVOY_SAMPLE_PICTURE) : holds (path, everywhere, CONVOY_SAMPLE_PICTURE);
  ConvoySampleKind kind = pictures ? CONVOY_SAMPLE_PICTURE : CONVOY_SAMPLE_TEXT;
  g_autofree char *full = g_canonicalize_filename (path, NULL), *whole = flat ? g_path_get_basename (full) : NULL;
  Folder *f = g_new (Folder, 1);
  *f = (Folder) { flat ? g_path_get_dirname (full) : g_strdup (path), g_ptr_array_new_with_free_func (g_free), g_array_new (FALSE, FALSE, sizeof (guint32)) };
  g_auto (GStrv) classes = add_classes (f, split, whole, o, kind, skipped);
  ConvoyDatasetInfo info = { .n = f->names->len, .type = CONVOY_U8, .kind = kind, .n_classes = g_strv_length (classes), .classes = (const char *const *) classes };
  if (info.n_classes == 0) {
    convoy_dataset_no_split (path, split, error);
    folder_free (f);
    return NULL;
  }
  ConvoyDataset *d = convoy_dataset_make (&info, &funcs, f);
  convoy_dataset_set_skipped (d, g_strv_builder_end (skipped));
  return d;
}

const ConvoyDatasetFormat convoy_folder_format = { "folder", "a folder a class", "one or more folders of .jpg, .jpeg, .png or of .txt files, perhaps below train, validation, test",
  folder_probe, folder_open };
