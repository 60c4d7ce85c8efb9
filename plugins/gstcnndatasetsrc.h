/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstcnndatasetsrc.h - the type of the element cnndatasetsrc. */
#ifndef GST_CNN_DATASET_SRC_H
#define GST_CNN_DATASET_SRC_H

#include <gst/base/gstpushsrc.h>

G_BEGIN_DECLS

#define GST_TYPE_CNN_DATASET_SRC (gst_cnn_dataset_src_get_type ())
G_DECLARE_FINAL_TYPE (GstCnnDatasetSrc, gst_cnn_dataset_src, GST, CNN_DATASET_SRC, GstPushSrc)
GST_ELEMENT_REGISTER_DECLARE (cnndatasetsrc)

G_END_DECLS
#endif
