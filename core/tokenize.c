/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * tokenize.c - see tokenize.h. A word is a run of letters, digits and marks, with apostrophes
 * between letters; an ideograph is a word by itself. Which character is what, lower case and
 * composition are GLib's, that is Unicode's. For English text these are the words that Keras'
 * tokenizer finds with its default filters. */
#include "core/tokenize.h"
#include <string.h>

#define APOSTROPHE 0x2019       /* the typographic one; it becomes ' */

void
convoy_words_init (ConvoyWords *w, const char *text, gsize n)
{
  *w = (ConvoyWords) { text, text + n, g_string_sized_new (64) };
}

void
convoy_words_clear (ConvoyWords *w)
{
  g_string_free (w->word, TRUE);
}

static gboolean
is_ideograph (gunichar c)
{
  return c >= 0x2e80 && g_unichar_break_type (c) == G_UNICODE_BREAK_IDEOGRAPHIC && g_unichar_isalpha (c);
}

static gboolean
is_of_word (gunichar c)
{
  return g_unichar_isalnum (c) || g_unichar_ismark (c);
}

/* Whether a word goes on after the apostrophe that ends before next. */
static gboolean
goes_on (const char *next, const char *end)
{
  gunichar c = next < end ? g_utf8_get_char (next) : 0;
  return g_unichar_isalnum (c) && !is_ideograph (c);
}

/* The word's case is folded and its letters are composed, which ASCII has no need of. */
static void
fold (GString *word)
{
  g_autofree char *folded = g_utf8_casefold (word->str, (gssize) word->len);
  g_autofree char *composed = g_utf8_normalize (folded, -1, G_NORMALIZE_ALL_COMPOSE);
  g_string_assign (word, composed ? composed : folded);
}

/* The run of a word from w->at on, which is one of its characters. */
static void
take_word (ConvoyWords *w)
{
  gboolean plain = TRUE;
  while (w->at < w->end) {
    guchar b = (guchar) *w->at;
    if (g_ascii_isalnum (b)) {
      g_string_append_c (w->word, g_ascii_tolower (b));
      w->at++;
      continue;
    }
    gunichar c = g_utf8_get_char (w->at);
    const char *next = g_utf8_next_char (w->at);
    if (c == '\'' || c == APOSTROPHE) {
      if (!goes_on (next, w->end))
        break;
      g_string_append_c (w->word, '\'');
    } else if (b >= 0x80 && is_of_word (c) && !is_ideograph (c)) {
      g_string_append_len (w->word, w->at, next - w->at);
      plain = FALSE;
    } else
      break;
    w->at = next;
  }
  if (!plain)
    fold (w->word);
}

gboolean
convoy_words_next (ConvoyWords *w)
{
  g_string_truncate (w->word, 0);
  for (; w->at < w->end; w->at = g_utf8_next_char (w->at)) {
    gunichar c = g_utf8_get_char (w->at);
    if (is_ideograph (c)) {
      g_string_append_unichar (w->word, c);
      w->at = g_utf8_next_char (w->at);
      return TRUE;
    }
    if (g_unichar_isalnum (c)) {
      take_word (w);
      return TRUE;
    }
  }
  return FALSE;
}

gboolean
convoy_text_check (const char *text, gsize n, GError **error)
{
  const char *bad;
  if (g_utf8_validate_len (text, n, &bad))
    return TRUE;
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s at byte %zu", *bad == '\0' ? "a NUL byte" : "no UTF-8", (gsize) (bad - text));
  return FALSE;
}
