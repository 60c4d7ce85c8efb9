# SPDX-License-Identifier: LGPL-2.1-or-later
#
# nginx.sh - a real web server on loopback, to be sourced after tap.sh or with $dir set: serve ROOT
# starts one that gives the files below ROOT at $http and, with a certificate that only $dir/ca.pem
# vouches for, at $https; it ends with stop_nginx.
nginx=$(PATH=$PATH:/usr/sbin command -v nginx)

# Ports are drawn; one that is taken makes nginx fail, and others are tried.
serve () {
  for try in 1 2 3 4 5; do
    plain=$(awk -v seed="$$$try" 'BEGIN { srand(seed); print 20000 + int(rand() * 20000) }') safe=$((plain + 1))
    serve_at "$1" && return
  done
  return 1
}

serve_at () {
  http=http://127.0.0.1:$plain https=https://localhost:$safe
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
    -keyout "$dir/key.pem" -out "$dir/ca.pem" 2>/dev/null
  mkdir -p "$dir/nginx"
  cat >"$dir/nginx.conf" <<END
pid $dir/nginx/pid; error_log $dir/nginx/error.log; worker_processes 1; daemon on; $(test "$(id -u)" != 0 || echo "user root;")
events { }
http {
  access_log $dir/nginx/access.log; sendfile on;
  client_body_temp_path $dir/nginx/1; proxy_temp_path $dir/nginx/2; fastcgi_temp_path $dir/nginx/3; uwsgi_temp_path $dir/nginx/4; scgi_temp_path $dir/nginx/5;
  server {
    listen 127.0.0.1:$plain; listen 127.0.0.1:$safe ssl; root $1;
    ssl_certificate $dir/ca.pem; ssl_certificate_key $dir/key.pem;
    location /slow/ { alias $1/; limit_rate 400k; }
    location /to-http/ { rewrite ^/to-http/(.*)$ $http/\$1 redirect; }
    location /to-https/ { rewrite ^/to-https/(.*)$ $https/\$1 redirect; }
  }
}
END
  "$nginx" -p "$dir/nginx" -c "$dir/nginx.conf" 2>"$dir/err"
}

stop_nginx () { test ! -e "$dir/nginx/pid" || kill "$(cat "$dir/nginx/pid")"; }
