/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * network.c - see network.h. */
#include "pipelines/network.h"
#include "pipelines/command.h"
#include "zoo/zoo.h"
#include <string.h>

/* Puts the networks as text behind the models that an unknown name comes near. */
static void
add_nearest (const char *name, GError **error)
{
  g_autofree char *folder = convoy_zoo_data ("zoo", "networks");
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *file;

  while (dir && (file = g_dir_read_name (dir)))
    if (g_str_has_suffix (file, ".net"))
      g_ptr_array_add (names, g_strndup (file, strlen (file) - strlen (".net")));
  g_autofree char *near = convoy_nearest (name, (const char *const *) names->pdata, names->len, 3),
                  *had = g_strdup ((*error)->message);
  g_clear_error (error);
  g_set_error (error, ZOO_ERROR, ZOO_ERROR_UNKNOWN, "%s; of networks as text %s", had, near);
}

ConvoyGraph *
network_load (const char *name_or_path, GError **error)
{
  g_autofree char *path = convoy_zoo_find_network (name_or_path, NULL);
  GError *why = NULL;

  if (!path && !(path = command_model (name_or_path, &why))) {
    if (g_error_matches (why, ZOO_ERROR, ZOO_ERROR_UNKNOWN))
      add_nearest (name_or_path, &why);
    g_propagate_error (error, why);
    return NULL;
  }
  if (g_str_has_suffix (path, ".net"))
    return convoy_net_load (path, NULL, 0, error);
  return convoy_onnx_load (path, NULL, error);
}

/* "160x160x3" to numbers; 0: it is no such text. */
static guint
parse_sizes (const char *text, gint64 *d, guint max)
{
  g_auto (GStrv) part = g_strsplit (text, "x", -1);
  guint n = g_strv_length (part);

  for (guint i = 0; i < n && i < max; i++) {
    guint64 v;
    if (!g_ascii_string_to_unsigned (part[i], 10, 1, G_MAXINT32, &v, NULL))
      return 0;
    d[i] = (gint64) v;
  }
  return n <= max ? n : 0;
}

/* Pictures are asked for as width x height x channels and lie as NxCxHxW, or NxHxWxC. */
static gboolean
apply_input (const char *input, ConvoyShape *s, GError **error)
{
  g_autofree char *declared = convoy_shape_str (s);
  gint64 d[CONVOY_MAX_DIMS];
  guint n = parse_sizes (input, d, CONVOY_MAX_DIMS);

  if (n == 0 || n + 1 != s->n) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "--input %s does not fit the input of %s (%s)", input, declared,
        s->n == 4 ? "WIDTHxHEIGHTxCHANNELS" : "the sizes of a sample");
    return FALSE;
  }
  if (n == 3) {
    gboolean channels_last = s->d[1] != 1 && s->d[1] != 3 && (s->d[3] == 1 || s->d[3] == 3);
    gint64 w = d[0], h = d[1], c = d[2];
    d[0] = channels_last ? h : c;
    d[1] = channels_last ? w : h;
    d[2] = channels_last ? c : w;
  }
  for (guint i = 0; i < n; i++)
    s->d[i + 1] = d[i];
  return TRUE;
}

ConvoyGraph *
network_bind (const ConvoyGraph *g, guint batch, const char *input, const char *upto, GError **error)
{
  guint n = convoy_graph_n_inputs (g);
  g_autofree ConvoyShape *shapes = g_new0 (ConvoyShape, n + 1);

  for (guint i = 0; i < n; i++) {
    ConvoyValue v = convoy_graph_get_input (g, i);
    shapes[i] = *convoy_graph_input_shape (g, i);
    if (shapes[i].n > 1 || (shapes[i].n == 1 && shapes[i].d[0] < 0))
      shapes[i].d[0] = batch;
    if (i == 0 && input && !apply_input (input, &shapes[i], error))
      return NULL;
    if (convoy_shape_count (&shapes[i]) < 0) {
      g_autofree char *open = convoy_shape_str (&shapes[i]);
      g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "input %s is %s: say which with --input", convoy_graph_name (g, v), open);
      return NULL;
    }
  }
  ConvoyGraph *whole = convoy_graph_bind (g, shapes, NULL, error);
  if (whole == NULL || upto == NULL)
    return whole;
  const char *layer = convoy_graph_find_layer (whole, upto, error);
  ConvoyGraph *cut = layer ? convoy_graph_bind (g, shapes, layer, error) : NULL;
  convoy_graph_unref (whole);
  return cut;
}
