#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# check-valgrind.sh - memory that pipelines lose, read or write where it is not theirs, as valgrind sees it. Values that were
# never set are not looked for: what oneDNN compiles for vectors reads them and takes no notice.
. "${srcdir:-.}/tests/tap.sh"
supp=$(cd "${srcdir:-.}" && pwd)/tests/valgrind.supp

if test "$ASAN_OPTIONS"; then
  echo "ok 1 - the sanitizer looks for leaks in this build"
  echo "1..1"
  exit
fi
if ! command -v valgrind >/dev/null; then
  echo "1..0 # SKIP no valgrind"
  exit
fi
model=$(tests/make-files "$dir")
export CONVOY_HOME="$dir/home" G_SLICE=always-malloc G_DEBUG=gc-friendly,fatal-criticals

# clean WHAT STATUS COMMAND...: it ends with the status, and valgrind has no objection.
clean () {
  what=$1 status=$2; shift 2
  valgrind -q --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite --undef-value-errors=no \
    --num-callers=40 --suppressions="$supp" --error-exitcode=99 "$@" >"$dir/out" 2>"$dir/err"
  test $? = "$status"
  result "$what" $?
}
gst () {
  what=$1; shift
  clean "$what" 0 gst-launch-1.0 -q "$@"
}

# Pictures of two classes, one of them damaged: it is skipped.
for class in red green; do
  mkdir -p "$dir/data/$class"
  for i in 1 2 3 4; do
    gst-launch-1.0 -q videotestsrc num-buffers=1 pattern=$class ! video/x-raw,width=48,height=40 ! jpegenc ! filesink location="$dir/data/$class/$i.jpg"
  done
done
cp "$dir"/*.png "$dir/cmyk.jpg" "$dir/rotated.jpg" "$dir/progressive.jpg" "$dir/data/red"
head -c 300 "$dir/data/red/1.jpg" >"$dir/data/red/broken.jpg"
echo "good one" >"$dir/good.txt"
gst-inspect-1.0 convoy >/dev/null     # what is in the registry is not read again below

gst "cnnimagedec, cnnclassify, cnnoverlay" cnndatasetsrc location="$dir/data" split=all epochs=1 ! cnnimagedec resize=cover \
  ! cnnclassify model="$model" workers=2 batch-size=2 ! cnnoverlay ! fakesink sync=false
gst "cnnaugment, cnnextract, cnndatasetsink" cnndatasetsrc location="$dir/data" split=all epochs=1 ! cnnimagedec width=32 height=32 \
  ! cnnaugment flip=horizontal rotate=20 ! cnnextract model="$model" layer=value_1 ! cnndatasetsink location="$dir/features.h5"
gst "cnnhead learns" cnndatasetsrc location="$dir/data" validation-split=0.5 epochs=1 ! cnnimagedec width=8 height=8 \
  ! cnnhead training=true layers="conv2d filters=4 kernel=3 activation=relu ! globalavgpool ! dense units=2 activation=softmax" \
    batch-size=4 save="$dir/learnt.onnx" history="$dir/history.csv" ! fakesink sync=false
gst "cnntokenize" filesrc location="$dir/good.txt" ! cnntokenize ! cnnclassify model="$dir/words.onnx" ! fakesink sync=false
gst "a file that is no picture" filesrc location="$dir/good.txt" ! cnnimagedec ! cnnclassify model="$model" ! fakesink sync=false
clean "convoy classify, with a damaged picture" 1 convoy classify --model "$model" "$dir/data/red/1.jpg" "$dir/data/red/broken.jpg"
finish
