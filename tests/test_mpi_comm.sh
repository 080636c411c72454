#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# test_mpi_comm.sh - br_open_comm: bramble on the communicators of an MPI program, and what it refuses.
#
# usage: test_mpi_comm.sh DIRECTORY    where the program mpi_comm is
set -uo pipefail
program=$(realpath "$1/mpi_comm")
cd "$(dirname "$0")" || exit 2
# shellcheck source=tests/mpi-root.sh
. ./mpi-root.sh
unset "${!BRAMBLE_@}"
export BRAMBLE_NUM_THREADS=2

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

# ranks N ARGUMENTS...: runs the program; output in $work/out, seconds in $seconds, exit code in $code.
ranks()
{
    local start=$SECONDS n=$1
    shift
    code=0
    timeout -k 5 400 mpirun --oversubscribe -np "$n" "$program" "$@" >"$work/out" 2>&1 </dev/null || code=$?
    seconds=$((SECONDS - start))
}

verdict()
{
    local name=$1
    shift
    if "$@"; then
        echo "PASS $name ($seconds s)"
    else
        echo "FAIL $name (exit code $code after $seconds s)"
        sed 's/^/    /' "$work/out" | head -40
        failures=$((failures + 1))
    fi
}

says() { grep -qE -- "$1" "$work/out"; }
times() { [ "$(grep -cE -- "$1" "$work/out")" = "$2" ]; }
# Each of N ranks came to its end and found nothing wrong.
fine() { [ "$code" = 0 ] && times '^rank [0-9] of [0-9] is fine' "$1"; }
fine_saying() { fine "$1" && times "$2" "$3"; }
aborted_saying() { [ "$code" != 0 ] && [ "$code" != 124 ] && [ "$seconds" -lt 30 ] && says "$1"; }

for n in 1 2 3 4; do
    ranks $n twice
    verdict "two opens, and messages of the program before, between and during, $n ranks" fine $n
    ranks $n parts
    verdict "parts of the communicator, $n ranks" fine $n
done
ranks 3 many
verdict "forty opens, one after the other" fine 3
BRAMBLE_BALANCE=off ranks 3 worker # else another rank may be lent the task that fails
verdict "a function fails; a worker's context" fine_saying 3 '^rank 2 on .*chunk \(30,\): function breaks returned 5' 1

ranks 3 bad
verdict "one rank has a bad setting: none opens, then all do" \
    fine_saying 3 '^refused: rank 2 on .*BRAMBLE_NUM_THREADS=many' 3
verdict "it is logged once" times '^bramble: rank 2 on .*BRAMBLE_NUM_THREADS=many' 1
BRAMBLE_SCHEDULER=threads ranks 2 refused
verdict "another scheduler" fine_saying 2 '^refused: rank 0 on .*BRAMBLE_SCHEDULER=threads' 2

# A copy with one byte of its build-id changed.
cp "$program" "$work/other"
offset=$(readelf -SW "$program" | sed 's/^ *\[ *[0-9]*\]//' | awk '$1 == ".note.gnu.build-id" { print $4 }')
byte=$(od -An -tu1 -j $((0x$offset + 16)) -N 1 "$work/other")
# shellcheck disable=SC2059
printf "\\$(printf %o $((255 - byte)))" | dd of="$work/other" bs=1 seek=$((0x$offset + 16)) conv=notrunc status=none
code=0
timeout -k 5 400 mpirun --oversubscribe -np 1 "$program" refused : -np 2 "$work/other" refused \
    >"$work/out" 2>&1 </dev/null || code=$?
verdict "two programs in one communicator" fine_saying 3 '^refused: rank 1 on .* \(and 1 more\) runs another binary' 3

for level in single funneled serialized; do
    ranks 2 $level
    verdict "MPI with too few threads, $level" \
        fine_saying 2 "^refused: rank 0 on .*MPI_THREAD_${level^^}: br_open_comm needs .*MPI_THREAD_MULTIPLE" 2
done
ranks 2 nested
verdict "one context at a time" fine_saying 2 '^refused: .*a context is open on a communicator' 3
ranks 3 null
verdict "no communicator, and one of two groups" fine_saying 3 '^refused: .*(MPI_COMM_NULL|inter-communicator)' 6
ranks 2 early
verdict "before MPI_Init" fine_saying 2 '^refused: .*MPI is not initialised' 2
BRAMBLE_SCHEDULER=mpi ranks 1 open
verdict "br_open after MPI_Init" fine_saying 1 'MPI_Init was called before br_open.*br_open_comm' 1

ranks 3 exit
verdict "exit with the context open" test "$code" = 7
says '^rank 1 returned' || verdict "the workers return" false
left_alone() { [ "$code" = 7 ] && ! says 'inside a task|^rank 0: line'; }
export BRAMBLE_BALANCE=off # else rank 1 may compute it all before exit() has its turn
ranks 2 beside
verdict "exit while another thread computes" left_alone
ranks 2 other
verdict "exit of another thread while the first one computes" left_alone
ranks 2 thrice
verdict "exit of three threads" left_alone
ranks 2 reads
verdict "exit while another thread waits for input" left_alone
ranks 2 inside
verdict "exit inside a task, after another thread's" aborted_saying 'rank 0 on .*exit\(1\) was called inside a task'
unset BRAMBLE_BALANCE
ranks 3 finalise
verdict "MPI_Finalize with the context open" aborted_saying 'rank 0 on .*MPI_Finalize was called while a context'
BRAMBLE_BALANCE=off ranks 3 kill # else another rank may be lent the task that kills
verdict "SIGKILL of a rank" aborted_saying 'rank 2 .*signal 9'

echo "$failures failures"
[ $failures = 0 ]
