/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-elements-features.c - cnnextract, cnndatasetsink and cnnaugment: features from files to a
 * store, again, after a kill, and from a model or pictures that do not fit. */
#include "core/convoy.h"
#include "tests/element-model.h"
#include "tests/element-tools.h"
#include "tests/tap.h"
#include <glib/gstdio.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_FILES 12              /* of each of two classes */

static char *folder, *pets, *model;

/* Outside of a test, so without its checks. */
static void
put_file (const char *folder_of, const char *name, GstBuffer *content)
{
  g_autofree char *path = g_build_filename (folder_of, name, NULL);
  GstMapInfo map;
  GError *error = NULL;
  gst_buffer_map (content, &map, GST_MAP_READ);
  g_file_set_contents (path, (const char *) map.data, (gssize) map.size, &error);
  g_assert_no_error (error);
  gst_buffer_unmap (content, &map);
  gst_buffer_unref (content);
}

/* Two classes of pictures of different sizes. */
static void
make_pets (void)
{
  static const char *const classes[] = { "cat", "dog" };
  pets = g_build_filename (folder, "pets", NULL);
  for (guint c = 0; c < 2; c++) {
    g_autofree char *class = g_build_filename (pets, classes[c], NULL);
    g_mkdir_with_parents (class, 0755);
    for (guint i = 0; i < N_FILES; i++) {
      g_autofree char *name = g_strdup_printf ("%02u.jpg", i);
      put_file (class, name, make_jpeg (c ? JPEG_COLOR : JPEG_GREY, 20 + 3 * i, 30, 0));
    }
  }
}

static char *
store_path (const char *name)
{
  return g_build_filename (folder, name, NULL);
}

/* The line that people type; more goes before the extractor. */
static char *
line (const char *store, const char *more)
{
  return g_strdup_printf ("cnndatasetsrc location=%s split=train ! cnnimagedec width=8 height=8 name=dec ! %s cnnextract name=extract model=%s "
      "layer=features batch-size=5 workers=2 ! cnndatasetsink name=sink location=%s", pets, more, model, store);
}

