/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * op.h - what the author of an operator needs, and nothing else.
 *
 * An operator is one const ConvoyOp in a file under ops/ and one row in op.c. Its name and
 * attribute names are ONNX's, so import and export need no code. It says how shapes follow
 * (infer) and how values follow, in one or both of two ways:
 *   eval     on plain tensors: folds constants, and runs as a step where there is no forward;
 *   forward  appends oneDNN primitives or kernels to a plan, in the layouts that they like.
 * Gradients likewise: grad on plain tensors, backward by appending to the plan. */
#ifndef CONVOY_OP_H
#define CONVOY_OP_H
#include "core/dnn.h"
#include "core/shuffle.h"
#include "core/vector.h"

typedef struct ConvoyNode ConvoyNode;
typedef struct ConvoyOp ConvoyOp;
typedef struct ConvoyBuild ConvoyBuild; /* a plan under construction */
typedef guint ConvoyBuf;                /* index of a buffer in that plan */
#define CONVOY_NO_BUF ((ConvoyBuf) -1)

/* What is known of an input or output of a node while its shapes are inferred. */
typedef struct {
  ConvoyType type;
  ConvoyShape shape;
  ConvoyTensor *value;          /* borrowed; NULL: not a constant. An infer that sets it on an output gives a reference away */
} ConvoyFact;

/* An operation that rides on its producer's output instead of being a step of its own. */
typedef struct {
  enum {
    CONVOY_POST_NONE,
    CONVOY_POST_EW,             /* n_ew functions, one after the other */
    CONVOY_POST_ADD,            /* adds the value other, of the same shape (residual sum) */
    CONVOY_POST_AFFINE,         /* per channel, (x - mean) / sqrt (variance + epsilon) * scale + shift; folds into weights */
    CONVOY_POST_DEPTHWISE,      /* a depthwise 3x3 convolution, padding 1, on a 1x1 convolution */
  } kind;
  guint n_ew;
  struct { ConvoyEw kind; float a, b; } ew[4];
  ConvoyValue other;            /* ADD */
  ConvoyValue scale, shift, mean, variance;     /* AFFINE: as many elements as channels; CONVOY_NONE: left out */
  float epsilon;
  const ConvoyNode *node;       /* the node that rides */
} ConvoyPost;

#define CONVOY_OP_SINCE 6
#define CONVOY_MAX_TAKEN 2

/* flags of a row */
#define CONVOY_OP_POINTWISE 1   /* eval reads and writes element i by i: it may run in any layout without padding */
#define CONVOY_OP_SAMPLEWISE 256        /* sample i of the output (first dimension) depends on sample i of the inputs and on weights, unless
                                         * the attributes axis, transA or training_mode say otherwise; as of POINTWISE and ALIAS */
#define CONVOY_OP_ALIAS 2       /* the output has the bytes of the first input in plain layout, under another shape */
#define CONVOY_OP_GRAD_FROM_OUT 4       /* grad reads the output and no input; that of a POINTWISE one is 0 or finite where both are 0 */
#define CONVOY_OP_GRAD_LINEAR 8 /* grad reads neither, but for inputs that are constants */
#define CONVOY_OP_BACK_POSTS 16 /* backward goes back through what rides on the node, too */
#define CONVOY_OP_LOSS 32       /* only in plans that learn; no file has it */
#define CONVOY_OP_SHAPE 64      /* the output follows from the shape of the input, whatever is in it */

