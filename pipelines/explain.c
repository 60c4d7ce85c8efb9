/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * explain.c - `convoy explain`: what a network looked at in a picture, as a heat map over it; the
 * filters of its first layer, and what a layer answers, as pictures. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "pipelines/command.h"
#include "pipelines/heat.h"
#include "pipelines/picture.h"
#include "pipelines/stream.h"
#include "zoo/zoo.h"
#include <stdio.h>
#include <string.h>

#define DEFAULT_MODEL "mobilenet-v2-1.0-224"
#define MAX_MAPS 64             /* of a layer, in one picture */

typedef struct {
  char *model, *labels, *layer, *class, *output, *activations;
  gboolean filters;
} Request;

typedef struct {
  ConvoyModel *model;
  const ConvoyGraph *bound;
  ConvoyShape *shapes;          /* of its inputs */
} Subject;

/* --- names ------------------------------------------------------------ */

/* "n02123045 tabby, tabby cat" is called "tabby" and "tabby cat", too. */
static gboolean
is_called (const char *label, const char *name)
{
  g_auto (GStrv) parts = g_strsplit (label, ", ", -1);
  for (guint i = 0; parts[i]; i++)
    if (!g_ascii_strcasecmp (parts[i], name))
      return TRUE;
  return !g_ascii_strcasecmp (label, name);
}

/* Those names of classes that come nearest. */
static char *
nearest_names (const char *const *labels, const char *name)
{
  g_autofree char *all = g_strjoinv (", ", (char **) labels);
  g_auto (GStrv) parts = g_strsplit (all, ", ", -1);
  return convoy_nearest (name, (const char *const *) parts, g_strv_length (parts), 3);
}

/* The number of a class, by that or by its label; -1 with *error clear: none was asked for. */
static gint
find_class (const ConvoyModelInfo *info, guint n, const char *class, GError **error)
{
  guint64 number;
  if (!class)
    return -1;
  if (g_ascii_string_to_unsigned (class, 10, 0, n - 1, &number, NULL))
    return (gint) number;
  for (guint i = 0; info->labels && i < n; i++)
    if (is_called (info->labels[i], class))
      return (gint) i;
  g_autofree char *near = info->labels && !strspn (class, "-0123456789") ? nearest_names (info->labels, class) : NULL;
  if (near)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "no class is called \"%s\"; the nearest are %s", class, near);
  else
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "no class is called \"%s\"; there are %u, from 0", class, n);
  return -1;
}

/* OUTPUT, or the picture's name with an ending, in this folder. */
static char *
output_of (const Request *r, const char *picture, const char *ending)
{
  if (r->output)
    return g_strdup (r->output);
  g_autofree char *name = g_path_get_basename (picture);
  static const char *const endings[] = { ".jpg", ".jpeg", ".png", ".onnx" };
  for (guint i = 0; i < G_N_ELEMENTS (endings); i++)
    if (g_str_has_suffix (name, endings[i]) && strlen (name) > strlen (endings[i]))
      name[strlen (name) - strlen (endings[i])] = 0;
  return g_strdup_printf ("%s-%s.png", name, ending);
}

/* --- what is drawn ------------------------------------------------------ */

static gboolean
explain (const Request *r, const Subject *s, const char *file, GError **error)
{
  const ConvoyModelInfo *info = convoy_model_info (s->model);
  g_autofree char *path = output_of (r, file, "heat");
  g_autoptr (ConvoyProbe) p = convoy_probe_new (convoy_model_graph (s->model), s->shapes, r->layer, error);
  GError *why = NULL;
  double where[4];

  if (!p)
    return FALSE;
  gint class = find_class (info, convoy_probe_n_scores (p), r->class, &why);
  cairo_surface_t *picture = why ? NULL : picture_load (file, &why);
  if (!picture) {
    g_propagate_error (error, why);
    return FALSE;
  }
  g_autofree guint8 *pixels = picture_fit (picture, info, where);
  ConvoyView view = convoy_probe_input (p);
  convoy_image_put (info, pixels, (gsize) info->width * info->channels, &view, 0);
  ConvoyTensor *heat = convoy_probe_run (p, class, error) ? convoy_probe_heat (p, error) : NULL;
  gboolean ok = FALSE;
  if (heat) {
    guint score = convoy_probe_score (p);
    g_autofree char *name = info->labels ? g_strdup (info->labels[score]) : g_strdup_printf ("class %u", score);
    g_autofree char *caption = g_strdup_printf ("%.1f %%  %s  (layer %s)", 100 * convoy_probe_probability (p), name, convoy_probe_layer (p));
    ok = heat_save (path, picture, heat, where, caption, error);
    if (ok)
      printf ("%s: %s\n", path, caption);
  }
  convoy_tensor_unref (heat);
  cairo_surface_destroy (picture);
  return ok;
}

