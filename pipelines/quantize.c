/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * quantize.c - `convoy quantize`: an 8-bit network from one of floats, with scales that fit what some
 * pictures make of it. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "pipelines/command.h"
#include "pipelines/network.h"
#include "pipelines/picture.h"
#include "pipelines/stream.h"
#include "pipelines/term.h"
#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

#define PICTURES 128

typedef struct {
  char *folder, *output;
  gboolean per_tensor;
  int pictures;
  guint n_seen, n_skipped;
} Quantize;

/* --- the pictures ------------------------------------------------------ */

static int
by_name (const void *a, const void *b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

static gboolean
is_picture (const char *name)
{
  static const char *const endings[] = { ".jpg", ".jpeg", ".png" };
  g_autofree char *lower = g_ascii_strdown (name, -1);
  for (guint i = 0; i < G_N_ELEMENTS (endings); i++)
    if (g_str_has_suffix (lower, endings[i]))
      return TRUE;
  return FALSE;
}

/* Those in a folder and in the folders below it, but for what is hidden. */
static gboolean
find_pictures (const char *folder, guint depth, GPtrArray *files, GError **error)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  const char *name;
  gboolean ok = dir != NULL;

  if (!ok)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_ABSENT, "%s: cannot be looked into: %s", folder, g_strerror (errno));
  while (ok && (name = g_dir_read_name (dir))) {
    g_autofree char *path = g_build_filename (folder, name, NULL);
    if (*name != '.' && depth > 0 && g_file_test (path, G_FILE_TEST_IS_DIR))
      ok = find_pictures (path, depth - 1, files, error);
    else if (*name != '.' && is_picture (name))
      g_ptr_array_add (files, g_steal_pointer (&path));
  }
  if (dir)
    g_dir_close (dir);
  return ok;
}

/* So many of them, spread over all in the order of their names, so that each class has its share. */
static GPtrArray *
choose_pictures (const Quantize *q, GError **error)
{
  g_autoptr (GPtrArray) all = g_ptr_array_new_with_free_func (g_free);

  if (!find_pictures (q->folder, 8, all, error))
    return NULL;
  if (all->len == 0) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_ABSENT, "%s: no picture (.jpg, .jpeg, .png) in it or below it", q->folder);
    return NULL;
  }
  g_ptr_array_sort (all, by_name);
  guint n = MIN (all->len, (guint) q->pictures);
  GPtrArray *files = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < n; i++)
    g_ptr_array_add (files, g_strdup (g_ptr_array_index (all, (guint64) i * all->len / n)));
  return files;
}

/* --- calibration --------------------------------------------------------- */

/* A picture that cannot be read is named and passed over. */
static gboolean
observe (Quantize *q, ConvoyQuantizer *z, const ConvoyModelInfo *info, const char *file, GError **error)
{
  GError *why = NULL;
  double where[4];
  cairo_surface_t *picture = picture_load (file, &why);

  if (!picture) {
    term_end_progress ();
    fprintf (stderr, "convoy: %s\n", why->message);
    g_error_free (why);
    q->n_skipped++;
    return TRUE;
  }
  g_autofree guint8 *pixels = picture_fit (picture, info, where);
  cairo_surface_destroy (picture);
  ConvoyView view = convoy_quantizer_input (z);
  convoy_image_put (info, pixels, (gsize) info->width * info->channels, &view, 0);
  q->n_seen++;
  return convoy_quantizer_observe (z, error);
}

static gboolean
calibrate (Quantize *q, ConvoyQuantizer *z, const ConvoyModelInfo *info, GError **error)
{
  g_autoptr (GPtrArray) files = choose_pictures (q, error);

  for (guint i = 0; files && i < files->len; i++) {
    if (command_interrupted ()) {
      g_set_error_literal (error, CONVOY_ERROR, CONVOY_ERROR_CANCELLED, "interrupted; nothing was written");
      return FALSE;
    }
    if (!observe (q, z, info, g_ptr_array_index (files, i), error))
      return FALSE;
    term_status ("%u of %u pictures", i + 1, files->len);
  }
  term_end_progress ();
  if (files && q->n_seen == 0)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: none of its pictures could be read", q->folder);
  return files && q->n_seen > 0;
}

/* --- the file ---------------------------------------------------------------- */

/* What the float file says of itself, and what is known of it from elsewhere. */
static GHashTable *
find_facts (const ConvoyModelInfo *info, const char *path, GError **error)
{
  g_autoptr (GHashTable) props = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  ConvoyGraph *graph = convoy_onnx_load (path, props, error);

  if (!graph)
    return NULL;
  convoy_graph_unref (graph);
  g_hash_table_remove (props, "producer_name");
  g_hash_table_remove (props, "producer_version");
  convoy_model_describe (info, props);
  return g_steal_pointer (&props);
}

