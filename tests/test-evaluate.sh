# SPDX-License-Identifier: LGPL-2.1-or-later
#
# test-evaluate.sh - `convoy evaluate` on pictures whose counts are known: of six, four are in the folder
# of their colour. `convoy plot` of several histories.
. "${srcdir:-.}/tests/tap.sh"
model=$(tests/make-files "$dir")

# colour FILE PATTERN: a picture of one colour.
colour () {
  mkdir -p "$(dirname "$1")"
  gst-launch-1.0 -q videotestsrc num-buffers=1 pattern="$2" ! video/x-raw,width=64,height=48 ! pngenc ! filesink location="$1"
}
set=$dir/set
colour "$set/red/1.png" red
colour "$set/red/2.png" red
colour "$set/red/3.png" blue
colour "$set/green/1.png" green
colour "$set/green/2.png" blue
colour "$set/blue/1.png" blue

says "evaluate" 0 '^pictures +6$' convoy evaluate "$model" "$set"
cp "$dir/out" "$dir/report"
report () { grep -qE -e "$2" "$dir/report"; result "$1" $?; }
report "top-1" '^top-1 +66\.67 %$'
report "top-5 of three classes is all" '^top-5 +100\.00 %$'
report "the class that lost one of three" '^red +3 +2 +66\.7 % +100\.0 % +blue'
report "the class that lost one of two" '^green +2 +1 +50\.0 % +100\.0 % +blue'
report "the class that was said too often" '^blue +1 +1 +100\.0 % +33\.3 %'
report "how many were wrong" '^2 wrong'
report "which file" 'blue +is red +.*set/red/3\.png'
fails "a figure of another kind, before anything is looked at" 2 'confusion x.gif is none of .svg, .png' convoy evaluate "$model" "$set" --confusion x.gif
# Classes are in the order of their names: blue, green, red.
report "the confusion, of blue" '^blue +0 +1 +0 +0$'
report "of green" '^green +1 +1 +1 +0$'
report "of red" '^red +2 +1 +0 +2$'

# The loss is the mean of -log of the score that classify tells of the true class.
want=$(for file in "$set"/*/*.png; do
  class=$(basename "$(dirname "$file")")
  convoy classify --model "$model" --top-k 3 --json "$file" | sed "s/.*\"label\": \"$class\", \"index\": [0-9]*, \"score\": \([0-9.e-]*\).*/\1/"
done | awk '{ sum -= log($1) } END { printf "%.3f", sum / NR }')
awk -v want="$want" '$1 == "loss" { exit !($2 > 0.99 * want && $2 < 1.01 * want) }' "$dir/report"
result "the loss is $want, but for the digits of a score" $?

says "worst of all" 0 '1 wrong|2 wrong' convoy evaluate "$model" "$set" --worst 1
test "$(grep -c ' is ' "$dir/out")" = 1
result "as many as asked for" $?
for ending in svg png; do
  says "the confusion as .$ending" 0 '^top-1' convoy evaluate "$model" "$set" --confusion "$dir/confusion.$ending"
done
grep -q '<svg' "$dir/confusion.svg" && holds "a PNG that can be decoded" gst-launch-1.0 -q filesrc location="$dir/confusion.png" ! pngdec ! fakesink
cp "$dir/text.jpg" "$set/red/9.png" 2>/dev/null || echo nothing >"$set/red/9.png"
says "a picture that cannot be read" 1 '^pictures +6 \(1 skipped\)' convoy evaluate "$model" "$set"
fails "a class without a label" 1 'purple' sh -c 'mkdir -p "$2/purple" && cp "$2/red/1.png" "$2/purple" && rm "$2/red/9.png" && exec convoy evaluate "$1" "$2"' sh "$model" "$set"
fails "no such data set" 1 'nowhere' convoy evaluate "$model" "$dir/nowhere"
fails "one argument" 2 'want a model and a data set' convoy evaluate "$model"

