/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * augment.h - one sample into its place in a batch: normalized, mirrored, moved, partly covered. */
#ifndef CONVOY_AUGMENT_H
#define CONVOY_AUGMENT_H
#include "core/convoy.h"

/* Whether the options fit the samples. */
gboolean convoy_augment_check (const ConvoyDatasetInfo *info, const ConvoyBatchOptions *o, GError **error);
/* sample as read; out float32, or int64 for I64 samples. What is random depends on the seed of o,
 * epoch and i, the sample's number, alone. */
void convoy_augment (const ConvoyDatasetInfo *info, const ConvoyBatchOptions *o, const void *sample, void *out, guint epoch, gsize i);

#endif
