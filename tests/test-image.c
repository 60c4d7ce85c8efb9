/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-image.c - between a picture and its labels: the part of it that a network sees, its pixels as
 * numbers of a tensor, and the best of the scores. */
#include "core/convoy.h"
#include "tests/tap.h"
#include <math.h>
#include <string.h>

/* --- pictures ---------------------------------------------------------- */

static void
window (void)
{
  static const struct { ConvoyResize resize; guint short_side, w, h, picture_w, picture_h; ConvoyRect from, to; } cases[] = {
    { CONVOY_RESIZE_STRETCH, 0, 224, 224, 500, 375, { 0, 0, 500, 375 }, { 0, 0, 224, 224 } },
    { CONVOY_RESIZE_CROP, 256, 224, 224, 500, 375, { 86, 23, 328, 328 }, { 0, 0, 224, 224 } },
    { CONVOY_RESIZE_CROP, 256, 224, 224, 375, 500, { 23, 86, 328, 328 }, { 0, 0, 224, 224 } },
    { CONVOY_RESIZE_CROP, 0, 224, 224, 500, 375, { 62, 0, 375, 375 }, { 0, 0, 224, 224 } },
    { CONVOY_RESIZE_CROP, 256, 224, 224, 1, 1, { 0, 0, 1, 1 }, { 0, 0, 224, 224 } },
    { CONVOY_RESIZE_CROP, 256, 224, 224, 100000, 1, { 49999, 0, 1, 1 }, { 0, 0, 224, 224 } },
    { CONVOY_RESIZE_CROP, 256, 224, 224, 1, 100000, { 0, 49999, 1, 1 }, { 0, 0, 224, 224 } },
    { CONVOY_RESIZE_CROP, 0, 200, 100, 100, 400, { 0, 175, 100, 50 }, { 0, 0, 200, 100 } },
    { CONVOY_RESIZE_PAD, 0, 224, 224, 500, 375, { 0, 0, 500, 375 }, { 0, 28, 224, 168 } },
    { CONVOY_RESIZE_PAD, 0, 224, 224, 1, 1, { 0, 0, 1, 1 }, { 0, 0, 224, 224 } },
    { CONVOY_RESIZE_PAD, 0, 224, 224, 100000, 1, { 0, 0, 100000, 1 }, { 0, 111, 224, 1 } },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    ConvoyModelInfo info = { .width = cases[i].w, .height = cases[i].h, .resize = cases[i].resize, .resize_short = cases[i].short_side };
    ConvoyRect from, to;
    convoy_image_window (&info, cases[i].picture_w, cases[i].picture_h, &from, &to);
    CU_ASSERT_EQUAL (memcmp (&from, &cases[i].from, sizeof from), 0);
    CU_ASSERT_EQUAL (memcmp (&to, &cases[i].to, sizeof to), 0);
  }
}

/* Puts a picture as the second of two and compares with the formula; nothing else may change. */
static void
check_put (ConvoyShape shape, const gint64 *stride, guint c_axis, guint h_axis, guint w_axis, gboolean bgr, gsize size)
{
  ConvoyModelInfo info = { .mean = { 10, 20.5f, 30 }, .std = { 2, 50, 3 }, .bgr = bgr };
  guint channels = (guint) shape.d[c_axis], height = (guint) shape.d[h_axis], width = (guint) shape.d[w_axis];
  gsize row = channels * width + 5;
  g_autofree guint8 *pixels = g_malloc (row * height);
  g_autofree float *y = g_new (float, size), *want = g_new (float, size);
  ConvoyView v = { CONVOY_F32, shape, { stride[0], stride[1], stride[2], stride[3] }, y };
  for (gsize i = 0; i < row * height; i++)
    pixels[i] = (guint8) (i * 7 + i / 50);
  for (gsize i = 0; i < size; i++)
    y[i] = want[i] = -1000;
  for (guint r = 0; r < height; r++)
    for (guint x = 0; x < width; x++)
      for (guint c = 0; c < channels; c++)
        want[stride[0] + c * stride[c_axis] + r * stride[h_axis] + x * stride[w_axis]] =
            (pixels[r * row + x * channels + (bgr && channels == 3 ? 2 - c : c)] - info.mean[c]) / info.std[c];
  convoy_image_put (&info, pixels, row, &v, 1);
  gboolean ok = TRUE;
  for (gsize i = 0; i < size; i++)
    ok &= fabsf (y[i] - want[i]) <= 1e-5f * (1 + fabsf (want[i]));
  CU_ASSERT_TRUE (ok);
}

