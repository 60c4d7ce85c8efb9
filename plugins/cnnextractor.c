/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnextractor.c - see cnnextractor.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "plugins/cnnextractor.h"
#include "plugins/cnnknown.h"
#include "plugins/cnntensor.h"
#include <string.h>

void
cnn_extractor_clear (CnnExtractor *x)
{
  g_clear_pointer (&x->pool, cnn_pool_free);
  g_clear_pointer (&x->graph, convoy_graph_unref);
  g_clear_pointer (&x->model, convoy_model_unref);
  g_clear_pointer (&x->preprocessing, g_free);
  *x = (CnnExtractor) { 0 };
}

/* --- the model -------------------------------------------------------- */

/* The layer is looked for at the model's own size, at which all of it fits; what it leaves open is
 * as in the tensor (NULL: pictures come). */
static gboolean
load (CnnExtractor *x, const CnnExtractorSettings *s, const ConvoyShape *tensor, GError **error)
{
  if (x->model)
    return TRUE;
  x->model = cnn_model_load (&s->model, tensor ? CNN_NEED_NOTHING : CNN_NEED_PREPROCESSING, &x->info, error);
  if (!x->model)
    return FALSE;
  const ConvoyGraph *g = convoy_model_graph (x->model);
  guint n = convoy_graph_n_inputs (g);
  g_autofree ConvoyShape *shapes = g_new0 (ConvoyShape, n + 1);
  for (guint i = 0; i < n; i++) {
    const ConvoyShape *declared = convoy_graph_shape (g, convoy_graph_get_input (g, i));
    if (declared)
      shapes[i] = *declared;
    else if (tensor && i == 0)
      shapes[i] = *tensor;
    else if (i == 0)
      shapes[i] = CONVOY_SHAPE (1, x->info.channels, x->info.height, x->info.width);
  }
  x->graph = convoy_graph_bind (g, shapes, NULL, error);
  x->layer = x->graph ? convoy_graph_find_layer (x->graph, s->layer, error) : NULL;
  if (x->layer)
    return TRUE;
  g_prefix_error (error, "%s: ", s->model.model);
  cnn_extractor_clear (x);
  return FALSE;
}

/* The size at which the network runs on frames of width x height, and by which rule they get it. */
static void
fit (ConvoyModelInfo *info, const CnnExtractorSettings *s, guint width, guint height)
{
  gboolean as_it_is = !s->width && !s->height && width <= info->width && height <= info->height;

  convoy_model_info_set_size (info, as_it_is ? width : s->width ? s->width : s->height ? s->height : info->width,
      as_it_is ? height : s->height ? s->height : s->width ? s->width : info->height);
  if (info->width == width && info->height == height) {
    info->resize = CONVOY_RESIZE_STRETCH;       /* nothing to do */
    info->resize_short = 0;
  }
}

