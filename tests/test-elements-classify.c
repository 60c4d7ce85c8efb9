/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-elements-classify.c - cnnclassify: results, order, interval, settings; on a network that tells red, green and blue. */
#include "core/convoy.h"
#include "tests/element-colors.h"
#include "tests/element-model.h"
#include "tests/element-tools.h"
#include "tests/tap.h"
#include <string.h>

static char *folder, *model;    /* made once */

/* --- results ---------------------------------------------------------- */

static void
test_formats (void)
{
  static const char *const formats[] = { "RGB", "BGR", "BGRx", "RGBA", "I420", "NV12", "YUY2", "Y444", "I420_10LE", "UYVY" };
  static const char *const sizes[] = { "width=640,height=480", "width=34,height=17", "width=2,height=2", "width=8,height=8" };
  Run run;

  for (guint f = 0; f < G_N_ELEMENTS (formats); f++)
    for (guint c = 0; c < G_N_ELEMENTS (colors); c++) {
      run_pipeline (&run, "videotestsrc num-buffers=2 pattern=%s ! video/x-raw,format=%s,%s ! cnnclassify model=%s ! fakesink name=sink",
          colors[c], formats[f], sizes[(f + c) % G_N_ELEMENTS (sizes)], model);
      CU_ASSERT (run.eos && run.n_frames == 2 && run.n_warnings == 0 && count_said (&run, "cnn-classification") == 2);
      for (guint i = 0; i < run.labels->len; i++)
        CU_ASSERT (!strcmp (g_ptr_array_index (run.labels, i), colors[c]));
      run_clear (&run);
    }
}

static void
check_fields (const GstStructure *s, const char *label)
{
  const GValue *labels = gst_structure_get_value (s, "labels"), *scores = gst_structure_get_value (s, "scores"),
      *indices = gst_structure_get_value (s, "indices");
  double sum = 0;

  CU_ASSERT (!g_strcmp0 (gst_structure_get_string (s, "label"), label));
  CU_ASSERT_FATAL (labels && scores && indices);
  CU_ASSERT_FATAL (gst_value_array_get_size (labels) == 3 && gst_value_array_get_size (scores) == 3 && gst_value_array_get_size (indices) == 3);
  for (guint i = 0; i < 3; i++) {
    double score = g_value_get_double (gst_value_array_get_value (scores, i));
    int index = g_value_get_int (gst_value_array_get_value (indices, i));
    CU_ASSERT (i == 0 || score <= g_value_get_double (gst_value_array_get_value (scores, i - 1)));
    CU_ASSERT_FATAL (index >= 0 && index < 3);
    CU_ASSERT (!strcmp (g_value_get_string (gst_value_array_get_value (labels, i)), colors[index]));
    sum += score;
  }
  CU_ASSERT (ABS (sum - 1) < 1e-4);
}

static void
test_result (void)
{
  GstHarness *h = classifier (model, "RGB", 20, 10, "");
  GstBuffer *in = make_frame (7, 2, 20, 10);
  GstMemory *memory = gst_buffer_peek_memory (in, 0);
  guint64 pts;

  GstBus *bus = harness_bus (h);
  GstBuffer *out = gst_harness_push_and_pull (h, gst_buffer_ref (in));
  CU_ASSERT (gst_buffer_peek_memory (out, 0) == memory);        /* not a byte was copied */
  CU_ASSERT_FATAL (result_of (out) != NULL);
  check_fields (result_of (out), "blue");
  GstMessage *m = gst_bus_pop_filtered (bus, GST_MESSAGE_ELEMENT);
  CU_ASSERT_FATAL (m != NULL);
  const GstStructure *s = gst_message_get_structure (m);
  CU_ASSERT (gst_structure_has_name (s, "cnn-classification"));
  check_fields (s, "blue");
  CU_ASSERT (gst_structure_get_uint64 (s, "pts", &pts) && pts == 700 * GST_MSECOND);
  gst_message_unref (m);
  gst_buffer_unref (out);
  gst_buffer_unref (in);
  harness_end (h, bus);
  h = classifier (model, "RGB", 1, 1, "");
  out = gst_harness_push_and_pull (h, make_frame (0, 1, 1, 1));
  CU_ASSERT (has_label (out, "green"));
  gst_buffer_unref (out);
  gst_harness_teardown (h);
}

