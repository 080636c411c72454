#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# fault_watch.sh - what a program says when a task crashes, on SIGUSR1, and when nothing gets on (BRAMBLE_WATCHDOG).
#
# usage: fault_watch.sh DIRECTORY    where the programs fault_array and fault_transfer are
set -uo pipefail
program=$(realpath "$1/fault_array")
transfer=$(realpath "$1/fault_transfer")
cd "$(dirname "$0")" || exit 2
# shellcheck source=tests/verdicts.sh
. ./verdicts.sh
ulimit -c 0

# run SCHEDULER ARGUMENTS...: sync, threads or a number of ranks.
launcher()
{
    case $1 in
        sync | threads) launch=(env "BRAMBLE_SCHEDULER=$1" BRAMBLE_NUM_THREADS=3 "$program") ;;
        *) launch=(mpirun --oversubscribe -np "$1" "$program") ;;
    esac
}
run()
{
    launcher "$1"
    timed "${launch[@]}" "${@:2}"
}

crashed() { [ "$code" != 0 ] && [ "$code" != 124 ] && [ "$seconds" -lt 30 ] && says_once "^bramble: .*$1" && ! says '^sum'; }
ended() { [ "$code" = 0 ] && says '^sum 80000'; }

# ---- crashes ----

export BRAMBLE_BALANCE=off # else another rank may run what crashes or sleeps
for scheduler in sync threads 3; do
    who=""
    [ $scheduler = 3 ] && who='rank 2 on .*'
    task='while it ran map_blocks \(fault_array\.c:[0-9]+\), chunk \(39,\), function'
    run $scheduler crash
    verdict "$scheduler: a function reads nowhere" crashed "${who}SIGSEGV .*at 0x8\) in reads_nowhere, $task crashes"
    run $scheduler overflow
    verdict "$scheduler: a function without end" crashed "${who}SIGSEGV .*, $task overflows"
    run $scheduler abort
    verdict "$scheduler: a function aborts" crashed "${who}SIGABRT .*, $task aborts"
    run $scheduler fused
    verdict "$scheduler: a function inside of another task" crashed "${who}SIGSEGV .* in reads_nowhere, while it ran sum "
done

# ---- asked what it does ----

# Asks once the program sleeps; of several ranks rank 0, or mpirun, which tells all of them.
ask()
{
    local whom=$2 pid=
    launcher "$1"
    code=0
    seconds=0
    : >"$work/out" # what the run before said is not this one's
    timeout -k 5 400 "${launch[@]}" sleep 3 >"$work/out" 2>&1 </dev/null &
    job=$!
    while kill -0 $job 2>/dev/null; do
        sleep 0.1
        says '^it begins' && break
    done
    sleep 0.5
    case $whom in
        rank0) pid=$(awk '$1 == "it" && $2 == "begins" { print $5; exit }' "$work/out") ;;
        mpirun) pid=$(pgrep -P $job -x mpirun) ;;
    esac
    [ -n "$pid" ] && kill -USR1 "$pid"
    wait $job || code=$?
}
runs='running for [0-9.]+ s: map_blocks \(fault_array\.c:[0-9]+\), chunk \(39,\), function sleeps'
told_alone() { ended && says_once "^bramble: .*: job 1: [0-9]+ tasks done" && says_once "^bramble: .*: +$runs"; }
# asked SCHEDULER WHOM CONDITION: on a busy machine a rank may be late for the question once, but not always.
asked()
{
    for _ in 1 2 3; do
        ask "$1" "$2"
        "$3" && return
    done
}
for scheduler in sync threads; do
    asked $scheduler rank0 told_alone
    verdict "$scheduler: SIGUSR1" told_alone
done
# told_by_all [MOST]: between once and so many times, by default once.
times() { local n; n=$(grep -cE -- "$2" "$work/out"); [ "$n" -ge 1 ] && [ "$n" -le "$1" ]; }
told_by_all()
{
    local most=${1:-1}
    for rank in 0 1 2; do
        times "$most" "^bramble: rank $rank on .*: job 1: [0-9]+ tasks done, [0-9]+ in flight" || return 1
    done
    times "$most" "^bramble: rank 2 on .*: +$runs" &&
        times "$most" '^bramble: rank 2 on .* waiting: sum .* for map_blocks .*, chunk \(39,\)$' &&
        says '^bramble: rank 0 on .* waiting: sum .* for .*from rank 2' &&
        says '^bramble: rank 0 on .*: +0 of 8 bytes received from rank 2: .*sum .*, chunk \([0-9,]*\)' &&
        says '^bramble: rank 2 on .* rank 0 waits for: .*sum .*, chunk \([0-9,]*\)'
}
for whom in rank0 mpirun; do
    asked 3 $whom told_by_all
    verdict "3 ranks: SIGUSR1 to $whom" told_by_all
    verdict "3 ranks: the program goes on" ended
done

