/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * quantize.c - a network of bytes out of one of float32: samples show which range each value has and
 * its mean, then weights, biases and values get QuantizeLinear and DequantizeLinear before what is computed. */
#include "core/quantize.h"
#include <math.h>
#include <string.h>

#define MOST_BIAS (1 << 29) /* what is added to a bias later, see bytes-pack.c, has room beside it */

struct ConvoyQuantizer {
  ConvoyGraph *graph; /* float32, tidied */
  ConvoyQuantized q;
  ConvoyExec *exec; /* gives all values that become bytes */
  ConvoyPlan *plan;
  GArray *watched; /* ConvoyValue, of graph: those */
  ConvoyRange **range; /* of each */
  ConvoyTensor **sum; /* of all samples, of each that a product reads; else NULL */
  guint samples;
};

#define WATCHED(q, i) g_array_index ((q)->watched, ConvoyValue, i)

/* --- watching -------------------------------------------------------------- */

gboolean
convoy_graph_is_quantized (const ConvoyGraph *g)
{
  for (guint i = 0; i < g->nodes->len; i++)
    if (strstr (CONVOY_NODE (g, i)->op->name, "Quantize") || g_str_has_prefix (CONVOY_NODE (g, i)->op->name, "QLinear"))
      return TRUE;
  return FALSE;
}

static gboolean
check (const ConvoyGraph *g, GError **error)
{
  if (convoy_graph_is_quantized (g)) {
    g_set_error_literal (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED, "the network is quantized already");
    return FALSE;
  }
  if (g->inputs->len == 1)
    return TRUE;
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED, "a network of %u inputs, not one", g->inputs->len);
  return FALSE;
}

static gboolean
is_product (const ConvoyQuantizer *q, const ConvoyNode *n, guint i)
{
  return q->q.active[i] && convoy_quantize_axis (q->graph, n) >= 0;
}

/* Of value i of those that are watched, if a product reads it. */
static gboolean
sum_new (ConvoyQuantizer *q, guint i, const ConvoyShape *shape, GError **error)
{
  for (guint k = 0; k < q->graph->nodes->len && q->sum[i] == NULL; k++)
    if (is_product (q, CONVOY_NODE (q->graph, k), k) && CONVOY_NODE (q->graph, k)->in[0] == WATCHED (q, i)) {
      if ((q->sum[i] = convoy_tensor_new (CONVOY_F32, shape, error)) == NULL)
        return FALSE;
      memset (convoy_tensor_data (q->sum[i]), 0, convoy_tensor_count (q->sum[i]) * sizeof (float));
    }
  return TRUE;
}

/* The plan whose outputs are what becomes bytes. */
static gboolean
watch (ConvoyQuantizer *q, const ConvoyShape *input, guint threads, GError **error)
{
  const ConvoyPlanOptions o = { .threads = threads };
  for (ConvoyValue v = 0; v < q->graph->vals->len; v++)
    if (q->q.bytes[v])
      g_array_append_val (q->watched, v);
  if (q->watched->len == 0) {
    g_set_error_literal (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED,
        "nothing in it can be quantized: no convolution or matrix product with constant weights");
    return FALSE;
  }
  q->range = g_new0 (ConvoyRange *, q->watched->len);
  q->sum = g_new0 (ConvoyTensor *, q->watched->len);
  ConvoyGraph *bound = convoy_graph_bind_to (q->graph, input, (const ConvoyValue *) q->watched->data, q->watched->len, error);
  for (guint i = 0; bound && i < q->watched->len; i++) {
    ConvoyValue v = convoy_graph_get_output (bound, i);
    q->range[i] = convoy_range_new ();
    if (convoy_graph_type (bound, v) != CONVOY_F32) {
      g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED, "%s is %s, not float32", convoy_graph_name (bound, v),
          convoy_type_name (convoy_graph_type (bound, v)));
      g_clear_pointer (&bound, convoy_graph_unref);
    } else if (!sum_new (q, i, convoy_graph_shape (bound, v), error))
      g_clear_pointer (&bound, convoy_graph_unref);
  }
  q->plan = bound ? convoy_plan_new (bound, &o, error) : NULL;
  convoy_graph_unref (bound);
  return q->plan && (q->exec = convoy_exec_new (q->plan, error)) != NULL;
}

