/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnntensor.h - caps of tensors, as NNStreamer writes them: other/tensors with the dimensions of
 * one tensor, innermost first. */
#ifndef CNN_TENSOR_H
#define CNN_TENSOR_H

#include <gst/gst.h>
#include "core/convoy.h"

G_BEGIN_DECLS

/* For pad templates. */
#define CNN_TENSOR_CAPS(types) "other/tensors, format=(string)static, num_tensors=(int)1, types=(string)" types ", framerate=(fraction)[ 0/1, max ]"

/* Of one sample, whose shape has no batch: dimensions=5:5:1024:1 for 1024x5x5. */
GstCaps *cnn_sample_caps (ConvoyType type, const ConvoyShape *sample);
/* The other way; refuses what is not one static tensor of fixed size, of a type and rank that Convoy knows. */
gboolean cnn_tensor_parse (const GstCaps *caps, ConvoyType *type, ConvoyShape *shape, GError **error);

G_END_DECLS
#endif
