/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * build.c - what an operator appends to a plan: buffers and steps. A step that reads nothing but
 * constants and weights is static: it runs once for each version of the weights, which is how
 * constants fold, BatchNormalization folds and weights are packed. */
#include "core/build.h"
#include <stdarg.h>
#include <string.h>

GError **convoy_build_error (ConvoyBuild *b) { return b->error ? NULL : &b->error; }
const ConvoyShape *convoy_build_shape (ConvoyBuild *b, ConvoyValue v) { return &CONVOY_VAL (b->graph, v)->shape; }
ConvoyType convoy_build_type (ConvoyBuild *b, ConvoyValue v) { return CONVOY_VAL (b->graph, v)->type; }
ConvoyTensor *convoy_build_const (ConvoyBuild *b, ConvoyValue v) { return v == CONVOY_NONE ? NULL : convoy_graph_value (b->graph, v); }
const ConvoyMd *convoy_build_md (ConvoyBuild *b, ConvoyBuf i) { return i == CONVOY_NO_BUF ? NULL : CONVOY_BUF (b->plan, i)->md; }
gboolean convoy_build_static (ConvoyBuild *b, ConvoyValue v) { return v == CONVOY_NONE || b->fixed[v]; }

static gboolean
is_chosen (ConvoyBuild *b, const ConvoyNode *n, guint64 convs)
{
  return convs >> MIN (convoy_graph_ordinal (b->graph, n), 63) & 1;
}

gboolean
convoy_build_depthwise (ConvoyBuild *b, const ConvoyNode *n)
{
  return is_chosen (b, n, b->plan->variant.depthwise);
}

gboolean
convoy_build_tiles (ConvoyBuild *b, const ConvoyNode *n)
{
  return is_chosen (b, n, b->plan->variant.tiles) && convoy_dnn_has_tiles ();
}

guint
convoy_build_threads (ConvoyBuild *b)
{
  return b->plan->threads;
}

guint
convoy_build_winograd (ConvoyBuild *b, const ConvoyNode *n)
{
  const guint64 *chosen = b->plan->variant.winograd;
  return is_chosen (b, n, chosen[0]) ? 2 : is_chosen (b, n, chosen[1]) ? 4 : 0;
}

guint
convoy_build_index (ConvoyBuild *b, const ConvoyNode *n)
{
  return CONVOY_VAL (b->graph, n->out)->node;
}

const ConvoyPost *
convoy_build_posts (ConvoyBuild *b, const ConvoyNode *n, guint *count)
{
  ConvoyNodeState *s = &b->node[convoy_build_index (b, n)];
  *count = s->n_posts;
  return s->posts;
}

const ConvoyNode *
convoy_build_maker (ConvoyBuild *b, ConvoyValue v)
{
  return v != CONVOY_NONE && CONVOY_VAL (b->graph, v)->kind == CONVOY_V_NODE ? CONVOY_NODE (b->graph, CONVOY_VAL (b->graph, v)->node) : NULL;
}

gboolean
convoy_build_only_reader (ConvoyBuild *b, ConvoyValue v, const ConvoyNode *n)
{
  return !b->is_output[v] && b->users[v] && b->users[v]->len == 1 && CONVOY_NODE (b->graph, g_array_index (b->users[v], guint, 0)) == n;
}

const ConvoyNode *const *
convoy_build_taken (ConvoyBuild *b, const ConvoyNode *n, guint *count)
{
  ConvoyNodeState *s = &b->node[convoy_build_index (b, n)];
  *count = s->n_taken;
  return s->taken;
}

/* --- buffers --------------------------------------------------------- */

ConvoyBuf
convoy_build_buf (ConvoyBuild *b, ConvoyBufKind kind, ConvoyType type, const ConvoyShape *shape, const ConvoyMd *md)
{
  ConvoyPlanBuf x = { .kind = kind, .type = type, .shape = *shape, .md = md ? convoy_md_dup (md) : convoy_md_plain (shape), .alias = CONVOY_NO_BUF };
  x.size = convoy_md_size (x.md) * convoy_type_size (type) / sizeof (float);
  g_array_append_val (b->plan->bufs, x);
  return b->plan->bufs->len - 1;
}

