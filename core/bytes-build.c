/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * bytes-build.c - append the steps of what is computed on bytes to a plan. */
#include "core/bytes-find.h"

/* The buffer of an optional number or vector, which is known before a run. */
static ConvoyBuf
known (ConvoyBuild *b, ConvoyValue v)
{
  return v == CONVOY_NONE ? CONVOY_NO_BUF : convoy_build_in_plain (b, v);
}

/* Where its bytes lie. */
static void
lay (ConvoyBuild *b, ConvoyValue v, ConvoyBytes *t)
{
  const gint64 *border = b->bytes->border[v];
  convoy_bytes_shape (convoy_build_shape (b, v), t);
  t->top = border[0], t->left = border[1];
  t->rows = t->h + border[0] + border[2], t->columns = t->w + border[1] + border[3];
}

static ConvoyBuf
bytes_new (ConvoyBuild *b, ConvoyValue v, ConvoyBytes *t)
{
  lay (b, v, t);
  ConvoyShape s = CONVOY_SHAPE (t->n, t->rows, t->columns, t->pixel);
  b->bytes->bytes[v].t = *t;
  return b->bytes->bytes[v].buf = convoy_build_buf (b, CONVOY_B_ARENA, CONVOY_U8, &s, NULL);
}

/* The bytes of q, made from a plain tensor where it has none yet, or those with another zero point round them. */
static ConvoyBuf
bytes_in (ConvoyBuild *b, const ConvoyQuant *q, ConvoyBytes *t)
{
  if (q->q == CONVOY_NONE)
    return CONVOY_NO_BUF;
  gboolean other_zero = b->bytes->bytes[q->q].from_plain && b->bytes->bytes[q->q].zero != q->zero;
  if (b->bytes->bytes[q->q].buf == CONVOY_NO_BUF || other_zero) {
    ConvoyBuf plain = convoy_build_in_plain (b, q->q);
    ConvoyByteMove m = { .x_type = convoy_build_type (b, q->q), .zero_type = { convoy_build_type (b, q->q) } };
    if (b->error)
      return CONVOY_NO_BUF;
    ConvoyBuf to = bytes_new (b, q->q, &m.y);
    convoy_build_call (b, "to bytes", convoy_bytes_from_plain, g_memdup2 (&m, sizeof m), 2, 1, plain, known (b, q->zero), to);
    b->bytes->bytes[q->q].from_plain = TRUE;
    b->bytes->bytes[q->q].zero = q->zero;
  }
  *t = b->bytes->bytes[q->q].t;
  return b->bytes->bytes[q->q].buf;
}

/* Something that no unit is reads v. */
static gboolean
has_readers (ConvoyBuild *b, ConvoyValue v)
{
  for (guint i = 0; b->users[v] && i < b->users[v]->len; i++)
    if (!b->bytes->covered[g_array_index (b->users[v], guint, i)])
      return TRUE;
  return b->is_output[v];
}

/* The plain tensor of what has become bytes, if it is read. */
static void
publish (ConvoyBuild *b, ConvoyValue v)
{
  if (b->error || !has_readers (b, v))
    return;
  ConvoyByteMove m = { .x = b->bytes->bytes[v].t, .y_type = convoy_build_type (b, v) };
  b->value[v] = convoy_build_buf (b, CONVOY_B_ARENA, m.y_type, convoy_build_shape (b, v), NULL);
  convoy_build_call (b, "from bytes", convoy_bytes_to_plain, g_memdup2 (&m, sizeof m), 1, 1, b->bytes->bytes[v].buf, b->value[v]);
}

/* --- convolutions and products ----------------------------------------------- */

