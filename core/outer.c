/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * outer.c - see outer.h: which gradients are left as products, and the products. */
#include "core/build.h"
#include "core/exec.h"

#define LEAST 65536 /* floats; smaller ones stay in the cache anyway */

gboolean
convoy_build_grad_outer (ConvoyBuild *b, ConvoyValue v, const ConvoyNode *n, ConvoyBuf rows, ConvoyBuf cols)
{
  ConvoyPlanSlot *s = !b->error && b->learn->outer && b->slot[v] >= 0 ? CONVOY_PLAN_SLOT (b->plan, b->slot[v]) : NULL;
  if (s == NULL || s->md || b->grad[v] != CONVOY_NO_BUF || !convoy_build_only_reader (b, v, n))
    return FALSE;
  gint64 r = CONVOY_BUF (b->plan, rows)->shape.d[1], c = CONVOY_BUF (b->plan, cols)->shape.d[1];
  if (r * c != convoy_shape_count (&s->slot.shape) || r * c < LEAST || c < CONVOY_LANES)
    return FALSE;
  s->outer[0] = rows;
  s->outer[1] = cols;
  b->grad[v] = s->gradient;
  return TRUE;
}

void
convoy_exec_find_outers (ConvoyExec *x)
{
  x->outer = g_new0 (ConvoyOuter, x->plan->slots->len + 1);
  for (guint i = 0; i < x->plan->slots->len; i++) {
    const ConvoyPlanSlot *s = CONVOY_PLAN_SLOT (x->plan, i);
    if (s->outer[0] == CONVOY_NO_BUF)
      continue;
    const ConvoyShape *a = &CONVOY_BUF (x->plan, s->outer[0])->shape, *b = &CONVOY_BUF (x->plan, s->outer[1])->shape;
    x->outer[i] = (ConvoyOuter) { a->d[1], b->d[1], a->d[0], (const float *) x->frame.data[s->outer[0]],
      (const float *) x->frame.data[s->outer[1]] };
  }
}

const ConvoyOuter *
convoy_exec_outer (const ConvoyExec *x, guint i)
{
  return x->outer[i].a ? &x->outer[i] : NULL;
}

void
convoy_outer_block (const ConvoyOuter *o, gsize row, gsize rows, gsize col, gsize cols, float *to, gsize step)
{
  convoy_dnn_outer (o->samples, o->a + row, o->rows, rows, o->b + col, o->cols, cols, to, step);
}
