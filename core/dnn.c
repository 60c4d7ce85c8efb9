/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * dnn.c - oneDNN: its engine, threads and version, and the execution of primitives. dnn-md.c has memory
 * descriptors, dnn-prim.c the making of primitives. See dnn.h. */
#include "core/dnn-inside.h"
#ifdef _OPENMP
#include <omp.h>
#endif

#define DW(arg) (DNNL_ARG_ATTR_POST_OP_DW | (arg))

const ConvoyDnnArg convoy_dnn_args[CONVOY_ARG_SCRATCH + 1] = {
  [CONVOY_ARG_SRC] = { DNNL_ARG_SRC, dnnl_query_src_md, 0 },
  [CONVOY_ARG_SRC1] = { DNNL_ARG_SRC_1, dnnl_query_src_md, 1 },
  [CONVOY_ARG_WEI] = { DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0 },
  [CONVOY_ARG_BIAS] = { DNNL_ARG_BIAS, dnnl_query_weights_md, 1 },
  [CONVOY_ARG_DST] = { DNNL_ARG_DST, dnnl_query_dst_md, 0 },
  [CONVOY_ARG_MEAN] = { DNNL_ARG_MEAN, dnnl_query_src_md, 1 },
  [CONVOY_ARG_VARIANCE] = { DNNL_ARG_VARIANCE, dnnl_query_src_md, 2 },
  [CONVOY_ARG_SCALE] = { DNNL_ARG_SCALE, dnnl_query_weights_md, 0 },
  [CONVOY_ARG_SHIFT] = { DNNL_ARG_SHIFT, dnnl_query_weights_md, 0 },
  [CONVOY_ARG_DW_WEI] = { DW (DNNL_ARG_WEIGHTS), dnnl_query_exec_arg_md, DW (DNNL_ARG_WEIGHTS) },
  [CONVOY_ARG_DW_BIAS] = { DW (DNNL_ARG_BIAS), dnnl_query_exec_arg_md, DW (DNNL_ARG_BIAS) },
  [CONVOY_ARG_DSRC] = { DNNL_ARG_DIFF_SRC, dnnl_query_diff_src_md, 0 },
  [CONVOY_ARG_DDST] = { DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, 0 },
  [CONVOY_ARG_DWEI] = { DNNL_ARG_DIFF_WEIGHTS, dnnl_query_diff_weights_md, 0 },
  [CONVOY_ARG_DBIAS] = { DNNL_ARG_DIFF_BIAS, dnnl_query_diff_weights_md, 1 },
  [CONVOY_ARG_WORKSPACE] = { DNNL_ARG_WORKSPACE, dnnl_query_workspace_md, 0 },
  [CONVOY_ARG_SCRATCH] = { DNNL_ARG_SCRATCHPAD, dnnl_query_scratchpad_md, 0 },
};

gboolean
convoy_dnn_check (dnnl_status_t s, const char *what, GError **error)
{
  if (s == dnnl_success)
    return TRUE;
  g_set_error (error, CONVOY_ERROR, s == dnnl_out_of_memory ? CONVOY_ERROR_NO_MEMORY : CONVOY_ERROR_ENGINE,
      "oneDNN: %s failed (status %d)", what, s);
  return FALSE;
}

dnnl_engine_t
convoy_dnn_engine (void)
{
  static gsize once;
  static dnnl_engine_t e;
  if (g_once_init_enter (&once)) {
    if (dnnl_engine_create (&e, dnnl_cpu, 0) != dnnl_success)
      e = NULL;
    g_once_init_leave (&once, 1);
  }
  return e;
}

static void
stream_free (gpointer s)
{
  dnnl_stream_destroy (s);
}

/* The stream of this thread: a CPU stream has no state worth sharing. */
static dnnl_stream_t
thread_stream (void)
{
  static GPrivate key = G_PRIVATE_INIT (stream_free);
  dnnl_stream_t s = g_private_get (&key);
  if (s == NULL && dnnl_stream_create (&s, convoy_dnn_engine (), dnnl_stream_default_flags) == dnnl_success)
    g_private_set (&key, s);
  return s;
}

void
convoy_dnn_threads (guint n)
{
#ifdef _OPENMP
  omp_set_num_threads (MAX (n, 1));
#else
  (void) n;
#endif
}

