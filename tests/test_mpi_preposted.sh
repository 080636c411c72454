#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# test_mpi_preposted.sh - no rank asks for a long value before it has posted all receives of it: see mpi_preposted.c.
#
# usage: test_mpi_preposted.sh DIRECTORY    where the program mpi_preposted is
set -uo pipefail
program=$(realpath "$1/mpi_preposted")
cd "$(dirname "$0")" || exit 2
# shellcheck source=tests/verdicts.sh
. ./verdicts.sh
export BRAMBLE_NUM_THREADS=1

# All of N ranks say that they did, and one of them what it asked for.
good() { [ "$code" = 0 ] && [ "$(grep -c '^good: process' "$work/out")" = "$1" ] && says "$2"; }
ranks 2 long
verdict "values of 80 MiB" good 2 'asked for [1-9][0-9]* long values, .* of at most 81920 KiB$'
ranks 3 many
verdict "parts of chunks, and a chunk that others read" good 3 'asked for [1-9][0-9]* long values'
ranks 6 many # so many that values are passed on (scheduler/mpi/tree.h)
verdict "values that are passed on" good 6 'asked for [1-9][0-9]* long values, for [1-9][0-9]* along trees'
ranks 2 lent
verdict "what tasks of this rank make on another one" good 2 'asked for [1-9][0-9]* long values'
summary
