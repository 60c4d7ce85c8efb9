/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-elements-decode.c - cnnimagedec: sizes, every kind of file, orientation, damage, streams of bytes. */
#include "tests/element-tools.h"
#include "tests/tap.h"
#include <string.h>

#define TOLERANCE 12            /* of 255: JPEG at quality 95, chroma at half size, a step of scaling */

static GstHarness *
decoder (const char *properties)
{
  g_autofree char *text = g_strdup_printf ("cnnimagedec name=d %s", properties);
  GstHarness *h = gst_harness_new_parse (text);
  gst_harness_set_src_caps_str (h, "image/jpeg");
  return h;
}

static guint
skipped (GstHarness *h)
{
  guint n;
  GstElement *d = gst_harness_find_element (h, "cnnimagedec");
  g_object_get (d, "skipped", &n, NULL);
  gst_object_unref (d);
  return n;
}

/* Decodes one picture and checks the size and three pixels. */
static void
check (GstBuffer *picture, const char *properties, int width, int height, guint corner, guint ground)
{
  GstHarness *h = decoder (properties);
  GstVideoFrame f;

  CU_ASSERT (gst_harness_push (h, picture) == GST_FLOW_OK);
  GstBuffer *out = gst_harness_try_pull (h);
  CU_ASSERT_FATAL (out != NULL);
  map_pulled (h, out, &f);
  CU_ASSERT (GST_VIDEO_FRAME_WIDTH (&f) == width && GST_VIDEO_FRAME_HEIGHT (&f) == height);
  CU_ASSERT (pixel_error (&f, 1, 1, corner) <= TOLERANCE);
  CU_ASSERT (pixel_error (&f, (guint) width - 2, 1, ground) <= TOLERANCE);
  CU_ASSERT (pixel_error (&f, (guint) width - 2, (guint) height - 2, ground) <= TOLERANCE);
  gst_video_frame_unmap (&f);
  gst_buffer_unref (out);
  gst_harness_teardown (h);
}

