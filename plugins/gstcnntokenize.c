/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstcnntokenize.c - the element cnntokenize: texts to rows of numbers of their words. */
/**
 * SECTION:element-cnntokenize
 * @title: cnntokenize
 * @short_description: words to numbers
 *
 * Turns each text into a row of #GstCnnTokenize:length numbers: 1, then one for each word, 2 for a
 * word that the vocabulary lacks, 0 where the text is shorter. Words are runs of letters and digits,
 * in lower case.
 *
 * The vocabulary is the file #GstCnnTokenize:vocabulary, a word a line. Where there is none yet, it
 * is learnt from the training texts of a cnndatasetsrc upstream, the most frequent words, and
 * saved under that name if one is given. A model that learnt texts has its vocabulary in its file:
 * #GstCnnTokenize:model names it, and without any of these the network downstream is asked for its
 * own; length, truncate and pad are then the model's.
 *
 * A buffer is a text, except from a source of bytes like filesrc or fdsrc, of which every line is
 * one; see #GstCnnTokenize:unit. A text that is no UTF-8 or has no word is skipped: a warning and an
 * element message `cnn-skipped` say which.
 *
 * |[
 * gst-launch-1.0 cnndatasetsrc location=reviews split=train ! cnntokenize vocabulary=words.txt max-words=10000 length=500 ! fakesink
 * ]|
 * |[
 * echo "What a fine film." | gst-launch-1.0 -v fdsrc ! cnntokenize vocabulary=words.txt length=8 ! fakesink silent=false dump=true
 * ]|
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "plugins/gstcnntokenize.h"
#include "plugins/cnnproperty.h"
#include "plugins/cnnenums.h"
#include "plugins/cnnlines.h"
#include "plugins/cnnmeta.h"
#include "plugins/cnnsample.h"
#include "plugins/cnntensor.h"
#include "plugins/cnnwords.h"
#include "zoo/zoo.h"

GST_DEBUG_CATEGORY_STATIC (cnn_tokenize_debug);
#define GST_CAT_DEFAULT cnn_tokenize_debug

struct _GstCnnTokenize {
  GstElement parent;
  GstPad *sink, *src;

  /* Under the object lock. */
  char *path;                   /* of the vocabulary; NULL: none */
  char *model;                  /* that has one; NULL: none */
  guint max_words;
  ConvoyTokenOptions options;
  CnnTextUnit unit;
  guint skipped;

  /* The streaming thread's. */
  ConvoyVocabulary *v;          /* NULL: not yet */
  gboolean tell;                /* that of a model is to be told downstream */
  ConvoyTokenOptions used;
  CnnSource source;
  CnnLines lines;
  gboolean is_bytes;            /* the segment upstream is one of bytes */
  guint n_texts;                /* of this stream */
  GstFlowReturn flow;           /* of the last text of a piece */
};


static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("text/x-raw, format=(string)utf8"));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (CNN_TENSOR_CAPS ("int32")));

