/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * conformance.h - what the parts of the conformance runner share: cases and their outcome. */
#ifndef CONVOY_CONFORMANCE_H
#define CONVOY_CONFORMANCE_H
#include <glib.h>

typedef enum { VERDICT_PASSED, VERDICT_REFUSED, VERDICT_WRONG, VERDICT_CRASHED, N_VERDICTS } Verdict;

/* What should become of a case. */
typedef enum {
  EXPECT_OUTPUT,                /* its outputs, within the tolerance */
  EXPECT_ACCEPT,                /* it loads and runs; outputs are compared where there are any */
  EXPECT_REJECT,                /* an error */
  EXPECT_ANY,                   /* one or the other */
} Expect;

typedef struct {
  char *name, *op, *tier;       /* op: or the class of a broken file */
  char *model;                  /* path */
  GPtrArray *data;              /* char *: folders with input_K.pb and output_K.pb */
  Expect expect;
  double rtol, atol;
  gboolean quantized;           /* judged by its best class and its probabilities */
  GBytes *secret;               /* must never be seen in an output; or NULL */
} Case;

/* How cases are run. */
typedef struct {
  gboolean export, no_fuse;     /* save the model and load it again before; every node a step of its own */
} RunOptions;

/* conformance-find.c: appends the cases of an archive or folder to cases. models: where the networks
 * of recorded vectors are; NULL: beside the archive. Temporary folders are added to temps. */
gboolean cases_find (const char *path, const char *models, GPtrArray *cases, GPtrArray *temps, GError **error);
GPtrArray *cases_new (void);

/* conformance-case.c: runs it in this process; the message is g_free()d by the caller. */
Verdict case_run (const Case *c, const RunOptions *o, char **message);
#endif
