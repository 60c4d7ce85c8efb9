/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * tokenize.h - finding the words of a text. */
#ifndef CONVOY_TOKENIZE_H
#define CONVOY_TOKENIZE_H
#include "core/convoy.h"

/* Goes through the words of a text. */
typedef struct {
  const char *at, *end;
  GString *word;                /* the word found: lower case, letters composed */
} ConvoyWords;

void convoy_words_init (ConvoyWords *w, const char *text, gsize n);     /* text is UTF-8 and stays the caller's */
gboolean convoy_words_next (ConvoyWords *w);    /* FALSE: there is none left */
void convoy_words_clear (ConvoyWords *w);

/* Sets an error that says where the text is no UTF-8, or has a NUL byte; gives FALSE. */
gboolean convoy_text_check (const char *text, gsize n, GError **error);
#endif
