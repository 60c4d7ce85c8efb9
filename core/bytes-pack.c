/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * bytes-pack.c - weights, biases, scales and zero points of a convolution in the order in which
 * the kernels on bytes read them. The sum over (x - zero_x) (w - zero_w) becomes that over x w' less
 * zero' times the sum of x, plus what is constant; zero' is 0 where w - zero_w fits in 8 bits with its sign, or nearly all do. */
#include "core/bytes.h"
#include <math.h>
#include <string.h>

static gint32
integer (ConvoyType type, const void *data, gint64 i)
{
  return data == NULL ? 0 : type == CONVOY_U8 ? ((const guint8 *) data)[i] : type == CONVOY_I8 ? ((const gint8 *) data)[i] : ((const gint32 *) data)[i];
}

gint32
convoy_bytes_zero (ConvoyType type, const void *zero)
{
  return integer (type, zero, 0) + (type == CONVOY_I8 ? 128 : 0);
}

gsize
convoy_bytes_packed (const ConvoyByteConv *k)
{
  if (k->depthwise)
    return (gsize) k->padded * 4 * ((k->kernel[0] + 3) / 4) * k->kernel[1] * CONVOY_BYTES_SETS;
  return (gsize) k->padded * (k->n_taps * k->run + 4 * CONVOY_BYTES_MORE);
}

/* One output channel. */
typedef struct { gint64 o; gint32 zero, left; gint64 sum; } Channel;

static gint32
weight (const ConvoyBytePack *p, void *const data[], const Channel *c, gint64 tap, gint64 input)
{
  return integer (p->type[CONVOY_BP_W], data[CONVOY_BP_W], c->o * p->o_stride + tap * p->tap_stride + input * p->c_stride);
}

/* Its zero point, and the sum of its weights less that. */
static Channel
channel (const ConvoyBytePack *p, void *const data[], gint64 o)
{
  Channel c = { .o = o, .zero = integer (p->type[CONVOY_BP_W_ZERO], data[CONVOY_BP_W_ZERO], p->zero_per_channel ? o : 0) };
  for (gint64 tap = 0; tap < p->conv.kernel[0] * p->conv.kernel[1]; tap++)
    for (gint64 i = 0; i < p->conv.inputs; i++)
      c.sum += weight (p, data, &c, tap, i) - c.zero;
  return c;
}

static gint32
stored (const ConvoyBytePack *p, void *const data[], const Channel *c, gint64 tap, gint64 input)
{
  return weight (p, data, c, tap, input) - (c->zero - c->left);
}

/* As much of *value as a byte holds; *value becomes the rest. */
static gint8
take (gint32 *value)
{
  gint8 part = (gint8) CLAMP (*value, G_MININT8, G_MAXINT8);
  *value -= part;
  return part;
}

/* A block: n vectors, their weights, those of further fours, and what the parameters say of these. */
typedef struct {
  guint n;
  gint8 *w, *rest;
  gint32 *more;
} Block;

/* The rest of a weight, at byte lane of the block, into a four that begins at byte at of the window. FALSE: there is no room. */
static gboolean
put_rest (const Block *b, gint32 at, guint lane, gint32 value)
{
  for (gint32 i = 0; value && i < CONVOY_BYTES_MORE; i++) {
    gint8 *w = b->rest + i * 64 * b->n + lane;
    if (i == b->more[0])
      b->more[++b->more[0]] = at;
    if (b->more[1 + i] == at && *w == 0)
      *w = take (&value);
  }
  return value == 0;
}

