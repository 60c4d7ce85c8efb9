/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-elements-teach.c - cnnhead taught live: classes that appear one by one stay known, a label is that of
 * the moment a sample arrives, and what was learnt is a file that classifies. */
#include "core/convoy.h"
#include "plugins/cnnteach.h"
#include "tests/element-tools.h"
#include "tests/temp-files.h"
#include <glib/gstdio.h>
#include <string.h>

/* --- a stream that teaches -------------------------------------------------- */

#define SIDE 32
#define CAPS "video/x-raw,format=RGB,width=32,height=32,framerate=30/1"
#define EXTRACT "cnnextract model=cifar10-best layer=features batch-size=1 workers=1 ! "

/* Pictures of noise, each of a colour of its own. */
static const struct { const char *label; guint8 rgb[3]; } things[] = { { "cat", { 180, 40, 30 } }, { "dog", { 30, 60, 190 } }, { "owl", { 50, 170, 50 } } };

static GstBuffer *
picture (guint thing, guint nth)
{
  guint8 pixels[SIDE * SIDE * 3];
  GRand *rand = g_rand_new_with_seed (thing * 1000 + nth);
  for (guint i = 0; i < sizeof pixels; i++)
    pixels[i] = (guint8) (things[thing].rgb[i % 3] + g_rand_int_range (rand, -30, 30));
  g_rand_free (rand);
  GstBuffer *b = gst_buffer_new_memdup (pixels, sizeof pixels);
  GST_BUFFER_PTS (b) = nth * GST_SECOND / 30;
  return b;
}

static GstHarness *
stream (const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  GstHarness *h = gst_harness_new_parse (text);
  gst_harness_set_src_caps_str (h, CAPS);
  return h;
}

static void
set_on_head (GstHarness *h, const char *property, const char *value)
{
  GstElement *head = gst_harness_find_element (h, "cnnhead");
  g_object_set (head, property, value, NULL);
  gst_object_unref (head);
}

/* The gap that a frame becomes as long as there are not two classes. */
static void
pull_gap (GstHarness *h)
{
  GstEvent *event;
  gboolean is_gap = FALSE;
  while (!is_gap && (event = gst_harness_pull_event (h))) {
    is_gap = GST_EVENT_TYPE (event) == GST_EVENT_GAP;
    gst_event_unref (event);
  }
  CU_ASSERT (is_gap);
}

static void
teach (GstHarness *h, guint thing, guint n, gboolean is_first)
{
  set_on_head (h, "label", things[thing].label);
  for (guint i = 0; i < n; i++) {
    CU_ASSERT_EQUAL (gst_harness_push (h, picture (thing, i)), GST_FLOW_OK);
    if (is_first)
      pull_gap (h);
    else
      gst_buffer_unref (gst_harness_pull (h));
  }
  set_on_head (h, "label", NULL);
}

/* What it takes the picture for; "-": nothing is said of it. "!": the wrong number of scores. */
static char *
pull_label (GstHarness *h, guint n_scores)
{
  GstBuffer *b = gst_harness_pull (h);
  CU_ASSERT_FATAL (b != NULL);
  GstCustomMeta *meta = gst_buffer_get_custom_meta (b, "GstCnnClassificationMeta");
  char *label = g_strdup (!meta ? "-" : gst_structure_get_string (gst_custom_meta_get_structure (meta), "label"));
  if (n_scores && gst_buffer_get_size (b) != n_scores * sizeof (float)) {
    g_free (label);
    label = g_strdup ("!");
  }
  gst_buffer_unref (b);
  return label;
}

/* Frames of nothing in particular, while it goes on learning. */
static void
watch (GstHarness *h, guint n)
{
  for (guint i = 0; i < n; i++) {
    CU_ASSERT_EQUAL (gst_harness_push (h, picture (i % 3, i)), GST_FLOW_OK);
    g_free (pull_label (h, 0));
  }
}

/* Each thing, in pictures that it was not taught, is what it is. */
static void
check_known (GstHarness *h, guint n_things, guint n_scores)
{
  for (guint thing = 0; thing < n_things; thing++)
    for (guint i = 0; i < 10; i++) {
      CU_ASSERT_EQUAL (gst_harness_push (h, picture (thing, 500 + i)), GST_FLOW_OK);
      g_autofree char *label = pull_label (h, n_scores);
      if (strcmp (label, things[thing].label))
        printf ("# %s taken for %s\n", things[thing].label, label);
      CU_ASSERT_STRING_EQUAL (label, things[thing].label);
    }
}

