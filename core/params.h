/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * params.h - inside view of ConvoyParams, for graph, plan and exec. */
#ifndef CONVOY_PARAMS_H
#define CONVOY_PARAMS_H
#include "core/convoy.h"

/* Goes up whenever a value changes; what was packed from the values is then stale. */
guint convoy_params_version (const ConvoyParams *p);
/* Values were changed in place. */
void convoy_params_touch (ConvoyParams *p);
#endif
