/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * manifest.c - see manifest.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "zoo/manifest.h"
#include "zoo/sum.h"
#include "core/convoy.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <glib/gstdio.h>

#define SHA256_DIGITS 64
#define MD5_DIGITS 32

struct ZooManifest {
  GPtrArray *entries;           /* ZooEntry, in the order of the file */
};

/* --- reading ---------------------------------------------------------- */

static const struct { const char *key; gsize at; gboolean needed; } strings[] = {
  { "kind", G_STRUCT_OFFSET (ZooEntry, kind), TRUE },
  { "file", G_STRUCT_OFFSET (ZooEntry, file), TRUE },        /* a data set's is a folder */
  { "sha256", G_STRUCT_OFFSET (ZooEntry, sha256), FALSE },
  { "md5", G_STRUCT_OFFSET (ZooEntry, md5), FALSE },
  { "licence", G_STRUCT_OFFSET (ZooEntry, licence), TRUE },
  { "about", G_STRUCT_OFFSET (ZooEntry, about), FALSE },
  { "task", G_STRUCT_OFFSET (ZooEntry, task), FALSE },
  { "input", G_STRUCT_OFFSET (ZooEntry, input), FALSE },
  { "color", G_STRUCT_OFFSET (ZooEntry, color), FALSE },
  { "mean", G_STRUCT_OFFSET (ZooEntry, mean), FALSE },
  { "std", G_STRUCT_OFFSET (ZooEntry, std), FALSE },
  { "resize", G_STRUCT_OFFSET (ZooEntry, resize), FALSE },
  { "labels", G_STRUCT_OFFSET (ZooEntry, labels), FALSE },
  { "top1", G_STRUCT_OFFSET (ZooEntry, top1), FALSE },
  { "inside", G_STRUCT_OFFSET (ZooEntry, inside), FALSE },
  { "instead", G_STRUCT_OFFSET (ZooEntry, instead), FALSE },
};

#define FIELD(e, i) G_STRUCT_MEMBER (char *, e, strings[i].at)

static void
entry_free (gpointer data)
{
  ZooEntry *e = data;
  for (guint i = 0; i < G_N_ELEMENTS (strings); i++)
    g_free (FIELD (e, i));
  g_free (e->name);
  g_strfreev (e->urls);
  g_strfreev (e->layers);
  g_strfreev (e->parts);
  g_free (e);
}

static gboolean
is_hex (const char *s, gsize digits)
{
  return s && strlen (s) == digits && !s[strspn (s, "0123456789abcdef")];
}

/* What is wrong with an entry; NULL: nothing. One without a checksum is not let in. */
static const char *
fault_of (const ZooEntry *e)
{
  static const char *const kinds[] = { "model", "labels", "dataset", "part", NULL };

  for (guint i = 0; i < G_N_ELEMENTS (strings); i++)
    if (strings[i].needed && !FIELD (e, i))
      return strings[i].key;
  if (!g_strv_contains (kinds, e->kind))
    return "kind";
  if (strchr (e->file, '/') || e->file[0] == '.')
    return "file";
  if (e->inside && (*e->inside == '/' || strstr (e->inside, "..")))
    return "inside";
  if (zoo_entry_is_dataset (e))
    return e->parts ? NULL : "parts";
  if (e->size == 0)
    return "size";
  if (e->sha256 ? !is_hex (e->sha256, SHA256_DIGITS) : !is_hex (e->md5, MD5_DIGITS))
    return "sha256";
  return NULL;
}

static ZooEntry *
entry_new (GKeyFile *ini, const char *name, GError **error)
{
  ZooEntry *e = g_new0 (ZooEntry, 1);

  e->name = g_strdup (name);
  for (guint i = 0; i < G_N_ELEMENTS (strings); i++)
    FIELD (e, i) = g_key_file_get_string (ini, name, strings[i].key, NULL);
  e->urls = g_key_file_get_string_list (ini, name, "urls", NULL, NULL);
  e->parts = g_key_file_get_string_list (ini, name, "parts", NULL, NULL);
  e->layers = g_key_file_get_string_list (ini, name, "layers", NULL, NULL);
  e->size = g_key_file_get_uint64 (ini, name, "size", NULL);
  const char *fault = fault_of (e);
  if (!fault)
    return e;
  g_set_error (error, ZOO_ERROR, ZOO_ERROR_MANIFEST, "[%s]: %s is missing or malformed", name, fault);
  entry_free (e);
  return NULL;
}

ZooManifest *
zoo_manifest_read (const char *path, GError **error)
{
  g_autoptr (GKeyFile) ini = g_key_file_new ();
  g_autoptr (ZooManifest) m = g_new0 (ZooManifest, 1);
  GError *e = NULL;

  m->entries = g_ptr_array_new_with_free_func (entry_free);
  if (g_key_file_load_from_file (ini, path, G_KEY_FILE_NONE, &e)) {
    g_auto (GStrv) names = g_key_file_get_groups (ini, NULL);
    for (guint i = 0; names[i] && !e; i++) {
      ZooEntry *entry = entry_new (ini, names[i], &e);
      if (entry)
        g_ptr_array_add (m->entries, entry);
    }
  }
  if (!e)
    return g_steal_pointer (&m);
  g_set_error (error, ZOO_ERROR, ZOO_ERROR_MANIFEST, "%s: %s", path, e->message);
  g_error_free (e);
  return NULL;
}

