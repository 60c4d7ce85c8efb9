/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * activation.c - the activations that oneDNN has as eltwise functions; each rides on its producer. */
#include "core/ops/index.h"
#include "core/ops/window.h"
#include <float.h>
#include <math.h>
#include <string.h>

/* How a node is made of eltwise functions; FALSE: it is not, in this form. */
typedef gboolean (*Describe) (ConvoyBuild *b, const ConvoyNode *n, ConvoyPost *post);

static gboolean
infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  return convoy_infer_type (n, in, 0, CONVOY_T_REAL, error) && convoy_infer_same (n, in, out, error);
}

static void
push (ConvoyPost *p, ConvoyEw kind, float a, float b)
{
  p->ew[p->n_ew].kind = kind;
  p->ew[p->n_ew].a = a;
  p->ew[p->n_ew++].b = b;
}

/* Functions whose one or two attributes are oneDNN's a and b. */
static const struct { const char *op; ConvoyEw kind; const char *a_key; float a; } simple[] = {
  { "Relu", CONVOY_EW_RELU, NULL, 0 },
  { "LeakyRelu", CONVOY_EW_RELU, "alpha", 0.01f },
  { "Sigmoid", CONVOY_EW_LOGISTIC, NULL, 0 },
  { "Tanh", CONVOY_EW_TANH, NULL, 0 },
  { "Elu", CONVOY_EW_ELU, "alpha", 1 },
  { "HardSwish", CONVOY_EW_HSWISH, NULL, 0 },
};

/* Softplus is not among them: oneDNN loses it to cancellation where x is far below 0. */
static gboolean
describe_simple (ConvoyBuild *b, const ConvoyNode *n, ConvoyPost *post)
{
  (void) b;
  for (guint i = 0; i < G_N_ELEMENTS (simple); i++)
    if (strcmp (simple[i].op, n->op->name) == 0)
      push (post, simple[i].kind, simple[i].a_key ? convoy_node_float (n, simple[i].a_key, simple[i].a) : simple[i].a, 0);
  return post->n_ew > 0;
}

static gboolean
describe_hard_sigmoid (ConvoyBuild *b, const ConvoyNode *n, ConvoyPost *post)
{
  (void) b;
  push (post, CONVOY_EW_LINEAR, convoy_node_float (n, "alpha", 0.2f), convoy_node_float (n, "beta", 0.5f));
  push (post, CONVOY_EW_CLIP, 0, 1);
  return TRUE;
}

/* Bounds are attributes before operator set 11 and inputs since. */
static gboolean
clip_bounds (const ConvoyNode *n, const ConvoyTensor *const *bound, float *lo, float *hi)
{
  float *v[2] = { lo, hi };
  *lo = convoy_node_float (n, "min", -FLT_MAX);
  *hi = convoy_node_float (n, "max", FLT_MAX);
  for (guint i = 0; i < 2; i++)
    if (bound[i] && convoy_tensor_type (bound[i]) == CONVOY_F32 && convoy_tensor_count (bound[i]) == 1)
      *v[i] = *(const float *) convoy_tensor_data (bound[i]);
    else if (bound[i])
      return FALSE;
  return *lo <= *hi && !isnan (*lo) && !isnan (*hi);
}

static gboolean
describe_clip (ConvoyBuild *b, const ConvoyNode *n, ConvoyPost *post)
{
  const ConvoyTensor *bound[2] = { NULL, NULL };
  float lo, hi;
  for (guint i = 1; i < n->n_in; i++)
    if (n->in[i] != CONVOY_NONE && (bound[i - 1] = convoy_build_const (b, n->in[i])) == NULL)
      return FALSE;
  if (!clip_bounds (n, bound, &lo, &hi))
    return FALSE;
  if (lo == 0 && hi == FLT_MAX)
    push (post, CONVOY_EW_RELU, 0, 0);
  else
    push (post, CONVOY_EW_CLIP, lo, hi);
  return TRUE;
}

static gboolean
describe (ConvoyBuild *b, const ConvoyNode *n, ConvoyPost *post)
{
  static const struct { const char *op; Describe describe; } special[] = { { "Clip", describe_clip }, { "HardSigmoid", describe_hard_sigmoid } };
  post->kind = CONVOY_POST_EW;
  post->n_ew = 0;
  if (convoy_build_type (b, n->in[0]) != CONVOY_F32)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (special); i++)
    if (strcmp (special[i].op, n->op->name) == 0)
      return special[i].describe (b, n, post);
  return describe_simple (b, n, post);
}

