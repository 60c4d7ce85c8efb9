/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-resume.c - training that was killed, stopped, or out of disk goes on from its checkpoint and
 * ends bit for bit where it would have ended; what is no checkpoint of it is refused. */
#include "tests/temp-files.h"
#include "tests/trainer-tools.h"
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NET_OF(filters, function) \
  "conv2d filters=" filters " kernel=3 padding=same name=conv ! batchnorm ! activation " function " ! maxpool pool=2 ! flatten ! dropout rate=0.2 ! " \
  "dense units=3 activation=softmax name=out"
#define NET NET_OF ("4", "relu")
#define EPOCHS 4
#define SAMPLES 150             /* ten batches, the last of six */

typedef struct {
  ConvoyGraph *graph;
  ConvoyTrainer *trainer;
  ConvoyDataset *data, *rest;
  ConvoyBatches *train, *validation;
} Run;

/* Everything that a process of its own would make anew. */
static gboolean
run_init (Run *r, const char *net, const ConvoyTrainOptions *o, GError **error)
{
  ConvoyShape sample = CONVOY_SHAPE (3, 6, 6);
  ConvoyTrainOptions options = *o;
  options.epochs = o->epochs ? o->epochs : EPOCHS;
  options.batch = 16;
  options.optimizer = o->optimizer ? o->optimizer : "adam lr=0.003";
  *r = (Run) { .graph = tools_net (net, CONVOY_SHAPE (1, 3, 6, 6)),
    .data = tools_blobs (SAMPLES, sample),
    .rest = tools_blobs (40, sample) };
  r->train = tools_batches (r->data, 16, 11);
  r->validation = tools_batches (r->rest, 16, 0);
  r->trainer = convoy_trainer_new (r->graph, &options, error);
  return r->trainer != NULL;
}

static void
run_clear (Run *r)
{
  convoy_trainer_free (r->trainer);
  convoy_batches_free (r->train);
  convoy_batches_free (r->validation);
  convoy_dataset_unref (r->data);
  convoy_dataset_unref (r->rest);
  convoy_graph_unref (r->graph);
}

static gboolean
run_fit (Run *r, GError **error)
{
  return convoy_trainer_fit (r->trainer, r->train, r->validation, error);
}

/* Ends as it ended without interruption: history and weights. The first to ask sets the standard. */
static void
ends_alike (Run *r)
{
  static char *weights;
  static Run whole;
  if (weights == NULL) {
    CU_ASSERT_TRUE_FATAL (run_init (&whole, NET, &(ConvoyTrainOptions) { 0 }, NULL) && run_fit (&whole, NULL));
    weights = tools_weights (whole.trainer);
  }
  g_autofree char *mine = tools_weights (r->trainer);
  CU_ASSERT_STRING_EQUAL (mine, weights);
  CU_ASSERT_TRUE (tools_same_history (convoy_trainer_history (r->trainer), convoy_trainer_history (whole.trainer)));
  CU_ASSERT_EQUAL (convoy_history_len (convoy_trainer_history (r->trainer)), EPOCHS);
}

/* --- killed --------------------------------------------------------------- */

/* Kills itself after so many batches, training and validation counted alike. */
static gboolean
kill_at (void *user, const ConvoyProgress *p)
{
  guint *left = user;
  (void) p;
  if ((*left)-- == 0)
    kill (getpid (), SIGKILL);
  return TRUE;
}

/* Runs the training in processes that are killed one after the other, then to its end here. */
static void
killed (const char *path, guint checkpoint_steps, guint after, guint times)
{
  ConvoyTrainOptions o = { .checkpoint = path, .checkpoint_steps = checkpoint_steps, .resume = TRUE };
  GError *error = NULL;
  Run r;
  for (guint i = 0; i < times; i++) {
    fflush (stdout);
    pid_t child = fork ();
    if (child == 0) {
      guint left = after;
      o.progress = kill_at;
      o.user = &left;
      _exit (run_init (&r, NET, &o, NULL) && run_fit (&r, NULL) ? 0 : 1);
    }
    int status = 0;
    waitpid (child, &status, 0);
    CU_ASSERT_TRUE ((WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL) || (WIFEXITED (status) && WEXITSTATUS (status) == 0));
  }
  gboolean ok = run_init (&r, NET, &o, &error) && run_fit (&r, &error);
  if (!ok)
    printf ("# %s\n", error->message);
  CU_ASSERT_TRUE_FATAL (ok);
  ends_alike (&r);
  run_clear (&r);
}

