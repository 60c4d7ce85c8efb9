/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnjpeg.c - reads JPEG with libjpeg(-turbo): any colour space, shrunk while decoding, damage refused. */
#include "plugins/cnnjpegdc.h"
#include "plugins/cnnpicture.h"
#include <setjmp.h>
#include <string.h>
#include <jerror.h>

#define EXIF_MARKER (JPEG_APP0 + 1)
#define MAX_SCANS 200           /* a progressive picture has about 10; each costs a pass over all pixels */

typedef struct {
  struct jpeg_decompress_struct c;
  struct jpeg_error_mgr errors;
  struct jpeg_progress_mgr progress;
  jmp_buf fail;                 /* where libjpeg's errors go; set by whichever function runs */
  GError *error;
  JSAMPROW row;                 /* one line of CMYK; NULL: libjpeg makes RGB itself */
} Jpeg;

/* Warnings after which the pixels are not those that were stored. */
static const int damage[] = {
  JWRN_JPEG_EOF, JWRN_HIT_MARKER, JWRN_HUFF_BAD_CODE, JWRN_ARITH_BAD_CODE, JWRN_MUST_RESYNC, JWRN_BOGUS_PROGRESSION,
};

static void
error_exit (j_common_ptr c)
{
  Jpeg *j = c->client_data;
  char text[JMSG_LENGTH_MAX];
  if (!j->error) {
    c->err->format_message (c, text);
    g_set_error (&j->error, CNN_PICTURE_ERROR, 0, "damaged JPEG: %s", text);
  }
  longjmp (j->fail, 1);
}

static void
emit_message (j_common_ptr c, int level)
{
  Jpeg *j = c->client_data;
  if (level >= 0)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (damage); i++)
    if (c->err->msg_code == damage[i]) {
      if (damage[i] == JWRN_JPEG_EOF)
        g_set_error_literal (&j->error, CNN_PICTURE_ERROR, 0, "truncated JPEG: the data end before the picture does");
      error_exit (c);
    }
}

static void
progress_monitor (j_common_ptr c)
{
  Jpeg *j = c->client_data;
  if (j->c.input_scan_number <= MAX_SCANS)
    return;
  g_set_error (&j->error, CNN_PICTURE_ERROR, 0, "JPEG with more than %d scans", MAX_SCANS);
  error_exit (c);
}

static guint
orientation (const struct jpeg_decompress_struct *c)
{
  for (jpeg_saved_marker_ptr m = c->marker_list; m; m = m->next)
    if (m->marker == EXIF_MARKER && m->data_length > 6 && !memcmp (m->data, "Exif\0", 6))
      return cnn_exif_orientation (m->data + 6, m->data_length - 6);
  return 1;
}

static void
jpeg_close (void *picture)
{
  Jpeg *j = picture;
  jpeg_destroy_decompress (&j->c);
  g_clear_error (&j->error);
  g_free (j->row);
  g_free (j);
}

static void *
jpeg_open (const guint8 *data, gsize size, CnnPictureInfo *info, GError **error)
{
  Jpeg *j = g_new0 (Jpeg, 1);

  j->c.err = jpeg_std_error (&j->errors);
  j->c.client_data = j;
  j->errors.error_exit = error_exit;
  j->errors.emit_message = emit_message;
  if (setjmp (j->fail)) {
    g_propagate_error (error, g_steal_pointer (&j->error));
    jpeg_close (j);
    return NULL;
  }
  jpeg_create_decompress (&j->c);
  j->progress.progress_monitor = progress_monitor;
  j->c.progress = &j->progress;
  jpeg_mem_src (&j->c, data, size);
  jpeg_save_markers (&j->c, EXIF_MARKER, 0xffff);
  jpeg_read_header (&j->c, TRUE);
  *info = (CnnPictureInfo) { j->c.image_width, j->c.image_height, orientation (&j->c) };
  if (!cnn_picture_check_size (info->width, info->height, error)) {
    jpeg_close (j);
    return NULL;
  }
  return j;
}

/* One line of CMYK to RGB. Adobe's files, which are nearly all there are, store 255 - ink. */
static void
cmyk_to_rgb (const JSAMPLE *cmyk, guint8 *rgb, guint width, gboolean inverted)
{
  guint flip = inverted ? 0 : 255;
  for (guint x = 0; x < width; x++) {
    guint k = cmyk[4 * x + 3] ^ flip;
    for (guint i = 0; i < 3; i++)
      rgb[3 * x + i] = (guint8) (((cmyk[4 * x + i] ^ flip) * k + 127) / 255);
  }
}

static void
read_rows (Jpeg *j, guint8 *rgb, gsize stride)
{
  JSAMPROW rows[16];
  struct jpeg_decompress_struct *c = &j->c;

  while (c->output_scanline < c->output_height) {
    guint8 *line = rgb + (gsize) c->output_scanline * stride;
    guint n = MIN (c->output_height - c->output_scanline, (guint) c->rec_outbuf_height);
    n = MIN (n, G_N_ELEMENTS (rows));
    if (j->row) {
      jpeg_read_scanlines (c, &j->row, 1);
      cmyk_to_rgb (j->row, line, c->output_width, c->saw_Adobe_marker);
      continue;
    }
    for (guint i = 0; i < n; i++)
      rows[i] = line + i * stride;
    jpeg_read_scanlines (c, rows, n);
  }
}

static gboolean
jpeg_decode (void *picture, guint shrink, gboolean quick, guint8 *rgb, gsize stride, GError **error)
{
  Jpeg *j = picture;
  struct jpeg_decompress_struct *c = &j->c;

  if (setjmp (j->fail)) {
    g_propagate_error (error, g_steal_pointer (&j->error));
    return FALSE;
  }
  if (shrink == 8 && cnn_jpeg_dc (c, rgb, stride))
    return TRUE;
  c->scale_num = 8 / shrink;
  c->scale_denom = 8;
  c->do_fancy_upsampling = !quick;
  c->out_color_space = JCS_RGB;
  if (c->jpeg_color_space == JCS_CMYK || c->jpeg_color_space == JCS_YCCK)
    c->out_color_space = JCS_CMYK;
  jpeg_start_decompress (c);
  if (c->out_color_space == JCS_CMYK)
    j->row = g_new (JSAMPLE, (gsize) c->output_width * 4);
  read_rows (j, rgb, stride);
  jpeg_finish_decompress (c);
  return TRUE;
}

const CnnReader cnn_jpeg_reader = { "JPEG", "\xff\xd8\xff", 3, 8, jpeg_open, jpeg_decode, jpeg_close };
