/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * onnx-maker.h - makes small ONNX files, good and bad ones, for the tests of the reader. */
#ifndef CONVOY_ONNX_MAKER_H
#define CONVOY_ONNX_MAKER_H
#include "core/convoy.h"
#include "core/onnx.pb-c.h"
#include "tests/tap.h"

extern char *maker_folder;      /* where the files go */

/* Runs the tests with a folder for their files. */
int maker_main (const char *suite, const TapTest *tests);

/* What a message points to lives until the tests have run. */
gpointer maker_keep (gpointer p);
#define NEW(Type, init_) ({ Type *new_ = maker_keep (g_new0 (Type, 1)); init_ (new_); new_; })
#define LIST(Type, ...) maker_keep (g_memdup2 ((Type[]) { __VA_ARGS__ }, sizeof ((Type[]) { __VA_ARGS__ })))

Onnx__TensorProto *maker_floats (const char *name, gsize n, const float *v);
Onnx__ValueInfoProto *maker_value (const char *name, gint32 type, gint64 n);
Onnx__NodeProto *maker_node (const char *op, const char *name, const char *in, const char *in2, const char *out);       /* in, in2 may be NULL */
void maker_add_node (Onnx__ModelProto *m, Onnx__NodeProto *n);
void maker_add_initializer (Onnx__ModelProto *m, Onnx__TensorProto *t);
Onnx__AttributeProto *maker_add_attr (Onnx__NodeProto *n, const char *name, Onnx__AttributeProto__AttributeType type);
Onnx__ModelProto *maker_adder (void);   /* x (3) + w (3) = y (3), w 10 20 30 */

char *maker_write_bytes (const char *name, const void *data, gssize n);         /* gives the path */
char *maker_write (const char *name, gpointer message);

/* Loads path, which must fail with one line that has the path and says in it. */
void maker_refused (const char *what, const char *path, const char *says);
#endif
