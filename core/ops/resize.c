/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * resize.c - Resize and Upsample: each axis in turn becomes weighted sums of its old elements. */
#include "core/ops/index.h"
#include <math.h>
#include <string.h>

/* One axis: out elements made of in. */
typedef struct {
  gint64 in, out;
  double scale, start, end;     /* start, end: of the part cut out, 0..1 */
} Axis;

/* --- coordinates -------------------------------------------------------- */

static double half_pixel (const Axis *a, double i) { return (i + 0.5) / a->scale - 0.5; }
static double pytorch_half_pixel (const Axis *a, double i) { return a->out > 1 ? half_pixel (a, i) : 0; }
static double align_corners (const Axis *a, double i) { return a->out > 1 ? i * (a->in - 1) / (a->scale * a->in - 1) : 0; }
static double asymmetric (const Axis *a, double i) { return i / a->scale; }
static double tf_half_pixel_for_nn (const Axis *a, double i) { return (i + 0.5) / a->scale; }

/* The part of the last element that is not there is taken from both ends. */
static double
half_pixel_symmetric (const Axis *a, double i)
{
  return a->in / 2.0 * (1 - a->out / (a->scale * a->in)) + half_pixel (a, i);
}

static double
tf_crop_and_resize (const Axis *a, double i)
{
  double last = a->in - 1;
  return a->out > 1 ? a->start * last + i * (a->end - a->start) * last / (a->scale * a->in - 1) : 0.5 * (a->start + a->end) * last;
}

/* place: where element i of the new axis lies on the old one, counted in its elements. */
static const struct { const char *name; double (*place) (const Axis *a, double i); } coordinates[] = {
  { "half_pixel", half_pixel }, { "half_pixel_symmetric", half_pixel_symmetric }, { "pytorch_half_pixel", pytorch_half_pixel },
  { "align_corners", align_corners }, { "asymmetric", asymmetric }, { "tf_half_pixel_for_nn", tf_half_pixel_for_nn },
  { "tf_crop_and_resize", tf_crop_and_resize },
};

/* --- nearest -------------------------------------------------------------- */

static double prefer_floor (double v) { return ceil (v - 0.5); }
static double prefer_ceil (double v) { return floor (v + 0.5); }

static const struct { const char *name; double (*round) (double v); } roundings[] = {
  { "floor", floor }, { "round_prefer_floor", prefer_floor }, { "round_prefer_ceil", prefer_ceil }, { "ceil", ceil },
};

/* --- weights of what lies d elements away ----------------------------------- */

static double linear (double d, double c) { (void) c; return fmax (1 - fabs (d), 0); }

static double
cubic (double d, double c)
{
  d = fabs (d);
  return d < 1 ? ((c + 2) * d - (c + 3)) * d * d + 1 : d < 2 ? ((c * d - 5 * c) * d + 8 * c) * d - 4 * c : 0;
}

static const struct { const char *name; gint64 reach; double (*weight) (double d, double c); } modes[] = {
  { "nearest", 0, NULL }, { "linear", 1, linear }, { "bilinear", 1, linear }, { "cubic", 2, cubic },
};

/* --- what a node asks for ----------------------------------------------------- */

typedef struct {
  gboolean old;                 /* Upsample, and Resize before operator set 11 */
  guint rank, mode, coordinate, rounding;
  Axis axis[CONVOY_MAX_DIMS];
} Plan;

/* i: the row of table, whose rows begin with a name, that attribute key of n names. */
#define FIND(table, n, key, dflt, i, error) \
  (find (convoy_node_str (n, key, dflt), &table[0].name, sizeof table[0], G_N_ELEMENTS (table), i) \
   || convoy_infer_fail (n, error, "%s %s is not known", key, convoy_node_str (n, key, dflt)))

static gboolean
find (const char *name, const char *const *first, gsize row, guint rows, guint *i)
{
  for (*i = 0; *i < rows; ++*i)
    if (g_str_equal (name, *(const char *const *) ((const char *) first + *i * row)))
      return TRUE;
  return FALSE;
}

