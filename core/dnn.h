/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * dnn.h - the only door to oneDNN. dnn.c is the only file that includes dnnl.h, and the only one
 * that knows whether it is v2 or v3. Everything here is float32. */
#ifndef CONVOY_DNN_H
#define CONVOY_DNN_H
#include "core/convoy.h"

typedef struct ConvoyMd ConvoyMd;       /* memory descriptor: shape + layout */
typedef struct ConvoyPrim ConvoyPrim;   /* compiled primitive, stateless (user scratchpad) */
typedef struct ConvoyMem ConvoyMem;     /* descriptor + pointer */
/* How a layout places its numbers: by strides of the outer indices, and blocks within blocks. Borrowed from its ConvoyMd. */
typedef struct { int n, blocks; const gint64 *dims, *padded, *stride, *block, *block_of; } ConvoyLayout;
typedef struct ConvoyCall ConvoyCall;   /* primitive + its memories, ready to run */

/* What a buffer is to a primitive. */
typedef enum {
  CONVOY_ARG_SRC, CONVOY_ARG_SRC1, CONVOY_ARG_WEI, CONVOY_ARG_BIAS, CONVOY_ARG_DST, CONVOY_ARG_MEAN, CONVOY_ARG_VARIANCE,
  CONVOY_ARG_SCALE, CONVOY_ARG_SHIFT, CONVOY_ARG_DW_WEI, CONVOY_ARG_DW_BIAS,
  CONVOY_ARG_DSRC, CONVOY_ARG_DDST, CONVOY_ARG_DWEI, CONVOY_ARG_DBIAS,  /* gradients */
  CONVOY_ARG_WORKSPACE,         /* what a forward pass leaves for its backward pass */
  CONVOY_ARG_SCRATCH,
  CONVOY_ARG_MULTI = 64,        /* + i: source i of a concatenation */
} ConvoyArg;

/* Functions of one variable that oneDNN knows as eltwise, with its meaning of a and b. */
typedef enum {
  CONVOY_EW_RELU,               /* x > 0 ? x : a * x */
  CONVOY_EW_CLIP,               /* min (max (x, a), b) */
  CONVOY_EW_LINEAR,             /* a * x + b */
  CONVOY_EW_LOGISTIC, CONVOY_EW_TANH,
  CONVOY_EW_ELU,                /* x > 0 ? x : a * (exp (x) - 1) */
  CONVOY_EW_ABS, CONVOY_EW_SQRT, CONVOY_EW_SQUARE, CONVOY_EW_EXP, CONVOY_EW_LOG,
  CONVOY_EW_ROUND,              /* half to even */
  CONVOY_EW_HSWISH,             /* x * clip (x / 6 + 1 / 2, 0, 1) */
  CONVOY_EW_SOFTPLUS, CONVOY_EW_MISH, CONVOY_EW_GELU_ERF, CONVOY_EW_GELU_TANH,
  CONVOY_EW_SWISH,              /* x / (1 + exp (-a * x)) */
  CONVOY_N_EW
} ConvoyEw;

typedef enum { CONVOY_BIN_ADD, CONVOY_BIN_SUB, CONVOY_BIN_MUL, CONVOY_BIN_DIV, CONVOY_BIN_MAX, CONVOY_BIN_MIN, CONVOY_N_BIN } ConvoyBin;

typedef enum { CONVOY_POOL_MAX, CONVOY_POOL_AVG, CONVOY_POOL_AVG_PADDED } ConvoyPool;   /* the last counts the padding in */

/* What a primitive does to its result before storing it, in order. */
typedef struct {
  guint n;
  struct {
    enum { CONVOY_DP_EW, CONVOY_DP_SUM, CONVOY_DP_DEPTHWISE } kind;     /* SUM: adds what the destination holds */
    ConvoyEw ew;
    float a, b;
    gint64 stride;              /* of the depthwise 3x3, padding 1 */
    gboolean bias;              /* ... has one */
  } p[12];
} ConvoyDnnPosts;

