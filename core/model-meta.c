/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * model-meta.c - see model-meta.h: a table of keys, each read from the metadata of the ONNX file
 * and from the sidecar, which may add to it but not contradict it. */
#include "core/model-meta.h"
#include "core/graph.h"
#include <math.h>
#include <string.h>

#define GROUP "model"           /* the one group of a sidecar */
#define MAX_SIZE 65536          /* pixels of a side */

gboolean
convoy_meta_fail (GError **error, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, text);
  return FALSE;
}

/* --- what the graph says ---------------------------------------------- */

static gboolean
is_color (gint64 d)
{
  return d == 1 || d == 3;
}

gboolean
convoy_image_axes (const ConvoyShape *s, ConvoyImageAxes *axes)
{
  if (s->n != 4 || !(is_color (s->d[1]) || is_color (s->d[3])))
    return FALSE;
  *axes = is_color (s->d[1]) ? (ConvoyImageAxes) { 1, 2, 3 } : (ConvoyImageAxes) { 3, 1, 2 };
  return TRUE;
}

/* As declared, with -1 for what is open. */
static const ConvoyVal *
input (const ConvoyGraph *g, guint i)
{
  return CONVOY_VAL (g, convoy_graph_get_input (g, i));
}

static gboolean
takes_pictures (const ConvoyGraph *g, ConvoyImageAxes *axes)
{
  return convoy_graph_n_inputs (g) > 0 && convoy_image_axes (&input (g, 0)->shape, axes);
}

/* Words or columns: one input, a row of them a sample. */
static gboolean
takes_rows (const ConvoyGraph *g)
{
  return convoy_graph_n_inputs (g) == 1 && input (g, 0)->shape.n == 2;
}

/* "input data of 1x10x32", for messages. */
static char *
describe_input (const ConvoyGraph *g)
{
  if (convoy_graph_n_inputs (g) == 0)
    return g_strdup ("no input");
  g_autofree char *shape = convoy_shape_str (&input (g, 0)->shape);
  return g_strdup_printf ("input %s of %s", input (g, 0)->name, shape);
}

ConvoyShape *
convoy_meta_shapes (const ConvoyGraph *g, const ConvoyModelInfo *info, guint batch, guint width, guint height, GError **error)
{
  guint n = convoy_graph_n_inputs (g);
  g_autofree char *what = describe_input (g);
  ConvoyImageAxes x;
  gboolean image = takes_pictures (g, &x);
  width = width ? width : info->width;
  height = height ? height : info->height;
  if (image ? width == 0 || height == 0 : width || height) {
    if (image)
      convoy_meta_fail (error, "%s leaves the size of the picture open, give one (input=WIDTHxHEIGHTxCHANNELS)", what);
    else
      convoy_meta_fail (error, "%s takes no picture of %ux%u", what, width, height);
    return NULL;
  }
  ConvoyShape *s = g_new0 (ConvoyShape, n + 1);
  for (guint i = 0; i < n; i++) {
    s[i] = input (g, i)->shape;
    if (s[i].n > 1 || (s[i].n == 1 && s[i].d[0] < 0))
      s[i].d[0] = batch;
  }
  if (image) {
    s[0].d[x.width] = width;
    s[0].d[x.height] = height;
  }
  return s;
}

static void
read_graph (const ConvoyGraph *g, ConvoyModelInfo *info)
{
  ConvoyImageAxes x;
  if (!takes_pictures (g, &x))
    return;
  const ConvoyShape *s = &input (g, 0)->shape;
  info->channels = (guint) s->d[x.channels];
  info->width = (guint) CLAMP (s->d[x.width], 0, MAX_SIZE);
  info->height = (guint) CLAMP (s->d[x.height], 0, MAX_SIZE);
}

/* Follows v back through nodes that leave each number what it is. */
static gboolean
is_made_by (const ConvoyGraph *g, ConvoyValue v, const char *op)
{
  static const char *const same[] = { "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Dropout", "Cast", "QuantizeLinear", "DequantizeLinear", NULL };
  while (CONVOY_VAL (g, v)->kind == CONVOY_V_NODE) {
    const ConvoyNode *n = CONVOY_NODE (g, CONVOY_VAL (g, v)->node);
    if (strcmp (n->op->name, op) == 0)
      return TRUE;
    if (!g_strv_contains (same, n->op->name))
      return FALSE;
    v = n->in[0];
  }
  return FALSE;
}

