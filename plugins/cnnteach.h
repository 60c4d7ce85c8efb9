/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnteach.h - what is taught while a stream flows: classes that appear one by one, some examples of
 * each, and a network that learns from mixtures of them, so that what comes new does not push out what
 * was known. Knows nothing of elements; one thread at a time. */
#ifndef CNN_TEACH_H
#define CNN_TEACH_H

#include "core/convoy.h"

G_BEGIN_DECLS

#define CNN_TEACH_CLASSES 2     /* that a network has to begin with */

typedef struct CnnTeach CnnTeach;

/* graph is for the classes that labels names (copied), or for CNN_TEACH_CLASSES that are yet to come (NULL).
 * The texts of options outlive it; batch is what a step takes. sample: bytes of one. */
CnnTeach *cnn_teach_new (ConvoyGraph *graph, const ConvoyTrainOptions *options, const char *const *labels, gsize sample, GError **error);
void cnn_teach_free (CnnTeach *t);

/* x is an example of label, which may be one never heard of: the network then grows. A copy of x is kept,
 * in place of some other of this class where there are too many. */
gboolean cnn_teach_example (CnnTeach *t, const char *label, const void *x, GError **error);
/* A step over as many examples of one class as of the other, if two have any and the last new one is not
 * long ago; *learnt says whether it was done. */
gboolean cnn_teach_step (CnnTeach *t, gboolean *learnt, GError **error);

/* The network as it is now, after growing another one; borrowed, until the next example. */
ConvoyGraph *cnn_teach_graph (CnnTeach *t, GError **error);
guint cnn_teach_n_classes (const CnnTeach *t);
guint cnn_teach_n_examples (const CnnTeach *t, guint class);    /* that are kept */
char **cnn_teach_labels (const CnnTeach *t);                    /* in the order in which they appeared; g_strfreev() it */

G_END_DECLS
#endif
