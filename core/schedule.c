/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * schedule.c - see schedule.h. */
#include "core/schedule.h"
#include <math.h>

/* The factor t epochs after the warm-up, of which there are n. */
typedef struct {
  ConvoySpecWord spec;          /* first */
  double (*factor) (const ConvoySpec *s, double t, double n);
  gboolean needs_epochs;
} Schedule;

/* From a to b along half a cosine; part 0..1 of the way. */
static double
ease (double a, double b, double part)
{
  return b + (a - b) * (1 + cos (G_PI * CLAMP (part, 0, 1))) / 2;
}

static double
constant (const ConvoySpec *s, double t, double n)
{
  (void) s, (void) t, (void) n;
  return 1;
}

static double
step (const ConvoySpec *s, double t, double n)
{
  (void) n;
  return pow (convoy_spec_get (s, "factor"), floor (t / convoy_spec_get (s, "every")));
}

static double
exponential (const ConvoySpec *s, double t, double n)
{
  (void) n;
  return pow (convoy_spec_get (s, "factor"), t);
}

/* I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017; no restart. */
static double
cosine (const ConvoySpec *s, double t, double n)
{
  return ease (1, convoy_spec_get (s, "final"), n > 0 ? t / n : 0);
}

/* L. N. Smith, N. Topin, "Super-convergence", 2018, along cosines. */
static double
one_cycle (const ConvoySpec *s, double t, double n)
{
  double top = convoy_spec_get (s, "rise") * n;
  return t < top ? ease (convoy_spec_get (s, "initial"), 1, t / top) : ease (1, convoy_spec_get (s, "final"), n > top ? (t - top) / (n - top) : 0);
}

static const Schedule schedules[] = {
  { { "constant", "" }, constant, FALSE },
  { { "step", "every=10 factor=0.1" }, step, FALSE },
  { { "exponential", "factor=0.95" }, exponential, FALSE },
  { { "cosine", "final=0" }, cosine, TRUE },
  { { "one-cycle", "rise=0.3 initial=0.04 final=0.0001" }, one_cycle, TRUE },
};

static const ConvoySpecWord *
word (guint i)
{
  return i < G_N_ELEMENTS (schedules) ? &schedules[i].spec : NULL;
}

gboolean
convoy_schedule_parse (ConvoySpec *s, const char *text, GError **error)
{
  return convoy_spec_parse (s, "schedule", text, word, "warmup=0", error);
}

gboolean convoy_schedule_needs_epochs (const ConvoySpec *s) { return schedules[s->row].needs_epochs; }

double
convoy_schedule_factor (const ConvoySpec *s, double at, double length, double epochs)
{
  double warmup = convoy_spec_get (s, "warmup");
  return at < warmup ? MIN (1, (at + length) / warmup) : schedules[s->row].factor (s, at - warmup, epochs - warmup);
}
