# SPDX-License-Identifier: LGPL-2.1-or-later
#
# tap.sh - what the test scripts share: a folder for their files ($dir), results as TAP. To be sourced.
dir=$(mktemp -d "${TMPDIR:-/tmp}/convoy-XXXXXX") || exit 99
trap 'rm -rf "$dir"' EXIT
shared=${CONVOY_SHARED:-${srcdir:-.}/../shared}
n=0

# result WHAT STATUS: ok when the status is 0; else shows what the last command said.
result () {
  n=$((n + 1))
  if test "$2" = 0; then echo "ok $n - $1"; return; fi
  echo "not ok $n - $1"
  cat "$dir/out" "$dir/err" 2>/dev/null | head -n 20 | sed 's/^/# /'
}

skip () {
  n=$((n + 1))
  echo "ok $n - $1 # SKIP $2"
}

# says WHAT STATUS PATTERN COMMAND...: the command ends with the status and says the pattern (grep -E)
# on either stream.
says () {
  what=$1 status=$2 pattern=$3; shift 3
  "$@" >"$dir/out" 2>"$dir/err"
  got=$?
  test $got = "$status" || echo "# status $got, not $status"
  test $got = "$status" && cat "$dir/out" "$dir/err" | grep -qE -e "$pattern"
  result "$what" $?
}

# fails WHAT STATUS PATTERN COMMAND...: the same, and what it says to stderr is one line.
fails () {
  what=$1 status=$2 pattern=$3; shift 3
  "$@" >"$dir/out" 2>"$dir/err"
  got=$?
  test $got = "$status" || echo "# status $got, not $status"
  test $got = "$status" && test "$(wc -l <"$dir/err")" = 1 && grep -qE -e "$pattern" "$dir/err"
  result "$what" $?
}

# holds WHAT COMMAND...: the command succeeds.
holds () {
  what=$1; shift
  "$@" >"$dir/out" 2>"$dir/err"
  result "$what" $?
}

# picture FILE ELEMENTS...: a test picture that the elements make a file of.
picture () {
  file=$1; shift
  gst-launch-1.0 -q videotestsrc num-buffers=1 pattern=red ! video/x-raw,width=64,height=48 ! "$@" ! filesink location="$file"
}

finish () {
  echo "1..$n"
}
