/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-trainer.c - a network learns: as the formulas say, the same every time, without what pads a
 * batch, until it is enough or goes wrong. */
#include "tests/temp-files.h"
#include "tests/trainer-tools.h"
#include <math.h>
#include <string.h>

#define MLP "dense units=16 activation=relu name=hidden ! dense units=3 activation=softmax name=out"
#define CNN \
  "conv2d filters=4 kernel=3 padding=same use-bias=false name=conv ! batchnorm name=norm ! activation relu ! flatten ! dense units=3 " \
  "activation=softmax name=out"

static float
weight_at (ConvoyGraph *g, const char *name, gsize i)
{
  return ((float *) convoy_tensor_data (tools_weight (g, name)))[i];
}

/* A trainer goes through its epochs. */
static void
fit (ConvoyTrainer *t, gsize n, ConvoyShape shape, guint batch, gboolean validate)
{
  ConvoyDataset *d = tools_blobs (n, shape), *v = tools_blobs (n / 3 + 1, shape);
  ConvoyBatches *b = tools_batches (d, batch, 5), *w = tools_batches (v, batch, 0);
  GError *error = NULL;
  if (!convoy_trainer_fit (t, b, validate ? w : NULL, &error)) {
    printf ("# %s\n", error->message);
    CU_FAIL_FATAL ("fit");
  }
  convoy_batches_free (b);
  convoy_batches_free (w);
  convoy_dataset_unref (d);
  convoy_dataset_unref (v);
}

/* --- it learns ----------------------------------------------------------- */

static void
test_learns (void)
{
  ConvoyGraph *g = tools_net (MLP, CONVOY_SHAPE (1, 6));
  ConvoyTrainer *t = tools_trainer (g,
      &(ConvoyTrainOptions) { .optimizer = "adam lr=0.01", .epochs = 10, .batch = 16, .history = temp_path ("learns.csv") });
  fit (t, 300, CONVOY_SHAPE (6), 16, TRUE);
  const ConvoyHistory *h = convoy_trainer_history (t);
  const ConvoyEpoch *first = convoy_history_at (h, 0), *last = convoy_history_at (h, 9), *best = convoy_history_best (h);
  CU_ASSERT_EQUAL (convoy_history_len (h), 10);
  CU_ASSERT_TRUE (last && last->accuracy > 0.95 && last->val_accuracy > 0.95 && last->loss < first->loss / 2 && last->lr == 0.01
      && last->seconds > 0);
  ConvoyHistory *saved = convoy_history_load (temp_path ("learns.csv"), NULL);
  CU_ASSERT_TRUE (saved && tools_same_history (saved, h));
  convoy_history_free (saved);
  /* The best weights are the ones that gave the best row. */
  ConvoyDataset *v = tools_blobs (101, CONVOY_SHAPE (6));
  ConvoyBatches *b = tools_batches (v, 16, 3);
  double loss, accuracy;
  CU_ASSERT_TRUE_FATAL (convoy_trainer_evaluate (t, b, &loss, &accuracy, NULL));
  tap_near (accuracy, best->val_accuracy, 0);
  tap_near (loss, best->val_loss, 1e-6);
  convoy_batches_free (b);
  convoy_dataset_unref (v);
  convoy_trainer_free (t);
  convoy_graph_unref (g);
}

/* One step of SGD on logistic regression: the gradient of the mean cross entropy by a weight is
 * the mean of (p - y) x. Labels are class 1, class 0. */
