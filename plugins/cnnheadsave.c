/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnheadsave.c - see cnnheadsave.h. */
#include "plugins/cnnheadsave.h"
#include "plugins/cnnsample.h"
#include <stdio.h>
#include <string.h>

void
cnn_head_whole_clear (CnnHeadWhole *w)
{
  convoy_model_unref (w->base);
  g_free (w->layer);
  g_free (w->pooling);
  g_strfreev (w->labels);
  g_clear_pointer (&w->metadata, g_hash_table_unref);
  *w = (CnnHeadWhole) { 0 };
}

guint
cnn_head_whole_opset (const CnnHeadWhole *w)
{
  return w->base ? convoy_graph_opset (convoy_model_graph (w->base)) : 0;
}

static void
set (GHashTable *props, const char *key, char *value)
{
  g_hash_table_insert (props, g_strdup (key), value);
}

static GHashTable *
copy_props (GHashTable *from)
{
  GHashTable *props = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  GHashTableIter i;
  gpointer key, value;
  if (from)
    for (g_hash_table_iter_init (&i, from); g_hash_table_iter_next (&i, &key, &value);)
      set (props, key, g_strdup (value));
  return props;
}

void
cnn_head_whole_keep (CnnHeadWhole *w, GHashTable *metadata)
{
  g_clear_pointer (&w->metadata, g_hash_table_unref);
  w->metadata = copy_props (metadata);
}

/* --- what the extractor did ------------------------------------------------ */

/* "(p-127.5)/127.5" for each channel. */
static gboolean
read_channel (const char *word, ConvoyModelInfo *image, guint c)
{
  char *end;
  if (c >= 3 || !g_str_has_prefix (word, "(p-"))
    return FALSE;
  image->mean[c] = (float) g_ascii_strtod (word + 3, &end);
  if (!g_str_has_prefix (end, ")/"))
    return FALSE;
  const char *std = end + 2;
  image->std[c] = (float) g_ascii_strtod (std, &end);
  return end != std && !*end && image->std[c] > 0;
}

/* The canonical text of cnnextract: "160x160 rgb resize=stretch (p-127.5)/127.5 ...". */
static gboolean
read_preprocessing (const char *text, ConvoyModelInfo *image)
{
  static const char *const rules[] = { "resize=stretch", "resize=crop", "resize=pad" };
  g_auto (GStrv) words = g_strsplit (text, " ", -1);
  guint n = g_strv_length (words), c = 0;
  if (n == 1 && strcmp (text, "tensor") == 0)
    return TRUE;
  if (n < 4 || sscanf (words[0], "%ux%u", &image->width, &image->height) != 2)
    return FALSE;
  image->channels = strcmp (words[1], "grey") == 0 ? 1 : 3;
  image->bgr = strcmp (words[1], "bgr") == 0;
  for (guint i = 2; i < n; i++) {
    gboolean known = g_str_has_prefix (words[i], "short=") && sscanf (words[i], "short=%u", &image->resize_short) == 1;
    for (guint k = 0; k < G_N_ELEMENTS (rules); k++)
      if (strcmp (words[i], rules[k]) == 0) {
        image->resize = (ConvoyResize) k;
        known = TRUE;
      }
    if (!known && !read_channel (words[i], image, c++))
      return FALSE;
  }
  return c == image->channels;
}

gboolean
cnn_head_whole_load (CnnHeadWhole *w, GstEvent *extractor, GError **error)
{
  CnnExtractorEvent x;
  if (!extractor || !cnn_extractor_event_parse (extractor, &x) || !x.model || !*x.model)
    return TRUE;
  if (!x.preprocessing || !read_preprocessing (x.preprocessing, &w->image)) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "the features of %s were made of \"%s\", which is not understood", x.model,
        x.preprocessing ? x.preprocessing : "nothing");
    return FALSE;
  }
  w->base = convoy_model_new (x.model, NULL, error);
  w->layer = g_strdup (x.layer);
  w->pooling = g_strdup (x.pooling);
  return w->base != NULL;
}

/* --- the file --------------------------------------------------------------- */

/* A line an epoch, as in the CSV file. */
static char *
history_text (const ConvoyHistory *h)
{
  g_autoptr (GString) text = g_string_new ("epoch,loss,accuracy,val_loss,val_accuracy,lr,seconds\n");
  for (guint i = 0; i < convoy_history_len (h); i++) {
    const ConvoyEpoch *e = convoy_history_at (h, i);
    const double v[] = { e->loss, e->accuracy, e->val_loss, e->val_accuracy, e->lr, e->seconds };
    g_string_append_printf (text, "%u", e->epoch);
    for (guint k = 0; k < G_N_ELEMENTS (v); k++) {
      char number[G_ASCII_DTOSTR_BUF_SIZE];
      g_string_append_printf (text, ",%s", v[k] == v[k] ? g_ascii_formatd (number, sizeof number, "%.6g", v[k]) : "");
    }
    g_string_append_c (text, '\n');
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* The batch is open, unless base fixes it; a picture has the size that it had in training. */
static ConvoyShape
whole_input (const CnnHeadWhole *w, const CnnHeadInput *in)
{
  ConvoyShape shape = in->shape;
  if (w->base && w->image.channels)
    shape = CONVOY_SHAPE (-1, w->image.channels, w->image.height, w->image.width);
  shape.d[0] = -1;
  return shape;
}

gboolean
cnn_head_whole_save (const CnnHeadWhole *w, const char *path, const ConvoyGraph *head, const CnnHeadInput *in, const ConvoyModelInfo *image,
    const ConvoyHistory *history, GError **error)
{
  ConvoyShape input = whole_input (w, in);
  gboolean keep = w->base && !w->image.channels;        /* base takes tensors, as it declares them */
  ConvoyJoin o = { .upto = w->layer, .pooling = w->pooling, .input = keep ? NULL : &input };
  ConvoyModelInfo known = w->base ? w->image : *image;
  g_autoptr (GHashTable) props = copy_props (w->metadata);
  ConvoyGraph *whole = convoy_graph_join (w->base ? convoy_model_graph (w->base) : NULL, head, &o, error);

  if (!whole)
    return FALSE;
  known.labels = (const char *const *) w->labels;
  convoy_model_describe (&known, props);
  if (w->base)
    convoy_model_describe_text (w->base, props);
  if (history && convoy_history_len (history))
    set (props, "history", history_text (history));
  gboolean ok = convoy_onnx_save (path, whole, props, error);
  convoy_graph_unref (whole);
  return ok;
}