G_DEFINE_FINAL_TYPE (GstCnnTokenize, gst_cnn_tokenize, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE (cnntokenize, "cnntokenize", GST_RANK_NONE, GST_TYPE_CNN_TOKENIZE)

/* --- the vocabulary --------------------------------------------------- */

/* What a model that is trained on this has to know of it. */
static void
push_metadata (GstCnnTokenize *self)
{
  static const char *const ends[] = { [CONVOY_TEXT_HEAD] = "head", [CONVOY_TEXT_TAIL] = "tail" };
  g_autofree char *words = convoy_vocabulary_text (self->v), *length = g_strdup_printf ("%u", self->used.length);
  const char *const pairs[] = { "vocabulary", words, "length", length, "truncate", ends[self->used.truncate], "pad", ends[self->used.pad], NULL };
  gst_pad_push_event (self->src, cnn_metadata_event_new ("text", pairs));
}

static ConvoyVocabulary *
load_model (const char *name, ConvoyTokenOptions *rows, GError **error)
{
  g_autofree char *path = convoy_zoo_find (name, error);
  ConvoyModel *m = path ? convoy_model_new (path, NULL, error) : NULL;
  ConvoyVocabulary *v = m ? convoy_model_vocabulary (m, rows) : NULL;

  if (v)
    convoy_vocabulary_ref (v);
  else if (m)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: no vocabulary in its metadata: it learnt no texts", path);
  convoy_model_unref (m);
  return v;
}

/* That of a model, with which come the rules for rows. FALSE: it has none, which was said. */
static gboolean
take_model (GstCnnTokenize *self)
{
  ConvoyTokenOptions rows;
  GError *error = NULL;

  GST_OBJECT_LOCK (self);
  g_autofree char *name = g_strdup (self->model);
  gboolean ask = !self->path;
  GST_OBJECT_UNLOCK (self);
  if (self->v || (!name && !ask))
    return TRUE;
  self->v = name ? load_model (name, &rows, &error) : cnn_words_ask (self->src, &rows);
  if (self->v) {
    self->used = rows;
    self->tell = TRUE;
  }
  if (!error)
    return TRUE;
  GST_ELEMENT_ERROR (self, RESOURCE, NOT_FOUND, ("%s", error->message), (NULL));
  g_error_free (error);
  return FALSE;
}

static ConvoyVocabulary *
find_vocabulary (const char *path, guint max_words, ConvoyDataset *training, GError **error)
{
  if (path && (!training || g_file_test (path, G_FILE_TEST_EXISTS)))
    return convoy_vocabulary_load (path, error);
  if (!training) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "no vocabulary= or model= is given, the network downstream has none, and no training texts come from upstream to learn one from");
    return NULL;
  }
  ConvoyVocabulary *v = convoy_vocabulary_learn (training, max_words, error);
  if (v && path && !convoy_vocabulary_save (v, path, error))
    g_clear_pointer (&v, convoy_vocabulary_unref);
  return v;
}

/* FALSE: there is none, which was said. */
static gboolean
need_vocabulary (GstCnnTokenize *self, ConvoyDataset *training)
{
  GError *error = NULL;

  if (self->v) {
    if (self->tell)
      push_metadata (self);
    self->tell = FALSE;
    return TRUE;
  }
  GST_OBJECT_LOCK (self);
  g_autofree char *path = g_strdup (self->path);
  guint max_words = self->max_words;
  GST_OBJECT_UNLOCK (self);
  self->v = find_vocabulary (path, max_words, training, &error);
  if (self->v && convoy_vocabulary_size (self->v) > max_words) {
    g_set_error (&error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: numbers up to %u, but max-words=%u", path, convoy_vocabulary_size (self->v) - 1, max_words);
    g_clear_pointer (&self->v, convoy_vocabulary_unref);
  }
  if (self->v) {
    push_metadata (self);
    return TRUE;
  }
  GST_ELEMENT_ERROR (self, RESOURCE, NOT_FOUND, ("%s", error->message), (NULL));
  g_error_free (error);
  return FALSE;
}

/* --- a text ----------------------------------------------------------- */

static void
skip (GstCnnTokenize *self, GstBuffer *buffer, const char *reason)
{
  g_autofree char *name = cnn_source_name (&self->source, self->sink, buffer);
  gboolean line = self->lines.gathered && !self->lines.whole;
  guint n = line ? self->lines.number : self->n_texts;
  g_autofree char *what = !line && name ? g_strdup (name) : name ? g_strdup_printf ("%s:%u", name, n) : g_strdup_printf ("%s %u", line ? "line" : "text", n);

  GST_OBJECT_LOCK (self);
  self->skipped++;
  GST_OBJECT_UNLOCK (self);
  cnn_skipped_post (GST_ELEMENT (self), what, n, reason);
}

/* "reviews.txt:3" for a line. g_free() it; NULL: the buffer says itself what it is, or nothing is known. */
static char *
line_name (GstCnnTokenize *self, GstBuffer *buffer)
{
  if (!self->lines.gathered || self->lines.whole)
    return NULL;
  g_autofree char *name = cnn_source_name (&self->source, self->sink, buffer);
  return name ? g_strdup_printf ("%s:%u", name, self->lines.number) : g_strdup_printf ("line %u", self->lines.number);
}

/* buffer is where the text came from; of a line it is a part of it. */
static GstFlowReturn
push_text (GstCnnTokenize *self, GstBuffer *buffer, const char *text, gsize n)
{
  GError *error = NULL;

  if (!need_vocabulary (self, NULL))
    return GST_FLOW_ERROR;
  self->n_texts++;
  GstBuffer *out = gst_buffer_new_allocate (NULL, self->used.length * sizeof (gint32), NULL);
  GstMapInfo map;
  gst_buffer_map (out, &map, GST_MAP_WRITE);
  if (text)
    convoy_tokenize (self->v, &self->used, text, n, (gint32 *) (gpointer) map.data, &error);
  else
    g_set_error (&error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "longer than %d bytes", CNN_LINES_MAX);
  gst_buffer_unmap (out, &map);
  if (error) {
    skip (self, buffer, error->message);
    g_error_free (error);
    gst_buffer_unref (out);
    return GST_FLOW_OK;
  }
  gst_buffer_copy_into (out, buffer, GST_BUFFER_COPY_META | GST_BUFFER_COPY_TIMESTAMPS, 0, (gsize) -1);
  g_autofree char *name = line_name (self, buffer);
  CnnSample sample;
  if (name) {
    cnn_sample_get (buffer, &sample);
    sample.source = name;
    cnn_sample_attach (out, &sample);
  }
  GST_BUFFER_OFFSET (out) = self->n_texts - 1;
  GST_BUFFER_OFFSET_END (out) = self->n_texts;
  return gst_pad_push (self->src, out);
}

typedef struct { GstCnnTokenize *self; GstBuffer *buffer; } Piece;

static gboolean
on_line (gpointer user, const char *text, gsize n)
{
  Piece *p = user;
  p->self->flow = push_text (p->self, p->buffer, text, n);
  return p->self->flow == GST_FLOW_OK;
}

static GstFlowReturn
chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstCnnTokenize *self = GST_CNN_TOKENIZE (parent);
  Piece piece = { self, buffer };
  GstMapInfo map;

  (void) pad;
  if (!gst_buffer_map (buffer, &map, GST_MAP_READ)) {
    gst_buffer_unref (buffer);
    return GST_FLOW_ERROR;
  }
  self->flow = GST_FLOW_OK;
  if (self->lines.gathered)
    cnn_lines_push (&self->lines, map.data, map.size, on_line, &piece);
  else
    on_line (&piece, map.size ? (const char *) map.data : "", map.size);
  gst_buffer_unmap (buffer, &map);
  gst_buffer_unref (buffer);
  return self->flow;
}

