#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# check-data.sh - published facts of CIFAR-10 and MNIST, as the reader sees them: from $CONVOY_DATA,
# or unpacked from $CONVOY_SHARED, or from shared/ beside the source tree. Prints TAP.
shared=${CONVOY_SHARED:-${srcdir:-.}/../shared}
if test -z "$CONVOY_DATA"; then
  CONVOY_DATA=$(mktemp -d) || exit 99
  trap 'rm -rf "$CONVOY_DATA"' EXIT
  if ! "$shared/data/unpack" "$CONVOY_DATA" cifar10 mnist >"$CONVOY_DATA/log" 2>&1; then
    echo "1..0 # SKIP no data: $(tail -n 1 "$CONVOY_DATA/log")"
    exit 0
  fi
fi
export CONVOY_DATA
tests/test-data
