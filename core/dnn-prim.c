/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * dnn-prim.c - primitives of oneDNN, forward and back. */
#include "core/dnn-inside.h"
#include <string.h>
#if defined __x86_64__ && defined __linux__
#include <sys/syscall.h>
#include <unistd.h>

#define REQUEST_FEATURE 0x1023 /* ARCH_REQ_XCOMP_PERM, which older systems have no header for, */
#define TILE_DATA 18 /* and XFEATURE_XTILEDATA */
#endif

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
  if (convoy_dnn_check (s, what, error)) {
    p = g_new0 (ConvoyPrim, 1);
    p->pd = pd;
    if (!convoy_dnn_check (dnnl_primitive_create (&p->prim, pd), what, error)) {
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
      if (status == dnnl_success) status = dnnl_primitive_desc_create (&pd, &d, attr, convoy_dnn_engine (), hint);) \
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
      dnnl_convolution_forward_primitive_desc_create (&pd, convoy_dnn_engine (), INFER, dnnl_convolution_direct, M (src), M (wei), M0 (bias), M (dst),
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

#if DNNL_VERSION_MAJOR >= 3
ConvoyPrim *
convoy_dnn_conv_winograd (guint square, const ConvoyWindow *window, const ConvoyMd *src, const ConvoyMd *wei, const ConvoyMd *bias,
    const ConvoyMd *dst, const ConvoyDnnPosts *posts)
{
  (void) square, (void) window, (void) src, (void) wei, (void) bias, (void) dst, (void) posts;
  return NULL;
}
#else
ConvoyPrim *
convoy_dnn_conv_winograd (guint square, const ConvoyWindow *window, const ConvoyMd *src, const ConvoyMd *wei, const ConvoyMd *bias,
    const ConvoyMd *dst, const ConvoyDnnPosts *posts)
{
  Win w = win (window);
  dnnl_convolution_desc_t d;
  dnnl_primitive_desc_iterator_t way = NULL;
  dnnl_primitive_attr_t attr = attr_new (posts);
  ConvoyPrim *p = NULL;
  dnnl_status_t s = dnnl_dilated_convolution_forward_desc_init (&d, INFER, dnnl_convolution_winograd, M (src), M (wei), M0 (bias),
      M (dst), w.stride, w.dilation, w.before, w.after);
  if (s == dnnl_success)
    s = dnnl_primitive_desc_iterator_create (&way, &d, attr, convoy_dnn_engine (), NULL);
  for (; p == NULL && s == dnnl_success; s = dnnl_primitive_desc_iterator_next (way)) {
    dnnl_primitive_desc_t pd = dnnl_primitive_desc_iterator_fetch (way);
    const char *name = "";
    dnnl_primitive_desc_query (pd, dnnl_query_impl_info_str, 0, &name);
    if (strstr (name, square == 2 ? "wino_2x3" : "wino_4x3"))
      p = prim_new (dnnl_success, pd, NULL, "convolution", NULL);
    else
      dnnl_primitive_desc_destroy (pd);
  }
  dnnl_primitive_desc_iterator_destroy (way);
  dnnl_primitive_attr_destroy (attr);
  return p;
}
#endif

ConvoyPrim *
convoy_dnn_ip (const ConvoyMd *src, const ConvoyMd *wei, const ConvoyMd *bias, const ConvoyMd *dst, const ConvoyDnnPosts *posts, GError **error)
{
  MAKE ("inner product", posts, dnnl_inner_product_desc_t,
      dnnl_inner_product_forward_desc_init (&d, INFER, M (src), M (wei), M0 (bias), M (dst)),
      dnnl_inner_product_forward_primitive_desc_create (&pd, convoy_dnn_engine (), INFER, M (src), M (wei), M0 (bias), M (dst), attr));
}

ConvoyPrim *
convoy_dnn_matmul (const ConvoyMd *a, const ConvoyMd *b, const ConvoyMd *dst, const ConvoyDnnPosts *posts, GError **error)
{
  MAKE ("matmul", posts, dnnl_matmul_desc_t,
      dnnl_matmul_desc_init (&d, M (a), M (b), NULL, M (dst)),
      dnnl_matmul_primitive_desc_create (&pd, convoy_dnn_engine (), M (a), M (b), NULL, M (dst), attr));
}

ConvoyPrim *
convoy_dnn_eltwise (ConvoyEw k, float a, float b, const ConvoyMd *md, GError **error)
{
  ew_params (k, &a, &b);
  MAKE ("eltwise", NULL, dnnl_eltwise_desc_t,
      dnnl_eltwise_forward_desc_init (&d, INFER, ew_alg[k], M (md), a, b),
      dnnl_eltwise_forward_primitive_desc_create (&pd, convoy_dnn_engine (), INFER, ew_alg[k], M (md), M (md), a, b, attr));
}

ConvoyPrim *
convoy_dnn_binary (ConvoyBin k, const ConvoyMd *a, const ConvoyMd *b, const ConvoyMd *dst, const ConvoyDnnPosts *posts, GError **error)
{
  MAKE ("binary", posts, dnnl_binary_desc_t,
      dnnl_binary_desc_init (&d, bin_alg[k], M (a), M (b), M (dst)),
      dnnl_binary_primitive_desc_create (&pd, convoy_dnn_engine (), bin_alg[k], M (a), M (b), M (dst), attr));
}

static ConvoyPrim *
pool (dnnl_prop_kind_t prop, ConvoyPool k, const ConvoyWindow *window, const ConvoyMd *src, const ConvoyMd *dst, const ConvoyDnnPosts *posts, GError **error)
{
  Win w = win (window);
  MAKE ("pooling", posts, dnnl_pooling_v2_desc_t,
      dnnl_pooling_v2_forward_desc_init (&d, prop, pool_alg[k], M (src), M (dst), w.stride, w.kernel, w.dilation, w.before, w.after),
      dnnl_pooling_forward_primitive_desc_create (&pd, convoy_dnn_engine (), prop, pool_alg[k], M (src), M (dst), w.stride, w.kernel, w.dilation,
          w.before, w.after, attr));
}

ConvoyPrim *
convoy_dnn_pool (ConvoyPool k, const ConvoyWindow *window, const ConvoyMd *src, const ConvoyMd *dst, const ConvoyDnnPosts *posts, GError **error)
{
  return pool (INFER, k, window, src, dst, posts, error);
}

ConvoyPrim *
convoy_dnn_batchnorm (const ConvoyMd *md, float epsilon, gboolean relu, GError **error)
{
  unsigned flags = dnnl_use_global_stats | dnnl_use_scale | dnnl_use_shift | (relu ? dnnl_fuse_norm_relu : 0);
  MAKE ("batch normalization", NULL, dnnl_batch_normalization_desc_t,
      dnnl_batch_normalization_forward_desc_init (&d, INFER, M (md), epsilon, flags),
      dnnl_batch_normalization_forward_primitive_desc_create (&pd, convoy_dnn_engine (), INFER, M (md), M (md), epsilon, flags, attr));
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
  V2 (s = dnnl_concat_primitive_desc_create (&pd, M0 (dst), (int) n, (int) axis, list, attr, convoy_dnn_engine ());)
  V3 (s = dnnl_concat_primitive_desc_create (&pd, convoy_dnn_engine (), M0 (dst), (int) n, (int) axis, (const_dnnl_memory_desc_t const *) list, attr);)
  return prim_new (s, pd, attr, "concat", error);
}

ConvoyPrim *
convoy_dnn_conv_data (const ConvoyWindow *window, const ConvoyMd *dsrc, const ConvoyMd *wei, const ConvoyMd *ddst, const ConvoyPrim *forward, GError **error)
{
  Win w = win (window);
  MAKE_AFTER (forward->pd, "convolution backward, data", NULL, dnnl_convolution_desc_t,
      dnnl_dilated_convolution_backward_data_desc_init (&d, dnnl_convolution_direct, M (dsrc), M (wei), M (ddst), w.stride, w.dilation, w.before, w.after),
      dnnl_convolution_backward_data_primitive_desc_create (&pd, convoy_dnn_engine (), dnnl_convolution_direct, M (dsrc), M (wei), M (ddst),
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
      dnnl_convolution_backward_weights_primitive_desc_create (&pd, convoy_dnn_engine (), dnnl_convolution_direct, M (src), M (dwei), M0 (dbias), M (ddst),
          w.stride, w.dilation, w.before, w.after, forward->pd, attr));
}

ConvoyPrim *
convoy_dnn_ip_data (const ConvoyMd *dsrc, const ConvoyMd *wei, const ConvoyMd *ddst, const ConvoyPrim *forward, GError **error)
{
  MAKE_AFTER (forward->pd, "inner product backward, data", NULL, dnnl_inner_product_desc_t,
      dnnl_inner_product_backward_data_desc_init (&d, M (dsrc), M (wei), M (ddst)),
      dnnl_inner_product_backward_data_primitive_desc_create (&pd, convoy_dnn_engine (), M (dsrc), M (wei), M (ddst), forward->pd, attr));
}

ConvoyPrim *
convoy_dnn_ip_weights (const ConvoyMd *src, const ConvoyMd *dwei, const ConvoyMd *dbias, const ConvoyMd *ddst, const ConvoyPrim *forward, GError **error)
{
  MAKE_AFTER (forward->pd, "inner product backward, weights", NULL, dnnl_inner_product_desc_t,
      dnnl_inner_product_backward_weights_desc_init (&d, M (src), M (dwei), M0 (dbias), M (ddst)),
      dnnl_inner_product_backward_weights_primitive_desc_create (&pd, convoy_dnn_engine (), M (src), M (dwei), M0 (dbias), M (ddst), forward->pd, attr));
}

ConvoyPrim *
convoy_dnn_pool_learning (ConvoyPool k, const ConvoyWindow *window, const ConvoyMd *src, const ConvoyMd *dst, GError **error)
{
  return pool (dnnl_forward_training, k, window, src, dst, NULL, error);
}

ConvoyPrim *
convoy_dnn_pool_back (ConvoyPool k, const ConvoyWindow *window, const ConvoyMd *dsrc, const ConvoyMd *ddst, const ConvoyPrim *forward, GError **error)
{
  Win w = win (window);
  MAKE_AFTER (forward->pd, "pooling backward", NULL, dnnl_pooling_v2_desc_t,
      dnnl_pooling_v2_backward_desc_init (&d, pool_alg[k], M (dsrc), M (ddst), w.stride, w.kernel, w.dilation, w.before, w.after),
      dnnl_pooling_backward_primitive_desc_create (&pd, convoy_dnn_engine (), pool_alg[k], M (dsrc), M (ddst), w.stride, w.kernel, w.dilation,
          w.before, w.after, forward->pd, attr));
}

gboolean convoy_dnn_has_vnni (void) { return (dnnl_get_effective_cpu_isa () & dnnl_cpu_isa_avx512_core_vnni) == dnnl_cpu_isa_avx512_core_vnni; }

gboolean
convoy_dnn_has_tiles (void)
{
#if defined __x86_64__ && defined __linux__
  const unsigned amx = dnnl_cpu_isa_avx512_core_amx;
  return (dnnl_get_effective_cpu_isa () & amx) == amx && syscall (SYS_arch_prctl, REQUEST_FEATURE, TILE_DATA) == 0;
#else
  return FALSE;
#endif
}

gboolean convoy_dnn_is_wide (void) { return (dnnl_get_effective_cpu_isa () & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core; }

ConvoyPrim *
convoy_dnn_reorder (const ConvoyMd *from, const ConvoyMd *to, GError **error)
{
  dnnl_primitive_attr_t attr = attr_new (NULL);
  dnnl_primitive_desc_t pd = NULL;
  dnnl_status_t s = dnnl_reorder_primitive_desc_create (&pd, M (from), convoy_dnn_engine (), M (to), convoy_dnn_engine (), attr);
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
    MdRef m = dnnl_primitive_desc_query_md (p->pd, convoy_dnn_args[which].query, convoy_dnn_args[which].index);
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
