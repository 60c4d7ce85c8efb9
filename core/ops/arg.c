/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * arg.c - where the largest or smallest lie along an axis: ArgMax, ArgMin, Hardmax, TopK. */
#include "core/ops/index.h"
#include <math.h>
#include <stdlib.h>

/* A number with its place. Integers are compared as such; real is 0 then. */
typedef struct { double real; gint64 integer, at; } Item;

/* Below 0: a comes before b, the larger first; not a number is the largest. Places decide ties. */
static int
larger_first (const void *pa, const void *pb)
{
  const Item *a = pa, *b = pb;
  if (a->real != b->real && !(isnan (a->real) && isnan (b->real)))
    return isnan (a->real) || a->real > b->real ? -1 : 1;
  if (a->integer != b->integer)
    return a->integer > b->integer ? -1 : 1;
  return (a->at > b->at) - (a->at < b->at);
}

static int
smaller_first (const void *pa, const void *pb)
{
  const Item *a = pa, *b = pb;
  if (a->real != b->real && !(isnan (a->real) && isnan (b->real)))
    return isnan (b->real) || a->real < b->real ? -1 : 1;
  if (a->integer != b->integer)
    return a->integer < b->integer ? -1 : 1;
  return (a->at > b->at) - (a->at < b->at);
}

/* Along the axis: outer x size x inner. */
typedef struct { gint64 outer, size, inner; } Split;

static Split
split_at (const ConvoyShape *s, guint axis)
{
  return (Split) { convoy_count_range (s, 0, axis), s->d[axis], convoy_count_range (s, axis + 1, s->n) };
}

static Item
item_at (const ConvoyTensor *x, gint64 element, gint64 at)
{
  ConvoyKind kind = convoy_type_kind (convoy_tensor_type (x));
  gint64 v = kind == CONVOY_REAL ? 0 : convoy_int_at (x, element);
  if (kind == CONVOY_UNSIGNED)
    v = (gint64) ((guint64) v ^ (guint64) 1 << 63);             /* the same order as signed */
  return (Item) { kind == CONVOY_REAL ? convoy_real_at (x, element) : 0, v, at };
}

/* --- ArgMax, ArgMin ---------------------------------------------------- */

static gboolean
arg_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  gboolean keep = convoy_node_int (n, "keepdims", 1) != 0;
  const ConvoyShape *x = &in[0].shape;
  ConvoyShape y = { 0 };
  guint axis;
  if (!convoy_infer_type (n, in, 0, CONVOY_T_NUMBER, error) || !convoy_infer_axis (n, convoy_node_int (n, "axis", 0), x->n, &axis, error))
    return FALSE;
  if (x->d[axis] == 0)
    return convoy_infer_fail (n, error, "axis %u has no elements", axis);
  for (guint i = 0; i < x->n; i++)
    if (i != axis || keep)
      y.d[y.n++] = i == axis ? 1 : x->d[i];
  out[0].type = CONVOY_I64;
  out[0].shape = y;
  return TRUE;
}

static gboolean
arg_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  int (*order) (const void *, const void *) = g_str_equal (n->op->name, "ArgMax") ? larger_first : smaller_first;
  gboolean last = convoy_node_int (n, "select_last_index", 0) != 0;
  gint64 *y = convoy_tensor_data (out[0]);
  guint axis;
  if (!convoy_infer_axis (n, convoy_node_int (n, "axis", 0), convoy_tensor_shape (in[0])->n, &axis, error))
    return FALSE;
  Split s = split_at (convoy_tensor_shape (in[0]), axis);
  for (gint64 o = 0; o < s.outer; o++)
    for (gint64 i = 0; i < s.inner; i++) {
      Item best = item_at (in[0], o * s.size * s.inner + i, 0);
      for (gint64 k = 1; k < s.size; k++) {
        Item next = item_at (in[0], (o * s.size + k) * s.inner + i, last ? -k : k);
        if (order (&next, &best) < 0)
          best = next;
      }
      y[o * s.inner + i] = ABS (best.at);
    }
  return TRUE;
}

/* --- Hardmax: 1 at the first of the largest, 0 elsewhere ----------------- */

/* Before operator set 13 the axis and all after it are one. */
static gboolean
hardmax_split (const ConvoyNode *n, const ConvoyShape *x, Split *s, GError **error)
{
  guint axis;
  if (!convoy_infer_axis (n, convoy_node_int (n, "axis", n->opset < 13 ? 1 : -1), x->n, &axis, error))
    return FALSE;
  *s = split_at (x, axis);
  if (n->opset < 13) {
    s->size *= s->inner;
    s->inner = 1;
  }
  return TRUE;
}

static gboolean
hardmax_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  Split s;
  return convoy_infer_type (n, in, 0, CONVOY_T_REAL, error) && hardmax_split (n, &in[0].shape, &s, error) && convoy_infer_same (n, in, out, error);
}

