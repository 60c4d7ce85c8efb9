# SPDX-License-Identifier: LGPL-2.1-or-later
#
# test-explain.sh - `convoy explain`: the pictures it makes can be decoded, and what it cannot explain
# is told in a line.
. "${srcdir:-.}/tests/tap.sh"
tests/make-files "$dir" >/dev/null
red=$dir/red.jpg small=cifar10-best
explain () { (cd "$dir" && convoy explain "$@"); }
PATH=$PWD/pipelines:$PATH

# decodes FILE ELEMENT WIDTH HEIGHT: it is a picture of that size.
decodes () {
  gst-launch-1.0 -v filesrc location="$dir/$1" ! "$2" ! fakesink 2>"$dir/err" >"$dir/out" &&
    grep -q "width=(int)$3, height=(int)$4" "$dir/out"
  result "$1 is a picture of $3x$4" $?
}

says "a heat map" 0 '^red-heat.png: [0-9.]+ %  [a-z]+  \(layer ' explain -m "$small" "$red"
decodes red-heat.png pngdec 640 510
says "of a class, as JPEG" 0 '^cat.jpg: [0-9.]+ %  cat ' explain -m "$small" --class cat -o cat.jpg "$red"
decodes cat.jpg jpegdec 640 510
says "of a class by its number" 0 '%  airplane ' explain -m "$small" --class 0 -o zero.svg "$red"
says "is an SVG when asked for" 0 '^<\?xml' head -n 1 "$dir/zero.svg"
says "of a small picture" 0 '^dot-heat.png' explain -m "$small" "$dir/dot.png"
says "filters" 0 "^$small-filters.png: filters of the first convolution, 32x3x3x3" explain -m "$small" --filters
decodes "$small-filters.png" pngdec 460 490
says "what a layer answers" 0 '^red-maps.png: .*maps' explain -m "$small" --activations last-conv "$red"

fails "what is no picture" 1 'words.onnx: neither JPEG nor PNG' explain -m "$small" "$dir/words.onnx"
fails "no such picture" 1 'none.jpg: ' explain -m "$small" none.jpg
fails "a network without a convolution" 1 'no convolution' explain -m "$dir/color.onnx" --filters
fails "a network of texts" 1 'input of 1x5 is no picture' explain -m "$dir/words.onnx" "$red"
fails "an unknown layer" 1 'no layer is called "conv2d_x"; there are .*conv2d' explain -m "$small" --layer conv2d_x "$red"
fails "the last layer" 1 'no gradient leads|no map with height' explain -m "$small" --layer -1 "$red"
fails "an unknown class" 1 'no class is called "cats"; the nearest are cat' explain -m "$small" --class cats "$red"
fails "a class too many" 1 'no class is called "10"; there are 10, from 0$' explain -m "$small" --class 10 "$red"
fails "another ending" 2 'none of .png, .jpg, .svg' explain -m "$small" -o heat.gif "$red"
fails "where nothing can be written" 1 'none/heat.png' explain -m "$small" -o none/heat.png "$red"
mkfifo "$dir/pipe.jpg"
fails "a picture where a pipe is" 1 'pipe.jpg: cannot write: not a regular file$' explain -m "$small" -o pipe.jpg "$red"
holds "which is still there" test -p "$dir/pipe.jpg"
fails "two pictures" 2 'more than one picture' explain "$red" "$red"
fails "no picture" 2 'no picture named' explain
fails "too much at once" 2 'goes with neither' explain --filters "$red"

# Of the numbers of an 8-bit network no gradient leads back; with a real network the cat is found.
if test -e "$shared/models/models.tsv"; then
  shared=$(cd "$shared" && pwd)
  export CONVOY_MIRROR="$shared/models"
  says "a photograph" 0 '^cat-heat.png: [0-9.]+ %  Egyptian cat' explain "$shared/data/photos/cat.jpg"
  holds "pull" convoy zoo pull mobilenet-v1-1.0-224-qdq
  fails "an 8-bit network" 1 'no gradient leads from the result back' explain -m mobilenet-v1-1.0-224-qdq "$red"
else
  skip "a photograph" "not there"
fi
finish
