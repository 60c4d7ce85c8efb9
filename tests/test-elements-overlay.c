/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-elements-overlay.c - cnnoverlay: draws where there is a result and nowhere else, in every format and size. */
#include "tests/element-model.h"
#include "tests/element-tools.h"
#include "tests/tap.h"
#include <string.h>

static void
add (GValue *labels, GValue *scores, const char *label, double score)
{
  GValue v = G_VALUE_INIT;
  g_value_init (&v, G_TYPE_STRING);
  g_value_set_string (&v, label);
  gst_value_array_append_and_take_value (labels, &v);
  v = (GValue) G_VALUE_INIT;
  g_value_init (&v, G_TYPE_DOUBLE);
  g_value_set_double (&v, score);
  gst_value_array_append_and_take_value (scores, &v);
}

/* A grey frame, with a result of two labels or without one. */
static GstBuffer *
make_frame (gsize size, const char *label, double score)
{
  GstBuffer *b = gst_buffer_new_allocate (NULL, size, NULL);
  GValue labels = G_VALUE_INIT, scores = G_VALUE_INIT;

  gst_buffer_memset (b, 0, 128, size);
  GST_BUFFER_PTS (b) = 0;
  if (!label)
    return b;
  GstStructure *s = gst_custom_meta_get_structure (gst_buffer_add_custom_meta (b, "GstCnnClassificationMeta"));
  gst_value_array_init (&labels, 2);
  gst_value_array_init (&scores, 2);
  add (&labels, &scores, label, score);
  add (&labels, &scores, "another\xff one", 1 - score);
  gst_structure_set (s, "label", G_TYPE_STRING, label, NULL);
  gst_structure_take_value (s, "labels", &labels);
  gst_structure_take_value (s, "scores", &scores);
  return b;
}

static GstHarness *
overlay (const char *format, int width, int height, const char *properties, gsize *size)
{
  g_autofree char *text = g_strdup_printf ("cnnoverlay %s", properties);
  g_autofree char *caps = g_strdup_printf ("video/x-raw,format=%s,width=%d,height=%d,framerate=10/1", format, width, height);
  GstHarness *h = gst_harness_new_parse (text);
  GstCaps *c = gst_caps_from_string (caps);
  GstVideoInfo info;

  gst_video_info_from_caps (&info, c);
  *size = GST_VIDEO_INFO_SIZE (&info);
  gst_harness_set_src_caps (h, c);
  return h;
}

static gsize
n_changed (GstBuffer *b)
{
  GstMapInfo map;
  gsize n = 0;
  gst_buffer_map (b, &map, GST_MAP_READ);
  for (gsize i = 0; i < map.size; i++)
    n += map.data[i] != 128;
  gst_buffer_unmap (b, &map);
  gst_buffer_unref (b);
  return n;
}

static void
test_draws (void)
{
  static const char *const formats[] = { "RGB", "BGR", "BGRx", "xRGB", "RGBA", "I420", "YV12", "NV12", "NV21", "YUY2", "UYVY", "Y42B", "Y444", "AYUV", "GRAY8" };
  static const struct { int width, height; } sizes[] = { { 160, 120 }, { 1, 1 }, { 16, 16 }, { 641, 359 }, { 200, 900 }, { 900, 40 }, { 1920, 1080 } };
  gsize size;

  for (guint f = 0; f < G_N_ELEMENTS (formats); f++)
    for (guint s = 0; s < G_N_ELEMENTS (sizes); s++) {
      GstHarness *h = overlay (formats[f], sizes[s].width, sizes[s].height, "", &size);
      CU_ASSERT (n_changed (gst_harness_push_and_pull (h, make_frame (size, NULL, 0))) == 0);
      gsize n = n_changed (gst_harness_push_and_pull (h, make_frame (size, "a cat", 0.7)));
      CU_ASSERT (sizes[s].width < 100 || (n > size / 100 && n < size * 4 / 5));
      CU_ASSERT (n_changed (gst_harness_push_and_pull (h, make_frame (size, "a cat", 0.7))) == n);
      CU_ASSERT (n_changed (gst_harness_push_and_pull (h, make_frame (size, NULL, 0))) == 0);
      gst_harness_teardown (h);
    }
}

/* Bytes at which two frames differ. */
static gsize
difference (GstBuffer *a, GstBuffer *b)
{
  GstMapInfo ma, mb;
  gsize n = 0;
  gst_buffer_map (a, &ma, GST_MAP_READ);
  gst_buffer_map (b, &mb, GST_MAP_READ);
  CU_ASSERT_FATAL (ma.size == mb.size);
  for (gsize i = 0; i < ma.size; i++)
    n += ma.data[i] != mb.data[i];
  gst_buffer_unmap (a, &ma);
  gst_buffer_unmap (b, &mb);
  gst_buffer_unref (b);
  return n;
}

