/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * reduce.c - operators that make one number of all those along some axes: Reduce*, a row each. */
#include "core/ops/slope.h"
#include <math.h>

/* How numbers are taken in, in double or as integers, and what becomes of them in the end. */
typedef struct {
  double start;                                                         /* ... and the outcome of none at all */
  void (*take) (double *acc, gint64 n, const double *x);                /* acc[1] starts as 0 */
  double (*finish) (const double *acc, double count);                   /* NULL: acc[0] */
  void (*take_int[CONVOY_N_KINDS]) (gint64 *acc, gint64 n, const gint64 *x);    /* NULL: as real. Starts with the first number */
  guint since;                                                          /* axes are an input from this operator set on */
} Reduce;

/* a: what came before; x: the next number. */
#define TAKE(name, T, ACC, expression) \
  static void \
  name (ACC *acc, gint64 n, const ACC *v) \
  { \
    T a = acc[0]; \
    for (gint64 i = 0; i < n; i++) { \
      const T x = v[i]; \
      a = expression; \
    } \
    acc[0] = a; \
  }
#define TAKE_REAL(name, expression) TAKE (name, double, double, expression)
#define TAKE_SIGNED(name, expression) TAKE (name, gint64, gint64, expression)
#define TAKE_UNSIGNED(name, expression) TAKE (name, guint64, gint64, expression)        /* wraps */

TAKE_REAL (sum, a + x)
TAKE_REAL (sum_abs, a + fabs (x))
TAKE_REAL (sum_square, a + x * x)
TAKE_REAL (product, a * x)
TAKE_REAL (most, x > a || isnan (x) ? x : a)
TAKE_REAL (least, x < a || isnan (x) ? x : a)
TAKE_UNSIGNED (sum_int, a + x)
TAKE_UNSIGNED (product_int, a * x)
TAKE_SIGNED (most_signed, MAX (a, x))
TAKE_SIGNED (least_signed, MIN (a, x))
TAKE_UNSIGNED (most_unsigned, MAX (a, x))
TAKE_UNSIGNED (least_unsigned, MIN (a, x))

/* acc[0]: the largest; acc[1]: the sum of exp (x - largest). */
static void
sum_exp (double *acc, gint64 n, const double *x)
{
  for (gint64 i = 0; i < n; i++)
    if (x[i] > acc[0]) {
      acc[1] = acc[1] * exp (acc[0] - x[i]) + 1;
      acc[0] = x[i];
    } else
      acc[1] += x[i] == acc[0] ? 1 : exp (x[i] - acc[0]);
}

static double mean (const double *acc, double count) { return acc[0] / count; }
static double root (const double *acc, double count) { (void) count; return sqrt (acc[0]); }
static double logarithm (const double *acc, double count) { (void) count; return log (acc[0]); }
static double log_of_exp (const double *acc, double count) { (void) count; return isinf (acc[0]) ? acc[0] : acc[0] + log (acc[1]); }

/* --- shapes ------------------------------------------------------------ */

static gboolean
get_axes (const ConvoyNode *n, const ConvoyFact *in, const Reduce *r, guint *axes, GError **error)
{
  gboolean given;
  guint rank = in[0].shape.n;
  if (!convoy_infer_axes (n, in, 1, r->since, rank, axes, &given, error))
    return FALSE;
  if (!*axes && !convoy_node_int (n, "noop_with_empty_axes", 0))
    *axes = (1u << rank) - 1;
  return TRUE;
}

static gboolean
reduce_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, const Reduce *r, GError **error)
{
  gboolean keep = convoy_node_int (n, "keepdims", 1) != 0, ordered = r->take == most || r->take == least;
  ConvoyShape y = { 0 };
  guint axes;
  if (!convoy_infer_type (n, in, 0, ordered ? CONVOY_T_ALL : CONVOY_T_NUMBER, error) || !get_axes (n, in, r, &axes, error))
    return FALSE;
  for (guint i = 0; i < in[0].shape.n; i++)
    if (!(axes & 1u << i))
      y.d[y.n++] = in[0].shape.d[i];
    else if (keep)
      y.d[y.n++] = 1;
  out[0].type = in[0].type;
  out[0].shape = y;
  return convoy_infer_size (n, &y, error);
}