/* What the output is: a row of scores is 1xC, or 1xCx1x1 and the like. */
static gboolean
read_output (const ConvoyGraph *g, ConvoyModelInfo *info, char **output, GError **error)
{
  g_autofree ConvoyShape *shapes = convoy_meta_shapes (g, info, 1, 0, 0, NULL);
  if (shapes == NULL || convoy_graph_n_outputs (g) == 0)
    return TRUE;
  for (guint i = 0; i < convoy_graph_n_inputs (g); i++)
    if (convoy_shape_count (&shapes[i]) < 0)
      return TRUE;              /* a size that only the caller knows */
  ConvoyGraph *bound = convoy_graph_bind (g, shapes, NULL, error);
  if (bound == NULL)
    return FALSE;
  ConvoyValue v = convoy_graph_get_output (bound, 0);
  const ConvoyShape *s = convoy_graph_shape (bound, v);
  guint wide = 0;
  for (guint i = 1; i < s->n; i++)
    wide += s->d[i] != 1;
  if (s->n > 1 && s->d[0] == 1 && wide <= 1)
    info->n_classes = (guint) MIN (convoy_shape_count (s), G_MAXINT);
  /* One Sigmoid tells two classes apart; convoy_meta_labels() makes it two where there are two labels. */
  info->is_probability = is_made_by (bound, v, "Softmax") || (info->n_classes == 1 && is_made_by (bound, v, "Sigmoid"));
  g_autofree char *shape = convoy_shape_str (s);
  *output = g_strdup_printf ("output %s of %s", convoy_graph_name (bound, v), shape);
  convoy_graph_unref (bound);
  return TRUE;
}

/* --- keys --------------------------------------------------------------
 * Each reads text into info and gives it back in its one way of writing, by which metadata and
 * sidecar are compared; NULL: error. */

static char *
parse_task (const char *text, ConvoyModelInfo *info, GError **error)
{
  (void) info;
  if (strcmp (text, "classification") == 0)
    return g_strdup (text);
  convoy_meta_fail (error, "task=%s is not known (classification)", text);
  return NULL;
}

static char *
parse_input (const char *text, ConvoyModelInfo *info, GError **error)
{
  guint64 size[3] = { 0 };
  const char *p = text;
  for (guint i = 0; i < 3 && p; i++) {
    char *end = NULL;
    size[i] = g_ascii_isdigit (*p) ? g_ascii_strtoull (p, &end, 10) : 0;
    p = end && *end == (i < 2 ? 'x' : '\0') && size[i] > 0 && size[i] <= MAX_SIZE ? end + 1 : NULL;
  }
  guint w = (guint) size[0], h = (guint) size[1], c = (guint) size[2];
  if (p == NULL)
    convoy_meta_fail (error, "input=%s is no WIDTHxHEIGHTxCHANNELS", text);
  else if ((info->width && info->width != w) || (info->height && info->height != h) || info->channels != c) {
    g_autofree char *width = info->width ? g_strdup_printf ("%u", info->width) : g_strdup ("?");
    g_autofree char *height = info->height ? g_strdup_printf ("%u", info->height) : g_strdup ("?");
    convoy_meta_fail (error, "input=%s, but the network takes %sx%sx%u", text, width, height, info->channels);
  } else {
    info->width = w;
    info->height = h;
    return g_strdup_printf ("%ux%ux%u", w, h, c);
  }
  return NULL;
}

static char *
parse_color (const char *text, ConvoyModelInfo *info, GError **error)
{
  info->bgr = strcmp (text, "bgr") == 0;
  if (info->bgr || strcmp (text, "rgb") == 0)
    return g_strdup (text);
  convoy_meta_fail (error, "color=%s is not known (rgb, bgr)", text);
  return NULL;
}

/* One number for all channels, or one each, with commas or blanks between. */
static char *
parse_channels (const char *key, const char *text, guint channels, gboolean positive, float *out, GError **error)
{
  gboolean commas = strchr (text, ',') != NULL, ok = TRUE;
  g_auto (GStrv) part = g_strsplit_set (text, commas ? "," : " \t", -1);
  float v[3] = { 0 };
  guint n = 0;
  for (guint i = 0; part[i] && ok; i++) {
    const char *number = g_strstrip (part[i]);
    char *end;
    if (*number == '\0' && !commas)
      continue;
    double x = g_ascii_strtod (number, &end);
    ok = n < 3 && end != number && *end == '\0' && isfinite ((float) x) && (!positive || (float) x > 0);
    if (ok)
      v[n++] = (float) x;
  }
  if (!ok || (n != 1 && n != channels)) {
    convoy_meta_fail (error, "%s=%s is not one %snumber or %u of them", key, text, positive ? "positive " : "", channels);
    return NULL;
  }
  for (guint c = 0; c < 3; c++)
    out[c] = v[n == 1 ? 0 : c];
  return g_strdup_printf ("%.9g %.9g %.9g", out[0], out[1], out[2]);
}