static guint
width_of_scores (GstHarness *h)
{
  GstCaps *caps = gst_pad_get_current_caps (h->sinkpad);
  const char *dimensions = gst_structure_get_string (gst_caps_get_structure (caps, 0), "dimensions");
  guint n = (guint) g_ascii_strtoull (dimensions ? dimensions : "0", NULL, 10);
  gst_caps_unref (caps);
  return n;
}

static void
check_labels (const char *onnx, const char *labels)
{
  g_autofree char *are = convoy_onnx_metadata (onnx, "labels");
  if (g_strcmp0 (are, labels))
    printf ("# labels are %s\n", are ? are : "none");
  CU_ASSERT (g_strcmp0 (are, labels) == 0);
}

/* --- tests -------------------------------------------------------------------- */

/* The third class comes when two are known, and in the end for much longer: the others stay. */
static void
learns_what_it_is_shown (void)
{
  const char *onnx = temp_path ("shown.onnx");
  GstHarness *h = stream (EXTRACT "cnnhead training=true save=%s", onnx);
  teach (h, 0, 30, TRUE);
  teach (h, 1, 30, FALSE);
  watch (h, 30);
  check_known (h, 2, 2);
  check_labels (onnx, "cat\ndog");      /* written when the label went */
  teach (h, 2, 1, FALSE);
  check_known (h, 2, 3);                /* from the first example of another class on */
  teach (h, 2, 150, FALSE);
  check_known (h, 3, 3);
  CU_ASSERT_EQUAL (width_of_scores (h), 3);
  gst_harness_teardown (h);
  check_labels (onnx, "cat\ndog\nowl");
}

static void
leaves_a_file_that_classifies (void)
{
  const char *onnx = temp_path ("leaves.onnx");
  GstHarness *h = stream (EXTRACT "cnnhead training=true save=%s", onnx);
  teach (h, 0, 60, TRUE);
  teach (h, 1, 60, FALSE);
  gst_harness_teardown (h);             /* without an end of stream */
  h = stream ("cnnclassify model=%s", onnx);
  check_known (h, 2, 0);
  gst_harness_teardown (h);
  h = stream (EXTRACT "cnnhead model=%s from-layer=features", onnx);
  check_known (h, 2, 2);
  gst_harness_teardown (h);
}

/* Frames until one is said to show the thing by a network of so many scores; each leaves as it came. */
static void
push_until (GstHarness *h, guint *n, guint thing, guint n_scores)
{
  gboolean seen = FALSE;
  for (guint end = *n + 2000; !seen && *n < end; (*n)++) {
    CU_ASSERT_EQUAL (gst_harness_push (h, picture (thing, *n)), GST_FLOW_OK);
    g_autofree char *label = pull_label (h, n_scores);
    seen = strcmp (label, things[thing].label) == 0;
    g_usleep (1000);
  }
  CU_ASSERT (seen);
  CU_ASSERT_EQUAL (width_of_scores (h), n_scores);
}

static GstMessage *
wait_for (GstBus *bus, GstMessageType type)
{
  return gst_bus_timed_pop_filtered (bus, 10 * GST_SECOND, type);
}

/* A classifier follows what is saved, each time that is said. */
static void
is_followed_by_a_classifier (void)
{
  const char *onnx = temp_path ("followed.onnx");
  GstHarness *h = stream (EXTRACT "cnnhead training=true save=%s", onnx), *classifier = NULL;
  guint n_saved = 0;
  GstBus *bus = harness_bus (h);
  for (guint thing = 0; thing < 3; thing++) {
    teach (h, thing, 60, thing == 0);
    if (thing > 0)
      watch (h, 1);
    for (GstMessage *m; (m = gst_bus_pop_filtered (bus, GST_MESSAGE_ELEMENT)); gst_message_unref (m))
      if (gst_message_has_name (m, "cnn-saved")) {
        n_saved++;
        if (!classifier)
          classifier = stream ("cnnclassify name=classify model=%s", onnx);
        else
          gst_harness_set (classifier, "cnnclassify", "model", onnx, NULL);
      }
  }
  CU_ASSERT (n_saved >= 2);
  CU_ASSERT_FATAL (classifier != NULL);
  g_autofree char *label = NULL;
  for (guint i = 0; i < 2000 && g_strcmp0 (label, things[2].label); i++) {
    gst_harness_push (classifier, picture (2, i));
    g_free (label);
    label = pull_label (classifier, 0);
    g_usleep (1000);
  }
  check_known (classifier, 3, 0);
  gst_harness_teardown (classifier);
  harness_end (h, bus);
}

