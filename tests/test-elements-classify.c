/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-elements-classify.c - cnnclassify: results, order, interval, lateness, settings, events; on a network that tells red, green and blue. */
#include "core/convoy.h"
#include "tests/element-model.h"
#include "tests/element-tools.h"
#include "tests/tap.h"
#include <stdio.h>
#include <string.h>

static const char *const colors[] = { "red", "green", "blue" };

static char *folder, *model;    /* made once */

static GstHarness *
classifier (const char *format, int width, int height, const char *properties)
{
  g_autofree char *text = g_strdup_printf ("cnnclassify model=%s %s", model, properties);
  g_autofree char *caps = g_strdup_printf ("video/x-raw,format=%s,width=%d,height=%d,framerate=10/1", format, width, height);
  GstHarness *h = gst_harness_new_parse (text);
  gst_harness_set_src_caps_str (h, caps);
  return h;
}

/* Frame number i, all of colour number color. */
static GstBuffer *
make_frame (guint i, guint color, guint width, guint height)
{
  guint stride = (width * 3 + 3) & ~3u;
  GstBuffer *b = gst_buffer_new_allocate (NULL, stride * height, NULL);
  GstMapInfo map;
  gst_buffer_map (b, &map, GST_MAP_WRITE);
  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width * 3; x++)
      map.data[y * stride + x] = x % 3 == color ? 220 : 30;
  gst_buffer_unmap (b, &map);
  GST_BUFFER_PTS (b) = i * 100 * GST_MSECOND;
  GST_BUFFER_DURATION (b) = 100 * GST_MSECOND;
  return b;
}

static const GstStructure *
result_of (GstBuffer *b)
{
  GstCustomMeta *meta = gst_buffer_get_custom_meta (b, "GstCnnClassificationMeta");
  return meta ? gst_custom_meta_get_structure (meta) : NULL;
}

static gboolean
has_label (GstBuffer *b, const char *label)
{
  const GstStructure *s = result_of (b);
  return s && !g_strcmp0 (gst_structure_get_string (s, "label"), label);
}

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
  GstHarness *h = classifier ("RGB", 20, 10, "");
  GstBus *bus = gst_bus_new ();
  GstBuffer *in = make_frame (7, 2, 20, 10);
  GstMemory *memory = gst_buffer_peek_memory (in, 0);
  guint64 pts;

  gst_element_set_bus (h->element, bus);
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
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
  h = classifier ("RGB", 1, 1, "");
  out = gst_harness_push_and_pull (h, make_frame (0, 1, 1, 1));
  CU_ASSERT (has_label (out, "green"));
  gst_buffer_unref (out);
  gst_harness_teardown (h);
}

static void
test_threshold_and_k (void)
{
  GstHarness *h = classifier ("RGB", 20, 10, "threshold=1.0");
  GstBuffer *out = gst_harness_push_and_pull (h, make_frame (0, 0, 20, 10));
  CU_ASSERT (has_label (out, ""));
  CU_ASSERT (gst_value_array_get_size (gst_structure_get_value (result_of (out), "scores")) == 0);
  gst_buffer_unref (out);
  gst_harness_teardown (h);
  h = classifier ("RGB", 20, 10, "top-k=1 color=bgr");
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
  GstHarness *h = classifier ("RGB", 64, 48, properties);

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
  GstHarness *h = classifier ("RGB", 16, 16, "interval=2");
  for (guint i = 0; i < 5; i++) {
    GstBuffer *out = gst_harness_push_and_pull (h, make_frame (i, i % 3, 16, 16));
    CU_ASSERT (has_label (out, colors[(i - i % 2) % 3]));
    gst_buffer_unref (out);
  }
  gst_harness_teardown (h);
}

/* --- events and queries ----------------------------------------------- */

static void
test_late (void)
{
  GstHarness *h = classifier ("RGB", 16, 16, "");
  GstBuffer *out;

  gst_buffer_unref (gst_harness_push_and_pull (h, make_frame (0, 0, 16, 16)));
  /* Frame 0 was 150 ms late: nothing before 300 ms is worth the work. */
  gst_harness_push_upstream_event (h, gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 2.0, 150 * GST_MSECOND, 0));
  for (guint i = 1; i < 5; i++) {
    out = gst_harness_push_and_pull (h, make_frame (i, 1, 16, 16));
    CU_ASSERT (has_label (out, i < 3 ? "red" : "green"));
    gst_buffer_unref (out);
  }
  gst_harness_teardown (h);
}

