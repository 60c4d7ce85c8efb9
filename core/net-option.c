/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * net-option.c - the options of a layer: which there are, what each may be, and what is said where it is not. */
#include "core/net.h"
#include <math.h>
#include <string.h>

#define MAX_SIZE (G_GINT64_CONSTANT (1) << 30)

/* --- messages --------------------------------------------------------- */

char *
convoy_net_place (const char *where, guint line)
{
  if (where)
    return g_strdup_printf ("%s:%u: ", where, line);
  return line > 1 ? g_strdup_printf ("line %u: ", line) : g_strdup ("");
}

gboolean
convoy_net_fail (const ConvoyNetLayer *l, GError **error, ConvoyError code, const char *format, ...)
{
  va_list ap;
  va_start (ap, format);
  g_autofree char *text = g_strdup_vprintf (format, ap), *place = convoy_net_place (l->where, l->line);
  va_end (ap);
  g_set_error (error, CONVOY_ERROR, code, "%s%s %s: %s", place, l->word->word, l->name, text);
  return FALSE;
}

/* --- what an option may be -------------------------------------------- */

/* "3", "3x5": each of min..2^30. */
static gboolean
read_sizes (ConvoyNetOption *o, const char *text, gint64 min)
{
  g_auto (GStrv) parts = g_strsplit (text, "x", -1);
  for (o->n = 0; parts[o->n]; o->n++)
    if (o->n == CONVOY_MAX_DIMS || !g_ascii_string_to_signed (parts[o->n], 10, min, MAX_SIZE, &o->i[o->n], NULL))
      return FALSE;
  return o->n > 0;
}

static gboolean read_count (ConvoyNetOption *o) { return read_sizes (o, o->text, 1) && o->n == 1; }
static gboolean read_positive (ConvoyNetOption *o) { return read_sizes (o, o->text, 1); }
static gboolean read_natural (ConvoyNetOption *o) { return read_sizes (o, o->text, 0); }
static gboolean read_padding (ConvoyNetOption *o) { return g_str_equal (o->text, "valid") || g_str_equal (o->text, "same") || read_natural (o); }
static gboolean read_name (ConvoyNetOption *o) { return *o->text != '\0'; }

static gboolean
read_shape (ConvoyNetOption *o)
{
  guint open = 0;
  if (!read_sizes (o, o->text, -1) || o->n >= CONVOY_MAX_DIMS)
    return FALSE;
  for (guint i = 0; i < o->n; i++)
    if (o->i[i] == 0 || (o->i[i] == -1 && open++))
      return FALSE;
  return TRUE;
}

static gboolean
read_bool (ConvoyNetOption *o)
{
  o->i[0] = g_str_equal (o->text, "true");
  return o->i[0] || g_str_equal (o->text, "false");
}

static gboolean
read_number (ConvoyNetOption *o)
{
  char *end;
  o->f = g_ascii_strtod (o->text, &end);
  return end != o->text && *end == '\0' && isfinite (o->f);
}

static gboolean read_rate (ConvoyNetOption *o) { return read_number (o) && o->f >= 0 && o->f < 1; }
static gboolean read_part (ConvoyNetOption *o) { return read_number (o) && o->f >= 0 && o->f <= 1; }
static gboolean read_above (ConvoyNetOption *o) { return read_number (o) && o->f > 0; }

typedef const char *(*Nth) (guint i);
#define MAX_NAMES 32

static const struct { const char *key; gboolean (*read) (ConvoyNetOption *o); const char *wants; Nth nth; } options[] = {
  { "filters", read_count, "a whole number above 0", NULL },
  { "units", read_count, "a whole number above 0", NULL },
  { "groups", read_count, "a whole number above 0", NULL },
  { "multiplier", read_count, "a whole number above 0", NULL },
  { "input-dim", read_count, "a whole number above 0", NULL },
  { "output-dim", read_count, "a whole number above 0", NULL },
  { "kernel", read_positive, "sizes above 0, such as 3 or 3x5", NULL },
  { "pool", read_positive, "sizes above 0, such as 2 or 2x3", NULL },
  { "stride", read_positive, "sizes above 0, such as 2 or 2x1", NULL },
  { "dilation", read_positive, "sizes above 0, such as 2 or 2x1", NULL },
  { "padding", read_padding, "valid, same, or sizes such as 1 or 1x2", NULL },
  { "before", read_natural, "sizes such as 1 or 0x1", NULL },
  { "after", read_natural, "sizes such as 1 or 0x1", NULL },
  { "shape", read_shape, "sizes such as 16x4, one of which may be -1", NULL },
  { "rate", read_rate, "a number from 0 to below 1", NULL },
  { "epsilon", read_above, "a number above 0", NULL },
  { "momentum", read_part, "a number from 0 to 1", NULL },
  { "use-bias", read_bool, "true or false", NULL },
  { "keepdims", read_bool, "true or false", NULL },
  { "center", read_bool, "true or false", NULL },
  { "scale", read_bool, "true or false", NULL },
  { "with", read_name, "names of layers", NULL },
  { "from", read_name, "the name of a layer", NULL },
  { "name", read_name, "a name", NULL },
  { "activation", read_name, "an activation", convoy_net_activation_name },
  { "init", read_name, "an initializer", convoy_net_init_name },
  { "bias-init", read_name, "an initializer", convoy_net_init_name },
  { "gamma-init", read_name, "an initializer", convoy_net_init_name },
};

static guint
row_of (const char *key, gsize len)
{
  guint k = 0;
  while (strncmp (options[k].key, key, len) != 0 || options[k].key[len])
    k++;
  return k;
}