static gboolean
draw_filters (const Request *r, const Subject *s, const char *file, GError **error)
{
  ConvoyTensor *w = convoy_graph_filters (s->bound, error);
  (void) file;
  if (!w)
    return FALSE;
  g_autofree char *path = output_of (r, r->model, "filters");
  g_autofree char *shape = convoy_shape_str (convoy_tensor_shape (w));
  g_autofree char *caption = g_strdup_printf ("filters of the first convolution, %s", shape);
  gboolean ok = heat_save_filters (path, w, convoy_model_info (s->model)->bgr, caption, error);
  if (ok)
    printf ("%s: %s\n", path, caption);
  convoy_tensor_unref (w);
  return ok;
}

/* What the layer gives for the pixels; NULL: it has no maps. Borrowed from *x. */
static const ConvoyTensor *
maps_of (ConvoyModel *m, const char *layer, const guint8 *pixels, ConvoyExec **x, GError **error)
{
  const ConvoyModelInfo *info = convoy_model_info (m);
  ConvoyPlan *plan = convoy_model_plan_soon (m, 1, 0, 0, 1, layer, error);
  if (!plan || !(*x = convoy_exec_new (plan, error)))
    return NULL;
  ConvoyView view = convoy_exec_input (*x, 0);
  convoy_image_put (info, pixels, (gsize) info->width * info->channels, &view, 0);
  const ConvoyTensor *t = convoy_exec_run (*x, error) ? convoy_exec_output (*x, 0) : NULL;
  if (!t || (convoy_tensor_shape (t)->n == 4 && convoy_tensor_type (t) == CONVOY_F32 && convoy_tensor_count (t) > 0))
    return t;
  g_autofree char *shape = convoy_shape_str (convoy_tensor_shape (t));
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "layer %s gives %s %s, which are no maps with height and width", layer,
      convoy_type_name (convoy_tensor_type (t)), shape);
  return NULL;
}

static gboolean
draw_activations (const Request *r, const Subject *s, const char *file, GError **error)
{
  const char *layer = convoy_graph_find_layer (s->bound, r->activations, error);
  cairo_surface_t *picture = layer ? picture_load (file, error) : NULL;
  double where[4];

  if (!picture)
    return FALSE;
  g_autofree char *path = output_of (r, file, "maps");
  g_autofree guint8 *pixels = picture_fit (picture, convoy_model_info (s->model), where);
  ConvoyExec *x = NULL;
  const ConvoyTensor *maps = maps_of (s->model, layer, pixels, &x, error);
  gboolean ok = FALSE;
  if (maps) {
    guint n = (guint) convoy_tensor_shape (maps)->d[1];
    g_autofree char *caption = n > MAX_MAPS ? g_strdup_printf ("%s: the %d strongest of %u maps", layer, MAX_MAPS, n) : g_strdup_printf ("%s: %u maps, the strongest first", layer, n);
    ok = heat_save_maps (path, maps, MAX_MAPS, caption, error);
    if (ok)
      printf ("%s: %s\n", path, caption);
  }
  convoy_exec_free (x);
  cairo_surface_destroy (picture);
  return ok;
}

/* --- the command --------------------------------------------------------- */

/* Of a model that takes pictures. */
static gboolean
subject_init (Subject *s, const char *path, GError **error)
{
  const ConvoyModelInfo *info = convoy_model_info (s->model);
  if (info->width == 0 || info->height == 0) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED, "%s: takes no pictures", path);
    return FALSE;
  }
  ConvoyPlan *plan = convoy_model_plan_soon (s->model, 1, 0, 0, 1, NULL, error);
  if (!plan)
    return FALSE;
  s->bound = convoy_plan_graph (plan);
  s->shapes = g_new0 (ConvoyShape, convoy_graph_n_inputs (s->bound) + 1);
  for (guint i = 0; i < convoy_graph_n_inputs (s->bound); i++)
    s->shapes[i] = *convoy_graph_shape (s->bound, convoy_graph_get_input (s->bound, i));
  return TRUE;
}

