/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-samples.c - what travels with a sample: through stock elements, in events, in caps of tensors. */
#include "plugins/cnnmeta.h"
#include "plugins/cnnsample.h"
#include "plugins/cnntensor.h"
#include "tests/element-tools.h"
#include "tests/tap.h"
#include <string.h>

static const CnnSample cat = { 1, "cat", "cat/cat.17.jpg", CNN_SPLIT_VALIDATION, 3, G_GUINT64_CONSTANT (5000000000) };

static void
test_sample (void)
{
  GstBuffer *b = gst_buffer_new ();
  CnnSample s;
  CU_ASSERT_FALSE (cnn_sample_get (b, &s));
  CU_ASSERT (s.label == -1 && !s.source);
  cnn_sample_attach (b, &cat);
  GstBuffer *copy = gst_buffer_copy (b);
  CU_ASSERT_TRUE (cnn_sample_get (copy, &s));
  CU_ASSERT (s.label == 1 && s.epoch == 3 && s.number == cat.number);
  CU_ASSERT_STRING_EQUAL (s.class, "cat");
  CU_ASSERT_STRING_EQUAL (s.source, "cat/cat.17.jpg");
  CU_ASSERT_STRING_EQUAL (s.split, "validation");
  cnn_sample_attach (b, &(CnnSample) { .label = -1, .source = "x" });
  CU_ASSERT_TRUE (cnn_sample_get (b, &s));
  CU_ASSERT (s.label == -1 && !s.class && !s.split);
  CU_ASSERT_STRING_EQUAL (s.source, "x");
  gst_buffer_unref (b);
  gst_buffer_unref (copy);
}

/* Decoding, converting, scaling, turning and queueing change nothing about which sample it is. */
static void
test_stock_elements (void)
{
  static const char *const lines[] = { "jpegdec ! videoconvert ! video/x-raw,format=RGB ! videoscale ! video/x-raw,width=8 ! queue",
    "queue ! cnnimagedec width=16 ! videoflip method=horizontal-flip ! videoconvert ! video/x-raw,format=GRAY8 ! queue" };
  for (guint i = 0; i < G_N_ELEMENTS (lines); i++) {
    GstHarness *h = gst_harness_new_parse (lines[i]);
    GstBuffer *b = make_jpeg (JPEG_COLOR, 32, 32, 0);
    CnnSample s;
    gst_harness_set_src_caps_str (h, "image/jpeg");
    GST_BUFFER_PTS (b) = 0;
    cnn_sample_attach (b, &cat);
    CU_ASSERT_EQUAL (gst_harness_push (h, b), GST_FLOW_OK);
    GstBuffer *out = gst_harness_pull (h);
    CU_ASSERT_PTR_NOT_NULL_FATAL (out);
    CU_ASSERT_TRUE (cnn_sample_get (out, &s));
    CU_ASSERT (s.label == 1 && s.number == cat.number && s.source && strcmp (s.source, cat.source) == 0);
    gst_buffer_unref (out);
    gst_harness_teardown (h);
  }
}

