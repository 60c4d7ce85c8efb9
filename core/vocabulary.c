/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vocabulary.c - which number a word has: learnt from the training texts, kept as a text, and used
 * to make rows of numbers of texts. */
#include "core/tokenize.h"
#include <string.h>

#define PIECE 65536 /* bytes of words that are taken at a time */
#define MAX_WORDS (1 << 24)     /* what a float index of an embedding could still tell apart */

struct ConvoyVocabulary {
  gint refs;                    /* atomic */
  GStringChunk *text; /* of all words */
  GPtrArray *words; /* char * (of text); word i has the number i + CONVOY_TOKEN_FIRST */
  GHashTable *numbers;          /* char * (of words) to its number */
};

static ConvoyVocabulary *
vocabulary_new (void)
{
  ConvoyVocabulary *v = g_new (ConvoyVocabulary, 1);
  *v = (ConvoyVocabulary) { 1, g_string_chunk_new (PIECE), g_ptr_array_new (), g_hash_table_new (g_str_hash, g_str_equal) };
  return v;
}

ConvoyVocabulary *
convoy_vocabulary_ref (ConvoyVocabulary *v)
{
  g_atomic_int_inc (&v->refs);
  return v;
}

void
convoy_vocabulary_unref (ConvoyVocabulary *v)
{
  if (v == NULL || !g_atomic_int_dec_and_test (&v->refs))
    return;
  g_hash_table_unref (v->numbers);
  g_ptr_array_unref (v->words);
  g_string_chunk_free (v->text);
  g_free (v);
}

/* FALSE: it is there already. */
static gboolean
add (ConvoyVocabulary *v, const char *text, gsize n)
{
  char *word = g_string_chunk_insert_len (v->text, text, (gssize) n);
  g_ptr_array_add (v->words, word);
  return g_hash_table_insert (v->numbers, word, GUINT_TO_POINTER (v->words->len - 1 + CONVOY_TOKEN_FIRST));
}

guint convoy_vocabulary_size (const ConvoyVocabulary *v) { return v->words->len + CONVOY_TOKEN_FIRST; }

/* --- learning --------------------------------------------------------- */

typedef struct { char *word; gsize n; } Count;

/* More often first; those as often as each other by their bytes. */
static int
by_count (const void *a, const void *b)
{
  const Count *x = a, *y = b;
  return x->n != y->n ? (x->n < y->n) - (x->n > y->n) : strcmp (x->word, y->word);
}

static void
count_words (GHashTable *counts, const char *text, gsize n)
{
  ConvoyWords w;
  convoy_words_init (&w, text, n);
  while (convoy_words_next (&w)) {
    gsize *count = g_hash_table_lookup (counts, w.word->str);
    if (count == NULL) {
      count = g_new0 (gsize, 1);
      g_hash_table_insert (counts, g_strdup (w.word->str), count);
    }
    ++*count;
  }
  convoy_words_clear (&w);
}

static ConvoyVocabulary *
most_frequent (GHashTable *counts, guint max_words)
{
  g_autoptr (GArray) list = g_array_new (FALSE, FALSE, sizeof (Count));
  ConvoyVocabulary *v = vocabulary_new ();
  GHashTableIter i;
  gpointer word, n;
  g_hash_table_iter_init (&i, counts);
  while (g_hash_table_iter_next (&i, &word, &n)) {
    Count c = { word, *(gsize *) n };
    g_array_append_val (list, c);
  }
  g_array_sort (list, by_count);
  for (guint k = 0; k < list->len && convoy_vocabulary_size (v) < max_words; k++) {
    const char *next = g_array_index (list, Count, k).word;
    add (v, next, strlen (next));
  }
  return v;
}

/* Texts that are no UTF-8 are left out: they are never tokenized either. */
ConvoyVocabulary *
convoy_vocabulary_learn (ConvoyDataset *texts, guint max_words, GError **error)
{
  const ConvoyDatasetInfo *info = convoy_dataset_info (texts);
  g_autoptr (GHashTable) counts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  if (info->kind != CONVOY_SAMPLE_TEXT || max_words <= CONVOY_TOKEN_FIRST || max_words > MAX_WORDS) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "a vocabulary of %u words %s; it takes texts, and %u to %u words", max_words,
        info->kind == CONVOY_SAMPLE_TEXT ? "cannot be" : "cannot be learnt from samples that are no texts", CONVOY_TOKEN_FIRST + 1, MAX_WORDS);
    return NULL;
  }
  for (gsize i = 0; i < info->n; i++) {
    gint64 label;
    gsize n;
    g_autoptr (GBytes) bytes = convoy_dataset_bytes (texts, i, &label, NULL);
    const char *text = bytes ? g_bytes_get_data (bytes, &n) : NULL;
    if (text && convoy_text_check (text, n, NULL))
      count_words (counts, text, n);
  }
  if (g_hash_table_size (counts) > 0)
    return most_frequent (counts, max_words);
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "no word in %zu texts", info->n);
  return NULL;
}

