/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnlines.c - see cnnlines.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "plugins/cnnlines.h"
#include <string.h>

void
cnn_lines_init (CnnLines *l, gboolean whole)
{
  cnn_lines_clear (l);
  *l = (CnnLines) { .gathered = g_byte_array_new (), .whole = whole };
}

void
cnn_lines_clear (CnnLines *l)
{
  g_clear_pointer (&l->gathered, g_byte_array_unref);
}

static void
gather (CnnLines *l, const guint8 *data, gsize n)
{
  if (l->too_long || n > CNN_LINES_MAX - l->gathered->len) {
    l->too_long = TRUE;
    g_byte_array_set_size (l->gathered, 0);
  } else
    g_byte_array_append (l->gathered, data, (guint) n);
}

static gboolean
end_line (CnnLines *l, CnnLine line, gpointer user)
{
  gsize n = l->gathered->len;
  if (!l->whole && n > 0 && l->gathered->data[n - 1] == '\r')
    n--;
  l->number++;
  gboolean ok = line (user, l->too_long ? NULL : n ? (const char *) l->gathered->data : "", n);
  g_byte_array_set_size (l->gathered, 0);
  l->too_long = FALSE;
  return ok;
}

gboolean
cnn_lines_push (CnnLines *l, const guint8 *data, gsize n, CnnLine line, gpointer user)
{
  const guint8 *end = data + n, *stop;
  for (; !l->whole && (stop = memchr (data, '\n', (gsize) (end - data))); data = stop + 1) {
    gather (l, data, (gsize) (stop - data));
    if (!end_line (l, line, user))
      return FALSE;
  }
  gather (l, data, (gsize) (end - data));
  return TRUE;
}

gboolean
cnn_lines_finish (CnnLines *l, CnnLine line, gpointer user)
{
  return l->gathered->len == 0 && !l->too_long ? TRUE : end_line (l, line, user);
}