#define CONVOY_MAX_SPATIAL 3
typedef struct {                /* per spatial dimension, ONNX meaning */
  guint n;
  gint64 kernel[CONVOY_MAX_SPATIAL], stride[CONVOY_MAX_SPATIAL], dilation[CONVOY_MAX_SPATIAL];
  gint64 before[CONVOY_MAX_SPATIAL], after[CONVOY_MAX_SPATIAL];         /* padding */
} ConvoyWindow;

ConvoyMd *convoy_md_plain (const ConvoyShape *s);               /* row-major; a scalar has one dimension of 1 */
ConvoyMd *convoy_md_any (const ConvoyShape *s);                 /* the primitive decides */
ConvoyMd *convoy_md_blocked (const ConvoyShape *s);             /* nCw16c, nChw16c, nCdhw16c */
ConvoyMd *convoy_md_channels_last (const ConvoyShape *s);
ConvoyMd *convoy_md_strided (const ConvoyShape *s, const gint64 *stride);
ConvoyMd *convoy_md_rebatch (const ConvoyMd *m, gint64 n);      /* the same layout for n in the first dimension; NULL: it is none of the above */
ConvoyMd *convoy_md_dup (const ConvoyMd *m);
void convoy_md_free (ConvoyMd *m);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ConvoyMd, convoy_md_free)
gboolean convoy_md_equal (const ConvoyMd *a, const ConvoyMd *b);
gboolean convoy_md_same_bytes (const ConvoyMd *a, const ConvoyMd *b);   /* a buffer of one may be read as the other */
gboolean convoy_md_strides (const ConvoyMd *m, gint64 *stride);         /* FALSE: blocked */
gboolean convoy_md_dense (const ConvoyMd *m);                   /* no padding: every float is an element */
ConvoyLayout convoy_md_layout (const ConvoyMd *m);
gsize convoy_md_size (const ConvoyMd *m);                       /* bytes */
ConvoyShape convoy_md_shape (const ConvoyMd *m);
guint convoy_md_block (const ConvoyMd *m);                      /* of channels: 1 plain, 16 nChw16c, 0: neither */

ConvoyPrim *convoy_dnn_conv (const ConvoyWindow *w, const ConvoyMd *src, const ConvoyMd *wei, const ConvoyMd *bias, const ConvoyMd *dst,
    const ConvoyDnnPosts *posts, GError **error);
/* The same by minimal filtering (S. Winograd, 1980; A. Lavin, S. Gray, 2016), square x square outputs at a time, 2 or 4: 3x3
 * with fewer multiplications, and rounding errors some times as large. NULL: not for this one, or oneDNN 3, which has none. */
ConvoyPrim *convoy_dnn_conv_winograd (guint square, const ConvoyWindow *w, const ConvoyMd *src, const ConvoyMd *wei,
    const ConvoyMd *bias, const ConvoyMd *dst, const ConvoyDnnPosts *posts);
ConvoyPrim *convoy_dnn_ip (const ConvoyMd *src, const ConvoyMd *wei, const ConvoyMd *bias, const ConvoyMd *dst, const ConvoyDnnPosts *posts, GError **error);
ConvoyPrim *convoy_dnn_matmul (const ConvoyMd *a, const ConvoyMd *b, const ConvoyMd *dst, const ConvoyDnnPosts *posts, GError **error);
ConvoyPrim *convoy_dnn_eltwise (ConvoyEw k, float a, float b, const ConvoyMd *md, GError **error);
ConvoyPrim *convoy_dnn_binary (ConvoyBin k, const ConvoyMd *a, const ConvoyMd *b, const ConvoyMd *dst, const ConvoyDnnPosts *posts, GError **error);
ConvoyPrim *convoy_dnn_pool (ConvoyPool k, const ConvoyWindow *w, const ConvoyMd *src, const ConvoyMd *dst, const ConvoyDnnPosts *posts, GError **error);
ConvoyPrim *convoy_dnn_batchnorm (const ConvoyMd *md, float epsilon, gboolean relu, GError **error);    /* inference */
ConvoyPrim *convoy_dnn_concat (guint axis, const ConvoyMd *const *src, guint n, const ConvoyMd *dst, GError **error);
/* Backward passes: gradients of what a forward primitive reads, from that of what it writes.
 * forward: a primitive of the same kind and shapes, which oneDNN wants as a hint. */
