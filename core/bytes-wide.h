/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * bytes-wide.h - what the kernels on bytes share of AVX-512: from sums in registers to bytes. */
#ifndef CONVOY_BYTES_WIDE_H
#define CONVOY_BYTES_WIDE_H
#include <immintrin.h>
#include <string.h>

#define VNNI __attribute__ ((target ("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")))
#define VNNI_INLINE VNNI __attribute__ ((always_inline)) static inline

/* Four bytes, sixteen times. */
VNNI_INLINE __m512i
bytes_four (const guint8 *x)
{
  gint32 four;
  memcpy (&four, x, sizeof four);
  return _mm512_set1_epi32 (four);
}

/* The first n of 64. */
VNNI_INLINE __mmask64
bytes_mask (guint n)
{
  return n >= 64 ? ~(__mmask64) 0 : ((__mmask64) 1 << n) - 1;
}

VNNI_INLINE __m512
bytes_clamp (__m512 f, float low, float high)
{
  return _mm512_min_ps (_mm512_max_ps (f, _mm512_set1_ps (low)), _mm512_set1_ps (high));
}

/* Vector j of J of the residual, in the order of the sums. */
VNNI_INLINE __m512i
bytes_other (const guint J, guint j, const guint8 *other, guint left)
{
  if (J < 4)
    return _mm512_cvtepu8_epi32 (_mm_maskz_loadu_epi8 ((__mmask16) bytes_mask (left > 16 * j ? MIN (left - 16 * j, 16) : 0), other + 16 * j));
  __m512i all = _mm512_maskz_loadu_epi8 (bytes_mask (left), other), none = _mm512_setzero_si512 ();
  __m512i half = j < 2 ? _mm512_unpacklo_epi8 (all, none) : _mm512_unpackhi_epi8 (all, none);
  return j % 2 ? _mm512_unpackhi_epi16 (half, none) : _mm512_unpacklo_epi16 (half, none);
}

/* The sums of J vectors of output channels to bytes at y, of which left are there to be written. */
VNNI_INLINE void
bytes_finish (const guint J, __m512i *acc, const float *scale, const ConvoyFinish *f, const guint8 *other, guint8 *y, guint left)
{
  const __m512i zero = _mm512_set1_epi32 (f->zero);
#pragma GCC unroll 4
  for (guint j = 0; j < J; j++) {
    __m512 v = _mm512_mul_ps (_mm512_cvtepi32_ps (acc[j]), _mm512_loadu_ps (scale + 16 * j));
    if (other) {
      __m512 r = _mm512_cvtepi32_ps (_mm512_sub_epi32 (bytes_other (J, j, other, left), _mm512_set1_epi32 (f->zero_other)));
      v = _mm512_cvtepi32_ps (_mm512_cvtps_epi32 (bytes_clamp (v, f->low_first, f->high_first)));
      v = _mm512_fmadd_ps (v, _mm512_set1_ps (f->a), _mm512_mul_ps (r, _mm512_set1_ps (f->b)));
    }
    acc[j] = _mm512_add_epi32 (_mm512_cvtps_epi32 (bytes_clamp (v, f->low, f->high)), zero);
  }
  if (J == 4) {
    __m512i all = _mm512_packus_epi16 (_mm512_packs_epi32 (acc[0], acc[1]), _mm512_packs_epi32 (acc[2], acc[3]));
    _mm512_mask_storeu_epi8 (y, bytes_mask (left), all);
    return;
  }
#pragma GCC unroll 4
  for (guint j = 0; j < J; j++)
    if (left > 16 * j)
      _mm_mask_storeu_epi8 (y + 16 * j, (__mmask16) bytes_mask (MIN (left - 16 * j, 16)), _mm512_cvtepi32_epi8 (acc[j]));
}

VNNI_INLINE void
bytes_store_floats (const guint J, __m512i *acc, const float *scale, float *y, guint left)
{
#pragma GCC unroll 4
  for (guint j = 0; j < J; j++)
    if (left > 16 * j)
      _mm512_mask_storeu_ps (y + 16 * j, (__mmask16) bytes_mask (MIN (left - 16 * j, 16)), _mm512_mul_ps (_mm512_cvtepi32_ps (acc[j]), _mm512_loadu_ps (scale + 16 * j)));
}
#endif
