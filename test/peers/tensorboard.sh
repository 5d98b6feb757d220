#!/bin/bash
# tensorboard.sh COMMAND HISTOGRAMS: TensorBoard's own loader reads a run's event file, and TensorFlow
# makes the same histograms of the same arrays.
set -euo pipefail
command=$1 histograms=$2
here=$(cd "$(dirname "$0")" && pwd)
python=${DECONVNET_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/deconvnet/python}/bin/python
if ! "$python" -c 'import tensorboard, tensorflow' 2>/dev/null; then
    echo "skipped: TensorBoard and TensorFlow are not installed; script/peers installs them"
    exit 77
fi
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

"$command" train --data synthetic --steps 7 --log-interval 3 -b 16 --out "$place/run" --quiet \
    --graphics none >/dev/null
"$python" "$here/tensorboard_load.py" "$place/run" --graph-nodes h_conv1,h_pool2,y_conv \
    --scalars loss,accuracy,learning_rate,test/accuracy --images source/cifar --histograms 8
"$histograms" "$place/histograms"
"$python" "$here/tensorboard_load.py" "$place/histograms" --histograms 5 --golden-histograms
