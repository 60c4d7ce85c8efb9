/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * rows-kept.c - see rows-kept.h. What a text takes is then no more than its words that are new, and of those that
 * are frequent the products lie side by side. */
#include "core/ops/rows-kept.h"

#define FEW 8 /* new rows that are not worth a second thread */

/* y = e W; e D, W DxF, y F */
CONVOY_VECTORIZED static void
multiply (const float *restrict e, const float *restrict w, gint64 width, gint64 n, float *restrict y)
{
  gint64 d = width % 4;
  for (gint64 o = 0; o < n; o++)
    y[o] = 0;
  for (gint64 k = 0; k < d; k++)
    for (gint64 o = 0; o < n; o++)
      y[o] += e[k] * w[k * n + o];
  for (; d < width; d += 4) { /* so that y is read and written less often */
    const float *restrict a = w + d * n, *restrict b = a + n, *restrict c = b + n, *restrict f = c + n;
    for (gint64 o = 0; o < n; o++)
      y[o] += e[d] * a[o] + e[d + 1] * b[o] + e[d + 2] * c[o] + e[d + 3] * f[o];
  }
}

/* table, weights, index -> products; how many there are, the place of each row + 1, the row of each place; at */
static gboolean
find_rows (void *const data[], const void *user, GError **error)
{
  const ConvoyKeptRows *r = user;
  const float *table = data[0], *weights = data[1];
  const gint64 *index = data[2];
  float *products = data[3];
  gint32 *used = data[4], *place = used + 1, *row_at = place + r->rows, *at = data[5], n = *used;
  gboolean ok = TRUE;
  for (gint64 i = 0, row; i < r->count && (ok = convoy_rows_index (r->gather, index[i], r->rows, &row, error)); i++) {
    if (place[row] == 0) {
      row_at[n] = (gint32) row;
      place[row] = ++n;
    }
    at[i] = place[row] - 1;
  }
#pragma omp parallel for if (n - *used > FEW)
  for (gint32 k = *used; k < n; k++)
    multiply (table + row_at[k] * r->width, weights, r->width, r->floats, products + k * r->floats);
  *used = n;
  return ok;
}

void
convoy_rows_kept (ConvoyBuild *b, const ConvoyKeptRows *r, ConvoyBuf table, ConvoyBuf weights, ConvoyBuf index, ConvoyBuf *products,
    ConvoyBuf *at)
{
  ConvoyBuf places = convoy_build_memory (b, &CONVOY_SHAPE (1 + 2 * r->rows));
  *products = convoy_build_memory (b, &CONVOY_SHAPE (r->rows, r->floats));
  *at = convoy_build_tmp (b, &CONVOY_SHAPE (r->count), NULL);
  convoy_build_trial (b, "new rows", find_rows, g_memdup2 (r, sizeof *r), 3, 3, table, weights, index, *products, places, *at);
}
