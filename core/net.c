/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * net.c - runs the items of a network's text: blocks and repetitions unroll into layers. */
#include "core/net-run.h"
#include <string.h>

#define OPSET 17                /* of graphs made from text; what needs a later one is not among the words */
#define MAX_LAYERS 10000
#define MAX_STEPS 100000       /* items run, repetitions unrolled */
#define MAX_FILE (1 << 20)

static gboolean run_items (ConvoyNet *net, const GPtrArray *items, const ConvoyNetFrame *f, GError **error);

/* The variables of a block: its parameters, by what the use gives or the definition has as default. */
static gboolean
bind_args (ConvoyNet *net, const ConvoyNetItem *block, const GArray *args, guint line, GHashTable *vars, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  for (guint i = 0; i < block->args->len; i++) {
    const ConvoyNetArg *p = &g_array_index (block->args, ConvoyNetArg, i);
    const char *name = *p->key ? p->key : p->value;
    g_ptr_array_add (names, (gpointer) name);
    if (*p->key) {
      char *v = convoy_net_replace (net, &net->top, p->value, block->line, error);
      if (v == NULL)
        return FALSE;
      g_hash_table_replace (vars, g_strdup (name), v);
    }
  }
  g_ptr_array_add (names, (gpointer) "name");
  g_ptr_array_add (names, (gpointer) "from");
  for (guint i = 0; i < args->len; i++) {
    const ConvoyNetArg *a = &g_array_index (args, ConvoyNetArg, i);
    gboolean known = FALSE;
    for (guint k = 0; k < names->len; k++)
      known |= g_str_equal (names->pdata[k], a->key);
    if (!known && *a->key == '\0')
      return convoy_net_refuse (net, line, error, "%s: %s is no name=value", block->word, a->value);
    if (!known) {
      g_autofree char *near = convoy_nearest (a->key, (const char *const *) names->pdata, names->len, 1);
      return convoy_net_refuse (net, line, error, "%s: argument %s is not known, the nearest is %s", block->word, a->key, near);
    }
    g_hash_table_replace (vars, g_strdup (a->key), g_strdup (a->value));
  }
  for (guint k = 0; k + 2 < names->len; k++)
    if (!g_hash_table_contains (vars, names->pdata[k]))
      return convoy_net_refuse (net, line, error, "%s: %s= is missing", block->word, (char *) names->pdata[k]);
  return TRUE;
}

/* Its layers, with the names that they have, or after name=NAME with NAME/ before them. */
static gboolean
run_block (ConvoyNet *net, const ConvoyNetItem *block, const GArray *args, guint line, const ConvoyNetFrame *f, GError **error)
{
  g_autoptr (GHashTable) vars = convoy_net_strings ();
  const char *given = convoy_net_given (args, "name");
  g_autofree char *full = given ? g_strconcat (f->prefix, given, NULL) : NULL, *prefix = given ? g_strconcat (full, "/", NULL) : g_strdup (f->prefix);
  const char *from = convoy_net_given (args, "from");
  ConvoyNetScope scope = { vars, &net->top };
  if (from && !convoy_net_find (net, block->word, line, f, from, &net->now, error))
    return FALSE;
  ConvoyNetFrame inner = { &scope, prefix, net->now, f->depth + 1 };
  if (given && !convoy_net_check_name (net, block->word, line, given, full, error))
    return FALSE;
  if (!bind_args (net, block, args, line, vars, error) || !run_items (net, block->body, &inner, error))
    return FALSE;
  if (given)
    convoy_net_remember (net, full, net->now);
  return TRUE;
}

