/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * batchnorm-learn.c - BatchNormalization that learns (S. Ioffe, C. Szegedy, "Batch normalization:
 * accelerating deep network training by reducing internal covariate shift", 2015), with the ReLU or
 * Clip that rides on it in the same pass:
 *
 *   h = (x - mean) / sqrt (variance + epsilon),  y = clip (scale h + shift, lo, hi)
 *   dz = dy where lo < scale h + shift < hi, else 0
 *   dshift = sum dz,  dscale = sum dz h,  dx = scale / sqrt (variance + epsilon) (dz - dshift / m - h dscale / m)
 *
 * over the m = N * H * W elements of a channel. The running statistics follow ONNX and Keras:
 * running = running * momentum + batch * (1 - momentum), with the variance over m. Samples that
 * only fill up the batch must not come here: they would count.
 *
 * x is N x (C / block) x S x block: block 1 is the plain layout, 16 nChw16c. */
#include "core/ops/batchnorm.h"
#include <float.h>
#include <math.h>
#include <string.h>

#define MAX_BLOCK CONVOY_LANES
#define CHUNK 256               /* places whose mean is taken at once, small enough to stay in the first cache */

typedef struct {
  gint64 n, channels, s;        /* batch, channels, places */
  guint block;
  float epsilon, momentum, lo, hi;
  gboolean learns;              /* FALSE: the stored statistics are used, and kept */
} Norm;

/* For sums in lanes: a plain channel is summed in as many lanes as a block has channels. */
typedef struct { double mean[MAX_BLOCK], m2[MAX_BLOCK]; double count; } Moments;

/* Merges a chunk's mean and sum of squared differences (T. Chan, G. Golub, R. LeVeque, 1979). */
static void
merge (Moments *m, guint lanes, const float *mean, const float *m2, double count)
{
  double total = m->count + count;
  for (guint i = 0; i < lanes; i++) {
    double d = mean[i] - m->mean[i];
    m->mean[i] += d * count / total;
    m->m2[i] += m2[i] + d * d * m->count * count / total;
  }
  m->count = total;
}

/* Mean and sum of squared differences of each channel of a block. */
CONVOY_VECTORIZED static void
block_moments (const float *x_of, gint64 places, float *mean_of, float *m2_of)
{
  const ConvoyLanes *x = (const ConvoyLanes *) x_of;
  ConvoyLanes sum[4] = { 0 }, square[4] = { 0 };
  gint64 whole = places & ~(gint64) 3;
  for (gint64 i = 0; i < whole; i += 4)
    for (guint k = 0; k < 4; k++)
      sum[k] += x[i + k];
  for (gint64 i = whole; i < places; i++)
    sum[0] += x[i];
  const ConvoyLanes mean = (sum[0] + sum[1] + sum[2] + sum[3]) / (float) places;
  for (gint64 i = 0; i < whole; i += 4)
    for (guint k = 0; k < 4; k++)
      square[k] += (x[i + k] - mean) * (x[i + k] - mean);
  for (gint64 i = whole; i < places; i++)
    square[0] += (x[i] - mean) * (x[i] - mean);
  *(ConvoyLanes *) mean_of = mean;
  *(ConvoyLanes *) m2_of = square[0] + square[1] + square[2] + square[3];
}

CONVOY_VECTORIZED static void
channel_moments (const float *x, gint64 places, float *mean, float *m2)
{
  double s = 0, q = 0;
#pragma omp simd reduction (+ : s)
  for (gint64 i = 0; i < places; i++)
    s += x[i];
  *mean = s / places;
#pragma omp simd reduction (+ : q)
  for (gint64 i = 0; i < places; i++)
    q += (double) (x[i] - *mean) * (x[i] - *mean);
  *m2 = q;
}

static void
moments_of (const Norm *p, const float *x, gint64 group, Moments *m)
{
  gint64 groups = (p->channels + p->block - 1) / p->block;
  *m = (Moments) { 0 };
  for (gint64 n = 0; n < p->n; n++)
    for (gint64 at = 0; at < p->s; at += CHUNK) {
      float mean[MAX_BLOCK], m2[MAX_BLOCK];
      gint64 places = MIN (CHUNK, p->s - at);
      (p->block == MAX_BLOCK ? block_moments : channel_moments) (x + ((n * groups + group) * p->s + at) * p->block, places, mean,
          m2);
      merge (m, p->block, mean, m2, places);
    }
}

/* y = clip (a x + b) over one group of channels, the last samples first: they are still in the cache. */
CONVOY_VECTORIZED static void
normalize (const Norm *p, const float *x, float *y, gint64 group, const float *a_of, const float *b_of)
{
  const gint64 groups = (p->channels + p->block - 1) / p->block;
  const float lo = p->lo, hi = p->hi;
  float a[MAX_BLOCK], b[MAX_BLOCK];
  memcpy (a, a_of, sizeof a);
  memcpy (b, b_of, sizeof b);
  for (gint64 n = p->n; n-- > 0;) {
    const gsize at = (n * groups + group) * p->s * p->block;
    if (p->block == MAX_BLOCK)
      for (gint64 i = 0; i < p->s; i++)
#pragma omp simd
        for (guint c = 0; c < MAX_BLOCK; c++) {
          float v = a[c] * x[at + i * MAX_BLOCK + c] + b[c];
          v = v < lo ? lo : v;
          y[at + i * MAX_BLOCK + c] = v > hi ? hi : v;
        }
    else
#pragma omp simd
      for (gint64 i = 0; i < p->s; i++) {
        float v = *a * x[at + i] + *b;
        v = v < lo ? lo : v;
        y[at + i] = v > hi ? hi : v;
      }
  }
}

/* x, scale, shift -> y, saved (mean, then 1 / sqrt (variance + epsilon)), running mean and variance
 * (NULL: none). */
static void
forward (void *const data[], const void *user)
{
  const Norm *p = user;
  const float *x = data[0], *scale = data[1], *shift = data[2];
  float *y = data[3], *saved = data[4], *running_mean = data[5], *running_variance = data[6];
  gint64 groups = (p->channels + p->block - 1) / p->block;
#pragma omp parallel for
  for (gint64 g = 0; g < groups; g++) {
    float a[MAX_BLOCK] = { 0 }, b[MAX_BLOCK] = { 0 };
    Moments m;
    moments_of (p, x, g, &m);
    for (guint i = 0; i < p->block && g * p->block + i < p->channels; i++) {
      gint64 c = g * p->block + i;
      double variance = m.m2[i] / m.count, inverse = 1 / sqrt (variance + p->epsilon);
      saved[c] = m.mean[i];
      saved[p->channels + c] = inverse;
      a[i] = scale[c] * inverse;
      b[i] = shift[c] - scale[c] * inverse * m.mean[i];
      if (running_mean)
        running_mean[c] = running_mean[c] * p->momentum + (float) m.mean[i] * (1 - p->momentum);
      if (running_variance)
        running_variance[c] = running_variance[c] * p->momentum + (float) variance * (1 - p->momentum);
    }
    normalize (p, x, y, g, a, b);
    if (p->channels < (g + 1) * p->block)       /* the padding of the last block stays zero */
      for (gint64 i = 0; i < p->n * p->s; i++) {
        float *place = y + ((i / p->s * groups + g) * p->s + i % p->s) * p->block;
        for (guint c = p->channels - g * p->block; c < p->block; c++)
          place[c] = 0;
      }
  }
}

/* Sums of dz and of dz (x - mean) over some places; z = a x + b. */
CONVOY_VECTORIZED static void
block_sums (const Norm *p, const float *x_of, const float *dy_of, gint64 places, const float *a_of, const float *b_of,
    const float *mean_of, float *s_of, float *q_of)
{
  const ConvoyLanes *x = (const ConvoyLanes *) x_of, *dy = (const ConvoyLanes *) dy_of, zero = { 0 };
  const ConvoyLanes a = *(const ConvoyLanes *) a_of, b = *(const ConvoyLanes *) b_of, mean = *(const ConvoyLanes *) mean_of,
                    lo = zero + p->lo, hi = zero + p->hi;
  ConvoyLanes s = zero, q = zero;
  for (gint64 i = 0; i < places; i++) {
    const ConvoyLanes z = a * x[i] + b,
                      d = (ConvoyLanes) (CONVOY_NEGATIVE (lo - z) & CONVOY_NEGATIVE (z - hi) & (ConvoyMask) dy[i]);
    s += d;
    q += d * (x[i] - mean);
  }
  *(ConvoyLanes *) s_of = s;
  *(ConvoyLanes *) q_of = q;
}

CONVOY_VECTORIZED static void
channel_sums (const Norm *p, const float *x, const float *dy, gint64 places, const float *a, const float *b, const float *mean,
    float *s, float *q)
{
  float s0 = 0, q0 = 0;
#pragma omp simd reduction(+ : s0, q0)
  for (gint64 i = 0; i < places; i++) {
    float z = *a * x[i] + *b, d = (z > p->lo) & (z < p->hi) ? dy[i] : 0;
    s0 += d;
    q0 += d * (x[i] - *mean);
  }
  *s = s0;
  *q = q0;
}

/* Sums of dz and of dz h, h = (x - mean) inverse; z = a x + b. */
static void
sums_of (const Norm *p, const float *x, const float *dy, gint64 group, const float *a, const float *b, const float *mean, const float *inverse, double *dz_sum, double *dzh_sum)
{
  gint64 groups = (p->channels + p->block - 1) / p->block;
  for (gint64 n = 0; n < p->n; n++)
    for (gint64 from = 0; from < p->s; from += CHUNK) {
      gsize at = ((n * groups + group) * p->s + from) * p->block;
      float s[MAX_BLOCK], q[MAX_BLOCK];
      (p->block == MAX_BLOCK ? block_sums : channel_sums) (p, x + at, dy + at, MIN (CHUNK, p->s - from), a, b, mean, s, q);
      for (guint c = 0; c < p->block; c++) {
        dz_sum[c] += s[c];
        dzh_sum[c] += q[c] * inverse[c];
      }
    }
}

/* dx = k dz + l x + m: k = a, and from the sums what the statistics of the batch take back; the last
 * samples first, as in normalize(). */
CONVOY_VECTORIZED static void
back_group (const Norm *p, const float *x_of, const float *dy_of, float *dx_of, gint64 group, const float *a_of, const float *b_of,
    const float *l_of, const float *m_of)
{
  const gint64 groups = (p->channels + p->block - 1) / p->block;
  const ConvoyLanes zero = { 0 }, lo = zero + p->lo, hi = zero + p->hi;
  for (gint64 n = p->n; n-- > 0;) {
    const gsize at = (n * groups + group) * p->s * p->block;
    if (p->block == MAX_BLOCK) {
      const ConvoyLanes *x = (const ConvoyLanes *) (x_of + at), *dy = (const ConvoyLanes *) (dy_of + at);
      const ConvoyLanes a = *(const ConvoyLanes *) a_of, b = *(const ConvoyLanes *) b_of, l = *(const ConvoyLanes *) l_of,
                        m = *(const ConvoyLanes *) m_of;
      ConvoyLanes *dx = (ConvoyLanes *) (dx_of + at);
      for (gint64 i = 0; i < p->s; i++) {
        const ConvoyLanes z = a * x[i] + b,
                          d = (ConvoyLanes) (CONVOY_NEGATIVE (lo - z) & CONVOY_NEGATIVE (z - hi) & (ConvoyMask) dy[i]);
        dx[i] = a * d + l * x[i] + m;
      }
    } else
#pragma omp simd
      for (gint64 i = 0; i < p->s; i++) {
        float v = x_of[at + i], z = *a_of * v + *b_of, d = (z > p->lo) & (z < p->hi) ? dy_of[at + i] : 0;
        dx_of[at + i] = *a_of * d + *l_of * v + *m_of;
      }
  }
}

/* x, dy, scale, shift, mean, inverse deviation -> dx, dscale, dshift (each NULL: not wanted). dx may be dy. */
static void
back (void *const data[], const void *user)
{
  const Norm *p = user;
  const float *x = data[0], *dy = data[1], *scale = data[2], *shift = data[3], *mean_of = data[4], *second = data[5];
  float *dx = data[6], *dscale = data[7], *dshift = data[8];
  gint64 groups = (p->channels + p->block - 1) / p->block;
  double count = (double) p->n * p->s;
#pragma omp parallel for
  for (gint64 g = 0; g < groups; g++) {
    float a[MAX_BLOCK] = { 0 }, b[MAX_BLOCK] = { 0 }, mean[MAX_BLOCK] = { 0 }, inverse[MAX_BLOCK] = { 0 }, l[MAX_BLOCK] = { 0 }, m[MAX_BLOCK] = { 0 };
    double dz[MAX_BLOCK] = { 0 }, dzh[MAX_BLOCK] = { 0 };
    for (guint i = 0; i < p->block && g * p->block + i < p->channels; i++) {
      gint64 c = g * p->block + i;
      mean[i] = mean_of[c];
      inverse[i] = p->learns ? second[c] : 1 / sqrtf (second[c] + p->epsilon);
      a[i] = scale[c] * inverse[i];
      b[i] = shift[c] - a[i] * mean[i];
    }
    if (p->learns)
      sums_of (p, x, dy, g, a, b, mean, inverse, dz, dzh);
    for (guint i = 0; i < p->block && g * p->block + i < p->channels; i++) {
      gint64 c = g * p->block + i;
      if (dscale)
        dscale[c] = dzh[i];
      if (dshift)
        dshift[c] = dz[i];
      l[i] = p->learns ? -a[i] * dzh[i] / count * inverse[i] : 0;
      m[i] = p->learns ? -a[i] * dz[i] / count - l[i] * mean[i] : 0;
    }
    if (dx)
      back_group (p, x, dy, dx, g, a, b, l, m);
  }
}

/* --- in the plan ------------------------------------------------------- */

static Norm *
norm_new (ConvoyBuild *b, const ConvoyNode *n, const ConvoyMd *md)
{
  const ConvoyShape *s = convoy_build_shape (b, n->in[0]);
  Norm *p = g_new (Norm, 1);
  guint count;
  const ConvoyPost *posts = convoy_build_posts (b, n, &count);
  *p = (Norm) { .n = s->d[0], .channels = s->n > 1 ? s->d[1] : 1, .s = 1, .block = convoy_md_block (md), .epsilon = convoy_batchnorm_epsilon (n),
    .momentum = convoy_node_float (n, "momentum", 0.9f), .lo = -INFINITY, .hi = INFINITY, .learns = convoy_build_learning (b, n) };
  for (guint i = 2; i < s->n; i++)
    p->s *= s->d[i];
  if (count) {
    p->lo = posts[0].ew[0].kind == CONVOY_EW_RELU ? 0 : posts[0].ew[0].a;
    p->hi = posts[0].ew[0].kind == CONVOY_EW_RELU ? INFINITY : posts[0].ew[0].b;
  }
  return p;
}

/* x in a layout that the kernels know. */
static ConvoyBuf
laid_out (ConvoyBuild *b, const ConvoyNode *n)
{
  ConvoyBuf x = convoy_build_in (b, n->in[0]);
  guint block = x == CONVOY_NO_BUF ? 1 : convoy_md_block (convoy_build_md (b, x));
  return block == 1 || block == MAX_BLOCK ? x : convoy_build_in_plain (b, n->in[0]);
}

gboolean
convoy_batchnorm_learn (ConvoyBuild *b, const ConvoyNode *n)
{
  ConvoyBuf x = laid_out (b, n);
  const ConvoyMd *md = convoy_build_md (b, x);
  if (md == NULL)
    return TRUE;
  Norm *p = norm_new (b, n, md);
  ConvoyShape two = CONVOY_SHAPE (2, p->channels);
  ConvoyBuf y = convoy_build_out (b, n->out, md), saved = convoy_build_tmp (b, &two, NULL);
  convoy_build_keep (b, n, saved);
  convoy_build_call (b, "batchnorm", forward, p, 3, 4, x, convoy_build_in_plain (b, n->in[1]), convoy_build_in_plain (b, n->in[2]), y, saved,
      convoy_build_state (b, n->in[3]), convoy_build_state (b, n->in[4]));
  return TRUE;
}

/* A row of the saved statistics. */
static ConvoyBuf
saved_row (ConvoyBuild *b, const ConvoyNode *n, guint i)
{
  const ConvoyShape *c = convoy_build_shape (b, n->in[1]);
  return convoy_build_part (b, convoy_build_kept (b, n), c, i * c->d[0] * sizeof (float));
}

gboolean
convoy_batchnorm_back (ConvoyBuild *b, const ConvoyNode *n)
{
  ConvoyBuf x = laid_out (b, n);
  const ConvoyMd *md = convoy_build_md (b, x);
  ConvoyValue last;
  gboolean learns = convoy_build_learning (b, n);
  if (md == NULL)
    return TRUE;
  convoy_build_last (b, n, &last);
  ConvoyBuf dy = convoy_build_in_as (b, convoy_build_grad (b, last), md);
  ConvoyBuf dx = convoy_build_wants (b, n->in[0]) ? convoy_build_grad_out (b, n->in[0], NULL, md) : CONVOY_NO_BUF;
  ConvoyBuf dscale = convoy_build_wants (b, n->in[1]) ? convoy_build_grad_out (b, n->in[1], NULL, NULL) : CONVOY_NO_BUF;
  ConvoyBuf dshift = convoy_build_wants (b, n->in[2]) ? convoy_build_grad_out (b, n->in[2], NULL, NULL) : CONVOY_NO_BUF;
  ConvoyBuf mean = learns ? saved_row (b, n, 0) : convoy_build_in_plain (b, n->in[3]), second = learns ? saved_row (b, n, 1) : convoy_build_in_plain (b, n->in[4]);
  convoy_build_call (b, "batchnorm back", back, norm_new (b, n, md), 6, 3, x, dy, convoy_build_in_plain (b, n->in[1]), convoy_build_in_plain (b, n->in[2]), mean, second,
      dx, dscale, dshift);
  if (dx != CONVOY_NO_BUF)
    convoy_build_grad_done (b, n->in[0], dx, NULL);
  if (dscale != CONVOY_NO_BUF)
    convoy_build_grad_done (b, n->in[1], dscale, NULL);
  if (dshift != CONVOY_NO_BUF)
    convoy_build_grad_done (b, n->in[2], dshift, NULL);
  return TRUE;
}
