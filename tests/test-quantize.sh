#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# test-quantize.sh - `convoy quantize`: the 8-bit network says what the one of floats says, and is there whole or
# not at all.
. "${srcdir:-.}/tests/tap.sh"
tests/make-files "$dir" >/dev/null
small=cifar10-best
mkdir "$dir/some" "$dir/some/below" "$dir/bad" "$dir/none" "$dir/many"
cp "$dir/red.jpg" "$dir/grey.jpg" "$dir/rotated.jpg" "$dir/some"
cp "$dir/red.png" "$dir/dot.png" "$dir/some/below"
for pattern in smpte snow ball pinwheel zone-plate blue; do
  gst-launch-1.0 -q videotestsrc num-buffers=1 pattern=$pattern ! video/x-raw,width=64,height=48 ! pngenc ! filesink location="$dir/some/$pattern.png"
done
echo "no picture" >"$dir/bad/0.jpg"

# top MODEL FILE...: the first label of each.
top () { of=$1; shift; convoy classify --model "$of" --top-k 1 --json "$@" | sed 's/.*"label": "\([^"]*\)".*/\1/'; }

# same WHAT: but for one picture at most, of which two labels may be as likely.
same () {
  test "$(wc -l <"$dir/float")" = "$(wc -l <"$dir/bytes")" && test "$(diff "$dir/float" "$dir/bytes" | grep -c '^<')" -le 1
  result "$1" $?
}

says "a network in 8 bits" 0 "^$dir/8.onnx: 8 of 8 layers in 8 bits, .* by 11 pictures" convoy quantize "$small" --calibrate "$dir/some" --output "$dir/8.onnx"
top "$small" "$dir"/some/*.png >"$dir/float"
top "$dir/8.onnx" "$dir"/some/*.png >"$dir/bytes"
same "says the same, by the same labels"
says "is of weights a byte each" 0 'DequantizeLinear' convoy summary "$dir/8.onnx"
test "$(wc -c <"$dir/8.onnx")" -lt 500000
result "is a quarter as large" $?
if grep -q avx512_vnni /proc/cpuinfo; then
  convoy bench "$dir/8.onnx" --steps >"$dir/out" 2>"$dir/err"
  test "$(grep -c 'us *bytes conv' "$dir/out")" = 8
  result "all its layers run on bytes" $?
else
  skip "all its layers run on bytes" "not on this processor"
fi
says "a scale a layer" 0 '8 of 8 layers' convoy quantize "$small" --calibrate "$dir/some" --per-tensor --pictures 4 -o "$dir/tensor.onnx"
top "$dir/tensor.onnx" "$dir"/some/*.png >"$dir/bytes"
same "says the same, too"

cp "$dir/red.jpg" "$dir/bad/1.jpg"
says "a bad picture is named and passed over" 1 'bad/0.jpg: ' convoy quantize "$small" --calibrate "$dir/bad" -o "$dir/one.onnx"
says "the others serve" 0 'airplane|automobile|bird|cat|deer|dog|frog|horse|ship|truck' convoy classify --model "$dir/one.onnx" "$dir/red.jpg"

# Nothing is written where it fails.
new=$dir/new.onnx
fails "no picture" 1 'none: no picture' convoy quantize "$small" --calibrate "$dir/none" -o "$new"
fails "no folder" 1 '/nowhere: cannot be looked into' convoy quantize "$small" --calibrate "$dir/nowhere" -o "$new"
rm "$dir/bad/1.jpg"
says "no good picture" 1 'none of its pictures could be read' convoy quantize "$small" --calibrate "$dir/bad" -o "$new"
fails "a network that is quantized already" 1 '8.onnx: the network is quantized already' convoy quantize "$dir/8.onnx" --calibrate "$dir/some" -o "$new"
fails "a network without weights" 1 'lenet-5.net: a network without weights' convoy quantize lenet-5 --calibrate "$dir/some" -o "$new"
fails "a network of texts" 1 'no picture' convoy quantize imdb-convnet1d --calibrate "$dir/some" -o "$new"
fails "no such model" 1 'none.onnx: no such file' convoy quantize "$dir/none.onnx" --calibrate "$dir/some" -o "$new"
fails "no model" 2 'no MODEL named' convoy quantize --calibrate "$dir/some" -o "$new"
fails "no folder named" 2 'no --calibrate named' convoy quantize "$small" -o "$new"
fails "no name of a folder" 2 'no --calibrate named' convoy quantize "$small" -c '' -o "$new"
fails "no file named" 2 'no --output named' convoy quantize "$small" --calibrate "$dir/some"
fails "no pictures wanted" 2 'pictures 0 is less than 1' convoy quantize "$small" --calibrate "$dir/some" -o "$new" --pictures 0
fails "where nothing can be written, before pictures are read" 1 'none/x/new.onnx: cannot write' convoy quantize "$small" --calibrate "$dir/bad" -o "$dir/none/x/new.onnx"
fails "a folder in the place of the file" 1 'none: cannot write' convoy quantize "$small" --calibrate "$dir/bad" -o "$dir/none"
cut () { (ulimit -f 100; trap '' XFSZ; convoy quantize "$small" --calibrate "$dir/some" -o "$new"); }
says "a disk that is full" 1 'new.onnx: cannot write' cut

cp "$dir/bad/0.jpg" "$dir/many"
i=1
while test $i -le 500; do ln -s ../red.jpg "$dir/many/$i.jpg"; i=$((i + 1)); done
rm "$dir/err"
convoy quantize "$small" --calibrate "$dir/many" -n 501 -o "$new" >"$dir/out" 2>"$dir/err" &
i=0
while ! test -s "$dir/err" && test $i -lt 200; do sleep 0.1; i=$((i + 1)); done
kill -INT $!
wait $!
test $? = 1 && grep -q interrupted "$dir/err"
result "Ctrl-C ends it" $?
! test -e "$new" && test "$(find "$dir" -name '.new*' | wc -l)" = 0
result "nothing is written in vain" $?

if test -e "$shared/models/models.tsv"; then
  shared=$(cd "$shared" && pwd)
  export CONVOY_MIRROR="$shared/models"
  for model in mobilenet-v1-0.25-224-bn mobilenet-v2-1.0-224; do
    says "$model" 0 ': ([0-9]*) of \1 layers' convoy quantize $model --calibrate "$shared/data/photos" -o "$dir/$model.onnx"
    top $model "$shared"/data/photos/*.jpg >"$dir/float"
    top "$dir/$model.onnx" "$shared"/data/photos/*.jpg >"$dir/bytes"
    same "$model in 8 bits sees the same in photographs"
  done
else
  skip "real networks" "not there"
fi
finish