static void
describe (ConvoyBuild *b, const ConvoyUnit *u, ConvoyByteConv *k)
{
  const ConvoyWindow *w = &u->window;
  k->threads = b->plan->threads;
  k->groups = u->groups, k->inputs = u->inputs, k->outputs = u->outputs;
  k->depthwise = convoy_unit_is_depthwise (u);
  k->residual = u->other.q != CONVOY_NONE, k->floats = u->floats;
  if (k->depthwise)
    k->groups = 1;
  k->padded = k->depthwise ? (u->outputs + 63) / 64 * 64 : (u->outputs / u->groups + 15) / 16 * 16 * u->groups;
  for (guint i = 0; i < 2; i++)
    k->stride[i] = w->stride[i], k->kernel[i] = w->kernel[i];
  k->origin = ((k->x.top - w->before[0]) * k->x.columns + k->x.left - w->before[1]) * k->x.pixel;
  k->rows = u->groups == 1 && w->dilation[1] == 1;
  k->run = (guint) (k->rows ? w->kernel[1] * k->x.pixel : u->groups == 1 ? k->x.pixel : u->inputs);
  for (gint64 r = 0; r < w->kernel[0]; r++)
    for (gint64 c = 0; c < (k->rows ? 1 : w->kernel[1]); c++)
      k->tap[k->n_taps++] = (gint32) ((r * w->dilation[0] * k->x.columns + c * w->dilation[1]) * k->x.pixel);
}

static gint64
count (ConvoyBuild *b, ConvoyValue v)
{
  return v == CONVOY_NONE ? 1 : convoy_shape_count (convoy_build_shape (b, v));
}

static ConvoyBuf
tmp (ConvoyBuild *b, ConvoyType type, gint64 n)
{
  ConvoyShape s = CONVOY_SHAPE (MAX (n, 1));
  return convoy_build_buf (b, CONVOY_B_ARENA, type, &s, NULL);
}

/* Appends the packing; packed: weights, tables, ones, finish. */
static void
pack (ConvoyBuild *b, const ConvoyUnit *u, const ConvoyByteConv *k, ConvoyBuf packed[4])
{
  const ConvoyValue from[CONVOY_BP_IN] = { u->w.q, u->w.scale, u->w.zero, u->bias, u->bias_scale, u->x.scale, u->x.zero, u->y.scale, u->y.zero,
    u->first.scale, u->first.zero, u->other.scale, u->other.zero };
  /* A zero point has the type of what it belongs to, which is all there is where the file leaves it out. */
  const struct { guint zero; ConvoyValue q; } of[] = { { CONVOY_BP_W_ZERO, u->w.q }, { CONVOY_BP_X_ZERO, u->x.q }, { CONVOY_BP_Y_ZERO, u->y.q },
    { CONVOY_BP_FIRST_ZERO, u->first.q }, { CONVOY_BP_OTHER_ZERO, u->other.q } };
  ConvoyBytePack *p = g_new0 (ConvoyBytePack, 1);
  ConvoyBuf in[CONVOY_BP_IN];
  *p = (ConvoyBytePack) { .conv = *k, .o_stride = u->o_stride, .c_stride = u->c_stride, .tap_stride = u->tap_stride, .low = u->low, .high = u->high,
    .low_first = u->low_first, .high_first = u->high_first, .per_channel = count (b, u->w.scale) > 1, .zero_per_channel = count (b, u->w.zero) > 1 };
  for (guint i = 0; i < CONVOY_BP_IN; i++) {
    in[i] = known (b, from[i]);
    p->type[i] = from[i] == CONVOY_NONE ? CONVOY_U8 : convoy_build_type (b, from[i]);
  }
  for (guint i = 0; i < G_N_ELEMENTS (of); i++)
    if (of[i].q != CONVOY_NONE)
      p->type[of[i].zero] = convoy_build_type (b, of[i].q);
  packed[0] = tmp (b, CONVOY_I8, (gint64) convoy_bytes_packed (k));
  packed[1] = tmp (b, CONVOY_I32, convoy_bytes_more (k, k->padded / 16));
  packed[2] = tmp (b, CONVOY_U8, (gint64) k->n_taps * k->run);
  packed[3] = tmp (b, CONVOY_U8, sizeof (ConvoyFinish));
  convoy_build_call (b, "pack", convoy_bytes_pack, p, CONVOY_BP_IN, 4, in[0], in[1], in[2], in[3], in[4], in[5], in[6], in[7], in[8], in[9], in[10], in[11], in[12],
      packed[0], packed[1], packed[2], packed[3]);
}

/* What a convolution reads, and how. */
struct ConvoyByteStep { ConvoyByteConv k; ConvoyBuf x, packed[4]; };

