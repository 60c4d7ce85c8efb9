/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * bytes-depthwise.c - depthwise convolutions of bytes: 64 channels at a time, the rows of the
 * window woven into fours (AVX-512 VNNI). */
#include "core/bytes.h"

#ifdef __x86_64__
#include "core/bytes-wide.h"

/* Up to four rows below each other, 64 channels: v[j] holds fours of channels 16 l + 4 j + 0..3 in lane l,
 * the order of bytes_finish(). */
VNNI_INLINE void
weave (const guint8 *x, gint64 row, guint rows, __mmask64 m, __m512i v[4])
{
  const __m512i none = _mm512_setzero_si512 ();
  __m512i a = _mm512_maskz_loadu_epi8 (m, x), b = rows > 1 ? _mm512_maskz_loadu_epi8 (m, x + row) : none;
  __m512i c = rows > 2 ? _mm512_maskz_loadu_epi8 (m, x + 2 * row) : none, d = rows > 3 ? _mm512_maskz_loadu_epi8 (m, x + 3 * row) : none;
  __m512i ab = _mm512_unpacklo_epi8 (a, b), cd = _mm512_unpacklo_epi8 (c, d);
  v[0] = _mm512_unpacklo_epi16 (ab, cd);
  v[1] = _mm512_unpackhi_epi16 (ab, cd);
  ab = _mm512_unpackhi_epi8 (a, b), cd = _mm512_unpackhi_epi8 (c, d);
  v[2] = _mm512_unpacklo_epi16 (ab, cd);
  v[3] = _mm512_unpackhi_epi16 (ab, cd);
}

typedef struct {
  const ConvoyByteConv *k;
  const ConvoyFinish *finish;
  const gint8 *weights; /* of this block of channels: [set][row group][column][4][64] */
  guint sets;
  const gint32 *bias;
  const float *scale;
  const guint8 *other;
  guint left;
} Block;

/* One output pixel of 64 channels. */
VNNI static void
pixel (const Block *s, const guint8 *x, const guint8 *other, guint8 *y)
{
  const ConvoyByteConv *k = s->k;
  const gint64 row = k->x.columns * k->x.pixel, width = k->kernel[1], height = k->kernel[0], set = (height + 3) / 4 * width * 256;
  const __mmask64 m = bytes_mask (s->left);
  __m512i acc[4], v[4];
#pragma GCC unroll 4
  for (guint j = 0; j < 4; j++)
    acc[j] = _mm512_loadu_si512 (s->bias + 16 * j);
  for (gint64 r = 0; r < height; r += 4)
    for (gint64 c = 0; c < width; c++) {
      const gint8 *w = s->weights + (r / 4 * width + c) * 256;
      weave (x + r * row + c * k->x.pixel, row, (guint) MIN (height - r, 4), m, v);
      for (guint i = 0; i < s->sets; i++, w += set)
#pragma GCC unroll 4
        for (guint j = 0; j < 4; j++)
          acc[j] = _mm512_dpbusd_epi32 (acc[j], v[j], _mm512_loadu_si512 (w + 64 * j));
    }
  bytes_finish (4, FALSE, acc, s->scale, s->finish, other, y, m);
}

static void
line_any (const Block *s, const guint8 *x, const guint8 *other, guint8 *y)
{
  const ConvoyByteConv *k = s->k;
  for (gint64 i = 0; i < k->y.w; i++)
    pixel (s, x + i * k->stride[1] * k->x.pixel, other ? other + i * k->other.pixel : NULL, y + i * k->y.pixel);
}

/* One of a 3x3 window whose columns are woven already. */
VNNI_INLINE void
woven_pixel (const Block *s, const guint sets, const gboolean plain, __mmask64 m, const __m512i a[4], const __m512i b[4],
    const __m512i c[4], const guint8 *other, guint8 *y)
{
  __m512i acc[4];
#pragma GCC unroll 4
  for (guint j = 0; j < 4; j++) {
    acc[j] = _mm512_loadu_si512 (s->bias + 16 * j);
#pragma GCC unroll 3
    for (guint i = 0; i < sets; i++) {
      const gint8 *w = s->weights + 768 * i + 64 * j;
      acc[j] = _mm512_dpbusd_epi32 (acc[j], a[j], _mm512_loadu_si512 (w));
      acc[j] = _mm512_dpbusd_epi32 (acc[j], b[j], _mm512_loadu_si512 (w + 256));
      acc[j] = _mm512_dpbusd_epi32 (acc[j], c[j], _mm512_loadu_si512 (w + 512));
    }
  }
  bytes_finish (4, plain, acc, s->scale, s->finish, other, y, m);
}

/* Columns that the window keeps when it moves are woven once. STEP: columns v[A] and on are those of the window,
 * of which as many are new as it moves. */
#define STEP(A, B, C, STRIDE) \
  if (i++ == k->y.w) \
    return; \
  if (STRIDE == 2) \
    weave (x + k->x.pixel, row, 3, m, v[B]); \
  weave (x + 2 * k->x.pixel, row, 3, m, v[C]); \
  woven_pixel (s, sets, plain, m, v[A], v[B], v[C], other, y); \
  x += STRIDE * k->x.pixel; \
  y += k->y.pixel; \
  other = !plain && other ? other + k->other.pixel : NULL;

