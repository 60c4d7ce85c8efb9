/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * conv-rows.c - a one-dimensional convolution over rows of a table (an embedding). What a row gives
 * to an output does not depend on where in the text it stands, so it is computed once for each of
 * the V rows and K taps, P = E W, and looked up and added for each of the N x T places, of which
 * there are more; where neither E nor W changes, for each row once it is asked for:
 *
 *   y[n,o,t] = b[o] + sum over k of P[i[n, t + k - before], k, o]
 *   dP[v,k,o] = sum of dy[n,o,t] over the places where i[n, t + k - before] = v
 *   dE = dP W, dW = dP E
 *
 * E VxD, W OxDxK, i NxL; P is V x (K O), outputs fastest; y and dy lie in blocks of 16 channels,
 * [n][o / 16][t][16]. Sums have a fixed order, whatever the number of threads. */
#include "core/ops/conv-rows.h"
#include "core/ops/rows-kept.h"
#include "core/ops/window.h"
#include <string.h>

#define BLOCK CONVOY_LANES      /* channels that are added at a time */
#define PIECE 64                /* outputs of a text that one thread computes at a time */
#define MAX_PRODUCTS (1 << 26)  /* floats in P */

typedef struct {
  gint64 rows, width;           /* V, D */
  gint64 texts, length, places; /* N, L, T */
  gint64 taps, outputs, before; /* K, O, padding */
  gboolean relu;
  const ConvoyNode *gather;
  ConvoyValue table, index;
} Rows;

/* --- when -------------------------------------------------------------- */

/* Products stay as they are from run to run. */
static gboolean
is_fixed (ConvoyBuild *b, const ConvoyNode *n, const Rows *r)
{
  return convoy_build_static (b, r->table) && convoy_build_static (b, n->in[1]);
}

/* What n would read instead; FALSE: it is no such chain. */
static gboolean
find_chain (ConvoyBuild *b, const ConvoyNode *n, const ConvoyNode **taken)
{
  gsize len = 0;
  const ConvoyNode *turn = taken[0] = convoy_build_maker (b, n->in[0]);
  const gint64 *perm = turn && strcmp (turn->op->name, "Transpose") == 0 ? convoy_node_ints (turn, "perm", &len) : NULL;
  if (len != 3 || perm[0] != 0 || perm[1] != 2 || perm[2] != 1 || !convoy_build_only_reader (b, n->in[0], n))
    return FALSE;
  const ConvoyNode *gather = taken[1] = convoy_build_maker (b, turn->in[0]);
  return gather && strcmp (gather->op->name, "Gather") == 0 && convoy_node_int (gather, "axis", 0) == 0 && convoy_build_only_reader (b, turn->in[0], turn)
      && convoy_build_shape (b, gather->in[0])->n == 2 && convoy_build_shape (b, gather->in[1])->n == 2 && convoy_build_type (b, gather->in[0]) == CONVOY_F32
      && convoy_build_type (b, gather->in[1]) == CONVOY_I64 && convoy_build_maker (b, gather->in[0]) == NULL && convoy_build_maker (b, n->in[1]) == NULL;
}

static gboolean
is_simple (ConvoyBuild *b, const ConvoyNode *n, ConvoyWindow *w)
{
  const ConvoyShape *ws = convoy_build_shape (b, n->in[1]);
  ConvoyShape out;
  return ws->n == 3 && ws->d[0] % BLOCK == 0 && convoy_node_int (n, "group", 1) == 1
      && convoy_window_init (n, convoy_build_shape (b, n->in[0]), ws->d + 2, 1, FALSE, w, &out, NULL) && w->stride[0] == 1 && w->dilation[0] == 1;
}

static Rows
rows_of (ConvoyBuild *b, const ConvoyNode *n, const ConvoyNode *gather)
{
  const ConvoyShape *table = convoy_build_shape (b, gather->in[0]), *index = convoy_build_shape (b, gather->in[1]), *w = convoy_build_shape (b, n->in[1]);
  ConvoyWindow window = { 0 };
  guint count;
  is_simple (b, n, &window);
  convoy_build_posts (b, n, &count);
  return (Rows) { table->d[0], table->d[1], index->d[0], index->d[1], convoy_build_shape (b, n->out)->d[2], w->d[2], w->d[0], window.before[0], count > 0,
    gather, gather->in[0], gather->in[1] };
}

guint
convoy_conv_rows_take (ConvoyBuild *b, const ConvoyNode *n, const ConvoyNode **taken)
{
  ConvoyWindow w;
  if (!find_chain (b, n, taken) || !is_simple (b, n, &w))
    return 0;
  Rows r = rows_of (b, n, taken[1]);
  return (is_fixed (b, n, &r) || r.rows <= r.texts * r.places) && r.rows <= MAX_PRODUCTS / (r.taps * r.outputs)
          && r.texts * r.length <= G_MAXINT32
      ? 2
      : 0;
}