struct ConvoyOp {
  const char *name;             /* ONNX op_type */
  guint min_in, max_in;         /* inputs; G_MAXUINT: any number */
  guint max_out;                /* outputs; 0 means 1. Those after the first are optional */
  const char *attrs;            /* the attributes it honours with their types, any other is refused:
                                 * "axis=i alpha=f auto_pad=s pads=I scales=F value=t"; "+" before a name: required */
  guint flags;
  guint since;                  /* the first operator set in which it means what is implemented; 0: CONVOY_OP_SINCE */
  guint const_in;               /* bit i: input i steers the shape or the kernel and must be a constant when bound */
  guint no_grad;                /* bit i: input i has no gradient (indices, statistics, bounds) */
  guint state_in;               /* bit i: input i is a statistic, which steps of forward change where the node learns */
  /* Type and shape of each output. All inputs' are known. in[i].shape.n == G_MAXUINT: left out. */
  gboolean (*infer) (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error);
  /* Compute plain outputs (allocated, of the inferred shape) from plain inputs (NULL: left out). */
  gboolean (*eval) (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error);
  /* Append the steps that compute it. FALSE: this node (its type, say) is not for it; eval then. */
  gboolean (*forward) (ConvoyBuild *b, const ConvoyNode *n);
  /* Describe it as riding on the producer of value v, one of its inputs; NULL or FALSE: cannot. */
  gboolean (*as_post) (ConvoyBuild *b, const ConvoyNode *n, ConvoyValue v, ConvoyPost *post);
  /* May post ride on n, behind the count posts that do already? NULL: nothing may. */
  gboolean (*takes_post) (ConvoyBuild *b, const ConvoyNode *n, const ConvoyPost *posts, guint count, const ConvoyPost *post);
  /* Nodes before n whose work its steps can do as well, so that their outputs are never made: fills taken, up to CONVOY_MAX_TAKEN.
   * Gives how many; NULL or 0: none. Forward and backward then find them by convoy_build_taken(). */
  guint (*takes_in) (ConvoyBuild *b, const ConvoyNode *n, const ConvoyNode **taken);
  /* Compute the gradient of each input (din[i] NULL: not wanted) from those of the outputs (dout[i]
   * NULL: none), all plain float32. in and out: see the flags; else all of in, none of out. */
  gboolean (*grad) (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, ConvoyTensor *const *dout, ConvoyTensor *const *din, GError **error);
  /* Append the steps that compute them. FALSE: this node is not for it; grad then. */
  gboolean (*backward) (ConvoyBuild *b, const ConvoyNode *n);
  /* Multiplications, and the formula of the parameters, for summary; NULL: none. */
  gint64 (*macs) (const ConvoyNode *n, const ConvoyFact *in, const ConvoyFact *out, char **formula);
};

/* Whether input i is in a set of them, such as const_in. */
static inline gboolean
convoy_op_has (guint set, guint i)
{
  return i < 32 && (set >> i & 1);
}

extern const ConvoyOp *const convoy_ops[];
const ConvoyOp *convoy_op_find (const char *name);      /* NULL: it is not supported */

struct ConvoyNode {
  const ConvoyOp *op;
  char *name;                   /* "" where the file gives none */
  guint opset;
  guint n_in, n_out;
  ConvoyValue *in;              /* CONVOY_NONE: an optional input left out */
  ConvoyValue out;              /* the first; the others follow */
  ConvoyAttrs *attrs;
};

/* Attributes; dflt where absent. Types were checked against the row when the node was made. */
gboolean convoy_node_has (const ConvoyNode *n, const char *key);
/* The row of a table, whose rows begin with the name of an operator, that is n's; it is there. */
guint convoy_node_row (const ConvoyNode *n, const void *rows, gsize size);
gint64 convoy_node_int (const ConvoyNode *n, const char *key, gint64 dflt);
float convoy_node_float (const ConvoyNode *n, const char *key, float dflt);
const char *convoy_node_str (const ConvoyNode *n, const char *key, const char *dflt);
const gint64 *convoy_node_ints (const ConvoyNode *n, const char *key, gsize *len);      /* NULL and 0 where absent */
const float *convoy_node_floats (const ConvoyNode *n, const char *key, gsize *len);
ConvoyTensor *convoy_node_tensor (const ConvoyNode *n, const char *key);                /* borrowed */

/* Helpers of infer. Each sets error, with the operator's name and the numbers, and gives FALSE. */
gboolean convoy_infer_fail (const ConvoyNode *n, GError **error, const char *format, ...) G_GNUC_PRINTF (3, 4);
gboolean convoy_infer_axis (const ConvoyNode *n, gint64 axis, guint rank, guint *out, GError **error);  /* -rank..rank-1 */
gboolean convoy_infer_broadcast (const ConvoyNode *n, const ConvoyShape *a, const ConvoyShape *b, ConvoyShape *out, GError **error);
/* Integers from input i if it is given (a constant int64 or int32), else from the attribute; NULL
 * and 0 where neither is. free with g_free(). FALSE: it is given but no constant integer vector. */
