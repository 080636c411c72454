#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# test_mpi_hosts.sh - ranks on hosts of their own: what rank 0's environment says reaches every host, although mpirun forwards only
# its own variables, and a lost host ends the job. The hosts are network namespaces (tests/cluster), so this needs root.
#
# usage: test_mpi_hosts.sh DIRECTORY    where the programs mpi_settings and mpi_toy are
set -uo pipefail
program=$(realpath "$1/mpi_settings")
toy=$(realpath "$1/mpi_toy")
cd "$(dirname "$0")" || exit 2

# shellcheck source=tests/virtual-hosts.sh
. ./virtual-hosts.sh
virtual_hosts brhost 2 78

BRAMBLE_PEER_TIMEOUT=17 BRAMBLE_NUM_THREADS=1 timeout -k 5 400 cluster/vcluster mpirun \
    --mca plm_rsh_agent "$work/rsh" --oversubscribe -np 4 --map-by node "$program" >"$work/out" 2>&1 </dev/null
check "two hosts compute together" [ $? = 0 ]
check "rank 1 is on the second host" grep -q "^rank 1 on brhost-1" "$work/out"
check "a function runs once a host" grep -qx "one a host: 0 1" "$work/out"
check "rank 0's settings reach the other host" grep -q "^rank 1 .*timeout 17," "$work/out"
check "a host's own number of threads stays its own" grep -q "^rank 1 .*threads setting -1," "$work/out"

# Between hosts nobody rings: the thread looks now and then. A busy machine only adds to that, so the least of some counts.
for _ in $(seq 8); do
    BRAMBLE_NUM_THREADS=1 timeout -k 5 400 cluster/vcluster mpirun --mca plm_rsh_agent "$work/rsh" \
        -np 2 --map-by node "$toy" idle >"$work/out" 2>&1 </dev/null
    grep -qE '^idle rank 0: [01]\.' "$work/out" && break
done
check "an idle rank that nobody rings costs less than 2 % of a core" grep -qE '^idle rank 0: [01]\.' "$work/out"

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
