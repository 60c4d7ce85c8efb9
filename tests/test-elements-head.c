/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-elements-head.c - cnnhead: learns a data set that must be learnt, tells how it goes, stops and goes on
 * with the same bits, and leaves a file that classifies. */
#include "core/convoy.h"
#include "tests/element-set.h"
#include "tests/element-tools.h"
#include "tests/temp-files.h"
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define N SET_N
#define HEAD "layers=\"avgpool pool=8 ! flatten ! dense units=2 activation=softmax\" optimizer=adam learning-rate=0.02 batch-size=20 seed=3"

#define SOURCE SET_SOURCE "validation-split=0.2 "

static double
said_double (const Run *r, const char *name, guint nth, const char *field)
{
  double v = -1;
  for (guint i = 0; i < r->said->len; i++)
    if (gst_structure_has_name (g_ptr_array_index (r->said, i), name) && nth-- == 0)
      gst_structure_get_double (g_ptr_array_index (r->said, i), field, &v);
  return v;
}

/* The weights of a file, one after the other. */
static GByteArray *
weights (const char *path)
{
  GError *error = NULL;
  ConvoyGraph *g = convoy_onnx_load (path, NULL, &error);
  GByteArray *all = g_byte_array_new ();
  if (!g)
    printf ("# %s\n", error->message);
  CU_ASSERT_FATAL (g != NULL);
  const char *const names[] = { "dense/kernel", "dense/bias" };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    ConvoyTensor *t = convoy_params_get (convoy_graph_params (g), names[i]);
    CU_ASSERT_FATAL (t != NULL);
    g_byte_array_append (all, convoy_tensor_data (t), (guint) convoy_tensor_count (t) * sizeof (float));
  }
  convoy_graph_unref (g);
  return all;
}

static void
check_same_weights (const char *a, const char *b)
{
  GByteArray *x = weights (a), *y = weights (b);
  CU_ASSERT_EQUAL (x->len, y->len);
  CU_ASSERT (x->len == y->len && memcmp (x->data, y->data, x->len) == 0);
  g_byte_array_unref (x);
  g_byte_array_unref (y);
}

static void
learns (void)
{
  Run r;
  const char *onnx = temp_path ("learnt.onnx"), *csv = temp_path ("learnt.csv");
  run_pipeline (&r, SOURCE "epochs=4 ! queue ! cnnhead training=true " HEAD " save=%s history=%s ! fakesink name=sink", make_set (), onnx, csv);
  CU_ASSERT (r.eos);
  if (r.error)
    printf ("# %s\n", r.error);
  CU_ASSERT_EQUAL (r.n_errors, 0);
  CU_ASSERT_EQUAL (r.n_frames, 4 * N);
  CU_ASSERT_EQUAL (count_said (&r, "cnn-epoch"), 4);
  CU_ASSERT (said_double (&r, "cnn-epoch", 3, "val-accuracy") == 1);
  CU_ASSERT (said_double (&r, "cnn-epoch", 3, "loss") < said_double (&r, "cnn-epoch", 0, "loss"));
  run_clear (&r);
  ConvoyHistory *h = convoy_history_load (csv, NULL);
  CU_ASSERT (h && convoy_history_len (h) == 4);
  convoy_history_free (h);
  run_pipeline (&r, SOURCE "split=train ! cnnclassify model=%s ! fakesink name=sink", make_set (), onnx);
  if (r.error)
    printf ("# %s\n", r.error);
  CU_ASSERT (r.n_frames > 100);
  guint automobiles = 0;
  for (guint i = 0; i < r.labels->len; i++)
    automobiles += strcmp (g_ptr_array_index (r.labels, i), "automobile") == 0;
  CU_ASSERT (automobiles > r.labels->len / 3 && automobiles < 2 * r.labels->len / 3);
  run_clear (&r);
}

