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

/* Between J vectors of sums and 16 J bytes, lane by lane: a lane of packed bytes has four of each vector, as
 * convoy_bytes_channel() says, and after them what is not needed. */
VNNI_INLINE __m512i
bytes_close_up (const guint J, __m512i lanes)
{
  if (J == 3)
    return _mm512_permutexvar_epi32 (_mm512_set_epi32 (0, 0, 0, 0, 14, 13, 12, 10, 9, 8, 6, 5, 4, 2, 1, 0), lanes);
  if (J == 2)
    return _mm512_permutexvar_epi64 (_mm512_set_epi64 (0, 0, 0, 0, 6, 4, 2, 0), lanes);
  return J == 1 ? _mm512_permutexvar_epi32 (_mm512_set_epi32 (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12, 8, 4, 0), lanes) : lanes;
}

VNNI_INLINE __m512i
bytes_spread (const guint J, __m512i bytes)
{
  if (J == 3)
    return _mm512_permutexvar_epi32 (_mm512_set_epi32 (0, 11, 10, 9, 0, 8, 7, 6, 0, 5, 4, 3, 0, 2, 1, 0), bytes);
  if (J == 2)
    return _mm512_permutexvar_epi64 (_mm512_set_epi64 (0, 3, 0, 2, 0, 1, 0, 0), bytes);
  return J == 1 ? _mm512_permutexvar_epi32 (_mm512_set_epi32 (0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0), bytes) : bytes;
}

/* Vector j of the residual's lanes, in the order of the sums. */
VNNI_INLINE __m512i
bytes_other (guint j, __m512i lanes)
{
  const __m512i none = _mm512_setzero_si512 ();
  __m512i half = j < 2 ? _mm512_unpacklo_epi8 (lanes, none) : _mm512_unpackhi_epi8 (lanes, none);
  return j % 2 ? _mm512_unpackhi_epi16 (half, none) : _mm512_unpacklo_epi16 (half, none);
}

/* Nothing but scaling, rounding and packing is to be done with what was added up: in most layers. */
static inline gboolean bytes_is_plain (const ConvoyByteConv *k, const ConvoyFinish *f) { return !f->clamps && !k->residual && !k->floats; }

/* Takes off zero points of weights, times the sum of the inputs. */
VNNI_INLINE __m512i
bytes_less (__m512i acc, __m512i sum, const gint32 *zero)
{
  return _mm512_sub_epi32 (acc, _mm512_mullo_epi32 (sum, _mm512_loadu_si512 (zero)));
}

/* The sums of J vectors of output channels to bytes at y, where mask says which are there to be written. */
VNNI_INLINE void
bytes_finish (const guint J, const gboolean plain, const __m512i *acc, const float *scale, const ConvoyFinish *f, const guint8 *other, guint8 *y, __mmask64 mask)
{
  const __m512i zero = _mm512_set1_epi16 ((gint16) f->zero);
  __m512i lanes = !plain && other ? bytes_spread (J, _mm512_maskz_loadu_epi8 (mask, other)) : zero, v[4];
#pragma GCC unroll 4
  for (guint j = 0; j < 4; j++) {
    v[j] = _mm512_setzero_si512 ();
    if (j >= J)
      continue;
    __m512 x = _mm512_mul_ps (_mm512_cvtepi32_ps (acc[j]), _mm512_loadu_ps (scale + 16 * j));
    if (!plain && other) {
      __m512 r = _mm512_cvtepi32_ps (_mm512_sub_epi32 (bytes_other (j, lanes), _mm512_set1_epi32 (f->zero_other)));
      x = _mm512_cvtepi32_ps (_mm512_cvtps_epi32 (bytes_clamp (x, f->low_first, f->high_first)));
      x = _mm512_fmadd_ps (x, _mm512_set1_ps (f->a), _mm512_mul_ps (r, _mm512_set1_ps (f->b)));
    }
    v[j] = _mm512_cvtps_epi32 (!plain && f->clamps ? bytes_clamp (x, f->low, f->high) : x);
  }
  __m512i low = _mm512_adds_epi16 (_mm512_packs_epi32 (v[0], v[1]), zero), high = J > 2 ? _mm512_adds_epi16 (_mm512_packs_epi32 (v[2], v[3]), zero) : zero;
  _mm512_mask_storeu_epi8 (y, mask, bytes_close_up (J, _mm512_packus_epi16 (low, high)));
}

VNNI_INLINE void
bytes_store_floats (const guint J, const __m512i *acc, const float *scale, float *y, guint left)
{
#pragma GCC unroll 4
  for (guint j = 0; j < J; j++)
    if (left > 16 * j)
      _mm512_mask_storeu_ps (y + 16 * j, (__mmask16) bytes_mask (MIN (left - 16 * j, 16)),
          _mm512_mul_ps (_mm512_cvtepi32_ps (acc[j]), _mm512_loadu_ps (scale + 16 * j)));
}
#endif
