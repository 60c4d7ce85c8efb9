/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * einsum.c - Einsum: sums of products along the axes that an equation does not name behind its arrow. */
#include "core/ops/index.h"
#include <string.h>

#define MAX_IN (CONVOY_WALK_ARRAYS - 1)
#define N_LABELS 64             /* letters, and behind them the dimensions that "..." stands for, the last one first */

typedef struct {
  guint n_in;
  gint64 size[N_LABELS];                        /* 0: no such label; a size of 0 is not supported */
  gint64 step[N_LABELS][MAX_IN];                /* of each input */
  guint count[N_LABELS];                        /* times that it appears in the inputs */
  guint dots;                                   /* dimensions that "..." stands for at most */
  guint out[CONVOY_MAX_DIMS], n_out;            /* labels of the output */
} Equation;

static int
letter (char c)
{
  return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : -1;
}

#define DOTS 52                 /* the first label behind the letters */

/* A dimension of size d, step elements apart, of input i. */
static gboolean
add_label (const ConvoyNode *n, Equation *e, guint label, guint i, gint64 d, gint64 step, GError **error)
{
  gint64 *size = &e->size[label];
  if (*size > 1 && d != 1 && d != *size)
    return convoy_infer_fail (n, error, "one axis of %" G_GINT64_FORMAT " and %" G_GINT64_FORMAT, *size, d);
  if (d < 1)
    return convoy_infer_fail (n, error, "an axis without elements");
  *size = MAX (*size, d);
  e->step[label][i] += d == 1 ? 0 : step;
  e->count[label]++;
  return TRUE;
}

/* The labels of input i, up to a comma, an arrow or the end; gives where it stopped, NULL: error. */
static const char *
parse_input (const ConvoyNode *n, Equation *e, const char *p, guint i, const ConvoyShape *s, GError **error)
{
  gint64 stride[CONVOY_MAX_DIMS];
  guint axis = 0, letters = 0;
  convoy_strides (s, stride);
  for (const char *q = p; *q && *q != ',' && *q != '-'; q++)
    letters += letter (*q) >= 0;
  for (; *p && *p != ',' && *p != '-'; p++) {
    gboolean dots = strncmp (p, "...", 3) == 0;
    guint take = dots ? s->n - MIN (letters, s->n) : 1;
    if (*p == ' ')
      continue;
    if ((!dots && letter (*p) < 0) || axis + take > s->n) {
      convoy_infer_fail (n, error, "input %u of %u dimensions does not fit \"%s\"", i, s->n, p);
      return NULL;
    }
    for (guint k = 0; k < take; k++, axis++)
      if (!add_label (n, e, dots ? DOTS + take - 1 - k : (guint) letter (*p), i, s->d[axis], stride[axis], error))
        return NULL;
    e->dots = dots ? MAX (e->dots, take) : e->dots;
    p += dots ? 2 : 0;
  }
  if (axis == s->n)
    return p;
  convoy_infer_fail (n, error, "input %u has %u dimensions, the equation %u", i, s->n, axis);
  return NULL;
}

static gboolean
add_out (const ConvoyNode *n, Equation *e, guint label, GError **error)
{
  for (guint i = 0; i < e->n_out; i++)
    if (e->out[i] == label)
      return convoy_infer_fail (n, error, "an output axis is there twice");
  if (e->count[label] == 0 || e->n_out == CONVOY_MAX_DIMS)
    return convoy_infer_fail (n, error, "an output axis that no input has, or more than %u", CONVOY_MAX_DIMS);
  e->out[e->n_out++] = label;
  return TRUE;
}

