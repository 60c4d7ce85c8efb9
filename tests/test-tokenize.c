/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-tokenize.c - words of texts, vocabularies, rows of numbers. */
#include "core/convoy.h"
#include "tests/temp-files.h"
#include <string.h>

static ConvoyVocabulary *
vocabulary (const char *words)
{
  return convoy_vocabulary_parse (words, strlen (words), "words", NULL);
}

/* The numbers of a text's first words, with blanks between. */
static char *
numbers (const ConvoyVocabulary *v, const ConvoyTokenOptions *o, const char *text)
{
  gint32 row[16];
  GString *s = g_string_new (NULL);
  CU_ASSERT_TRUE_FATAL (convoy_tokenize (v, o, text, strlen (text), row, NULL));
  for (guint i = 0; i < o->length; i++)
    g_string_append_printf (s, "%s%d", i ? " " : "", row[i]);
  return g_string_free (s, FALSE);
}

static void
check (const char *words, const char *text, const char *wanted)
{
  ConvoyVocabulary *v = vocabulary (words);
  CU_ASSERT_PTR_NOT_NULL_FATAL (v);
  g_autofree char *got = numbers (v, &(ConvoyTokenOptions) { 6, CONVOY_TEXT_TAIL, CONVOY_TEXT_TAIL }, text);
  CU_ASSERT_STRING_EQUAL (got, wanted);
  if (strcmp (got, wanted) != 0)
    printf ("# %s: %s\n", text, got);
  convoy_vocabulary_unref (v);
}

/* English as Keras' tokenizer with its filters has it, other scripts as Unicode has them. */
static void
test_words (void)
{
  check ("don't\nbr\na\n10\n", "Don't <br />A, 10!", "1 3 4 5 6 0");
  check ("don't\nit\ns\n", "don\xe2\x80\x99t 'it' s'", "1 3 4 5 0 0");
  check ("strasse\n\xc3\xa9t\xc3\xa9\n", "STRASSE Stra\xc3\x9f" "e E\xcc\x81T\xc3\x89", "1 3 3 4 0 0");
  check ("\xe7\x94\xb5\n\xe5\xbd\xb1\n", "\xe7\x94\xb5\xe5\xbd\xb1\xe3\x80\x82x", "1 3 4 2 0 0");
  check ("\xd0\xb4\xd0\xb0\n", "\xd0\x94\xd0\x90\xe2\x80\x94\xd0\xb4\xd0\xb0", "1 3 3 0 0 0");
}

static void
test_ends (void)
{
  static const struct { ConvoyTextEnd truncate, pad; const char *longer, *shorter; } cases[] = {
    { CONVOY_TEXT_HEAD, CONVOY_TEXT_HEAD, "4 5 6 7", "0 1 3 4" },
    { CONVOY_TEXT_TAIL, CONVOY_TEXT_HEAD, "1 3 4 5", "0 1 3 4" },
    { CONVOY_TEXT_HEAD, CONVOY_TEXT_TAIL, "4 5 6 7", "1 3 4 0" },
    { CONVOY_TEXT_TAIL, CONVOY_TEXT_TAIL, "1 3 4 5", "1 3 4 0" },
  };
  ConvoyVocabulary *v = vocabulary ("a\nb\nc\nd\ne\n");
  CU_ASSERT_EQUAL (convoy_vocabulary_size (v), 8);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    ConvoyTokenOptions o = { 4, cases[i].truncate, cases[i].pad };
    g_autofree char *longer = numbers (v, &o, "a b c d e"), *shorter = numbers (v, &o, "a b"), *fits = numbers (v, &o, "a b c");
    CU_ASSERT_STRING_EQUAL (longer, cases[i].longer);
    CU_ASSERT_STRING_EQUAL (shorter, cases[i].shorter);
    CU_ASSERT_STRING_EQUAL (fits, "1 3 4 5");
  }
  convoy_vocabulary_unref (v);
}

static void
test_bad_text (void)
{
  static const struct { const char *text; gsize n; const char *says; } cases[] = {
    { "ab\xff" "c", 4, "no UTF-8 at byte 2" }, { "ab\0c", 4, "a NUL byte at byte 2" }, { "", 0, "no word in 0 bytes" }, { " ?! ", 4, "no word in 4 bytes" },
  };
  ConvoyVocabulary *v = vocabulary ("a\n");
  gint32 row[4];
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    GError *error = NULL;
    CU_ASSERT_FALSE (convoy_tokenize (v, &(ConvoyTokenOptions) { 4, 0, 0 }, cases[i].text, cases[i].n, row, &error));
    temp_check_error (error, cases[i].says, cases[i].says);
  }
  convoy_vocabulary_unref (v);
}

/* More often first, then by bytes; nothing of what a reader cannot read. */
static void
test_learn (void)
{
  temp_write ("text/x/1.txt", "The cat, the dog; the bird. A cat!", -1);
  temp_write ("text/y/1.txt", "a\xffz", -1);
  temp_write ("text/y/2.txt", "bird dog", -1);
  ConvoyDataset *d = convoy_dataset_open (temp_path ("text"), "train", NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL (d);
  ConvoyVocabulary *v = convoy_vocabulary_learn (d, 7, NULL);
  g_autofree char *text = convoy_vocabulary_text (v);
  CU_ASSERT_STRING_EQUAL (text, "the\nbird\ncat\ndog\n");
  CU_ASSERT_EQUAL (convoy_vocabulary_size (v), 7);
  CU_ASSERT_TRUE (convoy_vocabulary_save (v, temp_path ("words.txt"), NULL));
  ConvoyVocabulary *again = convoy_vocabulary_load (temp_path ("words.txt"), NULL);
  g_autofree char *same = convoy_vocabulary_text (again);
  CU_ASSERT_STRING_EQUAL (same, text);
  ConvoyDataset *t = convoy_dataset_tokenize (d, v, &(ConvoyTokenOptions) { 4, CONVOY_TEXT_TAIL, CONVOY_TEXT_TAIL }, NULL);
  gint64 row[4], label;
  CU_ASSERT_TRUE (convoy_dataset_read (t, 2, row, &label, NULL));
  CU_ASSERT_TRUE (label == 1 && row[0] == 1 && row[1] == 4 && row[2] == 6 && row[3] == 0);
  GError *error = NULL;
  CU_ASSERT_FALSE (convoy_dataset_read (t, 1, row, &label, &error));
  temp_check_error (error, "y/1.txt", "no UTF-8 at byte 1");
  convoy_dataset_unref (t);
  convoy_vocabulary_unref (again);
  convoy_vocabulary_unref (v);
  convoy_dataset_unref (d);
}

static void
test_bad_vocabulary (void)
{
  static const struct { const char *text, *says; } cases[] = { { "", "no word" }, { "a\n\nb\n", "v:2: an empty line" }, { "a\nb\na\n", "v:3: there before: a" },
    { "a\n\xff\n", "no UTF-8 at byte 2" } };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    GError *error = NULL;
    CU_ASSERT_PTR_NULL (convoy_vocabulary_parse (cases[i].text, strlen (cases[i].text), "v", &error));
    temp_check_error (error, "v", cases[i].says);
  }
}

int
main (void)
{
  static const TapTest tests[] = { { "words", test_words }, { "what is cut off and filled up", test_ends }, { "texts that are none", test_bad_text },
    { "a vocabulary that is learnt", test_learn }, { "vocabularies that are none", test_bad_vocabulary }, { NULL, NULL } };
  return temp_main ("tokenize", tests);
}