/* Runs it; gives what cnn-stored says, NULL when it failed, with the error. */
static GstStructure *
extract (const char *store, const char *more, char **error)
{
  g_autofree char *text = line (store, more);
  GError *e = NULL;
  GstElement *pipeline = gst_parse_launch (text, &e);
  CU_ASSERT_FATAL (pipeline != NULL && e == NULL);
  GstBus *bus = gst_element_get_bus (pipeline);
  GstStructure *stored = NULL;
  GstMessage *m;
  gboolean end = FALSE;
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (!end && (m = gst_bus_timed_pop (bus, 60 * GST_SECOND))) {
    const GstStructure *s = gst_message_get_structure (m);
    if (GST_MESSAGE_TYPE (m) == GST_MESSAGE_ERROR) {
      gst_message_parse_error (m, &e, NULL);
      if (error && !*error)
        *error = g_strdup (e->message);
      g_clear_error (&e);
      end = TRUE;
    }
    if (GST_MESSAGE_TYPE (m) == GST_MESSAGE_ELEMENT && gst_structure_has_name (s, "cnn-stored"))
      stored = gst_structure_copy (s);
    end |= GST_MESSAGE_TYPE (m) == GST_MESSAGE_EOS;
    gst_message_unref (m);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
  return stored;
}

static gboolean
counts (GstStructure *stored, guint64 rows, guint64 added, guint64 dropped)
{
  guint64 r = 0, a = 0, d = 0;
  gboolean ok = stored && gst_structure_get (stored, "rows", G_TYPE_UINT64, &r, "added", G_TYPE_UINT64, &a, "dropped", G_TYPE_UINT64, &d, NULL);
  if (stored)
    gst_structure_free (stored);
  return ok && r == rows && a == added && d == dropped;
}

static gboolean
same_file (const char *a, const char *b)
{
  g_autofree char *x = NULL, *y = NULL;
  gsize n = 0, m = 1;
  return g_file_get_contents (a, &x, &n, NULL) && g_file_get_contents (b, &y, &m, NULL) && n == m && memcmp (x, y, n) == 0;
}

/* A feature of the model is the mean of (pixel - 50) / 25 over a channel; a ninth of a made picture has another colour. */
static void
test_store (void)
{
  g_autofree char *store = store_path ("a.h5");
  float v[3];
  gint64 label;
  CU_ASSERT (counts (extract (store, "", NULL), 2 * N_FILES, 2 * N_FILES, 0));
  ConvoyDataset *d = convoy_dataset_open (store, "train", NULL);
  CU_ASSERT_FATAL (d != NULL);
  const ConvoyDatasetInfo *info = convoy_dataset_info (d);
  CU_ASSERT (info->n == 2 * N_FILES && info->n_classes == 2 && convoy_shape_equal (&info->shape, &CONVOY_SHAPE (3, 1, 1)));
  CU_ASSERT_STRING_EQUAL (convoy_dataset_name (d, 0), "cat/00.jpg");
  CU_ASSERT (convoy_dataset_read (d, N_FILES + 1, v, &label, NULL) && label == 1);
  CU_ASSERT (fabsf (v[0] - (192 * 8 / 9.0f - 50) / 25) < 0.4f && fabsf (v[2] - (64 * 8 / 9.0f - 50) / 25) < 0.4f);
  convoy_dataset_unref (d);
}

/* Once more: nothing is decoded. A new file, a changed one and one that is gone are noticed. */
static void
test_again (void)
{
  g_autofree char *store = store_path ("b.h5"), *other = store_path ("c.h5"), *cats = g_build_filename (pets, "cat", NULL);
  g_autofree char *gone = g_build_filename (cats, "new.jpg", NULL);
  CU_ASSERT (counts (extract (store, "", NULL), 2 * N_FILES, 2 * N_FILES, 0));
  CU_ASSERT (counts (extract (store, "queue !", NULL), 2 * N_FILES, 0, 0));
  write_file (cats, "new.jpg", make_jpeg (JPEG_COLOR, 50, 50, 0));
  CU_ASSERT (counts (extract (store, "", NULL), 2 * N_FILES + 1, 1, 0));
  write_file (cats, "new.jpg", make_jpeg (JPEG_COLOR, 60, 50, 0));
  CU_ASSERT (counts (extract (store, "", NULL), 2 * N_FILES + 1, 1, 0));
  CU_ASSERT (counts (extract (other, "", NULL), 2 * N_FILES + 1, 2 * N_FILES + 1, 0));
  CU_ASSERT (same_file (store, other));
  g_unlink (gone);
  CU_ASSERT (counts (extract (store, "", NULL), 2 * N_FILES, 0, 1));
}

/* A store of the same model by another way is refused. */
static void
test_refused (void)
{
  g_autofree char *store = store_path ("d.h5"), *error = NULL;
  GstStructure *s = extract (store, "", NULL);
  CU_ASSERT (s != NULL);
  gst_clear_structure (&s);
  CU_ASSERT_PTR_NULL (extract (store, "videoflip method=vertical-flip !", &error));
  CU_ASSERT (error && strstr (error, "d.h5: made with request \"cnnimagedec height=8 width=8 ! layer=features pooling=none\" by ")
      && strstr (error, "videoflip"));
}

/* A child is killed as soon as some rows are there; the same line then gives the same store. */
static void
test_killed (void)
{
  g_autofree char *store = store_path ("k.h5"), *whole = store_path ("w.h5"), *text = line (store, "identity sleep-time=100000 !");
  g_autofree char *part = store_path (".k.h5.part");
  g_autofree char *command = g_strdup_printf ("pipelines/env gst-launch-1.0 -q %s", text);
  g_auto (GStrv) args = NULL;
  GPid child;
  GStatBuf st = { 0 };
  CU_ASSERT_FATAL (g_shell_parse_argv (command, NULL, &args, NULL));
  CU_ASSERT_FATAL (g_spawn_async (NULL, args, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &child, NULL));
  while (st.st_size < 4096 + 5 * 256 && waitpid (child, NULL, WNOHANG) == 0) {
    g_usleep (10000);
    if (g_stat (part, &st) != 0)
      st.st_size = 0;
  }
  kill (child, SIGKILL);
  waitpid (child, NULL, 0);
  CU_ASSERT (!g_file_test (store, G_FILE_TEST_EXISTS) && g_file_test (part, G_FILE_TEST_EXISTS));
  GstStructure *s = extract (store, "", NULL);
  guint64 added = 0;
  CU_ASSERT (s && gst_structure_get_uint64 (s, "added", &added) && added > 0 && added < 2 * N_FILES);
  gst_clear_structure (&s);
  s = extract (whole, "", NULL);
  gst_clear_structure (&s);
  CU_ASSERT (same_file (store, whole));
}

/* --- cnnextract alone --------------------------------------------------- */

static GstBuffer *
frame (guint width, guint height)
{
  GstBuffer *b = gst_buffer_new_allocate (NULL, GST_ROUND_UP_4 (width * 3) * height, NULL);
  gst_buffer_memset (b, 0, 100, gst_buffer_get_size (b));
  GstCustomMeta *meta = gst_buffer_add_custom_meta (b, "GstCnnSampleMeta");
  gst_structure_set (gst_custom_meta_get_structure (meta), "source", G_TYPE_STRING, "one", NULL);
  return b;
}

static GstHarness *
extractor (const char *more)
{
  g_autofree char *text = g_strdup_printf ("cnnextract model=%s workers=1 %s", model, more);
  return gst_harness_new_parse (text);
}

static void
test_events (void)
{
  GstHarness *h = extractor ("layer=features batch-size=4");
  gst_harness_set_src_caps_str (h, "video/x-raw,format=RGB,width=8,height=8,framerate=0/1");
  CU_ASSERT (gst_harness_push (h, frame (8, 8)) == GST_FLOW_OK);        /* the first leaves at once, for sinks that wait for it */
  CU_ASSERT (gst_harness_buffers_received (h) == 1);
  CU_ASSERT (gst_harness_push (h, frame (8, 8)) == GST_FLOW_OK);
  CU_ASSERT (gst_harness_buffers_received (h) == 1);
  GstCaps *other = gst_caps_from_string ("video/x-raw,format=RGB,width=8,height=8,framerate=0/1,pixel-aspect-ratio=4/3");
  gst_harness_push_event (h, gst_event_new_caps (other));
  gst_caps_unref (other);
  CU_ASSERT (gst_harness_buffers_received (h) == 1);    /* the same frames to a network */
  gst_harness_push_event (h, gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM, gst_structure_new_empty ("cnn-phase")));
  CU_ASSERT (gst_harness_buffers_received (h) == 2);
  GstBuffer *b = gst_harness_pull (h);
  GstCustomMeta *meta = gst_buffer_get_custom_meta (b, "GstCnnSampleMeta");
  CU_ASSERT (meta && gst_buffer_get_size (b) == 3 * sizeof (float));
  gst_buffer_unref (b);
  GstCaps *caps = gst_pad_get_current_caps (h->sinkpad);
  CU_ASSERT_STRING_EQUAL (gst_structure_get_string (gst_caps_get_structure (caps, 0), "dimensions"), "1:1:3:1");
  gst_caps_unref (caps);
  GstEvent *event = gst_pad_get_sticky_event (h->sinkpad, GST_EVENT_CUSTOM_DOWNSTREAM_STICKY, 0);
  CU_ASSERT (event && gst_event_has_name (event, "cnn-extractor"));
  gst_clear_event (&event);

  CU_ASSERT (gst_harness_push (h, frame (8, 8)) == GST_FLOW_OK);        /* a flush forgets it */
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  GstSegment segment;
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  gst_harness_push_event (h, gst_event_new_eos ());
  CU_ASSERT (gst_harness_buffers_received (h) == 2);
  gst_harness_teardown (h);
}

