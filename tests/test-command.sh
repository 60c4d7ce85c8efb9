# SPDX-License-Identifier: LGPL-2.1-or-later
#
# test-command.sh - the command as a user meets it: pictures of every kind, and one clear line with a
# status that is not 0 for whatever is broken.
. "${srcdir:-.}/tests/tap.sh"
model=$(tests/make-files "$dir")
convoy () { timeout 60 "$(command -v convoy)" "$@"; }
classify () { convoy classify --model "$model" "$@"; }

# --- the command itself --------------------------------------------------------
says "help" 0 '^Usage: convoy COMMAND' convoy --help
says "version" 0 '^oneDNN [0-9.]+, ' convoy --version
fails "an unknown command" 2 'no command called classifi, the nearest is classify;' convoy classifi
if test -e /dev/full; then
  says "output that is lost is no success" 1 'standard output: No space left' sh -c 'convoy summary lenet-5 >/dev/full'
fi
says "no command" 2 '^Usage: convoy' convoy

# --- pictures of every kind ------------------------------------------------------
for file in red.jpg cmyk.jpg rotated.jpg progressive.jpg red.png alpha.png dot.png; do
  says "$file is red" 0 '^ +[0-9.]+ %  #+ *  red$' classify --top-k 1 "$dir/$file"
done
says "grey.jpg is classified" 0 ' %  ' classify "$dir/grey.jpg"
says "dot.jpg is classified" 0 ' %  ' classify "$dir/dot.jpg"
cat "$dir/red.jpg" | classify --top-k 1 - | grep -q ' red$'
result "a picture from a pipe" $?
GST_DEBUG=2,video-scaler:1 GST_DEBUG_NO_COLOR=1 classify "$dir/red.jpg" "$dir/red.png" 2>"$dir/err" >"$dir/out" && ! grep -E ' (WARN|ERROR) |CRITICAL' "$dir/err" >&2
result "a good run warns of nothing" $?
fails "what is bundled cannot be deleted" 1 'cifar10-best: is bundled' convoy zoo rm cifar10-best
says "a value that follows its letter at once" 0 '^\{.*"labels": \[\{[^}]*\}\]\}$' classify -jk 1 "$dir/red.jpg"
says "the same in one word" 0 ' red$' classify -k1 -t0.5 "$dir/red.jpg"
says "JSON" 0 '^\{"file": ".*red.jpg", "labels": \[\{"label": "red", "index": 0, "score": 0\.[0-9]+\}' classify --json "$dir/red.jpg"
says "a threshold" 0 'nothing above the threshold' classify --threshold 1 "$dir/grey.jpg"

# --- broken pictures ----------------------------------------------------------------
head -c 500 "$dir/red.jpg" >"$dir/cut.jpg"
head -c 60 "$dir/red.png" >"$dir/cut.png"
echo "not a picture" >"$dir/text.jpg"
: >"$dir/empty.jpg"
mkdir "$dir/folder.jpg"
fails "a truncated JPEG" 1 'cut.jpg: ' classify "$dir/cut.jpg"
fails "a truncated PNG" 1 'cut.png: ' classify "$dir/cut.png"
fails "a text called .jpg" 1 'text.jpg: neither JPEG nor PNG, begins with "not a picture' classify "$dir/text.jpg"
fails "an empty file" 1 'empty.jpg: is empty' classify "$dir/empty.jpg"
fails "a missing file" 1 'none.jpg: No such file' classify "$dir/none.jpg"
fails "a folder" 1 'folder.jpg: is a folder' classify "$dir/folder.jpg"
fails "of several the broken one is named" 1 'text.jpg: neither' classify "$dir/red.jpg" "$dir/text.jpg" "$dir/red.png"
test "$(grep -c '  red$' "$dir/out")" = 2
result "and the others are classified" $?
fails "no picture" 2 'no files named' classify