static char *
parse_mean (const char *text, ConvoyModelInfo *info, GError **error)
{
  return parse_channels ("mean", text, info->channels, FALSE, info->mean, error);
}

static char *
parse_std (const char *text, ConvoyModelInfo *info, GError **error)
{
  return parse_channels ("std", text, info->channels, TRUE, info->std, error);
}

static char *
parse_resize (const char *text, ConvoyModelInfo *info, GError **error)
{
  static const struct { const char *name; ConvoyResize resize; } rules[] =
      { { "stretch", CONVOY_RESIZE_STRETCH }, { "crop", CONVOY_RESIZE_CROP }, { "pad", CONVOY_RESIZE_PAD } };
  for (guint i = 0; i < G_N_ELEMENTS (rules); i++)
    if (strcmp (text, rules[i].name) == 0) {
      info->resize = rules[i].resize;
      info->resize_short = 0;
      return g_strdup (text);
    }
  guint64 side;
  if (!g_str_has_prefix (text, "crop ") || !g_ascii_string_to_unsigned (text + 5, 10, 1, MAX_SIZE, &side, NULL))
    convoy_meta_fail (error, "resize=%s is not known (stretch, crop, crop PIXELS, pad)", text);
  else if (side < MIN (info->width, info->height))
    convoy_meta_fail (error, "resize=%s is less than the network's picture of %ux%u", text, info->width, info->height);
  else {
    info->resize = CONVOY_RESIZE_CROP;
    info->resize_short = (guint) side;
    return g_strdup (text);
  }
  return NULL;
}

/* In this order, which later ones rely on. */
static const struct Key {
  const char *name;
  char *(*parse) (const char *text, ConvoyModelInfo *info, GError **error);
  gboolean picture;             /* it means something for pictures only */
  gboolean needed;              /* under need_preprocessing */
} keys[] = {
  { "task", parse_task, FALSE, FALSE },
  { "input", parse_input, TRUE, FALSE },
  { "color", parse_color, TRUE, FALSE },
  { "mean", parse_mean, TRUE, TRUE },
  { "std", parse_std, TRUE, TRUE },
  { "resize", parse_resize, TRUE, FALSE },
};

/* Stripped; NULL: it does not say. g_free() it. */
static char *
said_in_file (const ConvoyMetaSources *s, const char *key)
{
  char *text = g_strdup (g_hash_table_lookup (s->props, key));
  return text ? g_strstrip (text) : NULL;
}

char *
convoy_meta_sidecar (const ConvoyMetaSources *s, const char *key)
{
  char *text = s->keys ? g_key_file_get_string (s->keys, GROUP, key, NULL) : NULL;
  return text ? g_strstrip (text) : NULL;
}

/* Gives the value; NULL and no error: text is NULL. */
static char *
read_value (const struct Key *k, const char *where, const char *text, const ConvoyGraph *g, ConvoyModelInfo *info, GError **error)
{
  char *value = NULL;
  if (text == NULL)
    return NULL;
  if (k->picture && info->channels == 0) {
    g_autofree char *what = describe_input (g);
    convoy_meta_fail (error, "%s=%s is for a network that takes pictures, but %s is none (Nx3xHxW, Nx1xHxW or NxHxWx3)", k->name, text, what);
  } else {
    value = k->parse (text, info, error);
  }
  if (value == NULL)
    g_prefix_error (error, "%s: ", where);
  return value;
}

static gboolean
read_key (const ConvoyMetaSources *s, const struct Key *k, const ConvoyGraph *g, ConvoyModelInfo *info, gboolean *said, GError **error)
{
  g_autofree char *file_text = said_in_file (s, k->name), *sidecar_text = convoy_meta_sidecar (s, k->name);
  g_autofree char *file = read_value (k, s->path, file_text, g, info, error);
  if (file_text && !file)
    return FALSE;
  g_autofree char *sidecar = read_value (k, s->sidecar, sidecar_text, g, info, error);
  if (sidecar_text && !sidecar)
    return FALSE;
  if (file && sidecar && strcmp (file, sidecar) != 0)
    return convoy_meta_fail (error, "%s: %s is %s in its metadata, but %s in %s", s->path, k->name, file_text, sidecar_text, s->sidecar);
  *said = file || sidecar;
  return TRUE;
}

/* --- the sidecar ------------------------------------------------------- */

