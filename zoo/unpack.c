/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * unpack.c - see unpack.h. The format is POSIX.1-1988 ustar with GNU's long names. */
#include "zoo/unpack.h"
#include "zoo/zoo.h"
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BLOCK 512
#define MAX_NAME 4096
#define PIECE (1 << 16)

/* One header; all fields are text. */
typedef struct {
  char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100], magic[8], user[32], group[32], major[8], minor[8],
      prefix[155], rest[12];
} Header;
G_STATIC_ASSERT (sizeof (Header) == BLOCK);

typedef struct {
  GInputStream *in;
  const char *archive, *folder;
  char *long_name;              /* of the next entry; NULL: as its header says */
} Unpacking;

static gboolean
refuse (const Unpacking *u, const char *name, const char *why, GError **error)
{
  g_autofree char *text = g_utf8_make_valid (name, -1);
  g_set_error (error, ZOO_ERROR, ZOO_ERROR_FILE, "%s: %s: %s", u->archive, text, why);
  return FALSE;
}

/* TRUE and fewer than n: the end. */
static gboolean
read_bytes (const Unpacking *u, void *to, gsize n, gsize *got, GError **error)
{
  GError *e = NULL;
  if (g_input_stream_read_all (u->in, to, n, got, NULL, &e))
    return TRUE;
  g_set_error (error, ZOO_ERROR, ZOO_ERROR_FILE, "%s: %s", u->archive, e->message);
  g_error_free (e);
  return FALSE;
}

/* --- files ------------------------------------------------------------ */

static gboolean
is_inside (const char *name)
{
  g_auto (GStrv) parts = g_strsplit (name, "/", -1);
  if (!*name || *name == '/')
    return FALSE;
  for (guint i = 0; parts[i]; i++)
    if (!strcmp (parts[i], ".."))
      return FALSE;
  return TRUE;
}

/* n bytes, or all that come for G_MAXUINT64. No link that lies there is followed. */
static gboolean
write_file (const Unpacking *u, const char *name, guint64 n, GError **error)
{
  g_autofree char *path = g_build_filename (u->folder, name, NULL), *parent = g_path_get_dirname (path);
  g_autofree char *piece = g_malloc (PIECE);
  FILE *out = g_mkdir_with_parents (parent, 0777) == 0 ? g_fopen (path, "wbx") : NULL;
  gsize got = 1;
  gboolean ok = TRUE;

  if (!out)
    return refuse (u, name, g_strerror (errno), error);
  while (ok && n > 0 && got > 0) {
    ok = read_bytes (u, piece, (gsize) MIN (n, PIECE), &got, error);
    if (ok && fwrite (piece, 1, got, out) != got)
      ok = refuse (u, name, g_strerror (errno), error);
    n -= n == G_MAXUINT64 ? 0 : got;
  }
  if (fclose (out) != 0 && ok)
    ok = refuse (u, name, g_strerror (errno), error);
  return ok && n > 0 && n != G_MAXUINT64 ? refuse (u, name, "the archive ends in the middle of it", error) : ok;
}

/* --- tar -------------------------------------------------------------- */

/* A number in octal, or in base 256 when the first bit is set. */
static guint64
parse_size (const char *field, gsize n)
{
  guint64 v = 0;
  if ((guint8) field[0] & 0x80) {
    for (gsize i = 1; i < n; i++)
      v = v << 8 | (guint8) field[i];
    return v;
  }
  for (gsize i = 0; i < n && field[i]; i++)
    if (field[i] >= '0' && field[i] <= '7')
      v = v << 3 | (guint64) (field[i] - '0');
  return v;
}

/* The sum of all bytes, those of the sum itself taken as spaces. */
static gboolean
is_header (const Header *h)
{
  const guint8 *p = (const guint8 *) h;
  guint64 sum = 8 * ' ';
  for (gsize i = 0; i < BLOCK; i++)
    if (i < G_STRUCT_OFFSET (Header, sum) || i >= G_STRUCT_OFFSET (Header, type))
      sum += p[i];
  return sum == parse_size (h->sum, sizeof h->sum);
}