# --- texts --------------------------------------------------------------------------
words="$dir/words.onnx"
echo "A good film." >"$dir/good.txt"
printf 'bad\n\ngood\377\r\ngood\r\nx\0y\nfilm' >"$dir/lines.txt"
text () { convoy classify --model "$words" "$@"; }
from_stdin () { file=$1; shift; text "$@" - <"$file"; }
says "a text" 0 '^ +95.3 %  #+ *  praise$' text "$dir/good.txt"
says "standard input" 0 '^-:1$' from_stdin "$dir/good.txt"
says "a line of it as JSON" 0 '^\{"file": "-", "line": 1, "labels": \[\{"label": "praise", "index": 1, "score": 0\.9525' from_stdin "$dir/good.txt" --json
says "the whole of a file" 1 'lines.txt: no UTF-8 at byte 9$' text "$dir/lines.txt"
says "lines of a file, the bad ones named" 1 'lines.txt:3: no UTF-8 at byte 4$' text --lines --top-k 1 "$dir/lines.txt"
grep -q 'lines.txt:2: no word in 0 bytes$' "$dir/err" && grep -q 'lines.txt:5: a NUL byte at byte 1$' "$dir/err" && test "$(wc -l <"$dir/err")" = 3
result "each on a line with its number" $?
test "$(grep -c praise "$dir/out") $(grep -c complaint "$dir/out")" = "1 2" && grep -q 'lines.txt:6$' "$dir/out"
result "and the others classified" $?
(head -c 100000000 /dev/zero | tr '\0' x; echo; echo good) >"$dir/long.txt"
says "a line of 100 MB" 1 'long.txt:1: longer than 16777216 bytes$' text --lines "$dir/long.txt"
grep -q 'long.txt:2$' "$dir/out"
result "and the next one classified" $?
rm "$dir/long.txt"
mkdir -p "$dir/said/praise" "$dir/said/complaint"
cp "$dir/good.txt" "$dir/said/praise/1.txt"; cp "$dir/good.txt" "$dir/said/complaint/1.txt"; echo bad >"$dir/said/complaint/2.txt"
says "evaluation on texts" 0 '^top-1 +66.67 %' convoy evaluate "$words" "$dir/said"
: >"$dir/empty.txt"
says "a file with nothing in it" 1 'empty.txt: is empty$' text "$dir/empty.txt"
holds "no lines at all" text --lines "$dir/empty.txt"
fails "a text that is not there" 1 'none.txt: No such file' text "$dir/none.txt"
fails "a picture for a model of texts" 1 'red.jpg: ' text "$dir/red.jpg"

# --- tables ---------------------------------------------------------------------------
printf 'size,color,kind\n' >"$dir/things.csv"
for i in 1 2 3 4 5 6 7 8 9 10; do printf '%d,red,apple\n%d,"green, dark",melon\n' $i $((20 + i)); done >>"$dir/things.csv"
convoy run train-table in="$dir/things.csv" out="$dir/things.onnx" epochs=30 history="$dir/things-history.csv" >"$dir/out" 2>"$dir/err"
result "a table is learnt" $?
printf 'color,size\nred,3\nblue,3\n"green, dark",25\nred,\nred,x\n' >"$dir/more.csv"
things () { convoy classify --model "$dir/things.onnx" --top-k 1 "$@"; }
says "and rows of another classified" 1 'more.csv:3: column color: "blue" was not seen in training$' things --json "$dir/more.csv"
grep -q '"line": 2, .*"apple"' "$dir/out" && grep -q '"line": 4, .*"melon"' "$dir/out"
result "by scaling and categories that the model kept" $?
grep -q 'more.csv:5: column size: "" is missing' "$dir/err" && grep -q 'more.csv:6: column size: "x" is no number$' "$dir/err" && test "$(wc -l <"$dir/err")" = 3
result "with what is wrong in a row named" $?
printf 'color,size\nred\n' >"$dir/short.csv"; printf 'color,size\n"red,1\n' >"$dir/open.csv"; printf 'color\nred\n' >"$dir/less.csv"
fails "a short row" 1 'short.csv:2: 1 fields, but 2 in the first row$' things "$dir/short.csv"
fails "a quote that never closes" 1 'open.csv:2: a quote that never closes$' things "$dir/open.csv"
fails "a column that is not there" 1 'less.csv:1: no column "size" among 1$' things "$dir/less.csv"
says "of several tables the broken one is named" 1 '^ +[0-9.]+ %  #+ *  apple$' things "$dir/short.csv" "$dir/things.csv"

# --- the network of texts that is bundled ------------------------------------------------
says "praise" 0 '^\{"file": "-", "line": 1, "labels": \[\{"label": "pos"' sh -c 'echo "What a fine film." | convoy classify --json --model imdb-convnet1d -'
says "complaint" 0 '^\{"file": "-", "line": 1, "labels": \[\{"label": "neg"' sh -c 'echo "A waste of time." | convoy classify --json --model imdb-convnet1d -'
says "its layers, by its name" 0 '^Parameters +1,315,937' convoy summary imdb-convnet1d
says "which are those of the text" 0 '^conv1d/transpose +Transpose' convoy summary imdb-convnet1d
says "it is in the zoo" 0 '^imdb-convnet1d ' convoy zoo list

