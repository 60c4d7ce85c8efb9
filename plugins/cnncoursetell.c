/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnncoursetell.c - see cnncoursetell.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "plugins/cnncoursetell.h"
#include "plugins/cnnsample.h"
#include "zoo/zoo.h"

static guint64
samples_of (const CnnCourse *c, const char *split)
{
  for (guint i = 0; i < c->n_phases; i++)
    if (g_str_equal (c->phases[i].split, split))
      return convoy_dataset_info (c->phases[i].d)->n;
  return 0;
}

/* Which network made stored features; NULL: these are none, or of elsewhere. */
static GstEvent *
extractor_event (const CnnCourse *c, const CnnCourseOptions *o)
{
  const ConvoyDatasetInfo *info = cnn_course_info (c);
  gboolean may = info->kind == CONVOY_SAMPLE_TENSOR && info->type == CONVOY_F32 && g_file_test (o->location, G_FILE_TEST_IS_REGULAR);
  g_autoptr (GHashTable) facts = may ? convoy_features_facts (o->location, NULL) : NULL;
  if (!facts || !g_hash_table_contains (facts, "model"))
    return NULL;
  CnnExtractorEvent x = { .model = g_hash_table_lookup (facts, "model"), .layer = g_hash_table_lookup (facts, "layer"), .pooling = g_hash_table_lookup (facts, "pooling"),
    .checksum = g_hash_table_lookup (facts, "checksum"), .preprocessing = g_hash_table_lookup (facts, "preprocessing"), .request = g_hash_table_lookup (facts, "request") };
  return cnn_extractor_event_new (&x);
}

void
cnn_course_tell (const CnnCourse *c, const CnnCourseOptions *o, GQueue *events)
{
  CnnDatasetEvent d = { .location = o->location, .classes = cnn_course_info (c)->classes, .epochs = o->epochs,
    .n_train = samples_of (c, CNN_SPLIT_TRAIN), .n_validation = samples_of (c, CNN_SPLIT_VALIDATION), .seed = o->seed, .training = c->train };
  GstEvent *extractor = extractor_event (c, o);
  g_autofree char *columns = c->train ? convoy_dataset_columns (c->train) : NULL;

  g_queue_push_tail (events, cnn_dataset_event_new (&d));
  if (extractor)
    g_queue_push_tail (events, extractor);
  if (columns)
    g_queue_push_tail (events, cnn_metadata_event_new ("table", (const char *const[]) { "table", columns, NULL }));
}

gboolean
cnn_course_options_take_columns (CnnCourseOptions *o, const char *model, GError **error)
{
  g_autofree char *path = convoy_zoo_find (model, error);
  if (!path)
    return FALSE;
  o->learnt = convoy_onnx_metadata (path, "table");
  if (!o->learnt)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: no columns in its metadata: it learnt no table", path);
  return o->learnt != NULL;
}
