/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * bytes-conv.c - convolutions and matrix products of bytes: sums of fours of products in int32
 * (AVX-512 VNNI), exact, then scaled, rounded and clamped while they are in registers. */
#include "core/bytes.h"
#include <string.h>

#define MOST_PIXELS 12          /* of a tile; times vectors of 16 output channels no more than there are registers for */
#define MOST_VECTORS 4
#define STRIP 48                /* pixels whose outputs are worked out while they are in the nearest cache */
#define STRIP_BYTES 24576

guint
convoy_bytes_blocks (gint64 outputs)
{
  gint64 vectors = (outputs + 15) / 16;
  return (guint) ((vectors + MOST_VECTORS - 1) / MOST_VECTORS);
}

guint
convoy_bytes_block (gint64 outputs, guint i, guint *first)
{
  guint vectors = (guint) ((outputs + 15) / 16), blocks = convoy_bytes_blocks (outputs), small = vectors / blocks, large = vectors % blocks;
  *first = i * small + MIN (i, large);
  return small + (i < large);
}

#ifdef __x86_64__
#include "core/bytes-wide.h"

/* One strip of pixels, and what its tiles share. */
typedef struct {
  const ConvoyByteConv *k;
  const ConvoyFinish *finish;
  const gint8 *weights, *rest; /* rest: those of further fours */
  const gint32 *bias, *zero, *more;
  const float *scale;
  const guint8 *ones;
  const guint8 *x[STRIP], *other[STRIP];
  guint8 *y[STRIP];
  gint32 sum[STRIP];
  guint n;
  gboolean plain;
} Strip;

/* Where a block of output channels begins: in the tables, and in bytes of a pixel of the output; left: those that are there. */
typedef struct { gint64 at, y; guint left; } Block;

/* The sums of n pixels and a block of J vectors to what they become, whatever that takes. */
VNNI_INLINE void
finish (const guint J, const Strip *s, guint p0, guint n, __m512i *acc, const Block *b)
{
  const ConvoyByteConv *k = s->k;
  for (guint p = p0; p < p0 + n; p++, acc += J) {
    if (k->floats)
      bytes_store_floats (J, acc, s->scale + b->at, (float *) (s->y[p] + b->y), b->left);
    else
      bytes_finish (J, FALSE, acc, s->scale + b->at, s->finish, k->residual ? s->other[p] + b->y : NULL, s->y[p] + b->y, bytes_mask (b->left));
  }
}

#define FINISH(J) VNNI static __attribute__ ((noinline)) void finish_##J (const Strip *s, guint p, guint n, __m512i *acc, const Block *b) { finish (J, s, p, n, acc, b); }
FINISH (1)
FINISH (2) FINISH (3) FINISH (4)

    /* Adds four inputs of each of P pixels, times the weights w. */
    VNNI_INLINE void four (const guint J, const guint P, const guint8 *const *x, gint64 at, const gint8 *w,
        __m512i acc[MOST_PIXELS][MOST_VECTORS])
{
  __m512i v[MOST_VECTORS];
#pragma GCC unroll 4
  for (guint j = 0; j < J; j++)
    v[j] = _mm512_loadu_si512 (w + 64 * j);
#pragma GCC unroll 12
  for (guint p = 0; p < P; p++) {
    __m512i in = bytes_four (x[p] + at);
#pragma GCC unroll 4
    for (guint j = 0; j < J; j++)
      acc[p][j] = _mm512_dpbusd_epi32 (acc[p][j], in, v[j]);
  }
}

/* y of P pixels and a block of J vectors. */
VNNI_INLINE void
tile (const guint J, const guint P, const Strip *s, guint p0, const gint8 *w, const Block *b)
{
  const ConvoyByteConv *k = s->k;
  const guint8 *const *x = s->x + p0;
  const gint64 at = b->at;
  __m512i acc[MOST_PIXELS][MOST_VECTORS];
#pragma GCC unroll 4
  for (guint j = 0; j < J; j++)
#pragma GCC unroll 12
    for (guint p = 0; p < P; p++)
      acc[p][j] = _mm512_loadu_si512 (s->bias + at + 16 * j);
  if (s->finish->sums)
#pragma GCC unroll 4
    for (guint j = 0; j < J; j++)
#pragma GCC unroll 12
      for (guint p = 0; p < P; p++)
        acc[p][j] = bytes_less (acc[p][j], _mm512_set1_epi32 (s->sum[p0 + p]), s->zero + at + 16 * j);
  for (guint t = 0; t < k->n_taps; t++)
    for (guint q = 0; q < k->run; q += 4, w += 64 * J)
      four (J, P, x, k->tap[t] + q, w, acc);
  const gint32 *more = s->more + at / 16 * (1 + CONVOY_BYTES_MORE);
  const gint8 *rest = s->rest + at * 4 * CONVOY_BYTES_MORE;
  for (gint32 i = 1; i <= more[0]; i++, rest += 64 * J)
    four (J, P, x, more[i], rest, acc);
  if (s->plain) {
    const __mmask64 mask = bytes_mask (b->left);
#pragma GCC unroll 12
    for (guint p = 0; p < P; p++)
      bytes_finish (J, TRUE, acc[p], s->scale + at, s->finish, NULL, s->y[p0 + p] + b->y, mask);
    return;
  }
  __m512i sums[MOST_PIXELS * MOST_VECTORS];
#pragma GCC unroll 12
  for (guint p = 0; p < P; p++)
#pragma GCC unroll 4
    for (guint j = 0; j < J; j++)
      sums[p * J + j] = acc[p][j];
  (J == 1 ? finish_1 : J == 2 ? finish_2 : J == 3 ? finish_3 : finish_4) (s, p0, P, sums, b);
}