/* The numbers of input i (a constant) or an attribute, and how many; none: NULL. */
static gboolean
get_reals (const ConvoyNode *n, const ConvoyFact *in, guint i, const char *attr, double **v, gsize *len, GError **error)
{
  const float *f = attr ? convoy_node_floats (n, attr, len) : NULL;
  gboolean given = CONVOY_GIVEN (n, in, i) && convoy_shape_count (&in[i].shape) != 0;
  *v = NULL;
  *len = f ? *len : 0;
  if (given && (!in[i].value || in[i].shape.n != 1))
    return convoy_infer_fail (n, error, "input %u must be a constant list of numbers", i);
  if (given) {
    *len = in[i].shape.d[0];
    *v = convoy_reals (in[i].value);
  } else if (f) {
    *v = g_new (double, *len + 1);
    convoy_get_real (CONVOY_F32, f, 0, 1, *len, *v);
  }
  return TRUE;
}

/* The axes in the order in which scales, sizes and parts are listed. */
static gboolean
get_order (const ConvoyNode *n, guint rank, guint *order, gsize *count, GError **error)
{
  const gint64 *v = convoy_node_ints (n, "axes", count);
  guint seen = 0;
  if (!v)
    *count = rank;
  if (*count > rank)
    return convoy_infer_fail (n, error, "%u axes of %u dimensions", (guint) *count, rank);
  for (gsize i = 0; i < *count; i++) {
    if (!convoy_infer_axis (n, v ? v[i] : (gint64) i, rank, &order[i], error))
      return FALSE;
    if (seen & 1u << order[i])
      return convoy_infer_fail (n, error, "axis %u is given twice", order[i]);
    seen |= 1u << order[i];
  }
  return TRUE;
}

static gboolean
set_sizes (const ConvoyNode *n, Plan *p, const guint *order, gsize count, const double *sizes, GError **error)
{
  const char *policy = convoy_node_str (n, "keep_aspect_ratio_policy", "stretch");
  gboolean larger = g_str_equal (policy, "not_smaller"), smaller = g_str_equal (policy, "not_larger");
  double one = 0;
  if (!larger && !smaller && !g_str_equal (policy, "stretch"))
    return convoy_infer_fail (n, error, "keep_aspect_ratio_policy %s is not known", policy);
  for (gsize i = 0; i < count; i++) {
    Axis *a = &p->axis[order[i]];
    if (!(sizes[i] >= 1 && sizes[i] <= G_MAXINT32) || a->in < 1)
      return convoy_infer_fail (n, error, "axis %u from %" G_GINT64_FORMAT " to %g elements", order[i], a->in, sizes[i]);
    a->out = sizes[i];
    a->scale = sizes[i] / a->in;
    one = i == 0 || (larger ? a->scale > one : a->scale < one) ? a->scale : one;
  }
  for (gsize i = 0; (larger || smaller) && i < count; i++) {
    Axis *a = &p->axis[order[i]];
    a->scale = one;
    a->out = MAX (floor (one * a->in + 0.5), 1);
  }
  return TRUE;
}

static gboolean
set_scales (const ConvoyNode *n, Plan *p, const guint *order, gsize count, const double *scales, GError **error)
{
  for (gsize i = 0; i < count; i++) {
    Axis *a = &p->axis[order[i]];
    double out = floor (a->in * scales[i]);
    if (!(scales[i] > 0) || !(out <= G_MAXINT32))
      return convoy_infer_fail (n, error, "axis %u of %" G_GINT64_FORMAT " elements scaled by %g", order[i], a->in, scales[i]);
    a->scale = scales[i];
    a->out = out;
  }
  return TRUE;
}