static void
test_threshold_and_k (void)
{
  GstHarness *h = classifier (model, "RGB", 20, 10, "threshold=1.0");
  GstBuffer *out = gst_harness_push_and_pull (h, make_frame (0, 0, 20, 10));
  CU_ASSERT (has_label (out, ""));
  CU_ASSERT (gst_value_array_get_size (gst_structure_get_value (result_of (out), "scores")) == 0);
  gst_buffer_unref (out);
  gst_harness_teardown (h);
  h = classifier (model, "RGB", 20, 10, "top-k=1 color=bgr");
  out = gst_harness_push_and_pull (h, make_frame (0, 0, 20, 10));
  CU_ASSERT (has_label (out, "blue"));
  CU_ASSERT (gst_value_array_get_size (gst_structure_get_value (result_of (out), "labels")) == 1);
  gst_buffer_unref (out);
  gst_harness_teardown (h);
}

static void
test_survives (void)
{
  Run run;
  run_pipeline (&run, "videotestsrc num-buffers=3 pattern=green ! video/x-raw,format=I420,width=64,height=64 ! cnnclassify model=%s ! queue"
      " ! videoconvert ! video/x-raw,format=RGB ! videoscale ! video/x-raw,width=320,height=200 ! videoflip method=clockwise ! identity"
      " ! cnnoverlay ! videoconvert ! fakesink name=sink", model);
  CU_ASSERT (run.eos && run.n_frames == 3);
  for (guint i = 0; i < run.labels->len; i++)
    CU_ASSERT (!strcmp (g_ptr_array_index (run.labels, i), "green"));
  run_clear (&run);
}

static void
test_source (void)
{
  Run run;
  g_autofree char *path = g_build_filename (folder, "picture.jpg", NULL);
  write_file (folder, "picture.jpg", make_jpeg (JPEG_COLOR, 64, 64, 0));
  run_pipeline (&run, "filesrc location=%s ! cnnimagedec ! cnnclassify model=%s ! fakesink name=sink", path, model);
  CU_ASSERT_FATAL (run.eos && run.said->len == 1);
  CU_ASSERT (!g_strcmp0 (gst_structure_get_string (g_ptr_array_index (run.said, 0), "source"), path));
  run_clear (&run);
}

/* A real network on a real photo, where they are there: in $CONVOY_SHARED, or in shared/ beside the source tree. */
static void
test_photo (void)
{
  g_autofree char *network = g_strdup (tap_shared ("models/mobilenet-v2-1.0-224.onnx")), *labels = g_strdup (tap_shared ("models/synset.txt"));
  g_autofree char *photo = g_strdup (tap_shared ("data/photos/cat.jpg"));
  Run run;

  if (!network || !labels || !photo)
    return;
  run_pipeline (&run, "filesrc location=%s ! cnnimagedec ! cnnclassify model=%s labels=%s mean=123.675,116.28,103.53"
      " std=58.395,57.12,57.375 resize=crop resize-short=256 ! cnnoverlay ! fakesink name=sink", photo, network, labels);
  CU_ASSERT (run.eos && run.n_frames == 1 && run.n_warnings == 0);
  CU_ASSERT (run.labels->len == 1 && strstr (g_ptr_array_index (run.labels, 0), "cat"));
  run_clear (&run);
}

/* A decoder that may shrink asks how much the network needs, 8x8 here; one that was not told to does not. */
static void
test_size_asked (void)
{
  static const struct { const char *decoder, *network; int width, height; } cases[] = {
    { "cnnimagedec !", "", 640, 480 },
    { "cnnimagedec resize=cover !", "", 80, 60 },
    { "cnnimagedec resize=cover ! identity !", "resize=crop", 80, 60 },
    { "cnnimagedec resize=cover !", "resize=crop resize-short=61", 160, 120 },
    { "cnnimagedec resize=cover !", "resize=pad resize-short=61", 80, 60 },
    { "cnnimagedec resize=cover width=320 !", "", 320, 240 },
    { "cnnimagedec resize=cover ! identity", NULL, 640, 480 },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *network = cases[i].network ? g_strdup_printf (" cnnclassify model=%s %s", model, cases[i].network) : g_strdup ("");
    g_autofree char *elements = g_strconcat (cases[i].decoder, network, NULL);
    GstHarness *h = gst_harness_new_parse (elements);
    GstVideoFrame f;
    gst_harness_set_src_caps_str (h, "image/jpeg");
    CU_ASSERT (gst_harness_push (h, make_jpeg (JPEG_COLOR, 640, 480, 0)) == GST_FLOW_OK);
    GstBuffer *out = gst_harness_try_pull (h);
    CU_ASSERT_FATAL (out != NULL);
    map_pulled (h, out, &f);
    CU_ASSERT (GST_VIDEO_FRAME_WIDTH (&f) == cases[i].width && GST_VIDEO_FRAME_HEIGHT (&f) == cases[i].height);
    gst_video_frame_unmap (&f);
    gst_buffer_unref (out);
    gst_harness_teardown (h);
  }
}

