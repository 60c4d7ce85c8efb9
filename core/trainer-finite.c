/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * trainer-finite.c - where a loss that is no finite number comes from: the first weight, or the
 * first layer's output, that is none. */
#include "core/trainer.h"
#include "core/vector.h"
#include <math.h>
#include <string.h>

/* x - x is 0 for what is finite, else NAN. */
CONVOY_VECTORIZED static gboolean
all_finite (const float *x, gsize n)
{
  guint bad = 0;
  for (gsize i = 0; i < n; i++)
    bad |= !(x[i] - x[i] == 0);
  return !bad;
}

/* The name of the first weight that is not finite; NULL: all are. Borrowed. */
static const char *
broken_weight (ConvoyTrainer *t)
{
  for (guint i = 0; i < convoy_exec_n_slots (t->learner); i++) {
    const ConvoySlot *s = convoy_exec_slot (t->learner, i);
    if (!all_finite (convoy_exec_weights (t->learner) + s->offset, s->n))
      return s->name;
  }
  return NULL;
}

gboolean
convoy_trainer_weights_finite (ConvoyTrainer *t, GError **error)
{
  const char *name = broken_weight (t);
  if (name)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID,
        "epoch %u, after step %" G_GUINT64_FORMAT ", learning rate %g: weight %s is not finite", t->epoch + 1, t->steps, t->lr,
        name);
  return name == NULL;
}

/* The graph for n samples, each of whose floats is an output; number k is of node[k]. */
static ConvoyGraph *
all_outputs (ConvoyTrainer *t, guint n, GPtrArray *nodes)
{
  ConvoyShape shape = t->shape;
  shape.d[0] = n;
  ConvoyGraph *bound = convoy_graph_bind_to (t->graph, &shape, &t->loss.logits, 1, NULL);
  if (bound)
    g_array_set_size (bound->outputs, 0);
  for (guint i = 0; bound && i < bound->nodes->len; i++) {
    const ConvoyNode *node = CONVOY_NODE (bound, i);
    if (CONVOY_VAL (bound, node->out)->type == CONVOY_F32) {
      convoy_graph_output (bound, node->out);
      g_ptr_array_add (nodes, (gpointer) node);
    }
  }
  return bound;
}

/* "Conv conv2d_1"; NULL: none of them. g_free() it. */
static char *
broken_layer (ConvoyTrainer *t, const void *x, guint n)
{
  ConvoyPlanOptions o = { .threads = t->o.threads, .no_fuse = TRUE };
  g_autoptr (GPtrArray) nodes = g_ptr_array_new ();
  ConvoyGraph *bound = convoy_trainer_store (t, NULL) ? all_outputs (t, n, nodes) : NULL;
  ConvoyPlan *plan = bound ? convoy_plan_new (bound, &o, NULL) : NULL;
  ConvoyExec *e = plan ? convoy_exec_new (plan, NULL) : NULL;
  ConvoyShape shape = t->shape;
  char *name = NULL;
  shape.d[0] = n;
  g_autoptr (ConvoyTensor) in = convoy_tensor_new (t->type, &shape, NULL);
  if (in)
    memcpy (convoy_tensor_data (in), x, n * t->sample);
  gboolean ran = e && in && convoy_exec_set (e, 0, in, NULL) && convoy_exec_run (e, NULL);
  for (guint k = 0; ran && name == NULL && k < nodes->len; k++) {
    const ConvoyTensor *out = convoy_exec_output (e, k);
    const ConvoyNode *node = nodes->pdata[k];
    if (!all_finite (convoy_tensor_data (out), convoy_tensor_count (out)))
      name = g_strdup_printf ("%s %s", node->op->name, *node->name ? node->name : convoy_graph_name (bound, node->out));
  }
  if (e)
    convoy_exec_free (e);
  convoy_plan_unref (plan);
  convoy_graph_unref (bound);
  return name;
}

void
convoy_trainer_blame (ConvoyTrainer *t, const void *x, guint n, double loss, GError **error)
{
  const char *weight = broken_weight (t);
  g_autofree char *layer = NULL, *who = NULL;
  if (t->type == CONVOY_F32 && !all_finite (x, n * t->sample / sizeof (float)))
    who = g_strdup ("a number of the input");
  else if (weight)
    who = g_strdup_printf ("weight %s", weight);
  else if ((layer = broken_layer (t, x, n)) != NULL)
    who = g_strdup_printf ("the output of %s", layer);
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID,
      "epoch %u, step %" G_GUINT64_FORMAT ", learning rate %g: the loss is %g, %s is the first that is not finite", t->epoch + 1,
      t->steps + 1, t->lr, loss, who ? who : "itself");
}
