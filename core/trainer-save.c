/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * trainer-save.c - all that training needs to go on where it was, bit for bit, in a checkpoint;
 * and what tells its checkpoint from that of another run.
 *
 * No random state is kept because there is none: orders, augmentation and Dropout are drawn afresh
 * from the seed and the number of the epoch, sample or step. */
#include "core/trainer.h"
#include <string.h>

/* --- whose checkpoint it is -------------------------------------------- */

static void
hash_tensor (GChecksum *sum, const ConvoyTensor *t)
{
  g_autofree char *shape = convoy_shape_str (convoy_tensor_shape (t));
  g_checksum_update (sum, (const guchar *) shape, strlen (shape) + 1);
  g_checksum_update (sum, convoy_tensor_data (t), convoy_tensor_count (t) * convoy_type_size (convoy_tensor_type (t)));
}

static void
hash_attrs (GChecksum *sum, const ConvoyAttrs *attrs)
{
  for (guint i = 0; attrs && i < attrs->list->len; i++) {
    const ConvoyAttr *a = &g_array_index (attrs->list, ConvoyAttr, i);
    g_checksum_update (sum, (const guchar *) a->key, strlen (a->key) + 1);
    if (a->s)
      g_checksum_update (sum, (const guchar *) a->s, strlen (a->s) + 1);
    if (a->t)
      hash_tensor (sum, a->t);
    if (a->i)
      g_checksum_update (sum, (const guchar *) a->i, MAX (a->n, 1) * sizeof *a->i);
    if (a->f)
      g_checksum_update (sum, (const guchar *) a->f, MAX (a->n, 1) * sizeof *a->f);
  }
}

static gboolean
is_slot (const ConvoyTrainer *t, const char *name)
{
  for (guint i = 0; i < convoy_exec_n_slots (t->learner); i++)
    if (strcmp (convoy_exec_slot (t->learner, i)->name, name) == 0)
      return TRUE;
  return FALSE;
}

/* Nodes, shapes, constants, and the weights that stay as they are. */
static char *
describe_network (const ConvoyTrainer *t)
{
  const ConvoyGraph *g = t->graph;
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  for (guint i = 0; i < g->nodes->len; i++) {
    const ConvoyNode *n = CONVOY_NODE (g, i);
    g_checksum_update (sum, (const guchar *) n->op->name, strlen (n->op->name) + 1);
    g_checksum_update (sum, (const guchar *) n->in, n->n_in * sizeof *n->in);
    hash_attrs (sum, n->attrs);
  }
  for (guint i = 0; i < g->vals->len; i++) {
    const ConvoyVal *v = CONVOY_VAL (g, i);
    const ConvoyTensor *value = convoy_graph_value (g, i);
    g_autofree char *size = convoy_shape_str (&v->shape);
    g_checksum_update (sum, (const guchar *) v->name, strlen (v->name) + 1);
    g_checksum_update (sum, (const guchar *) size, strlen (size) + 1);
    if (value && (v->kind != CONVOY_V_PARAM || !is_slot (t, v->name)))
      hash_tensor (sum, value);
  }
  g_autofree char *shape = convoy_shape_str (&t->shape);
  return g_strdup_printf ("%u nodes for %s, sha256 %.16s", g->nodes->len, shape, g_checksum_get_string (sum));
}

void
convoy_trainer_describe (ConvoyTrainer *t)
{
  const ConvoyTrainerMark marks[CONVOY_TRAINER_MARKS] = {
    { "network", describe_network (t) },
    { "data", g_strdup (t->o.dataset ? t->o.dataset : "") },
    { "loss", convoy_spec_str (&t->loss.spec) },
    { "optimizer", convoy_spec_str (&t->optim.spec) },
    { "schedule", convoy_spec_str (&t->schedule) },
    { "epochs", convoy_schedule_needs_epochs (&t->schedule) ? g_strdup_printf ("%u", t->o.epochs) : g_strdup ("any") },
    { "batch", g_strdup_printf ("%u", t->o.batch) },
    { "seed", g_strdup_printf ("%" G_GUINT64_FORMAT, t->o.seed) },
    { "frozen layer", g_strdup (t->o.freeze ? t->o.freeze : "") },
    { "BatchNormalization", g_strdup (t->o.freeze_batchnorm ? "frozen" : "learns") },
    { "rates", g_strdup (t->o.rates ? t->o.rates : "") },
  };
  memcpy (t->mark, marks, sizeof marks);
}

