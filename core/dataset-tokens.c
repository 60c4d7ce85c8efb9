/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * dataset-tokens.c - a data set of texts seen through a vocabulary: samples of fixed size, made as they are read. */
#include "core/dataset.h"

typedef struct {
  ConvoyDataset *texts;
  ConvoyVocabulary *v;
  ConvoyTokenOptions o;
} Tokens;

static gboolean
tokens_read (void *user, gsize i, void *sample, gint64 *label, GError **error)
{
  Tokens *t = user;
  gsize n;
  GBytes *bytes = convoy_dataset_bytes (t->texts, i, label, error);
  if (bytes == NULL)
    return FALSE;
  g_autofree gint32 *row = g_new (gint32, t->o.length);
  const char *text = g_bytes_get_data (bytes, &n);
  gboolean ok = convoy_tokenize (t->v, &t->o, text, n, row, error);
  for (gsize k = 0; ok && k < t->o.length; k++)
    ((gint64 *) sample)[k] = row[k];
  g_bytes_unref (bytes);
  if (!ok)
    g_prefix_error (error, "%s: ", convoy_dataset_name (t->texts, i));
  return ok;
}

static gint64
tokens_label (void *user, gsize i)
{
  gint64 label = -1;
  convoy_dataset_label (((Tokens *) user)->texts, i, &label, NULL);
  return label;
}

static char *
tokens_name (void *user, gsize i)
{
  return convoy_dataset_make_name (((Tokens *) user)->texts, i);
}

static void
tokens_free (void *user)
{
  Tokens *t = user;
  convoy_dataset_unref (t->texts);
  convoy_vocabulary_unref (t->v);
  g_free (t);
}

ConvoyDataset *
convoy_dataset_tokenize (ConvoyDataset *texts, ConvoyVocabulary *v, const ConvoyTokenOptions *o, GError **error)
{
  static const ConvoyDatasetFuncs funcs = { .read = tokens_read, .label = tokens_label, .name = tokens_name, .free = tokens_free };
  ConvoyDatasetInfo info = *convoy_dataset_info (texts);
  if (info.kind != CONVOY_SAMPLE_TEXT || o->length == 0) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s", o->length ? "samples that are no texts have no words" : "a row of 0 words");
    return NULL;
  }
  info.kind = CONVOY_SAMPLE_TENSOR;
  info.type = CONVOY_I64;
  info.shape = CONVOY_SHAPE (o->length);
  Tokens *t = g_new (Tokens, 1);
  *t = (Tokens) { convoy_dataset_ref (texts), convoy_vocabulary_ref (v), *o };
  return convoy_dataset_make (&info, &funcs, t);
}
