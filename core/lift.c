/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * lift.c - see lift.h. What became of an operator is a row of one table, as ONNX's changelog has it
 * (docs/Changelog.md); an operator without a row only gained types and options, and is copied. */
#include "core/lift.h"
#include <string.h>

typedef struct Change Change;

typedef struct {
  ConvoySplice *s;
  const ConvoyShape *input;
} Lift;

struct Change {
  const char *op;
  guint since; /* it is as the following says from this operator set on */
  /* Appends n; NULL: an older one cannot be written so. */
  gboolean (*lift) (const Lift *l, const ConvoyNode *n, const Change *c, GError **error);
  const char *inputs[3], *stays; /* attributes that became the inputs after the first; one that is still there */
};

static void
keep (ConvoyAttrs *to, const ConvoyAttr *a)
{
  if (a && a->kind == 's')
    convoy_attrs_set_string (to, a->key, a->s);
  else if (a && a->kind == 'i')
    convoy_attrs_set_int (to, a->key, a->i[0]);
}

/* An attribute, numbers or a number, as a constant; CONVOY_NONE with *error clear: n has none. */
static ConvoyValue
from_attr (const Lift *l, const ConvoyNode *n, const char *key, GError **error)
{
  const ConvoyAttr *a = convoy_attrs_find (n->attrs, key);
  g_autofree char *ending = g_strconcat ("_", key, NULL);
  gboolean real = a && a->kind == 'f';
  ConvoyShape shape = { 0 };
  if (a && !real)
    shape = CONVOY_SHAPE ((gint64) a->n);
  ConvoyTensor *x = a ? convoy_tensor_new (real ? CONVOY_F32 : CONVOY_I64, &shape, error) : NULL;
  if (x && real)
    *(float *) convoy_tensor_data (x) = a->f[0];
  else if (x)
    memcpy (convoy_tensor_data (x), a->i, a->n * sizeof *a->i);
  return convoy_splice_constant (l->s, n->out, ending, x);
}

static gboolean
to_inputs (const Lift *l, const ConvoyNode *n, const Change *c, GError **error)
{
  ConvoyValue in[4] = { convoy_splice_value (l->s, n->in[0]) };
  GError *why = NULL;
  guint n_in = 1;
  for (guint i = 0; i < G_N_ELEMENTS (c->inputs); i++) {
    in[i + 1] = c->inputs[i] && why == NULL ? from_attr (l, n, c->inputs[i], &why) : CONVOY_NONE;
    if (in[i + 1] != CONVOY_NONE)
      n_in = i + 2;
  }
  if (why) {
    g_propagate_error (error, why);
    return FALSE;
  }
  ConvoyAttrs *attrs = convoy_attrs_new ();
  if (c->stays)
    keep (attrs, convoy_attrs_find (n->attrs, c->stays));
  return convoy_splice_node_as (l->s, n, in, n_in, attrs, error);
}

/* Over all dimensions from axis on: the same as over axis, where those behind it are 1. */
static gboolean
softmax (const Lift *l, const ConvoyNode *n, const Change *c, GError **error)
{
  (void) c;
  ConvoyGraph *bound = convoy_graph_bind_to (l->s->from, l->input, n->in, 1, error);
  if (bound == NULL)
    return FALSE;
  ConvoyShape x = *convoy_graph_shape (bound, convoy_graph_get_output (bound, 0));
  convoy_graph_unref (bound);
  gint64 axis = convoy_node_int (n, "axis", 1);
  axis += axis < 0 ? x.n : 0;
  for (guint i = axis + 1; i < x.n; i++)
    if (x.d[i] != 1)
      return convoy_infer_fail (n, error, "over several dimensions, as before operator set 13, is not supported here");
  ConvoyAttrs *attrs = convoy_attrs_new ();
  convoy_attrs_set_int (attrs, "axis", axis);
  ConvoyValue in = convoy_splice_value (l->s, n->in[0]);
  return convoy_splice_node_as (l->s, n, &in, 1, attrs, error);
}