/* Reads o->text by the row of its key. */
static gboolean
check (const ConvoyNetLayer *l, ConvoyNetOption *o, GError **error)
{
  guint k = row_of (o->key, strlen (o->key)), n = 0;
  const char *names[MAX_NAMES];
  if (!options[k].read (o))
    return convoy_net_fail (l, error, CONVOY_ERROR_INVALID, "%s=%s is not %s", o->key, o->text, options[k].wants);
  while (options[k].nth && n < MAX_NAMES && (names[n] = options[k].nth (n)) != NULL)
    if (g_str_equal (names[n++], o->text))
      return TRUE;
  if (options[k].nth == NULL)
    return TRUE;
  g_autofree char *near = convoy_nearest (o->text, names, n, 1);
  return convoy_net_fail (l, error, CONVOY_ERROR_INVALID, "%s=%s is not known, the nearest is %s", o->key, o->text, near);
}

/* --- the options of one layer ----------------------------------------- */

/* Every option that the word has, and those that all have, with their defaults; gives which are required, by bit. */
static guint
declare (ConvoyNetLayer *l)
{
  static const char *const common[] = { "name", "from" };
  guint required = 0;
  for (const char *p = l->word->options; *p; p += strspn (p, " ")) {
    gboolean plus = *p == '+';
    gsize len = strcspn (p + plus, "= "), all = strcspn (p, " "), used = plus + len;
    required |= plus ? 1u << l->n_options : 0;
    l->options[l->n_options++] = (ConvoyNetOption) { .key = options[row_of (p + plus, len)].key,
      .text = used < all ? g_strndup (p + used + 1, all - used - 1) : g_strdup ("") };
    p += all;
  }
  for (guint i = 0; i < G_N_ELEMENTS (common); i++)
    l->options[l->n_options++] = (ConvoyNetOption) { .key = common[i], .text = g_strdup ("") };
  return required;
}

static ConvoyNetOption *
find (const ConvoyNetLayer *l, const char *key)
{
  for (guint i = 0; i < l->n_options; i++)
    if (g_str_equal (l->options[i].key, key))
      return (ConvoyNetOption *) &l->options[i];
  return NULL;
}

static gboolean
unknown (const ConvoyNetLayer *l, const char *key, GError **error)
{
  const char *names[CONVOY_MAX_OPTIONS];
  for (guint i = 0; i < l->n_options; i++)
    names[i] = l->options[i].key;
  g_autofree char *near = convoy_nearest (key, names, l->n_options, 1);
  return convoy_net_fail (l, error, CONVOY_ERROR_INVALID, "option %s is not known, the nearest is %s", key, near);
}

gboolean
convoy_net_options (ConvoyNetLayer *l, const ConvoyNetArg *args, guint n, GError **error)
{
  guint required = declare (l), given = 0;
  for (guint i = 0; i < n; i++) {
    gboolean bare = *args[i].key == '\0';
    ConvoyNetOption *o = bare ? &l->options[0] : find (l, args[i].key);
    if (bare && (i > 0 || *l->word->options == '\0'))
      return convoy_net_fail (l, error, CONVOY_ERROR_INVALID, "%s is no option=value", args[i].value);
    if (o == NULL)
      return unknown (l, args[i].key, error);
    if (given & 1u << (o - l->options))
      return convoy_net_fail (l, error, CONVOY_ERROR_INVALID, "%s is given twice", o->key);
    given |= 1u << (o - l->options);
    g_free (o->text);
    o->text = g_strdup (args[i].value);
  }
  for (guint i = 0; i < l->n_options; i++)
    if (required & ~given & 1u << i)
      return convoy_net_fail (l, error, CONVOY_ERROR_INVALID, "%s= is missing", l->options[i].key);
    else if ((given & 1u << i || *l->options[i].text) && !check (l, &l->options[i], error))
      return FALSE;
  return TRUE;
}

void
convoy_net_options_clear (ConvoyNetLayer *l)
{
  for (guint i = 0; i < l->n_options; i++)
    g_free (l->options[i].text);
  l->n_options = 0;
}

const ConvoyNetOption *convoy_net_option (const ConvoyNetLayer *l, const char *key) { return find (l, key); }
gint64 convoy_net_int (const ConvoyNetLayer *l, const char *key) { return find (l, key)->i[0]; }
double convoy_net_float (const ConvoyNetLayer *l, const char *key) { return find (l, key)->f; }
gboolean convoy_net_bool (const ConvoyNetLayer *l, const char *key) { return find (l, key)->i[0] != 0; }
const char *convoy_net_text (const ConvoyNetLayer *l, const char *key) { return find (l, key)->text; }

gboolean
convoy_net_sizes (const ConvoyNetLayer *l, const char *key, guint n, gint64 *out, GError **error)
{
  const ConvoyNetOption *o = find (l, key);
  if (o->n != 1 && o->n != n) {
    g_autofree char *s = convoy_net_sample (&l->shape);
    return convoy_net_fail (l, error, CONVOY_ERROR_INVALID, "%s=%s has %u sizes, its input %s wants one or %u", key, o->text, o->n, s, n);
  }
  for (guint i = 0; i < n; i++)
    out[i] = o->i[o->n == 1 ? 0 : i];
  return TRUE;
}

char *
convoy_net_sample (const ConvoyShape *s)
{
  ConvoyShape t = { s->n ? s->n - 1 : 0, { 0 } };
  for (guint i = 0; i < t.n; i++)
    t.d[i] = s->d[i + 1];
  return convoy_shape_str (&t);
}

gint64
convoy_net_channels (const ConvoyShape *s, gboolean last)
{
  return s->n < 2 ? 1 : s->d[last ? s->n - 1 : 1];
}