ConvoyQuantizer *
convoy_quantizer_new (const ConvoyGraph *g, const ConvoyShape *input, guint threads, GError **error)
{
  ConvoyGraph *tidy = check (g, error) ? convoy_quantize_tidy (g, input, error) : NULL;
  if (tidy == NULL)
    return NULL;
  ConvoyQuantizer *q = g_new0 (ConvoyQuantizer, 1);
  q->graph = tidy;
  q->q = convoy_quantize_find (tidy);
  q->watched = g_array_new (FALSE, FALSE, sizeof (ConvoyValue));
  if (!watch (q, input, threads, error))
    g_clear_pointer (&q, convoy_quantizer_free);
  return q;
}

void
convoy_quantizer_free (ConvoyQuantizer *q)
{
  if (q == NULL)
    return;
  for (guint i = 0; q->range && i < q->watched->len; i++) {
    convoy_range_free (q->range[i]);
    convoy_tensor_unref (q->sum[i]);
  }
  g_free (q->range);
  g_free (q->sum);
  g_array_unref (q->watched);
  convoy_exec_free (q->exec);
  convoy_plan_unref (q->plan);
  convoy_quantize_clear (&q->q);
  convoy_graph_unref (q->graph);
  g_free (q);
}

ConvoyView
convoy_quantizer_input (ConvoyQuantizer *q)
{
  return convoy_exec_input (q->exec, 0);
}

guint
convoy_quantizer_layers (const ConvoyQuantizer *q, guint *of)
{
  *of = q->q.of;
  return q->q.products;
}

gboolean
convoy_quantizer_observe (ConvoyQuantizer *q, GError **error)
{
  if (!convoy_exec_run (q->exec, error))
    return FALSE;
  for (guint i = 0; i < q->watched->len; i++) {
    const ConvoyTensor *t = convoy_exec_output (q->exec, i);
    const float *x = convoy_tensor_data (t);
    const gint64 n = convoy_tensor_count (t);
    if (!convoy_range_add (q->range[i], x, n)) {
      g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s is not finite", convoy_graph_name (q->graph, WATCHED (q, i)));
      return FALSE;
    }
    float *sum = q->sum[i] ? convoy_tensor_data (q->sum[i]) : NULL;
    for (gint64 k = 0; sum && k < n; k++)
      sum[k] += x[k];
  }
  q->samples++;
  return TRUE;
}

/* --- the graph of bytes ------------------------------------------------------- */

typedef struct {
  ConvoySplice s;
  const ConvoyQuantizer *q;
  gboolean per_tensor;
  float *low, *high; /* by value of the tidied graph, that which has the scale */
} Rewrite;

/* What was seen of each value that has a scale, and of those that share it. */
static void
find_ranges (Rewrite *r)
{
  const ConvoyQuantizer *q = r->q;
  for (guint i = 0; i < q->watched->len; i++) {
    ConvoyValue v = convoy_quantize_scale_of (&q->q, WATCHED (q, i));
    float low, high;
    convoy_range_find (q->range[i], &low, &high);
    r->low[v] = MIN (r->low[v], low);
    r->high[v] = MAX (r->high[v], high);
  }
}

/* x = (q - zero) * scale, where 0 is a whole q. */
static void
scale_of (const Rewrite *r, ConvoyValue v, float *scale, guint8 *zero)
{
  v = convoy_quantize_scale_of (&r->q->q, v);
  *scale = r->high[v] > r->low[v] ? (r->high[v] - r->low[v]) / G_MAXUINT8 : 1;
  *zero = (guint8) CLAMP (rintf (-r->low[v] / *scale), 0, G_MAXUINT8);
}

