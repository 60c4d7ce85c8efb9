/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstcnnimagedec.h - the element cnnimagedec. */
#ifndef GST_CNN_IMAGE_DEC_H
#define GST_CNN_IMAGE_DEC_H

#include <gst/video/video.h>

G_BEGIN_DECLS

#define GST_TYPE_CNN_IMAGE_DEC (gst_cnn_image_dec_get_type ())
G_DECLARE_FINAL_TYPE (GstCnnImageDec, gst_cnn_image_dec, GST, CNN_IMAGE_DEC, GstVideoDecoder)
GST_ELEMENT_REGISTER_DECLARE (cnnimagedec);

G_END_DECLS
#endif