/* The weights of a channel, which has element e of vector j. */
static gboolean
put_weights (const ConvoyBytePack *p, void *const data[], const Channel *c, const Block *b, guint j, guint e)
{
  const ConvoyByteConv *k = &p->conv;
  for (guint t = 0; t < k->n_taps; t++)
    for (guint at = 0; at < k->run; at++) {
      gint64 tap = k->rows ? t * k->kernel[1] + at / k->x.pixel : t, input = k->rows ? at % k->x.pixel : at;
      gint32 value = input < k->inputs ? stored (p, data, c, tap, input) : 0;
      guint lane = j * 64 + e * 4 + at % 4;
      b->w[(t * k->run + at) / 4 * 64 * b->n + lane] = take (&value);
      if (!put_rest (b, k->tap[t] + (gint32) (at / 4 * 4), lane, value))
        return FALSE;
    }
  return TRUE;
}

/* ... or, where too many of them need more than a byte, as they are in the file. */
static void
put_channel (const ConvoyBytePack *p, void *const data[], Channel *c, const Block *b, guint j, guint e)
{
  if (put_weights (p, data, c, b, j, e))
    return;
  for (guint i = 0; i < CONVOY_BYTES_MORE; i++)
    memset (b->rest + (i * b->n + j) * 64 + e * 4, 0, 4);
  c->left = p->type[CONVOY_BP_W] == CONVOY_U8 ? c->zero - 128 : c->zero;
  put_weights (p, data, c, b, j, e);
}

static void
put_depthwise (const ConvoyBytePack *p, void *const data[], const Channel *c, const Block *b, guint j, guint e)
{
  gint64 width = p->conv.kernel[1], set = (p->conv.kernel[0] + 3) / 4 * width * 256;
  for (gint64 r = 0; r < p->conv.kernel[0]; r++)
    for (gint64 i = 0; i < width; i++) {
      gint32 value = stored (p, data, c, r * width + i, 0);
      for (gint32 s = 0; s == 0 || value; s++) {
        b->w[s * set + ((r / 4 * width + i) * 4 + j) * 64 + e * 4 + r % 4] = take (&value);
        b->more[0] = MAX (b->more[0], s);
      }
    }
}

static float
number (void *const data[], guint i, gint64 at)
{
  return data[i] ? ((const float *) data[i])[at] : 1;
}

/* Entry slot of the tables. */
static void
put_numbers (const ConvoyBytePack *p, void *const data[], const Channel *c, gint64 slot, gint32 *table, ConvoyFinish *f)
{
  gint64 o = c->o;
  float w_scale = number (data, CONVOY_BP_W_SCALE, p->per_channel ? o : 0), unit = number (data, CONVOY_BP_X_SCALE, 0) * w_scale;
  double bias = 0;
  if (data[CONVOY_BP_BIAS] && p->type[CONVOY_BP_BIAS] == CONVOY_F32)
    bias = rint (number (data, CONVOY_BP_BIAS, o) / unit);
  else if (data[CONVOY_BP_BIAS]) {
    double own = data[CONVOY_BP_BIAS_SCALE] ? number (data, CONVOY_BP_BIAS_SCALE, p->per_channel ? o : 0) / (double) unit : 1;
    bias = integer (CONVOY_I32, data[CONVOY_BP_BIAS], o);
    bias = fabs (own - 1) < 1e-3 ? bias : rint (bias * own);
  }
  bias -= (double) convoy_bytes_zero (p->type[CONVOY_BP_X_ZERO], data[CONVOY_BP_X_ZERO]) * c->sum;
  table[slot] = (gint32) CLAMP (bias, G_MININT32, G_MAXINT32);
  table[p->conv.padded + slot] = c->left;
  float scale = p->conv.floats ? unit : unit / number (data, p->conv.residual ? CONVOY_BP_FIRST_SCALE : CONVOY_BP_Y_SCALE, 0);
  f->clamps |= scale >= 1 && !p->conv.residual; /* the sum itself fits an int32; a residual is clamped first */
  memcpy (table + 2 * p->conv.padded + slot, &scale, sizeof scale);
}

/* What clamping means in steps of a scale from a zero point on: bytes, and the bounds low and high. */
static void
bounds (float scale, gint32 zero, float low, float high, float *from, float *to)
{
  *from = MAX (-(float) zero, low / scale);
  *to = MIN ((float) (G_MAXUINT8 - zero), high / scale);
}