#define TILE(J, P) VNNI static void tile_##J##_##P (const Strip *s, guint p, const gint8 *w, const Block *b) { tile (J, P, s, p, w, b); }
#define SIX(X, J) X (J, 1) X (J, 2) X (J, 3) X (J, 4) X (J, 5) X (J, 6)
#define EIGHT(X, J) SIX (X, J) X (J, 7) X (J, 8)
#define TWELVE(X, J) EIGHT (X, J) X (J, 9) X (J, 10) X (J, 11) X (J, 12)
TWELVE (TILE, 1) TWELVE (TILE, 2) EIGHT (TILE, 3) SIX (TILE, 4)
#define NAME(J, P) tile_##J##_##P,
static const struct { guint most; void (*run[MOST_PIXELS]) (const Strip *s, guint p, const gint8 *w, const Block *b); } tiles[MOST_VECTORS] = {
  { 12, { TWELVE (NAME, 1) } }, { 12, { TWELVE (NAME, 2) } }, { 8, { EIGHT (NAME, 3) } }, { 6, { SIX (NAME, 4) } },
};

/* Sixteen numbers to their sum, for four of such. */
VNNI_INLINE __m128i
sum_of_each (const __m512i v[4])
{
  __m512i ab = _mm512_add_epi32 (_mm512_unpacklo_epi32 (v[0], v[1]), _mm512_unpackhi_epi32 (v[0], v[1]));
  __m512i cd = _mm512_add_epi32 (_mm512_unpacklo_epi32 (v[2], v[3]), _mm512_unpackhi_epi32 (v[2], v[3]));
  __m512i all = _mm512_add_epi32 (_mm512_unpacklo_epi64 (ab, cd), _mm512_unpackhi_epi64 (ab, cd));
  __m256i half = _mm256_add_epi32 (_mm512_castsi512_si256 (all), _mm512_extracti64x4_epi64 (all, 1));
  return _mm_add_epi32 (_mm256_castsi256_si128 (half), _mm256_extracti128_si256 (half, 1));
}

/* The sums of what each pixel's window holds, four pixels at a time. */
VNNI static void
sum_up (Strip *s)
{
  const ConvoyByteConv *k = s->k;
  G_STATIC_ASSERT (STRIP % 4 == 0);
  for (guint p = 0; p < s->n; p += 4) {
    __m512i acc[4] = { _mm512_setzero_si512 (), _mm512_setzero_si512 (), _mm512_setzero_si512 (), _mm512_setzero_si512 () };
    for (guint t = 0; t < k->n_taps; t++)
      for (guint q = 0; q < k->run; q += 64) {
        const __mmask64 m = bytes_mask (k->run - q);
        const __m512i ones = _mm512_maskz_loadu_epi8 (m, s->ones + t * k->run + q);
#pragma GCC unroll 4
        for (guint i = 0; i < 4; i++)
          acc[i] = _mm512_dpbusd_epi32 (acc[i], _mm512_maskz_loadu_epi8 (m, s->x[MIN (p + i, s->n - 1)] + k->tap[t] + q), ones);
      }
    _mm_storeu_si128 ((__m128i *) (s->sum + p), sum_of_each (acc));
  }
}

/* All pixels of the strip, blocks from to to of group g's output channels. */
static void
run_strip (const Strip *s, gint64 g, guint from, guint to)
{
  const ConvoyByteConv *k = s->k;
  gint64 outputs = k->outputs / k->groups, per_vector = 16 * (gint64) k->n_taps * k->run;
  for (guint i = from; i < to; i++) {
    guint first, vectors = convoy_bytes_block (outputs, i, &first), parts = (s->n + tiles[vectors - 1].most - 1) / tiles[vectors - 1].most;
    gint64 channel = g * outputs + first * 16, room = (k->floats || k->groups > 1 ? (g + 1) * outputs : k->y.pixel) - channel;
    Block b = { g * (k->padded / k->groups) + first * 16, channel * (k->floats ? (gint64) sizeof (float) : 1), (guint) MIN (room, 16 * vectors) };
    for (guint t = 0, p = 0; t < parts; t++) {
      guint n = s->n / parts + (t < s->n % parts);
      tiles[vectors - 1].run[n - 1] (s, p, s->weights + b.at / 16 * per_vector, &b);
      p += n;
    }
  }
}

