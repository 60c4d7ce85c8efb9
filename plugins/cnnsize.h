/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnsize.h - the query by which a decoder finds out how large a picture the network downstream needs. */
#ifndef CNN_SIZE_H
#define CNN_SIZE_H

#include <gst/gst.h>
#include "core/convoy.h"

G_BEGIN_DECLS

/* The least sides that the network downstream of pad src does not enlarge. FALSE, and both 0: there is
 * none that takes pictures. */
gboolean cnn_size_ask (GstPad *src, guint *width, guint *height);
/* Whoever has the model answers. FALSE: it is another query, or the model (NULL: none) takes no pictures. */
gboolean cnn_size_answer (GstQuery *query, const ConvoyModelInfo *info);

G_END_DECLS
#endif