/* Another size of pictures is another network; all that came before leaves first. */
static void
test_caps_change (void)
{
  GstHarness *h = extractor ("layer=features batch-size=4");
  gst_harness_set_src_caps_str (h, "video/x-raw,format=RGB,width=8,height=8,framerate=0/1");
  gst_harness_push (h, frame (8, 8));
  gst_harness_set_src_caps_str (h, "video/x-raw,format=RGB,width=4,height=4,framerate=0/1");
  gst_harness_push (h, frame (4, 4));
  gst_harness_set_src_caps_str (h, "video/x-raw,format=RGB,width=40,height=20,framerate=0/1");  /* fitted */
  gst_harness_push (h, frame (40, 20));
  gst_harness_push_event (h, gst_event_new_eos ());
  static const gsize sizes[] = { 3, 3, 3 };
  for (guint i = 0; i < 3; i++) {
    GstBuffer *b = gst_harness_try_pull (h);
    CU_ASSERT_FATAL (b != NULL);
    CU_ASSERT (gst_buffer_get_size (b) == sizes[i] * sizeof (float));
    gst_buffer_unref (b);
  }
  gst_harness_teardown (h);
}

/* A frame and then none: its features come without another one or an end, alone and from between workers; so do those after a flush. */
static void
test_max_latency (void)
{
  static const char *const kinds[] = { "workers=1", "workers=3" };
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    g_autofree char *text = g_strdup_printf ("cnnextract model=%s layer=features batch-size=4 max-latency=30000000 %s", model, kinds[i]);
    GstHarness *h = gst_harness_new_parse (text);
    gst_harness_set_upstream_latency (h, 20 * GST_MSECOND);
    gst_harness_set_src_caps_str (h, "video/x-raw,format=RGB,width=8,height=8,framerate=0/1");
    for (guint n = 0; n < 6; n++) {
      if (n == 3) {
        GstSegment segment;
        gst_segment_init (&segment, GST_FORMAT_TIME);
        gst_harness_push (h, frame (8, 8));
        gst_harness_push_event (h, gst_event_new_flush_start ());
        gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
        gst_harness_push_event (h, gst_event_new_segment (&segment));
        while (gst_harness_buffers_in_queue (h))        /* it may have been too late for the flush */
          gst_buffer_unref (gst_harness_pull (h));
      }
      guint had = gst_harness_buffers_received (h);
      CU_ASSERT (gst_harness_push (h, frame (8, 8)) == GST_FLOW_OK);
      GstBuffer *b = gst_harness_pull (h);
      CU_ASSERT_FATAL (b != NULL);
      gst_buffer_unref (b);
      CU_ASSERT_EQUAL (gst_harness_buffers_received (h), had + 1);
    }
    CU_ASSERT_EQUAL (gst_harness_query_latency (h), 50 * GST_MSECOND);  /* frames that come at no rate wait for the timer */
    gst_harness_teardown (h);
  }
}