/* repeat 3 { ... }: ${i} goes 1, 2, 3; repeat 3 i=0 { ... } from 0; another name does as well. */
static gboolean
run_repeat (ConvoyNet *net, const ConvoyNetItem *it, const ConvoyNetFrame *f, GError **error)
{
  g_autofree char *text = convoy_net_replace (net, f->scope, it->word, it->line, error), *first = NULL;
  const ConvoyNetArg *a = it->args->len ? &g_array_index (it->args, ConvoyNetArg, 0) : NULL;
  gint64 count, from = 1;
  if (text == NULL)
    return FALSE;
  if (!g_ascii_string_to_signed (text, 10, 0, MAX_LAYERS, &count, NULL))
    return convoy_net_refuse (net, it->line, error, "repeat %s: not a whole number from 0 to %d", text, MAX_LAYERS);
  if (it->args->len > 1 || (a && *a->key == '\0'))
    return convoy_net_refuse (net, it->line, error, "repeat takes a count and a variable, as in repeat 3 i=1");
  if (a && ((first = convoy_net_replace (net, f->scope, a->value, it->line, error)) == NULL))
    return FALSE;
  if (a && !g_ascii_string_to_signed (first, 10, G_MININT32, G_MAXINT32, &from, NULL))
    return convoy_net_refuse (net, it->line, error, "repeat: %s=%s is not a whole number", a->key, first);
  for (gint64 k = 0; k < count; k++) {
    g_autoptr (GHashTable) vars = convoy_net_strings ();
    ConvoyNetScope scope = { vars, f->scope };
    ConvoyNetFrame inner = { &scope, f->prefix, f->in, f->depth + 1 };
    g_hash_table_replace (vars, g_strdup (a ? a->key : "i"), g_strdup_printf ("%" G_GINT64_FORMAT, from + k));
    if (!run_items (net, it->body, &inner, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
refuse_word (ConvoyNet *net, const char *word, guint line, GError **error)
{
  guint n;
  const ConvoyNetWord *words = convoy_net_words (&n);
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  GHashTableIter it;
  gpointer key;
  for (guint i = 0; i < n; i++)
    g_ptr_array_add (names, (gpointer) words[i].word);
  g_hash_table_iter_init (&it, net->blocks);
  while (g_hash_table_iter_next (&it, &key, NULL))
    g_ptr_array_add (names, key);
  g_autofree char *near = convoy_nearest (word, (const char *const *) names->pdata, names->len, 1);
  return convoy_net_refuse (net, line, error, "no layer is called %s, the nearest is %s", word, near);
}

/* A layer, or the use of a block. */
static gboolean
run_layer (ConvoyNet *net, const ConvoyNetItem *it, const ConvoyNetFrame *f, GError **error)
{
  g_autofree char *word = convoy_net_replace (net, f->scope, it->word, it->line, error);
  g_autoptr (GArray) args = g_array_new (FALSE, FALSE, sizeof (ConvoyNetArg));
  g_array_set_clear_func (args, convoy_net_arg_clear);
  if (word == NULL)
    return FALSE;
  const ConvoyNetItem *block = g_hash_table_lookup (net->blocks, word);
  const ConvoyNetWord *w = convoy_net_word (word);
  if (block == NULL && w == NULL)
    return refuse_word (net, word, it->line, error);
  if (++net->n_layers > MAX_LAYERS || f->depth > CONVOY_NET_MAX_DEPTH)
    return convoy_net_refuse (net, it->line, error, f->depth > CONVOY_NET_MAX_DEPTH ? "%s: blocks more than %d deep" : "%s: more than %d layers", word,
        f->depth > CONVOY_NET_MAX_DEPTH ? CONVOY_NET_MAX_DEPTH : MAX_LAYERS);
  if (!net->started && !convoy_net_start (net, word, it->line, error))
    return FALSE;
  for (guint i = 0; i < it->args->len; i++) {
    const ConvoyNetArg *a = &g_array_index (it->args, ConvoyNetArg, i);
    ConvoyNetArg copy = { g_strdup (a->key), convoy_net_replace (net, f->scope, a->value, it->line, error) };
    g_array_append_val (args, copy);
    if (copy.value == NULL)
      return FALSE;
  }
  return block ? run_block (net, block, args, it->line, f, error) : convoy_net_build (net, w, args, it->line, f, error);
}

static gboolean
define_block (ConvoyNet *net, const ConvoyNetItem *it, GError **error)
{
  if (convoy_net_word (it->word) || g_hash_table_contains (net->blocks, it->word))
    return convoy_net_refuse (net, it->line, error, "block %s: that name is taken", it->word);
  g_hash_table_insert (net->blocks, it->word, (gpointer) it);
  return TRUE;
}

static gboolean
run_items (ConvoyNet *net, const GPtrArray *items, const ConvoyNetFrame *f, GError **error)
{
  gboolean ok = TRUE;
  for (guint i = 0; ok && i < items->len; i++) {
    const ConvoyNetItem *it = items->pdata[i];
    if (++net->n_steps > MAX_STEPS)
      return convoy_net_refuse (net, it->line, error, "more than %d lines when repetitions are unrolled", MAX_STEPS);
    switch (it->kind) {
      case CONVOY_NET_LAYER: ok = run_layer (net, it, f, error); break;
      case CONVOY_NET_SETTING: ok = convoy_net_set (net, it, f, error); break;
      case CONVOY_NET_BLOCK: ok = define_block (net, it, error); break;
      case CONVOY_NET_REPEAT: ok = run_repeat (net, it, f, error); break;
    }
  }
  return ok;
}

/* --- entry points ----------------------------------------------------- */

static gboolean
check_given (ConvoyNet *net, GError **error)
{
  GHashTableIter it;
  gpointer key;
  g_hash_table_iter_init (&it, net->given);
  while (g_hash_table_iter_next (&it, &key, NULL))
    if (!g_hash_table_contains (net->used, key)) {
      g_autofree char *nearest = convoy_net_nearest_key (key, &net->top.vars, 1);
      return convoy_net_refuse (net, 1, error, nearest ? "no variable is called %s, the nearest is %s" : "no variable is called %s", (char *) key, nearest);
    }
  return TRUE;
}

/* Runs text on net, whose graph, seed, where and input (or now) are set. */
static gboolean
run (ConvoyNet *net, const char *text, const char *prefix, const char *const *vars, GError **error)
{
  g_autoptr (GPtrArray) items = convoy_net_items (text, net->where, error);
  if (items == NULL)
    return FALSE;
  net->values = convoy_net_strings ();
  net->counts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  net->blocks = g_hash_table_new (g_str_hash, g_str_equal);
  net->given = convoy_net_strings ();
  net->used = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  net->top.vars = convoy_net_strings ();
  for (; vars && vars[0] && vars[1]; vars += 2)
    g_hash_table_replace (net->given, g_strdup (vars[0]), g_strdup (vars[1]));
  if (net->started)
    convoy_net_remember (net, "input", net->now);
  ConvoyNetFrame f = { &net->top, prefix ? prefix : "", net->now, 0 };
  gboolean ok = run_items (net, items, &f, error) && check_given (net, error);
  if (ok && net->n_layers == 0)
    ok = convoy_net_refuse (net, 1, error, "there are no layers");
  g_hash_table_unref (net->values);
  g_hash_table_unref (net->counts);
  g_hash_table_unref (net->blocks);
  g_hash_table_unref (net->given);
  g_hash_table_unref (net->used);
  g_hash_table_unref (net->top.vars);
  return ok;
}

ConvoyGraph *
convoy_net_parse (const char *text, const char *where, const ConvoyShape *input, const char *const *vars, guint64 seed, GError **error)
{
  ConvoyNet net = { .graph = convoy_graph_new (OPSET), .seed = seed, .where = where, .input = input };
  if (run (&net, text, NULL, vars, error))
    convoy_graph_output (net.graph, net.now.v);
  else
    g_clear_pointer (&net.graph, convoy_graph_unref);
  return net.graph;
}

ConvoyValue
convoy_net_append (ConvoyGraph *g, ConvoyValue v, const char *text, const char *prefix, guint64 seed, GError **error)
{
  ConvoyNet net = { .graph = g, .seed = seed, .started = TRUE, .now = { v, FALSE } };
  if (convoy_graph_shape (g, v) == NULL || convoy_graph_shape (g, v)->n < 2) {
    convoy_net_refuse (&net, 1, error, "layers after %s: its shape is not known, the graph has to be bound first", convoy_graph_name (g, v));
    return CONVOY_NONE;
  }
  return run (&net, text, prefix, NULL, error) ? net.now.v : CONVOY_NONE;
}

ConvoyGraph *
convoy_net_load (const char *path, const char *const *vars, guint64 seed, GError **error)
{
  g_autofree char *text = NULL;
  gsize len;
  if (!g_file_get_contents (path, &text, &len, error))
    return NULL;
  if (len > MAX_FILE || strlen (text) != len) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: not the text of a network", path);
    return NULL;
  }
  return convoy_net_parse (text, path, NULL, vars, seed, error);
}
