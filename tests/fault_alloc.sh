#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# fault_alloc.sh - the nth allocation fails, for n = 1, 8, ... until a run needs fewer: each run ends well or says that memory is
# missing; none crashes, hangs or (under the leak sanitizer) leaks.
#
# usage: [STEP=n] fault_alloc.sh DIRECTORY [PROGRAM]    where the program is, fault_alloc by default; STEP=1 tries every
# allocation, which takes minutes
set -uo pipefail
program=$(realpath "$1/${2-fault_alloc}")
unset "${!BRAMBLE_@}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
readonly no_memory=3 past_the_end=100000

# Runs with the allocation failing; prints what went wrong.
try()
{
    local code=0
    BRAMBLE_SCHEDULER=$1 BRAMBLE_NUM_THREADS=2 BRAMBLE_FAIL_ALLOC=$2 timeout -k 5 400 "$program" "$work" >"$work/out" 2>&1 || code=$?
    [ $code = 0 ] && return 0
    [ $code = $no_memory ] && return $no_memory
    echo "FAIL $1, allocation $2: exit code $code"
    head -40 "$work/out" | sed 's/^/    /'
    return 1
}

failures=0
for scheduler in sync threads; do
    step=${STEP:-7}
    # The order differs from run to run, so a smaller sample does.
    [ $scheduler = sync ] || step=$((5 * step))
    try $scheduler $past_the_end || { echo "the program does not work"; exit 1; }
    tolerated=0 told=0 n=1
    # Twenty runs in a row without harm: there are no more allocations.
    in_a_row=0
    while [ $in_a_row -lt 20 ] && [ $failures -lt 10 ]; do
        try $scheduler $n
        case $? in
        0) tolerated=$((tolerated + 1)) in_a_row=$((in_a_row + 1)) ;;
        "$no_memory") told=$((told + 1)) in_a_row=0 ;;
        *) failures=$((failures + 1)) in_a_row=0 ;;
        esac
        n=$((n + step))
    done
    echo "$scheduler: $n allocations; $told errors told, $tolerated done without"
done
exit $((failures > 0))