/* The same where the clock decides when frames come; then the pipeline stops with one held. */
static void
test_live (void)
{
  g_autofree char *text = g_strdup_printf ("videotestsrc is-live=true ! video/x-raw,width=8,height=8,framerate=10/1 ! "
      "valve name=valve ! cnnextract model=%s layer=features batch-size=200 workers=1 max-latency=50000000 ! appsink name=sink sync=false", model);
  for (guint i = 0; i < 3; i++) {
    GstElement *pipeline = gst_parse_launch (text, NULL), *valve = gst_bin_get_by_name (GST_BIN (pipeline), "valve");
    GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
    GstSample *sample = NULL;
    CU_ASSERT (gst_element_set_state (pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
    g_signal_emit_by_name (sink, "try-pull-sample", 20 * GST_SECOND, &sample);
    CU_ASSERT (sample != NULL);
    g_clear_pointer (&sample, gst_sample_unref);
    if (i == 1)
      g_object_set (valve, "drop", TRUE, NULL);
    gst_element_set_state (pipeline, GST_STATE_NULL);
    gst_object_unref (sink);
    gst_object_unref (valve);
    gst_object_unref (pipeline);
  }
}

static void
test_bad_layer (void)
{
  g_autofree char *text = g_strdup_printf ("videotestsrc num-buffers=1 ! video/x-raw,width=8,height=8 ! cnnextract model=%s layer=Softmx ! fakesink name=sink", model);
  Run run;
  run_pipeline (&run, "%s", text);
  CU_ASSERT (run.n_errors >= 1 && strstr (run.error, "no layer is called \"Softmx\"; there are features, last-conv, "));
  run_clear (&run);
}

/* Tensors enter as they are. */
static void
test_tensors (void)
{
  GstHarness *h = extractor ("layer=features batch-size=1");
  float v[192];
  for (guint i = 0; i < 192; i++)
    v[i] = (float) (i / 64);
  gst_harness_set_src_caps_str (h, "other/tensors,format=static,num_tensors=1,dimensions=(string)8:8:3:1,types=float32,framerate=0/1");
  GstBuffer *b = gst_harness_push_and_pull (h, gst_buffer_new_memdup (v, sizeof v));
  CU_ASSERT_FATAL (b != NULL);
  float out[3];
  CU_ASSERT (gst_buffer_extract (b, 0, out, sizeof out) == sizeof out && out[0] == 0 && out[1] == 1 && out[2] == 2);
  gst_buffer_unref (b);
  gst_harness_teardown (h);
}

/* No sample, no file; and again in the same pipeline. */
static void
test_nothing (void)
{
  g_autofree char *store = store_path ("n.h5"), *text = g_strdup_printf ("videotestsrc num-buffers=0 ! cnnextract model=%s ! cnndatasetsink name=sink location=%s", model, store);
  GstElement *pipeline = gst_parse_launch (text, NULL);
  GstBus *bus = gst_element_get_bus (pipeline);
  for (guint i = 0; i < 2; i++) {
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    GstMessage *m = gst_bus_timed_pop_filtered (bus, 20 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    CU_ASSERT (m && GST_MESSAGE_TYPE (m) == GST_MESSAGE_EOS);
    gst_clear_message (&m);
    gst_element_set_state (pipeline, GST_STATE_NULL);
    CU_ASSERT (!g_file_test (store, G_FILE_TEST_EXISTS));
  }
  gst_object_unref (bus);
  gst_object_unref (pipeline);
}

/* --- cnnaugment --------------------------------------------------------- */

static GstBuffer *
augmented (const char *properties, const char *split, guint64 number)
{
  g_autofree char *text = g_strdup_printf ("cnnaugment %s", properties);
  GstHarness *h = gst_harness_new_parse (text);
  gst_harness_set_src_caps_str (h, "video/x-raw,format=GRAY8,width=16,height=8,framerate=0/1");
  GstBuffer *b = gst_buffer_new_allocate (NULL, 128, NULL);
  GstMapInfo map;
  gst_buffer_map (b, &map, GST_MAP_WRITE);
  for (guint i = 0; i < 128; i++)
    map.data[i] = (guint8) (i % 16 * 16);
  gst_buffer_unmap (b, &map);
  gst_structure_set (gst_custom_meta_get_structure (gst_buffer_add_custom_meta (b, "GstCnnSampleMeta")), "split", G_TYPE_STRING, split,
      "epoch", G_TYPE_UINT, 1, "number", G_TYPE_UINT64, number, NULL);
  b = gst_harness_push_and_pull (h, b);
  gst_harness_teardown (h);
  return b;
}

static gboolean
equal (GstBuffer *a, GstBuffer *b)
{
  GstMapInfo map;
  gst_buffer_map (a, &map, GST_MAP_READ);
  gboolean same = gst_buffer_memcmp (b, 0, map.data, map.size) == 0;
  gst_buffer_unmap (a, &map);
  gst_buffer_unref (b);
  return same;
}

static guint8
first (GstBuffer *b)
{
  guint8 v = 0;
  gst_buffer_extract (b, 0, &v, 1);
  gst_buffer_unref (b);
  return v;
}

static void
test_augment (void)
{
  const char *all = "flip=both rotate=30 zoom=0.3 translate=0.2 crop=0.3 brightness=0.2 contrast=0.3 seed=7";
  GstBuffer *plain = augmented ("", "train", 3), *a = augmented (all, "train", 3);
  CU_ASSERT (!equal (plain, augmented (all, "train", 3)));
  CU_ASSERT (equal (a, augmented (all, "train", 3)));
  CU_ASSERT (!equal (a, augmented (all, "train", 4)));
  CU_ASSERT (equal (plain, augmented (all, "validation", 3)));
  guint flipped = 0;
  for (guint i = 0; i < 100; i++)
    flipped += first (augmented ("flip=horizontal", "train", i)) == 240;
  CU_ASSERT (flipped > 30 && flipped < 70);
  gst_buffer_unref (plain);
  gst_buffer_unref (a);
}

/* A preview beside training, of stock elements and sinks as they are typed: the head's batch is larger than the preview's
 * queue, pictures of all sizes come scaled, with another pixel aspect ratio each. */
static void
test_preview (void)
{
  Run run;
  run_pipeline (&run, "cnndatasetsrc location=%s split=train framerate=25/1 ! jpegdec ! videoconvert ! videoscale ! video/x-raw,width=8,height=8,format=RGB ! "
      "videorate drop-only=true ! tee name=t t. ! queue max-size-buffers=8 ! cnnextract model=%s layer=features ! queue ! "
      "cnnhead training=true batch-size=20 layers=\"flatten ! dense units=${classes} activation=softmax\" ! fakesink name=sink "
      "t. ! queue max-size-buffers=8 ! cnnoverlay ! videoconvert ! fakesink", pets, model);
  CU_ASSERT_TRUE (run.eos);
  CU_ASSERT_EQUAL (run.n_frames, 2 * N_FILES);
  CU_ASSERT_EQUAL (run.n_errors + run.n_warnings, 0);
  CU_ASSERT_EQUAL (count_said (&run, "cnn-epoch"), 1);
  for (guint i = 0; i < run.pts->len; i++)
    CU_ASSERT_EQUAL (g_array_index (run.pts, GstClockTime, i), i * GST_SECOND / 25);
  run_clear (&run);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    { "features of a folder are stored", test_store },
    { "again: only what is new", test_again },
    { "another way of making them is refused", test_refused },
    { "killed and run again: the same store", test_killed },
    { "events push what is held, a flush forgets it", test_events },
    { "pictures of another size", test_caps_change },
    { "max-latency: features of a frame that nothing follows", test_max_latency },
    { "max-latency in live pipelines", test_live },
    { "a layer that is not there", test_bad_layer },
    { "tensors", test_tensors },
    { "a preview while a head learns", test_preview },
    { "nothing comes", test_nothing },
    { "augmentation is drawn by seed, epoch and number, for training only", test_augment },
    { NULL, NULL }
  };
  gst_init (&argc, &argv);
  gst_object_unref (gst_element_factory_make ("cnnextract", NULL));
  folder = g_dir_make_tmp ("convoy-test-XXXXXX", NULL);
  model = make_model (folder);
  make_pets ();
  int status = tap_main ("features", tests);
  g_autofree char *remove = g_strdup_printf ("rm -rf '%s'", folder);
  g_spawn_command_line_sync (remove, NULL, NULL, NULL, NULL);
  g_free (folder);
  g_free (pets);
  g_free (model);
  return status;
}
