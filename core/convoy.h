/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * convoy.h - the public interface of libconvoy. Installed; nothing else is.
 *
 * Read it top to bottom, it is the whole library:
 *   tensor -> params -> graph -> onnx -> plan -> exec -> model -> data -> training -> 8 bits -> why -> pictures and labels
 *
 * Rules that hold everywhere:
 *   - what can fail takes GError ** last and returns FALSE or NULL when it sets it;
 *   - _new() and _ref() give a reference, _unref() drops it, _free() frees, NULL is let through;
 *     what is returned const, or said to be borrowed, lives as long as the object it was asked of;
 *   - a ConvoyGraph is built by one thread; from then on it, ConvoyPlan and ConvoyModel may be
 *     shared by threads; a ConvoyExec belongs to one thread at a time; ConvoyParams has a lock;
 *   - no function here prints, exits, or reads the environment. */
#ifndef CONVOY_H
#define CONVOY_H

#include <glib.h>

G_BEGIN_DECLS

#if defined __GNUC__
#define CONVOY_API __attribute__ ((visibility ("default")))
#else
#define CONVOY_API
#endif

#define CONVOY_ERROR (convoy_error_quark ())

typedef enum {
  CONVOY_ERROR_SHAPE,           /* shapes do not fit the operator */
  CONVOY_ERROR_UNSUPPORTED,     /* known of, but not done here */
  CONVOY_ERROR_INVALID,         /* malformed file, attribute or argument */
  CONVOY_ERROR_NO_MEMORY,       /* a tensor-sized allocation failed */
  CONVOY_ERROR_ENGINE,          /* oneDNN refused; the message says which call */
  CONVOY_ERROR_CHECKSUM,        /* a file is not what it claims to be */
  CONVOY_ERROR_CANCELLED,       /* the caller asked to stop */
  CONVOY_ERROR_ABSENT,          /* what was asked for is not there; for a data set, no such split */
} ConvoyError;

CONVOY_API GQuark convoy_error_quark (void);
CONVOY_API const char *convoy_version (void);           /* "0.1.0" */
CONVOY_API const char *convoy_engine_version (void);    /* "oneDNN 2.6.3, AVX-512 VNNI" */
/* For messages: the names nearest to a word that is not one of them, at most so many, as "a, b"; g_free() it. */
CONVOY_API char *convoy_nearest (const char *word, const char *const *names, guint n, guint most);
/* A file takes the place of path in one step, or the old one stays; what is no regular file is refused, not replaced. */
CONVOY_API gboolean convoy_file_save (const char *path, const void *data, gsize size, GError **error);
/* Whether that would do, asked before hours of work: the folder is there and may be written to. */
CONVOY_API gboolean convoy_file_may_save (const char *path, GError **error);

/* --- tensor: a dense row-major array, 64-byte aligned, counted -------- */

#define CONVOY_MAX_DIMS 8

typedef enum {
  CONVOY_F32, CONVOY_F64, CONVOY_I64, CONVOY_I32, CONVOY_I8, CONVOY_U8, CONVOY_BOOL,
  CONVOY_F16, CONVOY_BF16, CONVOY_I16, CONVOY_U16, CONVOY_U32, CONVOY_U64
} ConvoyType;
#define CONVOY_N_TYPES 13

typedef struct {
  guint n;                      /* rank; 0: a scalar */
  gint64 d[CONVOY_MAX_DIMS];    /* -1: not known until convoy_graph_bind() */
} ConvoyShape;
#define CONVOY_SHAPE(...) \
  ((ConvoyShape) { sizeof ((gint64[]) { __VA_ARGS__ }) / sizeof (gint64), { __VA_ARGS__ } })

typedef struct ConvoyTensor ConvoyTensor;

CONVOY_API gsize convoy_type_size (ConvoyType type);            /* bytes of one element */
CONVOY_API const char *convoy_type_name (ConvoyType type);      /* "float32" */
CONVOY_API gint64 convoy_shape_count (const ConvoyShape *s);    /* elements; -1: a dimension is not known, or overflow, also beside a dimension of 0 */
CONVOY_API gboolean convoy_shape_equal (const ConvoyShape *a, const ConvoyShape *b);
CONVOY_API char *convoy_shape_str (const ConvoyShape *s);       /* "1x3x224x224", "?" for -1; g_free() it */

/* The memory is not cleared. */
CONVOY_API ConvoyTensor *convoy_tensor_new (ConvoyType type, const ConvoyShape *shape, GError **error);
CONVOY_API ConvoyTensor *convoy_tensor_new_wrap (ConvoyType type, const ConvoyShape *shape, void *data, GDestroyNotify free, void *user);
CONVOY_API ConvoyTensor *convoy_tensor_ref (ConvoyTensor *t);
CONVOY_API void convoy_tensor_unref (ConvoyTensor *t);
CONVOY_API const ConvoyShape *convoy_tensor_shape (const ConvoyTensor *t);
CONVOY_API ConvoyType convoy_tensor_type (const ConvoyTensor *t);
CONVOY_API gint64 convoy_tensor_count (const ConvoyTensor *t);
CONVOY_API void *convoy_tensor_data (const ConvoyTensor *t);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ConvoyTensor, convoy_tensor_unref)

/* --- params: named tensors, their gradients, their versions ---------- */

typedef struct ConvoyParams ConvoyParams;

CONVOY_API ConvoyParams *convoy_params_new (void);      /* none in it */
CONVOY_API ConvoyParams *convoy_params_ref (ConvoyParams *p);
CONVOY_API void convoy_params_unref (ConvoyParams *p);
CONVOY_API void convoy_params_put (ConvoyParams *p, const char *name, ConvoyTensor *value);     /* refs value, bumps its version */
CONVOY_API ConvoyTensor *convoy_params_get (const ConvoyParams *p, const char *name);           /* borrowed; NULL: none */

/* --- graph: the only representation of a model ----------------------- */

/* Operators and attributes are ONNX's, so what is imported, run and exported is one and the
 * same object. Values are numbers; a node is appended after its inputs, so the order of
 * insertion is an order of execution. The shapes of a node's outputs are inferred when it is
 * made if those of its inputs are known, otherwise by convoy_graph_bind(). */
typedef struct ConvoyGraph ConvoyGraph;
typedef guint ConvoyValue;
#define CONVOY_NONE ((ConvoyValue) -1)  /* as an input: an optional one left out */

