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

/* VEC: type, SET, FMA: intrinsics, ISA: what the compiler must allow. Gives the operations done. */
#define DEFINE_LOOP(name, ISA, VEC, SET, FMA) \
  __attribute__ ((target (ISA), noinline)) \
  static double \
  name (void) \
  { \
    VEC x[N_CHAINS], a = SET (0.999f), b = SET (0.001f); \
    for (int k = 0; k < N_CHAINS; k++) \
      x[k] = SET (1.0f + (float) k); \
    for (int i = 0; i < N_LOOPS; i++) { \
      _Pragma ("GCC unroll 12") \
      for (int k = 0; k < N_CHAINS; k++) \
        x[k] = FMA (x[k], a, b); \
      __asm__ volatile ("" : : : "memory"); \
    } \
    for (int k = 0; k < N_CHAINS; k++) \
      __asm__ volatile ("" : : "v" (x[k])); \
    return 2.0 * N_LOOPS * N_CHAINS * (double) (sizeof (VEC) / sizeof (float)); \
  }

DEFINE_LOOP (loop_avx512, "avx512f", __m512, _mm512_set1_ps, _mm512_fmadd_ps)
DEFINE_LOOP (loop_avx2, "avx2,fma", __m256, _mm256_set1_ps, _mm256_fmadd_ps)

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
