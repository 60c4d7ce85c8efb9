#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# check-conformance.sh - ONNX's own test cases, recorded outputs of real networks, and broken files,
# as far as they are there: in $CONVOY_SHARED, or in shared/ beside the source tree. Prints TAP.
shared=${CONVOY_SHARED:-${srcdir:-.}/../shared}
out=$(mktemp) || exit 99
trap 'rm -f "$out"' EXIT
n=0

# cases STRICT WHAT ARGUMENT...: with STRICT=all every case must pass, with STRICT=some a case may be refused.
cases () {
  strict=$1 what=$2; shift 2
  n=$((n + 1))
  for last; do :; done
  if ! test -e "$last"; then echo "ok $n - $what # SKIP not there"; return; fi
  verdict=ok
  tests/conformance --quiet "$@" >"$out" 2>&1 || verdict='not ok'
  case $strict,$(tail -n 1 "$out") in
    all,*' passed, 0 refused, '* | some,*' passed, '*) ;;
    *) verdict='not ok' ;;
  esac
  sed 's/^/# /' "$out"
  echo "$verdict $n - $what: $(tail -n 1 "$out")"
}

echo 1..7
cases all "broken files" "$shared/conformance/onnx-malformed-dev.tar.xz"
cases all "whole networks" "$shared/conformance/onnx-net-dev.tar.xz"
cases all "whole networks, exported again" --export "$shared/conformance/onnx-net-dev.tar.xz"
cases all "recorded outputs" "$shared/models/vectors.tar.xz"
cases all "MNIST" "$shared/models/small/mnist_8"
cases some "operators, newest versions" "$shared/conformance/onnx-node-dev.tar.xz"
cases some "operators, older versions" "$shared/conformance/onnx-legacy-dev.tar.xz"