typedef struct ConvoyAttrs ConvoyAttrs; /* the attributes of one node */

CONVOY_API ConvoyAttrs *convoy_attrs_new (void);        /* the node that is made with them takes them over */
CONVOY_API void convoy_attrs_free (ConvoyAttrs *a);
/* Copies numbers and texts. A node refuses a key that is there twice. */
CONVOY_API void convoy_attrs_set_ints (ConvoyAttrs *a, const char *key, const gint64 *v, gsize n);
CONVOY_API void convoy_attrs_set_int (ConvoyAttrs *a, const char *key, gint64 v);
CONVOY_API void convoy_attrs_set_floats (ConvoyAttrs *a, const char *key, const float *v, gsize n);
CONVOY_API void convoy_attrs_set_float (ConvoyAttrs *a, const char *key, float v);
CONVOY_API void convoy_attrs_set_string (ConvoyAttrs *a, const char *key, const char *v);
CONVOY_API void convoy_attrs_set_tensor (ConvoyAttrs *a, const char *key, ConvoyTensor *v);     /* refs */

CONVOY_API ConvoyGraph *convoy_graph_new (guint opset);         /* ONNX operator set 1 to 28 */
CONVOY_API ConvoyGraph *convoy_graph_ref (ConvoyGraph *g);
CONVOY_API void convoy_graph_unref (ConvoyGraph *g);
CONVOY_API ConvoyParams *convoy_graph_params (const ConvoyGraph *g);    /* borrowed; shared with graphs bound from it */
CONVOY_API ConvoyValue convoy_graph_input (ConvoyGraph *g, const char *name, ConvoyType type, const ConvoyShape *shape);
/* A weight: kept in the graph's params under its name, may be trained. Refs value. */
CONVOY_API ConvoyValue convoy_graph_param (ConvoyGraph *g, const char *name, ConvoyTensor *value);
/* A constant of the graph itself (a shape, indices, a zero point). Refs value. */
CONVOY_API ConvoyValue convoy_graph_const (ConvoyGraph *g, const char *name, ConvoyTensor *value);
/* Takes attrs over (NULL: none). name and the names of the n_out outputs may be NULL.
 * Gives the first output, the others have the numbers after it; CONVOY_NONE and an error when
 * the operator, an attribute, the number of inputs or their shapes do not fit. */
CONVOY_API ConvoyValue convoy_graph_node (ConvoyGraph *g, const char *op, const char *name, const ConvoyValue *in, guint n_in,
    const char *const *out_names, guint n_out, ConvoyAttrs *attrs, GError **error);
CONVOY_API void convoy_graph_output (ConvoyGraph *g, ConvoyValue v);    /* marks v as an output of the whole */
/* Shapes, or how a node works, depend on the value of input i (a Reshape target, axes), so that it must be fixed before binding. */
CONVOY_API gboolean convoy_graph_steers (const ConvoyGraph *g, guint i);
/* Input i is from now on the constant value (refs it); for what a file leaves open and shapes depend on. */
CONVOY_API void convoy_graph_fix (ConvoyGraph *g, guint i, ConvoyTensor *value);

/* In the order in which they were declared. */
CONVOY_API guint convoy_graph_n_inputs (const ConvoyGraph *g);
CONVOY_API guint convoy_graph_n_outputs (const ConvoyGraph *g);
CONVOY_API ConvoyValue convoy_graph_get_input (const ConvoyGraph *g, guint i);
CONVOY_API const ConvoyShape *convoy_graph_input_shape (const ConvoyGraph *g, guint i); /* as declared, -1 for what is left open; borrowed */
CONVOY_API ConvoyValue convoy_graph_get_output (const ConvoyGraph *g, guint i);
CONVOY_API ConvoyValue convoy_graph_find (const ConvoyGraph *g, const char *name);      /* of a value, or of the node that makes it; CONVOY_NONE: no such */
CONVOY_API const char *convoy_graph_name (const ConvoyGraph *g, ConvoyValue v);         /* borrowed; "" where it has none */
CONVOY_API const ConvoyShape *convoy_graph_shape (const ConvoyGraph *g, ConvoyValue v); /* borrowed; NULL: not known until bound */
CONVOY_API ConvoyType convoy_graph_type (const ConvoyGraph *g, ConvoyValue v);

/* A copy with the given shape for each input, in their order (NULL: as declared), cut at the
 * value or node called upto (NULL: all outputs), every shape inferred, what depends on nothing
 * but constants folded. Where the file fixes the batch (first dimension) and another is asked
 * for, constant Reshape targets follow. Shares the params. */
CONVOY_API ConvoyGraph *convoy_graph_bind (const ConvoyGraph *g, const ConvoyShape *inputs, const char *upto, GError **error);

/* A row of `convoy summary`. */
typedef struct {
  const char *name, *op;        /* borrowed from the graph; name of the node, else of its output */
  ConvoyShape shape;            /* of the first output */
  gint64 params, trainable;     /* elements of its weights; how many of them learn */
  gint64 macs;                  /* multiplications */
  char *formula;                /* "(3*3*3+1)*32"; owned by the row */
} ConvoyLayer;

CONVOY_API GArray *convoy_graph_layers (const ConvoyGraph *bound);      /* ConvoyLayer; g_array_unref() it */

/* The name to cut at (upto) for a layer as people say it: the name of a value or node; its number
 * among convoy_graph_layers(), from 0, negative from the end; `last-conv`, the feature map that the
 * last global pooling takes, else the last one with height and width; `features`, what that pooling
 * gives, else what enters the last Gemm or MatMul. Borrowed; the error lists the nearest names. */
CONVOY_API const char *convoy_graph_find_layer (const ConvoyGraph *bound, const char *layer, GError **error);

/* --- graphs made of graphs -------------------------------------------- */

CONVOY_API guint convoy_graph_opset (const ConvoyGraph *g);     /* the ONNX operator set that its nodes are of */
/* The layers of g after the value or node called from (NULL: after its only input) up to upto (NULL:
 * to its only output), as a network of one input of this shape. Shares the params. An error where
 * what follows reads something before the cut as well. */
CONVOY_API ConvoyGraph *convoy_graph_tail (const ConvoyGraph *g, const char *from, const char *upto, const ConvoyShape *input, GError **error);