/* Inputs are X, roi, scales, sizes since operator set 11, X and scales before; Upsample had an attribute first. */
static gboolean
get_plan (const ConvoyNode *n, const ConvoyFact *in, Plan *p, GError **error)
{
  g_autofree double *roi = NULL, *scales = NULL, *sizes = NULL;
  gboolean old = n->opset < 11 || g_str_equal (n->op->name, "Upsample");
  gsize n_roi = 0, n_scales, n_sizes = 0, count;
  guint order[CONVOY_MAX_DIMS];
  *p = (Plan) { .rank = in[0].shape.n, .old = old };
  if (!FIND (modes, n, "mode", "nearest", &p->mode, error) || !get_order (n, p->rank, order, &count, error)
      || !FIND (coordinates, n, "coordinate_transformation_mode", old ? "asymmetric" : "half_pixel", &p->coordinate, error)
      || !FIND (roundings, n, "nearest_mode", old ? "floor" : "round_prefer_floor", &p->rounding, error)
      || (!old && !get_reals (n, in, 1, NULL, &roi, &n_roi, error)) || !get_reals (n, in, old ? 1 : 2, "scales", &scales, &n_scales, error)
      || (!old && !get_reals (n, in, 3, NULL, &sizes, &n_sizes, error)))
    return FALSE;
  if (!scales == !sizes || (scales && n_scales != count) || (sizes && n_sizes != count))
    return convoy_infer_fail (n, error, "%u scales and %u sizes for %u axes", (guint) n_scales, (guint) n_sizes, (guint) count);
  if (coordinates[p->coordinate].place == tf_crop_and_resize && n_roi != 2 * count)
    return convoy_infer_fail (n, error, "roi of %u numbers for %u axes", (guint) n_roi, (guint) count);
  for (guint i = 0; i < p->rank; i++)
    p->axis[i] = (Axis) { in[0].shape.d[i], in[0].shape.d[i], 1, 0, 1 };
  for (gsize i = 0; n_roi == 2 * count && i < count; i++) {
    p->axis[order[i]].start = roi[i];
    p->axis[order[i]].end = roi[count + i];
  }
  return sizes ? set_sizes (n, p, order, count, sizes, error) : set_scales (n, p, order, count, scales, error);
}

static gboolean
infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  Plan p;
  if (!convoy_infer_type (n, in, 0, CONVOY_T_NUMBER, error) || !get_plan (n, in, &p, error) || !convoy_infer_same (n, in, out, error))
    return FALSE;
  for (guint i = 0; i < p.rank; i++)
    out[0].shape.d[i] = p.axis[i].out;
  return convoy_infer_size (n, &out[0].shape, error);
}

/* --- the sums ------------------------------------------------------------------ */

/* taps weights of each new element, and the old element that each is for. */
typedef struct { gint64 taps; gint64 *index; double *weight; gboolean *outside; } Taps;

static void
taps_free (Taps *t)
{
  g_free (t->index), g_free (t->weight), g_free (t->outside);
}

static void
tap_sum (const ConvoyNode *n, const Plan *p, const Axis *a, double at, gint64 taps, gint64 *index, double *weight)
{
  gboolean inside = convoy_node_int (n, "exclude_outside", 0) != 0, soften = convoy_node_int (n, "antialias", 0) && a->scale < 1;
  double c = convoy_node_float (n, "cubic_coeff_a", -0.75f), sum = 0, narrow = soften ? a->scale : 1;
  gint64 first = (gint64) floor (at) - taps / 2 + 1;
  for (gint64 k = 0; k < taps; k++) {
    gint64 i = first + k;
    index[k] = CLAMP (i, 0, a->in - 1);
    weight[k] = inside && i != index[k] ? 0 : modes[p->mode].weight ((i - at) * narrow, c);
    sum += weight[k];
  }
  for (gint64 k = 0; sum != 0 && (inside || soften) && k < taps; k++)
    weight[k] /= sum;
}