static void
test_one_step (void)
{
  static const float x[2][2] = { { 0.5, -1 }, { 2, 0.25 } };
  static const gint64 y[2] = { 1, 0 };
  ConvoyGraph *g = tools_net ("dense units=1 activation=sigmoid name=out", CONVOY_SHAPE (1, 2));
  ConvoyTrainer *t = tools_trainer (g, &(ConvoyTrainOptions) { .optimizer = "sgd lr=0.5", .batch = 2 });
  double w[3] = { weight_at (g, "out/kernel", 0), weight_at (g, "out/kernel", 1), weight_at (g, "out/bias", 0) },
         gradient[3] = { 0 }, loss = 0;
  for (guint i = 0; i < 2; i++) {
    double p = 1 / (1 + exp (-(w[0] * x[i][0] + w[1] * x[i][1] + w[2])));
    loss -= log (y[i] ? p : 1 - p) / 2;
    for (guint k = 0; k < 3; k++)
      gradient[k] += (p - y[i]) * (k < 2 ? x[i][k] : 1) / 2;
  }
  ConvoyEpoch row;
  guint n, k;
  CU_ASSERT_TRUE_FATAL (convoy_trainer_begin_epoch (t, 2, NULL) && convoy_trainer_step (t, x, y, 2, NULL));
  const float *scores = convoy_trainer_scores (t, &n, &k);
  CU_ASSERT_TRUE (scores && n == 2 && k == 1);
  tap_near (scores[1], 1 / (1 + exp (-(w[0] * x[1][0] + w[1] * x[1][1] + w[2]))), 1e-6);
  CU_ASSERT_TRUE_FATAL (convoy_trainer_end_epoch (t, &row, NULL));
  tap_near (row.loss, loss, 1e-6);
  CU_ASSERT_TRUE (isnan (row.val_loss) && isnan (row.val_accuracy));
  for (guint i = 0; i < 3; i++)
    tap_near (weight_at (g, i < 2 ? "out/kernel" : "out/bias", i % 2), w[i] - 0.5 * gradient[i], 1e-6);
  CU_ASSERT_FALSE (convoy_trainer_begin_epoch (t, 2, NULL));
  convoy_trainer_free (t);
  convoy_graph_unref (g);
}

/* --- padding ------------------------------------------------------------- */

typedef struct { char *weights; ConvoyEpoch row; } Outcome;

/* One step and one validation of the n samples, then the end of the epoch. */
static Outcome
one_step (guint batch, const float *x, const gint64 *y, guint n)
{
  Outcome o;
  ConvoyGraph *g = tools_net (CNN, CONVOY_SHAPE (1, 3, 4, 4));
  ConvoyTrainer *t = tools_trainer (g, &(ConvoyTrainOptions) { .optimizer = "rmsprop lr=0.01", .batch = batch, .epochs = 2 });
  for (guint e = 0; e < 2; e++)
    CU_ASSERT_TRUE_FATAL (convoy_trainer_begin_epoch (t, n, NULL) && convoy_trainer_step (t, x, y, n, NULL)
        && convoy_trainer_validate (t, x, y, n, NULL) && convoy_trainer_end_epoch (t, &o.row, NULL));
  o.weights = tools_weights (t);
  convoy_trainer_free (t);
  convoy_graph_unref (g);
  return o;
}

/* Five samples are the same five in a batch of five, of eight, or among padding: loss, accuracy,
 * gradients, and the statistics of BatchNormalization. */
static void
test_padding (void)
{
  float x[8 * 48], gaps[8 * 48];
  gint64 y[8] = { 0, 1, 2, 0, 1, -1, -1, -1 }, with_gaps[8] = { -1, 0, 1, -1, 2, 0, -1, 1 };
  for (guint i = 0; i < 5 * 48; i++)
    x[i] = sinf (i * 1.7f);
  for (guint i = 5 * 48; i < 8 * 48; i++)
    x[i] = 100;
  for (guint i = 0, k = 0; i < 8; i++)
    memcpy (gaps + i * 48, x + (with_gaps[i] < 0 ? 5 : k++) * 48, 48 * sizeof *x);
  Outcome alone = one_step (5, x, y, 5), shorter = one_step (8, x, y, 5), padded = one_step (8, x, y, 8),
          between = one_step (8, gaps, with_gaps, 8);
  const Outcome *others[] = { &shorter, &padded, &between };
  for (guint i = 0; i < 3; i++) {
    CU_ASSERT_STRING_EQUAL (others[i]->weights, alone.weights);
    tap_near (others[i]->row.loss, alone.row.loss, 0);
    tap_near (others[i]->row.accuracy, alone.row.accuracy, 0);
    tap_near (others[i]->row.val_loss, alone.row.val_loss, 1e-6);
    tap_near (others[i]->row.val_accuracy, alone.row.val_accuracy, 0);
    g_free (others[i]->weights);
  }
  g_free (alone.weights);
}

