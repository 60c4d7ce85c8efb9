/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnnet.h - one network that classifies frames, a batch at a time. */
#ifndef CNN_NET_H
#define CNN_NET_H

#include <gst/video/video.h>
#include "core/convoy.h"

G_BEGIN_DECLS

typedef struct {
  ConvoyModel *model;           /* outlives the network */
  ConvoyModelInfo info;         /* the model's, with what properties override */
  guint batch, threads;
  guint top_k;
  double threshold;
} CnnNetOptions;

typedef struct CnnNet CnnNet;

/* One thread at a time, but not always the same. */
CnnNet *cnn_net_new (const CnnNetOptions *o, GError **error);
void cnn_net_free (CnnNet *net);
/* Frames come like this from now on. FALSE: their format cannot be converted. */
gboolean cnn_net_set_info (CnnNet *net, const GstVideoInfo *info);
/* Scales and normalizes the frame straight into place n of the batch. */
gboolean cnn_net_put (CnnNet *net, guint n, GstBuffer *frame, GError **error);
gboolean cnn_net_run (CnnNet *net, GError **error);
/* Of place n, after run; see CNN_RESULT_META. */
GstStructure *cnn_net_result (CnnNet *net, guint n, GstClockTime pts);

G_END_DECLS
#endif
