/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * plot.h - training histories as a figure: loss and accuracy, training and validation. */
#ifndef CONVOY_PLOT_H
#define CONVOY_PLOT_H
#include "core/convoy.h"
#include <cairo.h>

#define PLOT_MAX_RUNS 7

typedef struct {
  const char *name;             /* for the legend, when there are several */
  ConvoyHistory *history;       /* not empty */
} PlotRun;

/* One of the figure's graphs. */
typedef struct {
  const char *title;
  gsize training, validation;   /* offsets in ConvoyEpoch */
  double scale;                 /* what a value is multiplied by for the axis */
  const char *unit;
} PlotPanel;

/* Draws into width x height user units. title may be NULL. */
void plot_draw (cairo_t *cr, double width, double height, const PlotRun *runs, guint n, const char *title);
/* 900 x 360, as the suffix of path says: .svg or .png. */
gboolean plot_save (const char *path, const PlotRun *runs, guint n, const char *title, GError **error);

/* --- between plot-figure.c and plot-panel.c ---------------------------- */

typedef struct { double x, y, width, height; } PlotBox;
typedef enum { PLOT_TRAINING, PLOT_VALIDATION } PlotLine;

/* Text with its left, middle or right (across 0, 0.5, 1) at x and its middle line at y; gives its width. */
double plot_text (cairo_t *cr, double x, double y, double across, double size, gboolean bold, const char *text);
/* What a line of run i looks like; of runs in all. */
void plot_set_line (cairo_t *cr, guint i, guint runs, PlotLine line);
void plot_mark (cairo_t *cr, guint i, double x, double y, double size);
void plot_panel (cairo_t *cr, const PlotPanel *panel, PlotBox box, const PlotRun *runs, guint n);
/* The value as the axis of panel counts, with its unit. NAN: not measured. */
double plot_value (const PlotPanel *panel, const ConvoyEpoch *e, PlotLine line);

#endif
