/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * term.c - see term.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "pipelines/term.h"
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* --- styles ----------------------------------------------------------- */

static const char *
style (FILE *out, const char *sequence)
{
  const char *no = g_getenv ("NO_COLOR"), *term = g_getenv ("TERM");
  return isatty (fileno (out)) && !(no && *no) && g_strcmp0 (term, "dumb") != 0 ? sequence : "";
}

const char *
term_bold (FILE *out)
{
  return style (out, "\033[1m");
}

const char *
term_dim (FILE *out)
{
  return style (out, "\033[2m");
}

const char *
term_plain (FILE *out)
{
  return style (out, "\033[0m");
}

/* --- progress --------------------------------------------------------- */

#define BAR 30

static gint64 drawn;            /* when; 0: nothing stands there */

static gboolean
is_due (void)
{
  gint64 now = g_get_monotonic_time ();
  if (!isatty (STDERR_FILENO) || (drawn && now - drawn < G_USEC_PER_SEC / 10))
    return FALSE;
  drawn = now;
  return TRUE;
}

void
term_progress (const char *name, guint64 done, guint64 total)
{
  g_autofree char *size = term_size (total), *after = g_strdup_printf (" of %s", size);

  if (done == total) {
    term_end_progress ();
    fprintf (stderr, "%s: %s\n", name, size);
  } else {
    term_bar (name, total ? (double) done / (double) total : 0, after);
  }
}

void
term_bar (const char *before, double part, const char *after)
{
  if (!is_due ())
    return;
  fprintf (stderr, "\r\033[K%s [", before);
  for (guint i = 0; i < BAR; i++)
    fputc (i < (guint) (part * BAR) ? '#' : '.', stderr);
  fprintf (stderr, "] %3u %%%s", (guint) (part * 100), after);
  fflush (stderr);
}

void
term_status (const char *format, ...)
{
  struct winsize w = { .ws_col = 80 };
  va_list args;

  if (!is_due ())
    return;
  ioctl (STDERR_FILENO, TIOCGWINSZ, &w);
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  fprintf (stderr, "\r\033[K%.*s", w.ws_col > 1 ? w.ws_col - 1 : 79, text);
  fflush (stderr);
}

void
term_end_progress (void)
{
  if (drawn)
    fputs ("\r\033[K", stderr);
  drawn = 0;
}

/* --- tables ----------------------------------------------------------- */

static const char rule[] = "";  /* its address marks a row that is a line */

static void
free_cell (gpointer cell)
{
  if (cell != rule)
    g_free (cell);
}

TermTable *
term_table_new (const char *columns)
{
  TermTable *t = g_new0 (TermTable, 1);
  t->columns = (guint) strlen (columns);
  t->right = columns;
  t->cells = g_ptr_array_new_with_free_func (free_cell);
  return t;
}

void
term_table_free (TermTable *t)
{
  if (t)
    g_ptr_array_unref (t->cells);
  g_free (t);
}

void
term_table_cell (TermTable *t, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  g_ptr_array_add (t->cells, g_utf8_make_valid (text, -1));
}

void
term_table_rule (TermTable *t)
{
  for (guint c = 0; c < t->columns; c++)
    g_ptr_array_add (t->cells, (gpointer) rule);
}

static void
print_cell (const TermTable *t, guint c, const char *cell, guint width)
{
  guint gap = width - (guint) g_utf8_strlen (cell, -1);
  gboolean is_last = c + 1 == t->columns, is_right = t->right[c] == 'r';

  if (cell == rule)
    for (guint i = 0; i < width; i++)
      fputc ('-', stdout);
  else
    printf ("%*s%s%*s", is_right ? (int) gap : 0, "", cell, is_right || is_last ? 0 : (int) gap, "");
  fputs (is_last ? "\n" : cell == rule ? "--" : "  ", stdout);
}

void
term_table_print (const TermTable *t, gboolean has_head)
{
  g_autofree guint *width = g_new0 (guint, t->columns);

  for (guint i = 0; i < t->cells->len; i++) {
    guint n = (guint) g_utf8_strlen (g_ptr_array_index (t->cells, i), -1);
    width[i % t->columns] = MAX (width[i % t->columns], n);
  }
  for (guint i = 0; i < t->cells->len; i++) {
    guint c = i % t->columns;
    if (has_head && i == 0)
      fputs (term_bold (stdout), stdout);
    print_cell (t, c, g_ptr_array_index (t->cells, i), width[c]);
    if (has_head && i + 1 == t->columns)
      fputs (term_plain (stdout), stdout);
  }
}

/* --- text ------------------------------------------------------------- */

char *
term_size (guint64 bytes)
{
  return bytes < 1000 ? g_strdup_printf ("%u B", (guint) bytes)
      : bytes < 1000000 ? g_strdup_printf ("%.1f kB", (double) bytes / 1e3) : g_strdup_printf ("%.1f MB", (double) bytes / 1e6);
}

char *
term_number (gint64 n)
{
  g_autofree char *digits = g_strdup_printf ("%" G_GINT64_FORMAT, n);
  GString *s = g_string_new (NULL);
  for (gsize i = 0, len = strlen (digits); i < len; i++) {
    if (i > 0 && (len - i) % 3 == 0 && digits[i - 1] != '-')
      g_string_append_c (s, ',');
    g_string_append_c (s, digits[i]);
  }
  return g_string_free (s, FALSE);
}

void
term_json (GString *to, const char *s)
{
  g_autofree char *text = g_utf8_make_valid (s, -1);

  g_string_append_c (to, '"');
  for (const char *c = text; *c; c++)
    if (*c == '"' || *c == '\\')
      g_string_append_printf (to, "\\%c", *c);
    else if ((guchar) *c < 0x20 || *c == 0x7f)
      g_string_append_printf (to, "\\u%04x", (guint) *c);
    else
      g_string_append_c (to, *c);
  g_string_append_c (to, '"');
}