/* A head that infers gets what another learns meanwhile, under the same name and with a class more; then a file
 * that is not there, and one of fewer classes. */
static void
hands_over (void)
{
  const char *onnx = temp_path ("over.onnx"), *two = temp_path ("two.onnx");
  g_autofree char *bytes = NULL;
  gsize size;
  guint n = 0;
  GstHarness *teacher = stream (EXTRACT "cnnhead training=true save=%s", onnx);
  teach (teacher, 0, 40, TRUE);
  teach (teacher, 1, 40, FALSE);
  watch (teacher, 10);
  CU_ASSERT (g_file_get_contents (onnx, &bytes, &size, NULL) && g_file_set_contents (two, bytes, (gssize) size, NULL));
  GstHarness *h = stream (EXTRACT "cnnhead model=%s from-layer=features", onnx);
  GstBus *bus = harness_bus (h);
  push_until (h, &n, 1, 2);
  teach (teacher, 2, 60, FALSE);
  gst_harness_teardown (teacher);
  set_on_head (h, "model", onnx);
  push_until (h, &n, 2, 3);
  GstMessage *m = wait_for (bus, GST_MESSAGE_ELEMENT);
  while (m && !gst_message_has_name (m, "cnn-model")) {
    gst_message_unref (m);
    m = wait_for (bus, GST_MESSAGE_ELEMENT);
  }
  CU_ASSERT_FATAL (m != NULL);
  CU_ASSERT_EQUAL (g_value_get_uint (gst_structure_get_value (gst_message_get_structure (m), "classes")), 3);
  gst_message_unref (m);
  set_on_head (h, "model", "/nowhere/there-is-no.onnx");
  for (guint i = 0; i < 20; i++)
    push_until (h, &n, 2, 3);
  m = wait_for (bus, GST_MESSAGE_WARNING);
  CU_ASSERT (m != NULL);
  g_clear_pointer (&m, gst_message_unref);
  set_on_head (h, "model", two);
  while (width_of_scores (h) == 3 && n < 5000) {
    CU_ASSERT_EQUAL (gst_harness_push (h, picture (0, n++)), GST_FLOW_OK);
    g_free (pull_label (h, 0));
  }
  push_until (h, &n, 0, 2);
  harness_end (h, bus);
}

/* Another run goes on from the file. */
static void
goes_on_from_a_file (void)
{
  const char *first = temp_path ("first.onnx"), *second = temp_path ("second.onnx");
  GstHarness *h = stream (EXTRACT "cnnhead training=true save=%s", first);
  teach (h, 0, 60, TRUE);
  teach (h, 1, 60, FALSE);
  gst_harness_teardown (h);
  h = stream (EXTRACT "cnnhead training=true model=%s from-layer=features save=%s", first, second);
  check_known (h, 2, 2);
  teach (h, 2, 60, FALSE);
  teach (h, 0, 60, FALSE);
  teach (h, 1, 60, FALSE);
  check_known (h, 3, 3);
  gst_harness_teardown (h);
  check_labels (second, "cat\ndog\nowl");
}

static GstPadProbeReturn
hold (GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
  (void) pad, (void) info, (void) user;
  return GST_PAD_PROBE_OK;
}

