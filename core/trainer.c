/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * trainer.c - epochs: what a step is told, what its outcome is added to, when it is enough. */
#include "core/trainer.h"
#include <math.h>
#include <string.h>

void
convoy_trainer_free (ConvoyTrainer *t)
{
  if (t == NULL)
    return;
  for (guint i = 0; t->best && i < convoy_exec_n_slots (t->learner); i++)
    convoy_tensor_unref (t->best[i]);
  g_free (t->best);
  if (t->learner)
    convoy_exec_free (t->learner);
  if (t->rest)
    convoy_exec_free (t->rest);
  if (t->judge)
    convoy_exec_free (t->judge);
  convoy_optim_clear (&t->optim);
  for (guint i = 0; i < CONVOY_TRAINER_MARKS; i++)
    g_free (t->mark[i].text);
  for (guint i = 0; i < CONVOY_TRAINER_TEXTS; i++)
    g_free ((char *) *convoy_trainer_text (&t->o, i));
  convoy_history_free (t->history);
  convoy_graph_unref (t->graph);
  g_free (t->scores);
  g_free (t);
}

/* --- what is asked of it ---------------------------------------------- */

const ConvoyHistory *convoy_trainer_history (const ConvoyTrainer *t) { return t->history; }

const float *
convoy_trainer_scores (const ConvoyTrainer *t, guint *n, guint *k)
{
  *n = t->n_scores;
  *k = t->k;
  return t->n_scores ? t->scores : NULL;
}

void
convoy_trainer_position (const ConvoyTrainer *t, guint *epoch, guint64 *steps)
{
  *epoch = t->epoch + 1;
  *steps = t->open ? t->steps : 0;
}

ConvoyGraph *
convoy_trainer_export (ConvoyTrainer *t, GError **error)
{
  return convoy_trainer_use_best (t, error) ? convoy_graph_ref (t->graph) : NULL;
}

/* --- a step ----------------------------------------------------------- */

static double
mean (const ConvoySums *s, double sum)
{
  return s->n ? sum / s->n : NAN;
}

static double
accuracy (const ConvoyTrainer *t, const ConvoySums *s)
{
  return t->loss.rule->guess ? mean (s, s->right) : NAN;
}

static void
add (ConvoySums *to, const ConvoySums *s)
{
  to->loss += s->loss;
  to->right += s->right;
  to->n += s->n;
}

/* Where in the epochs the next step begins, and how much of one it is. */
static double
learning_rate (const ConvoyTrainer *t)
{
  double step = 1, at = t->epoch;
  if (t->expected > 0) {
    step = 1.0 / ((t->expected + t->o.batch - 1) / t->o.batch);
    at += MIN (t->steps * step, 1);
  }
  return convoy_spec_get (&t->optim.spec, "lr") * convoy_schedule_factor (&t->schedule, at, step, t->o.epochs);
}

static gboolean
check_call (const ConvoyTrainer *t, guint n, GError **error)
{
  if (!t->open)
    g_set_error_literal (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "no epoch has begun");
  else if (n < 1 || n > t->o.batch)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%u samples, where a batch is 1 to %u", n, t->o.batch);
  return t->open && n >= 1 && n <= t->o.batch;
}

static gboolean
tell (const ConvoyTrainer *t, gboolean validating, GError **error)
{
  const ConvoySums *s = validating ? &t->validation : &t->train;
  ConvoyProgress p = { .epoch = t->epoch + 1,
    .epochs = t->o.epochs,
    .validating = validating,
    .sample = validating ? t->validated : t->samples,
    .samples = validating ? t->expected_validation : t->expected,
    .loss = mean (s, s->loss),
    .accuracy = accuracy (t, s),
    .lr = t->lr };
  if (t->o.progress == NULL || t->o.progress (t->o.user, &p))
    return TRUE;
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_CANCELLED, "training was stopped in epoch %u after %" G_GUINT64_FORMAT " steps",
      p.epoch, t->steps);
  return FALSE;
}

