/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * bench.c - `convoy bench`: how fast a network runs here, and how much of the processor that is. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "pipelines/command.h"
#include "pipelines/network.h"
#include "pipelines/peak.h"
#include "pipelines/term.h"
#include "zoo/zoo.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WARM_UP 3
#define MAX_RUNS 1000000

typedef struct {
  guint batch, threads, runs;
  const char *input, *precision;
  gboolean serve, steps;
} Settings;

/* --- running ---------------------------------------------------------- */

/* Values of 0 to 1 that are no special case for any layer. */
static void
fill (const ConvoyView *v, GRand *random)
{
  gint64 at[CONVOY_MAX_DIMS] = { 0 }, n = convoy_shape_count (&v->shape);
  for (gint64 k = 0; k < n; k++) {
    gint64 offset = 0;
    for (guint d = 0; d < v->shape.n; d++)
      offset += at[d] * v->stride[d];
    if (v->type == CONVOY_F32)
      ((float *) v->data)[offset] = (float) g_rand_double (random);
    else
      memset ((char *) v->data + (gsize) offset * convoy_type_size (v->type), 0, convoy_type_size (v->type));
    for (guint d = v->shape.n; d-- > 0 && ++at[d] == v->shape.d[d];)
      at[d] = 0;
  }
}

static void
fill_inputs (ConvoyExec *x, const ConvoyGraph *bound)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (1);

  for (guint i = 0; i < convoy_graph_n_inputs (bound); i++) {
    ConvoyView v = convoy_exec_input (x, i);
    fill (&v, random);
  }
}

static int
by_size (const void *a, const void *b)
{
  gint64 x = *(const gint64 *) a, y = *(const gint64 *) b;
  return (x > y) - (x < y);
}

/* Of n runs, in microseconds; negative: error. */
static double
median_run (ConvoyExec *x, guint n, GError **error)
{
  g_autofree gint64 *took = g_new (gint64, n);

  for (guint i = 0; i < n; i++) {
    gint64 start = g_get_monotonic_time ();
    if (command_interrupted ())
      g_set_error_literal (error, CONVOY_ERROR, CONVOY_ERROR_CANCELLED, "interrupted");
    if (command_interrupted () || !convoy_exec_run (x, error))
      return -1;
    took[i] = g_get_monotonic_time () - start;
  }
  qsort (took, n, sizeof *took, by_size);
  return ((double) took[(n - 1) / 2] + (double) took[n / 2]) / 2;
}

/* --- output ----------------------------------------------------------- */

static void
print_result (const Settings *s, double us, gint64 macs)
{
  double gflops = 2 * (double) macs / us / 1e3, peak = peak_gflops () * s->threads;

  printf ("%-18s %.3f ms\n", s->batch == 1 ? "a picture" : "a batch", us / 1e3);
  printf ("%-18s %.1f\n", "pictures/s", s->batch * 1e6 / us);
  printf ("%-18s %.1f\n", "GFLOP/s", gflops);
  if (peak > 0)
    printf ("%-18s %.0f %% of %.0f GFLOP/s (%u core%s)\n", "of the peak", 100 * gflops / peak, peak, s->threads, s->threads == 1 ? "" : "s");
}

static gint64
count_macs (const ConvoyGraph *bound)
{
  g_autoptr (GArray) rows = convoy_graph_layers (bound);
  gint64 n = 0;
  for (guint i = 0; i < rows->len; i++)
    n += g_array_index (rows, ConvoyLayer, i).macs;
  return n;
}

/* Tells the work of a run and the peak of the processor, in GFLOP and GFLOP/s; then, for each line
 * with a number of runs, their median in microseconds: so runs may alternate with another program's. */
static gboolean
serve (ConvoyExec *x, gint64 macs, GError **error)
{
  char line[64];

  printf ("%.4f %.1f\n", 2 * (double) macs / 1e9, peak_gflops ());
  fflush (stdout);
  while (fgets (line, sizeof line, stdin)) {
    double us = median_run (x, (guint) CLAMP (atoi (line), 1, MAX_RUNS), error);
    if (us < 0)
      return FALSE;
    printf ("%.1f\n", us);
    fflush (stdout);
  }
  return TRUE;
}

static void
print_steps (ConvoyExec *x, guint runs)
{
  g_free (convoy_exec_profile (x, TRUE));
  for (guint i = 0; i < runs && convoy_exec_run (x, NULL); i++)
    ;
  g_autofree char *text = convoy_exec_profile (x, FALSE);
  printf ("\n%s", text);
}

/* --- the command ------------------------------------------------------ */

/* g in 8 bits as `convoy quantize` makes it, but by such values instead of pictures: as fast, and of no other use. */
static ConvoyGraph *
quantize (const ConvoyGraph *g, const ConvoyGraph *bound, GError **error)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (1);
  g_autoptr (ConvoyQuantizer) q = convoy_quantizer_new (g, convoy_graph_shape (bound, convoy_graph_get_input (bound, 0)), 1, error);

  if (!q)
    return NULL;
  ConvoyView v = convoy_quantizer_input (q);
  fill (&v, random);
  return convoy_quantizer_observe (q, error) ? convoy_quantizer_finish (q, FALSE, error) : NULL;
}