/* One class is enough to extract features, not to learn. */
static void
one_class_is_refused (void)
{
  Run r;
  g_autofree char *says = g_strdup_printf ("%s has one class only ('airplane'), at least two are needed to train", make_set ());
  run_pipeline (&r, "cnndatasetsrc location=%s classes=airplane ! fakesink name=sink", make_set ());
  CU_ASSERT (r.eos && r.n_frames == N / 2);
  run_clear (&r);
  run_pipeline (&r, "cnndatasetsrc location=%s classes=airplane ! cnnhead training=true layers=\"flatten ! dense units=${classes} activation=softmax\" ! fakesink name=sink", make_set ());
  CU_ASSERT_EQUAL (r.n_errors, 1);
  CU_ASSERT_STRING_EQUAL (r.error, says);
  run_clear (&r);
}

/* One probability tells two classes; the file gives both. */
static void
tells_two_classes_by_one_score (void)
{
  Run r;
  const char *onnx = temp_path ("binary.onnx");
  run_pipeline (&r, SOURCE "epochs=3 ! cnnhead training=true layers=\"flatten ! dense units=1 activation=sigmoid\" batch-size=20 save=%s ! fakesink name=sink",
      make_set (), onnx);
  if (r.error)
    printf ("# %s\n", r.error);
  CU_ASSERT (r.eos);
  run_clear (&r);
  ConvoyModel *m = convoy_model_new (onnx, NULL, NULL);
  CU_ASSERT_FATAL (m != NULL);
  CU_ASSERT_EQUAL (convoy_model_info (m)->n_classes, 2);
  CU_ASSERT (convoy_model_info (m)->is_probability);
  convoy_model_unref (m);
  run_pipeline (&r, SOURCE "split=validation ! cnnclassify model=%s ! fakesink name=sink", make_set (), onnx);
  if (r.error)
    printf ("# %s\n", r.error);
  CU_ASSERT_EQUAL (r.n_frames, N / 5);
  run_clear (&r);
}

/* What it takes to feed a network of texts again is in its file, beside the names of its classes. */
static void
keeps_the_vocabulary (void)
{
  static const char *const classes[] = { "neg", "pos" }, *const parts[] = { "train", "validation" };
  for (guint i = 0; i < 24; i++) {
    g_autofree char *name = g_strdup_printf ("reviews/%s/%s/%u.txt", parts[i >= 16], classes[i % 2], i);
    temp_write (name, i % 2 ? "good good film" : "bad bad film", -1);
  }
  Run r;
  const char *onnx = temp_path ("reviews.onnx");
  run_pipeline (&r, "cnndatasetsrc location=%s epochs=2 ! cnntokenize max-words=8 length=4 truncate=tail ! cnnhead training=true batch-size=8 save=%s "
      "layers=\"embedding input-dim=8 output-dim=4 ! flatten ! dense units=2 activation=softmax\" ! fakesink name=sink", temp_path ("reviews"), onnx);
  if (r.error)
    printf ("# %s\n", r.error);
  CU_ASSERT (r.eos);
  run_clear (&r);
  g_autoptr (GHashTable) props = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  ConvoyGraph *g = convoy_onnx_load (onnx, props, NULL);
  CU_ASSERT_FATAL (g != NULL);
  convoy_graph_unref (g);
  static const struct { const char *key, *value; } wanted[] = { { "vocabulary", "bad\nfilm\ngood\n" }, { "length", "4" }, { "truncate", "tail" }, { "pad", "head" },
    { "labels", "neg\npos" } };
  for (guint i = 0; i < G_N_ELEMENTS (wanted); i++) {
    const char *value = g_hash_table_lookup (props, wanted[i].key);
    if (g_strcmp0 (value, wanted[i].value))
      printf ("# %s is %s\n", wanted[i].key, value ? value : "not there");
    CU_ASSERT (g_strcmp0 (value, wanted[i].value) == 0);
  }
}

/* --- interruptions ---------------------------------------------------------- */

