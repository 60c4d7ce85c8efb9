/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * network.h - a network as `summary`, `rate` and `bench` look at it: its graph with shapes, not its labels. */
#ifndef CONVOY_NETWORK_H
#define CONVOY_NETWORK_H

#include "core/convoy.h"

G_BEGIN_DECLS

/* An ONNX file or a .net, by path or name. */
ConvoyGraph *network_load (const char *name_or_path, GError **error);

/* Bound for a batch. input is "224x224x3" (width, height, channels) for pictures, else the sizes
 * of a sample; NULL: as declared. upto: a layer as convoy_graph_find_layer() takes it; NULL: all. */
ConvoyGraph *network_bind (const ConvoyGraph *g, guint batch, const char *input, const char *upto, GError **error);

G_END_DECLS
#endif
