/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * plot-figure.c - the figure of training histories: title, panels, legend, and its file. */
#include "pipelines/plot.h"
#include "pipelines/figure.h"
#include <math.h>

#define WIDTH 900
#define HEIGHT 360
#define TEXT 11.0
#define LEGEND_ROW 19.0

static const PlotPanel panels[] = {
  { "Loss", G_STRUCT_OFFSET (ConvoyEpoch, loss), G_STRUCT_OFFSET (ConvoyEpoch, val_loss), 1, "" },
  { "Accuracy", G_STRUCT_OFFSET (ConvoyEpoch, accuracy), G_STRUCT_OFFSET (ConvoyEpoch, val_accuracy), 100, " %" },
};

/* M. Okabe, K. Ito, "Color universal design", 2008: told apart with any colour vision. In grey,
 * dashes tell training from validation, marks tell the runs. */
static const double colors[PLOT_MAX_RUNS][3] = {
  { 0, 0.447, 0.698 }, { 0.835, 0.369, 0 }, { 0, 0.62, 0.451 }, { 0.8, 0.475, 0.655 }, { 0.337, 0.706, 0.914 }, { 0.902, 0.624, 0 }, { 0.2, 0.2, 0.2 },
};

double
plot_text (cairo_t *cr, double x, double y, double across, double size, gboolean bold, const char *text)
{
  return figure_text (cr, x, y, across, size, bold, 0, text);
}

/* One run: a colour for each line. Several: a colour for each run. */
void
plot_set_line (cairo_t *cr, guint i, guint runs, PlotLine line)
{
  const double *c = colors[runs == 1 ? line == PLOT_VALIDATION : i];
  cairo_set_source_rgb (cr, c[0], c[1], c[2]);
  cairo_set_line_width (cr, line == PLOT_TRAINING ? 1.5 : 2);
  cairo_set_dash (cr, (double[]) { 5, 3 }, line == PLOT_TRAINING ? 2 : 0, 0);
}

/* A disc, or a filled polygon with its first corner up. */
void
plot_mark (cairo_t *cr, guint i, double x, double y, double size)
{
  static const struct { guint corners; double turn, size; } shapes[PLOT_MAX_RUNS] = {
    { 0, 0, 1 }, { 4, 0.125, 1.3 }, { 3, 0, 1.5 }, { 4, 0, 1.4 }, { 3, 0.5, 1.5 }, { 5, 0, 1.3 }, { 6, 0, 1.3 },
  };
  cairo_new_path (cr);
  if (shapes[i].corners == 0)
    cairo_arc (cr, x, y, size, 0, 2 * G_PI);
  for (guint k = 0; k < shapes[i].corners; k++) {
    double angle = ((double) k / shapes[i].corners + shapes[i].turn) * 2 * G_PI;
    cairo_line_to (cr, x + size * shapes[i].size * sin (angle), y - size * shapes[i].size * cos (angle));
  }
  cairo_fill (cr);
}

/* --- legend ----------------------------------------------------------- */

/* One entry, its left end at x; gives its width. */
static double
legend_entry (cairo_t *cr, double x, double y, guint i, guint runs, PlotLine line, gboolean any_run, const char *text)
{
  plot_set_line (cr, i, runs, line);
  if (any_run)
    cairo_set_source_rgb (cr, 0.4, 0.4, 0.4);
  cairo_move_to (cr, x, y);
  cairo_line_to (cr, x + 26, y);
  cairo_stroke (cr);
  if (line == PLOT_VALIDATION && !any_run)
    plot_mark (cr, i, x + 13, y, 2.6);
  cairo_set_source_rgb (cr, 0.25, 0.25, 0.25);
  return 32 + plot_text (cr, x + 32, y, 0, TEXT, FALSE, text);
}

/* "best epoch 9: 70.3 %, loss 0.892", of validation where there is one. */
static char *
describe_best (const ConvoyHistory *h)
{
  const ConvoyEpoch *e = convoy_history_best (h);
  gboolean is_val = !isnan (e->val_loss) || !isnan (e->val_accuracy);
  double loss = is_val ? e->val_loss : e->loss, accuracy = is_val ? e->val_accuracy : e->accuracy;
  g_autoptr (GString) s = g_string_new (NULL);
  g_string_append_printf (s, "best epoch %u:", e->epoch);
  if (!isnan (accuracy))
    g_string_append_printf (s, " %.1f %%", 100 * accuracy);
  if (!isnan (loss))
    g_string_append_printf (s, "%s loss %.3g", isnan (accuracy) ? "" : ",", loss);
  return g_string_free (g_steal_pointer (&s), FALSE);
}

