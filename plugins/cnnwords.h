/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnwords.h - the query by which a tokenizer finds out what the network downstream reads. */
#ifndef CNN_WORDS_H
#define CNN_WORDS_H

#include <gst/gst.h>
#include "core/convoy.h"

G_BEGIN_DECLS

/* The vocabulary of the network downstream of pad src, and how it wants its rows; a reference.
 * NULL: there is none that reads texts. */
ConvoyVocabulary *cnn_words_ask (GstPad *src, ConvoyTokenOptions *rows);
/* Whoever has the model answers. FALSE: it is another query, or the model (NULL: none) reads no texts. */
gboolean cnn_words_answer (GstQuery *query, const ConvoyModel *model);

G_END_DECLS
#endif