typedef struct {
  const char *upto;             /* the value or node of base that head goes on from; NULL: its only output */
  const char *pooling;          /* between them: "max" or "avg" over height and width; NULL or "none": nothing */
  const ConvoyShape *input;     /* as the whole declares it; NULL: as base does, without one as head does */
} ConvoyJoin;
/* base and then head in place of its only input, as one network of the newer operator set of the two;
 * base NULL: head alone. Its params are its own but hold the same tensors, which may still change with
 * those of base and head. A name that both have gets `head/` before it in head. Maps of one pixel enter
 * a head of rows as such. options may be NULL. An error where what base gives, as far as its shape is
 * known, is not what head takes, or the older of them cannot be written in the newer operator set. */
CONVOY_API ConvoyGraph *convoy_graph_join (const ConvoyGraph *base, const ConvoyGraph *head, const ConvoyJoin *options, GError **error);
/* g with n outputs instead of fewer: the last Gemm, which only a Softmax may follow, has new rows, drawn
 * with seed as Glorot and Bengio do, and what it had stays. Its params are its own, the others the same tensors. */
CONVOY_API ConvoyGraph *convoy_graph_grow (const ConvoyGraph *g, guint n, guint64 seed, GError **error);

/* --- networks as text ------------------------------------------------- */

/* "conv2d filters=32 kernel=3 activation=relu ! maxpool pool=2 ! flatten ! dense units=10": words
 * and defaults are Keras', each becomes ONNX nodes. input is the shape of one sample with its
 * batch (1x3x32x32, or 1x500 for text, then int64). vars (NULL: none) are char * pairs that
 * replace ${name}. Parameters are initialized with seed as Keras does. An error names the word,
 * the layer and the shapes; where is the file, for messages (NULL: none). */
CONVOY_API ConvoyGraph *convoy_net_parse (const char *text, const char *where, const ConvoyShape *input, const char *const *vars, guint64 seed, GError **error);
/* Appends layers to value v of g instead; gives the last value. prefix goes before their names. */
CONVOY_API ConvoyValue convoy_net_append (ConvoyGraph *g, ConvoyValue v, const char *text, const char *prefix, guint64 seed, GError **error);
/* A .net file: '#' comments, `input = 3x32x32`, `name = default` variables, then layers. */
CONVOY_API ConvoyGraph *convoy_net_load (const char *path, const char *const *vars, guint64 seed, GError **error);
/* The same for samples of shape input (with their batch): words are VARIABLE=VALUE, NULL-terminated; what they do not
 * say of classes, input, length and columns, and the file has, follows from n_classes (0: not known) and the shape. */
CONVOY_API ConvoyGraph *convoy_net_load_for (const char *path, const char *const *words, const ConvoyShape *input, guint n_classes, guint64 seed, GError **error);

/* --- onnx ------------------------------------------------------------ */

/* Opsets 6 to 28, and older ones where no operator of the file meant something else then. Names what it
 * does not support, all operators at once. props receives metadata_props and producer fields, char * to
 * char *, when not NULL. */
CONVOY_API ConvoyGraph *convoy_onnx_load (const char *path, GHashTable *props, GError **error);
/* What metadata_props say under this key, without reading the weights. g_free() it; NULL: nothing, or
 * a file that cannot be read, which loading it will tell. */
CONVOY_API char *convoy_onnx_metadata (const char *path, const char *key);
/* Writes g with its weights, atomically. */
CONVOY_API gboolean convoy_onnx_save (const char *path, const ConvoyGraph *g, GHashTable *props, GError **error);
/* One serialized onnx.TensorProto, as in ONNX test data. */
CONVOY_API ConvoyTensor *convoy_onnx_tensor_load (const char *path, GError **error);

/* --- plan: a bound graph compiled; exec: the memory to run it --------- */

typedef struct {
  guint threads;                /* OpenMP threads that will run it; 0: one */
  gboolean no_fuse;             /* keep every node its own step; for tests */
  const char *cache;            /* file that keeps the outcome of timing; NULL: do not time, take the default */
  gboolean no_timing;           /* read cache, but do not time what is not in it: take the default */
} ConvoyPlanOptions;

typedef struct ConvoyPlan ConvoyPlan;
typedef struct ConvoyExec ConvoyExec;

/* The fastest way to run it that is found. One plan serves any number of threads, each with an exec of its own. */
CONVOY_API ConvoyPlan *convoy_plan_new (ConvoyGraph *bound, const ConvoyPlanOptions *o, GError **error);
CONVOY_API ConvoyPlan *convoy_plan_ref (ConvoyPlan *p);
CONVOY_API void convoy_plan_unref (ConvoyPlan *p);
CONVOY_API const ConvoyGraph *convoy_plan_graph (const ConvoyPlan *p);  /* bound; borrowed */
CONVOY_API char *convoy_plan_dump (const ConvoyPlan *p);        /* a line a step; g_free() it */
CONVOY_API gboolean convoy_plan_is_slow (const ConvoyPlan *p);  /* a step runs on oneDNN's reference code */

CONVOY_API ConvoyExec *convoy_exec_new (ConvoyPlan *p, GError **error); /* refs p; for one thread at a time */
CONVOY_API void convoy_exec_free (ConvoyExec *x);

/* Input i in the layout that the plan wants: element (n, c, h, w) of an image input lies at
 * data[n * stride[0] + c * stride[1] + h * stride[2] + w * stride[3]]; likewise other ranks.
 * Fill it, then run. Valid as long as the exec. */
typedef struct {
  ConvoyType type;
  ConvoyShape shape;
  gint64 stride[CONVOY_MAX_DIMS];
  void *data;
} ConvoyView;
CONVOY_API ConvoyView convoy_exec_input (ConvoyExec *x, guint i);
/* Copies t in; its shape and type must be the input's. */
CONVOY_API gboolean convoy_exec_set (ConvoyExec *x, guint i, const ConvoyTensor *t, GError **error);
CONVOY_API gboolean convoy_exec_run (ConvoyExec *x, GError **error);
CONVOY_API const ConvoyTensor *convoy_exec_output (ConvoyExec *x, guint i);     /* borrowed, until the next run */
/* Turns the timing of every step on or off. Gives the mean times since the last call, a line a
 * step, "" if it was off; g_free() it. */
CONVOY_API char *convoy_exec_profile (ConvoyExec *x, gboolean on);

