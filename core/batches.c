/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * batches.c - the order of an epoch and its batches, read ahead on a thread of its own.
 *
 * Batches pass through a ring of N_SLOTS: one is with the caller, the others are being filled or
 * wait. lock protects filled, taken, ended, why and stop; a slot belongs to the reader until it is
 * counted in filled, then to the caller until it is counted in taken. */
#include "core/augment.h"
#include "core/shuffle.h"
#include <string.h>

#define N_SLOTS 4

typedef struct {
  ConvoyTensor *x;              /* size x shape, float32 or int64 */
  gint64 *y;                    /* size */
} Slot;

struct ConvoyBatches {
  ConvoyDataset *d;
  const ConvoyDatasetInfo *info;
  ConvoyBatchOptions o;
  Slot slots[N_SLOTS];
  void *sample;                 /* the reader's; as it comes from the data set */
  GError *broken;               /* why there will never be a batch */
  guint epoch;                  /* these two are set while no reader runs */
  gsize first;
  GThread *reader;
  GMutex lock;
  GCond changed;
  guint64 filled, taken;        /* batches so far, since start */
  gboolean ended, stop;
  GError *why;                  /* ended it early */
};

static gboolean
make_slots (ConvoyBatches *b, GError **error)
{
  ConvoyShape shape = { .n = b->info->shape.n + 1, .d = { b->o.size } };
  if (!convoy_augment_check (b->info, &b->o, error))
    return FALSE;
  if (shape.n > CONVOY_MAX_DIMS) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "samples of %u dimensions leave none for the batch", b->info->shape.n);
    return FALSE;
  }
  memcpy (shape.d + 1, b->info->shape.d, b->info->shape.n * sizeof shape.d[0]);
  for (guint i = 0; i < N_SLOTS; i++) {
    b->slots[i].x = convoy_tensor_new (b->info->type == CONVOY_I64 ? CONVOY_I64 : CONVOY_F32, &shape, error);
    b->slots[i].y = g_new (gint64, b->o.size);
    if (b->slots[i].x == NULL)
      return FALSE;
  }
  b->sample = g_malloc (convoy_shape_count (&b->info->shape) * convoy_type_size (b->info->type));
  return TRUE;
}

/* What is wrong with the options or the samples is told by convoy_batches_next(). */
ConvoyBatches *
convoy_batches_new (ConvoyDataset *d, const ConvoyBatchOptions *o)
{
  ConvoyBatches *b = g_new0 (ConvoyBatches, 1);
  b->d = convoy_dataset_ref (d);
  b->info = convoy_dataset_info (d);
  b->o = *o;
  g_mutex_init (&b->lock);
  g_cond_init (&b->changed);
  make_slots (b, &b->broken);
  return b;
}

/* Waits no longer than the reading of one sample. */
static void
stop_reader (ConvoyBatches *b)
{
  if (b->reader == NULL)
    return;
  g_mutex_lock (&b->lock);
  b->stop = TRUE;
  g_cond_broadcast (&b->changed);
  g_mutex_unlock (&b->lock);
  g_thread_join (g_steal_pointer (&b->reader));
}

void
convoy_batches_free (ConvoyBatches *b)
{
  if (b == NULL)
    return;
  stop_reader (b);
  for (guint i = 0; i < N_SLOTS; i++) {
    convoy_tensor_unref (b->slots[i].x);
    g_free (b->slots[i].y);
  }
  g_free (b->sample);
  g_clear_error (&b->broken);
  g_clear_error (&b->why);
  g_mutex_clear (&b->lock);
  g_cond_clear (&b->changed);
  convoy_dataset_unref (b->d);
  g_free (b);
}

gsize convoy_batches_samples (const ConvoyBatches *b) { return b->info->n; }
guint convoy_batches_size (const ConvoyBatches *b) { return b->o.size; }
const ConvoyDatasetInfo *convoy_batches_info (const ConvoyBatches *b) { return b->info; }

/* --- the reader ------------------------------------------------------- */

