/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnheadmodel.c - another network takes over in a cnnhead that infers: loaded beside the stream, it is
 * there from one sample to the next. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "plugins/cnnheadwork.h"

typedef struct {
  GstElement *element;
  CnnHeadSettings settings;
  CnnHeadInput input;
  GstEvent *dataset;            /* NULL: there was none */
} Request;

static gpointer
make (gpointer data, GError **error)
{
  Request *r = data;
  CnnHeadStream stream = { .dataset = r->dataset };
  CnnLearner *l = cnn_learner_new (r->element, &r->settings, &r->input, &stream, error);
  cnn_head_settings_clear (&r->settings);
  gst_clear_event (&r->dataset);
  g_free (r);
  return l;
}

/* As it runs, but for the model. */
static void
begin (GstCnnHead *self)
{
  Request *r = g_new0 (Request, 1);
  r->element = GST_ELEMENT (self);
  r->input = self->input;
  gst_event_replace (&r->dataset, self->stream.dataset);
  cnn_head_settings_copy (&r->settings, &self->used);
  g_free (r->settings.source.model);
  GST_OBJECT_LOCK (self);
  r->settings.source.model = g_strdup (self->settings.source.model);
  self->anew = FALSE;
  GST_OBJECT_UNLOCK (self);
  self->loading = cnn_job_new (make, r);
}

static void
take_over (GstCnnHead *self)
{
  GError *error = NULL;
  CnnLearner *old = self->learner, *next = cnn_job_finish (g_steal_pointer (&self->loading), &error);

  if (!next) {
    GST_ELEMENT_WARNING (self, RESOURCE, OPEN_READ, ("the network stays %s: %s", cnn_learner_model (old), error->message), (NULL));
    g_error_free (error);
    return;
  }
  if (!cnn_queue_drain (self->queue)) { /* flushing; the next sample begins again */
    cnn_learner_free (next);
    GST_OBJECT_LOCK (self);
    self->anew = TRUE;
    GST_OBJECT_UNLOCK (self);
    return;
  }
  self->learner = next;         /* the worker has nothing to do */
  GstStructure *s = gst_structure_new ("cnn-model", "model", G_TYPE_STRING, cnn_learner_model (next), "classes", G_TYPE_UINT, cnn_learner_n_classes (next), NULL);
  gst_element_post_message (GST_ELEMENT (self), gst_message_new_element (GST_OBJECT (self), s));
  if (cnn_learner_n_scores (next) != cnn_learner_n_scores (old))
    cnn_queue_push (self->queue, (CnnQueueItem) { .event = cnn_head_caps_event (next) });
  cnn_learner_free (old);
}

void
cnn_head_follow_model (GstCnnHead *self)
{
  GST_OBJECT_LOCK (self);
  gboolean anew = self->anew;
  GST_OBJECT_UNLOCK (self);
  if (self->used.training || !self->learner)
    return;
  if (self->loading && cnn_job_is_done (self->loading))
    take_over (self);
  else if (!self->loading && anew)
    begin (self);
}
