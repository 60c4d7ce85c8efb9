/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnheadnet.h - the network of a head, as an element's properties ask for it and its caps need it. */
#ifndef CNN_HEAD_NET_H
#define CNN_HEAD_NET_H

#include <gst/gst.h>
#include "core/convoy.h"

G_BEGIN_DECLS

/* Which network: layers as text; a .net file or the name of one, with VARIABLE=VALUE behind it; or a
 * trained model from a layer on, up to a layer when layers come instead of its end. NULL: not given. */
typedef struct {
  char *layers, *network, *model, *from_layer, *to_layer;
  guint64 seed;
} CnnHeadSource;

/* One sample as it comes. */
typedef struct {
  ConvoyType type;              /* F32, I32, I64; U8: a picture, RGB or grey */
  ConvoyShape shape;            /* with a batch of 1: 1xCxHxW for pictures */
} CnnHeadInput;

typedef struct {
  ConvoyGraph *graph;           /* one input and one output, for a batch of 1 */
  ConvoyModelInfo image;        /* how a picture of U8 enters; channels 0: none does */
  char **labels;                /* of the model that it was taken from; NULL: not known */
  guint n;                      /* scores that it gives */
} CnnHeadNet;

void cnn_head_net_clear (CnnHeadNet *net);

/* n_classes (0: not known) replaces ${classes}; opset (0: any) is that of the network which it is to follow. */
gboolean cnn_head_net_make (CnnHeadNet *net, const CnnHeadSource *s, const CnnHeadInput *in, guint n_classes, guint opset, GError **error);

G_END_DECLS
#endif