/* --- the same every time ------------------------------------------------- */

static char *
trained (const char *layers, ConvoyShape sample, guint threads, guint64 seed)
{
  ConvoyShape input = { sample.n + 1, { 1 } };
  memcpy (input.d + 1, sample.d, sample.n * sizeof sample.d[0]);
  ConvoyGraph *g = tools_net (layers, input);
  ConvoyTrainer *t = tools_trainer (g, &(ConvoyTrainOptions) { .epochs = 2, .batch = 16, .threads = threads, .seed = seed });
  fit (t, 100, sample, 16, TRUE);
  char *weights = tools_weights (t);
  convoy_trainer_free (t);
  convoy_graph_unref (g);
  return weights;
}

static void
test_same_bits (void)
{
  for (guint threads = 1; threads <= 2; threads++) {
    g_autofree char *a = trained (CNN, CONVOY_SHAPE (3, 4, 4), threads, 1), *b = trained (CNN, CONVOY_SHAPE (3, 4, 4), threads, 1);
    CU_ASSERT_STRING_EQUAL (a, b);
  }
}

static void
test_dropout (void)
{
  static const char layers[] = "dense units=16 activation=relu ! dropout rate=0.5 ! dense units=3 activation=softmax";
  g_autofree char *a = trained (layers, CONVOY_SHAPE (6), 1, 1), *b = trained (layers, CONVOY_SHAPE (6), 1, 1),
                  *c = trained (layers, CONVOY_SHAPE (6), 1, 2);
  CU_ASSERT_STRING_EQUAL (a, b);
  CU_ASSERT_STRING_NOT_EQUAL (a, c);
}

/* --- what learns, and how fast ------------------------------------------- */

/* The weights of both layers before and after an epoch. */
static void
moves (const ConvoyTrainOptions *options, double *hidden, double *out)
{
  ConvoyTrainOptions o = *options;
  ConvoyGraph *g = tools_net (MLP, CONVOY_SHAPE (1, 6));
  float before[2] = { weight_at (g, "hidden/kernel", 0), weight_at (g, "out/kernel", 0) };
  o.batch = 16;
  ConvoyTrainer *t = tools_trainer (g, &o);
  fit (t, 16, CONVOY_SHAPE (6), 16, FALSE);
  *hidden = weight_at (g, "hidden/kernel", 0) - (double) before[0];
  *out = weight_at (g, "out/kernel", 0) - (double) before[1];
  convoy_trainer_free (t);
  convoy_graph_unref (g);
}

static void
test_rates_and_freezing (void)
{
  double all[2], half[2], none[2], frozen[2];
  moves (&(ConvoyTrainOptions) { .optimizer = "sgd lr=0.1" }, &all[0], &all[1]);
  moves (&(ConvoyTrainOptions) { .optimizer = "sgd lr=0.1", .rates = "hid=0.5" }, &half[0], &half[1]);
  moves (&(ConvoyTrainOptions) { .optimizer = "sgd lr=0.1", .rates = "hid=3 hidden=0" }, &none[0], &none[1]);
  moves (&(ConvoyTrainOptions) { .optimizer = "sgd lr=0.1", .freeze = "hidden" }, &frozen[0], &frozen[1]);
  CU_ASSERT_TRUE (all[0] != 0 && all[1] != 0);
  tap_near (half[0], all[0] / 2, 1e-5);
  tap_near (half[1], all[1], 0);
  CU_ASSERT_TRUE (none[0] == 0 && frozen[0] == 0);
  tap_near (none[1], all[1], 0);
  tap_near (frozen[1], all[1], 1e-6);
}

static void
test_schedule (void)
{
  ConvoyGraph *g = tools_net (MLP, CONVOY_SHAPE (1, 6));
  ConvoyTrainer *t = tools_trainer (g,
      &(ConvoyTrainOptions) { .learning_rate = 0.1, .schedule = "step every=2 factor=0.5 warmup=1", .epochs = 6, .batch = 16 });
  fit (t, 64, CONVOY_SHAPE (6), 16, FALSE);
  static const double wanted[] = { 0.1, 0.1, 0.1, 0.05, 0.05, 0.025 };
  for (guint i = 0; i < 6; i++)
    tap_near (convoy_history_at (convoy_trainer_history (t), i)->lr, wanted[i], 1e-12);
  convoy_trainer_free (t);
  convoy_graph_unref (g);
}

