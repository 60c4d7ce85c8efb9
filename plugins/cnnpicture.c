/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnpicture.c - what all picture formats share: telling them apart, size limits, EXIF orientation. */
#include "plugins/cnnpicture.h"
#include <string.h>

G_DEFINE_QUARK (cnn-picture-error, cnn_picture_error)

static const CnnReader *const readers[] = { &cnn_jpeg_reader, &cnn_png_reader };

const CnnReader *
cnn_picture_reader (const guint8 *data, gsize size, GError **error)
{
  char start[17];
  gsize n = 0;

  for (guint i = 0; i < G_N_ELEMENTS (readers); i++)
    if (size >= readers[i]->n_magic && !memcmp (data, readers[i]->magic, readers[i]->n_magic))
      return readers[i];
  if (size == 0) {
    g_set_error_literal (error, CNN_PICTURE_ERROR, 0, "the file is empty");
    return NULL;
  }
  for (; n < size && n < sizeof start - 1; n++)
    start[n] = g_ascii_isprint (data[n]) ? (char) data[n] : '.';
  start[n] = 0;
  g_set_error (error, CNN_PICTURE_ERROR, 0, "neither JPEG nor PNG, begins with \"%s\"", start);
  return NULL;
}

gboolean
cnn_picture_check_size (guint width, guint height, GError **error)
{
  if (width > 0 && height > 0 && MAX (width, height) <= CNN_PICTURE_MAX_SIDE && (guint64) width * height <= CNN_PICTURE_MAX_PIXELS)
    return TRUE;
  g_set_error (error, CNN_PICTURE_ERROR, 0, "%ux%u pixels, the limits are %u a side and %u in all",
      width, height, CNN_PICTURE_MAX_SIDE, CNN_PICTURE_MAX_PIXELS);
  return FALSE;
}

/* --- EXIF (a TIFF directory: CIPA DC-008, section 4.6.2) -------------- */

typedef struct {
  const guint8 *data;
  gsize size;
  gboolean little;
} Tiff;

/* n = 2 or 4 bytes at the offset; 0 past the end. */
static guint
tiff_get (const Tiff *t, gsize at, guint n)
{
  guint v = 0;
  if (at > t->size || t->size - at < n)
    return 0;
  for (guint i = 0; i < n; i++)
    v = v << 8 | t->data[at + (t->little ? n - 1 - i : i)];
  return v;
}

guint
cnn_exif_orientation (const guint8 *data, gsize size)
{
  Tiff t = { data, size, FALSE };
  if (size < 8 || (memcmp (data, "II", 2) && memcmp (data, "MM", 2)))
    return 1;
  t.little = data[0] == 'I';
  if (tiff_get (&t, 2, 2) != 42)
    return 1;
  gsize directory = tiff_get (&t, 4, 4);
  guint n = tiff_get (&t, directory, 2);
  for (guint i = 0; i < n; i++) {
    gsize entry = directory + 2 + (gsize) 12 * i;       /* tag, type, count, value */
    if (tiff_get (&t, entry, 2) == 0x0112) {
      guint v = tiff_get (&t, entry + 8, 2);
      return v >= 1 && v <= 8 ? v : 1;
    }
  }
  return 1;
}

/* --- turning ---------------------------------------------------------- */

/* Where pixel (x, y) of the stored picture goes, from the corner of dst at which (0, 0) lies. */
static const struct { gboolean swap, right, bottom; } turns[9] = {
  [1] = { FALSE, FALSE, FALSE },
  [2] = { FALSE, TRUE, FALSE },         /* mirrored left to right */
  [3] = { FALSE, TRUE, TRUE },          /* half a turn */
  [4] = { FALSE, FALSE, TRUE },         /* mirrored top to bottom */
  [5] = { TRUE, FALSE, FALSE },         /* mirrored along the main diagonal */
  [6] = { TRUE, TRUE, FALSE },          /* to be turned right by a quarter */
  [7] = { TRUE, TRUE, TRUE },           /* mirrored along the other diagonal */
  [8] = { TRUE, FALSE, TRUE },          /* to be turned left by a quarter */
};

#define TILE 32                         /* of 32x32 pixels both sides stay in the first-level cache */

void
cnn_picture_orient (guint orientation, const guint8 *src, gsize src_stride, guint width, guint height, guint8 *dst, gsize dst_stride)
{
  gboolean swap = turns[orientation].swap, right = turns[orientation].right, bottom = turns[orientation].bottom;
  guint dst_width = swap ? height : width, dst_height = swap ? width : height;
  gssize step_x = 3, step_y = (gssize) dst_stride;      /* along dst's own axes */

  if (right) {
    dst += 3 * (gsize) (dst_width - 1);
    step_x = -step_x;
  }
  if (bottom) {
    dst += dst_stride * (dst_height - 1);
    step_y = -step_y;
  }
  gssize per_x = swap ? step_y : step_x, per_y = swap ? step_x : step_y;        /* along src's axes */
  for (guint ty = 0; ty < height; ty += TILE)
    for (guint tx = 0; tx < width; tx += TILE)
      for (guint y = ty; y < MIN (ty + TILE, height); y++)
        for (guint x = tx; x < MIN (tx + TILE, width); x++)
          memcpy (dst + (gssize) x * per_x + (gssize) y * per_y, src + y * src_stride + (gsize) x * 3, 3);
}
