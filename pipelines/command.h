/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * command.h - what the subcommands of `convoy` share: the row of the table, options, models, Ctrl-C. */
#ifndef CONVOY_COMMAND_H
#define CONVOY_COMMAND_H

#include <glib.h>

G_BEGIN_DECLS

enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2 };

/* A subcommand is one file with one of these, and one row in convoy.c. */
typedef struct {
  const char *name, *args, *about;
  int (*run) (int argc, char **argv);   /* argv[0] is the subcommand; gives the exit status */
} Command;

extern const Command command_bench, command_classify, command_evaluate, command_explain, command_export, command_plot, command_quantize, command_rate,
  command_run, command_summary, command_zoo;

/* Parses the options; what is left is argv[1..]. FALSE: the usage was wrong, and that was said. */
gboolean command_parse (const Command *c, const GOptionEntry *options, const char *more, int *argc, char ***argv);

/* "convoy classify: FORMAT, see `convoy classify --help`" to stderr; gives STATUS_USAGE. */
int command_usage (const Command *c, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* Whether the value of "--batch" or the like lies within the two; if not, says so by command_usage(). */
gboolean command_within (const Command *c, const char *option, int value, int least, int most);

/* "convoy: MESSAGE" to stderr; frees the error, gives STATUS_FAILED. */
int command_failed (GError *error);

/* From now on Ctrl-C and SIGTERM set a flag; a second one kills. */
void command_catch_interrupt (void);
gboolean command_interrupted (void);

/* The path of a model; one that the zoo knows is pulled when it is not here. */
char *command_model (const char *name_or_path, GError **error);

/* The same for whoever takes a name: gives it back once the model is here. In place of a default
 * that cannot be had it gives what the zoo has bundled for that case, and says so. */
char *command_zoo_name (const char *name, gboolean is_default, GError **error);

/* ZooProgress on stderr: a bar on a terminal, a line in a log. */
gboolean command_progress (void *unused, const char *name, guint64 done, guint64 total);

G_END_DECLS
#endif
