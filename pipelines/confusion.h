/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * confusion.h - which classes are taken for which, as text and as a picture. */
#ifndef CONVOY_CONFUSION_H
#define CONVOY_CONFUSION_H

#include "pipelines/score.h"

G_BEGIN_DECLS

void confusion_print (const Score *s);
/* A file .svg or .png. */
gboolean confusion_save (const Score *s, const char *path, const char *title, GError **error);

G_END_DECLS
#endif