/* --- order ------------------------------------------------------------ */

static void
check_order (const char *properties, guint n)
{
  GstHarness *h = classifier (model, "RGB", 64, 48, properties);

  for (guint i = 0; i < n; i++)
    CU_ASSERT (gst_harness_push (h, make_frame (i, i * i % 3, 64, 48)) == GST_FLOW_OK);
  gst_harness_push_event (h, gst_event_new_eos ());
  CU_ASSERT (gst_harness_buffers_received (h) == n);
  for (guint i = 0; i < n; i++) {
    GstBuffer *out = gst_harness_try_pull (h);
    CU_ASSERT_FATAL (out != NULL);
    CU_ASSERT (GST_BUFFER_PTS (out) == i * 100 * GST_MSECOND);
    CU_ASSERT (has_label (out, colors[i * i % 3]));
    gst_buffer_unref (out);
  }
  gst_harness_teardown (h);
}

static void
test_order (void)
{
  static const char *const cases[] = {
    "", "workers=3", "workers=0", "workers=2 batch-size=4", "batch-size=3", "workers=3 batch-size=5", "threads=2"
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    check_order (cases[i], 40);
    check_order (cases[i], 1);
  }
}

static void
test_interval (void)
{
  static const char *const cases[] = { "", "workers=2", "batch-size=2" };
  Run run;

  for (guint c = 0; c < G_N_ELEMENTS (cases); c++) {
    run_pipeline (&run, "videotestsrc num-buffers=10 pattern=red ! video/x-raw,width=32,height=32 ! cnnclassify model=%s interval=3 %s ! fakesink name=sink",
        model, cases[c]);
    CU_ASSERT (run.eos && run.n_frames == 10 && count_said (&run, "cnn-classification") == 4);
    for (guint i = 0; i < run.n_frames; i++) {
      CU_ASSERT (!strcmp (g_ptr_array_index (run.labels, i), "red"));
      CU_ASSERT (i == 0 || g_array_index (run.pts, GstClockTime, i) > g_array_index (run.pts, GstClockTime, i - 1));
    }
    run_clear (&run);
  }
}

/* The frame between carries the result of the one before, not its own. */
static void
test_carried (void)
{
  GstHarness *h = classifier (model, "RGB", 16, 16, "interval=2");
  for (guint i = 0; i < 5; i++) {
    GstBuffer *out = gst_harness_push_and_pull (h, make_frame (i, i % 3, 16, 16));
    CU_ASSERT (has_label (out, colors[(i - i % 2) % 3]));
    gst_buffer_unref (out);
  }
  gst_harness_teardown (h);
}

/* --- settings --------------------------------------------------------- */

static void
test_settings (void)
{
  static const struct { const char *properties, *said; } cases[] = {
    { "", "no model" },
    { "model=/nowhere/there-is-no.onnx", "there-is-no.onnx" },
    { "model=%s precision=int8", "precision=int8, but the model is of float32" },
    { "model=%s mean=1,2", "mean=\"1,2\"" },
    { "model=%s std=0", "std=\"0\"" },
    { "model=%s mean=x", "mean=\"x\"" },
    { "model=%s resize=crop resize-short=4", "resize-short=4" },
    { "model=%s labels=/nowhere/labels.txt", "labels.txt" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    GString *properties = g_string_new (cases[i].properties);
    Run run;
    g_string_replace (properties, "%s", model, 0);
    run_pipeline (&run, "videotestsrc num-buffers=1 ! cnnclassify %s ! fakesink name=sink", properties->str);
    CU_ASSERT (run.n_errors == 1 && run.n_frames == 0);
    CU_ASSERT (run.error && strstr (run.error, cases[i].said) && !strchr (run.error, '\n'));
    run_clear (&run);
    g_string_free (properties, TRUE);
  }
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    { "every format and size is classified", test_formats },
    { "the result is on the frame and on the bus", test_result },
    { "threshold, top-k, colour order", test_threshold_and_k },
    { "the result survives other elements", test_survives },
    { "the message says the file", test_source },
    { "MobileNet v2 sees a cat", test_photo },
    { "a decoder asks for the size", test_size_asked },
    { "frames leave in their order with their own results", test_order },
    { "interval: every Nth", test_interval },
    { "interval: the frames between carry the last result", test_carried },
    { "wrong settings are one error of one line", test_settings },
    { NULL, NULL }
  };
  gst_init (&argc, &argv);
  folder = scratch_folder ();
  model = make_model (folder);
  int ret = tap_main ("cnnclassify", tests);
  g_free (model);
  scratch_remove (folder);
  return ret;
}
