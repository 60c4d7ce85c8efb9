/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstcnnextract.h - the element cnnextract: a network up to a layer. */
#ifndef GST_CNN_EXTRACT_H
#define GST_CNN_EXTRACT_H

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_CNN_EXTRACT (gst_cnn_extract_get_type ())
G_DECLARE_FINAL_TYPE (GstCnnExtract, gst_cnn_extract, GST, CNN_EXTRACT, GstBaseTransform)
GST_ELEMENT_REGISTER_DECLARE (cnnextract);

G_END_DECLS
#endif
