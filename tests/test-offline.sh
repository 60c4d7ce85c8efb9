# SPDX-License-Identifier: LGPL-2.1-or-later
#
# test-offline.sh - with no network and nothing pulled: the list of the zoo, the networks that are bundled,
# every network's summary and every recipe's line.
. "${srcdir:-.}/tests/tap.sh"
tests/make-files "$dir" >/dev/null
unset CONVOY_MIRROR CONVOY_OFFLINE no_proxy
export CONVOY_HOME="$dir/empty"
# Without the rights to take the network away, all of it is led to a port that nobody listens at.
if unshare -rn true 2>/dev/null; then alone='unshare -rn'; else alone=; fi
export http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9

says "the zoo's list" 0 '^cifar10-best +bundled' $alone convoy zoo list
says "a picture by the bundled network" 0 'cifar10-best, which is bundled, serves instead' $alone convoy classify "$dir/red.jpg"
grep -qE '^ +[0-9.]+ %' "$dir/out"
result "has labels" $?
says "a heat map by it" 0 'serves instead' $alone convoy explain "$dir/red.jpg" -o "$dir/heat.png"
test -s "$dir/heat.png"
result "is drawn" $?
for net in "${srcdir:-.}"/zoo/networks/*.net; do
  name=$(basename "$net" .net)
  says "summary of $name" 0 '^Multiplications' $alone convoy summary "$name"
done
for name in $(convoy run --list | cut -d' ' -f1); do
  keys=$(convoy run --help "$name" | awk '/has to be given/ { print $1 "=/none" }')
  # Keys hold no spaces here, so they are left to be split.
  says "the line of $name" 0 '^gst-launch-1.0 ' $alone convoy run --print "$name" $keys
done
fails "a pull says why not" 1 'mobilenetv2-12: ' $alone convoy zoo pull mobilenetv2-12
test -z "$(find "$dir/empty" -name '*.onnx' 2>/dev/null)"
result "and leaves nothing" $?
finish
