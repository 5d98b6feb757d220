#!/bin/bash
# pytorch.sh COMMAND: load_state_dict takes a trained model, and PyTorch computes the same from it.
# Debian's python3-torch, or PyTorch of PyPI where script/peers --torch has put it.
set -euo pipefail
command=$1
here=$(cd "$(dirname "$0")" && pwd)
peers=${DECONVNET_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/deconvnet/python}
for python in /usr/bin/python3 "$(dirname "$peers")/torch/bin/python" ''; do
    [ -n "$python" ] && "$python" -c 'import numpy, torch' 2>/dev/null && break
done
if [ -z "$python" ]; then
    echo "skipped: PyTorch is not installed; script/bootstrap peer installs it"
    exit 77
fi
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

"$command" train --data synthetic --steps 20 -b 32 --out "$place/run" --quiet --graphics none >/dev/null
"$python" "$here/torch_load.py" --command "$command" "$place/run/model.safetensors"