/* --- model: an ONNX file with what is needed to feed and read it ------ */

typedef enum {
  CONVOY_RESIZE_STRETCH,        /* to width x height, whatever the aspect */
  CONVOY_RESIZE_CROP,           /* short side to resize_short, then the centre width x height */
  CONVOY_RESIZE_PAD,            /* long side to fit, the rest black */
} ConvoyResize;

/* Preprocessing and labels. A pixel p of 0..255 enters as (p - mean[c]) / std[c]; c counts in
 * the order of the network's channels (blue first when bgr). */
typedef struct {
  guint width, height, channels;        /* the size its file declares; channels 1 or 3 */
  float mean[3], std[3];
  gboolean bgr;
  ConvoyResize resize;
  guint resize_short;           /* 0: the smaller of width and height */
  gboolean is_probability;      /* the output went through Softmax already */
  guint n_classes;
  const char *const *labels;    /* n_classes names, NULL-terminated; NULL: unknown */
} ConvoyModelInfo;
/* Pictures enter at another size; the short side before a crop grows or shrinks with it. */
CONVOY_API void convoy_model_info_set_size (ConvoyModelInfo *info, guint width, guint height);

typedef struct {
  const char *labels;           /* file, a label a line; NULL: metadata, else the sidecar's */
  const char *cache_dir;        /* where timings are kept; NULL: no timing */
  gboolean need_labels;         /* refuse a classifier without labels */
  gboolean need_preprocessing;  /* refuse an image network whose mean and std are not known */
  gboolean may_take_rows;       /* with need_preprocessing: a network of rows (texts, tables) is as good, and needs none */
} ConvoyModelOptions;

typedef struct ConvoyModel ConvoyModel;
typedef struct ConvoyVocabulary ConvoyVocabulary;       /* see below, under text */
typedef enum { CONVOY_TEXT_HEAD, CONVOY_TEXT_TAIL } ConvoyTextEnd;

typedef struct {
  guint length;                 /* numbers of a row */
  ConvoyTextEnd truncate, pad;  /* where what is too much is cut off, where zeros fill up; both at the head as with Keras */
} ConvoyTokenOptions;

/* Reads path and, for what its metadata_props do not say, the sidecar beside it (x.onnx: x.ini,
 * group [model], keys of the same names: task, input, color, mean, std, resize, labels). */
CONVOY_API ConvoyModel *convoy_model_new (const char *path, const ConvoyModelOptions *o, GError **error);
CONVOY_API ConvoyModel *convoy_model_ref (ConvoyModel *m);
CONVOY_API void convoy_model_unref (ConvoyModel *m);
CONVOY_API const ConvoyModelInfo *convoy_model_info (const ConvoyModel *m);
CONVOY_API const ConvoyGraph *convoy_model_graph (const ConvoyModel *m);
CONVOY_API const char *convoy_model_metadata (const ConvoyModel *m, const char *key);   /* what its metadata_props say; borrowed; NULL: nothing */
/* Puts what is known of pictures (channels 0: nothing) and labels (NULL: nothing) into props, char * to
 * char *, which frees both: the metadata_props that convoy_model_new() reads. */
CONVOY_API void convoy_model_describe (const ConvoyModelInfo *info, GHashTable *props);
/* Puts how texts become the rows that m takes (vocabulary, length, truncate, pad) into props likewise; nothing where it reads none. */
CONVOY_API void convoy_model_describe_text (const ConvoyModel *m, GHashTable *props);
/* Of a network that reads texts: its vocabulary (borrowed), and in rows how a row is made. NULL: it reads none. */
CONVOY_API ConvoyVocabulary *convoy_model_vocabulary (const ConvoyModel *m, ConvoyTokenOptions *rows);
/* The plan for pictures of this size; kept, so asking again is cheap. width and height 0: the
 * model's own. upto as in convoy_graph_bind(). Borrowed from the model. */
CONVOY_API ConvoyPlan *convoy_model_plan (ConvoyModel *m, guint batch, guint width, guint height, guint threads, const char *upto, GError **error);
/* The same without the wait: what earlier timing chose where it is known, else the default. For a
 * first result soon; who runs on asks for the timed one later. */
CONVOY_API ConvoyPlan *convoy_model_plan_soon (ConvoyModel *m, guint batch, guint width, guint height, guint threads, const char *upto, GError **error);

/* --- data: samples by number, no order, no batching -------------------- */

typedef enum {
  CONVOY_SAMPLE_TENSOR,         /* of fixed size */
  CONVOY_SAMPLE_PICTURE,        /* a JPEG or PNG file */
  CONVOY_SAMPLE_TEXT,           /* as its file has it, which should be UTF-8 */
} ConvoySampleKind;

typedef struct {
  gsize n;                      /* samples */
  ConvoyShape shape;            /* of one sample: 3x32x32, CHW; of pictures and texts unknown, rank 0 */
  ConvoyType type;              /* U8 pictures 0..255, F32 features, I64 token ids */
  guint n_classes;
  const char *const *classes;   /* names, sorted; NULL-terminated */
  ConvoySampleKind kind;
} ConvoyDatasetInfo;

typedef struct ConvoyDataset ConvoyDataset;

/* read fills sample (info->shape of info->type) and label; it is called from any thread, one call
 * at a time a thread. Takes user over. info is copied. */
typedef gboolean (*ConvoyDatasetRead) (void *user, gsize i, void *sample, gint64 *label, GError **error);
CONVOY_API ConvoyDataset *convoy_dataset_new (const ConvoyDatasetInfo *info, ConvoyDatasetRead read, void *user, GDestroyNotify free);

typedef struct {
  const char *format;           /* "cifar", "idx", "folder", "features", "table"; NULL: found by looking */
  const char *const *classes;   /* only these, numbered in this order; NULL: all, as the format has them */
  /* Of tables. A column is named by the header or, from 1, numbered. */
  const char *label;            /* column of the class; NULL: one called label, class or target, else the last */
  const char *text;             /* column whose texts are the samples; NULL: samples are numbers */
  const char *const *columns;   /* columns of the numbers; NULL: all others */
  const char *missing;          /* NULL or "error"; "mean": what is missing becomes the mean, or no category */
  const char *split_column;     /* column that says which part a row belongs to (train, validation, test); NULL: all are for training */
  const char *header;           /* NULL or "auto", else "yes" or "no": the first row names the columns */
  const char *learnt;           /* what convoy_dataset_columns() gave: columns, scaling and categories are taken from it, and not learnt */
} ConvoyDatasetOptions;

