/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * norm.c - operators that divide by a measure of the elements beside: Instance-, Layer-, Group-, MeanVariance- and LpNormalization. */
#include "core/ops/index.h"
#include <math.h>

/* All elements that differ only along the axes are a group: y = (x - mean) * inverse * scale + bias. */
typedef struct {
  ConvoyShape view;                             /* of the data; may split a dimension */
  guint axes;                                   /* bits */
  gint64 scale[CONVOY_MAX_DIMS], bias[CONVOY_MAX_DIMS]; /* steps of them in that view */
  gboolean centre;                              /* FALSE: the mean stays 0 */
  gint64 power;                                 /* the measure is the sum, or with centre the mean, of |x|^power */
  double (*inverse) (double measure, double epsilon);
  double epsilon;
} Norm;

static double of_variance (double v, double epsilon) { return 1 / sqrt (v + epsilon); }
static double of_deviation (double v, double epsilon) { return 1 / (sqrt (v) + epsilon); }
static double of_sum (double v, double epsilon) { (void) epsilon; return v > 0 ? 1 / v : 0; }
static double of_squares (double v, double epsilon) { (void) epsilon; return v > 0 ? 1 / sqrt (v) : 0; }

typedef struct {
  const Norm *norm;
  double *x, *mean, *inverse, *scale, *bias;    /* scale, bias: NULL: none */
} Job;

/* Arrays of the walk: data, group, scale, bias. */
static gboolean
sum_row (gpointer user, gint64 n, const gint64 *at, const gint64 *step)
{
  const Job *j = user;
  for (gint64 i = 0; i < n; i++)
    j->mean[at[1] + i * step[1]] += j->x[at[0] + i * step[0]];
  return TRUE;
}

static gboolean
measure_row (gpointer user, gint64 n, const gint64 *at, const gint64 *step)
{
  const Job *j = user;
  for (gint64 i = 0; i < n; i++) {
    gint64 g = at[1] + i * step[1];
    double d = j->x[at[0] + i * step[0]] - j->mean[g];
    j->inverse[g] += j->norm->power == 1 ? fabs (d) : d * d;
  }
  return TRUE;
}

static gboolean
apply_row (gpointer user, gint64 n, const gint64 *at, const gint64 *step)
{
  const Job *j = user;
  for (gint64 i = 0; i < n; i++) {
    gint64 g = at[1] + i * step[1];
    double *x = &j->x[at[0] + i * step[0]];
    *x = (*x - j->mean[g]) * j->inverse[g];
    if (j->scale)
      *x *= j->scale[at[2] + i * step[2]];
    if (j->bias)
      *x += j->bias[at[3] + i * step[3]];
  }
  return TRUE;
}

static void
normalize (Job *j, const ConvoyWalk *w, gint64 groups, gint64 count)
{
  const Norm *m = j->norm;
  if (m->centre)
    convoy_walk (w, sum_row, j);
  for (gint64 g = 0; g < groups; g++)
    j->mean[g] /= count;
  convoy_walk (w, measure_row, j);
  for (gint64 g = 0; g < groups; g++)
    j->inverse[g] = m->inverse (m->centre ? j->inverse[g] / count : j->inverse[g], m->epsilon);
  convoy_walk (w, apply_row, j);
}

/* mean and inverse: outputs for them, NULL: not wanted. */
static gboolean
run (const ConvoyNode *n, const Norm *m, ConvoyTensor *const *in, ConvoyTensor *y, ConvoyTensor *mean, ConvoyTensor *inverse, GError **error)
{
  ConvoyTensor *scale = CONVOY_IN (n, in, 1), *bias = CONVOY_IN (n, in, 2);
  gint64 stride[CONVOY_MAX_DIMS], group[CONVOY_MAX_DIMS], groups = 1, count = 1;
  ConvoyWalk w = { 0 };
  convoy_strides (&m->view, stride);
  for (guint i = m->view.n; i-- > 0;) {
    group[i] = m->axes & 1u << i ? 0 : groups;
    *(m->axes & 1u << i ? &count : &groups) *= m->view.d[i];
  }
  for (guint i = 0; i < m->view.n; i++)
    convoy_walk_add (&w, m->view.d[i], stride[i], group[i], m->scale[i], m->bias[i]);
  Job j = { m, convoy_reals (in[0]), g_try_new0 (double, groups + 1), g_try_new0 (double, groups + 1), scale ? convoy_reals (scale) : NULL,
    bias ? convoy_reals (bias) : NULL };
  gboolean ok = j.x && j.mean && j.inverse && (!scale || j.scale) && (!bias || j.bias);
  if (ok)
    normalize (&j, &w, groups, count);
  else
    g_clear_pointer (&j.x, g_free);
  ok = convoy_put_reals (n, y, j.x, error);
  if (ok && mean)
    convoy_put_real (convoy_tensor_type (mean), convoy_tensor_data (mean), 0, 1, groups, j.mean);
  if (ok && inverse)
    convoy_put_real (convoy_tensor_type (inverse), convoy_tensor_data (inverse), 0, 1, groups, j.inverse);
  g_free (j.mean), g_free (j.inverse), g_free (j.scale), g_free (j.bias);
  return ok;
}

