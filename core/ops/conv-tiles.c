/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * conv-tiles.c - a 1x1 convolution of float32 by products of tiles of bfloat16 (AMX), which are sixteen times as
 * many a second. The 24 bits of a float are three pieces of 8, x = x0 + x1 + x2, and
 *
 *   x w = x0 w0 + (x0 w1 + x1 w0) + (x0 w2 + x1 w1 + x2 w0)
 *
 * but for 2^-22 of |x w| at most, a few roundings of float32; the sums are of float32. Of fewer roundings than
 * where each product is added by itself, they come out nearer to the true ones. (Henry, Tang, Heinecke: Leveraging the bfloat16
 * Artificial Intelligence Datatype For Higher-Precision Computations, 2019.) Only what is infinite becomes no number at all.
 *
 * x and y lie in blocks of 16 channels, [n][channel / 16][place][16]. Work goes by chunks of places: their pieces are
 * made once and then multiplied by the weights, 32 places by 32 outputs at a time. Pieces and packed weights have the
 * same order: [32 places or outputs][32 inputs][piece][half of the places or outputs], then a tile of 1 KB. An input of the
 * first sixteen of a block and that of the second alternate, as shifts and masks bring them together. */
#include "core/ops/conv-tiles.h"
#include <math.h>
#include <string.h>

#if defined __x86_64__ && (__GNUC__ >= 11 || __clang_major__ >= 13)
#include <immintrin.h>

#define AMX __attribute__ ((target ("avx512f,avx512bw,avx512vl,amx-tile,amx-bf16")))
#define AMX_INLINE AMX __attribute__ ((always_inline)) static inline
#define ORDER() __asm__ volatile("" ::: "memory") /* some compilers do not see that tiles are read from memory */

#define SIDE 32 /* places, outputs and inputs that are taken together */
#define TILE 1024 /* bytes */
#define PIECES 3
#define BLOCK (2 * PIECES * TILE)
#define CHUNK 128 /* places; so often are weights read */

typedef struct {
  gint64 in, out; /* channels, in sixteens */
  gint64 size_in, size; /* places of a sample, before and after */
  gint64 width_in, width, stride[2];
  gint64 rows; /* places of all samples, after */
  gint64 chunk, threads;
  gboolean sum; /* y holds what is added */
  float low, high; /* the result is clamped to */
} Tiles;

static gint64
in_blocks (const Tiles *t)
{
  return (t->in + SIDE - 1) / SIDE;
}
static gint64
out_blocks (const Tiles *t)
{
  return (t->out + SIDE - 1) / SIDE;
}

/* --- weights ----------------------------------------------------------- */

/* The top 16 bits of the nearest float that has no more. */
static guint16
piece_of (float v, float *rest)
{
  guint32 bits;
  float near;
  memcpy (&bits, &v, sizeof bits);
  bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000;
  memcpy (&near, &bits, sizeof near);
  *rest = v - near;
  return (guint16) (bits >> 16);
}

/* W OxI, bias O (NULL: zeros) -> pieces, whose tiles have pairs of inputs for each of 16 outputs; bias, both up to whole blocks */
static void
pack (void *const data[], const void *user)
{
  const Tiles *t = user;
  const float *w = data[0], *bias = data[1];
  guint16 *to = data[2];
  float *bias_to = data[3];
  gint64 blocks = in_blocks (t);
  memset (to, 0, (gsize) (out_blocks (t) * blocks * BLOCK));
  memset (bias_to, 0, (gsize) (out_blocks (t) * SIDE) * sizeof *bias_to);
  if (bias)
    memcpy (bias_to, bias, (gsize) t->out * sizeof *bias_to);
  for (gint64 o = 0; o < t->out; o++)
    for (gint64 i = 0; i < t->in; i++) {
      guint16 *block = to + (o / SIDE * blocks + i / SIDE) * (BLOCK / 2);
      float v = *w++;
      for (guint p = 0; p < PIECES; p++)
        block[(2 * p + o % SIDE / 16) * (TILE / 2) + i % 16 * 32 + o % 16 * 2 + i % SIDE / 16] = piece_of (v, &v);
    }
}

/* --- places ------------------------------------------------------------ */

/* Where the places of a chunk begin, in floats of x and y. */
typedef struct {
  gint64 n;
  gint64 x[CHUNK], y[CHUNK];
} Places;

