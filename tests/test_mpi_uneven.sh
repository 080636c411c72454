#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# test_mpi_uneven.sh - tasks of uneven length keep all ranks busy to the end.
#
# usage: test_mpi_uneven.sh DIRECTORY    where the program mpi_uneven is
set -uo pipefail
program=$(realpath "$1/mpi_uneven")
cd "$(dirname "$0")" || exit 2
# shellcheck source=tests/verdicts.sh
. ./verdicts.sh
export BRAMBLE_NUM_THREADS=1

ended() { [ "$code" = 0 ] && says "$1"; }
ranks 3 free
cat "$work/out"
verdict "no rank is idle while a task has not begun" ended '^busy to the end$'
# What such a share would look like: the test can tell.
ranks 3 pinned
cat "$work/out"
verdict "but when each has its share from the start" ended '^idle while others had work$'
summary
