/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * trainer.h - inside view of ConvoyTrainer. trainer.c has epochs, trainer-new.c what options say, trainer-step.c one
 * batch, trainer-save.c the checkpoint, trainer-fit.c whole runs, trainer-rate.c the search for a
 * learning rate, trainer-finite.c who is to blame for a number that is none, trainer-memory.c what all that needs. */
#ifndef CONVOY_TRAINER_H
#define CONVOY_TRAINER_H
#include "core/checkpoint.h"
#include "core/graph.h"
#include "core/learn.h"
#include "core/loss.h"
#include "core/optim.h"
#include "core/params.h"
#include "core/schedule.h"

/* Over the samples of a part of an epoch that have a label. */
typedef struct {
  double loss;                  /* sum */
  guint64 right, n;             /* guessed right, and all */
} ConvoySums;

/* What a checkpoint must agree with, in words. */
typedef struct { const char *what; char *text; } ConvoyTrainerMark;
#define CONVOY_TRAINER_MARKS 11

struct ConvoyTrainer {
  ConvoyTrainOptions o;         /* its texts are owned here */
  ConvoyGraph *graph;           /* as it was given */
  ConvoyLoss loss;
  ConvoyOptim optim;
  ConvoySpec schedule;
  ConvoyTrainerMark mark[CONVOY_TRAINER_MARKS];
  ConvoyType type;              /* of the input */
  ConvoyShape shape;            /* of the input, o.batch samples */
  gsize sample;                 /* bytes of one */
  gint64 k;                     /* outputs of the network */

  ConvoyExec *learner;          /* o.batch samples; the weights are in it */
  ConvoyExec *rest;             /* rest_n samples, for a last batch; gets the weights before it runs. NULL: not yet needed */
  guint rest_n;
  ConvoyExec *judge;            /* o.batch samples, inference; runs on the params. NULL: not yet needed */
  gboolean stored;              /* the params have the learner's weights */
  gsize floats;                 /* of the learner's weights, statistics included */

  guint epoch;                  /* that have ended */
  gboolean open;                /* one is under way */
  guint64 steps, samples;       /* done in it */
  guint64 expected;             /* samples of the epoch; 0: not known */
  guint64 expected_validation;
  guint64 updates;              /* of the weights, over all epochs */
  ConvoySums train, validation;
  guint64 validated;            /* samples in it, labelled or not */
  double lr;                    /* of the last step */
  double seconds;               /* of the open epoch, but for the time since started */
  gint64 started;               /* microseconds */
  gboolean over;                /* patience is at its end */
  ConvoyHistory *history;
  ConvoyTensor **best;          /* by slot, own copies; NULL: no epoch has ended */
  float *scores;                /* n_scores x k */
  guint n_scores;
};

/* trainer-new.c */
#define CONVOY_TRAINER_TEXTS 8
const char **convoy_trainer_text (ConvoyTrainOptions *o, guint i);      /* text i of the options */

/* trainer-step.c */
ConvoyExec *convoy_trainer_exec (ConvoyTrainer *t, guint n, gboolean learns, GError **error);
/* Forward, backward, weights. loss: the mean over the n_valid samples, which may not be finite. */
gboolean convoy_trainer_learn (ConvoyTrainer *t, const void *x, const gint64 *y, guint n, double lr, ConvoySums *sums, GError **error);
gboolean convoy_trainer_judge (ConvoyTrainer *t, const void *x, const gint64 *y, guint n, ConvoySums *sums, GError **error);
gboolean convoy_trainer_store (ConvoyTrainer *t, GError **error);       /* the params have the weights */
gboolean convoy_trainer_use_best (ConvoyTrainer *t, GError **error);    /* the params have the best weights */
/* trainer-finite.c */
gboolean convoy_trainer_weights_finite (ConvoyTrainer *t, GError **error);
void convoy_trainer_blame (ConvoyTrainer *t, const void *x, guint n, double loss, GError **error);
/* trainer-save.c */
void convoy_trainer_describe (ConvoyTrainer *t);                        /* fills mark */
gboolean convoy_trainer_resume (ConvoyTrainer *t, GError **error);
void convoy_trainer_update_over (ConvoyTrainer *t);
/* trainer-fit.c: its samples are the network's, in batches of no more than o.batch, or of as many. */
gboolean convoy_trainer_check_batches (const ConvoyTrainer *t, const ConvoyBatches *b, gboolean exactly, GError **error);
#endif