/* Sizes became an input in 13; from 18 on their number is said where they are not. */
static gboolean
split (const Lift *l, const ConvoyNode *n, const Change *c, GError **error)
{
  (void) c;
  GError *why = NULL;
  ConvoyValue in[2] = { convoy_splice_value (l->s, n->in[0]),
    n->n_in > 1 ? convoy_splice_value (l->s, n->in[1]) : from_attr (l, n, "split", &why) };
  if (why) {
    g_propagate_error (error, why);
    return FALSE;
  }
  ConvoyAttrs *attrs = convoy_attrs_new ();
  keep (attrs, convoy_attrs_find (n->attrs, "axis"));
  if (in[1] == CONVOY_NONE && l->s->to->opset >= 18)
    convoy_attrs_set_int (attrs, "num_outputs", n->n_out);
  return convoy_splice_node_as (l->s, n, in, in[1] == CONVOY_NONE ? 1 : 2, attrs, error);
}

/* The statistics are those of a channel, which spatial=1 said. */
static gboolean
batchnorm (const Lift *l, const ConvoyNode *n, const Change *c, GError **error)
{
  (void) c;
  g_autofree ConvoyValue *in = g_new (ConvoyValue, n->n_in);
  if (n->n_out > 1 || convoy_node_int (n, "spatial", 1) != 1)
    return convoy_infer_fail (n, error, "of operator set %u is not supported here", n->opset);
  for (guint i = 0; i < n->n_in; i++)
    in[i] = convoy_splice_value (l->s, n->in[i]);
  ConvoyAttrs *attrs = convoy_attrs_new ();
  convoy_attrs_set_float (attrs, "epsilon", convoy_node_float (n, "epsilon", 1e-5f));
  convoy_attrs_set_float (attrs, "momentum", convoy_node_float (n, "momentum", 0.9f));
  return convoy_splice_node_as (l->s, n, in, n->n_in, attrs, error);
}

#define REDUCE(op, since) \
  { \
    op, since, to_inputs, { "axes" }, "keepdims" \
  }

static const Change changes[] = {
  { "BatchNormalization", 9, batchnorm, { NULL }, NULL },
  { "Clip", 11, to_inputs, { "min", "max" }, NULL },
  { "Dropout", 12, to_inputs, { "ratio" }, NULL },
  { "GroupNormalization", 21, NULL, { NULL }, NULL },
  { "Hardmax", 13, softmax, { NULL }, NULL },
  { "LogSoftmax", 13, softmax, { NULL }, NULL },
  { "Pad", 11, to_inputs, { "pads", "value" }, "mode" },
  REDUCE ("ReduceL1", 18),
  REDUCE ("ReduceL2", 18),
  REDUCE ("ReduceLogSum", 18),
  REDUCE ("ReduceLogSumExp", 18),
  REDUCE ("ReduceMax", 18),
  REDUCE ("ReduceMean", 18),
  REDUCE ("ReduceMin", 18),
  REDUCE ("ReduceProd", 18),
  REDUCE ("ReduceSum", 13),
  REDUCE ("ReduceSumSquare", 18),
  { "Resize", 11, NULL, { NULL }, NULL },
  { "Slice", 10, to_inputs, { "starts", "ends", "axes" }, NULL },
  { "Softmax", 13, softmax, { NULL }, NULL },
  { "Split", 18, split, { NULL }, NULL },
  { "Split", 13, split, { NULL }, NULL },
  { "Squeeze", 13, to_inputs, { "axes" }, NULL },
  { "TopK", 10, to_inputs, { "k" }, "axis" },
  { "Unsqueeze", 13, to_inputs, { "axes" }, NULL },
  { "Upsample", 10, NULL, { NULL }, NULL },
};

gboolean
convoy_lift_node (ConvoySplice *s, const ConvoyNode *n, const ConvoyShape *input, GError **error)
{
  const Lift l = { s, input };
  for (guint i = 0; i < G_N_ELEMENTS (changes); i++) {
    const Change *c = &changes[i];
    if (n->opset >= c->since || s->to->opset < c->since || strcmp (n->op->name, c->op) != 0)
      continue;
    return c->lift ? c->lift (&l, n, c, error) : convoy_infer_fail (n, error, "of operator set %u is not supported here", n->opset);
  }
  return convoy_splice_node (s, n, error);
}