/* --- events ----------------------------------------------------------- */

/* Our caps go out before it; from bytes on there is no time. Gives the segment to send. */
static GstEvent *
begin_segment (GstCnnTokenize *self, GstEvent *event)
{
  const GstSegment *segment;
  GstSegment time;

  GstCaps *caps = cnn_sample_caps (CONVOY_I32, &CONVOY_SHAPE (self->used.length));
  gst_pad_push_event (self->src, gst_event_new_caps (caps));
  gst_caps_unref (caps);
  gst_event_parse_segment (event, &segment);
  self->is_bytes = segment->format == GST_FORMAT_BYTES;
  GST_OBJECT_LOCK (self);
  CnnTextUnit unit = self->unit != CNN_TEXT_AUTO ? self->unit : self->is_bytes ? CNN_TEXT_LINE : CNN_TEXT_BUFFER;
  GST_OBJECT_UNLOCK (self);
  if (unit == CNN_TEXT_BUFFER)
    cnn_lines_clear (&self->lines);
  else
    cnn_lines_init (&self->lines, unit == CNN_TEXT_FILE);
  if (!self->is_bytes)
    return event;
  gst_event_unref (event);
  gst_segment_init (&time, GST_FORMAT_TIME);
  return gst_event_new_segment (&time);
}

/* The end of a file without an end of line is one too. */
static void
finish (GstCnnTokenize *self)
{
  Piece piece = { self, gst_buffer_new () };
  if (self->lines.gathered)
    cnn_lines_finish (&self->lines, on_line, &piece);
  gst_buffer_unref (piece.buffer);
}

