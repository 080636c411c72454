#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# test_mpi_contexts.sh - several contexts of one program over ranks: beside each other, each in a thread of its own; while tasks of
# another one run or wait, for later computes, too; and when the program ends while threads compute.
#
# usage: test_mpi_contexts.sh DIRECTORY    where the program mpi_contexts is
set -uo pipefail
program=$(realpath "$1/mpi_contexts")
cd "$(dirname "$0")" || exit 2
# shellcheck source=tests/verdicts.sh
. ./verdicts.sh
export BRAMBLE_NUM_THREADS=2

right() { [ "$code" = 0 ] && says_once '^right$' && ! says WRONG; }
left() { [ "$code" = 5 ] && ! says 'WRONG|Sanitizer'; }

for n in 2 3; do
    ranks $n beside
    verdict "threads with contexts of their own, $n ranks" right
    ranks $n open
    verdict "contexts open and close while tasks of another one make futures, $n ranks" right
done
for n in 2 3; do
    BRAMBLE_NUM_THREADS=1 ranks $n wait
    verdict "a context closes while a task of another one waits for what is computed then, $n ranks" right
    BRAMBLE_NUM_THREADS=1 ranks $n late
    verdict "a context opens while a task of another one waits for what is computed in it, $n ranks" right
    # Else the chunk that waits may be lent.
    BRAMBLE_BALANCE=off BRAMBLE_NUM_THREADS=1 BRAMBLE_MEMORY_LIMIT=8MiB ranks $n turns
    verdict "a task that waits for a later compute of another context is refused, $n ranks" right
done
# The watch thread counts tasks of contexts that close.
BRAMBLE_WATCHDOG=1 ranks 3 again
verdict "twelve contexts, one after the other" right
for n in 1 3; do
    ranks $n exit
    verdict "exit(5) while threads compute, $n ranks" left
done
summary