static gboolean
hardmax_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  Split s;
  if (!hardmax_split (n, convoy_tensor_shape (in[0]), &s, error))
    return FALSE;
  for (gint64 o = 0; o < s.outer; o++)
    for (gint64 i = 0; i < s.inner; i++) {
      Item best = { -INFINITY, 0, -1 };
      for (gint64 k = 0; k < s.size; k++) {
        Item next = item_at (in[0], (o * s.size + k) * s.inner + i, k);
        best = best.at < 0 || larger_first (&next, &best) < 0 ? next : best;
      }
      for (gint64 k = 0; k < s.size; k++) {
        double v = k == best.at;
        convoy_put_real (convoy_tensor_type (out[0]), convoy_tensor_data (out[0]), (o * s.size + k) * s.inner + i, 1, 1, &v);
      }
    }
  return TRUE;
}

/* --- TopK -------------------------------------------------------------- */

static gboolean
top_infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  g_autofree gint64 *k = NULL;
  const ConvoyShape *x = &in[0].shape;
  gsize len = 1;
  guint axis;
  if (!convoy_infer_type (n, in, 0, CONVOY_T_NUMBER, error) || !convoy_infer_axis (n, convoy_node_int (n, "axis", -1), x->n, &axis, error)
      || !convoy_infer_form (n, in, 1, "k", 10, error) || !convoy_infer_ints (n, in, 1, NULL, &k, &len, error))
    return FALSE;
  if (!k) {
    k = g_memdup2 (&(gint64) { convoy_node_int (n, "k", -1) }, sizeof *k);
    len = 1;
  }
  if (len != 1 || k[0] < 0 || k[0] > x->d[axis])
    return convoy_infer_fail (n, error, "k of %" G_GINT64_FORMAT " on an axis of %" G_GINT64_FORMAT, len ? k[0] : -1, x->d[axis]);
  convoy_infer_same (n, in, out, error);
  out[0].shape.d[axis] = k[0];
  if (n->n_out > 1) {
    out[1].type = CONVOY_I64;
    out[1].shape = out[0].shape;
  }
  return TRUE;
}

static gboolean
top_eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  gsize size = convoy_type_size (convoy_tensor_type (in[0]));
  ConvoyTensor *places = CONVOY_OUT (n, out, 1);
  g_autofree Item *items = NULL;
  guint axis;
  if (!convoy_infer_axis (n, convoy_node_int (n, "axis", -1), convoy_tensor_shape (in[0])->n, &axis, error))
    return FALSE;
  Split s = split_at (convoy_tensor_shape (in[0]), axis);
  gint64 k = convoy_tensor_shape (out[0])->d[axis];
  items = g_try_new (Item, MAX (s.size, 1));
  if (!items)
    return convoy_infer_fail (n, error, "no memory to order %" G_GINT64_FORMAT " numbers", s.size);
  for (gint64 o = 0; k && o < s.outer; o++)
    for (gint64 i = 0; i < s.inner; i++) {
      ConvoyWalk one = { 0 };
      for (gint64 e = 0; e < s.size; e++)
        items[e] = item_at (in[0], (o * s.size + e) * s.inner + i, e);
      qsort (items, s.size, sizeof *items, convoy_node_int (n, "largest", 1) ? larger_first : smaller_first);
      for (gint64 e = 0; e < k; e++) {
        gint64 to = (o * k + e) * s.inner + i, from = (o * s.size + items[e].at) * s.inner + i;
        convoy_copy (&one, size, (char *) convoy_tensor_data (out[0]) + to * size, (char *) convoy_tensor_data (in[0]) + from * size);
        if (places)
          ((gint64 *) convoy_tensor_data (places))[to] = items[e].at;
      }
    }
  return TRUE;
}

const ConvoyOp convoy_op_arg_max = {
  .name = "ArgMax", .min_in = 1, .max_in = 1, .attrs = "axis=i keepdims=i select_last_index=i",
  .infer = arg_infer, .eval = arg_eval,
};

const ConvoyOp convoy_op_arg_min = {
  .name = "ArgMin", .min_in = 1, .max_in = 1, .attrs = "axis=i keepdims=i select_last_index=i",
  .infer = arg_infer, .eval = arg_eval,
};

const ConvoyOp convoy_op_hardmax = {
  .name = "Hardmax", .min_in = 1, .max_in = 1, .attrs = "axis=i",
  .infer = hardmax_infer, .eval = hardmax_eval,
};

const ConvoyOp convoy_op_top_k = {
  .name = "TopK", .min_in = 1, .max_in = 2, .max_out = 2, .attrs = "axis=i k=i largest=i sorted=i", .const_in = 1 << 1,
  .infer = top_infer, .eval = top_eval,
};
