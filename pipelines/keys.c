/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * keys.c - see keys.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "pipelines/keys.h"
#include "core/convoy.h"
#include "pipelines/term.h"
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define TAUGHT "taught"
#define MOST 9
#define NONE (-1)

typedef struct {
  GstClockTime at;              /* running time */
  char key;
} Press;

struct Keys {
  GstElement *taught;
  char **classes;
  guint n;
  int now;                      /* atomic: the class that is learnt, or NONE */
  int over;                     /* atomic */
  int told;                     /* class that was told last */
  gboolean is_terminal;         /* its settings were */
  struct termios was;

  GArray *script;               /* Press; NULL: there is none. From here on the streaming thread's */
  guint next;
  GstPad *pad;                  /* that the script goes by */
  gulong probe;
};

/* --- a key ------------------------------------------------------------ */

/* The class of a key; NONE: of another. */
static int
class_of (const Keys *k, char key)
{
  return key >= '1' && key < '1' + (int) k->n ? key - '1' : NONE;
}

static gboolean
is_key (const Keys *k, char key)
{
  return class_of (k, key) != NONE || key == '0' || key == ' ' || key == 'q';
}

static void
press (Keys *k, char key)
{
  int class = class_of (k, key);
  if (!is_key (k, key))
    return;
  g_object_set (k->taught, "label", class == NONE ? NULL : k->classes[class], NULL);
  g_atomic_int_set (&k->now, class);
  if (key == 'q')
    g_atomic_int_set (&k->over, TRUE);
}

/* --- a script --------------------------------------------------------- */

/* "1.5 2"; an empty line and one that begins with # are none. */
static gboolean
parse_line (Keys *k, const char *line, const char *path, guint number, GError **error)
{
  char *end;
  double seconds = g_ascii_strtod (line, &end);
  const char *key = end + strspn (end, " \t");
  GstClockTime before = k->script->len ? g_array_index (k->script, Press, k->script->len - 1).at : 0;

  if (!*line || *line == '#')
    return TRUE;
  Press p = { (GstClockTime) (CLAMP (seconds, 0, 1e9) * GST_SECOND), *key };
  if (end != line && key != end && seconds >= 0 && key[0] && !key[1] && is_key (k, *key) && p.at >= before) {
    g_array_append_val (k->script, p);
    return TRUE;
  }
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s:%u: not SECONDS KEY, later than the line before, with a key 1 to %u, 0 or q: %s", path, number, k->n, line);
  return FALSE;
}

static gboolean
load_script (Keys *k, const char *path, GError **error)
{
  g_autofree char *text = NULL;
  if (!g_file_get_contents (path, &text, NULL, error))
    return FALSE;
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  k->script = g_array_new (FALSE, FALSE, sizeof (Press));
  for (guint i = 0; lines[i]; i++)
    if (!parse_line (k, g_strstrip (lines[i]), path, i + 1, error))
      return FALSE;
  return TRUE;
}

/* All keys up to the time of the frame that comes. */
static GstPadProbeReturn
on_frame (GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
  Keys *k = user;
  const GstSegment *segment;
  GstEvent *event = gst_pad_get_sticky_event (pad, GST_EVENT_SEGMENT, 0);
  if (!event)
    return GST_PAD_PROBE_OK;
  gst_event_parse_segment (event, &segment);
  GstClockTime now = gst_segment_to_running_time (segment, GST_FORMAT_TIME, GST_BUFFER_PTS (GST_PAD_PROBE_INFO_BUFFER (info)));
  gst_event_unref (event);
  while (GST_CLOCK_TIME_IS_VALID (now) && k->next < k->script->len && g_array_index (k->script, Press, k->next).at <= now)
    press (k, g_array_index (k->script, Press, k->next++).key);
  return GST_PAD_PROBE_OK;
}

/* --- a terminal ------------------------------------------------------- */

/* Keys come as they are typed, if this is the program that is typed to. */
static void
open_terminal (Keys *k)
{
  if (!isatty (STDIN_FILENO) || tcgetpgrp (STDIN_FILENO) != getpgrp () || tcgetattr (STDIN_FILENO, &k->was))
    return;
  struct termios raw = k->was;
  raw.c_lflag &= ~(tcflag_t) (ICANON | ECHO);
  raw.c_cc[VMIN] = 0;
  raw.c_cc[VTIME] = 0;
  k->is_terminal = tcsetattr (STDIN_FILENO, TCSANOW, &raw) == 0;
  for (guint i = 0; k->is_terminal && i < k->n; i++)
    printf ("%s%u%s %s  ", term_bold (stdout), i + 1, term_plain (stdout), k->classes[i]);
  if (k->is_terminal)
    puts ("- a key begins to teach, 0 or space ends that, q quits");
}

void
keys_stop (Keys *k)
{
  if (k->is_terminal)
    tcsetattr (STDIN_FILENO, TCSANOW, &k->was);
  k->is_terminal = FALSE;
}

/* --- both ------------------------------------------------------------- */

static gboolean
take_classes (Keys *k, const char *classes, GError **error)
{
  k->classes = g_strsplit (classes, ",", -1);
  k->n = g_strv_length (k->classes);
  for (guint i = 0; i < k->n; i++) {
    const char *wrong = !*g_strstrip (k->classes[i]) ? "no name" : NULL;
    for (guint other = 0; other < i && !wrong; other++)
      wrong = strcmp (k->classes[i], k->classes[other]) == 0 ? "the name of another" : NULL;
    if (wrong) {
      g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "classes=%s: number %u has %s", classes, i + 1, wrong);
      return FALSE;
    }
  }
  if (k->n >= 1 && k->n <= MOST)
    return TRUE;
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "classes=%s: %u names, where there are keys for 1 to %u", classes, k->n, MOST);
  return FALSE;
}

Keys *
keys_new (GstElement *pipeline, const char *classes, const char *script, GError **error)
{
  GstElement *taught = gst_bin_get_by_name (GST_BIN (pipeline), TAUGHT);
  if (!taught)
    return NULL;
  g_autoptr (Keys) k = g_new0 (Keys, 1);
  k->taught = taught;
  k->now = k->told = NONE;
  if (!g_object_class_find_property (G_OBJECT_GET_CLASS (taught), "label")) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "the element %s has no label: it cannot be taught by keys", TAUGHT);
    return NULL;
  }
  if (!take_classes (k, classes, error) || (script && *script && !load_script (k, script, error)))
    return NULL;
  if (k->script) {
    k->pad = gst_element_get_static_pad (taught, "sink");
    k->probe = gst_pad_add_probe (k->pad, GST_PAD_PROBE_TYPE_BUFFER, on_frame, k, NULL);
  } else {
    open_terminal (k);
  }
  return g_steal_pointer (&k);
}

void
keys_free (Keys *k)
{
  if (!k)
    return;
  keys_stop (k);
  if (k->pad)
    gst_pad_remove_probe (k->pad, k->probe);
  gst_clear_object (&k->pad);
  g_clear_pointer (&k->script, g_array_unref);
  g_strfreev (k->classes);
  gst_object_unref (k->taught);
  g_free (k);
}

gboolean
keys_poll (Keys *k)
{
  char key;
  while (k->is_terminal && read (STDIN_FILENO, &key, 1) == 1)
    press (k, key);
  int now = g_atomic_int_get (&k->now);
  if (now != k->told) {
    term_end_progress ();
    if (now == NONE)
      puts ("classifying");
    else
      printf ("learning %s\n", k->classes[now]);
    fflush (stdout);
  }
  k->told = now;
  return !g_atomic_int_get (&k->over);
}
