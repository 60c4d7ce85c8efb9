/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * net-text.c - splits the text of a network into items: layers, settings, blocks, repetitions. */
#include "core/net.h"
#include <string.h>

#define MAX_DEPTH 16            /* braces within braces */

typedef struct {
  const char *at, *where;
  guint line, depth;
} Reader;

static void
item_free (gpointer p)
{
  ConvoyNetItem *it = p;
  g_free (it->word);
  g_array_unref (it->args);
  if (it->body)
    g_ptr_array_unref (it->body);
  g_free (it);
}

void
convoy_net_arg_clear (gpointer p)
{
  g_free (((ConvoyNetArg *) p)->key);
  g_free (((ConvoyNetArg *) p)->value);
}

static gboolean
refuse (const Reader *r, guint line, GError **error, const char *format, ...) G_GNUC_PRINTF (4, 5);

static gboolean
refuse (const Reader *r, guint line, GError **error, const char *format, ...)
{
  va_list ap;
  va_start (ap, format);
  g_autofree char *text = g_strdup_vprintf (format, ap), *place = convoy_net_place (r->where, line);
  va_end (ap);
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s%s", place, text);
  return FALSE;
}

/* Skips blanks and comments, not the end of the line. */
static void
skip (Reader *r)
{
  while (*r->at == ' ' || *r->at == '\t' || *r->at == '\r')
    r->at++;
  if (*r->at == '#')
    r->at += strcspn (r->at, "\n");
}

/* Up to a blank or one of "!{}#"; a ${...} belongs to it whatever it holds. NULL: a ${ never ends. */
static char *
read_token (Reader *r, GError **error)
{
  const char *start = r->at;
  while (*r->at && !strchr (" \t\r\n!{}#", *r->at))
    if (r->at[0] == '$' && r->at[1] == '{') {
      gsize len = strcspn (r->at, "}\n");
      if (r->at[len] != '}') {
        refuse (r, r->line, error, "a ${ without its }");
        return NULL;
      }
      r->at += len + 1;
    } else
      r->at++;
  return g_strndup (start, r->at - start);
}

/* The tokens of one statement: up to the end of the line, "!" or a brace. "a = b" becomes "a=" "b". */
static GPtrArray *
read_tokens (Reader *r, GError **error)
{
  g_autoptr (GPtrArray) tokens = g_ptr_array_new_with_free_func (g_free);
  for (skip (r); *r->at && !strchr ("\n!{}", *r->at); skip (r)) {
    char *token = read_token (r, error);
    if (token == NULL)
      return NULL;
    g_ptr_array_add (tokens, token);
    skip (r);
    if (tokens->len == 1 && *r->at == '=') {
      tokens->pdata[0] = g_strconcat (token, "=", NULL);
      g_free (token);
      r->at++;
    }
  }
  return g_steal_pointer (&tokens);
}

static void
add_arg (ConvoyNetItem *it, const char *token, gboolean bare)
{
  const char *eq = bare ? NULL : strchr (token, '=');
  ConvoyNetArg a = { eq ? g_strndup (token, eq - token) : g_strdup (""), g_strdup (eq ? eq + 1 : token) };
  g_array_append_val (it->args, a);
}

/* "name=" "value" or "name=value". */
static gboolean
make_setting (Reader *r, ConvoyNetItem *it, GPtrArray *tokens, GError **error)
{
  const char *first = tokens->pdata[0], *eq = strchr (first, '=');
  gboolean split = eq[1] == '\0';
  it->kind = CONVOY_NET_SETTING;
  it->word = g_strndup (first, eq - first);
  if (eq == first || tokens->len != (split ? 2 : 1))
    return refuse (r, it->line, error, "%s wants one value after =, as in %s = 32", *it->word ? it->word : "a setting", *it->word ? it->word : "size");
  add_arg (it, split ? tokens->pdata[1] : eq + 1, TRUE);
  return TRUE;
}

