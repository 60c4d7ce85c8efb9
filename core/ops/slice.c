/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * slice.c - operators that cut pieces out: Slice, Split. */
#include "core/ops/slope.h"

typedef struct { gint64 start[CONVOY_MAX_DIMS], step[CONVOY_MAX_DIMS], len[CONVOY_MAX_DIMS]; } Range;

/* What start, end and step, as ONNX counts them, mean on axis i of size d. */
static void
range_set (Range *r, guint i, gint64 d, gint64 start, gint64 end, gint64 step)
{
  gint64 low = step < 0 ? -1 : 0, high = step < 0 ? d - 1 : d;
  start = CLAMP (start < 0 ? start + d : start, MAX (low, 0), MAX (high, 0));
  end = CLAMP (end < 0 ? end + d : end, low, MAX (high, low));
  r->start[i] = start;
  r->step[i] = step;
  r->len[i] = step > 0 ? end > start ? (end - start - 1) / step + 1 : 0 : d && start > end ? (start - end - 1) / -step + 1 : 0;
}

static gboolean
slice_range (const ConvoyNode *n, const ConvoyFact *in, Range *r, GError **error)
{
  static const char *const keys[] = { "starts", "ends", "axes", NULL };
  g_autofree gint64 *start = NULL, *end = NULL, *axes = NULL, *steps = NULL;
  gint64 **v[] = { &start, &end, &axes, &steps };
  const ConvoyShape *x = &in[0].shape;
  gsize len[4];
  guint axis, seen = 0;
  for (guint i = 0; i < 4; i++)
    if ((keys[i] && !convoy_infer_form (n, in, 1 + i, keys[i], 10, error)) || !convoy_infer_ints (n, in, 1 + i, keys[i], v[i], &len[i], error))
      return FALSE;
  if (len[1] != len[0] || (axes && len[2] != len[0]) || (steps && len[3] != len[0]) || (!axes && len[0] > x->n))
    return convoy_infer_fail (n, error, "%u starts, %u ends, %u axes and %u steps for %u dimensions", (guint) len[0], (guint) len[1], (guint) len[2],
        (guint) len[3], x->n);
  for (guint i = 0; i < x->n; i++)
    range_set (r, i, x->d[i], 0, x->d[i], 1);
  for (gsize i = 0; i < len[0]; i++) {
    gint64 step = steps ? MAX (steps[i], -G_MAXINT64) : 1;
    if (!convoy_infer_axis (n, axes ? axes[i] : (gint64) i, x->n, &axis, error))
      return FALSE;
    if (step == 0 || seen & 1u << axis)
      return convoy_infer_fail (n, error, step ? "axis %u is given twice" : "axis %u with step 0", axis);
    seen |= 1u << axis;
    range_set (r, axis, x->d[axis], start[i], end[i], step);
  }
  return TRUE;
}

static gboolean
slice_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  Range r;
  if (!slice_range (n, in, &r, error))
    return FALSE;
  convoy_infer_same (n, in, out, error);
  for (guint i = 0; i < in[0].shape.n; i++)
    out[0].shape.d[i] = r.len[i];
  return TRUE;
}

/* Copies the piece of x that begins at start and goes on by step in every dimension to y; back: y to that piece. */
static void
cut (ConvoyTensor *x, ConvoyTensor *y, const gint64 *start, const gint64 *step, gboolean back)
{
  const ConvoyShape *to = convoy_tensor_shape (y);
  gsize size = convoy_type_size (convoy_tensor_type (x));
  gint64 a[CONVOY_MAX_DIMS], b[CONVOY_MAX_DIMS], at = 0;
  ConvoyWalk w = { 0 };
  if (convoy_tensor_count (y) == 0)
    return;
  convoy_strides (convoy_tensor_shape (x), a);
  convoy_strides (to, b);
  for (guint i = 0; i < to->n; i++) {
    at += start[i] * a[i];
    gint64 in_x = to->d[i] > 1 && step ? step[i] * a[i] : a[i];
    convoy_walk_add (&w, to->d[i], back ? in_x : b[i], back ? b[i] : in_x, 0, 0);
  }
  char *piece = (char *) convoy_tensor_data (x) + at * size, *whole = convoy_tensor_data (y);
  convoy_copy (&w, size, back ? piece : whole, back ? whole : piece);
}

