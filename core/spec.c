/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * spec.c - see spec.h. */
#include "core/spec.h"
#include <math.h>
#include <string.h>

static gboolean is_above (double v) { return v > 0; }
static gboolean is_natural (double v) { return v >= 0; }
static gboolean is_below_one (double v) { return v >= 0 && v < 1; }
static gboolean is_part (double v) { return v >= 0 && v <= 1; }

/* What a number may be, by its key. */
static const struct { const char *key; gboolean (*is) (double v); const char *wants; } kinds[] = {
  { "lr", is_above, "above 0" },
  { "l2", is_natural, "0 or above" },
  { "clip-norm", is_natural, "0 or above" },
  { "clip-value", is_natural, "0 or above" },
  { "momentum", is_below_one, "from 0 to below 1" },
  { "rho", is_below_one, "from 0 to below 1" },
  { "beta1", is_below_one, "from 0 to below 1" },
  { "beta2", is_below_one, "from 0 to below 1" },
  { "epsilon", is_above, "above 0" },
  { "weight-decay", is_natural, "0 or above" },
  { "warmup", is_natural, "of 0 epochs or more" },
  { "every", is_above, "of epochs above 0" },
  { "factor", is_above, "above 0" },
  { "final", is_part, "from 0 to 1" },
  { "initial", is_part, "from 0 to 1" },
  { "rise", is_part, "from 0 to 1" },
  { "label-smoothing", is_below_one, "from 0 to below 1" },
};

static gboolean
same (const char *key, gsize len, const char *other)
{
  return strncmp (key, other, len) == 0 && other[len] == '\0';
}

/* The keys of a row with their defaults. */
static void
declare (ConvoySpec *s, const char *keys)
{
  for (const char *p = keys + strspn (keys, " "); *p && s->n < CONVOY_SPEC_MAX; p += strspn (p, " ")) {
    gsize len = strcspn (p, "=");
    s->v[s->n].key = p;
    s->v[s->n].len = len;
    s->v[s->n++].value = g_ascii_strtod (p + len + 1, NULL);
    p += strcspn (p, " ");
  }
}

static gboolean
refuse_key (const ConvoySpec *s, const char *kind, const char *key, GError **error)
{
  char *names[CONVOY_SPEC_MAX];
  for (guint i = 0; i < s->n; i++)
    names[i] = g_strndup (s->v[i].key, s->v[i].len);
  g_autofree char *near = convoy_nearest (key, (const char *const *) names, s->n, 1);
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID,
      s->n ? "%s %s: %.40s is not known, the nearest is %s" : "%s %s: %.40s is not known, it takes nothing", kind, s->word, key, near);
  for (guint i = 0; i < s->n; i++)
    g_free (names[i]);
  return FALSE;
}

gboolean
convoy_spec_set (ConvoySpec *s, const char *kind, const char *key, double v, GError **error)
{
  guint i = 0, k = 0;
  while (i < s->n && !same (s->v[i].key, s->v[i].len, key))
    i++;
  if (i == s->n)
    return refuse_key (s, kind, key, error);
  while (strcmp (kinds[k].key, key) != 0)
    k++;
  if (!isfinite (v) || !kinds[k].is (v)) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s %s: %s=%g is no number %s", kind, s->word, key, v, kinds[k].wants);
    return FALSE;
  }
  s->v[i].value = v;
  return TRUE;
}

/* "key=number" */
static gboolean
read_number (ConvoySpec *s, const char *kind, char *text, GError **error)
{
  char *value = strchr (text, '='), *end;
  if (value)
    *value++ = '\0';
  double v = value ? g_ascii_strtod (value, &end) : 0;
  if (value && end != value && *end == '\0')
    return convoy_spec_set (s, kind, text, v, error);
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s %s: \"%.40s\" is not followed by = and a number", kind, s->word, text);
  return FALSE;
}

static gboolean
find_word (ConvoySpec *s, const char *kind, const char *word, ConvoySpecTable table, const char *common, GError **error)
{
  const char *names[32];
  guint n = 0;
  for (const ConvoySpecWord *w; n < G_N_ELEMENTS (names) && (w = table (n)) != NULL; n++) {
    names[n] = w->word;
    if (strcmp (w->word, word) == 0) {
      *s = (ConvoySpec) { .row = n, .word = w->word };
      declare (s, w->keys);
      declare (s, common);
      return TRUE;
    }
  }
  g_autofree char *near = convoy_nearest (word, names, n, 1);
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: %.40s is not known, the nearest is %s", kind, word, near);
  return FALSE;
}

gboolean
convoy_spec_parse (ConvoySpec *s, const char *kind, const char *text, ConvoySpecTable table, const char *common, GError **error)
{
  g_auto (GStrv) words = g_strsplit_set (text, " \t\n", -1);
  gboolean named = FALSE, ok = TRUE;
  for (guint i = 0; ok && words[i]; i++)
    if (*words[i]) {
      ok = named ? read_number (s, kind, words[i], error) : find_word (s, kind, words[i], table, common, error);
      named = TRUE;
    }
  if (!named)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: the text is empty, give for example \"%s\"", kind, table (0)->word);
  return named && ok;
}

double
convoy_spec_get (const ConvoySpec *s, const char *key)
{
  for (guint i = 0; i < s->n; i++)
    if (same (s->v[i].key, s->v[i].len, key))
      return s->v[i].value;
  return 0;
}

char *
convoy_spec_str (const ConvoySpec *s)
{
  GString *t = g_string_new (s->word);
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  for (guint i = 0; i < s->n; i++)
    g_string_append_printf (t, " %.*s=%s", (int) s->v[i].len, s->v[i].key, g_ascii_dtostr (number, sizeof number, s->v[i].value));
  return g_string_free (t, FALSE);
}
