/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * keys.h - keys that teach a pipeline: each stands for a class, whose label the element called `taught` has
 * from one key to the next. They are typed, or come from a script. */
#ifndef CONVOY_KEYS_H
#define CONVOY_KEYS_H

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct Keys Keys;

/* Names of the classes of keys 1 to 9, with commas between. script: a file of lines SECONDS KEY, where the seconds
 * are those of the stream, whatever its pace; NULL or "": the terminal. NULL and no error: nothing is taught there. */
Keys *keys_new (GstElement *pipeline, const char *classes, const char *script, GError **error);
void keys_free (Keys *k);
/* Takes what was typed, and tells what is learnt now. FALSE: the user has had enough. */
gboolean keys_poll (Keys *k);
/* Nothing is taught any more; the terminal is as it was. */
void keys_stop (Keys *k);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Keys, keys_free)

G_END_DECLS
#endif