gboolean convoy_infer_ints (const ConvoyNode *n, const ConvoyFact *in, guint i, const char *attr, gint64 **v, gsize *len, GError **error);

/* From the attributes strides, dilations, pads, auto_pad and the sizes of a kernel over x
 * (NxCx...): fills w, and the spatial sizes of out, which has x's rank. ceil_mode rounds up, with
 * more padding behind. */
gboolean convoy_window_init (const ConvoyNode *n, const ConvoyShape *x, const gint64 *kernel, gsize n_kernel, gboolean ceil_mode, ConvoyWindow *w,
    ConvoyShape *out, GError **error);

/* Builder. Values live in buffers; a buffer has a layout (ConvoyMd). The first failure sticks:
 * after it every call is a no-op, so operators never check. A step that depends on no input of
 * the graph runs once for each version of the weights, not in every run: that is how constants
 * fold, BatchNormalization folds and weights are packed, by one rule. */
GError **convoy_build_error (ConvoyBuild *b);   /* pass this to convoy_dnn_*() */
const ConvoyShape *convoy_build_shape (ConvoyBuild *b, ConvoyValue v);
ConvoyType convoy_build_type (ConvoyBuild *b, ConvoyValue v);
ConvoyTensor *convoy_build_const (ConvoyBuild *b, ConvoyValue v);               /* borrowed; NULL: no constant */
gboolean convoy_build_static (ConvoyBuild *b, ConvoyValue v);                   /* depends on nothing but constants and weights */
const ConvoyPost *convoy_build_posts (ConvoyBuild *b, const ConvoyNode *n, guint *count);       /* what rides on n, in order */
const ConvoyNode *convoy_build_maker (ConvoyBuild *b, ConvoyValue v);            /* the node that gives v; NULL: none, it is an input, a weight or a constant */
gboolean convoy_build_only_reader (ConvoyBuild *b, ConvoyValue v, const ConvoyNode *n); /* nothing but n reads v, which is no output of the graph */
const ConvoyNode *const *convoy_build_taken (ConvoyBuild *b, const ConvoyNode *n, guint *count);        /* what n has taken in */
guint convoy_build_winograd (ConvoyBuild *b,
    const ConvoyNode
        *n); /* ... n, a convolution, shall be computed in squares of this many rows, 2 or 4, by Winograd's way; 0: it shall not */
gboolean convoy_build_depthwise (ConvoyBuild *b, const ConvoyNode *n);  /* in this plan n, a depthwise convolution, shall ride on the 1x1 before it */
gboolean convoy_build_tiles (ConvoyBuild *b,
    const ConvoyNode *n); /* ... n, a convolution, shall be computed by products of tiles if it can */
guint convoy_build_threads (ConvoyBuild *b); /* that run a step */
const ConvoyMd *convoy_build_md (ConvoyBuild *b, ConvoyBuf buf);
ConvoyMd *convoy_build_any (ConvoyBuild *b, const ConvoyShape *s);      /* the plan's preferred activation layout; owned by caller */
ConvoyBuf convoy_build_in (ConvoyBuild *b, ConvoyValue v);                      /* current buffer of a value */
ConvoyBuf convoy_build_in_as (ConvoyBuild *b, ConvoyBuf buf, const ConvoyMd *md);       /* reordered if need be */
ConvoyBuf convoy_build_in_plain (ConvoyBuild *b, ConvoyValue v);
/* The bytes of buf read as another shape and layout; for a weight that an operator sees its own way. */
ConvoyBuf convoy_build_view (ConvoyBuild *b, ConvoyBuf buf, const ConvoyShape *shape, const ConvoyMd *md);
/* The buffer of v, and of what the nodes riding on its producer make of it; md NULL: plain. */
ConvoyBuf convoy_build_out (ConvoyBuild *b, ConvoyValue v, const ConvoyMd *md);
ConvoyBuf convoy_build_out_in (ConvoyBuild *b, ConvoyValue v, ConvoyBuf share); /* ... in the place of share, over its bytes */
/* What v is computed into shall lie in to, so many bytes from its start. FALSE: it cannot, for more than n reads it. */
gboolean convoy_build_place (ConvoyBuild *b, ConvoyValue v, const ConvoyNode *n, ConvoyBuf to, gsize offset);
ConvoyBuf convoy_build_tmp (ConvoyBuild *b, const ConvoyShape *shape, const ConvoyMd *md);
ConvoyBuf convoy_build_memory (ConvoyBuild *b,
    const ConvoyShape
        *shape); /* plain; what steps write there is there in the next run, until weights change: then it is zeros, as at first */
