/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * table.c - see table.h. Cells are ended where they stand in the text, so nothing is copied. */
#include "core/table.h"
#include "core/tokenize.h"
#include <string.h>

/* Where reading is. */
typedef struct {
  ConvoyTable *t;
  char *p, *end;
  char separator;
  guint line;
} Reader;

static gboolean
fail (const ConvoyTable *t, guint line, GError **error, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *why = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s:%u: %s", t->path, line, why);
  return FALSE;
}

/* Behind the closing quote; the cell is shortened to what it says. NULL: there is none. */
static char *
end_of_quoted (Reader *r, char *cell)
{
  char *out = cell;
  for (char *p = cell; p < r->end; p++) {
    if (*p == '"' && p + 1 < r->end && p[1] == '"')
      p++;
    else if (*p == '"') {
      *out = '\0';
      return p + 1;
    }
    r->line += *p == '\n';
    *out++ = *p;
  }
  return NULL;
}

/* Reads one cell and what ends it; *last: that was the end of the row. */
static gboolean
read_cell (Reader *r, gboolean *last, GError **error)
{
  guint line = r->line;
  char *cell = r->p;
  while (cell < r->end && *cell == ' ')
    cell++;
  gboolean quoted = cell < r->end && *cell == '"' && r->separator != '\t';
  char *stop = quoted ? end_of_quoted (r, ++cell) : cell;
  if (stop == NULL)
    return fail (r->t, line, error, "a quote that never closes");
  char *after = stop;
  while (stop < r->end && *stop != r->separator && *stop != '\n')
    stop++;
  char *rest = g_strndup (after, stop - after);
  gboolean clean = !quoted || *g_strstrip (rest) == '\0';
  g_free (rest);
  if (!clean)
    return fail (r->t, line, error, "text behind a closing quote");
  *last = stop >= r->end || *stop == '\n';
  r->line += stop < r->end && *stop == '\n';
  r->p = stop + 1;
  if (!quoted) {
    *stop = '\0';               /* there is a byte behind the text, too */
    g_strchomp (cell);
  }
  g_ptr_array_add (r->t->cells, cell);
  return TRUE;
}

static gboolean
read_row (Reader *r, GError **error)
{
  ConvoyTable *t = r->t;
  guint32 line = r->line;
  guint before = t->cells->len;
  for (gboolean last = FALSE; !last;)
    if (!read_cell (r, &last, error))
      return FALSE;
  guint n = t->cells->len - before;
  if (n == 1 && *(char *) t->cells->pdata[before] == '\0') {
    g_ptr_array_set_size (t->cells, (gint) before);
    return TRUE;
  }
  if (t->width == 0)
    t->width = n;
  if (n != t->width)
    return fail (t, line, error, "%u fields, but %u in the first row", n, t->width);
  g_array_append_val (t->lines, line);
  return TRUE;
}

/* Of the first line: a tab, else whichever of comma and semicolon there is more of. */
static char
find_separator (const char *text)
{
  guint commas = 0, semicolons = 0;
  for (const char *p = text; *p && *p != '\n'; p++) {
    if (*p == '\t')
      return '\t';
    commas += *p == ',';
    semicolons += *p == ';';
  }
  return semicolons > commas ? ';' : ',';
}

ConvoyTable *
convoy_table_load (const char *path, GError **error)
{
  ConvoyTable *t = g_new0 (ConvoyTable, 1);
  gsize n;
  t->path = g_strdup (path);
  t->cells = g_ptr_array_new ();
  t->lines = g_array_new (FALSE, FALSE, sizeof (guint32));
  gboolean ok = g_file_get_contents (path, &t->text, &n, error);
  if (ok && !(ok = convoy_text_check (t->text, n, error))) {
    const char *bad;
    guint line = 1;
    g_utf8_validate_len (t->text, n, &bad);
    for (const char *p = t->text; p < bad; p++)
      line += *p == '\n';
    g_prefix_error (error, "%s:%u: ", path, line);
  }
  gsize mark = ok && g_str_has_prefix (t->text, "\xef\xbb\xbf") ? 3 : 0;
  Reader r = { t, ok ? t->text + mark : NULL, ok ? t->text + n : NULL, ok ? find_separator (t->text) : ',', 1 };
  while (ok && r.p < r.end)
    ok = read_row (&r, error);
  if (ok && t->lines->len == 0)
    ok = fail (t, 1, error, "no rows");
  if (ok)
    return t;
  convoy_table_free (t);
  return NULL;
}

void
convoy_table_free (ConvoyTable *t)
{
  if (t == NULL)
    return;
  g_free (t->path);
  g_free (t->text);
  g_ptr_array_unref (t->cells);
  g_array_unref (t->lines);
  g_free (t);
}
