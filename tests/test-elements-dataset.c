/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-elements-dataset.c - cnndatasetsrc: what it gives and says, in which order; damage, seeking, again and again. */
#include "plugins/cnnsample.h"
#include "tests/element-tools.h"
#include "tests/temp-files.h"
#include <glib/gstdio.h>
#include <string.h>

#define N_TRAIN 6               /* a and b have three each; c below validation has one of each class */

/* What went into the sink, a line each: "caps image/jpeg", "phase 1 train 6", "train a/1.jpg 0 a". */
static char *
listen_to (GstPad *pad, GstPadProbeInfo *info, CnnSample *s)
{
  CnnPhaseEvent p;
  CnnDatasetEvent d;
  GstCaps *caps;
  (void) pad;
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER) {
    cnn_sample_get (info->data, s);
    return g_strdup_printf ("%s %s %d %s", s->split, s->source, s->label, s->class);
  }
  if (cnn_phase_event_parse (info->data, &p))
    return g_strdup_printf ("phase %u/%u %s %u", p.epoch, p.epochs, p.split, (guint) p.samples);
  if (cnn_dataset_event_parse (info->data, &d)) {
    g_autofree char *classes = g_strjoinv (",", (char **) d.classes);
    g_free ((gpointer) d.classes);
    return g_strdup_printf ("dataset %s %u+%u", classes, (guint) d.n_train, (guint) d.n_validation);
  }
  if (GST_EVENT_TYPE (info->data) == GST_EVENT_CAPS) {
    gst_event_parse_caps (info->data, &caps);
    return g_strdup_printf ("caps %s", gst_structure_get_name (gst_caps_get_structure (caps, 0)));
  }
  return g_strdup (GST_EVENT_TYPE_NAME (info->data));
}

static GstPadProbeReturn
on_data (GstPad *pad, GstPadProbeInfo *info, gpointer lines)
{
  CnnSample s;
  g_ptr_array_add (lines, listen_to (pad, info, &s));
  return GST_PAD_PROBE_OK;
}

/* Everything that reaches the sink of a pipeline, until its end. */
static char *
run (Run *r, const char *properties)
{
  g_autofree char *text = g_strdup_printf ("cnndatasetsrc name=d %s ! fakesink name=sink", properties);
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  GstElement *pipeline = gst_parse_launch (text, NULL), *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  GstPad *pad = gst_element_get_static_pad (sink, "sink");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_data, lines, NULL);
  gst_object_unref (pad);
  gst_object_unref (sink);
  run_again (r, pipeline);
  gst_object_unref (pipeline);
  g_ptr_array_add (lines, NULL);
  return g_strjoinv ("\n", (char **) lines->pdata);
}

static void
put (const char *name, GstBuffer *content)
{
  GstMapInfo map;
  gst_buffer_map (content, &map, GST_MAP_READ);
  temp_write (name, map.data, (gssize) map.size);
  gst_buffer_unmap (content, &map);
  gst_buffer_unref (content);
}

static const char *
make_tree (void)
{
  static gboolean made;
  for (guint i = 1; i <= 3 && !made; i++) {
    g_autofree char *a = g_strdup_printf ("tree/train/a/%u.jpg", i), *b = g_strdup_printf ("tree/train/b/%u.png", i);
    put (a, make_jpeg (JPEG_COLOR, 16, 16, 0));
    put (b, make_png (PNG_RGB8, 16, 16));
  }
  if (!made) {
    put ("tree/validation/b/9.jpg", make_jpeg (JPEG_COLOR, 16, 16, 0));
    temp_write ("tree/train/b/empty.png", "", 0);
    temp_write ("tree/train/b/notes.txt", "no picture", -1);
  }
  made = TRUE;
  return temp_path ("tree");
}

