/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * confusion.c - see confusion.h. A row a true class, a column a guess; the last column is what was
 * none of the classes, where there was any. */
#include "pipelines/confusion.h"
#include "pipelines/figure.h"
#include "pipelines/term.h"
#include <math.h>

#define TEXT 11.0
#define TOP 76.0
#define LEFT 130.0
#define MAX_NUMBERS 25          /* classes; with more, cells are too small for numbers and names */

typedef struct {
  const Score *s;
  const guint *matrix;
  const char *title;
  guint columns;
  double cell, width;
} Drawing;

/* With the column for what was none of them only where it is needed. */
static guint
count_columns (const Score *s, const guint *matrix)
{
  for (guint c = 0; c < s->n_classes; c++)
    if (matrix[c * (gsize) (s->n_classes + 1) + s->n_classes])
      return s->n_classes + 1;
  return s->n_classes;
}

static const char *
name_of (const Score *s, guint c)
{
  return c < s->n_classes ? s->names[c] : "other";
}

void
confusion_print (const Score *s)
{
  g_autofree guint *matrix = score_confusion (s);
  guint columns = count_columns (s, matrix);
  g_autofree char *sides = g_strnfill (columns + 2, 'r');
  sides[0] = sides[1] = 'l';
  g_autoptr (TermTable) t = term_table_new (sides);

  term_table_cell (t, "true \\ said");
  term_table_cell (t, " ");
  for (guint g = 0; g < columns; g++)
    term_table_cell (t, "%u", g);
  for (guint c = 0; c < s->n_classes; c++) {
    term_table_cell (t, "%s", s->names[c]);
    term_table_cell (t, "%u", c);
    for (guint g = 0; g < columns; g++)
      term_table_cell (t, "%u", matrix[c * (gsize) (s->n_classes + 1) + g]);
  }
  term_table_print (t, TRUE);
}

/* --- the picture ------------------------------------------------------ */

/* White for none to a deep blue for all of a row; right and wrong have colours of their own. */
static void
fill_cell (cairo_t *cr, const Drawing *d, guint c, guint g, double share)
{
  const double deep[2][3] = { { 0.72, 0.2, 0.1 }, { 0.05, 0.32, 0.6 } };
  const double *to = deep[c == g];
  double v = sqrt (share);      /* rare mistakes are to be seen too */
  cairo_set_source_rgb (cr, 1 + (to[0] - 1) * v, 1 + (to[1] - 1) * v, 1 + (to[2] - 1) * v);
  cairo_rectangle (cr, LEFT + g * d->cell, TOP + c * d->cell, d->cell, d->cell);
  cairo_fill (cr);
}

static void
draw_number (cairo_t *cr, const Drawing *d, guint c, guint g, guint n, double share)
{
  g_autofree char *text = g_strdup_printf ("%u", n);
  double grey = share > 0.35 ? 1 : 0.15;
  if (n == 0)
    return;
  cairo_set_source_rgb (cr, grey, grey, grey);
  figure_text (cr, LEFT + (g + 0.5) * d->cell, TOP + (c + 0.5) * d->cell, 0.5, MIN (TEXT, d->cell * 0.4), FALSE, 0, text);
}

static void
draw_names (cairo_t *cr, const Drawing *d)
{
  cairo_set_source_rgb (cr, 0.15, 0.15, 0.15);
  for (guint c = 0; c < d->s->n_classes; c++)
    figure_text (cr, LEFT - 8, TOP + (c + 0.5) * d->cell, 1, TEXT, FALSE, LEFT - 16, d->s->names[c]);
  for (guint g = 0; g < d->columns; g++) {
    cairo_save (cr);
    cairo_translate (cr, LEFT + (g + 0.5) * d->cell, TOP - 8);
    cairo_rotate (cr, -G_PI / 5);
    figure_text (cr, 0, 0, 0, TEXT, FALSE, 72, name_of (d->s, g));
    cairo_restore (cr);
  }
}

static void
draw (cairo_t *cr, gconstpointer user)
{
  const Drawing *d = user;
  guint n = d->s->n_classes;

  for (guint c = 0; c < n; c++) {
    const guint *row = d->matrix + c * (gsize) (n + 1);
    guint sum = 0;
    for (guint g = 0; g < d->columns; g++)
      sum += row[g];
    for (guint g = 0; g < d->columns; g++) {
      double share = sum ? (double) row[g] / sum : 0;
      fill_cell (cr, d, c, g, share);
      if (n <= MAX_NUMBERS)
        draw_number (cr, d, c, g, row[g], share);
    }
  }
  if (n <= MAX_NUMBERS)
    draw_names (cr, d);
  cairo_set_source_rgb (cr, 0.6, 0.6, 0.6);
  cairo_set_line_width (cr, 1);
  cairo_rectangle (cr, LEFT, TOP, d->columns * d->cell, n * d->cell);
  cairo_stroke (cr);
  cairo_set_source_rgb (cr, 0.1, 0.1, 0.1);
  figure_text (cr, 10, 16, 0, TEXT + 3, TRUE, d->width - 20, d->title);
  figure_text (cr, LEFT + d->columns * d->cell / 2, TOP + n * d->cell + 16, 0.5, TEXT, FALSE, 0, "rows: the true class; columns: what the network said");
}

gboolean
confusion_save (const Score *s, const char *path, const char *title, GError **error)
{
  g_autofree guint *matrix = score_confusion (s);
  Drawing d = { s, matrix, title, count_columns (s, matrix), 0, 0 };

  d.cell = CLAMP (floor (600.0 / s->n_classes), 1, 90);
  d.width = MAX (LEFT + d.columns * d.cell + 80, 460);
  return figure_save (path, (int) d.width, (int) (TOP + s->n_classes * d.cell + 34), draw, &d, error);
}