static void
test_follows (void)
{
  gsize size;
  GstHarness *h = overlay ("RGB", 320, 240, "top-k=2", &size);
  GstBuffer *first = gst_harness_push_and_pull (h, make_frame (size, "a cat", 0.7));

  CU_ASSERT (difference (first, gst_harness_push_and_pull (h, make_frame (size, "a cat", 0.7))) == 0);
  CU_ASSERT (difference (first, gst_harness_push_and_pull (h, make_frame (size, "a cow", 0.7))) > 0);
  CU_ASSERT (difference (first, gst_harness_push_and_pull (h, make_frame (size, "a cat", 0.9))) > 0);
  gst_harness_set (h, "cnnoverlay", "font", "Serif 30", NULL);
  CU_ASSERT (difference (first, gst_harness_push_and_pull (h, make_frame (size, "a cat", 0.7))) > 0);
  gst_harness_set (h, "cnnoverlay", "font", NULL, NULL);
  CU_ASSERT (difference (first, gst_harness_push_and_pull (h, make_frame (size, "a cat", 0.7))) == 0);
  gst_harness_set (h, "cnnoverlay", "top-k", 1, NULL);
  CU_ASSERT (difference (first, gst_harness_push_and_pull (h, make_frame (size, "a cat", 0.7))) > 0);
  gst_buffer_unref (first);
  gst_harness_teardown (h);
}

/* However long the label, nothing is drawn outside the panel: the right margin and the upper part stay. */
static void
test_long_label (void)
{
  g_autofree char *label = g_strnfill (3000, 'W');
  gsize size;
  GstHarness *h = overlay ("GRAY8", 160, 120, "", &size);
  GstBuffer *b = gst_harness_push_and_pull (h, make_frame (size, label, 1.5));
  GstMapInfo map;

  gst_buffer_map (b, &map, GST_MAP_READ);
  for (guint y = 0; y < 120; y++)
    for (guint x = 0; x < 160; x++)
      if (y < 40 || x > 157)
        CU_ASSERT (map.data[y * 160 + x] == 128);
  gst_buffer_unmap (b, &map);
  gst_buffer_unref (b);
  gst_harness_teardown (h);
}

static void
test_events (void)
{
  gsize size;
  GstHarness *h = overlay ("I420", 64, 64, "", &size);
  Run run;

  CU_ASSERT (gst_harness_push_event (h, gst_event_new_eos ()));
  gst_harness_teardown (h);
  h = overlay ("I420", 160, 120, "", &size);
  gst_buffer_unref (gst_harness_push_and_pull (h, make_frame (size, "a", 0.5)));
  gst_harness_set_src_caps_str (h, "video/x-raw,format=GRAY8,width=320,height=240,framerate=10/1");
  CU_ASSERT (n_changed (gst_harness_push_and_pull (h, make_frame (320 * 240, "a", 0.5))) > 0);
  gst_harness_teardown (h);

  GstElement *pipeline = gst_parse_launch ("videotestsrc num-buffers=3 ! cnnoverlay ! fakesink name=sink", NULL);
  for (guint i = 0; i < 2; i++) {
    run_again (&run, pipeline);
    CU_ASSERT (run.eos && run.n_frames == 3);
    run_clear (&run);
  }
  gst_object_unref (pipeline);
}

/* Frames without a result get the last one of an element in another branch, here that of the frame itself. */
static void
test_result_of (void)
{
  char *folder = scratch_folder (), *model = make_model (folder);
  g_autofree char *text = g_strdup_printf ("tee name=t  t. ! cnnclassify name=other model=%s ! fakesink sync=false async=false  t. ! cnnoverlay result-of=other", model);
  GstHarness *h = gst_harness_new_parse (text);
  Run run;

  gst_harness_set_src_caps_str (h, "video/x-raw,format=RGB,width=160,height=120,framerate=10/1");
  for (guint i = 0; i < 2; i++)
    CU_ASSERT (n_changed (gst_harness_push_and_pull (h, make_frame (160 * 120 * 3, NULL, 0))) > 500);
  gst_harness_teardown (h);
  run_pipeline (&run, "videotestsrc num-buffers=1 ! cnnoverlay result-of=nobody ! fakesink name=sink");
  CU_ASSERT (run.n_errors == 1 && run.error && strstr (run.error, "result-of=nobody"));
  run_clear (&run);
  g_free (model);
  scratch_remove (folder);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    { "draws a result onto every format and size", test_draws },
    { "follows the result and the properties", test_follows },
    { "a long label stays in the panel", test_long_label },
    { "shows what another element found", test_result_of },
    { "end of stream, change of caps, restart", test_events },
    { NULL, NULL }
  };
  gst_init (&argc, &argv);
  gst_object_unref (gst_element_factory_make ("cnnoverlay", NULL));      /* loads the plugin, which registers the metadata */
  return tap_main ("cnnoverlay", tests);
}