/* v may be overwritten by rider, which would ride on n: nothing else reads it from n on. */
gboolean convoy_build_last_use (ConvoyBuild *b, ConvoyValue v, const ConvoyNode *n, const ConvoyNode *rider);
void convoy_build_prim (ConvoyBuild *b, const char *what, ConvoyPrim *p, ...);  /* takes p over; ConvoyArg, ConvoyBuf pairs, end with -1 */
void convoy_build_concat (ConvoyBuild *b, ConvoyPrim *p, const ConvoyBuf *src, guint n, ConvoyBuf dst);
/* --- in plans that learn ---------------------------------------------- */

gboolean convoy_build_learning (ConvoyBuild *b, const ConvoyNode *n);   /* n is not in a frozen part */
gboolean convoy_build_wants (ConvoyBuild *b, ConvoyValue v);            /* v has a gradient: what learns depends on it or is it */
/* The weight v in its own layout, seen in another shape; given: the layout in which the bytes are the plain tensor. */
ConvoyBuf convoy_build_weight (ConvoyBuild *b, ConvoyValue v, const ConvoyShape *s, const ConvoyMd *given);
ConvoyBuf convoy_build_last (ConvoyBuild *b, const ConvoyNode *n, ConvoyValue *v);      /* what the steps of n end in, with all that rides on n */
ConvoyBuf convoy_build_grad (ConvoyBuild *b, ConvoyValue v);            /* the gradient of v, complete; CONVOY_NO_BUF: none */
/* A buffer for what this node adds to the gradient of v, one of its inputs; to be filled by steps
 * and then handed over with _done(). md may be of another shape than v: given is then the layout
 * in which the bytes are those of the plain tensor; NULL: the shape is that of v. */
ConvoyBuf convoy_build_grad_out (ConvoyBuild *b, ConvoyValue v, const ConvoyMd *given, const ConvoyMd *md);
void convoy_build_grad_done (ConvoyBuild *b, ConvoyValue v, ConvoyBuf buf, const ConvoyMd *given);
void convoy_build_grad_pass (ConvoyBuild *b, ConvoyValue v, ConvoyBuf dy);      /* what this node adds is dy itself, of any shape of as many elements */
/* The gradient of v, one of n's inputs, would be the product of rows, transposed, and cols, both plain: samples x its rows, samples x its
 * columns, as it lies. TRUE: it is left at that, and n need not compute it. */
gboolean convoy_build_grad_outer (ConvoyBuild *b, ConvoyValue v, const ConvoyNode *n, ConvoyBuf rows, ConvoyBuf cols);
/* The weight or statistic v as the plan's own, to be changed by steps (running averages). */
ConvoyBuf convoy_build_state (ConvoyBuild *b, ConvoyValue v);
ConvoyBuf convoy_build_seed (ConvoyBuild *b);                   /* two int64: seed and step of the run */
ConvoyBuf convoy_build_part (ConvoyBuild *b, ConvoyBuf buf, const ConvoyShape *s, gsize offset);        /* plain, from a byte of buf on */
void convoy_build_keep (ConvoyBuild *b, const ConvoyNode *n, ConvoyBuf buf);    /* what forward leaves for backward */
ConvoyBuf convoy_build_kept (ConvoyBuild *b, const ConvoyNode *n);              /* CONVOY_NO_BUF: nothing */

/* A kernel of our own: data[i] is buffer i of the list. user is freed with the plan. */
typedef void (*ConvoyKernel) (void *const data[], const void *user);
void convoy_build_call (ConvoyBuild *b, const char *what, ConvoyKernel k, gpointer user, guint n_in, guint n_out, ...);
/* One that what is in a buffer can make fail, which ends the run. */
typedef gboolean (*ConvoyTrial) (void *const data[], const void *user, GError **error);
void convoy_build_trial (ConvoyBuild *b, const char *what, ConvoyTrial t, gpointer user, guint n_in, guint n_out, ...);
#endif
