/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * net-window.c - layers in which a window slides: convolutions and poolings, over one or two dimensions. */
#include "core/graph.h"
#include "core/net.h"

#define MAX_WINDOW 2            /* spatial dimensions */

typedef struct {
  guint n;
  gint64 kernel[MAX_WINDOW], stride[MAX_WINDOW], dilation[MAX_WINDOW], before[MAX_WINDOW], after[MAX_WINDOW];
  gboolean by_size;             /* padding "same" that depends on the input's size: ONNX's SAME_UPPER */
} Window;

/* "5", "3x5" */
static char *
sizes_str (const gint64 *v, guint n)
{
  ConvoyShape s = { n, { 0 } };
  for (guint i = 0; i < n; i++)
    s.d[i] = v[i];
  return convoy_shape_str (&s);
}

static gboolean
refuse_kernel (const ConvoyNetLayer *l, const Window *w, GError **error)
{
  g_autofree char *kernel = sizes_str (w->kernel, w->n), *input = convoy_net_sample (&l->shape), *pads = sizes_str (w->before, w->n);
  g_autofree char *dilation = sizes_str (w->dilation, w->n);
  gboolean dilated = FALSE, padded = FALSE;
  for (guint i = 0; i < w->n; i++)
    dilated |= w->dilation[i] > 1, padded |= w->before[i] > 0;
  return convoy_net_fail (l, error, CONVOY_ERROR_SHAPE, "kernel %s%s%s is larger than its input %s%s%s", kernel, dilated ? " with dilation " : "",
      dilated ? dilation : "", input, padded ? " with padding " : "", padded ? pads : "");
}

static gboolean
refuse_stride (const ConvoyNetLayer *l, const Window *w, GError **error)
{
  g_autofree char *stride = sizes_str (w->stride, w->n), *input = convoy_net_sample (&l->shape), *kernel = sizes_str (w->kernel, w->n);
  return convoy_net_fail (l, error, CONVOY_ERROR_SHAPE, "stride %s leaves nothing of its input %s but one window of %s", stride, input, kernel);
}

/* Padding as Keras has it: "same" gives ceil (size / stride) positions, the odd one of padding at the end. */
static gboolean
set_padding (const ConvoyNetLayer *l, Window *w, GError **error)
{
  const char *mode = convoy_net_text (l, "padding");
  gboolean same = g_str_equal (mode, "same");
  if (!same && !g_str_equal (mode, "valid")) {
    if (!convoy_net_sizes (l, "padding", w->n, w->before, error))
      return FALSE;
    for (guint i = 0; i < w->n; i++)
      w->after[i] = w->before[i];
  }
  for (guint i = 0; same && i < w->n; i++) {
    gint64 size = l->shape.d[2 + i], extent = (w->kernel[i] - 1) * w->dilation[i] + 1, count = (size - 1) / w->stride[i] + 1;
    gint64 total = MAX ((count - 1) * w->stride[i] + extent - size, 0);
    w->before[i] = total / 2;
    w->after[i] = total - total / 2;
    w->by_size |= w->stride[i] > 1;
  }
  return TRUE;
}

/* The window of option key (kernel or pool); stride and dilation as far as the word has them. */
static gboolean
window (const ConvoyNetLayer *l, const char *key, Window *w, GError **error)
{
  *w = (Window) { .n = l->shape.n - 2 };
  const ConvoyNetOption *stride = convoy_net_option (l, "stride");
  if (!convoy_net_sizes (l, key, w->n, w->kernel, error) || !convoy_net_sizes (l, stride->n ? "stride" : key, w->n, w->stride, error))
    return FALSE;
  for (guint i = 0; i < w->n; i++)
    w->dilation[i] = 1;
  if ((convoy_net_option (l, "dilation") && !convoy_net_sizes (l, "dilation", w->n, w->dilation, error)) || !set_padding (l, w, error))
    return FALSE;
  for (guint i = 0; i < w->n; i++) {
    gint64 size = l->shape.d[2 + i], padded = size + w->before[i] + w->after[i], extent;
    if (__builtin_mul_overflow (w->kernel[i] - 1, w->dilation[i], &extent) || extent >= padded)
      return refuse_kernel (l, w, error);
    if (w->stride[i] > padded && extent + 1 < size)
      return refuse_stride (l, w, error);
  }
  return TRUE;
}

