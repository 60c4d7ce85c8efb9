/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * onnx-metadata.c - one entry of an ONNX file's metadata, found without reading its weights. */
#include "core/convoy.h"
#include <string.h>

/* Field numbers of onnx.proto: ModelProto.metadata_props, StringStringEntryProto.key and value. */
enum { METADATA = 14, KEY = 1, VALUE = 2 };

typedef struct { const guint8 *p, *end; } Bytes;

/* A number of up to 64 bits in groups of seven, lowest first. */
static gboolean
read_varint (Bytes *b, guint64 *v)
{
  *v = 0;
  for (guint shift = 0; shift < 64 && b->p < b->end; shift += 7) {
    guint8 byte = *b->p++;
    *v |= (guint64) (byte & 0x7f) << shift;
    if (byte < 0x80)
      return TRUE;
  }
  return FALSE;
}

/* The next field and, of those that have a length, what is in it. FALSE: there is none, or no sense in it. */
static gboolean
next_field (Bytes *b, guint64 *number, Bytes *content)
{
  guint64 tag, n = 0;
  *content = (Bytes) { NULL, NULL };
  if (b->p >= b->end || !read_varint (b, &tag))
    return FALSE;
  *number = tag >> 3;
  switch (tag & 7) {
    case 0: return read_varint (b, &n);
    case 1: n = 8; break;
    case 2:
      if (!read_varint (b, &n))
        return FALSE;
      break;
    case 5: n = 4; break;
    default: return FALSE;
  }
  if (n > (guint64) (b->end - b->p))
    return FALSE;
  *content = (Bytes) { b->p, b->p + n };
  b->p += n;
  return TRUE;
}

/* The value of an entry of this key; NULL: it has another one. */
static char *
value_of (Bytes entry, const char *key)
{
  Bytes content, value = { NULL, NULL };
  guint64 number;
  gboolean same = FALSE;
  while (next_field (&entry, &number, &content)) {
    gsize n = (gsize) (content.end - content.p);
    if (number == KEY)
      same = n == strlen (key) && memcmp (content.p, key, n) == 0;
    else if (number == VALUE)
      value = content;
  }
  return same ? g_strndup ((const char *) value.p, (gsize) (value.end - value.p)) : NULL;
}

char *
convoy_onnx_metadata (const char *path, const char *key)
{
  g_autoptr (GMappedFile) map = g_mapped_file_new (path, FALSE, NULL);
  Bytes content, file = { NULL, NULL };
  guint64 number;
  char *value = NULL;
  if (map && g_mapped_file_get_length (map) > 0) {
    file.p = (const guint8 *) g_mapped_file_get_contents (map);
    file.end = file.p + g_mapped_file_get_length (map);
  }
  while (value == NULL && next_field (&file, &number, &content))
    if (number == METADATA && content.p)
      value = value_of (content, key);
  return value;
}
