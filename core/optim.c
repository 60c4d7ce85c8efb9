/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * optim.c - a step of an optimizer: decay, clipping, then its rule, piece by piece in parallel.
 *
 * Sums over all gradients are added piece by piece in one order, so that no number of threads
 * changes a bit. */
#include "core/optim.h"
#include "core/vector.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PIECE 16384             /* floats: 64 KB each of weights, gradient and moments, half a second-level cache */
#define OUTER_PIECE 32768 /* of a gradient that is a product */
#define OUTER_COLS 2048 /* of each row of one */

/* Rows of so many neighbours, outer->cols floats apart. */
typedef struct {
  ConvoyOptimPart part; /* offset: of the first; n: of one row */
  gsize rows, row, col; /* how many, and where the first is in the product */
} Piece;

gboolean
convoy_optim_init (ConvoyOptim *o, const char *text, double lr, guint threads, GError **error)
{
  *o = (ConvoyOptim) { .threads = MAX (threads, 1) };
  if (!convoy_spec_parse (&o->spec, "optimizer", text, convoy_optim_word, "l2=0 clip-norm=0 clip-value=0", error)
      || (lr != 0 && !convoy_spec_set (&o->spec, "optimizer", "lr", lr, error)))
    return FALSE;
  o->rule = convoy_optim_rule (o->spec.row);
  o->pieces = g_array_new (FALSE, FALSE, sizeof (Piece));
  return TRUE;
}

void
convoy_optim_clear (ConvoyOptim *o)
{
  for (guint i = 0; i < CONVOY_OPTIM_MOMENTS; i++)
    g_clear_pointer (&o->moment[i], free);
  g_clear_pointer (&o->pieces, g_array_unref);
  g_clear_pointer (&o->sums, g_free);
}

static void
add_pieces (ConvoyOptim *o, const ConvoyOptimPart *part)
{
  const ConvoyOuter *outer = part->outer;
  gsize cols = outer ? MIN (outer->cols, OUTER_COLS) : PIECE, rows = outer ? OUTER_PIECE / cols : 1;
  if (part->rate == 0)
    return;
  for (gsize row = 0; row < (outer ? outer->rows : 1); row += rows)
    for (gsize col = 0; col < (outer ? outer->cols : part->n); col += cols) {
      Piece p = { *part, outer ? MIN (rows, outer->rows - row) : 1, row, col };
      p.part.offset += outer ? row * outer->cols + col : col;
      p.part.n = MIN (cols, (outer ? outer->cols : part->n) - col);
      g_array_append_val (o->pieces, p);
    }
}

gboolean
convoy_optim_set_parts (ConvoyOptim *o, const ConvoyOptimPart *parts, guint n_parts, gsize n, GError **error)
{
  gsize bytes = (n * sizeof (float) + 64) & ~(gsize) 63;
  o->n = n;
  g_array_set_size (o->pieces, 0);
  for (guint i = 0; i < n_parts; i++)
    add_pieces (o, &parts[i]);
  g_free (o->sums);
  o->sums = g_new0 (double, o->pieces->len + 1);
  for (guint i = 0; i < o->rule->moments; i++) {
    free (o->moment[i]);
    o->moment[i] = aligned_alloc (64, bytes);
    if (o->moment[i] == NULL) {
      g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_NO_MEMORY, "no memory for %zu bytes of %s", bytes, o->spec.word);
      return FALSE;
    }
    memset (o->moment[i], 0, bytes);
  }
  return TRUE;
}

/* --- gradients before the rule ---------------------------------------- */

/* g += c w */
CONVOY_VECTORIZED static void
add_scaled (float *restrict g, const float *restrict w, float c, gsize n)
{
  for (gsize i = 0; i < n; i++)
    g[i] += c * w[i];
}

/* g *= scale, then held between -limit and limit */
CONVOY_VECTORIZED static void
scale_and_hold (float *restrict g, float scale, float limit, gsize n)
{
  for (gsize i = 0; i < n; i++) {
    float x = g[i] * scale;
    g[i] = x > limit ? limit : x < -limit ? -limit : x;
  }
}

CONVOY_VECTORIZED static void
scale_all (float *restrict w, float scale, gsize n)
{
  for (gsize i = 0; i < n; i++)
    w[i] *= scale;
}

/* In 16 lanes of our own, so that the order of the sum is not the compiler's; in double precision
 * every 512 squares. */
