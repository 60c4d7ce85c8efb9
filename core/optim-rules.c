/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * optim-rules.c - the optimizers, with the formulas and defaults of Keras. g is the gradient, a
 * step's own learning rate is in every formula, so moments of the momentum kind carry it along. */
#include "core/optim.h"
#include "core/vector.h"
#include <float.h>
#include <math.h>

/* 1 / (sqrt (x) + epsilon) to the last bit or two, x not negative: division and root are the slowest of what a processor does. Newton's
 * method from the first guesses that halving, or turning round, the bits of a float gives. */
__attribute__ ((always_inline)) static inline float
inverse_root (float x, float epsilon)
{
  union {
    float f;
    gint32 i;
  } root, quotient;
  x = x > FLT_MAX ? FLT_MAX : x;
  root.f = x;
  root.i = 0x5f375a86 - (root.i >> 1);
  for (guint i = 0; i < 3; i++)
    root.f *= 1.5f - 0.5f * x * root.f * root.f;
  const float d = x * root.f + epsilon;
  quotient.f = d;
  quotient.i = 0x7ef311c7 - quotient.i;
  for (guint i = 0; i < 3; i++)
    quotient.f *= 2 - d * quotient.f;
  return quotient.f;
}

/* Every rule has the same arguments. */
#define RULE(name) \
  CONVOY_VECTORIZED static void name (const ConvoyOptimCall *c, float *restrict w, const float *restrict g, float *restrict m, float *restrict v, gsize n)

/* w -= lr g */
RULE (sgd)
{
  const float lr = c->lr;
  (void) m, (void) v;
  for (gsize i = 0; i < n; i++)
    w[i] -= lr * g[i];
}

/* m = momentum m - lr g; w += m. k: momentum */
RULE (momentum)
{
  const float lr = c->lr, mu = c->k[0];
  (void) v;
  for (gsize i = 0; i < n; i++) {
    m[i] = mu * m[i] - lr * g[i];
    w[i] += m[i];
  }
}

/* m as above; w += momentum m - lr g. Y. Nesterov 1983, in the form of I. Sutskever et al. 2013. k: momentum */
RULE (nesterov)
{
  const float lr = c->lr, mu = c->k[0];
  (void) v;
  for (gsize i = 0; i < n; i++) {
    m[i] = mu * m[i] - lr * g[i];
    w[i] += mu * m[i] - lr * g[i];
  }
}

/* m = rho m + (1 - rho) g g; w -= lr g / (sqrt (m) + epsilon). T. Tieleman, G. Hinton 2012. k: rho, epsilon */
RULE (rmsprop)
{
  const float lr = c->lr, rho = c->k[0], one_less = 1 - rho, epsilon = c->k[1];
  (void) v;
  for (gsize i = 0; i < n; i++) {
    m[i] = rho * m[i] + one_less * (g[i] * g[i]);
    w[i] -= lr * g[i] * inverse_root (m[i], epsilon);
  }
}

/* m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g g; both divided by 1 - beta^step;
 * w -= lr m / (sqrt (v) + epsilon), epsilon scaled as Keras does. D. Kingma, J. Ba 2015. k: beta1, beta2, epsilon */
RULE (adam)
{
  const float beta1 = c->k[0], beta2 = c->k[1], epsilon = c->k[2], less1 = 1 - beta1, less2 = 1 - beta2;
  const float lr = c->lr * sqrt (1 - pow (beta2, c->step)) / (1 - pow (beta1, c->step));
  for (gsize i = 0; i < n; i++) {
    m[i] = beta1 * m[i] + less1 * g[i];
    v[i] = beta2 * v[i] + less2 * (g[i] * g[i]);
    w[i] -= lr * m[i] * inverse_root (v[i], epsilon);
  }
}

static const ConvoyOptimRule rules[] = {
  { { "sgd", "lr=0.01" }, 0, sgd },
  { { "momentum", "momentum=0.9 lr=0.01" }, 1, momentum },
  { { "nesterov", "momentum=0.9 lr=0.01" }, 1, nesterov },
  { { "rmsprop", "rho=0.9 epsilon=1e-7 lr=0.001" }, 1, rmsprop },
  { { "adam", "beta1=0.9 beta2=0.999 epsilon=1e-7 lr=0.001" }, 2, adam },
  /* I. Loshchilov, F. Hutter 2019: the decay is apart from the gradient; convoy_optim_step() does it. */
  { { "adamw", "beta1=0.9 beta2=0.999 epsilon=1e-7 lr=0.001 weight-decay=0.004" }, 2, adam },
};

const ConvoyOptimRule *
convoy_optim_rule (guint i)
{
  return i < G_N_ELEMENTS (rules) ? &rules[i] : NULL;
}

const ConvoySpecWord *
convoy_optim_word (guint i)
{
  return i < G_N_ELEMENTS (rules) ? &rules[i].spec : NULL;
}