static void
test_killed_between (void)
{
  killed (temp_path ("epochs.h5"), 0, 5, 1);    /* before there is a checkpoint */
  killed (temp_path ("epochs.h5"), 0, 0, 1);    /* of a run that is complete */
  killed (temp_path ("second.h5"), 0, 17, 2);   /* in the second epoch, twice: in its training and validation */
}

static void
test_killed_within (void)
{
  static const guint after[] = { 3, 9, 10, 12, 14, 23 };        /* 10 steps and 3 validations make an epoch */
  for (guint i = 0; i < G_N_ELEMENTS (after); i++) {
    g_autofree char *name = g_strdup_printf ("within%u.h5", i);
    killed (temp_path (name), 2, after[i], 3);
  }
}

/* At any moment, in the middle of a step or of writing. */
static void
test_killed_anywhere (void)
{
  const char *path = temp_path ("anywhere.h5");
  ConvoyTrainOptions o = { .checkpoint = path, .checkpoint_steps = 1, .resume = TRUE };
  Run r;
  for (guint i = 0; i < 12; i++) {
    fflush (stdout);
    pid_t child = fork ();
    if (child == 0)
      _exit (run_init (&r, NET, &o, NULL) && run_fit (&r, NULL) ? 0 : 1);
    g_usleep (20000 + i * 7919 % 60000);
    kill (child, SIGKILL);
    int status = 0;
    waitpid (child, &status, 0);
    CU_ASSERT_TRUE (WIFSIGNALED (status) || WEXITSTATUS (status) == 0);
  }
  CU_ASSERT_TRUE_FATAL (run_init (&r, NET, &o, NULL) && run_fit (&r, NULL));
  ends_alike (&r);
  run_clear (&r);
}

/* --- stopped --------------------------------------------------------------- */

static gboolean
stop_at (void *user, const ConvoyProgress *p)
{
  guint *left = user;
  (void) p;
  return (*left)-- > 0;
}

static void
test_stopped (void)
{
  static const guint after[] = { 0, 7, 11, 20 };
  for (guint i = 0; i < G_N_ELEMENTS (after); i++) {
    g_autofree char *name = g_strdup_printf ("stopped%u.h5", i);
    const char *path = temp_path (name);
    guint left = after[i], epoch;
    guint64 steps;
    GError *error = NULL;
    Run r;
    CU_ASSERT_TRUE_FATAL (run_init (&r, NET, &(ConvoyTrainOptions) { .checkpoint = path, .progress = stop_at, .user = &left }, NULL));
    CU_ASSERT_FALSE (run_fit (&r, &error));
    CU_ASSERT_TRUE (g_error_matches (error, CONVOY_ERROR, CONVOY_ERROR_CANCELLED));
    temp_check_error (error, "training was stopped in epoch", "steps");
    run_clear (&r);
    CU_ASSERT_TRUE_FATAL (run_init (&r, NET, &(ConvoyTrainOptions) { .checkpoint = path, .resume = TRUE }, NULL));
    convoy_trainer_position (r.trainer, &epoch, &steps);
    CU_ASSERT_EQUAL (epoch, after[i] / 13 + 1);
    CU_ASSERT_EQUAL (steps, MIN (after[i] % 13 + 1, 10));
    CU_ASSERT_TRUE_FATAL (run_fit (&r, NULL));
    ends_alike (&r);
    run_clear (&r);
  }
}

/* More epochs than were first asked for. */
static void
test_more_epochs (void)
{
  const char *path = temp_path ("more.h5");
  Run r;
  CU_ASSERT_TRUE_FATAL (run_init (&r, NET, &(ConvoyTrainOptions) { .checkpoint = path, .epochs = 2 }, NULL) && run_fit (&r, NULL));
  run_clear (&r);
  CU_ASSERT_TRUE_FATAL (run_init (&r, NET, &(ConvoyTrainOptions) { .checkpoint = path, .resume = TRUE }, NULL) && run_fit (&r, NULL));
  ends_alike (&r);
  run_clear (&r);
}

/* --- refused ---------------------------------------------------------------- */

static const char *
finished (const char *name)
{
  const char *path = temp_path (name);
  Run r;
  CU_ASSERT_TRUE_FATAL (run_init (&r, NET, &(ConvoyTrainOptions) { .checkpoint = path, .epochs = 1, .dataset = "blobs" }, NULL)
      && run_fit (&r, NULL));
  run_clear (&r);
  return path;
}

