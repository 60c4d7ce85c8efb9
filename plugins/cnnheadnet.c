/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnheadnet.c - see cnnheadnet.h. */
#include "plugins/cnnheadnet.h"
#include "zoo/zoo.h"
#include <string.h>

#define OPSET 17                /* of a head that follows nothing; each word can be written in it */

void
cnn_head_net_clear (CnnHeadNet *net)
{
  g_clear_pointer (&net->graph, convoy_graph_unref);
  g_strfreev (net->labels);
  *net = (CnnHeadNet) { 0 };
}

/* Tokens of whatever size are numbers of int64 inside. */
static ConvoyType
inner_type (ConvoyType type)
{
  return type == CONVOY_I32 || type == CONVOY_I64 ? CONVOY_I64 : CONVOY_F32;
}

/* --- layers as text ------------------------------------------------------ */

static char *
with_classes (const char *layers, guint n_classes, GError **error)
{
  if (!strstr (layers, "${classes}"))
    return g_strdup (layers);
  if (n_classes == 0) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "layers=\"%s\": ${classes} is not known, the stream names no classes", layers);
    return NULL;
  }
  g_autofree char *number = g_strdup_printf ("%u", n_classes);
  g_auto (GStrv) parts = g_strsplit (layers, "${classes}", -1);
  return g_strjoinv (number, parts);
}

static ConvoyGraph *
from_layers (const char *layers, const CnnHeadInput *in, guint n_classes, guint64 seed, guint opset, GError **error)
{
  g_autofree char *text = with_classes (layers, n_classes, error);
  if (!text)
    return NULL;
  ConvoyGraph *g = convoy_graph_new (opset ? opset : OPSET);
  ConvoyValue v = convoy_graph_input (g, "input", inner_type (in->type), &in->shape);
  v = convoy_net_append (g, v, text, NULL, seed, error);
  if (v != CONVOY_NONE)
    convoy_graph_output (g, v);
  else
    g_clear_pointer (&g, convoy_graph_unref);
  return g;
}

/* --- a network file ------------------------------------------------------ */

static ConvoyGraph *
from_network (const char *network, const CnnHeadInput *in, guint n_classes, guint64 seed, GError **error)
{
  g_auto (GStrv) words = g_strsplit (network, " ", -1);
  g_autofree char *path = convoy_zoo_find_network (words[0], error);
  return path ? convoy_net_load_for (path, (const char *const *) words + 1, &in->shape, n_classes, seed, error) : NULL;
}

/* --- a trained model ------------------------------------------------------ */

/* Its preprocessing, where the whole of it is wanted and pictures come. */
static void
take_image (CnnHeadNet *net, const ConvoyModelInfo *info, const CnnHeadInput *in)
{
  net->image = *info;
  convoy_model_info_set_size (&net->image, (guint) in->shape.d[3], (guint) in->shape.d[2]);
  net->image.labels = NULL;
}

/* The shapes at which its layers can be told apart: its own, or those of what comes. */
static ConvoyGraph *
bind_own (ConvoyModel *model, const CnnHeadInput *in, gboolean whole, GError **error)
{
  const ConvoyGraph *g = convoy_model_graph (model);
  const ConvoyModelInfo *info = convoy_model_info (model);
  ConvoyShape shape = in->shape;
  if (!whole && info->channels)
    shape = CONVOY_SHAPE (1, info->channels, info->height, info->width);
  const ConvoyShape *declared = convoy_graph_n_inputs (g) == 1 ? convoy_graph_shape (g, convoy_graph_get_input (g, 0)) : NULL;
  return convoy_graph_bind (g, !whole && declared ? NULL : &shape, NULL, error);
}

/* Where layers= go on: as said, else behind the last map, or behind the cut where no map follows it. The bound's. */
static const char *
find_end (const CnnHeadSource *s, const ConvoyGraph *bound, const char *from, GError **error)
{
  if (s->to_layer || !from)
    return convoy_graph_find_layer (bound, s->to_layer ? s->to_layer : "last-conv", error);
  const char *map = convoy_graph_find_layer (bound, "last-conv", NULL);
  return map && convoy_graph_find (bound, map) > convoy_graph_find (bound, from) ? map : from;
}

