/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-elements-shrink.c - cnnimagedec at an eighth of the size: every pixel is the mean of its block, or the file is refused. */
#include "tests/element-tools.h"
#include "tests/tap.h"
#include <stdio.h>
#include <stdlib.h>
#include <jpeglib.h>

typedef struct {
  int n;                        /* components */
  int h, v;                     /* sampling of luma; that of the others is 1 */
  guint restart;                /* units between markers */
  int quality;
  gboolean optimize;            /* tables made for this picture: long codes */
  guint width, height;
} Kind;

static const Kind kinds[] = {
  { 3, 1, 1, 0, 90, FALSE, 80, 64 },
  { 3, 2, 1, 0, 75, FALSE, 81, 65 },
  { 3, 2, 2, 0, 75, TRUE, 95, 79 },
  { 3, 1, 2, 0, 50, FALSE, 129, 33 },
  { 3, 2, 2, 3, 90, FALSE, 200, 150 },
  { 3, 4, 1, 1, 95, FALSE, 100, 40 },
  { 1, 1, 1, 0, 90, TRUE, 333, 77 },
  { 1, 2, 2, 5, 85, FALSE, 70, 70 },
  { 3, 2, 2, 0, 100, TRUE, 640, 480 },  /* blocks with all 64 coefficients */
  { 3, 1, 1, 7, 100, FALSE, 160, 120 },
  { 3, 2, 2, 0, 5, FALSE, 160, 120 },   /* blocks with one */
};

/* Noise on a slope: nothing is zero, neighbours differ. */
static GstBuffer *
make_noise (const Kind *k)
{
  struct jpeg_compress_struct c;
  struct jpeg_error_mgr errors;
  unsigned char *out = NULL;
  unsigned long n = 0;
  g_autofree guint8 *row = g_malloc (k->width * 3);
  GRand *rand = g_rand_new_with_seed (17);

  c.err = jpeg_std_error (&errors);
  jpeg_create_compress (&c);
  jpeg_mem_dest (&c, &out, &n);
  c.image_width = k->width;
  c.image_height = k->height;
  c.input_components = k->n;
  c.in_color_space = k->n == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults (&c);
  jpeg_set_quality (&c, k->quality, TRUE);
  c.comp_info[0].h_samp_factor = k->h;
  c.comp_info[0].v_samp_factor = k->v;
  c.restart_interval = k->restart;
  c.optimize_coding = k->optimize;
  jpeg_start_compress (&c, TRUE);
  for (guint y = 0; y < k->height; y++) {
    for (guint x = 0; x < k->width * (guint) k->n; x++)
      row[x] = (guint8) (40 + 120 * y / k->height + 40 * x / (k->width * (guint) k->n) + (guint) g_rand_int_range (rand, 0, 50));
    jpeg_write_scanlines (&c, (JSAMPROW[]) { row }, 1);
  }
  jpeg_finish_compress (&c);
  jpeg_destroy_compress (&c);
  GstBuffer *b = gst_buffer_new_memdup (out, n);
  free (out);
  g_rand_free (rand);
  return b;
}

/* NULL: it was skipped. */
static GstBuffer *
decode (GstBuffer *picture, gboolean small, GstVideoFrame *f)
{
  GstHarness *h = gst_harness_new_parse (small ? "cnnimagedec width=1 height=1 resize=cover" : "cnnimagedec");
  gst_harness_set_src_caps_str (h, "image/jpeg");
  CU_ASSERT (gst_harness_push (h, gst_buffer_ref (picture)) == GST_FLOW_OK);
  GstBuffer *out = gst_harness_try_pull (h);
  if (out)
    map_pulled (h, out, f);
  gst_harness_teardown (h);
  return out;
}

static guint8
luma (const GstVideoFrame *f, guint x, guint y)
{
  const guint8 *p = (const guint8 *) GST_VIDEO_FRAME_PLANE_DATA (f, 0) + y * (guint) GST_VIDEO_FRAME_PLANE_STRIDE (f, 0) + 3 * x;
  return (guint8) ((299 * p[0] + 587 * p[1] + 114 * p[2] + 500) / 1000);
}

/* Brightness alone, for colours are coarser: sums of whole blocks against single pixels. */
static void
test_means (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    GstBuffer *picture = make_noise (&kinds[i]);
    GstVideoFrame whole, small;
    GstBuffer *a = decode (picture, FALSE, &whole), *b = decode (picture, TRUE, &small);
    CU_ASSERT_FATAL (a && b);
    CU_ASSERT ((guint) GST_VIDEO_FRAME_WIDTH (&small) == (kinds[i].width + 7) / 8);
    CU_ASSERT ((guint) GST_VIDEO_FRAME_HEIGHT (&small) == (kinds[i].height + 7) / 8);
    for (guint y = 0; y < kinds[i].height / 8; y++)
      for (guint x = 0; x < kinds[i].width / 8; x++) {
        guint sum = 0;
        for (guint j = 0; j < 64; j++)
          sum += luma (&whole, 8 * x + j % 8, 8 * y + j / 8);
        CU_ASSERT (abs ((int) (sum + 32) / 64 - luma (&small, x, y)) <= 2);
      }
    gst_video_frame_unmap (&whole);
    gst_video_frame_unmap (&small);
    gst_buffer_unref (a);
    gst_buffer_unref (b);
    gst_buffer_unref (picture);
  }
}

/* What is refused at full size is refused at an eighth; and nothing crashes over it. */
static void
test_damage (void)
{
  GRand *rand = g_rand_new_with_seed (4);
  guint refused = 0;

  for (guint i = 0; i < 400; i++) {
    GstBuffer *picture = make_noise (&kinds[i % G_N_ELEMENTS (kinds)]);
    GstVideoFrame whole, small;
    GstMapInfo map;
    if (i % 4 == 0)
      gst_buffer_set_size (picture, g_rand_int_range (rand, 4, (gint32) gst_buffer_get_size (picture)));
    gst_buffer_map (picture, &map, GST_MAP_READWRITE);
    for (guint n = i % 4; n > 0; n--)
      map.data[g_rand_int_range (rand, (gint32) map.size / 8, (gint32) map.size)] = (guint8) g_rand_int (rand);
    gst_buffer_unmap (picture, &map);
    GstBuffer *a = decode (picture, FALSE, &whole), *b = decode (picture, TRUE, &small);
    CU_ASSERT (a || !b);
    refused += !a;
    if (a)
      gst_video_frame_unmap (&whole);
    if (b)
      gst_video_frame_unmap (&small);
    gst_clear_buffer (&a);
    gst_clear_buffer (&b);
    gst_buffer_unref (picture);
  }
  CU_ASSERT (refused > 100);
  g_rand_free (rand);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    { "a pixel of an eighth is the mean of its block", test_means },
    { "damage is refused there too", test_damage },
    { NULL, NULL }
  };
  gst_init (&argc, &argv);
  return tap_main ("cnnimagedec at an eighth", tests);
}
