/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnlearner.c - see cnnlearner.h. */
#include "plugins/cnnlearner.h"
#include "plugins/cnnheadsave.h"
#include "plugins/cnnmeta.h"
#include <string.h>

#define PROGRESS_EVERY (G_USEC_PER_SEC / 4)
#define SAVE_EVERY (5 * G_USEC_PER_SEC) /* at most so often in the middle of training */
#define TOP_K 5

struct CnnLearner {
  GstElement *element;
  const CnnHeadSettings *s;
  CnnHeadInput in;
  CnnHeadNet net;
  CnnHeadWhole whole;           /* what the saved file has beside the network */
  gboolean ends_in_probability;
  ConvoyTrainer *trainer;       /* NULL: it does not learn */
  ConvoyExec *one, *many;       /* it does not: for one sample, and for a batch; NULL: not yet needed */
  float *scores;                /* of inference, batch x n */

  enum { PHASE_NONE, PHASE_TRAIN, PHASE_JUDGE } phase;
  gboolean open;                /* an epoch has begun and not ended */
  gboolean over;
  gboolean unsaved;             /* something was learnt since it was written */
  gboolean in_progress;         /* it was told that an epoch is under way */
  gint64 saved_at, told_at;     /* monotonic, microseconds */
};

/* Those of the settings that are texts. */
#define AT(field) G_STRUCT_OFFSET (CnnHeadSettings, field)
static const gsize texts[] = { AT (source.layers), AT (source.network), AT (source.model), AT (source.from_layer), AT (source.to_layer), AT (loss), AT (optimizer),
  AT (schedule), AT (freeze), AT (rates), AT (save), AT (checkpoint), AT (history) };

void
cnn_head_settings_clear (CnnHeadSettings *s)
{
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    g_free (G_STRUCT_MEMBER (char *, s, texts[i]));
  *s = (CnnHeadSettings) { 0 };
}

void
cnn_head_settings_copy (CnnHeadSettings *to, const CnnHeadSettings *from)
{
  cnn_head_settings_clear (to);
  *to = *from;
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    G_STRUCT_MEMBER (char *, to, texts[i]) = g_strdup (G_STRUCT_MEMBER (char *, from, texts[i]));
}

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

static gboolean
tell (void *user, const ConvoyProgress *p)
{
  CnnLearner *l = user;
  gint64 now = g_get_monotonic_time ();
  /* Whoever prerolls a pipeline takes progress for something to wait for before playing. */
  GST_OBJECT_LOCK (l->element);
  gboolean playing = GST_STATE (l->element) == GST_STATE_PLAYING;
  GST_OBJECT_UNLOCK (l->element);
  if (!playing || (now - l->told_at < PROGRESS_EVERY && p->sample != p->samples))
    return TRUE;
  l->told_at = now;
  g_autofree char *accuracy = p->accuracy == p->accuracy ? g_strdup_printf (", accuracy %.1f %%", 100 * p->accuracy) : g_strdup ("");
  g_autofree char *epochs = p->epochs < G_MAXINT ? g_strdup_printf (" of %u", p->epochs) : g_strdup (""), *samples = p->samples ? g_strdup_printf (" of %" G_GUINT64_FORMAT, p->samples) : g_strdup ("");
  g_autofree char *text = g_strdup_printf ("epoch %u%s, %s sample %" G_GUINT64_FORMAT "%s, loss %.4f%s", p->epoch, epochs, p->validating ? "validation" : "training",
      p->sample, samples, p->loss, accuracy);
  gst_element_post_message (l->element, gst_message_new_progress (GST_OBJECT (l->element), GST_PROGRESS_TYPE_CONTINUE, "epoch", text));
  l->in_progress = TRUE;
  return TRUE;
}

static gboolean
make_trainer (CnnLearner *l, const CnnDatasetEvent *d, GstEvent *extractor, GError **error)
{
  const CnnHeadSettings *s = l->s;
  g_autofree char *data = describe_data (l, d, extractor);
  ConvoyTrainOptions o = {
    .loss = s->loss, .optimizer = s->optimizer, .learning_rate = s->learning_rate, .schedule = s->schedule,
    .epochs = s->epochs ? s->epochs : d->epochs ? d->epochs : G_MAXINT, .batch = s->batch, .patience = s->patience, .seed = s->source.seed,
    .threads = s->threads, .freeze = s->freeze, .freeze_batchnorm = s->freeze_batchnorm, .rates = s->rates, .dataset = data,
    .checkpoint = s->checkpoint, .checkpoint_steps = s->checkpoint_steps, .resume = s->resume && s->checkpoint, .history = s->history, .progress = tell, .user = l,
  };
  l->trainer = convoy_trainer_new (l->net.graph, &o, error);
  l->unsaved = l->trainer && convoy_history_len (convoy_trainer_history (l->trainer)) > 0;
  return l->trainer != NULL;
}

/* As many scores as there are classes, or one for two of them. */
static gboolean
check_classes (const CnnLearner *l, GError **error)
{
  guint n = l->whole.labels ? g_strv_length (l->whole.labels) : 0;
  if (n == 0 || n == l->net.n || (l->net.n == 1 && n == 2))
    return TRUE;
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "the network gives %u scores, but there are %u classes (%s, ...)", l->net.n, n, l->whole.labels[0]);
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

