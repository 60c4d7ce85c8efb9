/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * onnx-tensor.c - TensorProto to ConvoyTensor: data in the message, typed or raw, or in a file.
 *
 * A tensor is believed only when the bytes that are there are exactly those that its type and
 * dimensions ask for. External data is looked for in the model's folder and below; neither ".."
 * nor a symbolic link leads out of it. */
#include "core/onnx.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ONNX's element types in the order of their numbers. size: bytes in raw data, 0: not read at all. */
static const struct { const char *name; guint size; int type; } types[] = {
  { "undefined", 0, -1 },
  { "float32", 4, CONVOY_F32 }, { "uint8", 1, CONVOY_U8 }, { "int8", 1, CONVOY_I8 }, { "uint16", 2, CONVOY_U16 },
  { "int16", 2, CONVOY_I16 }, { "int32", 4, CONVOY_I32 }, { "int64", 8, CONVOY_I64 }, { "string", 0, -1 },
  { "bool", 1, CONVOY_BOOL }, { "float16", 2, CONVOY_F16 }, { "float64", 8, CONVOY_F64 }, { "uint32", 4, CONVOY_U32 },
  { "uint64", 8, CONVOY_U64 }, { "complex64", 0, -1 }, { "complex128", 0, -1 }, { "bfloat16", 2, CONVOY_BF16 },
  { "float8e4m3fn", 0, -1 }, { "float8e4m3fnuz", 0, -1 }, { "float8e5m2", 0, -1 }, { "float8e5m2fnuz", 0, -1 },
  { "uint4", 0, -1 }, { "int4", 0, -1 },
};

const char *
convoy_onnx_type_name (gint32 type)
{
  return types[type > 0 && type < (gint32) G_N_ELEMENTS (types) ? type : 0].name;
}

gboolean
convoy_onnx_type (gint32 from, ConvoyType *type)
{
  if (from <= 0 || from >= (gint32) G_N_ELEMENTS (types) || types[from].type < 0)
    return FALSE;
  *type = types[from].type;
  return TRUE;
}

gint32
convoy_onnx_type_of (ConvoyType type)
{
  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    if (types[i].type == (int) type)
      return i;
  g_return_val_if_reached (0);
}

/* Where the data of a tensor is; found, and its size checked, before any memory is taken for it. */
typedef struct {
  gsize count, size;            /* elements of the tensor, bytes of one */
  gboolean typed;               /* bytes: a field of the element's type, else raw data */
  const void *bytes;            /* in the message; or else: */
  int fd;
  guint64 offset;
  const char *location;
} Source;

/* --- external data ---------------------------------------------------- */

typedef struct { const char *location; guint64 offset, length; gboolean has_length; } External;

static gboolean
external_parse (const Onnx__TensorProto *t, External *x, GError **error)
{
  *x = (External) { 0 };
  for (gsize i = 0; i < t->n_external_data; i++) {
    const char *key = t->external_data[i]->key, *value = t->external_data[i]->value;
    gboolean ok = TRUE;
    if (strcmp (key, "location") == 0)
      x->location = value;
    else if (strcmp (key, "offset") == 0)
      ok = g_ascii_string_to_unsigned (value, 10, 0, G_MAXINT64, &x->offset, NULL);
    else if (strcmp (key, "length") == 0)
      ok = x->has_length = g_ascii_string_to_unsigned (value, 10, 0, G_MAXINT64, &x->length, NULL);
    else if (strcmp (key, "checksum") != 0)
      return convoy_onnx_fail (error, CONVOY_ERROR_UNSUPPORTED, "external data has the unknown key '%s'", key);
    if (!ok)
      return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "%s of external data is '%s', which is no byte count", key, value);
  }
  if (x->location == NULL || *x->location == '\0')
    return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "external data has no location");
  return TRUE;
}

/* Opens location below folder, one path component at a time so that no link is followed. */
static int
open_below (const char *folder, const char *location, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (location, "/", -1);
  if (g_path_is_absolute (location) || g_strv_contains ((const char *const *) parts, "..")) {
    convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "external data '%s' is not in the model's folder", location);
    return -1;
  }
  int at = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (guint i = 0; at >= 0 && parts[i]; i++) {
    if (*parts[i] == '\0' || strcmp (parts[i], ".") == 0)
      continue;
    int next = openat (at, parts[i], O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | (parts[i + 1] ? O_DIRECTORY : 0));
    int saved = errno;
    close (at);
    at = next;
    errno = saved;
  }
  if (at < 0)
    convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "external data '%s': %s", location, errno == ELOOP ? "a symbolic link, which is not followed" : g_strerror (errno));
  return at;
}