static ConvoyTensor *
scalar (ConvoyType type, const void *value, GError **error)
{
  const ConvoyShape none = { 0 };
  ConvoyTensor *t = convoy_tensor_new (type, &none, error);
  if (t)
    memcpy (convoy_tensor_data (t), value, convoy_type_size (type));
  return t;
}

/* QuantizeLinear and DequantizeLinear behind the copy of v, which is from now on what they give. */
static gboolean
to_bytes (Rewrite *r, ConvoyValue v, GError **error)
{
  float scale;
  guint8 zero;
  scale_of (r, v, &scale, &zero);
  ConvoyTensor *s = scalar (CONVOY_F32, &scale, error), *z = s ? scalar (CONVOY_U8, &zero, error) : NULL;
  ConvoyValue in[3] = { convoy_splice_value (&r->s, v), convoy_splice_constant (&r->s, v, "_scale", s),
    convoy_splice_constant (&r->s, v, "_zero", z) };
  if (z == NULL || (in[0] = convoy_splice_put (&r->s, "QuantizeLinear", v, "_bytes", in, 3, NULL, error)) == CONVOY_NONE)
    return FALSE;
  r->s.map[v] = convoy_splice_put (&r->s, "DequantizeLinear", v, "_floats", in, 3, NULL, error);
  return r->s.map[v] != CONVOY_NONE;
}

/* --- weights ------------------------------------------------------------------- */

/* The weights of a product as outer x channels x inner, and its bias. */
typedef struct {
  const ConvoyTensor *w, *bias; /* bias NULL: none that can be quantized */
  gboolean has_bias; /* from now on */
  gint64 outer, channels, inner, scales;
  float x_scale;
} Weights;

static Weights
weights_of (const Rewrite *r, const ConvoyNode *n)
{
  const ConvoyGraph *g = r->q->graph;
  guint8 zero;
  Weights k = { .w = convoy_graph_value (g, n->in[1]),
    .bias = n->n_in > 2 && n->in[2] != CONVOY_NONE ? convoy_graph_value (g, n->in[2]) : NULL,
    .outer = 1,
    .inner = 1 };
  const ConvoyShape *s = convoy_tensor_shape (k.w);
  guint axis = (guint) convoy_quantize_axis (g, n);
  k.channels = s->d[axis];
  for (guint i = 0; i < s->n; i++)
    *(i < axis ? &k.outer : &k.inner) *= i == axis ? 1 : s->d[i];
  k.scales = r->per_tensor ? 1 : k.channels;
  if (k.bias && convoy_tensor_count (k.bias) != k.channels)
    k.bias = NULL;
  k.has_bias = k.bias || (strcmp (n->op->name, "MatMul") != 0 && (n->n_in < 3 || n->in[2] == CONVOY_NONE));
  scale_of (r, n->in[0], &k.x_scale, &zero);
  return k;
}

/* The greatest weight becomes 127; a scale so small that the bias does not fit is raised. */
static void
find_scales (const Weights *k, float *scale)
{
  const float *w = convoy_tensor_data (k->w), *bias = k->bias ? convoy_tensor_data (k->bias) : NULL;
  for (gint64 i = 0; i < k->scales; i++)
    scale[i] = 0;
  for (gint64 o = 0; o < k->outer; o++)
    for (gint64 c = 0; c < k->channels; c++)
      for (gint64 i = 0; i < k->inner; i++) {
        float *s = &scale[k->scales > 1 ? c : 0], x = fabsf (w[(o * k->channels + c) * k->inner + i]) / G_MAXINT8;
        *s = MAX (*s, x);
      }
  for (gint64 c = 0; bias && c < k->channels; c++) {
    float *s = &scale[k->scales > 1 ? c : 0];
    *s = MAX (*s, fabsf (bias[c]) / k->x_scale / MOST_BIAS);
  }
  for (gint64 i = 0; i < k->scales; i++)
    scale[i] = scale[i] > 0 ? scale[i] : 1;
}

