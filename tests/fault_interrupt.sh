#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# fault_interrupt.sh - Ctrl-C as a cancel: under every scheduler, twice, and on mpirun.
# usage: fault_interrupt.sh DIRECTORY  (of the test programs)
set -uo pipefail
cd "$(dirname "$0")" || exit
# shellcheck source=tests/mpi-root.sh
. ./mpi-root.sh
program=$1/fault_interrupt
unset "${!BRAMBLE_@}"
out=$(mktemp)
trap 'rm -f "$out"' EXIT
failures=0

check() # name, status
{
    if [ "$2" = 0 ]; then
        echo "PASS $1"
        return
    fi
    echo "FAIL $1"
    cat "$out"
    failures=$((failures + 1))
}

# Runs a command; its output must be eight times ok, and nothing else.
all_ok()
{
    timeout -k 5 400 "$@" </dev/null >"$out" 2>"$out.errors" && [ "$(grep -c ' ok$' "$out")" = 8 ] &&
        ! grep -q FAILED "$out"
    local status=$?
    grep -c 'what runs is cancelled' "$out.errors" | grep -qx "[45]" || status=1
    cat "$out.errors" >>"$out"
    rm -f "$out.errors"
    return $status
}

BRAMBLE_SCHEDULER=sync all_ok "$program" once
check "interrupted under sync" $?
for n in 1 2 4; do
    BRAMBLE_SCHEDULER=threads BRAMBLE_NUM_THREADS=$n all_ok "$program" once
    check "interrupted with $n threads" $?
done
for n in 1 2 3; do
    all_ok mpirun --oversubscribe -np $n "$program" once
    check "interrupted on rank 0 of $n" $?
done

for scheduler in sync threads; do
    BRAMBLE_SCHEDULER=$scheduler timeout -k 5 400 "$program" twice </dev/null >"$out" 2>&1
    [ $? = $((128 + 2)) ]
    check "the second one ends the program under $scheduler" $?
done

# Until a program says that it computes; jobs in the background of a script would ignore the signal.
started()
{
    for ((i = 0; i < 8000; i++)); do
        grep -q computing "$out" && sleep 0.1 && return
        sleep 0.05
    done
}

ended() # process
{
    for ((i = 0; i < 200; i++)); do
        kill -0 "$1" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -KILL "$1"
}

# Ranks may outlive mpirun for a moment.
gone()
{
    for ((i = 0; i < 100; i++)); do
        pgrep -f "$program never" >/dev/null || return 0
        sleep 0.1
    done
    return 1
}

: >"$out"
BRAMBLE_SCHEDULER=threads env --default-signal=INT "$program" never </dev/null >"$out" 2>&1 &
child=$!
started
kill -INT $child
ended $child
wait $child
[ $? = $((128 + 2)) ]
check "without asking for it Ctrl-C ends the program" $?

: >"$out" # what the run before said is not this one's
mpirun --oversubscribe -np 2 "$program" never </dev/null >"$out" 2>&1 &
mpirun=$!
started
kill -INT $mpirun
ended $mpirun
! wait $mpirun && gone
check "Ctrl-C on mpirun ends all ranks" $?

echo "$failures failures"
[ $failures = 0 ]
