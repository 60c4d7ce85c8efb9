/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * export.c - `convoy export`: a base up to a layer and the head that goes on from it, as one ONNX file
 * that says how pictures go in and what its classes are called. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "core/convoy.h"
#include "pipelines/command.h"
#include "pipelines/network.h"
#include <stdio.h>

typedef struct { const char *layer, *pooling, *input, *output; } Export;

/* What the whole takes: pictures of this size, else what base declares. */
static gboolean
find_input (const Export *e, const ConvoyGraph *base, ConvoyModelInfo *info, ConvoyShape *shape, GError **error)
{
  ConvoyGraph *bound = network_bind (base, 1, e->input, NULL, error);
  if (bound == NULL)
    return FALSE;
  *shape = *convoy_graph_shape (bound, convoy_graph_get_input (bound, 0));
  gboolean last = shape->n == 4 && shape->d[3] == info->channels && shape->d[1] != info->channels;
  if (info->channels && shape->n == 4)
    convoy_model_info_set_size (info, (guint) shape->d[last ? 2 : 3], (guint) shape->d[last ? 1 : 2]);
  if (shape->n > 0 && convoy_graph_input_shape (base, 0)->d[0] < 0)
    shape->d[0] = -1;
  convoy_graph_unref (bound);
  return TRUE;
}

/* The classes and the history of the head, the pictures or texts of the base. */
static GHashTable *
find_facts (const ConvoyModel *head, const ConvoyModel *base, const ConvoyModelInfo *pictures)
{
  GHashTable *props = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  ConvoyModelInfo info = *pictures;
  info.labels = convoy_model_info (head)->labels;
  convoy_model_describe (&info, props);
  convoy_model_describe_text (base, props);
  if (convoy_model_metadata (head, "history"))
    g_hash_table_insert (props, g_strdup ("history"), g_strdup (convoy_model_metadata (head, "history")));
  return props;
}

static gboolean
export (const Export *e, const ConvoyModel *base, const ConvoyModel *head, GError **error)
{
  ConvoyShape input;
  ConvoyModelInfo info = *convoy_model_info (base);
  const ConvoyGraph *from = convoy_model_graph (base);
  if (!find_input (e, from, &info, &input, error))
    return FALSE;
  ConvoyGraph *bound = network_bind (from, 1, e->input, e->layer, error);
  if (bound == NULL)
    return FALSE;
  g_autofree char *layer = g_strdup (convoy_graph_name (bound, convoy_graph_get_output (bound, 0)));
  ConvoyJoin o = { .upto = layer, .pooling = e->pooling, .input = &input };
  g_autoptr (GHashTable) props = find_facts (head, base, &info);
  ConvoyGraph *whole = convoy_graph_join (from, convoy_model_graph (head), &o, error);
  gboolean ok = whole && convoy_onnx_save (e->output, whole, props, error);
  convoy_graph_unref (whole);
  convoy_graph_unref (bound);
  return ok;
}

static gboolean
load (const char *name, const char *labels, ConvoyModel **m, GError **error)
{
  g_autofree char *path = command_model (name, error);
  ConvoyModelOptions o = { .labels = labels };
  return path && (*m = convoy_model_new (path, &o, error)) != NULL;
}

static int
run (int argc, char **argv)
{
  g_autofree char *base_name = NULL, *layer = NULL, *pooling = NULL, *input = NULL, *labels = NULL, *output = NULL;
  const GOptionEntry options[] = {
    { "base", 'b', 0, G_OPTION_ARG_STRING, &base_name, "The network that makes the features; a name in the zoo, or an ONNX file", "MODEL" },
    { "layer", 'l', 0, G_OPTION_ARG_STRING, &layer, "Where it is cut: a name, a number, features or last-conv (default)", "LAYER" },
    { "pooling", 'p', 0, G_OPTION_ARG_STRING, &pooling, "Between the two: none (default), max or avg over height and width", "POOLING" },
    { "input", 'i', 0, G_OPTION_ARG_STRING, &input, "Size of the picture, 160x160x3 (default: as the base has it)", "WIDTHxHEIGHTxCHANNELS" },
    { "labels", 0, 0, G_OPTION_ARG_FILENAME, &labels, "Names of the head's classes, a line each (default: what its file says)", "FILE" },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &output, "The file to write", "FILE.onnx" },
    { NULL }
  };
  const Command *c = &command_export;
  GError *error = NULL;
  ConvoyModel *base = NULL, *head = NULL;

  if (!command_parse (c, options, "HEAD is an ONNX file that takes features, such as one that cnnhead learnt from tensors.", &argc, &argv))
    return STATUS_USAGE;
  if (argc != 2)
    return command_usage (c, argc < 2 ? "no HEAD named" : "more than one HEAD named");
  if (!base_name || !output)
    return command_usage (c, "no %s named", base_name ? "--output" : "--base");
  Export e = { .layer = layer ? layer : "last-conv", .pooling = pooling, .input = input, .output = output };
  gboolean ok = load (base_name, NULL, &base, &error) && load (argv[1], labels, &head, &error);
  if (ok && !(ok = export (&e, base, head, &error)))
    g_prefix_error (&error, "%s behind %s: ", argv[1], base_name);
  if (ok)
    printf ("%s\n", output);
  convoy_model_unref (base);
  convoy_model_unref (head);
  return ok ? STATUS_OK : command_failed (error);
}

const Command command_export = { "export", "HEAD", "makes one ONNX file of a network and the head that follows it", run };