# The last ten chunks, of rank 2, take half a second each, so the others have some of them lent, with what reads them.
# Asked until both have told: the chunks wait for that.
both_tell()
{
    says '^bramble: rank 2 on .*: +lent to rank [01]: .*, chunk \(3[0-9],\).* more$' &&
        says '^bramble: rank [01] on .*: +runs for rank 2: .*, chunk \(3[0-9],\).* more'
}
lend()
{
    launcher 3
    code=0
    : >"$work/out"
    rm -f "$work/told"
    WAITS_FOR=$work/told timeout -k 5 400 "${launch[@]}" slow_last >"$work/out" 2>&1 </dev/null &
    job=$!
    while kill -0 $job 2>/dev/null && ! both_tell; do
        sleep 0.3
        pid=$(awk '$1 == "it" && $2 == "begins" { print $5; exit }' "$work/out")
        [ -n "$pid" ] && kill -USR1 "$pid" 2>/dev/null
    done
    : >"$work/told"
    wait $job || code=$?
}
told_by_both() { ended && both_tell; }
BRAMBLE_BALANCE=auto lend
verdict "3 ranks: what is lent is told by both" told_by_both

# Of two ranks one stops while rank 1 sends rank 0 the first of two values of 8 pieces of 4 MiB, when at least two have come.
# The other one tells how much of which value has gone or come: asked again until it does, or by its watchdog.
stops=
field() { awk -v "n=$2" "/$1/ { print \$n; exit }" "$work/out"; }
# moved LEAST MOST TEXT: so many pieces have moved.
moved()
{
    awk -v "least=$1" -v "most=$2" -v "text=$3" 'match($0, "[0-9]+ of 33554432 bytes " text) {
        n = substr($0, RSTART) / (4 * 2^20)
        found = found || (n >= least && n <= most)
    } END { exit !found }' "$work/out"
}
part='part of sum \\(fault_transfer.c:[0-9]+\\), chunk \\([01],\\)$'
sender_stopped()
{
    moved 2 5 "received from rank 1: $part" &&
        says '^bramble: rank 0 on .*: +not asked of rank 1 before others have come: part of sum .*, chunk \([01],\)$'
}
receiver_stopped() { moved 2 7 "sent to rank 0: $part"; }
# stop WHO CONDITION [SIGNAL]: WHO stops.
stop()
{
    code=0
    seconds=0
    : >"$work/out"
    BRAMBLE_PEER_TIMEOUT=300 BRAMBLE_MEMORY_LIMIT=512M timeout -k 5 400 mpirun --oversubscribe -np 2 "$transfer" "$1" \
        >"$work/out" 2>&1 </dev/null &
    job=$!
    while kill -0 $job 2>/dev/null && ! says '^[0-9]+ stops'; do sleep 0.1; done
    stops=$(field ' stops,' 1)
    asked=$(field ' stops,' 6)
    [ "$1" = sender ] && asked=$(field '^it begins' 5)
    for _ in $(seq 300); do
        "$2" && break
        [ -n "${3:-}" ] && kill "-$3" "$asked"
        sleep 0.1
    done
    [ -n "$stops" ] && kill -CONT "$stops"
    wait $job || code=$?
}
told_on_the_way() { [ "$code" = 0 ] && says '^sum 33554432$' && "$1"; }
for who in sender receiver; do
    stop $who ${who}_stopped USR1
    verdict "the $who stops: what is on its way" told_on_the_way ${who}_stopped
done
BRAMBLE_WATCHDOG=1 stop sender sender_stopped
verdict "the sender stops: the watchdog" told_on_the_way sender_stopped

# ---- the watchdog ----

told_late() { ended && says '^bramble: nothing has finished for 1 s \(BRAMBLE_WATCHDOG\)' && says "^bramble: .* $runs"; }
for scheduler in sync threads 3; do
    BRAMBLE_WATCHDOG=1 run $scheduler sleep 3
    verdict "$scheduler: the watchdog" told_late
done
# Each of them at most once for each time that rank 0 asks, which is at most once a second.
told_when_asked()
{
    local asked
    asked=$(grep -c '^bramble: nothing has finished' "$work/out")
    [ "$asked" -le $((seconds + 1)) ] && told_by_all "$asked"
}
verdict "3 ranks: all of them tell" told_when_asked
# Every chunk takes 0.2 s, all together 8 s on one thread: something finishes in every second.
silent() { [ "$code" = 0 ] && ! says 'nothing has finished' && ! says 'in flight'; }
# On a busy machine that may not be so once, but not always.
run_silently()
{
    for _ in 1 2 3 4 5; do
        BRAMBLE_WATCHDOG=1 run "$@"
        silent && return
    done
}
run_silently threads slow
verdict "threads: the watchdog is silent while tasks finish" silent
run_silently 3 slow_last
verdict "3 ranks: it is silent while one rank gets on" silent

summary