static gboolean
is_measured (const PlotPanel *panel, const PlotRun *runs, guint n, PlotLine line)
{
  for (guint i = 0; i < n; i++)
    for (guint k = 0; k < convoy_history_len (runs[i].history); k++)
      if (!isnan (plot_value (panel, convoy_history_at (runs[i].history, k), line)))
        return TRUE;
  return FALSE;
}

/* The entries from the left, one row for what the lines are, and with several runs one for each
 * two of them. */
static void
draw_legend (cairo_t *cr, PlotBox box, const PlotRun *runs, guint n, gboolean has_validation)
{
  double x = box.x, y = box.y + LEGEND_ROW / 2;
  x += legend_entry (cr, x, y, 0, n, PLOT_TRAINING, n > 1, "training") + 24;
  if (has_validation)
    x += legend_entry (cr, x, y, 0, n, PLOT_VALIDATION, n > 1, "validation") + 24;
  plot_set_line (cr, 0, n, PLOT_VALIDATION);
  if (n > 1)
    cairo_set_source_rgb (cr, 0.4, 0.4, 0.4);
  cairo_set_line_width (cr, 1.6);
  cairo_new_path (cr);
  cairo_arc (cr, x + 7, y, 6, 0, 2 * G_PI);
  cairo_stroke (cr);
  cairo_set_source_rgb (cr, 0.25, 0.25, 0.25);
  g_autofree char *best = n == 1 ? describe_best (runs[0].history) : g_strdup ("best epoch");
  plot_text (cr, x + 20, y, 0, TEXT, FALSE, best);
  for (guint i = 0; i < n && n > 1; i++) {
    g_autofree char *of_run = describe_best (runs[i].history), *text = g_strdup_printf ("%s (%s)", runs[i].name, of_run);
    legend_entry (cr, box.x + i % 2 * box.width / 2, y + (1 + i / 2) * LEGEND_ROW, i, n, PLOT_VALIDATION, FALSE, text);
  }
}

/* --- the figure ------------------------------------------------------- */

void
plot_draw (cairo_t *cr, double width, double height, const PlotRun *runs, guint n, const char *title)
{
  double top = title ? 62 : 38, legend = LEGEND_ROW * (n > 1 ? 1 + (n + 1) / 2 : 1), left = 62, right = 18;
  const PlotPanel *shown[G_N_ELEMENTS (panels)];
  guint n_shown = 0;
  gboolean has_validation = FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (panels); i++) {
    gboolean validation = is_measured (&panels[i], runs, n, PLOT_VALIDATION);
    if (validation || is_measured (&panels[i], runs, n, PLOT_TRAINING))
      shown[n_shown++] = &panels[i];
    has_validation = has_validation || validation;
  }
  cairo_set_source_rgb (cr, 1, 1, 1);
  cairo_paint (cr);
  cairo_set_source_rgb (cr, 0.1, 0.1, 0.1);
  if (title)
    plot_text (cr, width / 2, 20, 0.5, 15, TRUE, title);
  for (guint i = 0; i < n_shown; i++) {
    double each = width / n_shown;
    PlotBox box = { i * each + left, top, each - left - right, height - top - legend - 54 };
    plot_panel (cr, shown[i], box, runs, n);
  }
  draw_legend (cr, (PlotBox) { left, height - legend - 8, width - left - right, legend }, runs, n, has_validation);
}

typedef struct {
  const PlotRun *runs;
  guint n;
  const char *title;
} Figure;

static void
draw (cairo_t *cr, gconstpointer user)
{
  const Figure *f = user;
  plot_draw (cr, WIDTH, HEIGHT, f->runs, f->n, f->title);
}

gboolean
plot_save (const char *path, const PlotRun *runs, guint n, const char *title, GError **error)
{
  const Figure f = { runs, n, title };
  return figure_save (path, WIDTH, HEIGHT, draw, &f, error);
}
