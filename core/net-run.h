/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * net-run.h - the state while the items of a network's text become layers. */
#ifndef CONVOY_NET_RUN_H
#define CONVOY_NET_RUN_H
#include "core/graph.h"
#include "core/net.h"

#define CONVOY_NET_MAX_DEPTH 16 /* blocks within blocks and repetitions */

typedef struct ConvoyNetScope ConvoyNetScope;
struct ConvoyNetScope {
  GHashTable *vars;             /* char * -> char * */
  const ConvoyNetScope *up;
};

/* Where items run: names get prefix, "in" is what came into the block. */
typedef struct {
  const ConvoyNetScope *scope;
  const char *prefix;
  ConvoyNetValue in;
  guint depth;
} ConvoyNetFrame;

typedef struct {
  ConvoyGraph *graph;
  guint64 seed;
  const char *where;
  const ConvoyShape *input;     /* NULL: the text says it */
  gboolean started;             /* the input is there */
  ConvoyNetValue now;           /* what the last layer gave; before the first the input, value 0 of a new graph */
  GHashTable *values;           /* name of a layer -> ConvoyNetValue * */
  GHashTable *counts;           /* Keras name -> how many there are */
  GHashTable *blocks;           /* name -> const ConvoyNetItem * */
  GHashTable *given;            /* variables given from outside: name -> text */
  GHashTable *used;             /* names of those of them that the text has */
  ConvoyNetScope top;
  guint n_layers, n_steps;
} ConvoyNet;

/* --- variables (net-vars.c) ------------------------------------------- */

/* FALSE, and a message that begins with file and line. */
gboolean convoy_net_refuse (const ConvoyNet *net, guint line, GError **error, const char *format, ...) G_GNUC_PRINTF (4, 5);
/* Of the keys of n tables the one nearest to word; NULL: there are none. g_free() it. */
char *convoy_net_nearest_key (const char *word, GHashTable *const *tables, guint n);
GHashTable *convoy_net_strings (void);                  /* char * -> char *, both freed */
/* text with its ${} replaced; g_free() it. */
char *convoy_net_replace (ConvoyNet *net, const ConvoyNetScope *scope, const char *text, guint line, GError **error);
/* name = value; what was given from outside takes its place at the top. */
gboolean convoy_net_set (ConvoyNet *net, const ConvoyNetItem *it, const ConvoyNetFrame *f, GError **error);

/* --- layers (net-build.c) --------------------------------------------- */

/* The input, from the caller or the text, before the first layer, whose word this is. */
gboolean convoy_net_start (ConvoyNet *net, const char *word, guint line, GError **error);
void convoy_net_remember (ConvoyNet *net, const char *name, ConvoyNetValue v);
/* A layer by name, that of the innermost block first; "in"; a value of the graph that the text continues. */
gboolean convoy_net_find (ConvoyNet *net, const char *word, guint line, const ConvoyNetFrame *f, const char *name, ConvoyNetValue *out, GError **error);
const char *convoy_net_given (const GArray *args, const char *key);     /* what stands there for key; NULL: nothing */
gboolean convoy_net_check_name (ConvoyNet *net, const char *word, guint line, const char *name, const char *full, GError **error);
/* One layer. args have their ${} replaced. */
gboolean convoy_net_build (ConvoyNet *net, const ConvoyNetWord *w, const GArray *args, guint line, const ConvoyNetFrame *f, GError **error);
#endif
