/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * plot-panel.c - one graph of a figure: axes with round numbers, grid, curves, best epochs. */
#include "pipelines/plot.h"
#include <math.h>

#define TEXT 11.0
#define GREY(cr, v) cairo_set_source_rgb (cr, v, v, v)

typedef struct {
  double low, high, step;
} Axis;

double
plot_value (const PlotPanel *panel, const ConvoyEpoch *e, PlotLine line)
{
  double v = G_STRUCT_MEMBER (double, e, line == PLOT_TRAINING ? panel->training : panel->validation);
  return isfinite (v) ? v * panel->scale : NAN;
}

/* The smallest of 1, 2 and 5 times a power of ten that makes at most n steps. */
static double
round_step (double span, guint n)
{
  double power = pow (10, floor (log10 (span / n)));
  static const double digits[] = { 1, 2, 5, 10 };
  for (guint i = 0; i < G_N_ELEMENTS (digits); i++)
    if (digits[i] * power * n >= span * (1 - 1e-9))
      return digits[i] * power;
  return 10 * power;
}

/* From the first epoch to the last; a single one stands in the middle. */
static Axis
epoch_axis (const PlotRun *runs, guint n)
{
  Axis a = { G_MAXDOUBLE, 0, 0 };
  for (guint i = 0; i < n; i++)
    for (guint k = 0; k < convoy_history_len (runs[i].history); k++) {
      double epoch = convoy_history_at (runs[i].history, k)->epoch;
      a.low = MIN (a.low, epoch);
      a.high = MAX (a.high, epoch);
    }
  a.step = MAX (round_step (MAX (a.high - a.low, 1), 10), 1);
  if (a.low == a.high) {
    a.low -= 1;
    a.high += 1;
  }
  return a;
}

/* Round numbers around all values. */
static Axis
value_axis (const PlotPanel *panel, const PlotRun *runs, guint n)
{
  Axis a = { G_MAXDOUBLE, -G_MAXDOUBLE, 0 };
  for (guint i = 0; i < n; i++)
    for (guint k = 0; k < convoy_history_len (runs[i].history); k++)
      for (PlotLine line = PLOT_TRAINING; line <= PLOT_VALIDATION; line++) {
        double v = plot_value (panel, convoy_history_at (runs[i].history, k), line);
        if (!isnan (v)) {
          a.low = MIN (a.low, v);
          a.high = MAX (a.high, v);
        }
      }
  double span = a.high - a.low;
  if (span <= fabs (a.high) * 1e-9)
    span = a.high != 0 ? fabs (a.high) : 1;
  a.step = round_step (span * 1.08, 6);
  a.low = floor (a.low / a.step) * a.step;
  a.high = MAX (ceil (a.high / a.step), a.low / a.step + 1) * a.step;
  return a;
}

static double at_x (PlotBox box, Axis a, double v) { return box.x + (v - a.low) / (a.high - a.low) * box.width; }
static double at_y (PlotBox box, Axis a, double v) { return box.y + box.height - (v - a.low) / (a.high - a.low) * box.height; }

/* As many decimals as the step has. */
static char *
tick_label (double v, double step, const char *unit)
{
  int decimals = CLAMP ((int) ceil (-log10 (step) - 1e-9), 0, 9);
  return step < 1e-6 || step >= 1e7 ? g_strdup_printf ("%g%s", v, unit) : g_strdup_printf ("%.*f%s", decimals, fabs (v) < step / 2 ? 0 : v, unit);
}

static void
line (cairo_t *cr, double x0, double y0, double x1, double y1)
{
  cairo_move_to (cr, x0, y0);
  cairo_line_to (cr, x1, y1);
  cairo_stroke (cr);
}

