/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * rate.c - `convoy rate`: at which learning rate does a network learn the fastest? */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "core/convoy.h"
#include "pipelines/command.h"
#include "pipelines/figure.h"
#include "pipelines/network.h"
#include "zoo/zoo.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define WIDTH 640
#define HEIGHT 360
#define LEFT 60.0
#define RIGHT 620.0
#define TOP 40.0
#define BOTTOM 310.0

typedef struct {
  char *optimizer, *label, *output;
  int batch, steps, threads;
  gint64 seed;
} Options;

/* --- the figure ------------------------------------------------------- */

typedef struct {
  const GArray *points;         /* ConvoyRatePoint */
  double found, first, last;    /* rates */
  double low, high;             /* bounds of the loss */
} Curve;

static double at_x (double lr, const Curve *c) { return LEFT + (RIGHT - LEFT) * log10 (lr / c->first) / log10 (c->last / c->first); }
static double at_y (double loss, const Curve *c) { return BOTTOM - (BOTTOM - TOP) * (MIN (loss, c->high) - c->low) / (c->high - c->low); }

static void
draw_line (cairo_t *cr, double x0, double y0, double x1, double y1, double grey)
{
  cairo_set_source_rgb (cr, grey, grey, grey);
  cairo_set_line_width (cr, 1);
  cairo_move_to (cr, x0, y0);
  cairo_line_to (cr, x1, y1);
  cairo_stroke (cr);
}

/* A line for each power of ten of the rate, and four for the loss. */
static void
draw_grid (cairo_t *cr, const Curve *c)
{
  char text[32];
  for (int e = (int) ceil (log10 (c->first) - 1e-9); e <= log10 (c->last); e++) {
    double x = floor (at_x (pow (10, e), c)) + 0.5;
    draw_line (cr, x, TOP, x, BOTTOM, 0.89);
    g_snprintf (text, sizeof text, "1e%d", e);
    cairo_set_source_rgb (cr, 0.25, 0.25, 0.25);
    figure_text (cr, x, BOTTOM + 14, 0.5, 11, FALSE, 0, text);
  }
  for (guint i = 0; i <= 4; i++) {
    double loss = c->low + (c->high - c->low) * i / 4, y = floor (at_y (loss, c)) + 0.5;
    draw_line (cr, LEFT, y, RIGHT, y, i ? 0.89 : 0.45);
    g_snprintf (text, sizeof text, "%.3g", loss);
    cairo_set_source_rgb (cr, 0.25, 0.25, 0.25);
    figure_text (cr, LEFT - 6, y, 1, 11, FALSE, 0, text);
  }
}

static void
draw (cairo_t *cr, gconstpointer user)
{
  const Curve *c = user;
  g_autofree char *title = g_strdup_printf ("Loss by learning rate: it falls the fastest at %.2g", c->found);
  draw_grid (cr, c);
  draw_line (cr, at_x (c->found, c), TOP, at_x (c->found, c), BOTTOM, 0.45);
  cairo_set_source_rgb (cr, 0, 0.447, 0.698);
  cairo_set_line_width (cr, 2);
  for (guint i = 0; i < c->points->len; i++) {
    const ConvoyRatePoint *p = &g_array_index (c->points, ConvoyRatePoint, i);
    cairo_line_to (cr, at_x (p->lr, c), at_y (p->loss, c));
  }
  cairo_stroke (cr);
  cairo_set_source_rgb (cr, 0.25, 0.25, 0.25);
  figure_text (cr, LEFT, TOP - 18, 0, 12, TRUE, RIGHT - LEFT, title);
  figure_text (cr, (LEFT + RIGHT) / 2, BOTTOM + 34, 0.5, 11, FALSE, 0, "learning rate");
}

/* Most of the height is for what the loss fell by; what exploded is cut off above the loss of the start. */
static gboolean
save_figure (const char *path, const GArray *points, double found, GError **error)
{
  double start = g_array_index (points, ConvoyRatePoint, 0).loss;
  Curve c = { .points = points, .found = found, .first = g_array_index (points, ConvoyRatePoint, 0).lr, .low = start };
  c.last = g_array_index (points, ConvoyRatePoint, points->len - 1).lr;
  for (guint i = 0; i < points->len; i++)
    c.low = MIN (c.low, g_array_index (points, ConvoyRatePoint, i).loss);
  c.high = start + MAX (start - c.low, 0.05 * start) / 3;
  return figure_save (path, WIDTH, HEIGHT, draw, &c, error);
}

/* --- the search ------------------------------------------------------- */

