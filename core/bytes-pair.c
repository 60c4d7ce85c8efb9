/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * bytes-pair.c - a convolution and the depthwise one that follows it: of the first as many rows as fit a
 * cache, then of the second what can be made of them, and so on. */
#include "core/bytes.h"
#include <string.h>

#define ROOM 163840             /* bytes of rows between the two */

static gint64 row_size (const ConvoyBytePair *p) { return p->depthwise.x.columns * p->depthwise.x.pixel; }

/* Lines of the second that are made at a time, and the rows of the first that they need. */
static gint64
lines_of (const ConvoyBytePair *p)
{
  const ConvoyByteConv *k = &p->depthwise;
  return CLAMP ((ROOM / row_size (p) - k->kernel[0]) / k->stride[0] + 1, 1, k->y.h);
}

static gint64 rows_of (const ConvoyBytePair *p, gint64 lines) { return (lines - 1) * p->depthwise.stride[0] + p->depthwise.kernel[0]; }

gsize
convoy_bytes_pair_room (const ConvoyBytePair *p)
{
  return (gsize) (p->depthwise.threads * rows_of (p, lines_of (p)) * row_size (p));
}

typedef struct {
  const ConvoyBytePair *p;
  void *const *data;
} Job;

/* Rows of image n that lie in room, from the first on; those beyond the image, the padding, count from below 0. */
typedef struct {
  guint8 *room;
  gint64 n, first, count;
} Rows;

/* Has rows first to first + count, keeping what is there already. */
static void
fill (const Job *job, Rows *r, gint64 n, gint64 first, gint64 count)
{
  ConvoyByteConv k = job->p->conv;
  gint64 size = row_size (job->p), kept = r->n == n ? CLAMP (r->first + r->count - first, 0, count) : 0, from, to = MIN (first + count, k.y.h);
  const gint32 zero = ((const ConvoyFinish *) job->data[CONVOY_BC_FINISH])->zero;
  memmove (r->room, r->room + (kept ? first - r->first : 0) * size, kept * size);
  from = CLAMP (first + kept, 0, to);
  memset (r->room + kept * size, zero, (from - first - kept) * size);   /* above the image */
  memset (r->room + MAX (to - first, kept) * size, zero, (count - MAX (to - first, kept)) * size);
  for (gint64 i = from; i < to; i++) {
    memset (r->room + (i - first) * size, zero, k.y.left * k.y.pixel);
    memset (r->room + (i - first) * size + (k.y.left + k.y.w) * k.y.pixel, zero, size - (k.y.left + k.y.w) * k.y.pixel);
  }
  void *data[] = { job->data[CONVOY_BC_X], job->data[CONVOY_BC_WEIGHTS], job->data[CONVOY_BC_TABLE], job->data[CONVOY_BC_ONES], job->data[CONVOY_BC_FINISH], NULL, r->room };
  k.y.top = -first, k.y.rows = 0;       /* all images lie in the same place */
  if (from < to)
    convoy_bytes_conv_pixels (data, &k, (n * k.y.h + from) * k.y.w, (n * k.y.h + to) * k.y.w);
  *r = (Rows) { r->room, n, first, count };
}

static void
work (guint i, void *user)
{
  const Job *job = user;
  const ConvoyBytePair *p = job->p;
  const ConvoyByteConv *d = &p->depthwise;
  gint64 all = d->y.n * d->y.h, share = (all + d->threads - 1) / d->threads, most = lines_of (p), end = MIN ((i + 1) * share, all), lines;
  Rows rows = { .room = (guint8 *) job->data[CONVOY_BPAIR_ROOM] + i * (convoy_bytes_pair_room (p) / d->threads), .n = -1 };
  for (gint64 l = i * share; l < end; l += lines) {
    gint64 n = l / d->y.h, line = l % d->y.h, first = line * d->stride[0] - p->before;
    lines = MIN (MIN (most, end - l), d->y.h - line);
    fill (job, &rows, n, first, rows_of (p, lines));
    ConvoyByteConv k = *d;
    k.origin -= (k.x.top + first) * row_size (p);
    k.x.rows = 0;
    void *data[] = { rows.room, job->data[CONVOY_BPAIR_SECOND], job->data[CONVOY_BPAIR_SECOND + 1], job->data[CONVOY_BPAIR_SECOND + 2], job->data[CONVOY_BPAIR_SECOND + 3],
      job->data[CONVOY_BPAIR_OTHER], job->data[CONVOY_BPAIR_Y] };
    convoy_bytes_depthwise_lines (data, &k, l, l + lines);
  }
}

void
convoy_bytes_pair (void *const data[], const void *user)
{
  const ConvoyBytePair *p = user;
  Job job = { p, data };
  convoy_dnn_side_by_side (p->depthwise.threads, work, &job);
  convoy_bytes_border (&p->depthwise.y, data[CONVOY_BPAIR_Y], ((const ConvoyFinish *) data[CONVOY_BPAIR_SECOND + 3])->zero);
}
