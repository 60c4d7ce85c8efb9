/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * net-build.c - one layer of a network's text: its name, its inputs, its options, its place in the graph. */
#include "core/net-run.h"
#include <string.h>

/* --- values ----------------------------------------------------------- */

void
convoy_net_remember (ConvoyNet *net, const char *name, ConvoyNetValue v)
{
  g_hash_table_replace (net->values, g_strdup (name), g_memdup2 (&v, sizeof v));
}

/* The word of the first layer, be it in a block. */
static const char *
first_word (const ConvoyNet *net, const char *word)
{
  for (guint depth = 0; depth < CONVOY_NET_MAX_DEPTH; depth++) {
    const ConvoyNetItem *block = g_hash_table_lookup (net->blocks, word), *it = block && block->body->len ? block->body->pdata[0] : NULL;
    if (it == NULL)
      break;
    word = it->word;
  }
  return word;
}

/* The input holds numbers of words where an embedding comes first. */
gboolean
convoy_net_start (ConvoyNet *net, const char *word, guint line, GError **error)
{
  const char *text = g_hash_table_lookup (net->top.vars, "input");
  ConvoyShape s = { 1, { 1 } };
  gboolean words = g_str_equal (first_word (net, word), "embedding");
  if (net->input)
    s = *net->input;
  else if (text == NULL)
    return convoy_net_refuse (net, line, error, "the input is missing: input = 3x32x32");
  else {
    g_auto (GStrv) parts = g_strsplit (text, "x", -1);
    for (char **p = parts; *p; p++)
      if (s.n == CONVOY_MAX_DIMS || !g_ascii_string_to_signed (*p, 10, 1, G_MAXINT32, &s.d[s.n++], NULL))
        return convoy_net_refuse (net, line, error, "input = %s is not sizes such as 3x32x32", text);
  }
  if (s.n < 2 || convoy_shape_count (&s) < 1) {
    g_autofree char *shape = convoy_shape_str (&s);
    return convoy_net_refuse (net, line, error, "an input of shape %s has no size to build layers on", shape);
  }
  net->now = (ConvoyNetValue) { convoy_graph_input (net->graph, "input", words ? CONVOY_I64 : CONVOY_F32, &s), FALSE };
  net->started = TRUE;
  convoy_net_remember (net, "input", net->now);
  return TRUE;
}

gboolean
convoy_net_find (ConvoyNet *net, const char *word, guint line, const ConvoyNetFrame *f, const char *name, ConvoyNetValue *out, GError **error)
{
  g_autofree char *prefix = g_strdup (f->prefix);
  if (g_str_equal (name, "in")) {
    *out = f->in;
    return TRUE;
  }
  for (;;) {
    g_autofree char *full = g_strconcat (prefix, name, NULL);
    const ConvoyNetValue *v = g_hash_table_lookup (net->values, full);
    if (v) {
      *out = *v;
      return TRUE;
    }
    if (*prefix == '\0')
      break;
    prefix[strlen (prefix) - 1] = '\0';
    char *slash = strrchr (prefix, '/');
    slash ? (slash[1] = '\0') : (*prefix = '\0');
  }
  ConvoyValue v = convoy_graph_find (net->graph, name);
  if (v != CONVOY_NONE && convoy_graph_shape (net->graph, v)) {
    *out = (ConvoyNetValue) { v, FALSE };
    return TRUE;
  }
  g_autofree char *nearest = convoy_net_nearest_key (name, &net->values, 1);
  return convoy_net_refuse (net, line, error, nearest ? "%s: no layer before it is called %s, the nearest is %s" : "%s: no layer before it is called %s", word, name,
      nearest);
}

/* Its input and those of with=, laid out as the word wants them. */
static gboolean
collect_inputs (ConvoyNet *net, ConvoyNetLayer *l, const ConvoyNetFrame *f, ConvoyNetValue v, GArray *in, GError **error)
{
  const ConvoyNetOption *with = convoy_net_option (l, "with");
  g_auto (GStrv) names = g_strsplit (with ? with->text : "", ",", -1);
  g_array_append_val (in, v);
  for (char **p = names; *p; p++) {
    if (!convoy_net_find (net, l->word->word, l->line, f, *p, &v, error))
      return FALSE;
    g_array_append_val (in, v);
  }
  for (guint i = 0; i < in->len && l->word->layout != CONVOY_NET_ANY; i++)
    if (!convoy_net_lay_out (l, &g_array_index (in, ConvoyNetValue, i), l->word->layout == CONVOY_NET_LAST, i, error))
      return FALSE;
  l->in = (const ConvoyNetValue *) in->data;
  l->n_in = in->len;
  l->shape = *convoy_graph_shape (l->graph, l->in[0].v);
  l->last = l->in[0].last;
  return TRUE;
}

