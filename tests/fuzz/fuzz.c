/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fuzz.c - see fuzz.h. */
#include "tests/fuzz/fuzz.h"
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_ELEMENTS 100000     /* of an input or of what a layer gives */
#define MAX_MACS 10000000       /* of the network */

static char *folder;
static GHashTable *files;       /* their paths */

static void
clean_up (void)
{
  GHashTableIter i;
  gpointer path;
  g_hash_table_iter_init (&i, files);
  while (g_hash_table_iter_next (&i, &path, NULL))
    g_unlink (path);
  g_hash_table_unref (files);
  g_rmdir (folder);
  g_free (folder);
}

const char *
fuzz_file (const char *name, const guint8 *data, gsize size)
{
  if (!folder) {
    folder = g_dir_make_tmp ("convoy-fuzz-XXXXXX", NULL);
    files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    atexit (clean_up);
  }
  char *path = g_build_filename (folder, name, NULL);
  FILE *f = fopen (path, "wb");
  if (!f || fwrite (data, 1, size, f) != size || fclose (f) != 0)
    abort ();
  g_hash_table_add (files, path);
  return path;
}

static gboolean
is_small (const ConvoyGraph *bound)
{
  g_autoptr (GArray) layers = convoy_graph_layers (bound);
  gint64 macs = 0;
  for (guint i = 0; i < layers->len; i++) {
    const ConvoyLayer *l = &g_array_index (layers, ConvoyLayer, i);
    if (l->macs < 0 || l->macs > MAX_MACS || convoy_shape_count (&l->shape) > MAX_ELEMENTS)
      return FALSE;
    macs += l->macs;
  }
  return macs <= MAX_MACS;
}

static void
run_bound (ConvoyGraph *bound)
{
  const ConvoyPlanOptions o = { .threads = 1 };
  ConvoyPlan *plan = convoy_plan_new (bound, &o, NULL);
  ConvoyExec *x = plan ? convoy_exec_new (plan, NULL) : NULL;
  if (x)
    convoy_exec_run (x, NULL);
  convoy_exec_free (x);
  convoy_plan_unref (plan);
}

void
fuzz_run (const ConvoyGraph *g)
{
  guint n = convoy_graph_n_inputs (g);
  g_autofree ConvoyShape *shapes = g_new0 (ConvoyShape, n + 1);
  for (guint i = 0; i < n; i++) {
    shapes[i] = *convoy_graph_input_shape (g, i);
    for (guint d = 0; d < shapes[i].n; d++)
      shapes[i].d[d] = shapes[i].d[d] < 0 ? 1 : shapes[i].d[d];
    gint64 count = convoy_shape_count (&shapes[i]);
    if (count < 0 || count > MAX_ELEMENTS)
      return;
  }
  ConvoyGraph *bound = convoy_graph_bind (g, shapes, NULL, NULL);
  if (bound && is_small (bound))
    run_bound (bound);
  convoy_graph_unref (bound);
}
