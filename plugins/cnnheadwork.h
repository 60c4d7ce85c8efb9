/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnheadwork.h - the inside of the element cnnhead, which the streaming thread fills a queue of, and its
 * worker, which takes from that, learns, and pushes downstream. */
#ifndef CNN_HEAD_WORK_H
#define CNN_HEAD_WORK_H

#include <gst/video/video.h>
#include "plugins/cnnjob.h"
#include "plugins/cnnlearner.h"
#include "plugins/cnnqueue.h"
#include "plugins/gstcnnhead.h"

G_BEGIN_DECLS

GST_DEBUG_CATEGORY_EXTERN (cnn_head_debug);

struct _GstCnnHead {
  GstElement parent;
  GstPad *sink, *src;

  CnnHeadSettings settings;     /* object lock */
  char *label;                  /* object lock; what comes is an example of; NULL: of nothing */
  gboolean anew;                /* object lock; the model was set since it was last loaded */
  GstFlowReturn flow;           /* object lock; what upstream is told */
  CnnQueue *queue;              /* has its own lock */

  /* Fixed while it runs. */
  CnnHeadSettings used;

  /* The streaming thread's. */
  CnnHeadInput input;
  GstVideoInfo video;
  gboolean has_input;
  CnnHeadStream stream;
  CnnBatch *filling;            /* NULL: no sample waits */
  GstEvent *phase;              /* that began, and of which no sample has been let in; NULL: none */
  guint epoch;                  /* of the phase that is on; 0: none was announced */
  gboolean is_train;
  gboolean greeted;             /* downstream has been told of a sample since the start or a flush */
  guint64 announced, seen;      /* samples of the phase */
  guint64 last_seen[2];         /* of the phases of training and validation that ended */
  guint resume_epoch;           /* samples before this epoch, */
  guint64 resume_sample;        /* and this training sample of it, are not let in */

  CnnJob *loading;              /* the learner that is to take over; NULL: none */

  CnnLearner *learner;          /* the streaming thread makes it, and then only puts samples; else the worker's, while it has something to do */

  /* The worker's. */
  gboolean has_caps, complete;  /* caps were sent; what came until the end of the stream is the whole of it */
  GQueue held;                  /* events that wait for caps */
};

#define CNN_HEAD_RESUME "cnn-head-resume"       /* an event to the worker: go back upstream to a sample */

/* For as many scores as the learner gives. */
GstEvent *cnn_head_caps_event (const CnnLearner *learner);
/* Copies the sample into the batch; what will carry its scores has all but those. */
gboolean cnn_head_put_sample (GstCnnHead *self, GstBuffer *buffer);
/* Between two samples, in the streaming thread: begins to load the model that was set, and changes over to it once
 * that is done; says so in a message cnn-model, or, where it cannot, in a warning. */
void cnn_head_follow_model (GstCnnHead *self);
/* The task of the source pad; user: the element. */
void cnn_head_work (gpointer user);
GstFlowReturn cnn_head_get_flow (GstCnnHead *self);
/* Posts and frees the error; gives GST_FLOW_ERROR. */
GstFlowReturn cnn_head_fail (GstCnnHead *self, GError *error);

G_END_DECLS
#endif