static GstElement *
trainer (guint epochs, const char *name, guint steps)
{
  g_autofree char *onnx = g_strdup_printf ("%s.onnx", name), *checkpoint = g_strdup_printf ("%s.ckpt", name), *csv = g_strdup_printf ("%s.csv", name);
  g_autofree char *text = g_strdup_printf (SOURCE "epochs=%u ! cnnhead name=head training=true " HEAD
      " save=%s checkpoint=%s history=%s resume=true checkpoint-steps=%u ! fakesink name=sink", make_set (), epochs, temp_path (onnx), temp_path (checkpoint), temp_path (csv), steps);
  GError *error = NULL;
  GstElement *pipeline = gst_parse_launch (text, &error);
  CU_ASSERT_FATAL (pipeline != NULL && error == NULL);
  return pipeline;
}

static void
train (const char *name)
{
  Run r;
  GstElement *pipeline = trainer (3, name, 0);
  run_again (&r, pipeline);
  if (r.error)
    printf ("# %s\n", r.error);
  CU_ASSERT (r.eos && r.n_errors == 0);
  run_clear (&r);
  gst_object_unref (pipeline);
}

/* Another process, killed as soon as it has left a checkpoint in the middle of an epoch, however long that takes. */
static void
goes_on_after_a_kill (void)
{
  train ("whole");
  const char *checkpoint = temp_path ("killed.ckpt");
  pid_t child = fork ();
  if (child == 0) {
    execlp (g_get_prgname (), g_get_prgname (), "--train", make_set (), temp_path ("killed.onnx"), checkpoint, temp_path ("killed.csv"), NULL);
    _exit (1);
  }
  int status;
  pid_t ended = 0;
  while (!g_file_test (checkpoint, G_FILE_TEST_EXISTS) && (ended = waitpid (child, &status, WNOHANG)) == 0)
    g_usleep (20000);
  CU_ASSERT_EQUAL_FATAL (ended, 0);
  kill (child, SIGKILL);
  waitpid (child, &status, 0);
  CU_ASSERT (WIFSIGNALED (status));
  train ("killed");
  check_same_weights (temp_path ("whole.onnx"), temp_path ("killed.onnx"));
}

static int
train_slowly (char **argv)
{
  gst_init (NULL, NULL);
  g_autofree char *text = g_strdup_printf (SOURCE "epochs=3 ! identity sleep-time=20000 ! cnnhead training=true " HEAD
      " save=%s checkpoint=%s history=%s resume=true checkpoint-steps=3 ! fakesink name=sink", argv[2], argv[3], argv[4], argv[5]);
  Run r;
  GstElement *pipeline = gst_parse_launch (text, NULL);
  run_again (&r, pipeline);
  return 0;
}

/* Down and up again; the second run starts afresh. */
static void
runs_again_after_null (void)
{
  Run r;
  GstElement *pipeline = trainer (2, "again", 0);
  GstElement *head = gst_bin_get_by_name (GST_BIN (pipeline), "head");
  g_object_set (head, "resume", FALSE, NULL);
  gst_object_unref (head);
  for (guint i = 0; i < 3; i++) {
    run_again (&r, pipeline);
    CU_ASSERT (r.eos && r.n_errors == 0);
    CU_ASSERT_EQUAL (r.n_frames, 2 * N);
    run_clear (&r);
  }
  gst_object_unref (pipeline);
}

static void
stops_when_it_gets_no_better (void)
{
  Run r;
  run_pipeline (&r, SOURCE "epochs=200 ! cnnhead training=true " HEAD " patience=2 ! fakesink name=sink", make_set ());
  CU_ASSERT (r.eos && r.n_errors == 0);
  CU_ASSERT (count_said (&r, "cnn-epoch") >= 3 && count_said (&r, "cnn-epoch") < 50);
  run_clear (&r);
}

/* --- what goes wrong --------------------------------------------------------- */

