#!/bin/bash
# onnx.sh PART LIBRARY COMMAND [NETWORKS]: ONNX between us and the programs that write and run it.
#
#   torchvision  its classification families through both exporters of PyTorch, and what is refused
#   keras        Keras' networks through tf2onnx
#   backend      ONNX's own backend tests (libonnx-testdata) and the zoo's networks
#   export       what we write: onnx.checker and onnxruntime
set -euo pipefail
part=$1 library=$2 command=$3 networks=${4-}
here=$(cd "$(dirname "$0")" && pwd)
peers=${DECONVNET_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/deconvnet/python}
python=$(dirname "$peers")/torch/bin/python
needs='torch, torchvision, onnx, onnxscript, onnxruntime'
[ "$part" != keras ] || python=$peers/bin/python needs='tensorflow, keras, tf2onnx'
if ! "$python" -c "import importlib.util as u, sys
sys.exit(any(u.find_spec(name) is None for name in '$needs'.split(', ')))" 2>/dev/null; then
    echo "skipped: $needs are not installed; script/peers --torch installs them"
    exit 77
fi
data=/usr/share/libonnx-testdata/data
if [ "$part" = backend ] && [ ! -d "$data/node" ]; then
    echo "skipped: $data is not there; install the package libonnx-testdata"
    exit 77
fi
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
export TMPDIR=$place

case $part in
torchvision) "$python" "$here/onnx_torchvision.py" "$library" "$command" ;;
keras) "$python" "$here/onnx_keras.py" "$library" ;;
backend) "$python" "$here/onnx_backend.py" "$library" "$here/../../src/model/onnx_ops.def" --data "$data" ;;
export)
    "$command" train --data synthetic --steps 20 -b 32 --out "$place/run" --quiet --graphics none >/dev/null
    "$python" "$here/onnx_export.py" "$networks" "$library" "$place/run/model.safetensors"
    ;;
*) echo "onnx.sh: error: $part: no such part; see the head of the file" >&2; exit 2 ;;
esac