/* An alias of an alias is one of the same bytes: a chain of them is no longer for that. */
ConvoyBuf
convoy_build_alias (ConvoyBuild *b, ConvoyBuf of, const ConvoyShape *shape, const ConvoyMd *md)
{
  ConvoyBuf i = convoy_build_buf (b, CONVOY_BUF (b->plan, of)->kind, CONVOY_BUF (b->plan, of)->type, shape, md);
  gsize offset;
  CONVOY_BUF (b->plan, i)->alias = convoy_plan_root (b->plan, of, &offset);
  CONVOY_BUF (b->plan, i)->offset = offset;
  CONVOY_BUF (b->plan, of)->used = TRUE;
  return i;
}

ConvoyMd *
convoy_build_any (ConvoyBuild *b, const ConvoyShape *s)
{
  gboolean blocked = b->plan->variant.blocked && s->n >= 3 && s->n <= 5 && s->d[1] % 16 == 0;
  return blocked ? convoy_md_blocked (s) : convoy_md_any (s);
}

/* A weight that learns as the plain tensor it is: another reader settled its layout already. */
static ConvoyBuf
unpacked (ConvoyBuild *b, const ConvoyPlanSlot *s)
{
  ConvoyBuf packed = convoy_build_alias (b, s->weight, &s->slot.shape, s->md);
  return convoy_build_alias (b, convoy_build_in_as (b, packed, s->plain), &s->slot.shape, NULL);
}

ConvoyBuf
convoy_build_in (ConvoyBuild *b, ConvoyValue v)
{
  const ConvoyVal *val = CONVOY_VAL (b->graph, v);
  if (b->learn && b->slot[v] >= 0) {
    const ConvoyPlanSlot *s = CONVOY_PLAN_SLOT (b->plan, b->slot[v]);
    return s->md ? unpacked (b, s) : s->weight;
  }
  if (b->value[v] == CONVOY_NO_BUF) {   /* a constant or a weight, first used */
    b->value[v] = convoy_build_buf (b, CONVOY_B_GIVEN, val->type, &val->shape, NULL);
    CONVOY_BUF (b->plan, b->value[v])->given = convoy_tensor_ref (convoy_graph_value (b->graph, v));
  }
  return b->value[v];
}

/* A weight that learns takes the layout of its first reader, for good. */
static gboolean
settle (ConvoyBuild *b, ConvoyBuf from, const ConvoyMd *md)
{
  ConvoyPlanSlot *s = convoy_build_slot (b, from);
  if (s == NULL || s->settled)
    return FALSE;
  s->settled = TRUE;
  s->plain = convoy_md_dup (CONVOY_BUF (b->plan, from)->md);
  s->md = convoy_md_dup (md);
  convoy_md_free (CONVOY_BUF (b->plan, from)->md);
  CONVOY_BUF (b->plan, from)->md = convoy_md_dup (md);
  CONVOY_BUF (b->plan, s->weight)->size = convoy_md_size (md);
  return TRUE;
}

/* An input of the graph takes the layout of its first reader, if that is one the caller can
 * write: so a picture is normalized straight into what the first convolution reads. */
static gboolean
adopt (ConvoyBuild *b, ConvoyBuf from, const ConvoyMd *md)
{
  ConvoyPlanBuf *x = CONVOY_BUF (b->plan, from);
  gint64 stride[CONVOY_MAX_DIMS * 2];
  if (x->kind != CONVOY_B_INPUT || x->used || x->alias != CONVOY_NO_BUF || !(convoy_md_strides (md, stride) || b->plan->variant.any_input) || !convoy_md_dense (md))
    return FALSE;
  convoy_md_free (x->md);
  x->md = convoy_md_dup (md);
  return TRUE;
}

