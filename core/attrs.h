/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * attrs.h - inside view of ConvoyAttrs: what a node carries besides its inputs. */
#ifndef CONVOY_ATTRS_H
#define CONVOY_ATTRS_H
#include "core/convoy.h"

typedef struct {
  char *key;
  char kind;                    /* i f s I F t: int, float, string, ints, floats, tensor */
  gsize n;                      /* of I and F */
  gint64 *i;
  float *f;
  char *s;
  ConvoyTensor *t;
} ConvoyAttr;

struct ConvoyAttrs {
  GArray *list;                 /* ConvoyAttr, in the order they were set */
};

const ConvoyAttr *convoy_attrs_find (const ConvoyAttrs *a, const char *key);    /* NULL: none */
ConvoyAttrs *convoy_attrs_ref (ConvoyAttrs *a);         /* a bound graph shares them; _free() drops one reference */
#endif
