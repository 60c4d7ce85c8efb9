/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * element-tools.h - what the element tests share: pictures made in memory, pipelines run to their end. */
#ifndef CONVOY_ELEMENT_TOOLS_H
#define CONVOY_ELEMENT_TOOLS_H

#include <gst/check/gstharness.h>
#include <gst/video/video.h>

/* Made pictures have a corner of another colour: a third of the width and height at the top left. */
#define CORNER 0x00ff00         /* green */
#define GROUND 0xc02040         /* a red */

typedef enum { JPEG_COLOR, JPEG_GREY, JPEG_CMYK, JPEG_YCCK, JPEG_PROGRESSIVE, N_JPEG } JpegKind;
/* orientation 0: no EXIF. */
GstBuffer *make_jpeg (JpegKind kind, guint width, guint height, guint orientation);

typedef enum { PNG_RGB8, PNG_RGB16, PNG_RGBA8, PNG_GREY8, PNG_GREY1, PNG_PALETTE, PNG_INTERLACED, N_PNG } PngKind;
/* Corners are transparent where alpha is to be had (PNG_RGBA8, PNG_PALETTE). */
GstBuffer *make_png (PngKind kind, guint width, guint height);

/* The mean of a pixel's distance per channel from 0xrrggbb. */
guint pixel_error (GstVideoFrame *frame, guint x, guint y, guint rgb);
/* Maps a buffer that was pulled from the harness by its caps. */
void map_pulled (GstHarness *h, GstBuffer *buffer, GstVideoFrame *frame);

/* Where the element of the harness says what it has to say, from now on. */
GstBus *harness_bus (GstHarness *h);
/* Ends both. */
void harness_end (GstHarness *h, GstBus *bus);

/* A folder of its own, with everything in it gone at the end. */
char *scratch_folder (void);
void scratch_remove (char *folder);
void write_file (const char *folder, const char *name, GstBuffer *content);

/* What a pipeline said until its end. */
typedef struct {
  guint n_frames;               /* that reached the element called sink */
  guint n_errors, n_warnings;
  char *error, *warning;        /* the first of them */
  GPtrArray *said;              /* GstStructure of every element message */
  GArray *pts;                  /* GstClockTime of the frames */
  GPtrArray *labels;            /* char *, of each frame's result; "-": it has none */
  gboolean eos;
} Run;

/* The description has a fakesink called sink. */
void run_pipeline (Run *run, const char *format, ...) G_GNUC_PRINTF (2, 3);
/* The same for a pipeline that was made already, which goes back to NULL. */
void run_again (Run *run, GstElement *pipeline);
void run_clear (Run *run);
guint count_said (const Run *run, const char *name);

#endif
