/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnenums.h - the enumerations that the elements take as property values. */
#ifndef CNN_ENUMS_H
#define CNN_ENUMS_H

#include <gst/gst.h>

G_BEGIN_DECLS

/* What becomes of a picture whose aspect is not that of the wanted size. The first three have
 * the values of ConvoyResize. */
typedef enum {
  CNN_RESIZE_STRETCH,
  CNN_RESIZE_CROP,
  CNN_RESIZE_PAD,
  CNN_RESIZE_COVER,             /* decoding only: aspect and whole picture kept */
  CNN_RESIZE_MODEL,             /* classifying only: as the model says */
} CnnResize;

typedef enum {
  CNN_ON_ERROR_SKIP,
  CNN_ON_ERROR_FAIL,
} CnnOnError;

typedef enum {
  CNN_COLOR_MODEL,
  CNN_COLOR_RGB,
  CNN_COLOR_BGR,
} CnnColor;

/* What a network computes with. */
typedef enum {
  CNN_PRECISION_MODEL,
  CNN_PRECISION_FP32,
  CNN_PRECISION_INT8,
} CnnPrecision;

/* Which samples of a data set an epoch has. */
typedef enum {
  CNN_SPLITS_ALL,
  CNN_SPLITS_TRAIN,
  CNN_SPLITS_VALIDATION,
  CNN_SPLITS_TEST,
} CnnSplit;

/* What one text is. */
typedef enum {
  CNN_TEXT_AUTO,
  CNN_TEXT_BUFFER,
  CNN_TEXT_LINE,
  CNN_TEXT_FILE,
} CnnTextUnit;

typedef enum {
  CNN_POOLING_NONE,
  CNN_POOLING_MAX,
  CNN_POOLING_AVG,
} CnnPooling;

/* Bits. */
typedef enum {
  CNN_FLIP_NONE,
  CNN_FLIP_HORIZONTAL,
  CNN_FLIP_VERTICAL,
  CNN_FLIP_BOTH,
} CnnFlip;

typedef enum {
  CNN_FILL_REFLECT,
  CNN_FILL_NEAREST,
  CNN_FILL_CONSTANT,
} CnnFill;

#define CNN_TYPE_FLIP (cnn_flip_get_type ())
#define CNN_TYPE_FILL (cnn_fill_get_type ())
#define CNN_TYPE_POOLING (cnn_pooling_get_type ())
#define CNN_TYPE_DECODE_RESIZE (cnn_decode_resize_get_type ())
#define CNN_TYPE_MODEL_RESIZE (cnn_model_resize_get_type ())
#define CNN_TYPE_INTERPOLATION (cnn_interpolation_get_type ())
#define CNN_TYPE_ON_ERROR (cnn_on_error_get_type ())
#define CNN_TYPE_COLOR (cnn_color_get_type ())
#define CNN_TYPE_SPLIT (cnn_split_get_type ())
#define CNN_TYPE_TEXT_END (cnn_text_end_get_type ())
#define CNN_TYPE_TEXT_UNIT (cnn_text_unit_get_type ())

GType cnn_decode_resize_get_type (void);
GType cnn_model_resize_get_type (void);
GType cnn_interpolation_get_type (void);        /* values of GstVideoResamplerMethod */
GType cnn_on_error_get_type (void);
GType cnn_color_get_type (void);
GType cnn_precision_get_type (void);
GType cnn_split_get_type (void);
GType cnn_text_end_get_type (void);     /* values of ConvoyTextEnd */
GType cnn_text_unit_get_type (void);
GType cnn_pooling_get_type (void);
GType cnn_flip_get_type (void);
GType cnn_fill_get_type (void);

G_END_DECLS
#endif
