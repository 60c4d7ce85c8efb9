# SPDX-License-Identifier: LGPL-2.1-or-later
#
# test-run.sh - `convoy run`: recipes, their keys, and pipelines that end well, badly, or when told to.
. "${srcdir:-.}/tests/tap.sh"
model=$(tests/make-files "$dir")
odd="$dir/it's a 50% \"red\" ! (1).jpg"
picture "$odd" jpegenc
run () { timeout 60 convoy run "$@"; }

# interrupt SECONDS ARGUMENT...: a run that gets Ctrl-C after a while; its status.
interrupt () {
  seconds=$1; shift
  timeout --preserve-status -s INT -k 20 "$seconds" convoy run "$@" >"$dir/out" 2>"$dir/err"
}

# recipe NAME TEXT: writes a recipe of one's own.
recipe () { printf '%s\n' "$2" >"$dir/$1.pipe"; }

# --- what there is -----------------------------------------------------------
says "recipes are listed" 0 '^classify-file +One picture' run --list
for file in "${srcdir:-.}"/pipelines/*.pipe; do
  name=$(basename "$file" .pipe)
  says "$name has help for its keys" 0 "^Usage: convoy run $name" run --help "$name"
done
says "help in the other order" 0 '^  in +the picture' run classify-file --help
fails "an unknown recipe" 2 'no recipe called clasify-fil; nearest are classify-file' run clasify-fil
fails "an unknown key" 2 'no key modell; nearest: model' run classify-file modell=x
fails "a key without value" 2 'want in=VALUE' run classify-file in
fails "a key that is needed" 2 'needs in=' run classify-file
fails "no recipe" 2 'no recipe named' run

offline () {
  (export CONVOY_OFFLINE=1 CONVOY_MIRROR= CONVOY_HOME="$dir/none"; "$@")
}

# --- every recipe can be shown, with no network and nothing pulled --------------
for file in "${srcdir:-.}"/pipelines/*.pipe; do
  name=$(basename "$file" .pipe)
  set -- $(sed -n 's/^#: \([a-z0-9-]*\) .*/\1=x/p' "$file")
  says "$name --print" 0 '^gst-launch-1.0 ' offline run "$name" --print "$@"
done

# --- texts ---------------------------------------------------------------------
printf 'a good film\n\nbad\n' >"$dir/lines.txt"
says "classify-text" 1 'lines.txt:1: praise \(95.3 %\)$' run classify-text in="$dir/lines.txt" model="$dir/words.onnx"
grep -q 'lines.txt:3: complaint' "$dir/out" && grep -q 'lines.txt:2: no word in 0 bytes; skipped' "$dir/err"
result "and its other lines" $?

# --- one picture -------------------------------------------------------------
says "a file of any name" 0 ': red \([0-9.]+ %\)$' run classify-file in="$odd" out="$dir/a 5%d \"b' ;.png" model="$model"
test "$(head -c 4 "$dir/a 5%d \"b' ;.png" | tail -c 3)" = PNG
result "is written as PNG" $?
run classify-file --print in="$odd" out="$dir/b ! 'c\".JPG" model="$model" >"$dir/line"
echo "pipelines/env $(cat "$dir/line")" >"$dir/pasted"
holds "the printed line can be pasted into a shell" sh "$dir/pasted"
test "$(head -c 2 "$dir/b ! 'c\".JPG" | od -An -tx1 | tr -d ' ')" = ffd8
result "and writes a JPEG" $?
fails "a missing picture" 1 'No such file "/none/x.jpg"' run classify-file in=/none/x.jpg out="$dir/x.png" model="$model"
echo text >"$dir/text.jpg"
fails "a text called .jpg" 1 'text.jpg: neither JPEG nor PNG' run classify-file in="$dir/text.jpg" out="$dir/x.png" model="$model"
fails "another ending" 1 'x.gif: a picture is a file .png or .jpg' run classify-file in="$odd" out="$dir/x.gif" model="$model"
fails "a missing model" 1 'none.onnx: no such file' run classify-file in="$odd" out="$dir/x.png" model=/none.onnx
fails "an unknown model" 1 'colour: neither a file nor a name of the zoo' run classify-file in="$odd" out="$dir/x.png" model=colour
test ! -e "$dir/x.png" -a ! -e "$dir/x.gif"
result "what failed leaves no file" $?
fails "a folder that is not there" 1 '/none/x.png' run classify-file in="$odd" out=/none/x.png model="$model"

# --- frames --------------------------------------------------------------------
for patience in 4 15 60; do # a slow machine may not have begun yet
  interrupt $patience classify-camera device=/none model="$model" sink='fakesink sync=true'
  grep -qE '^0:0[0-9.]+: (red|green|blue) ' "$dir/out" && break
done
result "the camera recipe runs on a test picture" $?

