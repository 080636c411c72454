#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# test_mpi_peaks.sh - each rank keeps to its memory limit also with what it has made for the others, by way of the disk.
# (Other workloads on ranks: peaks_table.sh.)
#
# usage: test_mpi_peaks.sh DIRECTORY    where the program mpi_peaks is
set -uo pipefail
program=$(realpath "$1/mpi_peaks")
cd "$(dirname "$0")" || exit 2
# shellcheck source=tests/verdicts.sh
. ./verdicts.sh
export BRAMBLE_NUM_THREADS=1 BRAMBLE_LOG=quiet BRAMBLE_BALANCE=off # else some ranks may get more chunks

side=5888    # 264 MiB, of which each rank makes its part, and all but its part of that for others
limit=24     # MiB
constant=24  # MiB beside the limit: what is read from the file and on its way in MPI

# What the program's line says, after a word.
figure() { sed -n "s/^right: .*$1 \([0-9]*\).*/\1/p" "$work/out"; }

kept_to_limit()
{
    [ "$code" = 0 ] && says '^right: ' && [ "$(figure peak)" -le $((limit * 1024)) ] &&
        [ "$(figure resident)" -le $(((limit + constant) * 1024)) ] && [ "$(figure spilled)" -gt 0 ]
}
failed_once() { says_once '^failed: .*map_blocks .*, chunk \(0, 31\): function weigh' && says '^right: '; }
finished() { [ "$code" = 0 ] && says '^right: '; }

for n in 2 3; do
    BRAMBLE_MEMORY_LIMIT=${limit}M ranks $n $side
    grep '^right' "$work/out"
    verdict "$n ranks of $limit MiB pass 264 MiB on" kept_to_limit
done
BRAMBLE_MEMORY_LIMIT=8M ranks 3 2048 fails
verdict "a task fails while values wait on disk" failed_once
BRAMBLE_MEMORY_LIMIT=12M BRAMBLE_SPILL_DIR=/nowhere ranks 3 2048
verdict "without a disk they wait in memory" finished
summary
