/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * split-run.c - see split.h: runs the parts of a batch, one after the other or side by side. */
#include "core/split.h"
#include <string.h>

/* The parts of one stage are dealt out to lanes, which run side by side. */
typedef struct {
  ConvoyPlan *plan;             /* borrowed */
  guint parts, lanes, first_conv;
  ConvoyExec **exec;            /* by lane */
  GError **error;               /* by lane */
  gsize *in_size, *out_size;    /* by input, output of the plan: bytes of a part */
  ConvoyTensor **in, **out;     /* ... of all samples; in of a later stage is out of the one before */
} Stage;

struct ConvoySplitRun {
  guint n;
  Stage stage[CONVOY_MAX_STAGES];
};

/* A tensor like view or t, of parts times the samples. */
static ConvoyTensor *
whole (ConvoyType type, const ConvoyShape *part, guint parts, GError **error)
{
  ConvoyShape s = *part;
  s.d[0] *= parts;
  return convoy_tensor_new (type, &s, error);
}

static gboolean
add_lanes (Stage *s, GError **error)
{
  s->exec = g_new0 (ConvoyExec *, s->lanes);
  s->error = g_new0 (GError *, s->lanes);
  for (guint i = 0; i < s->lanes; i++)
    if ((s->exec[i] = convoy_exec_new (s->plan, error)) == NULL)
      return FALSE;
  return TRUE;
}

/* before: the stage that its input comes from; NULL: none, the caller fills it. */
static gboolean
stage_init (Stage *s, const ConvoySplit *split, guint index, const Stage *before, GError **error)
{
  ConvoyPlan *plan = split->stage[index].plan;
  guint n_in = plan->inputs->len, n_out = plan->outputs->len, parts = split->stage[index].parts;
  *s = (Stage) { .plan = plan, .parts = parts, .lanes = split->stage[index].lanes, .first_conv = split->stage[index].first_conv,
    .in_size = g_new0 (gsize, n_in + 1), .out_size = g_new0 (gsize, n_out + 1),
    .in = g_new0 (ConvoyTensor *, n_in + 1), .out = g_new0 (ConvoyTensor *, n_out + 1) };
  gboolean ok = add_lanes (s, error);
  for (guint i = 0; ok && i < n_in; i++) {
    ConvoyView v = convoy_exec_input (s->exec[0], i);
    s->in_size[i] = (gsize) convoy_shape_count (&v.shape) * convoy_type_size (v.type);
    s->in[i] = before ? convoy_tensor_ref (before->out[i]) : whole (v.type, &v.shape, parts, error);
    ok = s->in[i] != NULL;
  }
  for (guint i = 0; ok && i < n_out; i++) {
    const ConvoyTensor *t = convoy_exec_output (s->exec[0], i);
    s->out_size[i] = (gsize) convoy_tensor_count (t) * convoy_type_size (convoy_tensor_type (t));
    ok = (s->out[i] = whole (convoy_tensor_type (t), convoy_tensor_shape (t), parts, error)) != NULL;
  }
  return ok;
}

static void
stage_clear (Stage *s)
{
  for (guint i = 0; s->exec && i < s->lanes; i++)
    convoy_exec_free (s->exec[i]);
  for (guint i = 0; s->plan && i < s->plan->inputs->len; i++)
    convoy_tensor_unref (s->in[i]);
  for (guint i = 0; s->plan && i < s->plan->outputs->len; i++)
    convoy_tensor_unref (s->out[i]);
  g_free (s->exec);
  g_free (s->error);
  g_free (s->in_size);
  g_free (s->out_size);
  g_free (s->in);
  g_free (s->out);
}

ConvoySplitRun *
convoy_split_run_new (const ConvoySplit *s, GError **error)
{
  ConvoySplitRun *r = g_new0 (ConvoySplitRun, 1);
  gboolean ok = TRUE;
  for (guint i = 0; ok && i < s->n; i++) {
    ok = stage_init (&r->stage[i], s, i, i > 0 ? &r->stage[i - 1] : NULL, error);
    r->n++;
  }
  if (!ok)
    g_clear_pointer (&r, convoy_split_run_free);
  return r;
}

void
convoy_split_run_free (ConvoySplitRun *r)
{
  for (guint i = 0; r && i < r->n; i++)
    stage_clear (&r->stage[i]);
  g_free (r);
}

ConvoyView
convoy_split_run_input (const ConvoySplitRun *r, guint i)
{
  const Stage *s = &r->stage[0];
  ConvoyView v = convoy_exec_input (s->exec[0], i);
  v.shape = *convoy_tensor_shape (s->in[i]);
  v.data = convoy_tensor_data (s->in[i]);
  return v;
}

ConvoyTensor *convoy_split_run_output (const ConvoySplitRun *r, guint i) { return r->stage[r->n - 1].out[i]; }

/* --- running ------------------------------------------------------------ */

static gboolean
run_part (const Stage *s, guint lane, guint part)
{
  ConvoyExec *x = s->exec[lane];
  for (guint i = 0; i < s->plan->inputs->len; i++)
    convoy_exec_point (x, i, (char *) convoy_tensor_data (s->in[i]) + part * s->in_size[i]);
  if (!convoy_exec_run (x, &s->error[lane]))
    return FALSE;
  for (guint i = 0; i < s->plan->outputs->len; i++)
    memcpy ((char *) convoy_tensor_data (s->out[i]) + part * s->out_size[i], convoy_tensor_data (convoy_exec_output (x, i)), s->out_size[i]);
  return TRUE;
}

/* Lane i takes the i-th share of the parts. */
static void
run_lane (guint lane, void *data)
{
  const Stage *s = data;
  guint end = s->parts * (lane + 1) / s->lanes;
  for (guint part = s->parts * lane / s->lanes; part < end; part++)
    if (!run_part (s, lane, part))
      return;
}

gboolean
convoy_split_run (ConvoySplitRun *r, GError **error)
{
  for (guint i = 0; i < r->n; i++) {
    Stage *s = &r->stage[i];
    convoy_dnn_side_by_side (s->lanes, run_lane, s);
    for (guint k = 0; k < s->lanes; k++)
      if (s->error[k]) {
        for (guint other = k + 1; other < s->lanes; other++)
          g_clear_error (&s->error[other]);
        g_propagate_error (error, g_steal_pointer (&s->error[k]));
        return FALSE;
      }
  }
  return TRUE;
}

void
convoy_split_run_conv_seconds (const ConvoySplitRun *r, double seconds[64])
{
  for (guint i = 0; i < r->n; i++)
    for (guint k = 0; k < r->stage[i].lanes; k++)
      convoy_exec_conv_seconds (r->stage[i].exec[k], r->stage[i].first_conv, seconds);
}

char *
convoy_split_run_profile (ConvoySplitRun *r, gboolean on)
{
  GString *t = g_string_new (NULL);
  for (guint i = 0; i < r->n; i++) {
    Stage *s = &r->stage[i];
    for (guint k = 0; k < s->lanes; k++) {
      g_autofree char *text = convoy_exec_profile (s->exec[k], on);
      if (k == 0 && *text)
        g_string_append_printf (t, "stage %u, one of %u parts:\n%s", i + 1, s->parts, text);
    }
  }
  return g_string_free (t, FALSE);
}
