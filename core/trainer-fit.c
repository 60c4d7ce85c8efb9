/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * trainer-fit.c - whole epochs over batches of a data set. */
#include "core/trainer.h"
#include <math.h>

static gboolean
check_sample (const ConvoyTrainer *t, const ConvoyDatasetInfo *info, GError **error)
{
  ConvoyShape one = t->shape;
  one.d[0] = 1;
  gint64 count = convoy_shape_count (&info->shape);
  if (info->shape.n > 0 && count == convoy_shape_count (&one) && (info->type == CONVOY_I64) == (t->type == CONVOY_I64))
    return TRUE;
  g_autofree char *has = convoy_shape_str (&info->shape), *wants = convoy_shape_str (&t->shape);
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "samples of %s %s do not fit an input of %s %s",
      info->shape.n ? convoy_type_name (info->type) : "an unknown size", info->shape.n ? has : "(pictures, texts)", convoy_type_name (t->type), wants);
  return FALSE;
}

gboolean
convoy_trainer_check_batches (const ConvoyTrainer *t, const ConvoyBatches *b, gboolean exactly, GError **error)
{
  guint size = convoy_batches_size (b);
  if (size <= t->o.batch && (!exactly || size == t->o.batch))
    return check_sample (t, convoy_batches_info (b), error);
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "the data comes in batches of %u, training is for %u", size, t->o.batch);
  return FALSE;
}

/* Every batch from first on of an epoch of b. */
static gboolean
feed (ConvoyTrainer *t, ConvoyBatches *b, guint epoch, guint64 first,
    gboolean (*f) (ConvoyTrainer *t, const void *x, const gint64 *y, guint n, GError **error), GError **error)
{
  const void *x;
  const gint64 *y;
  guint64 left = convoy_batches_samples (b);
  guint size = convoy_batches_size (b);
  GError *why = NULL;
  left -= MIN (left, first * size);
  convoy_batches_start (b, epoch, first);
  for (; convoy_batches_next (b, &x, &y, &why); left -= MIN (left, size))
    if (!f (t, x, y, MIN (left, size), error))
      return FALSE;
  if (why)
    g_propagate_error (error, why);
  return why == NULL;
}

gboolean
convoy_trainer_fit (ConvoyTrainer *t, ConvoyBatches *train, ConvoyBatches *validation, GError **error)
{
  GError *why = NULL;
  if (!convoy_trainer_check_batches (t, train, TRUE, error) || (validation && !convoy_trainer_check_batches (t, validation, FALSE, error)))
    return FALSE;
  while (why == NULL && convoy_trainer_begin_epoch (t, convoy_batches_samples (train), &why)) {
    t->expected_validation = validation ? convoy_batches_samples (validation) : 0;
    if (feed (t, train, t->epoch + 1, t->steps, convoy_trainer_step, &why)
        && (validation == NULL || feed (t, validation, 1, 0, convoy_trainer_validate, &why)))
      convoy_trainer_end_epoch (t, NULL, &why);
  }
  if (g_error_matches (why, CONVOY_ERROR, CONVOY_ERROR_CANCELLED) && t->o.checkpoint) {
    GError *unsaved = NULL;
    if (!convoy_trainer_save (t, t->o.checkpoint, &unsaved))
      g_prefix_error (&why, "%s; ", unsaved->message);
    g_clear_error (&unsaved);
  }
  if (why)
    g_propagate_error (error, why);
  return why == NULL;
}

gboolean
convoy_trainer_evaluate (ConvoyTrainer *t, ConvoyBatches *b, double *loss, double *accuracy, GError **error)
{
  ConvoySums sum = { 0 }, s;
  const void *x;
  const gint64 *y;
  GError *why = NULL;
  guint64 left = convoy_batches_samples (b);
  if (!convoy_trainer_check_batches (t, b, FALSE, error) || !convoy_trainer_use_best (t, error))
    return FALSE;
  convoy_batches_start (b, 1, 0);
  for (guint n; why == NULL && convoy_batches_next (b, &x, &y, &why); left -= n) {
    n = MIN (left, convoy_batches_size (b));
    if (convoy_trainer_judge (t, x, y, n, &s, &why)) {
      sum.loss += s.loss;
      sum.right += s.right;
      sum.n += s.n;
    }
  }
  if (loss)
    *loss = sum.n ? sum.loss / sum.n : NAN;
  if (accuracy)
    *accuracy = sum.n && t->loss.rule->guess ? (double) sum.right / sum.n : NAN;
  if (why)
    g_propagate_error (error, why);
  return why == NULL;
}
