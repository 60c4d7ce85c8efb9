/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * make-model.c - writes FOLDER/color.onnx, a classifier small enough for test scripts. */
#include "tests/element-model.h"
#include <glib.h>
#include <stdio.h>

int
main (int argc, char **argv)
{
  g_autofree char *path = make_model (argc > 1 ? argv[1] : ".");
  puts (path);
  return 0;
}
