/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * trainer-step.c - one batch: through a plan that learns and the optimizer, or through one that
 * infers.
 *
 * Samples without a label are left out of what is learnt from, they do not reach the plan: in
 * BatchNormalization a padding would count whatever the loss does. A plan is for one number of samples, so
 * a shorter batch has its own, which borrows the weights for that step. */
#include "core/trainer.h"
#include <math.h>
#include <string.h>

static guint
count_labels (const gint64 *y, guint n)
{
  guint valid = 0;
  for (guint i = 0; i < n; i++)
    valid += y[i] >= 0;
  return valid;
}

static gboolean
check_labels (const ConvoyTrainer *t, const gint64 *y, guint n, GError **error)
{
  gint64 classes = t->loss.rule->classes ? t->loss.rule->classes : t->k;
  for (guint i = 0; i < n; i++)
    if (y[i] >= classes) {
      g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID,
          "sample %u of %u: its class is %" G_GINT64_FORMAT ", %s of %" G_GINT64_FORMAT " outputs has 0 to %" G_GINT64_FORMAT, i, n,
          y[i], t->loss.spec.word, t->k, classes - 1);
      return FALSE;
    }
  return TRUE;
}

/* --- plans ------------------------------------------------------------ */

ConvoyExec *
convoy_trainer_exec (ConvoyTrainer *t, guint n, gboolean learns, GError **error)
{
  ConvoyLearnOptions learn = { .threads = t->o.threads, .freeze = t->o.freeze, .freeze_batchnorm = t->o.freeze_batchnorm,
    .outer = n == t->o.batch };
  ConvoyPlanOptions infer = { .threads = t->o.threads };
  ConvoyGraph *bound = convoy_loss_bind (&t->loss, t->graph, n, error);
  ConvoyPlan *plan = bound == NULL ? NULL
      : learns                     ? convoy_plan_new_learning (bound, &learn, error)
                                   : convoy_plan_new (bound, &infer, error);
  ConvoyExec *x = plan ? convoy_exec_new (plan, error) : NULL;
  convoy_plan_unref (plan);
  convoy_graph_unref (bound);
  return x;
}

gboolean
convoy_trainer_store (ConvoyTrainer *t, GError **error)
{
  if (!t->stored && !convoy_exec_store (t->learner, error))
    return FALSE;
  return t->stored = TRUE;
}

gboolean
convoy_trainer_use_best (ConvoyTrainer *t, GError **error)
{
  if (t->best == NULL)
    return convoy_trainer_store (t, error);
  for (guint i = 0; i < convoy_exec_n_slots (t->learner); i++) {
    ConvoyTensor *to = convoy_params_get (convoy_graph_params (t->graph), convoy_exec_slot (t->learner, i)->name);
    memcpy (convoy_tensor_data (to), convoy_tensor_data (t->best[i]), convoy_tensor_count (to) * sizeof (float));
  }
  convoy_params_touch (convoy_graph_params (t->graph));
  t->stored = FALSE;
  return TRUE;
}

/* The plan for n samples, with the weights as they are. */
static ConvoyExec *
learner_for (ConvoyTrainer *t, guint n, GError **error)
{
  if (n == t->o.batch)
    return t->learner;
  if (t->rest && t->rest_n != n)
    g_clear_pointer (&t->rest, convoy_exec_free);
  if (!convoy_trainer_store (t, error))
    return NULL;
  if (t->rest)
    return convoy_exec_load (t->rest, error) ? t->rest : NULL;
  t->rest_n = n;
  return t->rest = convoy_trainer_exec (t, n, TRUE, error);
}

/* What the plan of a short batch made, the gradients and statistics, where the learner has them. */
static gboolean
take_over (ConvoyTrainer *t, GError **error)
{
  for (guint i = 0; i < convoy_exec_n_slots (t->learner); i++) {
    const ConvoySlot *to = convoy_exec_slot (t->learner, i);
    guint k = 0;
    while (strcmp (convoy_exec_slot (t->rest, k)->name, to->name) != 0)
      k++;
    const ConvoySlot *from = convoy_exec_slot (t->rest, k);
    g_autoptr (ConvoyTensor) plain = convoy_tensor_new (CONVOY_F32, &to->shape, error);
    const float *source = to->statistic ? convoy_exec_weights (t->rest) : convoy_exec_gradients (t->rest);
    float *target = to->statistic ? convoy_exec_weights (t->learner) : convoy_exec_gradients (t->learner);
    if (plain == NULL || !convoy_exec_to_plain (t->rest, k, source + from->offset, plain, error)
        || !convoy_exec_from_plain (t->learner, i, plain, target + to->offset, error))
      return FALSE;
  }
  return TRUE;
}

