/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnreader.c - see cnnreader.h.
 *
 * lock protects filled, taken, ended, stop and interrupted. A slot of the ring belongs to the thread
 * until it is counted in filled, then to the caller until it is counted in taken. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "plugins/cnnreader.h"

#define N_SLOTS 16

struct CnnReader {
  GMutex lock;
  GCond changed;
  CnnRead slots[N_SLOTS];
  guint64 filled, taken;
  gboolean ended, stop, interrupted;
  GThread *thread;
  /* Set while no thread runs. */
  ConvoyDataset *d;
  gsize *order;
  gsize first, n;
};

void
cnn_read_clear (CnnRead *read)
{
  g_clear_pointer (&read->name, g_free);
  g_clear_pointer (&read->bytes, g_bytes_unref);
  g_clear_error (&read->error);
}

CnnReader *
cnn_reader_new (void)
{
  CnnReader *r = g_new0 (CnnReader, 1);
  g_mutex_init (&r->lock);
  g_cond_init (&r->changed);
  return r;
}

void
cnn_reader_stop (CnnReader *r)
{
  g_mutex_lock (&r->lock);
  r->stop = TRUE;
  g_cond_broadcast (&r->changed);
  g_mutex_unlock (&r->lock);
  if (r->thread)
    g_thread_join (g_steal_pointer (&r->thread));
  for (; r->taken < r->filled; r->taken++)
    cnn_read_clear (&r->slots[r->taken % N_SLOTS]);
  g_clear_pointer (&r->d, convoy_dataset_unref);
  g_clear_pointer (&r->order, g_free);
}

void
cnn_reader_free (CnnReader *r)
{
  if (!r)
    return;
  cnn_reader_stop (r);
  g_mutex_clear (&r->lock);
  g_cond_clear (&r->changed);
  g_free (r);
}

/* NULL: no more is wanted. */
static CnnRead *
wait_for_slot (CnnReader *r)
{
  g_mutex_lock (&r->lock);
  while (!r->stop && r->filled - r->taken == N_SLOTS)
    g_cond_wait (&r->changed, &r->lock);
  CnnRead *slot = r->stop ? NULL : &r->slots[r->filled % N_SLOTS];
  g_mutex_unlock (&r->lock);
  return slot;
}

static gpointer
read_ahead (gpointer user)
{
  CnnReader *r = user;
  CnnRead *slot;

  for (gsize k = r->first; k < r->n && (slot = wait_for_slot (r)); k++) {
    gsize i = r->order ? r->order[k] : k;
    *slot = (CnnRead) { .i = i, .name = g_strdup (convoy_dataset_name (r->d, i)), .label = -1 };
    slot->bytes = convoy_dataset_bytes (r->d, i, &slot->label, &slot->error);
    g_mutex_lock (&r->lock);
    r->filled++;
    g_cond_broadcast (&r->changed);
    g_mutex_unlock (&r->lock);
  }
  g_mutex_lock (&r->lock);
  r->ended = TRUE;
  g_cond_broadcast (&r->changed);
  g_mutex_unlock (&r->lock);
  return NULL;
}

void
cnn_reader_start (CnnReader *r, ConvoyDataset *d, gsize *order, gsize first, gsize n)
{
  cnn_reader_stop (r);
  r->d = convoy_dataset_ref (d);
  r->order = order;
  r->first = first;
  r->n = n;
  r->filled = r->taken = 0;
  r->ended = r->stop = FALSE;
  r->thread = g_thread_new ("cnn-reader", read_ahead, r);
}

gboolean
cnn_reader_next (CnnReader *r, CnnRead *read)
{
  g_mutex_lock (&r->lock);
  while (!r->interrupted && r->filled == r->taken && !r->ended)
    g_cond_wait (&r->changed, &r->lock);
  gboolean have = !r->interrupted && r->filled > r->taken;
  if (have) {
    *read = r->slots[r->taken++ % N_SLOTS];
    g_cond_broadcast (&r->changed);
  }
  g_mutex_unlock (&r->lock);
  return have;
}

void
cnn_reader_interrupt (CnnReader *r, gboolean on)
{
  g_mutex_lock (&r->lock);
  r->interrupted = on;
  g_cond_broadcast (&r->changed);
  g_mutex_unlock (&r->lock);
}
