/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * copy.h - from one layout to another without oneDNN, for those that it gets wrong. */
#ifndef CONVOY_COPY_H
#define CONVOY_COPY_H
#include "core/dnn.h"

/* oneDNN 3.7 puts the numbers of dimensions that do not fill their blocks at wrong places, some of them
 * beyond the end, where a layout has blocks of blocks: 5x6x3x3 to ABcd16a16b, say. */
gboolean convoy_copy_is_misplaced (const ConvoyLayout *from, const ConvoyLayout *to);

typedef struct ConvoyCopy ConvoyCopy;
/* to has so many bytes, of float32; padding becomes 0. */
ConvoyCopy *convoy_copy_new (const ConvoyLayout *from, const ConvoyLayout *to, gsize bytes);
void convoy_copy_run (const ConvoyCopy *c, const float *from, float *to);
void convoy_copy_free (ConvoyCopy *c);
#endif