/* CIFAR binary (a file, or a folder of data_batch_*.bin and test_batch.bin), IDX (MNIST, a folder
 * of *-images-idx3-ubyte), features (HDF5, see the feature store), or a folder a class of pictures or texts, which may be below folders
 * called train, validation and test; one without folders is a class by itself. split is "train", "validation", "test" or "all"; where there
 * is no such part the error is CONVOY_ERROR_ABSENT. A class of files of which none is left is an
 * error. options may be NULL. */
CONVOY_API ConvoyDataset *convoy_dataset_open_with (const char *path, const char *split, const ConvoyDatasetOptions *options, GError **error);
CONVOY_API ConvoyDataset *convoy_dataset_open (const char *path, const char *split, GError **error);    /* without options */
CONVOY_API ConvoyDataset *convoy_dataset_ref (ConvoyDataset *d);
CONVOY_API void convoy_dataset_unref (ConvoyDataset *d);
CONVOY_API const ConvoyDatasetInfo *convoy_dataset_info (const ConvoyDataset *d);
/* A sample of fixed size; pictures and texts have none, which is an error. */
CONVOY_API gboolean convoy_dataset_read (ConvoyDataset *d, gsize i, void *sample, gint64 *label, GError **error);
/* The file or the text of a sample, or its tensor; g_bytes_unref() it. */
CONVOY_API GBytes *convoy_dataset_bytes (ConvoyDataset *d, gsize i, gint64 *label, GError **error);
CONVOY_API gboolean convoy_dataset_label (ConvoyDataset *d, gsize i, gint64 *label, GError **error);
CONVOY_API const char *convoy_dataset_name (ConvoyDataset *d, gsize i);         /* of a sample: its file, or "data_batch_1.bin[17]"; borrowed until the next call in this thread */
/* What was passed over when d was opened: file, reason, file, reason, NULL. Borrowed. */
CONVOY_API const char *const *convoy_dataset_skipped (const ConvoyDataset *d);
/* Of a table of numbers: its columns, the scaling and the categories that were learnt, as text, for
 * ConvoyDatasetOptions.learnt. With these a cell that does not go with them (a category never seen, no
 * number, a missing one) is an error of reading the sample, not of opening. g_free() it; NULL: it has none. */
CONVOY_API char *convoy_dataset_columns (ConvoyDataset *d);
/* The last part (0..1) of d as rest, or with seed a random part, reproducibly. Mean and standard
 * deviation of a table's numbers, on which samples are scaled, are those of train from then on. */
CONVOY_API gboolean convoy_dataset_split (ConvoyDataset *d, double part, gboolean random, guint64 seed, ConvoyDataset **train, ConvoyDataset **rest, GError **error);
/* d with these classes, numbered in this order; some of them may have no sample in d. Samples of
 * other classes are left out when only, else they are an error. */
CONVOY_API ConvoyDataset *convoy_dataset_select (ConvoyDataset *d, const char *const *classes, gboolean only, GError **error);
/* 0 to n - 1 in the order of an epoch, which depends on nothing but seed and epoch; g_free() it. */
CONVOY_API gsize *convoy_epoch_order (gsize n, guint64 seed, guint epoch);

/* Number i of the random numbers of a sample, 0 <= x < 1: it depends on nothing but its arguments. */
CONVOY_API double convoy_random (guint64 seed, guint64 epoch, guint64 sample, guint i);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ConvoyDataset, convoy_dataset_unref)

/* --- text: words as numbers ------------------------------------------- */

/* Numbers below CONVOY_TOKEN_FIRST are no words. */
enum { CONVOY_TOKEN_PAD, CONVOY_TOKEN_START, CONVOY_TOKEN_UNKNOWN, CONVOY_TOKEN_FIRST };

/* From the words of a data set of texts: the most frequent ones (as frequent: by their bytes), so
 * many that all numbers are below max_words, as an embedding of max_words rows wants it. */
CONVOY_API ConvoyVocabulary *convoy_vocabulary_learn (ConvoyDataset *texts, guint max_words, GError **error);
/* Written as a word a line, in the order of their numbers; where is the file, for messages. */
CONVOY_API ConvoyVocabulary *convoy_vocabulary_parse (const char *text, gsize n, const char *where, GError **error);
CONVOY_API ConvoyVocabulary *convoy_vocabulary_load (const char *path, GError **error);
CONVOY_API char *convoy_vocabulary_text (const ConvoyVocabulary *v);    /* g_free() it */
CONVOY_API gboolean convoy_vocabulary_save (const ConvoyVocabulary *v, const char *path, GError **error);       /* atomically */
CONVOY_API guint convoy_vocabulary_size (const ConvoyVocabulary *v);    /* one more than the highest number */
CONVOY_API ConvoyVocabulary *convoy_vocabulary_ref (ConvoyVocabulary *v);
CONVOY_API void convoy_vocabulary_unref (ConvoyVocabulary *v);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ConvoyVocabulary, convoy_vocabulary_unref)

/* Writes o->length numbers: CONVOY_TOKEN_START, then the words of the text, which has n bytes.
 * An error: it is no UTF-8, has a NUL byte, or no word. May be called from many threads. */
CONVOY_API gboolean convoy_tokenize (const ConvoyVocabulary *v, const ConvoyTokenOptions *o, const char *text, gsize n, gint32 *row, GError **error);
/* A data set of texts as one of rows of I64. */
CONVOY_API ConvoyDataset *convoy_dataset_tokenize (ConvoyDataset *texts, ConvoyVocabulary *v, const ConvoyTokenOptions *o, GError **error);

/* --- batches ---------------------------------------------------------- */

/* Order, batching, normalization to float, augmentation and read-ahead on a thread of its own. A
 * short last batch is padded with label -1, which a loss ignores. The order of epoch e depends on
 * nothing but seed and e. */
