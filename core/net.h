/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * net.h - inside view of networks as text: text (net-text.c) -> items (net.c) -> layers (net-build.c,
 * net-words.c, net-layers.c, net-window.c) -> nodes (net-emit.c) and weights (net-init.c). */
#ifndef CONVOY_NET_H
#define CONVOY_NET_H
#include "core/convoy.h"

#define CONVOY_MAX_OPTIONS 16

/* --- items: what the text says, nothing looked up yet ----------------- */

typedef struct {
  char *key, *value;            /* key "": a bare value */
} ConvoyNetArg;

typedef struct {
  enum { CONVOY_NET_LAYER, CONVOY_NET_SETTING, CONVOY_NET_BLOCK, CONVOY_NET_REPEAT } kind;
  guint line;
  char *word;                   /* of a layer or the use of a block; name of a setting or block; count of a repeat */
  GArray *args;                 /* ConvoyNetArg; of a setting one, its value */
  GPtrArray *body;              /* ConvoyNetItem * between braces; NULL: none */
} ConvoyNetItem;

void convoy_net_arg_clear (gpointer arg);
/* What the text says, in order; where names it in messages. */
GPtrArray *convoy_net_items (const char *text, const char *where, GError **error);

/* Text with each ${expression} replaced by its value. lookup gives the text of a variable
 * (borrowed), or NULL and an error. */
typedef const char *(*ConvoyNetLookup) (gpointer user, const char *name, GError **error);
char *convoy_net_expand (const char *text, ConvoyNetLookup lookup, gpointer user, GError **error);

/* --- messages --------------------------------------------------------- */

/* "cifar.net:7: " or "line 7: "; "" for the first line of a text that is no file. g_free() it. */
char *convoy_net_place (const char *where, guint line);

/* --- layers ----------------------------------------------------------- */

typedef struct ConvoyNetWord ConvoyNetWord;

typedef struct {
  const char *key;
  char *text;                   /* as written, or the default; "": neither */
  guint n;                      /* numbers in i */
  gint64 i[CONVOY_MAX_DIMS];
  double f;
} ConvoyNetOption;

/* A value on its way through the layers. */
typedef struct {
  ConvoyValue v;
  gboolean last;                /* its channels come last (NxTxC), not second */
} ConvoyNetValue;

/* One layer while it becomes nodes. */
typedef struct {
  ConvoyGraph *graph;
  guint64 seed;
  const char *where;            /* the file; NULL: none */
  guint line;
  const ConvoyNetWord *word;
  const char *name;             /* in full, prefix included */
  ConvoyNetOption options[CONVOY_MAX_OPTIONS];
  guint n_options;
  const ConvoyNetValue *in;     /* n_in values, laid out as the word wants them */
  guint n_in;
  ConvoyShape shape;            /* of in[0] */
  gboolean last;                /* layout of in[0]; build sets it to that of what it gives */
} ConvoyNetLayer;

typedef enum { CONVOY_NET_ANY, CONVOY_NET_FIRST, CONVOY_NET_LAST } ConvoyNetLayout;

/* A row of the table of words. */
struct ConvoyNetWord {
  const char *word;
  const char *name;             /* Keras' name for such a layer; "%u" stands for its spatial dimensions */
  const char *options;          /* "+filters stride=1": +: required, else with its default; a bare value is for the first */
  guint min_rank, max_rank;     /* of the input, batch included */
  ConvoyNetLayout layout;       /* where it wants the channels */
  const char *op;               /* for a build function that serves several words */
  ConvoyValue (*build) (ConvoyNetLayer *l, GError **error);
};