static gboolean
check_marks (const ConvoyTrainer *t, const ConvoyCheckpoint *c, GError **error)
{
  for (guint i = 0; i < CONVOY_TRAINER_MARKS; i++) {
    const char *has = convoy_checkpoint_get_string (c, t->mark[i].what, error);
    if (has == NULL)
      return FALSE;
    if (strcmp (has, t->mark[i].text) != 0) {
      g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: is of other training, its %s is \"%s\", not \"%s\"", c->path,
          t->mark[i].what, has, t->mark[i].text);
      return FALSE;
    }
  }
  return TRUE;
}

/* --- tensors ------------------------------------------------------------ */

/* The arrays that follow the layout of the weights: the weights themselves, then the moments. */
static float *
array (const ConvoyTrainer *t, guint which)
{
  return which == 0 ? convoy_exec_weights (t->learner) : t->optim.moment[which - 1];
}
static const char *const array_names[] = { "weight", "moment 1", "moment 2" };

static gboolean
put_slot (ConvoyTrainer *t, ConvoyCheckpoint *c, guint which, guint i, GError **error)
{
  const ConvoySlot *s = convoy_exec_slot (t->learner, i);
  g_autofree char *name = g_strdup_printf ("%s/%s", array_names[which], s->name);
  g_autoptr (ConvoyTensor) plain = convoy_tensor_new (CONVOY_F32, &s->shape, error);
  if (plain == NULL || !convoy_exec_to_plain (t->learner, i, array (t, which) + s->offset, plain, error))
    return FALSE;
  convoy_checkpoint_put_tensor (c, name, plain);
  return TRUE;
}

static gboolean
get_slot (ConvoyTrainer *t, ConvoyCheckpoint *c, guint which, guint i, GError **error)
{
  const ConvoySlot *s = convoy_exec_slot (t->learner, i);
  g_autofree char *name = g_strdup_printf ("%s/%s", array_names[which], s->name);
  ConvoyTensor *plain = convoy_checkpoint_get_tensor (c, name, CONVOY_F32, &s->shape, error);
  return plain && convoy_exec_from_plain (t->learner, i, plain, array (t, which) + s->offset, error);
}

/* A statistic has no moments. */
static gboolean
each_slot (ConvoyTrainer *t, ConvoyCheckpoint *c,
    gboolean (*f) (ConvoyTrainer *t, ConvoyCheckpoint *c, guint which, guint i, GError **error), GError **error)
{
  for (guint which = 0; which <= t->optim.rule->moments; which++)
    for (guint i = 0; i < convoy_exec_n_slots (t->learner); i++)
      if ((which == 0 || !convoy_exec_slot (t->learner, i)->statistic) && !f (t, c, which, i, error))
        return FALSE;
  return TRUE;
}

static void
put_best (const ConvoyTrainer *t, ConvoyCheckpoint *c)
{
  for (guint i = 0; t->best && i < convoy_exec_n_slots (t->learner); i++) {
    g_autofree char *name = g_strdup_printf ("best/%s", convoy_exec_slot (t->learner, i)->name);
    convoy_checkpoint_put_tensor (c, name, t->best[i]);
  }
}

static gboolean
get_best (ConvoyTrainer *t, const ConvoyCheckpoint *c, GError **error)
{
  guint n = convoy_exec_n_slots (t->learner);
  if (t->epoch == 0)
    return TRUE;
  t->best = g_new0 (ConvoyTensor *, n + 1);
  for (guint i = 0; i < n; i++) {
    const ConvoySlot *s = convoy_exec_slot (t->learner, i);
    g_autofree char *name = g_strdup_printf ("best/%s", s->name);
    ConvoyTensor *b = convoy_checkpoint_get_tensor (c, name, CONVOY_F32, &s->shape, error);
    if (b == NULL)
      return FALSE;
    t->best[i] = convoy_tensor_ref (b);
  }
  return TRUE;
}

/* --- numbers ------------------------------------------------------------ */

/* Whole numbers of a trainer that a checkpoint holds, by their place. */
static const struct { const char *name; gsize offset, size; } ints[] = {
#define INT(name, field) { name, G_STRUCT_OFFSET (ConvoyTrainer, field), sizeof (((ConvoyTrainer *) 0)->field) }
  INT ("epochs ended", epoch), INT ("epoch is open", open), INT ("steps", steps), INT ("samples", samples), INT ("updates", updates),
  INT ("right", train.right), INT ("labelled", train.n),
};
static const struct { const char *name; gsize offset;
} doubles[] = {
  { "loss sum", G_STRUCT_OFFSET (ConvoyTrainer, train.loss) },
  { "learning rate", G_STRUCT_OFFSET (ConvoyTrainer, lr) },
  { "seconds", G_STRUCT_OFFSET (ConvoyTrainer, seconds) },
};