static void
test_patience (void)
{
  ConvoyGraph *g = tools_net (MLP, CONVOY_SHAPE (1, 6));
  ConvoyTrainer *t = tools_trainer (g, &(ConvoyTrainOptions) { .optimizer = "adam lr=0.01", .epochs = 200, .patience = 3, .batch = 16 });
  fit (t, 300, CONVOY_SHAPE (6), 16, TRUE);
  const ConvoyHistory *h = convoy_trainer_history (t);
  CU_ASSERT_TRUE (convoy_history_len (h) < 200);
  CU_ASSERT_EQUAL (convoy_history_len (h), convoy_history_best (h)->epoch + 3);
  convoy_trainer_free (t);
  convoy_graph_unref (g);
}

static void
test_find_rate (void)
{
  ConvoyGraph *g = tools_net (MLP, CONVOY_SHAPE (1, 6));
  ConvoyTrainer *t = tools_trainer (g, &(ConvoyTrainOptions) { .optimizer = "sgd", .batch = 16 });
  ConvoyDataset *d = tools_blobs (100, CONVOY_SHAPE (6));
  ConvoyBatches *b = tools_batches (d, 16, 1);
  g_autofree char *before = tools_weights (t);
  GArray *curve = NULL;
  double lr = 0;
  CU_ASSERT_TRUE_FATAL (convoy_trainer_find_rate (t, b, 0, &lr, &curve, NULL));
  g_autofree char *after = tools_weights (t);
  CU_ASSERT_STRING_EQUAL (before, after);
  CU_ASSERT_TRUE (lr > 1e-3 && lr < 10 && curve->len > 50);
  ConvoyDataset *others = tools_blobs (100, CONVOY_SHAPE (5));
  ConvoyBatches *narrow = tools_batches (others, 16, 1);
  GError *error = NULL;
  CU_ASSERT_FALSE (convoy_trainer_find_rate (t, narrow, 0, &lr, NULL, &error));
  temp_check_error (g_steal_pointer (&error), "float32 5 do not fit", "16x6");
  CU_ASSERT_FALSE (convoy_trainer_fit (t, narrow, NULL, &error));
  temp_check_error (error, "float32 5 do not fit", "16x6");
  convoy_batches_free (narrow);
  convoy_dataset_unref (others);
  g_array_unref (curve);
  convoy_batches_free (b);
  convoy_dataset_unref (d);
  convoy_trainer_free (t);
  convoy_graph_unref (g);
}

/* --- what goes wrong ------------------------------------------------------ */

static void
test_not_finite (void)
{
  float x[2 * 6] = { 1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6 }, nan[2 * 6] = { 1, NAN };
  const gint64 y[2] = { 0, 1 };
  GError *error = NULL;
  ConvoyGraph *g = tools_net (MLP, CONVOY_SHAPE (1, 6));
  ConvoyTrainer *t = tools_trainer (g, &(ConvoyTrainOptions) { .optimizer = "sgd lr=1e30", .batch = 2 });
  CU_ASSERT_TRUE_FATAL (convoy_trainer_begin_epoch (t, 0, NULL));
  for (guint i = 0; i < 20 && error == NULL; i++)
    convoy_trainer_step (t, x, y, 2, &error);
  temp_check_error (g_steal_pointer (&error), "learning rate 1e+30", "is the first that is not finite");
  convoy_trainer_free (t);
  t = tools_trainer (g, &(ConvoyTrainOptions) { .batch = 2 });
  CU_ASSERT_TRUE_FATAL (convoy_trainer_begin_epoch (t, 0, NULL));
  CU_ASSERT_FALSE (convoy_trainer_step (t, nan, y, 2, &error));
  temp_check_error (error, "epoch 1, step 1", "a number of the input is the first that is not finite");
  convoy_trainer_free (t);
  convoy_graph_unref (g);
}

