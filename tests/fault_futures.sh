#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# fault_futures.sh - tasks that go wrong on several ranks: an error names task and rank and leaves
# the others alone; a rank that dies ends the job; a program that ends does not wait for what it has
# not waited for.
#
# usage: fault_futures.sh DIRECTORY    where the program fault_futures is
set -uo pipefail
program=$(realpath "$1/fault_futures")
cd "$(dirname "$0")" || exit 2
# shellcheck source=tests/verdicts.sh
. ./verdicts.sh
export BRAMBLE_NUM_THREADS=1

alive() { [ "$code" != 0 ] && [ "$code" -lt 99 ] && says '^sum 19900' && says "$1"; }
left() { [ "$code" = "$code_wanted" ] && [ "$seconds" -lt 30 ]; }
ended() { [ "$code" != 0 ] && [ "$code" != 124 ] && [ "$seconds" -lt 30 ] && says "$1"; }

for n in 2 3; do
    ranks $n good
    verdict "$n ranks, nothing goes wrong" test "$code" = 0
    ranks $n fails
    verdict "a task fails on the last of $n" alive \
        "rank $((n - 1)) on .*: task probe \(fault_futures.c:[0-9]+\): function fails returned 7"
    ranks $n retries
    verdict "and again" alive "again nothing on rank $((n - 1)).*after 4 attempts"
    ranks $n dies
    verdict "SIGKILL of the last of $n in a task" ended "rank $((n - 1)).*signal 9"
    ranks $n leaves
    verdict "exit(3) in a task on the last of $n" ended "rank $((n - 1)) on .*exit\(3\) was called inside a task"
    ranks $n inner
    verdict "a task on the last of $n wants another rank" alive "inner: submit .*runs on the rank of the task"
    ranks $n receives
    verdict "nobody sends what the last of $n waits for" says_all 'told in time' \
        "rank $((n - 1)) on .*task receives \(fault_futures.c:[0-9]+\): br_recv: nobody will send \"dta\"" \
        "not received: \"data\" \(8 bytes, by task sends \(fault_futures.c:[0-9]+\) on rank $((n - 2))\)"
    ranks $n unread
    verdict "a message of rank $((n - 1)) that nobody receives" says_once \
        "warning: br_close: .*not received: \"data\" \(3 bytes, by task sends \(fault_futures.c:[0-9]+\) on rank $((n - 1))\)"
    for code_wanted in 0 5; do
        ranks $n waits $code_wanted
        verdict "exit($code_wanted) while tasks wait for messages on $n ranks" left
        ranks $n plays $code_wanted
        verdict "exit($code_wanted) while messages travel between the last two of $n" left
    done
    ranks $n early
    verdict "br_close while a message is on its way to a task on the last of $n, or will not come" test "$code" = 0 -a "$seconds" -lt 60
    ranks $n exit
    verdict "exit(5) of the program with $n ranks at work" test "$code" = 5 -a "$seconds" -lt 30
    ranks $n close
    verdict "br_close with $n ranks at work" test "$code" = 0 -a "$seconds" -lt 30
done

BRAMBLE_WATCHDOG=1 ranks 2 watch
verdict "the watchdog tells of tasks" says_all 'nothing has finished for 1 s' \
    '^bramble: rank 0 on .*: +waiting: task after \(fault_futures.c:[0-9]+\) for task asleep \(fault_futures.c:[0-9]+\)' \
    '^bramble: rank 0 on .*: +waiting inside: task outer \(.*\) for task own \(.*\)' \
    '^bramble: rank 0 on .*: +running for [0-9.]+ s: task own \(' '^bramble: rank 1 on .*: +running for [0-9.]+ s: task asleep'
verdict "and the program goes on" test "$code" = 0
ranks 2 crashes
verdict "a task that crashes is named" ended 'rank 1 on .*: SIGSEGV .*, while it ran task reader \(fault_futures.c:[0-9]+\)'
summary
