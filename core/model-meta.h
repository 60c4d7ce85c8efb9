/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * model-meta.h - what is known of a model beside its graph: how to feed pictures to it and what
 * its classes are called. */
#ifndef CONVOY_MODEL_META_H
#define CONVOY_MODEL_META_H
#include "core/convoy.h"

/* Where the sizes of a picture stand in the shape of an input. */
typedef struct { guint channels, height, width; } ConvoyImageAxes;

/* Nx3xHxW or Nx1xHxW; NxHxWx3 or NxHxWx1 where the second size is neither 3 nor 1. FALSE: no picture. */
gboolean convoy_image_axes (const ConvoyShape *s, ConvoyImageAxes *axes);

/* Gathers what props (metadata_props, char * to char *) and the sidecar beside path say, with what
 * follows from the graph; checks one against the other and all against what o needs. labels owns
 * the labels of info; g_strfreev() it. Messages name path. */
gboolean convoy_meta_load (const char *path, GHashTable *props, const ConvoyGraph *g, const ConvoyModelOptions *o, ConvoyModelInfo *info, char ***labels,
    GError **error);
/* The shapes of all inputs for this batch and picture size (0: the model's own); NULL: they do
 * not fit. g_free() it. */
ConvoyShape *convoy_meta_shapes (const ConvoyGraph *g, const ConvoyModelInfo *info, guint batch, guint width, guint height, GError **error);

/* Vocabulary and rules of a network that reads texts; *v stays NULL where props have none. */
gboolean convoy_meta_text (const char *path, GHashTable *props, const ConvoyGraph *g, ConvoyVocabulary **v, ConvoyTokenOptions *o, GError **error);

/* --- shared by model-meta.c and model-labels.c ------------------------- */

/* Where things are said, for messages too. */
typedef struct {
  const char *path;
  char *sidecar;                /* its path */
  GHashTable *props;            /* char * to char * */
  GKeyFile *keys;               /* NULL: there is no sidecar */
} ConvoyMetaSources;

/* Sets error, which is one of an invalid argument; gives FALSE. */
gboolean convoy_meta_fail (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);
/* What the sidecar says, stripped; NULL: nothing. g_free() it. */
char *convoy_meta_sidecar (const ConvoyMetaSources *s, const char *key);
/* output describes the output for messages; NULL: it is not known, nor is n_classes. */
gboolean convoy_meta_labels (const ConvoyMetaSources *s, const ConvoyModelOptions *o, const char *output, ConvoyModelInfo *info, char ***labels, GError **error);
#endif