typedef struct {
  guint size;                   /* samples of a batch */
  gboolean shuffle;
  guint64 seed;
  float mean[3], std[3];        /* U8 samples become (p - mean[c]) / std[c]; std 0: 255 with mean 0 */
  gboolean flip;                /* mirrors at random */
  guint shift;                  /* moves by up to so many pixels at random, zeros come in */
  guint cutout;                 /* a square of this side becomes zero at a random place; 0: none */
} ConvoyBatchOptions;
typedef struct ConvoyBatches ConvoyBatches;
CONVOY_API ConvoyBatches *convoy_batches_new (ConvoyDataset *d, const ConvoyBatchOptions *o);
CONVOY_API void convoy_batches_free (ConvoyBatches *b);
CONVOY_API gsize convoy_batches_samples (const ConvoyBatches *b);       /* of an epoch */
CONVOY_API guint convoy_batches_size (const ConvoyBatches *b);          /* of a batch */
CONVOY_API const ConvoyDatasetInfo *convoy_batches_info (const ConvoyBatches *b);      /* of the data set; borrowed */
CONVOY_API void convoy_batches_start (ConvoyBatches *b, guint epoch, gsize first_batch);        /* to resume in the middle */
/* x: float32 (int64 for I64 samples) size x shape, y: size labels; both until the next call. FALSE without error: end of epoch. */
CONVOY_API gboolean convoy_batches_next (ConvoyBatches *b, const void **x, const gint64 **y, GError **error);

/* --- feature store: what a network made of samples, kept in one file ---- */

/* An HDF5 file: features (N x sample shape, float32, contiguous unless compressed), labels (int64),
 * names and splits (UTF-8), stamps (N x 2 int64: size and digest of the sample's file), rows
 * sorted by split and name; attributes classes and the facts below. convoy_dataset_open() reads
 * it. A session gathers what is new beside it in `.NAME.part`; convoy_features_finish() puts old
 * and new together in one step, so that the file is complete, as it was, or absent, whatever kills
 * the process; the next session goes on with what was gathered. One thread at a time. */
typedef struct {
  const char *checksum;         /* SHA-256 of the model's file; "": made elsewhere */
  const char *request;          /* how the features are made, as far as that is known without opening the model; "": elsewhere */
  const char *model, *layer, *pooling, *preprocessing;  /* NULL: not known yet */
} ConvoyFeaturesInfo;

typedef struct {
  const char *name, *split;     /* unlike every other sample's; split "train", "validation", "test" or "" */
  gint64 label;                 /* index of its class; -1: none */
  guint64 bytes;                /* of the sample as it was read; 0: not known */
  gint64 digest;                /* of these bytes */
} ConvoyFeaturesSample;

typedef struct ConvoyFeatures ConvoyFeatures;

/* Refused, naming both: a store that another model, layer or preprocessing made, and one that
 * another process works on. Info is copied. */
CONVOY_API ConvoyFeatures *convoy_features_open (const char *path, const ConvoyFeaturesInfo *info, GError **error);
/* Drops what was not finished from memory, not from the disk. */
CONVOY_API void convoy_features_free (ConvoyFeatures *f);
/* The facts that were not known; those that were must agree. */
CONVOY_API gboolean convoy_features_tell (ConvoyFeatures *f, const ConvoyFeaturesInfo *info, GError **error);
/* Names of the classes, NULL-terminated. Labels stored before follow their class to its new index. */
CONVOY_API gboolean convoy_features_set_classes (ConvoyFeatures *f, const char *const *classes, GError **error);
/* Whether the features of this sample, of these bytes, are there; it keeps its row. */
CONVOY_API gboolean convoy_features_has (ConvoyFeatures *f, const ConvoyFeaturesSample *s);
/* values: float32 of shape, the same for all. A row of the same name and split is replaced. */
CONVOY_API gboolean convoy_features_add (ConvoyFeatures *f, const ConvoyFeaturesSample *s, const float *values, const ConvoyShape *shape, GError **error);
/* Rows of this split that were neither asked for nor added in this session go when it is finished. */
CONVOY_API void convoy_features_drop_rest (ConvoyFeatures *f, const char *split);
/* A digest for ConvoyFeaturesSample: tells changed files from others, not forged ones. */
CONVOY_API gint64 convoy_features_digest (const void *data, gsize n);
/* Writes the store, after which the session is good for nothing but its count; compression 0 (none, fastest to read) to 9. Without a row there is no file. */
CONVOY_API gboolean convoy_features_finish (ConvoyFeatures *f, guint compression, GError **error);
/* What a store says of how it was made: those of checksum, request, model, layer, pooling and
 * preprocessing (char *) that are known, as texts (char *). g_hash_table_unref() it. */
CONVOY_API GHashTable *convoy_features_facts (const char *path, GError **error);
typedef struct { gsize rows, added, dropped; } ConvoyFeaturesCount;
CONVOY_API ConvoyFeaturesCount convoy_features_count (const ConvoyFeatures *f);

/* --- history: a row an epoch ------------------------------------------ */

typedef struct {
  guint epoch, epochs;
  double loss, accuracy, val_loss, val_accuracy, lr, seconds;   /* NAN: not measured */
} ConvoyEpoch;

typedef struct ConvoyHistory ConvoyHistory;

CONVOY_API ConvoyHistory *convoy_history_new (void);    /* no row in it */
CONVOY_API ConvoyHistory *convoy_history_load (const char *path, GError **error);       /* a file of convoy_history_save() */
CONVOY_API void convoy_history_free (ConvoyHistory *h);
CONVOY_API void convoy_history_add (ConvoyHistory *h, const ConvoyEpoch *e);    /* copies it */
CONVOY_API guint convoy_history_len (const ConvoyHistory *h);
CONVOY_API const ConvoyEpoch *convoy_history_at (const ConvoyHistory *h, guint i);      /* borrowed, until the next is added */
CONVOY_API const ConvoyEpoch *convoy_history_best (const ConvoyHistory *h);     /* highest val_accuracy, else lowest loss; NULL: empty */
/* CSV, header epoch,loss,accuracy,val_loss,val_accuracy,lr,seconds; replaced atomically. */
CONVOY_API gboolean convoy_history_save (const ConvoyHistory *h, const char *path, GError **error);

/* --- training: a graph learns from batches ------------------------------ */

/* What a callback is told after every batch. */
typedef struct {
  guint epoch, epochs;          /* from 1 */
  gboolean validating;          /* the batch was of the validation part */
  guint64 sample, samples;      /* done in this part of the epoch, and all of it; samples 0: not known */
  double loss, accuracy;        /* means over this part so far; accuracy 0..1, NAN: it has none */
  double lr;                    /* learning rate of the last step */
} ConvoyProgress;

