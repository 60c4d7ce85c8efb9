/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * bytes-pool.c - pooling of bytes: the greatest or the mean of a window, 64 channels at a time (AVX-512). */
#include "core/bytes.h"

#ifdef __x86_64__
#include "core/bytes-wide.h"

typedef struct {
  const ConvoyByteMove *m;
  const guint8 *x;
  guint8 *y;
  ConvoyByteMix k;
} Job;

/* A window as far as it lies in the image: its first pixel. */
typedef struct {
  const guint8 *x;
  gint64 rows, columns, of; /* of: elements that a mean is taken over */
} Window;

/* Sixteen numbers in steps of the input's scale, from its zero point on, to bytes. */
VNNI_INLINE void
put (__m512 v, const ConvoyByteMix *k, guint8 *y, __mmask16 mask)
{
  __m512i q = _mm512_cvtps_epi32 (bytes_clamp (_mm512_mul_ps (v, _mm512_set1_ps (k->a)), k->low, k->high));
  _mm_mask_storeu_epi8 (y, mask, _mm512_cvtepi32_epi8 (_mm512_add_epi32 (q, _mm512_set1_epi32 (k->zero))));
}

VNNI static void
greatest (const Job *j, const Window *w, guint8 *y, guint n)
{
  const ConvoyBytes *t = &j->m->x;
  const __mmask64 mask = bytes_mask (n);
  __m512i most = _mm512_setzero_si512 ();
  for (gint64 r = 0; r < w->rows; r++)
    for (gint64 c = 0; c < w->columns; c++)
      most = _mm512_max_epu8 (most, _mm512_maskz_loadu_epi8 (mask, w->x + (r * t->columns + c) * t->pixel));
  _mm512_mask_storeu_epi8 (y, mask, most);
  for (guint i = 0; !j->k.copies && i < n; i += 16) {
    const __mmask16 part = (__mmask16) bytes_mask (MIN (n - i, 16));
    __m512i v = _mm512_sub_epi32 (_mm512_cvtepu8_epi32 (_mm_maskz_loadu_epi8 (part, y + i)), _mm512_set1_epi32 (j->k.zero_in));
    put (_mm512_cvtepi32_ps (v), &j->k, y + i, part);
  }
}

VNNI static void
mean (const Job *j, const Window *w, guint8 *y, guint n)
{
  const ConvoyBytes *t = &j->m->x;
  const __m512i less = _mm512_set1_epi32 ((gint32) (w->rows * w->columns) * j->k.zero_in);
  for (guint i = 0; i < n; i += 16) {
    const __mmask16 part = (__mmask16) bytes_mask (MIN (n - i, 16));
    __m512i sum = _mm512_setzero_si512 ();
    for (gint64 r = 0; r < w->rows; r++)
      for (gint64 c = 0; c < w->columns; c++)
        sum = _mm512_add_epi32 (sum,
            _mm512_cvtepu8_epi32 (_mm_maskz_loadu_epi8 (part, w->x + (r * t->columns + c) * t->pixel + i)));
    put (_mm512_div_ps (_mm512_cvtepi32_ps (_mm512_sub_epi32 (sum, less)), _mm512_set1_ps ((float) w->of)), &j->k, y + i, part);
  }
}

/* The window of a pixel of the output. */
static Window
window (const Job *j, gint64 n, gint64 row, gint64 column)
{
  const ConvoyByteMove *m = j->m;
  gint64 top = row * m->stride[0] - m->before[0], left = column * m->stride[1] - m->before[1], y = MAX (top, 0), x = MAX (left, 0);
  Window w = { j->x + convoy_bytes_at (&m->x, n, y, x), MIN (top + m->kernel[0], m->x.h) - y, MIN (left + m->kernel[1], m->x.w) - x,
    0 };
  w.of = m->count_padding ? m->kernel[0] * m->kernel[1] : MAX (w.rows * w.columns, 1);
  return w;
}

/* A thread takes a share of the lines. */
static void
work (guint part, void *data)
{
  const Job *j = data;
  const ConvoyBytes *t = &j->m->y;
  gint64 lines = t->n * t->h;
  for (gint64 l = lines * part / j->m->threads; l < lines * (part + 1) / j->m->threads; l++)
    for (gint64 i = 0; i < t->w; i++) {
      Window w = window (j, l / t->h, l % t->h, i);
      guint8 *y = j->y + convoy_bytes_at (t, l / t->h, l % t->h, i);
      for (gint64 c = 0; c < t->pixel; c += 64, w.x += 64)
        (j->m->maximum ? greatest : mean) (j, &w, y + c, (guint) MIN (t->pixel - c, 64));
    }
}

void
convoy_bytes_pool (void *const data[], const void *user)
{
  const ConvoyByteMove *m = user;
  Job j = { m, data[0], data[5], convoy_bytes_mix (m, data + 1, 1) };
  convoy_dnn_side_by_side (m->threads, work, &j);
  convoy_bytes_border (&m->y, data[5], j.k.zero);
}
#else
void
convoy_bytes_pool (void *const data[], const void *user)
{
  (void) data, (void) user;
}
#endif
