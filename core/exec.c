/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * exec.c - run a plan. An exec owns all memory that a run writes, so one plan may run in many
 * threads at once, with one exec each; packed weights belong to the plan and are shared. */
#include "core/exec.h"
#include "core/memory.h"
#include <string.h>

static char *
block (gsize size, GError **error)
{
  gsize whole = (size + 64) & ~(gsize) 63;
  char *p = whole > size ? convoy_memory_new (whole) : NULL;
  if (p == NULL)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_NO_MEMORY, "no memory for %zu bytes", size);
  else
    memset (p, 0, whole);
  return p;
}

/* Zeros that take no memory until they are written; over what is at p, if that is not NULL. */
static char *
kept_block (char *p, gsize size, GError **error)
{
  p = mmap (p, MAX (size, 1), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | (p ? MAP_FIXED : 0), -1, 0);
  if (p != MAP_FAILED)
    return p;
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_NO_MEMORY, "no memory for %zu bytes", size);
  return NULL;
}

/* A tensor over memory that is not its own. */
static void no_free (gpointer p) { (void) p; }

/* --- frames ---------------------------------------------------------- */

static ConvoyMem *
frame_mem (ConvoyFrame *f, ConvoyBuf b, GError **error)
{
  if (b == CONVOY_NO_BUF)
    return NULL;
  if (f->mem[b] == NULL)
    f->mem[b] = convoy_mem_new (CONVOY_BUF (f->plan, b)->md, f->data[b], error);
  return f->mem[b];
}

static gboolean
bind_prim (ConvoyFrame *f, guint i, GError **error)
{
  ConvoyStep *s = CONVOY_STEP (f->steps, i);
  g_autofree ConvoyMem **mem = g_new0 (ConvoyMem *, s->n + 1);
  g_autofree ConvoyArg *arg = g_new (ConvoyArg, s->n + 1);
  const ConvoyMd *scratch = convoy_prim_md (s->prim, CONVOY_ARG_SCRATCH);
  for (guint k = 0; k < s->n; k++) {
    arg[k] = s->arg[k];
    mem[k] = frame_mem (f, s->buf[k], error);
    if (mem[k] == NULL && s->buf[k] != CONVOY_NO_BUF)
      return FALSE;
  }
  arg[s->n] = CONVOY_ARG_SCRATCH;
  if (scratch && convoy_md_size (scratch) > 0) {
    if ((f->scratch_mem[i] = convoy_mem_new (scratch, f->scratch, error)) == NULL)
      return FALSE;
    mem[s->n] = f->scratch_mem[i];
  }
  f->call[i] = convoy_call_new (s->prim, s->n + 1, arg, mem);
  return TRUE;
}

static void
bind_plain (ConvoyFrame *f, guint i)
{
  ConvoyStep *s = CONVOY_STEP (f->steps, i);
  if (s->kernel || s->trial) {
    f->kernel_data[i] = g_new0 (void *, s->n + 1);
    for (guint k = 0; k < s->n; k++)
      f->kernel_data[i][k] = s->buf[k] == CONVOY_NO_BUF ? NULL : f->data[s->buf[k]];
    return;
  }
  f->tensor[i] = g_new0 (ConvoyTensor *, s->n + 1);
  for (guint k = 0; k < s->n; k++)
    if (s->buf[k] != CONVOY_NO_BUF) {
      const ConvoyPlanBuf *b = CONVOY_BUF (f->plan, s->buf[k]);
      f->tensor[i][k] = convoy_tensor_new_wrap (b->type, &b->shape, f->data[s->buf[k]], no_free, NULL);
    }
}

