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

gboolean
convoy_optim_init (ConvoyOptim *o, const char *text, double lr, guint threads, GError **error)
{
  *o = (ConvoyOptim) { .threads = MAX (threads, 1) };
  if (!convoy_spec_parse (&o->spec, "optimizer", text, convoy_optim_word, "l2=0 clip-norm=0 clip-value=0", error)
      || (lr != 0 && !convoy_spec_set (&o->spec, "optimizer", "lr", lr, error)))
    return FALSE;
  o->rule = convoy_optim_rule (o->spec.row);
  o->pieces = g_array_new (FALSE, FALSE, sizeof (ConvoyOptimPart));
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

gboolean
convoy_optim_set_parts (ConvoyOptim *o, const ConvoyOptimPart *parts, guint n_parts, gsize n, GError **error)
{
  gsize bytes = (n * sizeof (float) + 64) & ~(gsize) 63;
  o->n = n;
  g_array_set_size (o->pieces, 0);
  for (guint i = 0; i < n_parts; i++)
    for (gsize at = 0; at < parts[i].n && parts[i].rate != 0; at += PIECE) {
      ConvoyOptimPart piece = parts[i];
      piece.offset += at;
      piece.n = MIN (parts[i].n - at, PIECE);
      g_array_append_val (o->pieces, piece);
    }
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
  double lr;
  guint64 step;
  float l2;                     /* what the gradient of the penalty is of the weight */
  float scale, limit;           /* of the gradient */
  float decay;                  /* of the weights themselves, times lr */
} Step;

/* The part of the gradient that the penalty adds, and its share of the norm. */
static void
prepare (const Step *s, guint i)
{
  const ConvoyOptimPart *p = &g_array_index (s->o->pieces, ConvoyOptimPart, i);
  if (s->l2 != 0 && p->decays)
    add_scaled (s->g + p->offset, s->w + p->offset, s->l2, p->n);
  s->o->sums[i] = sum_of_squares (s->g + p->offset, p->n);
}

static void
apply (const Step *s, guint i)
{
  const ConvoyOptim *o = s->o;
  const ConvoyOptimPart *p = &g_array_index (o->pieces, ConvoyOptimPart, i);
  ConvoyOptimCall c = { .lr = s->lr * p->rate, .step = s->step };
  float *m = o->moment[0] ? o->moment[0] + p->offset : NULL, *v = o->moment[1] ? o->moment[1] + p->offset : NULL;
  for (guint k = 0; k < o->spec.n; k++)
    c.k[k] = o->spec.v[k].value;
  if (s->scale != 1 || s->limit < INFINITY)
    scale_and_hold (s->g + p->offset, s->scale, s->limit, p->n);
  if (s->decay != 0 && p->decays)
    scale_all (s->w + p->offset, 1 - c.lr * s->decay, p->n);
  o->rule->update (&c, s->w + p->offset, s->g + p->offset, m, v, p->n);
}

/* Every piece, by as many threads as there are. */
static void
each_piece (const Step *s, void (*f) (const Step *s, guint i))
{
  gint n = s->o->pieces->len;
#pragma omp parallel for schedule (static) num_threads (s->o->threads) if (n > 1)
  for (gint i = 0; i < n; i++)
    f (s, i);
}

void
convoy_optim_step (ConvoyOptim *o, float *w, float *g, double lr, guint64 step)
{
  double norm = convoy_spec_get (&o->spec, "clip-norm"), limit = convoy_spec_get (&o->spec, "clip-value");
  Step s = { o, w, g, lr, step, .l2 = 2 * convoy_spec_get (&o->spec, "l2"), .scale = 1, .limit = limit > 0 ? limit : INFINITY,
    .decay = convoy_spec_get (&o->spec, "weight-decay") };
  if (s.l2 != 0 || norm > 0)
    each_piece (&s, prepare);
  if (norm > 0) {
    double sum = 0;
    for (guint i = 0; i < o->pieces->len; i++)
      sum += o->sums[i];
    if (sum > norm * norm)
      s.scale = norm / sqrt (sum);
  }
  each_piece (&s, apply);
}