# --- rows of a table ------------------------------------------------------------------
# Colours tell the kind without doubt, but the third row is called what it is not.
printf 'size,color,kind\n' >"$dir/things.csv"
for i in 1 2 3 4 5 6 7 8 9 10; do printf '%d,red,apple\n%d,"green, dark",melon\n' $i $((20 + i)); done >>"$dir/things.csv"
convoy run train-table in="$dir/things.csv" out="$dir/things.onnx" epochs=30 history="$dir/things-history.csv" >"$dir/out" 2>"$dir/err"
result "a table is learnt" $?
printf 'kind;color;size\napple;red;3\nmelon;green, dark;25\napple;green, dark;27\n' >"$dir/more.csv"
says "rows" 0 '^rows +3$' convoy evaluate "$dir/things.onnx" "$dir/more.csv"
cp "$dir/out" "$dir/report"
report "two of three" '^top-1 +66\.67 %$'
report "the kind that lost one" '^apple +2 +1 +50\.0 % +100\.0 % +melon'
report "the confusion of rows, of apple" '^apple +0 +1 +1$'
report "of melon" '^melon +1 +0 +1$'
report "which row" 'melon +is apple +more\.csv:4$'
want=$(convoy classify --model "$dir/things.onnx" --json "$dir/more.csv" | awk -v truths='apple melon apple' 'BEGIN { split(truths, truth) }
  { match($0, "\"" truth[NR] "\", \"index\": [0-9]*, \"score\": "); sum -= log(substr($0, RSTART + RLENGTH) + 0) } END { printf "%.3f", sum / NR }')
awk -v want="$want" '$1 == "loss" { exit !($2 > 0.99 * want && $2 < 1.01 * want) }' "$dir/report"
result "the loss of rows is $want, but for the digits of a score" $?
printf 'apple;blue;3\n?;red;3\n' >>"$dir/more.csv"
says "rows that do not fit" 1 '^rows +3 \(2 skipped\)' convoy evaluate "$dir/things.onnx" "$dir/more.csv"
grep -q 'more.csv:5: column color: "blue" was not seen in training$' "$dir/err" && grep -q 'more.csv:6: its class is missing$' "$dir/err" && test "$(wc -l <"$dir/err")" = 2
result "are named" $?
printf 'color,size\nred,3\n' >"$dir/bare.csv"
fails "a table without classes" 1 'bare.csv: no column of classes' convoy evaluate "$dir/things.onnx" "$dir/bare.csv"
printf 'color,size,kind\nred,3,pear\n' >"$dir/pear.csv"
fails "a kind that was not learnt" 1 'the model has no label pear$' convoy evaluate "$dir/things.onnx" "$dir/pear.csv"
fails "a short row" 1 'short.csv:2: 1 fields, but 3 in the first row$' sh -c 'printf "color,size,kind\nred\n" >"$1/short.csv"; exec convoy evaluate "$1/things.onnx" "$1/short.csv"' sh "$dir"
fails "no table" 1 'nowhere.csv' convoy evaluate "$dir/things.onnx" "$dir/nowhere.csv"

# --- texts in a column ------------------------------------------------------------------
printf 'sentiment\ttext\npos\tWhat a fine film, the best of all.\nneg\tA waste of time, the worst ever.\nneg\tThe best film ever, wonderful.\npos\t...\n' >"$dir/texts.tsv"
says "texts of a table" 1 '^texts +3 \(1 skipped\)$' convoy evaluate imdb-convnet1d "$dir/texts.tsv" --text-column text --label-column sentiment
cp "$dir/out" "$dir/report"
report "two of three texts" '^top-1 +66\.67 %$'
report "the other way of a text" 'pos +is neg +texts\.tsv:4$'
grep -q 'texts.tsv:5: no word in 3 bytes$' "$dir/err"
result "and which text has no word" $?
fails "a column that is not there" 1 'texts.tsv:1: no column "words"' convoy evaluate imdb-convnet1d "$dir/texts.tsv" --text-column words
fails "a column of labels alone" 2 'goes with --text-column' convoy evaluate imdb-convnet1d "$dir/texts.tsv" --label-column sentiment

# --- several histories in one figure ------------------------------------------------
for run in one two three; do
  printf 'epoch,loss,accuracy,val_loss,val_accuracy,lr,seconds\n1,1.5,0.4,1.4,0.5,0.01,1\n2,1.1,0.6,1.2,0.55,0.01,1\n' >"$dir/$run.csv"
done
says "a figure of three" 0 'figure.svg' convoy plot "$dir/one.csv" "$dir/two.csv" "$dir/three.csv" -o "$dir/figure.svg"
says "and as PNG" 0 'figure.png' convoy plot "$dir/one.csv" "$dir/two.csv" "$dir/three.csv" -o "$dir/figure.png"
holds "which can be decoded" gst-launch-1.0 -q filesrc location="$dir/figure.png" ! pngdec ! fakesink
fails "a history that is none" 1 'color.onnx' convoy plot "$model"
mkfifo "$dir/pipe.svg"
fails "a figure where a pipe is" 1 'pipe.svg: cannot write: not a regular file$' convoy plot "$dir/one.csv" -o "$dir/pipe.svg"
holds "which is still there" test -p "$dir/pipe.svg"
finish