static gboolean
frame_init (ConvoyFrame *f, ConvoyPlan *p, GArray *steps, const ConvoyExec *x, GError **error)
{
  guint n = p->bufs->len;
  *f = (ConvoyFrame) { .plan = p, .steps = steps, .data = g_new0 (char *, n + 1), .mem = g_new0 (ConvoyMem *, n + 1), .scratch_mem = g_new0 (ConvoyMem *, steps->len + 1),
    .call = g_new0 (ConvoyCall *, steps->len + 1), .tensor = g_new0 (ConvoyTensor **, steps->len + 1), .kernel_data = g_new0 (void **, steps->len + 1) };
  gboolean ok = (f->scratch = block (p->scratch, error)) != NULL;
  for (guint i = 0; ok && i < n; i++) {
    const ConvoyPlanBuf *b = CONVOY_BUF (p, i);
    if (b->alias != CONVOY_NO_BUF)
      continue;
    if (b->kind == CONVOY_B_ARENA)
      f->data[i] = x ? x->arena + b->offset : NULL;
    else if (b->kind == CONVOY_B_STATIC)
      f->data[i] = p->static_mem + b->offset;
    else if (b->kind == CONVOY_B_GIVEN)
      f->data[i] = convoy_tensor_data (b->given);
    else if (b->kind == CONVOY_B_MASTER)
      f->data[i] = x ? x->weights + b->offset : NULL;
    else if (b->kind == CONVOY_B_GRADIENT)
      f->data[i] = x ? x->gradients + b->offset : NULL;
    else if (x)
      ok = (f->data[i] = b->kind == CONVOY_B_KEPT ? kept_block (NULL, b->size, error) : block (b->size, error)) != NULL;
  }
  for (guint i = 0; ok && i < n; i++)
    if (CONVOY_BUF (p, i)->alias != CONVOY_NO_BUF) {
      gsize offset;
      ConvoyBuf root = convoy_plan_root (p, i, &offset);
      f->data[i] = f->data[root] ? f->data[root] + offset : NULL;
    }
  for (guint i = 0; ok && i < steps->len; i++)
    if (CONVOY_STEP (steps, i)->prim)
      ok = bind_prim (f, i, error);
    else
      bind_plain (f, i);
  return ok;
}

static void
frame_clear (ConvoyFrame *f)
{
  for (guint i = 0; f->plan && i < f->plan->bufs->len; i++) {
    convoy_mem_free (f->mem[i]);
    const ConvoyPlanBuf *b = CONVOY_BUF (f->plan, i);
    if (b->kind == CONVOY_B_INPUT && b->alias == CONVOY_NO_BUF)
      free (f->data[i]);
    else if (b->kind == CONVOY_B_KEPT && b->alias == CONVOY_NO_BUF && f->data[i])
      munmap (f->data[i], MAX (b->size, 1));
  }
  for (guint i = 0; f->plan && i < f->steps->len; i++) {
    convoy_call_free (f->call[i]);
    convoy_mem_free (f->scratch_mem[i]);
    for (guint k = 0; f->tensor[i] && k < CONVOY_STEP (f->steps, i)->n; k++)
      convoy_tensor_unref (f->tensor[i][k]);
    g_free (f->tensor[i]);
    g_free (f->kernel_data[i]);
  }
  free (f->scratch);
  g_free (f->data);
  g_free (f->mem);
  g_free (f->scratch_mem);
  g_free (f->call);
  g_free (f->tensor);
  g_free (f->kernel_data);
}

static inline gboolean
step_run (ConvoyFrame *f, guint i, GError **error)
{
  const ConvoyStep *s = CONVOY_STEP (f->steps, i);
  if (s->prim)
    return convoy_call_run (f->call[i], error);
  if (s->kernel) {
    s->kernel (f->kernel_data[i], s->user);
    return TRUE;
  }
  if (s->trial)
    return s->trial (f->kernel_data[i], s->user, error);
  const ConvoyNode *n = s->node;
  ConvoyTensor **t = f->tensor[i];
  if (s->back)
    return n->op->grad (n, t, t + n->n_in, t + n->n_in + n->n_out, t + n->n_in + 2 * n->n_out, error);
  return n->op->eval (n, t, t + s->n_in, error);
}

/* Static memory up to date with the params. */
static gboolean
pack_plan (ConvoyPlan *p, GError **error)
{
  guint now = convoy_params_version (p->graph->params);
  gboolean ok = TRUE;
  if ((guint) g_atomic_int_get (&p->packed) == now)
    return TRUE;
  g_mutex_lock (&p->lock);
  if (p->packed != now) {
    ConvoyFrame f = { 0 };
    ok = (p->static_mem || (p->static_mem = block (p->static_size, error))) && frame_init (&f, p, p->statics, NULL, error);
    for (guint i = 0; ok && i < p->statics->len; i++)
      ok = step_run (&f, i, error);
    frame_clear (&f);
    if (ok)
      g_atomic_int_set (&p->packed, (gint) now);
  }
  g_mutex_unlock (&p->lock);
  return ok;
}

/* --- exec ------------------------------------------------------------ */