/* --- layers ----------------------------------------------------------- */

/* A value of the graph has this name, or a block. */
static gboolean
is_taken (const ConvoyNet *net, const char *full)
{
  return convoy_graph_find (net->graph, full) != CONVOY_NONE || g_hash_table_contains (net->values, full);
}

/* Keras' name with a number from the second on, past those that are taken. */
static char *
auto_name (ConvoyNet *net, const ConvoyNetWord *w, const char *prefix, guint rank)
{
  const char *mark = strstr (w->name, "%u");
  g_autofree char *base = mark ? g_strdup_printf ("%s%.*s%u%s", prefix, (int) (mark - w->name), w->name, rank > 2 ? rank - 2 : 1, mark + 2)
                               : g_strconcat (prefix, w->name, NULL);
  for (;;) {
    guint n = GPOINTER_TO_UINT (g_hash_table_lookup (net->counts, base));
    char *name = n ? g_strdup_printf ("%s_%u", base, n) : g_strdup (base);
    g_hash_table_replace (net->counts, g_strdup (base), GUINT_TO_POINTER (n + 1));
    if (!is_taken (net, name))
      return name;
    g_free (name);
  }
}

const char *
convoy_net_given (const GArray *args, const char *key)
{
  for (guint i = 0; i < args->len; i++)
    if (g_str_equal (g_array_index (args, ConvoyNetArg, i).key, key))
      return g_array_index (args, ConvoyNetArg, i).value;
  return NULL;
}

gboolean
convoy_net_check_name (ConvoyNet *net, const char *word, guint line, const char *name, const char *full, GError **error)
{
  if (*name == '\0' || name[strspn (name, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "_.-")] || g_str_equal (name, "in"))
    return convoy_net_refuse (net, line, error, "%s: name=%s is no name for a layer", word, name);
  if (is_taken (net, full))
    return convoy_net_refuse (net, line, error, "%s: the name %s is taken", word, full);
  return TRUE;
}

static gboolean
check_rank (const ConvoyNetLayer *l, GError **error)
{
  guint rank = l->shape.n;
  if (rank >= l->word->min_rank && rank <= l->word->max_rank)
    return TRUE;
  g_autofree char *text = convoy_net_sample (&l->shape);
  g_autofree char *range = l->word->min_rank == l->word->max_rank ? g_strdup_printf ("%u", l->word->min_rank - 1)
                                                                  : g_strdup_printf ("%u to %u", l->word->min_rank - 1, l->word->max_rank - 1);
  return convoy_net_fail (l, error, CONVOY_ERROR_SHAPE, "its input %s has %u dimension%s, wants %s", text, rank - 1, rank == 2 ? "" : "s", range);
}

gboolean
convoy_net_build (ConvoyNet *net, const ConvoyNetWord *w, const GArray *args, guint line, const ConvoyNetFrame *f, GError **error)
{
  const char *given = convoy_net_given (args, "name"), *from = convoy_net_given (args, "from");
  ConvoyNetValue out = net->now;
  if (from && !convoy_net_find (net, w->word, line, f, from, &out, error))
    return FALSE;
  const ConvoyShape *s = convoy_graph_shape (net->graph, out.v);
  g_autofree char *name = given ? g_strconcat (f->prefix, given, NULL) : auto_name (net, w, f->prefix, s->n);
  if (given && !convoy_net_check_name (net, w->word, line, given, name, error))
    return FALSE;
  ConvoyNetLayer l = { .graph = net->graph, .seed = net->seed, .where = net->where, .line = line, .word = w, .name = name, .shape = *s };
  g_autoptr (GArray) in = g_array_new (FALSE, FALSE, sizeof (ConvoyNetValue));
  gboolean ok = convoy_net_options (&l, (const ConvoyNetArg *) args->data, args->len, error) && check_rank (&l, error)
      && collect_inputs (net, &l, f, out, in, error);
  out.v = ok ? w->build (&l, error) : CONVOY_NONE;
  convoy_net_options_clear (&l);
  if (out.v == CONVOY_NONE)
    return FALSE;
  out.last = l.last && convoy_graph_shape (net->graph, out.v)->n > 2;
  net->now = out;
  convoy_net_remember (net, name, out);
  return TRUE;
}