/* --- numbers ----------------------------------------------------------- */

#define CHUNK 256

typedef struct {
  const Reduce *r;
  ConvoyType type;
  const void *x;
  void *y;
  ConvoyWalk inner;             /* over what becomes one number; array 0 is x */
  gint64 count;                 /* of those */
  gboolean real, first;
  gint64 base;                  /* element of x at which the inner walk begins */
  double acc[2];
  gint64 acc_int;
} Job;

static gboolean
take_row (gpointer user, gint64 n, const gint64 *at, const gint64 *step)
{
  Job *j = user;
  double x[CHUNK];
  gint64 k[CHUNK];
  for (gint64 done = 0, len; done < n; done += len) {
    len = MIN (n - done, CHUNK);
    if (j->real) {
      convoy_get_real (j->type, j->x, j->base + at[0] + done * step[0], step[0], len, x);
      j->r->take (j->acc, len, x);
      continue;
    }
    convoy_get_int (j->type, j->x, j->base + at[0] + done * step[0], step[0], len, k);
    if (j->first)
      j->acc_int = k[0];
    j->r->take_int[convoy_type_kind (j->type)] (&j->acc_int, len - j->first, k + j->first);
    j->first = FALSE;
  }
  return TRUE;
}

static gboolean
number_row (gpointer user, gint64 n, const gint64 *at, const gint64 *step)
{
  Job *j = user;
  for (gint64 i = 0; i < n; i++) {
    j->base = at[1] + i * step[1];
    j->acc[0] = j->r->start;
    j->acc[1] = 0;
    j->first = TRUE;
    convoy_walk (&j->inner, take_row, j);
    if (j->real) {
      double v = j->r->finish ? j->r->finish (j->acc, j->count) : j->acc[0];
      v = j->type == CONVOY_BOOL ? v > 0 : v;
      convoy_put_real (j->type, j->y, at[0] + i * step[0], 1, 1, &v);
    } else
      convoy_put_int (j->type, j->y, at[0] + i * step[0], 1, 1, &j->acc_int);
  }
  return TRUE;
}

static gboolean
reduce_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, const Reduce *r, GError **error)
{
  g_autofree ConvoyFact *facts = convoy_facts (n, in);
  const ConvoyShape *x = convoy_tensor_shape (in[0]);
  gint64 stride[CONVOY_MAX_DIMS], step[CONVOY_MAX_DIMS], out_step = 1;
  ConvoyWalk outer = { 0 };
  Job j = { .r = r, .type = convoy_tensor_type (in[0]), .x = convoy_tensor_data (in[0]), .y = convoy_tensor_data (out[0]), .count = 1 };
  guint axes;
  if (!get_axes (n, facts, r, &axes, error))
    return FALSE;
  convoy_strides (x, stride);
  for (guint i = x->n; i-- > 0;) {
    step[i] = out_step;
    out_step *= axes & 1u << i ? 1 : x->d[i];
  }
  for (guint i = 0; i < x->n; i++)
    if (axes & 1u << i) {
      convoy_walk_add (&j.inner, x->d[i], stride[i], 0, 0, 0);
      j.count *= x->d[i];
    } else
      convoy_walk_add (&outer, x->d[i], step[i], stride[i], 0, 0);
  j.real = j.count == 0 || !r->take_int[convoy_type_kind (j.type)];
  return convoy_walk (&outer, number_row, &j);
}

/* --- gradients: maps of dy, x and the result y, spread to x ------------- */

static void
spread_mean (gint64 n, void *const *x_of, void *out, const void *user)
{
  for (gint64 i = 0; i < n; i++)
    ((double *) out)[i] = ((const double *) x_of[0])[i] / *(const gint64 *) user;
}

