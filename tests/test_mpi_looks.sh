#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# test_mpi_looks.sh - communication threads do not give their cores to threads that compute: see mpi_looks.c. (Between hosts, where
# they have to look for messages: test_mpi_hosts.sh.)
#
# usage: test_mpi_looks.sh DIRECTORY    where the program mpi_looks is
set -uo pipefail
program=$(realpath "$1/mpi_looks")
cd "$(dirname "$0")" || exit 2
# shellcheck source=tests/verdicts.sh
. ./verdicts.sh
export BRAMBLE_NUM_THREADS=1

both_good() { [ "$code" = 0 ] && [ "$(grep -c '^good: ' "$work/out")" = 2 ]; }
for what in own lent submitted; do
    ranks 2 $what
    verdict "a core is kept while tasks compute ($what)" both_good
done
summary