static gboolean
real_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, guint min_rank, GError **error)
{
  for (guint i = 0; i < n->n_in; i++)
    if (!convoy_infer_type (n, in, i, CONVOY_T_REAL, error))
      return FALSE;
  return convoy_infer_rank (n, in, 0, min_rank, CONVOY_MAX_DIMS, error) && convoy_infer_same (n, in, out, error);
}

static gboolean
vectors_fit (const ConvoyNode *n, const ConvoyFact *in, gint64 len, GError **error)
{
  for (guint i = 1; i < 3; i++)
    if (in[i].shape.n != 1 || in[i].shape.d[0] != len) {
      g_autofree char *x = convoy_shape_str (&in[0].shape), *v = convoy_shape_str (&in[i].shape);
      return convoy_infer_fail (n, error, "input %s with a scale or bias of %s, %" G_GINT64_FORMAT " numbers are wanted", x, v, len);
    }
  return TRUE;
}

/* --- InstanceNormalization: over the picture ------------------------------ */

static gboolean
instance_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  return real_infer (n, in, out, 3, error) && vectors_fit (n, in, in[0].shape.d[1], error);
}

static gboolean
instance_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  const ConvoyShape *x = convoy_tensor_shape (in[0]);
  Norm m = { *x, ((1u << x->n) - 1) & ~3u, { 0, 1 }, { 0, 1 }, TRUE, 2, of_variance, convoy_node_float (n, "epsilon", 1e-5f) };
  return run (n, &m, in, out[0], NULL, NULL, error);
}

/* --- GroupNormalization: over the picture and the channels of a group ----- */

static gboolean
group_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  gint64 groups = convoy_node_int (n, "num_groups", 0);
  if (!real_infer (n, in, out, 2, error))
    return FALSE;
  if (groups < 1 || in[0].shape.d[1] % groups)
    return convoy_infer_fail (n, error, "%" G_GINT64_FORMAT " channels in %" G_GINT64_FORMAT " groups", in[0].shape.d[1], groups);
  return vectors_fit (n, in, n->opset < 21 ? groups : in[0].shape.d[1], error);
}

/* Before operator set 21 there is a scale for each group, since then for each channel. */
static gboolean
group_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  const ConvoyShape *x = convoy_tensor_shape (in[0]);
  gint64 groups = convoy_node_int (n, "num_groups", 1), size = x->d[1] / groups, outer = n->opset < 21 ? 1 : size, inner = n->opset < 21 ? 0 : 1;
  Norm m = { CONVOY_SHAPE (x->d[0], groups, size, convoy_count_range (x, 2, x->n)), 3 << 2, { 0, outer, inner }, { 0, outer, inner }, TRUE, 2, of_variance,
    convoy_node_float (n, "epsilon", 1e-5f) };
  return run (n, &m, in, out[0], NULL, NULL, error);
}

/* --- LayerNormalization: over an axis and all after it --------------------- */

static gboolean
layer_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  ConvoyShape s;
  guint axis;
  if (!real_infer (n, in, out, 1, error) || !convoy_infer_axis (n, convoy_node_int (n, "axis", -1), in[0].shape.n, &axis, error))
    return FALSE;
  for (guint i = 1; i < 3; i++)
    if (CONVOY_GIVEN (n, in, i)) {
      if (!convoy_infer_broadcast (n, &in[0].shape, &in[i].shape, &s, error))
        return FALSE;
      if (!convoy_shape_equal (&s, &in[0].shape)) {
        g_autofree char *x = convoy_shape_str (&in[0].shape), *v = convoy_shape_str (&in[i].shape);
        return convoy_infer_fail (n, error, "input %s with a scale or bias of %s", x, v);
      }
    }
  for (guint i = 1; i < n->n_out; i++) {
    out[i].type = CONVOY_F32;
    out[i].shape = in[0].shape;
    for (guint k = axis; k < in[0].shape.n; k++)
      out[i].shape.d[k] = 1;
  }
  return TRUE;
}