static void
find_places (const Tiles *t, gint64 first, gint64 n, Places *p)
{
  gint64 sample = first / t->size, place = first % t->size, row = place / t->width, column = place % t->width;
  p->n = n;
  for (gint64 i = 0; i < n; i++) {
    p->x[i] = sample * t->in * t->size_in + (row * t->stride[0] * t->width_in + column * t->stride[1]) * 16;
    p->y[i] = sample * t->out * t->size + (row * t->width + column) * 16;
    column = column + 1 < t->width ? column + 1 : 0;
    row += column == 0;
    sample += row * t->width == t->size;
    row = row * t->width == t->size ? 0 : row;
  }
}

/* The pieces of 32 inputs of a place, to the tiles of a block: the upper halves of what is left, alternately. */
AMX_INLINE void
split (__m512 a, __m512 b, char *to)
{
  const __m512i upper = _mm512_set1_epi32 ((gint32) 0xffff0000);
#pragma GCC unroll 3
  for (guint p = 0; p < PIECES; p++) {
    __m512i a_piece = _mm512_and_si512 (_mm512_castps_si512 (a), upper),
            b_piece = _mm512_and_si512 (_mm512_castps_si512 (b), upper);
    _mm512_storeu_si512 (to + 2 * p * TILE, _mm512_or_si512 (_mm512_srli_epi32 (a_piece, 16), b_piece));
    a = _mm512_sub_ps (a, _mm512_castsi512_ps (a_piece));
    b = _mm512_sub_ps (b, _mm512_castsi512_ps (b_piece));
  }
}

/* x -> the pieces of a chunk, 16 places at a time. What is in tiles beyond the last place goes into no result. */
AMX static void
make_pieces (const Tiles *t, const Places *p, const float *x, char *pieces)
{
  gint64 blocks = in_blocks (t), step = t->size_in * 16;
  for (gint64 first = 0; first < p->n; first += 16) {
    char *to = pieces + first / SIDE * blocks * BLOCK + first % SIDE / 16 * TILE;
    for (gint64 k = 0; k < blocks; k++, to += BLOCK)
      for (gint64 i = first; i < MIN (first + 16, p->n); i++) {
        const float *from = x + p->x[i] + 2 * k * step;
        gboolean whole = (2 * k + 1) * 16 < t->in;
        split (_mm512_loadu_ps (from), whole ? _mm512_loadu_ps (from + step) : _mm512_setzero_ps (), to + i % 16 * 64);
      }
  }
}

/* --- products ---------------------------------------------------------- */

/* Registers 0 to 3 are sums, 4 and 5 pieces of places, 6 and 7 of weights. */

AMX_INLINE void
load_places (const char *x, guint piece)
{
  _tile_loadd (4, x + 2 * piece * TILE, 64);
  _tile_loadd (5, x + (2 * piece + 1) * TILE, 64);
}

AMX_INLINE void
load_weights (const char *w, guint piece)
{
  _tile_loadd (6, w + 2 * piece * TILE, 64);
  _tile_loadd (7, w + (2 * piece + 1) * TILE, 64);
}

AMX_INLINE void
add_all (void)
{
  _tile_dpbf16ps (0, 4, 6);
  _tile_dpbf16ps (1, 4, 7);
  _tile_dpbf16ps (2, 5, 6);
  _tile_dpbf16ps (3, 5, 7);
}

AMX_INLINE void
store (float *y)
{
  _tile_stored (0, y, 64);
  _tile_stored (1, y + 256, 64);
  _tile_stored (2, y + 512, 64);
  _tile_stored (3, y + 768, 64);
}

/* bias + x w of 32 places and 32 outputs: y is [half of the places][half of the outputs][16][16]. */
AMX static void
multiply (const char *x, const char *w, gint64 blocks, const float *bias, float *y)
{
  _tile_loadd (0, bias, 0); /* one row, sixteen times */
  _tile_loadd (1, bias + 16, 0);
  _tile_loadd (2, bias, 0);
  _tile_loadd (3, bias + 16, 0);
  for (gint64 k = 0; k < blocks; k++, x += BLOCK, w += BLOCK) {
    load_places (x, 0), load_weights (w, 2), add_all ();
    load_weights (w, 1), add_all ();
    load_places (x, 1), add_all ();
    load_weights (w, 0), add_all ();
    load_places (x, 2), add_all ();
    load_places (x, 0), add_all ();
  }
  store (y);
}