static void
test_order (void)
{
  g_autofree char *properties = g_strdup_printf ("location=%s shuffle=false", make_tree ());
  Run r;
  g_autofree char *said = run (&r, properties);
  CU_ASSERT_STRING_EQUAL (said, "stream-start\ncaps image/jpeg\nsegment\ndataset a,b 6+1\nphase 1/1 train 6\n"
      "train train/a/1.jpg 0 a\ntrain train/a/2.jpg 0 a\ntrain train/a/3.jpg 0 a\ncaps image/png\n"
      "train train/b/1.png 1 b\ntrain train/b/2.png 1 b\ntrain train/b/3.png 1 b\n"
      "caps image/jpeg\nphase 1/1 validation 1\nvalidation validation/b/9.jpg 1 b\neos");
  CU_ASSERT_EQUAL (count_said (&r, "cnn-skipped"), 2);
  CU_ASSERT_TRUE (r.n_warnings == 2 && strstr (r.warning, "train/b/empty.png: an empty file; skipped") != NULL);
  run_clear (&r);
}

/* Two runs are the same, another seed and another epoch are not, and an epoch has every sample once. */
static void
test_shuffle (void)
{
  const char *path = make_tree ();
  char *said[3];
  for (guint i = 0; i < 3; i++) {
    g_autofree char *properties = g_strdup_printf ("location=%s split=train epochs=2 seed=%u", path, i == 2 ? 8 : 7);
    Run r;
    said[i] = run (&r, properties);
    CU_ASSERT_EQUAL (r.n_frames, 2 * N_TRAIN);
    run_clear (&r);
  }
  CU_ASSERT_STRING_EQUAL (said[0], said[1]);
  CU_ASSERT_STRING_NOT_EQUAL (said[0], said[2]);
  char *second = strstr (said[0], "phase 2/2"), *first = strstr (said[0], "phase 1/2");
  CU_ASSERT_PTR_NOT_NULL_FATAL (second);
  second[-1] = '\0';
  CU_ASSERT_STRING_NOT_EQUAL (strstr (first, "\n"), strstr (second, "\n"));
  for (guint i = 1; i <= 3; i++) {
    g_autofree char *name = g_strdup_printf ("train/a/%u.jpg", i);
    CU_ASSERT_TRUE (strstr (first, name) && strstr (second, name));
  }
  for (guint i = 0; i < 3; i++)
    g_free (said[i]);
}

