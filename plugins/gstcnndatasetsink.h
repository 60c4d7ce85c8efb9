/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstcnndatasetsink.h - the element cnndatasetsink: features into a store. */
#ifndef GST_CNN_DATASET_SINK_H
#define GST_CNN_DATASET_SINK_H

#include <gst/base/gstbasesink.h>

G_BEGIN_DECLS

#define GST_TYPE_CNN_DATASET_SINK (gst_cnn_dataset_sink_get_type ())
G_DECLARE_FINAL_TYPE (GstCnnDatasetSink, gst_cnn_dataset_sink, GST, CNN_DATASET_SINK, GstBaseSink)
GST_ELEMENT_REGISTER_DECLARE (cnndatasetsink);

G_END_DECLS
#endif
