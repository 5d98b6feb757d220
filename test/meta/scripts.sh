#!/bin/bash
# scripts.sh SOURCE: shellcheck reads every shell script of the tree.
set -euo pipefail
cd "$1"
command -v shellcheck >/dev/null || {
    echo "skipped: no shellcheck; script/bootstrap test installs it"
    exit 77
}
mapfile -t scripts < <(grep -lsE '^#!.*[ /](ba)?sh$' -r .ci script test bench)
scripts+=(script/lanes.sh)
[ ${#scripts[@]} -ge 8 ] || { echo "only ${#scripts[@]} scripts found in $1"; exit 1; }
shellcheck --external-sources "${scripts[@]}"
