/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnlatency.h - what an element that holds samples tells a live pipeline of the time they spend in it. */
#ifndef CNN_LATENCY_H
#define CNN_LATENCY_H

#include <gst/gst.h>

G_BEGIN_DECLS

/* Under the object lock of its element, which the functions take; all 0 at the start of a stream. */
typedef struct {
  GstClockTime queued; /* a sample waits so long for those that come after it */
  GstClockTime spent, reported; /* by one in the streaming thread; what of it the pipeline was told */
  gboolean live;
} CnnLatency;

/* How long a sample waits at most where so many are held: delay times their duration, or what bound (0: none) makes
 * of it. Where the caps have no rate no sample need ever follow: the bound then, else nothing can be said, 0. */
GstClockTime cnn_latency_wait (const GstCaps *caps, guint delay, GstClockTime bound);
/* A live pipeline is told when that changed, */
void cnn_latency_set_queued (GstElement *element, CnnLatency *l, GstClockTime wait);
/* and again when what a sample takes grew a good deal. */
void cnn_latency_set_spent (GstElement *element, CnnLatency *l, GstClockTime spent);
/* Adds both to the answer of a latency query. */
void cnn_latency_answer (GstElement *element, CnnLatency *l, GstQuery *query);

G_END_DECLS
#endif
