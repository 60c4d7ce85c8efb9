/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * features-journal.c - rows of features appended to `.NAME.part` as they come, each with a checksum:
 * after a kill the file is good up to its last whole row. Numbers are in this machine's byte order. */
#include "core/features.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "Convoy features in the making, format 1"
#define HEAD 4096               /* bytes before the first row: text, then zeros */
#define ALIGN 64                /* of the rows and of the floats in them */
#define MAX_TEXT (1 << 16)      /* bytes of a name and a split */

struct ConvoyJournal {
  char *path;                   /* of the journal itself */
  int fd;
  guint64 size;                 /* bytes that are good */
  guint64 mapped_size;
  GMappedFile *map;             /* NULL: none, or rows were added since */
};

/* Before the texts (name, split, zeros up to ALIGN) and the floats. */
typedef struct {
  guint64 sum;                  /* of all that follows it in the row */
  guint64 bytes;
  gint64 label, digest;
  guint32 name_length, split_length;
  guint32 n_dims, unused;
  gint64 dims[CONVOY_MAX_DIMS];
} Head;

typedef struct { const void *data; gsize size; } Piece;

static gsize aligned (gsize size) { return (size + ALIGN - 1) / ALIGN * ALIGN; }

/* Multiplies and mixes eight bytes at a time, zeros after the last. It is to find what was not
 * written, not what was forged. */
static guint64
sum (guint64 h, const void *data, gsize n)
{
  const char *p = data;
  for (gsize i = 0; i < n; i += sizeof h) {
    guint64 v = 0;
    memcpy (&v, p + i, MIN (sizeof v, n - i));
    h = (h ^ v) * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
    h ^= h >> 29;
  }
  return h;
}

gint64
convoy_features_digest (const void *data, gsize n)
{
  return (gint64) sum (n, data, n);
}

static gboolean
fail (const char *path, const char *what, GError **error)
{
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: %s: %s", path, what, g_strerror (errno));
  return FALSE;
}

/* --- opening ---------------------------------------------------------- */

/* Says who holds it, as far as it wrote that yet. */
static void
fail_held (ConvoyJournal *j, const char *path, GError **error)
{
  char head[256] = "";
  long pid = 0;
  gssize n = pread (j->fd, head, sizeof head - 1, 0);
  if (n > 0)
    sscanf (head, MAGIC "\npid %ld\n", &pid);
  g_autofree char *who = pid > 0 ? g_strdup_printf ("process %ld", pid) : g_strdup ("another process");
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: %s is writing this store", path, who);
}

/* The file that is locked is still the one of that name; its last holder may have removed it. */
static gboolean
is_still (const ConvoyJournal *j)
{
  struct stat mine, named;
  return fstat (j->fd, &mine) == 0 && stat (j->path, &named) == 0 && mine.st_ino == named.st_ino && mine.st_dev == named.st_dev;
}

static gboolean
lock (ConvoyJournal *j, const char *path, GError **error)
{
  for (;;) {
    j->fd = open (j->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (j->fd < 0)
      return fail (path, "cannot write beside it", error);
    if (flock (j->fd, LOCK_EX | LOCK_NB) != 0) {
      fail_held (j, path, error);
      return FALSE;
    }
    if (is_still (j))
      return TRUE;
    close (j->fd);
  }
}

/* The key that a journal of an earlier session has; NULL: there is none to go on with. */
static char *
old_key (ConvoyJournal *j)
{
  char head[HEAD + 1] = "";
  if (pread (j->fd, head, HEAD, 0) != HEAD || !g_str_has_prefix (head, MAGIC "\npid "))
    return NULL;
  const char *key = strstr (head, "\nkey\n");
  return key ? g_strdup (key + strlen ("\nkey\n")) : NULL;
}

static gboolean
begin (ConvoyJournal *j, const char *path, const char *key, GError **error)
{
  g_autofree char *old = old_key (j);
  char head[HEAD] = "";
  struct stat st;
  if (strlen (key) > HEAD - 128) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: a description of %zu bytes is too long for its journal", path, strlen (key));
    return FALSE;
  }
  if (old && strcmp (old, key) != 0) {
    g_strdelimit (old, "\n", ' ');
    g_autofree char *mine = g_strdelimit (g_strdup (key), "\n", ' ');
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: an unfinished run left rows of %s, these are of %s; remove %s to start afresh", path, old, mine, j->path);
    return FALSE;
  }
  if (!old && ftruncate (j->fd, 0) != 0)
    return fail (path, "cannot write beside it", error);
  g_snprintf (head, HEAD, MAGIC "\npid %ld\nkey\n%s", (long) getpid (), key);
  if (pwrite (j->fd, head, HEAD, 0) != HEAD || fstat (j->fd, &st) != 0)
    return fail (path, "cannot write beside it", error);
  j->size = (guint64) st.st_size;
  return TRUE;
}

ConvoyJournal *
convoy_journal_open (const char *path, const char *key, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path), *base = g_path_get_basename (path);
  ConvoyJournal *j = g_new0 (ConvoyJournal, 1);
  j->path = g_strdup_printf ("%s/.%.200s.part", folder, base);
  j->fd = -1;
  if (lock (j, path, error) && begin (j, path, key, error))
    return j;
  convoy_journal_close (j, FALSE);
  return NULL;
}

