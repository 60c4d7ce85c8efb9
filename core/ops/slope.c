/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * slope.c - see slope.h. */
#include "core/ops/slope.h"
#include <string.h>

typedef struct { const float *dy; float *dx; } Sum;

static gboolean
sum_row (gpointer user, gint64 n, const gint64 *at, const gint64 *step)
{
  const Sum *s = user;
  const float *dy = s->dy + at[1];
  if (step[0] == 0) {
    double sum = 0;
    for (gint64 i = 0; i < n; i++)
      sum += dy[i * step[1]];
    s->dx[at[0]] += sum;
    return TRUE;
  }
  for (gint64 i = 0; i < n; i++)
    s->dx[at[0] + i * step[0]] += dy[i * step[1]];
  return TRUE;
}

void
convoy_clear (ConvoyTensor *t)
{
  memset (convoy_tensor_data (t), 0, convoy_tensor_count (t) * convoy_type_size (convoy_tensor_type (t)));
}

void
convoy_sum_to (const ConvoyTensor *dy, ConvoyTensor *dx)
{
  const ConvoyShape *from = convoy_tensor_shape (dy);
  gint64 a[CONVOY_MAX_DIMS], b[CONVOY_MAX_DIMS];
  Sum s = { convoy_tensor_data (dy), convoy_tensor_data (dx) };
  ConvoyWalk w = { 0 };
  convoy_clear (dx);
  convoy_strides_to (convoy_tensor_shape (dx), from, a);
  convoy_strides (from, b);
  for (guint i = 0; i < from->n; i++)
    convoy_walk_add (&w, from->d[i], a[i], b[i], 0, 0);
  convoy_walk (&w, sum_row, &s);
}

ConvoyTensor *
convoy_view (ConvoyTensor *t, const ConvoyShape *s)
{
  return convoy_tensor_new_wrap (convoy_tensor_type (t), s, convoy_tensor_data (t), (GDestroyNotify) convoy_tensor_unref, convoy_tensor_ref (t));
}

gboolean
convoy_slope (const ConvoyNode *n, ConvoyTensor *const *x, guint n_x, ConvoyTensor *dx, ConvoyMap f, const void *user, GError **error)
{
  const ConvoyShape *full = convoy_tensor_shape (x[0]);
  if (convoy_shape_equal (full, convoy_tensor_shape (dx)))
    return convoy_map (x, n_x, dx, CONVOY_REAL, f, user) || convoy_infer_fail (n, error, "no memory");
  g_autoptr (ConvoyTensor) all = convoy_tensor_new (CONVOY_F32, full, error);
  if (all == NULL || !convoy_map (x, n_x, all, CONVOY_REAL, f, user))
    return FALSE;
  convoy_sum_to (all, dx);
  return TRUE;
}
