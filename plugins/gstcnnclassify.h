/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstcnnclassify.h - the element cnnclassify. */
#ifndef GST_CNN_CLASSIFY_H
#define GST_CNN_CLASSIFY_H

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_CNN_CLASSIFY (gst_cnn_classify_get_type ())
G_DECLARE_FINAL_TYPE (GstCnnClassify, gst_cnn_classify, GST, CNN_CLASSIFY, GstBaseTransform)
GST_ELEMENT_REGISTER_DECLARE (cnnclassify);

G_END_DECLS
#endif
