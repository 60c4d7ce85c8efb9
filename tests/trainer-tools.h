/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * trainer-tools.h - small networks and data sets to train on, and what tests ask of trainers. */
#ifndef CONVOY_TRAINER_TOOLS_H
#define CONVOY_TRAINER_TOOLS_H
#include "core/convoy.h"

/* n samples of count numbers around three centres, with their classes 0 to 2. The same every time. */
ConvoyDataset *tools_blobs (gsize n, ConvoyShape shape);
/* Batches of it, shuffled by seed. */
ConvoyBatches *tools_batches (ConvoyDataset *d, guint size, guint64 seed);
/* layers for samples of this shape (with its batch), with initial weights that depend on nothing else; a failure ends the test. */
ConvoyGraph *tools_net (const char *layers, ConvoyShape input);
ConvoyTrainer *tools_trainer (ConvoyGraph *g, const ConvoyTrainOptions *o);

/* Weight name of the graph; a failure ends the test. Borrowed from its params. */
ConvoyTensor *tools_weight (ConvoyGraph *g, const char *name);
/* A checksum of all best weights of a trainer. g_free() it. */
char *tools_weights (ConvoyTrainer *t);
/* Histories agree bit for bit in all but the seconds. */
gboolean tools_same_history (const ConvoyHistory *a, const ConvoyHistory *b);
#endif
