/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnpng.c - reads PNG with libpng: any depth, palette, interlaced; what is transparent goes onto white. */
#include "plugins/cnnpicture.h"
#include <png.h>
#include <string.h>

typedef struct {
  png_structp png;
  png_infop info;
  const guint8 *data;           /* borrowed; what is left of it */
  gsize size;
  GError *error;
  guint8 *rgba;                 /* lines with alpha */
} Png;

static void G_GNUC_NORETURN
on_error (png_structp png, png_const_charp text)
{
  Png *p = png_get_error_ptr (png);
  if (!p->error)
    g_set_error (&p->error, CNN_PICTURE_ERROR, 0, "damaged PNG: %s", text);
  png_longjmp (png, 1);
}

static void
on_warning (png_structp png, png_const_charp text)
{
  (void) png, (void) text;
}

static void
on_read (png_structp png, png_bytep out, size_t n)
{
  Png *p = png_get_io_ptr (png);
  if (n > p->size) {
    g_set_error_literal (&p->error, CNN_PICTURE_ERROR, 0, "truncated PNG: the data end before the picture does");
    png_error (png, "truncated");
  }
  memcpy (out, p->data, n);
  p->data += n;
  p->size -= n;
}

static void
png_close (void *picture)
{
  Png *p = picture;
  png_destroy_read_struct (&p->png, &p->info, NULL);
  g_clear_error (&p->error);
  g_free (p->rgba);
  g_free (p);
}

static guint
orientation (Png *p)
{
#ifdef PNG_eXIf_SUPPORTED
  png_uint_32 n;
  png_bytep exif;
  if (png_get_eXIf_1 (p->png, p->info, &n, &exif))
    return cnn_exif_orientation (exif, n);
#endif
  (void) p;
  return 1;
}

static void *
png_open (const guint8 *data, gsize size, CnnPictureInfo *info, GError **error)
{
  Png *p = g_new0 (Png, 1);

  p->data = data;
  p->size = size;
  p->png = png_create_read_struct (PNG_LIBPNG_VER_STRING, p, on_error, on_warning);
  p->info = p->png ? png_create_info_struct (p->png) : NULL;
  if (!p->info) {
    g_set_error_literal (error, CNN_PICTURE_ERROR, 0, "libpng refused to start");
    png_close (p);
    return NULL;
  }
  if (setjmp (png_jmpbuf (p->png))) {
    g_propagate_error (error, g_steal_pointer (&p->error));
    png_close (p);
    return NULL;
  }
  png_set_user_limits (p->png, 0x7fffffff, 0x7fffffff);         /* ours is a number of pixels */
  png_set_read_fn (p->png, p, on_read);
  png_read_info (p->png, p->info);
  *info = (CnnPictureInfo) { png_get_image_width (p->png, p->info), png_get_image_height (p->png, p->info), orientation (p) };
  if (!cnn_picture_check_size (info->width, info->height, error)) {
    png_close (p);
    return NULL;
  }
  return p;
}

/* Asks libpng for 8 bits of RGB, or RGBA when some of it is transparent. Gives the number of passes. */
static int
want_rgb (Png *p, gboolean *alpha)
{
  int type = png_get_color_type (p->png, p->info), passes;

  *alpha = (type & PNG_COLOR_MASK_ALPHA) || png_get_valid (p->png, p->info, PNG_INFO_tRNS);
  png_set_expand (p->png);
  png_set_scale_16 (p->png);
  if (!(type & PNG_COLOR_MASK_COLOR))
    png_set_gray_to_rgb (p->png);
  passes = png_set_interlace_handling (p->png);
  png_read_update_info (p->png, p->info);
  return passes;
}

static void
onto_white (const guint8 *rgba, guint8 *rgb, guint width)
{
  for (guint x = 0; x < width; x++) {
    guint a = rgba[4 * x + 3];
    for (guint i = 0; i < 3; i++)
      rgb[3 * x + i] = (guint8) ((rgba[4 * x + i] * a + 255 * (255 - a) + 127) / 255);
  }
}

/* Lines with alpha go through p->rgba: one after the other, or all of them when there are passes. */
static void
read_rows (Png *p, guint8 *rgb, gsize stride)
{
  guint width = png_get_image_width (p->png, p->info), height = png_get_image_height (p->png, p->info);
  gboolean alpha;
  int passes = want_rgb (p, &alpha);

  if (alpha && !(p->rgba = g_try_malloc_n (passes > 1 ? height : 1, (gsize) width * 4)))
    png_error (p->png, "no memory");
  for (int pass = 1; pass <= passes; pass++)
    for (guint y = 0; y < height; y++) {
      guint8 *to = rgb + y * stride, *line = to;
      if (alpha)
        line = p->rgba + (passes > 1 ? (gsize) y * width * 4 : 0);
      png_read_row (p->png, line, NULL);
      if (alpha && pass == passes)
        onto_white (line, to, width);
    }
  png_read_end (p->png, NULL);
}

static gboolean
png_decode (void *picture, guint shrink, gboolean quick, guint8 *rgb, gsize stride, GError **error)
{
  Png *p = picture;
  (void) shrink, (void) quick;

  if (setjmp (png_jmpbuf (p->png))) {
    g_propagate_error (error, g_steal_pointer (&p->error));
    return FALSE;
  }
  read_rows (p, rgb, stride);
  return TRUE;
}

const CnnReader cnn_png_reader = { "PNG", "\x89PNG\r\n\x1a\n", 8, 1, png_open, png_decode, png_close };
