/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnpicture.h - readers of encoded pictures: bytes in memory to RGB rows, no GStreamer objects. */
#ifndef CNN_PICTURE_H
#define CNN_PICTURE_H

#include <glib.h>

G_BEGIN_DECLS

#define CNN_PICTURE_ERROR (cnn_picture_error_quark ())
GQuark cnn_picture_error_quark (void);

#define CNN_PICTURE_MAX_SIDE 65535
#define CNN_PICTURE_MAX_PIXELS 178956970        /* what 2^29 bytes of RGB hold */

typedef struct {
  guint width, height;          /* as stored, before it is turned upright */
  guint orientation;            /* EXIF: 1 upright, 2..8 mirrored or turned */
} CnnPictureInfo;

/* A file format. open() reads the header of size bytes of data, which must stay until close(); decode()
 * is called once, and writes ceil (width / shrink) by ceil (height / shrink) pixels. Both fail
 * for what is not an intact picture. */
typedef struct {
  const char *name;
  const char *magic;            /* how a file begins */
  guint n_magic;
  guint max_shrink;             /* decodes at 1/2, 1/4, .. 1/max_shrink of the size */
  void *(*open) (const guint8 *data, gsize size, CnnPictureInfo *info, GError **error);
  gboolean (*decode) (void *picture, guint shrink, gboolean quick, guint8 *rgb, gsize stride, GError **error);
  void (*close) (void *picture);
} CnnReader;

extern const CnnReader cnn_jpeg_reader, cnn_png_reader;

/* The reader for a file that begins so; NULL and an error when there is none. */
const CnnReader *cnn_picture_reader (const guint8 *data, gsize size, GError **error);

/* FALSE and an error for pictures without pixels or with more than those limits. */
gboolean cnn_picture_check_size (guint width, guint height, GError **error);

/* The orientation that EXIF data says, from its byte order mark on; 1 when it says none. */
guint cnn_exif_orientation (const guint8 *tiff, gsize size);

/* Copies the width x height picture src to dst, turned upright; where orientation is 5 or more dst
 * is height x width. Strides in bytes. */
void cnn_picture_orient (guint orientation, const guint8 *src, gsize src_stride, guint width, guint height, guint8 *dst, gsize dst_stride);

G_END_DECLS
#endif