static void
put (void)
{
  enum { W = 37, H = 5 };
  for (guint bgr = 0; bgr < 2; bgr++) {
    check_put (CONVOY_SHAPE (2, 3, H, W), (gint64[]) { 3 * H * W, H * W, W, 1 }, 1, 2, 3, bgr, 2 * 3 * H * W);
    check_put (CONVOY_SHAPE (2, 3, H, W), (gint64[]) { 3 * H * W, 1, 3 * W, 3 }, 1, 2, 3, bgr, 2 * 3 * H * W);
    check_put (CONVOY_SHAPE (2, H, W, 3), (gint64[]) { 3 * H * W, 3 * W, 3, 1 }, 3, 1, 2, bgr, 2 * 3 * H * W);
    check_put (CONVOY_SHAPE (2, 3, H, W), (gint64[]) { 4 * H * W, 1, 4 * W, 4 }, 1, 2, 3, bgr, 2 * 4 * H * W);
    check_put (CONVOY_SHAPE (2, 1, H, W), (gint64[]) { H * W, H * W, W, 1 }, 1, 2, 3, bgr, 2 * H * W);
    check_put (CONVOY_SHAPE (2, H, W, 1), (gint64[]) { 2 * H * W, 2 * W, 2, 1 }, 3, 1, 2, bgr, 4 * H * W);
  }
}

/* --- scores ------------------------------------------------------------ */

static void
top (void)
{
  static const float scores[] = { 1, 3, 2, 3, -5 }, huge[] = { 1e30f, -1e30f, 1e30f }, holes[] = { NAN, 1, NAN, 2 };
  ConvoyTop t[5];
  CU_ASSERT_EQUAL (convoy_top_k (scores, 5, TRUE, t, 3), 3);
  CU_ASSERT_TRUE (t[0].index == 1 && t[1].index == 3 && t[2].index == 2 && t[0].score == 3);
  CU_ASSERT_EQUAL (convoy_top_k (scores, 5, FALSE, t, 9), 5);
  double sum = 0;
  for (guint i = 0; i < 5; i++)
    sum += t[i].score;
  CU_ASSERT_DOUBLE_EQUAL (sum, 1, 1e-6);
  CU_ASSERT_DOUBLE_EQUAL (t[1].score / t[2].score, exp (1), 1e-5);
  CU_ASSERT_EQUAL (convoy_top_k (huge, 3, FALSE, t, 2), 2);
  CU_ASSERT_TRUE (t[0].index == 0 && t[1].index == 2 && t[0].score == 0.5f);
  CU_ASSERT_EQUAL (convoy_top_k (holes, 4, TRUE, t, 4), 4);
  CU_ASSERT_TRUE (t[0].index == 3 && t[1].index == 1 && t[2].index == 0 && t[3].index == 2);
  CU_ASSERT_EQUAL (convoy_top_k (scores, 5, FALSE, t, 0), 0);
  CU_ASSERT_EQUAL (convoy_top_k (scores, 0, FALSE, t, 5), 0);
}

int
main (void)
{
  static const TapTest tests[] = {
    { "the part of a picture", window }, { "pixels into tensors", put }, { "the best of scores", top }, { NULL, NULL },
  };
  return tap_main ("image", tests);
}
