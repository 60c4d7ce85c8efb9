/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * zoo.h - where a model is. All that an element needs of the zoo; nothing here touches the network.
 *
 * Environment: CONVOY_HOME (the cache; else $XDG_CACHE_HOME/convoy), CONVOY_DATADIR (what is
 * bundled: zoo/ and pipelines/ lie in it; else where it was installed). */
#ifndef CONVOY_ZOO_H
#define CONVOY_ZOO_H

#include <glib.h>

G_BEGIN_DECLS

#define ZOO_ERROR (zoo_error_quark ())

typedef enum {
  ZOO_ERROR_UNKNOWN,            /* no such name */
  ZOO_ERROR_NOT_PULLED,         /* known, but not on this machine */
  ZOO_ERROR_MANIFEST,           /* the manifest is missing or malformed */
  ZOO_ERROR_FETCH,              /* no source could be read */
  ZOO_ERROR_CHECKSUM,           /* what is there is not what the manifest says */
  ZOO_ERROR_FILE,               /* the cache cannot be read or written */
  ZOO_ERROR_CANCELLED,          /* the caller asked to stop */
} ZooError;

GQuark zoo_error_quark (void);

/* The path of a model: a path to a file as it is; else what is bundled or in the cache under that
 * name. The error of an unknown name has the nearest ones, that of a known one how to get it. */
char *convoy_zoo_find (const char *name_or_path, GError **error);

/* The same for whoever wants layers, not weights: of a network as text (.net) and a trained model of
 * one name it gives the text. A network to be trained is looked for so, one to be run by convoy_zoo_find(). */
char *convoy_zoo_find_network (const char *name_or_path, GError **error);

/* Where pulled files, and timings of the engine, are kept; it need not exist yet. */
char *convoy_zoo_cache_dir (void);

/* A file of what came with the program: convoy_zoo_data ("pipelines", "classify-file.pipe"). */
char *convoy_zoo_data (const char *folder, const char *file);

G_END_DECLS
#endif