# --- classes taught while the frames go by ---------------------------------------
color () { echo "videotestsrc num-buffers=60 pattern=$1 ! video/x-raw,width=64,height=48,framerate=30/1 !"; }
recipe colors "#: Colours one after the other
#: classes=
#: script=
#: out
$(color red) concat name=all $(color blue) all. $(color green) all. $(color blue) all.
  all. ! cnnextract model=cifar10-best layer=features batch-size=1 workers=1
  ! cnnhead name=taught training=true save=\${out} ! fakesink"
printf '0 1\n# the second, and the last\n2 2\n\n4 3\n6 0\n' >"$dir/script"
says "classes are taught by a script" 0 ': dog \([0-9.]+ %\)$' run "$dir/colors.pipe" classes='cat, dog,owl' script="$dir/script" out="$dir/colors.onnx"
convoy classify --model "$dir/colors.onnx" --top-k 1 --json "$odd" >"$dir/out" 2>"$dir/err"
grep -q '"cat"' "$dir/out"
result "the file that is left knows the first of them" $?
says "and was told of" 0 'colors.onnx: saved, 3 classes$' run "$dir/colors.pipe" classes='cat,dog,owl' script="$dir/script" out="$dir/colors.onnx"
printf '0 1\n2 4\n' >"$dir/wrong"
fails "a key that is no class" 1 'wrong:2: not SECONDS KEY.* 1 to 3, 0 or q: 2 4$' run "$dir/colors.pipe" classes=cat,dog,owl script="$dir/wrong" out="$dir/x.onnx"
fails "a class without a name" 1 'number 2 has no name' run "$dir/colors.pipe" classes=cat,,owl out="$dir/x.onnx"
fails "two classes of one name" 1 'number 3 has the name of another' run "$dir/colors.pipe" classes=cat,owl,cat out="$dir/x.onnx"

recipe deaf '#: Deaf
#: classes=a,b
videotestsrc num-buffers=1 ! identity name=taught ! fakesink'
fails "an element that cannot be taught" 1 'taught has no label' run "$dir/deaf.pipe"

# typed KEY PATTERN: types the key, then waits until the pattern is seen.
typed () {
  (trap '' PIPE; printf %s "$1" >&9) 2>/dev/null
  for tenth in $(seq 200); do grep -qE "$2" "$dir/screen" && return; sleep 0.1; done
}
taught="convoy run teach-camera device=/none model=cifar10-best classes=cat,dog out=$dir/typed.onnx sink='fakesink sync=true'"
if script -qec true "$dir/screen" >"$dir/out" 2>"$dir/err"; then
  mkfifo "$dir/keys"
  : >"$dir/screen"
  timeout -k 5 90 script -qefc "$taught" "$dir/screen" <"$dir/keys" >"$dir/out" 2>"$dir/err" &
  typist=$!
  exec 9>"$dir/keys"
  typed 1 'cat [1-9]'; typed 2 'dog [1-9]'; typed ' ' classifying; typed '' '(cat|dog) [(][0-9.]+ %[)]'; typed q .
  wait $typist
  result "a camera is taught by keys, q quits" $?
  exec 9>&-
  holds "and what was taught is there" convoy classify --model "$dir/typed.onnx" "$odd"
else
  skip "a camera is taught by keys" "no script(1), or no terminal for it"
fi

# --- recipes of one's own --------------------------------------------------------
recipe words '#: Words
#: n=2  how many
#: sink=fakesink  where to
#: name="a b"  with a space
#: none=  nothing
videotestsrc num-buffers=${n} pattern=${none} ! identity name=${name} ! ${none} ${sink} # done'
says "words, quotes, what is empty" 0 '^gst-launch-1.0 -e videotestsrc num-buffers=3 ! identity .name="a b". ! fakesink sync=true$' \
  run "$dir/words.pipe" --print n=3 sink='fakesink sync=true'
