/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnntensor.c - see cnntensor.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "plugins/cnntensor.h"
#include <string.h>

static GstCaps *
tensor_caps (ConvoyType type, const ConvoyShape *shape)
{
  g_autoptr (GString) dimensions = g_string_new (NULL);
  for (guint i = shape->n; i-- > 0;)
    g_string_append_printf (dimensions, "%" G_GINT64_FORMAT "%s", shape->d[i], i ? ":" : "");
  return gst_caps_new_simple ("other/tensors", "format", G_TYPE_STRING, "static", "num_tensors", G_TYPE_INT, 1,
      "dimensions", G_TYPE_STRING, dimensions->str, "types", G_TYPE_STRING, convoy_type_name (type), "framerate", GST_TYPE_FRACTION, 0, 1, NULL);
}

GstCaps *
cnn_sample_caps (ConvoyType type, const ConvoyShape *sample)
{
  ConvoyShape shape = { .n = MIN (sample->n + 1, CONVOY_MAX_DIMS), .d = { 1 } };
  memcpy (shape.d + 1, sample->d, (shape.n - 1) * sizeof shape.d[0]);
  return tensor_caps (type, &shape);
}

static gboolean
parse_dimensions (const char *text, ConvoyShape *shape)
{
  g_auto (GStrv) parts = g_strsplit (text, ":", -1);
  guint n = g_strv_length (parts);
  if (n == 0 || n > CONVOY_MAX_DIMS)
    return FALSE;
  shape->n = n;
  for (guint i = 0; i < n; i++)
    if (!g_ascii_string_to_signed (parts[n - 1 - i], 10, 1, G_MAXINT32, &shape->d[i], NULL))
      return FALSE;
  return convoy_shape_count (shape) > 0;
}

static gboolean
parse_type (const char *text, ConvoyType *type)
{
  for (guint i = 0; i < CONVOY_N_TYPES; i++)
    if (strcmp (convoy_type_name (i), text) == 0) {
      *type = i;
      return TRUE;
    }
  return FALSE;
}

gboolean
cnn_tensor_parse (const GstCaps *caps, ConvoyType *type, ConvoyShape *shape, GError **error)
{
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  const char *format = gst_structure_get_string (s, "format"), *dimensions = gst_structure_get_string (s, "dimensions");
  const char *types = gst_structure_get_string (s, "types");
  int n = 1;

  gst_structure_get_int (s, "num_tensors", &n);
  if (n == 1 && dimensions && types && (!format || strcmp (format, "static") == 0) && parse_dimensions (dimensions, shape) && parse_type (types, type))
    return TRUE;
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED,
      "tensors of format %s, number %d, dimensions %s, types %s: wanted is one static tensor of at most %u dimensions and a type such as float32",
      format ? format : "unknown", n, dimensions ? dimensions : "unknown", types ? types : "unknown", CONVOY_MAX_DIMS);
  return FALSE;
}
