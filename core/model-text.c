/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * model-text.c - what a network that reads texts needs to be fed: the vocabulary and the rules for
 * rows, which training left in the metadata of its file. */
#include "core/graph.h"
#include "core/model-meta.h"
#include <string.h>

#define MAX_LENGTH (1 << 20)    /* words of a row */

/* The end that a key names; what is not said is the head, as with Keras. */
static gboolean
read_end (const char *path, GHashTable *props, const char *key, ConvoyTextEnd *end, GError **error)
{
  const char *text = g_hash_table_lookup (props, key);
  *end = text && strcmp (text, "tail") == 0 ? CONVOY_TEXT_TAIL : CONVOY_TEXT_HEAD;
  if (text && *end == CONVOY_TEXT_HEAD && strcmp (text, "head") != 0)
    return convoy_meta_fail (error, "%s: %s=%s is not known (head, tail)", path, key, text);
  return TRUE;
}

/* Words of a row: what the network declares, else what the metadata say, which must agree. */
static gboolean
read_length (const char *path, GHashTable *props, const ConvoyGraph *g, guint *length, GError **error)
{
  const ConvoyShape *s = convoy_graph_n_inputs (g) == 1 ? convoy_graph_input_shape (g, 0) : NULL;
  const char *text = g_hash_table_lookup (props, "length");
  gint64 declared = s && s->n == 2 ? s->d[1] : 0;
  guint64 said = 0;
  if (text && !g_ascii_string_to_unsigned (text, 10, 1, MAX_LENGTH, &said, NULL))
    return convoy_meta_fail (error, "%s: length=%s is no number from 1 to %d", path, text, MAX_LENGTH);
  if (declared == 0 || (declared < 0 && said == 0)) {
    g_autofree char *shape = s ? convoy_shape_str (s) : g_strdup ("several inputs");
    return convoy_meta_fail (error, "%s: it has a vocabulary, but %s is no row of words", path, shape);
  }
  if (declared > MAX_LENGTH || (declared > 0 && said > 0 && declared != (gint64) said))
    return convoy_meta_fail (error, "%s: length=%" G_GUINT64_FORMAT ", but the network reads %" G_GINT64_FORMAT " words", path, said, declared);
  *length = (guint) (said ? said : (guint64) declared);
  return TRUE;
}

/* Every number must have a row in the embedding that looks it up. */
static gboolean
check_rows (const char *path, const ConvoyGraph *g, const ConvoyVocabulary *v, GError **error)
{
  for (guint i = 0; i < g->nodes->len; i++) {
    const ConvoyNode *n = CONVOY_NODE (g, i);
    if (strcmp (n->op->name, "Gather") != 0 || n->n_in < 2 || n->in[1] != convoy_graph_get_input (g, 0))
      continue;
    const ConvoyShape *s = convoy_graph_shape (g, n->in[0]);
    if (s && s->n > 0 && s->d[0] >= 0 && s->d[0] < convoy_vocabulary_size (v))
      return convoy_meta_fail (error, "%s: %u words in its vocabulary, but %" G_GINT64_FORMAT " rows in its embedding", path, convoy_vocabulary_size (v), s->d[0]);
  }
  return TRUE;
}

gboolean
convoy_meta_text (const char *path, GHashTable *props, const ConvoyGraph *g, ConvoyVocabulary **v, ConvoyTokenOptions *o, GError **error)
{
  const char *words = g_hash_table_lookup (props, "vocabulary");
  g_autofree char *where = g_strdup_printf ("%s: vocabulary", path);
  if (words == NULL)
    return TRUE;
  return read_length (path, props, g, &o->length, error) && read_end (path, props, "truncate", &o->truncate, error)
      && read_end (path, props, "pad", &o->pad, error) && (*v = convoy_vocabulary_parse (words, strlen (words), where, error)) != NULL
      && check_rows (path, g, *v, error);
}

void
convoy_model_describe_text (const ConvoyModel *m, GHashTable *props)
{
  static const char *const keys[] = { "vocabulary", "length", "truncate", "pad" };
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++) {
    const char *said = convoy_model_metadata (m, keys[i]);
    if (said)
      g_hash_table_insert (props, g_strdup (keys[i]), g_strdup (said));
  }
}