/* --- a batch in ------------------------------------------------------- */

static void keep (gpointer x) { (void) x; }

/* Sets size samples: those of n that are wanted, then zeros without label. */
static gboolean
set_inputs (ConvoyTrainer *t, ConvoyExec *e, guint size, const void *x, const gint64 *y, guint n, gboolean labelled, GError **error)
{
  ConvoyShape shape = t->shape, row = { 1, { size } };
  gboolean all = n == size && (!labelled || count_labels (y, n) == n);
  shape.d[0] = size;
  g_autoptr (ConvoyTensor) labels = convoy_tensor_new (CONVOY_I64, &row, error);
  g_autoptr (ConvoyTensor) samples = labels == NULL ? NULL
      : all ? convoy_tensor_new_wrap (t->type, &shape, (void *) x, keep, NULL) : convoy_tensor_new (t->type, &shape, error);
  if (samples == NULL)
    return FALSE;
  guint8 *at = convoy_tensor_data (samples);
  gint64 *label = convoy_tensor_data (labels);
  guint k = 0;
  for (guint i = 0; i < n; i++)
    if (!labelled || y[i] >= 0) {
      if (!all)
        memcpy (at + k * t->sample, (const guint8 *) x + i * t->sample, t->sample);
      label[k++] = y[i];
    }
  if (!all)
    memset (at + k * t->sample, 0, (size - k) * t->sample);
  for (; k < size; k++)
    label[k] = -1;
  return convoy_exec_set (e, 0, samples, error) && convoy_exec_set (e, 1, labels, error);
}

/* Scores of each of n samples, from the logits of those that were run, and how many are right. */
static void
read_scores (ConvoyTrainer *t, ConvoyExec *e, const gint64 *y, guint n, gboolean labelled, ConvoySums *sums)
{
  const float *logits = convoy_tensor_data (convoy_exec_output (e, 1));
  const ConvoyLossRule *rule = t->loss.rule;
  for (guint i = 0; i < n; i++) {
    float *row = t->scores + i * t->k;
    if (labelled && y[i] < 0) {
      for (gint64 k = 0; k < t->k; k++)
        row[k] = NAN;
      continue;
    }
    if (rule->guess && y[i] >= 0)
      sums->right += rule->guess (logits, t->k) == y[i];
    memcpy (row, logits, t->k * sizeof *row);
    if (rule->score)
      rule->score (row, t->k);
    logits += t->k;
  }
  t->n_scores = n;
}

static double
read_loss (ConvoyExec *e)
{
  return *(const float *) convoy_tensor_data (convoy_exec_output (e, 0));
}

gboolean
convoy_trainer_learn (ConvoyTrainer *t, const void *x, const gint64 *y, guint n, double lr, ConvoySums *sums, GError **error)
{
  guint valid = count_labels (y, n);
  *sums = (ConvoySums) { .n = valid };
  if (!check_labels (t, y, n, error))
    return FALSE;
  t->n_scores = 0;
  if (valid == 0)
    return TRUE;
  ConvoyExec *e = learner_for (t, valid, error);
  if (e == NULL || !set_inputs (t, e, valid, x, y, n, TRUE, error))
    return FALSE;
  convoy_exec_seed (e, t->o.seed, t->updates);
  if (!convoy_exec_run (e, error))
    return FALSE;
  sums->loss = read_loss (e) * valid;
  if (!isfinite (sums->loss))
    return TRUE;
  read_scores (t, e, y, n, TRUE, sums);
  if (e == t->rest && !take_over (t, error))
    return FALSE;
  t->stored = FALSE;
  convoy_optim_step (&t->optim, convoy_exec_weights (t->learner), convoy_exec_gradients (t->learner), e == t->rest, lr,
      ++t->updates);
  return TRUE;
}

gboolean
convoy_trainer_judge (ConvoyTrainer *t, const void *x, const gint64 *y, guint n, ConvoySums *sums, GError **error)
{
  *sums = (ConvoySums) { .n = count_labels (y, n) };
  t->n_scores = 0;
  if (!check_labels (t, y, n, error) || (t->judge == NULL && (t->judge = convoy_trainer_exec (t, t->o.batch, FALSE, error)) == NULL)
      || !set_inputs (t, t->judge, t->o.batch, x, y, n, FALSE, error) || !convoy_exec_run (t->judge, error))
    return FALSE;
  if (sums->n > 0)
    sums->loss = read_loss (t->judge) * sums->n;
  read_scores (t, t->judge, y, n, FALSE, sums);
  return TRUE;
}
