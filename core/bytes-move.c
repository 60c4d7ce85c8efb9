/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * bytes-move.c - bytes in and out of a plan's other layouts, from one scale to another, pooled
 * and added. */
#include "core/bytes.h"
#include "core/vector.h"
#ifdef __x86_64__
#include "core/bytes-wide.h"
#endif
#include <math.h>
#include <string.h>

void
convoy_bytes_border (const ConvoyBytes *t, guint8 *bytes, gint32 zero)
{
  gint64 row = t->columns * t->pixel, before = t->left * t->pixel, after = row - before - t->w * t->pixel;
  if (t->rows == t->h && t->columns == t->w)
    return;
  for (gint64 i = 0; i < t->n * t->rows; i++) {
    guint8 *at = bytes + i * row;
    gint64 y = i % t->rows - t->top;
    if (y < 0 || y >= t->h)
      memset (at, zero, row);
    else {
      memset (at, zero, before);
      memset (at + row - after, zero, after);
    }
  }
}

/* Half to even; |v| < 2^22. */
#define ROUND(v) (((v) + 12582912.0f) - 12582912.0f)

/* --- in and out -------------------------------------------------------- */

CONVOY_VECTORIZED static void
quantize (const float *x, guint8 *y, gint64 n, float scale, gint32 zero)
{
  const float low = -zero, high = G_MAXUINT8 - zero;
#pragma omp simd
  for (gint64 i = 0; i < n; i++) {
    float v = x[i] / scale;
    v = v > low ? v : low;
    v = v < high ? v : high;
    y[i] = (guint8) ((gint32) ROUND (v) + zero);
  }
}

#ifdef __x86_64__
/* Pixels of three channels, the pictures. Multiplied by 1 / scale, which is faster than the division that QuantizeLinear
 * says; the two differ by less than DOUBT, which shows only where that decides how to round. */
#define DOUBT 1e-4f
VNNI static void
quantize_three (const float *x, guint8 *y, gint64 pixels, float scale, gint32 zero)
{
  const __m512i four = _mm512_set_epi32 (0, 11, 10, 9, 0, 8, 7, 6, 0, 5, 4, 3, 0, 2, 1, 0);
  const __m512 by = _mm512_set1_ps (scale), times = _mm512_set1_ps (1 / scale), tie = _mm512_set1_ps (isnormal (1 / scale) ? 0.5f - DOUBT : -1);
  const float low = -zero, high = G_MAXUINT8 - zero;
  for (gint64 i = 0; i < pixels; i += 4) {
    const guint n = (guint) MIN (pixels - i, 4);
    __m512 v = _mm512_permutexvar_ps (four, _mm512_maskz_loadu_ps ((__mmask16) bytes_mask (3 * n), x + 3 * i));
    __m512 steps = bytes_clamp (_mm512_mul_ps (v, times), low, high);
    __m512i whole = _mm512_cvtps_epi32 (steps);
    if (_mm512_cmp_ps_mask (_mm512_abs_ps (_mm512_sub_ps (steps, _mm512_cvtepi32_ps (whole))), tie, _CMP_NLE_UQ))
      whole = _mm512_cvtps_epi32 (bytes_clamp (_mm512_div_ps (v, by), low, high));
    _mm_mask_storeu_epi8 (y + 4 * i, (__mmask16) bytes_mask (4 * n), _mm512_cvtepi32_epi8 (_mm512_add_epi32 (whole, _mm512_set1_epi32 (zero))));
  }
}
#else
static void
quantize_three (const float *x, guint8 *y, gint64 pixels, float scale, gint32 zero)
{
  for (gint64 i = 0; i < pixels; i++)
    quantize (x + 3 * i, y + 4 * i, 3, scale, zero);
}
#endif

void
convoy_bytes_from_floats (void *const data[], const void *user)
{
  const ConvoyByteMove *m = user;
  const ConvoyBytes *t = &m->y;
  const float *x = data[0], scale = *(const float *) data[1];
  gint32 zero = convoy_bytes_zero (m->zero_type[0], data[2]);
  guint8 *y = data[3];
  for (gint64 r = 0; r < t->n * t->h; r++, x += t->w * t->c) {
    guint8 *to = y + convoy_bytes_at (t, r / t->h, r % t->h, 0);
    if (t->pixel == t->c)
      quantize (x, to, t->w * t->c, scale, zero);
    else if (t->c == 3)
      quantize_three (x, to, t->w, scale, zero);
    else
      for (gint64 i = 0; i < t->w; i++)
        quantize (x + i * t->c, to + i * t->pixel, t->c, scale, zero);
  }
  convoy_bytes_border (t, y, zero);
}

void
convoy_bytes_from_plain (void *const data[], const void *user)
{
  const ConvoyByteMove *m = user;
  const ConvoyBytes *t = &m->y;
  const guint8 *x = data[0], flip = m->x_type == CONVOY_I8 ? 128 : 0;
  guint8 *y = data[2];
  for (gint64 n = 0; n < t->n; n++)
    for (gint64 c = 0; c < t->c; c++)
      for (gint64 r = 0; r < t->h; r++, x += t->w) {
        guint8 *to = y + convoy_bytes_at (t, n, r, 0) + c;
        for (gint64 i = 0; i < t->w; i++)
          to[i * t->pixel] = x[i] ^ flip;
      }
  convoy_bytes_border (t, y, convoy_bytes_zero (m->zero_type[0], data[1]));
}

