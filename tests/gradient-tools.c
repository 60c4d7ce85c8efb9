/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gradient-tools.c - see gradient-tools.h. */
#include "tests/gradient-tools.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define STEP 2e-3f
#define PLACES 14               /* of each weight that are tried */

ConvoyAttrs *
attrs_of (const char *text)
{
  ConvoyAttrs *a = convoy_attrs_new ();
  g_auto (GStrv) words = g_strsplit (text, " ", -1);
  for (guint i = 0; words[i] && *words[i]; i++) {
    char *value = strchr (words[i], '=');
    *value++ = 0;
    g_auto (GStrv) list = g_strsplit (value, ",", -1);
    gint64 v[8];
    guint n = g_strv_length (list);
    for (guint k = 0; k < n; k++)
      v[k] = g_ascii_strtoll (list[k], NULL, 10);
    if (g_ascii_isalpha (*value))
      convoy_attrs_set_string (a, words[i], value);
    else if (strchr (value, '.'))
      convoy_attrs_set_float (a, words[i], g_ascii_strtod (value, NULL));
    else if (n > 1 || g_str_equal (words[i], "kernel_shape") || g_str_equal (words[i], "dilations"))
      convoy_attrs_set_ints (a, words[i], v, n);
    else
      convoy_attrs_set_int (a, words[i], v[0]);
  }
  return a;
}

ConvoyTensor *
spread (const ConvoyShape *s, float lo, float hi, guint salt)
{
  ConvoyTensor *t = convoy_tensor_new (CONVOY_F32, s, NULL);
  gint64 n = convoy_tensor_count (t);
  float *v = convoy_tensor_data (t);
  for (gint64 i = 0; i < n; i++)
    v[i] = lo + (hi - lo) * ((i * 7919 + salt * 31) % n + 0.37f) / n;
  return t;
}

ConvoyValue
flatten_all (ConvoyGraph *g, ConvoyValue first, guint n, GError **error)
{
  ConvoyValue flat[4];
  for (guint i = 0; i < n; i++) {
    ConvoyValue v = first + i;
    if ((flat[i] = convoy_graph_node (g, "Flatten", NULL, &v, 1, NULL, 1, attrs_of ("axis=0"), error)) == CONVOY_NONE)
      return CONVOY_NONE;
  }
  return n == 1 ? flat[0] : convoy_graph_node (g, "Concat", NULL, flat, n, NULL, 1, attrs_of ("axis=1"), error);
}

static double
loss_at (ConvoyExec *x, gsize i, float w)
{
  float *weights = convoy_exec_weights (x), old = weights[i];
  weights[i] = w;
  gboolean ok = convoy_exec_run (x, NULL);
  weights[i] = old;
  return ok ? *(const float *) convoy_tensor_data (convoy_exec_output (x, 0)) : NAN;
}

/* Padding of blocked layouts has no gradient. */
guint
compare (ConvoyExec *x, const char *what)
{
  g_autofree float *gradient = g_memdup2 (convoy_exec_gradients (x), convoy_exec_n_learning (x) * sizeof (float));
  guint wrong = 0;
  for (guint s = 0; s < convoy_exec_n_slots (x); s++) {
    const ConvoySlot *slot = convoy_exec_slot (x, s);
    for (gsize k = 0; !slot->statistic && k < MIN (slot->n, PLACES); k++) {
      gsize i = slot->offset + (slot->n <= PLACES ? k : (k * 7919 + 13) % slot->n);
      float w = convoy_exec_weights (x)[i];
      if (w == 0 && gradient[i] == 0)
        continue;
      double g = (loss_at (x, i, w + STEP) - loss_at (x, i, w - STEP)) / (2 * STEP);
      if (fabs (g - gradient[i]) <= 1e-3 + 0.02 * fabs (g))
        continue;
      printf ("# %s: weight %s[%zu]: %g, by differences %g\n", what, slot->name, i - slot->offset, gradient[i], g);
      wrong++;
    }
  }
  return wrong;
}

ConvoyExec *
exec_of (ConvoyGraph *g, GError **error)
{
  ConvoyPlan *p = convoy_plan_new_learning (g, NULL, error);
  ConvoyExec *x = p ? convoy_exec_new (p, error) : NULL;
  convoy_plan_unref (p);
  return x;
}