static char *
describe (const ConvoyModelInfo *info, gboolean is_tensor)
{
  static const char *const rules[] = { "stretch", "crop", "pad" };
  g_autoptr (GString) text = g_string_new (NULL);
  char number[2][G_ASCII_DTOSTR_BUF_SIZE];

  if (is_tensor)
    return g_strdup ("tensor");
  g_string_printf (text, "%ux%u %s resize=%s", info->width, info->height, info->channels == 1 ? "grey" : info->bgr ? "bgr" : "rgb", rules[info->resize]);
  if (info->resize_short)
    g_string_append_printf (text, " short=%u", info->resize_short);
  for (guint c = 0; c < info->channels; c++)
    g_string_append_printf (text, " (p-%s)/%s", g_ascii_formatd (number[0], sizeof number[0], "%g", info->mean[c]),
        g_ascii_formatd (number[1], sizeof number[1], "%g", info->std[c]));
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* --- caps ------------------------------------------------------------- */

static gboolean
make_pool (CnnExtractor *x, const CnnExtractorSettings *s, const ConvoyModelInfo *info, gboolean is_tensor, GError **error)
{
  CnnNetOptions o = { .model = x->model, .info = *info, .batch = s->batch, .threads = s->threads, .upto = x->layer, .pooling = s->pooling,
    .is_tensor = is_tensor };

  g_clear_pointer (&x->pool, cnn_pool_free);
  x->pool = cnn_pool_new (&o, s->workers ? s->workers : g_get_num_processors (), error);
  if (!x->pool)
    return FALSE;
  x->width = is_tensor ? 0 : info->width;
  x->height = is_tensor ? 0 : info->height;
  x->shape = cnn_pool_shape (x->pool);
  g_free (x->preprocessing);
  x->preprocessing = describe (info, is_tensor);
  return TRUE;
}

static gboolean
set_tensor (CnnExtractor *x, const CnnExtractorSettings *s, const GstCaps *caps, GError **error)
{
  ConvoyType type;
  ConvoyShape shape;

  if (!cnn_tensor_parse (caps, &type, &shape, error) || !load (x, s, &shape, error))
    return FALSE;
  if (!x->pool && !make_pool (x, s, &x->info, TRUE, error))
    return FALSE;
  if (cnn_pool_set_caps (x->pool, caps, error))
    return TRUE;
  g_prefix_error (error, "%s: ", s->model.model);
  return FALSE;
}

gboolean
cnn_extractor_keeps (const CnnExtractor *x, const GstCaps *caps)
{
  GstVideoInfo v;
  return x->pool && x->width && gst_structure_has_name (gst_caps_get_structure (caps, 0), "video/x-raw") && gst_video_info_from_caps (&v, caps)
      && GST_VIDEO_INFO_FORMAT (&v) == GST_VIDEO_INFO_FORMAT (&x->frames) && GST_VIDEO_INFO_WIDTH (&v) == GST_VIDEO_INFO_WIDTH (&x->frames)
      && GST_VIDEO_INFO_HEIGHT (&v) == GST_VIDEO_INFO_HEIGHT (&x->frames) && gst_video_colorimetry_is_equal (&v.colorimetry, &x->frames.colorimetry);
}

gboolean
cnn_extractor_set_caps (CnnExtractor *x, const CnnExtractorSettings *s, const GstCaps *caps, GError **error)
{
  GstVideoInfo video;

  if (gst_structure_has_name (gst_caps_get_structure (caps, 0), "other/tensors"))
    return set_tensor (x, s, caps, error);
  if (cnn_extractor_keeps (x, caps))
    return TRUE;
  if (!gst_video_info_from_caps (&video, caps)) {
    g_set_error_literal (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "pictures without a size");
    return FALSE;
  }
  if (!load (x, s, NULL, error))
    return FALSE;
  ConvoyModelInfo info = x->info;
  fit (&info, s, (guint) GST_VIDEO_INFO_WIDTH (&video), (guint) GST_VIDEO_INFO_HEIGHT (&video));
  g_autofree char *text = describe (&info, FALSE);
  if ((!x->pool || g_strcmp0 (text, x->preprocessing) != 0) && !make_pool (x, s, &info, FALSE, error))
    return FALSE;
  if (!cnn_pool_set_caps (x->pool, caps, error))
    return FALSE;
  x->frames = video;
  return TRUE;
}

/* --- what is known without the model ----------------------------------- */

char *
cnn_extractor_checksum (const char *path, GError **error)
{
  g_autoptr (GMappedFile) map = g_mapped_file_new (path, FALSE, error);
  return map ? g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guint8 *) g_mapped_file_get_contents (map), g_mapped_file_get_length (map)) : NULL;
}

/* What the file beside the model says of it counts too. */
static void
append_sidecar (GString *text, const char *path)
{
  const char *dot = strrchr (path, '.');
  g_autofree char *sidecar = g_strdup_printf ("%.*s.ini", (int) (dot ? dot - path : (gssize) strlen (path)), path);
  g_autofree char *sum = cnn_extractor_checksum (sidecar, NULL);
  if (sum)
    g_string_append_printf (text, " ini=%.12s", sum);
}

char *
cnn_extractor_request (const CnnExtractorSettings *s, const char *path, GstPad *sink)
{
  static const char *const poolings[] = { "none", "max", "avg" }, *const rules[] = { "stretch", "crop", "pad", "cover", "model" }, *const colors[] = { "model", "rgb", "bgr" };
  g_autofree char *upstream = cnn_known_upstream (sink);
  g_autoptr (GString) text = g_string_new (upstream);

  g_string_append_printf (text, "layer=%s pooling=%s", s->layer, poolings[s->pooling]);
  if (s->width || s->height)
    g_string_append_printf (text, " width=%u height=%u", s->width, s->height);
  if (s->model.mean || s->model.std)
    g_string_append_printf (text, " mean=%s std=%s", s->model.mean ? s->model.mean : "", s->model.std ? s->model.std : "");
  if (s->model.color != CNN_COLOR_MODEL)
    g_string_append_printf (text, " color=%s", colors[s->model.color]);
  if (s->model.resize != CNN_RESIZE_MODEL || s->model.resize_short)
    g_string_append_printf (text, " resize=%s short=%u", rules[s->model.resize], s->model.resize_short);
  append_sidecar (text, path);
  return g_string_free (g_steal_pointer (&text), FALSE);
}