static void
test_refused (void)
{
  static const struct { ConvoyTrainOptions o; const char *layers, *says[2]; } cases[] = {
    { { .loss = "cross-entropi" }, MLP, { "loss: cross-entropi", "the nearest is cross-entropy" } },
    { { .loss = "binary-cross-entropy" }, MLP, { "loss binary-cross-entropy", "not in Softmax" } },
    { { 0 }, "dense units=1", { "loss: the last layer", "binary-cross-entropy or mse" } },
    { { .loss = "cross-entropy" }, "dense units=1", { "cross-entropy", "1 outputs" } },
    { { .optimizer = "adan" }, MLP, { "optimizer: adan", "adam" } },
    { { .schedule = "cosine half=1" }, MLP, { "schedule cosine: half", "nearest" } },
    { { .rates = "hiddem=0.1" }, MLP, { "rates: no weight that learns begins with hiddem", "the nearest is hidden/" } },
    { { .rates = "hidden" }, MLP, { "rates: \"hidden\"", "a factor" } },
    { { .freeze = "hiden" }, MLP, { "hiden", "" } },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    ConvoyGraph *g = tools_net (cases[i].layers, CONVOY_SHAPE (1, 6));
    GError *error = NULL;
    ConvoyTrainer *t = convoy_trainer_new (g, &cases[i].o, &error);
    CU_ASSERT_PTR_NULL (t);
    temp_check_error (error, cases[i].says[0], cases[i].says[1]);
    convoy_trainer_free (t);
    convoy_graph_unref (g);
  }
}

static void
test_wrong_calls (void)
{
  const float x[4 * 6] = { 0 };
  const gint64 y[4] = { 0, 1, 3, 0 };
  GError *error = NULL;
  ConvoyGraph *g = tools_net (MLP, CONVOY_SHAPE (1, 6));
  ConvoyTrainer *t = tools_trainer (g, &(ConvoyTrainOptions) { .batch = 4 });
  CU_ASSERT_FALSE (convoy_trainer_step (t, x, y, 2, &error));
  temp_check_error (g_steal_pointer (&error), "no epoch", "has begun");
  CU_ASSERT_TRUE_FATAL (convoy_trainer_begin_epoch (t, 0, NULL));
  CU_ASSERT_FALSE (convoy_trainer_step (t, x, y, 5, &error));
  temp_check_error (g_steal_pointer (&error), "5 samples", "1 to 4");
  CU_ASSERT_FALSE (convoy_trainer_step (t, x, y, 4, &error));
  temp_check_error (g_steal_pointer (&error), "sample 2 of 4: its class is 3", "0 to 2");
  CU_ASSERT_FALSE (convoy_trainer_begin_epoch (t, 0, &error));
  temp_check_error (g_steal_pointer (&error), "epoch 1", "has not ended");
  CU_ASSERT_FALSE (convoy_trainer_end_epoch (t, NULL, &error));
  temp_check_error (g_steal_pointer (&error), "epoch 1", "no sample with a label");
  CU_ASSERT_TRUE (convoy_trainer_step (t, x, y, 2, NULL));
  CU_ASSERT_TRUE (convoy_trainer_end_epoch (t, NULL, NULL));
  convoy_trainer_free (t);
  convoy_graph_unref (g);
}

int
main (void)
{
  static const TapTest tests[] = {
    { "it learns, and the best weights are kept", test_learns },
    { "one step by the formulas", test_one_step },
    { "padding leaks nowhere", test_padding },
    { "the same seed and threads give the same bits", test_same_bits },
    { "Dropout is drawn from the seed", test_dropout },
    { "factors of the learning rate, and what is frozen", test_rates_and_freezing },
    { "the learning rate follows its schedule", test_schedule },
    { "patience ends it", test_patience },
    { "a learning rate is found, the weights are put back", test_find_rate },
    { "who is to blame for a loss that is not finite", test_not_finite },
    { "options that are refused", test_refused },
    { "calls that are refused", test_wrong_calls },
    { NULL, NULL }
  };
  return temp_main ("trainer", tests);
}
