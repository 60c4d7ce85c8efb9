/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnnet.c - see cnnnet.h: a ConvoyExec with the scaler that feeds it. */
#include "plugins/cnnnet.h"
#include "plugins/cnnmeta.h"
#include "plugins/cnnscale.h"
#include "plugins/cnntensor.h"
#include <string.h>

#define TIME_AFTER 200          /* runs; timing what is fastest pays for a stream, not for a picture */

struct CnnNet {
  CnnNetOptions o;
  ConvoyPlan *plan;             /* borrowed from the model */
  ConvoyExec *exec;             /* of plan */
  guint runs;                   /* until TIME_AFTER */
  ConvoyView view;              /* of the input, batch x channels x height x width */
  ConvoyTop *top;
  GstVideoInfo in, rgb;
  ConvoyType type;              /* of the numbers of a tensor, */
  ConvoyVocabulary *vocabulary; /* or of these words; borrowed from the model; NULL: no texts come */
  ConvoyTokenOptions rows;
  gint32 *words;                /* of one text */
  CnnScaler *scaler;
  GstBuffer *pixels;            /* RGB (or grey) of the network's size */
};

static gboolean
check (const CnnNet *net, GError **error)
{
  const ConvoyTensor *out = convoy_exec_output (net->exec, 0);
  const ConvoyShape *in = &net->view.shape, *shape = convoy_tensor_shape (out);
  g_autofree char *in_shape = convoy_shape_str (in), *out_shape = convoy_shape_str (shape);
  gboolean is_float = convoy_tensor_type (out) == CONVOY_F32;

  if ((net->view.type != CONVOY_F32 && !(net->o.is_tensor && net->view.type == CONVOY_I64)) || in->n == 0 || in->d[0] != net->o.batch || (!net->o.is_tensor && in->n != 4))
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "the network takes %s of shape %s, not %u %s of float32",
        convoy_type_name (net->view.type), in_shape, net->o.batch, net->o.is_tensor ? "samples" : "pictures");
  else if (net->o.top_k && (!is_float || convoy_tensor_count (out) != (gint64) net->o.batch * net->o.info.n_classes))
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "the network gives %s of shape %s, not float32 scores of %u pictures for %u classes",
        convoy_type_name (convoy_tensor_type (out)), out_shape, net->o.batch, net->o.info.n_classes);
  else if (!net->o.top_k && (!is_float || shape->n < 2 || shape->d[0] != net->o.batch))
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "layer %s gives %s of shape %s, not float32 features of %u samples",
        net->o.upto, convoy_type_name (convoy_tensor_type (out)), out_shape, net->o.batch);
  else if (net->o.pooling != CNN_POOLING_NONE && shape->n < 3)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "layer %s gives %s, which has no height and width to pool over", net->o.upto, out_shape);
  else
    return TRUE;
  return FALSE;
}

CnnNet *
cnn_net_new (const CnnNetOptions *o, GError **error)
{
  CnnNet *net = g_new0 (CnnNet, 1);
  const ConvoyModelInfo *info = &o->info;

  net->o = *o;
  ConvoyPlan *plan = (o->top_k ? convoy_model_plan_soon : convoy_model_plan) (o->model, o->batch, info->width, info->height, o->threads, o->upto, error);
  if (!plan || !(net->exec = convoy_exec_new (plan, error)))
    goto fail;
  net->plan = plan;
  net->view = convoy_exec_input (net->exec, 0);
  if (!check (net, error))
    goto fail;
  net->top = g_new (ConvoyTop, MAX (o->top_k, 1));
  if (o->is_tensor)
    return net;
  GstVideoFormat format = info->channels == 1 ? GST_VIDEO_FORMAT_GRAY8 : GST_VIDEO_FORMAT_RGB;
  gst_video_info_set_format (&net->rgb, format, info->width, info->height);
  net->pixels = gst_buffer_new_allocate (NULL, GST_VIDEO_INFO_SIZE (&net->rgb), NULL);
  net->scaler = cnn_scaler_new (GST_VIDEO_RESAMPLER_METHOD_LINEAR);
  return net;
fail:
  cnn_net_free (net);
  return NULL;
}

void
cnn_net_free (CnnNet *net)
{
  if (!net)
    return;
  convoy_exec_free (net->exec);
  cnn_scaler_free (net->scaler);
  gst_clear_buffer (&net->pixels);
  g_free (net->words);
  g_free (net->top);
  g_free (net);
}

static GstVideoRectangle
rectangle (const ConvoyRect *r)
{
  return (GstVideoRectangle) { (int) r->x, (int) r->y, (int) r->width, (int) r->height };
}

