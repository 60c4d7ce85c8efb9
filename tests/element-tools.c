/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * element-tools.c - see element-tools.h. */
#include "tests/element-tools.h"
#include <CUnit/CUnit.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <jpeglib.h>
#include <png.h>

static guint
wanted (guint x, guint y, guint width, guint height)
{
  return x < width / 3 && y < height / 3 ? CORNER : GROUND;
}

static guint8
channel (guint rgb, guint c)
{
  return (guint8) (rgb >> (8 * (2 - c)));
}

/* --- JPEG ------------------------------------------------------------- */

static const struct { J_COLOR_SPACE in, stored; int n; gboolean progressive; } jpeg_kinds[N_JPEG] = {
  [JPEG_COLOR] = { JCS_RGB, JCS_YCbCr, 3, FALSE },
  [JPEG_GREY] = { JCS_GRAYSCALE, JCS_GRAYSCALE, 1, FALSE },
  [JPEG_CMYK] = { JCS_CMYK, JCS_CMYK, 4, FALSE },
  [JPEG_YCCK] = { JCS_CMYK, JCS_YCCK, 4, FALSE },
  [JPEG_PROGRESSIVE] = { JCS_RGB, JCS_YCbCr, 3, TRUE },
};

/* A little-endian TIFF directory with nothing but the orientation. */
static void
write_exif (struct jpeg_compress_struct *c, guint orientation)
{
  guint8 exif[] = { 'E', 'x', 'i', 'f', 0, 0, 'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
  exif[24] = (guint8) orientation;
  jpeg_write_marker (c, JPEG_APP0 + 1, exif, sizeof exif);
}

GstBuffer *
make_jpeg (JpegKind kind, guint width, guint height, guint orientation)
{
  struct jpeg_compress_struct c;
  struct jpeg_error_mgr errors;
  unsigned char *out = NULL;
  unsigned long n = 0;
  g_autofree guint8 *row = g_malloc (width * 4);

  c.err = jpeg_std_error (&errors);
  jpeg_create_compress (&c);
  jpeg_mem_dest (&c, &out, &n);
  c.image_width = width;
  c.image_height = height;
  c.input_components = jpeg_kinds[kind].n;
  c.in_color_space = jpeg_kinds[kind].in;
  jpeg_set_defaults (&c);
  jpeg_set_colorspace (&c, jpeg_kinds[kind].stored);
  jpeg_set_quality (&c, 95, TRUE);
  c.write_Adobe_marker = jpeg_kinds[kind].n == 4;       /* and so CMYK is stored inverted */
  if (jpeg_kinds[kind].progressive)
    jpeg_simple_progression (&c);
  jpeg_start_compress (&c, TRUE);
  if (orientation)
    write_exif (&c, orientation);
  for (guint y = 0; y < height; y++) {
    for (guint x = 0; x < width; x++) {
      guint rgb = wanted (x, y, width, height);
      for (int i = 0; i < jpeg_kinds[kind].n; i++)
        row[x * (guint) jpeg_kinds[kind].n + (guint) i] = i == 3 ? 255 : channel (rgb, jpeg_kinds[kind].n == 1 ? 1 : (guint) i);
    }
    jpeg_write_scanlines (&c, (JSAMPROW[]) { row }, 1);
  }
  jpeg_finish_compress (&c);
  jpeg_destroy_compress (&c);
  GstBuffer *buffer = gst_buffer_new_memdup (out, n);
  free (out);
  return buffer;
}

/* --- PNG -------------------------------------------------------------- */

static const struct { int type, depth, interlace; } png_kinds[N_PNG] = {
  [PNG_RGB8] = { PNG_COLOR_TYPE_RGB, 8, PNG_INTERLACE_NONE },
  [PNG_RGB16] = { PNG_COLOR_TYPE_RGB, 16, PNG_INTERLACE_NONE },
  [PNG_RGBA8] = { PNG_COLOR_TYPE_RGBA, 8, PNG_INTERLACE_NONE },
  [PNG_GREY8] = { PNG_COLOR_TYPE_GRAY, 8, PNG_INTERLACE_NONE },
  [PNG_GREY1] = { PNG_COLOR_TYPE_GRAY, 1, PNG_INTERLACE_NONE },
  [PNG_PALETTE] = { PNG_COLOR_TYPE_PALETTE, 8, PNG_INTERLACE_NONE },
  [PNG_INTERLACED] = { PNG_COLOR_TYPE_RGBA, 8, PNG_INTERLACE_ADAM7 },
};

static void
append (png_structp png, png_bytep data, size_t n)
{
  g_byte_array_append (png_get_io_ptr (png), data, (guint) n);
}

static void
png_row (PngKind kind, guint8 *row, guint y, guint width, guint height)
{
  int type = png_kinds[kind].type;
  for (guint x = 0; x < width; x++) {
    guint rgb = wanted (x, y, width, height);
    gboolean corner = rgb == CORNER;
    if (kind == PNG_GREY1)
      row[x / 8] = (guint8) ((x % 8 ? row[x / 8] : 0) | (corner ? 0x80 >> x % 8 : 0));
    else if (type == PNG_COLOR_TYPE_GRAY || type == PNG_COLOR_TYPE_PALETTE)
      row[x] = type == PNG_COLOR_TYPE_PALETTE ? corner : channel (rgb, 1);
    else if (png_kinds[kind].depth == 16)
      for (guint i = 0; i < 6; i++)
        row[6 * x + i] = channel (rgb, i / 2);
    else
      for (guint i = 0, n = type == PNG_COLOR_TYPE_RGBA ? 4 : 3; i < n; i++)
        row[n * x + i] = i == 3 ? (corner ? 0 : 255) : channel (rgb, i);
  }
}

GstBuffer *
make_png (PngKind kind, guint width, guint height)
{
  GByteArray *bytes = g_byte_array_new ();
  g_autofree guint8 *pixels = g_malloc0 ((gsize) width * height * 6);
  g_autofree png_bytepp rows = g_new (png_bytep, height);
  png_structp png = png_create_write_struct (PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_infop info = png_create_info_struct (png);
  png_color palette[] = { { GROUND >> 16, GROUND >> 8 & 255, GROUND & 255 }, { 0, 255, 0 } };
  png_byte alpha[] = { 255, 0 };

  png_set_write_fn (png, bytes, append, NULL);
  png_set_IHDR (png, info, width, height, png_kinds[kind].depth, png_kinds[kind].type, png_kinds[kind].interlace,
      PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (kind == PNG_PALETTE) {
    png_set_PLTE (png, info, palette, 2);
    png_set_tRNS (png, info, alpha, 2, NULL);
  }
  png_write_info (png, info);
  for (guint y = 0; y < height; y++) {
    rows[y] = pixels + (gsize) y * width * 6;
    png_row (kind, rows[y], y, width, height);
  }
  png_write_image (png, rows);
  png_write_end (png, NULL);
  png_destroy_write_struct (&png, &info);
  GstBuffer *buffer = gst_buffer_new_memdup (bytes->data, bytes->len);
  g_byte_array_unref (bytes);
  return buffer;
}

/* --- frames and files ------------------------------------------------- */

guint
pixel_error (GstVideoFrame *frame, guint x, guint y, guint rgb)
{
  const guint8 *p = (const guint8 *) GST_VIDEO_FRAME_PLANE_DATA (frame, 0) + y * (guint) GST_VIDEO_FRAME_PLANE_STRIDE (frame, 0) + 3 * x;
  int sum = 0;
  for (guint c = 0; c < 3; c++)
    sum += ABS (p[c] - channel (rgb, c));
  return (guint) sum / 3;
}

void
map_pulled (GstHarness *h, GstBuffer *buffer, GstVideoFrame *frame)
{
  GstCaps *caps = gst_pad_get_current_caps (h->sinkpad);
  GstVideoInfo info;
  CU_ASSERT_FATAL (caps && gst_video_info_from_caps (&info, caps));
  CU_ASSERT_FATAL (gst_video_frame_map (frame, &info, buffer, GST_MAP_READ));
  gst_caps_unref (caps);
}

GstBus *
harness_bus (GstHarness *h)
{
  GstBus *bus = gst_bus_new ();
  gst_element_set_bus (h->element, bus);
  return bus;
}

void
harness_end (GstHarness *h, GstBus *bus)
{
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

char *
scratch_folder (void)
{
  GError *error = NULL;
  char *folder = g_dir_make_tmp ("convoy-test-XXXXXX", &error);
  g_assert_no_error (error);
  return folder;
}

void
scratch_remove (char *folder)
{
  const char *name;
  GDir *dir = g_dir_open (folder, 0, NULL);
  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *path = g_build_filename (folder, name, NULL);
    g_remove (path);
  }
  if (dir)
    g_dir_close (dir);
  g_rmdir (folder);
  g_free (folder);
}

void
write_file (const char *folder, const char *name, GstBuffer *content)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  GstMapInfo map;
  CU_ASSERT_FATAL (gst_buffer_map (content, &map, GST_MAP_READ));
  CU_ASSERT (g_file_set_contents (path, (const char *) map.data, (gssize) map.size, NULL));
  gst_buffer_unmap (content, &map);
  gst_buffer_unref (content);
}

/* --- pipelines -------------------------------------------------------- */

static void
on_frame (GstElement *sink, GstBuffer *buffer, GstPad *pad, Run *run)
{
  GstCustomMeta *meta = gst_meta_get_info ("GstCnnClassificationMeta") ? gst_buffer_get_custom_meta (buffer, "GstCnnClassificationMeta") : NULL;
  const char *label = meta ? gst_structure_get_string (gst_custom_meta_get_structure (meta), "label") : "-";
  (void) sink, (void) pad;
  run->n_frames++;
  g_array_append_val (run->pts, GST_BUFFER_PTS (buffer));
  g_ptr_array_add (run->labels, g_strdup (label));
}

static void
note_problem (GstMessage *m, guint *n, char **first)
{
  GError *error = NULL;
  if (GST_MESSAGE_TYPE (m) == GST_MESSAGE_ERROR)
    gst_message_parse_error (m, &error, NULL);
  else
    gst_message_parse_warning (m, &error, NULL);
  if ((*n)++ == 0)
    *first = g_strdup (error->message);
  g_error_free (error);
}

static void
listen (Run *run, GstBus *bus)
{
  GstMessage *m;
  while (!run->eos && run->n_errors == 0 && (m = gst_bus_timed_pop (bus, 20 * GST_SECOND))) {
    if (GST_MESSAGE_TYPE (m) == GST_MESSAGE_ERROR)
      note_problem (m, &run->n_errors, &run->error);
    else if (GST_MESSAGE_TYPE (m) == GST_MESSAGE_WARNING)
      note_problem (m, &run->n_warnings, &run->warning);
    else if (GST_MESSAGE_TYPE (m) == GST_MESSAGE_ELEMENT)
      g_ptr_array_add (run->said, gst_structure_copy (gst_message_get_structure (m)));
    else if (GST_MESSAGE_TYPE (m) == GST_MESSAGE_EOS)
      run->eos = TRUE;
    gst_message_unref (m);
  }
}

void
run_again (Run *run, GstElement *pipeline)
{
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  GstBus *bus = gst_element_get_bus (pipeline);

  *run = (Run) { .said = g_ptr_array_new_with_free_func ((GDestroyNotify) gst_structure_free),
    .pts = g_array_new (FALSE, FALSE, sizeof (GstClockTime)), .labels = g_ptr_array_new_with_free_func (g_free) };
  g_object_set (sink, "signal-handoffs", TRUE, NULL);
  gulong id = g_signal_connect (sink, "handoff", G_CALLBACK (on_frame), run);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  listen (run, bus);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  g_signal_handler_disconnect (sink, id);
  gst_object_unref (bus);
  gst_object_unref (sink);
}

void
run_pipeline (Run *run, const char *format, ...)
{
  va_list args;
  GError *error = NULL;

  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  GstElement *pipeline = gst_parse_launch (text, &error);
  if (error)
    printf ("# %s: %s\n", text, error->message);
  CU_ASSERT_FATAL (pipeline != NULL && error == NULL);
  run_again (run, pipeline);
  gst_object_unref (pipeline);
}

void
run_clear (Run *run)
{
  g_ptr_array_unref (run->said);
  g_ptr_array_unref (run->labels);
  g_array_unref (run->pts);
  g_free (run->error);
  g_free (run->warning);
}

guint
count_said (const Run *run, const char *name)
{
  guint n = 0;
  for (guint i = 0; i < run->said->len; i++)
    n += gst_structure_has_name (g_ptr_array_index (run->said, i), name);
  return n;
}
