# SPDX-License-Identifier: LGPL-2.1-or-later
#
# test-zoo.sh - `convoy zoo` with a manifest and a mirror of its own, and what works with no network.
. "${srcdir:-.}/tests/tap.sh"
model=$(tests/make-files "$dir")

# --- nothing pulled, no network ------------------------------------------------
export CONVOY_HOME="$dir/home" CONVOY_OFFLINE=1 CONVOY_MIRROR=
says "list" 0 '^mobilenet-v2-1.0-224  ' convoy zoo list
test "$(grep -c '^cifar-10-binary' "$dir/out")" = 0
result "parts of data sets are not listed" $?
says "info has layers to cut at" 0 'layers +GlobalAveragePool_55, Clip_54' convoy zoo info mobilenet-v1-1.0-224
says "info of all" 0 '^imdb' convoy zoo info --all
fails "pull says why not" 1 'squeezenet-1.1: CONVOY_OFFLINE is set' convoy zoo pull squeezenet-1.1
fails "path says how" 1 'squeezenet-1.1: not on this machine yet; .convoy zoo pull squeezenet-1.1. gets it' convoy zoo path squeezenet-1.1
fails "an unknown name" 1 'nearest are squeezenet' convoy zoo info squeeznet
fails "an unknown verb" 2 'fetch is none of' convoy zoo fetch x
fails "no name" 2 'pull what' convoy zoo pull

# --- a zoo of our own -----------------------------------------------------------------
mkdir -p "$dir/data/zoo" "$dir/mirror" "$dir/tree/things/a"
echo one >"$dir/tree/things/a/1.txt"
printf 'red\ngreen\nblue\n' >"$dir/mirror/colors.txt"
cp "$model" "$dir/mirror/color.onnx"
tar -C "$dir/tree" -czf "$dir/mirror/things.tar.gz" things
ln -s /etc/hostname "$dir/tree/things/link"
tar -C "$dir/tree" -czf "$dir/mirror/linked.tar.gz" things
tar -C "$dir/tree" --transform 's,^things/a,../out,' -Pcf - things/a | gzip >"$dir/mirror/escaping.tar.gz"
gzip -c "$dir/tree/things/a/1.txt" >"$dir/mirror/single.gz"

# entry NAME KIND FILE [LINE...]: appends one to the manifest, with its size and sum.
entry () {
  printf '[%s]\nkind=%s\nfile=%s\nlicence=none\n' "$1" "$2" "$3"
  if test -f "$dir/mirror/$3"; then
    printf 'size=%s\nsha256=%s\n' "$(wc -c <"$dir/mirror/$3")" "$(sha256sum <"$dir/mirror/$3" | cut -d' ' -f1)"
  fi
  shift 3
  for line; do echo "$line"; done
  echo
}
{
  entry color model color.onnx task=classification input=8x8x3 color=rgb mean=50 std=25 resize=stretch labels=colors.txt
  entry colors.txt labels colors.txt
  entry things dataset things parts=things-archive inside=things
  entry things-archive part things.tar.gz
  entry linked dataset linked parts=linked-archive
  entry linked-archive part linked.tar.gz
  entry escaping dataset escaping parts=escaping-archive
  entry escaping-archive part escaping.tar.gz
  entry single dataset single parts=single-archive
  entry single-archive part single.gz
} >"$dir/data/zoo/manifest.ini"
export CONVOY_DATADIR="$dir/data" CONVOY_MIRROR="$dir/mirror"
says "pull" 0 'home/color.onnx' convoy zoo pull color
says "its sidecar has what the manifest says" 0 '^labels=colors.txt' cat "$dir/home/color.ini"
says "the model works by its name" 0 '  red$' convoy classify --model color --top-k 1 "$dir/red.jpg"
says "list says that it is here" 0 '^color +cached' convoy zoo list
says "verify" 0 '^color: good' convoy zoo verify
printf X | dd of="$dir/home/color.onnx" bs=1 seek=100 conv=notrunc 2>/dev/null
fails "verify finds a changed byte" 1 'color.onnx: has checksum' convoy zoo verify color
holds "rm" convoy zoo rm color
test -z "$(find "$dir/home" -name 'color*' ! -name '*.lock')"
result "leaves nothing" $?
says "a data set is unpacked" 0 'home/things/things$' convoy zoo pull things
test "$(cat "$dir/home/things/things/a/1.txt")" = one
result "with what is in it" $?
says "verify of what was unpacked" 0 '^things: good, 1 files' convoy zoo verify things
echo two >"$dir/home/things/things/a/1.txt"
fails "finds what changed" 1 'things: .*things/a/1.txt: has checksum' convoy zoo verify things
rm "$dir/home/things/things/a/1.txt"
fails "finds what is missing" 1 'things: .*1.txt' convoy zoo verify things
holds "rm of it" convoy zoo rm things
test -z "$(find "$dir/home" -name 'things*' ! -name '*.lock')"
result "leaves nothing of it" $?
says "a data set is unpacked again" 0 'home/things/things$' convoy zoo pull things
says "one file alone" 0 'home/single$' convoy zoo pull single
test "$(cat "$dir/home/single/single")" = one
result "is unpacked too" $?
says "a link in an archive" 1 'link: neither a file nor a folder' convoy zoo pull linked
says "a name that leads out" 1 'leads out of the folder' convoy zoo pull escaping
test ! -e "$dir/home/linked" -a ! -e "$dir/home/escaping" -a ! -e "$dir/home/out" -a ! -e "$dir/out-of"
result "nothing of them is left" $?
holds "rm --all" convoy zoo rm --all
test ! -e "$dir/home/things"
result "empties the cache" $?

# --- models of one's own -------------------------------------------------------------------
says "add" 0 'home/mine.onnx' convoy zoo add "$model" mine
says "is known by its name" 0 '  red$' convoy classify --model mine --top-k 1 "$dir/red.jpg"
says "and listed" 0 '^mine +added' convoy zoo list
says "info" 0 '^  state +added' convoy zoo info mine
says "path" 0 'home/mine.onnx$' convoy zoo path mine
says "verify" 0 '^mine: can be read' convoy zoo verify mine
holds "rm" convoy zoo rm mine
fails "leaves nothing to find" 1 'mine: neither a file nor a name' convoy zoo path mine
fails "a name that is taken" 1 'color: the zoo has a model of that name' convoy zoo add "$model" color
fails "what is no model" 1 'red.jpg: ' convoy zoo add "$dir/red.jpg"

# --- a manifest that is broken ----------------------------------------------------------------
printf '[x]\nkind=model\nfile=x.onnx\nlicence=none\nsize=1\n' >"$dir/data/zoo/manifest.ini"
fails "an entry without a checksum is not let in" 1 '\[x\]: sha256 is missing' convoy zoo list
finish
