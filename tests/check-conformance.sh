#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# check-conformance.sh - ONNX's own test cases, recorded outputs of real networks, and broken files,
# as far as they are there: in $CONVOY_SHARED, or in shared/ beside the source tree. Every operator
# must have a forward case that passes, here or in test-operators. Prints TAP.
shared=${CONVOY_SHARED:-${srcdir:-.}/../shared}
out=$(mktemp) tested=$(mktemp) || exit 99
trap 'rm -f "$out" "$tested"' EXIT
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
  awk '$2 > 0 && NF == 5 { print $1 }' "$out" >>"$tested"       # by operator: passed, refused, wrong, crashed
  echo "$verdict $n - $what: $(tail -n 1 "$out"), at least $least wanted"
}

# Sanitizers slow the reading of 100,000 nodes down about tenfold: the limits of the runner are for a plain build.
patience=
if test "$ASAN_OPTIONS"; then patience='--seconds=30'; fi

echo 1..8
cases 94 "broken files" $patience "$shared/conformance/onnx-malformed-dev.tar.xz"
cases 4 "whole networks" "$shared/conformance/onnx-net-dev.tar.xz"
cases 4 "whole networks, exported again" --export "$shared/conformance/onnx-net-dev.tar.xz"
cases 19 "recorded outputs" "$shared/models/vectors.tar.xz"
cases 1 "MNIST" "$shared/models/small/mnist_8"
cases 721 "operators, newest versions" "$shared/conformance/onnx-node-dev.tar.xz"
cases 606 "operators, older versions" "$shared/conformance/onnx-legacy-dev.tar.xz"

n=$((n + 1))
if test -s "$tested"; then
  tests/test-operators >"$out"
  sed -n 's/^# forward //p' "$out" >>"$tested"
  left=$(sed -n 's/^# operator //p' "$out" | grep -vxFf "$tested")
  test -z "$left" && echo "ok $n - every operator has a forward case" || echo "not ok $n - without a forward case:" $left
else
  echo "ok $n - every operator has a forward case # SKIP not there"
fi
