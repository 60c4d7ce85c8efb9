/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-elements-text.c - cnntokenize: texts of buffers, lines and files, a vocabulary that is learnt on the way or a
 * model's own, bad texts; cnnclassify on texts. */
#include "plugins/cnnsample.h"
#include "plugins/cnntensor.h"
#include "tests/element-model.h"
#include "tests/element-tools.h"
#include "tests/temp-files.h"
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

static GstHarness *
tokenizer (const char *properties)
{
  g_autofree char *text = g_strdup_printf ("cnntokenize name=t vocabulary=%s length=4 %s", temp_write ("words.txt", "a\nb\nc\nd\n", -1), properties);
  return gst_harness_new_parse (text);
}

static GstBuffer *
text_buffer (const char *text, gsize n)
{
  return n ? gst_buffer_new_memdup (text, n) : gst_buffer_new ();
}

/* "1 3 4 0", and the buffer is gone; "-": there was none. */
static char *
pull_row (GstHarness *h)
{
  GstBuffer *b = gst_harness_try_pull (h);
  GString *s = g_string_new (NULL);
  GstMapInfo map;
  if (!b)
    return g_string_free (g_string_append_c (s, '-'), FALSE);
  gst_buffer_map (b, &map, GST_MAP_READ);
  for (gsize i = 0; i < map.size / 4; i++)
    g_string_append_printf (s, "%s%d", i ? " " : "", ((gint32 *) (gpointer) map.data)[i]);
  gst_buffer_unmap (b, &map);
  gst_buffer_unref (b);
  return g_string_free (s, FALSE);
}

static void
check_row (GstHarness *h, const char *wanted)
{
  g_autofree char *row = pull_row (h);
  CU_ASSERT_STRING_EQUAL (row, wanted);
}

static guint
skipped (GstHarness *h)
{
  guint n;
  GstElement *t = gst_harness_find_element (h, "cnntokenize");
  g_object_get (t, "skipped", &n, NULL);
  gst_object_unref (t);
  return n;
}

static void
test_buffers (void)
{
  GstHarness *h = tokenizer ("");
  CnnSample s = { 1, "pos", "pos/1.txt", CNN_SPLIT_TRAIN, 2, 7 }, got;
  ConvoyShape shape;
  ConvoyType type;
  gst_harness_set_src_caps_str (h, "text/x-raw,format=utf8");
  GstBuffer *b = text_buffer ("B, a\nzzz", 8);
  cnn_sample_attach (b, &s);
  CU_ASSERT_EQUAL (gst_harness_push (h, b), GST_FLOW_OK);
  b = gst_harness_pull (h);
  CU_ASSERT_TRUE (cnn_sample_get (b, &got) && got.label == 1 && got.number == 7);
  CU_ASSERT_TRUE (gst_buffer_memcmp (b, 0, (gint32[]) { 1, 4, 3, 2 }, 16) == 0);
  gst_buffer_unref (b);
  GstCaps *caps = gst_pad_get_current_caps (h->sinkpad);
  CU_ASSERT_TRUE (cnn_tensor_parse (caps, &type, &shape, NULL) && type == CONVOY_I32 && convoy_shape_equal (&shape, &CONVOY_SHAPE (1, 4)));
  gst_caps_unref (caps);
  gst_harness_push (h, text_buffer ("a\xff", 2));
  gst_harness_push (h, text_buffer ("", 0));
  gst_harness_push (h, text_buffer ("a\0b", 3));
  gst_harness_push (h, text_buffer ("c", 1));
  check_row (h, "0 0 1 5");
  check_row (h, "-");
  CU_ASSERT_EQUAL (skipped (h), 3);
  gst_harness_teardown (h);
}

/* Lines that are cut anywhere, with either end of line, and without one at the end of the stream. */
static void
test_lines (void)
{
  GstHarness *h = tokenizer ("pad=tail");
  gst_harness_set_live (h, FALSE);
  gst_harness_push_event (h, gst_event_new_stream_start ("x"));
  GstSegment bytes;
  gst_segment_init (&bytes, GST_FORMAT_BYTES);
  gst_harness_push_event (h, gst_event_new_segment (&bytes));
  for (const char *p = "a b\nb\r\n\nc d a"; *p; p++)
    CU_ASSERT_EQUAL (gst_harness_push (h, text_buffer (p, 1)), GST_FLOW_OK);
  check_row (h, "1 3 4 0");
  check_row (h, "1 4 0 0");
  check_row (h, "-");
  gst_harness_push_event (h, gst_event_new_eos ());
  check_row (h, "1 5 6 3");
  CU_ASSERT_EQUAL (skipped (h), 1);
  gst_harness_teardown (h);
}

static void
test_files (void)
{
  static const struct { const char *properties; guint n; } cases[] = { { "", 2 }, { "unit=file", 1 }, { "unit=buffer", 1 } };
  const char *words = temp_write ("words.txt", "a\nb\n", -1);
  temp_write ("in.txt", "a b\n!!\nb\n", -1);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    Run r;
    run_pipeline (&r, "filesrc location=%s ! cnntokenize vocabulary=%s %s ! fakesink name=sink", temp_path ("in.txt"), words, cases[i].properties);
    CU_ASSERT_TRUE (r.eos && r.n_frames == cases[i].n);
    CU_ASSERT_TRUE (i > 0 || (r.n_warnings == 1 && strstr (r.warning, "in.txt:2: no word in 2 bytes; skipped")));
    run_clear (&r);
  }
}