static void
test_splits (void)
{
  static const struct { const char *properties; guint n; const char *says; } cases[] = {
    { "split=train", 6, "dataset a,b 6+0" },
    { "split=validation", 1, "dataset a,b 0+1" },
    { "validation-split=0.5 epochs=3", 18, "dataset a,b 3+3" },
    { "split=train classes=b", 3, "dataset b 3+0" },
    { "split=train classes=b,a shuffle=false", 6, "dataset b,a 6+0" },
    { "split=train epochs=3 start-epoch=3 start-sample=4", 2, "phase 3/3 train 2" },
    { "epochs=2 start-sample=6 format=folder", 8, "phase 1/2 validation 1" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *properties = g_strdup_printf ("location=%s %s", make_tree (), cases[i].properties);
    Run r;
    g_autofree char *said = run (&r, properties);
    CU_ASSERT_EQUAL (r.n_frames, cases[i].n);
    CU_ASSERT_EQUAL (r.n_frames, cases[i].n);
    CU_ASSERT_PTR_NOT_NULL (strstr (said, cases[i].says));
    run_clear (&r);
  }
}

static void
test_errors (void)
{
  static const struct { const char *properties, *says; } cases[] = {
    { "", "no location=" },
    { "location=/nowhere", "/nowhere: no such file" },
    { "location=%s split=test", "no test samples" },
    { "location=%s classes=a,z", "class \"z\" is not there" },
    { "location=%s format=tfrecord", "\"tfrecord\" is not known" },
    { "location=%s validation-location=/nowhere", "/nowhere" },
    { "location=%s validation-split=0.01", "leaves one side empty" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_auto (GStrv) part = g_strsplit (cases[i].properties, "%s", 2);
    g_autofree char *properties = g_strjoinv (make_tree (), part);
    Run r;
    g_autofree char *said = run (&r, properties);
    CU_ASSERT_TRUE (r.n_errors == 1 && r.error && strstr (r.error, cases[i].says) && !strchr (r.error, '\n'));
    run_clear (&r);
  }
  temp_write ("hollow/a/1.jpg", "GIF89a", -1);
  g_autofree char *properties = g_strdup_printf ("location=%s", temp_path ("hollow"));
  Run r;
  g_autofree char *said = run (&r, properties);
  CU_ASSERT_TRUE (r.n_errors == 1 && strstr (r.error, "class \"a\" has no picture left"));
  run_clear (&r);
}

#define VANISHING 40            /* more than are read ahead */

static GstPadProbeReturn
remove_all (GstPad *pad, GstPadProbeInfo *info, gpointer unused)
{
  (void) pad, (void) info, (void) unused;
  for (guint i = 0; i < VANISHING; i++) {
    g_autofree char *name = g_strdup_printf ("gone/a/%02u.jpg", i);
    g_remove (temp_path (name));
  }
  return GST_PAD_PROBE_REMOVE;
}

/* Files that go away while the first sample is on its way: what was not read before is counted as skipped. */
static void
test_vanished (void)
{
  for (guint i = 0; i < VANISHING; i++) {
    g_autofree char *name = g_strdup_printf ("gone/a/%02u.jpg", i);
    put (name, make_jpeg (JPEG_COLOR, 8, 8, 0));
  }
  g_autofree char *text = g_strdup_printf ("cnndatasetsrc location=%s shuffle=false", temp_path ("gone"));
  GstHarness *h = gst_harness_new_parse (text);
  g_autoptr (GstPad) pad = gst_element_get_static_pad (h->element, "src");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, remove_all, NULL, NULL);
  gst_harness_play (h);
  for (gboolean over = FALSE; !over;) {
    GstEvent *event = gst_harness_pull_event (h);
    CU_ASSERT_PTR_NOT_NULL_FATAL (event);
    over = GST_EVENT_TYPE (event) == GST_EVENT_EOS;
    gst_event_unref (event);
  }
  guint skipped, n = gst_harness_buffers_received (h);
  gst_harness_get (h, "cnndatasetsrc", "skipped", &skipped, NULL);
  CU_ASSERT (n >= 1 && skipped >= 1);
  CU_ASSERT_EQUAL (n + skipped, VANISHING);
  gst_harness_teardown (h);
}

/* --- bytes ------------------------------------------------------------ */

/* A CIFAR file: 32x32 planes become rows of RGB. */
static void
test_pixels (void)
{
  guint8 record[2][3073];
  for (guint r = 0; r < 2; r++)
    for (guint i = 0; i < 3073; i++)
      record[r][i] = i == 0 ? 3 + 2 * r : (guint8) (i * 7 + r + i / 1024);
  g_autofree char *text = g_strdup_printf ("cnndatasetsrc location=%s shuffle=false", temp_write ("x.bin", record, sizeof record));
  GstHarness *h = gst_harness_new_parse (text);
  GstVideoFrame f;
  CnnSample s;
  gst_harness_play (h);
  gst_buffer_unref (gst_harness_pull (h));
  GstBuffer *b = gst_harness_pull (h);
  CU_ASSERT_TRUE_FATAL (b != NULL && cnn_sample_get (b, &s));
  CU_ASSERT_TRUE (s.label == 5 && s.number == 1 && s.epoch == 1);
  CU_ASSERT_STRING_EQUAL (s.class, "dog");
  CU_ASSERT_STRING_EQUAL (s.source, "x.bin[1]");
  map_pulled (h, b, &f);
  CU_ASSERT_TRUE (GST_VIDEO_FRAME_FORMAT (&f) == GST_VIDEO_FORMAT_RGB && GST_VIDEO_FRAME_WIDTH (&f) == 32 && GST_VIDEO_FRAME_HEIGHT (&f) == 32);
  const guint8 *p = GST_VIDEO_FRAME_PLANE_DATA (&f, 0);
  gboolean same = TRUE;
  for (guint i = 0; i < 1024; i++)
    for (guint c = 0; c < 3; c++)
      same = same && p[3 * i + c] == record[1][1 + 1024 * c + i];
  CU_ASSERT_TRUE (same);
  gst_video_frame_unmap (&f);
  gst_buffer_unref (b);
  gst_harness_teardown (h);
}

static void
test_texts (void)
{
  temp_write ("texts/neg/1.txt", "Bad, r\xc3\xa9" "ally.", -1);
  g_autofree char *text = g_strdup_printf ("cnndatasetsrc location=%s", temp_path ("texts"));
  GstHarness *h = gst_harness_new_parse (text);
  gst_harness_play (h);
  GstBuffer *b = gst_harness_pull (h);
  CU_ASSERT_PTR_NOT_NULL_FATAL (b);
  CU_ASSERT_TRUE (gst_buffer_get_size (b) == 13 && gst_buffer_memcmp (b, 0, "Bad, r\xc3\xa9" "ally.", 13) == 0);
  gst_buffer_unref (b);
  gst_harness_teardown (h);
}

/* --- states and seeks ------------------------------------------------- */

static GstPadProbeReturn
on_buffer (GstPad *pad, GstPadProbeInfo *info, gpointer last)
{
  (void) pad;
  g_atomic_int_set ((gint *) last, (gint) GST_BUFFER_OFFSET (info->data));
  return GST_PAD_PROBE_OK;
}

static void
test_seek (void)
{
  g_autofree char *text = g_strdup_printf ("cnndatasetsrc name=d location=%s epochs=3 ! fakesink name=sink", make_tree ());
  GstElement *pipeline = gst_parse_launch (text, NULL), *d = gst_bin_get_by_name (GST_BIN (pipeline), "d");
  GstPad *pad = gst_element_get_static_pad (d, "src");
  gint last = -1;
  gint64 v = 0;
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_buffer, &last, NULL);
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  gst_element_get_state (pipeline, NULL, NULL, GST_CLOCK_TIME_NONE);
  CU_ASSERT_EQUAL (g_atomic_int_get (&last), 0);
  CU_ASSERT_TRUE (gst_pad_query_duration (pad, GST_FORMAT_DEFAULT, &v) && v == 21);
  CU_ASSERT_TRUE (gst_element_seek_simple (pipeline, GST_FORMAT_DEFAULT, GST_SEEK_FLAG_FLUSH, 15));
  gst_element_get_state (pipeline, NULL, NULL, GST_CLOCK_TIME_NONE);
  CU_ASSERT_EQUAL (g_atomic_int_get (&last), 15);
  CU_ASSERT_TRUE (gst_pad_query_position (pad, GST_FORMAT_DEFAULT, &v) && v == 16);
  CU_ASSERT_TRUE (gst_element_seek_simple (pipeline, GST_FORMAT_DEFAULT, GST_SEEK_FLAG_FLUSH, 2));
  gst_element_get_state (pipeline, NULL, NULL, GST_CLOCK_TIME_NONE);
  CU_ASSERT_EQUAL (g_atomic_int_get (&last), 2);
  CU_ASSERT_FALSE (gst_element_seek_simple (pipeline, GST_FORMAT_DEFAULT, GST_SEEK_FLAG_FLUSH, 22));
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pad);
  gst_object_unref (d);
  gst_object_unref (pipeline);
}

static void
test_again (void)
{
  g_autofree char *text = g_strdup_printf ("cnndatasetsrc location=%s ! queue ! cnnimagedec width=8 height=8 ! fakesink name=sink", make_tree ());
  GstElement *pipeline = gst_parse_launch (text, NULL);
  for (guint i = 0; i < 5; i++) {
    Run r;
    run_again (&r, pipeline);
    CU_ASSERT_TRUE (r.eos && r.n_frames == 7 && r.n_errors == 0);
    run_clear (&r);
    gst_element_set_state (pipeline, GST_STATE_PLAYING);        /* and stopped at once, wherever it is */
    gst_element_set_state (pipeline, GST_STATE_NULL);
  }
  gst_object_unref (pipeline);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = { { "what is said, in order", test_order }, { "shuffled", test_shuffle }, { "splits, classes, a later start", test_splits },
    { "errors are one line", test_errors }, { "files that vanish", test_vanished }, { "pixels", test_pixels }, { "texts", test_texts },
    { "seek to a sample", test_seek }, { "again and again", test_again }, { NULL, NULL } };
  gst_init (&argc, &argv);
  gst_object_unref (gst_plugin_load_by_name ("convoy"));
  return temp_main ("dataset", tests);
}