static int
serve (Request *r, const char *file)
{
  GError *error = NULL;
  g_autofree char *name = command_zoo_name (r->model ? r->model : DEFAULT_MODEL, !r->model, &error);
  g_autofree char *path = name ? convoy_zoo_find (name, &error) : NULL;
  const ConvoyModelOptions o = { .labels = r->labels, .need_preprocessing = !r->filters };
  Subject s = { 0 };

  if (!path || !stream_init (&error))
    return command_failed (error);
  g_free (r->model);
  r->model = g_steal_pointer (&name);
  s.model = convoy_model_new (path, &o, &error);
  if (s.model && subject_init (&s, path, &error)
      && !(r->filters          ? draw_filters
              : r->activations ? draw_activations
                               : explain) (r, &s, file, &error)
      && !(file && g_str_has_prefix (error->message, file)))
    g_prefix_error (&error, "%s: ", r->model);
  g_free (s.shapes);
  convoy_model_unref (s.model);
  return error ? command_failed (error) : STATUS_OK;
}

static void
request_clear (Request *r)
{
  g_free (r->model);
  g_free (r->labels);
  g_free (r->layer);
  g_free (r->class);
  g_free (r->output);
  g_free (r->activations);
}

static gboolean
is_figure (const char *path)
{
  static const char *const endings[] = { ".png", ".jpg", ".jpeg", ".svg" };
  for (guint i = 0; i < G_N_ELEMENTS (endings); i++)
    if (g_str_has_suffix (path, endings[i]))
      return TRUE;
  return FALSE;
}

static int
run (int argc, char **argv)
{
  Request r = { 0 };
  const GOptionEntry options[] = {
    { "model", 'm', 0, G_OPTION_ARG_FILENAME, &r.model, "Name in the zoo, or ONNX file (default: " DEFAULT_MODEL ")", "NAME|FILE" },
    { "labels", 0, 0, G_OPTION_ARG_FILENAME, &r.labels, "File with a label a line", "FILE" },
    { "class", 'c', 0, G_OPTION_ARG_STRING, &r.class, "The class to look for, a label or a number (default: the best)", "CLASS" },
    { "layer", 'l', 0, G_OPTION_ARG_STRING, &r.layer, "The layer to look at (default: last-conv)", "LAYER" },
    { "filters", 'f', 0, G_OPTION_ARG_NONE, &r.filters, "Draw the filters of the first convolution instead; wants no PICTURE", NULL },
    { "activations", 'a', 0, G_OPTION_ARG_STRING, &r.activations, "Draw what LAYER answers to the picture instead", "LAYER" },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &r.output, "The result, .png, .jpg or .svg (default: a .png named after the picture, in this folder)", "FILE" },
    { NULL }
  };
  const char *more = "The heat map is Grad-CAM: red is where the layer spoke the most for the class. A LAYER is a\n"
      "name or number of `convoy summary`, or last-conv.";
  const Command *c = &command_explain;
  int status;

  if (!command_parse (c, options, more, &argc, &argv))
    status = STATUS_USAGE;
  else if (r.filters && (argc > 1 || r.activations || r.class || r.layer))
    status = command_usage (c, "--filters goes with neither a picture nor --activations, --class or --layer");
  else if (r.activations && (r.class || r.layer))
    status = command_usage (c, "--activations goes with neither --class nor --layer");
  else if (!r.filters && argc != 2)
    status = command_usage (c, argc < 2 ? "no picture named" : "more than one picture named");
  else if (r.output && !is_figure (r.output))
    status = command_usage (c, "--output %s is none of .png, .jpg, .svg", r.output);
  else
    status = serve (&r, argv[1]);
  request_clear (&r);
  return status;
}

const Command command_explain = { "explain", "[PICTURE]", "shows what a network looked at in a picture", run };
