/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-elements-live.c - cnnclassify in a stream that goes on: late frames, latency, events, new starts, and
 * another network that takes over. */
#include "core/convoy.h"
#include "tests/element-colors.h"
#include "tests/element-model.h"
#include "tests/element-tools.h"
#include "tests/tap.h"

static char *folder, *model;    /* made once */

/* --- events and queries ----------------------------------------------- */

static void
test_late (void)
{
  GstHarness *h = classifier (model, "RGB", 16, 16, "");
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
  GstHarness *h = classifier (model, "RGB", 16, 16, "workers=2");
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
    GstHarness *h = classifier (model, "RGB", 16, 16, kinds[i]);
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
    GstHarness *h = classifier (model, "RGB", 16, 16, cases[c]);
    gst_harness_push_event (h, gst_event_new_eos ());   /* before any data */
    gst_harness_teardown (h);

    h = classifier (model, "RGB", 16, 16, cases[c]);
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
    GstHarness *h = classifier (model, "RGB", 64, 48, i % 2 ? "workers=3 batch-size=2" : "batch-size=4");
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
    GstHarness *h = classifier (model, "RGB", 16, 16, kinds[i]);
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

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    { "late frames pass", test_late },
    { "latency is that of the frames in work", test_latency },
    { "max-latency: a frame that nothing follows", test_max_latency },
    { "end of stream, flush, change of caps", test_events },
    { "NULL to PLAYING again and again", test_restart },
    { "stopped with frames in work", test_stop_in_between },
    { "another model takes over between two frames", test_hand_over },
    { NULL, NULL }
  };
  gst_init (&argc, &argv);
  folder = scratch_folder ();
  model = make_model (folder);
  int ret = tap_main ("live", tests);
  g_free (model);
  scratch_remove (folder);
  return ret;
}
