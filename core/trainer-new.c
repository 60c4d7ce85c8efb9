/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * trainer-new.c - a trainer from a graph and options. */
#include "core/trainer.h"
#include <math.h>
#include <string.h>

static const gsize texts[CONVOY_TRAINER_TEXTS] = {
  G_STRUCT_OFFSET (ConvoyTrainOptions, loss),
  G_STRUCT_OFFSET (ConvoyTrainOptions, optimizer),
  G_STRUCT_OFFSET (ConvoyTrainOptions, schedule),
  G_STRUCT_OFFSET (ConvoyTrainOptions, freeze),
  G_STRUCT_OFFSET (ConvoyTrainOptions, rates),
  G_STRUCT_OFFSET (ConvoyTrainOptions, dataset),
  G_STRUCT_OFFSET (ConvoyTrainOptions, checkpoint),
  G_STRUCT_OFFSET (ConvoyTrainOptions, history),
};

const char **
convoy_trainer_text (ConvoyTrainOptions *o, guint i)
{
  return &G_STRUCT_MEMBER (const char *, o, texts[i]);
}

static void
take_options (ConvoyTrainer *t, const ConvoyTrainOptions *o)
{
  t->o = *o;
  t->o.epochs = MAX (o->epochs, 1);
  t->o.batch = o->batch ? o->batch : 32;
  t->o.threads = MAX (o->threads, 1);
  for (guint i = 0; i < CONVOY_TRAINER_TEXTS; i++)
    *convoy_trainer_text (&t->o, i) = g_strdup (*convoy_trainer_text (&t->o, i));
}

static gboolean
check_graph (ConvoyTrainer *t, GError **error)
{
  guint in = convoy_graph_n_inputs (t->graph), out = convoy_graph_n_outputs (t->graph);
  if (in != 1 || out != 1) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED,
        "a network of %u inputs and %u outputs cannot be trained, only one of one each", in, out);
    return FALSE;
  }
  const ConvoyVal *input = CONVOY_VAL (t->graph, convoy_graph_get_input (t->graph, 0));
  g_autofree char *s = convoy_shape_str (&input->shape);
  t->type = input->type;
  t->shape = input->shape;
  if (t->shape.n >= 1)
    t->shape.d[0] = t->o.batch;
  gint64 count = convoy_shape_count (&t->shape);
  if ((t->type != CONVOY_F32 && t->type != CONVOY_I64) || t->shape.n < 2 || count <= 0) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED,
        "input %s: %s %s cannot be trained on, only samples x sizes that are known, of float32 or int64", input->name, s,
        convoy_type_name (t->type));
    return FALSE;
  }
  t->sample = count / t->o.batch * convoy_type_size (t->type);
  return TRUE;
}

/* --- which weights learn how fast -------------------------------------- */

/* The factor of a weight: that of the longest beginning of its name in the list. */
static float
rate_of (char **words, const char *name)
{
  gsize longest = 0;
  double rate = 1;
  for (; words && *words; words++) {
    gsize len = strcspn (*words, "=");
    if (len >= longest && len > 0 && strncmp (*words, name, len) == 0) {
      longest = len;
      rate = g_ascii_strtod (*words + len + 1, NULL);
    }
  }
  return rate;
}

/* Each is BEGINNING=FACTOR, of some weight. */
static gboolean
check_rate (ConvoyTrainer *t, char *word, GError **error)
{
  gsize len = strcspn (word, "=");
  char *end = word + len;
  double v = word[len] ? g_ascii_strtod (word + len + 1, &end) : -1;
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  if (len == 0 || end == word + len || end == word + len + 1 || *end != '\0' || !isfinite (v) || v < 0) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID,
        "rates: \"%.60s\" is no beginning of a name, =, and a factor of 0 or above", word);
    return FALSE;
  }
  for (guint i = 0; i < convoy_exec_n_slots (t->learner); i++) {
    const ConvoySlot *s = convoy_exec_slot (t->learner, i);
    if (strncmp (s->name, word, len) == 0)
      return TRUE;
    g_ptr_array_add (names, (gpointer) s->name);
  }
  word[len] = '\0';
  g_autofree char *near = convoy_nearest (word, (const char *const *) names->pdata, names->len, 1);
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "rates: no weight that learns begins with %.60s, the nearest is %s", word,
      *near ? near : "not there: none learns");
  return FALSE;
}

static gboolean
set_rates (ConvoyTrainer *t, GError **error)
{
  g_auto (GStrv) words = t->o.rates ? g_strsplit_set (t->o.rates, " \t\n", -1) : NULL;
  g_autoptr (GArray) parts = g_array_new (FALSE, FALSE, sizeof (ConvoyOptimPart));
  for (char **w = words; w && *w; w++)
    if (**w && !check_rate (t, *w, error))
      return FALSE;
  for (guint i = 0; i < convoy_exec_n_slots (t->learner); i++) {
    const ConvoySlot *s = convoy_exec_slot (t->learner, i);
    ConvoyOptimPart p = { s->offset, s->n, rate_of (words, s->name), s->shape.n > 1, convoy_exec_outer (t->learner, i) };
    t->floats = MAX (t->floats, s->offset + s->n);
    if (!s->statistic)
      g_array_append_val (parts, p);
  }
  if (parts->len == 0) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID,
        t->o.freeze ? "freeze=%s leaves nothing that learns" : "the network has no weight that learns", t->o.freeze);
    return FALSE;
  }
  return convoy_optim_set_parts (&t->optim, (const ConvoyOptimPart *) parts->data, parts->len, convoy_exec_n_learning (t->learner), error);
}

/* --- all of it --------------------------------------------------------- */

static gboolean
set_up (ConvoyTrainer *t, GError **error)
{
  if (!check_graph (t, error) || !convoy_loss_init (&t->loss, t->graph, t->o.loss, error)
      || !convoy_optim_init (&t->optim, t->o.optimizer ? t->o.optimizer : "rmsprop", t->o.learning_rate, t->o.threads, error)
      || !convoy_schedule_parse (&t->schedule, t->o.schedule ? t->o.schedule : "constant", error)
      || (t->learner = convoy_trainer_exec (t, t->o.batch, TRUE, error)) == NULL || !set_rates (t, error))
    return FALSE;
  t->k = convoy_tensor_shape (convoy_exec_output (t->learner, 1))->d[1];
  t->scores = g_new (float, t->k * t->o.batch);
  t->stored = TRUE;
  convoy_trainer_describe (t);
  return !t->o.resume || t->o.checkpoint == NULL || convoy_trainer_resume (t, error);
}

ConvoyTrainer *
convoy_trainer_new (ConvoyGraph *graph, const ConvoyTrainOptions *o, GError **error)
{
  ConvoyTrainer *t = g_new0 (ConvoyTrainer, 1);
  t->graph = convoy_graph_ref (graph);
  t->history = convoy_history_new ();
  take_options (t, o);
  if (!set_up (t, error))
    g_clear_pointer (&t, convoy_trainer_free);
  return t;
}
