/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * plan-mem.c - put every buffer at an offset so that two that are live at the same step never
 * overlap: biggest first, lowest gap that fits. */
#include "core/plan.h"

#define ALIGN(x) (((x) + CONVOY_ALIGN - 1) & ~(gsize) (CONVOY_ALIGN - 1))

ConvoyBuf
convoy_plan_root (const ConvoyPlan *p, ConvoyBuf b, gsize *offset)
{
  gsize o = 0;
  while (CONVOY_BUF (p, b)->alias != CONVOY_NO_BUF) {
    o += CONVOY_BUF (p, b)->offset;
    b = CONVOY_BUF (p, b)->alias;
  }
  if (offset)
    *offset = o;
  return b;
}

static void
live_in (ConvoyPlan *p, GArray *steps, ConvoyBufKind kind)
{
  for (guint s = 0; s < steps->len; s++)
    for (guint i = 0; i < CONVOY_STEP (steps, s)->n; i++)
      if (CONVOY_STEP (steps, s)->buf[i] != CONVOY_NO_BUF) {
        ConvoyPlanBuf *b = CONVOY_BUF (p, convoy_plan_root (p, CONVOY_STEP (steps, s)->buf[i], NULL));
        if (b->kind == kind) {
          b->first = MIN (b->first, s);
          b->last = MAX (b->last, s);
        }
      }
}

/* Static memory that a run reads stays for good; so do an output and what a gradient is the product of. */
static void
live_forever (ConvoyPlan *p)
{
  for (guint s = 0; s < p->steps->len; s++)
    for (guint i = 0; i < CONVOY_STEP (p->steps, s)->n; i++)
      if (CONVOY_STEP (p->steps, s)->buf[i] != CONVOY_NO_BUF) {
        ConvoyPlanBuf *b = CONVOY_BUF (p, convoy_plan_root (p, CONVOY_STEP (p->steps, s)->buf[i], NULL));
        if (b->kind == CONVOY_B_STATIC)
          b->last = G_MAXUINT;
      }
  for (guint i = 0; i < p->outputs->len; i++)
    CONVOY_BUF (p, convoy_plan_root (p, g_array_index (p->outputs, ConvoyBuf, i), NULL))->last = G_MAXUINT;
  for (guint i = 0; i < p->slots->len; i++)
    for (guint k = 0; k < 2 && CONVOY_PLAN_SLOT (p, i)->outer[k] != CONVOY_NO_BUF; k++)
      CONVOY_BUF (p, convoy_plan_root (p, CONVOY_PLAN_SLOT (p, i)->outer[k], NULL))->last = G_MAXUINT;
}

static gint
by_size (gconstpointer a, gconstpointer b, gpointer plan)
{
  const ConvoyPlan *p = plan;
  gsize x = CONVOY_BUF (p, *(const guint *) a)->size, y = CONVOY_BUF (p, *(const guint *) b)->size;
  return (x < y) - (x > y);
}

/* Keeps placed in order of offset. */
static void
insert (const ConvoyPlan *p, GArray *placed, guint index)
{
  guint low = 0, high = placed->len;
  while (low < high) {
    guint middle = (low + high) / 2;
    if (CONVOY_BUF (p, g_array_index (placed, guint, middle))->offset <= CONVOY_BUF (p, index)->offset)
      low = middle + 1;
    else
      high = middle;
  }
  g_array_insert_val (placed, low, index);
}

/* Places the buffers of one kind; gives the bytes they need together. */
static gsize
place (ConvoyPlan *p, ConvoyBufKind kind)
{
  g_autoptr (GArray) order = g_array_new (FALSE, FALSE, sizeof (guint)), placed = g_array_new (FALSE, FALSE, sizeof (guint));
  gsize total = 0;
  for (guint i = 0; i < p->bufs->len; i++)
    if (CONVOY_BUF (p, i)->kind == kind && CONVOY_BUF (p, i)->alias == CONVOY_NO_BUF && CONVOY_BUF (p, i)->first != G_MAXUINT)
      g_array_append_val (order, i);
  g_array_sort_with_data (order, by_size, p);
  for (guint i = 0; i < order->len; i++) {
    guint index = g_array_index (order, guint, i);
    ConvoyPlanBuf *b = CONVOY_BUF (p, index);
    b->offset = 0;
    for (guint k = 0; k < placed->len; k++) {   /* in order of offset: move past each that is in the way */
      const ConvoyPlanBuf *o = CONVOY_BUF (p, g_array_index (placed, guint, k));
      if (b->first <= o->last && o->first <= b->last && b->offset < o->offset + ALIGN (o->size) && o->offset < b->offset + ALIGN (b->size))
        b->offset = o->offset + ALIGN (o->size);
    }
    insert (p, placed, index);
    total = MAX (total, b->offset + ALIGN (b->size));
  }
  return total;
}

/* One after the other, each on a line of the cache: weights, and gradients at the same offsets. */
static void
place_slots (ConvoyPlan *p)
{
  for (guint i = 0; i < p->slots->len; i++) {
    ConvoyPlanSlot *s = CONVOY_PLAN_SLOT (p, i);
    s->slot.offset = p->n_weights;
    s->slot.n = CONVOY_BUF (p, s->weight)->size / sizeof (float);
    CONVOY_BUF (p, s->weight)->offset = s->slot.offset * sizeof (float);
    if (s->gradient != CONVOY_NO_BUF)
      CONVOY_BUF (p, s->gradient)->offset = s->slot.offset * sizeof (float);
    p->n_weights += ALIGN (s->slot.n * sizeof (float)) / sizeof (float);
    p->n_learning = s->slot.statistic ? p->n_learning : p->n_weights;
  }
}

void
convoy_plan_layout (ConvoyPlan *p)
{
  place_slots (p);
  for (guint i = 0; i < p->bufs->len; i++) {
    CONVOY_BUF (p, i)->first = G_MAXUINT;
    CONVOY_BUF (p, i)->last = 0;
  }
  live_in (p, p->statics, CONVOY_B_STATIC);
  live_in (p, p->steps, CONVOY_B_ARENA);
  live_forever (p);
  p->static_size = place (p, CONVOY_B_STATIC);
  p->arena = place (p, CONVOY_B_ARENA);
}