static gboolean
external_find (const Onnx__TensorProto *t, const char *folder, Source *src, GError **error)
{
  External x;
  struct stat st;
  if (!external_parse (t, &x, error))
    return FALSE;
  src->location = x.location;
  src->offset = x.offset;
  src->fd = open_below (folder, x.location, error);
  if (src->fd < 0)
    return FALSE;
  if (fstat (src->fd, &st) != 0 || !S_ISREG (st.st_mode))
    return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "external data '%s' is not a file", x.location);
  guint64 file = st.st_size, length = x.has_length ? x.length : file - MIN (file, x.offset);
  if (x.offset > file || length > file - x.offset)
    return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "external data '%s' has %" G_GUINT64_FORMAT " bytes, %" G_GUINT64_FORMAT
        " at offset %" G_GUINT64_FORMAT " are wanted", x.location, file, length, x.offset);
  if (length != src->count * src->size)
    return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "%" G_GUINT64_FORMAT " bytes of external data, %zu wanted", length, src->count * src->size);
  return TRUE;
}

static gboolean
external_read (const Source *src, guint8 *data, GError **error)
{
  for (gsize done = 0; done < src->count * src->size;) {
    gssize n = pread (src->fd, data + done, src->count * src->size - done, src->offset + done);
    if (n > 0)
      done += n;
    else if (n == 0 || errno != EINTR)
      return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "external data '%s': %s", src->location, n == 0 ? "cut short" : g_strerror (errno));
  }
  return TRUE;
}

/* --- data in the message ---------------------------------------------- */

/* The typed field that belongs to the element type of t. */
static gsize
typed_data (const Onnx__TensorProto *t, const void **from)
{
  switch (t->data_type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
      *from = t->float_data;
      return t->n_float_data;
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
      *from = t->double_data;
      return t->n_double_data;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64:
      *from = t->int64_data;
      return t->n_int64_data;
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT32:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT64:
      *from = t->uint64_data;
      return t->n_uint64_data;
    default:
      *from = t->int32_data;
      return t->n_int32_data;
  }
}

static gboolean
inline_find (const Onnx__TensorProto *t, Source *src, GError **error)
{
  gsize n = typed_data (t, &src->bytes);
  gsize all = t->n_float_data + t->n_double_data + t->n_int64_data + t->n_int32_data + t->n_uint64_data + t->n_string_data;
  if (all != n || (n > 0 && t->raw_data.len > 0))
    return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "data of another type than %s, or twice", convoy_onnx_type_name (t->data_type));
  if (t->n_external_data > 0)
    return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "external data is described, but not used");
  src->typed = n > 0;
  if (src->typed && n != src->count)
    return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "%zu elements of data, %zu wanted", n, src->count);
  if (src->typed)
    return TRUE;
  src->bytes = t->raw_data.data;
  if (t->raw_data.len != src->count * src->size)
    return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "%zu bytes of data, %zu wanted", t->raw_data.len, src->count * src->size);
  return TRUE;
}

/* int32_data holds every type of at most 32 bits but uint32; min..max are what the type can. */
static gboolean
narrow (const Onnx__TensorProto *t, gint32 min, gint32 max, void *data, GError **error)
{
  for (gsize i = 0; i < t->n_int32_data; i++) {
    gint32 v = t->int32_data[i];
    if (v < min || v > max)
      return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "element %zu is %d, which is no %s", i, v, convoy_onnx_type_name (t->data_type));
    if (max > G_MAXUINT8)
      ((guint16 *) data)[i] = v;
    else
      ((guint8 *) data)[i] = v;
  }
  return TRUE;
}

/* uint32 lies in uint64_data. */
static gboolean
narrow_unsigned (const Onnx__TensorProto *t, guint32 *data, GError **error)
{
  for (gsize i = 0; i < t->n_uint64_data; i++) {
    if (t->uint64_data[i] > G_MAXUINT32)
      return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "element %zu is %" G_GUINT64_FORMAT ", which is no uint32", i, t->uint64_data[i]);
    data[i] = t->uint64_data[i];
  }
  return TRUE;
}

static gboolean
inline_read (const Onnx__TensorProto *t, const Source *src, void *data, GError **error)
{
  if (src->typed)
    switch (t->data_type) {
      case ONNX__TENSOR_PROTO__DATA_TYPE__INT8:
        return narrow (t, G_MININT8, G_MAXINT8, data, error);
      case ONNX__TENSOR_PROTO__DATA_TYPE__UINT8:
        return narrow (t, 0, G_MAXUINT8, data, error);
      case ONNX__TENSOR_PROTO__DATA_TYPE__BOOL:
        return narrow (t, 0, 1, data, error);
      case ONNX__TENSOR_PROTO__DATA_TYPE__INT16:
        return narrow (t, G_MININT16, G_MAXINT16, data, error);
      case ONNX__TENSOR_PROTO__DATA_TYPE__UINT16:
      case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16:
      case ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16:
        return narrow (t, 0, G_MAXUINT16, data, error);
      case ONNX__TENSOR_PROTO__DATA_TYPE__UINT32:
        return narrow_unsigned (t, data, error);
    }
  if (src->count > 0)
    memcpy (data, src->bytes, src->count * src->size);
  return TRUE;
}