static gboolean
as_post (ConvoyBuild *b, const ConvoyNode *n, ConvoyValue v, ConvoyPost *post)
{
  return v == n->in[0] && describe (b, n, post);
}

/* Only what forward computes carries riders: eval knows nothing of them. */
static gboolean
takes_post (ConvoyBuild *b, const ConvoyNode *n, const ConvoyPost *posts, guint count, const ConvoyPost *post)
{
  ConvoyPost own = { 0 };
  return describe (b, n, &own) && convoy_takes_eltwise (b, n, posts, count, post);
}

/* A step for each function, from the second on in place: oneDNN 3 has no function on a function, and
 * 2.6 only on its reference code. */
static void
chain (ConvoyBuild *b, const ConvoyNode *n, const ConvoyPost *post, ConvoyBuf *x, ConvoyBuf y)
{
  for (guint i = 0; i < post->n_ew; i++, *x = y)
    convoy_build_prim (b, n->op->name, convoy_dnn_eltwise (post->ew[i].kind, post->ew[i].a, post->ew[i].b, convoy_build_md (b, y), convoy_build_error (b)),
        CONVOY_ARG_SRC, *x, CONVOY_ARG_DST, y, -1);
}

static gboolean
forward (ConvoyBuild *b, const ConvoyNode *n)
{
  ConvoyPost post = { 0 };
  guint count;
  const ConvoyPost *posts = convoy_build_posts (b, n, &count);
  if (!describe (b, n, &post) || convoy_shape_count (convoy_build_shape (b, n->in[0])) == 0)
    return FALSE;
  ConvoyBuf x = convoy_build_in (b, n->in[0]), y = convoy_build_out (b, n->out, convoy_build_md (b, x));
  chain (b, n, &post, &x, y);
  for (guint k = 0; k < count; k++)
    chain (b, n, &posts[k], &x, y);
  return TRUE;
}

/* --- on plain tensors ------------------------------------------------ */

static double relu (double x, double a, double b) { (void) b; return x > 0 ? x : a * x; }
static double logistic (double x, double a, double b) { (void) a, (void) b; return 1 / (1 + exp (-x)); }
static double hyperbolic (double x, double a, double b) { (void) a, (void) b; return tanh (x); }
static double elu (double x, double a, double b) { (void) b; return x > 0 ? x : a * expm1 (x); }
static double hard_swish (double x, double a, double b) { (void) a, (void) b; return x * fmin (fmax (x / 6 + 0.5, 0), 1); }
static double softplus (double x, double a, double b) { (void) a, (void) b; return x > 0 ? x + log1p (exp (-x)) : log1p (exp (x)); }
static double hard_sigmoid (double x, double a, double b) { return fmin (fmax (a * x + b, 0), 1); }

typedef struct { const char *op; double (*f) (double, double, double); float alpha, beta; } Function;

static const Function functions[] = {
  { "Relu", relu, 0, 0 }, { "LeakyRelu", relu, 0.01f, 0 }, { "Sigmoid", logistic, 0, 0 }, { "Tanh", hyperbolic, 0, 0 }, { "Elu", elu, 1, 0 },
  { "HardSwish", hard_swish, 0, 0 }, { "Softplus", softplus, 0, 0 }, { "HardSigmoid", hard_sigmoid, 0.2f, 0.5f },
};

static void
apply (gint64 n, void *const *x, void *y, const void *user)
{
  const Function *f = user;
  for (gint64 i = 0; i < n; i++)
    ((double *) y)[i] = f->f (((const double *) x[0])[i], f->alpha, f->beta);
}

static gboolean
eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  Function f = functions[convoy_node_row (n, functions, sizeof *functions)];
  (void) error;
  f.alpha = convoy_node_float (n, "alpha", f.alpha);
  f.beta = convoy_node_float (n, "beta", f.beta);
  return convoy_map (in, 1, out[0], CONVOY_REAL, apply, &f);
}

/* --- gradients, from the result y alone ------------------------------- */

#define PIECE 4096              /* floats that a thread takes at a time */