ConvoyBuf
convoy_build_in_as (ConvoyBuild *b, ConvoyBuf from, const ConvoyMd *md)
{
  if (b->error || from == CONVOY_NO_BUF || md == NULL || convoy_md_equal (convoy_build_md (b, from), md) || adopt (b, from, md)
      || settle (b, from, md))
    return from;
  for (guint i = 0; b->reorders && i < b->reorders->len; i++) {
    const ConvoyReorder *r = &g_array_index (b->reorders, ConvoyReorder, i);
    if (r->from == from && convoy_md_equal (convoy_build_md (b, r->to), md))
      return r->to;
  }
  const ConvoyPlanBuf *x = CONVOY_BUF (b->plan, from);
  ConvoyShape shape = x->shape;
  if (convoy_md_same_bytes (x->md, md))
    return convoy_build_alias (b, from, &shape, md);
  if (x->type != CONVOY_F32) {
    g_set_error (convoy_build_error (b), CONVOY_ERROR, CONVOY_ERROR_ENGINE, "%s: no reorder of %s", b->current->op->name, convoy_type_name (x->type));
    return from;
  }
  ConvoyPrim *p = convoy_dnn_reorder (x->md, md, convoy_build_error (b));
  ConvoyBuf to = convoy_build_buf (b, CONVOY_B_ARENA, CONVOY_F32, &shape, md);
  convoy_build_prim (b, "reorder", p, CONVOY_ARG_SRC, from, CONVOY_ARG_DST, to, -1);
  if (b->reorders)
    g_array_append_val (b->reorders, ((ConvoyReorder) { from, to }));
  return to;
}

static ConvoyBuf
buf_as_plain (ConvoyBuild *b, ConvoyBuf from)
{
  ConvoyMd *md = convoy_md_plain (&CONVOY_BUF (b->plan, from)->shape);
  ConvoyBuf to = convoy_build_in_as (b, from, md);
  convoy_md_free (md);
  return to;
}

ConvoyBuf
convoy_build_in_plain (ConvoyBuild *b, ConvoyValue v)
{
  return b->error || v == CONVOY_NONE ? CONVOY_NO_BUF : buf_as_plain (b, convoy_build_in (b, v));
}

ConvoyBuf
convoy_build_view (ConvoyBuild *b, ConvoyBuf buf, const ConvoyShape *shape, const ConvoyMd *md)
{
  return b->error ? buf : convoy_build_alias (b, buf, shape, md);
}

/* v and everything that the nodes riding on its producer make of it share one buffer. */
static void
publish (ConvoyBuild *b, ConvoyValue v, ConvoyBuf buf)
{
  const ConvoyNodeState *s = &b->node[CONVOY_VAL (b->graph, v)->node];
  b->value[v] = buf;
  if (v == CONVOY_NODE (b->graph, CONVOY_VAL (b->graph, v)->node)->out)
    for (guint i = 0; i < s->n_posts; i++)
      b->value[s->posts[i].node->out] = buf;
}

static const ConvoyShape *
final_shape (ConvoyBuild *b, ConvoyValue v)
{
  const ConvoyNodeState *s = &b->node[CONVOY_VAL (b->graph, v)->node];
  gboolean first = v == CONVOY_NODE (b->graph, CONVOY_VAL (b->graph, v)->node)->out;
  return convoy_build_shape (b, first ? s->last : v);
}

ConvoyBuf
convoy_build_out (ConvoyBuild *b, ConvoyValue v, const ConvoyMd *md)
{
  if (b->error)
    return CONVOY_NO_BUF;
  publish (b, v, convoy_build_buf (b, CONVOY_B_ARENA, convoy_build_type (b, v), final_shape (b, v), md));
  return b->value[v];
}

