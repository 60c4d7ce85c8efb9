/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * index.c - walks over strided arrays, and what they make of elementwise operators. */
#include "core/ops/index.h"
#include <string.h>

/* A loop that goes on where the one around it would is one longer loop. */
void
convoy_walk_add (ConvoyWalk *w, gint64 d, gint64 s0, gint64 s1, gint64 s2, gint64 s3)
{
  const gint64 s[CONVOY_WALK_ARRAYS] = { s0, s1, s2, s3 };
  gint64 *outer = w->n ? w->s[w->n - 1] : NULL;
  gboolean goes_on = outer != NULL;
  if (d == 1)
    return;
  for (guint i = 0; goes_on && i < CONVOY_WALK_ARRAYS; i++)
    goes_on = outer[i] == s[i] * d;
  if (!goes_on)
    w->d[w->n++] = 1;
  w->d[w->n - 1] *= d;
  memcpy (w->s[w->n - 1], s, sizeof s);
}

gboolean
convoy_walk (const ConvoyWalk *w, ConvoyRow row, gpointer user)
{
  static const gint64 nowhere[CONVOY_WALK_ARRAYS];
  gint64 at[CONVOY_WALK_ARRAYS] = { 0 }, index[CONVOY_WALK_DIMS] = { 0 };
  guint last = w->n - 1, k;
  if (!w->n)
    return row (user, 1, at, nowhere);
  for (k = 0; k < w->n; k++)
    if (w->d[k] == 0)
      return TRUE;
  for (;;) {
    if (!row (user, w->d[last], at, w->s[last]))
      return FALSE;
    for (k = last; k-- > 0;) {
      gint64 back = ++index[k] == w->d[k] ? index[k] : 0;
      for (guint i = 0; i < CONVOY_WALK_ARRAYS; i++)
        at[i] += w->s[k][i] * (1 - back);
      if (!back)
        break;
      index[k] = 0;
    }
    if (k == G_MAXUINT)
      return TRUE;
  }
}

void
convoy_strides (const ConvoyShape *s, gint64 *stride)
{
  gint64 step = 1;
  for (guint i = s->n; i-- > 0; step *= s->d[i])
    stride[i] = step;
}

void
convoy_strides_to (const ConvoyShape *s, const ConvoyShape *to, gint64 *stride)
{
  gint64 dense[CONVOY_MAX_DIMS];
  guint lead = to->n - s->n;
  convoy_strides (s, dense);
  for (guint i = 0; i < to->n; i++)
    stride[i] = i < lead || s->d[i - lead] == 1 ? 0 : dense[i - lead];
}

gint64
convoy_count_range (const ConvoyShape *s, guint from, guint to)
{
  guint64 count = 1;            /* may wrap, only beside a dimension of 0 */
  for (guint i = from; i < to; i++)
    count *= s->d[i];
  return count;
}

typedef struct { char *dst; const char *src; gsize size; } Copy;

#define COPY_AS(T) { \
    T *dst = (T *) c->dst + at[0]; \
    const T *src = (const T *) c->src + at[1]; \
    for (gint64 i = 0; i < n; i++) \
      dst[i * step[0]] = src[i * step[1]]; \
    return TRUE; }

static gboolean
copy_row (gpointer user, gint64 n, const gint64 *at, const gint64 *step)
{
  const Copy *c = user;
  if (step[0] == 1 && step[1] == 1) {
    memcpy (c->dst + at[0] * c->size, c->src + at[1] * c->size, n * c->size);
    return TRUE;
  }
  switch (c->size) {
    case 1: COPY_AS (guint8)
    case 2: COPY_AS (guint16)
    case 4: COPY_AS (guint32)
    default: COPY_AS (guint64)
  }
}

void
convoy_copy (const ConvoyWalk *w, gsize size, void *dst, const void *src)
{
  Copy c = { dst, src, size };
  convoy_walk (w, copy_row, &c);
}

