/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-plot.c - figures of training histories: what is drawn where, and what becomes a file. */
#include "pipelines/plot.h"
#include "tests/temp-files.h"
#include <float.h>
#include <math.h>
#include <string.h>
#include <sys/wait.h>

#define HEADER "epoch,loss,accuracy,val_loss,val_accuracy,lr,seconds\n"
#define WIDTH 900
#define HEIGHT 360
#define BLUE 0x0072b2           /* training */
#define RED 0xd55e00            /* validation */

static cairo_surface_t *
draw (const PlotRun *runs, guint n)
{
  cairo_surface_t *s = cairo_image_surface_create (CAIRO_FORMAT_RGB24, WIDTH, HEIGHT);
  cairo_t *cr = cairo_create (s);
  plot_draw (cr, WIDTH, HEIGHT, runs, n, NULL);
  CU_ASSERT_EQUAL (cairo_status (cr), CAIRO_STATUS_SUCCESS);
  cairo_destroy (cr);
  cairo_surface_flush (s);
  return s;
}

/* The middle of the pixels near a colour in columns x0 to x1, above the legend; NAN: there are none. */
static double
height_of (cairo_surface_t *s, guint color, int x0, int x1)
{
  double sum = 0;
  guint n = 0;
  for (int y = 0; y < HEIGHT - 30; y++) {
    const guint32 *row = (const guint32 *) (cairo_image_surface_get_data (s) + y * cairo_image_surface_get_stride (s));
    for (int x = x0; x < x1; x++) {
      int far = 0;
      for (int shift = 0; shift < 24; shift += 8)
        far = MAX (far, ABS ((int) (row[x] >> shift & 255) - (int) (color >> shift & 255)));
      if (far < 24) {
        sum += y;
        n++;
      }
    }
  }
  return n ? sum / n : NAN;
}

static ConvoyHistory *
overfitting (guint epochs, gboolean accuracy)
{
  ConvoyHistory *h = convoy_history_new ();
  for (guint e = 1; e <= epochs; e++) {
    double t = (double) e / epochs;
    ConvoyEpoch row = { e, 0, 2 - 1.8 * t, accuracy ? 0.2 + 0.7 * t : NAN, 1 + 4 * (t - 0.5) * (t - 0.5), accuracy ? 0.5 - (t - 0.5) * (t - 0.5) : NAN, 0, 0 };
    convoy_history_add (h, &row);
  }
  return h;
}

/* Loss in the left half: training falls, validation turns up; accuracy in the right: training rises. */
static void
test_curves (void)
{
  PlotRun run = { "run", overfitting (20, TRUE) };
  cairo_surface_t *s = draw (&run, 1);
  double early = height_of (s, BLUE, 70, 110), late = height_of (s, BLUE, 390, 430);
  CU_ASSERT_TRUE (early < 130 && late > 240);
  double left = height_of (s, RED, 70, 90), middle = height_of (s, RED, 200, 280), right = height_of (s, RED, 410, 430);
  CU_ASSERT_TRUE (middle > left + 50 && middle > right + 50);
  early = height_of (s, BLUE, 520, 560), late = height_of (s, BLUE, 840, 880);
  CU_ASSERT_TRUE (early > 240 && late < 130);
  cairo_surface_destroy (s);
  convoy_history_free (run.history);
}

/* Without accuracy the loss has the whole width; the middle of the figure is then not empty. */
static void
test_one_panel (void)
{
  PlotRun both = { "run", overfitting (20, TRUE) }, loss = { "run", overfitting (20, FALSE) };
  cairo_surface_t *a = draw (&both, 1), *b = draw (&loss, 1);
  CU_ASSERT_TRUE (isnan (height_of (a, BLUE, 440, 505)));
  CU_ASSERT_FALSE (isnan (height_of (b, BLUE, 440, 505)));
  cairo_surface_destroy (a);
  cairo_surface_destroy (b);
  convoy_history_free (both.history);
  convoy_history_free (loss.history);
}

/* Constant losses of 5, 4, 3: a curve of its own colour each, from the top down. */
static void
test_several (void)
{
  static const guint colors[] = { BLUE, RED, 0x009e73 };
  PlotRun runs[3];
  for (guint i = 0; i < 3; i++) {
    runs[i] = (PlotRun) { "run", convoy_history_new () };
    for (guint e = 1; e <= 10; e++)
      convoy_history_add (runs[i].history, &(ConvoyEpoch) { e, 0, 5 - i, 0.2, 5 - i, 0.2 + 0.2 * i, 0, 0 });
  }
  cairo_surface_t *s = draw (runs, 3);
  double above = 0;
  for (guint i = 0; i < 3; i++) {
    double y = height_of (s, colors[i], 150, 380);
    CU_ASSERT_TRUE (y > above + 30);
    above = y;
    convoy_history_free (runs[i].history);
  }
  cairo_surface_destroy (s);
}

