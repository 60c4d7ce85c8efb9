/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * tensor.c - shapes and tensors, and the library's error domain. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "core/memory.h"
#include "core/convoy.h"
#include <string.h>

G_DEFINE_QUARK (convoy-error-quark, convoy_error)

const char *convoy_version (void) { return PACKAGE_VERSION; }

static const struct { const char *name; gsize size; } types[CONVOY_N_TYPES] = {
  [CONVOY_F32] = { "float32", 4 }, [CONVOY_F64] = { "float64", 8 }, [CONVOY_I64] = { "int64", 8 }, [CONVOY_I32] = { "int32", 4 },
  [CONVOY_I8] = { "int8", 1 }, [CONVOY_U8] = { "uint8", 1 }, [CONVOY_BOOL] = { "bool", 1 },
  [CONVOY_F16] = { "float16", 2 }, [CONVOY_BF16] = { "bfloat16", 2 }, [CONVOY_I16] = { "int16", 2 }, [CONVOY_U16] = { "uint16", 2 },
  [CONVOY_U32] = { "uint32", 4 }, [CONVOY_U64] = { "uint64", 8 },
};

gsize convoy_type_size (ConvoyType type) { return types[type].size; }
const char *convoy_type_name (ConvoyType type) { return types[type].name; }

gint64
convoy_shape_count (const ConvoyShape *s)
{
  gint64 count = 1;             /* of those that are not 0: beside them no others may overflow either, as strides would */
  gboolean empty = FALSE;
  for (guint i = 0; i < s->n; i++) {
    empty = empty || s->d[i] == 0;
    if (s->d[i] < 0 || __builtin_mul_overflow (count, MAX (s->d[i], 1), &count))
      return -1;
  }
  return empty ? 0 : count;
}

gboolean
convoy_shape_equal (const ConvoyShape *a, const ConvoyShape *b)
{
  return a->n == b->n && memcmp (a->d, b->d, a->n * sizeof a->d[0]) == 0;
}

char *
convoy_shape_str (const ConvoyShape *s)
{
  GString *t = g_string_new (s->n ? NULL : "scalar");
  for (guint i = 0; i < s->n; i++) {
    if (i)
      g_string_append_c (t, 'x');
    if (s->d[i] < 0)
      g_string_append_c (t, '?');
    else
      g_string_append_printf (t, "%" G_GINT64_FORMAT, s->d[i]);
  }
  return g_string_free (t, FALSE);
}

struct ConvoyTensor {
  ConvoyType type;
  ConvoyShape shape;
  gint64 count;
  void *data;
  GDestroyNotify free;          /* NULL: data is ours */
  void *user;
};

ConvoyTensor *
convoy_tensor_new (ConvoyType type, const ConvoyShape *shape, GError **error)
{
  gint64 count = convoy_shape_count (shape);
  gsize size;
  void *data = NULL;
  if (count >= 0 && !__builtin_mul_overflow ((gsize) count, types[type].size, &size))
    data = convoy_memory_new (size);
  if (data == NULL) {
    g_autofree char *s = convoy_shape_str (shape);
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_NO_MEMORY, "no memory for a tensor of %s %s", s, types[type].name);
    return NULL;
  }
  ConvoyTensor *t = convoy_tensor_new_wrap (type, shape, data, NULL, NULL);
  return t;
}

ConvoyTensor *
convoy_tensor_new_wrap (ConvoyType type, const ConvoyShape *shape, void *data, GDestroyNotify notify, void *user)
{
  ConvoyTensor *t = g_atomic_rc_box_new0 (ConvoyTensor);
  t->type = type;
  t->shape = *shape;
  t->count = convoy_shape_count (shape);
  t->data = data;
  t->free = notify;
  t->user = user;
  return t;
}

static void
tensor_clear (gpointer p)
{
  ConvoyTensor *t = p;
  if (t->free)
    t->free (t->user);
  else
    free (t->data);
}

ConvoyTensor *convoy_tensor_ref (ConvoyTensor *t) { return g_atomic_rc_box_acquire (t); }
void convoy_tensor_unref (ConvoyTensor *t) { if (t) g_atomic_rc_box_release_full (t, tensor_clear); }
const ConvoyShape *convoy_tensor_shape (const ConvoyTensor *t) { return &t->shape; }
ConvoyType convoy_tensor_type (const ConvoyTensor *t) { return t->type; }
gint64 convoy_tensor_count (const ConvoyTensor *t) { return t->count; }
void *convoy_tensor_data (const ConvoyTensor *t) { return t->data; }