static void
test_latency (void)
{
  GstHarness *h = classifier ("RGB", 16, 16, "workers=2");
  gst_harness_set_upstream_latency (h, 20 * GST_MSECOND);
  gst_harness_push (h, make_frame (0, 0, 16, 16));
  GstClockTime latency = gst_harness_query_latency (h);
  CU_ASSERT (latency >= 320 * GST_MSECOND && latency < 420 * GST_MSECOND);      /* three frames of 100 ms in work */
  gst_harness_teardown (h);
}

/* Nothing follows the frame, and yet it leaves with its result. */
static void
test_max_latency (void)
{
  static const char *const kinds[] = { "batch-size=4 max-latency=20000000", "workers=2 max-latency=20000000", "workers=2 batch-size=30 max-latency=20000000" };
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    GstHarness *h = classifier ("RGB", 16, 16, kinds[i]);
    gst_harness_set_upstream_latency (h, 20 * GST_MSECOND);
    for (guint n = 0; n < 4; n++) {
      CU_ASSERT_EQUAL (gst_harness_push (h, make_frame (n, n % 3, 16, 16)), GST_FLOW_OK);
      GstBuffer *b = gst_harness_pull (h);
      CU_ASSERT_FATAL (b != NULL && result_of (b) != NULL);
      CU_ASSERT_STRING_EQUAL (gst_structure_get_string (result_of (b), "label"), colors[n % 3]);
      gst_buffer_unref (b);
    }
    GstClockTime latency = gst_harness_query_latency (h);
    CU_ASSERT (latency >= 40 * GST_MSECOND && (i < 2 || latency < 5 * GST_SECOND));      /* the bound, not 119 frames of 100 ms */
    gst_harness_teardown (h);
  }
}

static void
test_events (void)
{
  static const char *const cases[] = { "", "workers=3", "batch-size=8" };
  GstSegment segment;

  for (guint c = 0; c < G_N_ELEMENTS (cases); c++) {
    GstHarness *h = classifier ("RGB", 16, 16, cases[c]);
    gst_harness_push_event (h, gst_event_new_eos ());   /* before any data */
    gst_harness_teardown (h);

    h = classifier ("RGB", 16, 16, cases[c]);
    for (guint i = 0; i < 5; i++)
      gst_harness_push (h, make_frame (i, 1, 16, 16));
    gst_harness_push_event (h, gst_event_new_flush_start ());
    gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_harness_push_event (h, gst_event_new_segment (&segment));
    guint before = gst_harness_buffers_received (h);
    for (guint i = 0; i < 5; i++)
      gst_harness_push (h, make_frame (i, 2, 16, 16));
    gst_harness_set_src_caps_str (h, "video/x-raw,format=RGB,width=40,height=30,framerate=10/1");       /* lets all out first */
    CU_ASSERT (gst_harness_buffers_received (h) == before + 5);
    for (guint i = 5; i < 10; i++)
      gst_harness_push (h, make_frame (i, 0, 40, 30));
    gst_harness_push_event (h, gst_event_new_eos ());
    CU_ASSERT (gst_harness_buffers_received (h) == before + 10);
    gst_harness_teardown (h);
  }
}

static void
test_restart (void)
{
  g_autofree char *text = g_strdup_printf ("videotestsrc num-buffers=7 pattern=blue ! video/x-raw,width=64,height=64 ! cnnclassify workers=2 model=%s"
      " ! fakesink name=sink", model);
  GstElement *pipeline = gst_parse_launch (text, NULL);
  Run run;
  for (guint i = 0; i < 3; i++) {
    run_again (&run, pipeline);
    CU_ASSERT (run.eos && run.n_frames == 7 && count_said (&run, "cnn-classification") == 7);
    run_clear (&run);
  }
  gst_object_unref (pipeline);
}

/* Stopped in the middle of the stream, with frames in work. */
static void
test_stop_in_between (void)
{
  for (guint i = 0; i < 5; i++) {
    GstHarness *h = classifier ("RGB", 64, 48, i % 2 ? "workers=3 batch-size=2" : "batch-size=4");
    for (guint n = 0; n < 3 + i; n++)
      gst_harness_push (h, make_frame (n, 0, 64, 48));
    gst_harness_teardown (h);
  }
}

