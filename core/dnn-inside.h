/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * dnn-inside.h - what the files dnn*.c share: oneDNN's own types, which no other file sees. Builds against
 * oneDNN 2.6 (Debian 12) and 3.x (Debian 13). */
#ifndef CONVOY_DNN_INSIDE_H
#define CONVOY_DNN_INSIDE_H
#include "core/copy.h"
#include "core/dnn.h"
#include <dnnl.h>

#if DNNL_VERSION_MAJOR >= 3
#define V3(...) __VA_ARGS__
#define V2(...)
typedef const_dnnl_memory_desc_t MdRef;
#define M(m) ((m)->md)
#define M0(m) ((m) ? (m)->md : NULL)
#else
#define V3(...)
#define V2(...) __VA_ARGS__
typedef const dnnl_memory_desc_t *MdRef;
#define M(m) (&(m)->md)
#define M0(m) ((m) ? &(m)->md : NULL)
#endif

struct ConvoyMd { dnnl_memory_desc_t md; };
struct ConvoyMem { dnnl_memory_t mem; };
struct ConvoyPrim {
  dnnl_primitive_desc_t pd;
  dnnl_primitive_t prim;
  ConvoyCopy *copy;             /* of a reorder that is not left to oneDNN; else NULL */
  ConvoyMd *md[CONVOY_ARG_SCRATCH + 1]; /* filled on demand */
};

typedef struct { int arg; dnnl_query_t query; int index; } ConvoyDnnArg;
extern const ConvoyDnnArg convoy_dnn_args[CONVOY_ARG_SCRATCH + 1];      /* how oneDNN names our arguments: in execution, and as a query of the descriptor */

/* FALSE: what failed, and error says so. */
gboolean convoy_dnn_check (dnnl_status_t s, const char *what, GError **error);
/* The one CPU engine of the process; NULL where there is none, which every call then reports. */
dnnl_engine_t convoy_dnn_engine (void);
#endif