static gboolean
set_pictures (CnnNet *net, const GstCaps *caps, GError **error)
{
  GstVideoInfo info;
  ConvoyRect from, to;

  if (!gst_video_info_from_caps (&info, caps)) {
    g_set_error_literal (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "pictures without a size");
    return FALSE;
  }
  net->in = info;
  convoy_image_window (&net->o.info, (guint) GST_VIDEO_INFO_WIDTH (&info), (guint) GST_VIDEO_INFO_HEIGHT (&info), &from, &to);
  GstVideoRectangle f = rectangle (&from), t = rectangle (&to);
  if (cnn_scaler_set (net->scaler, &info, &f, &net->rgb, &t))
    return TRUE;
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED, "%s cannot be converted", gst_video_format_to_string (GST_VIDEO_INFO_FORMAT (&info)));
  return FALSE;
}

/* Tokens of whatever size become int64. */
static gboolean
set_tensors (CnnNet *net, const GstCaps *caps, GError **error)
{
  const ConvoyView *view = &net->view;
  ConvoyShape shape;

  if (!cnn_tensor_parse (caps, &net->type, &shape, error))
    return FALSE;
  gboolean fits = shape.n == view->shape.n && shape.d[0] == 1
      && (net->type == view->type || (net->type == CONVOY_I32 && view->type == CONVOY_I64));
  for (guint i = 1; fits && i < shape.n; i++)
    fits = shape.d[i] == view->shape.d[i];
  if (fits)
    return TRUE;
  ConvoyShape one = view->shape;
  one.d[0] = 1;
  g_autofree char *got = convoy_shape_str (&shape), *want = convoy_shape_str (&one);
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "tensors of %s %s do not fit the network, which takes %s %s",
      convoy_type_name (net->type), got, convoy_type_name (view->type), want);
  return FALSE;
}

static gboolean
set_texts (CnnNet *net, GError **error)
{
  net->vocabulary = convoy_model_vocabulary (net->o.model, &net->rows);
  if (!net->vocabulary) {
    g_set_error_literal (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "texts, but the model has no vocabulary in its metadata");
    return FALSE;
  }
  if (!net->words)
    net->words = g_new (gint32, net->rows.length);
  return TRUE;
}

gboolean
cnn_net_set_caps (CnnNet *net, const GstCaps *caps, GError **error)
{
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  gboolean is_text = gst_structure_has_name (s, "text/x-raw"), is_picture = gst_structure_has_name (s, "video/x-raw");

  net->vocabulary = NULL;
  if (is_picture != !net->o.is_tensor) {
    ConvoyShape one = net->view.shape;
    one.d[0] = 1;
    g_autofree char *want = convoy_shape_str (&one);
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "the network takes %s of %s, %s come", convoy_type_name (net->view.type), want,
        is_picture ? "but pictures" : is_text ? "pictures, but texts" : "pictures, but tensors");
    return FALSE;
  }
  return is_picture ? set_pictures (net, caps, error) : is_text ? set_texts (net, error) : set_tensors (net, caps, error);
}

/* Goes on with the fastest plan, of which features have been made from the start, for the last digits differ; without one, with what there is. Before a batch is filled, for the input moves. */
static void
settle (CnnNet *net)
{
  ConvoyPlan *plan = convoy_model_plan (net->o.model, net->o.batch, net->o.info.width, net->o.info.height, net->o.threads, net->o.upto, NULL);
  ConvoyExec *exec = plan && plan != net->plan ? convoy_exec_new (plan, NULL) : NULL;

  if (!exec)
    return;
  convoy_exec_free (net->exec);
  net->plan = plan;
  net->exec = exec;
  net->view = convoy_exec_input (exec, 0);
}

/* Numbers of a row-major sample, into the layout of the input. */
typedef struct {
  ConvoyType type;              /* of from; the input is int64 or the same */
  const void *from;
  gsize at;                     /* which is next */
} Numbers;

/* Element i of the inner dimensions from d on. */
static void
scatter (const ConvoyView *view, guint d, Numbers *n, gint64 offset)
{
  for (gint64 i = 0; i < view->shape.d[d]; i++, offset += view->stride[d])
    if (d + 1 < view->shape.n)
      scatter (view, d + 1, n, offset);
    else if (view->type == CONVOY_F32)
      ((float *) view->data)[offset] = ((const float *) n->from)[n->at++];
    else
      ((gint64 *) view->data)[offset] = n->type == CONVOY_I32 ? ((const gint32 *) n->from)[n->at++] : ((const gint64 *) n->from)[n->at++];
}

static gboolean
put_tensor (CnnNet *net, guint n, GstBuffer *buffer, GError **error)
{
  const ConvoyView *view = &net->view;
  gsize size = (gsize) (convoy_shape_count (&view->shape) / view->shape.d[0]) * convoy_type_size (net->type);
  GstMapInfo map = GST_MAP_INFO_INIT;

  if (!gst_buffer_map (buffer, &map, GST_MAP_READ) || map.size != size) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "a tensor of %" G_GSIZE_FORMAT " bytes, where the network takes %" G_GSIZE_FORMAT,
        gst_buffer_get_size (buffer), size);
    if (map.memory)
      gst_buffer_unmap (buffer, &map);
    return FALSE;
  }
  Numbers numbers = { net->type, map.data, 0 };
  scatter (view, 1, &numbers, (gint64) n * view->stride[0]);
  gst_buffer_unmap (buffer, &map);
  return TRUE;
}

