#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# test_mpi_costs.sh - what a rank costs that has nothing to do, and how long a short value takes. No other test runs
# meanwhile.
#
# usage: test_mpi_costs.sh DIRECTORY    where the programs mpi_toy and mpi_idle are
set -uo pipefail
toy=$(realpath "$1/mpi_toy")
idle=$(realpath "$1/mpi_idle")
program=$toy
cd "$(dirname "$0")" || exit 2
# shellcheck source=tests/verdicts.sh
. ./verdicts.sh
export BRAMBLE_NUM_THREADS=2 BRAMBLE_SCHEDULER=mpi

ended_saying() { [ "$code" = 0 ] && says "$1"; }

# A busy machine only adds to what idling costs, so the least of some tries counts.
for _ in $(seq 10); do
    ranks 2 idle
    says '^idle rank 0: [0-2]\.[0-9]+ %' && break
done
verdict "an idle rank costs at most 3 % of a core" ended_saying 'idle rank 0: [0-2]\.[0-9]+ %'

# All ranks between two computes, of which rank 0 sleeps or has something of its own to compute, with one thread and with more
# than there are cores.
cheap_between() { [ "$code" = 0 ] && [ "$(grep -cE "^between computes rank [$1]: [0-2]\.[0-9]+ %" "$work/out")" = ${#1} ]; }
program=$idle
for threads in 1 4; do
    for what in sleep compute; do
        cheap=012
        [ $what = compute ] && cheap=12
        for _ in $(seq 5); do
            BRAMBLE_NUM_THREADS=$threads ranks 3 $what
            cheap_between $cheap && break
        done
        verdict "ranks $cheap of $threads threads cost at most 3 % of a core between computes ($what)" cheap_between $cheap
    done
done
program=$toy

# The same while a run waits for a rank that sleeps in a task: for a value of it inside a packet, or beyond that.
# Both others say so.
waiting_cheaply() { [ "$code" = 0 ] && [ "$(grep -cE '^waiting rank [02]: [0-2]\.[0-9]+ %' "$work/out")" = 2 ]; }
for bytes in 8 1000000; do
    for _ in $(seq 5); do
        ranks 3 wait 1 $bytes
        waiting_cheaply && break
    done
    verdict "ranks that wait for a value of $bytes bytes cost at most 3 % of a core" waiting_cheaply
done

# What one rank makes is read by a task of the other one, and so on: two wake-ups of a communication
# thread and one of a worker.
for _ in $(seq 20); do
    ranks 2 latency
    says '^latency: [012]?[0-9]?[0-9]\.' && break
done
verdict "a short value takes less than 0.3 ms to the task that reads it" ended_saying '^latency: [012]?[0-9]?[0-9]\.[0-9] us a hop'

# The same while a thread of each rank computes all the time, in tasks of 20 us: a hop waits for the rest of one.
for _ in $(seq 20); do
    BRAMBLE_NUM_THREADS=1 ranks 2 busy
    says '^busy latency: [12]?[0-9]?[0-9]\.' && break
done
verdict "a short value where all threads compute" ended_saying '^busy latency: [12]?[0-9]?[0-9]\.[0-9] us a hop'
summary
