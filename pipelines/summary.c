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

static void
size_row (TermTable *t, const char *what, gsize bytes)
{
  g_autofree char *size = term_size (bytes);
  term_table_cell (t, "%s", what);
  term_table_cell (t, "%s", size);
}

/* What it takes to learn, beside what can hardly be done without. */
static gboolean
print_training (ConvoyGraph *bound, const ConvoyTrainOptions *o, GError **error)
{
  ConvoyTrainer *trainer = convoy_trainer_new (bound, o, error);
  g_autoptr (TermTable) t = term_table_new ("lr");
  ConvoyTrainMemory m;

  if (!trainer)
    return FALSE;
  convoy_trainer_memory (trainer, &m);
  convoy_trainer_free (trainer);
  size_row (t, "Weights, gradients, moments", m.weights);
  size_row (t, "Plan", m.plan);
  size_row (t, "Both", m.weights + m.plan);
  printf ("A training step of %u samples with %s:\n\n", o->batch, o->optimizer);
  term_table_print (t, FALSE);
  g_autofree char *activations = term_size (m.activations), *params = term_size (m.parameters);
  printf ("\n%.2f times activations (%s) + 3 x parameters (%s)\n", (double) (m.weights + m.plan) / (double) (m.activations + 3 * m.parameters), activations, params);
  return TRUE;
}

static int
run (int argc, char **argv)
{
  g_autofree char *input = NULL, *upto = NULL, *optimizer = NULL;
  gboolean plan = FALSE, training = FALSE;
  int batch = -1;
  GError *error = NULL;
  const GOptionEntry options[] = {
    { "input", 'i', 0, G_OPTION_ARG_STRING, &input, "Size of the picture, 160x160x3", "WIDTHxHEIGHTxCHANNELS" },
    { "upto", 'u', 0, G_OPTION_ARG_STRING, &upto, "End with this layer", "LAYER" },
    { "plan", 'p', 0, G_OPTION_ARG_NONE, &plan, "Print the steps that it was compiled to instead", NULL },
    { "training", 't', 0, G_OPTION_ARG_NONE, &training, "Print the memory that a training step needs instead", NULL },
    { "batch", 'b', 0, G_OPTION_ARG_INT, &batch, "Samples of that step, by default 32", "N" },
    { "optimizer", 'o', 0, G_OPTION_ARG_STRING, &optimizer, "sgd, momentum, nesterov, rmsprop (default), adam or adamw", "NAME" },
    { NULL }
  };
  const Command *c = &command_summary;

  if (!command_parse (c, options, "MODEL is an ONNX file, a network as text (.net) or a name in the zoo.", &argc, &argv))
    return STATUS_USAGE;
  if (argc != 2)
    return command_usage (c, argc < 2 ? "no model named" : "more than one model named");
  if (!training && (batch != -1 || optimizer))
    return command_usage (c, "--batch and --optimizer go with --training");
  if (batch != -1 && !command_within (c, "--batch", batch, 1, G_MAXINT))
    return STATUS_USAGE;
  const ConvoyTrainOptions train = { .batch = batch > 0 ? (guint) batch : 32, .optimizer = optimizer ? optimizer : "rmsprop" };
  ConvoyGraph *g = network_load (argv[1], &error), *bound = g ? network_bind (g, training ? train.batch : 1, input, upto, &error) : NULL;
  if (bound && training)
    print_training (bound, &train, &error);
  else if (bound && plan)
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