/* Layers have spaces or exclamation marks between them; all else names a network. */
static ConvoyGraph *
load_network (const char *text, const ConvoyDatasetInfo *info, guint batch, guint64 seed, GError **error)
{
  static const char *const nothing[] = { NULL };
  g_autofree char *classes = g_strdup_printf ("%u", info->n_classes), *path = convoy_zoo_find_network (text, NULL);
  const char *const vars[] = { "classes", classes, NULL };
  ConvoyShape input = { .n = info->shape.n + 1, .d = { batch } };
  if (info->shape.n == 0 || input.n > CONVOY_MAX_DIMS) {
    g_set_error_literal (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED, "its samples have no size of their own; extract features of them first");
    return NULL;
  }
  memcpy (input.d + 1, info->shape.d, info->shape.n * sizeof input.d[0]);
  if (path)
    return convoy_net_load_for (path, nothing, &input, info->n_classes, seed, error);
  if (strpbrk (text, " !"))
    return convoy_net_parse (text, NULL, &input, strstr (text, "${classes}") ? vars : NULL, seed, error);
  return network_load (text, error);
}

static gboolean
search (ConvoyGraph *g, ConvoyDataset *d, const Options *o, GError **error)
{
  const ConvoyBatchOptions batches = { .size = (guint) o->batch, .shuffle = TRUE, .seed = (guint64) o->seed };
  const ConvoyTrainOptions train = { .optimizer = o->optimizer, .batch = (guint) o->batch, .threads = (guint) o->threads, .seed = (guint64) o->seed };
  ConvoyBatches *b = convoy_batches_new (d, &batches);
  ConvoyTrainer *t = convoy_trainer_new (g, &train, error);
  g_autoptr (GArray) points = NULL;
  double lr = 0;
  gboolean ok = t && convoy_trainer_find_rate (t, b, (guint) o->steps, &lr, &points, error);
  convoy_trainer_free (t);
  convoy_batches_free (b);
  if (!ok)
    return FALSE;
  printf ("The loss falls the fastest at a learning rate of %.2g; it explodes or ends at %.2g.\n", lr, g_array_index (points, ConvoyRatePoint, points->len - 1).lr);
  if (!o->output)
    return TRUE;
  if (!save_figure (o->output, points, lr, error))
    return FALSE;
  printf ("%s\n", o->output);
  return TRUE;
}

static gboolean
find (const char *network, const char *data, const Options *o, GError **error)
{
  const ConvoyDatasetOptions with = { .label = o->label };
  g_autoptr (ConvoyDataset) d = convoy_dataset_open_with (data, "train", &with, error);
  ConvoyGraph *g = d ? load_network (network, convoy_dataset_info (d), (guint) o->batch, (guint64) o->seed, error) : NULL;
  gboolean ok = g && search (g, d, o, error);
  if (!ok && d)
    g_prefix_error (error, "%s on %s: ", network, data);
  convoy_graph_unref (g);
  return ok;
}

static int
run (int argc, char **argv)
{
  Options o = { .batch = 32, .steps = 100, .threads = 1 };
  GError *error = NULL;
  const GOptionEntry options[] = {
    { "batch", 'b', 0, G_OPTION_ARG_INT, &o.batch, "Samples of a step, by default 32", "N" },
    { "optimizer", 'p', 0, G_OPTION_ARG_STRING, &o.optimizer, "sgd, momentum, nesterov, rmsprop (default), adam or adamw", "NAME" },
    { "steps", 's', 0, G_OPTION_ARG_INT, &o.steps, "How many to take, by default 100", "N" },
    { "label", 'l', 0, G_OPTION_ARG_STRING, &o.label, "Column of the class in a table", "COLUMN" },
    { "seed", 'r', 0, G_OPTION_ARG_INT64, &o.seed, "Of first weights and order, by default 0", "N" },
    { "threads", 't', 0, G_OPTION_ARG_INT, &o.threads, "That work on a batch, by default 1", "N" },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &o.output, "Draw the loss over the rate, .svg or .png", "FILE" },
    { NULL }
  };
  const Command *c = &command_rate;
  int status = STATUS_OK;

  if (!command_parse (c, options, "NETWORK is a network as text, its name, or layers; DATA is what it shall learn from.", &argc, &argv))
    status = STATUS_USAGE;
  else if (argc != 3)
    status = command_usage (c, argc < 3 ? "a network and the data are needed" : "more than a network and its data");
  else if (!command_within (c, "--batch", o.batch, 1, G_MAXINT) || !command_within (c, "--steps", o.steps, 8, G_MAXINT)
      || !command_within (c, "--threads", o.threads, 1, 256))
    status = STATUS_USAGE;
  else if (!find (argv[1], argv[2], &o, &error))
    status = command_failed (error);
  g_free (o.optimizer);
  g_free (o.label);
  g_free (o.output);
  return status;
}

const Command command_rate = { "rate", "NETWORK DATA", "finds the learning rate at which a network learns the fastest", run };
