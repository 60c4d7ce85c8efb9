/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * tap.c - see tap.h. */
#include "tests/tap.h"
#include <CUnit/TestRun.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned count;
static const char *skipped;     /* why the running test is; NULL: it is not */

static void
test_done (const CU_pTest test, const CU_pSuite suite, const CU_pFailureRecord failure)
{
  (void) suite;
  printf ("%s %u - %s", failure ? "not ok" : "ok", ++count, test->pName);
  if (skipped && !failure)
    printf (" # SKIP %s", skipped);
  putchar ('\n');
  for (CU_pFailureRecord f = failure; f; f = f->pNext)
    printf ("# %s:%u: %s\n", f->strFileName, f->uiLineNumber, f->strCondition);
  fflush (stdout);
  skipped = NULL;
}

void
tap_near (double got, double wanted, double tolerance)
{
  double size = wanted < 0 ? -wanted : wanted, apart = got < wanted ? wanted - got : got - wanted;
  int right = apart <= tolerance * (size > 1 ? size : 1);
  CU_ASSERT_TRUE (right);
  if (!right)
    printf ("# %.9g, wanted %.9g\n", got, wanted);
}

void
tap_skip (const char *why)
{
  skipped = why;
}

const char *
tap_shared (const char *name)
{
  static char path[PATH_MAX];
  const char *shared = getenv ("CONVOY_SHARED"), *srcdir = getenv ("srcdir");
  if (shared)
    snprintf (path, sizeof path, "%s/%s", shared, name);
  else
    snprintf (path, sizeof path, "%s/../shared/%s", srcdir ? srcdir : ".", name);
  if (access (path, R_OK) == 0)
    return path;
  tap_skip ("no test material (set CONVOY_SHARED)");
  return NULL;
}

int
tap_main (const char *name, const TapTest *tests)
{
  const char *only = getenv ("TAP_ONLY");
  unsigned n = 0;
  if (CU_initialize_registry () != CUE_SUCCESS)
    return 99;
  CU_pSuite suite = CU_add_suite (name, NULL, NULL);
  for (; tests->name; tests++)
    if (!only || strstr (tests->name, only)) {
      CU_add_test (suite, tests->name, tests->run);
      n++;
    }
  printf ("1..%u\n", n);
  CU_set_test_complete_handler (test_done);
  CU_run_all_tests ();
  n = CU_get_number_of_failures ();
  CU_cleanup_registry ();
  return n != 0;
}
