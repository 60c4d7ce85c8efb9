/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * conformance-find.c - finds the cases in an archive or a folder: those that a MANIFEST.tsv lists,
 * else every model.onnx with its test_data_set_N, else recorded vectors MODEL/CASE of MODEL.onnx. */
#include "tests/conformance.h"
#include <string.h>

typedef struct {
  const char *root, *models;
  GPtrArray *cases;
  GError **error;
} Find;

static void
case_free (gpointer p)
{
  Case *c = p;
  g_free (c->name);
  g_free (c->op);
  g_free (c->tier);
  g_free (c->model);
  g_ptr_array_unref (c->data);
  if (c->secret)
    g_bytes_unref (c->secret);
  g_free (c);
}

GPtrArray *
cases_new (void)
{
  return g_ptr_array_new_with_free_func (case_free);
}

static Case *
add_case (Find *f, const char *name, char *model)
{
  Case *c = g_new0 (Case, 1);
  *c = (Case) { .name = g_strdup (name), .op = g_strdup ("network"), .tier = g_strdup (""), .model = model, .data = g_ptr_array_new_with_free_func (g_free),
    .rtol = 1e-3, .atol = 1e-4, .quantized = strstr (name, "-qdq") != NULL };
  g_ptr_array_add (f->cases, c);
  return c;
}

static int
by_name (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* Names in a folder, sorted. */
static GPtrArray *
list_folder (const char *path)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  for (const char *name; dir && (name = g_dir_read_name (dir));)
    g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, by_name);
  return names;
}

static gboolean
has (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  return g_file_test (path, G_FILE_TEST_EXISTS);
}

static void
add_data_sets (Case *c, const char *folder)
{
  g_autoptr (GPtrArray) names = list_folder (folder);
  for (guint i = 0; i < names->len; i++)
    if (g_str_has_prefix (names->pdata[i], "test_data_set_"))
      g_ptr_array_add (c->data, g_build_filename (folder, names->pdata[i], NULL));
}

/* --- MANIFEST.tsv ----------------------------------------------------- */

static const char *
column (char **header, char **row, const char *name)
{
  guint n = g_strv_length (row);
  for (guint i = 0; i < n && header[i]; i++)
    if (strcmp (header[i], name) == 0)
      return row[i];
  return NULL;
}

static Expect
expectation (const char *word)
{
  static const char *const words[] = { [EXPECT_ACCEPT] = "accept", [EXPECT_REJECT] = "reject", [EXPECT_ANY] = "any" };
  for (guint i = EXPECT_ACCEPT; word && i < G_N_ELEMENTS (words); i++)
    if (strcmp (word, words[i]) == 0)
      return i;
  return EXPECT_OUTPUT;
}

static void
add_row (Find *f, const char *folder, char **header, char **row, GBytes *secret)
{
  const char *name = column (header, row, "case"), *op = column (header, row, "op"), *tier = column (header, row, "tier"),
             *rtol = column (header, row, "rtol"), *atol = column (header, row, "atol");
  if (name == NULL || *name == '\0')
    return;
  g_autofree char *at = g_build_filename (folder, name, NULL);
  Case *c = add_case (f, name, g_build_filename (at, "model.onnx", NULL));
  op = op ? op : column (header, row, "class");
  g_free (c->op);
  c->op = g_strdup (op ? op : "");
  g_free (c->tier);
  c->tier = g_strdup (tier ? tier : "");
  c->rtol = rtol ? g_ascii_strtod (rtol, NULL) : c->rtol;
  c->atol = atol ? g_ascii_strtod (atol, NULL) : c->atol;
  c->expect = expectation (column (header, row, "expect"));
  c->secret = secret ? g_bytes_ref (secret) : NULL;
  c->quantized = FALSE;
  add_data_sets (c, at);
}

static gboolean
read_manifest (Find *f, const char *folder)
{
  g_autofree char *path = g_build_filename (folder, "MANIFEST.tsv", NULL), *text = NULL, *secret_path = g_build_filename (folder, "SECRET.bin", NULL);
  char *secret_data = NULL;
  gsize secret_size;
  if (!g_file_get_contents (path, &text, NULL, f->error))
    return FALSE;
  g_autoptr (GBytes) secret = g_file_get_contents (secret_path, &secret_data, &secret_size, NULL) ? g_bytes_new_take (secret_data, secret_size) : NULL;
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  g_auto (GStrv) header = g_strsplit (lines[0], "\t", -1);
  for (guint i = 1; lines[0] && lines[i]; i++) {
    g_auto (GStrv) row = g_strsplit (lines[i], "\t", -1);
    add_row (f, folder, header, row, secret);
  }
  return TRUE;
}

/* --- folders ---------------------------------------------------------- */

/* The published vectors of MobileNet v2 were recorded before its last matrix was rounded to 8 bits. */
static gboolean
in_8_bits (const char *network, const char *vector)
{
  return g_str_has_prefix (network, "mobilenet-v2") && g_str_has_prefix (vector, "test_data_set_");
}

static void
add_vector (Find *f, const char *folder)
{
  g_autofree char *base = g_path_get_basename (folder), *up = g_path_get_dirname (folder), *network = g_path_get_basename (up),
                  *file = g_strconcat (network, ".onnx", NULL), *name = g_build_filename (network, base, NULL);
  Case *c = add_case (f, name, g_build_filename (f->models, file, NULL));
  g_ptr_array_add (c->data, g_strdup (folder));
  c->quantized |= in_8_bits (network, base);
}

static gboolean
walk (Find *f, const char *folder, guint depth)
{
  if (has (folder, "MANIFEST.tsv"))
    return read_manifest (f, folder);
  if (has (folder, "model.onnx")) {
    g_autofree char *name = g_path_get_basename (folder);
    add_data_sets (add_case (f, name, g_build_filename (folder, "model.onnx", NULL)), folder);
    return TRUE;
  }
  if (has (folder, "input_0.pb")) {
    add_vector (f, folder);
    return TRUE;
  }
  g_autoptr (GPtrArray) names = list_folder (folder);
  for (guint i = 0; depth > 0 && i < names->len; i++) {
    g_autofree char *path = g_build_filename (folder, names->pdata[i], NULL);
    if (g_file_test (path, G_FILE_TEST_IS_DIR) && !g_file_test (path, G_FILE_TEST_IS_SYMLINK) && !walk (f, path, depth - 1))
      return FALSE;
  }
  return TRUE;
}

static char *
unpack (const char *archive, GPtrArray *temps, GError **error)
{
  int status;
  char *folder = g_dir_make_tmp ("conformance-XXXXXX", error);
  if (folder == NULL)
    return NULL;
  g_ptr_array_add (temps, folder);
  const char *argv[] = { "tar", "-xf", archive, "-C", folder, NULL };
  if (!g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, error))
    return NULL;
  return g_spawn_check_wait_status (status, error) ? folder : NULL;
}

gboolean
cases_find (const char *path, const char *models, GPtrArray *cases, GPtrArray *temps, GError **error)
{
  guint before = cases->len;
  g_autofree char *beside = g_path_get_dirname (path);
  Find f = { path, models ? models : beside, cases, error };
  if (g_file_test (path, G_FILE_TEST_IS_REGULAR))
    f.root = unpack (path, temps, error);
  else if (!g_file_test (path, G_FILE_TEST_IS_DIR)) {
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "%s: no such archive or folder", path);
    return FALSE;
  }
  if (f.root == NULL || !walk (&f, f.root, 4))
    return FALSE;
  if (cases->len > before)
    return TRUE;
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "%s: no cases in it", path);
  return FALSE;
}
