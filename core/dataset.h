/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * dataset.h - what a file format of samples provides: a file of its own and a row in dataset.c. */
#ifndef CONVOY_DATASET_H
#define CONVOY_DATASET_H
#include "core/convoy.h"

typedef struct {
  const char *key;              /* "cifar", what users call it */
  const char *name, *looks;     /* "CIFAR binary"; what is looked for */
  gboolean (*probe) (const char *path);         /* by file names alone */
  ConvoyDataset *(*open) (const char *path, const char *split, const ConvoyDatasetOptions *o, GError **error);
} ConvoyDatasetFormat;

extern const ConvoyDatasetFormat convoy_cifar_format, convoy_idx_format, convoy_features_format, convoy_folder_format, convoy_table_format;

/* Sets the error of a data set without samples of that split; gives FALSE. */
gboolean convoy_dataset_no_split (const char *path, const char *split, GError **error);

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

/* What a data set can do: read samples of fixed size, or give the bytes of those that are files or
 * texts. i is below info->n in all of them. */
typedef struct {
  ConvoyDatasetRead read;       /* NULL for files and texts */
  GBytes *(*bytes) (void *user, gsize i, gint64 *label, GError **error);        /* NULL: what read gives */
  gint64 (*label) (void *user, gsize i);        /* NULL: it takes reading the sample */
  ConvoyDatasetName name;       /* NULL: by number */
  GDestroyNotify free;
  /* The same samples with statistics that are learnt on these alone; NULL: nothing is learnt. */
  ConvoyDataset *(*learn) (void *user, const gsize *index, gsize n);
  char *(*describe) (void *user);       /* what is learnt, as text; NULL: nothing */
} ConvoyDatasetFuncs;

/* Takes user over; info and f are copied. */
ConvoyDataset *convoy_dataset_make (const ConvoyDatasetInfo *info, const ConvoyDatasetFuncs *f, void *user);
/* What was passed over when it was opened: file, reason, file, reason, NULL; taken over. */
void convoy_dataset_set_skipped (ConvoyDataset *d, char **pairs);
gboolean convoy_dataset_knows_labels (const ConvoyDataset *d);    /* without reading samples */
ConvoyDataset *convoy_dataset_learn (ConvoyDataset *d, const gsize *index, gsize n);      /* d itself where nothing is learnt; a reference */
char *convoy_dataset_make_name (ConvoyDataset *d, gsize i);     /* g_free() it */

#endif
