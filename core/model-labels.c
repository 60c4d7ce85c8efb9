/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * model-labels.c - what the classes of a network are called: read from its metadata, from a file
 * named in its sidecar or by the caller, and counted against its output. */
#include "core/model-meta.h"
#include <string.h>

/* "n01440764 tench, Tinca tinca": the words after the number of the synset. */
static const char *
skip_synset (const char *line)
{
  if (*line != 'n' || strspn (line + 1, "0123456789") != 8)
    return line;
  const char *words = line + 9 + strspn (line + 9, " \t");
  return words > line + 9 && *words ? words : line;
}

static char **
parse_labels (const char *where, const char *text, gsize len, GError **error)
{
  const char *bad;
  if (!g_utf8_validate (text, (gssize) len, &bad)) {
    convoy_meta_fail (error, "%s: byte %" G_GSIZE_FORMAT " is no UTF-8 text", where, (gsize) (bad - text));
    return NULL;
  }
  g_auto (GStrv) line = g_strsplit (g_str_has_prefix (text, "\xef\xbb\xbf") ? text + 3 : text, "\n", -1);
  guint n = g_strv_length (line);
  while (n > 0 && *g_strstrip (line[n - 1]) == '\0')
    n--;
  g_autoptr (GPtrArray) labels = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < n; i++) {
    const char *label = skip_synset (g_strstrip (line[i]));
    if (*label == '\0') {
      convoy_meta_fail (error, "%s: line %u of %u is empty where a label should be", where, i + 1, n);
      return NULL;
    }
    g_ptr_array_add (labels, g_strdup (label));
  }
  if (n == 0) {
    convoy_meta_fail (error, "%s: no labels in it", where);
    return NULL;
  }
  g_ptr_array_add (labels, NULL);
  return (char **) g_ptr_array_steal (labels, NULL);
}

static char **
load_labels (const char *path, GError **error)
{
  g_autofree char *text = NULL;
  gsize len;
  GError *e = NULL;
  if (g_file_get_contents (path, &text, &len, &e))
    return parse_labels (path, text, len, error);
  convoy_meta_fail (error, "%s", e->message);
  g_error_free (e);
  return NULL;
}

static gboolean
same_labels (const ConvoyMetaSources *s, char **a, const char *where, char **b, GError **error)
{
  guint i = 0;
  while (a[i] && b[i] && strcmp (a[i], b[i]) == 0)
    i++;
  if (a[i] == NULL && b[i] == NULL)
    return TRUE;
  return convoy_meta_fail (error, "%s: label %u is %s%s in its metadata, but %s%s in %s", s->path, i, a[i] ? "" : "not", a[i] ? a[i] : "", b[i] ? "" : "not",
      b[i] ? b[i] : "", where);
}

/* Those of the metadata and of the sidecar; *where tells which, for messages. g_free() it. */
static gboolean
find_labels (const ConvoyMetaSources *s, char ***labels, char **where, GError **error)
{
  g_auto (GStrv) own = NULL, beside = NULL;
  const char *text = g_hash_table_lookup (s->props, "labels");
  g_autofree char *name = convoy_meta_sidecar (s, "labels"), *folder = g_path_get_dirname (s->sidecar);
  g_autofree char *path = name == NULL ? NULL : g_path_is_absolute (name) ? g_strdup (name) : g_build_filename (folder, name, NULL);
  g_autofree char *metadata = g_strdup_printf ("%s: the metadata", s->path);
  if (text && !(own = parse_labels (metadata, text, strlen (text), error)))
    return FALSE;
  if (path && !(beside = load_labels (path, error))) {
    g_prefix_error (error, "%s: labels=%s: ", s->sidecar, name);
    return FALSE;
  }
  if (own && beside && !same_labels (s, own, path, beside, error))
    return FALSE;
  *where = own ? g_steal_pointer (&metadata) : g_steal_pointer (&path);
  *labels = own ? g_steal_pointer (&own) : g_steal_pointer (&beside);
  return TRUE;
}

gboolean
convoy_meta_labels (const ConvoyMetaSources *s, const ConvoyModelOptions *o, const char *output, ConvoyModelInfo *info, char ***labels, GError **error)
{
  g_autofree char *where = g_strdup (o->labels);
  if (o->labels ? !(*labels = load_labels (o->labels, error)) : !find_labels (s, labels, &where, error))
    return FALSE;
  guint n = *labels ? g_strv_length (*labels) : 0;
  if (o->need_labels && n == 0)
    return convoy_meta_fail (error, "%s: no labels: neither its metadata nor %s%s has them, and no file of labels is given", s->path, s->sidecar,
        s->keys ? "" : " (no such file)");
  if (output && info->n_classes == 0 && n > 0)
    return convoy_meta_fail (error, "%s: %s is no row of scores, but %s has %u labels", s->path, output, where, n);
  if (n == 2 && info->n_classes == 1 && info->is_probability)
    info->n_classes = 2;
  if (output && n > 0 && n != info->n_classes)
    return convoy_meta_fail (error, "%s: %s has %u classes, but %s has %u labels", s->path, output, info->n_classes, where, n);
  info->labels = (const char *const *) *labels;
  return TRUE;
}
