/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * tap.h - runs CUnit tests and tells the outcome as TAP, the Test Anything Protocol. */
#ifndef CONVOY_TAP_H
#define CONVOY_TAP_H
#include <CUnit/CUnit.h>

typedef struct { const char *name; void (*run) (void); } TapTest;

/* Runs the tests of a table that ends with a NULL name; with TAP_ONLY in the environment only those
 * whose name contains it. Gives the exit status: 0 all passed, 1 not, 99 could not start. */
int tap_main (const char *suite, const TapTest *tests);

/* got is wanted, but for tolerance times the larger of 1 and |wanted|; both are printed where it is not. */
void tap_near (double got, double wanted, double tolerance);

/* Marks the running test as skipped, and why; return from it after that. */
void tap_skip (const char *why);

/* The path of a file or folder of test material, below $CONVOY_SHARED or else shared/ beside the
 * source tree. NULL where there is none: the running test is then marked as skipped. Valid until
 * the next call. */
const char *tap_shared (const char *name);
#endif
