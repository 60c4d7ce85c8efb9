/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * bytes-find.h - what the pass over a graph finds: units, each a group of nodes that one kernel
 * on bytes computes. */
#ifndef CONVOY_BYTES_FIND_H
#define CONVOY_BYTES_FIND_H
#include "core/bytes.h"
#include <string.h>

/* A quantized value with its scale and zero point, which are numbers known before a run, or, for weights, vectors. */
typedef struct { ConvoyValue q, scale, zero; } ConvoyQuant;
#define CONVOY_NO_QUANT ((ConvoyQuant) { CONVOY_NONE, CONVOY_NONE, CONVOY_NONE })

typedef enum {
  CONVOY_UNIT_NONE,
  CONVOY_UNIT_CONV, /* convolution or product, a function, a residual */
  CONVOY_UNIT_POOL,
  CONVOY_UNIT_ADD,
  CONVOY_UNIT_CONCAT,
  CONVOY_UNIT_PAD,
  CONVOY_UNIT_CHANGE, /* from scale to scale */
  CONVOY_UNIT_SAME, /* the same bytes under another name */
  CONVOY_UNIT_QUANTIZE, /* from float32 */
} ConvoyUnitKind;

typedef struct {
  ConvoyUnitKind kind;
  ConvoyQuant x, other, w, first, y;    /* first: between the convolution and the sum with other */
  ConvoyValue bias, bias_scale;         /* int32, or float32 without a scale; CONVOY_NONE: none */
  float low, high, low_first, high_first;       /* bounds of the functions before y and first */
  ConvoyWindow window;
  gint64 groups, outputs, inputs;       /* channels; inputs: of a group */
  gint64 o_stride, c_stride, tap_stride;        /* of the weights, in elements */
  gboolean floats;                      /* the output is the node's, float32 */
  gboolean maximum, count_padding;
  gint64 at[4]; /* where in the output the input begins: image, channel, row, column */
  ConvoyValue pad; /* what stands round it, of the type of the output; CONVOY_NONE: 0 */
  guint pair;                   /* of a depthwise one: the root of the convolution before it, which is computed with it; 0: none, see bytes-pair.c */
  gboolean waits;               /* it is computed with the depthwise one after it */
} ConvoyUnit;

struct ConvoyByteState {
  ConvoyUnit *unit;             /* by node: of which it is the root */
  gboolean *covered;            /* by node: a unit computes it, or makes it needless */
  gboolean *wanted;             /* by value: a unit reads its bytes */
  gint64 (*border)[4];          /* by value: above, left, below, right, as units need it */
  struct {
    ConvoyBuf buf; /* CONVOY_NO_BUF: none yet */
    ConvoyBytes t;
    gboolean from_plain; /* with this zero point round them */
    ConvoyValue zero;
  } *bytes; /* by value */
  struct ConvoyByteStep **waiting;      /* by node: of a unit that waits */
};

static inline gboolean convoy_unit_is_depthwise (const ConvoyUnit *u) { return u->groups > 1 && u->inputs == 1 && u->outputs == u->groups; }

static inline gboolean
node_is (const ConvoyNode *n, const char *op)
{
  return n && strcmp (n->op->name, op) == 0;
}
static inline ConvoyValue
node_in (const ConvoyNode *n, guint i)
{
  return i < n->n_in ? n->in[i] : CONVOY_NONE;
}
static inline gboolean
is_byte (ConvoyType t)
{
  return t == CONVOY_U8 || t == CONVOY_I8;
}

/* Images, channels, rows, columns; FALSE: not a tensor that has them. */
gboolean convoy_bytes_shape (const ConvoyShape *s, ConvoyBytes *t);
guint convoy_bytes_direction (const ConvoyShape *s, gint64 axis); /* which of these an axis counts */
gboolean convoy_bytes_same_pixels (const ConvoyShape *a, const ConvoyShape *b);
/* A scale in float32 and a zero point of so many numbers, known before a run. */
gboolean convoy_bytes_known (ConvoyBuild *b, ConvoyValue scale, ConvoyValue zero, gint64 count);
gboolean convoy_bytes_is_view (ConvoyBuild *b, const ConvoyNode *n); /* of shapes, which moves no byte */
gboolean convoy_bytes_dequantized (ConvoyBuild *b, ConvoyValue v, ConvoyQuant *q); /* what v is dequantized from, through views */
gboolean convoy_bytes_source (ConvoyBuild *b, ConvoyValue v,
    ConvoyQuant *q); /* ... or bytes that a unit gives, under the quantization that it says */
gboolean convoy_bytes_root (ConvoyBuild *b, const ConvoyNode *n,
    ConvoyUnit *u); /* n as the root of a unit, as far as its inputs say; FALSE: it is none */
#endif