/* --- the tensor ------------------------------------------------------- */

/* Raw data that convoy_onnx_read() had put where a tensor may have it; NULL: it is something else. */
static ConvoyTensor *
take_raw (Onnx__TensorProto *t, ConvoyType type, const ConvoyShape *s, const Source *src)
{
  guint8 *data = t->raw_data.data;
  if (src->fd >= 0 || src->typed || type == CONVOY_BOOL || t->raw_data.len < CONVOY_ONNX_LARGE || (guintptr) data % 64 != 0)
    return NULL;
  t->raw_data = (ProtobufCBinaryData) { 0, NULL };
  return convoy_tensor_new_wrap (type, s, data, NULL, NULL);
}

static gboolean
tensor_shape (const Onnx__TensorProto *t, ConvoyShape *s, GError **error)
{
  if (t->n_dims > CONVOY_MAX_DIMS)
    return convoy_onnx_fail (error, CONVOY_ERROR_UNSUPPORTED, "%zu dimensions, at most %u are supported", t->n_dims, CONVOY_MAX_DIMS);
  *s = (ConvoyShape) { .n = t->n_dims };
  for (guint i = 0; i < s->n; i++) {
    s->d[i] = t->dims[i];
    if (s->d[i] < 0)
      return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "dimension %u is %" G_GINT64_FORMAT, i, s->d[i]);
  }
  gint64 count = convoy_shape_count (s);
  if (count < 0 || count > G_MAXINT64 / 8)
    return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "its dimensions multiply to more than memory can hold");
  return TRUE;
}

static gboolean
source_find (const Onnx__TensorProto *t, const char *folder, Source *src, GError **error)
{
  if (t->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)
    return external_find (t, folder, src, error);
  if (t->data_location != ONNX__TENSOR_PROTO__DATA_LOCATION__DEFAULT)
    return convoy_onnx_fail (error, CONVOY_ERROR_INVALID, "unknown data location %d", t->data_location);
  return inline_find (t, src, error);
}

static ConvoyTensor *
tensor_read (Onnx__TensorProto *t, ConvoyType type, const ConvoyShape *s, const Source *src, GError **error)
{
  g_autoptr (ConvoyTensor) out = take_raw (t, type, s, src);
  if (out != NULL)
    return g_steal_pointer (&out);
  if ((out = convoy_tensor_new (type, s, error)) == NULL)
    return NULL;
  guint8 *data = convoy_tensor_data (out);
  if (!(src->fd >= 0 ? external_read (src, data, error) : inline_read (t, src, data, error)))
    return NULL;
  if (type == CONVOY_BOOL)
    for (gsize i = 0; i < src->count; i++)
      data[i] = data[i] != 0;
  return g_steal_pointer (&out);
}

ConvoyTensor *
convoy_onnx_tensor (Onnx__TensorProto *t, const char *folder, GError **error)
{
  ConvoyShape s;
  ConvoyType type;
  if (!convoy_onnx_type (t->data_type, &type)) {
    convoy_onnx_fail (error, t->data_type ? CONVOY_ERROR_UNSUPPORTED : CONVOY_ERROR_INVALID, "element type %s (%d) is not supported",
        convoy_onnx_type_name (t->data_type), t->data_type);
    return NULL;
  }
  if (t->segment != NULL) {
    convoy_onnx_fail (error, CONVOY_ERROR_UNSUPPORTED, "tensors in segments are not supported");
    return NULL;
  }
  if (!tensor_shape (t, &s, error))
    return NULL;
  Source src = { .count = convoy_shape_count (&s), .size = types[t->data_type].size, .fd = -1 };
  ConvoyTensor *out = source_find (t, folder, &src, error) ? tensor_read (t, type, &s, &src, error) : NULL;
  if (src.fd >= 0)
    close (src.fd);
  return out;
}

ConvoyTensor *
convoy_onnx_tensor_load (const char *path, GError **error)
{
  g_return_val_if_fail (path != NULL, NULL);
  Onnx__TensorProto *t = convoy_onnx_read (path, &onnx__tensor_proto__descriptor, error);
  ConvoyTensor *out = NULL;
  if (t != NULL) {
    g_autofree char *folder = g_path_get_dirname (path);
    out = convoy_onnx_tensor (t, folder, error);
    onnx__tensor_proto__free_unpacked (t, NULL);
  }
  if (out == NULL)
    convoy_onnx_blame (error, path);
  return out;
}
