/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * net-expr.c - ${...} in the text of a network: a variable, or a sum of numbers and variables. */
#include "core/net.h"
#include <math.h>
#include <string.h>

#define MAX_LENGTH 200          /* of an expression; bounds the depth of the recursion */

typedef struct {
  const char *whole, *at;
  ConvoyNetLookup lookup;
  gpointer user;
  GError **error;
  gboolean failed;
} Expr;

static double
refuse (Expr *e, const char *why)
{
  if (!e->failed)
    g_set_error (e->error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "${%s}: %s", e->whole, why);
  e->failed = TRUE;
  return 0;
}

/* --- functions ------------------------------------------------------- */

static double whole (double a, double b) { (void) b; return trunc (a); }
static double smaller (double a, double b) { return fmin (a, b); }
static double larger (double a, double b) { return fmax (a, b); }

/* The multiple of b nearest to a, at least b and not under nine tenths of a: how MobileNet v2
 * and its like round the numbers of their channels. */
static double
divisible (double a, double b)
{
  double near = fmax (b, floor ((a + b / 2) / b) * b);
  return near < 0.9 * a ? near + b : near;
}

static const struct { const char *name; guint n_args; double (*f) (double a, double b); } functions[] = {
  { "int", 1, whole }, { "min", 2, smaller }, { "max", 2, larger }, { "divisible", 2, divisible },
};

/* --- recursive descent ----------------------------------------------- */

static double sum (Expr *e);

static char
peek (Expr *e)
{
  while (*e->at == ' ' || *e->at == '\t')
    e->at++;
  return *e->at;
}

static gboolean
take (Expr *e, char c)
{
  if (peek (e) != c)
    return FALSE;
  e->at++;
  return TRUE;
}

static double
call (Expr *e, const char *name)
{
  double a[2] = { 0, 0 };
  guint n = 0;
  do {
    double v = sum (e);
    if (n < 2)
      a[n] = v;
    n++;
  } while (take (e, ','));
  if (!take (e, ')'))
    return refuse (e, "a ( without its )");
  for (guint i = 0; i < G_N_ELEMENTS (functions); i++)
    if (strcmp (functions[i].name, name) == 0)
      return functions[i].n_args == n ? functions[i].f (a[0], a[1]) : refuse (e, "a function with the wrong number of arguments");
  return refuse (e, "the functions are int, min, max and divisible");
}

static gboolean
is_name_char (char c)
{
  return g_ascii_isalnum (c) || c == '_';
}

static double
name_or_call (Expr *e)
{
  const char *start = e->at;
  while (is_name_char (*e->at))
    e->at++;
  g_autofree char *name = g_strndup (start, e->at - start);
  if (take (e, '('))
    return call (e, name);
  const char *text = e->failed ? NULL : e->lookup (e->user, name, e->error);
  char *end;
  if (text == NULL) {
    e->failed = TRUE;
    return 0;
  }
  double v = g_ascii_strtod (text, &end);
  if (end == text || *end) {
    g_autofree char *why = g_strdup_printf ("%s is %s, which is no number", name, text);
    return refuse (e, why);
  }
  return v;
}

static double
factor (Expr *e)
{
  char c = peek (e);
  if (take (e, '-'))
    return -factor (e);
  if (take (e, '(')) {
    double v = sum (e);
    return take (e, ')') ? v : refuse (e, "a ( without its )");
  }
  if (g_ascii_isdigit (c) || c == '.') {
    char *end;
    double v = g_ascii_strtod (e->at, &end);
    if (end == e->at || is_name_char (*end))
      return refuse (e, "a number that is none");
    e->at = end;
    return v;
  }
  return is_name_char (c) ? name_or_call (e) : refuse (e, "a number or a name is missing");
}

static double
product (Expr *e)
{
  double v = factor (e);
  while (!e->failed)
    if (take (e, '*'))
      v *= factor (e);
    else if (take (e, '/') || take (e, '%')) {
      char op = e->at[-1];
      double by = factor (e);
      if (by == 0)
        return refuse (e, "division by 0");
      v = op == '/' ? v / by : fmod (v, by);
    } else
      break;
  return v;
}

static double
sum (Expr *e)
{
  double v = product (e);
  while (!e->failed)
    if (take (e, '+'))
      v += product (e);
    else if (take (e, '-'))
      v -= product (e);
    else
      break;
  return v;
}

/* A lone variable stands for its text, whatever that is. */
static char *
value (const char *whole_text, ConvoyNetLookup lookup, gpointer user, GError **error)
{
  Expr e = { whole_text, whole_text, lookup, user, error, FALSE };
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  if (strlen (whole_text) > MAX_LENGTH) {
    refuse (&e, "too long");
    return NULL;
  }
  if (*whole_text && !g_ascii_isdigit (*whole_text) && whole_text[strspn (whole_text, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "_")] == '\0')
    return g_strdup (lookup (user, whole_text, error));
  double v = sum (&e);
  if (!e.failed && peek (&e))
    refuse (&e, "cannot be read to its end");
  if (!e.failed && !isfinite (v))
    refuse (&e, "is no finite number");
  if (e.failed)
    return NULL;
  if (v == trunc (v) && fabs (v) < 1e15)
    return g_strdup_printf ("%" G_GINT64_FORMAT, (gint64) v);
  return g_strdup (g_ascii_dtostr (number, sizeof number, v));
}

char *
convoy_net_expand (const char *text, ConvoyNetLookup lookup, gpointer user, GError **error)
{
  g_autoptr (GString) out = g_string_new (NULL);
  const char *start;
  while ((start = strstr (text, "${")) != NULL) {
    const char *end = strchr (start, '}');
    g_autofree char *inner = end ? g_strndup (start + 2, end - start - 2) : NULL, *v = NULL;
    if (end == NULL || (v = value (inner, lookup, user, error)) == NULL)
      return NULL;
    g_string_append_len (out, text, start - text);
    g_string_append (out, v);
    text = end + 1;
  }
  g_string_append (out, text);
  return g_strdup (out->str);
}
