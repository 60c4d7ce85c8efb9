/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * summary.c - `convoy summary`: the layers of a network with shapes, parameters and multiplications. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "pipelines/command.h"
#include "pipelines/network.h"
#include "pipelines/term.h"
#include <stdio.h>

/* Without the batch: "1024x5x5". */
static char *
sample_shape (const ConvoyShape *s)
{
  ConvoyShape sample = { 0, { 0 } };
  for (guint i = s->n > 1; i < s->n; i++)
    sample.d[sample.n++] = s->d[i];
  return convoy_shape_str (&sample);
}

static void
number_cell (TermTable *t, gint64 n)
{
  g_autofree char *text = n ? term_number (n) : g_strdup ("");
  term_table_cell (t, "%s", text);
}

static void
print_totals (gint64 params, gint64 trainable, gint64 macs)
{
  const struct { const char *what; gint64 n; } rows[] = {
    { "Parameters", params }, { "  trainable", trainable }, { "  not trainable", params - trainable }, { "Multiplications", macs },
  };
  g_autoptr (TermTable) t = term_table_new ("lr");

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *n = term_number (rows[i].n);
    term_table_cell (t, "%s", rows[i].what);
    term_table_cell (t, "%s", n);
  }
  putchar ('\n');
  term_table_print (t, FALSE);
}

static void
print_layers (const ConvoyGraph *bound)
{
  static const char *const head[] = { "Layer", "Operator", "Output", "Parameters", "Formula", "Multiplications" };
  g_autoptr (GArray) rows = convoy_graph_layers (bound);
  g_autoptr (TermTable) t = term_table_new ("lllrlr");
  gint64 params = 0, trainable = 0, macs = 0;

  for (guint i = 0; i < G_N_ELEMENTS (head); i++)
    term_table_cell (t, "%s", head[i]);
  term_table_rule (t);
  for (guint i = 0; i < rows->len; i++) {
    const ConvoyLayer *l = &g_array_index (rows, ConvoyLayer, i);
    g_autofree char *shape = sample_shape (&l->shape);
    term_table_cell (t, "%s", l->name);
    term_table_cell (t, "%s", l->op);
    term_table_cell (t, "%s", shape);
    number_cell (t, l->params);
    term_table_cell (t, "%s", l->formula ? l->formula : "");
    number_cell (t, l->macs);
    params += l->params;
    trainable += l->trainable;
    macs += l->macs;
  }
  term_table_rule (t);
  term_table_print (t, TRUE);
  print_totals (params, trainable, macs);
}

static gboolean
print_plan (ConvoyGraph *bound, GError **error)
{
  ConvoyPlanOptions o = { .threads = 1 };
  ConvoyPlan *p = convoy_plan_new (bound, &o, error);
  if (!p)
    return FALSE;
  g_autofree char *text = convoy_plan_dump (p);
  fputs (text, stdout);
  if (convoy_plan_is_slow (p))
    puts ("A step runs on oneDNN's slow reference code.");
  convoy_plan_unref (p);
  return TRUE;
}

static int
run (int argc, char **argv)
{
  g_autofree char *input = NULL, *upto = NULL;
  gboolean plan = FALSE;
  GError *error = NULL;
  const GOptionEntry options[] = {
    { "input", 'i', 0, G_OPTION_ARG_STRING, &input, "Size of the picture, 160x160x3", "WIDTHxHEIGHTxCHANNELS" },
    { "upto", 'u', 0, G_OPTION_ARG_STRING, &upto, "End with this layer", "LAYER" },
    { "plan", 'p', 0, G_OPTION_ARG_NONE, &plan, "Print the steps that it was compiled to instead", NULL },
    { NULL }
  };
  const Command *c = &command_summary;

  if (!command_parse (c, options, "MODEL is an ONNX file, a network as text (.net) or a name in the zoo.", &argc, &argv))
    return STATUS_USAGE;
  if (argc != 2)
    return command_usage (c, argc < 2 ? "no model named" : "more than one model named");
  ConvoyGraph *g = network_load (argv[1], &error), *bound = g ? network_bind (g, 1, input, upto, &error) : NULL;
  if (bound && plan)
    print_plan (bound, &error);
  else if (bound)
    print_layers (bound);
  if (error && g)
    g_prefix_error (&error, "%s: ", argv[1]);
  convoy_graph_unref (bound);
  convoy_graph_unref (g);
  return error ? command_failed (error) : STATUS_OK;
}

const Command command_summary = { "summary", "MODEL", "shows the layers of a network and what they cost", run };
