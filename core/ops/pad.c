/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * pad.c - Pad: constant, reflect, edge, wrap; where a pad is negative it cuts, before the other side is padded. */
#include "core/ops/slope.h"
#include <string.h>

typedef struct { gint64 before[CONVOY_MAX_DIMS], after[CONVOY_MAX_DIMS]; } Pads;

/* What stands before, at or after the kept elements low..high-1: index of the element, -1: the constant. */
static gint64 at_constant (gint64 i, gint64 low, gint64 high) { return i < low || i >= high ? -1 : i; }
static gint64 at_edge (gint64 i, gint64 low, gint64 high) { return CLAMP (i, low, high - 1); }

static gint64
at_wrap (gint64 i, gint64 low, gint64 high)
{
  gint64 k = (i - low) % (high - low);
  return low + (k < 0 ? k + high - low : k);
}

static gint64
at_reflect (gint64 i, gint64 low, gint64 high)
{
  gint64 period = 2 * (high - low - 1), k = period ? (i - low) % period : 0;
  k += k < 0 ? period : 0;
  return low + MIN (k, period - k);
}

static const struct { const char *name; guint since; gint64 (*at) (gint64 i, gint64 low, gint64 high); } modes[] = {
  { "constant", 1, at_constant }, { "edge", 1, at_edge }, { "reflect", 1, at_reflect }, { "wrap", 19, at_wrap },
};

static gint
find_mode (const ConvoyNode *n)
{
  const char *name = convoy_node_str (n, "mode", "constant");
  for (guint i = 0; i < G_N_ELEMENTS (modes); i++)
    if (g_str_equal (name, modes[i].name) && n->opset >= modes[i].since)
      return i;
  return -1;
}

static gboolean
get_pads (const ConvoyNode *n, const ConvoyFact *in, Pads *p, GError **error)
{
  g_autofree gint64 *v = NULL, *axes = NULL;
  guint rank = in[0].shape.n, axis, seen = 0;
  gsize len, n_axes;
  *p = (Pads) { 0 };
  if (!convoy_infer_form (n, in, 1, "pads", 11, error) || !convoy_infer_ints (n, in, 1, "pads", &v, &len, error)
      || !convoy_infer_ints (n, in, 3, NULL, &axes, &n_axes, error))
    return FALSE;
  if (!axes)
    n_axes = rank;
  if (len != 2 * n_axes)
    return convoy_infer_fail (n, error, "%u pads for %u axes", (guint) len, (guint) n_axes);
  for (gsize i = 0; i < n_axes; i++) {
    if (!convoy_infer_axis (n, axes ? axes[i] : (gint64) i, rank, &axis, error))
      return FALSE;
    if (seen & 1u << axis)
      return convoy_infer_fail (n, error, "axis %u is given twice", axis);
    seen |= 1u << axis;
    p->before[axis] = v[i];
    p->after[axis] = v[n_axes + i];
  }
  return TRUE;
}

static gboolean
infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  gint mode = find_mode (n);
  Pads p;
  if (mode < 0)
    return convoy_infer_fail (n, error, "mode %s is not known in operator set %u", convoy_node_str (n, "mode", ""), n->opset);
  if (CONVOY_GIVEN (n, in, 2) && (in[2].type != in[0].type || convoy_shape_count (&in[2].shape) != 1))
    return convoy_infer_fail (n, error, "the value to pad with is no single %s", convoy_type_name (in[0].type));
  if (!get_pads (n, in, &p, error) || !convoy_infer_same (n, in, out, error))
    return FALSE;
  for (guint i = 0; i < in[0].shape.n; i++) {
    gint64 d = in[0].shape.d[i], a = p.before[i], b = p.after[i], *y = &out[0].shape.d[i];
    gboolean bad = __builtin_add_overflow (d, a, y) || __builtin_add_overflow (*y, b, y) || *y < 0;
    gint64 kept = bad ? 0 : d + MIN (a, 0) + MIN (b, 0);
    if (bad || kept < 0 || (kept == 0 && *y && modes[mode].at != at_constant))
      return convoy_infer_fail (n, error, "axis %u of %" G_GINT64_FORMAT " with %" G_GINT64_FORMAT " before and %" G_GINT64_FORMAT " after", i, d, a, b);
  }
  return convoy_infer_size (n, &out[0].shape, error);
}

typedef struct {
  const gint64 *index[CONVOY_MAX_DIMS + 1];     /* of each axis: the element of x under each of y; -1: the constant */
  const ConvoyShape *y;
  gint64 stride[CONVOY_MAX_DIMS];               /* of x */
  gsize size;
  const char *src, *value;
} Job;