static gboolean
slice_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  g_autofree ConvoyFact *facts = convoy_facts (n, in);
  Range r;
  if (!slice_range (n, facts, &r, error))
    return FALSE;
  cut (in[0], out[0], r.start, r.step, FALSE);
  return TRUE;
}

static gboolean
slice_grad (CONVOY_GRAD_ARGS)
{
  g_autofree ConvoyTensor **like = g_new (ConvoyTensor *, n->n_in);
  for (guint i = 0; i < n->n_in; i++)
    like[i] = i ? in[i] : din[0];
  g_autofree ConvoyFact *facts = convoy_facts (n, like);
  Range r;
  (void) out;
  if (!slice_range (n, facts, &r, error))
    return FALSE;
  convoy_clear (din[0]);
  cut (din[0], dout[0], r.start, r.step, TRUE);
  return TRUE;
}

static gboolean
split_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  g_autofree gint64 *v = NULL;
  gint64 parts = convoy_node_int (n, "num_outputs", n->n_out), left, part;
  gsize len;
  guint axis;
  if (!convoy_infer_axis (n, convoy_node_int (n, "axis", 0), in[0].shape.n, &axis, error) || !convoy_infer_form (n, in, 1, "split", 13, error)
      || !convoy_infer_ints (n, in, 1, "split", &v, &len, error))
    return FALSE;
  if (parts != n->n_out || (v && len != n->n_out))
    return convoy_infer_fail (n, error, "%" G_GINT64_FORMAT " parts into %u outputs", v ? (gint64) len : parts, n->n_out);
  left = in[0].shape.d[axis];
  part = left / parts + (left % parts > 0);
  if (!v && n->opset < 18 && left % parts)
    return convoy_infer_fail (n, error, "%" G_GINT64_FORMAT " does not come out even in %" G_GINT64_FORMAT " parts", left, parts);
  for (guint i = 0; i < n->n_out; i++) {
    gint64 d = v ? v[i] : MIN (part, left);
    if (d < 0 || d > left || (i + 1 == n->n_out && d != left))
      return convoy_infer_fail (n, error, "part %u is %" G_GINT64_FORMAT ", %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " are left", i, d, left,
          in[0].shape.d[axis]);
    left -= d;
    out[i].type = in[0].type;
    out[i].shape = in[0].shape;
    out[i].shape.d[axis] = d;
  }
  return TRUE;
}

static gboolean
split_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  gint64 start[CONVOY_MAX_DIMS] = { 0 };
  guint axis;
  if (!convoy_infer_axis (n, convoy_node_int (n, "axis", 0), convoy_tensor_shape (in[0])->n, &axis, error))
    return FALSE;
  for (guint i = 0; i < n->n_out; i++) {
    cut (in[0], out[i], start, NULL, FALSE);
    start[axis] += convoy_tensor_shape (out[i])->d[axis];
  }
  return TRUE;
}

static gboolean
split_grad (CONVOY_GRAD_ARGS)
{
  const ConvoyShape *x = convoy_tensor_shape (din[0]);
  gint64 start[CONVOY_MAX_DIMS] = { 0 };
  guint axis;
  gsize len;
  const gint64 *parts = convoy_node_ints (n, "split", &len);
  (void) out;
  if (!convoy_infer_axis (n, convoy_node_int (n, "axis", 0), x->n, &axis, error))
    return FALSE;
  gint64 even = x->d[axis] / n->n_out + (x->d[axis] % n->n_out > 0);
  convoy_clear (din[0]);
  for (guint i = 0; i < n->n_out; i++) {
    if (dout[i])
      cut (din[0], dout[i], start, NULL, TRUE);
    start[axis] += CONVOY_IN (n, in, 1) ? convoy_int_at (in[1], i) : parts ? parts[i] : even;
  }
  return TRUE;
}

const ConvoyOp convoy_op_slice = {
  .name = "Slice", .min_in = 1, .max_in = 5, .attrs = "starts=I ends=I axes=I", .const_in = 0x1e,
  .flags = CONVOY_OP_GRAD_LINEAR, .infer = slice_infer, .eval = slice_eval, .grad = slice_grad,
};

const ConvoyOp convoy_op_split = {
  .name = "Split", .min_in = 1, .max_in = 2, .max_out = G_MAXUINT, .attrs = "axis=i split=I num_outputs=i", .const_in = 1 << 1,
  .flags = CONVOY_OP_GRAD_LINEAR, .infer = split_infer, .eval = split_eval, .grad = split_grad,
};