/* Everything zero is a default. Texts are copied. Lists of words with `key=value` behind them, as in
 *   loss       cross-entropy (label-smoothing=0), binary-cross-entropy (label-smoothing=0), mse
 *   optimizer  sgd, momentum, nesterov, rmsprop, adam, adamw, with the defaults of Keras (rmsprop:
 *              lr=0.001 rho=0.9 epsilon=1e-7); each takes lr, and l2=0 (adds l2 * the sum of the squares of
 *              the weights of two and more dimensions to what is minimized; not to the loss that is reported),
 *              clip-norm=0 (of all gradients together; 0: none), clip-value=0 (of each number; 0: none)
 *   schedule   constant, step (every=10 factor=0.1), exponential (factor=0.95 an epoch), cosine (final=0),
 *              one-cycle (rise=0.3 initial=0.04 final=0.0001, parts of lr); each takes warmup=0 (epochs) */
typedef struct {
  const char *loss;             /* NULL: by the last node: Softmax cross-entropy, Sigmoid binary; none of both and several outputs: cross-entropy */
  const char *optimizer;        /* NULL: "rmsprop" */
  double learning_rate;         /* 0: as optimizer says */
  const char *schedule;         /* NULL: "constant" */
  guint epochs;                 /* at most; 0: 1 */
  guint batch;                  /* samples of a step, 0: 32; the last of an epoch may have fewer */
  guint patience;               /* stop after so many epochs without a better one (convoy_history_best()); 0: never */
  guint64 seed;                 /* of Dropout */
  guint threads;                /* OpenMP threads; 0: one. The same seed and threads give the same bits */
  const char *freeze;           /* a layer: it and all that it depends on keeps its weights and statistics; NULL: all learn */
  gboolean freeze_batchnorm;    /* BatchNormalization keeps its statistics, scale and shift everywhere */
  const char *rates;            /* "features=0.1 head=2": factors of the learning rate of weights whose names begin so; the longest counts */
  const char *dataset;          /* what the samples are, to refuse the checkpoint of others; NULL: do not care */
  const char *checkpoint;       /* file written at the end of each epoch, replaced atomically; NULL: none */
  guint checkpoint_steps;       /* and after so many steps of an epoch; 0: only at its end */
  gboolean resume;              /* go on from the checkpoint, where there is one */
  const char *history;          /* CSV file rewritten at the end of each epoch; NULL: none */
  gboolean (*progress) (void *user, const ConvoyProgress *p);   /* FALSE: stop, with CONVOY_ERROR_CANCELLED; NULL: none */
  void *user;
} ConvoyTrainOptions;

typedef struct ConvoyTrainer ConvoyTrainer;

/* graph has one input (float32, or int64 tokens) whose first dimension is the batch, and one output,
 * NxK; references it. Its params change in place from time to time: no plan that reads them may run in
 * another thread meanwhile. An error names the option, with the nearest word that is known, or the
 * layer. A checkpoint of another network, other data or options is refused. */
CONVOY_API ConvoyTrainer *convoy_trainer_new (ConvoyGraph *graph, const ConvoyTrainOptions *o, GError **error);
CONVOY_API void convoy_trainer_free (ConvoyTrainer *t);

/* All epochs; stops early where options say so. validation NULL: none. Starts both anew for each
 * epoch; the size of a batch is that of train. Cancelled, it writes the checkpoint where it is. */
CONVOY_API gboolean convoy_trainer_fit (ConvoyTrainer *t, ConvoyBatches *train, ConvoyBatches *validation, GError **error);

/* The same, pushed by the caller: for each epoch begin, any number of steps, any number of
 * validations, end. samples: how many will be stepped through, for schedules that move within the
 * epoch; 0: not known, the rate then stays the same for an epoch. FALSE and no error: there are no more epochs,
 * or patience is at its end. */
CONVOY_API gboolean convoy_trainer_begin_epoch (ConvoyTrainer *t, guint64 samples, GError **error);
/* n samples (1 to batch; fewer make the last step of an epoch, each other n is compiled anew) one after the other,
 * of the type of the graph's input, and their classes 0 to K - 1. A negative label is that of padding: no part of
 * loss, accuracy, statistics or gradient. A loss that is not finite is an error that names the first layer
 * where it shows. */
CONVOY_API gboolean convoy_trainer_step (ConvoyTrainer *t, const void *x, const gint64 *y, guint n, GError **error);
CONVOY_API gboolean convoy_trainer_validate (ConvoyTrainer *t, const void *x, const gint64 *y, guint n, GError **error);
/* Completes the row of the epoch (NULL: not asked for), keeps the weights if it is the best so far,
 * writes history and checkpoint. */
CONVOY_API gboolean convoy_trainer_end_epoch (ConvoyTrainer *t, ConvoyEpoch *row, GError **error);
/* What the network gave for the samples of the last step or validation, n x K probabilities (plain
 * numbers for mse); after a step NAN for padding. Borrowed until the next one; NULL: there was none. */
CONVOY_API const float *convoy_trainer_scores (const ConvoyTrainer *t, guint *n, guint *k);
/* Where it stands, after resuming too: the epoch (from 1) that is under way or comes next, and the steps done in it. */
CONVOY_API void convoy_trainer_position (const ConvoyTrainer *t, guint *epoch, guint64 *steps);
CONVOY_API const ConvoyHistory *convoy_trainer_history (const ConvoyTrainer *t);        /* borrowed */

/* The graph, its params now those of the best epoch (of the last step where none has ended). A reference. */
CONVOY_API ConvoyGraph *convoy_trainer_export (ConvoyTrainer *t, GError **error);
/* Mean loss and accuracy (NULL: not asked for) over one epoch of b, with the best weights. */
CONVOY_API gboolean convoy_trainer_evaluate (ConvoyTrainer *t, ConvoyBatches *b, double *loss, double *accuracy, GError **error);
/* Writes what resuming needs to path; between steps and between epochs, not while validating. */
CONVOY_API gboolean convoy_trainer_save (ConvoyTrainer *t, const char *path, GError **error);

/* What a step of a trainer needs of memory, in bytes. */
typedef struct {
  gsize activations;            /* for comparison: what the layers give for a batch, each with its activation one array, the input too */
  gsize parameters;             /* for comparison: the weights, as plain arrays of float32 */
  gsize plan;                   /* activations, their gradients where they live, what primitives work in */
  gsize weights;                /* weights and statistics, gradients, moments of the optimizer */
} ConvoyTrainMemory;
CONVOY_API void convoy_trainer_memory (const ConvoyTrainer *t, ConvoyTrainMemory *m);

