/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstcnnhead.h - the element cnnhead. */
#ifndef GST_CNN_HEAD_H
#define GST_CNN_HEAD_H

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_CNN_HEAD (gst_cnn_head_get_type ())
G_DECLARE_FINAL_TYPE (GstCnnHead, gst_cnn_head, GST, CNN_HEAD, GstElement)
GST_ELEMENT_REGISTER_DECLARE (cnnhead);

G_END_DECLS
#endif
