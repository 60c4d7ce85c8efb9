/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * net-init.c - first values of weights, by Keras' initializers. */
#include "core/net.h"
#include "core/random.h"
#include <math.h>

typedef enum { FIXED, UNIFORM, NORMAL, TRUNCATED } Kind;
typedef enum { NO_FAN, FAN_IN, FAN_AVERAGE } Mode;

/* The standard deviation of a normal distribution cut off at two of its own. */
#define TRUNCATED_STDDEV 0.87962566103423978

#define MAX_WEIGHTS (1 << 28)   /* numbers in one tensor, 1 GiB */

/* With a fan, scale / fan is the variance that is aimed at (variance scaling: X. Glorot,
 * Y. Bengio, AISTATS 2010; K. He et al., ICCV 2015; Y. LeCun et al., 1998). Without, scale is the
 * value, the bound of the uniform or the deviation of the normal distribution. */
static const struct { const char *name; Kind kind; Mode mode; double scale; } inits[] = {
  { "zeros", FIXED, NO_FAN, 0 },
  { "ones", FIXED, NO_FAN, 1 },
  { "uniform", UNIFORM, NO_FAN, 0.05 },
  { "normal", NORMAL, NO_FAN, 0.05 },
  { "truncated_normal", TRUNCATED, NO_FAN, 0.05 },
  { "glorot_uniform", UNIFORM, FAN_AVERAGE, 1 },
  { "glorot_normal", TRUNCATED, FAN_AVERAGE, 1 },
  { "he_uniform", UNIFORM, FAN_IN, 2 },
  { "he_normal", TRUNCATED, FAN_IN, 2 },
  { "lecun_uniform", UNIFORM, FAN_IN, 1 },
  { "lecun_normal", TRUNCATED, FAN_IN, 1 },
};

const char *convoy_net_init_name (guint i) { return i < G_N_ELEMENTS (inits) ? inits[i].name : NULL; }

static double
truncated (ConvoyRandom *r)
{
  double v;
  do
    v = convoy_random_normal (r);
  while (fabs (v) > 2);
  return v;
}

static void
fill (float *w, gint64 count, const char *init, ConvoyNetFans fans, ConvoyRandom *r)
{
  guint k = 0;
  while (!g_str_equal (inits[k].name, init))
    k++;
  double fan = inits[k].mode == FAN_IN ? (double) fans.in : ((double) fans.in + (double) fans.out) / 2, scale = inits[k].scale;
  if (inits[k].mode != NO_FAN) {
    scale = sqrt (scale / fmax (fan, 1));
    scale *= inits[k].kind == UNIFORM ? sqrt (3) : inits[k].kind == TRUNCATED ? 1 / TRUNCATED_STDDEV : 1;
  }
  for (gint64 i = 0; i < count; i++)
    switch (inits[k].kind) {
      case FIXED: w[i] = scale; break;
      case UNIFORM: w[i] = scale * (2 * convoy_random_uniform (r) - 1); break;
      case NORMAL: w[i] = scale * convoy_random_normal (r); break;
      case TRUNCATED: w[i] = scale * truncated (r); break;
    }
}

ConvoyValue
convoy_net_weight (ConvoyNetLayer *l, const char *what, const ConvoyShape *s, const char *init, ConvoyNetFans fans, GError **error)
{
  g_autofree char *name = g_strdup_printf ("%s/%s", l->name, what);
  g_autoptr (ConvoyTensor) t = NULL;
  ConvoyRandom r;
  if (convoy_graph_find (l->graph, name) != CONVOY_NONE) {
    convoy_net_fail (l, error, CONVOY_ERROR_INVALID, "the name %s is taken", name);
    return CONVOY_NONE;
  }
  gint64 count = convoy_shape_count (s);
  if (count < 0 || count > MAX_WEIGHTS || (t = convoy_tensor_new (CONVOY_F32, s, NULL)) == NULL) {
    g_autofree char *shape = convoy_shape_str (s), *input = convoy_net_sample (&l->shape);
    convoy_net_fail (l, error, CONVOY_ERROR_NO_MEMORY, "its %s of %s for an input %s is too large", what, shape, input);
    return CONVOY_NONE;
  }
  convoy_random_init (&r, l->seed, name);
  fill (convoy_tensor_data (t), count, init, fans, &r);
  return convoy_graph_param (l->graph, name, t);
}
