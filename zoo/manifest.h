/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * manifest.h - the entries of zoo/manifest.ini and the files that belong to them. */
#ifndef CONVOY_ZOO_MANIFEST_H
#define CONVOY_ZOO_MANIFEST_H

#include "zoo/zoo.h"

G_BEGIN_DECLS

/* A string that an entry does not have is NULL. */
typedef struct {
  char *name, *kind;            /* kind: model, labels, dataset, part (of a data set; not for itself) */
  char *file;                   /* its name in the cache, and below a mirror; of a data set, a folder */
  char **urls;                  /* https, in order; NULL: no public address */
  guint64 size;                 /* bytes */
  char *sha256, *md5;           /* md5 where no more is published */
  char **parts;                 /* of a data set: the entries of its archives, which are unpacked */
  char *inside;                 /* of a data set: where in its folder it is; NULL: there */
  char *licence, *about;
  char *task, *input, *color, *mean, *std, *resize;     /* as a sidecar has them */
  char *labels;                 /* the entry of the label list */
  char **layers;                /* good places to cut the network at */
  char *top1;                   /* accuracy on imagenet_val1300 in %, "77.4" */
  char *instead;                /* a bundled model that serves where this one cannot be had */
} ZooEntry;

gboolean zoo_entry_is_model (const ZooEntry *e);
gboolean zoo_entry_is_dataset (const ZooEntry *e);
gboolean zoo_entry_is_part (const ZooEntry *e);
const char *zoo_entry_checksum (const ZooEntry *e);     /* sha256, else md5 */
/* Which of the two it is, by its length. */
GChecksumType zoo_checksum_type (const char *checksum);

typedef struct ZooManifest ZooManifest;

ZooManifest *zoo_manifest_load (GError **error);
ZooManifest *zoo_manifest_read (const char *path, GError **error);      /* another one than ours */
void zoo_manifest_free (ZooManifest *m);
guint zoo_manifest_len (const ZooManifest *m);
const ZooEntry *zoo_manifest_at (const ZooManifest *m, guint i);
/* By its name or its file; NULL: none. */
const ZooEntry *zoo_manifest_get (const ZooManifest *m, const char *name);
/* The same, or an error with the names that come nearest. */
const ZooEntry *zoo_manifest_need (const ZooManifest *m, const char *name, GError **error);

typedef enum { ZOO_AVAILABLE, ZOO_CACHED, ZOO_BUNDLED } ZooState;

/* Where the entry's file is, or in the cache would be. A file of the wrong size does not count. */
ZooState zoo_entry_where (const ZooEntry *e, char **path);

/* Reads the file whole and compares its size and checksum. Not for data sets. */
gboolean zoo_entry_verify (const ZooEntry *e, const char *path, GError **error);

/* "x.onnx" -> "x.ini", in the same folder. */
char *zoo_sidecar_path (const char *model);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ZooManifest, zoo_manifest_free)

G_END_DECLS
#endif
