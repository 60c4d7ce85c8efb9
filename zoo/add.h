/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * add.h - models of a user's own in the cache: known by name, like those of the manifest. */
#ifndef CONVOY_ZOO_ADD_H
#define CONVOY_ZOO_ADD_H

#include "zoo/manifest.h"

G_BEGIN_DECLS

/* Copies an ONNX file, its sidecar, and the list of labels that the sidecar names, into the cache as
 * NAME.onnx (name NULL: as the file is called). A name that the manifest has is refused. Gives the path. */
char *zoo_add (const char *file, const char *name, GError **error);

/* The file of one that was added; NULL: none was by that name. g_free() it. */
char *zoo_added_path (const ZooManifest *m, const char *name);
/* Deletes it, its sidecar and its labels. */
gboolean zoo_added_remove (const ZooManifest *m, const char *name, GError **error);

/* The names of all that were added, sorted; free it with g_ptr_array_unref(). */
GPtrArray *zoo_added (const ZooManifest *m);

G_END_DECLS
#endif
