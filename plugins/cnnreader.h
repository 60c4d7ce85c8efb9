/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnreader.h - reads the samples of a data set in a given order, some of them ahead, on a thread of its own. */
#ifndef CNN_READER_H
#define CNN_READER_H

#include <gst/gst.h>
#include "core/convoy.h"

G_BEGIN_DECLS

/* One sample. All of it is the caller's; cnn_read_clear() it. */
typedef struct {
  gsize i;                      /* its number in the data set */
  char *name;
  gint64 label;                 /* -1: not known */
  GBytes *bytes;                /* NULL: error says why */
  GError *error;
} CnnRead;

void cnn_read_clear (CnnRead *read);

typedef struct CnnReader CnnReader;

CnnReader *cnn_reader_new (void);
void cnn_reader_free (CnnReader *r);
/* Reads samples order[first] to order[n - 1] of d; order NULL: 0, 1, ...; takes it over. What was
 * read before and not fetched is dropped. */
void cnn_reader_start (CnnReader *r, ConvoyDataset *d, gsize *order, gsize first, gsize n);
/* The next one, in order. FALSE: there is none left, or the wait was interrupted. */
gboolean cnn_reader_next (CnnReader *r, CnnRead *read);
/* From any thread: cnn_reader_next() waits no longer, until this is off again. */
void cnn_reader_interrupt (CnnReader *r, gboolean on);
/* Ends reading; waits no longer than one sample takes. */
void cnn_reader_stop (CnnReader *r);

G_END_DECLS
#endif