/* With the convolution before it, which waits. */
static void
pair (ConvoyBuild *b, const ConvoyUnit *u, const struct ConvoyByteStep *first, const struct ConvoyByteStep *s, ConvoyBuf other, ConvoyBuf y)
{
  ConvoyBytePair *p = g_new (ConvoyBytePair, 1);
  *p = (ConvoyBytePair) { first->k, s->k, u->window.before[0] };
  convoy_build_call (b, "bytes conv+depthwise", convoy_bytes_pair, p, 10, 2, first->x, first->packed[0], first->packed[1], first->packed[2], first->packed[3],
      s->packed[0], s->packed[1], s->packed[2], s->packed[3], other, y, tmp (b, CONVOY_U8, (gint64) convoy_bytes_pair_room (p)));
}

static void
conv (ConvoyBuild *b, const ConvoyNode *n, const ConvoyUnit *u)
{
  struct ConvoyByteStep s = { .x = CONVOY_NO_BUF };
  ConvoyBuf other = bytes_in (b, &u->other, &s.k.other), y = CONVOY_NO_BUF;
  if (u->pair)
    lay (b, u->x.q, &s.k.x);
  else
    s.x = bytes_in (b, &u->x, &s.k.x);
  if (b->error)
    return;
  if (u->floats) {
    const ConvoyShape *shape = convoy_build_shape (b, n->out);
    g_autoptr (ConvoyMd) md = shape->n > 2 ? convoy_md_channels_last (shape) : convoy_md_plain (shape);
    convoy_bytes_shape (shape, &s.k.y);
    y = convoy_build_out (b, n->out, md);
  } else if (u->waits)
    lay (b, u->y.q, &s.k.y);
  else
    y = bytes_new (b, u->y.q, &s.k.y);
  describe (b, u, &s.k);
  pack (b, u, &s.k, s.packed);
  if (u->waits)
    b->bytes->waiting[convoy_build_index (b, n)] = g_memdup2 (&s, sizeof s);
  else if (u->pair)
    pair (b, u, b->bytes->waiting[u->pair], &s, other, y);
  else
    convoy_build_call (b, s.k.depthwise ? "bytes depthwise" : "bytes conv", s.k.depthwise ? convoy_bytes_depthwise : convoy_bytes_conv, g_memdup2 (&s.k, sizeof s.k), 6, 1,
        s.x, s.packed[0], s.packed[1], s.packed[2], s.packed[3], other, y);
}

/* --- the rest ------------------------------------------------------------------ */

static void
pool (ConvoyBuild *b, const ConvoyUnit *u, ConvoyByteMove *m, ConvoyBuf x, ConvoyBuf y)
{
  const ConvoyWindow *w = &u->window;
  for (guint i = 0; i < 2; i++)
    m->kernel[i] = w->kernel[i], m->stride[i] = w->stride[i], m->before[i] = w->before[i];
  m->maximum = u->maximum, m->count_padding = u->count_padding;
  convoy_build_call (b, "bytes pool", convoy_bytes_pool, g_memdup2 (m, sizeof *m), 5, 1, x, known (b, u->x.scale),
      known (b, u->x.zero), known (b, u->y.scale), known (b, u->y.zero), y);
}

/* From an element to the next image, channel, row and column. */
static void
steps_of (const ConvoyBytes *t, gint64 step[4])
{
  step[0] = t->rows * t->columns * t->pixel, step[1] = 1, step[2] = t->columns * t->pixel, step[3] = t->pixel;
}

static void
change (ConvoyBuild *b, const char *what, const ConvoyQuant *from, const ConvoyQuant *to, const ConvoyByteMove *m, ConvoyBuf x,
    ConvoyBuf y)
{
  convoy_build_call (b, what, convoy_bytes_change, g_memdup2 (m, sizeof *m), 5, 1, x, known (b, from->scale), known (b, from->zero),
      known (b, to->scale), known (b, to->zero), y);
}

/* Each input to where those before it end. */
static void
concat (ConvoyBuild *b, const ConvoyNode *n, const ConvoyUnit *u, ConvoyByteMove *m, ConvoyBuf y)
{
  const ConvoyShape *shape = convoy_build_shape (b, n->out);
  gint64 axis = convoy_node_int (n, "axis", 0), step[4];
  axis += axis < 0 ? shape->n : 0;
  steps_of (&m->y, step);
  for (guint i = 0; !b->error && i < n->n_in; i++) {
    ConvoyQuant q;
    convoy_bytes_source (b, n->in[i], &q);
    ConvoyBuf x = bytes_in (b, &q, &m->x);
    m->zero_type[0] = convoy_build_type (b, q.q);
    change (b, "bytes concat", is_byte (convoy_build_type (b, n->out)) ? &u->y : &q, &u->y, m, x,
        y); /* without scales: the bytes as they are */
    m->to += convoy_build_shape (b, n->in[i])->d[axis] * step[convoy_bytes_direction (shape, axis)];
  }
}

