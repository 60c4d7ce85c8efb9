/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnsize.c - see cnnsize.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "plugins/cnnsize.h"

#define NAME "cnn-size"

gboolean
cnn_size_ask (GstPad *src, guint *width, guint *height)
{
  GstQuery *query = gst_query_new_custom (GST_QUERY_CUSTOM, gst_structure_new_empty (NAME));
  gboolean ok = gst_pad_peer_query (src, query)
      && gst_structure_get (gst_query_get_structure (query), "width", G_TYPE_UINT, width, "height", G_TYPE_UINT, height, NULL);

  gst_query_unref (query);
  if (!ok)
    *width = *height = 0;
  return ok;
}

gboolean
cnn_size_answer (GstQuery *query, const ConvoyModelInfo *info)
{
  const GstStructure *s = gst_query_get_structure (query);

  if (GST_QUERY_TYPE (query) != GST_QUERY_CUSTOM || !s || !gst_structure_has_name (s, NAME) || !info || info->channels == 0)
    return FALSE;
  guint side = info->resize != CONVOY_RESIZE_CROP ? 0 : info->resize_short ? info->resize_short : MIN (info->width, info->height);
  gst_structure_set (gst_query_writable_structure (query), "width", G_TYPE_UINT, MAX (info->width, side),
      "height", G_TYPE_UINT, MAX (info->height, side), NULL);
  return TRUE;
}