#define SLOPE(name, expression) \
  CONVOY_VECTORIZED static void \
  name##_piece (gint64 n, const float *y_of, const float *dy, float *dx, float a, float b) \
  { \
    (void) a, (void) b; \
    _Pragma ("omp simd") \
    for (gint64 i = 0; i < n; i++) { \
      const float y = y_of[i]; \
      dx[i] = dy[i] * (expression); \
    } \
  } \
  static void \
  name (gint64 n, const float *y, const float *dy, float *dx, float a, float b) \
  { \
    _Pragma ("omp parallel for") \
    for (gint64 i = 0; i < n; i += PIECE) \
      name##_piece (MIN (PIECE, n - i), y + i, dy + i, dx + i, a, b); \
  }

SLOPE (relu_slope, (y > 0 ? 1.0f : a))
SLOPE (logistic_slope, (y * (1 - y)))
SLOPE (hyperbolic_slope, (1 - y * y))
SLOPE (elu_slope, (y > 0 ? 1.0f : y + a))
SLOPE (softplus_slope, (1 - expf (-y)))
SLOPE (hard_sigmoid_slope, ((y > 0) & (y < 1) ? a : 0.0f))
SLOPE (clip_slope, ((y > a) & (y < b) ? 1.0f : 0.0f))

static const struct { const char *op; void (*f) (gint64, const float *, const float *, float *, float, float); float alpha; } slopes[] = {
  { "Relu", relu_slope, 0 }, { "LeakyRelu", relu_slope, 0.01f }, { "Sigmoid", logistic_slope, 0 }, { "Tanh", hyperbolic_slope, 0 }, { "Elu", elu_slope, 1 },
  { "Softplus", softplus_slope, 0 }, { "HardSigmoid", hard_sigmoid_slope, 0.2f },
};

static gboolean
grad (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, ConvoyTensor *const *dout, ConvoyTensor *const *din, GError **error)
{
  (void) in;
  for (guint k = 0; k < G_N_ELEMENTS (slopes); k++)
    if (strcmp (slopes[k].op, n->op->name) == 0) {
      float a = convoy_node_float (n, "alpha", slopes[k].alpha);
      if (a < 0)
        return convoy_infer_fail (n, error, "no gradient for alpha %g: the result does not tell the side", a);
      slopes[k].f (convoy_tensor_count (dout[0]), convoy_tensor_data (out[0]), convoy_tensor_data (dout[0]), convoy_tensor_data (din[0]), a, 0);
    }
  return TRUE;
}

#define ACTIVATION(id, op_name, attributes) \
  const ConvoyOp convoy_op_##id = { \
    .name = op_name, .min_in = 1, .max_in = 1, .attrs = attributes, .flags = CONVOY_OP_POINTWISE | CONVOY_OP_GRAD_FROM_OUT, \
    .infer = infer, .eval = eval, .forward = forward, .grad = grad, .as_post = as_post, .takes_post = takes_post, \
  }

ACTIVATION (relu, "Relu", NULL);                        /* ONNX 6, 13, 14 */
ACTIVATION (leaky_relu, "LeakyRelu", "alpha=f");        /* ONNX 6, 16 */
ACTIVATION (sigmoid, "Sigmoid", NULL);                  /* ONNX 6, 13 */
ACTIVATION (tanh, "Tanh", NULL);                        /* ONNX 6, 13 */
ACTIVATION (elu, "Elu", "alpha=f");                     /* ONNX 6 */
ACTIVATION (softplus, "Softplus", NULL);                /* ONNX 1 */
ACTIVATION (hard_sigmoid, "HardSigmoid", "alpha=f beta=f");     /* ONNX 6 */

/* --- Clip (ONNX 6, 11, 12, 13): any number type ---------------------- */

static gboolean
clip_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  for (guint i = 1; i < n->n_in; i++)
    if (in[i].shape.n != G_MAXUINT && (convoy_shape_count (&in[i].shape) != 1 || in[i].type != in[0].type))
      return convoy_infer_fail (n, error, "bound %u must be one %s", i, convoy_type_name (in[0].type));
  if (in[0].type == CONVOY_BOOL || ((convoy_node_has (n, "min") || convoy_node_has (n, "max")) && in[0].type != CONVOY_F32))
    return convoy_infer_fail (n, error, "%s is not supported", convoy_type_name (in[0].type));
  out[0] = (ConvoyFact) { in[0].type, in[0].shape, NULL };
  return TRUE;
}

/* MAX before MIN: where the lower bound is above the upper one, the upper wins, and NaN goes through.
 * x[2] is the lower bound or what there is instead of it, x[1] the upper one. */
