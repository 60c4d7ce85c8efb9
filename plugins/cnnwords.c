/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnwords.c - see cnnwords.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "plugins/cnnwords.h"

#define NAME "cnn-words"

static GType cnn_vocabulary_get_type (void);

G_DEFINE_BOXED_TYPE (ConvoyVocabulary, cnn_vocabulary, convoy_vocabulary_ref, convoy_vocabulary_unref)

ConvoyVocabulary *
cnn_words_ask (GstPad *src, ConvoyTokenOptions *rows)
{
  GstQuery *query = gst_query_new_custom (GST_QUERY_CUSTOM, gst_structure_new_empty (NAME));
  ConvoyVocabulary *v = NULL;

  if (gst_pad_peer_query (src, query)
      && gst_structure_get (gst_query_get_structure (query), "vocabulary", cnn_vocabulary_get_type (), &v, "length", G_TYPE_UINT, &rows->length, NULL))
    gst_structure_get (gst_query_get_structure (query), "truncate", G_TYPE_UINT, &rows->truncate, "pad", G_TYPE_UINT, &rows->pad, NULL);
  gst_query_unref (query);
  return v;
}

gboolean
cnn_words_answer (GstQuery *query, const ConvoyModel *model)
{
  const GstStructure *s = gst_query_get_structure (query);
  ConvoyTokenOptions rows;
  ConvoyVocabulary *v;

  if (GST_QUERY_TYPE (query) != GST_QUERY_CUSTOM || !s || !gst_structure_has_name (s, NAME) || !model || !(v = convoy_model_vocabulary (model, &rows)))
    return FALSE;
  gst_structure_set (gst_query_writable_structure (query), "vocabulary", cnn_vocabulary_get_type (), v, "length", G_TYPE_UINT, rows.length,
      "truncate", G_TYPE_UINT, rows.truncate, "pad", G_TYPE_UINT, rows.pad, NULL);
  return TRUE;
}