static void
says_what_does_not_fit (void)
{
  static const struct { const char *properties, *says; } bad[] = {
    { "", "no network" },
    { "layers=\"flatten ! dense units=7 activation=softmax\"", "7 scores, but there are 2 classes" },
    { "layers=\"flatten ! desne units=2\"", "dense" },
    { "layers=\"conv2d filters=2 kernel=3\"", "row of scores" },
    { "network=cifar10-convnet layers=flatten", "leaves no place" },
    { "layers=\"flatten ! dense units=2 activation=softmax\" optimizer=adm", "adam" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    Run r;
    run_pipeline (&r, SOURCE "! cnnhead training=true %s ! fakesink name=sink", make_set (), bad[i].properties);
    CU_ASSERT_EQUAL (r.n_errors, 1);
    gboolean said = r.error && strstr (r.error, bad[i].says);
    if (!said)
      printf ("# %s: %s\n", bad[i].properties, r.error ? r.error : "no error");
    CU_ASSERT (said);
    run_clear (&r);
  }
}

static void
ends_without_samples (void)
{
  GstHarness *h = gst_harness_new_parse ("cnnhead training=true layers=\"flatten ! dense units=2\"");
  gst_harness_set_src_caps_str (h, "video/x-raw,format=RGB,width=4,height=4,framerate=0/1");
  CU_ASSERT (gst_harness_push_event (h, gst_event_new_eos ()));
  GstEvent *event;
  gboolean eos = FALSE;
  while (!eos && (event = gst_harness_pull_event (h))) {
    eos = GST_EVENT_TYPE (event) == GST_EVENT_EOS;
    gst_event_unref (event);
  }
  CU_ASSERT (eos);
  gst_harness_teardown (h);
}

/* Without training: a score a sample at once, and again after a flush; other sizes are refused. */
static void
infers_and_flushes (void)
{
  GstHarness *h = gst_harness_new_parse ("cnnhead layers=\"flatten ! dense units=2 activation=softmax\"");
  gst_harness_set_src_caps_str (h, "other/tensors,format=static,num_tensors=1,types=float32,dimensions=(string)3:1,framerate=0/1");
  float in[3] = { 1, 2, 3 }, out[2];
  for (guint i = 0; i < 2; i++) {
    GstBuffer *buffer = gst_buffer_new_memdup (in, sizeof in);
    CU_ASSERT_EQUAL (gst_harness_push (h, buffer), GST_FLOW_OK);
    buffer = gst_harness_pull (h);
    CU_ASSERT_FATAL (buffer != NULL);
    CU_ASSERT_EQUAL (gst_buffer_extract (buffer, 0, out, sizeof out), sizeof out);
    CU_ASSERT (out[0] + out[1] > 0.999f && out[0] + out[1] < 1.001f);
    gst_buffer_unref (buffer);
    gst_harness_push_event (h, gst_event_new_flush_start ());
    gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
    GstSegment segment;
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_harness_push_event (h, gst_event_new_segment (&segment));
  }
  GstCaps *caps = gst_caps_from_string ("other/tensors,format=static,num_tensors=1,types=float32,dimensions=(string)4:1,framerate=0/1");
  gst_harness_push_event (h, gst_event_new_caps (caps));
  gst_caps_unref (caps);
  CU_ASSERT_EQUAL (gst_harness_push (h, gst_buffer_new_memdup (in, sizeof in)), GST_FLOW_NOT_NEGOTIATED);
  gst_harness_teardown (h);
}

static const TapTest tests[] = {
  { "a data set that must be learnt is", learns },
  { "one class is refused", one_class_is_refused }, { "one score tells two classes", tells_two_classes_by_one_score },
  { "the file of a network of texts has its vocabulary", keeps_the_vocabulary },
  { "training goes on after kill -9 with the same bits", goes_on_after_a_kill },
  { "up and down again", runs_again_after_null },
  { "patience ends it early", stops_when_it_gets_no_better },
  { "what does not fit is said", says_what_does_not_fit },
  { "a stream may end without samples", ends_without_samples },
  { "inference, flushes", infers_and_flushes },
  { NULL, NULL },
};

int
main (int argc, char **argv)
{
  if (argc == 6 && strcmp (argv[1], "--train") == 0)
    return train_slowly (argv);
  gst_init (NULL, NULL);
  g_set_prgname (argv[0]);
  return temp_main ("elements-head", tests);
}