static void
put_numbers (ConvoyTrainer *t, ConvoyCheckpoint *c)
{
  gint64 now = g_get_monotonic_time ();
  if (t->open && t->started) {
    t->seconds += (now - t->started) * 1e-6;
    t->started = now;
  }
  for (guint i = 0; i < G_N_ELEMENTS (ints); i++)
    convoy_checkpoint_put_int (c, ints[i].name,
        ints[i].size == 4 ? G_STRUCT_MEMBER (guint, t, ints[i].offset) : G_STRUCT_MEMBER (guint64, t, ints[i].offset));
  for (guint i = 0; i < G_N_ELEMENTS (doubles); i++)
    convoy_checkpoint_put_double (c, doubles[i].name, G_STRUCT_MEMBER (double, t, doubles[i].offset));
}

static gboolean
get_numbers (ConvoyTrainer *t, const ConvoyCheckpoint *c, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (ints); i++) {
    gint64 v;
    if (!convoy_checkpoint_get_int (c, ints[i].name, &v, error))
      return FALSE;
    if (v < 0 || (ints[i].size == 4 && v > G_MAXINT)) {
      g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: %s is %" G_GINT64_FORMAT, c->path, ints[i].name, v);
      return FALSE;
    }
    if (ints[i].size == 4)
      G_STRUCT_MEMBER (guint, t, ints[i].offset) = v;
    else
      G_STRUCT_MEMBER (guint64, t, ints[i].offset) = v;
  }
  for (guint i = 0; i < G_N_ELEMENTS (doubles); i++)
    if (!convoy_checkpoint_get_double (c, doubles[i].name, &G_STRUCT_MEMBER (double, t, doubles[i].offset), error))
      return FALSE;
  return TRUE;
}

/* --- rows of the history ------------------------------------------------- */

#define COLUMNS 8

static gboolean
put_history (const ConvoyTrainer *t, ConvoyCheckpoint *c, GError **error)
{
  guint n = convoy_history_len (t->history);
  g_autoptr (ConvoyTensor) rows = convoy_tensor_new (CONVOY_F64, &CONVOY_SHAPE (n, COLUMNS), error);
  if (rows == NULL)
    return FALSE;
  for (guint i = 0; i < n; i++) {
    const ConvoyEpoch *e = convoy_history_at (t->history, i);
    const double row[COLUMNS] = { e->epoch, e->epochs, e->loss, e->accuracy, e->val_loss, e->val_accuracy, e->lr, e->seconds };
    memcpy ((double *) convoy_tensor_data (rows) + i * COLUMNS, row, sizeof row);
  }
  convoy_checkpoint_put_tensor (c, "history", rows);
  return TRUE;
}

static gboolean
get_history (ConvoyTrainer *t, const ConvoyCheckpoint *c, GError **error)
{
  ConvoyTensor *rows = convoy_checkpoint_get_tensor (c, "history", CONVOY_F64, &CONVOY_SHAPE (t->epoch, COLUMNS), error);
  for (guint i = 0; rows && i < t->epoch; i++) {
    const double *r = (const double *) convoy_tensor_data (rows) + i * COLUMNS;
    convoy_history_add (t->history, &(ConvoyEpoch) { r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7] });
  }
  return rows != NULL;
}

/* --- the whole ------------------------------------------------------------ */

gboolean
convoy_trainer_save (ConvoyTrainer *t, const char *path, GError **error)
{
  g_autoptr (ConvoyCheckpoint) c = convoy_checkpoint_new ();
  for (guint i = 0; i < CONVOY_TRAINER_MARKS; i++)
    convoy_checkpoint_put_string (c, t->mark[i].what, t->mark[i].text);
  put_numbers (t, c);
  put_best (t, c);
  return convoy_trainer_weights_finite (t, error) && put_history (t, c, error) && each_slot (t, c, put_slot, error)
      && convoy_checkpoint_save (c, path, error);
}

gboolean
convoy_trainer_resume (ConvoyTrainer *t, GError **error)
{
  if (!g_file_test (t->o.checkpoint, G_FILE_TEST_EXISTS))
    return TRUE;
  g_autoptr (ConvoyCheckpoint) c = convoy_checkpoint_load (t->o.checkpoint, error);
  if (c == NULL || !check_marks (t, c, error) || !get_numbers (t, c, error) || !get_history (t, c, error)
      || !each_slot (t, c, get_slot, error) || !get_best (t, c, error))
    return FALSE;
  t->stored = FALSE;
  convoy_trainer_update_over (t);
  return TRUE;
}
