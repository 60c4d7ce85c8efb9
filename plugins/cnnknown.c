/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnknown.c - see cnnknown.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "plugins/cnnknown.h"
#include <stdlib.h>

#define NAME "cnn-known"

/* --- the query -------------------------------------------------------- */

gboolean
cnn_known_ask (GstPad *src, const CnnKnown *k, gboolean *known)
{
  GstQuery *query = gst_query_new_custom (GST_QUERY_CUSTOM, gst_structure_new (NAME, "source", G_TYPE_STRING, k->source,
          "split", G_TYPE_STRING, k->split, "label", G_TYPE_INT, k->label, "bytes", G_TYPE_UINT64, k->bytes, "digest", G_TYPE_INT64, k->digest,
          "samples", G_TYPE_UINT64, k->samples, NULL));

  *known = FALSE;
  gboolean answered = gst_pad_peer_query (src, query) && gst_structure_get_boolean (gst_query_get_structure (query), "known", known);
  gst_query_unref (query);
  return answered;
}

gboolean
cnn_is_known_query (GstQuery *query)
{
  const GstStructure *s = gst_query_get_structure (query);
  return GST_QUERY_TYPE (query) == GST_QUERY_CUSTOM && s && gst_structure_has_name (s, NAME);
}

void
cnn_known_describe (GstQuery *query, const char *model, const char *checksum, const char *request)
{
  gst_structure_set (gst_query_writable_structure (query), "model", G_TYPE_STRING, model, "checksum", G_TYPE_STRING, checksum,
      "request", G_TYPE_STRING, request, NULL);
}

gboolean
cnn_known_parse (GstQuery *query, CnnKnown *k, const char **model, const char **checksum, const char **request)
{
  const GstStructure *s = gst_query_get_structure (query);
  *k = (CnnKnown) { .label = -1 };
  if (!cnn_is_known_query (query))
    return FALSE;
  k->source = gst_structure_get_string (s, "source");
  k->split = gst_structure_get_string (s, "split");
  *model = gst_structure_get_string (s, "model");
  *checksum = gst_structure_get_string (s, "checksum");
  *request = gst_structure_get_string (s, "request");
  return k->source && k->split && *model && *checksum && *request && gst_structure_get (s, "label", G_TYPE_INT, &k->label,
      "bytes", G_TYPE_UINT64, &k->bytes, "digest", G_TYPE_INT64, &k->digest, "samples", G_TYPE_UINT64, &k->samples, NULL);
}

void
cnn_known_answer (GstQuery *query, gboolean known)
{
  gst_structure_set (gst_query_writable_structure (query), "known", G_TYPE_BOOLEAN, known, NULL);
}

/* --- what is upstream ------------------------------------------------- */

/* Of no consequence for what comes out. */
static const char *const passing[] = { "queue", "queue2", "multiqueue", "identity", "tee", "progressreport", NULL };
static const char *const speed[] = { "name", "parent", "qos", "on-error", "max-errors", "threads", "max-threads", "n-threads", "workers",
  "batch-size", "message-forward", "async-handling", NULL };

static int
compare_specs (const void *a, const void *b)
{
  return g_strcmp0 ((*(GParamSpec *const *) a)->name, (*(GParamSpec *const *) b)->name);
}

/* " width=160" for each property that is not at its default, by name. */
static void
describe_properties (GString *text, GObject *object)
{
  guint n;
  g_autofree GParamSpec **specs = g_object_class_list_properties (G_OBJECT_GET_CLASS (object), &n);

  qsort (specs, n, sizeof *specs, compare_specs);
  for (guint i = 0; i < n; i++) {
    GValue v = G_VALUE_INIT;
    if (!(specs[i]->flags & G_PARAM_READABLE) || !(specs[i]->flags & G_PARAM_WRITABLE) || g_strv_contains (speed, specs[i]->name))
      continue;
    g_value_init (&v, specs[i]->value_type);
    g_object_get_property (object, specs[i]->name, &v);
    if (!g_param_value_defaults (specs[i], &v)) {
      g_autofree char *value = gst_value_serialize (&v);
      if (value)
        g_string_append_printf (text, " %s=%s", specs[i]->name, value);
    }
    g_value_unset (&v);
  }
}

/* The pad that feeds this one, whatever bins are between; NULL: none. */
static GstPad *
feeding_pad (GstPad *sink)
{
  GstPad *pad = gst_pad_get_peer (sink);
  while (pad && GST_IS_PROXY_PAD (pad)) {
    GstPad *next = NULL;
    if (GST_IS_GHOST_PAD (pad)) {
      next = gst_ghost_pad_get_target (GST_GHOST_PAD (pad));    /* into the bin */
    } else {
      GstProxyPad *outside = gst_proxy_pad_get_internal (GST_PROXY_PAD (pad));  /* out of it */
      if (outside)
        next = gst_pad_get_peer (GST_PAD (outside));
      gst_clear_object (&outside);
    }
    gst_object_unref (pad);
    pad = next;
  }
  return pad;
}

/* The only sink pad; NULL: a source, or several. */
static GstPad *
only_sink_pad (GstElement *element)
{
  GST_OBJECT_LOCK (element);
  GstPad *pad = element->numsinkpads == 1 ? gst_object_ref (element->sinkpads->data) : NULL;
  GST_OBJECT_UNLOCK (element);
  return pad;
}

static void
describe_element (GString *text, GstElement *element)
{
  GstElementFactory *factory = gst_element_get_factory (element);
  const char *name = factory ? GST_OBJECT_NAME (factory) : G_OBJECT_TYPE_NAME (element);
  g_autoptr (GString) own = g_string_new (name);

  if (g_strv_contains (passing, name))
    return;
  describe_properties (own, G_OBJECT (element));
  g_string_prepend (text, " ! ");
  g_string_prepend (text, own->str);
}

char *
cnn_known_upstream (GstPad *sink)
{
  GString *text = g_string_new (NULL);
  GstPad *at = gst_object_ref (sink);

  while (at) {
    GstPad *pad = feeding_pad (at);
    GstElement *element = pad ? gst_pad_get_parent_element (pad) : NULL;
    gst_object_unref (at);
    at = element ? only_sink_pad (element) : NULL;
    if (at)
      describe_element (text, element);
    gst_clear_object (&element);
    gst_clear_object (&pad);
  }
  return g_string_free (text, FALSE);
}
