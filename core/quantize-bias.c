/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * quantize-bias.c - the bias of a product that makes up for what rounding its weights takes from the mean of
 * what it gives (M. Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction",
 * ICCV 2019). Where all inputs are of one sign, as after a Relu, the errors of many weights do not cancel. */
#include "core/quantize.h"
#include <string.h>

/* n alone, from its input to its output, with other weights and without bias. */
static ConvoyExec *
alone (const ConvoyNode *n, const ConvoyTensor *x, ConvoyTensor *w, GError **error)
{
  const ConvoyPlanOptions o = { .threads = 1 };
  ConvoyGraph *g = convoy_graph_new (CONVOY_QUANTIZE_OPSET), *bound = NULL;
  const ConvoyValue in[2] = { convoy_graph_input (g, "x", CONVOY_F32, convoy_tensor_shape (x)), convoy_graph_param (g, "w", w) };
  ConvoyValue y = convoy_graph_node (g, n->op->name, "y", in, 2, NULL, 1, n->attrs ? convoy_attrs_ref (n->attrs) : NULL, error);
  if (y != CONVOY_NONE) {
    convoy_graph_output (g, y);
    bound = convoy_graph_bind (g, NULL, NULL, error);
  }
  ConvoyPlan *plan = bound ? convoy_plan_new (bound, &o, error) : NULL;
  ConvoyExec *exec = plan ? convoy_exec_new (plan, error) : NULL;
  convoy_plan_unref (plan);
  convoy_graph_unref (bound);
  convoy_graph_unref (g);
  return exec;
}

ConvoyTensor *
convoy_quantize_bias (const ConvoyNode *n, const ConvoyTensor *sum, guint samples, ConvoyTensor *lost, const ConvoyTensor *bias,
    gint64 channels, GError **error)
{
  ConvoyExec *exec = alone (n, sum, lost, error);
  ConvoyTensor *to = exec && convoy_exec_set (exec, 0, sum, error) && convoy_exec_run (exec, error)
      ? convoy_tensor_new (CONVOY_F32, &CONVOY_SHAPE (channels), error)
      : NULL;
  if (to) {
    const ConvoyTensor *y = convoy_exec_output (exec, 0);
    const ConvoyShape *s = convoy_tensor_shape (y);
    const float *from = convoy_tensor_data (y), *b = bias ? convoy_tensor_data (bias) : NULL;
    gint64 count = convoy_tensor_count (y), inner = 1; /* y: batch x channels x inner */
    for (guint i = 2; i < s->n; i++)
      inner *= s->d[i];
    g_autofree double *mean = g_new0 (double, channels);
    for (gint64 i = 0; i < count; i++)
      mean[i / inner % channels] += from[i];
    for (gint64 c = 0; c < channels; c++)
      ((float *) convoy_tensor_data (to))[c] = (b ? b[c] : 0) + mean[c] * channels / count / samples;
  }
  convoy_exec_free (exec);
  return to;
}
