/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * onnx.h - what the files that read and write ONNX share; nothing else includes it.
 *
 * The messages of these functions name the tensor, node or byte; the functions of convoy.h put
 * the path before them. */
#ifndef CONVOY_ONNX_H
#define CONVOY_ONNX_H
#include "core/convoy.h"
#include "core/onnx.pb-c.h"

/* The operator sets that are read and written. */
#define CONVOY_OPSET_MIN 1
#define CONVOY_OPSET_MAX 28
/* Nodes of a file. The deepest published networks have some 5000; what a compile does to each pair of
 * buffers that are live together must not turn a file of a few megabytes into minutes. */
#define CONVOY_ONNX_MAX_NODES 16384
/* Bytes from which on data of a message is read to where it may stay, as a tensor has it. */
#define CONVOY_ONNX_LARGE 65536

/* onnx-check.c */

/* Fails with a message, which is made as by printf. */
gboolean convoy_onnx_fail (GError **error, ConvoyError code, const char *format, ...) G_GNUC_PRINTF (3, 4);
/* Puts the path before the message of error, and makes sure that it is one line of bearable length. */
void convoy_onnx_blame (GError **error, const char *path);
/* The file as a checked message of type d; protobuf_c_message_free_unpacked() it. */
gpointer convoy_onnx_read (const char *path, const ProtobufCMessageDescriptor *d, GError **error);

/* onnx-tensor.c */

const char *convoy_onnx_type_name (gint32 type);        /* "float16"; "type 99" is "undefined" */
/* FALSE: there is no such ConvoyType. */
gboolean convoy_onnx_type (gint32 from, ConvoyType *type);
gint32 convoy_onnx_type_of (ConvoyType type);
/* External data lies in folder. Raw data that lies as tensors want it is taken out of t, not copied. */
ConvoyTensor *convoy_onnx_tensor (Onnx__TensorProto *t, const char *folder, GError **error);
#endif