void
convoy_bytes_to_plain (void *const data[], const void *user)
{
  const ConvoyByteMove *m = user;
  const ConvoyBytes *t = &m->x;
  guint8 *y = data[1], flip = m->y_type == CONVOY_I8 ? 128 : 0;
  for (gint64 n = 0; n < t->n; n++)
    for (gint64 c = 0; c < t->c; c++)
      for (gint64 r = 0; r < t->h; r++, y += t->w) {
        const guint8 *from = (const guint8 *) data[0] + convoy_bytes_at (t, n, r, 0) + c;
        for (gint64 i = 0; i < t->w; i++)
          y[i] = from[i * t->pixel] ^ flip;
      }
}

/* --- arithmetic --------------------------------------------------------- */

ConvoyByteMix
convoy_bytes_mix (const ConvoyByteMove *m, void *const *data, guint inputs)
{
  float scale[3] = { 0 }, zero[3] = { 0 }, y;
  for (guint i = 0; i <= inputs; i++) {
    scale[i] = *(const float *) data[2 * i];
    zero[i] = convoy_bytes_zero (m->zero_type[i], data[2 * i + 1]);
  }
  y = scale[inputs];
  ConvoyByteMix k = { .a = scale[0] / y,
    .b = inputs > 1 ? scale[1] / y : 0,
    .low = MAX (-zero[inputs], m->low / y),
    .high = MIN (G_MAXUINT8 - zero[inputs], m->high / y),
    .zero = zero[inputs],
    .zero_in = zero[0] };
  k.shift = -zero[0] * k.a - (inputs > 1 ? zero[1] * k.b : 0);
  k.copies = inputs == 1 && scale[0] == y && zero[0] == zero[1] && k.low == -zero[1] && k.high == G_MAXUINT8 - zero[1];
  return k;
}

CONVOY_VECTORIZED static void
combine (const guint8 *x, const guint8 *other, guint8 *y, gint64 n, const ConvoyByteMix *k)
{
  const float a = k->a, b = k->b, shift = k->shift, low = k->low, high = k->high;
  const gint32 zero = k->zero;
#pragma omp simd
  for (gint64 i = 0; i < n; i++) {
    float v = x[i] * a + other[i] * b + shift;
    v = v > low ? v : low;
    v = v < high ? v : high;
    y[i] = (guint8) ((gint32) ROUND (v) + zero);
  }
}

/* What threads share: rows of x. */
typedef struct {
  const ConvoyByteMove *m;
  const ConvoyBytes *other_at;
  const guint8 *x, *other;
  guint8 *y;
  ConvoyByteMix k;
} Job;

static void
combine_rows (guint part, void *data)
{
  const Job *j = data;
  const ConvoyBytes *t = &j->m->x, *o = j->other_at, *y = &j->m->y;
  const gboolean whole = t->c == y->c;
  const gint64 rows = t->n * t->h, n = whole ? t->w * t->pixel : t->c;
  for (gint64 r = rows * part / j->m->threads; r < rows * (part + 1) / j->m->threads; r++) {
    const guint8 *from = j->x + convoy_bytes_at (t, r / t->h, r % t->h, 0),
                 *other = j->other + convoy_bytes_at (o, r / t->h, r % t->h, 0);
    guint8 *to = j->y + convoy_bytes_at (y, r / t->h, r % t->h, 0) + j->m->to;
    for (gint64 i = 0; i < (whole ? 1 : t->w); i++, from += t->pixel, other += o->pixel, to += y->pixel)
      if (j->k.copies)
        memcpy (to, from, n);
      else
        combine (from, other, to, n, &j->k);
  }
}

void
convoy_bytes_change (void *const data[], const void *user)
{
  const ConvoyByteMove *m = user;
  Job j = { m, &m->x, data[0], data[0], data[5], convoy_bytes_mix (m, data + 1, 1) };
  convoy_dnn_side_by_side (m->threads, combine_rows, &j);
  convoy_bytes_border (&m->y, data[5], j.k.zero);
}

void
convoy_bytes_pad (void *const data[], const void *user)
{
  const ConvoyByteMove *m = user;
  const ConvoyBytes *t = &m->y;
  const void *given = data[5];
  guint8 *y = data[6], value;
  if (m->y_type == CONVOY_F32)
    quantize (given ? given : &(float) { 0 }, &value, 1, *(const float *) data[3], convoy_bytes_zero (m->zero_type[1], data[4]));
  else
    value = (guint8) convoy_bytes_zero (m->y_type, given);
  for (gint64 r = 0; r < t->n * t->h; r++)
    memset (y + convoy_bytes_at (t, r / t->h, r % t->h, 0), value, t->w * t->pixel);
  convoy_bytes_change ((void *const[]) { data[0], data[1], data[2], data[3], data[4], y }, m);
}

void
convoy_bytes_add (void *const data[], const void *user)
{
  const ConvoyByteSum *s = user;
  Job j = { &s->move, &s->other, data[0], data[1], data[8], convoy_bytes_mix (&s->move, data + 2, 2) };
  convoy_dnn_side_by_side (s->move.threads, combine_rows, &j);
  convoy_bytes_border (&s->move.y, data[8], j.k.zero);
}
