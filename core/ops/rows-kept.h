/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * rows-kept.h - products of the rows of a table with weights, neither of which changes: computed when a row is
 * first asked for, and kept. */
#ifndef CONVOY_OPS_ROWS_KEPT_H
#define CONVOY_OPS_ROWS_KEPT_H
#include "core/op.h"

typedef struct {
  gint64 rows, width; /* V, D */
  gint64 floats; /* F of a product */
  gint64 count; /* of numbers in the index */
  const ConvoyNode *gather; /* for messages */
} ConvoyKeptRows;

/* table VxD, weights DxF, index of int64: products V'xF of the rows that were asked for so far, in the order in
 * which they were, and at, int32: which of them each number of the index means. */
void convoy_rows_kept (ConvoyBuild *b, const ConvoyKeptRows *r, ConvoyBuf table, ConvoyBuf weights, ConvoyBuf index,
    ConvoyBuf *products, ConvoyBuf *at);
/* An index as a row, counted from the end where it is negative; FALSE: there is no such row. */
static inline gboolean
convoy_rows_index (const ConvoyNode *gather, gint64 index, gint64 rows, gint64 *row, GError **error)
{
  *row = index + (index < 0 ? rows : 0);
  return (*row >= 0 && *row < rows)
      || convoy_infer_fail (gather, error, "index %" G_GINT64_FORMAT " on an axis of %" G_GINT64_FORMAT, index, rows);
}
#endif