/* round (x / scale) of the scale of its channel; a channel has inner numbers in a row. */
static ConvoyTensor *
rounded (const ConvoyTensor *x, const ConvoyTensor *scale, gint64 inner, ConvoyType type, GError **error)
{
  const gint64 n = convoy_tensor_count (x), scales = convoy_tensor_count (scale);
  const ConvoyShape flat = CONVOY_SHAPE (n);
  const float *from = convoy_tensor_data (x), *s = convoy_tensor_data (scale);
  ConvoyTensor *t = convoy_tensor_new (type, type == CONVOY_I8 ? convoy_tensor_shape (x) : &flat, error);
  for (gint64 i = 0; t && i < n; i++) {
    double q = rint ((double) from[i] / s[i / inner % scales]);
    if (type == CONVOY_I8)
      ((gint8 *) convoy_tensor_data (t))[i] = (gint8) CLAMP (q, -G_MAXINT8, G_MAXINT8);
    else
      ((gint32 *) convoy_tensor_data (t))[i] = (gint32) CLAMP (q, -MOST_BIAS, MOST_BIAS);
  }
  return t;
}

static ConvoyTensor *
scales_new (const Rewrite *r, const Weights *k, GError **error)
{
  const ConvoyShape shape = r->per_tensor ? (ConvoyShape) { 0 } : CONVOY_SHAPE (k->scales);
  return convoy_tensor_new (CONVOY_F32, &shape, error);
}

/* What rounding took from the weights. */
static ConvoyTensor *
lost_of (const Weights *k, const ConvoyTensor *bytes, const ConvoyTensor *scale, GError **error)
{
  ConvoyTensor *t = convoy_tensor_new (CONVOY_F32, convoy_tensor_shape (k->w), error);
  const float *w = convoy_tensor_data (k->w), *s = convoy_tensor_data (scale);
  const gint8 *q = convoy_tensor_data (bytes);
  for (gint64 i = 0; t && i < convoy_tensor_count (t); i++)
    ((float *) convoy_tensor_data (t))[i] = w[i] - q[i] * s[i / k->inner % k->scales];
  return t;
}

/* DequantizeLinear of these integers, called as v; CONVOY_NONE: error. */
static ConvoyValue
constant (Rewrite *r, ConvoyValue v, ConvoyTensor *bytes, ConvoyTensor *scale, gint axis, GError **error)
{
  const ConvoyType type = convoy_tensor_type (bytes);
  ConvoyTensor *zero = convoy_tensor_new (type, convoy_tensor_shape (scale), error);
  if (zero == NULL)
    return CONVOY_NONE;
  memset (convoy_tensor_data (zero), 0, convoy_tensor_count (zero) * convoy_type_size (type));
  const ConvoyValue in[3] = { convoy_splice_constant (&r->s, v, "_bytes", convoy_tensor_ref (bytes)),
    convoy_splice_constant (&r->s, v, "_scale", convoy_tensor_ref (scale)), convoy_splice_constant (&r->s, v, "_zero", zero) };
  ConvoyAttrs *attrs = convoy_attrs_new ();
  convoy_attrs_set_int (attrs, "axis", axis);
  return convoy_splice_put (&r->s, "DequantizeLinear", v, "_floats", in, 3, attrs, error);
}

