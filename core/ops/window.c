/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * window.c - the geometry of a sliding window (ONNX Conv 11, MaxPool 12, AveragePool 19). */
#include "core/ops/window.h"
#include <string.h>

#define MAX_EXTENT ((gint64) 1 << 30)

gboolean
convoy_window_ints (const ConvoyNode *n, const char *key, gsize want, gint64 min, gint64 dflt, gint64 *out, GError **error)
{
  gsize len;
  const gint64 *v = convoy_node_ints (n, key, &len);
  if (v && len != want)
    return convoy_infer_fail (n, error, "%s has %zu values where %zu are wanted", key, len, want);
  for (gsize i = 0; i < want; i++) {
    out[i] = v ? v[i] : dflt;
    if (out[i] < min || out[i] > MAX_EXTENT)
      return convoy_infer_fail (n, error, "%s of %" G_GINT64_FORMAT, key, out[i]);
  }
  return TRUE;
}

/* SAME: as many outputs as strides fit in, the padding split, the odd one at the end or start. */
static void
pad_same (ConvoyWindow *w, guint i, gint64 size, gint64 extent, gboolean upper)
{
  gint64 out = (size + w->stride[i] - 1) / w->stride[i], total = MAX ((out - 1) * w->stride[i] + extent - size, 0);
  w->before[i] = upper ? total / 2 : total - total / 2;
  w->after[i] = total - w->before[i];
}

gboolean
convoy_window_init (const ConvoyNode *n, const ConvoyShape *x, const gint64 *kernel, gsize n_kernel, gboolean ceil_mode, ConvoyWindow *w,
    ConvoyShape *out, GError **error)
{
  const char *mode = convoy_node_str (n, "auto_pad", "NOTSET");
  gboolean upper = strcmp (mode, "SAME_UPPER") == 0, same = upper || strcmp (mode, "SAME_LOWER") == 0;
  gint64 pads[2 * CONVOY_MAX_SPATIAL] = { 0 };
  guint rank = x->n - 2;
  if (x->n < 3 || rank > CONVOY_MAX_SPATIAL || n_kernel != rank) {
    g_autofree char *s = convoy_shape_str (x);
    return convoy_infer_fail (n, error, "input %s with a kernel of %zu dimensions", s, n_kernel);
  }
  if (!same && strcmp (mode, "NOTSET") != 0 && strcmp (mode, "VALID") != 0)
    return convoy_infer_fail (n, error, "auto_pad %s is not known", mode);
  *w = (ConvoyWindow) { .n = rank };
  if (!convoy_window_ints (n, "strides", rank, 1, 1, w->stride, error) || !convoy_window_ints (n, "dilations", rank, 1, 1, w->dilation, error)
      || !convoy_window_ints (n, "pads", 2 * rank, 0, 0, pads, error))
    return FALSE;
  for (guint i = 0; i < rank; i++) {
    gint64 size = x->d[2 + i], extent = w->dilation[i] * (kernel[i] - 1) + 1;
    if (kernel[i] < 1 || kernel[i] > MAX_EXTENT || extent > MAX_EXTENT || size > MAX_EXTENT)
      return convoy_infer_fail (n, error, "kernel of %" G_GINT64_FORMAT ", dilation %" G_GINT64_FORMAT, kernel[i], w->dilation[i]);
    w->kernel[i] = kernel[i];
    if (strcmp (mode, "NOTSET") == 0)
      w->before[i] = pads[i], w->after[i] = pads[rank + i];
    else if (same)
      pad_same (w, i, size, extent, upper);
    gint64 room = size + w->before[i] + w->after[i] - extent;
    if (room < 0 || size < 1)
      return convoy_infer_fail (n, error, "kernel %" G_GINT64_FORMAT " is larger than the input %" G_GINT64_FORMAT " with padding %" G_GINT64_FORMAT "+%" G_GINT64_FORMAT,
          extent, size, w->before[i], w->after[i]);
    gint64 count = (ceil_mode ? room + w->stride[i] - 1 : room) / w->stride[i] + 1;
    if (ceil_mode && (count - 1) * w->stride[i] >= size + w->before[i])
      count--;                          /* a window that would start behind the input */
    w->after[i] += MAX ((count - 1) * w->stride[i] - room, 0);
    out->d[2 + i] = count;
  }
  out->n = x->n;
  return TRUE;
}