/* A line beyond the limit is told, and the next one is read. */
static void
test_long_line (void)
{
  GstHarness *h = tokenizer ("unit=line");
  g_autofree char *much = g_malloc (1 << 20);
  memset (much, 'x', 1 << 20);
  gst_harness_set_src_caps_str (h, "text/x-raw,format=utf8");
  for (guint i = 0; i < 20; i++)
    gst_harness_push (h, text_buffer (much, 1 << 20));
  gst_harness_push (h, text_buffer ("\na b\n", 5));
  check_row (h, "0 1 3 4");
  CU_ASSERT_EQUAL (skipped (h), 1);
  gst_harness_teardown (h);
}

static GstPadProbeReturn
on_event (GstPad *pad, GstPadProbeInfo *info, gpointer props)
{
  (void) pad;
  cnn_metadata_event_parse (info->data, props);
  return GST_PAD_PROBE_OK;
}

/* Learnt from the training texts alone, saved, and told downstream. */
static void
test_learnt (void)
{
  temp_write ("reviews/train/pos/1.txt", "good good film", -1);
  temp_write ("reviews/train/neg/1.txt", "bad film", -1);
  temp_write ("reviews/validation/neg/1.txt", "bad bad bad awful", -1);
  const char *words = temp_path ("learnt.txt");
  g_autoptr (GHashTable) props = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autofree char *text = g_strdup_printf ("cnndatasetsrc location=%s ! cnntokenize vocabulary=%s max-words=5 length=4 ! fakesink name=sink", temp_path ("reviews"), words);
  GstElement *pipeline = gst_parse_launch (text, NULL), *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  GstPad *pad = gst_element_get_static_pad (sink, "sink");
  g_autofree char *saved = NULL;
  Run r;
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_event, props, NULL);
  run_again (&r, pipeline);
  CU_ASSERT_TRUE (r.eos && r.n_frames == 3 && r.n_warnings == 0);
  CU_ASSERT_TRUE_FATAL (g_file_get_contents (words, &saved, NULL, NULL));
  CU_ASSERT_STRING_EQUAL (saved, "film\ngood\n");
  CU_ASSERT_STRING_EQUAL (g_hash_table_lookup (props, "vocabulary"), saved);
  CU_ASSERT_STRING_EQUAL (g_hash_table_lookup (props, "length"), "4");
  CU_ASSERT_STRING_EQUAL (g_hash_table_lookup (props, "truncate"), "head");
  run_clear (&r);
  run_again (&r, pipeline);             /* now it is read */
  CU_ASSERT_TRUE (r.eos && r.n_frames == 3);
  run_clear (&r);
  gst_object_unref (pad);
  gst_object_unref (sink);
  gst_object_unref (pipeline);
}

static void
test_no_vocabulary (void)
{
  static const struct { const char *properties, *says; } cases[] = { { "", "no vocabulary= or model= is given" }, { "vocabulary=/nowhere/x", "/nowhere/x" },
    { "vocabulary=%s max-words=4", "numbers up to 4, but max-words=4" } };
  const char *words = temp_write ("two.txt", "a\nb\n", -1);
  temp_write ("in.txt", "a\n", -1);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_auto (GStrv) part = g_strsplit (cases[i].properties, "%s", 2);
    g_autofree char *properties = g_strjoinv (words, part);
    Run r;
    run_pipeline (&r, "filesrc location=%s ! cnntokenize %s ! fakesink name=sink", temp_path ("in.txt"), properties);
    CU_ASSERT_TRUE (r.n_errors == 1 && r.error && strstr (r.error, cases[i].says) && !strchr (r.error, '\n'));
    run_clear (&r);
  }
}

/* --- a model that reads texts ------------------------------------------- */

#define SURE (1 / (1 + exp (-3.)))      /* as element-model.h says */

static char *text_model;

/* The label and probability of what was found, which is what the buffer carries too. */
static void
check_result (GstBuffer *b, const char *label, double score)
{
  GstCustomMeta *meta = gst_buffer_get_custom_meta (b, "GstCnnClassificationMeta");
  CU_ASSERT_PTR_EQUAL_FATAL (meta == NULL, label == NULL);
  if (label) {
    const GstStructure *s = gst_custom_meta_get_structure (meta);
    CU_ASSERT_STRING_EQUAL (gst_structure_get_string (s, "label"), label);
    CU_ASSERT_DOUBLE_EQUAL (g_value_get_double (gst_value_array_get_value (gst_structure_get_value (s, "scores"), 0)), score, 1e-6);
  }
  gst_buffer_unref (b);
}

