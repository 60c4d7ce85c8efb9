/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * recipe.h - a pipeline with a name and keys: one file pipelines/NAME.pipe, no code.
 *
 * A recipe is gst-launch text with # comments. Lines that start with #: are its head: the first
 * says what it does, each other declares a key, NAME (has to be given) or NAME=DEFAULT (in quotes
 * when it has spaces), and after two spaces says what it is.
 *
 *   #: One picture, with its label drawn on it
 *   #: in                          picture to read
 *   #: model=mobilenet-v2-1.0-224  network that looks at it
 *   filesrc location=${in} ! cnnimagedec ! cnnclassify model=${zoo:${model}} ! ...
 *
 * ${key} is the value of a key: one word in a property, whatever is in it; standing alone, as many
 * as it has. ${function:text} is what a function makes of the text (see recipe-expand.c). A
 * property whose value comes out empty is left out. */
#ifndef CONVOY_RECIPE_H
#define CONVOY_RECIPE_H

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  char *name, *help;
  char *fallback;               /* its default; NULL: it has to be given */
  char *value;                  /* what was given; NULL: nothing */
} RecipeKey;

typedef struct {
  char *name, *about;
  GPtrArray *keys;              /* RecipeKey, in the order of the file */
  char *text;
} Recipe;

/* By its name, or a file by its path. */
Recipe *recipe_load (const char *name_or_path, GError **error);
void recipe_free (Recipe *r);
/* The names of all, sorted; free it with g_ptr_array_unref(). */
GPtrArray *recipe_names (GError **error);

/* Takes "KEY=VALUE". */
gboolean recipe_set (Recipe *r, const char *assignment, GError **error);
/* The value of a key; NULL: it has no such key, or it has to be given and was not. */
const char *recipe_get (const Recipe *r, const char *name);
/* FALSE: a key that has to be given was not. */
gboolean recipe_check (const Recipe *r, GError **error);

/* The words of the pipeline as gst-launch-1.0 takes them. pull: what it needs of the zoo is
 * fetched; otherwise named as if it were there. g_strfreev() it. */
char **recipe_words (const Recipe *r, gboolean pull, GError **error);
/* The same as a line for a shell. */
char *recipe_line (char **words);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Recipe, recipe_free)

G_END_DECLS
#endif
