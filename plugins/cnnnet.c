/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnnet.c - see cnnnet.h: a ConvoyExec with the scaler that feeds it. */
#include "plugins/cnnnet.h"
#include "plugins/cnnmeta.h"
#include "plugins/cnnscale.h"

#define TIME_AFTER 200          /* runs; timing what is fastest pays for a stream, not for a picture */

struct CnnNet {
  CnnNetOptions o;
  ConvoyExec *exec;
  guint runs;                   /* until TIME_AFTER */
  ConvoyView view;              /* of the input, batch x channels x height x width */
  ConvoyTop *top;
  GstVideoInfo in, rgb;
  CnnScaler *scaler;
  GstBuffer *pixels;            /* RGB (or grey) of the network's size */
};

static gboolean
check (const CnnNet *net, GError **error)
{
  const ConvoyTensor *out = convoy_exec_output (net->exec, 0);
  g_autofree char *in_shape = convoy_shape_str (&net->view.shape), *out_shape = convoy_shape_str (convoy_tensor_shape (out));

  if (net->view.type != CONVOY_F32 || net->view.shape.n != 4 || net->view.shape.d[0] != net->o.batch)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "the network takes %s of shape %s, not %u pictures of float32",
        convoy_type_name (net->view.type), in_shape, net->o.batch);
  else if (convoy_tensor_type (out) != CONVOY_F32 || convoy_tensor_count (out) != (gint64) net->o.batch * net->o.info.n_classes)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "the network gives %s of shape %s, not float32 scores of %u pictures for %u classes",
        convoy_type_name (convoy_tensor_type (out)), out_shape, net->o.batch, net->o.info.n_classes);
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
  ConvoyPlan *plan = convoy_model_plan_soon (o->model, o->batch, 0, 0, o->threads, NULL, error);
  if (!plan || !(net->exec = convoy_exec_new (plan, error)))
    goto fail;
  net->view = convoy_exec_input (net->exec, 0);
  if (!check (net, error))
    goto fail;
  GstVideoFormat format = info->channels == 1 ? GST_VIDEO_FORMAT_GRAY8 : GST_VIDEO_FORMAT_RGB;
  gst_video_info_set_format (&net->rgb, format, info->width, info->height);
  net->pixels = gst_buffer_new_allocate (NULL, GST_VIDEO_INFO_SIZE (&net->rgb), NULL);
  net->scaler = cnn_scaler_new (GST_VIDEO_RESAMPLER_METHOD_LINEAR);
  net->top = g_new (ConvoyTop, o->top_k);
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
  g_free (net->top);
  g_free (net);
}

static GstVideoRectangle
rectangle (const ConvoyRect *r)
{
  return (GstVideoRectangle) { (int) r->x, (int) r->y, (int) r->width, (int) r->height };
}

gboolean
cnn_net_set_info (CnnNet *net, const GstVideoInfo *info)
{
  ConvoyRect from, to;

  net->in = *info;
  convoy_image_window (&net->o.info, (guint) GST_VIDEO_INFO_WIDTH (info), (guint) GST_VIDEO_INFO_HEIGHT (info), &from, &to);
  GstVideoRectangle f = rectangle (&from), t = rectangle (&to);
  return cnn_scaler_set (net->scaler, info, &f, &net->rgb, &t);
}

/* Goes on with the fastest plan; without one, with what there is. Before a batch is filled, for the input moves. */
static void
settle (CnnNet *net)
{
  ConvoyPlan *plan = convoy_model_plan (net->o.model, net->o.batch, 0, 0, net->o.threads, NULL, NULL);
  ConvoyExec *exec = plan ? convoy_exec_new (plan, NULL) : NULL;

  if (!exec)
    return;
  convoy_exec_free (net->exec);
  net->exec = exec;
  net->view = convoy_exec_input (exec, 0);
}

gboolean
cnn_net_put (CnnNet *net, guint n, GstBuffer *frame, GError **error)
{
  GstVideoFrame in, out;

  if (n == 0 && net->runs < TIME_AFTER && ++net->runs == TIME_AFTER)
    settle (net);
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