/* A text a buffer; a bad one goes by without a result. */
static void
test_classify (void)
{
  static const struct { const char *text; gsize n; const char *label; } cases[] = { { "a GOOD film", 11, "praise" }, { "bad.", 4, "complaint" },
    { "", 0, NULL }, { "good\xff", 5, NULL }, { "good\0", 5, NULL }, { "Good, one two three four bad", 28, "praise" } };
  for (guint workers = 1; workers <= 2; workers++) {
    g_autofree char *text = g_strdup_printf ("cnnclassify model=%s workers=%u batch-size=2", text_model, workers);
    GstHarness *h = gst_harness_new_parse (text);
    gst_harness_set_src_caps_str (h, "text/x-raw,format=utf8");
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
      CU_ASSERT_EQUAL (gst_harness_push (h, text_buffer (cases[i].text, cases[i].n)), GST_FLOW_OK);
    gst_harness_push_event (h, gst_event_new_eos ());
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
      GstBuffer *b = gst_harness_pull (h);
      CU_ASSERT_TRUE (gst_buffer_get_size (b) == cases[i].n);
      check_result (b, cases[i].label, SURE);
    }
    gst_harness_teardown (h);
  }
}

/* Whatever tokenizer it is asked through, the model's own vocabulary and rules count. */
static void
test_own_words (void)
{
  g_autofree char *of_model = g_strdup_printf ("cnntokenize model=%s ! cnnextract model=%s layer=words", text_model, text_model);
  g_autofree char *asked = g_strdup_printf ("cnntokenize ! cnnclassify model=%s", text_model);
  g_autofree char *asked_behind = g_strdup_printf ("cnntokenize ! queue ! cnnclassify model=%s", text_model);
  const char *const both[] = { asked, asked_behind };
  for (guint i = 0; i < 2; i++) {
    GstHarness *h = gst_harness_new_parse (both[i]);
    gst_harness_set_src_caps_str (h, "text/x-raw,format=utf8");
    gst_harness_push (h, text_buffer ("film good", 9));
    GstBuffer *b = gst_harness_pull (h);
    CU_ASSERT_TRUE (gst_buffer_memcmp (b, 0, (gint32[]) { 0, 0, 1, 5, 3 }, 20) == 0);
    check_result (b, "praise", SURE);
    gst_harness_teardown (h);
  }
  GstHarness *h = gst_harness_new_parse (of_model);
  gst_harness_set_src_caps_str (h, "text/x-raw,format=utf8");
  gst_harness_push (h, text_buffer ("bad", 3));
  gst_harness_push_event (h, gst_event_new_eos ());
  GstBuffer *b = gst_harness_pull (h);
  CU_ASSERT_EQUAL_FATAL (gst_buffer_get_size (b), 2 * 5 * sizeof (float));
  gst_buffer_unref (b);
  gst_harness_teardown (h);
}

/* Lines of a file, each with its number; what is none among them does not end it. */
static void
test_classify_lines (void)
{
  Run r;
  temp_write ("lines.txt", "good\n\n\xff\nbad bad\nfilm\n", -1);
  run_pipeline (&r, "filesrc location=%s ! cnntokenize ! cnnclassify model=%s ! fakesink name=sink", temp_path ("lines.txt"), text_model);
  CU_ASSERT_TRUE (r.eos && r.n_errors == 0 && r.n_frames == 3 && r.n_warnings == 2);
  CU_ASSERT_TRUE (strstr (r.warning, "lines.txt:2: no word in 0 bytes") != NULL);
  run_clear (&r);
}

static void
test_misfits (void)
{
  static const struct { const char *pipeline, *says; } cases[] = {
    { "videotestsrc num-buffers=1 ! cnnclassify model=%s ! fakesink name=sink", "takes int64 of 1x5, but pictures come" },
    { "filesrc location=%s ! text/x-raw,format=utf8 ! cnnclassify model=cifar10-best ! fakesink name=sink", "pictures, but texts come" },
    { "filesrc location=%s ! cnntokenize length=9 vocabulary=/none ! cnnclassify model=cifar10-best ! fakesink name=sink", "pictures, but tensors come" },
    { "filesrc location=%s ! cnntokenize model=cifar10-best ! fakesink name=sink", "no vocabulary in its metadata" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    Run r;
    run_pipeline (&r, cases[i].pipeline, text_model);
    CU_ASSERT_TRUE (r.n_errors >= 1 && r.error && strstr (r.error, cases[i].says) && !strchr (r.error, '\n'));
    run_clear (&r);
  }
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = { { "a text a buffer", test_buffers }, { "a text a line", test_lines }, { "files", test_files },
    { "texts classified", test_classify }, { "a model's own words", test_own_words }, { "lines classified", test_classify_lines },
    { "what does not fit", test_misfits },
    { "a line too long", test_long_line }, { "a vocabulary learnt on the way", test_learnt }, { "no vocabulary", test_no_vocabulary }, { NULL, NULL } };
  gst_init (&argc, &argv);
  gst_object_unref (gst_plugin_load_by_name ("convoy"));
  g_autofree char *folder = g_dir_make_tmp ("convoy-XXXXXX", NULL);
  text_model = make_text_model (folder);
  int status = temp_main ("text", tests);
  g_unlink (text_model);
  g_rmdir (folder);
  g_free (text_model);
  return status;
}