typedef struct { double lr, loss; } ConvoyRatePoint;    /* loss: smoothed */
/* Raises the learning rate from 1e-7 on, tenfold every steps / 8 steps (steps: 0: 100), until the loss
 * explodes, then puts the weights back. Gives the rate at which it fell the fastest below all before. curve (NULL: not
 * asked for) receives the points; g_array_unref() it. L. N. Smith, "Cyclical learning rates for training
 * neural networks", 2017. */
CONVOY_API gboolean convoy_trainer_find_rate (ConvoyTrainer *t, ConvoyBatches *train, guint steps, double *lr, GArray **curve, GError **error);

/* --- 8 bits: a network of float32 as one of bytes ------------------------- */

/* Learns from samples which numbers each value takes, so that 256 steps between two bounds lose the least
 * of them; put a sample into the input, have it observed, and so on. Then gives the network with
 * QuantizeLinear and DequantizeLinear around what 8 bits can do: weights int8 with one scale a channel,
 * values uint8, biases int32, the scores float32 as they were. BatchNormalization goes into the weights, and into
 * the biases what rounding the weights takes from the mean of what each layer gave. */
typedef struct ConvoyQuantizer ConvoyQuantizer;

/* Some of it computes on bytes: QLinear operators, or QuantizeLinear and DequantizeLinear around others. */
CONVOY_API gboolean convoy_graph_is_quantized (const ConvoyGraph *g);

/* g has one input, which is given this shape, batch included; threads 0: one. Refused: what is quantized already, or has
 * neither a convolution nor a matrix product with constant float32 weights. */
CONVOY_API ConvoyQuantizer *convoy_quantizer_new (const ConvoyGraph *g, const ConvoyShape *input, guint threads, GError **error);
CONVOY_API void convoy_quantizer_free (ConvoyQuantizer *q);
CONVOY_API ConvoyView convoy_quantizer_input (ConvoyQuantizer *q);      /* to be filled before it is observed */
CONVOY_API gboolean convoy_quantizer_observe (ConvoyQuantizer *q, GError **error);
CONVOY_API guint convoy_quantizer_layers (const ConvoyQuantizer *q, guint *of); /* convolutions and matrix products that become 8-bit; of: that there are */
/* From what was observed so far, a sample at least. per_tensor: one scale for all weights of a layer. A graph of operator
 * set 13 or later; inputs, outputs and their names are those of g. */
CONVOY_API ConvoyGraph *convoy_quantizer_finish (const ConvoyQuantizer *q, gboolean per_tensor, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ConvoyQuantizer, convoy_quantizer_free)

/* --- why: what a score came from --------------------------------------- */

/* One sample through a network, and the gradient of one of its scores with respect to what a layer
 * gave. The scores are those before the Softmax or Sigmoid that the network may end with. */
typedef struct ConvoyProbe ConvoyProbe;

/* shape: of each input with a batch of 1 (NULL: as declared); layer as convoy_graph_find_layer() takes
 * it (NULL: last-conv). An error where the scores do not depend on the layer, or not smoothly. */
CONVOY_API ConvoyProbe *convoy_probe_new (const ConvoyGraph *g, const ConvoyShape *shape, const char *layer, GError **error);
CONVOY_API void convoy_probe_free (ConvoyProbe *p);
CONVOY_API ConvoyView convoy_probe_input (ConvoyProbe *p);      /* of the sample; to be filled before the run */
/* score: its index, -1: the highest. A network of one score has two: what speaks against it, and it. */
CONVOY_API gboolean convoy_probe_run (ConvoyProbe *p, gint score, GError **error);
CONVOY_API guint convoy_probe_n_scores (const ConvoyProbe *p);
CONVOY_API guint convoy_probe_score (const ConvoyProbe *p);     /* the index that the last run was about */
CONVOY_API double convoy_probe_probability (const ConvoyProbe *p);      /* of it: Softmax of the scores, of one score its Sigmoid */
CONVOY_API const char *convoy_probe_layer (const ConvoyProbe *p);       /* name of the layer's value or node; borrowed */
/* What the layer gave and the gradient of the score with respect to it, of one shape; borrowed, until the next run. */
CONVOY_API const ConvoyTensor *convoy_probe_value (const ConvoyProbe *p);
CONVOY_API const ConvoyTensor *convoy_probe_gradient (const ConvoyProbe *p);
/* Where the layer, 1 x C x H x W, speaks for the score: the sum of its maps, each times its mean gradient,
 * without what is negative, divided by the highest (R. R. Selvaraju et al., "Grad-CAM", ICCV 2017). float32
 * H x W of 0 to 1; all 0 where nothing speaks for it. */
CONVOY_API ConvoyTensor *convoy_probe_heat (const ConvoyProbe *p, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ConvoyProbe, convoy_probe_free)

/* The weights of the first convolution over pictures, float32 units x channels x height x width. A reference. */
CONVOY_API ConvoyTensor *convoy_graph_filters (const ConvoyGraph *bound, GError **error);

/* --- pictures in, labels out ----------------------------------------- */

/* The part of a picture that the resize rule keeps, in its own pixels, and where in the
 * network's picture it goes (the whole of it, except for CONVOY_RESIZE_PAD). */
typedef struct { guint x, y, width, height; } ConvoyRect;
CONVOY_API void convoy_image_window (const ConvoyModelInfo *info, guint width, guint height, ConvoyRect *from, ConvoyRect *to);

/* Writes an RGB (3 channels) or grey (1) picture of 8 bits of the view's width x height as
 * sample n of the batch, normalized. stride in bytes. */
CONVOY_API void convoy_image_put (const ConvoyModelInfo *info, const guint8 *pixels, gsize stride, const ConvoyView *view, guint n);

typedef struct { guint index; float score; } ConvoyTop;
/* The k best of n scores, best first; softmax (minus the maximum) is taken unless is_probability.
 * Ties go to the lower index. Gives how many, at most n. */
CONVOY_API guint convoy_top_k (const float *scores, guint n, gboolean is_probability, ConvoyTop *out, guint k);

G_END_DECLS
#endif
