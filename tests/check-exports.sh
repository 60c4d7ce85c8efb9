#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# check-exports.sh - libconvoy exports what convoy.h declares, no more and no less; the plugin
# exports what GStreamer looks for, the rest is hidden. Runs in the build tree. Prints TAP.
header=${srcdir:-.}/core/convoy.h
declared=$(mktemp) exported=$(mktemp) || exit 99
trap 'rm -f "$declared" "$exported"' EXIT
n=0

# exports LIBRARY: its own symbols, less those that sanitizers add.
exports () { ${NM:-nm} -D --defined-only "$1" | awk '{print $NF}' | grep -vE '^(__|_init$|_fini$)' | sort -u; }

# result WHAT TEXT: ok when there is no text, which says what is wrong.
result () {
  n=$((n + 1))
  if test -z "$2"; then echo "ok $n - $1"; else echo "not ok $n - $1"; echo "$2" | sed 's/^/# /'; fi
}

sed -n 's/^CONVOY_API .*[ *]\(convoy_[a-z0-9_]*\) (.*/\1/p' "$header" | sort -u >"$declared"
exports core/.libs/libconvoy.so >"$exported"
echo 1..3
result "what convoy.h declares is there" "$(comm -23 "$declared" "$exported")"
result "nothing else is exported" "$(comm -13 "$declared" "$exported")"
result "the plugin exports only its entry" "$(exports plugins/.libs/libgstconvoy.so | grep -vE '^gst_plugin_convoy_(get_desc|register)$')"