ConvoyBuf
convoy_build_out_in (ConvoyBuild *b, ConvoyValue v, ConvoyBuf share)
{
  if (b->error || share == CONVOY_NO_BUF)
    return CONVOY_NO_BUF;
  publish (b, v, convoy_build_alias (b, share, final_shape (b, v), CONVOY_BUF (b->plan, share)->md));
  return b->value[v];
}

gboolean
convoy_build_place (ConvoyBuild *b, ConvoyValue v, const ConvoyNode *n, ConvoyBuf to, gsize offset)
{
  const ConvoyNode *maker = convoy_build_maker (b, v);
  if (b->error || maker == NULL || (maker->op->flags & CONVOY_OP_ALIAS) || !convoy_build_only_reader (b, v, n)
      || offset % CONVOY_ALIGN)
    return FALSE;
  ConvoyPlanBuf *x = CONVOY_BUF (b->plan, convoy_plan_root (b->plan, b->value[v], NULL));
  if (x->kind != CONVOY_B_ARENA || x->size != CONVOY_BUF (b->plan, b->value[v])->size)
    return FALSE;
  gsize base;
  x->alias = convoy_plan_root (b->plan, to, &base);
  x->offset = base + offset;
  return TRUE;
}

ConvoyBuf
convoy_build_tmp (ConvoyBuild *b, const ConvoyShape *shape, const ConvoyMd *md)
{
  return b->error ? CONVOY_NO_BUF : convoy_build_buf (b, CONVOY_B_ARENA, CONVOY_F32, shape, md);
}

ConvoyBuf
convoy_build_memory (ConvoyBuild *b, const ConvoyShape *shape)
{
  return b->error ? CONVOY_NO_BUF : convoy_build_buf (b, CONVOY_B_KEPT, CONVOY_F32, shape, NULL);
}

gboolean
convoy_build_last_use (ConvoyBuild *b, ConvoyValue v, const ConvoyNode *n, const ConvoyNode *rider)
{
  const ConvoyVal *val = CONVOY_VAL (b->graph, v);
  guint self = convoy_build_index (b, n);
  if (val->kind != CONVOY_V_NODE || b->is_output[v] || (CONVOY_NODE (b->graph, val->node)->op->flags & CONVOY_OP_ALIAS))
    return FALSE;
  for (guint i = 0; i < b->users[v]->len; i++) {
    guint u = g_array_index (b->users[v], guint, i);
    if (CONVOY_NODE (b->graph, u) == rider)
      continue;
    if (b->node[u].root >= self || (CONVOY_NODE (b->graph, u)->op->flags & CONVOY_OP_ALIAS))
      return FALSE;
  }
  return TRUE;
}

/* --- steps ----------------------------------------------------------- */

static gboolean
is_static (ConvoyBuild *b, ConvoyBuf i)
{
  ConvoyBufKind kind = CONVOY_BUF (b->plan, convoy_plan_root (b->plan, i, NULL))->kind;
  return kind == CONVOY_B_STATIC || kind == CONVOY_B_GIVEN;
}

void
convoy_build_step (ConvoyBuild *b, ConvoyStep s)
{
  gboolean fixed = TRUE;
  for (guint i = 0; i < s.n; i++)
    if (s.buf[i] != CONVOY_NO_BUF) {
      ConvoyPlanSlot *slot = convoy_build_slot (b, s.buf[i]);
      if (slot)
        slot->settled = TRUE;
      CONVOY_BUF (b->plan, s.buf[i])->used = TRUE;
      fixed &= i >= s.n_in || is_static (b, s.buf[i]);
    }
  for (guint i = s.n_in; i < s.n; i++)
    fixed &= s.buf[i] == CONVOY_NO_BUF || CONVOY_BUF (b->plan, convoy_plan_root (b->plan, s.buf[i], NULL))->kind <= CONVOY_B_STATIC;
  for (guint i = s.n_in; fixed && i < s.n; i++)
    CONVOY_BUF (b->plan, convoy_plan_root (b->plan, s.buf[i], NULL))->kind = CONVOY_B_STATIC;
  s.node = s.node ? s.node : b->current;
  g_array_append_val (fixed ? b->plan->statics : b->plan->steps, s);
}

