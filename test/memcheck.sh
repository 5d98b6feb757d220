#!/bin/bash
# memcheck.sh PROGRAM...: a unit test under valgrind, which sees what no sanitiser of ours does: reads of
# memory that was never written. Exit code 98: valgrind found something. memcheck.supp holds no fault of ours.
set -euo pipefail
command -v valgrind >/dev/null || {
    echo "skipped: valgrind is missing; script/bootstrap test installs it"
    exit 77
}
# valgrind 3.19 knows no AVX-512. Our kernels obey oneDNN's limit too (src/engine/cpu/isa.h).
export DNNL_MAX_CPU_ISA=AVX2 OMP_THREAD_LIMIT=1
exec valgrind --quiet --error-exitcode=98 --leak-check=full --show-leak-kinds=definite,indirect \
    --errors-for-leak-kinds=definite,indirect --suppressions="${0%/*}/memcheck.supp" "$@"