/* --- as text ---------------------------------------------------------- */

ConvoyVocabulary *
convoy_vocabulary_parse (const char *text, gsize n, const char *where, GError **error)
{
  GError *why = NULL;
  if (!convoy_text_check (text, n, &why)) {
    g_propagate_prefixed_error (error, why, "%s: ", where);
    return NULL;
  }
  ConvoyVocabulary *v = vocabulary_new ();
  const char *end = text + n;
  for (guint line = 1; text < end; line++) {
    const char *stop = memchr (text, '\n', end - text);
    gsize len = (stop ? stop : end) - text - (stop && stop > text && stop[-1] == '\r');
    if (len == 0 || !add (v, text, len)) {
      g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s:%u: %s%.*s", where, line,
          len == 0 ? "an empty line where a word should be" : "there before: ", (int) MIN (len, 50), text);
      convoy_vocabulary_unref (v);
      return NULL;
    }
    text = stop ? stop + 1 : end;
  }
  if (v->words->len > 0)
    return v;
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: no word in it", where);
  convoy_vocabulary_unref (v);
  return NULL;
}

ConvoyVocabulary *
convoy_vocabulary_load (const char *path, GError **error)
{
  g_autofree char *text = NULL;
  gsize n;
  return g_file_get_contents (path, &text, &n, error) ? convoy_vocabulary_parse (text, n, path, error) : NULL;
}

char *
convoy_vocabulary_text (const ConvoyVocabulary *v)
{
  GString *s = g_string_new (NULL);
  for (guint i = 0; i < v->words->len; i++)
    g_string_append_printf (s, "%s\n", (const char *) v->words->pdata[i]);
  return g_string_free (s, FALSE);
}

gboolean
convoy_vocabulary_save (const ConvoyVocabulary *v, const char *path, GError **error)
{
  g_autofree char *text = convoy_vocabulary_text (v);
  return convoy_file_save (path, text, strlen (text), error);
}

/* --- using ------------------------------------------------------------ */

/* The numbers wanted of a row of them that goes on: the first `length`, or the last, by way of a ring. */
typedef struct {
  gint32 *row;
  gsize length, n;              /* n that were put so far */
  gboolean last;
} Row;

static inline void
put (Row *r, gint32 number)
{
  if (r->last || r->n < r->length)
    r->row[r->n % r->length] = number;
  r->n++;
}

/* Puts the ring in order, and moves what is there to where pad leaves room. */
static void
finish_row (Row *r, const ConvoyTokenOptions *o)
{
  gsize have = MIN (r->n, r->length), turn = r->last && r->n > r->length ? r->n % r->length : 0, room = r->length - have;
  if (turn) {
    g_autofree gint32 *copy = g_memdup2 (r->row, r->length * sizeof *copy);
    for (gsize i = 0; i < r->length; i++)
      r->row[i] = copy[(i + turn) % r->length];
  }
  if (o->pad == CONVOY_TEXT_HEAD)
    memmove (r->row + room, r->row, have * sizeof *r->row);
  memset (o->pad == CONVOY_TEXT_HEAD ? r->row : r->row + have, 0, room * sizeof *r->row);
}

gboolean
convoy_tokenize (const ConvoyVocabulary *v, const ConvoyTokenOptions *o, const char *text, gsize n, gint32 *row, GError **error)
{
  ConvoyWords w;
  Row r = { row, o->length, 0, o->truncate == CONVOY_TEXT_HEAD };
  if (!convoy_text_check (text, n, error))
    return FALSE;
  convoy_words_init (&w, text, n);
  put (&r, CONVOY_TOKEN_START);
  while (convoy_words_next (&w) && (r.last || r.n < r.length)) {
    guint number = GPOINTER_TO_UINT (g_hash_table_lookup (v->numbers, w.word->str));
    put (&r, number ? (gint32) number : CONVOY_TOKEN_UNKNOWN);
  }
  gboolean has_words = r.n > 1 || w.word->len > 0;
  convoy_words_clear (&w);
  finish_row (&r, o);
  if (!has_words)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "no word in %zu bytes", n);
  return has_words;
}
