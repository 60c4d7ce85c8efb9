/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * score.c - see score.h. */
#include "pipelines/score.h"
#include <math.h>

#define LEAST 1e-7              /* no probability counts as less, so that a loss is finite */

static void
clear_judgement (gpointer data)
{
  g_free (((Judgement *) data)->said);
}

Score *
score_new (guint n_classes, const char *const *names)
{
  Score *s = g_new0 (Score, 1);
  s->n_classes = n_classes;
  s->names = names;
  s->judgements = g_array_new (FALSE, FALSE, sizeof (Judgement));
  g_array_set_clear_func (s->judgements, clear_judgement);
  return s;
}

void
score_free (Score *s)
{
  if (s)
    g_array_unref (s->judgements);
  g_free (s);
}

void
score_add (Score *s, const Judgement *j)
{
  g_array_append_val (s->judgements, *j);
}

static const Judgement *
at (const Score *s, guint i)
{
  return &g_array_index (s->judgements, Judgement, i);
}

double
score_top (const Score *s, guint k)
{
  guint n = 0;
  for (guint i = 0; i < s->judgements->len; i++)
    n += at (s, i)->rank < k;
  return (double) n / s->judgements->len;
}

double
score_loss (const Score *s)
{
  double sum = 0;
  for (guint i = 0; i < s->judgements->len; i++)
    sum -= log (MAX (at (s, i)->probability, LEAST));
  return sum / s->judgements->len;
}

guint *
score_confusion (const Score *s)
{
  guint *matrix = g_new0 (guint, s->n_classes * (gsize) (s->n_classes + 1));
  for (guint i = 0; i < s->judgements->len; i++)
    matrix[at (s, i)->truth * (gsize) (s->n_classes + 1) + at (s, i)->guess]++;
  return matrix;
}

ScoreClass *
score_classes (const Score *s)
{
  g_autofree guint *matrix = score_confusion (s);
  ScoreClass *classes = g_new0 (ScoreClass, s->n_classes);

  for (guint c = 0; c < s->n_classes; c++) {
    const guint *row = matrix + c * (gsize) (s->n_classes + 1);
    guint most = 0;
    classes[c].mistaken = s->n_classes + 1;
    classes[c].right = row[c];
    for (guint g = 0; g <= s->n_classes; g++) {
      classes[c].n += row[g];
      if (g < s->n_classes)
        classes[g].guessed += row[g];
      if (g != c && row[g] > most) {
        most = row[g];
        classes[c].mistaken = g;
      }
    }
  }
  for (guint c = 0; c < s->n_classes; c++) {
    classes[c].recall = classes[c].n ? (double) classes[c].right / classes[c].n : NAN;
    classes[c].precision = classes[c].guessed ? (double) classes[c].right / classes[c].guessed : NAN;
  }
  return classes;
}

static int
by_confidence (const void *a, const void *b)
{
  const Judgement *x = *(Judgement *const *) a, *y = *(Judgement *const *) b;
  return (x->confidence < y->confidence) - (x->confidence > y->confidence);
}

GPtrArray *
score_mistakes (const Score *s)
{
  GPtrArray *wrong = g_ptr_array_new ();
  for (guint i = 0; i < s->judgements->len; i++)
    if (at (s, i)->rank > 0)
      g_ptr_array_add (wrong, (gpointer) at (s, i));
  g_ptr_array_sort (wrong, by_confidence);
  return wrong;
}
