# SPDX-License-Identifier: LGPL-2.1-or-later
#
# peer.sh - for the scripts beside it: NODE_PATH leads to onnxruntime-node, which is installed where it is not.
if ! node -e 'require ("onnxruntime-node")' 2>/dev/null; then
  peer=$(dirname "$(command -v convoy)")
  peer=${peer%/.libs}/../peer
  export NODE_PATH="$peer/node_modules"
  node -e 'require ("onnxruntime-node")' 2>/dev/null || npm install --silent --ignore-scripts --prefix "$peer" onnxruntime-node >&2 || exit 1
fi