static ConvoyAttrs *
window_attrs (const Window *w)
{
  ConvoyAttrs *a = convoy_attrs_new ();
  gint64 pads[2 * MAX_WINDOW];
  for (guint i = 0; i < w->n; i++)
    pads[i] = w->before[i], pads[w->n + i] = w->after[i];
  convoy_attrs_set_ints (a, "kernel_shape", w->kernel, w->n);
  convoy_attrs_set_ints (a, "strides", w->stride, w->n);
  if (w->by_size)
    convoy_attrs_set_string (a, "auto_pad", "SAME_UPPER");
  else
    convoy_attrs_set_ints (a, "pads", pads, 2 * w->n);
  return a;
}

/* --- convolutions ----------------------------------------------------- */

typedef struct {
  const char *what;             /* its weight is LAYER/what */
  const char *suffix;           /* its node LAYER/suffix; NULL: LAYER */
  gint64 filters, groups;
  gboolean depthwise;           /* Keras counts the fans of such a kernel over all channels in, multiplier out */
  gboolean ends;                /* the layer's last one: it has the bias and the activation */
} Kernel;

/* One Conv, with weights O x C/groups x kernel. */
static ConvoyValue
conv (ConvoyNetLayer *l, ConvoyValue x, const Kernel *k, const Window *w, GError **error)
{
  gint64 channels = convoy_graph_shape (l->graph, x)->d[1], field = 1;
  ConvoyShape s = { 2 + w->n, { k->filters, channels / k->groups } }, bias = CONVOY_SHAPE (k->filters);
  gboolean has_bias = k->ends && convoy_net_bool (l, "use-bias");
  for (guint i = 0; i < w->n; i++)
    field *= s.d[2 + i] = w->kernel[i];
  ConvoyNetFans fans = { (k->depthwise ? channels : s.d[1]) * field, (k->depthwise ? k->filters / channels : k->filters) * field };
  ConvoyValue in[3] = { x, convoy_net_weight (l, k->what, &s, convoy_net_text (l, "init"), fans, error) };
  if (in[1] == CONVOY_NONE)
    return CONVOY_NONE;
  fans = (ConvoyNetFans) { k->filters, k->filters };
  if (has_bias && (in[2] = convoy_net_weight (l, "bias", &bias, convoy_net_text (l, "bias-init"), fans, error)) == CONVOY_NONE)
    return CONVOY_NONE;
  ConvoyAttrs *a = window_attrs (w);
  convoy_attrs_set_ints (a, "dilations", w->dilation, w->n);
  convoy_attrs_set_int (a, "group", k->groups);
  x = convoy_net_emit (l, "Conv", k->suffix, in, has_bias ? 3 : 2, a, k->ends && convoy_net_is_linear (l), error);
  return k->ends && x != CONVOY_NONE ? convoy_net_activate (l, x, error) : x;
}

ConvoyValue
convoy_net_conv (ConvoyNetLayer *l, GError **error)
{
  Kernel k = { .what = "kernel", .filters = convoy_net_int (l, "filters"), .groups = convoy_net_int (l, "groups"), .ends = TRUE };
  Window w;
  if (l->shape.d[1] % k.groups || k.filters % k.groups) {
    g_autofree char *s = convoy_net_sample (&l->shape);
    convoy_net_fail (l, error, CONVOY_ERROR_SHAPE, "groups=%" G_GINT64_FORMAT " does not divide the %" G_GINT64_FORMAT " channels of its input %s and its %"
        G_GINT64_FORMAT " filters", k.groups, l->shape.d[1], s, k.filters);
    return CONVOY_NONE;
  }
  return window (l, "kernel", &w, error) ? conv (l, l->in[0].v, &k, &w, error) : CONVOY_NONE;
}

