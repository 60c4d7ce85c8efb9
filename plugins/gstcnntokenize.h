/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstcnntokenize.h - the type of the element cnntokenize. */
#ifndef GST_CNN_TOKENIZE_H
#define GST_CNN_TOKENIZE_H

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_CNN_TOKENIZE (gst_cnn_tokenize_get_type ())
G_DECLARE_FINAL_TYPE (GstCnnTokenize, gst_cnn_tokenize, GST, CNN_TOKENIZE, GstElement)
GST_ELEMENT_REGISTER_DECLARE (cnntokenize)

G_END_DECLS
#endif
