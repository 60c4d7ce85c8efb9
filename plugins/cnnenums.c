/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnenums.c - registers the enumerations of cnnenums.h, a table each. */
#include "plugins/cnnenums.h"
#include "core/convoy.h"
#include <gst/video/video.h>

#define DEFINE_ENUM(function, Name, ...)                                \
  GType                                                                 \
  function (void)                                                       \
  {                                                                     \
    static gsize type;                                                  \
    static const GEnumValue values[] = { __VA_ARGS__, { 0, NULL, NULL } }; \
    if (g_once_init_enter (&type))                                      \
      g_once_init_leave (&type, g_enum_register_static (Name, values)); \
    return type;                                                        \
  }

DEFINE_ENUM (cnn_decode_resize_get_type, "GstCnnDecodeResize",
    { CNN_RESIZE_STRETCH, "Stretch to the size, whatever the aspect", "stretch" },
    { CNN_RESIZE_CROP, "Fill the size, cut off what sticks out", "crop" },
    { CNN_RESIZE_PAD, "Fit into the size, the rest black", "pad" },
    { CNN_RESIZE_COVER, "Whole picture, as small as decoding can make it but not smaller than the size, or than a network downstream needs", "cover" })

DEFINE_ENUM (cnn_model_resize_get_type, "GstCnnModelResize",
    { CNN_RESIZE_MODEL, "As the model says", "model" },
    { CNN_RESIZE_STRETCH, "Stretch to the network's size, whatever the aspect", "stretch" },
    { CNN_RESIZE_CROP, "Short side to resize-short, then the centre", "crop" },
    { CNN_RESIZE_PAD, "Fit into the network's size, the rest black", "pad" })

/* Two names for one value, as videoscale and Keras call it. */
DEFINE_ENUM (cnn_interpolation_get_type, "GstCnnInterpolation",
    { GST_VIDEO_RESAMPLER_METHOD_NEAREST, "Nearest pixel", "nearest" },
    { GST_VIDEO_RESAMPLER_METHOD_LINEAR, "Linear, all pixels weigh in when shrinking", "bilinear" },
    { GST_VIDEO_RESAMPLER_METHOD_LINEAR, "Another name of bilinear", "linear" },
    { GST_VIDEO_RESAMPLER_METHOD_CUBIC, "Cubic", "bicubic" },
    { GST_VIDEO_RESAMPLER_METHOD_LANCZOS, "Lanczos", "lanczos" })

DEFINE_ENUM (cnn_on_error_get_type, "GstCnnOnError",
    { CNN_ON_ERROR_SKIP, "Warn, count, go on with the next", "skip" },
    { CNN_ON_ERROR_FAIL, "Stop with an error", "fail" })

DEFINE_ENUM (cnn_color_get_type, "GstCnnColor",
    { CNN_COLOR_MODEL, "As the model says", "model" },
    { CNN_COLOR_RGB, "Red first", "rgb" },
    { CNN_COLOR_BGR, "Blue first", "bgr" })

DEFINE_ENUM (cnn_precision_get_type, "GstCnnPrecision",
    { CNN_PRECISION_MODEL, "As the model is", "model" },
    { CNN_PRECISION_FP32, "float32; a quantized model is refused", "fp32" },
    { CNN_PRECISION_INT8, "Bytes; a model that is not quantized is refused, convoy quantize makes one that is", "int8" })

DEFINE_ENUM (cnn_split_get_type, "GstCnnSplit",
    { CNN_SPLITS_ALL, "Training samples, then those to validate on, if there are such", "all" },
    { CNN_SPLITS_TRAIN, "Training samples", "train" },
    { CNN_SPLITS_VALIDATION, "Samples to validate on", "validation" },
    { CNN_SPLITS_TEST, "Test samples", "test" })

DEFINE_ENUM (cnn_text_end_get_type, "GstCnnTextEnd",
    { CONVOY_TEXT_HEAD, "At its beginning", "head" },
    { CONVOY_TEXT_TAIL, "At its end", "tail" })

DEFINE_ENUM (cnn_text_unit_get_type, "GstCnnTextUnit",
    { CNN_TEXT_AUTO, "A line of a stream of bytes, else a buffer", "auto" },
    { CNN_TEXT_BUFFER, "A buffer", "buffer" },
    { CNN_TEXT_LINE, "A line", "line" },
    { CNN_TEXT_FILE, "All of the stream", "file" })

DEFINE_ENUM (cnn_pooling_get_type, "GstCnnPooling",
    { CNN_POOLING_NONE, "Features as the layer gives them", "none" },
    { CNN_POOLING_MAX, "The largest of each channel", "max" },
    { CNN_POOLING_AVG, "The mean of each channel", "avg" })

DEFINE_ENUM (cnn_flip_get_type, "GstCnnFlip",
    { CNN_FLIP_NONE, "As it is", "none" },
    { CNN_FLIP_HORIZONTAL, "Left and right change places", "horizontal" },
    { CNN_FLIP_VERTICAL, "Top and bottom change places", "vertical" },
    { CNN_FLIP_BOTH, "Each of the two on its own", "both" })

DEFINE_ENUM (cnn_fill_get_type, "GstCnnFill",
    { CNN_FILL_REFLECT, "Mirrored at the rim", "reflect" },
    { CNN_FILL_NEAREST, "The pixel at the rim", "nearest" },
    { CNN_FILL_CONSTANT, "Black", "constant" })
