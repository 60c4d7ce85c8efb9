#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# check-layers.sh - who may include whom: pipelines -> plugins -> zoo -> core. Prints TAP.
cd "${srcdir:-.}" || exit 99
n=0

# The families of headers, as a reader of an #include line sees them.
libc='<(sys/)?(assert|cpuid|ctype|errno|fcntl|file|float|getopt|inttypes|ioctl|limits|locale|math|mman|omp|poll|pthread|resource|sched|setjmp|signal|stat|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|string|strings|syscall|termios|time|types|unistd|wait|immintrin)\.h>'
glib='<glib(/[a-z]+|-unix|-object)?\.h>' gio='<gio/.*>' gst='<gst/.*>' curl='<curl/.*>' sum='<nettle/.*>'
picture='<(jpeglib|jerror|png)\.h>' draw='<(pango|cairo)[^>]*>' dnnl='<(oneapi/.*|dnnl[a-z_]*\.h)>'
base="\"config\\.h\"|$libc|$glib" public='"core/convoy\.h"' zoo='"zoo/zoo\.h"'

# result WHAT TEXT: ok when there is no text, which says what is wrong.
result () {
  n=$((n + 1))
  if test -z "$2"; then echo "ok $n - $1"; else echo "not ok $n - $1"; echo "$2" | sed 's/^/# /'; fi
}

# only WHAT FAMILIES FILE...: these files include nothing but these families.
only () {
  what=$1 families=$2; shift 2
  result "$what" "$(grep -nE '^ *# *include' "$@" /dev/null | grep -vE "include ($families) *(/[/*].*)?\$")"
}

# never WHAT PATTERN FILE...: these files hold no such text.
never () {
  what=$1 pattern=$2; shift 2
  result "$what" "$(grep -nE "$pattern" "$@" /dev/null)"
}

# Names have no spaces here, so a list of files is left to be split.
sources () { find "$@" -name '*.[ch]' | sort; }
core=$(sources core | grep -vE '^core/(ops/|dnn(-md|-prim)?\.c$|dnn-inside\.h$|convoy\.h$)')

echo 1..9
only "convoy.h includes only glib.h" '<glib\.h>' core/convoy.h
only "an operator sees only core/op.h and what operators share" "\"core/(op|ops/[a-z-]+)\\.h\"|$base" $(sources core/ops)
only "core sees only itself, GLib, HDF5 and protobuf-c" "\"core/[a-z.-]+\"|<hdf5\.h>|<protobuf-c/.*>|$base" $core
only "core/dnn*.c add oneDNN" "\"core/[a-z.-]+\"|$dnnl|$base" core/dnn.c core/dnn-md.c core/dnn-prim.c core/dnn-inside.h
only "the zoo sees only core/convoy.h, GIO, curl and nettle" "\"zoo/[a-z.-]+\"|$public|$gio|$curl|$sum|$base" $(sources zoo)
only "plugins see only core/convoy.h, zoo/zoo.h, GStreamer, pictures and drawing" \
  "\"plugins/[a-z.-]+\"|$public|$zoo|$gst|$picture|$draw|$base" $(sources plugins)
only "pipelines see no inside of what is below" \
  "\"(pipelines|zoo)/[a-z.-]+\"|$public|$gst|$gio|$draw|$base" $(sources pipelines)
never "core does not print, exit, abort or read the environment" \
  '(^|[^a-z_])(v?f?printf|puts|putchar|perror|exit|_exit|abort|assert|(g_|secure_)?getenv|g_print(err)?|g_error|g_assert[a-z_]*) \(' \
  $(sources core)
result "every source says its licence" "$(sources core plugins zoo pipelines tests | xargs grep -LF 'SPDX-License-Identifier: LGPL-2.1-or-later')"
