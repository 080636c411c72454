#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# fault_mpi.sh - things that go wrong with arrays on several ranks: each ends in time with one clear message and its exit code.
#
# usage: fault_mpi.sh DIRECTORY    where the program fault_array is
set -uo pipefail
program=$(realpath "$1/fault_array")
forged=$(realpath "$1/mpi_forged")
toy=$(realpath "$1/mpi_toy")
plugin=$(realpath "$1/plugin.so")
cd "$(dirname "$0")" || exit 2
# shellcheck source=tests/verdicts.sh
. ./verdicts.sh

ended() { [ "$code" = 0 ] && [ "$(grep -c "^sum 80000 on $1 ranks" "$work/out")" = "$2" ]; }
# The bad compute fails, the next one works, br_close tells of the failure.
recovered() { [ "$code" != 0 ] && [ "$code" -lt 124 ] && says '^failed with' && says '^sum 80000' && says_once "$1"; }
# alone ARGUMENTS...: the exit code of the same program in one process, in $want.
alone() { want=0; BRAMBLE_SCHEDULER=threads timeout -k 5 400 "$program" "$@" >"$work/alone" 2>&1 </dev/null || want=$?; }
recovered_alike() { [ "$code" = "$want" ] && recovered "$1"; }
refused() { [ "$code" != 0 ] && [ "$code" -lt 124 ] && ! says '^sum' && says_once "$1"; }

# Else a slow rank lends its tasks: another one would run it.
for n in 2 4; do
    alone user
    BRAMBLE_BALANCE=off ranks $n user
    verdict "a function fails on the last of $n ranks" recovered_alike "rank $((n - 1)) on .*fails_at_the_end.* 7.*chunk \(39,\)|rank $((n - 1)) on .*chunk \(39,\).*fails_at_the_end.* 7"
    alone reduction
    BRAMBLE_BALANCE=off ranks $n reduction
    verdict "a reduction fails on the last of $n ranks" recovered_alike "rank $((n - 1)) on .*fault_array\.c:[0-9]+\).*takes_all_but_the_last returned 7 in chunk \(39,\)"
done
alone spread
BRAMBLE_NUM_THREADS=1 ranks 8 spread
verdict "a function fails whose chunk 8 ranks pass on" recovered_alike "rank . on .*fault_array\.c:[0-9]+\).*fails_late"
for what in pointer pointer2 pointer3 pointer4; do
    ranks 3 $what
    verdict "a pointer does not travel: $what" recovered 'fault_array\.c:[0-9]+\).*data_bytes'
done
alone missing
ranks 3 missing
verdict "a missing file" recovered_alike 'not/there\.h5'
BRAMBLE_MEMORY_LIMIT=64M alone limit
BRAMBLE_MEMORY_LIMIT=64M ranks 3 limit
verdict "too little memory" recovered_alike 'map_blocks .*BRAMBLE_MEMORY_LIMIT leaves'
BRAMBLE_MEMORY_LIMIT=1800K ranks 2 passes
went_on() { [ "$code" = 0 ] && says '^sum 1\.04858e\+06 on 2 ranks' && says '^sum 80000 on 2 ranks'; }
verdict "too little memory for passes on one rank" went_on
ranks 3 exit3
verdict "exit(3) in main" test "$code" = 3 -a "$seconds" -lt 30
ranks 3 return
verdict "return without br_close" ended 3 1
ranks 3 twice
verdict "a second br_open" ended 3 2
given() { [ "$code" -gt 127 ] && [ "$code" != 137 ] && [ "$seconds" -lt 30 ] && says_once '^100 numbers$' && ! says 'while it ran'; }
seq 100 >"$work/numbers"
# shellcheck disable=SC2016 # they are the inner shell's
timed sh -c 'exec mpirun --oversubscribe -np 3 "$1" stdin <"$2"' sh "$program" "$work/numbers"
verdict "standard input is main's, and abort() in main ends all" given
for scheduler in sync threads; do
    BRAMBLE_SCHEDULER=$scheduler ranks 3 good
    verdict "$scheduler with several ranks" refused "^bramble: BRAMBLE_SCHEDULER=$scheduler.* 3:"
done
# The others leave the word to rank 0 for 2 s, then they say who they are.
refused_by_some()
{
    [ "$code" != 0 ] && [ "$code" -lt 124 ] && ! says '^sum' && says "^bramble: (rank [12] on [^:]*: )?$1" &&
        [ "$(grep -cE "^bramble: $1" "$work/out")" -le 1 ]
}
BRAMBLE_NUM_THREADS=many ranks 3 good
verdict "a bad setting" refused_by_some 'BRAMBLE_NUM_THREADS=many'
BRAMBLE_NUM_TREADS=2 ranks 3 good
verdict "an unknown setting" refused_by_some 'BRAMBLE_NUM_TREADS'

ranks 3 lacking "$plugin"
verdict "a plugin that other ranks have not loaded" recovered 'rank [12] on .*: map_blocks: .*build-id .*lacks a plugin'
for n in 1 3; do
    ranks $n unloaded "$plugin"
    verdict "a plugin that was unloaded, $n ranks" recovered 'map_blocks .*fault_array\.c:[0-9]+\).*in no loaded program or library'