static gboolean
make_item (Reader *r, ConvoyNetItem *it, GPtrArray *tokens, gboolean braces, GError **error)
{
  const char *first = tokens->pdata[0];
  gboolean block = strcmp (first, "block") == 0, repeat = strcmp (first, "repeat") == 0;
  if (strchr (first, '='))
    return braces ? refuse (r, it->line, error, "{ after a setting") : make_setting (r, it, tokens, error);
  if (braces != (block || repeat))
    return refuse (r, it->line, error, braces ? "%s takes no {" : "%s without its {", first);
  if (braces && tokens->len < 2)
    return refuse (r, it->line, error, block ? "block wants a name" : "repeat wants a count");
  it->kind = block ? CONVOY_NET_BLOCK : repeat ? CONVOY_NET_REPEAT : CONVOY_NET_LAYER;
  it->word = g_strdup (tokens->pdata[braces ? 1 : 0]);
  for (guint i = braces ? 2 : 1; i < tokens->len; i++)
    add_arg (it, tokens->pdata[i], FALSE);
  return TRUE;
}

static GPtrArray *read_items (Reader *r, GError **error);

static gboolean
read_body (Reader *r, ConvoyNetItem *it, GError **error)
{
  r->at++;
  if (++r->depth > MAX_DEPTH)
    return refuse (r, it->line, error, "braces more than %u deep", MAX_DEPTH);
  it->body = read_items (r, error);
  if (it->body == NULL)
    return FALSE;
  if (*r->at != '}')
    return refuse (r, it->line, error, "a { without its }");
  r->at++;
  r->depth--;
  return TRUE;
}

/* One statement, with its body. Gives NULL without error where the line is empty. */
static ConvoyNetItem *
read_item (Reader *r, GError **error)
{
  guint line = r->line;
  g_autoptr (GPtrArray) tokens = read_tokens (r, error);
  if (tokens == NULL)
    return NULL;
  if (tokens->len == 0) {
    if (*r->at == '{')
      refuse (r, line, error, "a { after nothing");
    return NULL;
  }
  ConvoyNetItem *it = g_new0 (ConvoyNetItem, 1);
  it->line = line;
  it->args = g_array_new (FALSE, FALSE, sizeof (ConvoyNetArg));
  g_array_set_clear_func (it->args, convoy_net_arg_clear);
  gboolean braces = *r->at == '{';
  if (!make_item (r, it, tokens, braces, error) || (braces && !read_body (r, it, error))) {
    item_free (it);
    return NULL;
  }
  return it;
}

/* Up to the end of the text or a }. Each "!" joins two items. */
static GPtrArray *
read_items (Reader *r, GError **error)
{
  g_autoptr (GPtrArray) items = g_ptr_array_new_with_free_func (item_free);
  gboolean joined = FALSE;              /* a "!" waits for what comes after it */
  for (;;) {
    GError *local = NULL;
    ConvoyNetItem *it = read_item (r, &local);
    if (local) {
      g_propagate_error (error, local);
      return NULL;
    }
    if (it) {
      g_ptr_array_add (items, it);
      joined = FALSE;
    }
    skip (r);
    if (*r->at == '!') {
      if (items->len == 0 || joined)
        return refuse (r, r->line, error, "nothing before a !"), NULL;
      joined = TRUE;
      r->at++;
    } else if (*r->at == '\n') {
      r->line++;
      r->at++;
    } else if (*r->at == '\0' || *r->at == '}')
      break;
  }
  if (joined)
    return refuse (r, r->line, error, "nothing after a !"), NULL;
  return g_steal_pointer (&items);
}

GPtrArray *
convoy_net_items (const char *text, const char *where, GError **error)
{
  Reader r = { text, where, 1, 0 };
  if (!g_utf8_validate (text, -1, NULL)) {
    refuse (&r, 1, error, "not text in UTF-8");
    return NULL;
  }
  GPtrArray *items = read_items (&r, error);
  if (items && *r.at == '}') {
    refuse (&r, r.line, error, "a } without its {");
    g_clear_pointer (&items, g_ptr_array_unref);
  }
  return items;
}
