/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnbuffer.h - a sample of a data set as a buffer with its caps. */
#ifndef CNN_BUFFER_H
#define CNN_BUFFER_H

#include <gst/gst.h>
#include "core/convoy.h"
#include "plugins/cnnproperty.h"

G_BEGIN_DECLS

/* All caps that samples of this data set may have; pictures come at this rate, 0/1: they have no time. */
GstCaps *cnn_buffer_caps (const ConvoyDatasetInfo *info, CnnFraction rate);
/* Those of one sample. */
GstCaps *cnn_buffer_sample_caps (const ConvoyDatasetInfo *info, CnnFraction rate, GBytes *sample);
/* The sample as its caps say: pixels of 3x32x32 become rows of RGB, all else stays as it is and is
 * not copied. Takes sample over. */
GstBuffer *cnn_buffer_new (const ConvoyDatasetInfo *info, GBytes *sample);

/* The time of sample i at that rate; 0/1: it has none. */
void cnn_buffer_set_time (GstBuffer *buffer, CnnFraction rate, guint64 i);

G_END_DECLS
#endif