/* The worker is held at a frame; what waits behind it was shown as what was said when it came. */
static void
takes_the_label_of_the_moment (void)
{
  GstHarness *h = stream (EXTRACT "cnnhead training=true");
  GstElement *head = gst_harness_find_element (h, "cnnhead");
  GstPad *src = gst_element_get_static_pad (head, "src");
  teach (h, 0, 20, TRUE);
  teach (h, 1, 20, FALSE);
  gulong probe = gst_pad_add_probe (src, GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER, hold, NULL, NULL);
  CU_ASSERT_EQUAL (gst_harness_push (h, picture (0, 100)), GST_FLOW_OK);
  set_on_head (h, "label", "owl");
  CU_ASSERT_EQUAL (gst_harness_push (h, picture (2, 0)), GST_FLOW_OK);
  set_on_head (h, "label", "");
  CU_ASSERT_EQUAL (gst_harness_push (h, picture (0, 101)), GST_FLOW_OK);
  gst_pad_remove_probe (src, probe);
  static const struct { gboolean is_example; guint n_scores; } wanted[] = { { FALSE, 2 }, { TRUE, 3 }, { FALSE, 3 } };
  for (guint i = 0; i < G_N_ELEMENTS (wanted); i++) {
    g_autofree char *label = pull_label (h, wanted[i].n_scores);
    CU_ASSERT_STRING_NOT_EQUAL (label, "!");
    CU_ASSERT_EQUAL (strcmp (label, "-") == 0, wanted[i].is_example);
  }
  gst_object_unref (src);
  gst_object_unref (head);
  gst_harness_teardown (h);
}

/* Pictures themselves, with no extractor, and a network of one's own. */
static void
learns_pictures (void)
{
  const char *onnx = temp_path ("pictures.onnx");
  GstHarness *h = stream ("cnnhead training=true learning-rate=0.01 layers=\"avgpool pool=8 ! flatten ! dense units=32 activation=relu ! dense units=${classes}\" save=%s", onnx);
  teach (h, 0, 60, TRUE);
  teach (h, 1, 60, FALSE);
  teach (h, 2, 60, FALSE);
  watch (h, 150);
  check_known (h, 3, 3);
  gst_harness_push_event (h, gst_event_new_eos ());
  gst_harness_teardown (h);
  h = stream ("cnnclassify model=%s", onnx);
  check_known (h, 3, 0);
  gst_harness_teardown (h);
}

static void
push_segment (GstHarness *h)
{
  GstSegment segment;
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
}

/* Down and up again: it knows nothing then, and the file stays as it was until two classes are taught. A model is
 * set when there is no time left to load it, and a flush comes in between. */
static void
starts_afresh (void)
{
  const char *onnx = temp_path ("afresh.onnx");
  GstHarness *h = stream (EXTRACT "cnnhead training=true save=%s", onnx);
  for (guint i = 0; i < 2; i++) {
    teach (h, 0, 40, TRUE);
    teach (h, 1, 40, FALSE);
    check_known (h, 2, 2);
    gst_element_set_state (h->element, GST_STATE_READY);
    check_labels (onnx, "cat\ndog");
    gst_element_set_state (h->element, GST_STATE_PLAYING);
    gst_harness_push_event (h, gst_event_new_stream_start ("again"));
    gst_harness_set_src_caps_str (h, CAPS);
    push_segment (h);
  }
  gst_harness_teardown (h);
  for (guint i = 0; i < 5; i++) {
    guint n = 0;
    h = stream (EXTRACT "cnnhead model=%s from-layer=features", onnx);
    push_until (h, &n, 1, 2);
    set_on_head (h, "model", onnx);
    gst_harness_push (h, picture (0, n++));
    if (i % 2) {
      gst_harness_push_event (h, gst_event_new_flush_start ());
      gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
      push_segment (h);
    }
    g_usleep (i * 2000);
    gst_harness_push (h, picture (0, n++));
    gst_harness_teardown (h);
  }
}

/* The line that people type; a stream with no second class leaves no file and says why. */
static void
runs_as_a_line (void)
{
  Run r;
  const char *onnx = temp_path ("line.onnx");
  run_pipeline (&r, "videotestsrc num-buffers=20 ! video/x-raw,width=64,height=48 ! videoconvert ! " EXTRACT "cnnhead training=true label=bars save=%s ! fakesink name=sink", onnx);
  if (r.error)
    printf ("# %s\n", r.error);
  CU_ASSERT (r.eos && r.n_errors == 0 && r.n_frames == 0);
  CU_ASSERT (r.n_warnings == 1 && strstr (r.warning, "line.onnx was not written"));
  CU_ASSERT (!g_file_test (onnx, G_FILE_TEST_EXISTS));
  run_clear (&r);
}