static void
refused (const char *net, ConvoyTrainOptions o, const char *path, const char *says)
{
  GError *error = NULL;
  Run r;
  o.checkpoint = path;
  o.resume = TRUE;
  CU_ASSERT_FALSE (run_init (&r, net, &o, &error));
  temp_check_error (error, path, says);
  run_clear (&r);
}

static void
test_refused (void)
{
  const char *path = finished ("refused.h5");
  g_autofree char *bytes = NULL;
  gsize n;
  refused (NET_OF ("5", "relu"), (ConvoyTrainOptions) { .dataset = "blobs" }, path, "is of other training, its network is");
  refused (NET_OF ("4", "elu"), (ConvoyTrainOptions) { .dataset = "blobs" }, path, "is of other training, its network is");
  refused (NET, (ConvoyTrainOptions) { .dataset = "blobs2" }, path, "its data is \"blobs\", not \"blobs2\"");
  refused (NET, (ConvoyTrainOptions) { .dataset = "blobs", .optimizer = "sgd" }, path, "its optimizer is \"adam");
  refused (NET, (ConvoyTrainOptions) { .dataset = "blobs", .seed = 3 }, path, "its seed is \"0\", not \"3\"");
  CU_ASSERT_TRUE_FATAL (g_file_get_contents (path, &bytes, &n, NULL));
  bytes[n / 2] ^= 4;
  refused (NET, (ConvoyTrainOptions) { .dataset = "blobs" }, temp_write ("flipped.h5", bytes, n), "damaged: its checksum does not match");
  refused (NET, (ConvoyTrainOptions) { .dataset = "blobs" }, temp_write ("short.h5", bytes, n / 3), "damaged");
  refused (NET, (ConvoyTrainOptions) { .dataset = "blobs" }, temp_write ("text.h5", "hello", -1), "not a checkpoint");
}

/* --- no room ------------------------------------------------------------------ */

static Run full;

static void
save_without_room (void)
{
  GError *error = NULL;
  CU_ASSERT_FALSE (run_fit (&full, &error));
  temp_check_error (error, "full.h5: cannot write", "File too large");
}

/* The epochs that there is room for stay; with room again it goes on. */
static void
test_no_room (void)
{
  const char *path = finished ("full.h5");
  g_autofree char *before = NULL, *after = NULL;
  gsize n, m;
  ConvoyTrainOptions o = { .checkpoint = path, .resume = TRUE, .dataset = "blobs" };
  CU_ASSERT_TRUE_FATAL (g_file_get_contents (path, &before, &n, NULL) && run_init (&full, NET, &o, NULL));
  temp_with_full_disk (2000, save_without_room);
  run_clear (&full);
  CU_ASSERT_TRUE_FATAL (g_file_get_contents (path, &after, &m, NULL));
  CU_ASSERT_TRUE (n == m && memcmp (before, after, n) == 0);
  CU_ASSERT_TRUE_FATAL (run_init (&full, NET, &o, NULL) && run_fit (&full, NULL));
  ends_alike (&full);
  run_clear (&full);
}

static void
test_no_folder (void)
{
  g_autofree char *path = g_build_filename (temp_path ("nowhere"), "c.h5", NULL);
  GError *error = NULL;
  Run r;
  CU_ASSERT_TRUE_FATAL (run_init (&r, NET, &(ConvoyTrainOptions) { .checkpoint = path, .resume = TRUE }, NULL));
  CU_ASSERT_FALSE (run_fit (&r, &error));
  temp_check_error (error, "nowhere/c.h5: cannot write", "No such file or directory");
  CU_ASSERT_EQUAL (convoy_history_len (convoy_trainer_history (r.trainer)), 1);
  run_clear (&r);
}

int
main (void)
{
  static const TapTest tests[] = {
    { "killed between checkpoints", test_killed_between },
    { "killed within an epoch", test_killed_within },
    { "killed anywhere", test_killed_anywhere },
    { "stopped by the callback", test_stopped },
    { "more epochs than before", test_more_epochs },
    { "what is not its checkpoint is refused", test_refused },
    { "a full disk leaves the checkpoint", test_no_room },
    { "a folder that is not there", test_no_folder },
    { NULL, NULL }
  };
  return temp_main ("resume", tests);
}
