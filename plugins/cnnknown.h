/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnknown.h - a question to those downstream, before a sample is sent: are its features stored already?
 *
 * cnndatasetsrc asks by the custom query cnn-known for each sample; cnnextract adds which network
 * makes the features and how; cnndatasetsink answers. A sample that is known is not sent. */
#ifndef CNN_KNOWN_H
#define CNN_KNOWN_H

#include <gst/gst.h>

G_BEGIN_DECLS

/* A sample: source and split as in its CnnSample; size and digest of its bytes. */
typedef struct {
  const char *source, *split;
  int label;
  guint64 bytes;
  gint64 digest;                 /* convoy_features_digest() of its bytes */
  guint64 samples;              /* of its split */
} CnnKnown;

/* Asks the peer of the pad. FALSE: nobody answers, known is FALSE. */
gboolean cnn_known_ask (GstPad *src, const CnnKnown *k, gboolean *known);

/* For the extractor: adds how the features are made to the query, which must be writable. */
void cnn_known_describe (GstQuery *query, const char *model, const char *checksum, const char *request);
/* For the sink. FALSE: it is another query, or went through no extractor. Strings live as long as the query. */
gboolean cnn_known_parse (GstQuery *query, CnnKnown *k, const char **model, const char **checksum, const char **request);
gboolean cnn_is_known_query (GstQuery *query);
void cnn_known_answer (GstQuery *query, gboolean known);

/* The elements upstream of a sink pad that shape what comes in, with what is set of their
 * properties, as text in the order of the stream: "cnnimagedec height=160 width=160"; queues and
 * sources are left out, as are properties that are about speed. g_free() it. */
char *cnn_known_upstream (GstPad *sink);

G_END_DECLS
#endif