ConvoyPrim *convoy_dnn_conv_data (const ConvoyWindow *w, const ConvoyMd *dsrc, const ConvoyMd *wei, const ConvoyMd *ddst, const ConvoyPrim *forward, GError **error);
ConvoyPrim *convoy_dnn_conv_weights (const ConvoyWindow *w, const ConvoyMd *src, const ConvoyMd *dwei, const ConvoyMd *dbias, const ConvoyMd *ddst,
    const ConvoyPrim *forward, GError **error);
ConvoyPrim *convoy_dnn_ip_data (const ConvoyMd *dsrc, const ConvoyMd *wei, const ConvoyMd *ddst, const ConvoyPrim *forward, GError **error);
ConvoyPrim *convoy_dnn_ip_weights (const ConvoyMd *src, const ConvoyMd *dwei, const ConvoyMd *dbias, const ConvoyMd *ddst, const ConvoyPrim *forward, GError **error);
/* y[i][j] = sum over n of a[n][i] b[n][j], rows x cols of them; rows of a, b and y are so many floats apart. In the calling
 * thread where others run beside it. */
void convoy_dnn_outer (gsize n, const float *a, gsize a_step, gsize rows, const float *b, gsize b_step, gsize cols, float *y, gsize y_step);
/* Pooling that can go back: the maximum leaves a workspace. */
ConvoyPrim *convoy_dnn_pool_learning (ConvoyPool k, const ConvoyWindow *w, const ConvoyMd *src, const ConvoyMd *dst, GError **error);
ConvoyPrim *convoy_dnn_pool_back (ConvoyPool k, const ConvoyWindow *w, const ConvoyMd *dsrc, const ConvoyMd *ddst, const ConvoyPrim *forward, GError **error);
ConvoyPrim *convoy_dnn_reorder (const ConvoyMd *from, const ConvoyMd *to, GError **error);

const ConvoyMd *convoy_prim_md (ConvoyPrim *p, ConvoyArg which);        /* borrowed; NULL for a NULL p or when it has none */
const char *convoy_prim_impl (const ConvoyPrim *p);
void convoy_prim_free (ConvoyPrim *p);

ConvoyMem *convoy_mem_new (const ConvoyMd *md, void *data, GError **error);
void convoy_mem_point (ConvoyMem *m, void *data);
void convoy_mem_free (ConvoyMem *m);
ConvoyCall *convoy_call_new (const ConvoyPrim *p, guint n, const ConvoyArg *arg, ConvoyMem *const *mem);
void convoy_call_free (ConvoyCall *c);
gboolean convoy_call_run (const ConvoyCall *c, GError **error);

/* The processor has registers of 16 floats, so layouts in blocks of 16 channels are its own. */
gboolean convoy_dnn_is_wide (void);
/* It adds up fours of products of bytes in one instruction (AVX-512 VNNI). */
gboolean convoy_dnn_has_vnni (void);
/* It multiplies tiles of bfloat16 (AMX), and the system lets this process. */
gboolean convoy_dnn_has_tiles (void);

/* Of the calling thread; 0: one. */
void convoy_dnn_threads (guint n);
/* Calls work with 0 to n - 1, each in a thread of its own, and waits for all. */
void convoy_dnn_side_by_side (guint n, void (*work) (guint i, void *data), void *data);
#endif
