/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-elements-robust.c - what happens to the elements of a stream that teaches while it runs: pauses and new
 * starts, seeks, ends without a sample, other caps, and their removal. */
#include "tests/element-model.h"
#include "tests/element-set.h"
#include "tests/element-tools.h"
#include "tests/temp-files.h"
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

#define EPOCHS 4
#define EXTRACT "cnnextract model=%m layer=features batch-size=7 workers=2"
#define TRAIN "cnnhead training=true layers=\"flatten ! dense units=2 activation=softmax\" batch-size=10 save=%o checkpoint=%c"

/* Elements behind pictures of 32x32; %m, %o, %c and %s stand for files. */
static const struct {
  const char *name, *line;
} chains[] = {
  { "cnnaugment", "cnnaugment flip=both rotate=20 ! fakesink" },
  { "cnnclassify", "cnnclassify model=%m workers=2 batch-size=3 ! fakesink" },
  { "cnnclassify, bound", "cnnclassify model=%m batch-size=30 max-latency=1000000 ! fakesink" },
  { "cnnextract", EXTRACT " ! fakesink" },
  { "cnnextract, bound", EXTRACT " max-latency=1000000 ! fakesink" },
  { "cnnhead", "cnnhead layers=\"flatten ! dense units=2 activation=softmax\" batch-size=4 ! fakesink" },
  { "cnnhead that learns", TRAIN " ! fakesink" },
  { "all", "queue ! cnnaugment flip=horizontal ! " EXTRACT " ! queue ! " TRAIN " ! fakesink" },
  { "cnndatasetsink", EXTRACT " ! cnndatasetsink location=%s" },
};

/* The folder of the model, and in it color.onnx. */
static void
make_files (void)
{
  if (!g_file_test (temp_path ("color.onnx"), G_FILE_TEST_EXISTS)) {
    g_autofree char *folder = g_path_get_dirname (temp_path ("color.onnx"));
    g_free (make_model (folder));
  }
}

static char *
filled (const char *line)
{
  static const struct {
    const char *key, *name;
  } files[] = { { "%m", "color.onnx" }, { "%o", "out.onnx" }, { "%c", "out.ckpt" }, { "%s", "store.h5" } };
  GString *text = g_string_new (line);
  make_files ();
  for (guint i = 0; i < G_N_ELEMENTS (files); i++) {
    if (i > 0)
      g_remove (temp_path (files[i].name));
    g_string_replace (text, files[i].key, temp_path (files[i].name), 0);
  }
  return g_string_free (text, FALSE);
}

static GstElement *
launch (guint chain, const char *middle)
{
  g_autofree char *line = filled (chains[chain].line);
  g_autofree char *text = g_strdup_printf (SET_SOURCE "name=source validation-split=0.2 epochs=%u ! %s %s", make_set (), EPOCHS,
      middle, line);
  GError *error = NULL;
  GstElement *pipeline = gst_parse_launch (text, &error);
  if (error)
    printf ("# %s: %s\n", text, error->message);
  CU_ASSERT_FATAL (pipeline != NULL && error == NULL);
  return pipeline;
}

/* Until its end, which is to be no error. */
static void
play_to_the_end (GstElement *pipeline, const char *name)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  GError *error = NULL;
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  GstMessage *m = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  if (m && GST_MESSAGE_TYPE (m) == GST_MESSAGE_ERROR) {
    gst_message_parse_error (m, &error, NULL);
    printf ("# %s: %s\n", name, error->message);
    g_error_free (error);
  }
  if (!m)
    printf ("# %s: no end\n", name);
  CU_ASSERT (m && GST_MESSAGE_TYPE (m) == GST_MESSAGE_EOS);
  gst_clear_message (&m);
  gst_object_unref (bus);
}

static gboolean
reach (GstElement *pipeline, GstState state)
{
  gst_element_set_state (pipeline, state);
  return gst_element_get_state (pipeline, NULL, NULL, 30 * GST_SECOND) != GST_STATE_CHANGE_FAILURE;
}

static void
test_states (void)
{
  GRand *rand = g_rand_new_with_seed (1);
  for (guint c = 0; c < G_N_ELEMENTS (chains); c++) {
    GstElement *pipeline = launch (c, "");
    for (guint i = 0; i < 6; i++) {
      CU_ASSERT (reach (pipeline, GST_STATE_PLAYING));
      g_usleep ((gulong) g_rand_int_range (rand, 0, 20000));
      CU_ASSERT (reach (pipeline, GST_STATE_PAUSED));
      CU_ASSERT (reach (pipeline, i % 3 == 0 ? GST_STATE_PLAYING : i % 3 == 1 ? GST_STATE_READY : GST_STATE_NULL));
    }
    CU_ASSERT (reach (pipeline, GST_STATE_NULL));
    play_to_the_end (pipeline, chains[c].name);
    CU_ASSERT (reach (pipeline, GST_STATE_NULL));
    gst_object_unref (pipeline);
  }
  g_rand_free (rand);
}

