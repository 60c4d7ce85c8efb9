/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * conv-tiles.h - 1x1 convolutions of float32 on a processor that multiplies tiles of bfloat16. */
#ifndef CONVOY_OPS_CONV_TILES_H
#define CONVOY_OPS_CONV_TILES_H
#include "core/ops/window.h"

/* Appends the step that computes n, whose window is w, with what rides on it. FALSE: the plan wants it otherwise, or n is not for it. */
gboolean convoy_conv_tiles_forward (ConvoyBuild *b, const ConvoyNode *n, const ConvoyWindow *w, const ConvoyRiders *r);
#endif
