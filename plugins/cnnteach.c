/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnteach.c - see cnnteach.h. */
#include "plugins/cnnteach.h"
#include <string.h>

/* Examples of a class that are kept: as many as fit if all classes share MOST_BYTES, within these bounds. */
#define LEAST_EXAMPLES 16
#define MOST_EXAMPLES 1000
#define MOST_BYTES (128 << 20)
#define STEPS_OF_EXAMPLE 500    /* at most so many after the last new one; more would change little and wear out the disk that they are saved to */

typedef struct {
  char *label;
  GPtrArray *examples;          /* copies of samples */
} Class;

struct CnnTeach {
  ConvoyTrainOptions o;
  ConvoyTrainer *trainer;
  ConvoyGraph *graph;
  GArray *classes;              /* Class */
  guint room;                   /* classes that graph is for */
  gsize sample;                 /* bytes */
  guint left;                   /* steps still to make */
  guint turn;                   /* class of the last sample of a step */
  GRand *rand;
  guint8 *x;                    /* a batch */
  gint64 *y;
};

#define CLASS(t, i) (&g_array_index ((t)->classes, Class, i))

static void
clear_class (gpointer data)
{
  Class *c = data;
  g_free (c->label);
  g_ptr_array_unref (c->examples);
}

static guint
add_class (CnnTeach *t, const char *label)
{
  Class c = { g_strdup (label), g_ptr_array_new_with_free_func (g_free) };
  g_array_append_val (t->classes, c);
  return t->classes->len - 1;
}

/* From now on graph learns. The moments of the optimizer begin anew, with the count of its steps. */
static gboolean
use_graph (CnnTeach *t, ConvoyGraph *graph, GError **error)
{
  ConvoyTrainer *trainer = convoy_trainer_new (graph, &t->o, error);
  if (!trainer || !convoy_trainer_begin_epoch (trainer, 0, error)) {
    convoy_trainer_free (trainer);
    return FALSE;
  }
  convoy_trainer_free (t->trainer);
  convoy_graph_ref (graph);
  convoy_graph_unref (t->graph);
  t->trainer = trainer;
  t->graph = graph;
  return TRUE;
}

CnnTeach *
cnn_teach_new (ConvoyGraph *graph, const ConvoyTrainOptions *options, const char *const *labels, gsize sample, GError **error)
{
  CnnTeach *t = g_new0 (CnnTeach, 1);
  t->o = *options;
  t->sample = sample;
  t->classes = g_array_new (FALSE, FALSE, sizeof (Class));
  g_array_set_clear_func (t->classes, clear_class);
  t->rand = g_rand_new_with_seed ((guint32) (options->seed ^ options->seed >> 32));
  t->x = g_malloc (options->batch * sample);
  t->y = g_new (gint64, options->batch);
  for (; labels && *labels; labels++)
    add_class (t, *labels);
  t->room = MAX (t->classes->len, CNN_TEACH_CLASSES);
  if (!use_graph (t, graph, error))
    g_clear_pointer (&t, cnn_teach_free);
  return t;
}

void
cnn_teach_free (CnnTeach *t)
{
  if (!t)
    return;
  convoy_trainer_free (t->trainer);
  convoy_graph_unref (t->graph);
  g_array_unref (t->classes);
  g_rand_free (t->rand);
  g_free (t->x);
  g_free (t->y);
  g_free (t);
}

/* --- examples --------------------------------------------------------------- */

static gboolean
grow (CnnTeach *t, guint n, GError **error)
{
  ConvoyGraph *now = cnn_teach_graph (t, error), *wider = now ? convoy_graph_grow (now, n, t->o.seed, error) : NULL;
  gboolean ok = wider && use_graph (t, wider, error);
  convoy_graph_unref (wider);
  if (ok)
    t->room = n;
  return ok;
}

/* The number of the class; -1: an error. */
static int
find_class (CnnTeach *t, const char *label, GError **error)
{
  for (guint i = 0; i < t->classes->len; i++)
    if (strcmp (CLASS (t, i)->label, label) == 0)
      return (int) i;
  if (t->classes->len == t->room && !grow (t, t->room + 1, error)) {
    g_prefix_error (error, "label=%s: ", label);
    return -1;
  }
  return (int) add_class (t, label);
}

/* A class keeps at most so many: it loses some at random. */
static void
thin (CnnTeach *t, Class *c, guint most)
{
  while (c->examples->len > most)
    g_ptr_array_remove_index_fast (c->examples, (guint) g_rand_int_range (t->rand, 0, (gint32) c->examples->len));
}

gboolean
cnn_teach_example (CnnTeach *t, const char *label, const void *x, GError **error)
{
  int class = find_class (t, label, error);
  if (class < 0)
    return FALSE;
  guint most = (guint) CLAMP (MOST_BYTES / (t->sample * t->classes->len), LEAST_EXAMPLES, MOST_EXAMPLES);
  for (guint i = 0; i < t->classes->len; i++)
    thin (t, CLASS (t, i), (int) i == class ? most - 1 : most);
  g_ptr_array_add (CLASS (t, class)->examples, g_memdup2 (x, t->sample));
  t->left = STEPS_OF_EXAMPLE;
  return TRUE;
}

/* --- learning --------------------------------------------------------------- */

/* The next class in turn that has examples. */
static guint
next_class (CnnTeach *t)
{
  do
    t->turn = (t->turn + 1) % t->classes->len;
  while (CLASS (t, t->turn)->examples->len == 0);
  return t->turn;
}

gboolean
cnn_teach_step (CnnTeach *t, gboolean *learnt, GError **error)
{
  guint taught = 0;
  for (guint i = 0; i < t->classes->len; i++)
    taught += CLASS (t, i)->examples->len > 0;
  *learnt = taught >= CNN_TEACH_CLASSES && t->left > 0;
  if (!*learnt)
    return TRUE;
  for (guint i = 0; i < t->o.batch; i++) {
    t->y[i] = next_class (t);
    GPtrArray *examples = CLASS (t, t->y[i])->examples;
    memcpy (t->x + i * t->sample, examples->pdata[g_rand_int_range (t->rand, 0, (gint32) examples->len)], t->sample);
  }
  t->left--;
  return convoy_trainer_step (t->trainer, t->x, t->y, t->o.batch, error);
}

/* --- what came of it ---------------------------------------------------------- */

ConvoyGraph *
cnn_teach_graph (CnnTeach *t, GError **error)
{
  ConvoyGraph *g = convoy_trainer_export (t->trainer, error);   /* the same, its params as they are now */
  convoy_graph_unref (g);
  return g;
}

guint cnn_teach_n_classes (const CnnTeach *t) { return t->classes->len; }
guint cnn_teach_n_examples (const CnnTeach *t, guint class) { return CLASS (t, class)->examples->len; }

char **
cnn_teach_labels (const CnnTeach *t)
{
  char **labels = g_new0 (char *, t->classes->len + 1);
  for (guint i = 0; i < t->classes->len; i++)
    labels[i] = g_strdup (CLASS (t, i)->label);
  return labels;
}