static void
test_seeks (void)
{
  GRand *rand = g_rand_new_with_seed (2);
  for (guint c = 0; c < G_N_ELEMENTS (chains); c++) {
    GstElement *pipeline = launch (c, "identity sleep-time=200 ! ");
    CU_ASSERT (reach (pipeline, GST_STATE_PAUSED));
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    for (guint i = 0; i < 8; i++) {
      CU_ASSERT (gst_element_seek_simple (pipeline, GST_FORMAT_DEFAULT, GST_SEEK_FLAG_FLUSH,
          g_rand_int_range (rand, 0, EPOCHS * SET_N - 1)));
      g_usleep ((gulong) g_rand_int_range (rand, 0, 10000));
    }
    CU_ASSERT (gst_element_seek_simple (pipeline, GST_FORMAT_DEFAULT, GST_SEEK_FLAG_FLUSH, EPOCHS * SET_N - 100));
    play_to_the_end (pipeline, chains[c].name);
    CU_ASSERT (reach (pipeline, GST_STATE_NULL));
    gst_object_unref (pipeline);
  }
  g_rand_free (rand);
}

/* --- nothing, something else -------------------------------------------------- */

/* An end comes through though no sample did, with caps and without. */
static void
test_no_sample (void)
{
  static const char *const caps[] = { "video/x-raw,format=RGB,width=32,height=32,framerate=0/1",
    "video/x-raw,format=RGB,width=64,height=32,framerate=0/1", NULL };
  for (guint c = 0; c < G_N_ELEMENTS (chains); c++)
    for (guint k = 0; k < G_N_ELEMENTS (caps); k++) {
      g_autofree char *line = filled (chains[c].line);
      g_autofree char *text = g_strdup_printf ("appsrc name=app format=time ! %s", line);
      GstElement *pipeline = gst_parse_launch (text, NULL), *app = gst_bin_get_by_name (GST_BIN (pipeline), "app");
      GstCaps *set = caps[k] ? gst_caps_from_string (caps[k]) : NULL;
      GstFlowReturn flow;
      g_object_set (app, "caps", set, NULL);
      g_signal_emit_by_name (app, "end-of-stream", &flow);
      play_to_the_end (pipeline, chains[c].name);
      gst_clear_caps (&set);
      CU_ASSERT (reach (pipeline, GST_STATE_NULL));
      gst_object_unref (app);
      gst_object_unref (pipeline);
    }
  CU_ASSERT_FALSE (g_file_test (temp_path ("store.h5"), G_FILE_TEST_EXISTS));
}

/* Pictures that change size, where that is nothing to the element. */
static void
test_sizes (void)
{
  static const struct {
    const char *line;
    gboolean same;
  } kinds[] = { { "cnnaugment flip=horizontal", TRUE }, { "cnnclassify model=%m batch-size=3", TRUE },
    { "cnnextract model=%m width=8 batch-size=3 workers=2", FALSE } };
  for (guint k = 0; k < G_N_ELEMENTS (kinds); k++) {
    g_autofree char *line = filled (kinds[k].line);
    GstHarness *h = gst_harness_new_parse (line);
    for (guint i = 1; i <= 12; i++) {
      guint side = 16 + i / 2 % 2 * 24;
      g_autofree char *caps = g_strdup_printf ("video/x-raw,format=%s,width=%u,height=%u,framerate=0/1",
          i / 2 % 3 ? "RGB" : "GRAY8", side, side);
      gsize size = (gsize) side * side * (i / 2 % 3 ? 3 : 1);
      gst_harness_set_src_caps_str (h, caps);
      GstBuffer *b = gst_buffer_new_allocate (NULL, size, NULL);
      gst_buffer_memset (b, 0, 100, size);
      GST_BUFFER_OFFSET (b) = size;
      CU_ASSERT_EQUAL (gst_harness_push (h, b), GST_FLOW_OK);
    }
    gst_harness_push_event (h, gst_event_new_eos ());
    CU_ASSERT_EQUAL (gst_harness_buffers_received (h), 12);
    for (guint i = 1; i <= 12; i++) {
      GstBuffer *b = gst_harness_try_pull (h);
      CU_ASSERT_FATAL (b != NULL);
      CU_ASSERT (kinds[k].same ? gst_buffer_get_size (b) == (i / 2 % 3 ? 3 : 1) * (16 + i / 2 % 2 * 24) * (16 + i / 2 % 2 * 24)
                               : gst_buffer_get_size (b) == 12);
      gst_buffer_unref (b);
    }
    gst_harness_teardown (h);
  }
}

