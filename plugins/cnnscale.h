/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnscale.h - fits a part of a picture into a part of another, converting its format on the way. */
#ifndef CNN_SCALE_H
#define CNN_SCALE_H

#include <gst/video/video.h>
#include "plugins/cnnenums.h"

G_BEGIN_DECLS

/* The part of a width x height picture that the rule keeps and where in one of out_width x
 * out_height it goes. */
void cnn_fit (CnnResize resize, guint width, guint height, guint out_width, guint out_height, GstVideoRectangle *from, GstVideoRectangle *to);

typedef struct CnnScaler CnnScaler;

CnnScaler *cnn_scaler_new (GstVideoResamplerMethod method);
void cnn_scaler_free (CnnScaler *s);
/* Prepares for pictures like these; nothing to do when it is prepared already. What of out lies
 * outside to becomes black. FALSE: there is no way from one format to the other. */
gboolean cnn_scaler_set (CnnScaler *s, const GstVideoInfo *in, const GstVideoRectangle *from, const GstVideoInfo *out, const GstVideoRectangle *to);
void cnn_scaler_run (CnnScaler *s, const GstVideoFrame *in, GstVideoFrame *out);

G_END_DECLS
#endif
