/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * watch.c - see watch.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "pipelines/watch.h"
#include "pipelines/command.h"
#include "pipelines/stream.h"
#include "pipelines/term.h"
#include <math.h>
#include <stdio.h>

#define POLL (100 * GST_MSECOND)        /* how long Ctrl-C may wait */
#define POLL_KEYS (20 * GST_MSECOND)    /* and a key */

typedef struct {
  GstElement *pipeline;
  Keys *keys;                   /* NULL: there are none */
  char *source, *label;         /* of the last result; NULL: none yet */
  guint epochs;                 /* messages of this kind */
  GHashTable *skipped;          /* char *, files: each epoch comes across them again */
  char *saved;                  /* what the last one about a file said; NULL: none came */
  gboolean is_stopping, is_over;
  GError *error;
} Watch;

/* --- what elements say ------------------------------------------------ */

/* Told when it is another than before; the time says where in a stream of frames that was. */
static void
on_classification (Watch *w, const GstStructure *m)
{
  const char *source = gst_structure_get_string (m, "source"), *label;
  gboolean is_same_source = !g_strcmp0 (source ? source : "", w->source);
  GstClockTime pts = GST_CLOCK_TIME_NONE;
  double score = 0;
  int index;

  label = stream_label (m, 0, &index, &score);
  if (is_same_source && !g_strcmp0 (label, w->label))
    return;
  g_free (w->source);
  g_free (w->label);
  w->source = g_strdup (source ? source : "");
  w->label = g_strdup (label);
  term_end_progress ();
  if (source)
    printf ("%s: ", source);
  if ((!source || is_same_source) && gst_structure_get_uint64 (m, "pts", &pts) && GST_CLOCK_TIME_IS_VALID (pts))
    printf ("%u:%04.1f: ", (guint) (pts / (60 * GST_SECOND)), (double) (pts % (60 * GST_SECOND)) / GST_SECOND);
  if (label)
    printf ("%s (%.1f %%)\n", label, score * 100);
  else
    puts ("nothing above the threshold");
}

static void
on_skipped (Watch *w, const GstStructure *m)
{
  const char *file = gst_structure_get_string (m, "file"), *reason = gst_structure_get_string (m, "reason");

  if (!g_hash_table_add (w->skipped, g_strdup (file ? file : "a file")))
    return;
  term_end_progress ();
  fprintf (stderr, "convoy: %s: %s; skipped\n", file ? file : "a file", reason ? reason : "cannot be read");
}

/* What a store of features has become. */
static void
on_stored (Watch *w, const GstStructure *m)
{
  const char *location = gst_structure_get_string (m, "location");
  guint64 rows = 0, added = 0, dropped = 0;

  (void) w;
  gst_structure_get (m, "rows", G_TYPE_UINT64, &rows, "added", G_TYPE_UINT64, &added, "dropped", G_TYPE_UINT64, &dropped, NULL);
  term_end_progress ();
  printf ("%s: %" G_GUINT64_FORMAT " samples, %" G_GUINT64_FORMAT " of them new", location, rows, added);
  if (dropped)
    printf ("; %" G_GUINT64_FORMAT " whose files are gone went", dropped);
  putchar ('\n');
}

/* A column as wide as its head; percent: of a share. */
static void
print_measure (const GstStructure *m, const char *field, gboolean is_share)
{
  double v;
  if (!gst_structure_get_double (m, field, &v) || isnan (v))
    printf ("  %8s", "-");
  else if (is_share)
    printf ("  %6.2f %%", v * 100);
  else
    printf ("  %8.4f", v);
}

static void
on_epoch (Watch *w, const GstStructure *m)
{
  guint epoch = 0, epochs = 0;
  double lr = NAN, seconds = NAN;

  gst_structure_get_uint (m, "epoch", &epoch);
  gst_structure_get_uint (m, "epochs", &epochs);
  gst_structure_get_double (m, "lr", &lr);
  gst_structure_get_double (m, "seconds", &seconds);
  term_end_progress ();
  if (w->epochs++ == 0)
    printf ("%s%9s  %8s  %8s  %8s  %8s  %8s  %7s%s\n", term_bold (stdout), "epoch", "loss", "accuracy", "val loss", "val acc", "rate", "time",
        term_plain (stdout));
  g_autofree char *number = epochs && epochs < G_MAXINT ? g_strdup_printf ("%u/%u", epoch, epochs) : g_strdup_printf ("%u", epoch);
  printf ("%9s", number);
  print_measure (m, "loss", FALSE);
  print_measure (m, "accuracy", TRUE);
  print_measure (m, "val-loss", FALSE);
  print_measure (m, "val-accuracy", TRUE);
  printf ("  %8.3g  %5.1f s\n", lr, seconds);
}

/* Told in the end: it is written again and again. */
static void
on_saved (Watch *w, const GstStructure *m)
{
  guint classes = 0;
  gst_structure_get_uint (m, "classes", &classes);
  g_free (w->saved);
  w->saved = g_strdup_printf ("%s: saved, %u classes", gst_structure_get_string (m, "model"), classes);
}

