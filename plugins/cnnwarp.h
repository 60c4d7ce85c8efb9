/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnwarp.h - draws how a picture is to be changed, and changes it: turned, scaled, moved, brighter. */
#ifndef CNN_WARP_H
#define CNN_WARP_H

#include <gst/video/video.h>
#include "plugins/cnnenums.h"

G_BEGIN_DECLS

/* How far each change goes at most; 0: not at all. */
typedef struct {
  CnnFlip flip;
  double rotate;                /* degrees, either way */
  double zoom;                  /* a picture is enlarged by 1 - zoom to 1 + zoom */
  double translate;             /* part of width and of height, either way */
  double crop;                  /* part of the side that a window, somewhere in the picture, may lack */
  double brightness;            /* part of the range of values, added or taken */
  double contrast;              /* distances from the mean of a channel times 1 - contrast to 1 + contrast */
  CnnFill fill;
  guint64 seed;
} CnnWarpOptions;

/* What was drawn for one picture: pixel (x, y) of the result is at ax * x + bx * y + cx, ay * x +
 * by * y + cy of the picture. */
typedef struct {
  double ax, bx, cx, ay, by, cy;
  double brightness, contrast;  /* added, 0..255; factor */
  CnnFill fill;
} CnnWarp;

/* Depends on nothing but its arguments. FALSE: nothing is to be changed. */
gboolean cnn_warp_draw (const CnnWarpOptions *o, guint epoch, guint64 number, guint width, guint height, CnnWarp *w);
/* Pictures of 8 bits with channels side by side, of one size; bilinear. */
void cnn_warp_run (const CnnWarp *w, const GstVideoFrame *in, GstVideoFrame *out);

G_END_DECLS
#endif