void
convoy_journal_close (ConvoyJournal *j, gboolean remove)
{
  if (j == NULL)
    return;
  g_clear_pointer (&j->map, g_mapped_file_unref);
  if (remove)
    unlink (j->path);
  if (j->fd >= 0)
    close (j->fd);              /* the lock ends with it, so that comes last */
  g_free (j->path);
  g_free (j);
}

/* --- reading ---------------------------------------------------------- */

static gboolean
map (ConvoyJournal *j, GError **error)
{
  if (j->map && j->mapped_size == j->size)
    return TRUE;
  g_clear_pointer (&j->map, g_mapped_file_unref);
  j->map = g_mapped_file_new_from_fd (j->fd, FALSE, error);
  j->mapped_size = j->map ? g_mapped_file_get_length (j->map) : 0;
  return j->map != NULL;
}

/* The row that begins at byte at; NULL: it is not whole. */
static ConvoyRow *
row_at (const char *data, guint64 size, guint64 at, ConvoyShape *shape, guint64 *next)
{
  const Head *h = (const Head *) (data + at);
  if (size - at < sizeof *h || h->name_length > MAX_TEXT || h->split_length > MAX_TEXT || h->n_dims > CONVOY_MAX_DIMS)
    return NULL;
  ConvoyShape s = { .n = h->n_dims };
  memcpy (s.d, h->dims, sizeof s.d);
  gint64 count = convoy_shape_count (&s);
  gsize texts = aligned (sizeof *h + h->name_length + h->split_length);
  if (count <= 0 || (guint64) count > size / sizeof (float))
    return NULL;
  gsize length = texts + aligned ((gsize) count * sizeof (float));
  if (size - at < length || sum (0, &h->bytes, length - sizeof h->sum) != h->sum)
    return NULL;
  const char *text = (const char *) (h + 1);
  ConvoyRow *row = g_new0 (ConvoyRow, 1);
  *row = (ConvoyRow) { g_strndup (text, h->name_length), g_strndup (text + h->name_length, h->split_length), h->label, h->digest, h->bytes,
    (at + texts) / sizeof (float), TRUE, FALSE };
  *shape = s;
  *next = at + length;
  return row;
}

gboolean
convoy_journal_rows (ConvoyJournal *j, GPtrArray *rows, ConvoyShape *shape)
{
  guint64 at = HEAD, end = j->size;
  ConvoyRow *row;
  if (end <= HEAD || !map (j, NULL))
    return FALSE;
  const char *data = g_mapped_file_get_contents (j->map);
  while (at < end && (row = row_at (data, end, at, shape, &at)))
    g_ptr_array_add (rows, row);
  j->size = at;                 /* the next row goes over what is not whole */
  return rows->len > 0;
}

gboolean
convoy_journal_is_empty (const ConvoyJournal *j)
{
  return j->size <= HEAD;
}

const float *
convoy_journal_values (ConvoyJournal *j, const ConvoyRow *row, GError **error)
{
  return map (j, error) ? (const float *) g_mapped_file_get_contents (j->map) + row->at : NULL;
}

/* --- writing ---------------------------------------------------------- */

static gboolean
write_all (ConvoyJournal *j, const Piece *part, guint n, GError **error)
{
  guint64 at = j->size;
  for (guint i = 0; i < n; i++)
    for (gsize done = 0; done < part[i].size;) {
      gssize k = pwrite (j->fd, (const char *) part[i].data + done, part[i].size - done, (off_t) at);
      if (k < 0 && errno == EINTR)
        continue;
      if (k <= 0)
        return fail (j->path, "cannot write", error);
      done += (gsize) k;
      at += (guint64) k;
    }
  j->size = at;
  return TRUE;
}

gboolean
convoy_journal_add (ConvoyJournal *j, ConvoyRow *row, const float *values, const ConvoyShape *shape, GError **error)
{
  gsize name = strlen (row->name), split = strlen (row->split), floats = (gsize) convoy_shape_count (shape) * sizeof (float);
  gsize texts = aligned (sizeof (Head) + name + split), whole = floats / 8 * 8;
  guint64 tail[ALIGN / 8 + 1] = { 0 };  /* the last odd float and the zeros after it */
  if (name > MAX_TEXT || split > MAX_TEXT) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: a sample's name of %zu bytes is too long", j->path, name);
    return FALSE;
  }
  g_autofree guint64 *block = g_malloc0 (texts);
  Head *h = (Head *) block;
  *h = (Head) { 0, row->bytes, row->label, row->digest, (guint32) name, (guint32) split, shape->n, 0, { 0 } };
  memcpy (h->dims, shape->d, shape->n * sizeof *shape->d);
  memcpy (h + 1, row->name, name);
  memcpy ((char *) (h + 1) + name, row->split, split);
  memcpy (tail, (const char *) values + whole, floats - whole);
  h->sum = sum (sum (sum (0, &h->bytes, texts - sizeof h->sum), values, whole), tail, aligned (floats) - whole);
  row->at = (j->size + texts) / sizeof (float);
  const Piece part[] = { { block, texts }, { values, whole }, { tail, aligned (floats) - whole } };
  return write_all (j, part, G_N_ELEMENTS (part), error);
}
