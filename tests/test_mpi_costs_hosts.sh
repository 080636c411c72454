#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# test_mpi_costs_hosts.sh - what a rank costs that has nothing to do, between hosts. No other test runs meanwhile. The hosts are
# network namespaces (tests/cluster), so this needs root.
#
# usage: test_mpi_costs_hosts.sh DIRECTORY    where the programs mpi_toy and mpi_idle are
set -uo pipefail
toy=$(realpath "$1/mpi_toy")
idle=$(realpath "$1/mpi_idle")
cd "$(dirname "$0")" || exit 2

# shellcheck source=tests/virtual-hosts.sh
. ./virtual-hosts.sh
virtual_hosts brcost 2 85

# Between hosts nobody rings: the thread looks now and then. A busy machine only adds to that, so the least of some counts.
for _ in $(seq 8); do
    BRAMBLE_NUM_THREADS=1 timeout -k 5 400 cluster/vcluster mpirun --mca plm_rsh_agent "$work/rsh" \
        -np 2 --map-by node "$toy" idle >"$work/out" 2>&1 </dev/null
    grep -qE '^idle rank 0: [01]\.' "$work/out" && break
done
check "an idle rank that nobody rings costs less than 2 % of a core" grep -qE '^idle rank 0: [01]\.' "$work/out"

# Both of them between two computes, with more threads than cores.
cheap_between() { [ "$(grep -cE '^between computes rank [01]: [0-2]\.' "$work/out")" = 2 ]; }
for _ in $(seq 5); do
    BRAMBLE_NUM_THREADS=4 timeout -k 5 400 cluster/vcluster mpirun --mca plm_rsh_agent "$work/rsh" \
        -np 2 --map-by node "$idle" >"$work/out" 2>&1 </dev/null
    cheap_between && break
done
check "both cost at most 3 % between computes" cheap_between

# The same while a run waits for a rank that sleeps in a task: 2.1 to 2.6 % of a core (docs/mpi-costs.md), where looking every 200 us took 7.
for bytes in 8 1000000; do
    for _ in $(seq 10); do
        BRAMBLE_NUM_THREADS=1 timeout -k 5 400 cluster/vcluster mpirun --mca plm_rsh_agent "$work/rsh" \
            -np 2 --map-by node "$toy" wait 1 $bytes >"$work/out" 2>&1 </dev/null
        grep -qE '^waiting rank 0: [0-2]\.' "$work/out" && break
    done
    check "one that waits for a value of $bytes bytes costs at most 3 %" grep -qE '^waiting rank 0: [0-2]\.' "$work/out"
done
echo "$failures failed"
exit "$failures"
