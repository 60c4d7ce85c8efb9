/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * spec.h - a word of a table with numbers behind it, as text: "rmsprop lr=0.001 rho=0.9". */
#ifndef CONVOY_SPEC_H
#define CONVOY_SPEC_H
#include "core/convoy.h"

#define CONVOY_SPEC_MAX 8

typedef struct {
  const char *word;
  const char *keys;             /* "rho=0.9 epsilon=1e-7": what it takes, with defaults; what each may be is in spec.c */
} ConvoySpecWord;

typedef struct {
  guint row;                    /* of the word in its table */
  const char *word;             /* borrowed from the table */
  guint n;
  struct { const char *key; gsize len; double value; } v[CONVOY_SPEC_MAX];      /* in the order of the word's keys, then of the common ones */
} ConvoySpec;

/* Row i of a table; NULL: there are no more. */
typedef const ConvoySpecWord *(*ConvoySpecTable) (guint i);

/* Reads text by a table. common: keys that every word takes. An error begins with kind ("optimizer")
 * and gives the nearest word that is known. */
gboolean convoy_spec_parse (ConvoySpec *s, const char *kind, const char *text, ConvoySpecTable table, const char *common, GError **error);
double convoy_spec_get (const ConvoySpec *s, const char *key);  /* 0 where the word does not take it */
gboolean convoy_spec_set (ConvoySpec *s, const char *kind, const char *key, double v, GError **error);  /* by the same rules */
char *convoy_spec_str (const ConvoySpec *s);    /* every number written out, to compare; g_free() it */
#endif