static gboolean
put_text (CnnNet *net, guint n, GstBuffer *buffer, GError **error)
{
  GstMapInfo map;

  if (!gst_buffer_map (buffer, &map, GST_MAP_READ)) {
    g_set_error_literal (error, CONVOY_ERROR, CONVOY_ERROR_NO_MEMORY, "a text that cannot be mapped");
    return FALSE;
  }
  gboolean ok = convoy_tokenize (net->vocabulary, &net->rows, map.size ? (const char *) map.data : "", map.size, net->words, error);
  gst_buffer_unmap (buffer, &map);
  Numbers numbers = { CONVOY_I32, net->words, 0 };
  if (ok)
    scatter (&net->view, 1, &numbers, (gint64) n * net->view.stride[0]);
  return ok;
}

gboolean
cnn_net_put (CnnNet *net, guint n, GstBuffer *frame, GError **error)
{
  GstVideoFrame in, out;

  if (net->o.top_k && n == 0 && net->runs < TIME_AFTER && ++net->runs == TIME_AFTER)
    settle (net);
  if (net->o.is_tensor)
    return (net->vocabulary ? put_text : put_tensor) (net, n, frame, error);
  if (!gst_video_frame_map (&in, &net->in, frame, GST_MAP_READ)) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "a buffer of %" G_GSIZE_FORMAT " bytes is no %dx%d frame of %s",
        gst_buffer_get_size (frame), GST_VIDEO_INFO_WIDTH (&net->in), GST_VIDEO_INFO_HEIGHT (&net->in), GST_VIDEO_INFO_NAME (&net->in));
    return FALSE;
  }
  if (!gst_video_frame_map (&out, &net->rgb, net->pixels, GST_MAP_READWRITE)) {
    gst_video_frame_unmap (&in);
    g_set_error_literal (error, CONVOY_ERROR, CONVOY_ERROR_NO_MEMORY, "no memory for the network's picture");
    return FALSE;
  }
  cnn_scaler_run (net->scaler, &in, &out);
  convoy_image_put (&net->o.info, GST_VIDEO_FRAME_PLANE_DATA (&out, 0), (gsize) GST_VIDEO_FRAME_PLANE_STRIDE (&out, 0), &net->view, n);
  gst_video_frame_unmap (&out);
  gst_video_frame_unmap (&in);
  return TRUE;
}

gboolean
cnn_net_run (CnnNet *net, GError **error)
{
  return convoy_exec_run (net->exec, error);
}

GstStructure *
cnn_net_result (CnnNet *net, guint n, GstClockTime pts)
{
  const ConvoyModelInfo *info = &net->o.info;
  const float *scores = convoy_tensor_data (convoy_exec_output (net->exec, 0));         /* batch x n_classes */
  guint k = convoy_top_k (scores + (gsize) n * info->n_classes, info->n_classes, info->is_probability, net->top, net->o.top_k);
  return cnn_result_new (info, net->top, k, net->o.threshold, pts);
}

/* --- features --------------------------------------------------------- */

ConvoyShape
cnn_net_features_shape (CnnNet *net)
{
  const ConvoyShape *out = convoy_tensor_shape (convoy_exec_output (net->exec, 0));
  ConvoyShape s = { .n = out->n - 1 };
  for (guint i = 0; i < s.n; i++)
    s.d[i] = net->o.pooling != CNN_POOLING_NONE && i > 0 ? 1 : out->d[i + 1];
  return s;
}

/* channels x size -> channels */
static void
pool (CnnPooling pooling, const float *in, gsize channels, gsize size, float *out)
{
  for (gsize c = 0; c < channels; c++, in += size) {
    float best = in[0], sum = 0;
    for (gsize i = 0; i < size; i++) {
      sum += in[i];
      best = MAX (best, in[i]);
    }
    out[c] = pooling == CNN_POOLING_MAX ? best : sum / (float) size;
  }
}

GstBuffer *
cnn_net_features (CnnNet *net, guint n)
{
  const ConvoyTensor *out = convoy_exec_output (net->exec, 0);
  ConvoyShape shape = cnn_net_features_shape (net);
  gsize count = (gsize) convoy_shape_count (&shape), whole = (gsize) convoy_tensor_count (out) / net->o.batch;
  const float *from = (const float *) convoy_tensor_data (out) + n * whole;
  float *to = g_new (float, count);

  if (net->o.pooling == CNN_POOLING_NONE)
    memcpy (to, from, count * sizeof *to);
  else
    pool (net->o.pooling, from, (gsize) shape.d[0], whole / (gsize) shape.d[0], to);
  return gst_buffer_new_wrapped (to, count * sizeof *to);
}
