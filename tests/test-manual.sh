# SPDX-License-Identifier: LGPL-2.1-or-later
#
# test-manual.sh - what --help says and what the manual says are the same: commands, options, recipes.
. "${srcdir:-.}/tests/tap.sh"
manual="${srcdir:-.}/pipelines/convoy.1"
text () { sed 's/\\-/-/g; s/\\fB//g; s/\\fR//g; s/\\fI//g' "$manual"; }

# section COMMAND: its part of the manual.
section () { text | awk -v name="convoy $1" '/^\.SS/ { on = index($0, name) > 0 } /^\.SH/ { on = 0 } on'; }

commands=$(convoy --help | sed -n 's/^  \([a-z]*\) .*/\1/p')
for command in $commands; do
  convoy "$command" --help | sed -n '/^Application\|^Help/,$p' | grep -oE -e '--[a-z][a-z-]*' | grep -vx -e --help | sort -u >"$dir/help"
  section "$command" | grep -E '^\.BR? ' | grep -oE -e '--[a-z][a-z-]*' | grep -vx -e --help | sort -u >"$dir/manual"
  holds "options of $command" diff "$dir/help" "$dir/manual"
done
for recipe in $(convoy run --list | cut -d' ' -f1); do
  text | grep -q "^\.B $recipe\$"
  result "recipe $recipe is in the manual" $?
done
text | sed -n 's/^\.SS "convoy \([a-z]*\).*/\1/p' | sort >"$dir/manual"
echo "$commands" | sort >"$dir/help"
holds "commands" diff "$dir/help" "$dir/manual"

# What the README shows is there, and quick to load.
for picture in $(grep -o 'src="[^"]*"' "${srcdir:-.}/README.md" | cut -d'"' -f2); do
  test -s "${srcdir:-.}/$picture" && test "$(wc -c <"${srcdir:-.}/$picture")" -lt 100000
  result "$picture is there and below 100 kB" $?
done
for command in $commands; do
  grep -q "convoy $command" "${srcdir:-.}/README.md"
  result "the README shows convoy $command" $?
done

# Completion asks the program, so it is enough that it works.
if command -v bash >/dev/null; then
  bash -c '. "$0"; COMP_WORDS=(convoy cl); COMP_CWORD=1; _convoy; echo "${COMPREPLY[@]}"
    COMP_WORDS=(convoy run classify-fi); COMP_CWORD=2; _convoy; echo "${COMPREPLY[@]}"
    COMP_WORDS=(convoy zoo info squee); COMP_CWORD=3; _convoy; echo "${COMPREPLY[@]}"' "${srcdir:-.}/pipelines/completion/convoy" >"$dir/out" 2>"$dir/err"
  test "$(sed -n 1p "$dir/out")" = classify && test "$(sed -n 2p "$dir/out")" = classify-file && grep -q squeezenet-1.1 "$dir/out"
  result "completion in bash" $?
else
  skip "completion in bash" "no bash"
fi
finish
