/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fuzz-recipe.c - any bytes as a recipe: read, its keys filled in, and printed as a line. */
#include "tests/fuzz/fuzz.h"
#include "pipelines/recipe.h"

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (Recipe) r = recipe_load (fuzz_file ("x.pipe", data, size), NULL);
  if (!r)
    return 0;
  for (guint i = 0; i < r->keys->len; i++) {
    const RecipeKey *k = g_ptr_array_index (r->keys, i);
    g_autofree char *set = k->fallback ? NULL : g_strconcat (k->name, "=a 'b'.png", NULL);
    if (set)
      recipe_set (r, set, NULL);
  }
  g_auto (GStrv) words = recipe_check (r, NULL) ? recipe_words (r, FALSE, NULL) : NULL;
  if (words)
    g_free (recipe_line (words));
  return 0;
}
