# SPDX-License-Identifier: LGPL-2.1-or-later
#
# test-nginx.sh - `convoy zoo pull` from a real web server: plain, killed and gone on with, encrypted, and
# led elsewhere.
. "${srcdir:-.}/tests/tap.sh"
. "${srcdir:-.}/tests/nginx.sh"
if ! test "$nginx" || ! command -v openssl >/dev/null; then
  skip "a real web server" "nginx or openssl is not there"
  finish
  exit
fi
trap 'stop_nginx; rm -rf "$dir"' EXIT

mkdir -p "$dir/data/zoo" "$dir/root"
head -c 1500000 /dev/urandom >"$dir/root/words.txt"
sum=$(sha256sum <"$dir/root/words.txt" | cut -d' ' -f1)
printf '[words]\nkind=labels\nfile=words.txt\nlicence=none\nsize=1500000\nsha256=%s\n' "$sum" >"$dir/data/zoo/manifest.ini"
unset http_proxy https_proxy CURL_CA_BUNDLE SSL_CERT_FILE SSL_CERT_DIR CONVOY_OFFLINE
export CONVOY_HOME="$dir/home" CONVOY_DATADIR="$dir/data" CONVOY_MIRROR no_proxy='*'
serve "$dir/root"
result "nginx starts" $?
whole () { cmp -s "$dir/home/words.txt" "$dir/root/words.txt"; }
gone () { ! test -e "$dir/home/words.txt"; }
again () { rm -rf "$dir/home"; }

CONVOY_MIRROR=$http
says "a pull" 0 'home/words.txt' convoy zoo pull words
whole; result "gives the file" $?

again
CONVOY_MIRROR=$http/slow
convoy zoo pull words >"$dir/out" 2>"$dir/err" & pid=$!
tries=0
until test -s "$dir/home/words.txt.part" || test $((tries = tries + 1)) -gt 300; do sleep 0.1; done
kill -9 $pid
wait $pid 2>/dev/null
gone && test -s "$dir/home/words.txt.part"; result "killed, it leaves a part" $?
CONVOY_MIRROR=$http
says "goes on" 0 'home/words.txt' convoy zoo pull words
whole; result "to the whole file" $?
grep -q '" 206 ' "$dir/nginx/access.log"; result "asking for the rest alone" $?

again
CONVOY_MIRROR=$https
fails "a certificate that nobody vouches for" 1 'words: .*certificate' convoy zoo pull words
gone; result "gives no file" $?
for variable in CURL_CA_BUNDLE SSL_CERT_FILE; do
  again
  says "vouched for by $variable" 0 'home/words.txt' /usr/bin/env "$variable=$dir/ca.pem" convoy zoo pull words
  whole; result "it is pulled" $?
done
export CURL_CA_BUNDLE="$dir/ca.pem"

again
CONVOY_MIRROR=$https/to-http
fails "from https to http" 1 'words: .*leads to an address that is not as safe' convoy zoo pull words
gone; result "is not followed" $?
CONVOY_MIRROR=$https/to-https
says "from https to https" 0 'home/words.txt' convoy zoo pull words
whole; result "is followed" $?
again
CONVOY_MIRROR=$http/to-https
says "from http to https" 0 'home/words.txt' convoy zoo pull words
again
CONVOY_MIRROR=$http/none
fails "what is not there" 1 'the server answers 404' convoy zoo pull words
finish
