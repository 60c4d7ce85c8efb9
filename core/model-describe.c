/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * model-describe.c - how pictures become inputs and what the classes are called, as metadata_props of
 * an ONNX file; model-meta.c reads them back. */
#include "core/convoy.h"

static void
set (GHashTable *props, const char *key, char *value)
{
  g_hash_table_insert (props, g_strdup (key), value);
}

static char *
channels (const float *v, guint n)
{
  g_autoptr (GString) text = g_string_new (NULL);
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  for (guint c = 0; c < n; c++)
    g_string_append_printf (text, "%s%s", c ? "," : "", g_ascii_formatd (number, sizeof number, "%.9g", v[c]));
  return g_string_free (g_steal_pointer (&text), FALSE);
}

void
convoy_model_describe (const ConvoyModelInfo *info, GHashTable *props)
{
  static const char *const rules[] = { "stretch", "crop", "pad" };
  if (info->channels) {
    set (props, "input", g_strdup_printf ("%ux%ux%u", info->width, info->height, info->channels));
    if (info->channels == 3)
      set (props, "color", g_strdup (info->bgr ? "bgr" : "rgb"));
    set (props, "mean", channels (info->mean, info->channels));
    set (props, "std", channels (info->std, info->channels));
    set (props, "resize", info->resize_short ? g_strdup_printf ("crop %u", info->resize_short) : g_strdup (rules[info->resize]));
  }
  if (info->labels) {
    set (props, "task", g_strdup ("classification"));
    set (props, "labels", g_strjoinv ("\n", (char **) info->labels));
  }
}
