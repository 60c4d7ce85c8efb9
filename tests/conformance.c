/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * conformance.c - runs ONNX test cases, each in a process of its own with limits on time and
 * memory, so that a crash or a hang is a line of the result: a line a case, a table by operator,
 * and last `N passed, N refused, N wrong, N crashed`. */
#include "tests/conformance.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED TRUE          /* address space is not memory then: what was resident is looked at afterwards */
const char *__asan_default_options (void) __attribute__ ((visibility ("default")));

/* Too much memory is refused as it is without the sanitizer. */
const char *
__asan_default_options (void)
{
  return "allocator_may_return_null=1";
}
#else
#define SANITIZED FALSE
#endif
#define MESSAGE_MAX 4000

static struct {
  char *tier, *only, *models;
  int seconds, megabytes;       /* limits of a case; 0: as its kind has them */
  gboolean verbose, quiet, export, no_fuse;
  char **paths;
} opt;

typedef struct {
  Verdict verdict;
  char *message;
  double seconds;
  long megabytes;               /* resident at most */
} Outcome;

static const char *const verdict_words[] = { "ok", "refused", "WRONG", "CRASHED" };

/* --- one case --------------------------------------------------------- */

static void
limit (int resource, gint64 most)
{
  struct rlimit r = { most, most };
  setrlimit (resource, &r);
}

static G_GNUC_NORETURN void
child (const Case *c, gint64 megabytes, int fd)
{
  char *message = NULL;
  limit (RLIMIT_CORE, 0);
  if (!SANITIZED)
    limit (RLIMIT_AS, megabytes << 20);
  char verdict = case_run (c, &(RunOptions) { opt.export, opt.no_fuse }, &message);
  gsize n = MIN (strlen (message), MESSAGE_MAX);
  gboolean ok = write (fd, &verdict, 1) == 1 && write (fd, message, n) == (gssize) n;
  g_free (message);
  close (fd);
  exit (ok ? 0 : 99);           /* not _exit(): a leak checker may have a say */
}

/* What the child writes until it closes the pipe; FALSE: it did not in time. */
static gboolean
receive (int fd, gint64 deadline, GString *into)
{
  char buffer[1024];
  while (TRUE) {
    gint64 left = deadline - g_get_monotonic_time ();
    struct pollfd p = { fd, POLLIN, 0 };
    int ready = left > 0 ? poll (&p, 1, left / 1000 + 1) : 0;
    if (ready == 0)
      return FALSE;
    gssize n = ready > 0 ? read (fd, buffer, sizeof buffer) : -1;
    if (n > 0)
      g_string_append_len (into, buffer, n);
    else if (n == 0 || errno != EINTR)
      return TRUE;
  }
}

/* How a child that gave no verdict ended; NULL: it ended well. */
static char *
death (int status, gboolean in_time, int seconds, const struct rusage *usage, gint64 megabytes)
{
  if (!in_time)
    return g_strdup_printf ("took more than %d s", seconds);
  if (WIFSIGNALED (status))
    return g_strdup_printf ("signal %d, %s", WTERMSIG (status), g_strsignal (WTERMSIG (status)));
  if (WEXITSTATUS (status) != 0)
    return g_strdup_printf ("exit status %d", WEXITSTATUS (status));
  if (usage->ru_maxrss >> 10 > megabytes)
    return g_strdup_printf ("took %ld MB of memory", usage->ru_maxrss >> 10);
  return NULL;
}

static Outcome
run (const Case *c)
{
  gboolean broken = c->expect != EXPECT_OUTPUT;
  int seconds = opt.seconds ? opt.seconds : broken ? 2 : 60, fds[2], status = 0;
  gint64 megabytes = opt.megabytes ? opt.megabytes : broken ? 512 : 8192, start = g_get_monotonic_time ();
  struct rusage usage;
  g_autoptr (GString) text = g_string_new (NULL);
  fflush (stdout);
  if (pipe (fds) != 0)
    g_error ("pipe: %s", g_strerror (errno));
  pid_t pid = fork ();
  if (pid < 0)
    g_error ("fork: %s", g_strerror (errno));
  if (pid == 0) {
    close (fds[0]);
    child (c, megabytes, fds[1]);
  }
  close (fds[1]);
  gboolean in_time = receive (fds[0], start + seconds * G_USEC_PER_SEC, text);
  if (!in_time)
    kill (pid, SIGKILL);
  close (fds[0]);
  wait4 (pid, &status, 0, &usage);
  Outcome o = { VERDICT_CRASHED, death (status, in_time, seconds, &usage, megabytes), (g_get_monotonic_time () - start) / 1e6, usage.ru_maxrss >> 10 };
  if (o.message == NULL && text->len > 0) {
    o.verdict = CLAMP (text->str[0], 0, (int) N_VERDICTS - 1);
    o.message = g_strdup (text->str + 1);
  }
  return o;
}