/* Histories that leave little to draw: no number is divided by zero, no loop runs on. */
static void
test_odd (void)
{
  static const ConvoyEpoch rows[] = {
    { 1, 0, 0.5, 0.5, NAN, NAN, 0, 0 }, { 7, 0, INFINITY, NAN, NAN, NAN, 0, 0 }, { 4000000000u, 0, 1e300, 1, 1e-300, 0, 0, 0 },
    { 0, 0, NAN, NAN, NAN, NAN, 0, 0 }, { 3, 0, -1e-320, 0, 5e-324, 0, 0, 0 }, { 1, 0, -DBL_MAX, -DBL_MAX, DBL_MAX, DBL_MAX, 0, 0 },
  };
  for (guint i = 0; i < 1 << G_N_ELEMENTS (rows); i++) {
    PlotRun run = { "odd", convoy_history_new () };
    for (guint k = 0; k < G_N_ELEMENTS (rows); k++)
      if (i == 0 || i >> k & 1)
        convoy_history_add (run.history, &rows[k]);
    cairo_surface_destroy (draw (&run, 1));
    convoy_history_free (run.history);
  }
}

/* --- the command ------------------------------------------------------ */

/* Runs `convoy plot`; gives what it says on either stream. */
static char *
command (int status, const char *a, const char *b, const char *c)
{
  const char *argv[] = { "pipelines/convoy", "plot", a, b, c, NULL };
  g_autofree char *out = NULL, *err = NULL;
  int wait = -1;
  GError *error = NULL;
  if (!g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, &err, &wait, &error))
    CU_FAIL_FATAL (error->message);
  CU_ASSERT_TRUE (WIFEXITED (wait) && WEXITSTATUS (wait) == status);
  return g_strconcat (out, err, NULL);
}

static void
check_said (char *said, const char *text)
{
  CU_ASSERT_PTR_NOT_NULL (strstr (said, text));
  g_free (said);
}

static void
test_files (void)
{
  const char *csv = temp_write ("plots/history.csv", HEADER "1,2,0.3,2.1,0.25,0.001,3\n2,1,0.6,1.4,0.5,0.001,3\n", -1), *png = temp_path ("plots/a.png");
  g_autofree char *svg = NULL;
  check_said (command (0, csv, NULL, NULL), "plots/history.svg\n");
  CU_ASSERT_TRUE_FATAL (g_file_get_contents (temp_path ("plots/history.svg"), &svg, NULL, NULL));
  GMarkupParseContext *xml = g_markup_parse_context_new (&(GMarkupParser) { NULL, NULL, NULL, NULL, NULL }, 0, NULL, NULL);
  CU_ASSERT_TRUE (g_markup_parse_context_parse (xml, svg, -1, NULL) && g_markup_parse_context_end_parse (xml, NULL));
  g_markup_parse_context_free (xml);
  CU_ASSERT_PTR_NOT_NULL (strstr (svg, "viewBox=\"0 0 900 360\""));
  check_said (command (0, csv, "-o", png), "a.png\n");
  cairo_surface_t *s = cairo_image_surface_create_from_png (png);
  CU_ASSERT_EQUAL (cairo_image_surface_get_width (s), WIDTH);
  CU_ASSERT_EQUAL (cairo_image_surface_get_height (s), HEIGHT);
  CU_ASSERT_FALSE (isnan (height_of (s, RED, 60, 430)));
  cairo_surface_destroy (s);
}

static void
test_refused (void)
{
  const char *csv = temp_write ("plots/history.csv", HEADER "1,2,0.3,2.1,0.25,0.001,3\n", -1);
  check_said (command (2, NULL, NULL, NULL), "no HISTORY given");
  check_said (command (2, csv, "--wrong", NULL), "--wrong");
  check_said (command (1, temp_path ("plots/none.csv"), NULL, NULL), "none.csv");
  check_said (command (1, temp_write ("plots/empty.csv", HEADER, -1), NULL, NULL), "empty.csv: has no epochs");
  check_said (command (1, csv, "-o", temp_path ("plots/x.pdf")), "x.pdf: a figure is a file .svg or .png");
  check_said (command (1, csv, "-o", "/nonexistent/x.svg"), "/nonexistent/x.svg");
}

int
main (void)
{
  static const TapTest tests[] = {
    { "curves go where the numbers go", test_curves },
    { "no panel for what was not measured", test_one_panel },
    { "several runs, told apart by colour", test_several },
    { "odd histories", test_odd },
    { "SVG and PNG", test_files },
    { "what cannot be plotted", test_refused },
    { NULL, NULL }
  };
  return temp_main ("plot", tests);
}