static const struct {
  const char *name;
  void (*tell) (Watch *w, const GstStructure *m);
} tellers[] = {
  { "cnn-classification", on_classification }, { "cnn-skipped", on_skipped }, { "cnn-epoch", on_epoch }, { "cnn-saved", on_saved },
  { "cnn-stored", on_stored },
};

/* --- the bus ---------------------------------------------------------- */

static void
on_element (Watch *w, GstMessage *message)
{
  const GstStructure *m = gst_message_get_structure (message);
  for (guint i = 0; m && i < G_N_ELEMENTS (tellers); i++)
    if (gst_structure_has_name (m, tellers[i].name)) {
      tellers[i].tell (w, m);
      fflush (stdout);
    }
}

static void
on_error (Watch *w, GstMessage *message)
{
  if (!w->error)
    w->error = stream_error (message);
}

static void
on_eos (Watch *w, GstMessage *message)
{
  (void) message;
  w->is_over = TRUE;
}

/* Skipped pictures are warned of, and told as messages of their own. */
static void
on_warning (Watch *w, GstMessage *message)
{
  g_autoptr (GError) e = stream_error (message);
  (void) w;
  if (g_error_matches (e, GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE))
    return;
  term_end_progress ();
  fprintf (stderr, "convoy: %s: %s\n", GST_MESSAGE_SRC_NAME (message), e->message);
}

static void
on_progress (Watch *w, GstMessage *message)
{
  g_autofree char *text = NULL;
  (void) w;
  gst_message_parse_progress (message, NULL, NULL, &text);
  if (text && *text)
    term_status ("%s", text);
}

static void
on_latency (Watch *w, GstMessage *message)
{
  (void) message;
  gst_bin_recalculate_latency (GST_BIN (w->pipeline));
}

/* The clock went with its element: another is found on the way through PAUSED. */
static void
on_clock_lost (Watch *w, GstMessage *message)
{
  (void) message;
  gst_element_set_state (w->pipeline, GST_STATE_PAUSED);
  gst_element_set_state (w->pipeline, GST_STATE_PLAYING);
}

static const struct {
  GstMessageType type;
  void (*handle) (Watch *w, GstMessage *message);
} handlers[] = {
  { GST_MESSAGE_ELEMENT, on_element }, { GST_MESSAGE_ERROR, on_error }, { GST_MESSAGE_EOS, on_eos }, { GST_MESSAGE_WARNING, on_warning },
  { GST_MESSAGE_PROGRESS, on_progress }, { GST_MESSAGE_LATENCY, on_latency }, { GST_MESSAGE_CLOCK_LOST, on_clock_lost },
};

/* What the user has seen enough of comes to its end. */
static void
look_for_end (Watch *w)
{
  gboolean interrupted = command_interrupted ();
  if (w->is_stopping || (!interrupted && (!w->keys || keys_poll (w->keys))))
    return;
  w->is_stopping = TRUE;
  if (w->keys)
    keys_stop (w->keys);
  term_end_progress ();
  if (interrupted)
    fputs ("convoy: interrupted; ending the stream, so that what was learnt is saved (again: stop at once)\n", stderr);
  gst_element_send_event (w->pipeline, gst_event_new_eos ());
}

/* A stream that does not learn shows how far it is. */
static void
show_position (Watch *w)
{
  gint64 position, duration;

  if (w->epochs == 0 && gst_element_query_position (w->pipeline, GST_FORMAT_TIME, &position)
      && gst_element_query_duration (w->pipeline, GST_FORMAT_TIME, &duration) && duration > 0)
    term_bar ("", CLAMP ((double) position / (double) duration, 0, 1), "");
}

gboolean
watch_run (GstElement *pipeline, Keys *keys, guint *skipped, GError **error)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GHashTable) files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  Watch w = { .pipeline = pipeline, .keys = keys, .skipped = files };

  gst_element_set_state (pipeline, GST_STATE_PLAYING);  /* what fails comes as a message */
  while (!w.is_over && !w.error) {
    GstMessage *m = gst_bus_timed_pop (bus, keys ? POLL_KEYS : POLL);
    for (guint i = 0; m && i < G_N_ELEMENTS (handlers); i++)
      if (GST_MESSAGE_TYPE (m) == handlers[i].type)
        handlers[i].handle (&w, m);
    if (m)
      gst_message_unref (m);
    else
      show_position (&w);
    look_for_end (&w);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  term_end_progress ();
  if (w.saved)
    puts (w.saved);
  g_free (w.saved);
  g_free (w.source);
  g_free (w.label);
  guint n = g_hash_table_size (files);
  if (n)
    fprintf (stderr, "convoy: %u %s left out, named above\n", n, n == 1 ? "file was" : "files were");
  *skipped = w.epochs ? 0 : n;
  if (!w.error)
    return TRUE;
  g_propagate_error (error, w.error);
  return FALSE;
}