#define CLIP(name, T) \
  static void \
  name (gint64 n, void *const *in, void *out, const void *user) \
  { \
    const T *x = in[0], *high = in[1], *low = in[2]; \
    (void) user; \
    for (gint64 i = 0; i < n; i++) { \
      T v = x[i] < low[i] ? low[i] : x[i]; \
      ((T *) out)[i] = v > high[i] ? high[i] : v; \
    } \
  }
CLIP (clip_real, double)
CLIP (clip_signed, gint64)
CLIP (clip_unsigned, guint64)

/* A bound that is not given is the outermost number of its kind. */
static ConvoyTensor *
clip_bound (const ConvoyNode *n, ConvoyTensor *given, const char *key, ConvoyKind kind, gboolean upper, GError **error)
{
  static const ConvoyType widest[CONVOY_N_KINDS] = { CONVOY_F64, CONVOY_I64, CONVOY_U64 };
  ConvoyTensor *t = given ? convoy_tensor_ref (given) : convoy_tensor_new (widest[kind], &(ConvoyShape) { 0 }, error);
  if (given || !t)
    return t;
  if (kind == CONVOY_REAL)
    *(double *) convoy_tensor_data (t) = convoy_node_float (n, key, upper ? INFINITY : -INFINITY);
  else if (kind == CONVOY_SIGNED)
    *(gint64 *) convoy_tensor_data (t) = upper ? G_MAXINT64 : G_MININT64;
  else
    *(guint64 *) convoy_tensor_data (t) = upper ? G_MAXUINT64 : 0;
  return t;
}

static gboolean
clip_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  static const ConvoyMap maps[CONVOY_N_KINDS] = { clip_real, clip_signed, clip_unsigned };
  ConvoyKind kind = convoy_type_kind (convoy_tensor_type (in[0]));
  g_autoptr (ConvoyTensor) low = clip_bound (n, CONVOY_IN (n, in, 1), "min", kind, FALSE, error);
  g_autoptr (ConvoyTensor) high = clip_bound (n, CONVOY_IN (n, in, 2), "max", kind, TRUE, error);
  return low && high && convoy_map ((ConvoyTensor *[]) { in[0], high, low }, 3, out[0], kind, maps[kind], NULL);
}

static gboolean
clip_grad (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, ConvoyTensor *const *dout, ConvoyTensor *const *din, GError **error)
{
  const ConvoyTensor *bound[2] = { n->n_in > 1 ? in[1] : NULL, n->n_in > 2 ? in[2] : NULL };
  float lo, hi;
  if (!clip_bounds (n, bound, &lo, &hi))
    return convoy_infer_fail (n, error, "no gradient for such bounds");
  clip_slope (convoy_tensor_count (dout[0]), convoy_tensor_data (out[0]), convoy_tensor_data (dout[0]), convoy_tensor_data (din[0]), lo, hi);
  return TRUE;
}

const ConvoyOp convoy_op_clip = {
  .name = "Clip", .min_in = 1, .max_in = 3, .attrs = "min=f max=f", .flags = CONVOY_OP_POINTWISE | CONVOY_OP_GRAD_FROM_OUT, .no_grad = 1 << 1 | 1 << 2,
  .infer = clip_infer, .eval = clip_eval, .grad = clip_grad, .forward = forward, .as_post = as_post, .takes_post = takes_post,
};

/* x clip (x / 6 + 1 / 2, 0, 1), whose result does not tell where it came from. */
static gboolean
hard_swish_grad (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, ConvoyTensor *const *dout, ConvoyTensor *const *din, GError **error)
{
  const float *x = convoy_tensor_data (in[0]), *dy = convoy_tensor_data (dout[0]);
  float *dx = convoy_tensor_data (din[0]);
  (void) n, (void) out, (void) error;
  for (gint64 i = 0; i < convoy_tensor_count (in[0]); i++)
    dx[i] = dy[i] * (x[i] <= -3 ? 0 : x[i] >= 3 ? 1 : x[i] / 3 + 0.5f);
  return TRUE;
}

/* ONNX 14 */
const ConvoyOp convoy_op_hard_swish = {
  .name = "HardSwish", .min_in = 1, .max_in = 1, .flags = CONVOY_OP_POINTWISE,
  .infer = infer, .eval = eval, .grad = hard_swish_grad, .forward = forward, .as_post = as_post, .takes_post = takes_post,
};