static ConvoyFinish
finish (const ConvoyBytePack *p, void *const data[])
{
  ConvoyFinish f = { .zero = convoy_bytes_zero (p->type[CONVOY_BP_Y_ZERO], data[CONVOY_BP_Y_ZERO]),
    .zero_other = convoy_bytes_zero (p->type[CONVOY_BP_OTHER_ZERO], data[CONVOY_BP_OTHER_ZERO]), .zero_in = convoy_bytes_zero (p->type[CONVOY_BP_X_ZERO], data[CONVOY_BP_X_ZERO]) };
  float y = number (data, CONVOY_BP_Y_SCALE, 0), first = number (data, CONVOY_BP_FIRST_SCALE, 0);
  bounds (y, f.zero, p->low, p->high, &f.low, &f.high);
  bounds (first, convoy_bytes_zero (p->type[CONVOY_BP_FIRST_ZERO], data[CONVOY_BP_FIRST_ZERO]), p->low_first, p->high_first, &f.low_first, &f.high_first);
  f.a = first / y;
  f.b = number (data, CONVOY_BP_OTHER_SCALE, 0) / y;
  f.clamps = rintf (f.low) > -(float) f.zero || rintf (f.high) < (float) (G_MAXUINT8 - f.zero);
  return f;
}

/* A block of output channels of group g, of which it has vectors first and on. */
static void
put_block (const ConvoyBytePack *p, void *const data[], gint64 g, guint first, const Block *b, gint32 *table, ConvoyFinish *f)
{
  const ConvoyByteConv *k = &p->conv;
  gint64 outputs = k->outputs / k->groups, slots = k->padded / k->groups;
  for (guint at = 0; at < 16 * b->n; at++) {
    gint64 o = first * 16 + convoy_bytes_channel (b->n, k->floats, at / 16, at % 16);
    if (o >= outputs)
      continue;
    Channel c = channel (p, data, g * outputs + o);
    if (k->depthwise)
      put_depthwise (p, data, &c, b, at / 16, at % 16);
    else
      put_channel (p, data, &c, b, at / 16, at % 16);
    f->sums |= c.left != 0;
    put_numbers (p, data, &c, g * slots + first * 16 + at, table, f);
  }
}

void
convoy_bytes_pack (void *const data[], const void *user)
{
  const ConvoyBytePack *p = user;
  const ConvoyByteConv *k = &p->conv;
  gint8 *weights = data[CONVOY_BP_IN], *rest = weights + k->padded * (gint64) k->n_taps * k->run;
  gint32 *table = data[CONVOY_BP_IN + 1];
  guint8 *ones = data[CONVOY_BP_IN + 2];
  ConvoyFinish f = finish (p, data);
  gint64 vectors = k->padded / 16,
         per_vector = k->depthwise ? (gint64) convoy_bytes_packed (k) / vectors : 16 * (gint64) k->n_taps * k->run;
  memset (weights, 0, convoy_bytes_packed (k));
  memset (table, 0, convoy_bytes_more (k, vectors) * sizeof *table);
  for (gint64 at = 0; at < (gint64) k->n_taps * k->run; at++)
    ones[at] = (k->rows ? at % k->run % k->x.pixel : at % k->run) < k->inputs;
  for (gint64 g = 0; g < k->groups; g++)
    for (guint i = 0; i < (k->depthwise ? vectors / 4 : convoy_bytes_blocks (k->outputs / k->groups)); i++) {
      guint first = 4 * i, n = k->depthwise ? 4 : convoy_bytes_block (k->outputs / k->groups, i, &first);
      gint64 vector = g * (vectors / k->groups) + first;
      Block b = { n, weights + vector * per_vector, rest + vector * 64 * CONVOY_BYTES_MORE, table + convoy_bytes_more (k, vector) };
      put_block (p, data, g, first, &b, table, &f);
    }
  memcpy (data[CONVOY_BP_IN + 3], &f, sizeof f);
}
