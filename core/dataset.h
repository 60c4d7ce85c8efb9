/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * dataset.h - what a file format of samples provides: a file of its own and a row in dataset.c. */
#ifndef CONVOY_DATASET_H
#define CONVOY_DATASET_H
#include "core/convoy.h"

typedef struct {
  const char *name, *looks;     /* "CIFAR binary"; what is looked for */
  gboolean (*probe) (const char *path);         /* by file names alone */
  ConvoyDataset *(*open) (const char *path, const char *split, GError **error);
} ConvoyDatasetFormat;

extern const ConvoyDatasetFormat convoy_cifar_format, convoy_idx_format;

/* Records of fixed size in a mapped file. The pixels of record i begin at x + i * x_step, its
 * label is y[i * y_step]. */
typedef struct {
  GMappedFile *file, *labels;   /* owned; labels NULL: in the same file */
  const guint8 *x, *y;
  gsize x_step, y_step, n;
  char *name;                   /* of the file, without its folder; owned */
  gboolean is_test;
} ConvoyPart;

/* Maps a file, which must not be empty; the error names it. */
GMappedFile *convoy_part_map (const char *path, GError **error);
GArray *convoy_parts_new (void);        /* of ConvoyPart */
/* A data set of the parts that belong to split. Takes parts over; info->n is set here. */
ConvoyDataset *convoy_parts_open (GArray *parts, ConvoyDatasetInfo *info, const char *path, const char *split, GError **error);

/* Names a sample; g_free() it. */
typedef char *(*ConvoyDatasetName) (void *user, gsize i);
/* convoy_dataset_new() whose samples have names. */
ConvoyDataset *convoy_dataset_new_named (const ConvoyDatasetInfo *info, ConvoyDatasetRead read, ConvoyDatasetName name, void *user, GDestroyNotify free);

#endif
