/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnjpegdc.h - a JPEG at an eighth of its size, read faster than libjpeg reads it. */
#ifndef CNN_JPEG_DC_H
#define CNN_JPEG_DC_H

#include <glib.h>
#include <stdio.h>
#include <jpeglib.h>

G_BEGIN_DECLS

/* After jpeg_read_header() from memory: the first coefficient of every block as RGB, ceil (width / 8)
 * by ceil (height / 8). FALSE: not a baseline JPEG of the common sort, or damaged; libjpeg is then to
 * have its say, and finds its source where it left it. */
gboolean cnn_jpeg_dc (const struct jpeg_decompress_struct *c, guint8 *rgb, gsize stride);

G_END_DECLS
#endif
