#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# peaks_table.sh - arrays of 800 MB under limits of 256 and 64 MB, and of 200 MB on 3 ranks of 16 MB: each workload ends
# with the right result, holds no more than the limit by its own account, and no more than that and a constant by the
# kernel's, on the rank that has most; or it is refused before it reads anything, by a message that says how much is
# needed and by which operation. (What ranks make for each other, and when that fails: test_mpi_peaks.sh.)
#
# usage: peaks_table.sh DIRECTORY    where the program peaks_table is
# PEAKS_N rows and columns of the array, PEAKS_ROWS of the matrix product: 22000 and 22000 are 4 GB and some minutes.
# PEAKS_RANKS: that many ranks, 1 for none.
set -uo pipefail
program=$(realpath "$1/peaks_table")
cd "$(dirname "$0")" || exit 2
# shellcheck source=tests/mpi-root.sh
. ./mpi-root.sh
unset "${!BRAMBLE_@}"
export BRAMBLE_SCHEDULER=threads BRAMBLE_NUM_THREADS=2 BRAMBLE_LOG=quiet

n=${PEAKS_N:-10000}
rows=${PEAKS_ROWS:-300}
ranks=${PEAKS_RANKS:-3}
constant=64 # MiB beside the limit: the program and its libraries, stacks, what HDF5 holds
work=$(mktemp -d /var/tmp/bramble-peaks-XXXXXX)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
free=$(df --output=avail -k . | tail -1)
if [ "$free" -lt $((n * n * 16 / 1024 + 100000)) ]; then
    echo "SKIP: $work has $free KiB free"
    exit 77
fi
"$program" make x.npy "$n" || exit 2
failures=0

# What the run's line says, after a word.
figure() { sed -n "s/.*$1 \([0-9]*\).*/\1/p" out | head -1; }

finished()
{
    local limit=$1
    grep -q ': done,' out && [ "$(figure peak)" -le $((limit * 1024)) ] &&
        [ "$(figure resident)" -le $(((limit + constant) * 1024)) ]
}

refused() { [ "$(figure read)" = 0 ] && grep -Eq '^[0-9]+ [KM]iB are needed at a time, by .*\([a-z_]+\.c:[0-9]+\)' out; }

# under LIMIT RANKS N COMMAND...: all workloads on x.npy of N rows; of one process two that have a slow task, too.
under()
{
    local limit=$1 ranks=$2 n=$3 who="" status workload
    shift 3
    [ "$ranks" = 1 ] || who=" on $ranks ranks"
    for workload in centred normalised mirrored overlap rechunk_store means matmul held slow_overlap slow_held; do
        unset PEAKS_SLOW
        if [ "$workload" != "${workload#slow_}" ]; then
            [ "$limit" = 256 ] || continue
            export PEAKS_SLOW=1
        fi
        BRAMBLE_MEMORY_LIMIT=${limit}M "$@" "$program" run "${workload#slow_}" x.npy "$n" "$rows" >out 2>&1 </dev/null
        status=$?
        if { [ $status = 0 ] && finished "$limit"; } || { [ $status = 3 ] && [ "$limit" -lt 256 ] && refused; }; then
            echo "PASS $workload under $limit MiB$who: $(head -1 out)"
        else
            echo "FAIL $workload under $limit MiB$who: status $status"
            sed 's/^/    /' out
            failures=$((failures + 1))
        fi
    done
}

under 256 1 "$n"
under 64 1 "$n"
if [ "$ranks" -gt 1 ]; then
    # Half as many rows and columns: a quarter of the array, under a quarter of the limit for each rank.
    "$program" make x.npy $((n / 2)) || exit 2
    unset BRAMBLE_SCHEDULER
    BRAMBLE_NUM_THREADS=1 under 16 "$ranks" $((n / 2)) mpirun --oversubscribe -np "$ranks"
fi
[ "$failures" = 0 ]
