/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnlearner.c - see cnnlearner.h. */
#include "plugins/cnnlearner.h"
#include "plugins/cnnheadsave.h"
#include "plugins/cnnmeta.h"
#include "plugins/cnnteach.h"
#include <string.h>

#define PROGRESS_EVERY (G_USEC_PER_SEC / 4)
#define SAVE_EVERY (5 * G_USEC_PER_SEC) /* at most so often in the middle of training */
#define TOP_K 5
#define LIVE_LAYERS "flatten ! dense units=${classes} activation=softmax"

struct CnnLearner {
  GstElement *element;
  CnnHeadSettings s;
  CnnHeadInput in;
  CnnHeadNet net;
  CnnHeadWhole whole;           /* what the saved file has beside the network */
  gboolean ends_in_probability;
  ConvoyTrainer *trainer;       /* that learns a data set; NULL: it does not */
  CnnTeach *teach;              /* that learns what it is shown; NULL: it does not */
  char *shown;                  /* the class of the last sample then; NULL: none */
  ConvoyExec *exec;             /* for one sample, where there is no trainer; NULL: not yet needed */

  enum { PHASE_NONE, PHASE_TRAIN, PHASE_JUDGE } phase;
  gboolean open;                /* an epoch has begun and not ended */
  gboolean over;
  gboolean unsaved;             /* something was learnt since it was written */
  gboolean in_progress;         /* it was told that an epoch is under way */
  gint64 saved_at, told_at;     /* monotonic, microseconds */
};

/* --- making one ---------------------------------------------------------- */

/* What a checkpoint must be of. */
static char *
describe_data (const CnnLearner *l, const CnnDatasetEvent *d, GstEvent *extractor)
{
  CnnExtractorEvent x = { 0 };
  g_autofree char *names = d->classes ? g_strjoinv (",", (char **) d->classes) : g_strdup ("");
  g_autofree char *shape = convoy_shape_str (&l->in.shape);
  if (!extractor || !cnn_extractor_event_parse (extractor, &x))
    x.checksum = x.layer = x.pooling = "";
  return g_strdup_printf ("%s, %" G_GUINT64_FORMAT "+%" G_GUINT64_FORMAT " samples, seed %" G_GUINT64_FORMAT ", classes %s, features %s %s %s", shape, d->n_train,
      d->n_validation, d->seed, names, x.checksum, x.layer, x.pooling);
}

/* Whoever prerolls a pipeline takes progress for something to wait for before playing. */
static gboolean
is_time_to_tell (CnnLearner *l, gboolean in_any_case)
{
  gint64 now = g_get_monotonic_time ();
  GST_OBJECT_LOCK (l->element);
  gboolean playing = GST_STATE (l->element) == GST_STATE_PLAYING;
  GST_OBJECT_UNLOCK (l->element);
  if (!playing || (now - l->told_at < PROGRESS_EVERY && !in_any_case))
    return FALSE;
  l->told_at = now;
  return TRUE;
}

static gboolean
tell (void *user, const ConvoyProgress *p)
{
  CnnLearner *l = user;
  if (!is_time_to_tell (l, p->sample == p->samples))
    return TRUE;
  g_autofree char *accuracy = p->accuracy == p->accuracy ? g_strdup_printf (", accuracy %.1f %%", 100 * p->accuracy) : g_strdup ("");
  g_autofree char *epochs = p->epochs < G_MAXINT ? g_strdup_printf (" of %u", p->epochs) : g_strdup (""), *samples = p->samples ? g_strdup_printf (" of %" G_GUINT64_FORMAT, p->samples) : g_strdup ("");
  g_autofree char *text = g_strdup_printf ("epoch %u%s, %s sample %" G_GUINT64_FORMAT "%s, loss %.4f%s", p->epoch, epochs, p->validating ? "validation" : "training",
      p->sample, samples, p->loss, accuracy);
  gst_element_post_message (l->element, gst_message_new_progress (GST_OBJECT (l->element), GST_PROGRESS_TYPE_CONTINUE, "epoch", text));
  l->in_progress = TRUE;
  return TRUE;
}

/* Those that do not depend on what is learnt. */
static ConvoyTrainOptions
options (const CnnHeadSettings *s)
{
  return (ConvoyTrainOptions) { .loss = s->loss, .optimizer = s->optimizer, .learning_rate = s->learning_rate, .schedule = s->schedule,
    .epochs = s->epochs ? s->epochs : G_MAXINT, .batch = s->batch, .seed = s->source.seed, .threads = s->threads, .freeze = s->freeze,
    .freeze_batchnorm = s->freeze_batchnorm, .rates = s->rates };
}

