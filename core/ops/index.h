/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * index.h - what operators on plain tensors share: element types, walks over strided arrays, maps. */
#ifndef CONVOY_OPS_INDEX_H
#define CONVOY_OPS_INDEX_H
#include "core/op.h"

/* --- element types --------------------------------------------------- */

/* Arithmetic is done in the widest type of a kind: double, gint64, guint64. */
typedef enum { CONVOY_REAL, CONVOY_SIGNED, CONVOY_UNSIGNED, CONVOY_N_KINDS } ConvoyKind;

/* Sets of types, for convoy_infer_type(). */
#define CONVOY_T(type) (1u << CONVOY_##type)
#define CONVOY_T_ALL G_MAXUINT
#define CONVOY_T_INDEX (CONVOY_T (I32) | CONVOY_T (I64))
#define CONVOY_T_REAL convoy_types_of (CONVOY_REAL)
#define CONVOY_T_NUMBER (CONVOY_T_ALL & ~CONVOY_T (BOOL))

ConvoyKind convoy_type_kind (ConvoyType type);                  /* bool counts as unsigned */
guint convoy_types_of (ConvoyKind kind);
gboolean convoy_type_from_onnx (gint64 onnx, ConvoyType *type); /* TensorProto.DataType; FALSE: not supported */

/* n elements of p, from element at, each step apart, to or from the widest type. An integer put into
 * a narrower one loses its high bits; a real that becomes an integer is cut off and saturates; into bool: is it not 0. */
void convoy_get_real (ConvoyType type, const void *p, gint64 at, gint64 step, gint64 n, double *out);
void convoy_put_real (ConvoyType type, void *p, gint64 at, gint64 step, gint64 n, const double *in);
void convoy_get_int (ConvoyType type, const void *p, gint64 at, gint64 step, gint64 n, gint64 *out);
void convoy_put_int (ConvoyType type, void *p, gint64 at, gint64 step, gint64 n, const gint64 *in);
double convoy_real_at (const ConvoyTensor *t, gint64 i);
gint64 convoy_int_at (const ConvoyTensor *t, gint64 i);
double *convoy_reals (const ConvoyTensor *t);           /* all of it, g_free(); NULL: no memory */
gboolean convoy_put_reals (const ConvoyNode *n, ConvoyTensor *t, double *v, GError **error);    /* the way back; frees v; v NULL: says that there was no memory */

/* --- walks ----------------------------------------------------------- */

#define CONVOY_WALK_DIMS (2 * CONVOY_MAX_DIMS)
#define CONVOY_WALK_ARRAYS 4

/* Nested loops over the same steps in several arrays. Unset: none, one step. */
typedef struct {
  guint n;                                              /* loops, outermost first */
  gint64 d[CONVOY_WALK_DIMS];                           /* steps of each */
  gint64 s[CONVOY_WALK_DIMS][CONVOY_WALK_ARRAYS];       /* elements that a step goes on in each array */
} ConvoyWalk;

/* n steps of the innermost loop: step j is element at[i] + j * step[i] of array i. FALSE ends the walk. */
typedef gboolean (*ConvoyRow) (gpointer user, gint64 n, const gint64 *at, const gint64 *step);

void convoy_walk_add (ConvoyWalk *w, gint64 d, gint64 s0, gint64 s1, gint64 s2, gint64 s3);     /* a loop inside the others */
gboolean convoy_walk (const ConvoyWalk *w, ConvoyRow row, gpointer user);
void convoy_strides (const ConvoyShape *s, gint64 *stride);                     /* of the dense array */
/* ... and of one of shape s spread over shape to, whose last dimensions it has: 0 where it is repeated */
void convoy_strides_to (const ConvoyShape *s, const ConvoyShape *to, gint64 *stride);
/* Elements of size bytes from array 1 to array 0. */
void convoy_copy (const ConvoyWalk *w, gsize size, void *dst, const void *src);
/* y += x[0] * x[1] * ..., n_x arrays of doubles; array 0 is y. */
void convoy_contract (const ConvoyWalk *w, double *y, const double *const *x, guint n_x);
gint64 convoy_count_range (const ConvoyShape *s, guint from, guint to);        /* product of dimensions from..to-1 */

/* --- maps: out[i] = f (in[0][i], in[1][i], ...), spread to one shape -- */

/* n elements in the widest type of a kind; bool results are 0 and 1. */
typedef void (*ConvoyMap) (gint64 n, void *const *x, void *y, const void *user);

/* One of two inputs, a and b, of that widest type. */
#define CONVOY_MAP2(name, T, expression) \
  static void \
  name (gint64 n, void *const *x, void *y, const void *user) \
  { \
    (void) user; \
    for (gint64 i = 0; i < n; i++) { \
      const T a = ((const T *) x[0])[i], b G_GNUC_UNUSED = ((const T *) x[1])[i]; \
      ((T *) y)[i] = expression; \
    } \
  }

/* At most CONVOY_WALK_ARRAYS - 1 inputs, all read as that kind. */
gboolean convoy_map (ConvoyTensor *const *in, guint n_in, ConvoyTensor *out, ConvoyKind kind, ConvoyMap f, const void *user);

/* --- infer ----------------------------------------------------------- */

#define CONVOY_GIVEN(n, in, i) ((i) < (n)->n_in && (in)[i].shape.n != G_MAXUINT)        /* of facts */
#define CONVOY_IN(n, in, i) ((i) < (n)->n_in ? (in)[i] : NULL)                          /* of tensors */
#define CONVOY_OUT(n, out, i) ((i) < (n)->n_out ? (out)[i] : NULL)

/* Input i is of one of the types, CONVOY_T_...; has min to max dimensions. */
gboolean convoy_infer_type (const ConvoyNode *n, const ConvoyFact *in, guint i, guint types, GError **error);
gboolean convoy_infer_rank (const ConvoyNode *n, const ConvoyFact *in, guint i, guint min, guint max, GError **error);
/* What was an attribute became input i with operator set since: the one must not be there from then on, the other not before. */
gboolean convoy_infer_form (const ConvoyNode *n, const ConvoyFact *in, guint i, const char *attr, guint since, GError **error);
/* Attribute attr, if it is there, is one that operator set until did away with. */
gboolean convoy_infer_until (const ConvoyNode *n, const char *attr, guint until, GError **error);
/* Axes of a tensor of that rank, from attribute "axes" or input i, as set bits; given: FALSE where neither is. */
gboolean convoy_infer_axes (const ConvoyNode *n, const ConvoyFact *in, guint i, guint since, guint rank, guint *axes, gboolean *given, GError **error);
gboolean convoy_infer_size (const ConvoyNode *n, const ConvoyShape *s, GError **error); /* no dimension negative, no overflow */
gboolean convoy_infer_same (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error);        /* as input 0 */
ConvoyFact *convoy_facts (const ConvoyNode *n, ConvoyTensor *const *in);       /* what infer saw, for eval; g_free() */
gboolean convoy_eval_copy (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error);   /* output 0 has the bytes of input 0 */
#endif
