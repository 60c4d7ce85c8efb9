/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * element-set.c - see element-set.h. */
#include "tests/element-set.h"
#include "tests/temp-files.h"

const char *
make_set (void)
{
  static guint8 *rows;
  if (!rows) {
    GRand *rand = g_rand_new_with_seed (1);
    rows = g_malloc (SET_N * 3073);
    for (guint i = 0; i < SET_N; i++) {
      guint8 *p = rows + (gsize) i * 3073;
      *p++ = i % 2;
      for (guint k = 0; k < 3072; k++)
        p[k] = (guint8) ((k / 1024 == (i % 2 ? 2 : 0) ? 140 : 60) + g_rand_int_range (rand, 0, 60));
    }
    temp_write ("set/data_batch_1.bin", rows, SET_N * 3073);
    g_rand_free (rand);
  }
  return temp_path ("set");
}