/* The network to be timed, for the batch. */
static ConvoyGraph *
load (const Settings *s, const char *name, GError **error)
{
  ConvoyGraph *g = network_load (name, error);
  gboolean quantized = g && convoy_graph_is_quantized (g);

  if (!g)
    return NULL;
  ConvoyGraph *bound = network_bind (g, s->batch, s->input, NULL, error);
  if (bound && g_strcmp0 (s->precision, "fp32") == 0 && quantized) {
    g_set_error_literal (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED, "--precision fp32, but the network is quantized");
    g_clear_pointer (&bound, convoy_graph_unref);
  } else if (bound && g_strcmp0 (s->precision, "int8") == 0 && !quantized) {
    ConvoyGraph *bytes = quantize (g, bound, error);
    convoy_graph_unref (bound);
    bound = bytes ? network_bind (bytes, s->batch, s->input, NULL, error) : NULL;
    convoy_graph_unref (bytes);
  }
  if (!bound)
    g_prefix_error (error, "%s: ", name);
  convoy_graph_unref (g);
  return bound;
}

static gboolean
bench (const Settings *s, ConvoyGraph *bound, GError **error)
{
  g_autofree char *cache = convoy_zoo_cache_dir (), *timings = g_build_filename (cache, "timings.ini", NULL);
  ConvoyPlanOptions o = { .threads = s->threads, .cache = timings };

  g_mkdir_with_parents (cache, 0777);
  ConvoyPlan *p = convoy_plan_new (bound, &o, error);
  ConvoyExec *x = p ? convoy_exec_new (p, error) : NULL;
  gboolean ok = FALSE;
  if (x) {
    fill_inputs (x, bound);
    ok = median_run (x, WARM_UP, error) >= 0;
  }
  if (ok && s->serve) {
    ok = serve (x, count_macs (bound), error);
  } else if (ok) {
    double us = median_run (x, s->runs, error);
    ok = us >= 0;
    if (ok)
      print_result (s, us, count_macs (bound));
    if (ok && s->steps)
      print_steps (x, s->runs);
  }
  convoy_exec_free (x);
  convoy_plan_unref (p);
  return ok;
}

static int
run (int argc, char **argv)
{
  int batch = 1, threads = 1, runs = 50;
  g_autofree char *input = NULL, *precision = NULL;
  GError *error = NULL;
  Settings s = { 0 };
  const GOptionEntry options[] = {
    { "batch", 'b', 0, G_OPTION_ARG_INT, &batch, "Pictures at a time (default: 1)", "N" },
    { "threads", 't', 0, G_OPTION_ARG_INT, &threads, "Threads that work on a batch (default: 1)", "N" },
    { "runs", 'r', 0, G_OPTION_ARG_INT, &runs, "Runs that the median is taken of (default: 50)", "N" },
    { "input", 'i', 0, G_OPTION_ARG_STRING, &input, "Size of the picture, 160x160x3", "WIDTHxHEIGHTxCHANNELS" },
    { "precision", 0, 0, G_OPTION_ARG_STRING, &precision, "fp32 or int8, for which a network of float32 is quantized (default: as it is)", "PRECISION" },
    { "steps", 0, 0, G_OPTION_ARG_NONE, &s.steps, "Print the time of each step too", NULL },
    { "serve", 0, 0, G_OPTION_ARG_NONE, &s.serve, "For each line read, a number of runs, print their median in microseconds", NULL },
    { NULL }
  };
  const Command *c = &command_bench;

  if (!command_parse (c, options, NULL, &argc, &argv))
    return STATUS_USAGE;
  if (argc != 2)
    return command_usage (c, argc < 2 ? "no model named" : "more than one model named");
  if (!command_within (c, "--batch", batch, 1, 4096) || !command_within (c, "--threads", threads, 1, 256)
      || !command_within (c, "--runs", runs, 1, MAX_RUNS))
    return STATUS_USAGE;
  if (precision && !g_strv_contains ((const char *const[]) { "fp32", "int8", NULL }, precision))
    return command_usage (c, "--precision %s is none of fp32, int8", precision);
  s.batch = (guint) batch, s.threads = (guint) threads, s.runs = (guint) runs, s.input = input, s.precision = precision;
  command_catch_interrupt ();
  ConvoyGraph *bound = load (&s, argv[1], &error);
  if (bound && !bench (&s, bound, &error))
    g_prefix_error (&error, "%s: ", argv[1]);
  convoy_graph_unref (bound);
  return error ? command_failed (error) : STATUS_OK;
}

const Command command_bench = { "bench", "MODEL", "measures how fast a network runs", run };