ConvoyExec *
convoy_exec_new (ConvoyPlan *p, GError **error)
{
  ConvoyExec *x = g_new0 (ConvoyExec, 1);
  guint n = p->outputs->len;
  x->plan = convoy_plan_ref (p);
  x->output = g_new0 (ConvoyTensor *, n + 1);
  x->pointed = g_new0 (gboolean, p->inputs->len + 1);
  x->seconds = g_new0 (double, p->steps->len + 1);
  if (p->split) {
    if ((x->split = convoy_split_run_new (p->split, error)) == NULL)
      g_clear_pointer (&x, convoy_exec_free);
    return x;
  }
  convoy_dnn_threads (p->threads);
  if (!pack_plan (p, error) || (p->n_weights && (x->weights = block (p->n_weights * sizeof (float), error)) == NULL)
      || (p->n_learning && (x->gradients = block (p->n_learning * sizeof (float), error)) == NULL) || (x->arena = block (p->arena, error)) == NULL || !frame_init (&x->frame, p, p->steps, x, error)
      || !convoy_exec_load (x, error)) {
    convoy_exec_free (x);
    return NULL;
  }
  convoy_exec_find_outers (x);
  for (guint i = 0; i < n; i++) {
    ConvoyBuf b = g_array_index (p->outputs, ConvoyBuf, i);
    x->output[i] = convoy_tensor_new_wrap (CONVOY_BUF (p, b)->type, &CONVOY_BUF (p, b)->shape, x->frame.data[b], no_free, NULL);
  }
  return x;
}

void
convoy_exec_free (ConvoyExec *x)
{
  if (x == NULL)
    return;
  for (guint i = 0; i < x->plan->outputs->len; i++)
    convoy_tensor_unref (x->output[i]);
  convoy_split_run_free (x->split);
  for (guint i = 0; i < x->plan->inputs->len; i++)
    if (x->pointed[i])
      x->frame.data[g_array_index (x->plan->inputs, ConvoyBuf, i)] = NULL;
  frame_clear (&x->frame);
  free (x->arena);
  free (x->weights);
  free (x->gradients);
  g_free (x->outer);
  g_free (x->output);
  g_free (x->pointed);
  g_free (x->seconds);
  convoy_plan_unref (x->plan);
  g_free (x);
}

ConvoyView
convoy_exec_input (ConvoyExec *x, guint i)
{
  if (x->split)
    return convoy_split_run_input (x->split, i);
  ConvoyBuf b = g_array_index (x->plan->inputs, ConvoyBuf, i);
  const ConvoyPlanBuf *p = CONVOY_BUF (x->plan, b);
  ConvoyView v = { .type = p->type, .shape = p->shape, .data = x->frame.data[b] };
  convoy_md_strides (p->md, v.stride);
  return v;
}

/* Step i reads or writes buffer k at data from now on. */
static void
point_step (ConvoyFrame *f, guint i, guint k, char *data)
{
  const ConvoyStep *s = CONVOY_STEP (f->steps, i);
  if (f->kernel_data[i])
    f->kernel_data[i][k] = data;
  if (f->tensor[i]) {
    const ConvoyPlanBuf *b = CONVOY_BUF (f->plan, s->buf[k]);
    convoy_tensor_unref (f->tensor[i][k]);
    f->tensor[i][k] = convoy_tensor_new_wrap (b->type, &b->shape, data, no_free, NULL);
  }
}

void
convoy_exec_point (ConvoyExec *x, guint i, void *data)
{
  ConvoyFrame *f = &x->frame;
  ConvoyBuf input = g_array_index (x->plan->inputs, ConvoyBuf, i);
  if (!x->pointed[i])
    free (f->data[input]);
  x->pointed[i] = TRUE;
  for (guint b = 0; b < x->plan->bufs->len; b++) {
    gsize offset;
    if (convoy_plan_root (x->plan, b, &offset) != input)
      continue;
    f->data[b] = (char *) data + offset;
    if (f->mem[b])
      convoy_mem_point (f->mem[b], f->data[b]);
    for (guint s = 0; s < f->steps->len; s++)
      for (guint k = 0; k < CONVOY_STEP (f->steps, s)->n; k++)
        if (CONVOY_STEP (f->steps, s)->buf[k] == b)
          point_step (f, s, k, f->data[b]);
  }
}

/* The bytes of the view are those of a plain tensor. */
static gboolean
is_plain (const ConvoyView *v)
{
  gint64 step = 1;
  for (guint d = v->shape.n; d-- > 0; step *= v->shape.d[d])
    if (v->stride[d] != step && v->shape.d[d] != 1)
      return FALSE;
  return TRUE;
}

