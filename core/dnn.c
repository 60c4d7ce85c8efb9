/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * dnn.c - see dnn.h. Builds against oneDNN 2.6 (Debian 12) and 3.x (Debian 13). */
#include "core/dnn.h"
#include "core/copy.h"
#include <dnnl.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

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

#define DW(arg) (DNNL_ARG_ATTR_POST_OP_DW | (arg))

/* How oneDNN names our arguments: in execution, and as a query of the descriptor. */
static const struct { int arg; dnnl_query_t query; int index; } args[CONVOY_ARG_SCRATCH + 1] = {
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

static gboolean
check (dnnl_status_t s, const char *what, GError **error)
{
  if (s == dnnl_success)
    return TRUE;
  g_set_error (error, CONVOY_ERROR, s == dnnl_out_of_memory ? CONVOY_ERROR_NO_MEMORY : CONVOY_ERROR_ENGINE,
      "oneDNN: %s failed (status %d)", what, s);
  return FALSE;
}

/* The one CPU engine of the process; NULL where there is none, which every call then reports. */
static dnnl_engine_t
engine (void)
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

/* One stream a thread; a CPU stream has no state worth sharing. */
static dnnl_stream_t
stream (void)
{
  static GPrivate key = G_PRIVATE_INIT (stream_free);
  dnnl_stream_t s = g_private_get (&key);
  if (s == NULL && dnnl_stream_create (&s, engine (), dnnl_stream_default_flags) == dnnl_success)
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

/* --- memory descriptors ---------------------------------------------- */

static ConvoyMd *
md_tag (const ConvoyShape *s, dnnl_format_tag_t tag)
{
  ConvoyMd *m = g_new0 (ConvoyMd, 1);
  dnnl_dims_t d = { 1 };
  for (guint i = 0; i < s->n; i++)
    d[i] = s->d[i];
  V3 (dnnl_memory_desc_create_with_tag (&m->md, MAX (s->n, 1), d, dnnl_f32, tag);)
  V2 (dnnl_memory_desc_init_by_tag (&m->md, MAX (s->n, 1), d, dnnl_f32, tag);)
  return m;
}

/* Layouts by rank. */
static const struct { dnnl_format_tag_t plain, blocked, last; } tags[CONVOY_MAX_DIMS + 1] = {
  { dnnl_a, dnnl_a, dnnl_a }, { dnnl_a, dnnl_a, dnnl_a }, { dnnl_ab, dnnl_ab, dnnl_ab },
  { dnnl_abc, dnnl_nCw16c, dnnl_acb }, { dnnl_abcd, dnnl_nChw16c, dnnl_acdb }, { dnnl_abcde, dnnl_nCdhw16c, dnnl_acdeb },
  { dnnl_abcdef, dnnl_abcdef, dnnl_abcdef }, { dnnl_abcdefg, dnnl_abcdefg, dnnl_abcdefg }, { dnnl_abcdefgh, dnnl_abcdefgh, dnnl_abcdefgh },
};

ConvoyMd *convoy_md_plain (const ConvoyShape *s) { return md_tag (s, tags[s->n].plain); }
ConvoyMd *convoy_md_any (const ConvoyShape *s) { return md_tag (s, dnnl_format_tag_any); }
ConvoyMd *convoy_md_blocked (const ConvoyShape *s) { return md_tag (s, tags[s->n].blocked); }
ConvoyMd *convoy_md_channels_last (const ConvoyShape *s) { return md_tag (s, tags[s->n].last); }

ConvoyMd *
convoy_md_strided (const ConvoyShape *s, const gint64 *stride)
{
  ConvoyMd *m = g_new0 (ConvoyMd, 1);
  dnnl_dims_t d = { 1 }, st = { 1 };
  for (guint i = 0; i < s->n; i++)
    d[i] = s->d[i], st[i] = stride[i];
  V3 (dnnl_memory_desc_create_with_strides (&m->md, MAX (s->n, 1), d, dnnl_f32, st);)
  V2 (dnnl_memory_desc_init_by_strides (&m->md, MAX (s->n, 1), d, dnnl_f32, st);)
  return m;
}

ConvoyMd *
convoy_md_dup (const ConvoyMd *m)
{
  ConvoyMd *c = g_new0 (ConvoyMd, 1);
  V3 (dnnl_memory_desc_clone (&c->md, m->md);)
  V2 (c->md = m->md;)
  return c;
}

void
convoy_md_free (ConvoyMd *m)
{
  if (m == NULL)
    return;
  V3 (dnnl_memory_desc_destroy (m->md);)
  g_free (m);
}

/* What v2 keeps in the open and v3 behind queries. */
ConvoyLayout
convoy_md_layout (const ConvoyMd *m)
{
  ConvoyLayout l;
#if DNNL_VERSION_MAJOR >= 3
  dnnl_dims_t *d, *p, *s, *b, *o;
  dnnl_memory_desc_query (m->md, dnnl_query_ndims_s32, &l.n);
  dnnl_memory_desc_query (m->md, dnnl_query_dims, &d);
  dnnl_memory_desc_query (m->md, dnnl_query_padded_dims, &p);
  dnnl_memory_desc_query (m->md, dnnl_query_strides, &s);
  dnnl_memory_desc_query (m->md, dnnl_query_inner_nblks_s32, &l.blocks);
  dnnl_memory_desc_query (m->md, dnnl_query_inner_blks, &b);
  dnnl_memory_desc_query (m->md, dnnl_query_inner_idxs, &o);
  l.dims = *d, l.padded = *p, l.stride = *s, l.block = *b, l.block_of = *o;
#else
  const dnnl_blocking_desc_t *b = &m->md.format_desc.blocking;
  l = (ConvoyLayout) { m->md.ndims, b->inner_nblks, m->md.dims, m->md.padded_dims, b->strides, b->inner_blks, b->inner_idxs };
#endif
  return l;
}

ConvoyMd *
convoy_md_rebatch (const ConvoyMd *m, gint64 n)
{
  ConvoyLayout l = convoy_md_layout (m);
  ConvoyShape s = { (guint) l.n, { 0 } };
  for (int i = 0; i < l.n; i++)
    s.d[i] = l.dims[i];
  const dnnl_format_tag_t known[] = { tags[l.n].plain, tags[l.n].blocked, tags[l.n].last };
  for (guint i = 0; i < G_N_ELEMENTS (known); i++) {
    ConvoyMd *same = md_tag (&s, known[i]);
    gboolean found = convoy_md_equal (same, m);
    convoy_md_free (same);
    if (found) {
      s.d[0] = n;
      return md_tag (&s, known[i]);
    }
  }
  return NULL;
}

gboolean convoy_md_equal (const ConvoyMd *a, const ConvoyMd *b) { return dnnl_memory_desc_equal (M (a), M (b)); }
gsize convoy_md_size (const ConvoyMd *m) { return dnnl_memory_desc_get_size (M (m)); }

ConvoyShape
convoy_md_shape (const ConvoyMd *m)
{
  ConvoyLayout l = convoy_md_layout (m);
  ConvoyShape s = { .n = (guint) l.n };
  for (int i = 0; i < l.n; i++)
    s.d[i] = l.dims[i];
  return s;
}

/* Channels, or blocks of them, before the spatial dimensions, these in their order, all dense. */
guint
convoy_md_block (const ConvoyMd *m)
{
  ConvoyLayout l = convoy_md_layout (m);
  gint64 block = l.blocks ? l.block[0] : 1, stride = block;
  if (l.n < 2 || l.blocks > 1 || (l.blocks == 1 && l.block_of[0] != 1))
    return 0;
  for (int i = l.n; i-- > 2; stride *= l.dims[i])
    if (l.stride[i] != stride && l.dims[i] != 1)
      return 0;
  gboolean whole = l.stride[1] == stride || l.padded[1] == block;
  return whole && (l.stride[0] == stride * (l.padded[1] / block) || l.dims[0] == 1) ? (guint) block : 0;
}

gboolean
convoy_md_strides (const ConvoyMd *m, gint64 *stride)
{
  ConvoyLayout l = convoy_md_layout (m);
  for (int i = 0; i < l.n; i++)
    stride[i] = l.stride[i];
  return l.blocks == 0;
}

gboolean
convoy_md_dense (const ConvoyMd *m)
{
  ConvoyLayout l = convoy_md_layout (m);
  gint64 count = 1;
  for (int i = 0; i < l.n; i++)
    count *= l.dims[i];
  return convoy_md_size (m) == (gsize) count * sizeof (float);
}

/* With all dimensions behind the channels 1 and no padding, blocks of channels lie in the order
 * of the channels: Nx1280x1x1 has one layout under many names. */
static gboolean
is_vector (const ConvoyMd *m)
{
  ConvoyLayout l = convoy_md_layout (m);
  gint64 inner = 1;
  for (int i = 2; i < l.n; i++)
    if (l.dims[i] != 1)
      return FALSE;
  for (int i = 0; i < l.blocks; i++) {
    if (l.block_of[i] != 1)
      return FALSE;
    inner *= l.block[i];
  }
  return l.n >= 2 && convoy_md_dense (m) && l.blocks <= 1 && (l.dims[1] == inner || l.stride[1] == inner) && (l.dims[0] == 1 || l.stride[0] == l.dims[1]);
}

gboolean
convoy_md_same_bytes (const ConvoyMd *a, const ConvoyMd *b)
{
  if (convoy_md_equal (a, b))
    return TRUE;
  ConvoyLayout x = convoy_md_layout (a), y = convoy_md_layout (b);
  return x.n == y.n && memcmp (x.dims, y.dims, x.n * sizeof *x.dims) == 0 && is_vector (a) && is_vector (b);
}

guint64
convoy_md_hash (const ConvoyMd *m)
{
  ConvoyLayout l = convoy_md_layout (m);
  guint64 h = 14695981039346656037ull;
  for (int i = 0; i < l.n; i++)
    h = ((h ^ (guint64) l.dims[i]) * 1099511628211ull ^ (guint64) l.stride[i]) * 1099511628211ull;
  for (int i = 0; i < l.blocks; i++)
    h = ((h ^ (guint64) l.block[i]) * 1099511628211ull ^ (guint64) l.block_of[i]) * 1099511628211ull;
  return h;
}

/* --- primitives ------------------------------------------------------ */

static const dnnl_alg_kind_t ew_alg[CONVOY_N_EW] = {
  dnnl_eltwise_relu, dnnl_eltwise_clip, dnnl_eltwise_linear, dnnl_eltwise_logistic, dnnl_eltwise_tanh, dnnl_eltwise_elu,
  dnnl_eltwise_abs, dnnl_eltwise_sqrt, dnnl_eltwise_square, dnnl_eltwise_exp, dnnl_eltwise_log, dnnl_eltwise_round,
  dnnl_eltwise_hardswish, dnnl_eltwise_soft_relu, dnnl_eltwise_mish, dnnl_eltwise_gelu_erf, dnnl_eltwise_gelu_tanh, dnnl_eltwise_swish
};
static const dnnl_alg_kind_t bin_alg[CONVOY_N_BIN] =
    { dnnl_binary_add, dnnl_binary_sub, dnnl_binary_mul, dnnl_binary_div, dnnl_binary_max, dnnl_binary_min };
static const dnnl_alg_kind_t pool_alg[] = {
  dnnl_pooling_max,
  V2 (dnnl_pooling_avg_exclude_padding, dnnl_pooling_avg_include_padding) V3 (dnnl_pooling_avg_exclude_padding, dnnl_pooling_avg_include_padding)
};

/* v3 gave hardswish and soft_relu parameters that v2 has built in. */
static void
ew_params (ConvoyEw k, float *a, float *b)
{
  (void) k, (void) a, (void) b;
  V3 (if (k == CONVOY_EW_HSWISH) *a = 1.0f / 6, *b = 0.5f;)
  V3 (if (k == CONVOY_EW_SOFTPLUS) *a = 1;)
}

static dnnl_primitive_attr_t
attr_new (const ConvoyDnnPosts *posts)
{
  dnnl_primitive_attr_t attr;
  dnnl_primitive_attr_create (&attr);
  dnnl_primitive_attr_set_scratchpad_mode (attr, dnnl_scratchpad_mode_user);
  if (posts == NULL || posts->n == 0)
    return attr;
  dnnl_post_ops_t ops;
  dnnl_post_ops_create (&ops);
  for (guint i = 0; i < posts->n; i++) {
    float a = posts->p[i].a, b = posts->p[i].b;
    dnnl_data_type_t bias = posts->p[i].bias ? dnnl_f32 : dnnl_data_type_undef;
    ew_params (posts->p[i].ew, &a, &b);
    switch (posts->p[i].kind) {
      case CONVOY_DP_EW:
        V3 (dnnl_post_ops_append_eltwise (ops, ew_alg[posts->p[i].ew], a, b);)
        V2 (dnnl_post_ops_append_eltwise (ops, 1, ew_alg[posts->p[i].ew], a, b);)
        break;
      case CONVOY_DP_SUM:
        V3 (dnnl_post_ops_append_sum (ops, 1, 0, dnnl_data_type_undef);)
        V2 (dnnl_post_ops_append_sum (ops, 1);)
        break;
      case CONVOY_DP_DEPTHWISE:
        V3 (dnnl_post_ops_append_dw (ops, dnnl_f32, bias, dnnl_f32, 3, posts->p[i].stride, 1);)
        V2 (dnnl_post_ops_append_dw (ops, dnnl_f32, bias, dnnl_f32, 3, posts->p[i].stride, 1, 0, 0, NULL);)
        break;
    }
  }
  dnnl_primitive_attr_set_post_ops (attr, ops);
  dnnl_post_ops_destroy (ops);
  return attr;
}

/* Takes pd and attr over; NULL and error if the primitive cannot be made. */
static ConvoyPrim *
prim_new (dnnl_status_t s, dnnl_primitive_desc_t pd, dnnl_primitive_attr_t attr, const char *what, GError **error)
{
  ConvoyPrim *p = NULL;
  dnnl_primitive_attr_destroy (attr);
  if (check (s, what, error)) {
    p = g_new0 (ConvoyPrim, 1);
    p->pd = pd;
    if (!check (dnnl_primitive_create (&p->prim, pd), what, error)) {
      convoy_prim_free (p);
      p = NULL;
    }
  }
  return p;
}

/* v2 makes a descriptor and then a primitive descriptor of it, v3 does both in one call. */
#define MAKE(what, posts, v2_desc, v2_init, v3_call) MAKE_AFTER (NULL, what, posts, v2_desc, v2_init, v3_call)
#define MAKE_AFTER(hint, what, posts, v2_desc, v2_init, v3_call) \
  dnnl_primitive_attr_t attr = attr_new (posts); \
  dnnl_primitive_desc_t pd = NULL; \
  dnnl_status_t status; \
  V2 (v2_desc d; status = v2_init; \
      if (status == dnnl_success) status = dnnl_primitive_desc_create (&pd, &d, attr, engine (), hint);) \
  V3 (status = v3_call;) \
  return prim_new (status, pd, attr, what, error)

/* oneDNN's dims are arrays of 12. */
typedef struct { dnnl_dims_t kernel, stride, dilation, before, after; } Win;

static Win
win (const ConvoyWindow *w)
{
  Win o = { 0 };
  for (guint i = 0; i < w->n; i++) {
    o.kernel[i] = w->kernel[i], o.stride[i] = w->stride[i], o.dilation[i] = w->dilation[i] - 1;
    o.before[i] = w->before[i], o.after[i] = w->after[i];
  }
  return o;
}

#define INFER dnnl_forward_inference

static ConvoyPrim *
conv (const ConvoyWindow *window, const ConvoyMd *src, const ConvoyMd *wei, const ConvoyMd *bias, const ConvoyMd *dst,
    const ConvoyDnnPosts *posts, GError **error)
{
  Win w = win (window);
  MAKE ("convolution", posts, dnnl_convolution_desc_t,
      dnnl_dilated_convolution_forward_desc_init (&d, INFER, dnnl_convolution_direct, M (src), M (wei), M0 (bias), M (dst),
          w.stride, w.dilation, w.before, w.after),
      dnnl_convolution_forward_primitive_desc_create (&pd, engine (), INFER, dnnl_convolution_direct, M (src), M (wei), M0 (bias), M (dst),
          w.stride, w.dilation, w.before, w.after, attr));
}

/* With a free choice of layout, oneDNN 3.7 divides by zero while it plans some 1x1 convolutions on
 * AVX-512 (512 to 1024 channels at 7x7, say), and so kills the process. Blocked layouts take other
 * code, which is as fast. Windows of more than 1x1 are blocked with them, to spare the reorders. */
static ConvoyMd *
settled (const ConvoyMd *m, gboolean one_by_one)
{
  (void) one_by_one;
#if DNNL_VERSION_MAJOR >= 3
  dnnl_format_kind_t kind;
  dnnl_dims_t *dims;
  int n;
  dnnl_memory_desc_query (m->md, dnnl_query_format_kind, &kind);
  dnnl_memory_desc_query (m->md, dnnl_query_ndims_s32, &n);
  dnnl_memory_desc_query (m->md, dnnl_query_dims, &dims);
  gboolean free_choice = kind == dnnl_format_kind_any && (dnnl_get_effective_cpu_isa () & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core
      && n >= 3 && n <= 5 && (one_by_one || (*dims)[1] % 16 == 0);
  if (free_choice) {
    ConvoyShape s = { (guint) n, { 0 } };
    for (int i = 0; i < n; i++)
      s.d[i] = (*dims)[i];
    return convoy_md_blocked (&s);
  }
#endif
  return convoy_md_dup (m);
}

ConvoyPrim *
convoy_dnn_conv (const ConvoyWindow *window, const ConvoyMd *src, const ConvoyMd *wei, const ConvoyMd *bias, const ConvoyMd *dst,
    const ConvoyDnnPosts *posts, GError **error)
{
  gboolean one_by_one = TRUE;
  for (guint i = 0; i < window->n; i++)
    one_by_one &= window->kernel[i] == 1;
  ConvoyMd *s = settled (src, one_by_one), *d = settled (dst, one_by_one);
  ConvoyPrim *p = conv (window, s, wei, bias, d, posts, error);
  if (p && !one_by_one && strstr (convoy_prim_impl (p), "ref")) {       /* only then: small pictures with large windows */
    convoy_prim_free (p);
    p = conv (window, src, wei, bias, dst, posts, error);
  }
  convoy_md_free (s);
  convoy_md_free (d);
  return p;
}

ConvoyPrim *
convoy_dnn_ip (const ConvoyMd *src, const ConvoyMd *wei, const ConvoyMd *bias, const ConvoyMd *dst, const ConvoyDnnPosts *posts, GError **error)
{
  MAKE ("inner product", posts, dnnl_inner_product_desc_t,
      dnnl_inner_product_forward_desc_init (&d, INFER, M (src), M (wei), M0 (bias), M (dst)),
      dnnl_inner_product_forward_primitive_desc_create (&pd, engine (), INFER, M (src), M (wei), M0 (bias), M (dst), attr));
}

ConvoyPrim *
convoy_dnn_matmul (const ConvoyMd *a, const ConvoyMd *b, const ConvoyMd *dst, const ConvoyDnnPosts *posts, GError **error)
{
  MAKE ("matmul", posts, dnnl_matmul_desc_t,
      dnnl_matmul_desc_init (&d, M (a), M (b), NULL, M (dst)),
      dnnl_matmul_primitive_desc_create (&pd, engine (), M (a), M (b), NULL, M (dst), attr));
}

ConvoyPrim *
convoy_dnn_eltwise (ConvoyEw k, float a, float b, const ConvoyMd *md, GError **error)
{
  ew_params (k, &a, &b);
  MAKE ("eltwise", NULL, dnnl_eltwise_desc_t,
      dnnl_eltwise_forward_desc_init (&d, INFER, ew_alg[k], M (md), a, b),
      dnnl_eltwise_forward_primitive_desc_create (&pd, engine (), INFER, ew_alg[k], M (md), M (md), a, b, attr));
}

ConvoyPrim *
convoy_dnn_binary (ConvoyBin k, const ConvoyMd *a, const ConvoyMd *b, const ConvoyMd *dst, const ConvoyDnnPosts *posts, GError **error)
{
  MAKE ("binary", posts, dnnl_binary_desc_t,
      dnnl_binary_desc_init (&d, bin_alg[k], M (a), M (b), M (dst)),
      dnnl_binary_primitive_desc_create (&pd, engine (), bin_alg[k], M (a), M (b), M (dst), attr));
}

ConvoyPrim *
convoy_dnn_pool (ConvoyPool k, const ConvoyWindow *window, const ConvoyMd *src, const ConvoyMd *dst, const ConvoyDnnPosts *posts, GError **error)
{
  Win w = win (window);
  MAKE ("pooling", posts, dnnl_pooling_v2_desc_t,
      dnnl_pooling_v2_forward_desc_init (&d, INFER, pool_alg[k], M (src), M (dst), w.stride, w.kernel, w.dilation, w.before, w.after),
      dnnl_pooling_forward_primitive_desc_create (&pd, engine (), INFER, pool_alg[k], M (src), M (dst), w.stride, w.kernel, w.dilation,
          w.before, w.after, attr));
}

ConvoyPrim *
convoy_dnn_softmax (gboolean log, const ConvoyMd *md, guint axis, GError **error)
{
  dnnl_alg_kind_t alg = log ? dnnl_softmax_log : dnnl_softmax_accurate;
  MAKE ("softmax", NULL, dnnl_softmax_v2_desc_t,
      dnnl_softmax_v2_forward_desc_init (&d, INFER, alg, M (md), M (md), (int) axis),
      dnnl_softmax_forward_primitive_desc_create (&pd, engine (), INFER, alg, M (md), M (md), (int) axis, attr));
}

ConvoyPrim *
convoy_dnn_batchnorm (const ConvoyMd *md, float epsilon, gboolean relu, GError **error)
{
  unsigned flags = dnnl_use_global_stats | dnnl_use_scale | dnnl_use_shift | (relu ? dnnl_fuse_norm_relu : 0);
  MAKE ("batch normalization", NULL, dnnl_batch_normalization_desc_t,
      dnnl_batch_normalization_forward_desc_init (&d, INFER, M (md), epsilon, flags),
      dnnl_batch_normalization_forward_primitive_desc_create (&pd, engine (), INFER, M (md), M (md), epsilon, flags, attr));
}

ConvoyPrim *
convoy_dnn_concat (guint axis, const ConvoyMd *const *src, guint n, const ConvoyMd *dst, GError **error)
{
  dnnl_primitive_attr_t attr = attr_new (NULL);
  dnnl_primitive_desc_t pd = NULL;
  g_autofree dnnl_memory_desc_t *list = g_new (dnnl_memory_desc_t, n);
  for (guint i = 0; i < n; i++)
    list[i] = src[i]->md;
  dnnl_status_t s;
  V2 (s = dnnl_concat_primitive_desc_create (&pd, M0 (dst), (int) n, (int) axis, list, attr, engine ());)
  V3 (s = dnnl_concat_primitive_desc_create (&pd, engine (), M0 (dst), (int) n, (int) axis, (const_dnnl_memory_desc_t const *) list, attr);)
  return prim_new (s, pd, attr, "concat", error);
}

ConvoyPrim *
convoy_dnn_conv_data (const ConvoyWindow *window, const ConvoyMd *dsrc, const ConvoyMd *wei, const ConvoyMd *ddst, const ConvoyPrim *forward, GError **error)
{
  Win w = win (window);
  MAKE_AFTER (forward->pd, "convolution backward, data", NULL, dnnl_convolution_desc_t,
      dnnl_dilated_convolution_backward_data_desc_init (&d, dnnl_convolution_direct, M (dsrc), M (wei), M (ddst), w.stride, w.dilation, w.before, w.after),
      dnnl_convolution_backward_data_primitive_desc_create (&pd, engine (), dnnl_convolution_direct, M (dsrc), M (wei), M (ddst),
          w.stride, w.dilation, w.before, w.after, forward->pd, attr));
}

ConvoyPrim *
convoy_dnn_conv_weights (const ConvoyWindow *window, const ConvoyMd *src, const ConvoyMd *dwei, const ConvoyMd *dbias, const ConvoyMd *ddst,
    const ConvoyPrim *forward, GError **error)
{
  Win w = win (window);
  MAKE_AFTER (forward->pd, "convolution backward, weights", NULL, dnnl_convolution_desc_t,
      dnnl_dilated_convolution_backward_weights_desc_init (&d, dnnl_convolution_direct, M (src), M (dwei), M0 (dbias), M (ddst),
          w.stride, w.dilation, w.before, w.after),
      dnnl_convolution_backward_weights_primitive_desc_create (&pd, engine (), dnnl_convolution_direct, M (src), M (dwei), M0 (dbias), M (ddst),
          w.stride, w.dilation, w.before, w.after, forward->pd, attr));
}

ConvoyPrim *
convoy_dnn_ip_data (const ConvoyMd *dsrc, const ConvoyMd *wei, const ConvoyMd *ddst, const ConvoyPrim *forward, GError **error)
{
  MAKE_AFTER (forward->pd, "inner product backward, data", NULL, dnnl_inner_product_desc_t,
      dnnl_inner_product_backward_data_desc_init (&d, M (dsrc), M (wei), M (ddst)),
      dnnl_inner_product_backward_data_primitive_desc_create (&pd, engine (), M (dsrc), M (wei), M (ddst), forward->pd, attr));
}

ConvoyPrim *
convoy_dnn_ip_weights (const ConvoyMd *src, const ConvoyMd *dwei, const ConvoyMd *dbias, const ConvoyMd *ddst, const ConvoyPrim *forward, GError **error)
{
  MAKE_AFTER (forward->pd, "inner product backward, weights", NULL, dnnl_inner_product_desc_t,
      dnnl_inner_product_backward_weights_desc_init (&d, M (src), M (dwei), M0 (dbias), M (ddst)),
      dnnl_inner_product_backward_weights_primitive_desc_create (&pd, engine (), M (src), M (dwei), M0 (dbias), M (ddst), forward->pd, attr));
}

ConvoyPrim *
convoy_dnn_pool_learning (ConvoyPool k, const ConvoyWindow *window, const ConvoyMd *src, const ConvoyMd *dst, GError **error)
{
  Win w = win (window);
  MAKE ("pooling", NULL, dnnl_pooling_v2_desc_t,
      dnnl_pooling_v2_forward_desc_init (&d, dnnl_forward_training, pool_alg[k], M (src), M (dst), w.stride, w.kernel, w.dilation, w.before, w.after),
      dnnl_pooling_forward_primitive_desc_create (&pd, engine (), dnnl_forward_training, pool_alg[k], M (src), M (dst), w.stride, w.kernel, w.dilation,
          w.before, w.after, attr));
}

ConvoyPrim *
convoy_dnn_pool_back (ConvoyPool k, const ConvoyWindow *window, const ConvoyMd *dsrc, const ConvoyMd *ddst, const ConvoyPrim *forward, GError **error)
{
  Win w = win (window);
  MAKE_AFTER (forward->pd, "pooling backward", NULL, dnnl_pooling_v2_desc_t,
      dnnl_pooling_v2_backward_desc_init (&d, pool_alg[k], M (dsrc), M (ddst), w.stride, w.kernel, w.dilation, w.before, w.after),
      dnnl_pooling_backward_primitive_desc_create (&pd, engine (), pool_alg[k], M (dsrc), M (ddst), w.stride, w.kernel, w.dilation,
          w.before, w.after, forward->pd, attr));
}

gboolean convoy_dnn_has_vnni (void) { return (dnnl_get_effective_cpu_isa () & dnnl_cpu_isa_avx512_core_vnni) == dnnl_cpu_isa_avx512_core_vnni; }
gboolean convoy_dnn_is_wide (void) { return (dnnl_get_effective_cpu_isa () & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core; }

ConvoyPrim *
convoy_dnn_reorder (const ConvoyMd *from, const ConvoyMd *to, GError **error)
{
  dnnl_primitive_attr_t attr = attr_new (NULL);
  dnnl_primitive_desc_t pd = NULL;
  dnnl_status_t s = dnnl_reorder_primitive_desc_create (&pd, M (from), engine (), M (to), engine (), attr);
  ConvoyPrim *p = prim_new (s, pd, attr, "reorder", error);
  ConvoyLayout f = convoy_md_layout (from), t = convoy_md_layout (to);
  if (p && DNNL_VERSION_MAJOR >= 3 && convoy_copy_is_misplaced (&f, &t))
    p->copy = convoy_copy_new (&f, &t, convoy_md_size (to));
  return p;
}

const ConvoyMd *
convoy_prim_md (ConvoyPrim *p, ConvoyArg which)
{
  if (p == NULL)
    return NULL;
  if (p->md[which] == NULL) {
    MdRef m = dnnl_primitive_desc_query_md (p->pd, args[which].query, args[which].index);
    if (m == NULL)
      return NULL;
    ConvoyMd *c = g_new0 (ConvoyMd, 1);
    V3 (dnnl_memory_desc_clone (&c->md, m);)
    V2 (c->md = *m;)
    p->md[which] = c;
  }
  return p->md[which];
}

const char *
convoy_prim_impl (const ConvoyPrim *p)
{
  const char *s = "?";
  dnnl_primitive_desc_query (p->pd, dnnl_query_impl_info_str, 0, &s);
  return s;
}

void
convoy_prim_free (ConvoyPrim *p)
{
  if (p == NULL)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (p->md); i++)
    convoy_md_free (p->md[i]);
  if (p->prim)
    dnnl_primitive_destroy (p->prim);
  dnnl_primitive_desc_destroy (p->pd);
  convoy_copy_free (p->copy);
  g_free (p);
}

/* --- execution ------------------------------------------------------- */

ConvoyMem *
convoy_mem_new (const ConvoyMd *md, void *data, GError **error)
{
  ConvoyMem *m = g_new0 (ConvoyMem, 1);
  if (check (dnnl_memory_create (&m->mem, M (md), engine (), data), "memory", error))
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
      c->arg[c->n++] = (dnnl_exec_arg_t) { arg[i] >= CONVOY_ARG_MULTI ? DNNL_ARG_MULTIPLE_SRC + (int) (arg[i] - CONVOY_ARG_MULTI) : args[arg[i]].arg, mem[i]->mem };
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
  return check (dnnl_primitive_execute (c->prim->prim, stream (), c->n, c->arg), "execute", error);
}