static Taps
taps_new (const ConvoyNode *n, const Plan *p, const Axis *a)
{
  gboolean crop = coordinates[p->coordinate].place == tf_crop_and_resize, soften = convoy_node_int (n, "antialias", 0) && a->scale < 1;
  double (*nearest) (double v) = p->old && a->scale < 1 ? ceil : roundings[p->rounding].round;
  gint64 reach = modes[p->mode].reach;
  Taps t = { .taps = reach ? 2 * (gint64) ceil (soften ? MIN (reach / a->scale, a->in + 2.0 * reach) : reach) : 1 };
  t.index = g_try_new (gint64, t.taps * a->out);
  t.weight = g_try_new (double, t.taps * a->out);
  t.outside = g_try_new0 (gboolean, a->out);
  for (gint64 i = 0; t.index && t.weight && t.outside && i < a->out; i++) {
    double at = coordinates[p->coordinate].place (a, i);
    t.outside[i] = crop && !(at >= 0 && at <= a->in - 1);
    at = t.outside[i] ? 0 : CLAMP (at, -1e9, 1e9);
    if (reach)
      tap_sum (n, p, a, at, t.taps, t.index + i * t.taps, t.weight + i * t.taps);
    else {
      t.index[i] = CLAMP (nearest (at), 0, a->in - 1);
      t.weight[i] = 1;
    }
  }
  return t;
}

/* x: outer x in x inner, y: outer x out x inner. */
static void
resample (const Taps *t, const Axis *a, gint64 outer, gint64 inner, const double *x, double *y)
{
  for (gint64 o = 0; o < outer; o++)
    for (gint64 i = 0; i < a->out; i++, y += inner) {
      memset (y, 0, inner * sizeof *y);
      for (gint64 k = 0; k < t->taps; k++) {
        const double w = t->weight[i * t->taps + k], *from = x + (o * a->in + t->index[i * t->taps + k]) * inner;
        for (gint64 e = 0; w != 0 && e < inner; e++)
          y[e] += w * from[e];
      }
    }
}

/* What lies outside of the part cut out is one value. */
static void
extrapolate (const ConvoyNode *n, const Taps *t, const ConvoyShape *s, guint axis, double *y)
{
  double value = convoy_node_float (n, "extrapolation_value", 0);
  gint64 outer = convoy_count_range (s, 0, axis), inner = convoy_count_range (s, axis + 1, s->n), size = s->d[axis];
  for (gint64 o = 0; o < outer; o++)
    for (gint64 i = 0; i < size; i++)
      for (gint64 e = 0; t->outside[i] && e < inner; e++)
        y[(o * size + i) * inner + e] = value;
}

static gboolean
eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  g_autofree ConvoyFact *facts = convoy_facts (n, in);
  ConvoyShape s = *convoy_tensor_shape (in[0]);
  Taps taps[CONVOY_MAX_DIMS] = { { 0 } };
  Plan p;
  double *x;
  gboolean crop;
  if (!get_plan (n, facts, &p, error))
    return FALSE;
  crop = coordinates[p.coordinate].place == tf_crop_and_resize;
  if (convoy_tensor_count (out[0]) == 0)
    return TRUE;
  x = convoy_reals (in[0]);
  for (guint i = 0; x && i < p.rank; i++) {
    const Axis *a = &p.axis[i];
    double *y;
    if (a->scale == 1 && !crop && coordinates[p.coordinate].place (a, 0) == 0)
      continue;
    taps[i] = taps_new (n, &p, a);
    s.d[i] = a->out;
    y = taps[i].index && taps[i].weight && taps[i].outside ? g_try_new (double, convoy_shape_count (&s)) : NULL;
    if (y)
      resample (&taps[i], a, convoy_count_range (&s, 0, i), convoy_count_range (&s, i + 1, s.n), x, y);
    g_free (x);
    x = y;
  }
  for (guint i = 0; i < p.rank; i++) {
    if (x && crop)
      extrapolate (n, &taps[i], &s, i, x);
    taps_free (&taps[i]);
  }
  return convoy_put_reals (n, out[0], x, error);
}

const ConvoyOp convoy_op_resize = {
  .name = "Resize", .min_in = 1, .max_in = 4, .const_in = 0xe,
  .attrs = "antialias=i axes=I coordinate_transformation_mode=s cubic_coeff_a=f exclude_outside=i extrapolation_value=f keep_aspect_ratio_policy=s"
    " mode=s nearest_mode=s",
  .infer = infer, .eval = eval,
};

const ConvoyOp convoy_op_upsample = {
  .name = "Upsample", .min_in = 1, .max_in = 2, .attrs = "mode=s scales=F", .const_in = 1 << 1,
  .infer = infer, .eval = eval,
};