static void
test_events (void)
{
  const char *classes[] = { "cat", "dog", NULL };
  CnnDatasetEvent d = { "/data", classes, 30, 2000, 1000, 7, NULL }, back;
  CnnPhaseEvent p = { 2, 30, CNN_SPLIT_TRAIN, 2000 }, phase;
  CnnExtractorEvent x = { "m.onnx", "relu", "avg", "abc", "rgb", "layer=relu" }, extractor;
  GstEvent *event = cnn_dataset_event_new (&d);
  CU_ASSERT_TRUE (GST_EVENT_IS_STICKY (event) && GST_EVENT_IS_SERIALIZED (event));
  CU_ASSERT_TRUE_FATAL (cnn_dataset_event_parse (event, &back));
  CU_ASSERT_STRING_EQUAL (back.location, "/data");
  CU_ASSERT (back.epochs == 30 && back.n_train == 2000 && back.n_validation == 1000 && back.seed == 7);
  CU_ASSERT_TRUE (g_strv_equal (back.classes, classes));
  CU_ASSERT_FALSE (cnn_phase_event_parse (event, &phase));
  g_free ((gpointer) back.classes);
  gst_event_unref (event);
  d.classes = NULL;
  event = cnn_dataset_event_new (&d);
  CU_ASSERT_TRUE (cnn_dataset_event_parse (event, &back));
  CU_ASSERT_PTR_NULL (back.classes);
  gst_event_unref (event);
  event = cnn_phase_event_new (&p);
  CU_ASSERT_TRUE (GST_EVENT_IS_SERIALIZED (event) && !GST_EVENT_IS_STICKY (event));
  CU_ASSERT_TRUE (cnn_phase_event_parse (event, &phase));
  CU_ASSERT (phase.epoch == 2 && phase.epochs == 30 && phase.samples == 2000 && strcmp (phase.split, "train") == 0);
  gst_event_unref (event);
  event = cnn_extractor_event_new (&x);
  CU_ASSERT_TRUE (cnn_extractor_event_parse (event, &extractor));
  CU_ASSERT_STRING_EQUAL (extractor.checksum, "abc");
  CU_ASSERT_FALSE (cnn_extractor_event_parse (NULL, &extractor));
  gst_event_unref (event);
}

static void
test_tensor_caps (void)
{
  static const char *const refused[] = { "other/tensors,format=static,num_tensors=2,dimensions=1.2,types=float32", "other/tensors,format=flexible",
    "other/tensors,num_tensors=1,dimensions=1:0,types=float32", "other/tensors,num_tensors=1,dimensions=1:a,types=float32",
    "other/tensors,num_tensors=1,dimensions=4,types=float12", "other/tensors,num_tensors=1,dimensions=1:1:1:1:1:1:1:1:1,types=int8",
    "other/tensors,num_tensors=1,dimensions=2000000000:2000000000:2000000000,types=int8" };
  GstCaps *caps = cnn_sample_caps (CONVOY_F32, &CONVOY_SHAPE (1024, 5, 7));
  GstCaps *wanted = gst_caps_from_string ("other/tensors,format=static,num_tensors=1,dimensions=7:5:1024:1,types=float32,framerate=0/1");
  GstCaps *template = gst_caps_from_string (CNN_TENSOR_CAPS ("float32"));
  ConvoyShape shape;
  ConvoyType type;
  CU_ASSERT_TRUE (gst_caps_is_equal (caps, wanted));
  CU_ASSERT_TRUE (gst_caps_is_subset (caps, template));
  CU_ASSERT_TRUE (cnn_tensor_parse (caps, &type, &shape, NULL));
  CU_ASSERT (type == CONVOY_F32 && convoy_shape_equal (&shape, &CONVOY_SHAPE (1, 1024, 5, 7)));
  gst_caps_unref (caps);
  gst_caps_unref (wanted);
  gst_caps_unref (template);
  for (guint i = 0; i < G_N_ELEMENTS (refused); i++) {
    GError *error = NULL;
    caps = gst_caps_from_string (refused[i]);
    CU_ASSERT_FALSE (cnn_tensor_parse (caps, &type, &shape, &error));
    CU_ASSERT_PTR_NOT_NULL_FATAL (error);
    CU_ASSERT_PTR_NULL (strchr (error->message, '\n'));
    g_error_free (error);
    gst_caps_unref (caps);
  }
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = { { "a sample on a buffer", test_sample }, { "a sample through stock elements", test_stock_elements },
    { "events", test_events }, { "caps of tensors", test_tensor_caps }, { NULL, NULL } };
  gst_init (&argc, &argv);
  gst_object_unref (gst_plugin_load_by_name ("convoy"));       /* which registers the metadata */
  return tap_main ("samples", tests);
}