static gboolean
sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstCnnTokenize *self = GST_CNN_TOKENIZE (parent);
  CnnDatasetEvent d = { 0 };

  cnn_source_event (&self->source, event);
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_STREAM_START:
      self->n_texts = 0;
      break;
    case GST_EVENT_CAPS:
      gst_event_unref (event);
      return TRUE;              /* ours go before the segment */
    case GST_EVENT_SEGMENT:
      if (!take_model (self)) {
        gst_event_unref (event);
        return FALSE;
      }
      event = begin_segment (self, event);
      break;
    case GST_EVENT_FLUSH_STOP:
      if (self->lines.gathered)
        cnn_lines_init (&self->lines, self->lines.whole);
      break;
    case GST_EVENT_EOS:
      finish (self);
      break;
    case GST_EVENT_CUSTOM_DOWNSTREAM_STICKY:
      if (cnn_dataset_event_parse (event, &d)) {
        g_free ((gpointer) d.classes);
        need_vocabulary (self, d.training);
      }
      break;
    default:
      break;
  }
  return gst_pad_event_default (pad, parent, event);
}

/* --- states ----------------------------------------------------------- */

static GstStateChangeReturn
change_state (GstElement *element, GstStateChange transition)
{
  GstCnnTokenize *self = GST_CNN_TOKENIZE (element);

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    self->tell = FALSE;
    GST_OBJECT_LOCK (self);
    self->used = self->options;
    self->skipped = 0;
    GST_OBJECT_UNLOCK (self);
  }
  GstStateChangeReturn ret = GST_ELEMENT_CLASS (gst_cnn_tokenize_parent_class)->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    cnn_lines_clear (&self->lines);
    cnn_source_clear (&self->source);
    g_clear_pointer (&self->v, convoy_vocabulary_unref);
  }
  return ret;
}

/* --- properties and class --------------------------------------------- */

#define AT(field) G_STRUCT_OFFSET (GstCnnTokenize, field)

static const CnnProperty properties[] = {
  CNN_TEXT_ROW ("vocabulary", "Vocabulary", "File with a word a line; learnt from the training texts and saved where there is none yet", AT (path), NULL, CNN_READY),
  CNN_TEXT_ROW ("model", "Model", "ONNX file or name of the zoo that has the vocabulary, and length, truncate and pad with it", AT (model), NULL, CNN_READY),
  CNN_UINT_ROW ("max-words", "Most words", "All numbers are below this, as an embedding of so many rows wants it", AT (max_words), CONVOY_TOKEN_FIRST + 1, 1 << 24, 10000, CNN_READY),
  CNN_UINT_ROW ("length", "Length", "Numbers of a row", AT (options.length), 1, 1 << 20, 500, CNN_READY),
  CNN_ENUM_ROW ("truncate", "Truncate", "Where a longer text is cut off", AT (options.truncate), cnn_text_end_get_type, CONVOY_TEXT_HEAD, CNN_READY),
  CNN_ENUM_ROW ("pad", "Pad", "Where zeros fill up a shorter text", AT (options.pad), cnn_text_end_get_type, CONVOY_TEXT_HEAD, CNN_READY),
  CNN_ENUM_ROW ("unit", "Unit", "What one text is", AT (unit), cnn_text_unit_get_type, CNN_TEXT_AUTO, CNN_READY),
  CNN_UINT_ROW ("skipped", "Skipped", "Texts that were skipped since the start", AT (skipped), 0, G_MAXUINT, 0, CNN_READ_ONLY),
};

static void
finalize (GObject *object)
{
  cnn_properties_clear (object, properties, G_N_ELEMENTS (properties));
  G_OBJECT_CLASS (gst_cnn_tokenize_parent_class)->finalize (object);
}

static void
gst_cnn_tokenize_class_init (GstCnnTokenizeClass *klass)
{
  GObjectClass *object = G_OBJECT_CLASS (klass);
  GstElementClass *element = GST_ELEMENT_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (cnn_tokenize_debug, "cnntokenize", 0, "words to numbers");
  object->finalize = finalize;
  cnn_properties_install (object, properties, G_N_ELEMENTS (properties));
  element->change_state = GST_DEBUG_FUNCPTR (change_state);
  gst_element_class_set_static_metadata (element, "Text tokenizer", "Converter/Text", "Texts to rows of numbers of their words", "Convoy");
  gst_element_class_add_static_pad_template (element, &sink_template);
  gst_element_class_add_static_pad_template (element, &src_template);
}

static void
gst_cnn_tokenize_init (GstCnnTokenize *self)
{
  self->sink = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sink, chain);
  gst_pad_set_event_function (self->sink, sink_event);
  gst_element_add_pad (GST_ELEMENT (self), self->sink);
  self->src = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_use_fixed_caps (self->src);
  gst_element_add_pad (GST_ELEMENT (self), self->src);
}