/* Without a data set: what appears as it appears. */
static gboolean
make_teach (CnnLearner *l, GError **error)
{
  const CnnHeadSettings *s = &l->s;
  ConvoyTrainOptions o = options (s);
  if (s->checkpoint || s->history || s->epochs) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s= is for a data set, and none comes: the stream teaches by label=",
        s->checkpoint ? "checkpoint" : s->history ? "history" : "epochs");
    return FALSE;
  }
  l->saved_at = g_get_monotonic_time ();
  o.optimizer = s->optimizer ? s->optimizer : "adam";   /* whose first steps, after growing too, are as long as the others */
  l->teach = cnn_teach_new (l->net.graph, &o, (const char *const *) l->whole.labels, cnn_learner_sample_size (l), error);
  return l->teach != NULL;
}

static gboolean
make_trainer (CnnLearner *l, const CnnDatasetEvent *d, GstEvent *extractor, GError **error)
{
  const CnnHeadSettings *s = &l->s;
  g_autofree char *data = describe_data (l, d, extractor);
  ConvoyTrainOptions o = options (s);
  o.epochs = s->epochs ? s->epochs : d->epochs ? d->epochs : G_MAXINT;
  o.patience = s->patience;
  o.dataset = data;
  o.checkpoint = s->checkpoint;
  o.checkpoint_steps = s->checkpoint_steps;
  o.resume = s->resume && s->checkpoint;
  o.history = s->history;
  o.progress = tell;
  o.user = l;
  l->trainer = convoy_trainer_new (l->net.graph, &o, error);
  l->unsaved = l->trainer && convoy_history_len (convoy_trainer_history (l->trainer)) > 0;
  return l->trainer != NULL;
}

/* Those of the data set. Features of one class are of use, but there is nothing to tell apart. */
static gboolean
can_tell_apart (const CnnDatasetEvent *d, const char *const *classes, GError **error)
{
  if (!classes || !classes[0] || classes[1])
    return TRUE;
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s has one class only ('%s'), at least two are needed to train",
      d->location, classes[0]);
  return FALSE;
}

/* As many scores as there are classes, or one for two of them. */
static gboolean
check_classes (const CnnLearner *l, gboolean live, GError **error)
{
  guint n = l->whole.labels ? g_strv_length (l->whole.labels) : live ? CNN_TEACH_CLASSES : 0;
  if (n == 0 || n == l->net.n || (l->net.n == 1 && n == 2))
    return TRUE;
  if (l->whole.labels)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "the network gives %u scores, but there are %u classes (%s, ...)", l->net.n, n, l->whole.labels[0]);
  else
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "the network gives %u scores, but what is taught begins with %u classes: its last layer is dense units=${classes}",
        l->net.n, n);
  return FALSE;
}

static gboolean
ends_in_probability (const ConvoyGraph *g)
{
  GArray *layers = convoy_graph_layers (g);
  const char *op = layers->len ? g_array_index (layers, ConvoyLayer, layers->len - 1).op : "";
  gboolean is = strcmp (op, "Softmax") == 0 || strcmp (op, "Sigmoid") == 0;
  g_array_unref (layers);
  return is;
}

/* For one sample. */
static ConvoyExec *
make_exec (const CnnLearner *l, GError **error)
{
  ConvoyPlanOptions o = { .threads = l->s.threads };
  ConvoyGraph *bound = convoy_graph_bind (l->net.graph, &l->in.shape, NULL, error);
  ConvoyPlan *plan = bound ? convoy_plan_new (bound, &o, error) : NULL;
  ConvoyExec *x = plan ? convoy_exec_new (plan, error) : NULL;
  convoy_plan_unref (plan);
  convoy_graph_unref (bound);
  return x;
}

static gboolean
make (CnnLearner *l, const CnnHeadStream *stream, GError **error)
{
  CnnDatasetEvent d = { 0 };
  gboolean told = stream->dataset && cnn_dataset_event_parse (stream->dataset, &d), live = l->s.training && !told;
  g_autofree const char *const *classes = told ? d.classes : NULL;
  guint n = classes ? g_strv_length ((char **) classes) : live ? CNN_TEACH_CLASSES : 0;
  if ((told && l->s.training && !can_tell_apart (&d, classes, error))
      || (l->s.training && l->s.save && !convoy_file_may_save (l->s.save, error)))
    return FALSE;
  if (live && !l->s.source.layers && !l->s.source.network && !l->s.source.model)
    l->s.source.layers = g_strdup (LIVE_LAYERS);
  if (!cnn_head_whole_load (&l->whole, l->s.save ? stream->extractor : NULL, error)
      || !cnn_head_net_make (&l->net, &l->s.source, &l->in, n, cnn_head_whole_opset (&l->whole), error))
    return FALSE;
  cnn_head_whole_keep (&l->whole, stream->metadata);
  gboolean own = l->net.labels && (!classes || !l->s.training);  /* what infers says itself what it knows */
  l->whole.labels = g_strdupv (own ? l->net.labels : (char **) classes);
  ConvoyGraph *bound = convoy_graph_bind (l->net.graph, NULL, NULL, error);
  if (!bound)
    return FALSE;
  l->ends_in_probability = ends_in_probability (bound);
  convoy_graph_unref (bound);
  if (!check_classes (l, live, error))
    return FALSE;
  if (!l->s.training)
    return (l->exec = make_exec (l, error)) != NULL;
  return live ? make_teach (l, error) : make_trainer (l, &d, stream->extractor, error);
}