typedef struct { const ConvoyByteConv *k; void *const *data; } Job;

/* Where pixels p to p + s->n of all images are read and written, row by row. */
static void
place (const Job *job, gint64 p, Strip *s)
{
  const ConvoyByteConv *k = job->k;
  const gint64 step = k->stride[1] * k->x.pixel, out = k->floats ? k->outputs * (gint64) sizeof (float) : k->y.pixel;
  gint64 column = p % k->y.w, row = p / k->y.w % k->y.h, n = p / (k->y.w * k->y.h);
  for (guint i = 0, end; i < s->n; i = end, column = 0) {
    const guint8 *x = (const guint8 *) job->data[CONVOY_BC_X] + k->origin + (n * k->x.rows + row * k->stride[0]) * k->x.columns * k->x.pixel + column * step;
    guint8 *y = (guint8 *) job->data[CONVOY_BC_Y] + (k->floats ? (p + i) * out : convoy_bytes_at (&k->y, n, row, column));
    const guint8 *other = k->residual ? (const guint8 *) job->data[CONVOY_BC_OTHER] + convoy_bytes_at (&k->other, n, row, column) : NULL;
    end = (guint) MIN (s->n, i + k->y.w - column);
    for (guint at = i; at < end; at++)
      s->x[at] = x + (at - i) * step, s->y[at] = y + (at - i) * out;
    for (guint at = i; other && at < end; at++)
      s->other[at] = other + (at - i) * k->other.pixel;
    row++;
    n += row == k->y.h;
    row = row == k->y.h ? 0 : row;
  }
}

/* Pixels begin to end, blocks of output channels from to to. */
static void
run_range (const Job *job, gint64 begin, gint64 end, guint from, guint to)
{
  const ConvoyByteConv *k = job->k;
  const gint32 *table = job->data[CONVOY_BC_TABLE];
  Strip s = { .k = k,
    .finish = job->data[CONVOY_BC_FINISH],
    .weights = job->data[CONVOY_BC_WEIGHTS],
    .more = table + convoy_bytes_more (k, 0),
    .bias = table,
    .zero = table + k->padded,
    .scale = (const float *) (table + 2 * k->padded),
    .ones = job->data[CONVOY_BC_ONES] };
  s.rest = s.weights + k->padded * (gint64) k->n_taps * k->run;
  s.plain = bytes_is_plain (k, s.finish);
  guint most = (guint) CLAMP (STRIP_BYTES / MAX (k->n_taps * k->run, 1), MOST_PIXELS, STRIP);
  for (gint64 p = begin; p < end; p += s.n) {
    s.n = (guint) MIN (most, end - p);
    place (job, p, &s);
    for (gint64 g = 0; g < k->groups; g++) {
      if (s.finish->sums)
        sum_up (&s);
      run_strip (&s, g, from, to);
      for (guint i = 0; i < s.n; i++)
        s.x[i] += k->inputs;
    }
  }
}

void
convoy_bytes_conv_pixels (void *const data[], const ConvoyByteConv *k, gint64 begin, gint64 end)
{
  run_range (&(Job) { k, data }, begin, end, 0, convoy_bytes_blocks (k->outputs / k->groups));
}

/* A thread takes a share of the pixels; where there are few, of the output channels. */
static void
work (guint i, void *data)
{
  const Job *job = data;
  const ConvoyByteConv *k = job->k;
  gint64 pixels = k->y.n * k->y.h * k->y.w, share = (pixels + k->threads - 1) / k->threads;
  guint blocks = convoy_bytes_blocks (k->outputs / k->groups);
  if (pixels < MOST_PIXELS * k->threads)
    run_range (job, 0, pixels, blocks * i / k->threads, blocks * (i + 1) / k->threads);
  else
    run_range (job, MIN (i * share, pixels), MIN ((i + 1) * share, pixels), 0, blocks);
}

void
convoy_bytes_conv (void *const data[], const void *user)
{
  const ConvoyByteConv *k = user;
  const ConvoyFinish *finish = data[CONVOY_BC_FINISH];
  Job job = { k, data };
  convoy_dnn_side_by_side (k->threads, work, &job);
  if (!k->floats)
    convoy_bytes_border (&k->y, data[CONVOY_BC_Y], finish->zero);
}
#else
void convoy_bytes_conv_pixels (void *const data[], const ConvoyByteConv *k, gint64 begin, gint64 end) { (void) data, (void) k, (void) begin, (void) end; }
void convoy_bytes_conv (void *const data[], const void *user) { (void) data, (void) user; }
#endif
