/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnheadwork.c - see cnnheadwork.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "plugins/cnnheadwork.h"
#include "plugins/cnnmeta.h"
#include "plugins/cnntensor.h"

#define GST_CAT_DEFAULT cnn_head_debug

GstFlowReturn
cnn_head_get_flow (GstCnnHead *self)
{
  GST_OBJECT_LOCK (self);
  GstFlowReturn flow = self->flow;
  GST_OBJECT_UNLOCK (self);
  return flow;
}

/* Nothing more is taken in; upstream is told why. */
static void
close_with (GstCnnHead *self, GstFlowReturn flow)
{
  GST_OBJECT_LOCK (self);
  if (self->flow == GST_FLOW_OK)
    self->flow = flow;
  GST_OBJECT_UNLOCK (self);
  cnn_queue_set_flushing (self->queue, TRUE);
}

GstFlowReturn
cnn_head_fail (GstCnnHead *self, GError *error)
{
  GST_ELEMENT_ERROR (self, LIBRARY, FAILED, ("%s", error->message), (NULL));
  g_error_free (error);
  return GST_FLOW_ERROR;
}

static void
send_held (GstCnnHead *self)
{
  GstEvent *event;
  while ((event = g_queue_pop_head (&self->held)))
    gst_pad_push_event (self->src, event);
}

/* Events after the caps wait for them, which are known with the first sample. */
static void
send_event (GstCnnHead *self, GstEvent *event)
{
  gboolean last = GST_EVENT_TYPE (event) == GST_EVENT_EOS, first = GST_EVENT_TYPE (event) == GST_EVENT_STREAM_START;
  gboolean caps = GST_EVENT_TYPE (event) == GST_EVENT_CAPS;
  if (last)
    send_held (self);
  if (last || first || caps || self->has_caps)
    gst_pad_push_event (self->src, event);
  else
    g_queue_push_tail (&self->held, event);
  if (caps) {
    self->has_caps = TRUE;
    send_held (self);
  }
}

/* Upstream goes to that sample, or sends all before it, which are then not let in. */
static void
go_to (GstCnnHead *self, const GstStructure *s)
{
  guint64 position = 0;
  gst_structure_get_uint64 (s, "position", &position);
  GstEvent *seek = gst_event_new_seek (1, GST_FORMAT_DEFAULT, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, (gint64) position, GST_SEEK_TYPE_NONE, -1);
  gboolean went = gst_pad_push_event (self->sink, seek);
  GST_INFO_OBJECT (self, "training goes on at sample %" G_GUINT64_FORMAT "%s", position, went ? "" : ", which upstream cannot go to");
}

static gboolean
work_on_event (GstCnnHead *self, GstEvent *event, GError **error)
{
  CnnPhaseEvent phase;
  gboolean ok = TRUE;

  if (gst_event_has_name (event, CNN_HEAD_RESUME)) {
    go_to (self, gst_event_get_structure (event));
    gst_event_unref (event);
    return TRUE;
  }
  if (self->learner && cnn_phase_event_parse (event, &phase))
    ok = cnn_learner_phase (self->learner, phase.split, phase.samples, error);
  else if (self->learner && GST_EVENT_TYPE (event) == GST_EVENT_EOS)
    ok = cnn_learner_finish (self->learner, self->complete, error);
  if (ok)
    send_event (self, event);
  else
    gst_event_unref (event);
  return ok;
}

GstEvent *
cnn_head_caps_event (const CnnLearner *learner)
{
  ConvoyShape scores = { 1, { cnn_learner_n_scores (learner) } };
  GstCaps *caps = cnn_sample_caps (CONVOY_F32, &scores);
  GstEvent *event = gst_event_new_caps (caps);
  gst_caps_unref (caps);
  return event;
}

static GstFlowReturn
send_scores (GstCnnHead *self, CnnBatch *b, guint i, const float *scores)
{
  gsize size = cnn_learner_n_scores (self->learner) * sizeof *scores;
  GstBuffer *out = g_steal_pointer (&b->out[i]);
  GstMemory *memory = gst_allocator_alloc (NULL, size, NULL);
  gst_buffer_append_memory (out, memory);
  gst_buffer_fill (out, 0, scores, size);
  if (cnn_learner_classifies (self->learner) && !b->label) {
    GstStructure *result = cnn_learner_result (self->learner, scores, GST_BUFFER_PTS (out));
    cnn_result_attach (out, result);
    gst_structure_set_name (result, "cnn-classification");
    gst_element_post_message (GST_ELEMENT (self), gst_message_new_element (GST_OBJECT (self), result));
  }
  GstFlowReturn flow = gst_pad_push (self->src, out);
  return flow == GST_FLOW_NOT_LINKED && self->used.training ? GST_FLOW_OK : flow;
}

/* A frame that nothing can be said of yet: whoever waits for it downstream waits no more. */
static void
send_gap (GstCnnHead *self, GstBuffer *out)
{
  if (GST_BUFFER_PTS_IS_VALID (out))
    gst_pad_push_event (self->src, gst_event_new_gap (GST_BUFFER_PTS (out), GST_BUFFER_DURATION (out)));
}

static gboolean
work_on_batch (GstCnnHead *self, CnnBatch *b, GError **error)
{
  const float *scores;
  guint had = cnn_learner_n_scores (self->learner);
  GstFlowReturn flow = GST_FLOW_OK;

  if (!(cnn_learner_is_live (self->learner) ? cnn_learner_teach (self->learner, b->label, b->x, &scores, error)
                                            : cnn_learner_batch (self->learner, b->x, b->y, b->n, &scores, error)))
    return FALSE;
  guint k = cnn_learner_n_scores (self->learner);
  if (k != had)
    send_event (self, cnn_head_caps_event (self->learner));
  if (!scores && cnn_learner_is_live (self->learner))
    send_gap (self, b->out[0]);
  for (guint i = 0; scores && i < b->n && flow == GST_FLOW_OK; i++)
    flow = send_scores (self, b, i, scores + (gsize) i * k);
  if (flow != GST_FLOW_OK)
    close_with (self, flow);
  return TRUE;
}

void
cnn_head_work (gpointer user)
{
  GstCnnHead *self = user;
  CnnQueueItem item = { 0 };
  GError *error = NULL;

  if (!cnn_queue_pop (self->queue, &item)) {
    gst_pad_pause_task (self->src);
    return;
  }
  gboolean ok = item.event ? work_on_event (self, item.event, &error) : work_on_batch (self, item.batch, &error);
  cnn_batch_free (item.batch);
  if (ok && self->learner && cnn_learner_is_over (self->learner) && cnn_head_get_flow (self) == GST_FLOW_OK) {
    close_with (self, GST_FLOW_EOS);
    ok = cnn_learner_finish (self->learner, TRUE, &error);
    if (ok)
      send_event (self, gst_event_new_eos ());
  }
  if (!ok) {
    close_with (self, cnn_head_fail (self, error));
    send_event (self, gst_event_new_eos ());
  }
}