CnnLearner *
cnn_learner_new (GstElement *element, const CnnHeadSettings *s, const CnnHeadInput *in, const CnnHeadStream *stream, GError **error)
{
  CnnLearner *l = g_new0 (CnnLearner, 1);
  l->element = element;
  cnn_head_settings_copy (&l->s, s);
  l->in = *in;
  if (!make (l, stream, error))
    g_clear_pointer (&l, cnn_learner_free);
  return l;
}

void
cnn_learner_free (CnnLearner *l)
{
  if (!l)
    return;
  convoy_trainer_free (l->trainer);
  cnn_teach_free (l->teach);
  g_clear_pointer (&l->exec, convoy_exec_free);
  cnn_head_net_clear (&l->net);
  cnn_head_whole_clear (&l->whole);
  cnn_head_settings_clear (&l->s);
  g_free (l->shown);
  g_free (l);
}

/* --- samples -------------------------------------------------------------- */

guint cnn_learner_n_scores (const CnnLearner *l) { return l->net.n; }
guint cnn_learner_n_classes (const CnnLearner *l) { return l->whole.labels ? g_strv_length (l->whole.labels) : l->net.n; }
guint cnn_learner_batch_size (const CnnLearner *l) { return l->trainer ? l->s.batch : 1; }
gboolean cnn_learner_is_over (const CnnLearner *l) { return l->over; }
gboolean cnn_learner_is_live (const CnnLearner *l) { return l->teach != NULL; }
gboolean cnn_learner_classifies (const CnnLearner *l) { return l->trainer == NULL; }

const char *
cnn_learner_model (const CnnLearner *l)
{
  const CnnHeadSource *s = &l->s.source;
  return s->model ? s->model : s->network ? s->network : s->layers;
}

static gsize
numbers (const CnnLearner *l)
{
  return (gsize) convoy_shape_count (&l->in.shape);
}

gsize
cnn_learner_sample_size (const CnnLearner *l)
{
  return numbers (l) * (l->in.type == CONVOY_I32 || l->in.type == CONVOY_I64 ? sizeof (gint64) : sizeof (float));
}

void
cnn_learner_put (const CnnLearner *l, const guint8 *sample, gsize stride, void *x, guint n)
{
  gsize count = numbers (l);
  if (l->in.type == CONVOY_U8) {
    const gint64 *d = l->in.shape.d;
    ConvoyView view = { CONVOY_F32, { 4, { n + 1, d[1], d[2], d[3] } }, { d[1] * d[2] * d[3], d[2] * d[3], d[3], 1 }, x };
    convoy_image_put (&l->net.image, sample, stride, &view, n);
  } else if (l->in.type == CONVOY_I32) {
    gint64 *to = (gint64 *) x + n * count;
    for (gsize i = 0; i < count; i++)
      to[i] = ((const gint32 *) sample)[i];
  } else {
    gsize size = cnn_learner_sample_size (l);
    memcpy ((guint8 *) x + n * size, sample, size);
  }
}

void
cnn_learner_position (const CnnLearner *l, guint *epoch, guint64 *sample)
{
  *epoch = 1;
  *sample = 0;
  if (l->trainer)
    convoy_trainer_position (l->trainer, epoch, sample);
  *sample *= l->s.batch;
}

/* --- inference -------------------------------------------------------------- */

static void
nothing (gpointer user)
{
  (void) user;
}