static void
print_case (const Case *c, const Outcome *o)
{
  if (opt.quiet && o->verdict == VERDICT_PASSED)
    return;
  printf ("%s: %s", c->name, verdict_words[o->verdict]);
  if (o->message && *o->message && (o->verdict != VERDICT_PASSED || opt.verbose))
    printf (": %s", o->message);
  if (opt.verbose)
    printf (" (%.2f s, %ld MB)", o->seconds, o->megabytes);
  putchar ('\n');
}

/* --- the table -------------------------------------------------------- */

typedef struct {
  char *op;
  guint count[N_VERDICTS];
} Row;

static int
by_op (gconstpointer a, gconstpointer b)
{
  return strcmp (((const Row *) a)->op, ((const Row *) b)->op);
}

static void
count (GArray *table, const char *op, Verdict v)
{
  for (guint i = 0; i < table->len; i++)
    if (strcmp (g_array_index (table, Row, i).op, op) == 0) {
      g_array_index (table, Row, i).count[v]++;
      return;
    }
  Row row = { .op = g_strdup (op) };
  row.count[v]++;
  g_array_append_val (table, row);
}

/* Prints and frees it; TRUE: nothing wrong or crashed. */
static gboolean
print_table (GArray *table)
{
  guint all[N_VERDICTS] = { 0 };
  g_array_sort (table, by_op);
  printf ("\n%-28s %8s %8s %8s %8s\n", "operator", "passed", "refused", "wrong", "crashed");
  for (guint i = 0; i < table->len; i++) {
    Row *r = &g_array_index (table, Row, i);
    printf ("%-28s %8u %8u %8u %8u\n", r->op, r->count[0], r->count[1], r->count[2], r->count[3]);
    for (guint v = 0; v < N_VERDICTS; v++)
      all[v] += r->count[v];
    g_free (r->op);
  }
  g_array_unref (table);
  printf ("\n%u passed, %u refused, %u wrong, %u crashed\n", all[VERDICT_PASSED], all[VERDICT_REFUSED], all[VERDICT_WRONG], all[VERDICT_CRASHED]);
  return all[VERDICT_WRONG] + all[VERDICT_CRASHED] == 0;
}

static gboolean
selected (const Case *c)
{
  return (opt.tier == NULL || *c->tier == '\0' || strcmp (opt.tier, c->tier) == 0) && (opt.only == NULL || g_pattern_match_simple (opt.only, c->name));
}

static void
remove_folder (gpointer path)
{
  const char *argv[] = { "rm", "-rf", "--", path, NULL };
  g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
  g_free (path);
}

static int
parse_options (int argc, char **argv)
{
  const GOptionEntry entries[] = {
    { "tier", 0, 0, G_OPTION_ARG_STRING, &opt.tier, "only cases of this tier", "core|ext" },
    { "only", 0, 0, G_OPTION_ARG_STRING, &opt.only, "only cases whose name matches", "GLOB" },
    { "models", 0, 0, G_OPTION_ARG_FILENAME, &opt.models, "where the networks of recorded vectors are (beside the archive)", "FOLDER" },
    { "seconds", 0, 0, G_OPTION_ARG_INT, &opt.seconds, "time limit of a case (60, broken files 2)", "N" },
    { "memory", 0, 0, G_OPTION_ARG_INT, &opt.megabytes, "memory limit of a case (8192, broken files 512)", "MB" },
    { "export", 0, 0, G_OPTION_ARG_NONE, &opt.export, "save each model and run what was saved", NULL },
    { "no-fuse", 0, 0, G_OPTION_ARG_NONE, &opt.no_fuse, "make every node a step of its own", NULL },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &opt.quiet, "no line for a case that passed", NULL },
    { "verbose", 'v', 0, G_OPTION_ARG_NONE, &opt.verbose, "time, memory, and why a broken file was rejected", NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &opt.paths, NULL, "ARCHIVE-OR-FOLDER..." },
    { 0 },
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_option_context_add_main_entries (context, entries, NULL);
  if (g_option_context_parse (context, &argc, &argv, &error) && opt.paths)
    return 0;
  fprintf (stderr, "conformance: %s\n", error ? error->message : "no archive or folder is given");
  return 2;
}

int
main (int argc, char **argv)
{
  int status = parse_options (argc, argv);
  g_autoptr (GPtrArray) cases = cases_new (), temps = g_ptr_array_new_with_free_func (remove_folder);
  g_autoptr (GError) error = NULL;
  for (char **path = opt.paths; status == 0 && *path; path++)
    if (!cases_find (*path, opt.models, cases, temps, &error)) {
      fprintf (stderr, "conformance: %s\n", error->message);
      status = 2;
    }
  if (status != 0)
    return status;
  GArray *table = g_array_new (FALSE, FALSE, sizeof (Row));
  for (guint i = 0; i < cases->len; i++) {
    const Case *c = cases->pdata[i];
    if (!selected (c))
      continue;
    Outcome o = run (c);
    print_case (c, &o);
    count (table, c->op, o.verdict);
    g_free (o.message);
  }
  return print_table (table) ? 0 : 1;
}
