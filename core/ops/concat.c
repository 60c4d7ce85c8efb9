/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * concat.c - Concat (ONNX 4, 11, 13) along any axis. */
#include "core/ops/slope.h"
#include <string.h>

static gboolean
infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  guint axis;
  ConvoyShape s = in[0].shape;
  if (!convoy_infer_axis (n, convoy_node_int (n, "axis", 0), s.n, &axis, error))
    return FALSE;
  for (guint i = 1; i < n->n_in; i++) {
    gboolean fits = in[i].type == in[0].type && in[i].shape.n == s.n;
    for (guint k = 0; fits && k < s.n; k++)
      fits = k == axis || in[i].shape.d[k] == s.d[k];
    if (!fits) {
      g_autofree char *a = convoy_shape_str (&in[0].shape), *b = in[i].shape.n > CONVOY_MAX_DIMS ? g_strdup ("nothing") : convoy_shape_str (&in[i].shape);
      return convoy_infer_fail (n, error, "%s %s does not fit %s %s along axis %u", b, convoy_type_name (in[i].type), a, convoy_type_name (in[0].type), axis);
    }
    s.d[axis] += in[i].shape.d[axis];
  }
  out[0] = (ConvoyFact) { in[0].type, s, NULL };
  return TRUE;
}

static guint
axis_of (const ConvoyNode *n, guint rank)
{
  gint64 axis = convoy_node_int (n, "axis", 0);
  return axis < 0 ? axis + rank : axis;
}

static gboolean
eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  const ConvoyShape *s = convoy_tensor_shape (out[0]);
  gsize size = convoy_type_size (convoy_tensor_type (out[0])), rows = 1, inner = size;
  guint axis = axis_of (n, s->n);
  (void) error;
  for (guint i = 0; i < s->n; i++)
    *(i < axis ? &rows : &inner) *= i == axis ? 1 : s->d[i];
  char *to = convoy_tensor_data (out[0]);
  for (gsize r = 0; r < rows; r++)
    for (guint i = 0; i < n->n_in; i++) {
      gsize bytes = convoy_tensor_shape (in[i])->d[axis] * inner;
      memcpy (to, (const char *) convoy_tensor_data (in[i]) + r * bytes, bytes);
      to += bytes;
    }
  return TRUE;
}

/* Each input gets its part back. */
static gboolean
grad (CONVOY_GRAD_ARGS)
{
  const ConvoyShape *y = convoy_tensor_shape (dout[0]);
  g_autofree ConvoyFact *facts = convoy_facts (n, in);
  guint axis = axis_of (n, y->n);
  gint64 rows = convoy_count_range (y, 0, axis), inner = convoy_count_range (y, axis + 1, y->n), at = 0;
  (void) out, (void) error;
  for (guint i = 0; i < n->n_in; i++) {
    gint64 part = facts[i].shape.d[axis] * inner;
    for (gint64 r = 0; din[i] && r < rows; r++)
      memcpy ((float *) convoy_tensor_data (din[i]) + r * part, (const float *) convoy_tensor_data (dout[0]) + r * y->d[axis] * inner + at, part * sizeof (float));
    at += part;
  }
  return TRUE;
}

/* --- where samples are blocks of channels one after the other ---------- */

typedef struct {
  gint64 samples, part, whole, at;
} Copy; /* floats of a sample in the source, in the result, before the source */

static void
copy_part (void *const data[], const void *user)
{
  const Copy *c = user;
  const float *x = data[0];
  float *y = data[1];
#pragma omp parallel for if (c->samples > 1)
  for (gint64 i = 0; i < c->samples; i++)
    memcpy (y + i * c->whole + c->at, x + i * c->part, c->part * sizeof (float));
}

/* Channels in a block, the same for all inputs, which are whole blocks; 0: it is not so. */
static guint
common_block (ConvoyBuild *b, const ConvoyNode *n, const ConvoyBuf *src)
{
  guint block = 0;
  for (guint i = 0; i < n->n_in; i++) {
    guint own = src[i] == CONVOY_NO_BUF ? 0 : convoy_md_block (convoy_build_md (b, src[i]));
    if (own == 0 || (block && own != block) || convoy_build_shape (b, n->in[i])->d[1] % own || convoy_build_static (b, n->in[i]))
      return 0;
    block = own;
  }
  return block;
}

/* A single sample's parts are computed where they belong, if they can be. */
static void
join (ConvoyBuild *b, const ConvoyNode *n, const ConvoyBuf *src, const ConvoyMd *md)
{
  const ConvoyShape *s = convoy_build_shape (b, n->out);
  ConvoyBuf y = convoy_build_out (b, n->out, md);
  Copy c = { s->d[0], 0, convoy_shape_count (s) / s->d[0], 0 };
  for (guint i = 0; i < n->n_in; i++, c.at += c.part) {
    c.part = convoy_shape_count (convoy_build_shape (b, n->in[i])) / c.samples;
    if (c.samples > 1 || !convoy_build_place (b, n->in[i], n, y, c.at * sizeof (float)))
      convoy_build_call (b, "concat", copy_part, g_memdup2 (&c, sizeof c), 1, 1, src[i], y);
  }
}

static gboolean
forward (ConvoyBuild *b, const ConvoyNode *n)
{
  const ConvoyShape *s = convoy_build_shape (b, n->out);
  gint64 stride[2 * CONVOY_MAX_DIMS];
  if (convoy_build_type (b, n->out) != CONVOY_F32 || s->n < 3 || convoy_shape_count (s) < 1)
    return FALSE;
  for (guint i = 0; i < n->n_in; i++)
    if (convoy_shape_count (convoy_build_shape (b, n->in[i])) < 1)
      return FALSE;
  g_autofree ConvoyBuf *src = g_new (ConvoyBuf, n->n_in);
  g_autofree const ConvoyMd **md = g_new (const ConvoyMd *, n->n_in);
  gboolean plain = TRUE;
  for (guint i = 0; i < n->n_in; i++) {
    src[i] = convoy_build_in (b, n->in[i]);
    plain &= src[i] == CONVOY_NO_BUF || (convoy_md_strides (convoy_build_md (b, src[i]), stride) && stride[1] != 1);
  }
  guint block = axis_of (n, s->n) == 1 && !convoy_build_wants (b, n->out) ? common_block (b, n, src) : 0;
  g_autoptr (ConvoyMd) whole = block > 1 ? convoy_md_blocked (s) : convoy_md_plain (s);
  if (block == convoy_md_block (whole) && (block > 1 || s->d[0] == 1)) {
    join (b, n, src, whole);
    return TRUE;
  }
  if (plain)                            /* what is not blocked anyway is copied row by row as well as oneDNN does */
    return FALSE;
  for (guint i = 0; i < n->n_in; i++)
    md[i] = convoy_build_md (b, src[i]);
  ConvoyPrim *p = convoy_dnn_concat (axis_of (n, s->n), md, n->n_in, NULL, convoy_build_error (b));
  convoy_build_concat (b, p, src, n->n_in, convoy_build_out (b, n->out, convoy_prim_md (p, CONVOY_ARG_DST)));
  return TRUE;
}

const ConvoyOp convoy_op_concat = {
  .name = "Concat", .min_in = 1, .max_in = G_MAXUINT, .attrs = "+axis=i", .flags = CONVOY_OP_SAMPLEWISE,
  .infer = infer, .eval = eval, .grad = grad, .forward = forward,
};