static char *
name_of (Unpacking *u, const Header *h)
{
  g_autofree char *name = g_strndup (h->name, sizeof h->name), *prefix = g_strndup (h->prefix, sizeof h->prefix);
  if (u->long_name)
    return g_steal_pointer (&u->long_name);
  return !memcmp (h->magic, "ustar", 6) && *prefix ? g_strconcat (prefix, "/", name, NULL) : g_steal_pointer (&name);
}

/* Reads over n bytes. */
static gboolean
skip (const Unpacking *u, guint64 n, GError **error)
{
  char block[BLOCK];
  gsize got = 1;
  while (n > 0 && got > 0) {
    if (!read_bytes (u, block, (gsize) MIN (n, BLOCK), &got, error))
      return FALSE;
    n -= got;
  }
  return TRUE;
}

static gboolean
unpack_entry (Unpacking *u, const Header *h, GError **error)
{
  guint64 size = parse_size (h->size, sizeof h->size), padding = (BLOCK - size % BLOCK) % BLOCK;
  gsize got;

  if (h->type == 'L') {         /* the name of the next, with a zero at its end */
    if (size > MAX_NAME)
      return refuse (u, h->name, "a name of too many letters", error);
    g_free (u->long_name);
    u->long_name = g_malloc0 (size + 1);
    return read_bytes (u, u->long_name, size, &got, error) && skip (u, padding, error);
  }
  if (h->type == 'x' || h->type == 'g')         /* times and owners, of no use here */
    return skip (u, size + padding, error);
  g_autofree char *name = name_of (u, h);
  if (!is_inside (name))
    return refuse (u, name, "leads out of the folder", error);
  if (h->type == '5') {
    g_autofree char *path = g_build_filename (u->folder, name, NULL);
    return g_mkdir_with_parents (path, 0777) == 0 ? skip (u, size + padding, error) : refuse (u, name, g_strerror (errno), error);
  }
  if (h->type != '0' && h->type != 0)
    return refuse (u, name, "neither a file nor a folder", error);
  return write_file (u, name, size, error) && skip (u, padding, error);
}

static gboolean
unpack_tar (Unpacking *u, GError **error)
{
  static const Header end;
  Header h;
  gsize got;

  for (guint n = 0;; n++) {
    if (!read_bytes (u, &h, BLOCK, &got, error))
      return FALSE;
    if (n > 0 && (got == 0 || !memcmp (&h, &end, BLOCK)))
      return TRUE;
    if (got < BLOCK || !is_header (&h))
      return refuse (u, n ? "after some files" : "its beginning", "this is no tar archive", error);
    if (!unpack_entry (u, &h, error))
      return FALSE;
  }
}

/* --- archives --------------------------------------------------------- */

gboolean
zoo_unpack (const char *archive, const char *folder, GError **error)
{
  g_autoptr (GFile) file = g_file_new_for_path (archive);
  g_autofree char *name = g_path_get_basename (archive);
  gboolean is_tar = g_str_has_suffix (name, ".tar") || g_str_has_suffix (name, ".tar.gz") || g_str_has_suffix (name, ".tgz");
  gboolean is_packed = !g_str_has_suffix (name, ".tar");
  GInputStream *raw = G_INPUT_STREAM (g_file_read (file, NULL, error));
  Unpacking u = { .in = raw, .archive = archive, .folder = folder };

  if (!raw)
    return FALSE;
  if (is_packed) {
    g_autoptr (GConverter) gunzip = G_CONVERTER (g_zlib_decompressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP));
    u.in = g_converter_input_stream_new (raw, gunzip);
    g_object_unref (raw);
  }
  if (!is_tar && g_str_has_suffix (name, ".gz"))
    name[strlen (name) - strlen (".gz")] = 0;
  gboolean ok = is_tar ? unpack_tar (&u, error) : write_file (&u, name, G_MAXUINT64, error);
  g_free (u.long_name);
  g_object_unref (u.in);
  return ok;
}

void
zoo_remove_folder (const char *path)
{
  g_autoptr (GDir) dir = g_file_test (path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open (path, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *child = g_build_filename (path, name, NULL);
    zoo_remove_folder (child);
  }
  g_remove (path);
}
