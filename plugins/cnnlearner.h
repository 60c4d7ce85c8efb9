/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnlearner.h - a head at work: takes batches, learns from them or judges them, tells how it goes
 * and writes what was learnt. Knows nothing of pads and threads; one thread at a time. */
#ifndef CNN_LEARNER_H
#define CNN_LEARNER_H

#include "plugins/cnnheadsettings.h"
#include "plugins/cnnsample.h"

G_BEGIN_DECLS

/* As the stream says it: the last events of each kind, NULL where there was none. */
typedef struct {
  GstEvent *dataset, *extractor;
  GHashTable *metadata;         /* what all events cnn-metadata-... said */
} CnnHeadStream;

typedef struct CnnLearner CnnLearner;

/* Posts its messages as element, which outlives it. With training it learns the data set of the stream, or, where that
 * announces none, what it is shown live. */
CnnLearner *cnn_learner_new (GstElement *element, const CnnHeadSettings *s, const CnnHeadInput *in, const CnnHeadStream *stream, GError **error);
void cnn_learner_free (CnnLearner *l);

/* Numbers that a sample gives. */
guint cnn_learner_n_scores (const CnnLearner *l);
guint cnn_learner_n_classes (const CnnLearner *l);      /* two, where one number tells them apart */
const char *cnn_learner_model (const CnnLearner *l);    /* what it was made of; borrowed */
/* Samples that it takes at a time, at most. */
guint cnn_learner_batch_size (const CnnLearner *l);
/* Bytes that a sample takes in a batch. */
gsize cnn_learner_sample_size (const CnnLearner *l);
/* Writes a sample, whose bytes lie as the caps say (stride of its rows for pictures), as number n of the batch x. */
void cnn_learner_put (const CnnLearner *l, const guint8 *sample, gsize stride, void *x, guint n);
/* Where training goes on: the epoch, and so many of its training samples are done. */
void cnn_learner_position (const CnnLearner *l, guint *epoch, guint64 *sample);
/* Nothing more is to be learnt: all epochs done, or no better one for too long. */
gboolean cnn_learner_is_over (const CnnLearner *l);
/* It learns from what it is shown: samples go to cnn_learner_teach(). */
gboolean cnn_learner_is_live (const CnnLearner *l);
/* Scores are what it found, not steps of training. */
gboolean cnn_learner_classifies (const CnnLearner *l);

/* A phase begins; the one before it has ended, all of it seen. samples: of it from its beginning; 0: not known. */
gboolean cnn_learner_phase (CnnLearner *l, const char *split, guint64 samples, GError **error);
/* n samples and their labels (-1: none) in the phase that is on, training where none was announced; scores n x n_scores. */
gboolean cnn_learner_batch (CnnLearner *l, const void *x, const gint64 *y, guint n, const float **scores, GError **error);
/* One sample, as an example of label, which may be new: there is then a score more. NULL: it is none. Every one goes along
 * with a step on what was shown until now. *scores NULL: there are not two classes yet. */
gboolean cnn_learner_teach (CnnLearner *l, const char *label, const void *x, const float **scores, GError **error);
/* Ends the epoch that is open; an incomplete one is kept for resuming. Then writes all files. */
gboolean cnn_learner_finish (CnnLearner *l, gboolean complete, GError **error);
/* Writes the network if anything was learnt since it was last written, and says so in a message cnn-saved. */
gboolean cnn_learner_save (CnnLearner *l, GError **error);

/* label, labels, scores of a row as a structure like that of cnnclassify. */
GstStructure *cnn_learner_result (const CnnLearner *l, const float *scores, GstClockTime pts);

G_END_DECLS
#endif