/* Other programs keep what they like in the metadata of a file; a sidecar is ours alone. */
static gboolean
check_sidecar (const ConvoyMetaSources *s, GError **error)
{
  g_auto (GStrv) groups = g_key_file_get_groups (s->keys, NULL), names = g_key_file_get_keys (s->keys, GROUP, NULL, NULL);
  for (guint i = 0; groups[i]; i++)
    if (strcmp (groups[i], GROUP) != 0)
      return convoy_meta_fail (error, "%s: group [%s] is not known ([" GROUP "])", s->sidecar, groups[i]);
  for (guint i = 0; names && names[i]; i++) {
    gboolean known = strcmp (names[i], "labels") == 0;
    for (guint k = 0; k < G_N_ELEMENTS (keys); k++)
      known |= strcmp (names[i], keys[k].name) == 0;
    if (!known)
      return convoy_meta_fail (error, "%s: key %s is not known (task, input, color, mean, std, resize, labels)", s->sidecar, names[i]);
    g_autofree char *text = g_key_file_get_string (s->keys, GROUP, names[i], error);
    if (text == NULL) {
      g_prefix_error (error, "%s: ", s->sidecar);
      return FALSE;
    }
  }
  return TRUE;
}

/* x.onnx: x.ini */
static gboolean
load_sidecar (ConvoyMetaSources *s, GError **error)
{
  GError *e = NULL;
  gsize stem = strlen (s->path) - (g_str_has_suffix (s->path, ".onnx") ? strlen (".onnx") : 0);
  g_autofree char *name = g_strndup (s->path, stem);
  s->sidecar = g_strconcat (name, ".ini", NULL);
  s->keys = g_key_file_new ();
  if (g_key_file_load_from_file (s->keys, s->sidecar, G_KEY_FILE_NONE, &e))
    return check_sidecar (s, error);
  g_clear_pointer (&s->keys, g_key_file_unref);
  if (g_error_matches (e, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
    g_error_free (e);
    return TRUE;
  }
  convoy_meta_fail (error, "%s: %s", s->sidecar, e->message);
  g_error_free (e);
  return FALSE;
}

/* --- all of it --------------------------------------------------------- */

static gboolean
check_pictures (const char *path, const ConvoyGraph *g, const ConvoyModelInfo *info, GError **error)
{
  g_autofree char *what = describe_input (g);
  if (info->channels == 0)
    return convoy_meta_fail (error, "%s: %s is no picture (Nx3xHxW, Nx1xHxW or NxHxWx3)", path, what);
  if (input (g, 0)->type != CONVOY_F32)
    return convoy_meta_fail (error, "%s: %s is %s, pictures go in as float32", path, what, convoy_type_name (input (g, 0)->type));
  if (info->width == 0 || info->height == 0)
    return convoy_meta_fail (error, "%s: %s leaves the size of the picture open, and neither its metadata nor a sidecar says input=WIDTHxHEIGHTxCHANNELS", path, what);
  return TRUE;
}

static gboolean
load (const ConvoyMetaSources *s, const ConvoyGraph *g, const ConvoyModelOptions *o, ConvoyModelInfo *info, char ***labels, GError **error)
{
  g_autofree char *output = NULL;
  gboolean said[G_N_ELEMENTS (keys)];
  *info = (ConvoyModelInfo) { .std = { 1, 1, 1 } };
  read_graph (g, info);
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    if (!read_key (s, &keys[i], g, info, &said[i], error))
      return FALSE;
  gboolean check = o->need_preprocessing && !(o->may_take_rows && takes_rows (g));
  if (check && !check_pictures (s->path, g, info, error))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    if (check && keys[i].needed && !said[i])
      return convoy_meta_fail (error, "%s: %s is not known: neither its metadata nor %s%s says it", s->path, keys[i].name, s->sidecar,
          s->keys ? "" : " (no such file)");
  if (!read_output (g, info, &output, error)) {
    g_prefix_error (error, "%s: ", s->path);
    return FALSE;
  }
  return convoy_meta_labels (s, o, output, info, labels, error);
}

gboolean
convoy_meta_load (const char *path, GHashTable *props, const ConvoyGraph *g, const ConvoyModelOptions *o, ConvoyModelInfo *info, char ***labels, GError **error)
{
  static const ConvoyModelOptions none;
  ConvoyMetaSources s = { .path = path, .props = props };
  gboolean ok = load_sidecar (&s, error) && load (&s, g, o ? o : &none, info, labels, error);
  g_clear_pointer (&s.keys, g_key_file_unref);
  g_free (s.sidecar);
  return ok;
}