static gboolean
layer_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  const ConvoyShape *x = convoy_tensor_shape (in[0]);
  ConvoyTensor *scale = CONVOY_IN (n, in, 1), *bias = CONVOY_IN (n, in, 2);
  Norm m = { *x, 0, { 0 }, { 0 }, TRUE, 2, of_variance, convoy_node_float (n, "epsilon", 1e-5f) };
  guint axis;
  if (!convoy_infer_axis (n, convoy_node_int (n, "axis", -1), x->n, &axis, error))
    return FALSE;
  m.axes = ((1u << x->n) - 1) & ~((1u << axis) - 1);
  convoy_strides_to (convoy_tensor_shape (scale), x, m.scale);
  if (bias)
    convoy_strides_to (convoy_tensor_shape (bias), x, m.bias);
  return run (n, &m, in, out[0], CONVOY_OUT (n, out, 1), CONVOY_OUT (n, out, 2), error);
}

/* --- MeanVarianceNormalization, LpNormalization: over given axes ------------ */

static gboolean
mean_variance_norm (const ConvoyNode *n, const ConvoyShape *x, Norm *m, GError **error)
{
  static const gint64 usual[] = { 0, 2, 3 };
  gsize len;
  const gint64 *axes = convoy_node_ints (n, "axes", &len);
  guint axis;
  *m = (Norm) { .view = *x, .centre = TRUE, .power = 2, .inverse = of_deviation, .epsilon = 1e-9 };
  for (gsize i = 0; i < (axes ? len : G_N_ELEMENTS (usual)); i++) {
    if (!convoy_infer_axis (n, axes ? axes[i] : usual[i], x->n, &axis, error))
      return FALSE;
    m->axes |= 1u << axis;
  }
  return TRUE;
}

static gboolean
lp_norm (const ConvoyNode *n, const ConvoyShape *x, Norm *m, GError **error)
{
  guint axis;
  *m = (Norm) { .view = *x, .power = convoy_node_int (n, "p", 2) };
  m->inverse = m->power == 1 ? of_sum : of_squares;
  if (m->power != 1 && m->power != 2)
    return convoy_infer_fail (n, error, "p of %" G_GINT64_FORMAT ", 1 and 2 are possible", m->power);
  if (!convoy_infer_axis (n, convoy_node_int (n, "axis", -1), x->n, &axis, error))
    return FALSE;
  m->axes = 1u << axis;
  return TRUE;
}

static gboolean
mean_variance_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  Norm m;
  return real_infer (n, in, out, 1, error) && mean_variance_norm (n, &in[0].shape, &m, error);
}

static gboolean
mean_variance_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  Norm m;
  return mean_variance_norm (n, convoy_tensor_shape (in[0]), &m, error) && run (n, &m, in, out[0], NULL, NULL, error);
}

static gboolean
lp_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  Norm m;
  return real_infer (n, in, out, 1, error) && lp_norm (n, &in[0].shape, &m, error);
}

static gboolean
lp_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  Norm m;
  return lp_norm (n, convoy_tensor_shape (in[0]), &m, error) && run (n, &m, in, out[0], NULL, NULL, error);
}

const ConvoyOp convoy_op_group_normalization = {
  .name = "GroupNormalization", .min_in = 3, .max_in = 3, .attrs = "epsilon=f +num_groups=i stash_type=i",
  .infer = group_infer, .eval = group_eval,
};

const ConvoyOp convoy_op_instance_normalization = {
  .name = "InstanceNormalization", .min_in = 3, .max_in = 3, .attrs = "epsilon=f",
  .infer = instance_infer, .eval = instance_eval,
};

const ConvoyOp convoy_op_layer_normalization = {
  .name = "LayerNormalization", .min_in = 2, .max_in = 3, .max_out = 3, .attrs = "axis=i epsilon=f stash_type=i",
  .infer = layer_infer, .eval = layer_eval,
};

const ConvoyOp convoy_op_lp_normalization = {
  .name = "LpNormalization", .min_in = 1, .max_in = 1, .attrs = "axis=i p=i",
  .infer = lp_infer, .eval = lp_eval,
};

const ConvoyOp convoy_op_mean_variance_normalization = {
  .name = "MeanVarianceNormalization", .min_in = 1, .max_in = 1, .attrs = "axes=I",
  .infer = mean_variance_infer, .eval = mean_variance_eval,
};