CONVOY_VECTORIZED static double
sum_of_squares (const float *g, gsize n)
{
  double sum = 0;
  for (gsize at = 0; at < n; at += 512) {
    float lane[16] = { 0 };
    gsize i = at, end = MIN (n, at + 512);
    for (; i + 16 <= end; i += 16)
      for (guint k = 0; k < 16; k++)
        lane[k] += g[i + k] * g[i + k];
    for (; i < end; i++)
      lane[0] += g[i] * g[i];
    for (guint k = 0; k < 16; k++)
      sum += lane[k];
  }
  return sum;
}

/* --- a step ----------------------------------------------------------- */

typedef struct {
  ConvoyOptim *o;
  float *w, *g;
  gboolean complete; /* no gradient is a product any more */
  double lr;
  guint64 step;
  float l2; /* what the gradient of the penalty is of the weight; 0: it is in the gradient */
  float scale, limit;           /* of the gradient */
  float decay;                  /* of the weights themselves, times lr */
} Step;

/* The gradient of a piece with the part that the penalty adds, its rows step floats apart. A product goes to room, or to its place
 * where that is NULL. */
static float *
gradient (const Step *s, const Piece *p, float *room, gsize *step)
{
  const ConvoyOptimPart *part = &p->part;
  float *g = s->g + part->offset;
  *step = part->outer ? part->outer->cols : 0;
  if (part->outer && !s->complete) {
    g = room ? room : g;
    *step = room ? part->n : *step;
    convoy_outer_block (part->outer, p->row, p->rows, p->col, part->n, g, *step);
  }
  for (gsize i = 0; s->l2 != 0 && part->decays && i < p->rows; i++)
    add_scaled (g + i * *step, s->w + part->offset + (part->outer ? i * part->outer->cols : 0), s->l2, part->n);
  return g;
}

/* Its share of the norm. */
static void
measure (const Step *s, guint i, float *room)
{
  const Piece *p = &g_array_index (s->o->pieces, Piece, i);
  gsize step;
  const float *g = gradient (s, p, NULL, &step);
  (void) room;
  s->o->sums[i] = 0;
  for (gsize k = 0; k < p->rows; k++)
    s->o->sums[i] += sum_of_squares (g + k * step, p->part.n);
}

static void
apply (const Step *s, guint i, float *room)
{
  const ConvoyOptim *o = s->o;
  const Piece *p = &g_array_index (o->pieces, Piece, i);
  const ConvoyOptimPart *part = &p->part;
  ConvoyOptimCall c = { .lr = s->lr * part->rate, .step = s->step };
  gsize step, n = part->n;
  float *g = gradient (s, p, room, &step);
  for (guint k = 0; k < o->spec.n; k++)
    c.k[k] = o->spec.v[k].value;
  for (gsize k = 0, at = part->offset; k < p->rows; k++, g += step, at += part->outer ? part->outer->cols : 0) {
    if (s->scale != 1 || s->limit < INFINITY)
      scale_and_hold (g, s->scale, s->limit, n);
    if (s->decay != 0 && part->decays)
      scale_all (s->w + at, 1 - c.lr * s->decay, n);
    o->rule->update (&c, s->w + at, g, o->moment[0] ? o->moment[0] + at : NULL, o->moment[1] ? o->moment[1] + at : NULL, n);
  }
}

/* Every piece, by as many threads as there are. */
static void
each_piece (const Step *s, void (*f) (const Step *s, guint i, float *room))
{
  gint n = s->o->pieces->len;
#pragma omp parallel num_threads(s->o->threads) if (n > 1)
  {
    g_autofree float *room = g_new (float, OUTER_PIECE);
#pragma omp for schedule(static)
    for (gint i = 0; i < n; i++)
      f (s, i, room);
  }
}

void
convoy_optim_step (ConvoyOptim *o, float *w, float *g, gboolean complete, double lr, guint64 step)
{
  double norm = convoy_spec_get (&o->spec, "clip-norm"), limit = convoy_spec_get (&o->spec, "clip-value");
  Step s = { o, w, g, complete, lr, step, .l2 = 2 * convoy_spec_get (&o->spec, "l2"), .scale = 1,
    .limit = limit > 0 ? limit : INFINITY, .decay = convoy_spec_get (&o->spec, "weight-decay") };
  if (norm > 0) {
    double sum = 0;
    each_piece (&s, measure);
    s.complete = TRUE;
    s.l2 = 0;
    for (guint i = 0; i < o->pieces->len; i++)
      sum += o->sums[i];
    if (sum > norm * norm)
      s.scale = norm / sqrt (sum);
  }
  each_piece (&s, apply);
}
