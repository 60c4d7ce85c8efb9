/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * bytes.h - 8-bit tensors inside a plan and the kernels on them. A value x is stored as the byte
 * q = round (x / scale) + zero; what a file has as int8 is stored as uint8, 128 higher. */
#ifndef CONVOY_BYTES_H
#define CONVOY_BYTES_H
#include "core/build.h"

/* Where the bytes of a tensor lie: image, row, column, channel, the last innermost. Round each
 * image is a border that holds the zero point, so that padded windows read on without a look. */
typedef struct {
  gint64 n, h, w, c;
  gint64 pixel;                 /* bytes of a pixel: c rounded up to whole fours; those behind c mean nothing */
  gint64 top, left;             /* of the border */
  gint64 rows, columns;         /* with the border */
} ConvoyBytes;

static inline gint64
convoy_bytes_at (const ConvoyBytes *t, gint64 n, gint64 y, gint64 x)
{
  return ((n * t->rows + y + t->top) * t->columns + x + t->left) * t->pixel;
}

static inline gint64 convoy_bytes_size (const ConvoyBytes *t) { return t->n * t->rows * t->columns * t->pixel; }
void convoy_bytes_border (const ConvoyBytes *t, guint8 *bytes, gint32 zero);     /* fills it */

/* From sums to bytes: round (clamp (sum * scale, low, high)) + zero. With a residual r that is
 * m = round (clamp (sum * scale, low_first, high_first)), then round (clamp (m * a + (r - zero_other) * b, low, high)) + zero. */
typedef struct {
  gint32 zero, zero_other;
  gint32 zero_in;               /* of the input */
  gint32 sums;                  /* some weights have a zero point left */
  gint32 clamps;                /* low or high is within the bounds of a byte, or what is clamped may be beyond an int32 */
  float low, high, low_first, high_first, a, b;
} ConvoyFinish;

/* What a convolution or product needs beside its bytes. Output channels o lie in the order of
 * the kernel. acc starts as bias. A weight less its zero point may need a bit more than there is in a byte: what is left of
 * it is in further fours of inputs that a block has, or in further sets of depthwise weights. Where these are not enough,
 * a zero point is left, and zero[o] times the sum of the inputs is taken off. */
#define CONVOY_BYTES_TAPS 64
#define CONVOY_BYTES_MORE 8 /* further fours of a block */
#define CONVOY_BYTES_SETS 3 /* of depthwise weights: -255 to 255 */
typedef struct {
  ConvoyBytes x, y, other;
  guint threads;
  gint64 stride[2];             /* down, across */
  gint64 kernel[2];
  gint64 origin;                /* byte of x at which the window of the first output begins */
  gint64 outputs, padded;       /* channels; rounded up to whole vectors */
  gint64 inputs;                /* channels of a group */
  gint64 groups;                /* depthwise: 1 */
  guint n_taps, run;            /* runs of bytes that a window reads, of whole fours */
  gint32 tap[CONVOY_BYTES_TAPS];
  gboolean rows;                /* a run is a row of the kernel, not an element */
  gboolean depthwise, residual, floats;         /* floats: the output is float32, channels last */
} ConvoyByteConv;

/* Buffers of the kernels: x, weights, parameters, ones, finish, residual or NULL, y. Parameters:
 * int32 bias, int32 zero, float scale, padded of each; then, of each vector that begins a block, how many further fours or
 * sets there are, and the byte of the window where each of the fours begins. */
enum { CONVOY_BC_X, CONVOY_BC_WEIGHTS, CONVOY_BC_TABLE, CONVOY_BC_ONES, CONVOY_BC_FINISH, CONVOY_BC_OTHER, CONVOY_BC_Y };
void convoy_bytes_conv (void *const data[], const void *user);          /* user: ConvoyByteConv */
void convoy_bytes_depthwise (void *const data[], const void *user);
/* Parts of these: pixels or lines of all images, counted one after the other. */
void convoy_bytes_conv_pixels (void *const data[], const ConvoyByteConv *k, gint64 begin, gint64 end);
void convoy_bytes_depthwise_lines (void *const data[], const ConvoyByteConv *k, gint64 begin, gint64 end);

/* A convolution and the depthwise one that follows it, some lines at a time, so that what is between them stays in the
 * cache. Buffers: those of the convolution up to finish; those of the depthwise one from the weights up to y, then
 * convoy_bytes_pair_room() bytes to work in. */
typedef struct {
  ConvoyByteConv conv, depthwise;
  gint64 before;                /* rows of padding above */
} ConvoyBytePair;
enum { CONVOY_BPAIR_SECOND = CONVOY_BC_FINISH + 1, CONVOY_BPAIR_OTHER = CONVOY_BPAIR_SECOND + 4, CONVOY_BPAIR_Y, CONVOY_BPAIR_ROOM };
void convoy_bytes_pair (void *const data[], const void *user);
gsize convoy_bytes_pair_room (const ConvoyBytePair *p);

