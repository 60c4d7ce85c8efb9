/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * peak.c - see peak.h. A loop of independent multiply-adds in registers, in the widest vectors
 * that the processor has. */
#include "pipelines/peak.h"
#include <glib.h>

#define RUNS 10

#if defined __x86_64__ && defined __GNUC__
#include <immintrin.h>

/* Two units of a latency of four or five need ten of them under way; twelve leave room for a and b. */
#define N_CHAINS 12
#define N_LOOPS 200000
#define EACH_CHAIN(DO) DO (0) DO (1) DO (2) DO (3) DO (4) DO (5) DO (6) DO (7) DO (8) DO (9) DO (10) DO (11)

/* Each chain is a variable of its own, and the compiler has to have it in a register. */
#define DECLARE(k) x##k = a + (float) k,
#define STEP(k) x##k = x##k * a + b;   /* contracted to one instruction */
#define HOLD(k) __asm__ volatile ("" : "+v" (x##k));

/* VEC: type, SET: its intrinsic, ISA: what the compiler must allow. Gives the operations done. */
#define DEFINE_LOOP(name, ISA, VEC, SET) \
  __attribute__ ((target (ISA), noinline)) \
  static double \
  name (void) \
  { \
    VEC a = SET (0.999f), b = SET (0.001f), EACH_CHAIN (DECLARE) c = a; \
    for (int i = 0; i < N_LOOPS; i++) { \
      EACH_CHAIN (STEP) \
      EACH_CHAIN (HOLD) \
    } \
    (void) c; \
    return 2.0 * N_LOOPS * N_CHAINS * (double) (sizeof (VEC) / sizeof (float)); \
  }

DEFINE_LOOP (loop_avx512, "avx512f", __m512, _mm512_set1_ps)
DEFINE_LOOP (loop_avx2, "avx2,fma", __m256, _mm256_set1_ps)

static double
loop (void)
{
  if (__builtin_cpu_supports ("avx512f"))
    return loop_avx512 ();
  if (__builtin_cpu_supports ("avx2") && __builtin_cpu_supports ("fma"))
    return loop_avx2 ();
  return 0;
}
#else
static double
loop (void)
{
  return 0;
}
#endif

double
peak_gflops (void)
{
  double best = 0;

  for (int i = 0; i < RUNS; i++) {
    gint64 start = g_get_monotonic_time ();
    double done = loop ();
    gint64 took = MAX (g_get_monotonic_time () - start, 1);
    best = MAX (best, done / (double) took / 1e3);
  }
  return best;
}