# --- plugins, which are loaded by their files where these are in a folder that GStreamer looks in ------
mkdir -p "$dir/plugins/deep"
folder=$(pkg-config --variable=pluginsdir gstreamer-1.0 2>/dev/null)
if test -f "$folder/libgstapp.so"; then
  ln -s "$GST_PLUGIN_PATH/libgstconvoy.so" "$folder/libgstapp.so" "$folder/libgstcoreelements.so" "$dir/plugins/deep"
  others () { GST_REGISTRY_FORK=no GST_REGISTRY=$1/registry.bin GST_PLUGIN_PATH=$1 GST_PLUGIN_SYSTEM_PATH= convoy classify --model "$words" "$dir/good.txt"; }
  says "plugins in a folder" 0 'good.txt$' others "$dir/plugins/deep"
  test ! -f "$dir/plugins/deep/registry.bin"
  result "need no list of all of them" $?
  says "plugins in a folder below it" 0 'good.txt$' others "$dir/plugins"
  fails "no plugin" 1 'GStreamer does not find the plugin convoy' others "$dir/said"
else
  skip "plugins in a folder" "no pkg-config"
fi

# --- broken models ----------------------------------------------------------------------
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4\n' >"$dir/pointer.onnx"
head -c 100 "$model" >"$dir/cut.onnx"
: >"$dir/empty.onnx"
fails "a Git-LFS pointer" 1 'pointer.onnx: .*LFS' convoy classify --model "$dir/pointer.onnx" "$dir/red.jpg"
fails "a truncated model" 1 'cut.onnx: ' convoy classify --model "$dir/cut.onnx" "$dir/red.jpg"
fails "an empty model" 1 'empty.onnx: ' convoy classify --model "$dir/empty.onnx" "$dir/red.jpg"
fails "a picture for a model" 1 'red.jpg: ' convoy classify --model "$dir/red.jpg" "$dir/red.jpg"
fails "a missing model" 1 'none.onnx: no such file' convoy classify --model "$dir/none.onnx" "$dir/red.jpg"
fails "weights that do not fit" 1 'misfit.onnx: .*8x8' convoy classify --model "$dir/misfit.onnx" "$dir/red.jpg"
fails "an unknown model" 1 'mobilnet-v2: neither a file nor a name of the zoo; nearest are mobilenet' convoy classify --model mobilnet-v2 "$dir/red.jpg"
fails "labels of another number" 1 'labels' convoy classify --model "$model" --labels "$dir/text.jpg" "$dir/red.jpg"