void
convoy_dnn_side_by_side (guint n, void (*work) (guint i, void *data), void *data)
{
  if (n == 1) {
    work (0, data);
    return;
  }
#ifdef _OPENMP
#pragma omp parallel for num_threads(n) schedule(static, 1)
#endif
  for (guint i = 0; i < n; i++)
    work (i, data);
}

const char *
convoy_engine_version (void)
{
  static gsize once;
  static char text[96];
  static const struct { unsigned isa; const char *name; } isas[] = {
    { dnnl_cpu_isa_avx512_core_amx, "AVX-512 AMX" },
    { dnnl_cpu_isa_avx512_core_bf16, "AVX-512 BF16" },
    { dnnl_cpu_isa_avx512_core_vnni, "AVX-512 VNNI" },
    { dnnl_cpu_isa_avx512_core, "AVX-512" },
    { dnnl_cpu_isa_avx2_vnni, "AVX2 VNNI" },
    { dnnl_cpu_isa_avx2, "AVX2" },
    { dnnl_cpu_isa_avx, "AVX" },
    { dnnl_cpu_isa_sse41, "SSE4.1" },
  };
  if (g_once_init_enter (&once)) {
    const dnnl_version_t *v = dnnl_version ();
    const char *name = "generic";
    for (guint i = G_N_ELEMENTS (isas); i-- > 0;)
      if ((dnnl_get_effective_cpu_isa () & isas[i].isa) == isas[i].isa)
        name = isas[i].name;
    g_snprintf (text, sizeof text, "oneDNN %d.%d.%d, %s", v->major, v->minor, v->patch, name);
    g_once_init_leave (&once, 1);
  }
  return text;
}

/* --- execution ------------------------------------------------------- */

ConvoyMem *
convoy_mem_new (const ConvoyMd *md, void *data, GError **error)
{
  ConvoyMem *m = g_new0 (ConvoyMem, 1);
  if (convoy_dnn_check (dnnl_memory_create (&m->mem, M (md), convoy_dnn_engine (), data), "memory", error))
    return m;
  g_free (m);
  return NULL;
}

void convoy_mem_point (ConvoyMem *m, void *data) { dnnl_memory_set_data_handle (m->mem, data); }

void
convoy_mem_free (ConvoyMem *m)
{
  if (m)
    dnnl_memory_destroy (m->mem);
  g_free (m);
}

struct ConvoyCall {
  const ConvoyPrim *prim;       /* borrowed */
  int n;
  dnnl_exec_arg_t arg[];
};

ConvoyCall *
convoy_call_new (const ConvoyPrim *p, guint n, const ConvoyArg *arg, ConvoyMem *const *mem)
{
  ConvoyCall *c = g_malloc0 (sizeof *c + n * sizeof c->arg[0]);
  c->prim = p;
  for (guint i = 0; i < n; i++)
    if (mem[i])
      c->arg[c->n++] = (dnnl_exec_arg_t) { arg[i] >= CONVOY_ARG_MULTI ? DNNL_ARG_MULTIPLE_SRC + (int) (arg[i] - CONVOY_ARG_MULTI) : convoy_dnn_args[arg[i]].arg, mem[i]->mem };
  return c;
}

void convoy_call_free (ConvoyCall *c) { g_free (c); }

static void
copy (const ConvoyCall *c)
{
  void *from = NULL, *to = NULL;
  for (int i = 0; i < c->n; i++)
    if (c->arg[i].arg == DNNL_ARG_SRC || c->arg[i].arg == DNNL_ARG_DST)
      dnnl_memory_get_data_handle (c->arg[i].memory, c->arg[i].arg == DNNL_ARG_SRC ? &from : &to);
  convoy_copy_run (c->prim->copy, from, to);
}

void
convoy_dnn_outer (gsize n, const float *a, gsize a_step, gsize rows, const float *b, gsize b_step, gsize cols, float *y,
    gsize y_step)
{
  dnnl_sgemm ('T', 'N', rows, cols, n, 1, a, a_step, b, b_step, 0, y, y_step);
}

/* A CPU stream runs in the calling thread: when execute returns, the result is there. */
gboolean
convoy_call_run (const ConvoyCall *c, GError **error)
{
  if (c->prim->copy) {
    copy (c);
    return TRUE;
  }
  return convoy_dnn_check (dnnl_primitive_execute (c->prim->prim, thread_stream (), c->n, c->arg), "execute", error);
}