const ConvoyNetWord *convoy_net_word (const char *word);        /* NULL: no such */
const ConvoyNetWord *convoy_net_words (guint *n);
/* Fills l->options from args (whose ${} are replaced), defaults for the rest. */
gboolean convoy_net_options (ConvoyNetLayer *l, const ConvoyNetArg *args, guint n, GError **error);
void convoy_net_options_clear (ConvoyNetLayer *l);
const ConvoyNetOption *convoy_net_option (const ConvoyNetLayer *l, const char *key);
gint64 convoy_net_int (const ConvoyNetLayer *l, const char *key);
double convoy_net_float (const ConvoyNetLayer *l, const char *key);
gboolean convoy_net_bool (const ConvoyNetLayer *l, const char *key);
const char *convoy_net_text (const ConvoyNetLayer *l, const char *key);        /* "" where not given */
/* n sizes: as many are written, or one for all. FALSE: neither. */
gboolean convoy_net_sizes (const ConvoyNetLayer *l, const char *key, guint n, gint64 *out, GError **error);
/* Sets error: place, word, layer, then the message. */
gboolean convoy_net_fail (const ConvoyNetLayer *l, GError **error, ConvoyError code, const char *format, ...) G_GNUC_PRINTF (4, 5);
char *convoy_net_sample (const ConvoyShape *s);         /* shape without its batch, "64x5x5"; g_free() it */
gint64 convoy_net_channels (const ConvoyShape *s, gboolean last);

/* --- nodes and weights ------------------------------------------------ */

/* Appends a node called LAYER/suffix, or LAYER (suffix NULL). The final one gives its value the
 * layer's name. Takes attrs over. */
ConvoyValue convoy_net_emit (ConvoyNetLayer *l, const char *op, const char *suffix, const ConvoyValue *in, guint n_in, ConvoyAttrs *attrs, gboolean final,
    GError **error);
ConvoyValue convoy_net_const_float (ConvoyNetLayer *l, const char *suffix, float v, GError **error);    /* a scalar */
ConvoyValue convoy_net_const_ints (ConvoyNetLayer *l, const char *suffix, const gint64 *v, guint n, GError **error);
/* Appends the function named by option activation, as the layer's last node. */
ConvoyValue convoy_net_activate (ConvoyNetLayer *l, ConvoyValue v, GError **error);
gboolean convoy_net_is_linear (const ConvoyNetLayer *l);        /* no activation follows */
const char *convoy_net_activation_name (guint i);               /* NULL: there are no more */
/* in with its channels where they are wanted, by a Transpose if need be. */
gboolean convoy_net_lay_out (ConvoyNetLayer *l, ConvoyNetValue *v, gboolean last, guint index, GError **error);

typedef struct { gint64 in, out; } ConvoyNetFans;       /* numbers that an output sums, and that an input feeds */
/* A weight LAYER/what, filled by the initializer of that name. */
ConvoyValue convoy_net_weight (ConvoyNetLayer *l, const char *what, const ConvoyShape *s, const char *init, ConvoyNetFans fans, GError **error);
const char *convoy_net_init_name (guint i);                     /* NULL: there are no more */

/* Rows of the table of words. */
ConvoyValue convoy_net_conv (ConvoyNetLayer *l, GError **error);
ConvoyValue convoy_net_depthwise (ConvoyNetLayer *l, GError **error);
ConvoyValue convoy_net_separable (ConvoyNetLayer *l, GError **error);
ConvoyValue convoy_net_pool (ConvoyNetLayer *l, GError **error);
ConvoyValue convoy_net_global_pool (ConvoyNetLayer *l, GError **error);
ConvoyValue convoy_net_pad (ConvoyNetLayer *l, GError **error);
ConvoyValue convoy_net_dense (ConvoyNetLayer *l, GError **error);
ConvoyValue convoy_net_embedding (ConvoyNetLayer *l, GError **error);
ConvoyValue convoy_net_flatten (ConvoyNetLayer *l, GError **error);
ConvoyValue convoy_net_reshape (ConvoyNetLayer *l, GError **error);
ConvoyValue convoy_net_dropout (ConvoyNetLayer *l, GError **error);
ConvoyValue convoy_net_batchnorm (ConvoyNetLayer *l, GError **error);
ConvoyValue convoy_net_activation (ConvoyNetLayer *l, GError **error);
ConvoyValue convoy_net_add (ConvoyNetLayer *l, GError **error);
ConvoyValue convoy_net_concat (ConvoyNetLayer *l, GError **error);
#endif
