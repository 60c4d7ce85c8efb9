/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * onnx-check.c - from a path to a protobuf message that can be trusted to be one.
 *
 * protobuf-c recurses for every message within a message and takes any bytes for a string, so
 * the wire format is walked once before it, by the same descriptors and without recursion:
 * https://protobuf.dev/programming-guides/encoding/ */
#include "core/memory.h"
#include "core/onnx.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Model, graph, node, attribute, tensor, entry are 6; a subgraph adds 3. protobuf itself stops at 100. */
#define MAX_DEPTH 100
#define MAX_MESSAGE 2000        /* bytes of an error message; a list of operators fits */

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

gboolean
convoy_onnx_fail (GError **error, ConvoyError code, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *s = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, CONVOY_ERROR, code, s);
  return FALSE;
}

void
convoy_onnx_blame (GError **error, const char *path)
{
  if (error == NULL || *error == NULL)
    return;
  g_prefix_error (error, "%s: ", path);
  char *m = (*error)->message;
  for (char *c = m; *c; c++)
    if (g_ascii_iscntrl (*c))
      *c = '?';
  if (strlen (m) > MAX_MESSAGE)
    strcpy (g_utf8_find_prev_char (m, m + MAX_MESSAGE), "...");
}

/* --- the wire format -------------------------------------------------- */

/* A message that is being read: where it ends, and which of its single fields were there. */
typedef struct {
  const guint8 *end;
  const ProtobufCMessageDescriptor *d;
  guint64 seen;
} Level;

typedef struct {
  const guint8 *start, *p;
  guint depth;
  Level level[MAX_DEPTH];
} Scan;

static gboolean
damaged (const Scan *s, const char *what, GError **error)
{
  const Level *l = &s->level[s->depth];
  return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "damaged at byte %zu, in %s: %s", (gsize) (s->p - s->start), l->d->short_name, what);
}

static gboolean
read_varint (Scan *s, guint64 *v, GError **error)
{
  const guint8 *end = s->level[s->depth].end;
  *v = 0;
  for (guint i = 0; i < 10; i++) {
    if (s->p == end)
      return damaged (s, "a number is cut off", error);
    guint8 byte = *s->p++;
    *v |= (guint64) (byte & 0x7f) << (7 * i);
    if (byte < 0x80)
      return TRUE;
  }
  return damaged (s, "a number is longer than 10 bytes", error);
}

static guint
wire_of (const ProtobufCFieldDescriptor *f)
{
  switch (f->type) {
    case PROTOBUF_C_TYPE_STRING: case PROTOBUF_C_TYPE_BYTES: case PROTOBUF_C_TYPE_MESSAGE:
      return WIRE_BYTES;
    case PROTOBUF_C_TYPE_FLOAT: case PROTOBUF_C_TYPE_FIXED32: case PROTOBUF_C_TYPE_SFIXED32:
      return WIRE_32;
    case PROTOBUF_C_TYPE_DOUBLE: case PROTOBUF_C_TYPE_FIXED64: case PROTOBUF_C_TYPE_SFIXED64:
      return WIRE_64;
    default:
      return WIRE_VARINT;
  }
}

/* A field that holds bytes: a string is looked at, a message entered, anything else passed over. */
static gboolean
read_bytes (Scan *s, const ProtobufCFieldDescriptor *f, GError **error)
{
  Level *l = &s->level[s->depth];
  guint64 n;
  if (!read_varint (s, &n, error))
    return FALSE;
  if (n > (gsize) (l->end - s->p))
    return damaged (s, "a length goes past the end", error);
  const guint8 *p = s->p;
  if (f != NULL && f->type == PROTOBUF_C_TYPE_STRING && !g_utf8_validate_len ((const char *) p, n, NULL))
    return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "%s of %s, at byte %zu, is no UTF-8 text", f->name, l->d->short_name, (gsize) (p - s->start));
  if (f == NULL || f->type != PROTOBUF_C_TYPE_MESSAGE) {
    s->p += n;
    return TRUE;
  }
  if (f->label != PROTOBUF_C_LABEL_REPEATED) {
    guint64 bit = G_GUINT64_CONSTANT (1) << (f - l->d->fields);
    if (l->seen & bit)
      return damaged (s, "a field that may be there once is there twice", error);
    l->seen |= bit;
  }
  if (s->depth + 1 == MAX_DEPTH)
    return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "nested more than %u levels deep, at byte %zu", MAX_DEPTH, (gsize) (p - s->start));
  s->level[++s->depth] = (Level) { p + n, f->descriptor, 0 };
  return TRUE;
}