/* Fills axis and those inside it, at element at of x (-1: in the padding); gives the end of what it wrote. */
static char *
fill (const Job *j, guint axis, gint64 at, char *dst)
{
  const gint64 *index = j->index[axis];
  if (axis == j->y->n)
    return (char *) memcpy (dst, j->src + at * j->size, j->size) + j->size;
  for (gint64 i = 0, run; i < j->y->d[axis]; i += run) {
    gint64 k = at < 0 ? -1 : index[i];
    run = 1;
    if (axis + 1 < j->y->n)
      dst = fill (j, axis + 1, k < 0 ? -1 : at + k * j->stride[axis], dst);
    else {
      while (k >= 0 && i + run < j->y->d[axis] && index[i + run] == k + run)
        run++;
      memcpy (dst, k < 0 ? j->value : j->src + (at + k) * j->size, run * j->size);
      dst += run * j->size;
    }
  }
  return dst;
}

/* Which element of x lies under each of y, axis by axis; the caller frees index[0..rank-1]. */
static void
find_sources (const ConvoyNode *n, const Pads *p, const ConvoyShape *x, const ConvoyShape *y, gint64 **index)
{
  for (guint i = 0; i < x->n; i++) {
    gint64 low = MAX (-p->before[i], 0), high = x->d[i] + MIN (p->after[i], 0);
    index[i] = g_new (gint64, y->d[i]);
    for (gint64 k = 0; k < y->d[i]; k++)
      index[i][k] = modes[find_mode (n)].at (k - p->before[i], low, high);
  }
}

static gboolean
eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  g_autofree ConvoyFact *facts = convoy_facts (n, in);
  const ConvoyShape *x = convoy_tensor_shape (in[0]);
  ConvoyTensor *given = CONVOY_IN (n, in, 2);
  double value = convoy_node_float (n, "value", 0);
  char constant[8];
  Job j = { .y = convoy_tensor_shape (out[0]), .size = convoy_type_size (convoy_tensor_type (in[0])), .src = convoy_tensor_data (in[0]), .value = constant };
  gint64 *index[CONVOY_MAX_DIMS];
  Pads p;
  if (!get_pads (n, facts, &p, error))
    return FALSE;
  convoy_strides (x, j.stride);
  convoy_put_real (convoy_tensor_type (in[0]), constant, 0, 1, 1, &value);
  if (given)
    memcpy (constant, convoy_tensor_data (given), j.size);
  if (convoy_tensor_count (out[0]) == 0)
    return TRUE;
  find_sources (n, &p, x, j.y, index);
  for (guint i = 0; i < x->n; i++)
    j.index[i] = index[i];
  fill (&j, 0, 0, convoy_tensor_data (out[0]));
  for (guint i = 0; i < x->n; i++)
    g_free (index[i]);
  return TRUE;
}

/* What was repeated (edge, reflect, wrap) sums; what came in has none. */
static void
gather_back (const Job *j, guint axis, gint64 at, const float **dy, float *dx)
{
  if (axis == j->y->n) {
    if (at >= 0)
      dx[at] += **dy;
    ++*dy;
    return;
  }
  for (gint64 i = 0; i < j->y->d[axis]; i++)
    gather_back (j, axis + 1, at < 0 || j->index[axis][i] < 0 ? -1 : at + j->index[axis][i] * j->stride[axis], dy, dx);
}

static gboolean
grad (CONVOY_GRAD_ARGS)
{
  g_autofree ConvoyTensor **like = g_new (ConvoyTensor *, n->n_in);
  const float *dy = convoy_tensor_data (dout[0]);
  gint64 *index[CONVOY_MAX_DIMS];
  Job j = { .y = convoy_tensor_shape (dout[0]) };
  Pads p;
  for (guint i = 0; i < n->n_in; i++)
    like[i] = i ? in[i] : din[0];
  g_autofree ConvoyFact *facts = convoy_facts (n, like);
  (void) out;
  if (!get_pads (n, facts, &p, error))
    return FALSE;
  convoy_strides (&facts[0].shape, j.stride);
  find_sources (n, &p, &facts[0].shape, j.y, index);
  for (guint i = 0; i < j.y->n; i++)
    j.index[i] = index[i];
  convoy_clear (din[0]);
  gather_back (&j, 0, 0, &dy, convoy_tensor_data (din[0]));
  for (guint i = 0; i < j.y->n; i++)
    g_free (index[i]);
  return TRUE;
}

const ConvoyOp convoy_op_pad = {
  .name = "Pad", .min_in = 1, .max_in = 4, .attrs = "mode=s pads=I value=f", .const_in = 1 << 1 | 1 << 3, .no_grad = 1 << 2, .flags = CONVOY_OP_GRAD_LINEAR,
  .infer = infer, .eval = eval, .grad = grad,
};