static void
copy_strided (const ConvoyView *to, const char *from)
{
  gsize size = convoy_type_size (to->type);
  gint64 count = convoy_shape_count (&to->shape), at[CONVOY_MAX_DIMS] = { 0 }, offset = 0;
  if (is_plain (to)) {
    memcpy (to->data, from, count * size);
    return;
  }
  for (gint64 i = 0; i < count; i++, from += size) {
    memcpy ((char *) to->data + offset * size, from, size);
    for (guint d = to->shape.n; d-- > 0;) {
      offset += to->stride[d];
      if (++at[d] < to->shape.d[d])
        break;
      offset -= to->stride[d] * at[d];
      at[d] = 0;
    }
  }
}

gboolean
convoy_exec_set (ConvoyExec *x, guint i, const ConvoyTensor *t, GError **error)
{
  ConvoyView v = convoy_exec_input (x, i);
  if (convoy_tensor_type (t) != v.type || !convoy_shape_equal (convoy_tensor_shape (t), &v.shape)) {
    g_autofree char *got = convoy_shape_str (convoy_tensor_shape (t)), *want = convoy_shape_str (&v.shape);
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_SHAPE, "input %s: %s %s does not fit %s %s",
        convoy_graph_name (x->plan->graph, convoy_graph_get_input (x->plan->graph, i)), got, convoy_type_name (convoy_tensor_type (t)), want, convoy_type_name (v.type));
    return FALSE;
  }
  copy_strided (&v, convoy_tensor_data (t));
  return TRUE;
}

/* What was kept from the runs before is of weights that have changed. */
static gboolean
forget_kept (ConvoyExec *x, GError **error)
{
  for (guint i = 0; i < x->plan->bufs->len; i++) {
    const ConvoyPlanBuf *b = CONVOY_BUF (x->plan, i);
    if (b->kind == CONVOY_B_KEPT && b->alias == CONVOY_NO_BUF && !kept_block (x->frame.data[i], b->size, error))
      return FALSE;
  }
  x->packed = (guint) g_atomic_int_get (&x->plan->packed);
  return TRUE;
}

gboolean
convoy_exec_run (ConvoyExec *x, GError **error)
{
  if (x->split)
    return convoy_split_run (x->split, error);
  convoy_dnn_threads (x->plan->threads);
  if (!pack_plan (x->plan, error) || (x->packed != (guint) g_atomic_int_get (&x->plan->packed) && !forget_kept (x, error)))
    return FALSE;
  for (guint i = 0; i < x->plan->steps->len; i++) {
    gint64 start = x->profile ? g_get_monotonic_time () : 0;
    if (!step_run (&x->frame, i, error))
      return FALSE;
    if (x->profile)
      x->seconds[i] += (g_get_monotonic_time () - start) * 1e-6;
  }
  x->runs++;
  return TRUE;
}

const ConvoyTensor *convoy_exec_output (ConvoyExec *x, guint i) { return x->split ? convoy_split_run_output (x->split, i) : x->output[i]; }

char *
convoy_exec_profile (ConvoyExec *x, gboolean on)
{
  if (x->split)
    return convoy_split_run_profile (x->split, on);
  GString *t = g_string_new (NULL);
  for (guint i = 0; x->profile && x->runs && i < x->plan->steps->len; i++) {
    const ConvoyStep *s = CONVOY_STEP (x->plan->steps, i);
    g_string_append_printf (t, "%8.1f us  %-14s %s\n", x->seconds[i] / x->runs * 1e6, s->what, s->node ? convoy_graph_name (x->plan->graph, s->node->out) : "");
  }
  memset (x->seconds, 0, x->plan->steps->len * sizeof *x->seconds);
  x->profile = on;
  x->runs = 0;
  return g_string_free (t, FALSE);
}

void
convoy_exec_conv_seconds (const ConvoyExec *x, guint first, double seconds[64])
{
  if (x->split)
    convoy_split_run_conv_seconds (x->split, seconds);
  for (guint i = 0; i < x->plan->steps->len; i++) {
    const ConvoyNode *n = CONVOY_STEP (x->plan->steps, i)->node;
    if (n && strcmp (n->op->name, "Conv") == 0)
      seconds[MIN (first + convoy_graph_ordinal (x->plan->graph, n), 63)] += x->seconds[i];
  }
}