static gboolean
infer (CnnLearner *l, const void *x, const float **scores, GError **error)
{
  if (!l->exec && !(l->exec = make_exec (l, error)))
    return FALSE;
  ConvoyType type = l->in.type == CONVOY_I32 || l->in.type == CONVOY_I64 ? CONVOY_I64 : CONVOY_F32;
  ConvoyTensor *t = convoy_tensor_new_wrap (type, &l->in.shape, (void *) x, nothing, NULL);
  gboolean ok = convoy_exec_set (l->exec, 0, t, error) && convoy_exec_run (l->exec, error);
  if (ok)
    *scores = convoy_tensor_data (convoy_exec_output (l->exec, 0));
  convoy_tensor_unref (t);
  return ok;
}

GstStructure *
cnn_learner_result (const CnnLearner *l, const float *scores, GstClockTime pts)
{
  ConvoyModelInfo info = { .n_classes = l->net.n, .labels = (const char *const *) l->whole.labels, .is_probability = l->trainer || l->ends_in_probability };
  float both[2] = { 1 - scores[0], scores[0] };
  ConvoyTop top[TOP_K];
  if (l->net.n == 1 && info.is_probability && l->whole.labels) {
    info.n_classes = 2;
    scores = both;
  }
  guint k = convoy_top_k (scores, info.n_classes, info.is_probability, top, TOP_K);
  return cnn_result_new (&info, top, k, 0, pts);
}

/* --- epochs ----------------------------------------------------------------- */

static void
post_epoch (CnnLearner *l, const ConvoyEpoch *e)
{
  GstStructure *s = gst_structure_new ("cnn-epoch", "epoch", G_TYPE_UINT, e->epoch, "epochs", G_TYPE_UINT, e->epochs, "loss", G_TYPE_DOUBLE, e->loss,
      "accuracy", G_TYPE_DOUBLE, e->accuracy, "val-loss", G_TYPE_DOUBLE, e->val_loss, "val-accuracy", G_TYPE_DOUBLE, e->val_accuracy, "lr", G_TYPE_DOUBLE, e->lr,
      "seconds", G_TYPE_DOUBLE, e->seconds, NULL);
  gst_element_post_message (l->element, gst_message_new_element (GST_OBJECT (l->element), s));
  if (l->in_progress)
    gst_element_post_message (l->element, gst_message_new_progress (GST_OBJECT (l->element), GST_PROGRESS_TYPE_COMPLETE, "epoch", ""));
  l->in_progress = FALSE;
}

static gboolean
end_epoch (CnnLearner *l, GError **error)
{
  ConvoyEpoch row;
  if (!convoy_trainer_end_epoch (l->trainer, &row, error))
    return FALSE;
  l->open = FALSE;
  l->phase = PHASE_NONE;
  post_epoch (l, &row);
  if (convoy_history_best (convoy_trainer_history (l->trainer))->epoch == row.epoch)
    l->unsaved = TRUE;
  return g_get_monotonic_time () - l->saved_at < SAVE_EVERY || cnn_learner_save (l, error);
}

static gboolean
begin_epoch (CnnLearner *l, guint64 samples, GError **error)
{
  GError *why = NULL;
  l->open = convoy_trainer_begin_epoch (l->trainer, samples, &why);
  l->over = !l->open && !why;
  l->phase = PHASE_TRAIN;
  if (why)
    g_propagate_error (error, why);
  return why == NULL;
}

gboolean
cnn_learner_phase (CnnLearner *l, const char *split, guint64 samples, GError **error)
{
  gboolean train = strcmp (split, CNN_SPLIT_TRAIN) == 0;
  guint64 done;
  guint epoch;
  if (!l->trainer || l->over)
    return TRUE;
  cnn_learner_position (l, &epoch, &done);
  if (train && l->open && done == 0) {  /* a seek went away before its first step: it goes on with these */
    l->phase = PHASE_TRAIN;
    return TRUE;
  }
  if (train)
    return (!l->open || end_epoch (l, error)) && begin_epoch (l, samples, error);
  if (!l->open && done > 0 && !begin_epoch (l, 0, error))        /* resumed after the last training sample */
    return FALSE;
  l->phase = strcmp (split, CNN_SPLIT_VALIDATION) == 0 && l->open ? PHASE_JUDGE : PHASE_NONE;
  return TRUE;
}

gboolean
cnn_learner_batch (CnnLearner *l, const void *x, const gint64 *y, guint n, const float **scores, GError **error)
{
  guint rows, k;
  if (!l->trainer)
    return infer (l, x, scores, error);
  *scores = NULL;
  if (l->phase == PHASE_NONE && !l->open && !l->over && !begin_epoch (l, 0, error))
    return FALSE;
  if (l->over || l->phase == PHASE_NONE)
    return TRUE;
  gboolean learns = l->phase == PHASE_TRAIN;
  if (!(learns ? convoy_trainer_step : convoy_trainer_validate) (l->trainer, x, y, n, error))
    return FALSE;
  l->unsaved |= learns && convoy_history_len (convoy_trainer_history (l->trainer)) == 0;
  *scores = convoy_trainer_scores (l->trainer, &rows, &k);
  return TRUE;
}

