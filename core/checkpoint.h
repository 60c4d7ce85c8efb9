/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * checkpoint.h - named tensors, numbers and strings in one HDF5 file: all that training needs to
 * go on where it was. Names are unique within tensors and within values, and may be any UTF-8. */
#ifndef CONVOY_CHECKPOINT_H
#define CONVOY_CHECKPOINT_H
#include "core/convoy.h"

typedef struct ConvoyCheckpoint ConvoyCheckpoint;

ConvoyCheckpoint *convoy_checkpoint_new (void);
void convoy_checkpoint_free (ConvoyCheckpoint *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ConvoyCheckpoint, convoy_checkpoint_free)

/* What has the name already is replaced. The tensor is referenced, not copied: it must not change
 * until the checkpoint is saved. */
void convoy_checkpoint_put_tensor (ConvoyCheckpoint *c, const char *name, ConvoyTensor *t);
void convoy_checkpoint_put_int (ConvoyCheckpoint *c, const char *name, gint64 v);
void convoy_checkpoint_put_double (ConvoyCheckpoint *c, const char *name, double v);
void convoy_checkpoint_put_string (ConvoyCheckpoint *c, const char *name, const char *v);

/* The file at path is replaced whole or, whatever goes wrong, stays as it was. */
gboolean convoy_checkpoint_save (const ConvoyCheckpoint *c, const char *path, GError **error);
/* Refuses, by its path, a file that is no checkpoint, cut off, or of which a bit has changed. */
ConvoyCheckpoint *convoy_checkpoint_load (const char *path, GError **error);

/* An error says the file and what is missing, or of another type or shape. Borrowed. */
ConvoyTensor *convoy_checkpoint_get_tensor (const ConvoyCheckpoint *c, const char *name, ConvoyType type, const ConvoyShape *shape, GError **error);
gboolean convoy_checkpoint_get_int (const ConvoyCheckpoint *c, const char *name, gint64 *v, GError **error);
gboolean convoy_checkpoint_get_double (const ConvoyCheckpoint *c, const char *name, double *v, GError **error);
const char *convoy_checkpoint_get_string (const ConvoyCheckpoint *c, const char *name, GError **error);

/* What a file starts with, before its size bytes of HDF5 data: their length and their checksum, as text, then zeros. */
#define CONVOY_CHECKPOINT_BLOCK 512
void convoy_checkpoint_make_block (char block[CONVOY_CHECKPOINT_BLOCK], const guint8 *data, gsize size);

/* --- between checkpoint.c and checkpoint-file.c ------------------------ */

typedef struct {
  char kind;                    /* 'i', 'd' or 's' */
  gint64 i;
  double d;
  char *s;
} ConvoyCheckpointValue;

struct ConvoyCheckpoint {
  GHashTable *tensors;          /* name -> ConvoyTensor */
  GHashTable *values;           /* name -> ConvoyCheckpointValue */
  char *path;                   /* where it was read; NULL: not from a file */
};

#endif