static void
test_sizes (void)
{
  static const struct { const char *properties; int width, height; } cases[] = {
    { "", 640, 480 },
    { "width=320", 320, 240 },
    { "height=60", 80, 60 },
    { "width=100 height=50", 100, 50 },
    { "width=100 height=75 interpolation=nearest", 100, 75 },
    { "width=101 height=75 interpolation=bicubic", 101, 75 },
    { "width=101 height=75 interpolation=lanczos", 101, 75 },
    { "width=100 height=100 resize=stretch", 100, 100 },
    { "width=1000 height=700", 1000, 700 },
    { "width=80 height=60 resize=cover", 80, 60 },
    { "width=81 height=60 resize=cover", 160, 120 },
    { "width=200 height=200 resize=cover", 320, 240 },
    { "width=2000 height=60 resize=cover", 640, 480 },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    check (make_jpeg (JPEG_COLOR, 640, 480, 0), cases[i].properties, cases[i].width, cases[i].height, CORNER, GROUND);
  check (make_png (PNG_RGB8, 64, 48), "width=32", 32, 24, CORNER, GROUND);
  check (make_jpeg (JPEG_COLOR, 641, 479, 0), "width=80 height=60 resize=cover", 81, 60, CORNER, GROUND);
}

/* The corner is a third of each side: 213x160 of 640x480. */
static void
test_crop_and_pad (void)
{
  GstHarness *h = decoder ("width=48 height=48 resize=crop");
  GstVideoFrame f;

  gst_harness_push (h, make_jpeg (JPEG_COLOR, 640, 480, 0));
  GstBuffer *out = gst_harness_pull (h);
  map_pulled (h, out, &f);              /* 480x480 from x = 80, a tenth of that */
  CU_ASSERT (pixel_error (&f, 10, 10, CORNER) <= TOLERANCE);
  CU_ASSERT (pixel_error (&f, 15, 10, GROUND) <= TOLERANCE);
  CU_ASSERT (pixel_error (&f, 10, 18, GROUND) <= TOLERANCE);
  gst_video_frame_unmap (&f);
  gst_buffer_unref (out);
  gst_harness_teardown (h);

  h = decoder ("width=64 height=64 resize=pad");
  gst_harness_push (h, make_jpeg (JPEG_COLOR, 640, 480, 0));
  out = gst_harness_pull (h);
  map_pulled (h, out, &f);              /* 64x48 from y = 8 */
  CU_ASSERT (pixel_error (&f, 3, 3, 0) == 0);
  CU_ASSERT (pixel_error (&f, 60, 60, 0) == 0);
  CU_ASSERT (pixel_error (&f, 5, 12, CORNER) <= TOLERANCE);
  CU_ASSERT (pixel_error (&f, 60, 50, GROUND) <= TOLERANCE);
  gst_video_frame_unmap (&f);
  gst_buffer_unref (out);
  gst_harness_teardown (h);
}

static void
test_kinds (void)
{
  const guint corner_grey = 0xffffff, ground_grey = 0x202020;   /* of the green channel */

  for (JpegKind k = 0; k < N_JPEG; k++) {
    gboolean grey = k == JPEG_GREY;
    check (make_jpeg (k, 120, 96, 0), "", 120, 96, grey ? corner_grey : CORNER, grey ? ground_grey : GROUND);
    check (make_jpeg (k, 120, 96, 0), "width=15", 15, 12, grey ? corner_grey : CORNER, grey ? ground_grey : GROUND);
  }
  for (PngKind k = 0; k < N_PNG; k++) {
    gboolean grey = k == PNG_GREY8 || k == PNG_GREY1, clear = k == PNG_RGBA8 || k == PNG_PALETTE || k == PNG_INTERLACED;
    check (make_png (k, 67, 43), "", 67, 43, grey || clear ? 0xffffff : CORNER, k == PNG_GREY1 ? 0 : grey ? ground_grey : GROUND);
  }
}

static void
test_orientation (void)
{
  static const struct { guint right, bottom; } where[] = {    /* the stored top left corner, seen upright */
    { 0, 0 }, { 0, 0 }, { 1, 0 }, { 1, 1 }, { 0, 1 }, { 0, 0 }, { 1, 0 }, { 1, 1 }, { 0, 1 },
  };
  static const char *const properties[] = { "", "width=40 height=40" };
  GstVideoFrame f;

  for (guint o = 1; o <= 8; o++)
    for (guint p = 0; p < G_N_ELEMENTS (properties); p++) {
      GstHarness *h = decoder (properties[p]);
      gst_harness_push (h, make_jpeg (JPEG_COLOR, 120, 80, o));
      GstBuffer *out = gst_harness_pull (h);
      map_pulled (h, out, &f);
      guint w = (guint) GST_VIDEO_FRAME_WIDTH (&f), ht = (guint) GST_VIDEO_FRAME_HEIGHT (&f);
      if (p == 0)
        CU_ASSERT (w == (o >= 5 ? 80 : 120) && ht == (o >= 5 ? 120 : 80));
      for (guint i = 0; i < 4; i++) {
        gboolean here = where[o].right == (i & 1) && where[o].bottom == i >> 1;
        CU_ASSERT (pixel_error (&f, i & 1 ? w - 3 : 2, i >> 1 ? ht - 3 : 2, here ? CORNER : GROUND) <= TOLERANCE);
      }
      gst_video_frame_unmap (&f);
      gst_buffer_unref (out);
      gst_harness_teardown (h);
    }
}

/* --- damage ----------------------------------------------------------- */

static GstBuffer *
truncated (GstBuffer *b)
{
  gst_buffer_set_size (b, (gssize) gst_buffer_get_size (b) / 2);
  return b;
}

#define N_DAMAGED 8

/* 65535x65535 in the header of a JPEG. */
static GstBuffer *
absurd (void)
{
  GstBuffer *b = make_jpeg (JPEG_COLOR, 16, 16, 0);
  GstMapInfo map;
  gst_buffer_map (b, &map, GST_MAP_READWRITE);
  for (gsize i = 0; i + 9 < map.size; i++)
    if (map.data[i] == 0xff && map.data[i + 1] == 0xc0) {
      memset (map.data + i + 5, 0xff, 4);
      break;
    }
  gst_buffer_unmap (b, &map);
  return b;
}

static GstBuffer *
damaged (guint i)
{
  static const char text[] = "This is not a picture, whatever its name says.\n";
  switch (i) {
    case 0: return truncated (make_jpeg (JPEG_COLOR, 320, 240, 0));
    case 1: return truncated (make_jpeg (JPEG_PROGRESSIVE, 320, 240, 0));
    case 2: return truncated (make_png (PNG_RGB8, 320, 240));
    case 3: return truncated (make_png (PNG_INTERLACED, 320, 240));
    case 4: return gst_buffer_new_memdup (text, sizeof text - 1);
    case 5: return gst_buffer_new ();
    case 6: return absurd ();
    default: return gst_buffer_new_memdup ("\xff\xd8\xff", 3);
  }
}

static void
test_skip (void)
{
  GstHarness *h = decoder ("");
  GstMessage *m;
  guint n, warnings = 0, said = 0;

  GstBus *bus = harness_bus (h);
  for (n = 0; n < N_DAMAGED; n++) {
    CU_ASSERT (gst_harness_push (h, damaged (n)) == GST_FLOW_OK);
    CU_ASSERT (skipped (h) == n + 1);
    CU_ASSERT (gst_harness_push (h, make_jpeg (JPEG_COLOR, 16, 16, 0)) == GST_FLOW_OK);
    CU_ASSERT (gst_harness_buffers_received (h) == n + 1);
  }
  while ((m = gst_bus_pop (bus))) {
    warnings += GST_MESSAGE_TYPE (m) == GST_MESSAGE_WARNING;
    if (GST_MESSAGE_TYPE (m) == GST_MESSAGE_ELEMENT) {
      const GstStructure *s = gst_message_get_structure (m);
      CU_ASSERT (gst_structure_has_name (s, "cnn-skipped"));
      CU_ASSERT (gst_structure_get_string (s, "file") && gst_structure_get_string (s, "reason"));
      said++;
    }
    gst_message_unref (m);
  }
  CU_ASSERT (warnings == n && said == n);
  harness_end (h, bus);
}

static void
test_one_pixel (void)
{
  GstHarness *h = decoder ("width=8 height=8 resize=crop");
  gst_harness_push (h, make_jpeg (JPEG_COLOR, 1, 1, 6));
  gst_harness_push (h, make_png (PNG_RGB8, 1, 1));
  gst_harness_push (h, make_jpeg (JPEG_COLOR, 1, 900, 0));
  CU_ASSERT (gst_harness_buffers_received (h) == 3 && skipped (h) == 0);
  gst_harness_teardown (h);
}

static void
test_fail (void)
{
  char *folder = scratch_folder ();
  Run run;

  write_file (folder, "half.jpg", truncated (make_jpeg (JPEG_COLOR, 320, 240, 0)));
  run_pipeline (&run, "filesrc location=%s/half.jpg ! cnnimagedec on-error=fail ! fakesink name=sink", folder);
  CU_ASSERT (run.n_errors == 1 && run.n_warnings == 0 && run.n_frames == 0);
  CU_ASSERT (run.error && strstr (run.error, "half.jpg") && strstr (run.error, "truncated") && !strchr (run.error, '\n'));
  run_clear (&run);
  scratch_remove (folder);
}

/* --- streams ---------------------------------------------------------- */

static void
test_bytes (void)
{
  static const char *const alone[] = { "half.jpg", "text.jpg", "empty.jpg" };
  char *folder = scratch_folder ();
  Run run;

  write_file (folder, "good.jpg", make_jpeg (JPEG_COLOR, 320, 240, 0));
  write_file (folder, "good.png", make_png (PNG_RGB8, 320, 240));
  write_file (folder, "half.jpg", damaged (0));
  write_file (folder, "text.jpg", damaged (4));
  write_file (folder, "empty.jpg", damaged (5));
  for (guint i = 0; i < 2; i++) {
    run_pipeline (&run, "filesrc blocksize=100 location=%s/good.%s ! queue ! cnnimagedec ! fakesink name=sink", folder, i ? "png" : "jpg");
    CU_ASSERT (run.eos && run.n_frames == 1 && run.n_errors == 0 && run.n_warnings == 0);
    run_clear (&run);
  }
  for (guint i = 0; i < G_N_ELEMENTS (alone); i++) {
    run_pipeline (&run, "filesrc blocksize=100 location=%s/%s ! cnnimagedec ! fakesink name=sink", folder, alone[i]);
    CU_ASSERT (run.eos && run.n_frames == 0 && run.n_errors == 0 && run.n_warnings == 1 && count_said (&run, "cnn-skipped") == 1);
    CU_ASSERT (run.warning && strstr (run.warning, alone[i]));
    run_clear (&run);
  }
  scratch_remove (folder);
}

static void
test_row_of_files (void)
{
  char *folder = scratch_folder ();
  Run run;

  for (guint i = 0; i < 7; i++) {
    g_autofree char *name = g_strdup_printf ("%u.jpg", i);
    write_file (folder, name, i % 2 ? damaged (i == 1 ? 0 : i + 1) : make_jpeg (JPEG_COLOR, 40 + i, 30, 0));
  }
  run_pipeline (&run, "multifilesrc location=%s/%%d.jpg stop-index=6 ! cnnimagedec ! fakesink name=sink", folder);
  CU_ASSERT (run.eos && run.n_errors == 0 && run.n_frames == 4);
  CU_ASSERT (run.n_warnings == 3 && count_said (&run, "cnn-skipped") == 3);
  run_clear (&run);
  scratch_remove (folder);
}

static void
test_restart (void)
{
  char *folder = scratch_folder ();
  Run run;

  write_file (folder, "good.jpg", make_jpeg (JPEG_COLOR, 320, 240, 0));
  g_autofree char *text = g_strdup_printf ("filesrc blocksize=100 location=%s/good.jpg ! cnnimagedec width=20 height=20 ! fakesink name=sink", folder);
  GstElement *pipeline = gst_parse_launch (text, NULL);
  for (guint i = 0; i < 3; i++) {
    run_again (&run, pipeline);
    CU_ASSERT (run.eos && run.n_frames == 1 && run.n_warnings == 0);
    run_clear (&run);
  }
  gst_object_unref (pipeline);
  scratch_remove (folder);
}

static void
test_events (void)
{
  GstHarness *h = decoder ("");

  CU_ASSERT (gst_harness_push_event (h, gst_event_new_eos ()));         /* before any data */
  gst_harness_teardown (h);
  h = decoder ("");
  gst_harness_push (h, make_jpeg (JPEG_COLOR, 16, 16, 0));
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  GstSegment segment;
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  gst_harness_push (h, make_jpeg (JPEG_COLOR, 32, 16, 0));
  gst_harness_push (h, make_png (PNG_RGB8, 16, 32));
  CU_ASSERT (gst_harness_buffers_received (h) == 3);
  GstCaps *caps = gst_pad_get_current_caps (h->sinkpad);
  GstVideoInfo info;
  CU_ASSERT_FATAL (caps && gst_video_info_from_caps (&info, caps));
  CU_ASSERT (info.width == 16 && info.height == 32);
  gst_caps_unref (caps);
  gst_harness_teardown (h);
}

/* Every third of n is damaged; the others are 16 pixels wide and one more each. */
static void
push_some (GstHarness *h, guint n)
{
  for (guint i = 0; i < n; i++) {
    GstBuffer *b = i % 3 == 1 ? damaged (0) : make_jpeg (JPEG_COLOR, 16 + i, 200 - 7 * i, 0);
    GST_BUFFER_PTS (b) = i * GST_MSECOND;
    CU_ASSERT (gst_harness_push (h, b) == GST_FLOW_OK);
  }
}

static void
test_workers (void)
{
  GstHarness *h = decoder ("workers=3");

  push_some (h, 10);
  gst_harness_push_event (h, gst_event_new_flush_start ());     /* with files in work */
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  GstSegment segment;
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  gst_harness_teardown (h);

  h = decoder ("workers=3");
  push_some (h, 20);
  gst_harness_push_event (h, gst_event_new_eos ());
  CU_ASSERT (gst_harness_buffers_received (h) == 13 && skipped (h) == 7);
  for (guint i = 0; i < 20; i++) {
    GstBuffer *out = i % 3 == 1 ? NULL : gst_harness_try_pull (h);
    CU_ASSERT_FATAL (i % 3 == 1 || out != NULL);
    CU_ASSERT (!out || (GST_BUFFER_PTS (out) == i * GST_MSECOND && gst_buffer_get_size (out) == GST_ROUND_UP_4 (3 * (16 + i)) * (200 - 7 * i)));
    gst_clear_buffer (&out);
  }
  gst_harness_teardown (h);

}

/* A live stream is told of the files in work, where it says how far apart they are. */
static void
test_latency (void)
{
  static const struct { const char *properties, *caps; guint ms; } cases[] = {
    { "", "image/jpeg,framerate=10/1", 0 }, { "workers=2", "image/jpeg,framerate=10/1", 300 }, { "workers=3", "image/jpeg,framerate=20/1", 250 },
    { "workers=2", "image/jpeg", 0 },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    GstHarness *h = decoder (cases[i].properties);
    gst_harness_set_src_caps_str (h, cases[i].caps);
    gst_harness_set_upstream_latency (h, 20 * GST_MSECOND);
    CU_ASSERT_EQUAL (gst_harness_push (h, make_jpeg (JPEG_COLOR, 16, 16, 0)), GST_FLOW_OK);
    CU_ASSERT_EQUAL (gst_harness_query_latency (h), (20 + cases[i].ms) * GST_MSECOND);
    gst_harness_teardown (h);
  }
}

/* Those that are skipped are named by their numbers among all. */
static void
test_workers_skip (void)
{
  char *folder = scratch_folder ();
  Run run;

  for (guint i = 0; i < 30; i++) {
    g_autofree char *name = g_strdup_printf ("%u.jpg", i);
    write_file (folder, name, i % 3 == 1 ? damaged (0) : make_jpeg (JPEG_COLOR, 16 + i, 600 - 17 * i, 0));
  }
  run_pipeline (&run, "multifilesrc location=%s/%%d.jpg stop-index=29 caps=image/jpeg,framerate=1/1 ! cnnimagedec workers=4 ! fakesink name=sink sync=false", folder);
  CU_ASSERT (run.eos && run.n_errors == 0 && run.n_frames == 20 && run.n_warnings == 10);
  for (guint i = 1; i < run.pts->len; i++)
    CU_ASSERT (g_array_index (run.pts, GstClockTime, i - 1) < g_array_index (run.pts, GstClockTime, i));
  for (guint i = 0, n = 0; i < run.said->len; i++) {
    const GstStructure *s = g_ptr_array_index (run.said, i);
    guint number;
    if (gst_structure_has_name (s, "cnn-skipped"))
      CU_ASSERT (gst_structure_get_uint (s, "number", &number) && number == 3 * n++ + 1);
  }
  run_clear (&run);
  scratch_remove (folder);
}

/* What says which sample a buffer is goes through, and names it where it is skipped. */
static void
test_sample (void)
{
  GstHarness *h = decoder ("");
  GstBuffer *in[] = { make_jpeg (JPEG_COLOR, 16, 16, 0), damaged (0) };

  GstBus *bus = harness_bus (h);
  for (guint i = 0; i < 2; i++) {
    GstCustomMeta *meta = gst_buffer_add_custom_meta (in[i], "GstCnnSampleMeta");
    gst_structure_set (gst_custom_meta_get_structure (meta), "source", G_TYPE_STRING, "cats/17.jpg", NULL);
    gst_harness_push (h, in[i]);
  }
  GstBuffer *out = gst_harness_pull (h);
  GstCustomMeta *meta = gst_buffer_get_custom_meta (out, "GstCnnSampleMeta");
  CU_ASSERT_FATAL (meta != NULL);
  CU_ASSERT (!g_strcmp0 (gst_structure_get_string (gst_custom_meta_get_structure (meta), "source"), "cats/17.jpg"));
  gst_buffer_unref (out);
  GstMessage *m = gst_bus_pop_filtered (bus, GST_MESSAGE_ELEMENT);
  CU_ASSERT_FATAL (m != NULL);
  CU_ASSERT (!g_strcmp0 (gst_structure_get_string (gst_message_get_structure (m), "file"), "cats/17.jpg"));
  gst_message_unref (m);
  harness_end (h, bus);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    { "the size is the one that was asked for", test_sizes },
    { "crop takes the centre, pad adds black", test_crop_and_pad },
    { "every kind of JPEG and PNG has the right colours", test_kinds },
    { "EXIF orientation is applied", test_orientation },
    { "what is damaged is skipped, named and counted", test_skip },
    { "pictures of one pixel", test_one_pixel },
    { "on-error=fail is one error of one line", test_fail },
    { "a stream of bytes is one file", test_bytes },
    { "a row of files with damaged ones in it", test_row_of_files },
    { "NULL to PLAYING again and again", test_restart },
    { "end of stream, flush, change of size", test_events },
    { "several files at a time leave in their order", test_workers },
    { "several files at a time: latency", test_latency },
    { "several files at a time, and damaged ones", test_workers_skip },
    { "the sample's name goes along", test_sample },
    { NULL, NULL }
  };
  gst_init (&argc, &argv);
  return tap_main ("cnnimagedec", tests);
}
