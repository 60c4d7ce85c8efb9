/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnmodel.c - see cnnmodel.h. */
#include "plugins/cnnmodel.h"
#include "zoo/zoo.h"

void
cnn_model_settings_clear (CnnModelSettings *s)
{
  g_clear_pointer (&s->model, g_free);
  g_clear_pointer (&s->labels, g_free);
  g_clear_pointer (&s->mean, g_free);
  g_clear_pointer (&s->std, g_free);
}

void
cnn_model_settings_copy (CnnModelSettings *to, const CnnModelSettings *from)
{
  *to = *from;
  to->model = g_strdup (from->model);
  to->labels = g_strdup (from->labels);
  to->mean = g_strdup (from->mean);
  to->std = g_strdup (from->std);
}

gboolean
cnn_model_settings_check (GstElement *element, const CnnModelSettings *s)
{
  if (!s->model)
    GST_ELEMENT_ERROR (element, RESOURCE, NOT_FOUND, ("no model: set model= to an ONNX file or a name of the zoo"), (NULL));
  return s->model != NULL;
}

static gboolean
check_precision (const CnnModelSettings *s, const ConvoyModel *model, GError **error)
{
  gboolean quantized = convoy_graph_is_quantized (convoy_model_graph (model));
  if (s->precision == CNN_PRECISION_FP32 && quantized)
    g_set_error_literal (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED, "precision=fp32, but the model is quantized");
  else if (s->precision == CNN_PRECISION_INT8 && !quantized)
    g_set_error_literal (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED,
        "precision=int8, but the model is of float32; `convoy quantize` makes one of bytes");
  else
    return TRUE;
  return FALSE;
}

/* One number for all channels or a number each, in 0..255. */
static gboolean
parse_channels (const char *what, const char *text, guint channels, gboolean positive, float *out, GError **error)
{
  g_auto (GStrv) part = g_strsplit (text, ",", -1);
  guint n = g_strv_length (part);
  gboolean ok = n == 1 || n == channels;

  for (guint c = 0; ok && c < channels; c++) {
    const char *number = g_strstrip (part[n == 1 ? 0 : c]);
    char *end;
    out[c] = (float) g_ascii_strtod (number, &end);
    ok = end != number && !*end && (!positive || out[c] > 0);
  }
  if (!ok)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s=\"%s\": want one %snumber or %u of them with commas between",
        what, text, positive ? "positive " : "", channels);
  return ok;
}

static gboolean
override (const CnnModelSettings *s, ConvoyModelInfo *info, GError **error)
{
  if (s->mean && !parse_channels ("mean", s->mean, info->channels, FALSE, info->mean, error))
    return FALSE;
  if (s->std && !parse_channels ("std", s->std, info->channels, TRUE, info->std, error))
    return FALSE;
  if (s->color != CNN_COLOR_MODEL)
    info->bgr = s->color == CNN_COLOR_BGR;
  if (s->resize != CNN_RESIZE_MODEL)
    info->resize = (ConvoyResize) s->resize;
  if (s->resize_short)
    info->resize_short = s->resize_short;
  if (info->resize_short && info->resize_short < MIN (info->width, info->height)) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "resize-short=%u is less than the network's %ux%u",
        info->resize_short, info->width, info->height);
    return FALSE;
  }
  return TRUE;
}

ConvoyModel *
cnn_model_load (const CnnModelSettings *s, CnnModelNeeds needs, ConvoyModelInfo *info, GError **error)
{
  g_autofree char *path = convoy_zoo_find (s->model, error);
  g_autofree char *cache = convoy_zoo_cache_dir ();
  ConvoyModelOptions o = {
    .labels = s->labels,
    .cache_dir = cache,
    .need_labels = (needs & CNN_NEED_LABELS) != 0,
    .need_preprocessing = (needs & CNN_NEED_PREPROCESSING) && !(s->mean && s->std),
    .may_take_rows = (needs & CNN_MAY_TAKE_ROWS) != 0,
  };

  if (!path)
    return NULL;
  ConvoyModel *model = convoy_model_new (path, &o, error);
  if (!model)
    return NULL;
  *info = *convoy_model_info (model);
  if (!check_precision (s, model, error) || !override (s, info, error)) {
    g_prefix_error (error, "%s: ", path);
    g_clear_pointer (&model, convoy_model_unref);
  }
  return model;
}