/* The bias of n, whose weights are now w at this scale, and that of its input. */
static ConvoyValue
bias_of (Rewrite *r, const ConvoyNode *n, const Weights *k, const ConvoyTensor *w, const ConvoyTensor *scale, GError **error)
{
  guint at = 0;
  while (WATCHED (r->q, at) != n->in[0])
    at++;
  g_autoptr (ConvoyTensor) lost = lost_of (k, w, scale, error), both = lost ? scales_new (r, k, error) : NULL;
  g_autoptr (ConvoyTensor) bias = both ? convoy_quantize_bias (n, r->q->sum[at], r->q->samples, lost, k->bias, k->channels, error)
                                       : NULL;
  if (bias == NULL)
    return CONVOY_NONE;
  for (gint64 i = 0; i < k->scales; i++)
    ((float *) convoy_tensor_data (both))[i] = ((const float *) convoy_tensor_data (scale))[i] * k->x_scale;
  g_autoptr (ConvoyTensor) bytes = rounded (bias, both, 1, CONVOY_I32, error);
  return bytes ? constant (r, k->bias ? n->in[2] : n->in[1], bytes, both, 0, error) : CONVOY_NONE;
}

static gboolean
product (Rewrite *r, const ConvoyNode *n, GError **error)
{
  Weights k = weights_of (r, n);
  g_autoptr (ConvoyTensor) scale = scales_new (r, &k, error);
  if (scale == NULL)
    return FALSE;
  find_scales (&k, convoy_tensor_data (scale));
  g_autoptr (ConvoyTensor) bytes = rounded (k.w, scale, k.inner, CONVOY_I8, error);
  ConvoyValue in[3] = { convoy_splice_value (&r->s, n->in[0]), CONVOY_NONE, CONVOY_NONE };
  if (bytes == NULL || (in[1] = constant (r, n->in[1], bytes, scale, convoy_quantize_axis (r->q->graph, n), error)) == CONVOY_NONE)
    return FALSE;
  if (k.has_bias && (in[2] = bias_of (r, n, &k, bytes, scale, error)) == CONVOY_NONE)
    return FALSE;
  if (!k.has_bias && n->n_in > 2)
    in[2] = convoy_splice_value (&r->s, n->in[2]);
  r->s.map[n->out] = convoy_splice_put (&r->s, n->op->name, n->out, "", in, k.has_bias ? 3 : n->n_in,
      n->attrs ? convoy_attrs_ref (n->attrs) : NULL, error);
  return r->s.map[n->out] != CONVOY_NONE;
}

/* --- the whole ------------------------------------------------------------------ */

static gboolean
rewrite (Rewrite *r, GError **error)
{
  const ConvoyGraph *g = r->q->graph;
  ConvoyValue x = convoy_graph_get_input (g, 0);
  r->s.map[x] = convoy_graph_input (r->s.to, convoy_graph_name (g, x), convoy_graph_type (g, x), convoy_graph_input_shape (g, 0));
  gboolean ok = !r->q->q.bytes[x] || to_bytes (r, x, error);
  for (guint i = 0; ok && i < g->nodes->len; i++) {
    const ConvoyNode *n = CONVOY_NODE (g, i);
    ok = is_product (r->q, n, i) ? product (r, n, error) : convoy_splice_node (&r->s, n, error);
    ok = ok && (!r->q->q.bytes[n->out] || to_bytes (r, n->out, error));
  }
  for (guint i = 0; ok && i < g->outputs->len; i++)
    convoy_graph_output (r->s.to, convoy_splice_value (&r->s, convoy_graph_get_output (g, i)));
  return ok;
}

ConvoyGraph *
convoy_quantizer_finish (const ConvoyQuantizer *q, gboolean per_tensor, GError **error)
{
  if (q->samples == 0) {
    g_set_error_literal (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "no sample was observed");
    return NULL;
  }
  guint values = q->graph->vals->len + 1;
  Rewrite r = { .s = convoy_splice_new (q->graph, convoy_graph_new (q->graph->opset)),
    .q = q,
    .per_tensor = per_tensor,
    .low = g_new0 (float, values),
    .high = g_new0 (float, values) };
  find_ranges (&r);
  if (!rewrite (&r, error))
    g_clear_pointer (&r.s.to, convoy_graph_unref);
  g_free (r.s.map);
  g_free (r.low);
  g_free (r.high);
  return r.s.to;
}