gboolean
convoy_conv_rows_takes_post (guint count, const ConvoyPost *post)
{
  return count == 0 && post->kind == CONVOY_POST_EW && post->n_ew == 1 && post->ew[0].kind == CONVOY_EW_RELU && post->ew[0].a == 0;
}

/* --- kernels ----------------------------------------------------------- */

/* i (int64) -> int32 in 0..V-1 */
static gboolean
check_index (void *const data[], const void *user, GError **error)
{
  const Rows *r = user;
  const gint64 *from = data[0];
  gint32 *to = data[1];
  for (gint64 i = 0, row; i < r->texts * r->length; i++) {
    if (!convoy_rows_index (r->gather, from[i], r->rows, &row, error))
      return FALSE;
    to[i] = (gint32) row;
  }
  return TRUE;
}

/* W OxDxK to where one more of each of these lies so many floats further. */
static void
turn (const Rows *r, const float *w, float *out, gint64 output, gint64 width, gint64 tap)
{
  for (gint64 o = 0; o < r->outputs; o++)
    for (gint64 d = 0; d < r->width; d++)
      for (gint64 k = 0; k < r->taps; k++)
        out[o * output + d * width + k * tap] = *w++;
}

/* -> (K O)xD */
static void
turn_weights (void *const data[], const void *user)
{
  const Rows *r = user;
  turn (r, data[0], data[1], r->width, 1, r->outputs * r->width);
}

/* -> Dx(K O) */
static void
turn_outputs (void *const data[], const void *user)
{
  const Rows *r = user;
  turn (r, data[0], data[1], 1, r->taps * r->outputs, r->outputs);
}

/* W as turn_weights() had it -> OxDxK */
static void
turn_back (void *const data[], const void *user)
{
  const Rows *r = user;
  const float *in = data[0];
  float *w = data[1];
  for (gint64 o = 0; o < r->outputs; o++)
    for (gint64 d = 0; d < r->width; d++)
      for (gint64 k = 0; k < r->taps; k++)
        *w++ = in[(k * r->outputs + o) * r->width + d];
}

/* Outputs from..to of one block of channels of one text. index and y: of the text; p and bias (NULL: none): from the block on. */
CONVOY_VECTORIZED static void
add_taps (const Rows *r, const float *p, const gint32 *index, const float *bias, float *y, gint64 from, gint64 to)
{
  const ConvoyLanes none = { 0 };
  for (gint64 t = from; t < to; t++) {
    ConvoyLanes sum = bias ? *(const ConvoyLanes *) bias : none;
    gint64 first = MAX (r->before - t, 0), last = MIN (r->length + r->before - t, r->taps);
    for (gint64 k = first; k < last; k++)
      sum += *(const ConvoyLanes *) (p + (index[t + k - r->before] * r->taps + k) * r->outputs);
    if (r->relu)
      sum = (ConvoyLanes) ((ConvoyMask) sum & ~CONVOY_NEGATIVE (sum));
    *(ConvoyLanes *) (y + t * BLOCK) = sum;
  }
}

/* P, i, b -> y */
static void
look_up (void *const data[], const void *user)
{
  const Rows *r = user;
  const float *p = data[0], *b = data[2];
  const gint32 *index = data[1];
  float *y = data[3];
  gint64 blocks = r->outputs / BLOCK, pieces = (r->places + PIECE - 1) / PIECE;
#pragma omp parallel for
  for (gint64 i = 0; i < r->texts * pieces; i++) {
    gint64 text = i / pieces, from = i % pieces * PIECE;
    for (gint64 block = 0; block < blocks; block++)
      add_taps (r, p + block * BLOCK, index + text * r->length, b ? b + block * BLOCK : NULL, y + (text * blocks + block) * r->places * BLOCK, from,
          MIN (from + PIECE, r->places));
  }
}

/* i -> where each row stands: V + 1 places in the list of N L places that follows, sorted by row. */
static void
sort_places (void *const data[], const void *user)
{
  const Rows *r = user;
  const gint32 *index = data[0];
  gint32 *begin = data[1], *list = begin + r->rows + 1;
  gint64 n = r->texts * r->length;
  memset (begin, 0, (r->rows + 1) * sizeof *begin);
  for (gint64 i = 0; i < n; i++)
    begin[index[i] + 1]++;
  for (gint64 v = 0; v < r->rows; v++)
    begin[v + 1] += begin[v];
  for (gint64 i = 0; i < n; i++)
    list[begin[index[i]]++] = (gint32) i;
  memmove (begin + 1, begin, r->rows * sizeof *begin);  /* each went on to where the next begins */
  begin[0] = 0;
}

