#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# fault_torture.sh - random graphs and expressions with failing tasks, and threads that sleep and wake all the time:
# for seconds here, as long as one likes by scripts/torture.
# usage: fault_torture.sh DIRECTORY [SECONDS [SEED]]  (of the test programs; seconds for each of its runs)
set -uo pipefail
cd "$(dirname "$0")" || exit
# shellcheck source=tests/mpi-root.sh
. ./mpi-root.sh
program=$1/fault_torture
seconds=${2-1}
seed=${3-$RANDOM}
unset "${!BRAMBLE_@}"
export BRAMBLE_LOG=quiet
failures=0
cores=$(nproc)

run() # name, command...
{
    local name=$1 out
    shift
    if out=$(timeout -k 10 $((seconds + 400)) "$@" </dev/null 2>&1); then
        echo "PASS $name, $out"
    else
        echo "FAIL $name, seed $seed, status $?: $out"
        failures=$((failures + 1))
    fi
}

# More threads than cores, as many, fewer.
for kind in graphs large arrays park; do
    for threads in 1 "$cores" $((3 * cores + 1)); do
        BRAMBLE_SCHEDULER=threads BRAMBLE_NUM_THREADS=$threads \
            run "$kind with $threads threads" "$program" $kind "$seconds" 0 "$seed"
    done
done
BRAMBLE_SCHEDULER=sync run "graphs under sync" "$program" graphs "$seconds" 0 "$seed"
BRAMBLE_SCHEDULER=sync run "arrays under sync" "$program" arrays "$seconds" 0 "$seed"
for kind in arrays park; do
    for ranks in 1 3; do
        run "$kind on $ranks ranks" mpirun --oversubscribe -np $ranks "$program" $kind "$seconds" 0 "$seed"
    done
done

echo "$failures failures, seed $seed"
[ $failures = 0 ]
