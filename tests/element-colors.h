/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * element-colors.h - cnnclassify in a harness with the network of make_model(), the frames it is given and
 * what it says of them. */
#ifndef CONVOY_ELEMENT_COLORS_H
#define CONVOY_ELEMENT_COLORS_H
#include <gst/check/gstharness.h>

extern const char *const colors[3];

/* Ten frames a second; properties beside the model. */
GstHarness *classifier (const char *model, const char *format, int width, int height, const char *properties);
/* RGB frame number i, all of colour number color. */
GstBuffer *make_frame (guint i, guint color, guint width, guint height);
/* NULL: there is none. */
const GstStructure *result_of (GstBuffer *b);
gboolean has_label (GstBuffer *b, const char *label);

#endif