static gboolean
make (CnnLearner *l, const CnnHeadStream *stream, GError **error)
{
  CnnDatasetEvent d = { 0 };
  gboolean told = stream->dataset && cnn_dataset_event_parse (stream->dataset, &d);
  g_autofree const char *const *classes = told ? d.classes : NULL;
  guint n = classes ? g_strv_length ((char **) classes) : 0;
  if (!cnn_head_whole_load (&l->whole, l->s->save ? stream->extractor : NULL, error)
      || !cnn_head_net_make (&l->net, &l->s->source, &l->in, n, cnn_head_whole_opset (&l->whole), error))
    return FALSE;
  cnn_head_whole_keep (&l->whole, stream->metadata);
  l->whole.labels = g_strdupv (classes ? (char **) classes : l->net.labels);
  ConvoyGraph *bound = convoy_graph_bind (l->net.graph, NULL, NULL, error);
  if (!bound)
    return FALSE;
  l->ends_in_probability = ends_in_probability (bound);
  convoy_graph_unref (bound);
  return check_classes (l, error) && (!l->s->training || make_trainer (l, &d, stream->extractor, error));
}

CnnLearner *
cnn_learner_new (GstElement *element, const CnnHeadSettings *s, const CnnHeadInput *in, const CnnHeadStream *stream, GError **error)
{
  CnnLearner *l = g_new0 (CnnLearner, 1);
  l->element = element;
  l->s = s;
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
  g_clear_pointer (&l->one, convoy_exec_free);
  g_clear_pointer (&l->many, convoy_exec_free);
  cnn_head_net_clear (&l->net);
  cnn_head_whole_clear (&l->whole);
  g_free (l->scores);
  g_free (l);
}

/* --- samples -------------------------------------------------------------- */

guint cnn_learner_n_scores (const CnnLearner *l) { return l->net.n; }
gboolean cnn_learner_is_over (const CnnLearner *l) { return l->over; }

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
  *sample *= l->s->batch;
}

/* --- inference -------------------------------------------------------------- */

static ConvoyExec *
make_exec (CnnLearner *l, guint batch, GError **error)
{
  ConvoyShape shape = l->in.shape;
  ConvoyPlanOptions o = { .threads = l->s->threads };
  shape.d[0] = batch;
  ConvoyGraph *bound = convoy_graph_bind (l->net.graph, &shape, NULL, error);
  ConvoyPlan *plan = bound ? convoy_plan_new (bound, &o, error) : NULL;
  ConvoyExec *x = plan ? convoy_exec_new (plan, error) : NULL;
  convoy_plan_unref (plan);
  convoy_graph_unref (bound);
  return x;
}

static void
nothing (gpointer user)
{
  (void) user;
}

/* size samples from x on, of which n count. */
static gboolean
infer_some (CnnLearner *l, ConvoyExec **exec, guint size, const void *x, guint n, float *scores, GError **error)
{
  if (!*exec && !(*exec = make_exec (l, size, error)))
    return FALSE;
  ConvoyShape shape = l->in.shape;
  shape.d[0] = size;
  ConvoyTensor *t = convoy_tensor_new_wrap (l->in.type == CONVOY_I32 || l->in.type == CONVOY_I64 ? CONVOY_I64 : CONVOY_F32, &shape, (void *) x, nothing, NULL);
  gboolean ok = convoy_exec_set (*exec, 0, t, error) && convoy_exec_run (*exec, error);
  if (ok)
    memcpy (scores, convoy_tensor_data (convoy_exec_output (*exec, 0)), (gsize) n * l->net.n * sizeof *scores);
  convoy_tensor_unref (t);
  return ok;
}

/* A full batch at once, fewer one by one: x has room for a batch. */
static gboolean
infer (CnnLearner *l, const void *x, guint n, const float **scores, GError **error)
{
  gsize size = cnn_learner_sample_size (l);
  if (!l->scores)
    l->scores = g_new (float, (gsize) l->s->batch * l->net.n);
  *scores = l->scores;
  if (n == l->s->batch && n > 1)
    return infer_some (l, &l->many, n, x, n, l->scores, error);
  for (guint i = 0; i < n; i++)
    if (!infer_some (l, &l->one, 1, (const guint8 *) x + i * size, 1, l->scores + (gsize) i * l->net.n, error))
      return FALSE;
  return TRUE;
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
  if (train)
    return (!l->open || end_epoch (l, error)) && begin_epoch (l, samples, error);
  cnn_learner_position (l, &epoch, &done);
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
    return infer (l, x, n, scores, error);
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

gboolean
cnn_learner_finish (CnnLearner *l, gboolean complete, GError **error)
{
  gboolean ok = TRUE;
  if (l->trainer && l->open && complete)
    ok = end_epoch (l, error);
  else if (l->trainer && l->open && l->phase == PHASE_TRAIN && l->s->checkpoint)
    ok = convoy_trainer_save (l->trainer, l->s->checkpoint, error);
  return ok && cnn_learner_save (l, error);
}

gboolean
cnn_learner_save (CnnLearner *l, GError **error)
{
  if (!l->trainer || !l->s->save || !l->unsaved)
    return TRUE;
  ConvoyGraph *head = convoy_trainer_export (l->trainer, error);
  gboolean ok = head && cnn_head_whole_save (&l->whole, l->s->save, head, &l->in, &l->net.image, convoy_trainer_history (l->trainer), error);
  convoy_graph_unref (head);
  l->unsaved = l->unsaved && !ok;
  l->saved_at = g_get_monotonic_time ();
  return ok;
}