/* Each channel on its own, multiplier filters a channel. */
static gboolean
depthwise (const ConvoyNetLayer *l, Kernel *k, GError **error)
{
  k->groups = l->shape.d[1];
  k->depthwise = TRUE;
  if (!__builtin_mul_overflow (l->shape.d[1], convoy_net_int (l, "multiplier"), &k->filters))
    return TRUE;
  return convoy_net_fail (l, error, CONVOY_ERROR_SHAPE, "multiplier=%s is too large", convoy_net_text (l, "multiplier"));
}

ConvoyValue
convoy_net_depthwise (ConvoyNetLayer *l, GError **error)
{
  Kernel k = { .what = "kernel", .ends = TRUE };
  Window w;
  return depthwise (l, &k, error) && window (l, "kernel", &w, error) ? conv (l, l->in[0].v, &k, &w, error) : CONVOY_NONE;
}

ConvoyValue
convoy_net_separable (ConvoyNetLayer *l, GError **error)
{
  static const Window one = { 0, { 1, 1 }, { 1, 1 }, { 1, 1 }, { 0, 0 }, { 0, 0 }, FALSE };
  Kernel k = { .what = "depthwise_kernel", .suffix = "depthwise" };
  Kernel point = { .what = "pointwise_kernel", .filters = convoy_net_int (l, "filters"), .groups = 1, .ends = TRUE };
  Window w, pw = one;
  if (!depthwise (l, &k, error) || !window (l, "kernel", &w, error))
    return CONVOY_NONE;
  pw.n = w.n;
  ConvoyValue x = conv (l, l->in[0].v, &k, &w, error);
  return x == CONVOY_NONE ? x : conv (l, x, &point, &pw, error);
}

/* --- poolings --------------------------------------------------------- */

ConvoyValue
convoy_net_pool (ConvoyNetLayer *l, GError **error)
{
  Window w;
  if (!window (l, "pool", &w, error))
    return CONVOY_NONE;
  ConvoyAttrs *a = window_attrs (&w);
  if (g_str_equal (l->word->op, "LpPool"))
    convoy_attrs_set_int (a, "p", l->word->word[1] - '0');      /* l1pool, l2pool */
  return convoy_net_emit (l, l->word->op, NULL, &l->in[0].v, 1, a, TRUE, error);
}

/* NxCx... -> NxC, or NxCx1... */
ConvoyValue
convoy_net_global_pool (ConvoyNetLayer *l, GError **error)
{
  gboolean keep = convoy_net_bool (l, "keepdims");
  ConvoyValue v = convoy_net_emit (l, l->word->op, NULL, &l->in[0].v, 1, NULL, keep, error);
  return keep || v == CONVOY_NONE ? v : convoy_net_emit (l, "Flatten", "flatten", &v, 1, NULL, TRUE, error);
}

/* Zeros around the spatial dimensions. The amounts were an attribute before operator set 11. */
ConvoyValue
convoy_net_pad (ConvoyNetLayer *l, GError **error)
{
  gint64 pads[2 * CONVOY_MAX_DIMS] = { 0 };
  guint rank = l->shape.n;
  static const char *const sides[2] = { "before", "after" };
  if (convoy_net_option (l, "padding")->n == 0) {
    convoy_net_fail (l, error, CONVOY_ERROR_INVALID, "padding=%s is not sizes such as 1 or 1x2", convoy_net_text (l, "padding"));
    return CONVOY_NONE;
  }
  for (guint i = 0; i < 2; i++)
    if (!convoy_net_sizes (l, convoy_net_option (l, sides[i])->n ? sides[i] : "padding", rank - 2, pads + i * rank + 2, error))
      return CONVOY_NONE;
  if (l->graph->opset < 11) {
    ConvoyAttrs *a = convoy_attrs_new ();
    convoy_attrs_set_ints (a, "pads", pads, 2 * rank);
    return convoy_net_emit (l, "Pad", NULL, &l->in[0].v, 1, a, TRUE, error);
  }
  ConvoyValue in[2] = { l->in[0].v, convoy_net_const_ints (l, "pads", pads, 2 * rank, error) };
  return in[1] == CONVOY_NONE ? in[1] : convoy_net_emit (l, "Pad", NULL, in, 2, NULL, TRUE, error);
}
