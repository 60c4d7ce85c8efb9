/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnncourse.c - see cnncourse.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "plugins/cnncourse.h"
#include "plugins/cnnsample.h"

/* Those of the options that are strings. */
static const gsize strings[] = { G_STRUCT_OFFSET (CnnCourseOptions, location), G_STRUCT_OFFSET (CnnCourseOptions, validation_location),
  G_STRUCT_OFFSET (CnnCourseOptions, format), G_STRUCT_OFFSET (CnnCourseOptions, classes), G_STRUCT_OFFSET (CnnCourseOptions, label),
  G_STRUCT_OFFSET (CnnCourseOptions, text), G_STRUCT_OFFSET (CnnCourseOptions, columns), G_STRUCT_OFFSET (CnnCourseOptions, missing),
  G_STRUCT_OFFSET (CnnCourseOptions, split_column), G_STRUCT_OFFSET (CnnCourseOptions, header), G_STRUCT_OFFSET (CnnCourseOptions, learnt) };
#define STRING(o, i) G_STRUCT_MEMBER (char *, o, strings[i])

void
cnn_course_options_clear (CnnCourseOptions *o)
{
  for (guint i = 0; i < G_N_ELEMENTS (strings); i++)
    g_free (STRING (o, i));
  *o = (CnnCourseOptions) { 0 };
}

void
cnn_course_options_copy (CnnCourseOptions *to, const CnnCourseOptions *from)
{
  cnn_course_options_clear (to);
  *to = *from;
  for (guint i = 0; i < G_N_ELEMENTS (strings); i++)
    STRING (to, i) = g_strdup (STRING (from, i));
}

/* --- opening ---------------------------------------------------------- */

static char **
split_names (const char *names)
{
  if (!names)
    return NULL;
  char **list = g_strsplit (names, ",", -1);
  for (char **name = list; *name; name++)
    g_strstrip (*name);
  return list;
}

/* FALSE and no error: there is no such split. Other than training parts may lack a class. */
static gboolean
open_part (CnnCourse *c, const CnnCourseOptions *o, const char *location, const char *split, ConvoyDataset **d, GError **error)
{
  g_auto (GStrv) classes = c->train ? NULL : split_names (o->classes);
  g_auto (GStrv) columns = split_names (o->columns);
  g_autofree char *learnt = o->learnt ? g_strdup (o->learnt) : c->train ? convoy_dataset_columns (c->train) : NULL;
  ConvoyDatasetOptions options = { o->format, (const char *const *) classes, o->label, o->text, (const char *const *) columns, o->missing,
    o->split_column, o->header, learnt };
  GError *why = NULL;

  *d = convoy_dataset_open_with (location, split, &options, &why);
  if (!*d && !g_error_matches (why, CONVOY_ERROR, CONVOY_ERROR_ABSENT)) {
    g_propagate_error (error, why);
    return FALSE;
  }
  g_clear_error (&why);
  for (const char *const *s = *d ? convoy_dataset_skipped (*d) : NULL; s && *s; s++)
    g_ptr_array_add (c->skipped, g_strdup (*s));
  return *d != NULL;
}

/* d gets the classes of the training part, if there is one. */
static gboolean
like_training (const CnnCourse *c, const CnnCourseOptions *o, ConvoyDataset **d, GError **error)
{
  const ConvoyDatasetInfo *info = c->train ? convoy_dataset_info (c->train) : NULL;
  if (!info || !info->classes)
    return TRUE;
  ConvoyDataset *same = convoy_dataset_select (*d, info->classes, o->classes != NULL, error);
  convoy_dataset_unref (*d);
  *d = same;
  return same != NULL;
}

/* The validation part. *d NULL and no error: there is none. */
static gboolean
open_validation (CnnCourse *c, const CnnCourseOptions *o, ConvoyDataset **d, GError **error)
{
  GError *why = NULL;
  gboolean beside = o->validation_location != NULL;
  const char *location = beside ? o->validation_location : o->location;

  *d = NULL;
  if (!beside && o->validation_split > 0 && c->train) {
    ConvoyDataset *train;
    if (!convoy_dataset_split (c->train, o->validation_split, TRUE, o->seed, &train, d, error)) {
      g_prefix_error (error, "%s: validation-split: ", o->location);
      return FALSE;
    }
    convoy_dataset_unref (c->train);
    c->train = train;
    return TRUE;
  }
  if (!open_part (c, o, location, CNN_SPLIT_VALIDATION, d, &why) && !why && beside)
    open_part (c, o, location, "all", d, &why);
  if (why) {
    g_propagate_error (error, why);
    return FALSE;
  }
  return !*d || like_training (c, o, d, error);
}

