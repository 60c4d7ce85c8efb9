/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fuzz.h - what the fuzzers share: bytes as a file, and a network that is small enough to be run. */
#ifndef CONVOY_FUZZ_H
#define CONVOY_FUZZ_H
#include "core/convoy.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

/* The path of name, now with these bytes, in a folder of this process that goes when it ends. */
const char *fuzz_file (const char *name, const guint8 *data, gsize size);

/* Binds what is left open to 1, and compiles and runs what is small. An error is as good as a
 * result. */
void fuzz_run (const ConvoyGraph *g);
#endif