static gboolean
read_field (Scan *s, GError **error)
{
  const Level *l = &s->level[s->depth];
  guint64 tag, skipped;
  if (!read_varint (s, &tag, error))
    return FALSE;
  if (tag >> 3 == 0 || tag >> 32 != 0)
    return damaged (s, "no such field number", error);
  guint wire = tag & 7;
  const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field (l->d, tag >> 3);
  if (f != NULL && wire != wire_of (f) && !(wire == WIRE_BYTES && f->label == PROTOBUF_C_LABEL_REPEATED))
    return damaged (s, "a field is not of the type that it must have", error);
  if (wire == WIRE_BYTES)
    return read_bytes (s, f, error);
  if (wire == WIRE_VARINT)
    return read_varint (s, &skipped, error);
  if (wire != WIRE_32 && wire != WIRE_64)
    return damaged (s, "no such kind of field", error);
  gsize n = wire == WIRE_32 ? 4 : 8;
  if ((gsize) (l->end - s->p) < n)
    return damaged (s, "a number is cut off", error);
  s->p += n;
  return TRUE;
}

/* One pass over the bytes of a message: every length, number and string is what the format asks
 * for, and messages lie in each other no deeper than the recursive reader can bear. */
static gboolean
check (const ProtobufCMessageDescriptor *d, const guint8 *data, gsize size, GError **error)
{
  Scan s = { .start = data, .p = data, .level[0] = { data + size, d, 0 } };
  while (TRUE) {
    while (s.p == s.level[s.depth].end)
      if (s.depth-- == 0)
        return TRUE;
    if (!read_field (&s, error))
      return FALSE;
  }
}

/* --- the file --------------------------------------------------------- */

/* Things that are found where a model should be, by how they begin. */
static const struct { const char *start, *what; } impostors[] = {
  { "version https://git-lfs", "a Git-LFS pointer, not the model itself: fetch it with `git lfs pull` or from another address" },
  { "<!doctype html", "an HTML page, not an ONNX model: the download went wrong" },
  { "<html", "an HTML page, not an ONNX model: the download went wrong" },
};

static gboolean
recognise (const char *data, gsize size, GError **error)
{
  if (size == 0)
    return convoy_onnx_fail (error, CONVOY_ERROR_CHECKSUM, "the file is empty");
  for (; size > 0 && g_ascii_isspace (*data); size--)
    data++;
  for (guint i = 0; i < G_N_ELEMENTS (impostors); i++) {
    gsize n = strlen (impostors[i].start);
    if (size >= n && g_ascii_strncasecmp (data, impostors[i].start, n) == 0)
      return convoy_onnx_fail (error, CONVOY_ERROR_CHECKSUM, "this is %s", impostors[i].what);
  }
  return TRUE;
}

static GMappedFile *
map_file (const char *path, GError **error)
{
  struct stat st;
  GMappedFile *map = NULL;
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);      /* a fifo does not make us wait */
  if (fd < 0 || fstat (fd, &st) != 0)
    convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "%s", g_strerror (errno));
  else if (!S_ISREG (st.st_mode))
    convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "not a file");
  else
    map = g_mapped_file_new_from_fd (fd, FALSE, error);
  if (fd >= 0)
    close (fd);
  return map;
}

/* What is large lies as convoy_tensor_new() would have it. Both are given back by free(). */
static void *
take_memory (void *user, gsize size)
{
  (void) user;
  return size < CONVOY_ONNX_LARGE ? malloc (size) : convoy_memory_new (size);
}

static void
give_memory (void *user, void *p)
{
  (void) user;
  free (p);
}

gpointer
convoy_onnx_read (const char *path, const ProtobufCMessageDescriptor *d, GError **error)
{
  g_autoptr (GMappedFile) map = map_file (path, error);
  if (map == NULL)
    return NULL;
  const char *data = g_mapped_file_get_contents (map);
  gsize size = g_mapped_file_get_length (map);
  if (!recognise (data, size, error))
    return NULL;
  if (!check (d, (const guint8 *) data, size, error)) {
    g_prefix_error (error, "not an ONNX %s, or ", d == &onnx__tensor_proto__descriptor ? "tensor" : "model");
    return NULL;
  }
  ProtobufCAllocator memory = { take_memory, give_memory, NULL };
  gpointer m = protobuf_c_message_unpack (d, &memory, size, (const guint8 *) data);
  if (m == NULL)
    convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "protobuf-c cannot unpack it (%zu bytes)", size);
  return m;
}