/* dP of one row, from the places where it stands: all taps of one after the other, for what they read lies side by side. */
CONVOY_VECTORIZED static void
sum_row (const Rows *r, const float *dy, const gint32 *place, gint64 n, float *dp)
{
  const gint32 length = (gint32) r->length;
  const gint64 blocks = r->outputs / BLOCK;
  for (gint64 i = 0; i < n; i++) {
    const float *text = dy + place[i] / length * blocks * r->places * BLOCK;
    const gint64 t = place[i] % length + r->before, last = MIN (t + 1, r->taps);
    for (gint64 k = MAX (t - r->places + 1, 0); k < last; k++)
      for (gint64 block = 0; block < blocks; block++)
        *(ConvoyLanes *) (dp + k * r->outputs + block * BLOCK) += *(const ConvoyLanes *) (text
            + (block * r->places + t - k) * BLOCK);
  }
}

/* dy, places -> dP */
static void
gather_back (void *const data[], const void *user)
{
  const Rows *r = user;
  const float *dy = data[0];
  const gint32 *begin = data[1], *list = begin + r->rows + 1;
  float *dp = data[2];
#pragma omp parallel for schedule (dynamic, 16)
  for (gint64 v = 0; v < r->rows; v++) {
    float *to = dp + v * r->taps * r->outputs;
    memset (to, 0, r->taps * r->outputs * sizeof *to);
    sum_row (r, dy, list + begin[v], begin[v + 1] - begin[v], to);
  }
}

/* dy -> db */
static void
sum_bias (void *const data[], const void *user)
{
  const Rows *r = user;
  const float *dy = data[0];
  float *db = data[1];
  gint64 blocks = r->outputs / BLOCK;
#pragma omp parallel for
  for (gint64 block = 0; block < blocks; block++) {
    ConvoyLanes sum = { 0 };
    for (gint64 text = 0; text < r->texts; text++)
      for (gint64 t = 0; t < r->places; t++)
        sum += *(const ConvoyLanes *) (dy + ((text * blocks + block) * r->places + t) * BLOCK);
    *(ConvoyLanes *) (db + block * BLOCK) = sum;
  }
}

/* --- steps -------------------------------------------------------------- */

/* The product as oneDNN's inner product has it: E VxD by weights (K O)xD gives P Vx(K O). */
typedef struct {
  ConvoyShape table, weights, products, index, sorted;
  ConvoyMd *table_md, *weights_md, *products_md;
} Shapes;

static Shapes
shapes_of (const Rows *r)
{
  Shapes s = { .table = CONVOY_SHAPE (r->rows, r->width), .weights = CONVOY_SHAPE (r->taps * r->outputs, r->width),
    .products = CONVOY_SHAPE (r->rows, r->taps * r->outputs), .index = CONVOY_SHAPE (r->texts * r->length),
    .sorted = CONVOY_SHAPE (r->rows + 1 + r->texts * r->length) };
  s.table_md = convoy_md_plain (&s.table), s.weights_md = convoy_md_plain (&s.weights), s.products_md = convoy_md_plain (&s.products);
  return s;
}

static void
shapes_clear (Shapes *s)
{
  convoy_md_free (s->table_md), convoy_md_free (s->weights_md), convoy_md_free (s->products_md);
}

static gpointer
copy (const Rows *r)
{
  return g_memdup2 (r, sizeof *r);
}

static Rows
taken (ConvoyBuild *b, const ConvoyNode *n)
{
  guint count;
  return rows_of (b, n, convoy_build_taken (b, n, &count)[1]);
}

static ConvoyBuf
turned (ConvoyBuild *b, const ConvoyNode *n, const Rows *r, const Shapes *s)
{
  ConvoyBuf w = convoy_build_tmp (b, &s->weights, NULL);
  convoy_build_call (b, "turn", turn_weights, copy (r), 1, 1, convoy_build_in_plain (b, n->in[1]), w);
  return w;
}

/* P of all rows, and the index. */
static void
all_rows (ConvoyBuild *b, const ConvoyNode *n, const Rows *r, ConvoyBuf *products, ConvoyBuf *index)
{
  Shapes s = shapes_of (r);
  ConvoyPrim *p = convoy_dnn_ip (s.table_md, s.weights_md, NULL, s.products_md, NULL, convoy_build_error (b));
  ConvoyBuf w = turned (b, n, r, &s);
  *products = convoy_build_tmp (b, &s.products, NULL);
  *index = convoy_build_tmp (b, &s.index, NULL);
  convoy_build_prim (b, "rows", p, CONVOY_ARG_SRC, convoy_build_in_plain (b, r->table), CONVOY_ARG_WEI, w, CONVOY_ARG_DST,
      *products, -1);
  convoy_build_trial (b, "index", check_index, copy (r), 1, 1, convoy_build_in_plain (b, r->index), *index);
  shapes_clear (&s);
}

