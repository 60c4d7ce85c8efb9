/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnndraw.h - a result drawn as a panel of labels and score bars, to be blended onto a picture. */
#ifndef CNN_DRAW_H
#define CNN_DRAW_H

#include <gst/video/video.h>

G_BEGIN_DECLS

#define CNN_DRAW_MAX_ROWS 20

typedef struct {
  guint n;
  struct { char *label; int percent; } row[CNN_DRAW_MAX_ROWS];  /* best first */
} CnnRows;

/* The first k entries of a result. */
void cnn_rows_set (CnnRows *rows, const GstStructure *result, guint k);
void cnn_rows_clear (CnnRows *rows);
gboolean cnn_rows_equal (const CnnRows *a, const CnnRows *b);

/* A panel that suits a width x height picture; as many rows as fit, at least one. font is a
 * Pango description; a size in it is kept, otherwise the size follows the picture's. NULL: out
 * of memory. */
GstVideoOverlayComposition *cnn_draw (const CnnRows *rows, const char *font, guint width, guint height);

G_END_DECLS
#endif
