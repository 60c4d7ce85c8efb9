#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# check-installed.sh - builds and runs a program against what `make install` installed, as
# pkg-config describes it, and asks GStreamer for the plugin: LIBDIR PKGCONFIGDIR PLUGINDIR.
set -e
libdir=$1 PKG_CONFIG_PATH=$2:$PKG_CONFIG_PATH GST_PLUGIN_PATH=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
LD_LIBRARY_PATH=$libdir:$LD_LIBRARY_PATH GST_REGISTRY=$work/registry.bin
export PKG_CONFIG_PATH LD_LIBRARY_PATH GST_PLUGIN_PATH GST_REGISTRY

cat >"$work/use.c" <<'C'
#include <convoy.h>
#include <string.h>

int
main (int n, char **args)
{
  return n != 2 || strcmp (convoy_version (), args[1]) != 0;
}
C
$CC -Wall -Werror -o "$work/use" "$work/use.c" $($PKG_CONFIG --cflags --libs convoy)
"$work/use" "$($PKG_CONFIG --modversion convoy)"
$PKG_CONFIG --libs --static convoy >/dev/null
gst-inspect-1.0 convoy >/dev/null