/* --- gone ---------------------------------------------------------------------- */

static GstPadProbeReturn
unlink_it (GstPad *pad, GstPadProbeInfo *info, gpointer done)
{
  GstPad *peer = gst_pad_get_peer (pad);
  (void) info;
  if (peer) {
    gst_pad_unlink (pad, peer);
    gst_object_unref (peer);
  }
  g_atomic_int_set ((gint *) done, TRUE);
  return GST_PAD_PROBE_REMOVE;
}

/* A branch with the elements is cut off a tee in the middle of the stream and taken out; the other runs to its end. */
static void
test_removal (void)
{
  for (guint c = 0; c < G_N_ELEMENTS (chains); c++) {
    g_autofree char *line = filled (chains[c].line);
    g_autofree char *text = g_strdup_printf (SET_SOURCE "epochs=2 ! identity sleep-time=500 ! tee name=tee ! queue ! fakesink",
        make_set ());
    GstElement *pipeline = gst_parse_launch (text, NULL), *tee = gst_bin_get_by_name (GST_BIN (pipeline), "tee");
    g_autofree char *described = g_strdup_printf ("queue ! %s", line);
    GstElement *branch = gst_parse_bin_from_description (described, TRUE, NULL);
    GstPad *from = gst_element_request_pad_simple (tee, "src_%u"), *to = gst_element_get_static_pad (branch, "sink");
    gint done = FALSE;
    gst_bin_add (GST_BIN (pipeline), gst_object_ref (branch));
    CU_ASSERT (gst_pad_link (from, to) == GST_PAD_LINK_OK);
    CU_ASSERT (reach (pipeline, GST_STATE_PLAYING));
    g_usleep (20000);
    gst_pad_add_probe (from, GST_PAD_PROBE_TYPE_IDLE, unlink_it, &done, NULL);
    while (!g_atomic_int_get (&done))
      g_usleep (1000);
    CU_ASSERT (reach (branch, GST_STATE_NULL));
    CU_ASSERT (gst_bin_remove (GST_BIN (pipeline), branch));
    gst_element_release_request_pad (tee, from);
    gst_object_unref (from);
    gst_object_unref (to);
    gst_object_unref (branch);
    play_to_the_end (pipeline, chains[c].name);
    CU_ASSERT (reach (pipeline, GST_STATE_NULL));
    gst_object_unref (tee);
    gst_object_unref (pipeline);
  }
}

/* The source goes, another one comes, and what is behind them goes on. */
static void
test_source_removal (void)
{
  GstElement *pipeline = launch (3, "identity name=behind ! "), *behind = gst_bin_get_by_name (GST_BIN (pipeline), "behind");
  for (guint i = 0; i < 3; i++) {
    GstElement *source = gst_bin_get_by_name (GST_BIN (pipeline), "source"),
               *other = gst_element_factory_make ("cnndatasetsrc", NULL);
    CU_ASSERT (reach (pipeline, GST_STATE_PLAYING));
    CU_ASSERT (reach (source, GST_STATE_NULL));
    gst_bin_remove (GST_BIN (pipeline), source);
    gst_object_unref (source);
    g_object_set (other, "name", "source", "location", make_set (), "classes", "airplane,automobile", NULL);
    gst_bin_add (GST_BIN (pipeline), other);
    CU_ASSERT (gst_element_link (other, behind));
    CU_ASSERT (gst_element_sync_state_with_parent (other));
  }
  play_to_the_end (pipeline, "another source");
  CU_ASSERT (reach (pipeline, GST_STATE_NULL));
  gst_object_unref (behind);
  gst_object_unref (pipeline);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    { "an end without a sample", test_no_sample },
    { "PLAYING, PAUSED, READY, NULL, again", test_states },
    { "flushing seeks", test_seeks },
    { "pictures of other sizes", test_sizes },
    { "removal from a running pipeline", test_removal },
    { "another source in a running pipeline", test_source_removal },
    { NULL, NULL },
  };
  gst_init (&argc, &argv);
  return temp_main ("elements-robust", tests);
}