static gboolean
save (const Quantize *q, const ConvoyQuantizer *z, const ConvoyModelInfo *info, const char *path, GError **error)
{
  g_autoptr (GHashTable) props = find_facts (info, path, error);
  ConvoyGraph *graph = props ? convoy_quantizer_finish (z, q->per_tensor, error) : NULL;
  gboolean ok = graph && convoy_onnx_save (q->output, graph, props, error);
  GStatBuf before, after;
  guint of, layers = convoy_quantizer_layers (z, &of);

  convoy_graph_unref (graph);
  if (ok && g_stat (path, &before) == 0 && g_stat (q->output, &after) == 0) {
    g_autofree char *from = term_size ((guint64) before.st_size), *to = term_size ((guint64) after.st_size);
    printf ("%s: %u of %u layers in 8 bits, %s instead of %s, by %u pictures\n", q->output, layers, of, to, from, q->n_seen);
  }
  return ok;
}

/* The network, with its one input for one picture. */
static ConvoyQuantizer *
quantizer_new (const ConvoyModel *m, const char *path, GError **error)
{
  const ConvoyModelInfo *info = convoy_model_info (m);

  if (info->width == 0 || info->height == 0) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED, "%s: takes no pictures", path);
    return NULL;
  }
  g_autofree char *size = g_strdup_printf ("%ux%ux%u", info->width, info->height, info->channels);
  ConvoyGraph *bound = network_bind (convoy_model_graph (m), 1, size, NULL, error);
  if (!bound)
    return NULL;
  ConvoyShape shape = *convoy_graph_shape (bound, convoy_graph_get_input (bound, 0));
  convoy_graph_unref (bound);
  ConvoyQuantizer *z = convoy_quantizer_new (convoy_model_graph (m), &shape, 1, error);
  if (!z)
    g_prefix_error (error, "%s: ", path);
  return z;
}

static int
quantize (Quantize *q, const char *name, const char *labels)
{
  GError *error = NULL;
  const ConvoyModelOptions o = { .labels = labels, .need_preprocessing = TRUE };
  g_autofree char *path = command_model (name, &error);
  ConvoyModel *m = path ? convoy_model_new (path, &o, &error) : NULL;
  g_autoptr (ConvoyQuantizer) z = m ? quantizer_new (m, path, &error) : NULL;

  command_catch_interrupt ();
  gboolean ok = z && convoy_file_may_save (q->output, &error) && stream_init (&error) && calibrate (q, z, convoy_model_info (m), &error)
      && save (q, z, convoy_model_info (m), path, &error);
  convoy_model_unref (m);
  return !ok ? command_failed (error) : q->n_skipped ? STATUS_FAILED : STATUS_OK;
}

static int
run (int argc, char **argv)
{
  g_autofree char *folder = NULL, *output = NULL, *labels = NULL;
  Quantize q = { .pictures = PICTURES };
  const GOptionEntry options[] = { { "calibrate", 'c', 0, G_OPTION_ARG_FILENAME, &folder,
                                       "Pictures like those that it is for, in or below this folder", "FOLDER" },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &output, "The file to write", "FILE.onnx" },
    { "pictures", 'n', 0, G_OPTION_ARG_INT, &q.pictures, "How many of them to look at (default: 128)", "N" },
    { "per-tensor", 0, 0, G_OPTION_ARG_NONE, &q.per_tensor, "One scale for all weights of a layer, not one a channel", NULL },
    { "labels", 0, 0, G_OPTION_ARG_FILENAME, &labels, "File with a label a line (default: as the model says)", "FILE" }, { NULL } };
  const char *more = "MODEL is a name in the zoo, or an ONNX file of float32. The pictures show which numbers each\n"
                     "layer has to do with; their classes do not matter.";
  const Command *c = &command_quantize;

  if (!command_parse (c, options, more, &argc, &argv))
    return STATUS_USAGE;
  if (argc != 2)
    return command_usage (c, argc < 2 ? "no MODEL named" : "more than one MODEL named");
  if (!folder || !*folder || !output || !*output)
    return command_usage (c, "no %s named", folder && *folder ? "--output" : "--calibrate");
  if (!command_within (c, "--pictures", q.pictures, 1, G_MAXINT))
    return STATUS_USAGE;
  q.folder = folder;
  q.output = output;
  return quantize (&q, argv[1], labels);
}

const Command command_quantize = { "quantize", "MODEL", "makes an 8-bit network of one of floats", run };