typedef struct { double *y; const double *const *x; guint n_x; } Contract;

static gboolean
contract_row (gpointer user, gint64 n, const gint64 *at, const gint64 *step)
{
  const Contract *c = user;
  double *y = c->y + at[0];
  const double *a = c->x[0] + at[1], *b = c->n_x > 1 ? c->x[1] + at[2] : NULL, *d = c->n_x > 2 ? c->x[2] + at[3] : NULL;
  if (b && !d && step[2] == 0)          /* the inner loop of a convolution */
    for (gint64 i = 0; i < n; i++)
      y[i * step[0]] += a[i * step[1]] * *b;
  else
    for (gint64 i = 0; i < n; i++)
      y[i * step[0]] += a[i * step[1]] * (b ? b[i * step[2]] : 1) * (d ? d[i * step[3]] : 1);
  return TRUE;
}

void
convoy_contract (const ConvoyWalk *w, double *y, const double *const *x, guint n_x)
{
  Contract c = { y, x, n_x };
  convoy_walk (w, contract_row, &c);
}

gboolean
convoy_eval_copy (const ConvoyNode *n, ConvoyTensor *const *in, ConvoyTensor *const *out, GError **error)
{
  (void) n, (void) error;
  memcpy (convoy_tensor_data (out[0]), convoy_tensor_data (in[0]), convoy_tensor_count (in[0]) * convoy_type_size (convoy_tensor_type (in[0])));
  return TRUE;
}

/* Elements converted at a time. */
#define CHUNK 256

typedef struct {
  ConvoyTensor *const *in;
  guint n_in;
  ConvoyTensor *out;
  gboolean real;
  ConvoyMap f;
  const void *user;
} Map;

static gboolean
map_row (gpointer user, gint64 n, const gint64 *at, const gint64 *step)
{
  const Map *m = user;
  union { double real[CHUNK]; gint64 integer[CHUNK]; } x[CONVOY_WALK_ARRAYS - 1], y;
  void *const xs[] = { x[0].real, x[1].real, x[2].real };
  for (gint64 done = 0, len; done < n; done += len) {
    len = MIN (n - done, CHUNK);
    for (guint i = 0; i < m->n_in; i++) {
      const ConvoyTensor *t = m->in[i];
      gint64 from = at[1 + i] + done * step[1 + i];
      if (m->real)
        convoy_get_real (convoy_tensor_type (t), convoy_tensor_data (t), from, step[1 + i], len, x[i].real);
      else
        convoy_get_int (convoy_tensor_type (t), convoy_tensor_data (t), from, step[1 + i], len, x[i].integer);
    }
    m->f (len, xs, y.real, m->user);
    if (m->real)
      convoy_put_real (convoy_tensor_type (m->out), convoy_tensor_data (m->out), at[0] + done * step[0], step[0], len, y.real);
    else
      convoy_put_int (convoy_tensor_type (m->out), convoy_tensor_data (m->out), at[0] + done * step[0], step[0], len, y.integer);
  }
  return TRUE;
}

gboolean
convoy_map (ConvoyTensor *const *in, guint n_in, ConvoyTensor *out, ConvoyKind kind, ConvoyMap f, const void *user)
{
  const ConvoyShape *to = convoy_tensor_shape (out);
  Map m = { in, n_in, out, kind == CONVOY_REAL, f, user };
  gint64 s[CONVOY_WALK_ARRAYS][CONVOY_MAX_DIMS] = { { 0 } };
  ConvoyWalk w = { 0 };
  convoy_strides (to, s[0]);
  for (guint i = 0; i < n_in; i++)
    convoy_strides_to (convoy_tensor_shape (in[i]), to, s[1 + i]);
  for (guint i = 0; i < to->n; i++)
    convoy_walk_add (&w, to->d[i], s[0][i], s[1][i], s[2][i], s[3][i]);
  return convoy_walk (&w, map_row, &m);
}
