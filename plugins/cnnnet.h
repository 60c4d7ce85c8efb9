/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnnet.h - one network that classifies frames or extracts their features, a batch at a time. */
#ifndef CNN_NET_H
#define CNN_NET_H

#include <gst/video/video.h>
#include "core/convoy.h"
#include "plugins/cnnenums.h"

G_BEGIN_DECLS

typedef struct {
  ConvoyModel *model;           /* outlives the network */
  ConvoyModelInfo info;         /* the model's, with what properties override */
  guint batch, threads;
  guint top_k;                  /* 0: there are features instead of a result */
  double threshold;
  const char *upto;             /* the layer that gives the features; NULL: the last */
  CnnPooling pooling;           /* of features */
  gboolean is_tensor;           /* it takes no pictures: frames are its input already, of one sample, or texts that become it */
} CnnNetOptions;

typedef struct CnnNet CnnNet;

/* One thread at a time, but not always the same. */
CnnNet *cnn_net_new (const CnnNetOptions *o, GError **error);
void cnn_net_free (CnnNet *net);
/* Frames come like this from now on: pictures of any size, else float32 or integers of the shape that
 * the network takes, else texts for one with a vocabulary. */
gboolean cnn_net_set_caps (CnnNet *net, const GstCaps *caps, GError **error);
/* Scales and normalizes the frame straight into place n of the batch, or copies it there, or makes
 * numbers of its words, where CONVOY_ERROR_INVALID says that it is no text. */
gboolean cnn_net_put (CnnNet *net, guint n, GstBuffer *frame, GError **error);
gboolean cnn_net_run (CnnNet *net, GError **error);
/* Of place n, after run; see CNN_RESULT_META. */
GstStructure *cnn_net_result (CnnNet *net, guint n, GstClockTime pts);
/* Of place n, after run: float32 of cnn_net_features_shape(). */
GstBuffer *cnn_net_features (CnnNet *net, guint n);
/* Of one sample: CxHxW, with pooling Cx1x1. */
ConvoyShape cnn_net_features_shape (CnnNet *net);

G_END_DECLS
#endif