AMX_INLINE void
add_first (void)
{
  _tile_dpbf16ps (0, 4, 6);
  _tile_dpbf16ps (1, 4, 7);
}

AMX_INLINE void
add_second (void)
{
  _tile_dpbf16ps (2, 4, 6);
  _tile_dpbf16ps (3, 4, 7);
}

/* The same of 16 places. A product waits for the one before it in its sum, so there are two sums of each. */
AMX static void
multiply_half (const char *x, const char *w, gint64 blocks, const float *bias, float *y)
{
  _tile_loadd (0, bias, 0);
  _tile_loadd (1, bias + 16, 0);
  _tile_zero (2);
  _tile_zero (3);
  for (gint64 k = 0; k < blocks; k++, x += BLOCK, w += BLOCK) {
    _tile_loadd (4, x, 64);
    load_weights (w, 2), add_first ();
    load_weights (w, 1), add_second ();
    _tile_loadd (4, x + 2 * TILE, 64);
    add_first ();
    load_weights (w, 0), add_second ();
    _tile_loadd (4, x + 4 * TILE, 64);
    add_first ();
    _tile_loadd (4, x, 64);
    add_second ();
  }
  store (y);
  ORDER ();
  for (guint i = 0; i < 512; i += 16)
    _mm512_storeu_ps (y + i, _mm512_add_ps (_mm512_loadu_ps (y + i), _mm512_loadu_ps (y + 512 + i)));
}

/* The results of n places from first on, and of 32 outputs, to where they belong. */
AMX static void
finish (const Tiles *t, const Places *p, gint64 first, gint64 n, gint64 block, const float *from, float *y)
{
  const __m512 low = _mm512_set1_ps (t->low), high = _mm512_set1_ps (t->high);
  for (gint64 half = 0; half < 2 && block * SIDE + half * 16 < t->out; half++) {
    float *to = y + (2 * block + half) * t->size * 16;
    for (gint64 i = 0; i < n; i++) {
      __m512 v = _mm512_loadu_ps (from + (i / 16 * 2 + half) * 256 + i % 16 * 16);
      if (t->sum)
        v = _mm512_add_ps (v, _mm512_loadu_ps (to + p->y[first + i]));
      _mm512_storeu_ps (to + p->y[first + i], _mm512_min_ps (high, _mm512_max_ps (low, v))); /* what is no number stays so */
    }
  }
}

AMX static void
run_chunk (const Tiles *t, const Places *p, void *const data[], char *pieces)
{
  const char *w = data[1];
  const float *bias = data[2];
  gint64 blocks = in_blocks (t);
  float sums[SIDE * SIDE] __attribute__ ((aligned (64)));
  make_pieces (t, p, data[0], pieces);
  for (gint64 o = 0; o < out_blocks (t); o++)
    for (gint64 i = 0; i < p->n; i += SIDE) {
      gint64 n = MIN (SIDE, p->n - i);
      ORDER ();
      (n > 16 ? multiply : multiply_half) (pieces + i / SIDE * blocks * BLOCK, w + o * blocks * BLOCK, blocks, bias + o * SIDE,
          sums);
      ORDER ();
      finish (t, p, i, n, o, sums, data[4]);
    }
}

/* Every so manieth chunk. */
AMX static void
run_share (const Tiles *t, gint64 thread, void *const data[])
{
  static const struct {
    guint8 palette, start, none[14];
    guint16 bytes[16];
    guint8 rows[16];
  } shapes __attribute__ ((aligned (64))) = { 1, 0, { 0 }, { 64, 64, 64, 64, 64, 64, 64, 64 }, { 16, 16, 16, 16, 16, 16, 16, 16 } };
  char *pieces = (char *) data[3] + thread * (t->chunk / SIDE) * in_blocks (t) * BLOCK;
  Places places;
  _tile_loadconfig (&shapes);
  for (gint64 first = thread * t->chunk; first < t->rows; first += t->threads * t->chunk) {
    find_places (t, first, MIN (t->chunk, t->rows - first), &places);
    run_chunk (t, &places, data, pieces);
  }
  _tile_release ();
}

/* x, weights, bias -> room for pieces, y */
static void
run (void *const data[], const void *user)
{
  const Tiles *t = user;
#pragma omp parallel for num_threads(t->threads)
  for (gint64 thread = 0; thread < t->threads; thread++)
    run_share (t, thread, data);
}

