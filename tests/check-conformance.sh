#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# check-conformance.sh - ONNX's own test cases, recorded outputs of real networks, and broken files,
# as far as they are there: in $CONVOY_SHARED, or in shared/ beside the source tree. Prints TAP.
shared=${CONVOY_SHARED:-${srcdir:-.}/../shared}
out=$(mktemp) || exit 99
trap 'rm -f "$out"' EXIT
n=0

# cases LEAST WHAT ARGUMENT...: that many must pass, and none may be wrong or crash.
cases () {
  least=$1 what=$2; shift 2
  n=$((n + 1))
  for last; do :; done
  if ! test -e "$last"; then echo "ok $n - $what # SKIP not there"; return; fi
  verdict=ok
  tests/conformance --quiet "$@" >"$out" 2>&1 || verdict='not ok'
  passed=$(sed -n '$s/ passed, .*//p' "$out")
  test "${passed:-0}" -ge "$least" || verdict='not ok'
  sed 's/^/# /' "$out"
  echo "$verdict $n - $what: $(tail -n 1 "$out"), at least $least wanted"
}

# Sanitizers slow the reading of 100,000 nodes down about tenfold: the limits of the runner are for a plain build.
patience=
if test "$ASAN_OPTIONS"; then patience='--seconds=30'; fi

echo 1..7
cases 94 "broken files" $patience "$shared/conformance/onnx-malformed-dev.tar.xz"
cases 4 "whole networks" "$shared/conformance/onnx-net-dev.tar.xz"
cases 4 "whole networks, exported again" --export "$shared/conformance/onnx-net-dev.tar.xz"
cases 19 "recorded outputs" "$shared/models/vectors.tar.xz"
cases 1 "MNIST" "$shared/models/small/mnist_8"
cases 721 "operators, newest versions" "$shared/conformance/onnx-node-dev.tar.xz"
cases 606 "operators, older versions" "$shared/conformance/onnx-legacy-dev.tar.xz"