/* Where the parameters of vector v say what there is further. */
static inline gint64
convoy_bytes_more (const ConvoyByteConv *k, gint64 v)
{
  return 3 * k->padded + v * (1 + CONVOY_BYTES_MORE);
}

/* How output channels fall into blocks of 1 to 4 vectors of 16: how many blocks of a group, the vectors of
 * block i and its first vector. */
guint convoy_bytes_blocks (gint64 outputs);
guint convoy_bytes_block (gint64 outputs, guint i, guint *first);
/* The channel, from the first of its block on, of element e of vector j of a block of n vectors: as packing
 * vectors to bytes lane by lane leaves them. */
static inline guint
convoy_bytes_channel (guint n, gboolean floats, guint j, guint e)
{
  return floats ? j * 16 + e : e / 4 * 4 * n + j * 4 + e % 4;
}

/* Packing, which runs once for each version of the weights. Buffers: see enum; the outputs are
 * weights, table, ones and finish. */
enum { CONVOY_BP_W, CONVOY_BP_W_SCALE, CONVOY_BP_W_ZERO, CONVOY_BP_BIAS, CONVOY_BP_BIAS_SCALE, CONVOY_BP_X_SCALE, CONVOY_BP_X_ZERO, CONVOY_BP_Y_SCALE, CONVOY_BP_Y_ZERO,
  CONVOY_BP_FIRST_SCALE, CONVOY_BP_FIRST_ZERO, CONVOY_BP_OTHER_SCALE, CONVOY_BP_OTHER_ZERO, CONVOY_BP_IN };
typedef struct {
  ConvoyByteConv conv;
  ConvoyType type[CONVOY_BP_IN];
  gint64 o_stride, c_stride, tap_stride;        /* elements of the weights */
  gboolean per_channel, zero_per_channel;
  float low, high, low_first, high_first;       /* bounds of the functions that are fused, in real numbers */
} ConvoyBytePack;
void convoy_bytes_pack (void *const data[], const void *user);
gsize convoy_bytes_packed (const ConvoyByteConv *k);    /* bytes of the weights */

/* The smaller kernels. zero points and scales come as buffers. */
typedef struct {
  ConvoyBytes x, y;
  guint threads;
  ConvoyType x_type, y_type, zero_type[3];
  gint64 kernel[2], stride[2], before[2], size[2];      /* of a window; before: padding */
  gboolean maximum, count_padding;
  float low, high;
  gint64 to; /* bytes from the first of y to where x goes, of which y may hold more */
} ConvoyByteMove;
/* What that comes to: round (clamp (x a + other b + shift, low, high)) + zero. */
typedef struct {
  float a, b, shift, low, high;
  gint32 zero, zero_in;
  gboolean copies;
} ConvoyByteMix;
ConvoyByteMix convoy_bytes_mix (const ConvoyByteMove *m, void *const *data,
    guint inputs); /* data: scales and zero points of one or two inputs and the output */
typedef struct { ConvoyByteMove move; ConvoyBytes other; } ConvoyByteSum;
void convoy_bytes_from_floats (void *const data[], const void *user);   /* x float32 channels last, scale, zero -> y */
void convoy_bytes_from_plain (void *const data[], const void *user);    /* x 8-bit, channels first, zero -> y */
void convoy_bytes_to_plain (void *const data[], const void *user);      /* x -> y, 8-bit, channels first */
void convoy_bytes_change (void *const data[], const void *user);        /* x, scale, zero, scale, zero -> y: other scale and zero point, clamped */
void convoy_bytes_pad (void *const data[], const void *user); /* ... with the value of data[5], of y_type, round it; then y */
void convoy_bytes_pool (void *const data[], const void *user); /* x, scale, zero, scale, zero -> y */
void convoy_bytes_add (void *const data[], const void *user);           /* user: ConvoyByteSum; x, other, scales and zeros of x, other, y -> y */
gint32 convoy_bytes_zero (ConvoyType type, const void *zero);           /* as of bytes; NULL: 0 */

/* The pass: finds in the graph what is computed on bytes (before riders are sought), and appends its steps. */
void convoy_bytes_find (ConvoyBuild *b);
gboolean convoy_bytes_forward (ConvoyBuild *b, const ConvoyNode *n);    /* FALSE: n is not computed on bytes */
gboolean convoy_bytes_has (ConvoyBuild *b, guint node);
void convoy_bytes_clear (ConvoyBuild *b);
#endif