VNNI_INLINE void
line_woven (const Block *s, const guint stride, const guint sets, const gboolean plain, const guint8 *x, const guint8 *other,
    guint8 *y)
{
  const ConvoyByteConv *k = s->k;
  const gint64 row = k->x.columns * k->x.pixel;
  const __mmask64 m = bytes_mask (s->left);
  __m512i v[3][4];
  gint64 i = 0;
  weave (x, row, 3, m, v[0]);
  if (stride == 1)
    weave (x + k->x.pixel, row, 3, m, v[1]);
  while (stride == 1) {
    STEP (0, 1, 2, 1)
    STEP (1, 2, 0, 1)
    STEP (2, 0, 1, 1)
  }
  for (;;) {
    STEP (0, 1, 2, 2)
    STEP (2, 1, 0, 2)
  }
}

#define LINE(STRIDE, SETS, PLAIN) \
  VNNI static void line_##STRIDE##_##SETS##_##PLAIN (const Block *s, const guint8 *x, const guint8 *other, guint8 *y) \
  { \
    line_woven (s, STRIDE, SETS, PLAIN, x, other, y); \
  }
LINE (1, 1, 0)
LINE (1, 1, 1) LINE (1, 2, 0) LINE (1, 2, 1) LINE (1, 3, 0) LINE (1, 3, 1) LINE (2, 1, 0) LINE (2, 1, 1) LINE (2, 2, 0)
    LINE (2, 2, 1) LINE (2, 3, 0) LINE (2, 3, 1)

        typedef void (*Line) (const Block *s, const guint8 *x, const guint8 *other, guint8 *y);

static Line
line_for (const Block *s)
{
  static const Line woven[2][CONVOY_BYTES_SETS][2] = { { { line_1_1_0, line_1_1_1 }, { line_1_2_0, line_1_2_1 },
                                                           { line_1_3_0, line_1_3_1 } },
    { { line_2_1_0, line_2_1_1 }, { line_2_2_0, line_2_2_1 }, { line_2_3_0, line_2_3_1 } } };
  const ConvoyByteConv *k = s->k;
  gboolean fits = k->kernel[0] == 3 && k->kernel[1] == 3 && k->stride[1] < 3;
  return fits ? woven[k->stride[1] - 1][s->sets - 1][bytes_is_plain (k, s->finish)] : line_any;
}

void
convoy_bytes_depthwise_lines (void *const data[], const ConvoyByteConv *k, gint64 begin, gint64 end)
{
  const gint32 *table = data[CONVOY_BC_TABLE];
  Block s = { .k = k, .finish = data[CONVOY_BC_FINISH] };
  for (gint64 l = begin; l < end; l++)
    for (gint64 c = 0; c < k->y.c; c += 64) {
      const guint8 *x = (const guint8 *) data[CONVOY_BC_X] + k->origin + (l / k->y.h * k->x.rows + l % k->y.h * k->stride[0]) * k->x.columns * k->x.pixel + c;
      s.weights = (const gint8 *) data[CONVOY_BC_WEIGHTS] + c * 4 * ((k->kernel[0] + 3) / 4) * k->kernel[1] * CONVOY_BYTES_SETS;
      s.sets = 1 + (guint) table[convoy_bytes_more (k, c / 16)];
      s.bias = table + c, s.scale = (const float *) (table + 2 * k->padded) + c;
      s.left = (guint) MIN (k->y.pixel - c, 64);
      const guint8 *other = k->residual ? (const guint8 *) data[CONVOY_BC_OTHER] + convoy_bytes_at (&k->other, l / k->y.h, l % k->y.h, 0) + c : NULL;
      line_for (&s) (&s, x, other, (guint8 *) data[CONVOY_BC_Y] + convoy_bytes_at (&k->y, l / k->y.h, l % k->y.h, 0) + c);
    }
}

typedef struct { const ConvoyByteConv *k; void *const *data; } Job;

static void
work (guint i, void *data)
{
  const Job *job = data;
  gint64 lines = job->k->y.n * job->k->y.h, share = (lines + job->k->threads - 1) / job->k->threads;
  convoy_bytes_depthwise_lines (job->data, job->k, i * share, MIN ((i + 1) * share, lines));
}

void
convoy_bytes_depthwise (void *const data[], const void *user)
{
  const ConvoyByteConv *k = user;
  const ConvoyFinish *finish = data[CONVOY_BC_FINISH];
  Job job = { k, data };
  convoy_dnn_side_by_side (k->threads, work, &job);
  convoy_bytes_border (&k->y, data[CONVOY_BC_Y], finish->zero);
}
#else
void convoy_bytes_depthwise_lines (void *const data[], const ConvoyByteConv *k, gint64 begin, gint64 end) { (void) data, (void) k, (void) begin, (void) end; }
void convoy_bytes_depthwise (void *const data[], const void *user) { (void) data, (void) user; }
#endif