ZooManifest *
zoo_manifest_load (GError **error)
{
  g_autofree char *path = convoy_zoo_data ("zoo", "manifest.ini");
  return zoo_manifest_read (path, error);
}

void
zoo_manifest_free (ZooManifest *m)
{
  if (m)
    g_ptr_array_unref (m->entries);
  g_free (m);
}

guint
zoo_manifest_len (const ZooManifest *m)
{
  return m->entries->len;
}

const ZooEntry *
zoo_manifest_at (const ZooManifest *m, guint i)
{
  return g_ptr_array_index (m->entries, i);
}

/* --- looking up ------------------------------------------------------- */

const ZooEntry *
zoo_manifest_get (const ZooManifest *m, const char *name)
{
  for (guint i = 0; i < m->entries->len; i++) {
    const ZooEntry *e = zoo_manifest_at (m, i);
    if (!strcmp (e->name, name) || !strcmp (e->file, name))
      return e;
  }
  return NULL;
}

const ZooEntry *
zoo_manifest_need (const ZooManifest *m, const char *name, GError **error)
{
  const ZooEntry *e = zoo_manifest_get (m, name);
  g_autoptr (GPtrArray) names = g_ptr_array_new ();

  if (e)
    return e;
  for (guint i = 0; i < m->entries->len; i++)
    if (!zoo_entry_is_part (zoo_manifest_at (m, i)))
      g_ptr_array_add (names, zoo_manifest_at (m, i)->name);
  g_autofree char *near = convoy_nearest (name, (const char *const *) names->pdata, names->len, 3);
  g_set_error (error, ZOO_ERROR, ZOO_ERROR_UNKNOWN, "%s: neither a file nor a name of the zoo; nearest are %s (`convoy zoo list` has all)", name, near);
  return NULL;
}

/* --- files ------------------------------------------------------------ */

gboolean
zoo_entry_is_model (const ZooEntry *e)
{
  return !strcmp (e->kind, "model");
}

gboolean
zoo_entry_is_dataset (const ZooEntry *e)
{
  return !strcmp (e->kind, "dataset");
}

gboolean
zoo_entry_is_part (const ZooEntry *e)
{
  return !strcmp (e->kind, "part");
}

const char *
zoo_entry_checksum (const ZooEntry *e)
{
  return e->sha256 ? e->sha256 : e->md5;
}

ZooState
zoo_entry_where (const ZooEntry *e, char **path)
{
  g_autofree char *bundled = convoy_zoo_data ("zoo/models", e->file);
  g_autofree char *cache = convoy_zoo_cache_dir ();
  char *cached = g_build_filename (cache, e->file, e->inside, NULL);
  ZooState state = ZOO_AVAILABLE;
  GStatBuf st;

  if (g_file_test (bundled, G_FILE_TEST_IS_REGULAR))
    state = ZOO_BUNDLED;
  else if (g_stat (cached, &st) == 0 && (zoo_entry_is_dataset (e) ? S_ISDIR (st.st_mode) : (guint64) st.st_size == e->size))
    state = ZOO_CACHED;
  if (path)
    *path = g_steal_pointer ((state == ZOO_BUNDLED ? &bundled : &cached));
  g_free (cached);
  return state;
}

gboolean
zoo_entry_verify (const ZooEntry *e, const char *path, GError **error)
{
  const char *wanted = zoo_entry_checksum (e);
  guint64 size;
  g_autofree char *sum = zoo_sum_file (path, zoo_checksum_type (wanted), &size, error);

  if (!sum)
    return FALSE;
  if (size == e->size && strcmp (sum, wanted) == 0)
    return TRUE;
  if (size != e->size)
    g_set_error (error, ZOO_ERROR, ZOO_ERROR_CHECKSUM, "%s: has %" G_GUINT64_FORMAT " bytes, not %" G_GUINT64_FORMAT, path, size, e->size);
  else
    g_set_error (error, ZOO_ERROR, ZOO_ERROR_CHECKSUM, "%s: has checksum %s, not %s", path, sum, wanted);
  return FALSE;
}

GChecksumType
zoo_checksum_type (const char *checksum)
{
  return strlen (checksum) == MD5_DIGITS ? G_CHECKSUM_MD5 : G_CHECKSUM_SHA256;
}

char *
zoo_sidecar_path (const char *model)
{
  const char *dot = strrchr (model, '.');
  gsize n = dot && !strchr (dot, '/') ? (gsize) (dot - model) : strlen (model);
  return g_strdup_printf ("%.*s.ini", (int) n, model);
}