recipe bad '#: Bad
videotestsrc ! ${nonsense}'
fails "an unknown name in a recipe" 1 'nonsense.* is neither a key nor a function' run "$dir/bad.pipe"
recipe open '#: Open
videotestsrc ! ${zoo:x'
fails "a brace that is not closed" 1 'no } closes' run "$dir/open.pipe"
recipe head '#: Head
#: Upper=1'
fails "a key that is none" 2 'head.pipe:2: not a key' run "$dir/head.pipe"
recipe element '#: Element
videotestsrc ! nonsense'
fails "an element that is not there" 1 'no element "nonsense"' run "$dir/element.pipe"
for name in $(convoy run --list | cut -d' ' -f1 | grep -v camera); do # what a recipe sets, its elements have
  keys=$(convoy run --help "$name" | awk -v model="$model" '/has to be given/ { print $1 "=/none" } $1 == "model" { print "model=" model }')
  run "$name" $keys >"$dir/out" 2>"$dir/err"
  test $? = 1 && ! grep -qiE 'propert|no element' "$dir/err"
  result "recipe $name suits its elements" $?
done

# --- a new head for texts, on the features of a network that reads them ----------------------------
mkdir -p "$dir/reviews/good" "$dir/reviews/bad"
for k in 1 2 3 4; do
  echo "A wonderful film, moving and funny, one of the best I saw $k times" >"$dir/reviews/good/$k.txt"
  echo "A terrible waste of time, boring and awful, the worst in $k years" >"$dir/reviews/bad/$k.txt"
done
recipe text-features '#: Features of texts
cnndatasetsrc location=${in} ! cnntokenize model=imdb-convnet1d ! cnnextract model=imdb-convnet1d layer=global_max_pooling1d ! cnndatasetsink location=${out}'
sed -i 's/^cnndatasetsrc/#: in\n#: out\n&/' "$dir/text-features.pipe"
run "$dir/text-features.pipe" in="$dir/reviews" out="$dir/reviews.h5" >"$dir/out" 2>"$dir/err" \
  && run train-head in="$dir/reviews.h5" out="$dir/reviews.onnx" epochs=20 rate=0.01 history="$dir/reviews.csv" \
    layers='flatten ! dense units=2 activation=softmax' >"$dir/out" 2>"$dir/err"
result "a head learns from the features of texts" $?
echo 'A wonderful and moving film' | convoy classify --model "$dir/reviews.onnx" --top-k 1 - >"$dir/out" 2>"$dir/err"
grep -q good "$dir/out"
result "and the file that it leaves reads texts" $?

rm -r "$dir/reviews/bad"
run "$dir/text-features.pipe" in="$dir/reviews" out="$dir/one.h5" >"$dir/out" 2>"$dir/err"
result "one class has features as well" $?
fails "but it is not enough to learn from" 1 "one.h5 has one class only \\('good'\\), at least two are needed to train$" \
  run train-head in="$dir/one.h5" out="$dir/one.onnx" history="$dir/one.csv"

fails "a file that cannot be written, before anything is learnt" 1 '/none/reviews.onnx: cannot write: No such file or directory$' \
  run train-head in="$dir/reviews.h5" out="$dir/none/reviews.onnx" epochs=1 history="$dir/none.csv"
for pair in batch=0:batch-size=0 threads=0:threads=0 rate=-1:learning-rate=-1 epochs=-1:epochs=; do
  fails "${pair%%:*}" 1 "${pair#*:}.* is out of range\$" run train-head in="$dir/reviews.h5" out="$dir/no.onnx" "${pair%%:*}"
done

# --- a folder of pictures with some that are none ------------------------------------------------
for class in cat dog; do
  mkdir -p "$dir/pets/$class"
  for k in 1 2 3; do picture "$dir/pets/$class/$k.jpg" jpegenc; done
done
head -c 300 "$dir/pets/dog/1.jpg" >"$dir/pets/dog/cut.jpg"
: >"$dir/pets/dog/empty.jpg"
echo text >"$dir/pets/cat/notes.jpg"
extract () { run extract-features in="$dir/pets" out="$dir/$1.h5" model="$model" layer=features size=8; }
says "what was stored is said" 1 'pets.h5: 6 samples, 6 of them new$' extract pets
test "$(grep -cE '(cut|empty|notes).jpg: .*; skipped$' "$dir/err")" = 3 && grep -q 'convoy: 3 files were left out' "$dir/err"
result "and what was left out, at the end, too" $?
rm "$dir/pets/dog/empty.jpg" "$dir/pets/dog/cut.jpg" "$dir/pets/cat/notes.jpg" "$dir/pets/cat/2.jpg"
says "a second run has nothing to do" 0 'pets.h5: 5 samples, 0 of them new; 1 whose files are gone' extract pets
sed 's/! queue/! queue ! identity sleep-time=200000/' "${srcdir:-.}/pipelines/extract-features.pipe" >"$dir/slowly.pipe"
convoy run "$dir/slowly.pipe" in="$dir/pets" out="$dir/two.h5" model="$model" layer=features size=8 >"$dir/first" 2>&1 &
for k in $(seq 3000); do test -s "$dir/.two.h5.part" && break; sleep 0.02; done
kill -STOP $!   # with the store in its hands, however slow the other is to come
fails "a store that another process writes" 1 'two.h5: process [0-9]+ is writing this store' extract two
kill -CONT $!
wait
grep -q 'two.h5: 5 samples, 5 of them new' "$dir/first"
result "which goes on" $?
rm "$dir/pets/cat/"*
echo text >"$dir/pets/cat/notes.jpg"
fails "a class with no picture left" 1 'pets: class "cat" has no picture left' extract pets

recipe endless '#: Endless
videotestsrc is-live=true ! fakesink'
for patience in 2 8 30; do # a slow machine may not have begun yet
  interrupt $patience "$dir/endless.pipe" && grep -q 'ending the stream' "$dir/err" && break
done
result "Ctrl-C ends the stream" $?
finish