static gboolean
is_written (ConvoyArg a)
{
  return a == CONVOY_ARG_DST || a == CONVOY_ARG_DSRC || a == CONVOY_ARG_DWEI || a == CONVOY_ARG_DBIAS;
}

void
convoy_build_prim (ConvoyBuild *b, const char *what, ConvoyPrim *p, ...)
{
  g_autoptr (GArray) buf = g_array_new (FALSE, FALSE, sizeof (ConvoyBuf)), arg = g_array_new (FALSE, FALSE, sizeof (ConvoyArg));
  guint n_in = 0;
  va_list ap;
  if (p == NULL || b->error) {
    convoy_prim_free (p);
    return;
  }
  va_start (ap, p);
  for (int a; (a = va_arg (ap, int)) >= 0;) {
    ConvoyArg k = a;
    ConvoyBuf i = va_arg (ap, ConvoyBuf);
    guint at = is_written (k) ? buf->len : n_in++;
    g_array_insert_val (buf, at, i);
    g_array_insert_val (arg, at, k);
  }
  va_end (ap);
  const ConvoyMd *scratch = convoy_prim_md (p, CONVOY_ARG_SCRATCH);
  b->plan->scratch = MAX (b->plan->scratch, scratch ? convoy_md_size (scratch) : 0);
  convoy_build_step (b, (ConvoyStep) { .what = what, .prim = p, .n = buf->len, .n_in = n_in, .buf = g_memdup2 (buf->data, buf->len * sizeof (ConvoyBuf)),
      .arg = g_memdup2 (arg->data, arg->len * sizeof (ConvoyArg)) });
}

void
convoy_build_concat (ConvoyBuild *b, ConvoyPrim *p, const ConvoyBuf *src, guint n, ConvoyBuf dst)
{
  if (p == NULL || b->error) {
    convoy_prim_free (p);
    return;
  }
  ConvoyStep s = { .what = "concat", .prim = p, .n = n + 1, .n_in = n, .buf = g_new (ConvoyBuf, n + 1), .arg = g_new (ConvoyArg, n + 1) };
  for (guint i = 0; i < n; i++) {
    s.buf[i] = src[i];
    s.arg[i] = CONVOY_ARG_MULTI + i;
  }
  s.buf[n] = dst;
  s.arg[n] = CONVOY_ARG_DST;
  const ConvoyMd *scratch = convoy_prim_md (p, CONVOY_ARG_SCRATCH);
  b->plan->scratch = MAX (b->plan->scratch, scratch ? convoy_md_size (scratch) : 0);
  convoy_build_step (b, s);
}

/* Takes user over. */
static void
add_call (ConvoyBuild *b, ConvoyStep s, guint n_in, guint n_out, va_list ap)
{
  if (b->error) {
    g_free (s.user);
    return;
  }
  s.n = n_in + n_out;
  s.n_in = n_in;
  s.buf = g_new (ConvoyBuf, n_in + n_out);
  for (guint i = 0; i < s.n; i++)
    s.buf[i] = va_arg (ap, ConvoyBuf);
  convoy_build_step (b, s);
}

void
convoy_build_call (ConvoyBuild *b, const char *what, ConvoyKernel k, gpointer user, guint n_in, guint n_out, ...)
{
  va_list ap;
  va_start (ap, n_out);
  add_call (b, (ConvoyStep) { .what = what, .kernel = k, .user = user }, n_in, n_out, ap);
  va_end (ap);
}

void
convoy_build_trial (ConvoyBuild *b, const char *what, ConvoyTrial t, gpointer user, guint n_in, guint n_out, ...)
{
  va_list ap;
  va_start (ap, n_out);
  add_call (b, (ConvoyStep) { .what = what, .trial = t, .user = user }, n_in, n_out, ap);
  va_end (ap);
}