/* --- hand-over -------------------------------------------------------- */

/* As make_model(), for four classes, of which the last two have other names. */
static char *
make_wider (void)
{
  GError *error = NULL;
  g_autoptr (GHashTable) props = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  ConvoyGraph *g = convoy_onnx_load (model, props, &error), *tail, *wide;
  g_assert_no_error (error);
  static const float kernel[] = { 20, 0, 0, 0, 0, 20, 0, 0, 0, 0, 20, 0 };
  float *values = g_memdup2 (kernel, sizeof kernel);
  g_autoptr (ConvoyTensor) k = convoy_tensor_new_wrap (CONVOY_F32, &CONVOY_SHAPE (3, 4), values, g_free, values);
  tail = convoy_graph_new (convoy_graph_opset (g));
  ConvoyValue in[2] = { convoy_graph_input (tail, "features", CONVOY_F32, &CONVOY_SHAPE (-1, 3)), convoy_graph_param (tail, "last/kernel", k) };
  in[0] = convoy_graph_node (tail, "MatMul", "last", in, 2, NULL, 1, NULL, &error);
  convoy_graph_output (tail, convoy_graph_node (tail, "Softmax", "probabilities", in, 1, NULL, 1, NULL, &error));
  g_assert_no_error (error);
  wide = convoy_graph_join (g, tail, NULL, &error);
  g_assert_no_error (error);
  g_hash_table_insert (props, g_strdup ("labels"), g_strdup ("rouge\nvert\nbleu\nautre"));
  char *path = g_build_filename (folder, "wider.onnx", NULL);
  convoy_onnx_save (path, wide, props, &error);
  g_assert_no_error (error);
  convoy_graph_unref (wide);
  convoy_graph_unref (tail);
  convoy_graph_unref (g);
  return path;
}

/* Pushes red frames from number n on until one leaves with the label; every frame that left was in its turn. */
static guint
push_until (GstHarness *h, guint n, guint *left, const char *label)
{
  gboolean seen = FALSE;
  for (guint end = n + 2000; !seen && n < end; n++) {
    GstBuffer *out;
    CU_ASSERT_EQUAL (gst_harness_push (h, make_frame (n, 0, 16, 16)), GST_FLOW_OK);
    while ((out = gst_harness_try_pull (h))) {
      CU_ASSERT (GST_BUFFER_PTS (out) == (*left)++ * 100 * GST_MSECOND);
      CU_ASSERT (result_of (out) != NULL);
      seen |= has_label (out, label);
      gst_buffer_unref (out);
    }
    g_usleep (2000);
  }
  CU_ASSERT (seen);
  return n;
}

static void
test_hand_over (void)
{
  static const char *const kinds[] = { "", "workers=2 batch-size=3" };
  g_autofree char *wider = make_wider ();
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    GstHarness *h = classifier ("RGB", 16, 16, kinds[i]);
    GstElement *e = gst_harness_find_element (h, "cnnclassify");
    guint left = 0, n = push_until (h, 0, &left, "red");
    g_object_set (e, "model", wider, NULL);
    n = push_until (h, n, &left, "rouge");
    g_object_set (e, "model", "/nowhere/there-is-no.onnx", NULL);
    for (guint end = n + 20; n < end;)
      n = push_until (h, n, &left, "rouge");
    g_object_set (e, "model", model, NULL);
    n = push_until (h, n, &left, "red");
    gst_harness_push_event (h, gst_event_new_eos ());
    for (GstBuffer *out; (out = gst_harness_try_pull (h)); left++)
      gst_buffer_unref (out);
    CU_ASSERT_EQUAL (left, n);
    gst_object_unref (e);
    gst_harness_teardown (h);
  }
}

/* --- settings --------------------------------------------------------- */

static void
test_settings (void)
{
  static const struct { const char *properties, *said; } cases[] = {
    { "", "no model" },
    { "model=/nowhere/there-is-no.onnx", "there-is-no.onnx" },
    { "model=%s precision=int8", "precision=int8" },
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
    { "late frames pass", test_late },
    { "latency is that of the frames in work", test_latency },
    { "max-latency: a frame that nothing follows", test_max_latency },
    { "end of stream, flush, change of caps", test_events },
    { "NULL to PLAYING again and again", test_restart },
    { "stopped with frames in work", test_stop_in_between },
    { "another model takes over between two frames", test_hand_over },
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