static void
says_what_does_not_fit (void)
{
  static const struct { const char *properties, *says; } bad[] = {
    { "layers=\"flatten ! dense units=5 activation=softmax\"", "5 scores, but what is taught begins with 2 classes" },
    { "checkpoint=/none/x", "checkpoint= is for a data set" },
    { "epochs=3", "epochs= is for a data set" },
    { "layers=\"flatten ! desne units=2\"", "dense" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    Run r;
    run_pipeline (&r, "videotestsrc num-buffers=5 ! video/x-raw,format=RGB,width=8,height=8 ! cnnhead training=true label=a %s ! fakesink name=sink", bad[i].properties);
    gboolean said = r.n_errors == 1 && r.error && strstr (r.error, bad[i].says);
    if (!said)
      printf ("# %s: %s\n", bad[i].properties, r.error ? r.error : "no error");
    CU_ASSERT (said);
    run_clear (&r);
  }
}

/* One score is for two classes; a third is refused by name. */
static void
refuses_a_class_too_many (void)
{
  ConvoyGraph *g = convoy_net_parse ("flatten ! dense units=1 activation=sigmoid", NULL, &CONVOY_SHAPE (1, 3), NULL, 1, NULL);
  ConvoyTrainOptions o = { .epochs = G_MAXINT, .batch = 4 };
  GError *error = NULL;
  float x[3] = { 1, 2, 3 };
  CU_ASSERT_FATAL (g != NULL);
  CnnTeach *t = cnn_teach_new (g, &o, NULL, sizeof x, NULL);
  CU_ASSERT_FATAL (t != NULL);
  CU_ASSERT (cnn_teach_example (t, "a", x, NULL) && cnn_teach_example (t, "b", x, NULL));
  CU_ASSERT (!cnn_teach_example (t, "c", x, &error));
  temp_check_error (error, "label=c", "a class more");
  CU_ASSERT_EQUAL (cnn_teach_n_classes (t), 2);
  cnn_teach_free (t);
  convoy_graph_unref (g);
}

/* Examples beyond a bound push out others of their class, and a new class makes room for itself. */
static void
keeps_so_many_examples (void)
{
  static const struct { guint floats, n, one, two; } rows[] = { { 4, 1500, 1000, 1000 }, { 1 << 20, 40, 32, 16 } };
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    ConvoyGraph *g = convoy_net_parse ("dense units=2 activation=softmax", NULL, &CONVOY_SHAPE (1, rows[i].floats), NULL, 1, NULL);
    ConvoyTrainOptions o = { .optimizer = "sgd", .epochs = G_MAXINT, .batch = 2 };
    g_autofree float *x = g_new0 (float, rows[i].floats);
    CU_ASSERT_FATAL (g != NULL);
    CnnTeach *t = cnn_teach_new (g, &o, NULL, rows[i].floats * sizeof *x, NULL);
    CU_ASSERT_FATAL (t != NULL);
    for (guint k = 0; k < rows[i].n; k++)
      CU_ASSERT (cnn_teach_example (t, "a", x, NULL));
    CU_ASSERT_EQUAL (cnn_teach_n_examples (t, 0), rows[i].one);
    for (guint k = 0; k < rows[i].n; k++)
      CU_ASSERT (cnn_teach_example (t, "b", x, NULL));
    CU_ASSERT_EQUAL (cnn_teach_n_examples (t, 0), rows[i].two);
    CU_ASSERT_EQUAL (cnn_teach_n_examples (t, 1), rows[i].two);
    cnn_teach_free (t);
    convoy_graph_unref (g);
  }
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    { "a class that comes later leaves the others known", learns_what_it_is_shown },
    { "the file that it leaves classifies", leaves_a_file_that_classifies },
    { "a classifier follows what is saved", is_followed_by_a_classifier },
    { "another network takes over between two frames", hands_over },
    { "another run goes on from the file", goes_on_from_a_file },
    { "a label is that of the moment", takes_the_label_of_the_moment },
    { "pictures themselves are learnt", learns_pictures },
    { "down and up again, with a model on its way", starts_afresh },
    { "a line that people type; one class is not enough", runs_as_a_line },
    { "what does not fit is said", says_what_does_not_fit },
    { "a class too many is refused", refuses_a_class_too_many },
    { "so many examples are kept", keeps_so_many_examples },
    { NULL, NULL },
  };
  gst_init (&argc, &argv);
  return temp_main ("cnnhead, taught live", tests);
}