static void
pad (ConvoyBuild *b, const ConvoyNode *n, const ConvoyUnit *u, ConvoyByteMove *m, ConvoyBuf x, ConvoyBuf y)
{
  gint64 step[4];
  steps_of (&m->y, step);
  for (guint i = 0; i < 4; i++)
    m->to += u->at[i] * step[i];
  m->y_type = convoy_build_type (b, n->out);
  convoy_build_call (b, "bytes pad", convoy_bytes_pad, g_memdup2 (m, sizeof *m), 6, 1, x, known (b, u->x.scale),
      known (b, u->x.zero), known (b, u->y.scale), known (b, u->y.zero), known (b, u->pad), y);
}

static void
move (ConvoyBuild *b, const ConvoyNode *n, const ConvoyUnit *u)
{
  ConvoyByteSum s = { .move = { .low = u->low, .high = u->high, .threads = b->plan->threads } };
  ConvoyByteMove *m = &s.move;
  const ConvoyShape *shape = convoy_build_shape (b, n->in[0]);
  if (u->kind == CONVOY_UNIT_QUANTIZE) {
    g_autoptr (ConvoyMd) md = shape->n > 2 ? convoy_md_channels_last (shape) : convoy_md_plain (shape);
    ConvoyBuf x = convoy_build_in_as (b, convoy_build_in (b, n->in[0]), md);
    m->zero_type[0] = convoy_build_type (b, u->y.q);
    ConvoyBuf y = b->error ? CONVOY_NO_BUF : bytes_new (b, u->y.q, &m->y);
    convoy_build_call (b, "quantize", convoy_bytes_from_floats, g_memdup2 (m, sizeof *m), 3, 1, x, known (b, u->y.scale), known (b, u->y.zero), y);
    return;
  }
  ConvoyBuf x = bytes_in (b, &u->x, &m->x), other = bytes_in (b, &u->other, &s.other);
  if (b->error)
    return;
  m->zero_type[0] = convoy_build_type (b, u->x.q);
  m->zero_type[1] = convoy_build_type (b, u->kind == CONVOY_UNIT_ADD ? u->other.q : u->y.q);
  m->zero_type[2] = convoy_build_type (b, u->y.q);
  if (u->kind == CONVOY_UNIT_SAME) {
    b->bytes->bytes[u->y.q] = b->bytes->bytes[u->x.q];
    b->bytes->bytes[u->y.q].from_plain = FALSE;
    return;
  }
  ConvoyBuf y = bytes_new (b, u->y.q, &m->y);
  if (u->kind == CONVOY_UNIT_POOL)
    pool (b, u, m, x, y);
  else if (u->kind == CONVOY_UNIT_ADD)
    convoy_build_call (b, "bytes add", convoy_bytes_add, g_memdup2 (&s, sizeof s), 8, 1, x, other, known (b, u->x.scale), known (b, u->x.zero), known (b, u->other.scale),
        known (b, u->other.zero), known (b, u->y.scale), known (b, u->y.zero), y);
  else if (u->kind == CONVOY_UNIT_CONCAT)
    concat (b, n, u, m, y);
  else if (u->kind == CONVOY_UNIT_PAD)
    pad (b, n, u, m, x, y);
  else
    change (b, "bytes change", &u->x, &u->y, m, x, y);
}

gboolean
convoy_bytes_forward (ConvoyBuild *b, const ConvoyNode *n)
{
  guint root = convoy_build_index (b, n);
  if (!convoy_bytes_has (b, root))
    return FALSE;
  const ConvoyUnit *u = &b->bytes->unit[root];
  if (u->kind == CONVOY_UNIT_CONV)
    conv (b, n, u);
  else
    move (b, n, u);
  if (!u->floats && !u->waits)
    publish (b, u->y.q);
  return TRUE;
}