static gboolean
from_model (CnnHeadNet *net, const CnnHeadSource *s, const CnnHeadInput *in, guint n_classes, GError **error)
{
  g_autofree char *path = convoy_zoo_find (s->model, error);
  ConvoyModelOptions o = { .need_preprocessing = !s->from_layer && in->type == CONVOY_U8 };
  ConvoyModel *model = path ? convoy_model_new (path, &o, error) : NULL;
  ConvoyGraph *bound = model ? bind_own (model, in, !s->from_layer, error) : NULL;
  const char *from = NULL, *to = NULL;
  gboolean ok = bound && (!s->from_layer || (from = convoy_graph_find_layer (bound, s->from_layer, error)))
      && (!s->layers || (to = find_end (s, bound, from, error)));
  if (ok)
    net->graph = convoy_graph_tail (convoy_model_graph (model), from, to, &in->shape, error);
  if (net->graph && in->type == CONVOY_U8)
    take_image (net, convoy_model_info (model), in);
  if (net->graph && !s->layers && convoy_model_info (model)->labels)
    net->labels = g_strdupv ((char **) convoy_model_info (model)->labels);
  if (net->graph && s->layers) {
    ConvoyGraph *tail = g_steal_pointer (&net->graph);
    ConvoyValue end = convoy_graph_get_output (tail, 0);
    const ConvoyShape *shape = convoy_graph_shape (tail, end);
    CnnHeadInput rest = { CONVOY_F32, shape ? *shape : CONVOY_SHAPE (-1) };
    ConvoyGraph *head = from_layers (s->layers, &rest, n_classes, s->seed, convoy_graph_opset (tail), error);
    net->graph = head ? convoy_graph_join (tail, head, NULL, error) : NULL;
    convoy_graph_unref (head);
    convoy_graph_unref (tail);
  }
  convoy_graph_unref (bound);
  convoy_model_unref (model);
  if (!net->graph && path)
    g_prefix_error (error, "%s: ", path);
  return net->graph != NULL;
}

/* --- all of them ----------------------------------------------------------- */

static gboolean
check_source (const CnnHeadSource *s, GError **error)
{
  const char *wrong = NULL;
  if (!s->layers && !s->network && !s->model)
    wrong = "no network: set layers=, network=, or model= with from-layer=";
  else if (s->network && (s->layers || s->model))
    wrong = "network= leaves no place for layers= or model=";
  else if (s->to_layer && !(s->model && s->layers))
    wrong = "to-layer= says where layers= go on from model=, and both are needed then";
  else if (s->from_layer && !s->model)
    wrong = "from-layer= is a layer of model=, which is not given";
  if (wrong)
    g_set_error_literal (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, wrong);
  return wrong == NULL;
}

/* A row of scores. */
static gboolean
check_output (CnnHeadNet *net, const CnnHeadInput *in, GError **error)
{
  ConvoyShape shape = in->shape;
  ConvoyGraph *bound = convoy_graph_bind (net->graph, &shape, NULL, error);
  if (!bound)
    return FALSE;
  const ConvoyShape *out = convoy_graph_shape (bound, convoy_graph_get_output (bound, 0));
  gint64 n = out->n >= 2 && out->d[0] == 1 ? convoy_shape_count (out) : 0;
  g_autofree char *text = convoy_shape_str (out);
  if (n >= 1 && n == out->d[1] && n <= G_MAXINT)
    net->n = (guint) n;
  else
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "the network gives %s for a sample, not a row of scores; does it end in flatten or a global pooling, and dense?", text);
  convoy_graph_unref (bound);
  return net->n > 0;
}

gboolean
cnn_head_net_make (CnnHeadNet *net, const CnnHeadSource *s, const CnnHeadInput *in, guint n_classes, guint opset, GError **error)
{
  *net = (CnnHeadNet) { 0 };
  if (!check_source (s, error))
    return FALSE;
  if (in->type == CONVOY_U8)
    net->image = (ConvoyModelInfo) { .width = (guint) in->shape.d[3], .height = (guint) in->shape.d[2], .channels = (guint) in->shape.d[1],
      .std = { 255, 255, 255 } };
  if (s->model)
    from_model (net, s, in, n_classes, error);
  else if (s->network)
    net->graph = from_network (s->network, in, n_classes, s->seed, error);
  else
    net->graph = from_layers (s->layers, in, n_classes, s->seed, opset, error);
  if (net->graph && check_output (net, in, error))
    return TRUE;
  cnn_head_net_clear (net);
  return FALSE;
}
