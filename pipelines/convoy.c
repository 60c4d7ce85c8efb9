/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * convoy.c - the command: a table of subcommands, --help and --version. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "core/convoy.h"
#include "pipelines/command.h"
#include <gst/gst.h>
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

static const Command *const commands[] = {
  &command_classify, &command_run, &command_summary, &command_zoo, &command_evaluate, &command_explain, &command_bench, &command_plot, &command_rate, &command_export, &command_quantize,
};

static void
print_help (FILE *out)
{
  fprintf (out, "Usage: convoy COMMAND [OPTION...] [ARGUMENT...]\n\nClassifies pictures with convolutional networks.\n\n");
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    fprintf (out, "  %-10s%s\n", commands[i]->name, commands[i]->about);
  fprintf (out, "\n`convoy COMMAND --help` has the options of a command, `man convoy` all of them.\n"
      "`convoy --version` names the versions of what works here.\n");
}

static void
print_version (void)
{
  guint major, minor, micro, nano;
  gst_version (&major, &minor, &micro, &nano);
  printf ("convoy %s\n%s\nGStreamer %u.%u.%u\n", convoy_version (), convoy_engine_version (), major, minor, micro);
}

/* What could not be printed is no success. */
static int
end (int status)
{
  if (fflush (stdout) == 0 && !ferror (stdout))
    return status;
  fprintf (stderr, "convoy: standard output: %s\n", g_strerror (errno));
  return status ? status : STATUS_FAILED;
}

int
main (int argc, char **argv)
{
  const char *name = argc > 1 ? argv[1] : NULL;

  setlocale (LC_CTYPE, "");
  if (!name) {
    print_help (stderr);
    return STATUS_USAGE;
  }
  if (!strcmp (name, "--help") || !strcmp (name, "-h") || !strcmp (name, "help")) {
    print_help (stdout);
    return STATUS_OK;
  }
  if (!strcmp (name, "--version")) {
    print_version ();
    return STATUS_OK;
  }
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    if (!strcmp (name, commands[i]->name))
      return end (commands[i]->run (argc - 1, argv + 1));
  const char *names[G_N_ELEMENTS (commands)];
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    names[i] = commands[i]->name;
  g_autofree char *near = convoy_nearest (name, names, G_N_ELEMENTS (names), 1);
  fprintf (stderr, "convoy: no command called %s, the nearest is %s; see `convoy --help`\n", name, near);
  return STATUS_USAGE;
}
