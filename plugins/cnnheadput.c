/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnheadput.c - from a buffer to a sample of the batch that is being filled. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "plugins/cnnheadwork.h"

static gboolean
put_picture (GstCnnHead *self, GstBuffer *buffer, CnnBatch *b)
{
  GstVideoFrame frame;
  if (!gst_video_frame_map (&frame, &self->video, buffer, GST_MAP_READ))
    return FALSE;
  cnn_learner_put (self->learner, GST_VIDEO_FRAME_PLANE_DATA (&frame, 0), (gsize) GST_VIDEO_FRAME_PLANE_STRIDE (&frame, 0), b->x, b->n);
  gst_video_frame_unmap (&frame);
  return TRUE;
}

static gboolean
put_tensor (GstCnnHead *self, GstBuffer *buffer, CnnBatch *b)
{
  GstMapInfo map;
  if (!gst_buffer_map (buffer, &map, GST_MAP_READ))
    return FALSE;
  gboolean fits = map.size == (gsize) convoy_shape_count (&self->input.shape) * convoy_type_size (self->input.type);
  if (fits)
    cnn_learner_put (self->learner, map.data, 0, b->x, b->n);
  gst_buffer_unmap (buffer, &map);
  return fits;
}

gboolean
cnn_head_put_sample (GstCnnHead *self, GstBuffer *buffer)
{
  CnnSample sample;
  if (!self->filling)
    self->filling = cnn_batch_new (cnn_learner_batch_size (self->learner), cnn_learner_sample_size (self->learner));
  CnnBatch *b = self->filling;
  if (!(self->input.type == CONVOY_U8 ? put_picture : put_tensor) (self, buffer, b))
    return FALSE;
  cnn_sample_get (buffer, &sample);
  b->y[b->n] = sample.label;
  if (cnn_learner_is_live (self->learner)) {
    GST_OBJECT_LOCK (self);
    b->label = g_strdup (self->label);
    GST_OBJECT_UNLOCK (self);
  }
  b->out[b->n] = gst_buffer_new ();
  cnn_sample_follow (b->out[b->n], buffer);
  b->n++;
  return TRUE;
}