static gboolean
is_stopped (ConvoyBatches *b)
{
  g_mutex_lock (&b->lock);
  gboolean stop = b->stop;
  g_mutex_unlock (&b->lock);
  return stop;
}

/* Samples order[from] and on, n of them; the rest of the slot is padding. */
static gboolean
fill (ConvoyBatches *b, Slot *s, const gsize *order, gsize from, gsize n, GError **error)
{
  gsize step = convoy_tensor_count (s->x) / b->o.size * convoy_type_size (convoy_tensor_type (s->x));
  guint8 *x = convoy_tensor_data (s->x);
  for (gsize k = 0; k < n; k++) {
    gsize i = order ? order[from + k] : from + k;
    if (is_stopped (b) || !convoy_dataset_read (b->d, i, b->sample, &s->y[k], error))
      return FALSE;
    convoy_augment (b->info, &b->o, b->sample, x + k * step, b->epoch, i);
  }
  memset (x + n * step, 0, (b->o.size - n) * step);
  for (gsize k = n; k < b->o.size; k++)
    s->y[k] = -1;
  return TRUE;
}

/* The slot to fill next; NULL: it is no longer wanted. */
static Slot *
wait_for_slot (ConvoyBatches *b)
{
  g_mutex_lock (&b->lock);
  while (!b->stop && b->filled - b->taken >= N_SLOTS - 1)
    g_cond_wait (&b->changed, &b->lock);
  Slot *s = b->stop ? NULL : &b->slots[b->filled % N_SLOTS];
  g_mutex_unlock (&b->lock);
  return s;
}

static gpointer
read_ahead (gpointer user)
{
  ConvoyBatches *b = user;
  gsize n = b->info->n, size = b->o.size;
  g_autofree gsize *order = b->o.shuffle ? convoy_epoch_order (n, b->o.seed, b->epoch) : NULL;
  GError *why = NULL;
  Slot *s;
  for (gsize k = b->first; k < n / size + (n % size != 0) && (s = wait_for_slot (b)) != NULL; k++) {
    if (!fill (b, s, order, k * size, MIN (size, n - k * size), &why))
      break;
    g_mutex_lock (&b->lock);
    b->filled++;
    g_cond_broadcast (&b->changed);
    g_mutex_unlock (&b->lock);
  }
  g_mutex_lock (&b->lock);
  b->why = why;
  b->ended = TRUE;
  g_cond_broadcast (&b->changed);
  g_mutex_unlock (&b->lock);
  return NULL;
}

/* --- the caller ------------------------------------------------------- */

/* A reader that runs is stopped, what it has read is dropped. */
void
convoy_batches_start (ConvoyBatches *b, guint epoch, gsize first_batch)
{
  stop_reader (b);
  g_clear_error (&b->why);
  b->epoch = epoch;
  b->first = first_batch;
  b->filled = b->taken = 0;
  b->ended = b->stop = FALSE;
  if (b->broken == NULL)
    b->reader = g_thread_try_new ("convoy-batches", read_ahead, b, &b->why);
}

/* The slot that the caller had goes back only now, so N_SLOTS - 1 are filled or ready beside it. */
gboolean
convoy_batches_next (ConvoyBatches *b, const void **x, const gint64 **y, GError **error)
{
  gboolean have = FALSE;
  GError *why = NULL;
  g_mutex_lock (&b->lock);
  while (b->reader && b->filled == b->taken && !b->ended)
    g_cond_wait (&b->changed, &b->lock);
  if (b->filled > b->taken) {
    Slot *s = &b->slots[b->taken++ % N_SLOTS];
    *x = convoy_tensor_data (s->x);
    *y = s->y;
    have = TRUE;
  } else if (b->broken || b->why)
    why = g_error_copy (b->broken ? b->broken : b->why);
  g_cond_broadcast (&b->changed);
  g_mutex_unlock (&b->lock);
  if (why)
    g_propagate_error (error, why);
  return have;
}