gboolean
convoy_trainer_step (ConvoyTrainer *t, const void *x, const gint64 *y, guint n, GError **error)
{
  ConvoySums s;
  double lr = learning_rate (t);
  if (!check_call (t, n, error) || !convoy_trainer_learn (t, x, y, n, lr, &s, error))
    return FALSE;
  if (!isfinite (s.loss)) {
    t->lr = lr;
    convoy_trainer_blame (t, x, n, s.loss, error);
    return FALSE;
  }
  add (&t->train, &s);
  t->lr = lr;
  t->steps++;
  t->samples += n;
  if (t->o.checkpoint && t->o.checkpoint_steps && t->steps % t->o.checkpoint_steps == 0 && !convoy_trainer_save (t, t->o.checkpoint, error))
    return FALSE;
  return tell (t, FALSE, error);
}

gboolean
convoy_trainer_validate (ConvoyTrainer *t, const void *x, const gint64 *y, guint n, GError **error)
{
  ConvoySums s;
  if (!check_call (t, n, error) || !convoy_trainer_store (t, error) || !convoy_trainer_judge (t, x, y, n, &s, error))
    return FALSE;
  if (!isfinite (s.loss)) {
    convoy_trainer_blame (t, x, n, s.loss, error);
    return FALSE;
  }
  add (&t->validation, &s);
  t->validated += n;
  return tell (t, TRUE, error);
}

/* --- an epoch --------------------------------------------------------- */

void
convoy_trainer_update_over (ConvoyTrainer *t)
{
  const ConvoyEpoch *best = convoy_history_best (t->history);
  t->over = t->o.patience > 0 && best && t->epoch >= best->epoch + t->o.patience;
}

/* One that a checkpoint left open goes on. */
gboolean
convoy_trainer_begin_epoch (ConvoyTrainer *t, guint64 samples, GError **error)
{
  gboolean resumed = t->open && t->started == 0;
  if (t->open && !resumed) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "epoch %u has not ended", t->epoch + 1);
    return FALSE;
  }
  if (t->over || t->epoch >= t->o.epochs)
    return FALSE;
  if (!resumed) {
    t->steps = t->samples = 0;
    t->train = (ConvoySums) { 0 };
    t->seconds = 0;
  }
  t->validation = (ConvoySums) { 0 };
  t->validated = 0;
  t->expected = samples;
  t->expected_validation = 0;
  t->started = g_get_monotonic_time ();
  return t->open = TRUE;
}

/* The weights of the epoch that has just ended are the best so far. Those in the params change in place. */
static gboolean
keep_best (ConvoyTrainer *t, GError **error)
{
  guint n = convoy_exec_n_slots (t->learner);
  if (t->best == NULL)
    t->best = g_new0 (ConvoyTensor *, n + 1);
  for (guint i = 0; i < n; i++) {
    const ConvoyTensor *now = convoy_params_get (convoy_graph_params (t->graph), convoy_exec_slot (t->learner, i)->name);
    if (t->best[i] == NULL && (t->best[i] = convoy_tensor_new (CONVOY_F32, convoy_tensor_shape (now), error)) == NULL)
      return FALSE;
    memcpy (convoy_tensor_data (t->best[i]), convoy_tensor_data (now), convoy_tensor_count (now) * sizeof (float));
  }
  return TRUE;
}

gboolean
convoy_trainer_end_epoch (ConvoyTrainer *t, ConvoyEpoch *row, GError **error)
{
  if (!t->open || t->train.n == 0) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID,
        t->open ? "epoch %u had no sample with a label" : "epoch %u has not begun", t->epoch + 1);
    return FALSE;
  }
  if (!convoy_trainer_weights_finite (t, error) || !convoy_trainer_store (t, error))
    return FALSE;
  ConvoyEpoch e = { .epoch = t->epoch + 1,
    .epochs = t->o.epochs,
    .loss = mean (&t->train, t->train.loss),
    .accuracy = accuracy (t, &t->train),
    .val_loss = mean (&t->validation, t->validation.loss),
    .val_accuracy = accuracy (t, &t->validation),
    .lr = t->lr,
    .seconds = t->seconds + (g_get_monotonic_time () - t->started) * 1e-6 };
  convoy_history_add (t->history, &e);
  t->epoch++;
  t->open = FALSE;
  t->started = 0;
  if (convoy_history_best (t->history)->epoch == t->epoch && !keep_best (t, error))
    return FALSE;
  convoy_trainer_update_over (t);
  if (row)
    *row = e;
  return (t->o.history == NULL || convoy_history_save (t->history, t->o.history, error))
      && (t->o.checkpoint == NULL || convoy_trainer_save (t, t->o.checkpoint, error));
}