/* --- what is taught live ------------------------------------------------------ */

static void
tell_examples (CnnLearner *l)
{
  g_autoptr (GString) text = g_string_new (l->shown ? "" : "examples");
  if (!is_time_to_tell (l, FALSE))
    return;
  if (l->shown)
    g_string_printf (text, "learning %s; examples", l->shown);
  for (guint i = 0; i < cnn_teach_n_classes (l->teach); i++)
    g_string_append_printf (text, "%s %s %u", i ? "," : "", l->whole.labels[i], cnn_teach_n_examples (l->teach, i));
  gst_element_post_message (l->element, gst_message_new_progress (GST_OBJECT (l->element), GST_PROGRESS_TYPE_CONTINUE, "teach", text->str));
}

/* What is inferred with is the network as it is now. */
static gboolean
follow_teach (CnnLearner *l, GError **error)
{
  ConvoyGraph *now = cnn_teach_graph (l->teach, error);
  guint n = cnn_teach_n_classes (l->teach);
  if (!now)
    return FALSE;
  if (now != l->net.graph) {
    g_clear_pointer (&l->exec, convoy_exec_free);
    convoy_graph_unref (l->net.graph);
    l->net.graph = convoy_graph_ref (now);
    l->net.n = n;
  }
  if (!l->whole.labels || n != g_strv_length (l->whole.labels)) {
    g_strfreev (l->whole.labels);
    l->whole.labels = cnn_teach_labels (l->teach);
  }
  return TRUE;
}

gboolean
cnn_learner_teach (CnnLearner *l, const char *label, const void *x, const float **scores, GError **error)
{
  gboolean learnt;
  gboolean changed = g_strcmp0 (label, l->shown) != 0;
  *scores = NULL;
  if ((changed || g_get_monotonic_time () - l->saved_at >= SAVE_EVERY) && !cnn_learner_save (l, error))
    return FALSE;
  if (changed) {
    g_free (l->shown);
    l->shown = g_strdup (label);
  }
  if ((label && !cnn_teach_example (l->teach, label, x, error)) || !cnn_teach_step (l->teach, &learnt, error) || !follow_teach (l, error))
    return FALSE;
  l->unsaved |= learnt;
  if (label)
    tell_examples (l);
  return cnn_teach_n_classes (l->teach) < CNN_TEACH_CLASSES || infer (l, x, scores, error);
}

/* --- the end -------------------------------------------------------------------- */

gboolean
cnn_learner_finish (CnnLearner *l, gboolean complete, GError **error)
{
  gboolean ok = TRUE;
  guint64 done = 0;
  guint epoch;
  if (l->trainer)
    cnn_learner_position (l, &epoch, &done);
  if (l->trainer && l->open && complete)
    ok = done == 0 || end_epoch (l, error);
  else if (l->trainer && l->open && l->phase == PHASE_TRAIN && l->s.checkpoint)
    ok = convoy_trainer_save (l->trainer, l->s.checkpoint, error);
  if (l->teach && l->s.save && cnn_teach_n_classes (l->teach) < CNN_TEACH_CLASSES)
    GST_ELEMENT_WARNING (l->element, RESOURCE, WRITE, ("%s was not written: it takes two classes, %u had examples", l->s.save, cnn_teach_n_classes (l->teach)), (NULL));
  return ok && cnn_learner_save (l, error);
}

static void
post_saved (const CnnLearner *l)
{
  GstStructure *s = gst_structure_new ("cnn-saved", "model", G_TYPE_STRING, l->s.save, "classes", G_TYPE_UINT, cnn_learner_n_classes (l), NULL);
  gst_element_post_message (l->element, gst_message_new_element (GST_OBJECT (l->element), s));
}

gboolean
cnn_learner_save (CnnLearner *l, GError **error)
{
  if (!l->s.save || !l->unsaved)
    return TRUE;
  ConvoyGraph *head = l->teach ? convoy_graph_ref (l->net.graph) : convoy_trainer_export (l->trainer, error);
  const ConvoyHistory *history = l->trainer ? convoy_trainer_history (l->trainer) : NULL;
  gboolean ok = head && cnn_head_whole_save (&l->whole, l->s.save, head, &l->in, &l->net.image, history, error);
  convoy_graph_unref (head);
  l->unsaved = l->unsaved && !ok;
  l->saved_at = g_get_monotonic_time ();
  if (ok)
    post_saved (l);
  return ok;
}