/* --- the step ---------------------------------------------------------- */

/* What rides is a residual sum and a clamp after it, or one of them, or nothing. */
static gboolean
set_riders (Tiles *t, const ConvoyRiders *r)
{
  t->low = -INFINITY, t->high = INFINITY;
  for (guint i = 0; i < r->posts.n; i++) {
    gboolean is_first = t->low == -INFINITY && t->high == INFINITY;
    if (r->posts.p[i].kind == CONVOY_DP_SUM && i == 0)
      t->sum = TRUE;
    else if (r->posts.p[i].kind == CONVOY_DP_EW && r->posts.p[i].ew == CONVOY_EW_RELU && r->posts.p[i].a == 0 && is_first)
      t->low = 0;
    else if (r->posts.p[i].kind == CONVOY_DP_EW && r->posts.p[i].ew == CONVOY_EW_CLIP && is_first)
      t->low = r->posts.p[i].a, t->high = r->posts.p[i].b;
    else
      return FALSE;
  }
  return TRUE;
}

static gboolean
set_shapes (Tiles *t, const ConvoyShape *x, const ConvoyShape *y, const ConvoyWindow *w)
{
  if (x->n != 4 || x->d[1] % 16 || y->d[1] % 16)
    return FALSE;
  for (guint i = 0; i < 2; i++)
    if (w->kernel[i] != 1 || w->before[i] || w->after[i])
      return FALSE;
  t->in = x->d[1], t->out = y->d[1];
  t->size_in = x->d[2] * x->d[3], t->size = y->d[2] * y->d[3];
  t->width_in = x->d[3], t->width = y->d[3];
  t->stride[0] = w->stride[0], t->stride[1] = w->stride[1];
  t->rows = x->d[0] * t->size;
  t->chunk = MIN (CHUNK, (t->rows + SIDE * t->threads - 1) / (SIDE * t->threads) * SIDE);
  return t->rows > 0;
}

gboolean
convoy_conv_tiles_forward (ConvoyBuild *b, const ConvoyNode *n, const ConvoyWindow *w, const ConvoyRiders *r)
{
  const ConvoyShape *x = convoy_build_shape (b, n->in[0]), *y = convoy_build_shape (b, n->out);
  Tiles t = { .threads = convoy_build_threads (b) };
  if (!convoy_build_tiles (b, n) || r->depthwise || convoy_node_int (n, "group", 1) != 1 || !convoy_build_static (b, n->in[1])
      || (n->n_in > 2 && !convoy_build_static (b, n->in[2])) || !set_shapes (&t, x, y, w) || !set_riders (&t, r))
    return FALSE;
  g_autoptr (ConvoyMd) x_md = convoy_md_blocked (x), y_md = convoy_md_blocked (y);
  ConvoyShape weights = CONVOY_SHAPE (out_blocks (&t), in_blocks (&t), BLOCK / (gint64) sizeof (float)),
              bias = CONVOY_SHAPE (out_blocks (&t) * SIDE),
              room = CONVOY_SHAPE (t.threads, t.chunk / SIDE, in_blocks (&t), BLOCK / (gint64) sizeof (float));
  ConvoyBuf packed = convoy_build_tmp (b, &weights, NULL), packed_bias = convoy_build_tmp (b, &bias, NULL),
            pieces = convoy_build_tmp (b, &room, NULL);
  convoy_build_call (b, "conv weights", pack, g_memdup2 (&t, sizeof t), 2, 2, r->weights, r->bias, packed, packed_bias);
  ConvoyBuf from = convoy_build_in_as (b, convoy_build_in (b, n->in[0]), x_md), to;
  if (r->add != CONVOY_NONE)
    to = convoy_build_out_in (b, n->out, convoy_build_in_as (b, convoy_build_in (b, r->add), y_md));
  else
    to = convoy_build_out (b, n->out, y_md);
  convoy_build_call (b, "conv tiles", run, g_memdup2 (&t, sizeof t), 3, 2, from, packed, packed_bias, pieces, to);
  return TRUE;
}
#else
gboolean
convoy_conv_tiles_forward (ConvoyBuild *b, const ConvoyNode *n, const ConvoyWindow *w, const ConvoyRiders *r)
{
  (void) b, (void) n, (void) w, (void) r;
  return FALSE;
}
#endif