/* Without an arrow: the dimensions of "...", then what appears once, in the order of the alphabet. */
static gboolean
parse_output (const ConvoyNode *n, Equation *e, const char *p, GError **error)
{
  gboolean given = *p != '\0';
  for (p += given ? 2 : 0; given && *p; p++) {
    gboolean dots = strncmp (p, "...", 3) == 0;
    if (*p != ' ' && !dots && (letter (*p) < 0 || !add_out (n, e, letter (*p), error)))
      return error && *error ? FALSE : convoy_infer_fail (n, error, "no output axis is called \"%c\"", *p);
    for (guint k = e->dots; dots && k-- > 0;)
      if (!add_out (n, e, DOTS + k, error))
        return FALSE;
    p += dots ? 2 : 0;
  }
  for (guint k = e->dots; !given && k-- > 0;)
    if (!add_out (n, e, DOTS + k, error))
      return FALSE;
  for (guint k = 0; !given && k < DOTS; k++)
    if (e->count[k] == 1 && !add_out (n, e, k, error))
      return FALSE;
  return TRUE;
}

static gboolean
parse (const ConvoyNode *n, const ConvoyFact *in, Equation *e, GError **error)
{
  const char *p = convoy_node_str (n, "equation", "");
  *e = (Equation) { .n_in = n->n_in };
  for (guint i = 0; i < n->n_in; i++) {
    p = parse_input (n, e, p, i, &in[i].shape, error);
    if (!p)
      return FALSE;
    if (i + 1 < n->n_in && *p++ != ',')
      return convoy_infer_fail (n, error, "%u inputs are more than the equation has", n->n_in);
  }
  if (*p && strncmp (p, "->", 2) != 0)
    return convoy_infer_fail (n, error, "\"%s\" is left of the equation", p);
  return parse_output (n, e, p, error);
}

static gboolean
infer (const ConvoyNode *n, const ConvoyFact *in, ConvoyFact *out, GError **error)
{
  Equation e;
  for (guint i = 0; i < n->n_in; i++)
    if (!convoy_infer_type (n, in, i, i ? 1u << in[0].type : CONVOY_T_NUMBER, error))
      return FALSE;
  if (!parse (n, in, &e, error))
    return FALSE;
  out[0].type = in[0].type;
  out[0].shape.n = e.n_out;
  for (guint i = 0; i < e.n_out; i++)
    out[0].shape.d[i] = e.size[e.out[i]];
  return convoy_infer_size (n, &out[0].shape, error);
}

static gboolean
eval (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  g_autofree ConvoyFact *facts = convoy_facts (n, in);
  double *x[MAX_IN] = { NULL }, *y = NULL;
  gint64 stride[CONVOY_MAX_DIMS];
  ConvoyWalk w = { 0 };
  gboolean ok = TRUE;
  Equation e;
  if (!parse (n, facts, &e, error))
    return FALSE;
  convoy_strides (convoy_tensor_shape (out[0]), stride);
  for (guint i = 0; i < e.n_out; i++) {
    guint k = e.out[i];
    convoy_walk_add (&w, e.size[k], stride[i], e.step[k][0], e.step[k][1], e.step[k][2]);
    e.size[k] = 1;
  }
  for (guint k = 0; k < N_LABELS; k++)          /* the rest is summed over */
    if (e.size[k] > 1 && w.n < CONVOY_WALK_DIMS)
      convoy_walk_add (&w, e.size[k], 0, e.step[k][0], e.step[k][1], e.step[k][2]);
    else if (e.size[k] > 1)
      return convoy_infer_fail (n, error, "more than %u axes", CONVOY_WALK_DIMS);
  for (guint i = 0; i < n->n_in; i++)
    ok = (x[i] = convoy_reals (in[i])) != NULL && ok;
  if (ok && (y = g_try_new0 (double, convoy_tensor_count (out[0]) + 1)))
    convoy_contract (&w, y, (const double *const *) x, n->n_in);
  for (guint i = 0; i < n->n_in; i++)
    g_free (x[i]);
  return convoy_put_reals (n, out[0], y, error);
}

const ConvoyOp convoy_op_einsum = {
  .name = "Einsum", .min_in = 1, .max_in = MAX_IN, .attrs = "+equation=s",
  .infer = infer, .eval = eval,
};