# --- networks ----------------------------------------------------------------------------------
says "a summary" 0 'GlobalAveragePool +3x1x1' convoy summary "$model"
for net in "${srcdir:-.}"/zoo/networks/*.net; do
  says "summary of $(basename "$net" .net)" 0 '^Multiplications' convoy summary "$(basename "$net" .net)"
done
# A table whose second column says the class: any rate up to one at which it explodes teaches it.
awk 'BEGIN { print "a,b,class"; for (i = 0; i < 200; i++) print i % 7 - 3 "," (i % 2 ? "4,left" : "-4,right") }' >"$dir/sides.csv"
says "a learning rate" 0 'falls the fastest at a learning rate of [0-9.e-]+; it explodes' convoy rate 'dense units=8 activation=relu ! dense units=2 activation=softmax' "$dir/sides.csv" -o "$dir/rate.svg"
says "drawn" 0 '</svg>' cat "$dir/rate.svg"
says "for a network fitted to the table" 0 'learning rate of' convoy rate table-convnet1d "$dir/sides.csv" --label class --steps 40
fails "a network of pictures for a table" 1 'samples of float32 2 do not fit an input of float32 32x3x32x32' convoy rate cifar10-convnet "$dir/sides.csv"
fails "no data" 1 'none.csv' convoy rate lenet-5 "$dir/none.csv"
fails "too few steps" 2 'steps 3 is less than 8' convoy rate lenet-5 "$dir/sides.csv" --steps 3

# Activations by hand, floats of a sample: 3072 + 28800 + 25088 + 6272 + 9216 + 6400 + 1600 + 576 + 1024 + 10, in a batch of 128; parameters 703,594.
says "what a training step needs" 0 '^[01]\.[0-9]+ times activations \(42\.0 MB\) \+ 3 x parameters \(2\.8 MB\)$' convoy summary cifar10-convnet --training --batch 128
for net in cifar10-convnet cifar10-best imdb-convnet1d; do
  says "$net: at most 1.3 times that" 0 '^no more$' sh -c "convoy summary $net --training --batch 128 | awk '/times/ { print (\$1 <= 1.3) ? \"no more\" : \"more\" }'"
done
says "moments are counted" 0 '^Weights, gradients, moments +5\.6 MB$' convoy summary cifar10-convnet --training --optimizer sgd
fails "a batch of no training" 2 'go with --training' convoy summary lenet-5 --batch 8
fails "a batch of none" 2 'batch 0 is less than 1' convoy summary lenet-5 --training --batch 0
fails "a network that is almost called so" 1 'of networks as text lenet-5,' convoy summary lenet5
fails "a file that is not there" 1 '^convoy: nowhere.onnx: no such file$' convoy summary nowhere.onnx
fails "an unknown optimizer" 1 'adamm' convoy summary cifar10-convnet --training --optimizer adamm
fails "an input of another rank" 1 'does not fit' convoy summary "$model" --input 5
says "up to the features" 0 'GlobalAveragePool +3x1x1' convoy summary "$model" --upto features
fails "an unknown layer" 1 'nowhere' convoy summary "$model" --upto nowhere

says "how fast bytes are" 0 'pictures/s' convoy bench cifar10-best --precision int8 --runs 2
fails "a precision that is none" 2 'int4 is none of fp32, int8' convoy bench cifar10-best --precision int4
fails "bytes of what has no weights" 1 'convolution' convoy bench "$model" --precision int8

# --- one network of two ---------------------------------------------------------------------------
says "a base and its head" 0 "^$dir/whole.onnx\$" convoy export --base "$model" --layer features --output "$dir/whole.onnx" "$dir/head.onnx"
says "its classes are those of the head" 0 'warm' convoy classify --model "$dir/whole.onnx" --top-k 1 "$dir/red.jpg"
LC_ALL=C sed 's/stretch/crop 12/' "$model" >"$dir/cropped.onnx"    # of the same length
says "a base whose pictures are of twice the size" 0 'larger.onnx' convoy export --base "$dir/cropped.onnx" --layer features --input 16x16x3 --output "$dir/larger.onnx" "$dir/head.onnx"
grep -aq 'crop 24' "$dir/larger.onnx"
result "is cropped from pictures of twice the size" $?
says "and classifies" 0 'warm' convoy classify --model "$dir/larger.onnx" --top-k 1 "$dir/red.jpg"
fails "a head that does not fit" 1 'gives .* takes .*x3x1x1' convoy export --base "$dir/whole.onnx" --layer=-1 --output "$dir/no.onnx" "$dir/head.onnx"
fails "a pooling that is none" 1 'none, max, avg' convoy export --base "$model" --layer features --pooling most --output "$dir/no.onnx" "$dir/head.onnx"
fails "no base" 2 'base' convoy export --output "$dir/no.onnx" "$dir/head.onnx"
! test -e "$dir/no.onnx"
result "nothing is written in vain" $?

# --- real networks and photographs ---------------------------------------------------------------
export CONVOY_MIRROR="$shared/models"
if test -e "$shared/models/models.tsv"; then
  convoy classify --model mobilenet-v2-1.0-224 --top-k 1 "$shared"/data/photos/*.jpg >"$dir/out" 2>"$dir/err"
  result "photographs" $?
  for pair in 'cat:Egyptian cat|tabby' sunflower:daisy parrot:macaw hot_dog:hotdog dragonfly:dragonfly; do
    grep -A1 "${pair%%:*}.jpg" "$dir/out" | grep -qE "${pair#*:}"
    result "${pair%%:*}.jpg is a ${pair#*:}" $?
  done
  says "MobileNet v1 up to its last map" 0 'Clip +1024x5x5' convoy summary mobilenet-v1-1.0-224 --input 160x160x3 --upto last-conv
  last=$(convoy summary mobilenet-v1-1.0-224 | awk '$2 == "Conv" && $3 == "1024x7x7" { name = $1 } END { print name }')
  says "MobileNet v1 up to $last at 160x160" 0 "^$last +Conv +1024x5x5" convoy summary mobilenet-v1-1.0-224 --input 160x160x3 --upto "$last"
else
  skip "photographs and real networks" "not there"
fi
finish