/* Grid lines lie on pixel middles, so that they are sharp in a PNG. */
static void
draw_axes (cairo_t *cr, const PlotPanel *panel, PlotBox box, Axis epochs, Axis values)
{
  cairo_set_line_width (cr, 1);
  cairo_set_dash (cr, NULL, 0, 0);
  for (guint i = 0; values.low + i * values.step <= values.high + values.step / 2; i++) {
    double v = values.low + i * values.step, y = floor (at_y (box, values, v)) + 0.5;
    g_autofree char *text = tick_label (v, values.step, panel->unit);
    GREY (cr, i ? 0.89 : 0.45);
    line (cr, box.x, y, box.x + box.width, y);
    GREY (cr, 0.25);
    plot_text (cr, box.x - 6, y, 1, TEXT, FALSE, text);
  }
  for (double e = ceil (epochs.low / epochs.step) * epochs.step; e <= epochs.high; e += epochs.step) {
    double x = floor (at_x (box, epochs, e)) + 0.5;
    g_autofree char *text = g_strdup_printf ("%.0f", e);
    GREY (cr, 0.89);
    line (cr, x, box.y, x, box.y + box.height - 1);
    GREY (cr, 0.45);
    line (cr, x, box.y + box.height, x, box.y + box.height + 4);
    GREY (cr, 0.25);
    plot_text (cr, x, box.y + box.height + 13, 0.5, TEXT, FALSE, text);
  }
  plot_text (cr, box.x + box.width / 2, box.y + box.height + 30, 0.5, TEXT, FALSE, "epoch");
  plot_text (cr, box.x, box.y - 16, 0, TEXT + 1, TRUE, panel->title);
}

/* A gap where nothing was measured; a point between two gaps is a dot. */
static void
draw_curve (cairo_t *cr, const PlotPanel *panel, PlotBox box, Axis epochs, Axis values, const PlotRun *runs, guint n, guint i, PlotLine which)
{
  const ConvoyHistory *h = runs[i].history;
  guint len = convoy_history_len (h), every = (len + 24) / 25;
  plot_set_line (cr, i, n, which);
  cairo_set_line_join (cr, CAIRO_LINE_JOIN_ROUND);
  for (guint k = 0, drawn = 0; k < len; k++) {
    const ConvoyEpoch *e = convoy_history_at (h, k);
    double v = plot_value (panel, e, which);
    if (isnan (v))
      drawn = 0;
    else if (drawn++ == 0)
      cairo_move_to (cr, at_x (box, epochs, e->epoch), at_y (box, values, v));
    else
      cairo_line_to (cr, at_x (box, epochs, e->epoch), at_y (box, values, v));
  }
  cairo_stroke (cr);
  for (guint k = 0; k < len; k++) {
    const ConvoyEpoch *e = convoy_history_at (h, k);
    double v = plot_value (panel, e, which);
    if (!isnan (v) && (which == PLOT_VALIDATION || len == 1) && k % every == 0)
      plot_mark (cr, i, at_x (box, epochs, e->epoch), at_y (box, values, v), 2.6);
  }
}

/* The best epoch: a ring around its mark, and a line down to the axis when there is one run. */
static void
draw_best (cairo_t *cr, const PlotPanel *panel, PlotBox box, Axis epochs, Axis values, const PlotRun *runs, guint n, guint i)
{
  const ConvoyEpoch *best = convoy_history_best (runs[i].history);
  double v = plot_value (panel, best, PLOT_VALIDATION);
  if (isnan (v))
    v = plot_value (panel, best, PLOT_TRAINING);
  if (isnan (v))
    return;
  double x = at_x (box, epochs, best->epoch), y = at_y (box, values, v);
  if (n == 1) {
    GREY (cr, 0.35);
    cairo_set_line_width (cr, 1);
    cairo_set_dash (cr, (double[]) { 1, 3 }, 2, 0);
    line (cr, x, box.y, x, box.y + box.height);
  }
  plot_set_line (cr, i, n, PLOT_VALIDATION);
  cairo_new_path (cr);
  cairo_arc (cr, x, y, 6.5, 0, 2 * G_PI);
  cairo_set_line_width (cr, 1.6);
  cairo_stroke (cr);
}

void
plot_panel (cairo_t *cr, const PlotPanel *panel, PlotBox box, const PlotRun *runs, guint n)
{
  Axis epochs = epoch_axis (runs, n), values = value_axis (panel, runs, n);
  draw_axes (cr, panel, box, epochs, values);
  for (PlotLine which = PLOT_TRAINING; which <= PLOT_VALIDATION; which++)
    for (guint i = 0; i < n; i++)
      draw_curve (cr, panel, box, epochs, values, runs, n, i, which);
  for (guint i = 0; i < n; i++)
    draw_best (cr, panel, box, epochs, values, runs, n, i);
}