/* Takes d over. */
static void
add_phase (CnnCourse *c, const char *split, ConvoyDataset *d)
{
  c->phases[c->n_phases++] = (CnnPhase) { split, d };
}

static gboolean
lacks (const CnnCourseOptions *o, const char *split, GError **error)
{
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_ABSENT, "%s: has no %s samples", o->location, split);
  return FALSE;
}

static gboolean
open_all (CnnCourse *c, const CnnCourseOptions *o, GError **error)
{
  GError *why = NULL;
  ConvoyDataset *other = NULL;

  open_part (c, o, o->location, CNN_SPLIT_TRAIN, &c->train, &why);
  if (why) {
    g_propagate_error (error, why);
    return FALSE;
  }
  if (o->split == CNN_SPLITS_TEST) {
    if (!open_part (c, o, o->location, CNN_SPLIT_TEST, &other, &why) || !like_training (c, o, &other, &why)) {
      if (why)
        g_propagate_error (error, why);
      return why ? FALSE : lacks (o, CNN_SPLIT_TEST, error);
    }
    add_phase (c, CNN_SPLIT_TEST, other);
    return TRUE;
  }
  /* Also for training alone: what validates must not be trained on. */
  if (!open_validation (c, o, &other, error))
    return FALSE;
  if (o->split != CNN_SPLITS_VALIDATION && c->train)
    add_phase (c, CNN_SPLIT_TRAIN, convoy_dataset_ref (c->train));
  if (other && o->split != CNN_SPLITS_TRAIN)
    add_phase (c, CNN_SPLIT_VALIDATION, g_steal_pointer (&other));
  convoy_dataset_unref (other);
  if (c->n_phases == 0 || (o->split == CNN_SPLITS_ALL && !c->train))
    return lacks (o, o->split == CNN_SPLITS_VALIDATION ? CNN_SPLIT_VALIDATION : CNN_SPLIT_TRAIN, error);
  return TRUE;
}

/* What cannot differ between phases: caps are made from one of them. */
static gboolean
check_same (const CnnCourse *c, const CnnCourseOptions *o, GError **error)
{
  const ConvoyDatasetInfo *a = convoy_dataset_info (c->phases[0].d), *b = convoy_dataset_info (c->phases[c->n_phases - 1].d);
  if (a->kind == b->kind && a->type == b->type && convoy_shape_equal (&a->shape, &b->shape))
    return TRUE;
  g_autofree char *one = convoy_shape_str (&a->shape), *two = convoy_shape_str (&b->shape);
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "%s: training samples are %s %s, those of %s are %s %s", o->location, convoy_type_name (a->type), one,
      o->validation_location ? o->validation_location : "validation", convoy_type_name (b->type), two);
  return FALSE;
}

CnnCourse *
cnn_course_open (const CnnCourseOptions *o, GError **error)
{
  CnnCourse *c = g_new0 (CnnCourse, 1);
  c->skipped = g_ptr_array_new_with_free_func (g_free);
  if (open_all (c, o, error) && check_same (c, o, error))
    return c;
  cnn_course_free (c);
  return NULL;
}

void
cnn_course_free (CnnCourse *c)
{
  if (!c)
    return;
  for (guint i = 0; i < c->n_phases; i++)
    convoy_dataset_unref (c->phases[i].d);
  convoy_dataset_unref (c->train);
  g_ptr_array_unref (c->skipped);
  g_free (c);
}

/* --- places ----------------------------------------------------------- */

const ConvoyDatasetInfo *
cnn_course_info (const CnnCourse *c)
{
  return convoy_dataset_info (c->phases[0].d);
}

guint64
cnn_course_length (const CnnCourse *c)
{
  guint64 n = 0;
  for (guint i = 0; i < c->n_phases; i++)
    n += convoy_dataset_info (c->phases[i].d)->n;
  return n;
}

CnnPlace
cnn_course_place (const CnnCourse *c, guint64 i)
{
  guint64 length = cnn_course_length (c);
  CnnPlace place = { .epoch = (guint) MIN (i / length + 1, G_MAXUINT), .sample = (gsize) (i % length) };
  for (gsize n; place.sample >= (n = convoy_dataset_info (c->phases[place.phase].d)->n); place.phase++)
    place.sample -= n;
  return place;
}

guint64
cnn_course_number (const CnnCourse *c, const CnnPlace *place)
{
  guint64 n = (place->epoch - 1) * cnn_course_length (c) + place->sample;
  for (guint i = 0; i < place->phase; i++)
    n += convoy_dataset_info (c->phases[i].d)->n;
  return n;
}
