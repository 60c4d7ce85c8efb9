/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * score.h - what a model said of samples whose class is known, and what follows from it. */
#ifndef CONVOY_SCORE_H
#define CONVOY_SCORE_H

#include <glib.h>

G_BEGIN_DECLS

/* One sample. Classes are numbered as the data set has them. */
typedef struct {
  guint sample, truth;
  guint guess;                  /* the class that was named first; n_classes: something that is none of them */
  guint rank;                   /* where the truth stood among the labels, from 0 */
  double probability;           /* of the truth */
  double confidence;            /* of the guess */
  char *said;                   /* the label that was named first */
} Judgement;

typedef struct {
  guint n_classes;
  const char *const *names;     /* of the classes */
  GArray *judgements;           /* Judgement */
} Score;

Score *score_new (guint n_classes, const char *const *names);
void score_free (Score *s);
/* Takes j->said over. */
void score_add (Score *s, const Judgement *j);

/* The share of samples whose truth is among the best k. */
double score_top (const Score *s, guint k);
/* Mean cross entropy of the truth. */
double score_loss (const Score *s);

typedef struct {
  guint n, guessed, right;      /* of this class; named so; both */
  double precision, recall;     /* NAN: nothing to divide by */
  guint mistaken;               /* the class that it was most often taken for; n_classes + 1: none, n_classes: none of the set */
} ScoreClass;

ScoreClass *score_classes (const Score *s);     /* n_classes; g_free() it */
/* How often class truth was taken for guess: at [truth * (n_classes + 1) + guess]. g_free() it. */
guint *score_confusion (const Score *s);
/* The wrong ones, the most confident first. Free with g_ptr_array_unref(). */
GPtrArray *score_mistakes (const Score *s);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Score, score_free)

G_END_DECLS
#endif