#define SPREAD(name, expression) CONVOY_SLOPE (spread_##name, expression)
SPREAD (sum, dy)
SPREAD (sign, dy * ((a > 0) - (a < 0)))
SPREAD (unit, b > 0 ? dy * a / b : 0)
SPREAD (square, 2 * dy * a)
SPREAD (log_sum, dy * exp (-b))
SPREAD (log_sum_exp, dy * exp (a - b))
SPREAD (taken, a == b ? dy : 0)                 /* all that are the largest, or smallest */
SPREAD (product, a != 0 ? dy * b / a : 0)

/* dy and y with the reduced dimensions kept as 1, then spread. */
static gboolean
reduce_grad (CONVOY_GRAD_ARGS, const Reduce *r, ConvoyMap slope)
{
  g_autofree ConvoyFact *facts = convoy_facts (n, in);
  ConvoyShape kept = facts[0].shape;
  gint64 count = 1;
  guint axes;
  (void) out;
  if (!get_axes (n, facts, r, &axes, error))
    return FALSE;
  for (guint i = 0; i < kept.n; i++)
    if (axes & 1u << i) {
      count *= kept.d[i];
      kept.d[i] = 1;
    }
  g_autoptr (ConvoyTensor) result = convoy_tensor_new (CONVOY_F32, convoy_tensor_shape (dout[0]), error);
  if (result == NULL || !reduce_eval (n, in, &result, r, error))
    return FALSE;
  g_autoptr (ConvoyTensor) y = convoy_view (result, &kept);
  g_autoptr (ConvoyTensor) dy = convoy_view (dout[0], &kept);
  return convoy_map ((ConvoyTensor *[]) { dy, in[0], y }, 3, din[0], CONVOY_REAL, slope, &count);
}

#define ROW(id, SLOPE, NAME, ...) \
  static const Reduce reduce_##id = { __VA_ARGS__ }; \
  static gboolean \
  infer_##id (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error) \
  { \
    return reduce_infer (n, in, out, &reduce_##id, error); \
  } \
  static gboolean \
  eval_##id (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error) \
  { \
    return reduce_eval (n, in, out, &reduce_##id, error); \
  } \
  static gboolean \
  grad_##id (CONVOY_GRAD_ARGS) \
  { \
    return reduce_grad (n, in, out, dout, din, error, &reduce_##id, SLOPE); \
  } \
  const ConvoyOp convoy_op_##id = { \
    .name = NAME, .min_in = 1, .max_in = 2, .attrs = "axes=I keepdims=i noop_with_empty_axes=i", .const_in = 1 << 1, \
    .infer = infer_##id, .eval = eval_##id, .grad = grad_##id, \
  };

ROW (reduce_l1, spread_sign, "ReduceL1", 0, sum_abs, NULL, { NULL }, 18)
ROW (reduce_l2, spread_unit, "ReduceL2", 0, sum_square, root, { NULL }, 18)
ROW (reduce_log_sum, spread_log_sum, "ReduceLogSum", 0, sum, logarithm, { NULL }, 18)
ROW (reduce_log_sum_exp, spread_log_sum_exp, "ReduceLogSumExp", -INFINITY, sum_exp, log_of_exp, { NULL }, 18)
ROW (reduce_max, spread_taken, "ReduceMax", -INFINITY, most, NULL, { NULL, most_signed, most_unsigned }, 18)
ROW (reduce_mean, spread_mean, "ReduceMean", 0, sum, mean, { NULL }, 18)
ROW (reduce_min, spread_taken, "ReduceMin", INFINITY, least, NULL, { NULL, least_signed, least_unsigned }, 18)
ROW (reduce_prod, spread_product, "ReduceProd", 1, product, NULL, { NULL, product_int, product_int }, 18)
ROW (reduce_sum, spread_sum, "ReduceSum", 0, sum, NULL, { NULL, sum_int, sum_int }, 13)
ROW (reduce_sum_square, spread_square, "ReduceSumSquare", 0, sum_square, NULL, { NULL }, 18)
