/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * features.h - inside view of the feature store: the file, and the journal of what is new. */
#ifndef CONVOY_FEATURES_H
#define CONVOY_FEATURES_H
#include "core/hdf-tools.h"

/* The facts of ConvoyFeaturesInfo by number, as attributes are called and stored. */
enum { CONVOY_FACT_CHECKSUM, CONVOY_FACT_REQUEST, CONVOY_FACT_MODEL, CONVOY_N_FACTS = 6 };
typedef char *ConvoyFacts[CONVOY_N_FACTS];      /* owned; NULL: not known */
extern const char *const convoy_fact_names[CONVOY_N_FACTS];
const char *convoy_fact (const ConvoyFeaturesInfo *info, guint i);
void convoy_facts_clear (char **facts);

/* A row that is, or will be, in the file. */
typedef struct {
  char *name, *split;
  gint64 label, digest;
  guint64 bytes;
  gsize at;                     /* row of the old file, or float offset in the journal */
  gboolean is_new;              /* in the journal */
  gboolean seen;                /* asked for or added in this session */
} ConvoyRow;
void convoy_row_free (gpointer row);

/* --- features-file.c: an HDF5 file of features, complete --- */

typedef struct ConvoyFeaturesFile ConvoyFeaturesFile;
struct ConvoyFeaturesFile {
  char *path;
  gsize n;
  ConvoyShape shape;            /* of one sample */
  ConvoyFacts facts;
  char **classes, **names, **splits;    /* NULL: the file has none */
  gint64 *labels, *stamps;      /* n; n x (bytes, digest), NULL: none */
  GMappedFile *map;             /* where values point into; NULL: read through HDF5 */
  const float *values;          /* n x shape */
  hid_t file, set;
  GMutex lock;                  /* one reader at a time goes through HDF5 */
};

/* Any file with data sets features and labels; what else there is of ours is read. */
ConvoyFeaturesFile *convoy_features_file_open (const char *path, GError **error);
void convoy_features_file_free (ConvoyFeaturesFile *f);
gboolean convoy_features_file_read (ConvoyFeaturesFile *f, gsize i, float *out, GError **error);

/* What is written. values gives the floats of a row; NULL: error is set. */
typedef struct {
  const GPtrArray *rows;        /* ConvoyRow */
  const ConvoyShape *shape;
  char *const *facts;
  char *const *classes;         /* NULL: none */
  guint compression;
  const float *(*values) (void *user, const ConvoyRow *row, GError **error);
  void *user;
} ConvoyFeaturesTable;
/* Puts it in the place of path in one step. */
gboolean convoy_features_file_write (const char *path, const ConvoyFeaturesTable *t, GError **error);

/* --- features-journal.c: what is new, safe against a kill at any moment --- */

typedef struct ConvoyJournal ConvoyJournal;

/* Opens or makes `.NAME.part` of the store at path and locks it; the error says who holds it, or
 * that what it holds was made otherwise. key: what all rows have in common. */
ConvoyJournal *convoy_journal_open (const char *path, const char *key, GError **error);
/* Unlocks it. It stays, unless remove. */
void convoy_journal_close (ConvoyJournal *j, gboolean remove);
/* Rows it holds (ConvoyRow, given away) and their shape; FALSE: none. */
gboolean convoy_journal_rows (ConvoyJournal *j, GPtrArray *rows, ConvoyShape *shape);
gboolean convoy_journal_is_empty (const ConvoyJournal *j);
/* Appends; row->at is set. */
gboolean convoy_journal_add (ConvoyJournal *j, ConvoyRow *row, const float *values, const ConvoyShape *shape, GError **error);
/* The floats at row->at; valid until the next add. NULL: error is set. */
const float *convoy_journal_values (ConvoyJournal *j, const ConvoyRow *row, GError **error);
#endif