/* P of those that are asked for. */
static void
kept_rows (ConvoyBuild *b, const ConvoyNode *n, const Rows *r, ConvoyBuf *products, ConvoyBuf *index)
{
  const ConvoyKeptRows kept = { r->rows, r->width, r->taps * r->outputs, r->texts * r->length, r->gather };
  ConvoyBuf w = convoy_build_tmp (b, &CONVOY_SHAPE (r->width, kept.floats), NULL);
  convoy_build_call (b, "turn", turn_outputs, copy (r), 1, 1, convoy_build_in_plain (b, n->in[1]), w);
  convoy_rows_kept (b, &kept, convoy_build_in_plain (b, r->table), w, convoy_build_in_plain (b, r->index), products, index);
}

void
convoy_conv_rows_forward (ConvoyBuild *b, const ConvoyNode *n)
{
  Rows r = taken (b, n);
  g_autoptr (ConvoyMd) ym = convoy_md_blocked (convoy_build_shape (b, n->out));
  ConvoyBuf products, index;
  (is_fixed (b, n, &r) ? kept_rows : all_rows) (b, n, &r, &products, &index);
  convoy_build_call (b, "look up", look_up, copy (&r), 3, 1, products, index, n->n_in > 2 ? convoy_build_in_plain (b, n->in[2]) : CONVOY_NO_BUF,
      convoy_build_out (b, n->out, ym));
  if (convoy_build_wants (b, n->out))
    convoy_build_keep (b, n, index);
}

void
convoy_conv_rows_backward (ConvoyBuild *b, const ConvoyNode *n)
{
  Rows r = taken (b, n);
  Shapes s = shapes_of (&r);
  g_autoptr (ConvoyMd) ym = convoy_md_blocked (convoy_build_shape (b, n->out));
  ConvoyBuf dy = convoy_build_in_as (b, convoy_build_grad (b, n->out), ym), sorted = convoy_build_tmp (b, &s.sorted, NULL), dp = convoy_build_tmp (b, &s.products, NULL);
  ConvoyPrim *forward = convoy_dnn_ip (s.table_md, s.weights_md, NULL, s.products_md, NULL, convoy_build_error (b));
  gboolean table = convoy_build_wants (b, r.table), weights = convoy_build_wants (b, n->in[1]);
  if (n->n_in > 2 && convoy_build_wants (b, n->in[2])) {
    ConvoyBuf db = convoy_build_grad_out (b, n->in[2], NULL, NULL);
    convoy_build_call (b, "bias", sum_bias, copy (&r), 1, 1, dy, db);
    convoy_build_grad_done (b, n->in[2], db, NULL);
  }
  if (forward && (table || weights)) {
    convoy_build_call (b, "sort", sort_places, copy (&r), 1, 1, convoy_build_kept (b, n), sorted);
    convoy_build_call (b, "look up back", gather_back, copy (&r), 2, 1, dy, sorted, dp);
  }
  if (forward && weights) {
    ConvoyPrim *p = convoy_dnn_ip_weights (s.table_md, s.weights_md, NULL, s.products_md, forward, convoy_build_error (b));
    ConvoyBuf turned_dw = convoy_build_tmp (b, &s.weights, NULL), dw = convoy_build_grad_out (b, n->in[1], NULL, NULL);
    convoy_build_prim (b, "rows weights", p, CONVOY_ARG_SRC, convoy_build_in_plain (b, r.table), CONVOY_ARG_DDST, dp, CONVOY_ARG_DWEI, turned_dw, -1);
    convoy_build_call (b, "turn back", turn_back, copy (&r), 1, 1, turned_dw, dw);
    convoy_build_grad_done (b, n->in[1], dw, NULL);
  }
  if (forward && table) {
    ConvoyPrim *p = convoy_dnn_ip_data (s.table_md, s.weights_md, s.products_md, forward, convoy_build_error (b));
    ConvoyBuf de = convoy_build_grad_out (b, r.table, NULL, NULL);
    convoy_build_prim (b, "rows table", p, CONVOY_ARG_DDST, dp, CONVOY_ARG_WEI, turned (b, n, &r, &s), CONVOY_ARG_DSRC, de, -1);
    convoy_build_grad_done (b, r.table, de, NULL);
  }
  convoy_prim_free (forward);
  shapes_clear (&s);
}
