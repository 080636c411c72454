#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# test_mpi.sh - the mpi scheduler by itself: values, contexts, exit codes, failures, lost ranks. (What idling costs:
# test_mpi_costs.sh.)
#
# usage: test_mpi.sh DIRECTORY    where the program mpi_toy is
# Prints PASS or FAIL for each case; ends with the number of failures. Under a minute.
set -uo pipefail
toy=$(realpath "$1/mpi_toy")
cd "$(dirname "$0")" || exit 2
# shellcheck source=tests/mpi-root.sh
. ./mpi-root.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

# The settings of whoever started the tests must not decide.
for variable in $(compgen -e); do
    case $variable in BRAMBLE_*) unset "$variable" ;; esac
done
export BRAMBLE_NUM_THREADS=2 BRAMBLE_SCHEDULER=mpi

# ranks N ARGUMENTS...: runs the toy; output in $work/out, seconds in $seconds, exit code in $code.
# Every rank reaches its own end, which is where the leak sanitizer looks.
ranks()
{
    local start=$EPOCHREALTIME
    code=0
    timeout -k 5 400 mpirun --oversubscribe --mca orte_abort_on_non_zero_status "${abort_all:-0}" -np "$@" \
        >"$work/out" 2>&1 </dev/null || code=$?
    seconds=$(awk "BEGIN { print $EPOCHREALTIME - $start }")
}

verdict()
{
    local name=$1
    shift
    if "$@"; then
        echo "PASS $name"
    else
        echo "FAIL $name (exit code $code after $seconds s)"
        sed 's/^/    /' "$work/out"
        failures=$((failures + 1))
    fi
}

says() { grep -qE -- "$1" "$work/out"; }
ended() { [ "$code" = 0 ] && ! says 'ERROR|WARNING: Thread'; }
ended_saying() { ended && says "$1"; }
ended_twice_saying() { ended && [ "$(grep -cE -- "$1" "$work/out")" = "$2" ]; }
failed_saying() { [ "$code" != 0 ] && [ "$code" != 124 ] && says "$1" && ! says 'ERROR: .*Sanitizer'; }
code_is() { [ "$code" = "$1" ] && ! says 'ERROR: .*Sanitizer'; }
within() { awk "BEGIN { exit !($seconds < $1) }"; }
# What mpi_toy returns when a job failed.
ended_with_3_saying() { [ "$code" = 3 ] && failed_saying "$1"; }
aborted_saying() { failed_saying "$1" && within 30; }

# ---- values ----

for n in 1 2 3 4; do
    ranks $n "$toy" ring 100 8
    verdict "ring of short values, $n ranks" ended_saying '^100 tasks'
    ranks $n "$toy" exchange 10 1000000
    verdict "all to all, $n ranks" ended_saying "^$((20 * n)) tasks, $((10 * n * (n - 1) * 1000000)) bytes sent"
done
ranks 3 "$toy" exchange 100 0
verdict "values without bytes" ended_saying '^600 tasks, 0 bytes'
# Up to BRI_LINK_INLINE a value travels inside its packet, beyond that apart. Rank 0 sends every other one.
for bytes in 32760 32768; do
    ranks 2 "$toy" ring 20 $bytes
    verdict "values of $bytes bytes" ended_saying '^20 tasks.*; 10 values in packets, 0 pieces'
done
ranks 2 "$toy" ring 20 32776
verdict "values of 32776 bytes" ended_saying '^20 tasks.*; 0 values in packets, 10 pieces'
ranks 2 "$toy" ring 5 200000000
verdict "values of 200 MB" ended_saying '^5 tasks, 800000000 bytes sent, 800000000 received; 0 values in packets'
# Those of rank 0, which are two.
pieces_of_at_most()
{
    local pieces
    pieces=$(sed -nE 's/^5 tasks.* ([0-9]+) pieces by rank 0$/\1/p' "$work/out")
    [ -n "$pieces" ] && [ "$pieces" -ge $((2 * (200000000 / $1 + 1))) ]
}
verdict "in pieces of at most 64 MiB" pieces_of_at_most $((64 << 20))
ranks 3 "$toy" sleep 1
verdict "a slow rank" ended_saying '^120 tasks'
ranks 3 "$toy" long
verdict "an order of 40 MiB" ended_saying '^12 tasks.* [1-9][0-9]* pieces'

# ---- contexts ----

ranks 3 "$toy" who
verdict "facts about every rank" ended_twice_saying "^rank [012]: .* 2 threads \(BRAMBLE_NUM_THREADS\)" 3
ranks 2 "$toy" twice
verdict "two contexts, one after the other" ended_twice_saying '^12 tasks' 2
ranks 2 "$toy" nested
verdict "two contexts at a time" ended_twice_saying '^12 tasks' 4
timeout 200 "$toy" exchange 10 1000 >"$work/out" 2>&1
code=$?
verdict "without mpirun" ended_saying '^20 tasks, 0 bytes'

# ---- exit codes ----

for how in return exit close; do
    ranks 3 "$toy" code $how 0
    verdict "code 0 by $how" code_is 0
    abort_all=1 ranks 3 "$toy" code $how 7
    verdict "code 7 by $how" code_is 7
done

# ---- failures ----

for rank in 0 2; do
    abort_all=1 ranks 3 "$toy" fail $rank
    verdict "a task fails on rank $rank, the next job works" ended_with_3_saying "^rank $rank on .*: task [0-9]+: the toy broke"
    says '^120 tasks' || verdict "the job after it" false
done
abort_all=1 ranks 3 "$toy" absent 1
verdict "a rank does not begin its part" ended_with_3_saying '^rank 1 on .*: the toy did not start'
for rank in 0 1; do
    abort_all=1 ranks 3 "$toy" exit $rank
    verdict "exit in a task on rank $rank" aborted_saying "rank $rank on .*: exit\(5\) was called inside a task"
    abort_all=1 ranks 3 "$toy" kill $rank
    verdict "SIGKILL of rank $rank" aborted_saying 'rank . .*signal 9'
done

# A copy with one byte of its build-id changed.
cp "$toy" "$work/other"
offset=$(readelf -SW "$toy" | sed 's/^ *\[ *[0-9]*\]//' | awk '$1 == ".note.gnu.build-id" { print $4 }')
byte=$(od -An -tu1 -j $((0x$offset + 16)) -N 1 "$work/other")
# shellcheck disable=SC2059
printf "\\$(printf %o $((255 - byte)))" | dd of="$work/other" bs=1 seek=$((0x$offset + 16)) conv=notrunc status=none
abort_all=1 ranks 1 "$toy" who : -np 2 "$work/other" who
verdict "another binary is refused" failed_saying '^bramble: rank 1 on .* \(and 1 more\) runs another binary'

for rank in 0 1; do
    BRAMBLE_PEER_TIMEOUT=8 abort_all=1 ranks 2 "$toy" freeze $rank
    verdict "rank $rank freezes" failed_saying "no sign of life from rank $rank on "
done

echo "$failures failures"
[ $failures = 0 ]
