#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# fault_hostile.sh - files of the corpus with damaged metadata (.untrusted) and damaged chunks: no crash, no hang, bounded memory,
# and whatever fails says why.
#
# usage: TEST_BUILD_DIR=BUILD [COUNT=n] [SEED=n] fault_hostile.sh DIRECTORY    of the programs; the corpus is in the build
set -uo pipefail
program=$(realpath "$1/fault_hostile")
count=${COUNT:-300} seed=${SEED:-1}
unset "${!BRAMBLE_@}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export BRAMBLE_SCHEDULER=threads BRAMBLE_NUM_THREADS=2 BRAMBLE_MEMORY_LIMIT=256M BRAMBLE_PROBE_TIMEOUT=5 BRAMBLE_LOG=quiet

code=0
timeout -k 5 $((400 + 4 * count)) "$program" "$work" "$count" "$seed" >"$work/out" 2>"$work/err" || code=$?
if [ $code = 77 ]; then
    cat "$work/err"
    exit 77
fi
grep -v ' of seed ' "$work/out"
[ $code = 0 ] && exit 0
echo "exit code $code after $(grep ' of seed ' "$work/out" | tail -1)"
tail -30 "$work/err"
if [ $code -gt 1 ] && cp "$work/hostile.h5" "$TEST_BUILD_DIR/hostile.h5"; then
    echo "the file is kept as $TEST_BUILD_DIR/hostile.h5"
fi
exit 1