done
BRAMBLE_BALANCE=off ranks 3 memory
no_memory() { [ "$code" != 0 ] && [ "$code" -lt 124 ] && [ "$seconds" -lt 30 ] && says_once "$1" && says '^failed with out of memory'; }
verdict "the last rank gets no more memory" no_memory '^bramble: rank 2 on .*: full .*no memory for 67108864 bytes'

timed mpirun --oversubscribe -np 1 "$program" indices : -np 1 -x BRAMBLE_MEMORY_LIMIT=26MiB "$program" indices
# Not beside what is kept; then it does.
no_room() { [ "$code" = 8 ] && [ "$seconds" -lt 30 ] && says_once "$1" && says '^sum 1.04858e\+06 on 2 ranks'; }
verdict "indices that do not fit another rank's memory limit" no_room \
    '^bramble: rank 1 on .*: 6[0-9]{6} bytes that belong to an expression .*do not fit BRAMBLE_MEMORY_LIMIT'

ended_after_it() { [ "$code" = 7 ] && [ "$seconds" -lt 30 ]; }
ASAN_OPTIONS=${ASAN_OPTIONS-}:allocator_may_return_null=1 TSAN_OPTIONS=${TSAN_OPTIONS-}:allocator_may_return_null=1 \
    timed mpirun --oversubscribe -np 3 "$toy" unannounced 7
verdict "no memory to tell the others of a run, and exit(7)" ended_after_it

# What hosts must have in common: forged by the last rank, then real settings of one rank.
apart() { timed mpirun --oversubscribe "$@"; }
parted() { refused "$1" && [ "$seconds" -lt 30 ]; }
for row in "order|has another byte order or word size than rank 0 on .*same kind of system" \
    "words|has another byte order or word size than rank 0 on .*same kind of system" \
    "version|has another version of bramble \(99\.0\.1\) than rank 0 on" \
    "library|loads another libbramble \(build-id .*install the same one"; do
    apart -np 3 "$forged" "${row%%|*}"
    verdict "hosts that differ: ${row%%|*}" parted "^bramble: rank 2 on .* ${row#*|}"
done
export BRAMBLE_PEER_TIMEOUT=2
apart -np 3 "$forged" silent
# mpirun is killed 5 s later, if it still waits for its ranks then.
lost() { [ "$code" != 0 ] && [ "$code" != 124 ] && [ "$seconds" -lt 30 ] && says_once "$1"; }
verdict "a rank that the others cannot hear when they meet" lost \
    '^bramble: this process: the ranks have not met for 2 s \(BRAMBLE_PEER_TIMEOUT\): .*scripts/cluster check'
unset BRAMBLE_PEER_TIMEOUT
apart -np 3 "$forged" none
verdict "hosts that do not differ" test "$code" = 0
if [ "$(uname -m)" = x86_64 ]; then
    apart -np 1 -x OPENBLAS_CORETYPE=Haswell "$program" good : -np 2 -x OPENBLAS_CORETYPE=Nehalem "$program" good
    verdict "hosts with other OpenBLAS kernels" parted \
        '^bramble: rank 1 on .* \(and 1 more\) has another OpenBLAS kernel \(Nehalem\).*OPENBLAS_CORETYPE'
    apart -np 2 "$program" good : -np 1 -x BRAMBLE_ISA=x86-64-v2 "$program" good
    verdict "hosts with other instructions" parted '^bramble: rank 2 on .* has kernels with other bits.*BRAMBLE_ISA'
    apart -np 1 -x BRAMBLE_ISA=x86-64-v2 "$program" good : -np 2 "$program" good
    verdict "rank 0's instruction set is everybody's" ended 3 1
fi

# One rank is killed while all compute.
: >"$work/out" # what the run before said is not this one's
timeout -k 5 400 mpirun --oversubscribe -np 3 "$program" slow >"$work/out" 2>&1 </dev/null &
job=$!
victim=
while kill -0 $job 2>/dev/null; do
    sleep 0.1
    mapfile -t pids < <(awk '$1 == "pid" { print $2 }' "$work/out" | sort -un)
    [ ${#pids[@]} = 3 ] && victim=${pids[2]} && break
done
start=$SECONDS
code=0
[ -n "$victim" ] && kill -9 "$victim"
wait $job || code=$?
seconds=$((SECONDS - start))
killed() { [ -n "$victim" ] && [ "$code" != 0 ] && [ "$code" != 124 ] && [ "$seconds" -lt 30 ] && says_once 'rank . .*signal 9' && ! says '^bramble: '; }
verdict "SIGKILL of a rank in mid-run" killed
# Gone, or waiting for a parent to take note; which may take a moment.
lives()
{
    local state
    state=$(awk '$1 == "State:" { print $2 }' "/proc/$1/status" 2>/dev/null)
    [ -n "$state" ] && [ "$state" != Z ]
}
gone()
{
    local pid
    for pid in "${pids[@]}"; do
        for _ in $(seq 200); do
            lives "$pid" || continue 2
            sleep 0.1
        done
        return 1
    done
}
verdict "no rank is left behind" gone

summary
